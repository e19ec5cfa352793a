//! Prompts: audio handed in beforehand and played to a leg or a room, with positions that are true.

use crate::frame::{Sum, FRAME, RATE_HZ};

/// The gain that changes nothing.
const UNITY: i32 = 4096;

/// One prompt being played.
#[derive(Debug)]
struct Prompt {
    id: u64,
    /// Factor in 1/4096: 24 dB, the most we give, still fits a sample's product into 32 bits.
    gain: i32,
    /// Rounds still to be begun after this one; `None` for ever.
    rounds_left: Option<u32>,
    /// What was fed. Pieces that will not be heard again are emptied.
    pieces: Vec<Vec<i16>>,
    /// All of it is there.
    complete: bool,
    piece: usize,
    offset: usize,
    /// Samples played, all rounds together.
    played: u64,
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

impl Prompt {
    fn finished(&self, stopped: bool) -> Finished {
        Finished { id: self.id, played_ms: self.played * 1000 / u64::from(RATE_HZ), stopped }
    }

    /// Add the next samples to `sum`; returns how many there were and whether that was the end.
    fn mix_into(&mut self, sum: &mut Sum) -> (usize, bool) {
        let mut written = 0;
        // Set when a whole round gave nothing: an empty prompt must not go round for ever.
        let mut fruitless = false;
        while written < FRAME {
            let Some(piece) = self.pieces.get_mut(self.piece) else {
                if !self.complete {
                    break;
                }
                let again = !fruitless
                    && !self.pieces.is_empty()
                    && match &mut self.rounds_left {
                        None => true,
                        Some(0) => false,
                        Some(left) => {
                            *left -= 1;
                            true
                        }
                    };
                if !again {
                    return (written, true);
                }
                fruitless = true;
                self.piece = 0;
                self.offset = 0;
                continue;
            };
            let count = (piece.len() - self.offset).min(FRAME - written);
            for (total, sample) in sum[written..].iter_mut().zip(&piece[self.offset..self.offset + count]) {
                *total += (i32::from(*sample) * self.gain + UNITY / 2) >> UNITY.trailing_zeros();
            }
            fruitless &= count == 0;
            written += count;
            self.offset += count;
            self.played += count as u64;
            if self.offset == piece.len() {
                if self.rounds_left == Some(0) {
                    *piece = Vec::new();
                }
                self.piece += 1;
                self.offset = 0;
            }
        }
        // A prompt that ends exactly with the frame is over now, not 20 ms later.
        let over = self.complete && self.piece == self.pieces.len() && self.rounds_left == Some(0);
        (written, over)
    }
}

/// The prompts of one target, mixed with each other.
#[derive(Debug, Default)]
pub struct Prompts {
    playing: Vec<Prompt>,
}

/// What the prompts of one target gave for a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mixed {
    /// Prompts that gave audio.
    pub sources: usize,
    /// Whether one of them was made louder.
    pub amplified: bool,
}

impl Prompts {
    /// Start a prompt; `rounds` 0 repeats for ever.
    pub fn play(&mut self, id: u64, level_db: f32, rounds: u32) {
        self.playing.push(Prompt {
            id,
            gain: (10f32.powf(level_db.clamp(-96.0, 24.0) / 20.0) * UNITY as f32).round() as i32,
            rounds_left: rounds.checked_sub(1),
            pieces: Vec::new(),
            complete: false,
            piece: 0,
            offset: 0,
            played: 0,
        });
    }

    /// Add audio to a prompt; unknown ones are ignored.
    pub fn feed(&mut self, id: u64, pcm: Vec<i16>, last: bool) {
        if let Some(prompt) = self.playing.iter_mut().find(|prompt| prompt.id == id) {
            if !pcm.is_empty() {
                prompt.pieces.push(pcm);
            }
            prompt.complete |= last;
        }
    }

    /// Cut a prompt.
    pub fn stop(&mut self, id: u64) -> Option<Finished> {
        let index = self.playing.iter().position(|prompt| prompt.id == id)?;
        Some(self.playing.remove(index).finished(true))
    }

    /// Cut them all, in the order they were started.
    pub fn stop_all(&mut self) -> impl Iterator<Item = Finished> + '_ {
        self.playing.drain(..).map(|prompt| prompt.finished(true))
    }

    /// Whether nothing plays.
    pub fn is_empty(&self) -> bool {
        self.playing.is_empty()
    }

    /// Add the next frame of all of them to `sum`; those that end are told through `finished`.
    pub fn mix_into(&mut self, sum: &mut Sum, mut finished: impl FnMut(Finished)) -> Mixed {
        let mut mixed = Mixed::default();
        self.playing.retain_mut(|prompt| {
            let (written, over) = prompt.mix_into(sum);
            if written > 0 {
                mixed.sources += 1;
                mixed.amplified |= prompt.gain > UNITY;
            }
            if over {
                finished(prompt.finished(false));
            }
            !over
        });
        mixed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(prompts: &mut Prompts, count: usize) -> (Vec<i32>, Vec<(usize, Finished)>) {
        let (mut heard, mut ended) = (Vec::new(), Vec::new());
        for index in 0..count {
            let mut sum = [0; FRAME];
            prompts.mix_into(&mut sum, |finished| ended.push((index, finished)));
            heard.extend(sum);
        }
        (heard, ended)
    }

    #[test]
    fn a_prompt_ends_with_its_last_frame_and_tells_its_length() {
        let mut prompts = Prompts::default();
        prompts.play(1, 0.0, 1);
        prompts.feed(1, vec![5; 320], true);
        let (heard, ended) = frames(&mut prompts, 3);
        assert_eq!(heard[..320], [5; 320]);
        assert_eq!(ended, [(1, Finished { id: 1, played_ms: 40, stopped: false })]);
    }

    #[test]
    fn rounds_follow_each_other_without_a_gap() {
        let mut prompts = Prompts::default();
        prompts.play(1, 0.0, 3);
        prompts.feed(1, (1..=60).collect(), false);
        prompts.feed(1, (61..=100).collect(), true);
        let (heard, ended) = frames(&mut prompts, 3);
        let expected: Vec<i32> = (0..300).map(|n| n % 100 + 1).collect();
        assert_eq!(heard[..300], expected);
        assert_eq!(ended, [(1, Finished { id: 1, played_ms: 37, stopped: false })]);
    }

    #[test]
    fn a_slow_feed_leaves_a_hole_and_a_true_position() {
        let mut prompts = Prompts::default();
        prompts.play(1, 0.0, 0);
        prompts.feed(1, vec![1; 200], false);
        let (heard, _) = frames(&mut prompts, 4);
        assert_eq!(heard.iter().sum::<i32>(), 200);
        prompts.feed(1, vec![1; 120], false);
        frames(&mut prompts, 1);
        assert_eq!(prompts.stop(1), Some(Finished { id: 1, played_ms: 40, stopped: true }));
    }

    #[test]
    fn a_prompt_for_ever_goes_on_for_ever_unless_it_is_empty() {
        let mut prompts = Prompts::default();
        prompts.play(1, 0.0, 0);
        prompts.feed(1, vec![1; 100], true);
        prompts.play(2, 0.0, 0);
        prompts.feed(2, vec![], true);
        let (heard, ended) = frames(&mut prompts, 50);
        assert_eq!(heard.iter().sum::<i32>(), 8000);
        assert_eq!(ended, [(0, Finished { id: 2, played_ms: 0, stopped: false })]);
    }

    #[test]
    fn the_level_is_in_decibels() {
        let mut prompts = Prompts::default();
        prompts.play(1, -12.0, 1);
        prompts.feed(1, vec![10_000; 160], true);
        let (heard, _) = frames(&mut prompts, 1);
        assert_eq!(heard[0], 2512);
    }

    #[test]
    fn prompts_of_one_target_are_mixed() {
        let mut prompts = Prompts::default();
        for id in [1, 2] {
            prompts.play(id, 0.0, 1);
            prompts.feed(id, vec![100; 160], true);
        }
        let mut sum = [0; FRAME];
        let mixed = prompts.mix_into(&mut sum, |_| ());
        assert_eq!((mixed.sources, sum[0]), (2, 200));
        assert!(prompts.is_empty());
    }
}
