//! The packets that wait for their time, in no order.

use crate::rtp::RtpPacket;

/// Packets kept: 320 ms at the shortest usual length.
pub(super) const SLOTS: usize = 32;

/// A stored packet; its payload lies apart, so that looking through the slots touches little memory.
#[derive(Clone, Copy, Default)]
pub(super) struct Slot {
    pub(super) payload_type: u8,
    pub(super) samples: i32,
    /// Place in the stream of its first sample.
    pub(super) position: i64,
}

/// What a slot has room for as soon as it is used: 30 ms of G.711. Longer packets make it larger, once.
const USUAL_BYTES: usize = 256;

/// A fixed number of packets. Allocates when it is made, when a slot is used for the first time, and when it gets a longer
/// payload than ever before.
pub(super) struct Shelf {
    /// Apart, for most packets are played without ever lying here.
    slots: Box<[Slot; SLOTS]>,
    /// Bit n: slot n holds a packet.
    used: u32,
    payloads: Box<[Vec<u8>; SLOTS]>,
    payload_bytes: usize,
}

impl Shelf {
    pub(super) fn new(payload_bytes: usize) -> Self {
        Shelf {
            slots: Box::new([Slot::default(); SLOTS]),
            used: 0,
            // On a quiet network all but the first stay empty for ever.
            payloads: Box::new(std::array::from_fn(|_| Vec::new())),
            payload_bytes,
        }
    }

    /// Whether a payload of so many bytes has room.
    pub(super) fn fits(&self, length: usize) -> bool {
        length <= self.payload_bytes
    }

    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// The slots that hold a packet.
    fn stored(&self) -> impl Iterator<Item = usize> {
        let mut left = self.used;
        std::iter::from_fn(move || {
            let index = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (index < SLOTS).then_some(index)
        })
    }

    /// Whether a packet of this place in the stream is here.
    pub(super) fn holds(&self, position: i64) -> bool {
        self.stored().any(|index| self.slots[index].position == position)
    }

    /// Put a packet in; when all is full, in the place of the earliest.
    pub(super) fn put(&mut self, packet: &RtpPacket<'_>, position: i64, samples: i64) {
        let index = match self.used.trailing_ones() as usize {
            SLOTS => self.earliest().unwrap_or(0),
            index => index,
        };
        self.used |= 1 << index;
        self.slots[index] = Slot { payload_type: packet.payload_type, position, samples: samples as i32 };
        self.payloads[index].clear();
        self.payloads[index].reserve(packet.payload.len().max(self.payload_bytes.min(USUAL_BYTES)));
        self.payloads[index].extend_from_slice(packet.payload);
    }

    /// The slot of the packet that comes first in the stream.
    pub(super) fn earliest(&self) -> Option<usize> {
        self.stored().min_by_key(|index| self.slots[*index].position)
    }

    pub(super) fn slot(&self, index: usize) -> &Slot {
        &self.slots[index]
    }

    /// A slot and its payload, which stays readable until another packet is put in.
    pub(super) fn packet(&self, index: usize) -> (&Slot, &[u8]) {
        (&self.slots[index], &self.payloads[index])
    }

    /// Empty a slot.
    pub(super) fn remove(&mut self, index: usize) {
        self.used &= !(1 << index);
    }

    /// Where the audio ends that is here without a gap from `end` on; what lies beyond `enough` does not matter.
    pub(super) fn without_gap(&self, mut end: i64, enough: i64) -> i64 {
        while end < enough {
            let over = |index: usize| self.slots[index].position + i64::from(self.slots[index].samples);
            let follows = |index: &usize| self.slots[*index].position <= end && over(*index) > end;
            match self.stored().find(follows) {
                Some(index) => end = over(index),
                None => break,
            }
        }
        end
    }
}
