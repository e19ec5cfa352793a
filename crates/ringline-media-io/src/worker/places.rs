//! Which room has which place on a thread, and which leg is in which room.

use super::{Worker, SLOTS_PER_FRAME};
use crate::host::LegHost;
use crate::room::Room;

impl Worker {
    pub(super) fn make_room(&mut self, name: Option<u64>, phase: u64) -> usize {
        let room = Room::new(name, phase % SLOTS_PER_FRAME, self.loudest);
        self.keep_room(room)
    }

    pub(super) fn keep_room(&mut self, room: Room) -> usize {
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

    pub(super) fn room_named(&mut self, name: u64, phase: u64) -> usize {
        match self.named.get(&name) {
            Some(index) => *index,
            None => self.make_room(Some(name), phase),
        }
    }

    /// Close a room that nothing keeps; tells whether it is gone.
    pub(super) fn close_if_over(&mut self, index: usize) -> bool {
        if !self.rooms[index].as_ref().is_some_and(Room::is_over) {
            return false;
        }
        self.vacate(index);
        true
    }

    pub(super) fn vacate(&mut self, index: usize) -> Option<Room> {
        let room = self.rooms[index].take()?;
        self.phases[room.phase as usize].retain(|place| *place != index);
        self.vacant.push(index);
        if let Some(name) = room.name {
            self.named.remove(&name);
        }
        Some(room)
    }

    pub(super) fn settle(&mut self, host: Box<LegHost>, index: usize) {
        self.place.insert(host.id(), index);
        if let Some(room) = &mut self.rooms[index] {
            room.enter(host);
        }
    }

    pub(super) fn take_leg(&mut self, leg: u64) -> Option<Box<LegHost>> {
        let index = self.place.remove(&leg)?;
        let host = self.rooms[index].as_mut()?.take(leg);
        self.close_if_over(index);
        host
    }
}
