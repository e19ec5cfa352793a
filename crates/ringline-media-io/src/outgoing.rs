//! Packets of a thread's legs that are about to leave.

use std::net::SocketAddr;

/// Where in its thread a leg is: its room's place, and its own in the room.
pub(crate) type Place = (usize, usize);

struct Packet {
    place: Place,
    to: SocketAddr,
    length: usize,
}

/// Packets of several rooms, sent one after the other: who is woken by them (a network card, a capture, a program on this
/// machine) is woken once, not again after every room. Allocates only when more wait than ever before.
#[derive(Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    packets: Vec<Packet>,
    /// Whose packets come next.
    place: Place,
}

impl Outgoing {
    /// The room whose packets come next.
    pub(crate) fn of_room(&mut self, room: usize) {
        self.place = (room, 0);
    }

    /// And the leg of it.
    pub(crate) fn of_leg(&mut self, leg: usize) {
        self.place.1 = leg;
    }

    pub(crate) fn put(&mut self, to: SocketAddr, packet: &[u8]) {
        self.bytes.extend_from_slice(packet);
        self.packets.push(Packet { place: self.place, to, length: packet.len() });
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.packets.len()
    }

    /// Hand all of them to `send`, in the order in which they came.
    pub(crate) fn send_all(&mut self, mut send: impl FnMut(Place, SocketAddr, &[u8])) {
        let mut rest = &self.bytes[..];
        for Packet { place, to, length } in self.packets.drain(..) {
            let (packet, after) = rest.split_at(length);
            send(place, to, packet);
            rest = after;
        }
        self.bytes.clear();
    }
}
