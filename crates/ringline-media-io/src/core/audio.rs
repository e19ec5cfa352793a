//! Prompts, keys, watches and recordings, sent to where their leg or room is.

use ringline_media::{open_ear, open_tap, Event, Layout, Observer, PromptPlan, Rate, VoiceRules, Yields, MAX_CHANNELS};

use super::{MediaCore, TapRecord, Target};
use crate::command::{LegCommand, PromptCommand, RoomCommand};
use crate::error::MediaError;

impl MediaCore {
    /// Start a prompt.
    pub fn play(&mut self, plan: PromptPlan, target: Target) {
        let play = plan.id;
        match target {
            Target::Leg(leg) if !self.legs.contains_key(&leg) => {
                let stopped = Event::PlaybackFinished { play, played_ms: 0, stopped: true };
                return self.outbox.send_all(&mut vec![stopped]);
            }
            Target::Leg(_) => {}
            Target::Room(room) => self.hold_room(room),
        }
        self.plays.insert(play, target);
        self.send_prompt(play, PromptCommand::Play(plan));
    }

    /// Add audio to a prompt: samples at its rate. What others play just so is held once.
    pub fn feed(&mut self, play: u64, pcm: Vec<i16>, last: bool) {
        if self.plays.contains_key(&play) {
            let pcm = self.sounds.share(pcm);
            self.send_prompt(play, PromptCommand::Feed { play, pcm, last });
        }
    }

    /// Cut a prompt.
    pub fn stop(&mut self, play: u64) {
        self.send_prompt(play, PromptCommand::Stop { play });
    }

    /// Have a prompt cut by keys or a voice, in the frame in which they are heard; they are told before its end is.
    pub fn yield_to(&mut self, play: u64, yields: Yields) {
        self.send_prompt(play, PromptCommand::Yield { play, yields });
    }

    fn send_prompt(&self, play: u64, command: PromptCommand) {
        match self.plays.get(&play) {
            Some(Target::Leg(leg)) => self.send_leg(*leg, LegCommand::Prompt(command)),
            Some(Target::Room(room)) => self.send_room(*room, RoomCommand::Prompt(command)),
            None => {}
        }
    }

    /// Queue keys: `0`-`9`, `*`, `#`, `A`-`D`, and `p` for 500 ms of pause.
    pub fn send_keys(&mut self, keys: u64, leg: u64, digits: String) {
        self.send_leg(leg, LegCommand::SendKeys { keys, digits });
    }

    /// Watch for silence of a leg.
    pub fn watch_silence(&mut self, watch: u64, leg: u64, milliseconds: u64) {
        if self.legs.contains_key(&leg) {
            self.watches.insert(watch, leg);
            self.send_leg(leg, LegCommand::WatchSilence { watch, milliseconds });
        }
    }

    /// Tell voices, signals and levels of a leg until `unwatch`.
    pub fn observe(&mut self, watch: u64, leg: u64) {
        if self.legs.contains_key(&leg) {
            self.watches.insert(watch, leg);
            self.send_leg(leg, LegCommand::Observe(Box::new(Observer::new(watch))));
        }
    }

    /// Observe a leg by rules of one's own for what a voice is, and take what it says at `rate` as well: it is read as
    /// a tap of the same name, also when the leg has ended, until `unwatch`.
    pub fn hear(&mut self, watch: u64, leg: u64, rules: VoiceRules, rate: Option<Rate>) {
        if self.legs.contains_key(&leg) {
            self.watches.insert(watch, leg);
            let tap = rate.map(|rate| {
                let (tap, reader) = open_ear(watch, rate);
                self.ears.insert(watch, reader);
                tap
            });
            self.send_leg(leg, LegCommand::Observe(Box::new(Observer::with_ear(watch, rules, tap))));
        }
    }

    /// Forget a watch or an observation.
    pub fn unwatch(&mut self, watch: u64) {
        self.ears.remove(&watch);
        if let Some(leg) = self.watches.remove(&watch) {
            self.send_leg(leg, LegCommand::Unwatch { watch });
        }
    }

    /// Start a recording tap on a room; it is read at `rate`, whatever the room's is.
    pub fn record(&mut self, tap: u64, room: u64, layout: Layout, rate: Rate) -> Result<(), MediaError> {
        if !(1..=MAX_CHANNELS).contains(&layout.channels()) {
            return Err(MediaError::Channels(layout.channels()));
        }
        self.hold_room(room);
        let (writer, reader) = open_tap(tap, layout, rate);
        self.taps.insert(tap, TapRecord { room, reader });
        self.send_room(room, RoomCommand::Record(writer));
        Ok(())
    }

    /// Have a recording tap write silence, or audio again, from the next frame on.
    pub fn pause_tap(&mut self, tap: u64, paused: bool) {
        if let Some(record) = self.taps.get(&tap) {
            self.send_room(record.room, RoomCommand::PauseTap { tap, paused });
        }
    }

    /// Take what a tap holds: little-endian interleaved samples, and the milliseconds lost after them.
    pub fn read_tap(&mut self, tap: u64) -> (Vec<u8>, u64) {
        let mut pcm = Vec::new();
        let reader = self.taps.get_mut(&tap).map(|record| &mut record.reader).or(self.ears.get_mut(&tap));
        let lost_ms = reader.map_or(0, |reader| reader.read(&mut pcm));
        (pcm, lost_ms)
    }

    /// End a tap; gives what was held back of several channels. What it still holds must be read before.
    pub fn stop_tap(&mut self, tap: u64) -> Vec<u8> {
        let mut pcm = Vec::new();
        if let Some(mut record) = self.taps.remove(&tap) {
            record.reader.flush(&mut pcm);
            record.reader.close();
            self.send_room(record.room, RoomCommand::SweepTaps);
            self.release_hold(record.room);
        }
        pcm
    }
}
