//! Rooms on the control side: who is where, and which thread has whom.

use std::collections::HashSet;

use super::{MediaCore, RoomRecord};
use crate::command::{Arrangement, Command, LegCommand, RoomCommand};

/// A thread may have so many legs more than another before a room moves.
const UNEVEN_LEGS: usize = 8;

impl MediaCore {
    /// Say who is in a room and what they hear of each other; nobody dissolves it.
    pub fn arrange(&mut self, room: u64, arrangement: Arrangement) {
        let known = |leg: &u64| self.legs.contains_key(leg);
        let members: Vec<u64> = arrangement.hears.iter().map(|(leg, _)| *leg).filter(known).collect();
        let before = self.rooms.get(&room).map(|record| record.members.clone()).unwrap_or_default();
        let staying: HashSet<u64> = members.iter().copied().collect();
        for leg in before.into_iter().filter(|leg| !staying.contains(leg)) {
            if let Some(record) = self.legs.get_mut(&leg) {
                record.room = None;
            }
            self.send_leg(leg, LegCommand::Leave);
        }
        if arrangement.hears.is_empty() {
            self.send_room(room, RoomCommand::Dissolve);
            if let Some(record) = self.rooms.get_mut(&room) {
                record.members.clear();
                record.arranged = false;
            }
            return self.forget_room_if_over(room);
        }
        self.make_room(room, members.first().copied());
        for leg in &members {
            self.bring(*leg, room);
        }
        if let Some(record) = self.rooms.get_mut(&room) {
            record.members = members;
            record.arranged = true;
        }
        self.send_room(room, RoomCommand::Arrange(arrangement));
        self.balance();
    }

    /// Move a room from the busiest thread to the quietest, if that evens them out.
    pub(super) fn balance(&mut self) {
        let busiest = (0..self.threads.len()).max_by_key(|index| self.threads[*index].legs).unwrap_or(0);
        let quietest = self.quietest_thread();
        let difference = self.threads[busiest].legs - self.threads[quietest].legs;
        if difference < UNEVEN_LEGS || 4 * difference < self.threads[busiest].legs {
            return;
        }
        let fitting = self.rooms.iter().filter(|(_, room)| {
            room.thread == busiest && !room.members.is_empty() && 2 * room.members.len() <= difference
        });
        // The largest that fits; of those alike any would do, but it should be the same one every time.
        let Some(room) = fitting.max_by_key(|(name, room)| (room.members.len(), **name)).map(|(name, _)| *name) else {
            return;
        };
        let Some(record) = self.rooms.get_mut(&room) else { return };
        record.thread = quietest;
        let (legs, phase) = (record.members.clone(), record.phase);
        for leg in &legs {
            if let Some(record) = self.legs.get_mut(leg) {
                record.thread = quietest;
            }
        }
        for _ in &legs {
            self.threads[busiest].leave(phase);
            self.threads[quietest].enter(phase);
        }
        self.rooms_moved += 1;
        // First the new thread learns what is coming, so that commands sent to it from now on wait there.
        self.send(quietest, Command::ExpectRoom { room, legs: legs.clone() });
        self.send(busiest, Command::MoveRoom { room, thread: quietest, legs });
    }

    /// Let a leg enter a room, wherever it is now.
    pub(super) fn bring(&mut self, leg: u64, room: u64) {
        let (Some(record), Some(target)) = (self.legs.get_mut(&leg), self.rooms.get(&room)) else { return };
        if record.room == Some(room) {
            return;
        }
        let left = record.room.replace(room);
        let (from, thread, phase) = (record.thread, target.thread, target.phase);
        let phase_before = record.phase;
        record.thread = thread;
        record.phase = phase;
        if let Some(left) = left.and_then(|left| self.rooms.get_mut(&left)) {
            left.members.retain(|member| *member != leg);
        }
        self.threads[from].leave(phase_before);
        self.threads[thread].enter(phase);
        if from == thread {
            self.send(thread, Command::Leg { leg, what: LegCommand::Enter { room, phase } });
        } else {
            // First the new thread learns that the leg is coming, so that commands sent to it from now on wait there.
            self.send(thread, Command::Expect { leg });
            self.send(from, Command::Leg { leg, what: LegCommand::Move { thread, room, phase } });
        }
    }

    /// Make a room where its first leg is already, so that this one need not move.
    pub(super) fn make_room(&mut self, room: u64, first: Option<u64>) {
        if self.rooms.contains_key(&room) {
            return;
        }
        let (thread, phase) = match first.and_then(|leg| self.legs.get(&leg)) {
            Some(record) => (record.thread, record.phase),
            None => {
                let thread = self.quietest_thread();
                (thread, self.threads[thread].phase())
            }
        };
        self.rooms.insert(room, RoomRecord { thread, phase, members: Vec::new(), holds: 0, arranged: false });
    }

    pub(super) fn hold_room(&mut self, room: u64) {
        self.make_room(room, None);
        if let Some(record) = self.rooms.get_mut(&room) {
            record.holds += 1;
        }
    }

    pub(super) fn release_hold(&mut self, room: u64) {
        if let Some(record) = self.rooms.get_mut(&room) {
            record.holds -= 1;
        }
        self.forget_room_if_over(room);
    }

    pub(super) fn forget_room_if_over(&mut self, room: u64) {
        if self.rooms.get(&room).is_some_and(|record| record.holds == 0 && !record.arranged) {
            self.rooms.remove(&room);
        }
    }
}
