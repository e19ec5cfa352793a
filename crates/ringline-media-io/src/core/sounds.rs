//! Audio of prompts, kept once however many legs it is played to.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Weak};

/// Shorter blocks (25 ms at 16 kHz) are not worth looking for.
const SHORTEST: usize = 400;
/// Samples that tell blocks apart at first sight; those that agree in them are compared in full.
const LOOKED_AT: usize = 64;
/// Blocks that nobody plays any more may wait to be forgotten: so many, and as many as are played.
const FORGOTTEN_LATE: usize = 64;

/// Finds the block that is in use already. Whoever plays a file, hold music or a cached sentence is fed the same blocks as
/// everybody else who does, sooner or later.
#[derive(Default)]
pub(super) struct Sounds {
    known: HashMap<u64, Weak<[i16]>>,
    /// How many were played when last looked for.
    played: usize,
}

impl Sounds {
    /// These samples, shared with everybody who plays just the same.
    pub(super) fn share(&mut self, pcm: Vec<i16>) -> Arc<[i16]> {
        if pcm.len() < SHORTEST {
            return pcm.into();
        }
        let look = look(&pcm);
        if let Some(found) = self.known.get(&look).and_then(Weak::upgrade).filter(|found| found[..] == pcm[..]) {
            return found;
        }
        let block: Arc<[i16]> = pcm.into();
        self.known.insert(look, Arc::downgrade(&block));
        if self.known.len() > 2 * self.played + FORGOTTEN_LATE {
            self.forget_unplayed();
        }
        block
    }

    /// Give back the memory of blocks that nobody plays.
    pub(super) fn forget_unplayed(&mut self) {
        self.known.retain(|_, block| block.strong_count() > 0);
        self.played = self.known.len();
    }
}

fn look(pcm: &[i16]) -> u64 {
    let mut hasher = DefaultHasher::new();
    pcm.len().hash(&mut hasher);
    for sample in pcm.iter().step_by(pcm.len().div_ceil(LOOKED_AT)) {
        sample.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: usize) -> Vec<i16> {
        (0..8000).map(|at| (at * 31 + number * 7919) as i16).collect()
    }

    #[test]
    fn four_hundred_listeners_of_a_minute_hold_it_once() {
        let mut sounds = Sounds::default();
        let mut held = Vec::new();
        for listener in 0..400 {
            // Each is somewhere else in the file, and goes round.
            held.extend((0..120).map(|number| sounds.share(block((number + listener) % 120))));
        }
        let mut places: Vec<_> = held.iter().map(|block| block.as_ptr()).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 120);
        assert!(held.iter().enumerate().all(|(at, held)| held[..] == block((at % 120 + at / 120) % 120)[..]));
    }

    #[test]
    fn blocks_that_look_alike_are_not_taken_for_each_other() {
        let mut sounds = Sounds::default();
        let (first, mut other) = (sounds.share(block(1)), block(1));
        other[1] ^= 1;
        let second = sounds.share(other.clone());
        assert_eq!(second[..], other[..]);
        assert_eq!(first[..], block(1)[..]);
    }

    #[test]
    fn what_nobody_plays_any_more_is_forgotten() {
        let mut sounds = Sounds::default();
        for number in 0..5000 {
            drop(sounds.share(block(number)));
            assert!(sounds.known.len() <= 2 * FORGOTTEN_LATE, "{}", sounds.known.len());
        }
    }
}
