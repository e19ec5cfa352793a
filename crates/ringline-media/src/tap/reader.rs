//! The reader's end of a tap: brings what was written to one rate and one time.

use std::sync::Arc;

use super::GAP;
use crate::align::Aligner;
use crate::frame::{Rate, FRAME_MS, MAX_FRAME};
use crate::resample::Resampler;
use crate::ring::Ring;

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
    pub(super) fn new(ring: Arc<Ring>, channels: usize, rate: Rate) -> Self {
        // One channel has nothing to be aligned with.
        let aligners = if channels > 1 { (0..channels).map(|_| Aligner::new(rate)).collect() } else { Vec::new() };
        TapReader { ring, rate, channels, from: rate, resamplers: Vec::new(), aligners, held_back: 0 }
    }

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
