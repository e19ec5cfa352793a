//! Voice activity: when a leg begins to talk and when it has stopped, whatever the noise behind it.

use crate::frame::FRAME_MS;

/// Speech is so much louder than the noise around it.
const ABOVE_NOISE_DB: f32 = 9.0;
/// Anything quieter is no speech.
const FLOOR_DBFS: f32 = -50.0;
/// The estimate of the noise falls at once with a quieter frame, and rises so slowly under a louder one.
const RISE_DB_PER_S: f32 = 4.0;
/// Of the last frames, so many must be loud before it is a voice.
const WINDOW: u32 = 5;
const NEEDED: u32 = 3;
/// A pause inside speech is shorter than this.
const PAUSE_MS: u64 = 300;

/// What became of a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// It began so many milliseconds ago.
    Began(u64),
    /// It stopped so many milliseconds ago, after it was heard for so many.
    Stopped(u64, u64),
}

/// Follows one leg's voice.
#[derive(Debug)]
pub struct VoiceActivity {
    noise_dbfs: f32,
    /// The last frames, the newest in bit 0: whether they were loud.
    recent: u32,
    /// Milliseconds since the voice began, while there is one, and since the last loud frame.
    since_ms: Option<u64>,
    quiet_ms: u64,
}

impl Default for VoiceActivity {
    fn default() -> Self {
        VoiceActivity { noise_dbfs: FLOOR_DBFS, recent: 0, since_ms: None, quiet_ms: 0 }
    }
}

impl VoiceActivity {
    /// Take the level of a frame, and whether it is a mere tone.
    pub fn hear(&mut self, dbfs: f32, is_tone: bool) -> Option<Voice> {
        let loud = !is_tone && dbfs > FLOOR_DBFS && dbfs > self.noise_dbfs + ABOVE_NOISE_DB;
        if dbfs < self.noise_dbfs {
            self.noise_dbfs = dbfs.max(FLOOR_DBFS - ABOVE_NOISE_DB);
        } else if !is_tone {
            self.noise_dbfs += RISE_DB_PER_S * FRAME_MS as f32 / 1000.0;
        }
        self.recent = (self.recent << 1 | u32::from(loud)) & ((1 << WINDOW) - 1);
        self.quiet_ms = if loud { 0 } else { self.quiet_ms + FRAME_MS };
        match &mut self.since_ms {
            None if self.recent.count_ones() >= NEEDED => {
                let began_ms = u64::from(u32::BITS - self.recent.leading_zeros()) * FRAME_MS;
                self.since_ms = Some(began_ms);
                Some(Voice::Began(began_ms))
            }
            None => None,
            Some(since_ms) => {
                *since_ms += FRAME_MS;
                let spoke_ms = since_ms.saturating_sub(self.quiet_ms);
                if self.quiet_ms < PAUSE_MS {
                    return None;
                }
                self.since_ms = None;
                self.recent = 0;
                Some(Voice::Stopped(self.quiet_ms, spoke_ms))
            }
        }
    }

    /// Whether somebody is talking.
    pub fn is_active(&self) -> bool {
        self.since_ms.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feed levels, each for so many frames; returns what happened and when.
    fn through(levels: &[(f32, usize)]) -> Vec<(u64, Voice)> {
        let (mut activity, mut told, mut now) = (VoiceActivity::default(), Vec::new(), 0);
        for (dbfs, frames) in levels {
            for _ in 0..*frames {
                now += FRAME_MS;
                told.extend(activity.hear(*dbfs, false).map(|voice| (now, voice)));
            }
        }
        told
    }

    #[test]
    fn a_word_is_found_with_its_beginning_and_end() {
        let told = through(&[(-80.0, 50), (-20.0, 25), (-80.0, 50)]);
        assert_eq!(told, [(1060, Voice::Began(60)), (1800, Voice::Stopped(300, 500))]);
    }

    #[test]
    fn a_short_pause_does_not_end_a_sentence_and_a_click_does_not_begin_one() {
        let told = through(&[(-80.0, 50), (-20.0, 20), (-70.0, 10), (-25.0, 20), (-80.0, 50)]);
        assert_eq!(told.len(), 2);
        assert_eq!(told[1].1, Voice::Stopped(300, 1000));
        assert_eq!(through(&[(-80.0, 50), (-10.0, 2), (-80.0, 50)]), []);
    }

    #[test]
    fn a_noisy_street_is_no_voice_but_a_voice_is_heard_in_it() {
        assert_eq!(through(&[(-35.0, 3000)]).len(), 2, "noise is followed: it is taken for a voice once, then no more");
        let told = through(&[(-35.0, 1000), (-18.0, 50), (-35.0, 100)]);
        assert!(told[2..].iter().any(|(_, voice)| matches!(voice, Voice::Stopped(_, 900..=1100))), "{told:?}");
    }

    #[test]
    fn a_tone_is_no_voice() {
        let mut activity = VoiceActivity::default();
        assert!((0..100).all(|_| activity.hear(-12.0, true).is_none()));
    }
}
