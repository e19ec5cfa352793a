//! Finds where a piece of audio repeats itself: what concealing and stretching are built on.

use crate::frame::{Rate, RATE_HZ};

/// Voices repeat every 2.5 to 15 ms (66 to 400 Hz).
const SHORTEST: usize = 20;
const LONGEST: usize = 120;
/// Samples of 8 kHz that are compared: 20 ms.
const WINDOW: usize = 160;

/// Where audio repeats, and how well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Repeat {
    /// So many samples later the audio is most alike.
    pub(crate) lag: usize,
    /// 1 is a perfect repetition, 0 none at all.
    pub(crate) likeness: f32,
}

/// The longest lag at a rate.
pub(crate) const fn longest(rate: Rate) -> usize {
    LONGEST * stride(rate)
}

/// Samples of a rate for one of 8 kHz.
pub(crate) const fn stride(rate: Rate) -> usize {
    (rate.hz() / RATE_HZ) as usize
}

/// How alike two pieces are, by their normalised product.
pub(crate) fn likeness(a: &[i16], b: &[i16], step: usize) -> f32 {
    let (mut cross, mut left, mut right) = (0.0f32, 0.0f32, 0.0f32);
    for (a, b) in a.iter().step_by(step).zip(b.iter().step_by(step)) {
        let (a, b) = (f32::from(*a), f32::from(*b));
        cross += a * b;
        left += a * a;
        right += b * b;
    }
    let power = (left * right).sqrt();
    if power < 1.0 {
        // Nothing is like nothing.
        return if left + right < 1.0 { 1.0 } else { 0.0 };
    }
    cross / power
}

/// The period of the end of `history`, which must hold 35 ms.
pub(crate) fn period(history: &[i16], rate: Rate) -> Repeat {
    let stride = stride(rate);
    let window = WINDOW * stride;
    let end = history.len();
    let recent = &history[end - window..];
    let before = |lag: usize| &history[end - window - lag..end - lag];
    search(SHORTEST * stride, LONGEST * stride, stride, |lag, step| likeness(recent, before(lag), step))
}

/// The best lag between two bounds: first in steps of 8 kHz over thinned-out samples, then exactly.
pub(crate) fn search(low: usize, high: usize, stride: usize, score: impl Fn(usize, usize) -> f32) -> Repeat {
    let mut best = Repeat { lag: low, likeness: f32::MIN };
    for lag in (low..=high).step_by(stride) {
        let likeness = score(lag, stride);
        if likeness > best.likeness {
            best = Repeat { lag, likeness };
        }
    }
    if stride > 1 {
        let around = best.lag.saturating_sub(stride - 1).max(low)..=(best.lag + stride - 1).min(high);
        best.likeness = f32::MIN;
        for lag in around {
            let likeness = score(lag, stride.div_ceil(2));
            if likeness > best.likeness {
                best = Repeat { lag, likeness };
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sine_at;

    #[test]
    fn a_voice_repeats_with_its_period() {
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            let pcm: Vec<i16> = sine_at(rate, 125.0, 4000, 8000.0)
                .iter()
                .zip(sine_at(rate, 375.0, 4000, 4000.0))
                .map(|(a, b)| a + b)
                .collect();
            let found = period(&pcm, rate);
            assert_eq!(found.lag, rate.hz() as usize / 125, "{rate:?}");
            assert!(found.likeness > 0.999);
        }
    }

    #[test]
    fn silence_is_like_silence() {
        assert_eq!(likeness(&[0; 80], &[0; 80], 1), 1.0);
        assert_eq!(likeness(&[0; 80], &[5; 80], 1), 0.0);
    }
}
