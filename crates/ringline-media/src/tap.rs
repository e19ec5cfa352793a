//! Recording taps: what was said in a room, in channels, on one timeline.

use std::sync::Arc;

use crate::align::Aligner;
use crate::frame::{add, Rate, FRAME_MS, MAX_FRAME};
use crate::limiter;
use crate::resample::Resampler;
use crate::ring::Ring;

/// Most channels of one tap.
pub const MAX_CHANNELS: usize = 32;
/// Seconds of audio at 16 kHz that wait for a slow reader at most.
const CAPACITY_S: usize = 2;
/// Frames that make a block worth waking the reader for (200 ms).
const BLOCK_FRAMES: usize = 10;
/// The same for a listener, who is waited for (100 ms).
const EAR_FRAMES: usize = 5;
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
        written: Vec::with_capacity(1 + channels + MAX_FRAME * channels),
    };
    // One channel has nothing to be aligned with.
    let aligners = if channels > 1 { (0..channels).map(|_| Aligner::new(rate)).collect() } else { Vec::new() };
    (tap, TapReader { ring, rate, channels, from: rate, resamplers: Vec::new(), aligners, held_back: 0 })
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
    sums: Vec<[i32; MAX_FRAME]>,
    sources: Vec<usize>,
    /// By how much what a channel holds is behind the time at which it was said, as last known.
    behind: Vec<i16>,
    /// Whether that is known for this frame.
    placed: Vec<bool>,
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
        add(&mut self.sums[channel], frame);
        self.sources[channel] += 1;
    }

    fn place(&mut self, channel: usize, behind: i16) {
        if !std::mem::replace(&mut self.placed[channel], true) {
            self.behind[channel] = behind;
        }
    }

    /// Take prompts of this frame: the room's, or a leg's own.
    pub fn prompt(&mut self, prompts: &[i32], sources: usize) {
        if self.wants_prompts() && sources > 0 {
            for (total, sample) in self.sums[0].iter_mut().zip(prompts) {
                *total += sample;
            }
            self.sources[0] += sources;
        }
    }

    /// Take what the listener heard in this frame, as it was sent.
    pub fn hear(&mut self, frame: &[i16]) {
        add(&mut self.sums[1], frame);
        self.sources[1] += 1;
    }

    /// Write the frame, which has the room's rate; true when the reader should be told that a block waits.
    pub fn finish_frame(&mut self, rate: Rate) -> bool {
        let (channels, samples) = (self.sums.len(), rate.samples());
        self.written.clear();
        self.written.push((rate.hz() / 1000) as i16);
        self.written.extend(&self.behind);
        self.written.resize(1 + channels + samples * channels, 0);
        self.placed.fill(false);
        for (channel, (sum, sources)) in self.sums.iter_mut().zip(&mut self.sources).enumerate() {
            if *sources == 0 {
                continue;
            }
            let mut frame = [0; MAX_FRAME];
            match sources {
                1 => limiter::copy(&sum[..samples], &mut frame[..samples]),
                _ => limiter::limit(&sum[..samples], &mut frame[..samples]),
            }
            for (place, sample) in
                self.written[1 + channels + channel..].iter_mut().step_by(channels).zip(&frame[..samples])
            {
                *place = *sample;
            }
            *sum = [0; MAX_FRAME];
            *sources = 0;
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

/// The reader's end.
pub struct TapReader {
    ring: Arc<Ring>,
    rate: Rate,
    channels: usize,
    /// The rate that the resamplers take; one for each channel unless it is the wanted one.
    from: Rate,
    resamplers: Vec<Resampler>,
    /// One for each channel, where there are several.
    aligners: Vec<Aligner>,
    /// Samples of each channel that the aligners hold back; their common distance once they are full.
    held_back: usize,
}

impl TapReader {
    /// Append what waits to `pcm`, little-endian and interleaved, at the rate that was asked for; returns the
    /// milliseconds lost after it. Of several channels the last 300 ms are held back until `flush`.
    pub fn read(&mut self, pcm: &mut Vec<u8>) -> u64 {
        let mut written = Vec::new();
        let lost = self.ring.drain(&mut written);
        pcm.reserve(2 * written.len());
        let mut rest = &written[..];
        while let Some((head, after)) = rest.split_first() {
            if *head == GAP {
                let Some((count, after)) = after.split_first() else { break };
                // What comes after a gap has new distances: what is held back belongs before it.
                self.flush(pcm);
                let samples = usize::from(count.unsigned_abs()) * self.rate.samples() * self.channels;
                pcm.resize(pcm.len() + 2 * samples, 0);
                rest = after;
                continue;
            }
            let Some(rate) = Rate::of_hz(u32::from(head.unsigned_abs()) * 1000) else { break };
            let Some((behind, after)) = after.split_at_checked(self.channels) else { break };
            let Some((frame, after)) = after.split_at_checked(rate.samples() * self.channels) else { break };
            let start = pcm.len();
            self.convert(rate, frame, pcm);
            self.align(behind, start, pcm);
            rest = after;
        }
        if lost > 0 {
            self.flush(pcm);
        }
        lost * FRAME_MS
    }

    /// Append what the aligners hold back: the end of the recording, or of what can be aligned.
    pub fn flush(&mut self, pcm: &mut Vec<u8>) {
        let frame = self.rate.samples();
        let mut left = std::mem::take(&mut self.held_back);
        for aligner in &mut self.aligners {
            aligner.skip(aligner.distance() - left);
        }
        while left > 0 {
            let (start, count) = (pcm.len(), left.min(frame));
            pcm.resize(start + 2 * count * self.channels, 0);
            self.pass(None, &mut pcm[start..]);
            left -= count;
        }
        self.aligners.iter_mut().for_each(|aligner| *aligner = Aligner::new(self.rate));
    }

    /// Put the frame that begins at `start` in its place, and hold back what is not due.
    fn align(&mut self, behind: &[i16], start: usize, pcm: &mut Vec<u8>) {
        let Some(distance) = self.aligners.first().map(Aligner::distance) else { return };
        self.pass(Some(behind), &mut pcm[start..]);
        // Before the first sample that was said there is only what the aligners were filled with.
        let early = (distance - self.held_back).min((pcm.len() - start) / (2 * self.channels));
        self.held_back += early;
        pcm.drain(start..start + 2 * early * self.channels);
    }

    /// Run a frame of interleaved bytes through the aligners; without distances nothing is moved any more.
    fn pass(&mut self, behind: Option<&[i16]>, bytes: &mut [u8]) {
        let mut frame = [0; MAX_FRAME];
        for (channel, aligner) in self.aligners.iter_mut().enumerate() {
            let places = || (2 * channel..).step_by(2 * self.channels);
            let count = bytes.len() / (2 * self.channels);
            for (sample, at) in frame[..count].iter_mut().zip(places()) {
                *sample = i16::from_le_bytes([bytes[at], bytes[at + 1]]);
            }
            match behind {
                Some(behind) => aligner.pass(&mut frame[..count], behind[channel]),
                None => aligner.push_out(&mut frame[..count]),
            }
            for (sample, at) in frame[..count].iter().zip(places()) {
                bytes[at..at + 2].copy_from_slice(&sample.to_le_bytes());
            }
        }
    }

    fn convert(&mut self, rate: Rate, frame: &[i16], pcm: &mut Vec<u8>) {
        if rate == self.rate {
            self.from = rate;
            self.resamplers.clear();
            return pcm.extend(frame.iter().flat_map(|sample| sample.to_le_bytes()));
        }
        if rate != self.from || self.resamplers.is_empty() {
            self.from = rate;
            self.resamplers = (0..self.channels).map(|_| Resampler::new(rate, self.rate)).collect();
        }
        let start = pcm.len();
        pcm.resize(start + 2 * self.rate.samples() * self.channels, 0);
        for (channel, resampler) in self.resamplers.iter_mut().enumerate() {
            let (mut input, mut output) = ([0; MAX_FRAME], [0; MAX_FRAME]);
            let (input, output) = (&mut input[..rate.samples()], &mut output[..self.rate.samples()]);
            for (place, sample) in input.iter_mut().zip(frame[channel..].iter().step_by(self.channels)) {
                *place = *sample;
            }
            resampler.run(input, output);
            for (place, sample) in pcm[start..].chunks_exact_mut(2).skip(channel).step_by(self.channels).zip(output) {
                place.copy_from_slice(&sample.to_le_bytes());
            }
        }
    }

    /// The reader wants no more.
    pub fn close(&self) {
        self.ring.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FRAME;
    use crate::testing::{share_at, sine_at};

    fn samples(reader: &mut TapReader) -> Vec<i16> {
        let mut bytes = Vec::new();
        reader.read(&mut bytes);
        reader.flush(&mut bytes);
        bytes.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    fn first_samples(reader: &mut TapReader, channels: usize) -> Vec<i16> {
        let read = samples(reader);
        assert_eq!(read.len(), FRAME * channels);
        read[..channels].to_vec()
    }

    #[test]
    fn mono_holds_voices_and_all_prompts() {
        let (mut tap, mut reader) = open_tap(1, Layout::Mono, Rate::Narrow);
        tap.say(1, &[100; FRAME], 0);
        tap.say(2, &[20; FRAME], 0);
        tap.prompt(&[3; FRAME], 1);
        tap.finish_frame(Rate::Narrow);
        assert_eq!(first_samples(&mut reader, 1), [123]);
    }

    #[test]
    fn heard_holds_the_mouth_left_and_the_ears_right() {
        let (mut tap, mut reader) = open_tap(1, Layout::Heard(7), Rate::Narrow);
        tap.say(7, &[5; FRAME], 0);
        tap.say(8, &[6; FRAME], 0);
        tap.prompt(&[3; FRAME], 1);
        tap.hear(&[9; FRAME]);
        tap.finish_frame(Rate::Narrow);
        assert_eq!(first_samples(&mut reader, 2), [5, 9]);
    }

    #[test]
    fn slots_go_by_joining_and_the_surplus_shares_the_last() {
        let (mut tap, mut reader) = open_tap(1, Layout::Slots(3), Rate::Narrow);
        tap.join(&[11, 12]);
        tap.join(&[12, 13, 14]);
        for (leg, value) in [(11, 1), (12, 2), (13, 4), (14, 8)] {
            tap.say(leg, &[value; FRAME], 0);
        }
        tap.finish_frame(Rate::Narrow);
        assert_eq!(first_samples(&mut reader, 3), [1, 2, 12]);
        // 12 leaves and 15 comes: 12's slot stays silent.
        tap.join(&[15]);
        for (leg, value) in [(11, 1), (15, 16)] {
            tap.say(leg, &[value; FRAME], 0);
        }
        tap.finish_frame(Rate::Narrow);
        assert_eq!(first_samples(&mut reader, 3), [1, 0, 16]);
    }

    #[test]
    fn a_block_is_told_after_200_ms() {
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            let (mut tap, _reader) = open_tap(1, Layout::Mono, Rate::Narrow);
            let told: Vec<_> = (0..12).map(|_| tap.finish_frame(rate)).collect();
            assert_eq!(told.iter().position(|ready| *ready), Some(9));
            assert_eq!(told.iter().filter(|ready| **ready).count(), 1);
        }
    }

    #[test]
    fn a_room_that_changes_its_rate_keeps_its_pitch_and_its_timeline() {
        let (mut tap, mut reader) = open_tap(1, Layout::Heard(1), Rate::Wide);
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            for frame in sine_at(rate, 500.0, 25 * rate.samples(), 8000.0).chunks_exact(rate.samples()) {
                tap.say(1, frame, 0);
                tap.hear(&vec![-77; rate.samples()]);
                tap.finish_frame(rate);
            }
            let read = samples(&mut reader);
            assert_eq!(read.len(), 2 * 25 * Rate::Wide.samples(), "{rate:?}");
            let left: Vec<i16> = read.iter().step_by(2).skip(640).copied().collect();
            assert!(share_at(Rate::Wide, &left, 500.0) > 0.9999, "{rate:?}");
            assert!(read.iter().skip(1).step_by(2).skip(640).all(|sample| *sample == -77));
        }
    }

    #[test]
    fn what_was_left_out_is_silence_of_the_same_length() {
        let (mut tap, mut reader) = open_tap(1, Layout::Heard(1), Rate::Wide);
        tap.skip(40_000);
        tap.say(1, &[5; 320], 0);
        tap.finish_frame(Rate::Wide);
        let read = samples(&mut reader);
        assert_eq!(read.len(), 2 * 40_001 * 320);
        assert_eq!(read[2 * 40_000 * 320..][..4], [5, 0, 5, 0]);
    }

    #[test]
    fn a_reader_that_is_too_slow_hears_how_much_it_lost() {
        let (mut tap, mut reader) = open_tap(1, Layout::Mono, Rate::Narrow);
        for _ in 0..500 {
            tap.finish_frame(Rate::Narrow);
        }
        let mut pcm = Vec::new();
        let lost_ms = reader.read(&mut pcm);
        assert!(lost_ms > 5000);
        assert_eq!(lost_ms + pcm.len() as u64 / 16, 10_000);
    }
}
