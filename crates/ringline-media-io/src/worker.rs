//! A pacing thread: wakes on shared 5 ms slots and plays out the frames of its rooms, without drift.

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::Arc;

use ringline_media::{Event, Loudest, Now};

use crate::command::{Command, LegCommand};
use crate::host::{words, LegHost};
use crate::nearby::fetch;
use crate::outgoing::Outgoing;
use crate::room::{Room, Scratch, Tick};
use crate::stats::ThreadStats;
use crate::sys::{monotonic_ns, run_first, sleep_until, thread_cpu_ns, wall_us, Batch};
use crate::wake::EventSender;

mod moving;
mod orders;
mod places;

use moving::Leaving;

/// Length of a slot. All threads share the grid, so that a leg may change threads between two ticks.
pub(crate) const SLOT_MS: u64 = 5;
/// A room plays a frame in every fourth slot; its phase says which.
pub(crate) const SLOTS_PER_FRAME: u64 = 4;
const SLOT_NS: u64 = SLOT_MS * 1_000_000;
/// Turns from the first step towards a room to its own.
const AHEAD: usize = 6;
/// So many packets are sent one after the other.
const TOGETHER: usize = 32;
/// A thread that was kept from running for longer than this leaves out what it missed instead of making up for it.
const CATCH_UP_SLOTS: u64 = 100;

/// The state of one pacing thread.
pub(crate) struct Worker {
    epoch_ns: u64,
    inbox: Receiver<Command>,
    peers: Vec<Sender<Command>>,
    outbox: EventSender,
    stats: Arc<ThreadStats>,
    /// Rooms keep their place while they live; a place is used again.
    rooms: Vec<Option<Room>>,
    vacant: Vec<usize>,
    named: HashMap<u64, usize>,
    /// The room of each leg on this thread.
    place: HashMap<u64, usize>,
    /// Commands for legs that are on their way here.
    expected: HashMap<u64, Vec<LegCommand>>,
    /// Commands for rooms that are on their way here.
    expected_rooms: HashMap<u64, Vec<Command>>,
    /// Rooms that leave as soon as those legs of theirs have come that are on their way here.
    leaving: Vec<Leaving>,
    /// The places of the rooms of each phase: slots without rooms are slept through.
    phases: [Vec<usize>; SLOTS_PER_FRAME as usize],
    loudest: Loudest,
    batch: Batch,
    scratch: Box<Scratch>,
    events: Vec<Event>,
    outgoing: Outgoing,
}

/// The moment media time counts from, and what a thread needs to reach the others.
pub(crate) struct Surroundings {
    pub(crate) epoch_ns: u64,
    pub(crate) peers: Vec<Sender<Command>>,
    pub(crate) outbox: EventSender,
    pub(crate) stats: Arc<ThreadStats>,
    pub(crate) loudest: Loudest,
}

impl Worker {
    pub(crate) fn new(inbox: Receiver<Command>, around: Surroundings) -> Self {
        Worker {
            epoch_ns: around.epoch_ns,
            inbox,
            peers: around.peers,
            outbox: around.outbox,
            stats: around.stats,
            rooms: Vec::new(),
            vacant: Vec::new(),
            named: HashMap::new(),
            place: HashMap::new(),
            expected: HashMap::new(),
            expected_rooms: HashMap::new(),
            leaving: Vec::new(),
            phases: Default::default(),
            loudest: around.loudest,
            batch: Batch::default(),
            scratch: Box::default(),
            events: Vec::new(),
            outgoing: Outgoing::default(),
        }
    }

    /// Run until told to end.
    pub(crate) fn run(mut self) {
        run_first();
        let mut slot = self.present_slot();
        loop {
            if self.phases.iter().all(Vec::is_empty) {
                // Nothing to play: sleep until there is.
                let Ok(command) = self.inbox.recv() else { return };
                if !self.handle(command, slot) {
                    return;
                }
                slot = slot.max(self.present_slot());
                self.outbox.send_all(&mut self.events);
                continue;
            }
            slot += 1;
            while self.phases[(slot % SLOTS_PER_FRAME) as usize].is_empty() {
                slot += 1;
            }
            sleep_until(self.epoch_ns + slot * SLOT_NS);
            slot = self.leave_out_missed(slot);
            let started_ns = monotonic_ns();
            while let Ok(command) = self.inbox.try_recv() {
                if !self.handle(command, slot) {
                    return;
                }
            }
            if !self.leaving.is_empty() {
                self.send_rooms();
            }
            self.play(slot);
            self.outbox.send_all(&mut self.events);
            let lag_us = started_ns.saturating_sub(self.epoch_ns + slot * SLOT_NS) / 1000;
            self.stats.count_slot(slot, lag_us, monotonic_ns().saturating_sub(started_ns) / 1000, thread_cpu_ns());
        }
    }

    fn present_slot(&self) -> u64 {
        monotonic_ns().saturating_sub(self.epoch_ns) / SLOT_NS
    }

    /// After a long stop, go to the present in whole frames and let every stream's clock jump along.
    fn leave_out_missed(&mut self, slot: u64) -> u64 {
        let missed = self.present_slot().saturating_sub(slot);
        if missed <= CATCH_UP_SLOTS {
            return slot;
        }
        let frames = missed / SLOTS_PER_FRAME;
        for room in self.rooms.iter_mut().flatten() {
            room.skip(frames as u32);
        }
        self.stats.count_skipped(frames);
        slot + frames * SLOTS_PER_FRAME
    }

    fn play(&mut self, slot: u64) {
        let phase = slot % SLOTS_PER_FRAME;
        // The moment that was meant, not the one at which we woke: what is measured against it must not tremble.
        let lag_us = monotonic_ns().saturating_sub(self.epoch_ns + slot * SLOT_NS) / 1000;
        let now = Now { ms: slot * SLOT_MS, wall_us: wall_us().saturating_sub(lag_us) };
        (0..AHEAD).for_each(|turn| self.approach(phase, turn));
        let (mut turn, mut sent) = (0, 0);
        while let Some(index) = self.phases[phase as usize].get(turn).copied() {
            self.approach(phase, turn + AHEAD);
            turn += 1;
            self.tick(index, slot, now);
            if self.outgoing.waiting() < TOGETHER && turn < self.phases[phase as usize].len() {
                continue;
            }
            self.send_out();
            // Only now: what has failed has sent what it had made.
            let played = turn - sent;
            for _ in 0..played {
                self.take_out_failed(self.phases[phase as usize][sent]);
                // Where a room is over, another has taken its turn.
                match self.close_if_over(self.phases[phase as usize][sent]) {
                    true => turn -= 1,
                    false => sent += 1,
                }
            }
        }
    }

    fn tick(&mut self, index: usize, slot: u64, now: Now) {
        let Some(room) = self.rooms[index].as_mut() else { return };
        self.outgoing.of_room(index);
        let mut tick = Tick {
            slot,
            now,
            batch: &mut self.batch,
            scratch: &mut self.scratch,
            events: &mut self.events,
            outgoing: &mut self.outgoing,
            stats: &self.stats,
        };
        // The legs contain their own panics; what remains would be the room's, and ends this room alone.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| room.tick(&mut tick))) {
            let why = format!("panic in the room: {}", words(panic.as_ref()));
            room.dissolve(&mut self.events);
            for host in room.take_all() {
                self.fail(host, why.clone());
            }
        }
    }

    fn take_out_failed(&mut self, index: usize) {
        for (host, why) in self.rooms[index].as_mut().map_or_else(Vec::new, Room::take_failed) {
            self.fail(host, why);
        }
    }

    /// Let everything go that the rooms have made.
    fn send_out(&mut self) {
        let (rooms, stats) = (&mut self.rooms, &self.stats);
        self.outgoing.send_all(|(room, leg), to, packet| {
            if let Some(host) = rooms[room].as_mut().and_then(|room| room.leg_at(leg)) {
                host.let_go(to, packet, stats);
            }
        });
    }

    /// Fetch what rooms of a slot are about to need: since their last turn other things have filled the caches, and waiting
    /// for memory one line after the other would take longer than all of the work. Each room is approached in steps, in the
    /// turns before its own: a step finds what the one before it has fetched, and the system calls between them are the
    /// time that fetching takes. Turns are counted from the first step of the first room.
    fn approach(&self, phase: u64, turn: usize) {
        let place = |behind| turn.checked_sub(behind).and_then(|turn: usize| self.phases[phase as usize].get(turn));
        if let Some(index) = place(0) {
            // Whether there is a room can be read only in the next step.
            fetch(std::ptr::from_ref(&self.rooms[*index]).cast(), size_of::<Option<Room>>());
        }
        let steps: [fn(&Room); AHEAD - 1] = [
            Room::approach_list,
            Room::approach_legs,
            Room::approach_audio,
            Room::approach_prompts,
            Room::approach_sound,
        ];
        for (behind, step) in steps.into_iter().enumerate() {
            if let Some(room) = place(behind + 1).and_then(|index| self.rooms[*index].as_ref()) {
                step(room);
            }
        }
    }

    fn fail(&mut self, mut host: Box<LegHost>, why: String) {
        let leg = host.id();
        self.place.remove(&leg);
        host.end(&mut self.events);
        self.events.push(Event::LegFailed { leg, why });
    }
}
