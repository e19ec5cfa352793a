//! Hands packets on as they came, where nobody needs to hear them.

use super::pace::{CALM_FRAMES, SPARE_MS, SURE};
use super::{milliseconds, JitterBuffer, PAUSE_MS};
use crate::codec::Decoders;
use crate::conceal::HISTORY_MS;

/// A packet that is handed on as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarded<'a> {
    /// Its RTP number.
    pub payload_type: u8,
    /// The coded audio.
    pub payload: &'a [u8],
    /// Where in the frame it begins, in samples.
    pub offset: usize,
}

impl JitterBuffer {
    /// Whether the next frame can be handed on as it came: it is all there in packets of so many milliseconds, none of
    /// them is half played, and none must be led into from what was made up before it.
    pub fn can_forward(&self, packet_ms: u32) -> bool {
        let fitting = self.packet == milliseconds(self.rate, packet_ms as usize) as i64 && self.packet == self.grid;
        fitting && self.ready() == 0 && !self.concealer.is_active() && self.is_ready()
    }

    /// Packets are decoded again: what was handed on last brings the decoder up to date, which otherwise knows what it
    /// decoded before that, perhaps minutes ago; and it is the past that a loss is made up from.
    pub(super) fn recall(&mut self, decoders: &mut Decoders) {
        if self.passed.is_empty() {
            return;
        }
        let history = milliseconds(self.rate, HISTORY_MS);
        self.pcm.truncate(history);
        self.pcm.fill(0);
        for (payload_type, payload, samples) in self.passed.packets() {
            let start = self.pcm.len();
            let samples = samples.min(self.pcm.capacity() - start);
            self.pcm.resize(start + samples, 0);
            let decoder = decoders.find(payload_type);
            let count = decoder.map_or(0, |decoder| decoder.decode(payload, &mut self.pcm[start..])).min(samples);
            self.pcm.truncate(start + count);
        }
        let older = self.pcm.len() - history;
        self.pcm.drain(..older);
        self.front = history;
        self.passed.clear();
    }

    /// Instead of `pop`: hand on the packets of the next frame as they are. Returns the samples that have passed: most
    /// often one frame, none while packets are waited for, or two to catch up.
    pub fn forward(&mut self, now_us: u64, mut emit: impl FnMut(Forwarded<'_>)) -> usize {
        let now = self.delay.moment(now_us);
        if !self.is_playing(now) {
            return self.rate.samples();
        }
        self.concealer.reset();
        self.calm = self.calm.saturating_add(1);
        self.played = self.end;
        self.held = now - self.played - self.delay.quickest();
        let slack = now - self.end - self.required(self.end);
        let frame = self.frame_samples();
        let (grown, shrunk) = (slack < 0, slack >= frame + self.samples(SPARE_MS));
        if self.calm >= CALM_FRAMES && (grown || (shrunk && self.delay.seen() >= SURE)) {
            self.calm = 0;
            if grown {
                return 0;
            }
            self.forward_frame(0, &mut emit);
            return frame as usize + self.forward_frame(frame as usize, &mut emit);
        }
        self.forward_frame(0, &mut emit)
    }

    fn forward_frame(&mut self, begun: usize, emit: &mut impl FnMut(Forwarded<'_>)) -> usize {
        let frame = self.frame_samples();
        let hole = self.shelf.earliest().map_or(0, |index| self.shelf.slot(index).position - self.end);
        // What was waited for turns out to be lost: the time has passed all the same.
        let lost = self.borrowed.min(hole.max(0));
        self.end += lost;
        let begun = begun + lost as usize;
        let until = self.end + frame;
        let mut any = self.newest + self.packet >= until;
        while let Some(index) = self.shelf.earliest().filter(|index| self.shelf.slot(*index).position < until) {
            self.shelf.remove(index);
            let (slot, payload) = self.shelf.packet(index);
            any = true;
            if slot.position >= self.end {
                self.passed.put(slot.payload_type, payload, slot.samples as usize);
                emit(Forwarded {
                    payload_type: slot.payload_type,
                    payload,
                    offset: begun + (slot.position - self.end) as usize,
                });
            }
        }
        if any {
            self.borrowed = 0;
            self.end = until;
            return (lost + frame) as usize;
        }
        self.borrowed += frame;
        if self.borrowed >= self.samples(PAUSE_MS) {
            self.pause_here();
            return self.samples(PAUSE_MS) as usize;
        }
        0
    }
}
