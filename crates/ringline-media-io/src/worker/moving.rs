//! Legs and rooms that come from other threads and go there, and what waits for them meanwhile.

use super::Worker;
use crate::command::{Command, LegCommand};
use crate::room::Room;

/// A room that is about to leave for another thread.
pub(super) struct Leaving {
    pub(super) room: u64,
    pub(super) thread: usize,
    pub(super) legs: Vec<u64>,
    /// Legs of it that are still on their way here.
    pub(super) awaited: Vec<u64>,
}

impl Worker {
    /// Send rooms with everything in them to the threads that expect them, once all of their legs are here.
    pub(super) fn send_rooms(&mut self) {
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

    pub(super) fn receive_room(&mut self, name: u64, room: Option<Box<Room>>, legs: Vec<u64>, slot: u64) -> bool {
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
    pub(super) fn catch_up(&mut self, leg: u64, slot: u64) {
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
}
