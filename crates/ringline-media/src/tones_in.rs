//! Keys heard as tones in the audio, for peers that did not agree to telephone-event (ITU-T Q.23, Q.24).

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

/// The key whose two tones make up a frame, if any.
fn find(frame: &Frame) -> Option<Key> {
    let energy: f32 = frame.iter().map(|sample| f32::from(*sample).powi(2)).sum();
    if energy < FLOOR * FRAME as f32 {
        return None;
    }
    let energies = energies(frame);
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

/// The parts of a frame's energy at the eight frequencies (Goertzel's algorithm, side by side for the processor's sake).
fn energies(frame: &Frame) -> [f32; 8] {
    let factors = TONES_HZ.map(|hz| 2.0 * (std::f32::consts::TAU * hz / RATE_HZ as f32).cos());
    let (mut before, mut last) = ([0.0f32; 8], [0.0f32; 8]);
    for sample in frame {
        let sample = f32::from(*sample);
        for tone in 0..8 {
            let next = sample + factors[tone] * last[tone] - before[tone];
            before[tone] = last[tone];
            last[tone] = next;
        }
    }
    std::array::from_fn(|tone| {
        let (before, last) = (before[tone], last[tone]);
        2.0 * (last * last + before * before - factors[tone] * last * before) / FRAME as f32
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
