//! What a stretch of audio mostly is: speech, music, noise, or nothing.

use crate::frame::FRAME_MS;

/// Frames that are looked at together: two seconds.
const WINDOW: usize = 2000 / FRAME_MS as usize;
/// Below this a frame is silence.
const SILENT_DBFS: f32 = -50.0;
/// With fewer frames that are louder, there is nothing.
const SOUNDING: f32 = 0.1;
/// Noise is so even: standard deviation of its level.
const EVEN_DB: f32 = 1.5;
/// Speech has pauses between its words and syllables: so many frames have less than half the mean energy. Music flows.
const PAUSES: f32 = 0.42;
/// A stretch that is mostly one tone is music to us: ringing, a beep.
const TONAL: f32 = 0.5;

/// What is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Silence,
    /// Somebody talks.
    Speech,
    /// Music, or tones.
    Music,
    /// An even noise.
    Noise,
}

/// Judges the last two seconds.
#[derive(Debug)]
pub struct ContentJudge {
    levels: [f32; WINDOW],
    tones: [bool; WINDOW],
    at: usize,
    filled: usize,
}

impl Default for ContentJudge {
    fn default() -> Self {
        ContentJudge { levels: [-96.0; WINDOW], tones: [false; WINDOW], at: 0, filled: 0 }
    }
}

impl ContentJudge {
    /// Take the level of a frame, and whether it is a mere tone.
    pub fn hear(&mut self, dbfs: f32, is_tone: bool) {
        self.levels[self.at] = dbfs;
        self.tones[self.at] = is_tone;
        self.at = (self.at + 1) % WINDOW;
        self.filled = (self.filled + 1).min(WINDOW);
    }

    /// What it is now.
    pub fn judge(&self) -> Content {
        let levels = &self.levels[..self.filled];
        let count = levels.len().max(1) as f32;
        let sounding = levels.iter().filter(|level| **level > SILENT_DBFS).count() as f32;
        if sounding < SOUNDING * count {
            return Content::Silence;
        }
        if self.tones[..self.filled].iter().filter(|tone| **tone).count() as f32 > TONAL * sounding {
            return Content::Music;
        }
        let mean = levels.iter().sum::<f32>() / count;
        let spread = (levels.iter().map(|level| (level - mean).powi(2)).sum::<f32>() / count).sqrt();
        if spread < EVEN_DB {
            return Content::Noise;
        }
        let energy = |level: &f32| 10f32.powf(level / 10.0);
        let half = levels.iter().map(energy).sum::<f32>() / count / 2.0;
        let pauses = levels.iter().filter(|level| energy(level) < half).count() as f32;
        if pauses > PAUSES * count {
            Content::Speech
        } else {
            Content::Music
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(level: impl Fn(usize) -> f32, is_tone: bool) -> Content {
        let mut judge = ContentJudge::default();
        (0..200).for_each(|at| judge.hear(level(at), is_tone));
        judge.judge()
    }

    #[test]
    fn each_kind_is_told_by_its_flow() {
        assert_eq!(judged(|_| -80.0, false), Content::Silence);
        assert_eq!(judged(|at| -30.0 + (at % 3) as f32 / 2.0, false), Content::Noise);
        // Syllables: four loud frames, four soft ones.
        assert_eq!(judged(|at| if at / 4 % 2 == 0 { -20.0 } else { -38.0 }, false), Content::Speech);
        // Chords that fade by 6 dB until the next.
        assert_eq!(judged(|at| -20.0 - (at % 25) as f32 * 0.24, false), Content::Music);
        assert_eq!(judged(|_| -20.0, true), Content::Music);
    }
}
