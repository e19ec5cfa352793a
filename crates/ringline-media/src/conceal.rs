//! Makes up audio for what was lost: the last period of the voice goes on, ever quieter.
//!
//! The idea is that of ITU-T G.711 Appendix I, without its delay: the seam is smoothed behind it instead of before it.

use crate::frame::Rate;
use crate::pitch::{self, longest};

/// Made-up audio keeps its level for 10 ms and has faded out after 60 ms.
const HELD_MS: usize = 10;
const FADED_MS: usize = 60;
/// What comes back is faded in over 5 ms.
const MERGE_MS: usize = 5;
/// Below this likeness the audio has no period; a long piece of it sounds least like a tone.
const VOICED: f32 = 0.4;
/// So much of the past is looked at.
pub(crate) const HISTORY_MS: usize = 50;

/// Continues what was heard.
pub(crate) struct Concealer {
    rate: Rate,
    /// One period that can be repeated without a seam; empty while nothing is made up.
    cycle: Vec<i16>,
    phase: usize,
    /// Samples made up in a row.
    made: usize,
    /// Difference at the seam, that is faded away.
    step: f32,
}

impl Concealer {
    pub(crate) fn new(rate: Rate) -> Self {
        let mut cycle = Vec::new();
        cycle.reserve_exact(longest(rate));
        Concealer { rate, cycle, phase: 0, made: 0, step: 0.0 }
    }

    /// What comes next has nothing to do with what was.
    pub(crate) fn reset(&mut self) {
        self.cycle.clear();
        self.made = 0;
    }

    /// Whether audio is being made up right now.
    pub(crate) fn is_active(&self) -> bool {
        !self.cycle.is_empty()
    }

    /// Lead from what was made up, if anything was, into real audio.
    pub(crate) fn merge(&mut self, pcm: &mut [i16]) {
        if !self.is_active() {
            return;
        }
        let length = milliseconds(self.rate, MERGE_MS).min(pcm.len());
        for (position, sample) in pcm[..length].iter_mut().enumerate() {
            let made = self.next();
            let share = (position + 1) as f32 / (length + 1) as f32;
            *sample = (made + (f32::from(*sample) - made) * share) as i16;
        }
        self.reset();
    }

    /// Make up audio at the end of `pcm`, from `start` on; before it there are at least `HISTORY_MS` of the past.
    pub(crate) fn make_up(&mut self, pcm: &mut [i16], start: usize) {
        if !self.is_active() {
            self.begin(&pcm[..start]);
        }
        for sample in &mut pcm[start..] {
            *sample = self.next() as i16;
        }
    }

    fn begin(&mut self, history: &[i16]) {
        let end = history.len();
        let found = pitch::period(history, self.rate);
        let lag = if found.likeness < VOICED { longest(self.rate) } else { found.lag };
        self.cycle.extend_from_slice(&history[end - lag..]);
        // The end of the period leads smoothly back to its beginning.
        let quarter = lag / 4;
        for position in 0..quarter {
            let share = (position + 1) as f32 / (quarter + 1) as f32;
            let at = lag - quarter + position;
            let (ours, earlier) = (f32::from(self.cycle[at]), f32::from(history[end - lag - quarter + position]));
            self.cycle[at] = (ours + (earlier - ours) * share) as i16;
        }
        self.step = f32::from(history[end - 1]) - f32::from(history[end - 1 - lag]);
        self.phase = 0;
        self.made = 0;
    }

    fn next(&mut self) -> f32 {
        let (held, faded) = (milliseconds(self.rate, HELD_MS), milliseconds(self.rate, FADED_MS));
        let gain = match self.made {
            made if made < held => 1.0,
            made if made < faded => (faded - made) as f32 / (faded - held) as f32,
            _ => 0.0,
        };
        let seam = self.cycle.len() / 4;
        let step = if self.made < seam { self.step * (seam - self.made) as f32 / (seam + 1) as f32 } else { 0.0 };
        let sample = f32::from(self.cycle[self.phase]) + step;
        self.phase = (self.phase + 1) % self.cycle.len();
        self.made += 1;
        (sample * gain).clamp(-32_768.0, 32_767.0)
    }
}

/// Samples in so many milliseconds.
pub(crate) const fn milliseconds(rate: Rate, count: usize) -> usize {
    rate.hz() as usize / 1000 * count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{share_at, sine_at};

    #[test]
    fn a_tone_goes_on_at_its_pitch_and_fades_within_60_ms() {
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            let mut concealer = Concealer::new(rate);
            let past = milliseconds(rate, 100);
            let mut heard = sine_at(rate, 400.0, past, 8000.0);
            heard.resize(milliseconds(rate, 180), 0);
            concealer.make_up(&mut heard, past);
            assert!(share_at(rate, &heard[past..milliseconds(rate, 120)], 400.0) > 0.98, "{rate:?}");
            assert!(heard[milliseconds(rate, 160)..].iter().all(|sample| *sample == 0));
            let largest = heard.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap();
            // A sine's steepest step is its angle per sample.
            let steepest = 8000.0 * std::f64::consts::TAU * 400.0 / f64::from(rate.hz());
            assert!(f64::from(largest) < 1.4 * steepest, "{rate:?}: {largest} against {steepest}");
        }
    }

    #[test]
    fn silence_stays_silent() {
        let mut concealer = Concealer::new(Rate::Narrow);
        let mut pcm = [0; 560];
        concealer.make_up(&mut pcm, 400);
        assert_eq!(pcm, [0; 560]);
    }
}
