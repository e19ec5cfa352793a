//! Decodes what is there, and makes up what is not.

use super::{milliseconds, JitterBuffer, PACKET_MS};
use crate::codec::Decoders;
use crate::conceal::HISTORY_MS;

impl JitterBuffer {
    /// Decode until `wanted` samples are ready, and make up what is missing; returns how many were made up.
    pub(super) fn fill(&mut self, decoders: &mut Decoders, wanted: usize) -> usize {
        let mut made_up = 0;
        self.make_room();
        while (self.ready() as usize) < wanted {
            let missing = wanted - self.ready() as usize;
            let Some(index) = self.shelf.earliest() else {
                self.borrowed += missing as i64;
                made_up += missing;
                self.make_up(missing);
                continue;
            };
            let hole = self.shelf.slot(index).position - self.end;
            if hole <= 0 {
                self.borrowed = 0;
                self.decode(index, decoders);
                continue;
            }
            if self.borrowed > 0 {
                // What was made up while waiting was this hole.
                self.end += self.borrowed.min(hole);
                self.borrowed = 0;
                continue;
            }
            if let Some(count) = self.recover(index, hole, decoders) {
                made_up += count;
                continue;
            }
            let count = missing.min(hole as usize);
            made_up += count;
            self.make_up(count);
            self.end += count as i64;
        }
        made_up
    }

    /// Let the codec itself make up a whole lost packet, if it can: it may know something of it from the next.
    pub(super) fn recover(&mut self, index: usize, hole: i64, decoders: &mut Decoders) -> Option<usize> {
        let lost = usize::try_from(self.packet).ok()?;
        if hole < self.packet || self.pcm.len() + lost > self.pcm.capacity() {
            return None;
        }
        let (_, payload) = self.shelf.packet(index);
        let start = self.pcm.len();
        self.pcm.resize(start + lost, 0);
        let after = (hole == self.packet).then_some(payload);
        let count = decoders.agreed().conceal(after, &mut self.pcm[start..]).min(lost);
        self.pcm.truncate(start + count);
        if count == 0 {
            return None;
        }
        self.concealer.merge(&mut self.pcm[start..]);
        self.end += count as i64;
        Some(count)
    }

    pub(super) fn make_up(&mut self, count: usize) {
        let start = self.pcm.len();
        self.pcm.resize(start + count, 0);
        if self.pause.is_none_or(|pause| pause > self.end) {
            self.concealer.make_up(&mut self.pcm, start);
        }
    }

    /// Decode a slot's packet to the end of what is ready. Of one whose time is over nothing is left.
    pub(super) fn decode(&mut self, index: usize, decoders: &mut Decoders) {
        self.shelf.remove(index);
        let (slot, payload) = self.shelf.packet(index);
        let start = self.pcm.len();
        let room = (self.pcm.capacity() - start).min(slot.samples as usize);
        self.pcm.resize(start + room, 0);
        let decoder = decoders.find(slot.payload_type);
        let count = decoder.map_or(0, |decoder| decoder.decode(payload, &mut self.pcm[start..])).min(room);
        let past = ((self.end - slot.position) as usize).min(count);
        self.pcm.copy_within(start + past..start + count, start);
        self.pcm.truncate(start + count - past);
        self.end = self.end.max(slot.position + count as i64);
        self.concealer.merge(&mut self.pcm[start..]);
    }

    /// Keep room for a packet: move the past, and what is ready, to the beginning.
    pub(super) fn make_room(&mut self) {
        let history = milliseconds(self.rate, HISTORY_MS);
        let wanted = milliseconds(self.rate, PACKET_MS + 40);
        if self.pcm.capacity() - self.pcm.len() < wanted && self.front > history {
            self.pcm.drain(..self.front - history);
            self.front = history;
        }
    }
}
