//! A leg with its way to the network: the value that moves between threads.

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

use ringline_media::{Crypto, Event, Frame, Leg, Mixed, Prompts, Sum};

use crate::command::PromptCommand;
use crate::stats::ThreadStats;
use crate::sys::{Batch, BATCH};
use crate::transport::Transport;

/// Datagrams a leg may take in one tick; what floods it stays in its own socket's buffer.
const TICK_DATAGRAMS: usize = 3 * BATCH;
/// So many failing receives in a row mean that the socket is dead.
const DEAD_AFTER: u32 = 10;

/// A leg, its socket and its keys.
pub(crate) struct LegHost {
    leg: Leg,
    transport: Box<dyn Transport>,
    crypto: Box<dyn Crypto>,
    /// The slot of its next frame: a leg that comes from a room of another phase waits, it never hurries.
    due: u64,
    /// Takes part in the present tick.
    active: bool,
    receive_errors: u32,
    failure: Option<String>,
}

impl LegHost {
    pub(crate) fn new(leg: Leg, transport: Box<dyn Transport>, crypto: Box<dyn Crypto>) -> Self {
        LegHost { leg, transport, crypto, due: 0, active: false, receive_errors: 0, failure: None }
    }

    pub(crate) fn id(&self) -> u64 {
        self.leg.id()
    }

    /// Why the leg cannot go on, if so.
    pub(crate) fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    pub(crate) fn said(&self) -> Option<&Frame> {
        if self.active {
            self.leg.said()
        } else {
            None
        }
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

    /// First half of a tick: take in what came, and make the frame of what the leg says.
    pub(crate) fn take_in(&mut self, slot: u64, now_ms: u64, batch: &mut Batch, events: &mut Vec<Event>) {
        self.active = slot >= self.due;
        if self.active {
            self.due = slot + crate::worker::SLOTS_PER_FRAME;
            self.guarded(|host| {
                host.receive(now_ms, batch, events);
                host.leg.listen(now_ms, events);
            });
        }
    }

    fn receive(&mut self, now_ms: u64, batch: &mut Batch, events: &mut Vec<Event>) {
        let mut taken = 0;
        while taken < TICK_DATAGRAMS {
            let count = match self.transport.receive(batch) {
                Ok(count) => count,
                Err(error) => {
                    // An ICMP error of the peer shows up here too; only lasting failure means a dead socket.
                    self.receive_errors += 1;
                    if self.receive_errors >= DEAD_AFTER {
                        self.failure = Some(format!("socket: {error}"));
                    }
                    return;
                }
            };
            self.receive_errors = 0;
            for index in 0..count {
                if let Some(datagram) = batch.datagram(index) {
                    let (from, arrival, bytes) = (datagram.from, datagram.arrival, datagram.bytes);
                    if let Some(length) = self.crypto.unprotect(bytes) {
                        self.leg.receive(&bytes[..length], from, arrival, now_ms, events);
                    }
                }
            }
            taken += count;
            if count < BATCH {
                return;
            }
        }
    }

    /// Second half: send what the leg hears. Returns the frame as heard.
    pub(crate) fn give_out(
        &mut self,
        heard: &mut Sum,
        sources: Mixed,
        events: &mut Vec<Event>,
        stats: &ThreadStats,
    ) -> Option<Frame> {
        if !self.active {
            return None;
        }
        self.guarded(|host| {
            let (crypto, transport) = (&mut host.crypto, &mut host.transport);
            host.leg.speak(heard, sources, events, &mut |to, packet, length| {
                if let Some(length) = crypto.protect(packet, length) {
                    // A full buffer or an unreachable network loses this packet, as any network may.
                    if transport.send(to, &packet[..length]).is_err() {
                        stats.count_send_error();
                    }
                }
            })
        })
    }

    /// Tell the control side what ends with the leg.
    pub(crate) fn end(&mut self, events: &mut Vec<Event>) {
        self.leg.end(events);
    }
}

/// Apply a prompt command to a leg's or a room's prompts.
pub(crate) fn command_prompts(prompts: &mut Prompts, command: PromptCommand, events: &mut Vec<Event>) {
    match command {
        PromptCommand::Play { play, level_db, rounds } => prompts.play(play, level_db, rounds),
        PromptCommand::Feed { play, pcm, last } => prompts.feed(play, pcm, last),
        PromptCommand::Stop { play } => events.extend(prompts.stop(play).map(Event::from)),
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
