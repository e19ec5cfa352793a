//! Notices when a leg has stopped talking.

use crate::frame::FRAME_MS;

/// Mean square of a frame at -45 dBFS; full scale is a square wave of 32768.
const THRESHOLD: u64 = (32_768.0 * 32_768.0 * 3.162_277_66e-5) as u64;

/// Whether a frame is below -45 dBFS.
pub fn is_silent(frame: &[i16]) -> bool {
    let energy: u64 = frame.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
    energy < THRESHOLD * frame.len() as u64
}

/// Waits for continuous silence, counted from its start.
#[derive(Debug)]
pub struct SilenceWatch {
    /// Names the watch.
    pub id: u64,
    wanted: u64,
    silent: u64,
}

impl SilenceWatch {
    /// Watch for so many milliseconds of silence.
    pub fn new(id: u64, milliseconds: u64) -> Self {
        SilenceWatch { id, wanted: milliseconds.div_ceil(FRAME_MS).max(1), silent: 0 }
    }

    /// Take one frame; true when the silence is complete.
    pub fn hear(&mut self, silent: bool) -> bool {
        self.silent = if silent { self.silent + 1 } else { 0 };
        self.silent >= self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, FRAME};
    use crate::testing::sine;

    fn frame(peak: f64) -> Frame {
        sine(300.0, FRAME, peak).try_into().unwrap()
    }

    #[test]
    fn the_threshold_is_45_db_below_full_scale() {
        // A sine's mean square is half its peak's square.
        let peak = 32_768.0 * 10f64.powf(-45.0 / 20.0) * std::f64::consts::SQRT_2;
        assert!(is_silent(&frame(peak * 0.97)));
        assert!(!is_silent(&frame(peak * 1.03)));
    }

    #[test]
    fn a_word_starts_the_count_anew() {
        let mut watch = SilenceWatch::new(1, 100);
        let told: Vec<_> = [true, true, true, true, false, true, true, true, true, true]
            .into_iter()
            .map(|silent| watch.hear(silent))
            .collect();
        assert_eq!(told.iter().position(|reached| *reached), Some(9));
    }
}
