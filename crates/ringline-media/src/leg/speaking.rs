//! What a leg hears, made and sent: the room's voices, its own prompts, and no clicks between them.

use super::Leg;
use crate::event::Event;
use crate::frame::{Rate, MAX_FRAME};
use crate::limiter;
use crate::observer::level;
use crate::outbound::Emit;
use crate::prompt::Finished;
use crate::prompts::Mixed;

/// A step between two frames is spread over so much of the later one: a 4th, which is 5 ms.
const SMOOTHED: usize = 4;

impl Leg {
    /// What the leg hears is about to jump: other voices, or a prompt cut short. The step is smoothed.
    pub fn expect_jump(&mut self) {
        self.jumps = true;
    }

    /// Send this tick's frame: what the leg hears of the room (`heard`, made of `sources`) and its own prompts.
    ///
    /// Writes the frame as the leg hears it to `ears`, and what its prompts gave to `own` if somebody asks for that, both
    /// for recordings. Returns whether there is one.
    pub fn speak(
        &mut self,
        heard: &mut [i32],
        sources: Mixed,
        own: Option<&mut [i32]>,
        ears: &mut [i16],
        events: &mut Vec<Event>,
        emit: &mut Emit<'_>,
    ) -> bool {
        if !self.is_up() {
            return false; // prompts and keys wait for a plan
        }
        self.prompting = 0;
        if own.is_none() && sources.sources == 0 && self.prompts.is_one_as_it_is(Rate::of_samples(ears.len())) {
            self.prompts.copy_into(ears, |finished| events.push(finished.into()));
            self.send(ears, events, emit);
            return true;
        }
        let own = self.mix_prompts(heard, own, events);
        match sources.sources + own.sources {
            0 => ears.fill(0),
            1 if !sources.amplified && !own.amplified => limiter::copy(heard, ears),
            _ => limiter::limit(heard, ears),
        }
        self.send(ears, events, emit);
        true
    }

    /// As `speak`, for a leg without prompts of its own that hears one voice at its own level.
    pub fn speak_alone(&mut self, voice: &mut [i16], events: &mut Vec<Event>, emit: &mut Emit<'_>) -> bool {
        if !self.is_up() {
            return false;
        }
        self.prompting = 0;
        self.send(voice, events, emit);
        true
    }

    fn mix_prompts(&mut self, heard: &mut [i32], own: Option<&mut [i32]>, events: &mut Vec<Event>) -> Mixed {
        if self.prompts.is_still() {
            return Mixed::default();
        }
        let finished = |finished: Finished| events.push(finished.into());
        let Some(own) = own else { return self.prompts.mix_into(heard, finished) };
        own.fill(0);
        let mixed = self.prompts.mix_into(own, finished);
        self.prompting = mixed.sources;
        self.prompts.lower(heard);
        for (total, sample) in heard.iter_mut().zip(own) {
            *total += *sample;
        }
        mixed
    }

    /// How many of the leg's own prompts gave something for this frame, after `speak` was asked for what they gave.
    pub fn prompting(&self) -> usize {
        self.prompting
    }

    /// Whether the leg has prompts of its own.
    pub fn has_prompts(&self) -> bool {
        !self.prompts.is_still()
    }

    fn send(&mut self, ears: &mut [i16], events: &mut Vec<Event>, emit: &mut Emit<'_>) {
        if std::mem::take(&mut self.jumps) {
            if let Some(last) = self.last_heard {
                smooth(last, ears);
            }
        }
        self.last_heard = ears.last().copied();
        if !self.observers.is_empty() {
            self.loudness[self.loudness_at] = level(ears);
        }
        if let Some(line) = &mut self.line {
            return match &mut self.outwards {
                Some(resampler) => {
                    let mut frame = [0i16; MAX_FRAME];
                    let frame = &mut frame[..line.rate().samples()];
                    resampler.run(ears, frame);
                    line.give(frame);
                }
                None => line.give(ears),
            };
        }
        let destination = self.inbound.source.destination();
        let told = |keys| events.push(Event::KeysSent { keys });
        if self.outwards.is_none() && self.outbound.is_quiet() {
            return self.outbound.send(ears, destination, told, emit);
        }
        // What is sent is another frame than what is heard.
        let mut coded = [0i16; MAX_FRAME];
        let frame = &mut coded[..self.outbound.rate().samples()];
        match &mut self.outwards {
            Some(resampler) => resampler.run(ears, frame),
            None => frame.copy_from_slice(ears),
        }
        self.outbound.send(frame, destination, told, emit);
    }
}

/// Lead from the sample heard last into a frame that has nothing to do with it.
fn smooth(last: i16, frame: &mut [i16]) {
    let length = frame.len() / SMOOTHED;
    let step = f32::from(last) - frame.first().map_or(0.0, |first| f32::from(*first));
    for (position, sample) in frame[..length].iter_mut().enumerate() {
        let left = 1.0 - position as f32 / length as f32;
        *sample = (f32::from(*sample) + step * left * left).clamp(-32_768.0, 32_767.0) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_spread_over_5_ms() {
        let mut frame = [-9000; 160];
        smooth(12_000, &mut frame);
        assert_eq!((frame[0], frame[40]), (12_000, -9000));
        assert!(frame.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 1200));
    }
}
