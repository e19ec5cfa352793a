//! Listens to one leg and tells what is heard: voices, signals, levels, and what it all amounts to.

use crate::content::{Content, ContentJudge};
use crate::event::Event;
use crate::frame::{energy, Rate, FRAME, FRAME_MS, MAX_FRAME};
use crate::resample::Resampler;
use crate::signals::Signals;
use crate::voice::{Voice, VoiceActivity};

/// Frames whose levels are told together: one second.
pub const LEVELS: usize = 50;
/// The level of a frame of nothing.
const NOTHING_DBFS: f32 = -96.0;

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
}

impl Observer {
    /// Observe from now on; all times are told from here.
    pub fn new(id: u64) -> Self {
        Observer {
            id,
            heard_ms: 0,
            resampler: None,
            voice: VoiceActivity::default(),
            signals: Signals::default(),
            content: ContentJudge::default(),
            levels: [0; LEVELS],
            collected: 0,
        }
    }

    /// Take a frame of any rate; `None` is silence.
    pub fn hear(&mut self, frame: Option<&[i16]>, events: &mut Vec<Event>) {
        let mut narrow = [0; FRAME];
        if let Some(frame) = frame {
            self.narrow(frame, &mut narrow);
        }
        let watch = self.id;
        self.heard_ms += FRAME_MS;
        let at_ms = |ago_ms: u64| self.heard_ms.saturating_sub(ago_ms);
        let dbfs = level(&narrow);
        let signal = self.signals.hear(&narrow);
        let is_tone = self.signals.is_tone();
        match self.voice.hear(dbfs, is_tone) {
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
        self.content.hear(dbfs, is_tone);
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

/// The level of a frame against full scale, a square wave of 32768.
fn level(frame: &[i16]) -> f32 {
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
        pcm.chunks_exact(rate.samples()).for_each(|frame| observer.hear(Some(frame), &mut events));
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
    fn nothing_at_all_is_silence() {
        let (mut observer, mut events) = (Observer::new(7), Vec::new());
        (0..100).for_each(|_| observer.hear(None, &mut events));
        assert_eq!(events.len(), 2);
        assert!(matches!(&events[1], Event::Levels { levels, content: Content::Silence, .. } if levels[0] == -96));
    }
}
