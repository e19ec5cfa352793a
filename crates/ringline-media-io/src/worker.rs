//! A pacing thread: wakes on shared 5 ms slots and plays out the frames of its rooms, without drift.

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::Arc;

use ringline_media::Event;

use crate::command::{Command, LegCommand, PromptCommand, RoomCommand};
use crate::host::{command_prompts, words, LegHost};
use crate::room::{Room, Tick};
use crate::stats::ThreadStats;
use crate::sys::{monotonic_ns, sleep_until, Batch};
use crate::wake::EventSender;

/// Length of a slot. All threads share the grid, so that a leg may change threads between two ticks.
pub(crate) const SLOT_MS: u64 = 5;
/// A room plays a frame in every fourth slot; its phase says which.
pub(crate) const SLOTS_PER_FRAME: u64 = 4;
const SLOT_NS: u64 = SLOT_MS * 1_000_000;
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
    /// Rooms in each phase: slots without rooms are slept through.
    phases: [usize; SLOTS_PER_FRAME as usize],
    batch: Batch,
    events: Vec<Event>,
}

/// The moment media time counts from, and what a thread needs to reach the others.
pub(crate) struct Surroundings {
    pub(crate) epoch_ns: u64,
    pub(crate) peers: Vec<Sender<Command>>,
    pub(crate) outbox: EventSender,
    pub(crate) stats: Arc<ThreadStats>,
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
            phases: [0; SLOTS_PER_FRAME as usize],
            batch: Batch::default(),
            events: Vec::new(),
        }
    }

    /// Run until told to end.
    pub(crate) fn run(mut self) {
        let mut slot = self.present_slot();
        loop {
            if self.phases == [0; SLOTS_PER_FRAME as usize] {
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
            while self.phases[(slot % SLOTS_PER_FRAME) as usize] == 0 {
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
            self.play(slot);
            self.outbox.send_all(&mut self.events);
            let lag_us = started_ns.saturating_sub(self.epoch_ns + slot * SLOT_NS) / 1000;
            self.stats.count_slot(lag_us, monotonic_ns().saturating_sub(started_ns) / 1000);
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
        for host in self.rooms.iter_mut().flatten().flat_map(Room::legs) {
            host.contained(|leg| leg.skip(frames as u32));
        }
        self.stats.count_skipped(frames);
        slot + frames * SLOTS_PER_FRAME
    }

    fn play(&mut self, slot: u64) {
        let phase = slot % SLOTS_PER_FRAME;
        for index in 0..self.rooms.len() {
            let Some(room) = self.rooms[index].as_mut().filter(|room| room.phase == phase) else { continue };
            let mut tick = Tick {
                slot,
                now_ms: slot * SLOT_MS,
                batch: &mut self.batch,
                events: &mut self.events,
                stats: &self.stats,
            };
            // The legs contain their own panics; what remains would be the room's, and ends this room alone.
            let outcome = catch_unwind(AssertUnwindSafe(|| room.tick(&mut tick)));
            let failed = match outcome {
                Ok(()) => room.take_failed(),
                Err(panic) => {
                    let why = format!("panic in the room: {}", words(panic.as_ref()));
                    room.dissolve(&mut self.events);
                    room.take_all().into_iter().map(|host| (host, why.clone())).collect()
                }
            };
            for (host, why) in failed {
                self.fail(host, why);
            }
            self.close_if_over(index);
        }
    }

    fn fail(&mut self, mut host: Box<LegHost>, why: String) {
        let leg = host.id();
        self.place.remove(&leg);
        host.end(&mut self.events);
        self.events.push(Event::LegFailed { leg, why });
    }

    fn make_room(&mut self, name: Option<u64>, phase: u64) -> usize {
        let room = Room::new(name, phase % SLOTS_PER_FRAME);
        self.phases[room.phase as usize] += 1;
        let index = match self.vacant.pop() {
            Some(index) => {
                self.rooms[index] = Some(room);
                index
            }
            None => {
                self.rooms.push(Some(room));
                self.rooms.len() - 1
            }
        };
        if let Some(name) = name {
            self.named.insert(name, index);
        }
        index
    }

    fn room_named(&mut self, name: u64, phase: u64) -> usize {
        match self.named.get(&name) {
            Some(index) => *index,
            None => self.make_room(Some(name), phase),
        }
    }

    fn close_if_over(&mut self, index: usize) {
        if self.rooms[index].as_ref().is_some_and(Room::is_over) {
            if let Some(room) = self.rooms[index].take() {
                self.phases[room.phase as usize] -= 1;
                self.vacant.push(index);
                if let Some(name) = room.name {
                    self.named.remove(&name);
                }
            }
        }
    }

    fn settle(&mut self, host: Box<LegHost>, index: usize) {
        self.place.insert(host.id(), index);
        if let Some(room) = &mut self.rooms[index] {
            room.enter(host);
        }
    }

    fn take_leg(&mut self, leg: u64) -> Option<Box<LegHost>> {
        let index = self.place.remove(&leg)?;
        let host = self.rooms[index].as_mut()?.take(leg);
        self.close_if_over(index);
        host
    }

    /// Do what a command says; false ends the thread.
    fn handle(&mut self, command: Command, slot: u64) -> bool {
        match command {
            Command::Adopt { host, phase } => {
                let index = self.make_room(None, phase);
                self.settle(host, index);
            }
            Command::Expect { leg } => {
                // Expected already: it comes, goes on, and comes again.
                self.expected.entry(leg).and_modify(|waiting| waiting.push(LegCommand::Await)).or_default();
            }
            Command::Arrive { host, room, phase } => {
                let leg = host.id();
                let index = self.room_named(room, phase);
                self.settle(host, index);
                self.catch_up(leg, slot);
            }
            Command::Vanished { leg } => self.catch_up(leg, slot),
            Command::Leg { leg, what } => match self.expected.get_mut(&leg) {
                Some(waiting) => waiting.push(what),
                None => self.command_leg(leg, what, slot),
            },
            Command::Room { room, phase, what } => self.command_room(room, phase, what),
            Command::Shutdown => return false,
        }
        true
    }

    /// Apply, or refuse, what was kept for a leg that is no longer expected.
    fn catch_up(&mut self, leg: u64, slot: u64) {
        let mut waiting = self.expected.remove(&leg).unwrap_or_default().into_iter();
        while let Some(what) = waiting.next() {
            if matches!(what, LegCommand::Await) {
                self.expected.insert(leg, waiting.collect());
                return;
            }
            self.command_leg(leg, what, slot);
        }
    }

    fn command_leg(&mut self, leg: u64, what: LegCommand, slot: u64) {
        let Some(index) = self.place.get(&leg).copied() else {
            return self.refuse(leg, what);
        };
        match what {
            LegCommand::Close => {
                if let Some(mut host) = self.take_leg(leg) {
                    host.end(&mut self.events);
                }
            }
            LegCommand::Enter { room, phase } => {
                // The room first: taking the leg may close the one it leaves, which may be the same.
                let target = self.room_named(room, phase);
                if target != index {
                    if let Some(host) = self.take_leg(leg) {
                        self.settle(host, target);
                    }
                }
            }
            LegCommand::Leave => {
                let phase = self.rooms[index].as_ref().map_or(0, |room| room.phase);
                if let Some(host) = self.take_leg(leg) {
                    let alone = self.make_room(None, phase);
                    self.settle(host, alone);
                }
            }
            LegCommand::Move { thread, room, phase } => {
                if let Some(host) = self.take_leg(leg) {
                    // The other thread ends only after this one's peers do, at shutdown.
                    let _ = self.peers[thread].send(Command::Arrive { host, room, phase });
                }
            }
            other => self.command_media(leg, index, other, slot),
        }
    }

    fn command_media(&mut self, leg: u64, index: usize, what: LegCommand, slot: u64) {
        let events = &mut self.events;
        let Some(host) = self.rooms[index].as_mut().and_then(|room| room.leg(leg)) else { return };
        host.contained(|leg| match what {
            LegCommand::Configure(plan) => leg.configure(&plan, slot * SLOT_MS),
            LegCommand::Prompt(prompt) => command_prompts(leg.prompts(), prompt, events),
            LegCommand::SendKeys { keys, digits } => leg.order_keys(keys, &digits),
            LegCommand::WatchSilence { watch, milliseconds } => leg.watch_silence(watch, milliseconds),
            LegCommand::Unwatch { watch } => leg.unwatch(watch),
            LegCommand::Close
            | LegCommand::Enter { .. }
            | LegCommand::Leave
            | LegCommand::Await
            | LegCommand::Move { .. } => {}
        });
    }

    /// A command for a leg that is not here: it failed, or was closed on its way.
    fn refuse(&mut self, leg: u64, what: LegCommand) {
        match what {
            LegCommand::Prompt(PromptCommand::Play { play, .. }) => {
                self.events.push(Event::PlaybackFinished { play, played_ms: 0, stopped: true });
            }
            LegCommand::Move { thread, .. } => {
                let _ = self.peers[thread].send(Command::Vanished { leg });
            }
            _ => {}
        }
    }

    fn command_room(&mut self, name: u64, phase: u64, what: RoomCommand) {
        let index = self.room_named(name, phase);
        if let Some(room) = &mut self.rooms[index] {
            match what {
                RoomCommand::Arrange { hears, muted } => room.arrange(hears, muted),
                RoomCommand::Dissolve => room.dissolve(&mut self.events),
                RoomCommand::Prompt(prompt) => command_prompts(&mut room.prompts, prompt, &mut self.events),
                RoomCommand::Record(tap) => room.record(tap),
                RoomCommand::SweepTaps => room.sweep_taps(),
            }
        }
        self.close_if_over(index);
    }
}
