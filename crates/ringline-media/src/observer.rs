//! Listens to one leg and tells what is heard: voices, signals, levels, and what it all amounts to.

use crate::content::{repeats, Content, ContentJudge};
use crate::event::Event;
use crate::frame::{energy, Rate, FRAME, FRAME_MS, MAX_FRAME, RATE_HZ};
use crate::resample::Resampler;
use crate::signals::Signals;
use crate::tap::Tap;
use crate::voice::{Sound, Voice, VoiceActivity, VoiceRules};

/// Frames whose levels are told together: one second.
pub const LEVELS: usize = 50;
/// The level of a frame of nothing.
pub(crate) const NOTHING_DBFS: f32 = -96.0;
/// The pitches of voices, from deep men to children.
const PITCH_HZ: (usize, usize) = (65, 400);
/// What is as like itself as this, one period later, has a pitch.
const PITCHED: f32 = 0.5;

/// One observation of one leg. Allocates nothing per frame.
pub struct Observer {
    /// Names it.
    pub id: u64,
    heard_ms: u64,
    resampler: Option<Resampler>,
    voice: VoiceActivity,
    signals: Signals,
    content: ContentJudge,
    levels: [i8; LEVELS],
    collected: usize,
    /// The frame before.
    before: [i16; FRAME],
    /// Takes the audio too.
    tap: Option<Tap>,
}

impl Observer {
    /// Observe from now on; all times are told from here.
    pub fn new(id: u64) -> Self {
        Observer::with_ear(id, VoiceRules::default(), None)
    }

    /// Observe from now on, with an ear of one's own for voices, and give the same audio to a tap.
    pub fn with_ear(id: u64, rules: VoiceRules, tap: Option<Tap>) -> Self {
        Observer {
            id,
            heard_ms: 0,
            resampler: None,
            voice: VoiceActivity::new(rules),
            signals: Signals::default(),
            content: ContentJudge::default(),
            levels: [0; LEVELS],
            collected: 0,
            before: [0; FRAME],
            tap,
        }
    }

    /// Take a frame of any rate; `None` is silence. `heard_dbfs` is the loudest of what the leg has heard lately.
    ///
    /// `rate` is that of the leg's codec, for silence.
    pub fn hear(&mut self, frame: Option<&[i16]>, rate: Rate, heard_dbfs: f32, events: &mut Vec<Event>) {
        let mut narrow = [0; FRAME];
        if let Some(frame) = frame {
            self.narrow(frame, &mut narrow);
        }
        // The audio first: who is told of a voice finds it there.
        if let Some(tap) = &mut self.tap {
            if let Some(frame) = frame {
                tap.say(0, frame, 0);
            }
            if tap.finish_frame(frame.map_or(rate, |frame| Rate::of_samples(frame.len()))) {
                events.push(Event::TapReady { tap: self.id });
            }
        }
        let watch = self.id;
        self.heard_ms += FRAME_MS;
        let at_ms = |ago_ms: u64| self.heard_ms.saturating_sub(ago_ms);
        let dbfs = level(&narrow);
        let signal = self.signals.hear(&narrow);
        let is_tone = self.signals.is_tone();
        let before = std::mem::replace(&mut self.before, narrow);
        match self.voice.hear(Sound { dbfs, is_tone, heard_dbfs }, || is_pitched(&before, &narrow)) {
            Some(Voice::Began(ago_ms)) => events.push(Event::VoiceBegan { watch, at_ms: at_ms(ago_ms) }),
            Some(Voice::Stopped(ago_ms, spoke_ms)) => {
                events.push(Event::VoiceStopped { watch, at_ms: at_ms(ago_ms), spoke_ms });
            }
            None => {}
        }
        if let Some(heard) = signal {
            // It has been over for two frames when it is told.
            events.push(Event::SignalHeard { watch, at_ms: at_ms(2 * FRAME_MS), heard });
        }
        self.content.hear(dbfs, is_tone, || repeats(&before, &narrow));
        self.levels[self.collected] = dbfs.round().max(NOTHING_DBFS) as i8;
        self.collected += 1;
        if self.collected == LEVELS {
            self.collected = 0;
            let (levels, content): (Box<[i8; LEVELS]>, Content) = (Box::new(self.levels), self.content.judge());
            events.push(Event::Levels { watch, at_ms: self.heard_ms, levels, content });
        }
    }

    fn narrow(&mut self, frame: &[i16], narrow: &mut [i16; FRAME]) {
        let rate = Rate::of_samples(frame.len().min(MAX_FRAME));
        if rate == Rate::Narrow {
            self.resampler = None;
            return narrow[..frame.len()].copy_from_slice(frame);
        }
        match &mut self.resampler {
            Some(known) if known.from() == rate => known,
            other => other.insert(Resampler::new(rate, Rate::Narrow)),
        }
        .run(frame, narrow);
    }
}

/// Whether two frames in a row have a pitch: they are like themselves a period later.
fn is_pitched(before: &[i16; FRAME], frame: &[i16; FRAME]) -> bool {
    let mut both = [0.0f32; 2 * FRAME];
    for (value, sample) in both.iter_mut().zip(before.iter().chain(frame)) {
        *value = f32::from(*sample);
    }
    let energy = |part: &[f32]| part.iter().map(|value| value * value).sum::<f32>();
    let (shortest, longest) = (RATE_HZ as usize / PITCH_HZ.1, RATE_HZ as usize / PITCH_HZ.0);
    (shortest..=longest).any(|lag| {
        let (early, late) = (&both[..2 * FRAME - lag], &both[lag..]);
        let product: f32 = early.iter().zip(late).map(|(a, b)| a * b).sum();
        product > 0.0 && product * product > PITCHED * PITCHED * energy(early) * energy(late)
    })
}

/// The level of a frame against full scale, a square wave of 32768.
pub(crate) fn level(frame: &[i16]) -> f32 {
    let mean = energy(frame) / frame.len() as f32 / (32_768.0 * 32_768.0);
    10.0 * mean.max(1e-10).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::Signal;
    use crate::testing::{sine_at, Noise};

    fn told(rate: Rate, pcm: &[i16]) -> Vec<Event> {
        let (mut observer, mut events) = (Observer::new(7), Vec::new());
        pcm.chunks_exact(rate.samples()).for_each(|frame| observer.hear(Some(frame), rate, NOTHING_DBFS, &mut events));
        events
    }

    #[test]
    fn a_beep_is_heard_at_any_rate() {
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            let mut pcm = vec![0; 25 * rate.samples()];
            pcm.extend(sine_at(rate, 1000.0, 20 * rate.samples(), 8000.0));
            pcm.extend(vec![0; 25 * rate.samples()]);
            let events = told(rate, &pcm);
            let beep = events.iter().find_map(|event| match event {
                Event::SignalHeard { at_ms, heard, .. } => Some((*at_ms, *heard)),
                _ => None,
            });
            let (at_ms, heard) = beep.expect("the beep is told");
            assert_eq!((heard.signal, heard.hz), (Signal::Beep, 1000), "{rate:?}");
            assert!(at_ms.abs_diff(900) <= 20 && heard.length_ms.abs_diff(400) <= 40, "{rate:?}: {at_ms} {heard:?}");
            assert!(!events.iter().any(|event| matches!(event, Event::VoiceBegan { .. })), "{rate:?}");
        }
    }

    #[test]
    fn levels_are_told_once_a_second() {
        let mut noise = Noise::new(8);
        let pcm: Vec<i16> = (0..3 * 8000).map(|_| (noise.next() as i16) / 8).collect();
        let events = told(Rate::Narrow, &pcm);
        let levels: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Levels { at_ms, levels, content, .. } => Some((*at_ms, levels[9], *content)),
                _ => None,
            })
            .collect();
        assert_eq!(levels.iter().map(|(at_ms, ..)| *at_ms).collect::<Vec<_>>(), [1000, 2000, 3000]);
        assert!(levels.iter().all(|(_, level, content)| (-25..=-21).contains(level) && *content == Content::Noise));
    }

    #[test]
    fn a_buzz_has_a_pitch_and_a_breath_has_none() {
        let buzz: [i16; FRAME] = std::array::from_fn(|at| if at % 60 < 6 { 900 } else { -100 });
        let mut late = [0; FRAME];
        late.iter_mut().enumerate().for_each(|(at, sample)| *sample = if (at + FRAME) % 60 < 6 { 900 } else { -100 });
        assert!(is_pitched(&buzz, &late));
        let mut noise = Noise::new(3);
        let mut last = 0i32;
        let pitched = (0..200)
            .filter(|_| {
                let mut breath = || {
                    std::array::from_fn(|_| {
                        last = (last * 3 + i32::from(noise.next() as i16) / 16) / 4;
                        last as i16
                    })
                };
                let (before, frame) = (breath(), breath());
                is_pitched(&before, &frame)
            })
            .count();
        assert!(pitched < 20, "{pitched} of 200");
    }

    /// Ten minutes of a caller who only listens, at the usual sensitivity: what the leg hears, and what comes from it.
    fn voices_in_ten_minutes(mut second: impl FnMut(usize, &mut [i16], &mut [i16])) -> usize {
        const SECOND: usize = RATE_HZ as usize;
        // Line noise of -60 dBFS lies under everything.
        let (mut noise, mut voices, mut events) = (Noise::new(5), 0, Vec::new());
        let mut observer = Observer::with_ear(7, VoiceRules::of_sensitivity(90), None);
        let (mut heard, mut said) = (vec![0i16; SECOND], vec![0i16; SECOND]);
        let mut lately = [NOTHING_DBFS; 10];
        for at in 0..600 {
            heard.fill(0);
            said.iter_mut().for_each(|sample| *sample = (noise.below(113) as i16) - 56);
            second(at, &mut heard, &mut said);
            for (nth, (heard, said)) in heard.chunks_exact(FRAME).zip(said.chunks_exact(FRAME)).enumerate() {
                lately[nth % lately.len()] = level(heard);
                let loudest = lately.iter().copied().fold(NOTHING_DBFS, f32::max);
                observer.hear(Some(said), Rate::Narrow, loudest, &mut events);
            }
            voices += events.drain(..).filter(|event| matches!(event, Event::VoiceBegan { .. })).count();
        }
        voices
    }

    /// A second of something like speech: syllables of 200 ms, each a buzz of its own pitch and loudness.
    fn syllables(at: usize, sample: usize, chance: u64) -> f64 {
        let syllable = sample / 1600;
        if syllable % 5 == 4 {
            return 0.0;
        }
        let period = 50 + (at * 7 + syllable * 13 + chance as usize) % 40;
        let swell = (std::f64::consts::PI * (sample % 1600) as f64 / 1600.0).sin();
        let loud = 0.3 + 0.7 * ((at * 5 + syllable * 3) % 7) as f64 / 6.0;
        let phase = (sample % period) as f64 / period as f64;
        (1.0 - 2.0 * phase) * swell * loud * 9000.0
    }

    #[test]
    fn ten_minutes_of_the_echo_of_a_prompt_are_no_voice() {
        for (delay_ms, echo_db) in [(0, -20.0), (40, -20.0), (120, -20.0), (40, -26.0)] {
            let (gain, delay) = (10f64.powf(echo_db / 20.0), delay_ms * 8);
            let mut before = [0i16; RATE_HZ as usize];
            let voices = voices_in_ten_minutes(|at, heard, said| {
                for (sample, value) in heard.iter_mut().enumerate() {
                    *value = syllables(at, sample, 3) as i16;
                }
                for (sample, value) in said.iter_mut().enumerate() {
                    let source =
                        if sample < delay { before[before.len() + sample - delay] } else { heard[sample - delay] };
                    *value += (f64::from(source) * gain) as i16;
                }
                before.copy_from_slice(heard);
            });
            assert_eq!(voices, 0, "{delay_ms} ms late, {echo_db} dB");
        }
    }

    #[test]
    fn ten_minutes_of_breathing_are_no_voice() {
        let (mut noise, mut last) = (Noise::new(11), 0.0);
        let voices = voices_in_ten_minutes(|at, _, said| {
            // In and out, every one a little different, up to -36 dBFS or so.
            let peak = 900.0 + 150.0 * (at % 7) as f64;
            for (sample, value) in said.iter_mut().enumerate() {
                let swell = (std::f64::consts::PI * sample as f64 / 8000.0).sin().powi(2);
                last = 0.6 * last + 0.4 * (f64::from(noise.next() as i16) / 32_768.0);
                *value += (last * peak * swell) as i16;
            }
        });
        assert_eq!(voices, 0);
    }

    #[test]
    fn ten_minutes_of_ringing_are_no_voice() {
        let cadences: [(&[f64], usize, usize); 3] =
            [(&[425.0], 1, 5), (&[440.0, 480.0], 2, 6), (&[400.0, 450.0], 1, 3)];
        for (pitches, on, whole) in cadences {
            let voices = voices_in_ten_minutes(|at, _, said| {
                if at % whole < on {
                    for pitch in pitches {
                        let tone = sine_at(Rate::Narrow, *pitch, said.len(), 3000.0);
                        said.iter_mut().zip(tone).for_each(|(value, tone)| *value += tone);
                    }
                }
            });
            assert_eq!(voices, 0, "{pitches:?}");
        }
    }

    #[test]
    fn somebody_who_speaks_in_those_ten_minutes_is_heard() {
        let voices = voices_in_ten_minutes(|at, _, said| {
            if at % 60 == 30 {
                said.iter_mut()
                    .enumerate()
                    .for_each(|(sample, value)| *value += (syllables(at, sample, 3) * 0.4) as i16);
            }
        });
        assert!((10..=20).contains(&voices), "{voices}");
    }

    #[test]
    fn a_tap_gets_every_frame_from_the_start_of_the_observation() {
        let (tap, mut reader) = crate::tap::open_ear(7, Rate::Narrow);
        let (mut observer, mut events) = (Observer::with_ear(7, VoiceRules::default(), Some(tap)), Vec::new());
        observer.hear(None, Rate::Wide, NOTHING_DBFS, &mut events);
        (0..4).for_each(|_| observer.hear(Some(&[5; FRAME]), Rate::Narrow, NOTHING_DBFS, &mut events));
        assert_eq!(events, [Event::TapReady { tap: 7 }], "told after 100 ms");
        let mut pcm = Vec::new();
        reader.read(&mut pcm);
        assert_eq!(pcm.len(), 2 * 5 * FRAME);
        assert_eq!(&pcm[2 * 4 * FRAME..][..2], [5, 0]);
    }

    #[test]
    fn nothing_at_all_is_silence() {
        let (mut observer, mut events) = (Observer::new(7), Vec::new());
        (0..100).for_each(|_| observer.hear(None, Rate::Narrow, NOTHING_DBFS, &mut events));
        assert_eq!(events.len(), 2);
        assert!(matches!(&events[1], Event::Levels { levels, content: Content::Silence, .. } if levels[0] == -96));
    }
}
