//! What a stretch of audio mostly is: speech, music, noise, or nothing.

use crate::frame::{FRAME, FRAME_MS};

/// Frames that are looked at together: two seconds.
const WINDOW: usize = 2000 / FRAME_MS as usize;
/// Below this a frame is silence.
const SILENT_DBFS: f32 = -50.0;
/// With fewer frames that are louder, there is nothing.
const SOUNDING: f32 = 0.1;
/// Of noise fewer frames than this repeat themselves.
const REPEATING: f32 = 0.25;
/// A frame repeats itself when it is so alike a little later,
const ALIKE: f32 = 0.5;
/// at the latest after 15 ms. Chords repeat too, after a period that their notes have in common, or nearly.
const LATEST: usize = 120;
/// What a microphone or a line does to noise makes neighbouring samples alike; so much of that is taken out.
const WHITENED: f32 = 0.9;
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
    repeats: [bool; WINDOW],
    at: usize,
    filled: usize,
}

impl Default for ContentJudge {
    fn default() -> Self {
        ContentJudge { levels: [-96.0; WINDOW], tones: [false; WINDOW], repeats: [false; WINDOW], at: 0, filled: 0 }
    }
}

impl ContentJudge {
    /// Take the level of a frame, whether it is a mere tone, and whether it repeats itself (asked only of what sounds).
    pub fn hear(&mut self, dbfs: f32, is_tone: bool, repeats: impl FnOnce() -> bool) {
        self.levels[self.at] = dbfs;
        self.tones[self.at] = is_tone;
        self.repeats[self.at] = dbfs > SILENT_DBFS && repeats();
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
        if (self.repeats[..self.filled].iter().filter(|repeats| **repeats).count() as f32) < REPEATING * sounding {
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

/// Whether two frames in a row repeat themselves, as voices and notes do and noise does not.
pub(crate) fn repeats(before: &[i16; FRAME], frame: &[i16; FRAME]) -> bool {
    let mut both = [0.0f32; 2 * FRAME];
    let mut last = 0.0;
    for (value, sample) in both.iter_mut().zip(before.iter().chain(frame)) {
        let sample = f32::from(*sample);
        *value = sample - WHITENED * last;
        last = sample;
    }
    let energy = |part: &[f32]| part.iter().map(|value| value * value).sum::<f32>();
    // Near its beginning everything is like itself: what counts comes after it was unlike.
    let mut was_unlike = false;
    (2..=LATEST).any(|lag| {
        let (early, late) = (&both[..2 * FRAME - lag], &both[lag..]);
        let product: f32 = early.iter().zip(late).map(|(a, b)| a * b).sum();
        was_unlike |= product <= 0.0;
        was_unlike && product > 0.0 && product * product > ALIKE * ALIKE * energy(early) * energy(late)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(level: impl Fn(usize) -> f32, is_tone: bool, repeats: bool) -> Content {
        let mut judge = ContentJudge::default();
        (0..200).for_each(|at| judge.hear(level(at), is_tone, || repeats));
        judge.judge()
    }

    #[test]
    fn each_kind_is_told_by_its_flow() {
        assert_eq!(judged(|_| -80.0, false, true), Content::Silence);
        assert_eq!(judged(|at| -30.0 + (at % 3) as f32 / 2.0, false, false), Content::Noise);
        // Syllables: four loud frames, four soft ones.
        assert_eq!(judged(|at| if at / 4 % 2 == 0 { -20.0 } else { -38.0 }, false, true), Content::Speech);
        // Chords that fade by 6 dB until the next.
        assert_eq!(judged(|at| -20.0 - (at % 25) as f32 * 0.24, false, true), Content::Music);
        assert_eq!(judged(|_| -20.0, true, false), Content::Music);
    }
}
