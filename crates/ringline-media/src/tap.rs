//! Recording taps: what was said in a room, in channels, on one timeline.

use std::sync::Arc;

use crate::frame::{add, Frame, Sum, FRAME, RATE_HZ, SILENCE};
use crate::limiter;
use crate::ring::Ring;

/// Most channels of one tap.
pub const MAX_CHANNELS: usize = 32;
/// Seconds of audio that wait for a slow reader at most.
const CAPACITY_S: usize = 4;
/// Frames that make a block worth waking the reader for (200 ms).
const BLOCK_FRAMES: usize = 10;

/// How the channels of a tap are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One channel: every voice of the room and its prompts.
    Mono,
    /// Two: what the leg says, and what it hears.
    Heard(u64),
    /// So many: legs in order of joining, the surplus in the last.
    Slots(usize),
}

impl Layout {
    /// Number of channels.
    pub fn channels(self) -> usize {
        match self {
            Layout::Mono => 1,
            Layout::Heard(_) => 2,
            Layout::Slots(channels) => channels,
        }
    }
}

/// The reader's and the writer's ends of a new tap.
pub fn open_tap(id: u64, layout: Layout) -> (Tap, Arc<Ring>) {
    let channels = layout.channels();
    let ring = Arc::new(Ring::new(CAPACITY_S * RATE_HZ as usize * channels));
    let tap = Tap {
        id,
        layout,
        ring: Arc::clone(&ring),
        slots: Vec::new(),
        sums: vec![[0; FRAME]; channels],
        sources: vec![0; channels],
        interleaved: vec![0; FRAME * channels],
    };
    (tap, ring)
}

/// The writer's end: takes one frame of a room per tick, whoever is there, so that all channels share one timeline.
pub struct Tap {
    /// Names the tap.
    pub id: u64,
    layout: Layout,
    ring: Arc<Ring>,
    /// Legs that own a slot, in order; those that left keep theirs.
    slots: Vec<u64>,
    sums: Vec<Sum>,
    sources: Vec<usize>,
    interleaved: Vec<i16>,
}

impl Tap {
    /// Give slots to legs that have none yet.
    pub fn join(&mut self, legs: &[u64]) {
        if let Layout::Slots(channels) = self.layout {
            for leg in legs {
                if self.slots.len() + 1 < channels && !self.slots.contains(leg) {
                    self.slots.push(*leg);
                }
            }
        }
    }

    /// The leg whose ears this tap wants.
    pub fn listener(&self) -> Option<u64> {
        match self.layout {
            Layout::Heard(leg) => Some(leg),
            _ => None,
        }
    }

    /// Whether the reader has gone.
    pub fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    /// Take what a leg said in this frame.
    pub fn say(&mut self, leg: u64, frame: &Frame) {
        let channel = match self.layout {
            Layout::Mono => 0,
            Layout::Heard(wanted) if wanted == leg => 0,
            Layout::Heard(_) => return,
            Layout::Slots(channels) => self.slots.iter().position(|known| *known == leg).unwrap_or(channels - 1),
        };
        add(&mut self.sums[channel], frame);
        self.sources[channel] += 1;
    }

    /// Take the room's prompts of this frame.
    pub fn prompt(&mut self, prompts: &Sum, sources: usize) {
        if self.layout == Layout::Mono && sources > 0 {
            for (total, sample) in self.sums[0].iter_mut().zip(prompts) {
                *total += sample;
            }
            self.sources[0] += sources;
        }
    }

    /// Take what the listener heard in this frame, as it was sent.
    pub fn hear(&mut self, frame: &Frame) {
        add(&mut self.sums[1], frame);
        self.sources[1] += 1;
    }

    /// Write the frame; true when the reader should be told that a block waits.
    pub fn finish_frame(&mut self) -> bool {
        let channels = self.sums.len();
        for (channel, (sum, sources)) in self.sums.iter_mut().zip(&mut self.sources).enumerate() {
            let mut frame = SILENCE;
            match sources {
                0 => {}
                1 => limiter::copy(sum, &mut frame),
                _ => limiter::limit(sum, &mut frame),
            }
            for (position, sample) in frame.iter().enumerate() {
                self.interleaved[position * channels + channel] = *sample;
            }
            *sum = [0; FRAME];
            *sources = 0;
        }
        self.ring.write(&self.interleaved);
        self.ring.announce(BLOCK_FRAMES * FRAME * channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_samples(ring: &Ring, channels: usize) -> Vec<i16> {
        let mut bytes = Vec::new();
        ring.drain(&mut bytes);
        assert_eq!(bytes.len(), 2 * FRAME * channels);
        bytes.chunks(2).take(channels).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn mono_holds_voices_and_room_prompts() {
        let (mut tap, ring) = open_tap(1, Layout::Mono);
        tap.say(1, &[100; FRAME]);
        tap.say(2, &[20; FRAME]);
        tap.prompt(&[3; FRAME], 1);
        tap.finish_frame();
        assert_eq!(first_samples(&ring, 1), [123]);
    }

    #[test]
    fn heard_holds_the_mouth_left_and_the_ears_right() {
        let (mut tap, ring) = open_tap(1, Layout::Heard(7));
        tap.say(7, &[5; FRAME]);
        tap.say(8, &[6; FRAME]);
        tap.prompt(&[3; FRAME], 1);
        tap.hear(&[9; FRAME]);
        tap.finish_frame();
        assert_eq!(first_samples(&ring, 2), [5, 9]);
    }

    #[test]
    fn slots_go_by_joining_and_the_surplus_shares_the_last() {
        let (mut tap, ring) = open_tap(1, Layout::Slots(3));
        tap.join(&[11, 12]);
        tap.join(&[12, 13, 14]);
        for (leg, value) in [(11, 1), (12, 2), (13, 4), (14, 8)] {
            tap.say(leg, &[value; FRAME]);
        }
        tap.finish_frame();
        assert_eq!(first_samples(&ring, 3), [1, 2, 12]);
        // 12 leaves and 15 comes: 12's slot stays silent.
        tap.join(&[15]);
        for (leg, value) in [(11, 1), (15, 16)] {
            tap.say(leg, &[value; FRAME]);
        }
        tap.finish_frame();
        assert_eq!(first_samples(&ring, 3), [1, 0, 16]);
    }

    #[test]
    fn a_block_is_told_after_200_ms() {
        let (mut tap, _ring) = open_tap(1, Layout::Mono);
        let told: Vec<_> = (0..12).map(|_| tap.finish_frame()).collect();
        assert_eq!(told.iter().position(|ready| *ready), Some(9));
        assert_eq!(told.iter().filter(|ready| **ready).count(), 1);
    }
}
