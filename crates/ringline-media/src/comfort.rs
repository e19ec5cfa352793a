//! Comfort noise (RFC 3389): a pause that the far end asks us to fill with faint noise.

/// -40 dBov: no background is louder, whatever a packet says.
const LOUDEST_DB: u8 = 40;
/// Without news for so long the noise ends too.
const LASTS_FRAMES: u32 = 500;

/// Makes faint noise of the level that was last asked for.
#[derive(Debug, Default)]
pub(crate) struct ComfortNoise {
    /// Peak of the evenly spread samples; 0 for silence.
    peak: i32,
    frames_left: u32,
    state: u32,
    /// Allocated with the first request.
    frame: Vec<i16>,
}

impl ComfortNoise {
    /// Take the payload of a comfort noise packet: its first byte is the level below overload in decibels.
    pub(crate) fn ask(&mut self, payload: &[u8], seed: u32) {
        let level = payload.first().map_or(127, |level| level & 0x7f).max(LOUDEST_DB);
        // Evenly spread noise has a third of its peak's power.
        self.peak = (32_768.0 * 3f32.sqrt() * 10f32.powf(-f32::from(level) / 20.0)) as i32;
        self.frames_left = LASTS_FRAMES;
        if self.state == 0 {
            self.state = seed | 1;
        }
    }

    /// Speech is back.
    pub(crate) fn end(&mut self) {
        self.peak = 0;
    }

    /// The frame that was made last.
    pub(crate) fn frame(&self) -> &[i16] {
        &self.frame
    }

    /// Make a frame of so many samples; false when there is none to make.
    pub(crate) fn fill(&mut self, samples: usize) -> bool {
        if self.peak == 0 || self.frames_left == 0 {
            return false;
        }
        self.frames_left -= 1;
        self.frame.resize(samples, 0);
        for sample in &mut self.frame {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 17;
            self.state ^= self.state << 5;
            *sample = (((self.state as i32) >> 16) * self.peak / 32_768) as i16;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_db(frame: &[i16]) -> f64 {
        let power: f64 = frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / frame.len() as f64;
        10.0 * (power / 32_768f64.powi(2)).log10()
    }

    #[test]
    fn the_noise_has_the_level_asked_for_and_no_more() {
        for (asked, got) in [(60, -60.0), (50, -50.0), (0, -40.0)] {
            let mut noise = ComfortNoise::default();
            noise.ask(&[asked], 7);
            assert!(noise.fill(8000));
            assert!((level_db(noise.frame()) - got).abs() < 1.0, "{asked}: {}", level_db(noise.frame()));
        }
    }

    #[test]
    fn it_ends_with_speech_and_by_itself() {
        let mut noise = ComfortNoise::default();
        noise.ask(&[50], 7);
        noise.end();
        assert!(!noise.fill(160));
        noise.ask(&[50], 7);
        assert_eq!((0..600).filter(|_| noise.fill(160)).count(), 500);
    }
}
