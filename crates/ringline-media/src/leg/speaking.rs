//! What a leg hears, made and sent: the room's voices, its own prompts, and no clicks between them.

use super::Leg;
use crate::event::Event;
use crate::frame::MAX_FRAME;
use crate::limiter;
use crate::outbound::Emit;
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
    /// Writes the frame as the leg hears it to `ears`, for recordings; returns whether there is one.
    pub fn speak(
        &mut self,
        heard: &mut [i32],
        sources: Mixed,
        ears: &mut [i16],
        events: &mut Vec<Event>,
        emit: &mut Emit<'_>,
    ) -> bool {
        if self.outbound.plan().is_none() {
            return false; // prompts and keys wait for a plan
        }
        let own = self.mix_prompts(heard, events);
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
        if self.outbound.plan().is_none() {
            return false;
        }
        self.prompting = 0;
        self.send(voice, events, emit);
        true
    }

    fn mix_prompts(&mut self, heard: &mut [i32], events: &mut Vec<Event>) -> Mixed {
        self.prompting = 0;
        if self.prompts.is_still() {
            return Mixed::default();
        }
        self.prompted.clear();
        self.prompted.resize(heard.len(), 0);
        let mixed = self.prompts.mix_into(&mut self.prompted, |finished| events.push(finished.into()));
        self.prompting = mixed.sources;
        self.prompts.lower(heard);
        for (total, sample) in heard.iter_mut().zip(&self.prompted) {
            *total += *sample;
        }
        mixed
    }

    /// What the leg's own prompts gave for this frame, and how many they were, after `speak`.
    pub fn prompted(&self) -> (&[i32], usize) {
        (&self.prompted, self.prompting)
    }

    /// Whether the leg has prompts of its own.
    pub fn has_prompts(&self) -> bool {
        !self.prompts.is_still()
    }

    fn send(&mut self, ears: &mut [i16], events: &mut Vec<Event>, emit: &mut Emit<'_>) {
        if std::mem::take(&mut self.jumps) {
            smooth(self.last_heard, ears);
        }
        self.last_heard = ears.last().copied().unwrap_or(0);
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
