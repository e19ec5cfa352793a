//! Helpers of the unit tests: repeatable noise, tones and measuring them.

use crate::frame::Rate;

/// Repeatable pseudo-random numbers (xorshift64*).
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 16) % limit
    }
}

/// A sine of `hz`, `samples` long, with the given peak.
pub(crate) fn sine(hz: f64, samples: usize, peak: f64) -> Vec<i16> {
    sine_at(Rate::Narrow, hz, samples, peak)
}

/// A sine of `hz` at any rate.
pub(crate) fn sine_at(rate: Rate, hz: f64, samples: usize, peak: f64) -> Vec<i16> {
    let step = std::f64::consts::TAU * hz / f64::from(rate.hz());
    (0..samples).map(|n| ((n as f64 * step).sin() * peak).round() as i16).collect()
}

/// The share of the signal's energy at `hz`, 0 to 1.
pub(crate) fn share(pcm: &[i16], hz: f64) -> f64 {
    share_at(Rate::Narrow, pcm, hz)
}

/// The share of a signal's energy at `hz`, at any rate.
pub(crate) fn share_at(rate: Rate, pcm: &[i16], hz: f64) -> f64 {
    let step = std::f64::consts::TAU * hz / f64::from(rate.hz());
    let (mut re, mut im, mut energy) = (0.0, 0.0, 0.0);
    for (n, sample) in pcm.iter().enumerate() {
        let value = f64::from(*sample);
        re += value * (n as f64 * step).cos();
        im += value * (n as f64 * step).sin();
        energy += value * value;
    }
    if energy == 0.0 {
        return 0.0;
    }
    2.0 * (re * re + im * im) / (energy * pcm.len() as f64)
}

/// A short name for many bytes (FNV-1a, 64 bits).
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
