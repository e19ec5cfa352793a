//! Makes audio a little longer or shorter without changing its pitch, by leaving out or repeating whole periods.

use crate::frame::Rate;
use crate::pitch::{likeness, search, stride, Repeat};

/// Two places are joined by fading one into the other over 10 ms.
const FADE: usize = 80;
/// At least so much is left out or repeated (2.5 ms): less is not worth a seam.
const LEAST: usize = 20;
/// Quieter than this (-50 dBFS, mean square) a seam is not heard.
const QUIET: f32 = 32_768.0 * 32_768.0 * 1e-5;
/// A seam in a voice is not heard when its two sides are so alike.
const GOOD: f32 = 0.8;

/// How the piece to be left out or repeated is chosen.
pub(crate) struct Choice<'a> {
    pub(crate) rate: Rate,
    /// The longest piece.
    pub(crate) most: usize,
    /// Take even a bad seam.
    pub(crate) urgent: bool,
    /// How little a length is liked for other reasons, 0 to 1; `None` when it is of no use.
    pub(crate) dislike: &'a dyn Fn(usize) -> Option<f32>,
}

impl Choice<'_> {
    fn best(&self, quiet: bool, alike: impl Fn(usize, usize) -> f32) -> Option<usize> {
        let stride = stride(self.rate);
        let least = LEAST * stride;
        if self.most < least {
            return None;
        }
        let found: Repeat = search(least, self.most, stride, |lag, step| match (self.dislike)(lag) {
            None => f32::MIN,
            Some(dislike) if quiet => 1.0 - dislike,
            Some(dislike) => alike(lag, step) - 0.15 * dislike,
        });
        let usable = found.likeness > f32::MIN && (quiet || self.urgent || found.likeness > GOOD);
        usable.then_some(found.lag)
    }
}

/// How much to leave out of `input`, which is longer than a frame by `choice.most`.
pub(crate) fn how_much_to_leave_out(input: &[i16], choice: &Choice<'_>) -> Option<usize> {
    let fade = FADE * stride(choice.rate);
    let quiet = is_quiet(&input[..fade + choice.most.min(input.len() - fade)]);
    choice.best(quiet, |lag, step| likeness(&input[..fade], &input[lag..lag + fade], step))
}

/// Write a frame that leaves `lag` samples of `input` out.
pub(crate) fn leave_out(input: &[i16], lag: usize, rate: Rate, out: &mut [i16]) {
    let fade = FADE * stride(rate);
    cross(&input[..fade], &input[lag..lag + fade], &mut out[..fade]);
    let length = out.len();
    out[fade..].copy_from_slice(&input[lag + fade..lag + length]);
}

/// How much of the end of `history` to repeat before `input`.
pub(crate) fn how_much_to_repeat(history: &[i16], input: &[i16], choice: &Choice<'_>) -> Option<usize> {
    let fade = FADE * stride(choice.rate);
    let end = history.len();
    let quiet = is_quiet(&history[end - fade..]) && is_quiet(&input[..fade]);
    // What is repeated begins `lag` samples before the frame; the part that reaches into the frame is its own.
    choice.best(quiet, |lag, step| {
        let inside = lag.min(fade);
        let mut alike = likeness(&input[..inside], &history[end - lag..end - lag + inside], step);
        if inside < fade {
            alike = alike.min(likeness(&input[inside..fade], &input[..fade - inside], step));
        }
        alike
    })
}

/// Write a frame that plays the last `lag` samples of `history` again, and of `input` what is left of the frame.
pub(crate) fn repeat(history: &[i16], input: &[i16], lag: usize, rate: Rate, out: &mut [i16]) {
    let fade = FADE * stride(rate);
    let end = history.len();
    let length = out.len();
    let again = |position: usize| if position < lag { history[end - lag + position] } else { input[position - lag] };
    for (position, sample) in out.iter_mut().enumerate().take(length) {
        let later = f32::from(again(position));
        *sample = if position < fade {
            let share = (position + 1) as f32 / (fade + 1) as f32;
            let now = f32::from(input[position]);
            (now + (later - now) * share) as i16
        } else {
            later as i16
        };
    }
}

fn cross(from: &[i16], to: &[i16], out: &mut [i16]) {
    let step = 1.0 / (out.len() + 1) as f32;
    for (position, ((from, to), out)) in from.iter().zip(to).zip(out).enumerate() {
        let (from, to) = (f32::from(*from), f32::from(*to));
        *out = (from + (to - from) * step * (position + 1) as f32) as i16;
    }
}

fn is_quiet(pcm: &[i16]) -> bool {
    pcm.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() < QUIET * pcm.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conceal::milliseconds;
    use crate::testing::{share_at, sine_at};

    #[test]
    fn a_tone_keeps_its_pitch_when_it_is_shortened_or_lengthened() {
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            let frame = rate.samples();
            let most = milliseconds(rate, 15);
            let choice = Choice { rate, most, urgent: false, dislike: &|_| Some(0.0) };
            let pcm = sine_at(rate, 300.0, 6 * frame, 8000.0);
            let (history, input) = pcm.split_at(3 * frame);

            let lag = how_much_to_leave_out(&input[..frame + most], &choice).unwrap();
            let mut out = vec![0; frame];
            leave_out(input, lag, rate, &mut out);
            let shorter: Vec<i16> = history.iter().chain(&out).chain(&input[frame + lag..]).copied().collect();
            assert_eq!(shorter.len(), pcm.len() - lag);
            assert!(share_at(rate, &shorter, 300.0) > 0.99, "{rate:?}");

            let lag = how_much_to_repeat(history, &input[..frame], &choice).unwrap();
            repeat(history, &input[..frame], lag, rate, &mut out);
            let longer: Vec<i16> = history.iter().chain(&out).chain(&input[frame - lag..]).copied().collect();
            assert_eq!(longer.len(), pcm.len() + lag);
            assert!(share_at(rate, &longer, 300.0) > 0.99, "{rate:?}");
        }
    }

    #[test]
    fn noise_is_left_alone_unless_it_is_urgent() {
        let mut noise = crate::testing::Noise::new(4);
        let pcm: Vec<i16> = (0..480).map(|_| noise.next() as i16 / 4).collect();
        let choice = |urgent| Choice { rate: Rate::Narrow, most: 120, urgent, dislike: &|_| Some(0.0) };
        assert_eq!(how_much_to_leave_out(&pcm, &choice(false)), None);
        assert!(how_much_to_leave_out(&pcm, &choice(true)).is_some());
    }

    #[test]
    fn in_silence_the_most_useful_length_is_taken() {
        let choice =
            Choice { rate: Rate::Narrow, most: 160, urgent: false, dislike: &|lag| Some((160 - lag) as f32 / 160.0) };
        assert_eq!(how_much_to_leave_out(&[1; 320], &choice), Some(160));
    }
}
