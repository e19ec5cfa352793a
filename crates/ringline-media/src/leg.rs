//! One leg's audio: a value that moves between rooms and threads with everything that belongs to it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::Event;
use crate::frame::{Frame, Sum, SILENCE};
use crate::inbound::Inbound;
use crate::limiter;
use crate::outbound::{Emit, Outbound, StreamSeed};
use crate::plan::LegPlan;
use crate::prompt::{Finished, Mixed, Prompts};
use crate::silence::{is_silent, SilenceWatch};
use crate::stats::LegStats;

/// Both directions of one leg, its prompts and its watches.
///
/// Once per tick: `receive` what came, `listen`, mix, `speak`.
pub struct Leg {
    id: u64,
    inbound: Inbound,
    outbound: Outbound,
    prompts: Prompts,
    watches: Vec<SilenceWatch>,
    media_timeout_ms: u64,
    timed_out: bool,
}

impl Leg {
    /// A leg without a plan: silent, deaf.
    pub fn new(id: u64, seed: StreamSeed, media_timeout_ms: u64, stats: Arc<LegStats>) -> Self {
        Leg {
            id,
            inbound: Inbound::new(id, Arc::clone(&stats)),
            outbound: Outbound::new(seed, stats),
            prompts: Prompts::default(),
            watches: Vec::new(),
            media_timeout_ms,
            timed_out: false,
        }
    }

    /// The leg's name.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Put an offer/answer outcome into force.
    pub fn configure(&mut self, plan: &LegPlan, now_ms: u64) {
        self.inbound.configure(plan, now_ms);
        self.outbound.configure(plan);
        self.timed_out = false;
    }

    /// Take a datagram; `arrival` is its time in ticks of 1/8000 s on any clock.
    pub fn receive(&mut self, datagram: &[u8], from: SocketAddr, arrival: u32, now_ms: u64, events: &mut Vec<Event>) {
        self.inbound.receive(datagram, from, arrival, now_ms, events);
    }

    /// Make this tick's frame of what the leg says, and look at its watches.
    pub fn listen(&mut self, now_ms: u64, events: &mut Vec<Event>) {
        self.inbound.tick(now_ms, events);
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
        self.look_for_timeout(now_ms, events);
    }

    fn look_for_timeout(&mut self, now_ms: u64, events: &mut Vec<Event>) {
        let silent_ms = now_ms.saturating_sub(self.inbound.last_heard_ms);
        if silent_ms < self.media_timeout_ms {
            self.timed_out = false;
        } else if !self.timed_out && self.outbound.plan().is_some_and(|plan| plan.send && plan.receive) {
            self.timed_out = true;
            events.push(Event::MediaTimeout { leg: self.id });
        }
    }

    /// What the leg says in this frame; `None` for silence.
    pub fn said(&self) -> Option<&Frame> {
        self.inbound.said()
    }

    /// Send this tick's frame: what the leg hears of the room (`heard`, made of `sources`) and its own prompts.
    ///
    /// Returns the frame as the leg hears it, for recordings.
    pub fn speak(&mut self, heard: &mut Sum, sources: Mixed, events: &mut Vec<Event>, emit: &mut Emit<'_>) -> Frame {
        let mut frame = SILENCE;
        if self.outbound.plan().is_none() {
            return frame; // prompts and keys wait for a plan
        }
        let own = self.prompts.mix_into(heard, |finished| events.push(finished.into()));
        match sources.sources + own.sources {
            0 => {}
            1 if !sources.amplified && !own.amplified => limiter::copy(heard, &mut frame),
            _ => limiter::limit(heard, &mut frame),
        }
        let ears = frame;
        let destination = self.inbound.source.destination();
        self.outbound.send(&mut frame, destination, |keys| events.push(Event::KeysSent { keys }), emit);
        ears
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

    /// Forget a watch.
    pub fn unwatch(&mut self, id: u64) {
        self.watches.retain(|watch| watch.id != id);
    }

    /// The leg ends: its prompts with it.
    pub fn end(&mut self, events: &mut Vec<Event>) {
        events.extend(self.prompts.stop_all().map(Event::from));
    }
}

impl From<Finished> for Event {
    fn from(finished: Finished) -> Self {
        Event::PlaybackFinished { play: finished.id, played_ms: finished.played_ms, stopped: finished.stopped }
    }
}
