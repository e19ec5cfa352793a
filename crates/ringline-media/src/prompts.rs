//! The prompts of one leg or room: mixed with each other, one after the other where that was asked.

use std::sync::Arc;

use crate::event::Event;
use crate::frame::Rate;
use crate::prompt::{Finished, Prompt, PromptPlan, Yields};

/// The gain that changes nothing.
const UNITY: i32 = 4096;

/// What the prompts of one target gave for a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mixed {
    /// Prompts that gave audio.
    pub sources: usize,
    /// Whether one of them was made louder.
    pub amplified: bool,
}

/// The prompts of one target.
pub struct Prompts {
    playing: Vec<Prompt>,
    /// How much is left of what is heard besides, at the start and at the end of the present frame.
    lowered: (i32, i32),
}

impl Default for Prompts {
    fn default() -> Self {
        Prompts { playing: Vec::new(), lowered: (UNITY, UNITY) }
    }
}

impl Prompts {
    /// Start a prompt; its audio comes by `feed`.
    pub fn play(&mut self, plan: PromptPlan) {
        self.playing.push(Prompt::new(plan));
    }

    /// Add audio to a prompt, its own or shared with others; unknown ones are ignored.
    pub fn feed(&mut self, id: u64, pcm: impl Into<Arc<[i16]>>, last: bool) {
        if let Some(prompt) = self.playing.iter_mut().find(|prompt| prompt.plan().id == id) {
            prompt.feed(pcm.into(), last);
        }
    }

    /// Cut a prompt.
    pub fn stop(&mut self, id: u64) -> Option<Finished> {
        let index = self.playing.iter().position(|prompt| prompt.plan().id == id && !prompt.is_flushing())?;
        Some(self.playing.remove(index).finished(true))
    }

    /// Cut them all, in the order they were started.
    pub fn stop_all(&mut self) -> impl Iterator<Item = Finished> + '_ {
        self.playing.drain(..).filter(|prompt| !prompt.is_flushing()).map(|prompt| prompt.finished(true))
    }

    /// From now on a prompt is cut as soon as one of these interrupts it; unknown ones are ignored.
    pub fn set_yields(&mut self, id: u64, yields: Yields) {
        if let Some(prompt) = self.playing.iter_mut().find(|prompt| prompt.plan().id == id) {
            prompt.set_yields(yields);
        }
    }

    /// Cut those that something of what has just been heard interrupts, before they give their next frame.
    pub fn yield_to(&mut self, heard: &[Event], mut finished: impl FnMut(Finished)) {
        self.playing.retain(|prompt| {
            let goes = !prompt.is_flushing() && heard.iter().any(|event| prompt.yields().to(event));
            if goes {
                finished(prompt.finished(true));
            }
            !goes
        });
    }

    /// As `Leg::whereabouts`, in three steps, each of which reads what the one before it has told: the prompts, where their
    /// audio is, the audio.
    pub fn whereabouts(&self, step: usize, tell: &mut impl FnMut(*const u8, usize)) {
        let first = &self.playing[..self.playing.len().min(2)];
        match step {
            0 => tell(first.as_ptr().cast(), size_of_val(first)),
            step => first.iter().for_each(|prompt| prompt.whereabouts(step, tell)),
        }
    }

    /// Whether nothing plays.
    pub fn is_empty(&self) -> bool {
        self.playing.is_empty()
    }

    /// Whether nothing plays and nothing is lowered any more.
    pub fn is_still(&self) -> bool {
        self.playing.is_empty() && self.lowered == (UNITY, UNITY)
    }

    /// Add the next frame of all of them to `sum`, whose length tells the rate; those that end are told through
    /// `finished`. What is in `sum` already makes room for those that want it.
    pub fn mix_into(&mut self, sum: &mut [i32], mut finished: impl FnMut(Finished)) -> Mixed {
        let mut mixed = Mixed::default();
        if self.is_still() {
            return mixed;
        }
        self.lowered = (self.lowered.1, self.target());
        self.lower(sum);
        // Who waits for one that ends in this frame begins with the next.
        let waiting: u64 =
            (0..self.playing.len().min(64)).filter(|at| self.waits(*at)).fold(0, |all, at| all | 1 << at);
        let mut at = 0;
        self.playing.retain_mut(|prompt| {
            at += 1;
            if at <= 64 && waiting >> (at - 1) & 1 == 1 {
                return true;
            }
            let flushed = prompt.is_flushing();
            let (audible, over) = prompt.mix_into(sum);
            if audible {
                mixed.sources += 1;
                mixed.amplified |= prompt.amplifies();
            }
            if over {
                finished(prompt.finished(false));
            }
            prompt.is_flushing() || !(over || flushed)
        });
        mixed
    }

    /// Whether exactly one plays, with nothing to be done to its samples on their way to frames of such a rate.
    pub fn is_one_as_it_is(&self, rate: Rate) -> bool {
        match &self.playing[..] {
            [prompt] => self.lowered == (UNITY, UNITY) && prompt.is_as_it_is(rate),
            _ => false,
        }
    }

    /// Instead of `mix_into`: copy the next frame of the only one. What it does not fill is silence.
    pub fn copy_into(&mut self, frame: &mut [i16], finished: impl FnOnce(Finished)) {
        let Some(prompt) = self.playing.first_mut() else { return frame.fill(0) };
        if prompt.copy_into(frame) {
            finished(prompt.finished(false));
            self.playing.clear();
        }
    }

    /// Make room in a sum of voices for the prompts of the present frame, as they were mixed last.
    pub fn lower(&self, sum: &mut [i32]) {
        let (from, to) = self.lowered;
        if (from, to) == (UNITY, UNITY) {
            return;
        }
        let count = sum.len() as i32;
        for (at, total) in sum.iter_mut().enumerate() {
            // Gliding through the frame: a jump would click.
            let gain = from + (to - from) * (at as i32 + 1) / count;
            *total = (i64::from(*total) * i64::from(gain) / i64::from(UNITY)) as i32;
        }
    }

    fn target(&self) -> i32 {
        let sounding = (0..self.playing.len()).filter(|at| !self.waits(*at) && !self.playing[*at].is_flushing());
        sounding.map(|index| self.playing[index].leaves()).min().unwrap_or(UNITY)
    }

    /// Whether the prompt before it has not ended.
    fn waits(&self, index: usize) -> bool {
        let after = self.playing[index].plan().after;
        let plays =
            |other| self.playing[..index].iter().any(|prompt| prompt.plan().id == other && !prompt.is_flushing());
        after.is_some_and(plays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FRAME;
    use crate::testing::{share_at, sine_at};

    fn plan(id: u64) -> PromptPlan {
        PromptPlan::new(id, Rate::Narrow)
    }

    fn done(id: u64, played_ms: u64, stopped: bool) -> Finished {
        Finished { id, played_ms, stopped }
    }

    fn frames_at(prompts: &mut Prompts, count: usize, rate: Rate) -> (Vec<i32>, Vec<(usize, Finished)>) {
        let (mut heard, mut ended) = (Vec::new(), Vec::new());
        for index in 0..count {
            let mut sum = vec![0; rate.samples()];
            prompts.mix_into(&mut sum, |finished| ended.push((index, finished)));
            heard.extend(sum);
        }
        (heard, ended)
    }

    fn frames(prompts: &mut Prompts, count: usize) -> (Vec<i32>, Vec<(usize, Finished)>) {
        frames_at(prompts, count, Rate::Narrow)
    }

    #[test]
    fn a_prompt_ends_with_its_last_frame_and_tells_its_length() {
        let mut prompts = Prompts::default();
        prompts.play(plan(1));
        prompts.feed(1, vec![5; 320], true);
        let (heard, ended) = frames(&mut prompts, 3);
        assert_eq!(heard[..320], [5; 320]);
        assert_eq!(ended, [(1, done(1, 40, false))]);
    }

    #[test]
    fn a_prompt_yields_to_the_keys_of_its_leg_and_the_voice_it_was_told_and_to_nothing_else() {
        use crate::key::Key;
        let key = |leg, key| Event::KeyDown { leg, key: Key::from_char(key).unwrap() };
        let voice = |watch| Event::VoiceBegan { watch, at_ms: 100 };
        let cut_by = |yields: Yields, heard: &[Event]| {
            let (mut prompts, mut cut) = (Prompts::default(), Vec::new());
            (1..=3).for_each(|id| prompts.play(PromptPlan { rounds: 0, ..plan(id) }));
            (1..=3).for_each(|id| prompts.feed(id, vec![5; 160], true));
            (1..=2).for_each(|id| prompts.set_yields(id, yields));
            frames(&mut prompts, 2);
            prompts.yield_to(heard, |finished| cut.push(finished));
            cut
        };
        let both = [done(1, 40, true), done(2, 40, true)];
        let (keys, voices) = (Yields { keys_of: Some(7), voice_of: None }, Yields { keys_of: None, voice_of: Some(9) });
        assert_eq!(cut_by(keys, &[Event::AudioStarted { leg: 7 }, key(7, '#')]), both);
        assert_eq!(cut_by(keys, &[key(8, '1'), key(7, 'A'), voice(7)]), []);
        assert_eq!(cut_by(voices, &[voice(9)]), both);
        assert_eq!(cut_by(voices, &[voice(8), key(9, '1'), Event::SilenceReached { watch: 9 }]), []);
    }

    #[test]
    fn rounds_follow_each_other_without_a_gap() {
        let mut prompts = Prompts::default();
        prompts.play(PromptPlan { rounds: 3, ..plan(1) });
        prompts.feed(1, (1..=60).collect::<Vec<_>>(), false);
        prompts.feed(1, (61..=100).collect::<Vec<_>>(), true);
        let (heard, ended) = frames(&mut prompts, 3);
        let expected: Vec<i32> = (0..300).map(|n| n % 100 + 1).collect();
        assert_eq!(heard[..300], expected);
        assert_eq!(ended, [(1, done(1, 37, false))]);
    }

    #[test]
    fn a_slow_feed_leaves_a_hole_and_a_true_position() {
        let mut prompts = Prompts::default();
        prompts.play(PromptPlan { rounds: 0, ..plan(1) });
        prompts.feed(1, vec![1; 200], false);
        let (heard, _) = frames(&mut prompts, 4);
        assert_eq!(heard.iter().sum::<i32>(), 200);
        prompts.feed(1, vec![1; 120], false);
        frames(&mut prompts, 1);
        assert_eq!(prompts.stop(1), Some(done(1, 40, true)));
    }

    #[test]
    fn a_prompt_for_ever_goes_on_for_ever_unless_it_is_empty() {
        let mut prompts = Prompts::default();
        prompts.play(PromptPlan { rounds: 0, ..plan(1) });
        prompts.feed(1, vec![1; 100], true);
        prompts.play(PromptPlan { rounds: 0, ..plan(2) });
        prompts.feed(2, vec![], true);
        let (heard, ended) = frames(&mut prompts, 50);
        assert_eq!(heard.iter().sum::<i32>(), 8000);
        assert_eq!(ended, [(0, done(2, 0, false))]);
    }

    #[test]
    fn the_level_is_in_decibels() {
        let mut prompts = Prompts::default();
        prompts.play(PromptPlan { level_db: -12.0, ..plan(1) });
        prompts.feed(1, vec![10_000; 160], true);
        let (heard, _) = frames(&mut prompts, 1);
        assert_eq!(heard[0], 2512);
    }

    #[test]
    fn prompts_of_one_target_are_mixed() {
        let mut prompts = Prompts::default();
        for id in [1, 2] {
            prompts.play(plan(id));
            prompts.feed(id, vec![100; 160], true);
        }
        let mut sum = [0; FRAME];
        let mixed = prompts.mix_into(&mut sum, |_| ());
        assert_eq!((mixed.sources, sum[0]), (2, 200));
        assert!(prompts.is_empty());
    }

    #[test]
    fn a_prompt_of_any_rate_sounds_the_same_in_a_room_of_any_rate() {
        for from in [Rate::Narrow, Rate::Wide, Rate::Full] {
            for to in [Rate::Narrow, Rate::Wide, Rate::Full] {
                let mut prompts = Prompts::default();
                prompts.play(PromptPlan::new(1, from));
                prompts.feed(1, sine_at(from, 700.0, from.samples() * 25, 8000.0), true);
                let (heard, ended) = frames_at(&mut prompts, 30, to);
                let heard: Vec<i16> = heard.iter().map(|sample| *sample as i16).collect();
                let middle = &heard[2 * to.samples()..23 * to.samples()];
                assert!(share_at(to, middle, 700.0) > 0.9999, "{from:?} to {to:?}");
                assert_eq!(ended.len(), 1);
                assert_eq!(ended[0].1, done(1, 500, false));
                // Nothing of the end is lost in the filter.
                let energy = |pcm: &[i16]| pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
                let expected = 8000f64.powi(2) / 2.0 * (to.samples() * 25) as f64;
                assert!((energy(&heard) / expected - 1.0).abs() < 0.01, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn one_prompt_after_the_other_without_a_gap() {
        let mut prompts = Prompts::default();
        prompts.play(plan(1));
        prompts.play(PromptPlan { after: Some(1), ..plan(2) });
        prompts.play(PromptPlan { after: Some(99), ..plan(3) });
        prompts.feed(1, vec![1; 320], true);
        prompts.feed(2, vec![10; 160], true);
        prompts.feed(3, vec![100; 160], true);
        let (heard, ended) = frames(&mut prompts, 4);
        assert_eq!([heard[0], heard[160], heard[320], heard[480]], [101, 1, 10, 0]);
        assert_eq!(
            ended.iter().map(|(frame, finished)| (*frame, finished.id)).collect::<Vec<_>>(),
            [(0, 3), (1, 1), (2, 2)]
        );
    }

    #[test]
    fn voices_make_room_for_a_prompt_and_come_back_without_a_click() {
        let mut prompts = Prompts::default();
        prompts.play(PromptPlan { duck_db: 12.0, ..plan(1) });
        prompts.feed(1, vec![0; 480], true);
        let mut heard = Vec::new();
        for _ in 0..6 {
            let mut sum = [10_000; FRAME];
            prompts.mix_into(&mut sum, |_| ());
            heard.extend(sum);
        }
        assert!((heard[FRAME..2 * FRAME]).iter().all(|sample| (2500..2530).contains(sample)));
        assert_eq!(heard[5 * FRAME..], [10_000; FRAME]);
        let jump = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max();
        assert!(jump < Some(60), "{jump:?}");
        assert!(prompts.is_empty());
    }
}
