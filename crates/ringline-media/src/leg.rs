//! One leg's audio: a value that moves between rooms and threads with everything that belongs to it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::Event;
use crate::frame::{Rate, MAX_FRAME};
use crate::inbound::{Inbound, Taken};
use crate::jitter::Forwarded;
use crate::limiter;
use crate::observer::{level, Observer, NOTHING_DBFS};
use crate::outbound::{Emit, Outbound, StreamSeed};
use crate::plan::LegPlan;
use crate::prompt::Finished;
use crate::prompts::{Mixed, Prompts};
use crate::reports::{ReportTo, Reports};
use crate::resample::Resampler;
use crate::silence::{is_silent, SilenceWatch};
use crate::stats::LegStats;

/// A step between two frames is spread over so much of the later one: a 4th, which is 5 ms.
const SMOOTHED: usize = 4;

/// An echo comes back within half a second.
const ECHO_FRAMES: usize = 25;

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Milliseconds of media time: it never jumps.
    pub ms: u64,
    /// Microseconds of the wall clock, on which arrivals are stamped too.
    pub wall_us: u64,
}

/// Both directions of one leg, its prompts and its watches.
///
/// Once per tick: `receive` what came, `listen`, mix, `speak`. Frames have the rate of the leg's room.
pub struct Leg {
    id: u64,
    inbound: Inbound,
    outbound: Outbound,
    reports: Reports,
    prompts: Prompts,
    /// What its own prompts gave for this frame, and how many they were.
    prompted: Vec<i32>,
    prompting: usize,
    watches: Vec<SilenceWatch>,
    observers: Vec<Observer>,
    media_timeout_ms: u64,
    timed_out: bool,
    /// The rate of its room, and the way there and back where the codec has another.
    rate: Rate,
    inwards: Option<Resampler>,
    outwards: Option<Resampler>,
    /// What the leg says at its room's rate, where that is not the codec's.
    said: Vec<i16>,
    /// What it heard last ended with this sample.
    last_heard: i16,
    /// What it hears now is not what it heard before.
    jumps: bool,
    /// The levels of what it heard last, while somebody observes it.
    loudness: [f32; ECHO_FRAMES],
    loudness_at: usize,
}

impl Leg {
    /// A leg without a plan: silent, deaf.
    pub fn new(id: u64, seed: StreamSeed, media_timeout_ms: u64, stats: Arc<LegStats>) -> Self {
        Leg {
            id,
            inbound: Inbound::new(id, Arc::clone(&stats)),
            reports: Reports::new(Arc::clone(&stats)),
            outbound: Outbound::new(seed, stats),
            prompts: Prompts::default(),
            prompted: Vec::new(),
            prompting: 0,
            watches: Vec::new(),
            observers: Vec::new(),
            media_timeout_ms,
            timed_out: false,
            rate: Rate::Narrow,
            inwards: None,
            outwards: None,
            said: Vec::new(),
            last_heard: 0,
            jumps: false,
            loudness: [NOTHING_DBFS; ECHO_FRAMES],
            loudness_at: 0,
        }
    }

    /// The leg's name.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Read a little of everything that a tick needs, so that it is near when the tick comes.
    pub fn touch(&self) -> u64 {
        let own = u64::from(self.timed_out) + self.watches.len() as u64 + self.last_heard as u64;
        own.wrapping_add(self.inbound.touch()).wrapping_add(self.outbound.touch()).wrapping_add(self.reports.touch())
    }

    /// Put an offer/answer outcome into force.
    pub fn configure(&mut self, plan: &LegPlan, now_ms: u64) {
        self.inbound.configure(plan, now_ms);
        self.outbound.configure(plan);
        self.reports.configure(plan, self.outbound.ssrc, now_ms);
        self.timed_out = false;
        self.fit();
    }

    /// The plan in force.
    pub fn plan(&self) -> Option<&LegPlan> {
        self.outbound.plan()
    }

    /// The rate of the leg's codec.
    pub fn codec_rate(&self) -> Rate {
        self.outbound.rate()
    }

    /// Speak and hear at a room's rate from now on.
    pub fn set_rate(&mut self, rate: Rate) {
        if self.rate != rate {
            self.rate = rate;
            self.fit();
        }
    }

    fn fit(&mut self) {
        let (codec, room) = (self.outbound.rate(), self.rate);
        let known = self.inwards.as_ref().map_or((room, room), |inwards| (inwards.from(), inwards.to()));
        if codec == room {
            self.inwards = None;
            self.outwards = None;
        } else if known != (codec, room) {
            self.inwards = Some(Resampler::new(codec, room));
            self.outwards = Some(Resampler::new(room, codec));
            self.said = vec![0; room.samples()];
        }
        self.said.resize(if codec == room { 0 } else { room.samples() }, 0);
    }

    /// The only place that packets are taken from, once that is known.
    pub fn settled(&self, now_ms: u64) -> Option<SocketAddr> {
        self.inbound.source.settled(now_ms)
    }

    /// The network says that nobody is there: look anew where the leg is.
    pub fn unsettle(&mut self) {
        self.inbound.source.unsettle();
    }

    /// Whether the next frame is there: nothing more need be received for it.
    pub fn is_ready(&self) -> bool {
        self.inbound.is_ready()
    }

    /// Take a datagram that came at `arrival_us` of the wall clock.
    pub fn receive(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        arrival_us: u64,
        now_ms: u64,
        events: &mut Vec<Event>,
    ) -> Taken {
        let taken = self.inbound.receive(datagram, from, arrival_us, now_ms, events);
        if taken == Taken::Report {
            self.receive_report(datagram, ReportTo { address: from, mux: true }, arrival_us, now_ms);
        }
        taken
    }

    /// Take a compound packet of the far end's reports, wherever it came in.
    pub fn receive_report(&mut self, bytes: &[u8], from: ReportTo, arrival_us: u64, now_ms: u64) {
        let Some(plan) = self.outbound.plan() else { return };
        if self.inbound.source.destination().is_none_or(|peer| peer.ip() != from.address.ip()) {
            return;
        }
        self.inbound.last_heard_ms = now_ms;
        if let Some(loss) = self.reports.receive(bytes, self.outbound.ssrc, from, arrival_us, plan) {
            self.outbound.expect_loss(loss);
        }
    }

    /// The leg's own report, if one is due: where to, the bytes, and their length before encryption.
    pub fn report(&mut self, now: Now, emit: impl FnOnce(ReportTo, &mut Vec<u8>)) {
        let Some(plan) = self.outbound.plan() else { return };
        let (stream, delay_us) = (self.inbound.ssrc(), self.inbound.delay_us());
        let destination = self.inbound.source.destination();
        let received = (stream, &mut self.inbound.reception, delay_us);
        let (ssrc, sent) = (self.outbound.ssrc, self.outbound.sent());
        if let Some(to) = self.reports.report(now, ssrc, sent, received, plan, destination) {
            emit(to, &mut self.reports.scratch);
        }
    }

    /// Make this tick's frame of what the leg says, and look at its watches.
    pub fn listen(&mut self, now: Now, events: &mut Vec<Event>) {
        self.inbound.tick(now, events);
        self.hear(now.ms, events);
        if let Some((resampler, said)) = self.inwards.as_mut().zip(self.inbound.said()) {
            resampler.run(said, &mut self.said);
        }
    }

    fn hear(&mut self, now_ms: u64, events: &mut Vec<Event>) {
        self.prompting = 0;
        if !self.observers.is_empty() {
            let heard_dbfs = self.loudness.iter().copied().fold(NOTHING_DBFS, f32::max);
            for observer in &mut self.observers {
                observer.hear(self.inbound.said(), self.outbound.rate(), heard_dbfs, events);
            }
            self.hear_nothing();
        }
        if !self.watches.is_empty() {
            let silent = self.inbound.said().is_none_or(is_silent);
            self.watches.retain_mut(|watch| {
                let reached = watch.hear(silent);
                if reached {
                    events.push(Event::SilenceReached { watch: watch.id });
                }
                !reached
            });
        }
        let silent_ms = now_ms.saturating_sub(self.inbound.last_heard_ms);
        if silent_ms < self.media_timeout_ms {
            self.timed_out = false;
        } else if !self.timed_out && self.outbound.plan().is_some_and(|plan| plan.send && plan.receive) {
            self.timed_out = true;
            events.push(Event::MediaTimeout { leg: self.id });
        }
    }

    /// Until it hears something in this frame, the leg hears nothing.
    fn hear_nothing(&mut self) {
        self.loudness_at = (self.loudness_at + 1) % ECHO_FRAMES;
        self.loudness[self.loudness_at] = NOTHING_DBFS;
    }

    /// What the leg says in this frame, at its room's rate; `None` for silence.
    pub fn said(&self) -> Option<&[i16]> {
        let said = self.inbound.said()?;
        Some(if self.inwards.is_some() { &self.said } else { said })
    }

    /// What the leg says in this frame at its codec's rate, for what listens to this leg alone.
    pub fn said_as_it_came(&self) -> Option<&[i16]> {
        self.inbound.said()
    }

    /// Whether the leg is in a room where its packets may be handed on as they came.
    pub fn set_passing(&mut self, passing: bool) {
        self.inbound.may_pass = passing;
    }

    /// Whether what this leg says can be handed on, packet by packet, to a leg with such a plan: nobody needs it decoded.
    pub fn can_hand_on(&self, to: &LegPlan) -> bool {
        self.watches.is_empty() && self.observers.is_empty() && self.inbound.can_hand_on(to)
    }

    /// Whether packets of another leg can be sent on by this one: it has nothing of its own to send.
    pub fn can_take_on(&self) -> bool {
        self.prompts.is_still() && self.outbound.is_free() && self.observers.is_empty()
    }

    /// Instead of `listen`: give the packets of the next frame to `emit`. Returns the samples that have passed.
    pub fn hand_on(&mut self, now: Now, events: &mut Vec<Event>, emit: impl FnMut(Forwarded<'_>)) -> usize {
        let passed = self.inbound.hand_on(now, events, emit);
        self.hear(now.ms, events);
        passed
    }

    /// Whether this tick's frame was handed on.
    pub fn was_handed_on(&self) -> bool {
        self.inbound.was_handed_on()
    }

    /// Instead of `speak`: send on another leg's packet.
    pub fn take_on(&mut self, packet: Forwarded<'_>, emit: &mut Emit<'_>) {
        let destination = self.inbound.source.destination();
        self.outbound.hand_on(packet, destination, emit);
    }

    /// So many samples have passed while packets were sent on.
    pub fn pass(&mut self, samples: usize) {
        self.outbound.pass(samples);
        self.last_heard = 0;
    }

    /// What the leg hears is about to jump: other voices, or a prompt cut short. The step is smoothed.
    pub fn expect_jump(&mut self) {
        self.jumps = true;
    }

    /// Send this tick's frame: what the leg hears of the room (`heard`, made of `sources`) and its own prompts.
    ///
    /// Writes the frame as the leg hears it to `ears`, for recordings; returns whether there is one.
    pub fn speak(
        &mut self,
        heard: &mut [i32],
        sources: Mixed,
        ears: &mut [i16],
        events: &mut Vec<Event>,
        emit: &mut Emit<'_>,
    ) -> bool {
        if self.outbound.plan().is_none() {
            return false; // prompts and keys wait for a plan
        }
        let own = self.mix_prompts(heard, events);
        match sources.sources + own.sources {
            0 => ears.fill(0),
            1 if !sources.amplified && !own.amplified => limiter::copy(heard, ears),
            _ => limiter::limit(heard, ears),
        }
        self.send(ears, events, emit);
        true
    }

    /// As `speak`, for a leg without prompts of its own that hears one voice at its own level.
    pub fn speak_alone(&mut self, voice: &mut [i16], events: &mut Vec<Event>, emit: &mut Emit<'_>) -> bool {
        if self.outbound.plan().is_none() {
            return false;
        }
        self.prompting = 0;
        self.send(voice, events, emit);
        true
    }

    fn mix_prompts(&mut self, heard: &mut [i32], events: &mut Vec<Event>) -> Mixed {
        self.prompting = 0;
        if self.prompts.is_still() {
            return Mixed::default();
        }
        self.prompted.clear();
        self.prompted.resize(heard.len(), 0);
        let mixed = self.prompts.mix_into(&mut self.prompted, |finished| events.push(finished.into()));
        self.prompting = mixed.sources;
        self.prompts.lower(heard);
        for (total, sample) in heard.iter_mut().zip(&self.prompted) {
            *total += *sample;
        }
        mixed
    }

    /// What the leg's own prompts gave for this frame, and how many they were, after `speak`.
    pub fn prompted(&self) -> (&[i32], usize) {
        (&self.prompted, self.prompting)
    }

    /// Whether the leg has prompts of its own.
    pub fn has_prompts(&self) -> bool {
        !self.prompts.is_still()
    }

    fn send(&mut self, ears: &mut [i16], events: &mut Vec<Event>, emit: &mut Emit<'_>) {
        if std::mem::take(&mut self.jumps) {
            smooth(self.last_heard, ears);
        }
        self.last_heard = ears.last().copied().unwrap_or(0);
        if !self.observers.is_empty() {
            self.loudness[self.loudness_at] = level(ears);
        }
        let destination = self.inbound.source.destination();
        let told = |keys| events.push(Event::KeysSent { keys });
        if self.outwards.is_none() && self.outbound.is_quiet() {
            return self.outbound.send(ears, destination, told, emit);
        }
        // What is sent is another frame than what is heard.
        let mut coded = [0i16; MAX_FRAME];
        let frame = &mut coded[..self.outbound.rate().samples()];
        match &mut self.outwards {
            Some(resampler) => resampler.run(ears, frame),
            None => frame.copy_from_slice(ears),
        }
        self.outbound.send(frame, destination, told, emit);
    }

    /// So many frames were left out: the thread was stopped for long.
    pub fn skip(&mut self, frames: u32) {
        self.outbound.skip(frames);
    }

    /// The leg's own prompts.
    pub fn prompts(&mut self) -> &mut Prompts {
        &mut self.prompts
    }

    /// Queue keys to be sent.
    pub fn order_keys(&mut self, id: u64, digits: &str) {
        self.outbound.order_keys(id, digits);
    }

    /// Watch for silence from now on.
    pub fn watch_silence(&mut self, id: u64, milliseconds: u64) {
        self.watches.push(SilenceWatch::new(id, milliseconds));
    }

    /// Tell voices, signals and levels from now on.
    pub fn observe(&mut self, observer: Observer) {
        self.observers.push(observer);
    }

    /// Forget a watch or an observation.
    pub fn unwatch(&mut self, id: u64) {
        self.watches.retain(|watch| watch.id != id);
        self.observers.retain(|observer| observer.id != id);
    }

    /// The leg ends: its prompts with it.
    pub fn end(&mut self, events: &mut Vec<Event>) {
        events.extend(self.prompts.stop_all().map(Event::from));
    }
}

/// Lead from the sample heard last into a frame that has nothing to do with it.
fn smooth(last: i16, frame: &mut [i16]) {
    let length = frame.len() / SMOOTHED;
    let step = f32::from(last) - frame.first().map_or(0.0, |first| f32::from(*first));
    for (position, sample) in frame[..length].iter_mut().enumerate() {
        let left = 1.0 - position as f32 / length as f32;
        *sample = (f32::from(*sample) + step * left * left).clamp(-32_768.0, 32_767.0) as i16;
    }
}

impl From<Finished> for Event {
    fn from(finished: Finished) -> Self {
        Event::PlaybackFinished { play: finished.id, played_ms: finished.played_ms, stopped: finished.stopped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_spread_over_5_ms() {
        let mut frame = [-9000; 160];
        smooth(12_000, &mut frame);
        assert_eq!((frame[0], frame[40]), (12_000, -9000));
        assert!(frame.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 1200));
    }
}
