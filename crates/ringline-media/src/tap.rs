//! Recording taps: what was said in a room, in channels, on one timeline.

use std::sync::Arc;

use crate::frame::{Rate, MAX_FRAME};
use crate::limiter;
use crate::ring::Ring;

mod reader;

pub use reader::TapReader;

/// Most channels of one tap.
pub const MAX_CHANNELS: usize = 32;
/// Seconds of audio at 16 kHz that wait for a slow reader at most.
const CAPACITY_S: usize = 2;
/// Frames that make a block worth waking the reader for (200 ms).
const BLOCK_FRAMES: usize = 10;
/// The same for a listener, who is waited for (100 ms).
const EAR_FRAMES: usize = 5;
/// A pause begins and ends within so much of a frame: a 4th, which is 5 ms, without a click.
const FADED: usize = 4;
/// Instead of a rate: a gap follows, of so many frames.
const GAP: i16 = -1;
/// The longest gap that is written at once (five minutes).
const MAX_GAP: u32 = i16::MAX as u32 / 2;

/// How the channels of a tap are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One channel: every voice of the room, its prompts and those of each leg.
    Mono,
    /// Two: what the leg says, and what it hears.
    Heard(u64),
    /// So many: legs in order of joining, the surplus in the last. No prompts.
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

/// The writer's and the reader's ends of a new tap; the reader gets `rate` whatever the room's is.
pub fn open_tap(id: u64, layout: Layout, rate: Rate) -> (Tap, TapReader) {
    open(id, layout, rate, BLOCK_FRAMES)
}

/// The same for what one leg says, which is told sooner.
pub fn open_ear(id: u64, rate: Rate) -> (Tap, TapReader) {
    open(id, Layout::Mono, rate, EAR_FRAMES)
}

fn open(id: u64, layout: Layout, rate: Rate, block_frames: usize) -> (Tap, TapReader) {
    let channels = layout.channels();
    let ring = Arc::new(Ring::new(CAPACITY_S * Rate::Wide.hz() as usize * channels));
    let tap = Tap {
        id,
        layout,
        block_frames,
        ring: Arc::clone(&ring),
        slots: Vec::new(),
        sums: vec![[0; MAX_FRAME]; channels],
        sources: vec![0; channels],
        behind: vec![0; channels],
        placed: vec![false; channels],
        paused: false,
        silent: false,
        written: Vec::with_capacity(1 + channels + MAX_FRAME * channels),
    };
    (tap, TapReader::new(ring, channels, rate))
}

/// The writer's end: takes one frame of a room per tick, whoever is there, so that all channels share one timeline.
///
/// A frame goes into the ring as its rate, by how much each channel is behind the time at which it was said, then its
/// samples, interleaved: conversion and alignment are the reader's work.
pub struct Tap {
    /// Names the tap.
    pub id: u64,
    layout: Layout,
    block_frames: usize,
    ring: Arc<Ring>,
    /// Legs that own a slot, in order; those that left keep theirs.
    slots: Vec<u64>,
    /// What each channel holds of this frame, if it has sources: else what was left there before.
    sums: Vec<[i32; MAX_FRAME]>,
    sources: Vec<usize>,
    /// By how much what a channel holds is behind the time at which it was said, as last known.
    behind: Vec<i16>,
    /// Whether that is known for this frame.
    placed: Vec<bool>,
    /// Nothing of what is said shall be written, and nothing was of the frame before.
    paused: bool,
    silent: bool,
    written: Vec<i16>,
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

    /// Write silence instead of everything from the next frame on, or no longer: the timeline goes on.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// As `Leg::whereabouts`, for frames of a rate, in two steps: what a frame is made in, then where it goes.
    pub fn whereabouts(&self, step: usize, rate: Rate, tell: &mut impl FnMut(*const u8, usize)) {
        let (channels, samples) = (self.sums.len(), rate.samples());
        let length = 1 + channels + samples * channels;
        if step > 0 {
            return self.ring.whereabouts(length, tell);
        }
        tell(Arc::as_ptr(&self.ring).cast(), size_of::<Ring>());
        tell(self.written.as_ptr().cast(), 2 * length);
        for sum in &self.sums {
            tell(sum.as_ptr().cast(), 4 * samples);
        }
        tell(self.sources.as_ptr().cast(), size_of_val(&self.sources[..]));
        tell(self.behind.as_ptr().cast(), size_of_val(&self.behind[..]));
        tell(self.placed.as_ptr().cast(), size_of_val(&self.placed[..]));
    }

    /// The leg whose ears this tap wants.
    pub fn listener(&self) -> Option<u64> {
        match self.layout {
            Layout::Heard(leg) => Some(leg),
            _ => None,
        }
    }

    /// Whether it takes prompts: the room's, and each leg's own.
    pub fn wants_prompts(&self) -> bool {
        self.layout == Layout::Mono
    }

    /// Whether the reader has gone.
    pub fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    /// Take what a leg said in this frame, and by how much that is behind (sixteenths of a millisecond).
    ///
    /// A channel that several share goes by the first of them, what a leg hears by the first who is heard.
    pub fn say(&mut self, leg: u64, frame: &[i16], behind: i16) {
        let channel = match self.layout {
            Layout::Mono => 0,
            Layout::Heard(wanted) if wanted == leg => 0,
            Layout::Heard(_) => return self.place(1, behind),
            Layout::Slots(channels) => self.slots.iter().position(|known| *known == leg).unwrap_or(channels - 1),
        };
        self.place(channel, behind);
        self.add(channel, frame.iter().map(|sample| i32::from(*sample)), 1);
    }

    /// Add so many sources to a channel. The first of a frame lays down what the others are added to.
    fn add(&mut self, channel: usize, samples: impl Iterator<Item = i32>, sources: usize) {
        let sum = self.sums[channel].iter_mut().zip(samples);
        match self.sources[channel] {
            0 => sum.for_each(|(total, sample)| *total = sample),
            _ => sum.for_each(|(total, sample)| *total += sample),
        }
        self.sources[channel] += sources;
    }

    fn place(&mut self, channel: usize, behind: i16) {
        if !std::mem::replace(&mut self.placed[channel], true) {
            self.behind[channel] = behind;
        }
    }

    /// Take prompts of this frame: the room's, or a leg's own.
    pub fn prompt(&mut self, prompts: &[i32], sources: usize) {
        if self.wants_prompts() && sources > 0 {
            self.add(0, prompts.iter().copied(), sources);
        }
    }

    /// Take what the listener heard in this frame, as it was sent.
    pub fn hear(&mut self, frame: &[i16]) {
        self.add(1, frame.iter().map(|sample| i32::from(*sample)), 1);
    }

    /// Write the frame, which has the room's rate; true when the reader should be told that a block waits.
    pub fn finish_frame(&mut self, rate: Rate) -> bool {
        let (channels, samples) = (self.sums.len(), rate.samples());
        let was_silent = std::mem::replace(&mut self.silent, self.paused);
        self.written.clear();
        self.written.push((rate.hz() / 1000) as i16);
        self.written.extend(&self.behind);
        self.written.resize(1 + channels + samples * channels, 0);
        self.placed.fill(false);
        for (channel, (sum, sources)) in self.sums.iter_mut().zip(&mut self.sources).enumerate() {
            let bring_into_range = match std::mem::take(sources) {
                0 => continue,
                1 => limiter::copy,
                _ => limiter::limit,
            };
            let places = &mut self.written[1 + channels + channel..];
            if channels == 1 {
                bring_into_range(&sum[..samples], places);
                fade(places, was_silent, self.paused);
                continue;
            }
            let mut frame = [0; MAX_FRAME];
            bring_into_range(&sum[..samples], &mut frame[..samples]);
            fade(&mut frame[..samples], was_silent, self.paused);
            for (place, sample) in places.iter_mut().step_by(channels).zip(&frame[..samples]) {
                *place = *sample;
            }
        }
        self.ring.write(&self.written);
        self.ring.announce(self.block_frames * self.written.len())
    }

    /// So many frames passed in which nobody was listened to: silence keeps what follows in its place.
    pub fn skip(&mut self, mut frames: u32) {
        while frames > 0 {
            let count = frames.min(MAX_GAP);
            self.ring.write(&[GAP, count as i16]);
            frames -= count;
        }
    }
}

/// What is left of a frame of a recording that was silent before it, or is to be silent.
fn fade(frame: &mut [i16], was_silent: bool, is_silent: bool) {
    if !is_silent && !was_silent {
        return;
    }
    let length = frame.len() / FADED;
    for (at, sample) in frame.iter_mut().enumerate() {
        let gone = at.min(length) as i32;
        let left = match (was_silent, is_silent) {
            (true, true) => 0,
            (false, true) => length as i32 - gone,
            _ => gone,
        };
        *sample = (i32::from(*sample) * left / length as i32) as i16;
    }
}

#[cfg(test)]
mod tests;
