//! A leg with its way to the network: the value that moves between threads.

use std::any::Any;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::panic::{catch_unwind, AssertUnwindSafe};

use ringline_media::{
    Crypto, Event, Finished, Forwarded, Leg, LegPlan, Mixed, Now, Plain, Prompts, Rate, ReportTo, Srtp, Taken,
};

use crate::command::PromptCommand;
use crate::nearby::fetch;
use crate::outgoing::Outgoing;
use crate::stats::ThreadStats;
use crate::sys::Batch;
use crate::transport::Transport;
use crate::web::Web;

/// Datagrams a leg may take in one tick; what floods it stays in its own socket's buffer.
const TICK_DATAGRAMS: usize = 48;
/// So many failing receives in a row mean that the socket is dead.
const DEAD_AFTER: u32 = 10;
/// Room that encryption may need after a report.
const TRAILER_BYTES: usize = 32;
/// The port of the reports is looked at once a second.
const REPORT_TICKS: u64 = 50;

mod web;

/// A leg, its socket and its keys.
pub(crate) struct LegHost {
    leg: Leg,
    transport: Box<dyn Transport>,
    crypto: Box<dyn Crypto>,
    connected: Option<SocketAddr>,
    /// The slot of its next frame: a leg that comes from a room of another phase waits, it never hurries.
    due: u64,
    /// Takes part in the present tick.
    active: bool,
    ticks: u64,
    receive_errors: u32,
    failure: Option<String>,
    /// The way to a browser, instead of the transport, and the one that is about to follow it.
    web: Option<Box<Web>>,
    next: Option<Box<Web>>,
    /// The plan as it was asked for: what is in force of it depends on whether the way stands.
    wish: Option<Box<LegPlan>>,
}

/// Packets of one leg on their way to another, in one tick. Allocates only when more come than ever before.
#[derive(Default)]
pub(crate) struct Passing {
    bytes: Vec<u8>,
    packets: Vec<(u8, usize, usize)>,
    samples: usize,
}

impl Passing {
    fn clear(&mut self) {
        self.bytes.clear();
        self.packets.clear();
        self.samples = 0;
    }

    fn put(&mut self, packet: Forwarded<'_>) {
        self.bytes.extend_from_slice(packet.payload);
        self.packets.push((packet.payload_type, packet.offset, packet.payload.len()));
    }

    fn packets(&self) -> impl Iterator<Item = Forwarded<'_>> {
        self.packets.iter().scan(0, |start, (payload_type, offset, length)| {
            let payload = &self.bytes[*start..*start + length];
            *start += length;
            Some(Forwarded { payload_type: *payload_type, payload, offset: *offset })
        })
    }
}

impl LegHost {
    pub(crate) fn new(leg: Leg, transport: Box<dyn Transport>, crypto: Box<dyn Crypto>) -> Self {
        let ticks = leg.id();
        LegHost {
            leg,
            transport,
            crypto,
            connected: None,
            due: 0,
            active: false,
            ticks,
            receive_errors: 0,
            failure: None,
            web: None,
            next: None,
            wish: None,
        }
    }

    /// Fetch the leg itself.
    pub(crate) fn approach(&self) {
        fetch(std::ptr::from_ref(self).cast(), size_of::<Self>());
    }

    /// Fetch what a tick needs besides the leg itself.
    pub(crate) fn approach_audio(&self) {
        fetch(std::ptr::from_ref(&*self.transport).cast(), size_of_val(&*self.transport));
        self.leg.whereabouts(&mut fetch);
    }

    /// Fetch what its prompts need, in two steps.
    pub(crate) fn approach_prompts(&self, step: usize) {
        self.leg.whereabouts_of_prompts(step, &mut fetch);
    }

    pub(crate) fn id(&self) -> u64 {
        self.leg.id()
    }

    /// Why the leg cannot go on, if so.
    pub(crate) fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    pub(crate) fn said(&self) -> Option<&[i16]> {
        if self.active && self.failure.is_none() {
            self.leg.said()
        } else {
            None
        }
    }

    /// See `Leg::behind`.
    pub(crate) fn behind(&self) -> i16 {
        self.leg.behind()
    }

    pub(crate) fn has_prompts(&self) -> bool {
        self.leg.has_prompts()
    }

    /// Cut those of its own prompts that something of this interrupts.
    pub(crate) fn yield_to(&mut self, heard: &[Event], cut: &mut Vec<Finished>) {
        if self.leg.has_prompts() {
            self.contained(|leg| {
                let before = cut.len();
                leg.prompts().yield_to(heard, |finished| cut.push(finished));
                if cut.len() > before {
                    leg.expect_jump();
                }
            });
        }
    }

    /// How many of the leg's own prompts gave something for this frame.
    pub(crate) fn prompting(&self) -> usize {
        self.leg.prompting()
    }

    /// Put an offer/answer outcome into force.
    pub(crate) fn configure(&mut self, plan: &LegPlan, now_ms: u64) {
        self.guarded(|host| {
            if host.web.is_some() {
                let plan = host.plan_by_web(plan);
                return host.leg.configure(&plan, now_ms);
            }
            match &plan.srtp {
                Some(keys) if host.crypto.agree(keys) => {}
                Some(keys) => host.crypto = Box::new(Srtp::new(keys)),
                // Encryption that was agreed by other means stays.
                None if host.leg.plan().is_some_and(|before| before.srtp.is_some()) => host.crypto = Box::new(Plain),
                None => {}
            }
            host.leg.configure(plan, now_ms);
        });
    }

    /// The rate of its codec or line, once that is known.
    pub(crate) fn rate(&self) -> Option<Rate> {
        self.leg.known_rate()
    }

    pub(crate) fn plan(&self) -> Option<&LegPlan> {
        self.leg.plan()
    }

    /// Do something to the leg; a panic in it ends this leg alone.
    pub(crate) fn contained<T>(&mut self, work: impl FnOnce(&mut Leg) -> T) -> Option<T> {
        self.guarded(|host| work(&mut host.leg))
    }

    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.failure.is_some() {
            return None;
        }
        // After a panic the leg is only dropped, so nobody sees what it left half-done.
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(value) => Some(value),
            Err(panic) => {
                self.failure = Some(format!("panic: {}", words(panic.as_ref())));
                None
            }
        }
    }

    /// Begin a tick: take in what came.
    pub(crate) fn take_in(&mut self, slot: u64, now: Now, batch: &mut Batch, events: &mut Vec<Event>) {
        self.active = slot >= self.due;
        if self.active {
            self.due = slot + crate::worker::SLOTS_PER_FRAME;
            self.guarded(|host| {
                if host.web.is_some() {
                    return host.receive_by_web(now, batch, events);
                }
                host.receive(now, batch, events);
                host.ticks += 1;
                if host.ticks % REPORT_TICKS == 0 {
                    host.receive_reports(now, batch);
                }
                host.settle(now);
            });
        }
    }

    /// Make the frame of what the leg says.
    pub(crate) fn listen(&mut self, now: Now, events: &mut Vec<Event>) {
        if self.active {
            self.guarded(|host| host.leg.listen(now, events));
        }
    }

    fn receive(&mut self, now: Now, batch: &mut Batch, events: &mut Vec<Event>) {
        for _ in 0..TICK_DATAGRAMS {
            match self.transport.receive(batch) {
                Ok(true) => self.receive_errors = 0,
                Ok(false) => return,
                // Told of a packet that we sent, in the place of one that may have come: that is still there.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    self.leg.unsettle();
                    continue;
                }
                Err(error) => return self.receive_failed(&error),
            }
            let Some(datagram) = batch.datagram() else { continue };
            let (from, arrival_us) = (datagram.from, datagram.arrival_us);
            let Some(bytes) = unprotected(self.crypto.as_mut(), datagram.bytes) else { continue };
            let taken = self.leg.receive(bytes, from, arrival_us, now.ms, events);
            // A packet that has only just come has none behind it, and asking the kernel again costs as much as the
            // packet did. Should there be one after all, the next tick has it.
            if let Taken::Audio(holds_us) = taken {
                if now.wall_us < arrival_us + u64::from(holds_us) && self.leg.is_ready() {
                    return;
                }
            }
        }
    }

    fn receive_failed(&mut self, error: &std::io::Error) {
        // Only lasting failure means a dead socket.
        self.receive_errors += 1;
        self.leg.unsettle();
        if self.receive_errors >= DEAD_AFTER {
            self.failure = Some(format!("socket: {error}"));
        }
    }

    fn receive_reports(&mut self, now: Now, batch: &mut Batch) {
        for _ in 0..TICK_DATAGRAMS {
            if !self.transport.receive_report(batch).unwrap_or(false) {
                return;
            }
            if let Some(datagram) = batch.datagram() {
                let from = ReportTo { address: datagram.from, mux: false };
                if let Some(length) = self.crypto.unprotect_rtcp(datagram.bytes) {
                    self.leg.receive_report(&datagram.bytes[..length], from, datagram.arrival_us, now.ms);
                }
            }
        }
    }

    /// Connect the socket to where the leg is known to be: the kernel keeps strangers away, and sends faster.
    fn settle(&mut self, now: Now) {
        let wanted = self.leg.settled(now.ms);
        if wanted != self.connected {
            // If it cannot be, every packet is looked at and addressed as before.
            self.connected = wanted;
            let _ = self.transport.connect(wanted);
        }
    }

    /// End a tick: send what the leg hears, and write that to `ears`, and what its prompts gave to `own`. False if it hears nothing at all.
    pub(crate) fn give_out(
        &mut self,
        heard: &mut [i32],
        sources: Mixed,
        own: Option<&mut [i32]>,
        ears: &mut [i16],
        events: &mut Vec<Event>,
        outgoing: &mut Outgoing,
    ) -> bool {
        self.send(outgoing, |leg, emit| leg.speak(heard, sources, own, ears, events, emit))
    }

    /// As `give_out`, of a single voice that is handed on as it is in `ears`.
    pub(crate) fn give_out_alone(
        &mut self,
        ears: &mut [i16],
        events: &mut Vec<Event>,
        outgoing: &mut Outgoing,
    ) -> bool {
        self.send(outgoing, |leg, emit| leg.speak_alone(ears, events, emit))
    }

    fn send(
        &mut self,
        outgoing: &mut Outgoing,
        speak: impl FnOnce(&mut Leg, &mut dyn FnMut(SocketAddr, &mut [u8], usize)) -> bool,
    ) -> bool {
        if !self.active {
            return false;
        }
        let done = self.guarded(|host| {
            let crypto = &mut host.crypto;
            speak(&mut host.leg, &mut |to, packet, length| {
                if let Some(length) = crypto.protect(packet, length) {
                    outgoing.put(to, &packet[..length]);
                }
            })
        });
        done.unwrap_or(false)
    }

    /// Let a packet go that was made before.
    pub(crate) fn let_go(&mut self, to: SocketAddr, packet: &[u8], stats: &ThreadStats) {
        self.guarded(|host| {
            // A full buffer or an unreachable network loses this packet, as any network may.
            let sent = match host.web.as_deref() {
                Some(web) => web.send(packet),
                None => host.transport.send(to, packet),
            };
            if let Err(error) = sent {
                if error.kind() == ErrorKind::ConnectionRefused {
                    host.leg.unsettle();
                }
                stats.count_send_error();
            }
        });
    }

    /// Send the leg's own report if one is due.
    pub(crate) fn report(&mut self, now: Now, stats: &ThreadStats) {
        if self.active {
            self.send_report(stats, |leg, emit| leg.report(now, emit));
        }
    }

    /// Tell the far end that the leg ends.
    pub(crate) fn say_goodbye(&mut self, now: Now, stats: &ThreadStats) {
        self.send_report(stats, |leg, emit| leg.goodbye(now, emit));
        self.close_by_web();
    }

    fn send_report(
        &mut self,
        stats: &ThreadStats,
        write: impl FnOnce(&mut Leg, &mut dyn FnMut(ReportTo, &mut Vec<u8>)),
    ) {
        self.guarded(|host| {
            let (crypto, transport, web) = (&mut host.crypto, &mut host.transport, host.web.as_deref());
            write(&mut host.leg, &mut |to, bytes| {
                let length = bytes.len();
                bytes.resize(length + TRAILER_BYTES, 0);
                let Some(length) = crypto.protect_rtcp(bytes, length) else { return };
                let sent = match to.mux {
                    _ if web.is_some() => web.map_or(Ok(()), |web| web.send(&bytes[..length])),
                    true => transport.send(to.address, &bytes[..length]),
                    false => transport.send_report(to.address, &bytes[..length]),
                };
                if sent.is_err() {
                    stats.count_send_error();
                }
            });
        });
    }

    /// Whether what this leg says can go to another as it came.
    pub(crate) fn can_pass_to(&self, other: &LegHost) -> bool {
        let well = self.active && other.active && self.failure.is_none() && other.failure.is_none();
        well && other.leg.can_take_on() && other.plan().is_some_and(|plan| self.leg.can_hand_on(plan))
    }

    /// Instead of `listen`: collect the packets of the next frame.
    pub(crate) fn pass(&mut self, now: Now, passing: &mut Passing, events: &mut Vec<Event>) {
        passing.clear();
        self.guarded(|host| {
            passing.samples = host.leg.hand_on(now, events, |packet| passing.put(packet));
        });
    }

    /// Instead of `give_out`: send another leg's packets on.
    pub(crate) fn take_on(&mut self, passing: &Passing, outgoing: &mut Outgoing) {
        self.send(outgoing, |leg, emit| {
            for packet in passing.packets() {
                leg.take_on(packet, emit);
            }
            leg.pass(passing.samples);
            true
        });
    }

    /// Tell the control side what ends with the leg.
    pub(crate) fn end(&mut self, events: &mut Vec<Event>) {
        self.leg.end(events);
    }
}

/// The plain bytes of a datagram, RTP or RTCP (RFC 5761 §4 tells them apart); `None` when it is not authentic.
fn unprotected<'a>(crypto: &mut dyn Crypto, bytes: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = match bytes.get(1) {
        Some(192..=223) => crypto.unprotect_rtcp(bytes)?,
        _ => crypto.unprotect(bytes)?,
    };
    bytes.get(..length)
}

/// Apply a prompt command to a leg's or a room's prompts.
pub(crate) fn command_prompts(prompts: &mut Prompts, command: PromptCommand, events: &mut Vec<Event>) {
    match command {
        PromptCommand::Play(plan) => prompts.play(plan),
        PromptCommand::Feed { play, pcm, last } => prompts.feed(play, pcm, last),
        PromptCommand::Stop { play } => events.extend(prompts.stop(play).map(Event::from)),
        PromptCommand::Yield { play, yields } => prompts.set_yields(play, yields),
    }
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(words), _) => words,
        (None, Some(words)) => words,
        (None, None) => "without words",
    }
}
