//! Keys that we press: telephone-events (RFC 4733), or tones in the audio where those were not agreed.

use std::collections::VecDeque;

use crate::frame::Rate;
use crate::key::Key;

/// Frames of tone, and of the gap after it: 100 ms each.
const TONE_FRAMES: u32 = 5;
const GAP_FRAMES: u32 = 5;
/// Frames of a `p`: 500 ms.
const PAUSE_FRAMES: u32 = 25;
/// The end packet is sent so many times (RFC 4733 §2.5.1.4).
const END_PACKETS: u32 = 3;
/// -10 dBm0, the level that we also write into the events.
const VOLUME: u8 = 10;
/// Peak of each of the two tones at -10 dBm0; a sine of 0 dBm0 peaks 3.14 dB below full scale.
const TONE_PEAK: f64 = 7218.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Press(Key),
    Pause,
    /// The end of one order; its id.
    Done(u64),
}

/// What takes the place of this frame's audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFrame {
    /// Nothing does.
    Audio,
    /// A telephone-event packet.
    Event {
        /// Its four bytes.
        payload: [u8; 4],
        /// How long before this frame the event began, in ticks.
        begun: u32,
        /// First packet of the event.
        marker: bool,
    },
    /// The key's tone, written over the frame.
    Tone,
    /// Silence, so that the next tone can be told from this one.
    Gap,
}

/// The queue of keys of one leg; keys never overlap.
#[derive(Debug, Default)]
pub struct KeySender {
    queue: VecDeque<Step>,
    /// Frames already spent on the first step.
    spent: u32,
}

impl KeySender {
    /// Queue an order: keys, and `p` for 500 ms of pause. Other characters are skipped.
    pub fn order(&mut self, id: u64, digits: &str) {
        self.queue.extend(digits.chars().filter_map(|character| match character {
            'p' | 'P' => Some(Step::Pause),
            _ => Key::from_char(character).map(Step::Press),
        }));
        self.queue.push_back(Step::Done(id));
    }

    /// Whether nothing waits.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Go on by one frame. `events` is the length of a frame in ticks of the telephone-event's clock, if that was agreed;
    /// finished orders come out through `done`.
    pub fn next(&mut self, events: Option<u32>, pcm: &mut [i16], mut done: impl FnMut(u64)) -> KeyFrame {
        while let Some(Step::Done(id)) = self.queue.front() {
            done(*id);
            self.queue.pop_front();
        }
        let (frame, length) = match self.queue.front() {
            None => return KeyFrame::Audio,
            Some(Step::Pause) => (KeyFrame::Audio, PAUSE_FRAMES),
            Some(Step::Press(key)) => {
                let key = *key;
                (self.press(key, events, pcm), TONE_FRAMES + GAP_FRAMES)
            }
            Some(Step::Done(_)) => unreachable!("taken above"),
        };
        self.spent += 1;
        if self.spent >= length {
            self.spent = 0;
            self.queue.pop_front();
            while let Some(Step::Done(id)) = self.queue.front() {
                done(*id);
                self.queue.pop_front();
            }
        }
        frame
    }

    fn press(&self, key: Key, events: Option<u32>, pcm: &mut [i16]) -> KeyFrame {
        let spent = self.spent;
        let Some(ticks) = events else {
            if spent >= TONE_FRAMES {
                pcm.fill(0);
                return KeyFrame::Gap;
            }
            write_tone(key, spent, pcm);
            return KeyFrame::Tone;
        };
        if spent >= TONE_FRAMES + END_PACKETS {
            return KeyFrame::Audio;
        }
        let ended = spent >= TONE_FRAMES;
        let duration = ((spent + 1).min(TONE_FRAMES) * ticks) as u16;
        let [high, low] = duration.to_be_bytes();
        let flags = if ended { 0x80 } else { 0 } | VOLUME;
        KeyFrame::Event { payload: [key.code(), flags, high, low], begun: spent * ticks, marker: spent == 0 }
    }
}

/// Write the part of a key's tone that belongs to its `index`th frame.
fn write_tone(key: Key, index: u32, pcm: &mut [i16]) {
    let (low, high) = key.tones_hz();
    let turn = std::f64::consts::TAU / f64::from(Rate::of_samples(pcm.len()).hz());
    let begun = f64::from(index) * pcm.len() as f64;
    for (n, sample) in pcm.iter_mut().enumerate() {
        let at = begun + n as f64;
        *sample = (((at * low * turn).sin() + (at * high * turn).sin()) * TONE_PEAK) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FRAME;
    use crate::testing::share;

    #[test]
    fn a_key_is_five_updates_three_ends_and_a_gap() {
        let mut sender = KeySender::default();
        sender.order(1, "5");
        let mut done = Vec::new();
        let mut pcm = [0; FRAME];
        let frames: Vec<_> = (0..11).map(|_| sender.next(Some(160), &mut pcm, |id| done.push(id))).collect();
        for (index, frame) in frames.iter().enumerate() {
            let index = index as u32;
            let expected = match index {
                0..=7 => {
                    let duration = ((index + 1).min(5) * 160) as u16;
                    let [high, low] = duration.to_be_bytes();
                    let flags = if index >= 5 { 0x8a } else { 0x0a };
                    KeyFrame::Event { payload: [5, flags, high, low], begun: index * 160, marker: index == 0 }
                }
                _ => KeyFrame::Audio,
            };
            assert_eq!(*frame, expected, "frame {index}");
        }
        assert_eq!(done, [1]);
        assert!(sender.is_idle());
    }

    #[test]
    fn orders_queue_and_a_pause_lasts_half_a_second() {
        let mut sender = KeySender::default();
        sender.order(1, "1p");
        sender.order(2, "#");
        let mut done = Vec::new();
        let mut pcm = [0; FRAME];
        for frame in 1..=45 {
            sender.next(Some(160), &mut pcm, |id| done.push((frame, id)));
        }
        assert_eq!(done, [(35, 1), (45, 2)]);
    }

    #[test]
    fn an_order_without_keys_is_done_at_once() {
        let mut sender = KeySender::default();
        sender.order(7, "w,");
        let mut done = Vec::new();
        sender.next(Some(160), &mut [0; FRAME], |id| done.push(id));
        assert_eq!(done, [7]);
    }

    #[test]
    fn without_events_the_two_tones_are_in_the_audio() {
        let mut sender = KeySender::default();
        sender.order(1, "9");
        let mut heard = Vec::new();
        for _ in 0..10 {
            let mut pcm = [1000; FRAME];
            assert_ne!(sender.next(None, &mut pcm, |_| ()), KeyFrame::Audio);
            heard.extend(pcm);
        }
        let (tone, gap) = heard.split_at(5 * FRAME);
        assert!(share(tone, 852.0) > 0.45 && share(tone, 1477.0) > 0.45);
        assert!(gap.iter().all(|sample| *sample == 0));
    }
}
