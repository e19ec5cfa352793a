//! Audio files, whole or in pieces.

use ringline_media_files::{FileDecoder, Step};

use crate::chance::Chance;
use crate::Target;

/// Samples asked for at a time.
const BLOCK: usize = 4000;
/// No good file of these sizes gives more.
const MOST_SAMPLES: usize = 4_000_000;

/// Files of one kind.
pub(crate) struct Files(&'static [&'static [u8]]);

impl Files {
    pub(crate) fn wav() -> Self {
        Files(&[include_bytes!("../seeds/linear.wav"), include_bytes!("../seeds/gsm.wav")])
    }

    pub(crate) fn mp3() -> Self {
        Files(&[include_bytes!("../seeds/tone.mp3")])
    }

    pub(crate) fn ogg() -> Self {
        Files(&[include_bytes!("../seeds/vorbis.ogg"), include_bytes!("../seeds/opus.ogg")])
    }
}

impl Target for Files {
    fn strike(&mut self, chance: &mut Chance) {
        let mut file = self.0[chance.below(self.0.len())].to_vec();
        if chance.once_in(3) {
            // Headers are where the traps are.
            let mut head: Vec<u8> = file.drain(..file.len().min(120)).collect();
            chance.mutate(&mut head);
            file.splice(0..0, head);
        } else {
            chance.mutate(&mut file);
        }
        let mut decoder = FileDecoder::new(60);
        let mut rest = &file[..];
        let mut total = 0;
        loop {
            let mut pcm = Vec::new();
            match decoder.read(&mut pcm, BLOCK) {
                Ok(Step::Enough) => {}
                Ok(Step::End) | Err(_) => break,
                Ok(Step::Hungry) if rest.is_empty() => decoder.end(),
                Ok(Step::Hungry) => {
                    let count = match chance.once_in(2) {
                        true => rest.len(),
                        false => 1 + chance.below(rest.len()),
                    };
                    decoder.feed(&rest[..count]);
                    rest = &rest[count..];
                }
            }
            total += pcm.len();
            assert!(total <= MOST_SAMPLES, "a small file gave {total} samples");
        }
    }
}
