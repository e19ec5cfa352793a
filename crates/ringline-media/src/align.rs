//! Puts what legs say where it belongs on the timeline of a recording: at the time it was said, not the time it was
//! played.
//!
//! Every leg's voice reaches a room by so much later as its packets and its jitter buffer take, and that changes while
//! the call lasts. An [`Aligner`] delays each channel by what is missing to a common distance. What must be changed is
//! changed in silence, where nobody hears it.

use std::collections::VecDeque;

use crate::frame::Rate;

/// Distances are told in sixteenths of a millisecond.
pub(crate) const UNITS_PER_MS: i64 = 16;
/// The common distance: the longest delay of a jitter buffer, a long packet and what a resampler holds.
pub(crate) const DISTANCE_MS: usize = 300;
/// Nothing in a silent frame is louder (-50 dBFS).
const SILENT: i16 = 100;
/// Further off a voice is put in its place even while it speaks: something has jumped.
const TOO_FAR_MS: i64 = 60;

/// One channel on its way into a recording.
pub(crate) struct Aligner {
    line: VecDeque<i16>,
    /// Samples that wait in `line` between two frames; none before the first.
    waiting: Option<usize>,
    samples_per_ms: usize,
}

impl Aligner {
    /// An aligner for samples of a rate.
    pub(crate) fn new(rate: Rate) -> Self {
        Aligner { line: VecDeque::new(), waiting: None, samples_per_ms: rate.hz() as usize / 1000 }
    }

    /// The common distance in samples.
    pub(crate) fn distance(&self) -> usize {
        DISTANCE_MS * self.samples_per_ms
    }

    /// Take a frame that is `behind` (in units) the time at which it was said, and replace it by the one whose turn it
    /// is.
    pub(crate) fn pass(&mut self, frame: &mut [i16], behind: i16) {
        let behind = (i64::from(behind) * self.samples_per_ms as i64 + UNITS_PER_MS / 2) / UNITS_PER_MS;
        let wanted = self.distance().saturating_sub(behind.max(0) as usize);
        let silent = frame.iter().all(|sample| sample.unsigned_abs() <= SILENT.unsigned_abs());
        let waiting = self.waiting.unwrap_or_else(|| {
            self.line.extend(std::iter::repeat_n(0, wanted));
            wanted
        });
        let off = wanted as i64 - waiting as i64;
        let may = silent || off.abs() > TOO_FAR_MS * self.samples_per_ms as i64;
        let mut start = 0;
        if may && off > 0 {
            self.line.extend(std::iter::repeat_n(0, off as usize));
        } else if may {
            start = frame.len().min(off.unsigned_abs() as usize);
        }
        self.line.extend(&frame[start..]);
        self.push_out(frame);
        self.waiting = Some(self.line.len());
    }

    /// Leave out what waits, as far as it is nothing but what the line was filled with at the beginning.
    pub(crate) fn skip(&mut self, samples: usize) {
        self.line.drain(..samples.min(self.line.len()));
    }

    /// Give the next samples that wait, and silence when there are no more.
    pub(crate) fn push_out(&mut self, frame: &mut [i16]) {
        for place in frame {
            *place = self.line.pop_front().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{CodecKind, Decoders};
    use crate::frame::FRAME;
    use crate::jitter::{JitterBuffer, Popped};
    use crate::rtp::RtpPacket;
    use crate::tap::{open_tap, Layout, Tap, TapReader};
    use crate::testing::Noise;

    /// What is said at a time in seconds: words of half a second, all different, with pauses between them.
    fn speech(seconds: f64) -> f64 {
        let word = seconds.floor();
        let inside = seconds - word;
        if inside > 0.5 {
            return 0.0;
        }
        let from = 300.0 + (word * 37.0) % 400.0;
        let swept = from * inside + 1500.0 * inside * inside;
        12_000.0 * (std::f64::consts::TAU * swept).sin() * (std::f64::consts::TAU * inside).sin()
    }

    /// A phone whose clock is off, on a network that is late.
    struct Phone {
        buffer: JitterBuffer,
        decoders: Decoders,
        coder: Box<dyn crate::codec::Codec>,
        noise: Noise,
        hz: f64,
        length: usize,
        jitter_us: u64,
        phase_us: f64,
        sent: usize,
        coming: VecDeque<(u64, usize, Vec<u8>)>,
    }

    impl Phone {
        fn new(ppm: f64, length: usize, jitter_ms: u64, phase_us: f64) -> Self {
            Phone {
                buffer: JitterBuffer::new(Rate::Narrow, 8000, 960),
                decoders: Decoders::new(8, CodecKind::Pcma),
                coder: CodecKind::Pcma.build(),
                noise: Noise::new(length as u64 + jitter_ms),
                hz: 8000.0 * (1.0 + ppm / 1e6),
                length,
                jitter_us: jitter_ms * 1000,
                phase_us,
                sent: 0,
                coming: VecDeque::new(),
            }
        }

        /// Speak until `now_us` of the true time, and let the room have a frame.
        fn tick(&mut self, tap: &mut Tap, leg: u64, now_us: u64) {
            loop {
                let end_us = self.phase_us + ((self.sent + 1) * self.length) as f64 / self.hz * 1e6;
                if end_us > now_us as f64 {
                    break;
                }
                let first = self.sent * self.length;
                let said: Vec<i16> = (first..first + self.length)
                    .map(|n| speech(self.phase_us / 1e6 + n as f64 / self.hz) as i16)
                    .collect();
                let mut payload = vec![0; self.length];
                self.coder.encode(&said, &mut payload);
                let late = if self.jitter_us == 0 { 0 } else { self.noise.below(self.jitter_us) };
                self.coming.push_back((end_us as u64 + late, first, payload));
                self.sent += 1;
            }
            let epoch_us = 1_700_000_000_000_000;
            let mut arrived: Vec<_> = Vec::new();
            self.coming.retain_mut(|packet| {
                let is_there = packet.0 <= now_us;
                if is_there {
                    arrived.push(std::mem::take(packet));
                }
                !is_there
            });
            arrived.sort();
            for (at_us, first, payload) in &arrived {
                let timestamp = *first as u32;
                let packet = RtpPacket { payload_type: 8, marker: false, sequence: 0, timestamp, ssrc: 1, payload };
                self.buffer.push(&packet, self.length, epoch_us + at_us, Some(&mut self.decoders));
            }
            if self.buffer.pop(&mut self.decoders, epoch_us + now_us) != Popped::Silence {
                tap.say(leg, self.buffer.frame(), self.buffer.behind());
            }
        }
    }

    /// The lag of the second channel behind the first around a word, in samples of 8 kHz, and how alike they are there.
    fn lag(left: &[f32], right: &[f32], at: usize) -> (i64, f32) {
        const REACH: i64 = 600;
        let (start, end) = (at - 400, at + 4800);
        let energy = |piece: &[f32]| piece.iter().map(|sample| sample * sample).sum::<f32>();
        let mut best = (0, f32::MIN);
        for lag in -REACH..=REACH {
            let there = &right[(start as i64 + lag) as usize..(end as i64 + lag) as usize];
            let alike: f32 = left[start..end].iter().zip(there).map(|(a, b)| a * b).sum();
            if alike > best.1 {
                best = (lag, alike);
            }
        }
        let there = &right[(start as i64 + best.0) as usize..(end as i64 + best.0) as usize];
        (best.0, best.1 / (energy(&left[start..end]) * energy(there)).sqrt())
    }

    fn record(first: &mut Phone, second: &mut Phone, layout: Layout, seconds: usize) -> [Vec<f32>; 2] {
        let (mut tap, mut reader) = open_tap(1, layout, Rate::Narrow);
        tap.join(&[1, 2]);
        let mut pcm = Vec::new();
        for tick in 1..=(seconds * 50) as u64 {
            let now_us = tick * 20_000;
            first.tick(&mut tap, 1, now_us);
            second.tick(&mut tap, 2, now_us);
            if layout != Layout::Slots(2) && second.buffer.delay_us() > 0 {
                tap.hear(second.buffer.frame());
            }
            tap.finish_frame(Rate::Narrow);
            if tick % 50 == 0 {
                assert_eq!(reader.read(&mut pcm), 0);
            }
        }
        reader.flush(&mut pcm);
        assert_eq!(pcm.len(), seconds * 8000 * 4, "as long as it was");
        let channel = |number: usize| {
            pcm.chunks_exact(4)
                .map(|frame| f32::from(i16::from_le_bytes([frame[2 * number], frame[2 * number + 1]])))
                .collect()
        };
        [channel(0), channel(1)]
    }

    #[test]
    fn in_a_clean_call_channels_are_at_most_a_sample_apart_whatever_their_packets_are() {
        for layout in [Layout::Slots(2), Layout::Heard(1)] {
            for (length, phase_us) in [(160, 3000.0), (160, 19_000.0), (240, 7125.0), (480, 11_000.0)] {
                let (mut first, mut second) = (Phone::new(0.0, 160, 0, 0.0), Phone::new(0.0, length, 0, phase_us));
                let [left, right] = record(&mut first, &mut second, layout, 12);
                for word in 2..11 {
                    let (lag, alike) = lag(&left, &right, word * 8000);
                    assert!(lag.abs() <= 1 && alike > 0.99, "{layout:?}, {length} at {phase_us}: {lag}, {alike}");
                }
            }
        }
    }

    #[test]
    fn jitter_of_60_ms_and_clocks_200_ppm_apart_for_two_hours_keep_channels_within_20_ms() {
        let (mut first, mut second) = (Phone::new(100.0, 160, 60, 0.0), Phone::new(-100.0, 160, 60, 9000.0));
        let [left, right] = record(&mut first, &mut second, Layout::Slots(2), 7200);
        let mut lags: Vec<i64> = (10..7190).step_by(31).map(|word| lag(&left, &right, word * 8000).0.abs()).collect();
        lags.sort_unstable();
        let (median, worst) = (lags[lags.len() / 2], lags[lags.len() - 1]);
        println!(
            "two hours, 60 ms of jitter, +100 and -100 ppm: {} words, median {} us, worst {} us apart",
            lags.len(),
            median * 125,
            worst * 125
        );
        assert!(worst <= 160, "{worst} samples of 8 kHz");
    }

    #[test]
    fn what_must_be_moved_is_moved_in_silence() {
        let mut aligner = Aligner::new(Rate::Narrow);
        let mut heard = Vec::new();
        for index in 0..200i16 {
            // It speaks for 50 frames, then pauses for 10; its distance changes in the middle of what it says.
            let speaks = index % 60 < 50;
            let mut frame: Vec<i16> =
                (0..FRAME as i16).map(|n| if speaks { 1000 + (index % 60) * 160 + n } else { 0 }).collect();
            aligner.pass(&mut frame, if index < 25 { 320 } else { 320 + 16 * 15 });
            heard.extend(frame);
        }
        for (at, pair) in heard.windows(2).enumerate() {
            let follows = pair[1] == pair[0] + 1 || pair[0] == 0 || pair[1] == 0;
            assert!(follows, "{at}: {pair:?}");
        }
        let begins: Vec<usize> = (1..heard.len()).filter(|at| heard[*at] == 1000 && heard[*at - 1] == 0).collect();
        // 20 ms behind, then 35 ms.
        assert_eq!(begins, [2240, 60 * 160 + 2120, 120 * 160 + 2120, 180 * 160 + 2120]);
    }

    #[test]
    fn the_tail_is_flushed_and_the_head_is_no_silence() {
        let (mut tap, mut reader): (Tap, TapReader) = open_tap(1, Layout::Slots(2), Rate::Narrow);
        tap.join(&[1]);
        for _ in 0..20 {
            tap.say(1, &[77; FRAME], 0);
            tap.finish_frame(Rate::Narrow);
        }
        let mut pcm = Vec::new();
        reader.read(&mut pcm);
        assert_eq!(pcm.len(), 4 * (20 * FRAME - 2400));
        reader.flush(&mut pcm);
        assert_eq!(pcm.len(), 4 * 20 * FRAME);
        assert!(pcm.chunks_exact(4).all(|frame| frame == [77, 0, 0, 0]));
    }
}
