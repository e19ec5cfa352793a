//! One prompt: audio handed in before or while it plays, in rounds, with a position that is true.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::Event;
use crate::frame::{Rate, MAX_FRAME};
use crate::resample::Resampler;

/// The gain that changes nothing.
const UNITY: i32 = 4096;
/// The loudest and the quietest level. The product of a sample and the highest gain still fits into 32 bits.
const LEVELS_DB: (f32, f32) = (-96.0, 24.0);

/// How a prompt is to be played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PromptPlan {
    /// Names the prompt.
    pub id: u64,
    /// Rate of its samples.
    pub rate: Rate,
    /// Louder or quieter, in decibels.
    pub level_db: f32,
    /// How often; 0 repeats for ever.
    pub rounds: u32,
    /// While it sounds, what its target hears besides gets so much quieter; 0 leaves it alone.
    pub duck_db: f32,
    /// It waits until this other prompt of the same target has ended.
    pub after: Option<u64>,
}

impl PromptPlan {
    /// Once, as it is, at once.
    pub fn new(id: u64, rate: Rate) -> Self {
        PromptPlan { id, rate, level_db: 0.0, rounds: 1, duck_db: 0.0, after: None }
    }
}

/// Who interrupts a prompt: it is cut in the very frame in which that is heard, without asking anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Yields {
    /// This leg, by a key of the keypad.
    pub keys_of: Option<u64>,
    /// Whom this observation tells of, by his voice.
    pub voice_of: Option<u64>,
}

impl Yields {
    /// Whether this is what interrupts it.
    pub fn to(&self, event: &Event) -> bool {
        match event {
            // The letters A to D are on no telephone, and interrupt nothing.
            Event::KeyDown { leg, key } => self.keys_of == Some(*leg) && !key.to_char().is_ascii_alphabetic(),
            Event::VoiceBegan { watch, .. } => self.voice_of == Some(*watch),
            _ => false,
        }
    }
}

/// A prompt that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// Which.
    pub id: u64,
    /// Milliseconds of it that were played, all rounds together.
    pub played_ms: u64,
    /// Whether it was cut.
    pub stopped: bool,
}

/// One prompt being played.
pub(crate) struct Prompt {
    plan: PromptPlan,
    yields: Yields,
    gain: i32,
    /// What it leaves of everything else.
    leaves: i32,
    /// Rounds still to be begun after this one; `None` for ever.
    rounds_left: Option<u32>,
    /// What came, and will be heard again.
    pieces: VecDeque<Arc<[i16]>>,
    /// All of it is there.
    complete: bool,
    piece: usize,
    offset: usize,
    /// Samples played, all rounds together.
    played: u64,
    resampler: Option<Box<Resampler>>,
    /// It is over, but for what the resampler holds of its last moment.
    flushing: bool,
}

impl Prompt {
    pub(crate) fn new(plan: PromptPlan) -> Self {
        Prompt {
            plan,
            yields: Yields::default(),
            gain: factor(plan.level_db),
            leaves: factor(-plan.duck_db.max(0.0)),
            rounds_left: plan.rounds.checked_sub(1),
            pieces: VecDeque::new(),
            complete: false,
            piece: 0,
            offset: 0,
            played: 0,
            resampler: None,
            flushing: false,
        }
    }

    pub(crate) fn plan(&self) -> &PromptPlan {
        &self.plan
    }

    /// See `Prompts::yield_to`.
    pub(crate) fn set_yields(&mut self, yields: Yields) {
        self.yields = yields;
    }

    pub(crate) fn yields(&self) -> &Yields {
        &self.yields
    }

    /// Whether it makes its audio louder.
    pub(crate) fn amplifies(&self) -> bool {
        self.gain > UNITY
    }

    /// Add audio; `last` says that no more follows.
    pub(crate) fn feed(&mut self, pcm: Arc<[i16]>, last: bool) {
        if !pcm.is_empty() && !self.complete {
            self.pieces.push_back(pcm);
        }
        self.complete |= last;
    }

    pub(crate) fn finished(&self, stopped: bool) -> Finished {
        let played_ms = self.played * 1000 / u64::from(self.plan.rate.hz());
        Finished { id: self.plan.id, played_ms, stopped }
    }

    /// The gain of what is heard besides while it sounds.
    pub(crate) fn leaves(&self) -> i32 {
        self.leaves
    }

    /// See `Prompts::whereabouts`.
    pub(crate) fn whereabouts(&self, step: usize, tell: &mut impl FnMut(*const u8, usize)) {
        let Some(piece) = self.pieces.get(self.piece) else { return };
        match step {
            1 => tell(std::ptr::from_ref(piece).cast(), size_of_val(piece)),
            _ => tell(piece.as_ptr().wrapping_add(self.offset).cast(), 2 * self.plan.rate.samples()),
        }
    }

    /// Whether it has ended, and only an echo of it is left.
    pub(crate) fn is_flushing(&self) -> bool {
        self.flushing
    }

    /// Add the next frame to `sum`; returns whether it gave audio, and whether that was the end.
    pub(crate) fn mix_into(&mut self, sum: &mut [i32]) -> (bool, bool) {
        let mut frame = [0; MAX_FRAME];
        let wanted = self.plan.rate.samples();
        let (written, over) = if self.flushing { (0, false) } else { self.gather(&mut frame[..wanted]) };
        let rate = Rate::of_samples(sum.len());
        if rate == self.plan.rate {
            self.resampler = None;
            self.flushing = false;
            self.add(&frame[..wanted], sum);
            return (written > 0, over);
        }
        let resampler = match &mut self.resampler {
            Some(known) if known.to() == rate => known,
            other => other.insert(Box::new(Resampler::new(self.plan.rate, rate))),
        };
        let mut converted = [0; MAX_FRAME];
        resampler.run(&frame[..wanted], &mut converted[..sum.len()]);
        self.add(&converted[..sum.len()], sum);
        let flushed = std::mem::replace(&mut self.flushing, over);
        (written > 0 || flushed, over)
    }

    /// Whether its samples can be taken as they are: no other rate, no gain, nothing to make room for.
    pub(crate) fn is_as_it_is(&self, rate: Rate) -> bool {
        let plain = self.gain == UNITY && self.leaves == UNITY && self.plan.after.is_none();
        plain && rate == self.plan.rate && self.resampler.is_none() && !self.flushing
    }

    /// Instead of `mix_into`: copy the next frame; tells whether that was the end.
    pub(crate) fn copy_into(&mut self, frame: &mut [i16]) -> bool {
        let (written, over) = self.gather(frame);
        frame[written..].fill(0);
        over
    }

    fn add(&self, frame: &[i16], sum: &mut [i32]) {
        for (total, sample) in sum.iter_mut().zip(frame) {
            *total += (i32::from(*sample) * self.gain + UNITY / 2) >> UNITY.trailing_zeros();
        }
    }

    /// Copy the next samples to `frame`; returns how many there were and whether that was the end.
    fn gather(&mut self, frame: &mut [i16]) -> (usize, bool) {
        let mut written = 0;
        // Set when a whole round gave nothing: an empty prompt must not go round for ever.
        let mut fruitless = false;
        while written < frame.len() {
            let Some(piece) = self.pieces.get(self.piece) else {
                if !self.complete {
                    break;
                }
                if fruitless || !self.begin_round() {
                    return (written, true);
                }
                fruitless = true;
                continue;
            };
            let count = (piece.len() - self.offset).min(frame.len() - written);
            frame[written..written + count].copy_from_slice(&piece[self.offset..self.offset + count]);
            fruitless &= count == 0;
            written += count;
            self.offset += count;
            self.played += count as u64;
            if self.offset == piece.len() {
                self.offset = 0;
                if self.rounds_left == Some(0) {
                    self.pieces.pop_front(); // the earlier ones are gone already, or this is the first
                } else {
                    self.piece += 1;
                }
            }
        }
        // A prompt that ends exactly with the frame is over now, not 20 ms later.
        let over = self.complete && self.piece == self.pieces.len() && self.rounds_left == Some(0);
        (written, over)
    }

    /// Go back to the start, if there is another round and anything to hear in it.
    fn begin_round(&mut self) -> bool {
        if self.pieces.is_empty() {
            return false;
        }
        match &mut self.rounds_left {
            None => {}
            Some(0) => return false,
            Some(left) => *left -= 1,
        }
        (self.piece, self.offset) = (0, 0);
        true
    }
}

/// A level as a factor in 1/4096.
fn factor(level_db: f32) -> i32 {
    (10f32.powf(level_db.clamp(LEVELS_DB.0, LEVELS_DB.1) / 20.0) * UNITY as f32).round() as i32
}
