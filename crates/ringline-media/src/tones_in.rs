//! Keys heard as tones in the audio, for peers that did not agree to telephone-event (ITU-T Q.23, Q.24).

use std::sync::LazyLock;

use crate::frame::{Frame, FRAME, FRAME_MS, RATE_HZ};
use crate::key::Key;
use crate::keys_in::KeyChange;

/// The low group, then the high one.
const TONES_HZ: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
/// The two tones must hold so much of a frame's power: speech never does for long.
const SHARE: f32 = 0.6;
/// A frame quieter than -36 dBFS holds no key: mean square against full scale.
const FLOOR: f32 = 32_768.0 * 32_768.0 * 2.5e-4;
/// The low tone may be 4 dB stronger than the high one, or 8 dB weaker.
const TWIST: (f32, f32) = (2.5, 6.3);
/// Each tone must stand so far above its neighbours (6 dB).
const STAND_OUT: f32 = 4.0;
/// The cosines of a frame with a key in it are further apart than this.
const APART: f32 = 6e-4;
/// Bits of a sample that a first look does without.
const COARSE_BITS: u16 = 4;
/// Frames that agree before a key is down, and frames without it before it is up.
const STEADY: u32 = 2;

/// Hears keys in the audio of one leg.
#[derive(Debug, Default)]
pub struct ToneReceiver {
    candidate: Option<Key>,
    agreed: u32,
    down: Option<(Key, u32)>,
    missed: u32,
}

impl ToneReceiver {
    /// Take a frame of audio (`None` is silence); changes come out through `tell`.
    pub fn hear(&mut self, frame: Option<&Frame>, mut tell: impl FnMut(KeyChange)) {
        let heard = frame.and_then(find);
        self.agreed = if heard == self.candidate { self.agreed + 1 } else { 1 };
        self.candidate = heard;
        match (&mut self.down, heard) {
            (Some((key, frames)), Some(now)) if *key == now => {
                *frames += 1 + std::mem::take(&mut self.missed);
                return;
            }
            (Some((key, frames)), _) => {
                self.missed += 1;
                if self.missed < STEADY {
                    return;
                }
                tell(KeyChange::Released(*key, *frames * FRAME_MS as u32));
                self.down = None;
            }
            (None, _) => {}
        }
        self.missed = 0;
        if let Some(key) = heard.filter(|_| self.agreed >= STEADY) {
            self.down = Some((key, self.agreed));
            tell(KeyChange::Down(key));
        }
    }
}

/// A frame of samples for reckoning.
type Samples = [f32; FRAME];

/// The key whose two tones make up a frame, if any.
fn find(frame: &Frame) -> Option<Key> {
    if !may_hold(frame) {
        return None;
    }
    let samples: Samples = frame.map(f32::from);
    let energy = samples.iter().map(|sample| sample * sample).sum();
    judge(&samples, energy)
}

/// Whether two tones of a key can be in a frame at all: a look that costs a fraction of searching for them.
///
/// A tone is alike to itself one sample later by the cosine of its angle, and two samples later by that of twice the angle.
/// So the tones of a key, in any balance that is allowed, give 0.34 to 0.78 and -0.71 to 0.24; what may be there besides (two
/// fifths of the power) can shift that to -0.20 to 0.87 and -0.83 to 0.55. Most of a voice is further down, and hisses are
/// further up. The rest is for the frame's edges, and for the bits that are left out.
///
/// Both likenesses together tell how far apart the cosines in a frame are, by their mean square around their mean. Of a single
/// tone that is nothing but what the coding adds; of a key at least 0.0012, whatever may be there besides.
fn may_hold(frame: &Frame) -> bool {
    let coarse = frame.map(|sample| sample >> COARSE_BITS);
    let (before, now, after) = (&coarse[..FRAME - 2], &coarse[1..FRAME - 1], &coarse[2..]);
    // Samples have 12 bits and sums of two have 13: the squares of a frame fit into 32.
    let (mut energy, mut beside, mut both) = (0, 0, 0u32);
    for ((before, now), after) in before.iter().zip(now).zip(after) {
        let (now, neighbours) = (i32::from(*now), i32::from(before + after));
        energy += now * now;
        beside += now * neighbours;
        both = both.wrapping_add((neighbours * neighbours) as u32);
    }
    let energy = energy as f32;
    if energy < FLOOR / (1 << (2 * COARSE_BITS)) as f32 * now.len() as f32 {
        return false;
    }
    let (one, two) = (beside as f32 / energy / 2.0, both as f32 / energy / 2.0 - 1.0);
    let apart = (1.0 + two) / 2.0 - one * one;
    (-0.27..0.90).contains(&one) && (-0.90..0.60).contains(&two) && apart > APART
}

fn judge(samples: &Samples, energy: f32) -> Option<Key> {
    let energies = energies(samples);
    let (row, low) = strongest(&energies[..4])?;
    let (column, high) = strongest(&energies[4..])?;
    let balanced = low < high * TWIST.0 && high < low * TWIST.1;
    if !balanced || low + high < SHARE * energy {
        return None;
    }
    const KEYS: [[char; 4]; 4] =
        [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
    Key::from_char(KEYS[row][column])
}

/// The strongest of a group, if it stands out among them.
fn strongest(energies: &[f32]) -> Option<(usize, f32)> {
    let (best, top) = energies.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let clear = energies.iter().enumerate().all(|(other, energy)| other == best || energy * STAND_OUT < top);
    clear.then_some((best, top))
}

/// A frame is looked at in so many pieces at once: each step of the filter needs the one before it, and the processor
/// would only wait.
const PIECES: usize = 4;
const PIECE: usize = FRAME / PIECES;

/// What the filters need to know of the eight tones.
struct Filters {
    factors: [f32; 8],
    /// By how much a tone turns within a piece: cosine and sine.
    turns: [(f32, f32); 8],
    /// And from one sample to the next.
    steps: [(f32, f32); 8],
}

static FILTERS: LazyLock<Filters> = LazyLock::new(|| {
    let turn = |hz: f32, samples: usize| {
        let angle = std::f64::consts::TAU * f64::from(hz) * samples as f64 / f64::from(RATE_HZ);
        (angle.cos() as f32, angle.sin() as f32)
    };
    Filters {
        factors: TONES_HZ.map(|hz| 2.0 * turn(hz, 1).0),
        turns: TONES_HZ.map(|hz| turn(hz, PIECE)),
        steps: TONES_HZ.map(|hz| turn(hz, 1)),
    }
});

/// The parts of a frame's energy at the eight frequencies: Goertzel's algorithm on all pieces and tones side by side, and
/// the pieces put together by turning each by what the tone goes on until the end.
fn energies(samples: &Samples) -> [f32; 8] {
    let Filters { factors, turns, steps } = &*FILTERS;
    let (mut before, mut last) = ([[0.0f32; 8]; PIECES], [[0.0f32; 8]; PIECES]);
    for at in 0..PIECE {
        for piece in 0..PIECES {
            let sample = samples[piece * PIECE + at];
            for tone in 0..8 {
                let next = sample + factors[tone] * last[piece][tone] - before[piece][tone];
                before[piece][tone] = last[piece][tone];
                last[piece][tone] = next;
            }
        }
    }
    std::array::from_fn(|tone| {
        let ((cos, sin), (step_cos, step_sin)) = (turns[tone], steps[tone]);
        let (re, im) = (0..PIECES).fold((0.0, 0.0), |(re, im): (f32, f32), piece| {
            let (before, last) = (before[piece][tone], last[piece][tone]);
            (re * cos - im * sin + last - before * step_cos, re * sin + im * cos + before * step_sin)
        });
        2.0 * (re * re + im * im) / FRAME as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{sine, Noise};

    fn told(pcm: &[i16]) -> Vec<KeyChange> {
        let (mut receiver, mut told) = (ToneReceiver::default(), Vec::new());
        for frame in pcm.chunks_exact(FRAME) {
            receiver.hear(Some(frame.try_into().unwrap()), |change| told.push(change));
        }
        for _ in 0..3 {
            receiver.hear(None, |change| told.push(change));
        }
        told
    }

    fn dual(low: f64, high: f64, samples: usize, peak: f64) -> Vec<i16> {
        sine(low, samples, peak).iter().zip(sine(high, samples, peak)).map(|(a, b)| a + b).collect()
    }

    #[test]
    fn every_key_is_heard_once_wherever_it_begins() {
        for code in 0..16 {
            let key = Key::from_code(code).unwrap();
            let (low, high) = key.tones_hz();
            for offset in [0, 37, 80, 130] {
                let mut pcm = vec![0; offset];
                pcm.extend(dual(low, high, 800, 5000.0));
                pcm.extend(vec![0; 800]);
                let told = told(&pcm);
                assert_eq!(told[0], KeyChange::Down(key), "{key:?} after {offset} samples");
                assert!(matches!(told[1], KeyChange::Released(released, 80..=120) if released == key), "{told:?}");
                assert_eq!(told.len(), 2);
            }
        }
    }

    #[test]
    fn the_energies_are_those_of_a_fourier_transform() {
        let mut noise = Noise::new(4);
        let tone = sine(1336.0, FRAME, 3000.0);
        let frame: Samples = std::array::from_fn(|index| f32::from(tone[index]) + f32::from(noise.next() as i16) / 8.0);
        for (tone, got) in energies(&frame).iter().enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for (index, sample) in frame.iter().enumerate() {
                let angle = std::f64::consts::TAU * f64::from(TONES_HZ[tone]) * index as f64 / 8000.0;
                re += f64::from(*sample) * angle.cos();
                im += f64::from(*sample) * angle.sin();
            }
            let wanted = 2.0 * (re * re + im * im) / FRAME as f64;
            assert!((f64::from(*got) / wanted - 1.0).abs() < 0.01, "{tone}: {got} against {wanted}");
        }
    }

    #[test]
    fn the_first_look_lets_every_frame_pass_that_holds_a_key() {
        let mut noise = Noise::new(9);
        let (mut keys, mut passed) = (0, 0);
        for round in 0..40_000u32 {
            let (low, high) = Key::from_code((round % 16) as u8).unwrap().tones_hz();
            let (skew, offset) = (0.98 + noise.below(5) as f64 / 100.0, noise.below(1000) as usize);
            let weaker = 10f64.powf(-(noise.below(9) as f64) / 20.0);
            let (peaks, hiss) =
                (if round % 3 == 0 { (1.0, weaker) } else { (weaker, 1.0) }, noise.below(40) as f64 / 20.0);
            let other = 100.0 + noise.below(3800) as f64;
            let frame: Frame = std::array::from_fn(|index| {
                let angle = std::f64::consts::TAU * (offset + index) as f64 / 8000.0;
                let besides = (angle * other).sin() * 0.7 + f64::from(noise.next() as i16) / 32_768.0;
                let tones = peaks.0 * (angle * low * skew).sin() + peaks.1 * (angle * high * skew).sin();
                (6000.0 * (tones + hiss * besides)) as i16
            });
            let samples = frame.map(f32::from);
            if judge(&samples, samples.iter().map(|sample| sample * sample).sum()).is_some() {
                keys += 1;
                passed += u32::from(may_hold(&frame));
            }
        }
        assert!(keys > 5000 && passed == keys, "{passed} of {keys}");
    }

    #[test]
    fn a_repeated_key_is_two_keys() {
        let mut pcm = dual(770.0, 1336.0, 640, 5000.0);
        pcm.extend(vec![0; 640]);
        pcm.extend(dual(770.0, 1336.0, 640, 5000.0));
        assert_eq!(told(&pcm).len(), 4);
    }

    #[test]
    fn noise_single_tones_and_whispers_are_no_keys() {
        let mut noise = Noise::new(2);
        let hiss: Vec<i16> = (0..160_000).map(|_| noise.next() as i16 / 4).collect();
        assert_eq!(told(&hiss), []);
        assert_eq!(told(&sine(770.0, 1600, 8000.0)), []);
        assert_eq!(told(&dual(770.0, 1336.0, 1600, 200.0)), []);
        assert_eq!(told(&dual(440.0, 480.0, 8000, 5000.0)), []);
    }
}
