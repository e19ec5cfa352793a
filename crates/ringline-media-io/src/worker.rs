//! A pacing thread: wakes on shared 5 ms slots and plays out the frames of its rooms, without drift.

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::Arc;

use ringline_media::{Event, Loudest, Now, PromptPlan};

use crate::command::{Command, LegCommand, PromptCommand, RoomCommand};
use crate::host::{command_prompts, words, LegHost};
use crate::room::{Room, Scratch, Tick};
use crate::stats::ThreadStats;
use crate::sys::{monotonic_ns, run_first, sleep_until, thread_cpu_ns, wall_us, Batch};
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
}

/// A room that is about to leave for another thread.
struct Leaving {
    room: u64,
    thread: usize,
    legs: Vec<u64>,
    /// Legs of it that are still on their way here.
    awaited: Vec<u64>,
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
            self.stats.count_slot(lag_us, monotonic_ns().saturating_sub(started_ns) / 1000, thread_cpu_ns());
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
        self.warm_up(phase);
        let mut turn = 0;
        while let Some(index) = self.phases[phase as usize].get(turn).copied() {
            turn += 1;
            let Some(room) = self.rooms[index].as_mut() else { continue };
            let mut tick = Tick {
                slot,
                now,
                batch: &mut self.batch,
                scratch: &mut self.scratch,
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
            if self.close_if_over(index) {
                turn -= 1; // another has taken its turn
            }
        }
    }

    /// Fetch what the rooms of a slot are about to need: since their last turn other things have filled the caches, and
    /// waiting for memory one line after the other would take longer than all of the work.
    fn warm_up(&self, phase: u64) {
        let rooms = || self.phases[phase as usize].iter().filter_map(|index| self.rooms[*index].as_ref());
        let touched = rooms().map(Room::touch).chain(rooms().map(Room::touch_legs)).fold(0, u64::wrapping_add);
        std::hint::black_box(touched);
    }

    fn fail(&mut self, mut host: Box<LegHost>, why: String) {
        let leg = host.id();
        self.place.remove(&leg);
        host.end(&mut self.events);
        self.events.push(Event::LegFailed { leg, why });
    }

    fn make_room(&mut self, name: Option<u64>, phase: u64) -> usize {
        let room = Room::new(name, phase % SLOTS_PER_FRAME, self.loudest);
        self.keep_room(room)
    }

    fn keep_room(&mut self, room: Room) -> usize {
        let (name, phase) = (room.name, room.phase as usize);
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
        self.phases[phase].push(index);
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

    /// Close a room that nothing keeps; tells whether it is gone.
    fn close_if_over(&mut self, index: usize) -> bool {
        if !self.rooms[index].as_ref().is_some_and(Room::is_over) {
            return false;
        }
        self.vacate(index);
        true
    }

    fn vacate(&mut self, index: usize) -> Option<Room> {
        let room = self.rooms[index].take()?;
        self.phases[room.phase as usize].retain(|place| *place != index);
        self.vacant.push(index);
        if let Some(name) = room.name {
            self.named.remove(&name);
        }
        Some(room)
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
                // A room that leaves may be expected back already; this leg is for before.
                let awaited = self.leaving.iter().any(|leaving| leaving.room == room && leaving.awaited.contains(&leg));
                if let Some(waiting) = self.expected_rooms.get_mut(&room).filter(|_| !awaited) {
                    waiting.push(Command::Arrive { host, room, phase });
                    return true;
                }
                let index = self.room_named(room, phase);
                self.settle(host, index);
                self.catch_up(leg, slot);
            }
            Command::Vanished { leg } => self.catch_up(leg, slot),
            Command::Leg { leg, what } => match self.expected.get_mut(&leg) {
                Some(waiting) => waiting.push(what),
                None => self.command_leg(leg, what, slot),
            },
            Command::ExpectRoom { room, legs } => {
                self.expected_rooms.entry(room).or_default();
                for leg in legs {
                    self.expected.entry(leg).and_modify(|waiting| waiting.push(LegCommand::Await)).or_default();
                }
            }
            Command::MoveRoom { room, thread, legs } => {
                let awaited = legs.iter().copied().filter(|leg| self.expected.contains_key(leg)).collect();
                self.leaving.push(Leaving { room, thread, legs, awaited });
                self.send_rooms();
            }
            Command::ArriveRoom { name, room, legs } => return self.receive_room(name, room, legs, slot),
            Command::Room { room, phase, what } => match self.expected_rooms.get_mut(&room) {
                Some(waiting) => waiting.push(Command::Room { room, phase, what }),
                None => self.command_room(room, phase, what),
            },
            Command::Shutdown => return false,
        }
        true
    }

    /// Send rooms with everything in them to the threads that expect them, once all of their legs are here.
    fn send_rooms(&mut self) {
        let mut waiting = std::mem::take(&mut self.leaving);
        waiting.retain_mut(|leaving| {
            if !leaving.awaited.is_empty() {
                return true;
            }
            let room = self.named.get(&leaving.room).copied().and_then(|index| self.vacate(index));
            for leg in room.iter().flat_map(Room::leg_names) {
                self.place.remove(&leg);
            }
            // The other thread ends only after this one's peers do, at shutdown.
            let (name, legs) = (leaving.room, std::mem::take(&mut leaving.legs));
            let _ = self.peers[leaving.thread].send(Command::ArriveRoom { name, room: room.map(Box::new), legs });
            false
        });
        self.leaving = waiting;
    }

    fn receive_room(&mut self, name: u64, room: Option<Box<Room>>, legs: Vec<u64>, slot: u64) -> bool {
        if let Some(room) = room {
            let present = room.leg_names();
            let index = self.keep_room(*room);
            self.place.extend(present.into_iter().map(|leg| (leg, index)));
        }
        let waiting = self.expected_rooms.remove(&name).unwrap_or_default();
        for command in waiting {
            if let Command::Leg { leg, what } = command {
                // A leg of this thread that was told to enter, and has waited since.
                let kept = self.expected.remove(&leg).unwrap_or_default();
                self.command_leg(leg, what, slot);
                self.expected.insert(leg, kept);
                self.catch_up(leg, slot);
            } else if !self.handle(command, slot) {
                return false;
            }
        }
        for leg in legs {
            self.catch_up(leg, slot);
        }
        true
    }

    /// Apply, or refuse, what was kept for a leg that is no longer expected.
    fn catch_up(&mut self, leg: u64, slot: u64) {
        for leaving in &mut self.leaving {
            leaving.awaited.retain(|awaited| *awaited != leg);
        }
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
            LegCommand::Enter { room, .. } if self.expected_rooms.contains_key(&room) => {
                self.expected.entry(leg).or_default();
                self.expected_rooms.entry(room).or_default().push(Command::Leg { leg, what });
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
        let Some(room) = self.rooms[index].as_mut() else { return };
        if matches!(what, LegCommand::Configure(_)) {
            room.look_again();
        }
        let Some(host) = room.leg(leg) else { return };
        if let LegCommand::Configure(plan) = &what {
            return host.configure(plan, slot * SLOT_MS);
        }
        host.contained(|leg| match what {
            LegCommand::Prompt(prompt) => {
                if matches!(prompt, PromptCommand::Stop { .. }) {
                    leg.expect_jump();
                }
                command_prompts(leg.prompts(), prompt, events);
            }
            LegCommand::SendKeys { keys, digits } => leg.order_keys(keys, &digits),
            LegCommand::WatchSilence { watch, milliseconds } => leg.watch_silence(watch, milliseconds),
            LegCommand::Observe(observer) => leg.observe(*observer),
            LegCommand::Unwatch { watch } => leg.unwatch(watch),
            LegCommand::Close
            | LegCommand::Configure(_)
            | LegCommand::Enter { .. }
            | LegCommand::Leave
            | LegCommand::Await
            | LegCommand::Move { .. } => {}
        });
    }

    /// A command for a leg that is not here: it failed, or was closed on its way.
    fn refuse(&mut self, leg: u64, what: LegCommand) {
        match what {
            LegCommand::Prompt(PromptCommand::Play(PromptPlan { id: play, .. })) => {
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
                RoomCommand::Arrange(arrangement) => room.arrange(arrangement),
                RoomCommand::Dissolve => {
                    room.expect_jump();
                    room.dissolve(&mut self.events);
                }
                RoomCommand::Prompt(prompt) => {
                    if matches!(prompt, PromptCommand::Stop { .. }) {
                        room.expect_jump();
                    }
                    command_prompts(&mut room.prompts, prompt, &mut self.events);
                }
                RoomCommand::Record(tap) => room.record(tap),
                RoomCommand::SweepTaps => room.sweep_taps(),
            }
        }
        self.close_if_over(index);
    }
}
