//! The unit of time of the core: 20 ms of audio, at one of three rates.

/// Samples per second of narrowband audio, and of the RTP clock of G.711 (RFC 3551 §4.5.14).
pub const RATE_HZ: u32 = 8000;

/// Length of one frame in milliseconds: every leg hears and says one frame per tick.
pub const FRAME_MS: u64 = 20;

/// Samples in one narrowband frame.
pub const FRAME: usize = Rate::Narrow.samples();

/// Samples in the longest frame, at 48 kHz.
pub const MAX_FRAME: usize = Rate::Full.samples();

/// How finely audio is sampled. All frames of a room have its rate; their length tells which.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rate {
    /// 8 kHz: telephone networks.
    #[default]
    Narrow,
    /// 16 kHz: G.722, recognisers, most WebSocket bots.
    Wide,
    /// 48 kHz: browsers.
    Full,
}

impl Rate {
    /// Samples per second.
    pub const fn hz(self) -> u32 {
        match self {
            Rate::Narrow => 8000,
            Rate::Wide => 16_000,
            Rate::Full => 48_000,
        }
    }

    /// Samples in one frame.
    pub const fn samples(self) -> usize {
        (self.hz() / 50) as usize
    }

    /// The rate of so many samples per second, if it is one of ours.
    pub fn of_hz(hz: u32) -> Option<Self> {
        [Rate::Narrow, Rate::Wide, Rate::Full].into_iter().find(|rate| rate.hz() == hz)
    }

    /// The rate whose frames have so many samples; the highest when none has.
    pub fn of_samples(samples: usize) -> Self {
        match samples {
            0..=FRAME => Rate::Narrow,
            161..=320 => Rate::Wide,
            _ => Rate::Full,
        }
    }
}

/// 20 ms of 16-bit linear samples, narrowband.
pub type Frame = [i16; FRAME];

/// A narrowband frame being summed; wide enough for thousands of voices.
pub type Sum = [i32; FRAME];

/// A narrowband frame of silence.
pub const SILENCE: Frame = [0; FRAME];

/// Add a frame to a sum.
#[inline]
pub(crate) fn add(sum: &mut [i32], frame: &[i16]) {
    for (total, sample) in sum.iter_mut().zip(frame) {
        *total += i32::from(*sample);
    }
}

/// The sum of the squares, in eight parts side by side.
#[inline]
pub(crate) fn energy(frame: &[i16]) -> f32 {
    let mut parts = [0.0f32; 8];
    let (whole, rest) = frame.split_at(frame.len() - frame.len() % 8);
    for samples in whole.chunks_exact(8) {
        for (part, sample) in parts.iter_mut().zip(samples) {
            let sample = f32::from(*sample);
            *part += sample * sample;
        }
    }
    rest.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() + parts.iter().sum::<f32>()
}

/// Take a frame out of a sum it was added to.
#[inline]
pub(crate) fn subtract(sum: &mut [i32], frame: &[i16]) {
    for (total, sample) in sum.iter_mut().zip(frame) {
        *total -= i32::from(*sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_frame_tells_its_rate() {
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            assert_eq!(Rate::of_samples(rate.samples()), rate);
            assert_eq!(Rate::of_hz(rate.hz()), Some(rate));
        }
        assert_eq!(Rate::of_hz(44_100), None);
    }
}
