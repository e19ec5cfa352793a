//! One leg's audio: a value that moves between rooms and threads with everything that belongs to it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::event::Event;
use crate::frame::Rate;
use crate::inbound::{Inbound, Taken};
use crate::line::{Line, LineInUse};
use crate::observer::{Observer, NOTHING_DBFS};
use crate::outbound::{Outbound, StreamSeed};
use crate::plan::LegPlan;
use crate::prompt::Finished;
use crate::prompts::Prompts;
use crate::reports::{ReportTo, Reports, Writer};
use crate::resample::Resampler;
use crate::silence::{is_silent, SilenceWatch};
use crate::stats::LegStats;

mod passing;
mod speaking;

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
    /// Instead of both, for a far end that speaks no RTP.
    line: Option<Box<LineInUse>>,
    reports: Box<Reports>,
    /// When the next one is due: what every tick asks.
    report_due_ms: u64,
    prompts: Prompts,
    /// How many of its own prompts gave something for this frame.
    prompting: usize,
    watches: Vec<SilenceWatch>,
    observers: Vec<Observer>,
    media_timeout_ms: u64,
    timed_out: bool,
    /// The rate of its room, and the way there and back where the codec has another.
    rate: Rate,
    inwards: Option<Box<Resampler>>,
    outwards: Option<Box<Resampler>>,
    /// What the leg says at its room's rate, where that is not the codec's.
    said: Vec<i16>,
    /// What it heard last ended with this sample, if that is known: of packets handed on it is not always.
    last_heard: Option<i16>,
    /// What it hears now is not what it heard before.
    jumps: bool,
    /// The levels of what it heard last, while somebody observes it.
    loudness: Box<[f32; ECHO_FRAMES]>,
    loudness_at: usize,
}

impl Leg {
    /// A leg without a plan: silent, deaf.
    pub fn new(id: u64, seed: StreamSeed, media_timeout_ms: u64, stats: Arc<LegStats>) -> Self {
        Leg {
            id,
            inbound: Inbound::new(id, Arc::clone(&stats)),
            reports: Box::new(Reports::new(Arc::clone(&stats))),
            report_due_ms: 0,
            outbound: Outbound::new(seed, stats),
            line: None,
            prompts: Prompts::default(),
            prompting: 0,
            watches: Vec::new(),
            observers: Vec::new(),
            media_timeout_ms,
            timed_out: false,
            rate: Rate::Narrow,
            inwards: None,
            outwards: None,
            said: Vec::new(),
            last_heard: Some(0),
            jumps: false,
            loudness: Box::new([NOTHING_DBFS; ECHO_FRAMES]),
            loudness_at: 0,
        }
    }

    /// The leg's name.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Tell where in memory lies what a tick needs, besides the leg itself: addresses and numbers of bytes. So it can be
    /// fetched into the cache before the tick comes.
    pub fn whereabouts(&self, tell: &mut impl FnMut(*const u8, usize)) {
        self.inbound.whereabouts(tell);
        if self.inbound.may_pass {
            self.outbound.whereabouts_of_plan(tell);
        }
        self.prompts.whereabouts(0, tell);
    }

    /// The next two steps after that: see `Prompts::whereabouts`.
    pub fn whereabouts_of_prompts(&self, step: usize, tell: &mut impl FnMut(*const u8, usize)) {
        self.prompts.whereabouts(step, tell);
    }

    /// Put an offer/answer outcome into force.
    pub fn configure(&mut self, plan: &LegPlan, now_ms: u64) {
        self.inbound.configure(plan, now_ms);
        self.outbound.configure(plan);
        self.reports.configure(plan, self.outbound.ssrc, now_ms);
        self.report_due_ms = self.reports.due_ms();
        self.timed_out = false;
        self.fit();
    }

    /// The plan in force.
    pub fn plan(&self) -> Option<&LegPlan> {
        self.outbound.plan()
    }

    /// The rate of the leg's codec or line.
    pub fn codec_rate(&self) -> Rate {
        self.line.as_deref().map_or(self.outbound.rate(), LineInUse::rate)
    }

    /// The same; `None` while neither is known.
    pub fn known_rate(&self) -> Option<Rate> {
        (self.line.is_some() || self.outbound.plan().is_some()).then(|| self.codec_rate())
    }

    /// Speak and hear through a line from now on, not by RTP.
    pub fn attach(&mut self, line: Box<dyn Line>) {
        self.line = Some(Box::new(LineInUse::new(line)));
        self.fit();
    }

    /// Whether audio may flow: a plan is there, or a line that is open.
    fn is_up(&self) -> bool {
        self.outbound.plan().is_some() || self.line.as_deref().is_some_and(LineInUse::is_open)
    }

    /// What comes from the far end in this frame, as it came.
    fn voice(&self) -> Option<&[i16]> {
        match &self.line {
            Some(line) => line.said(),
            None => self.inbound.said(),
        }
    }

    /// Speak and hear at a room's rate from now on.
    pub fn set_rate(&mut self, rate: Rate) {
        if self.rate != rate {
            self.rate = rate;
            self.fit();
        }
    }

    fn fit(&mut self) {
        let (codec, room) = (self.codec_rate(), self.rate);
        self.outbound.fed_at(room);
        let known = self.inwards.as_ref().map_or((room, room), |inwards| (inwards.from(), inwards.to()));
        if codec == room {
            self.inwards = None;
            self.outwards = None;
        } else if known != (codec, room) {
            self.inwards = Some(Box::new(Resampler::new(codec, room)));
            self.outwards = Some(Box::new(Resampler::new(room, codec)));
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

    /// Count a datagram that was somebody else's.
    pub fn count_foreign(&self) {
        self.inbound.count_foreign();
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
        if now.ms >= self.report_due_ms {
            self.write_report(now, emit, Reports::report);
        }
    }

    /// The last report, that says goodbye: as `report`, at the end of the leg.
    pub fn goodbye(&mut self, now: Now, emit: impl FnOnce(ReportTo, &mut Vec<u8>)) {
        self.write_report(now, emit, Reports::goodbye);
    }

    fn write_report(&mut self, now: Now, emit: impl FnOnce(ReportTo, &mut Vec<u8>), write: Writer) {
        let Some(plan) = self.outbound.plan() else { return };
        let (stream, delay_us) = (self.inbound.ssrc(), self.inbound.delay_us());
        let destination = self.inbound.source.destination();
        let received = (stream, &mut self.inbound.reception, delay_us);
        let (ssrc, sent) = (self.outbound.ssrc, self.outbound.sent());
        let to = write(&mut self.reports, now, ssrc, sent, received, plan, destination);
        self.report_due_ms = self.reports.due_ms();
        if let Some(to) = to {
            emit(to, &mut self.reports.scratch);
        }
    }

    /// Make this tick's frame of what the leg says, and look at its watches.
    pub fn listen(&mut self, now: Now, events: &mut Vec<Event>) {
        match &mut self.line {
            Some(line) => line.tick(self.id, events),
            None => self.inbound.tick(now, events),
        }
        self.hear(now.ms, events);
        let voice = match &self.line {
            Some(line) => line.said(),
            None => self.inbound.said(),
        };
        if let Some((resampler, said)) = self.inwards.as_mut().zip(voice) {
            resampler.run(said, &mut self.said);
        }
    }

    fn hear(&mut self, now_ms: u64, events: &mut Vec<Event>) {
        self.prompting = 0;
        if !self.observers.is_empty() {
            let heard_dbfs = self.loudness.iter().copied().fold(NOTHING_DBFS, f32::max);
            let rate = self.line.as_deref().map_or(self.outbound.rate(), LineInUse::rate);
            let voice = self.line.as_deref().map_or(self.inbound.said(), LineInUse::said);
            for observer in &mut self.observers {
                observer.hear(voice, rate, heard_dbfs, events);
            }
            self.hear_nothing();
        }
        if !self.watches.is_empty() {
            let silent = self.voice().is_none_or(is_silent);
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
        let said = self.voice()?;
        Some(if self.inwards.is_some() { &self.said } else { said })
    }

    /// By how much what the leg says in this frame is behind the time at which it was said, in sixteenths of a
    /// millisecond.
    pub fn behind(&self) -> i16 {
        let resampled = self.inwards.as_ref().map_or(0, |resampler| resampler.delay_us() * 16 / 1000);
        self.inbound.behind().saturating_add(resampled as i16)
    }

    /// What the leg says in this frame at its codec's rate, for what listens to this leg alone.
    pub fn said_as_it_came(&self) -> Option<&[i16]> {
        self.voice()
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
        match &mut self.line {
            Some(line) => line.order_keys(id),
            None => self.outbound.order_keys(id, digits),
        }
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

impl From<Finished> for Event {
    fn from(finished: Finished) -> Self {
        Event::PlaybackFinished { play: finished.id, played_ms: finished.played_ms, stopped: finished.stopped }
    }
}
