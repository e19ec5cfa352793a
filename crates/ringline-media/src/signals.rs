//! Tones that networks and machines make: ringing, busy, the three tones before an announcement, a mailbox's beep, fax.

use std::sync::OnceLock;

use crate::frame::{FRAME, FRAME_MS, RATE_HZ};

/// A tone holds so much of a frame's energy.
const PURE: f32 = 0.93;
/// A frame quieter than -40 dBFS holds no signal: mean square.
const FLOOR: f32 = 32_768.0 * 32_768.0 * 1e-4;
/// A tone keeps its pitch within so many hertz.
const STEADY_HZ: f32 = 14.0;
/// A shorter tone is chance.
const SHORTEST_MS: u64 = 80;
/// A mailbox's beep is no longer than this.
const LONGEST_BEEP_MS: u64 = 3000;
/// Tones of one pattern are at least so long, and no further apart than this.
const PATTERN_MS: u64 = 200;
const PATTERN_GAP_MS: u64 = 700;
/// A longer tone of the network's is ringing, whatever follows.
const RINGING_MS: u64 = 700;
/// A single one may still be a mailbox's: where ringing is a single tone it lasts a second (ITU-T E.180, supplement 2).
const LONE_MS: std::ops::Range<u64> = 300..900;
/// Two tones at once: ringing in America and in Britain, busy in America. The third is the pitch they go by here.
const PAIRS_HZ: [[f32; 3]; 3] = [[440.0, 480.0, 460.0], [400.0, 450.0, 425.0], [480.0, 620.0, 481.0]];
/// Where the tones of ringing and busy lie, single or in close pairs (ITU-T E.180, supplement 2).
const PROGRESS_HZ: std::ops::RangeInclusive<f32> = 370.0..=500.0;
/// The special information tone: three in a row (ITU-T E.180 §6).
const INFORMATION_HZ: [std::ops::RangeInclusive<f32>; 3] = [880.0..=1020.0, 1340.0..=1460.0, 1740.0..=1820.0];
const INFORMATION_MS: std::ops::RangeInclusive<u64> = 180..=460;

/// What a tone means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The far end's telephone rings.
    Ringing,
    /// The far end is busy, or the network is.
    Busy,
    /// An announcement of the network follows.
    Information,
    /// A single tone, as a mailbox plays before it records.
    Beep,
    /// A single tone as low as ringing and busy are, with none before it: a beep, if none follows either.
    Lone,
    /// A fax machine calls or answers (ITU-T T.30).
    Fax,
}

/// A tone that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// What it means.
    pub signal: Signal,
    /// How long it was.
    pub length_ms: u64,
    /// Its pitch in hertz.
    pub hz: u32,
}

#[derive(Debug, Clone, Copy)]
struct Tone {
    hz: f32,
    length_ms: u64,
    /// Since it ended.
    ago_ms: u64,
}

/// Finds tones in frames at 8 kHz.
#[derive(Debug, Default)]
pub struct Signals {
    present: Option<Tone>,
    /// Frames that did not fit, while a tone is there.
    missed: u32,
    /// The tones before, the newest last.
    past: [Option<Tone>; 3],
}

impl Signals {
    /// Take a frame of 8 kHz; tells the signal that has ended with it.
    pub fn hear(&mut self, frame: &[i16]) -> Option<Heard> {
        for tone in self.past.iter_mut().flatten() {
            tone.ago_ms += FRAME_MS;
        }
        let pitch = pitch(frame);
        match (&mut self.present, pitch) {
            (Some(tone), Some(hz)) if (tone.hz - hz).abs() <= STEADY_HZ => {
                // The pitch of a long tone is known ever better.
                tone.hz += (hz - tone.hz) * 0.2;
                tone.length_ms += FRAME_MS * (1 + u64::from(std::mem::take(&mut self.missed)));
                None
            }
            (Some(_), _) if self.missed == 0 => {
                self.missed = 1;
                None
            }
            (Some(tone), pitch) => {
                let ended = Tone { ago_ms: 2 * FRAME_MS, ..*tone };
                self.missed = 0;
                self.present = pitch.map(begin);
                self.end(ended)
            }
            (None, pitch) => {
                self.present = pitch.map(begin);
                None
            }
        }
    }

    /// Whether the last frames are one tone.
    pub fn is_tone(&self) -> bool {
        self.present.is_some_and(|tone| tone.length_ms > FRAME_MS)
    }

    fn end(&mut self, tone: Tone) -> Option<Heard> {
        if tone.length_ms < SHORTEST_MS {
            return None;
        }
        self.past.rotate_left(1);
        self.past[2] = Some(tone);
        let signal = self.meaning(tone)?;
        Some(Heard { signal, length_ms: tone.length_ms, hz: tone.hz.round() as u32 })
    }

    fn meaning(&self, tone: Tone) -> Option<Signal> {
        let [first, second, _] = self.past;
        // How long it was silent before this tone.
        let gap_ms = |before: Tone| before.ago_ms.saturating_sub(tone.ago_ms + tone.length_ms);
        if PROGRESS_HZ.contains(&tone.hz) {
            let before = second.filter(|before| {
                PROGRESS_HZ.contains(&before.hz) && before.length_ms >= PATTERN_MS && gap_ms(*before) <= PATTERN_GAP_MS
            });
            let paired = PAIRS_HZ.iter().any(|pair| pair[2] == tone.hz);
            return match (tone.length_ms, before) {
                (length, None) if LONE_MS.contains(&length) && !paired => Some(Signal::Lone),
                (RINGING_MS.., _) => Some(Signal::Ringing),
                // Britain rings twice, short; what is as long as its pauses is busy.
                (PATTERN_MS.., Some(before)) => {
                    let even = tone.length_ms.abs_diff(gap_ms(before)) <= 120;
                    Some(if even { Signal::Busy } else { Signal::Ringing })
                }
                (300.., None) => None, // the first of a pattern
                _ if paired => None,
                _ => Some(Signal::Beep),
            };
        }
        if let (Some(first), Some(second)) = (first, second) {
            let tones = [first, second, tone];
            let fits =
                |at: usize| INFORMATION_HZ[at].contains(&tones[at].hz) && INFORMATION_MS.contains(&tones[at].length_ms);
            if (0..3).all(fits) && gap_ms(second) < 100 {
                return Some(Signal::Information);
            }
        }
        match tone.hz {
            hz if (hz - 2100.0).abs() < 20.0 && tone.length_ms >= 400 => Some(Signal::Fax),
            hz if (hz - 1100.0).abs() < 40.0 && (400..=700).contains(&tone.length_ms) => Some(Signal::Fax),
            // Perhaps one of the three, whose third is to come.
            hz if INFORMATION_HZ[..2].iter().any(|range| range.contains(&hz))
                && INFORMATION_MS.contains(&tone.length_ms)
                && self.present.is_some() =>
            {
                None
            }
            _ if tone.length_ms <= LONGEST_BEEP_MS => Some(Signal::Beep),
            _ => None,
        }
    }
}

fn begin(hz: f32) -> Tone {
    Tone { hz, length_ms: FRAME_MS, ago_ms: 0 }
}

/// The pitch of a frame that is one tone, or one of the pairs.
fn pitch(frame: &[i16]) -> Option<f32> {
    let energy: f32 = frame.iter().map(|sample| f32::from(*sample).powi(2)).sum();
    if energy < FLOOR * FRAME as f32 {
        return None;
    }
    // A sine obeys x[n] + x[n-2] = 2 cos(w) x[n-1]: the best factor gives the pitch.
    let (mut product, mut square) = (0.0f32, 0.0f32);
    for window in frame.windows(3) {
        let [before, middle, after] = [0, 1, 2].map(|at| f32::from(window[at]));
        product += (before + after) * middle;
        square += middle * middle;
    }
    let hz = (product / (2.0 * square)).clamp(-1.0, 1.0).acos() * RATE_HZ as f32 / std::f32::consts::TAU;
    if (300.0..=3000.0).contains(&hz) && share(frame, hz) > PURE * energy {
        return Some(hz);
    }
    let held = |basis: &[[f32; FRAME]; 4]| basis.iter().map(|wave| dot(wave, frame).powi(2)).sum::<f32>();
    let pairs = PAIRS.get_or_init(|| PAIRS_HZ.map(|[low, high, _]| waves(low, high)));
    let found = pairs.iter().position(|basis| held(basis) > PURE * energy)?;
    Some(PAIRS_HZ[found][2])
}

static PAIRS: OnceLock<[[[f32; FRAME]; 4]; 3]> = OnceLock::new();

/// Four waves of length one, at right angles to each other, that make up any sum of two tones (Gram and Schmidt).
fn waves(low: f32, high: f32) -> [[f32; FRAME]; 4] {
    let wave = |hz: f32, turn: f32| -> [f32; FRAME] {
        std::array::from_fn(|at| (std::f32::consts::TAU * hz * at as f32 / RATE_HZ as f32 + turn).sin())
    };
    let quarter = std::f32::consts::FRAC_PI_2;
    let mut basis = [wave(low, 0.0), wave(low, quarter), wave(high, 0.0), wave(high, quarter)];
    for at in 0..4 {
        let (before, rest) = basis.split_at_mut(at);
        for other in before {
            let part: f32 = other.iter().zip(&rest[0]).map(|(a, b)| a * b).sum();
            rest[0].iter_mut().zip(other).for_each(|(value, other)| *value -= part * *other);
        }
        let length = rest[0].iter().map(|value| value * value).sum::<f32>().sqrt();
        rest[0].iter_mut().for_each(|value| *value /= length);
    }
    basis
}

fn dot(wave: &[f32; FRAME], frame: &[i16]) -> f32 {
    wave.iter().zip(frame).map(|(a, b)| a * f32::from(*b)).sum()
}

/// The part of a frame's energy at a pitch (Goertzel's algorithm).
fn share(frame: &[i16], hz: f32) -> f32 {
    let factor = 2.0 * (std::f32::consts::TAU * hz / RATE_HZ as f32).cos();
    let (mut before, mut last) = (0.0f32, 0.0f32);
    for sample in frame {
        let next = f32::from(*sample) + factor * last - before;
        before = last;
        last = next;
    }
    2.0 * (last * last + before * before - factor * last * before) / frame.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{sine, Noise};

    fn told(parts: &[(&[f64], usize)]) -> Vec<(Signal, u64)> {
        let mut pcm: Vec<i16> = Vec::new();
        for (pitches, milliseconds) in parts {
            let samples = milliseconds * 8;
            let tones: Vec<Vec<i16>> = pitches.iter().map(|hz| sine(*hz, samples, 5000.0)).collect();
            pcm.extend((0..samples).map(|at| tones.iter().map(|tone| tone[at]).sum::<i16>()));
        }
        let (mut signals, mut told) = (Signals::default(), Vec::new());
        for frame in pcm.chunks_exact(FRAME) {
            told.extend(signals.hear(frame).map(|heard| (heard.signal, heard.length_ms)));
        }
        told
    }

    fn kinds(parts: &[(&[f64], usize)]) -> Vec<Signal> {
        told(parts).into_iter().map(|(signal, _)| signal).collect()
    }

    #[test]
    fn ringing_is_known_in_many_countries() {
        for (pitches, on, off) in [(&[425.0][..], 1000, 4000), (&[440.0, 480.0], 2000, 4000), (&[450.0], 1000, 4000)] {
            let heard = kinds(&[(&[], 300), (pitches, on), (&[], off), (pitches, on), (&[], 500)]);
            assert_eq!(heard, [Signal::Ringing; 2], "{pitches:?}");
        }
        let britain: &[f64] = &[400.0, 450.0];
        assert_eq!(kinds(&[(britain, 400), (&[], 200), (britain, 400), (&[], 2000)]), [Signal::Ringing]);
    }

    #[test]
    fn busy_is_as_long_as_its_pauses() {
        for pitches in [&[425.0][..], &[480.0, 620.0], &[400.0]] {
            let on_off = [(pitches, 500), (&[][..], 500)];
            let heard = kinds(&[on_off, on_off, on_off].concat());
            let busy = heard.iter().filter(|signal| **signal == Signal::Busy).count();
            assert_eq!(busy, 2, "{pitches:?}");
            assert!(heard.len() == 2 || heard[0] == Signal::Lone, "the first may be alone: {pitches:?}");
        }
    }

    #[test]
    fn a_low_tone_that_nothing_precedes_is_told_as_alone() {
        for (hz, length) in [(425.0, 400), (400.0, 800), (450.0, 300), (490.0, 640)] {
            assert_eq!(kinds(&[(&[], 300), (&[hz], length), (&[], 300)]), [Signal::Lone], "{hz}");
        }
        assert_eq!(kinds(&[(&[425.0], 1000), (&[], 300)]), [Signal::Ringing]);
        assert_eq!(kinds(&[(&[440.0, 480.0], 500), (&[], 900)]), [], "a pair is no single tone");
    }

    #[test]
    fn the_three_tones_before_an_announcement_are_one_signal() {
        let parts: &[(&[f64], usize)] = &[(&[], 200), (&[950.0], 330), (&[1400.0], 330), (&[1800.0], 330), (&[], 300)];
        assert_eq!(kinds(parts), [Signal::Information]);
        let american: &[(&[f64], usize)] = &[(&[985.2], 380), (&[1428.5], 274), (&[1776.7], 380), (&[], 300)];
        assert_eq!(kinds(american), [Signal::Information]);
    }

    #[test]
    fn a_beep_is_told_at_its_end_with_its_length() {
        for hz in [440.0, 600.0, 1000.0, 1400.0, 2000.0] {
            let length = if hz == 440.0 { 200 } else { 500 };
            let heard = told(&[(&[], 300), (&[hz], length), (&[], 300)]);
            assert_eq!(heard.len(), 1, "{hz}: {heard:?}");
            assert_eq!(heard[0].0, Signal::Beep, "{hz}");
            assert!(heard[0].1.abs_diff(length as u64) <= 40, "{hz}: {heard:?}");
        }
    }

    #[test]
    fn fax_machines_are_known() {
        assert_eq!(kinds(&[(&[1100.0], 500), (&[], 500)]), [Signal::Fax]);
        assert_eq!(kinds(&[(&[2100.0], 3000), (&[], 500)]), [Signal::Fax]);
    }

    #[test]
    fn noise_keys_and_glides_are_no_signals() {
        let (mut signals, mut noise) = (Signals::default(), Noise::new(5));
        for _ in 0..20_000 {
            let frame: Vec<i16> = (0..FRAME).map(|_| noise.next() as i16 / 8).collect();
            assert_eq!(signals.hear(&frame), None);
        }
        assert_eq!(kinds(&[(&[770.0, 1336.0], 400), (&[], 300)]), []);
        let mut phase = 0.0f64;
        for at in 0..400 {
            let frame: Vec<i16> = (0..FRAME)
                .map(|n| {
                    phase += std::f64::consts::TAU * (400.0 + 5.0 * (at as f64 + n as f64 / 160.0)) / 8000.0;
                    (phase.sin() * 8000.0) as i16
                })
                .collect();
            assert!(signals.hear(&frame).is_none_or(|heard| heard.length_ms < 300), "a glide is no steady tone");
        }
    }
}
