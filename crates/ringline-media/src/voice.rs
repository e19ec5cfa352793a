//! Voice activity: when a leg begins to talk and when it has stopped, whatever the noise behind it.

use crate::frame::FRAME_MS;

/// Where the estimate of the noise begins.
const FLOOR_DBFS: f32 = -50.0;
/// It is never taken for less than so much below what can be speech.
const DEEPEST_DB: f32 = 9.0;
/// The estimate of the noise falls at once with a quieter frame, and rises so slowly under a louder one.
const RISE_DB_PER_S: f32 = 4.0;
/// The echo of what a leg hears comes back quieter by more than this (a line's echo by 20 dB or so).
const ECHO_DB: f32 = 14.0;
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

/// What is taken for a voice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoiceRules {
    /// Speech is so much louder than the noise around it.
    pub above_noise_db: f32,
    /// Anything quieter is no speech.
    pub floor_dbfs: f32,
    /// Anything quieter than this is speech only if it has a pitch: a breath has none.
    pub pitched_below_dbfs: f32,
    /// So many frames are looked at together,
    pub window: u32,
    /// and so many of them must be loud before it is a voice.
    pub needed: u32,
}

impl Default for VoiceRules {
    fn default() -> Self {
        VoiceRules { above_noise_db: 9.0, floor_dbfs: -50.0, pitched_below_dbfs: -96.0, window: 5, needed: 3 }
    }
}

impl VoiceRules {
    /// For an ear of such a sensitivity: 10 leaves noise aside, 90 is usual, 100 hears everything.
    ///
    /// 80 ms of voice within 120 ms are speech.
    pub fn of_sensitivity(percent: u8) -> Self {
        let below_usual = 90.0 - f32::from(percent.clamp(10, 100));
        VoiceRules {
            above_noise_db: 9.0 + 0.2 * below_usual,
            floor_dbfs: -50.0 + 0.35 * below_usual,
            pitched_below_dbfs: if percent < 100 { -33.0 } else { -96.0 },
            window: 6,
            needed: 4,
        }
    }
}

/// A frame, as far as voices go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sound {
    /// Its level.
    pub dbfs: f32,
    /// Whether it is a mere tone.
    pub is_tone: bool,
    /// The loudest of what the leg has heard lately, whose echo this may be.
    pub heard_dbfs: f32,
}

/// Follows one leg's voice.
#[derive(Debug)]
pub struct VoiceActivity {
    rules: VoiceRules,
    noise_dbfs: f32,
    /// The last frames, the newest in bit 0: whether they were loud.
    recent: u32,
    /// Milliseconds since the voice began, while there is one, and since the last loud frame.
    since_ms: Option<u64>,
    quiet_ms: u64,
}

impl Default for VoiceActivity {
    fn default() -> Self {
        VoiceActivity::new(VoiceRules::default())
    }
}

impl VoiceActivity {
    /// By these rules.
    pub fn new(rules: VoiceRules) -> Self {
        VoiceActivity { rules, noise_dbfs: FLOOR_DBFS, recent: 0, since_ms: None, quiet_ms: 0 }
    }

    /// Take a frame; whether it has a pitch is asked only where that matters.
    pub fn hear(&mut self, sound: Sound, is_pitched: impl FnOnce() -> bool) -> Option<Voice> {
        let (rules, dbfs) = (self.rules, sound.dbfs);
        let least = rules.floor_dbfs.max(self.noise_dbfs + rules.above_noise_db).max(sound.heard_dbfs - ECHO_DB);
        let loud = !sound.is_tone && dbfs > least;
        let loud = loud && (self.since_ms.is_some() || dbfs >= rules.pitched_below_dbfs || is_pitched());
        if dbfs < self.noise_dbfs {
            self.noise_dbfs = dbfs.max(FLOOR_DBFS - DEEPEST_DB);
        } else if !sound.is_tone {
            self.noise_dbfs += RISE_DB_PER_S * FRAME_MS as f32 / 1000.0;
        }
        self.recent = (self.recent << 1 | u32::from(loud)) & ((1 << rules.window) - 1);
        self.quiet_ms = if loud { 0 } else { self.quiet_ms + FRAME_MS };
        match &mut self.since_ms {
            None if self.recent.count_ones() >= rules.needed => {
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

    fn sound(dbfs: f32) -> Sound {
        Sound { dbfs, is_tone: false, heard_dbfs: -96.0 }
    }

    /// Feed levels, each for so many frames; returns what happened and when.
    fn through(levels: &[(f32, usize)]) -> Vec<(u64, Voice)> {
        let (mut activity, mut told, mut now) = (VoiceActivity::default(), Vec::new(), 0);
        for (dbfs, frames) in levels {
            for _ in 0..*frames {
                now += FRAME_MS;
                told.extend(activity.hear(sound(*dbfs), || true).map(|voice| (now, voice)));
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
        let tone = Sound { is_tone: true, ..sound(-12.0) };
        assert!((0..100).all(|_| activity.hear(tone, || true).is_none()));
    }

    #[test]
    fn an_echo_of_what_is_heard_is_no_voice_but_one_above_it_is() {
        let mut activity = VoiceActivity::new(VoiceRules::of_sensitivity(90));
        let echo = Sound { heard_dbfs: -15.0, ..sound(-35.0) };
        assert!((0..500).all(|_| activity.hear(echo, || true).is_none()));
        let voice = Sound { heard_dbfs: -15.0, ..sound(-22.0) };
        assert!((0..4).any(|_| activity.hear(voice, || true).is_some()));
    }

    #[test]
    fn a_breath_is_no_voice_and_a_low_voice_is() {
        let rules = VoiceRules::of_sensitivity(90);
        let mut activity = VoiceActivity::new(rules);
        assert!(
            (0..500).all(|at| activity.hear(sound(if at / 25 % 2 == 0 { -60.0 } else { -38.0 }), || false).is_none())
        );
        assert!((0..4).any(|_| activity.hear(sound(-38.0), || true).is_some()));
    }

    #[test]
    fn what_is_less_sensitive_hears_only_what_is_loud() {
        for (percent, heard) in [(10, false), (90, true), (100, true)] {
            let mut activity = VoiceActivity::new(VoiceRules::of_sensitivity(percent));
            assert_eq!((0..10).any(|_| activity.hear(sound(-30.0), || true).is_some()), heard, "{percent}");
        }
    }
}
