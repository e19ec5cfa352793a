//! Evens out the arrival of packets: a fixed delay between the network and the mixer.

use crate::codec::{Codec, Decoders};
use crate::frame::{Frame, FRAME, SILENCE};
use crate::rtp::RtpPacket;

/// Longest payload kept: 120 ms of G.711.
const MAX_PAYLOAD: usize = 960;
/// Packets kept; 160 ms at the shortest usual packet length.
const SLOTS: usize = 16;
/// Audio collected before playing starts: survives 40 ms of jitter.
const DELAY: i32 = 3 * FRAME as i32;
/// More audio than the delay and this is cut back to the delay: a burst after a stall must not become lasting delay.
const SLACK: i32 = 5 * FRAME as i32;
/// A timestamp further away than this (1 s) starts a new stream.
const JUMP: i32 = 8000;
/// So many packets too late in a row mean that the sender's clock was set back, or its path became longer.
const LATE_RUN: u32 = 8;
/// Frames repeated, ever quieter, when nothing arrives (60 ms).
const CONCEALED_FRAMES: u32 = 3;

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It will be played.
    Stored,
    /// Its time is over.
    Late,
    /// It was here already.
    Duplicate,
    /// It is longer than any packet we agreed to, or empty.
    Unusable,
}

/// What a frame is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Popped {
    /// What the far end sent.
    Audio,
    /// At least part of it was made up for lost packets.
    Concealed,
    /// Nothing was sent, or nothing yet.
    Silence,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Waits for a first packet.
    Idle,
    /// Collects the delay; counts the frames asked for meanwhile.
    Filling(i32),
    Playing,
}

/// A stored packet; its payload lies apart, so that looking through the slots touches little memory.
#[derive(Clone, Copy, Default)]
struct Slot {
    used: bool,
    payload_type: u8,
    length: u16,
    timestamp: u32,
    samples: i32,
}

/// A jitter buffer with a fixed delay of 60 ms. Allocates once, when it is made.
pub struct JitterBuffer {
    slots: [Slot; SLOTS],
    payloads: Box<[[u8; MAX_PAYLOAD]]>,
    state: State,
    /// Timestamp of the first sample of the next frame.
    next: u32,
    /// The packet being played, decoded.
    current: [i16; MAX_PAYLOAD],
    current_at: u32,
    current_samples: i32,
    last: Frame,
    concealed: u32,
    late_run: u32,
}

/// `a - b` on the circle of timestamps.
fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

impl Default for JitterBuffer {
    fn default() -> Self {
        JitterBuffer {
            slots: [Slot::default(); SLOTS],
            payloads: vec![[0; MAX_PAYLOAD]; SLOTS].into_boxed_slice(),
            state: State::Idle,
            next: 0,
            current: [0; MAX_PAYLOAD],
            current_at: 0,
            current_samples: 0,
            last: SILENCE,
            concealed: 0,
            late_run: 0,
        }
    }
}

impl JitterBuffer {
    /// Forget everything: another stream begins.
    pub fn reset(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.used = false);
        self.state = State::Idle;
        self.current_samples = 0;
        self.last = SILENCE;
        self.concealed = 0;
        self.late_run = 0;
    }

    /// Timestamp of the first sample that the next `pop` plays, while playing.
    pub fn position(&self) -> Option<u32> {
        (self.state == State::Playing).then_some(self.next)
    }

    /// Store a packet that holds `samples` samples; late and duplicate ones are told, not played. Never allocates.
    pub fn push(&mut self, packet: &RtpPacket<'_>, samples: usize) -> Pushed {
        if packet.payload.is_empty() || packet.payload.len() > MAX_PAYLOAD || samples == 0 || samples > MAX_PAYLOAD {
            return Pushed::Unusable;
        }
        let samples = samples as i32;
        if self.state != State::Idle {
            let ahead = distance(packet.timestamp, self.next);
            if ahead.unsigned_abs() > JUMP as u32 {
                self.reset();
            } else if self.state == State::Playing && ahead + samples <= 0 {
                self.late_run += 1;
                if self.late_run < LATE_RUN {
                    return Pushed::Late;
                }
                self.reset();
            }
        }
        self.late_run = 0;
        if self.state == State::Idle {
            self.state = State::Filling(0);
            self.next = packet.timestamp;
        } else if matches!(self.state, State::Filling(_)) && distance(packet.timestamp, self.next) < 0 {
            self.next = packet.timestamp;
        }
        if self.holds(packet.timestamp) {
            return Pushed::Duplicate;
        }
        self.store(packet, samples);
        self.cut_back(samples);
        Pushed::Stored
    }

    fn holds(&self, timestamp: u32) -> bool {
        self.slots.iter().any(|slot| slot.used && slot.timestamp == timestamp)
            || self.current_samples > 0 && self.current_at == timestamp
    }

    fn store(&mut self, packet: &RtpPacket<'_>, samples: i32) {
        let index = match self.slots.iter().position(|slot| !slot.used) {
            Some(index) => index,
            None => self.earliest().expect("all slots are used"),
        };
        let length = packet.payload.len();
        self.slots[index] = Slot {
            used: true,
            payload_type: packet.payload_type,
            length: length as u16,
            timestamp: packet.timestamp,
            samples,
        };
        self.payloads[index][..length].copy_from_slice(packet.payload);
    }

    fn earliest(&self) -> Option<usize> {
        let used = self.slots.iter().enumerate().filter(|(_, slot)| slot.used);
        used.min_by_key(|(_, slot)| distance(slot.timestamp, self.next)).map(|(index, _)| index)
    }

    /// Samples from the next frame's start to the end of the newest packet.
    fn depth(&self) -> i32 {
        let used = self.slots.iter().filter(|slot| slot.used);
        used.map(|slot| distance(slot.timestamp, self.next) + slot.samples).max().unwrap_or(0)
    }

    fn delay(samples: i32) -> i32 {
        DELAY.max(samples + FRAME as i32)
    }

    fn cut_back(&mut self, samples: i32) {
        let delay = Self::delay(samples);
        let depth = self.depth();
        if depth > delay + SLACK {
            self.next = self.next.wrapping_add((depth - delay) as u32);
            let next = self.next;
            for slot in &mut self.slots {
                if slot.used && distance(slot.timestamp, next) + slot.samples <= 0 {
                    slot.used = false;
                }
            }
        }
    }

    /// The next 20 ms, written to `out`.
    pub fn pop(&mut self, decoders: &mut Decoders, out: &mut Frame) -> Popped {
        match self.state {
            State::Idle => {
                *out = SILENCE;
                return Popped::Silence;
            }
            State::Filling(waited) => {
                let newest = self.slots.iter().filter(|slot| slot.used).map(|slot| slot.samples).max().unwrap_or(0);
                let delay = Self::delay(newest);
                // Waiting ends with the delay even when a lone packet came: speech with gaps starts like that.
                if self.depth() < delay && (waited + 1) * (FRAME as i32) < delay {
                    self.state = State::Filling(waited + 1);
                    *out = SILENCE;
                    return Popped::Silence;
                }
                self.state = State::Playing;
            }
            State::Playing => {}
        }
        let filled = self.fill(decoders, out);
        self.next = self.next.wrapping_add(FRAME as u32);
        if filled == FRAME {
            self.concealed = 0;
            self.last = *out;
            return Popped::Audio;
        }
        if filled > 0 {
            self.concealed = 0;
            self.last = *out;
            return Popped::Concealed;
        }
        self.concealed += 1;
        if self.concealed <= CONCEALED_FRAMES {
            for (sample, last) in out.iter_mut().zip(&mut self.last) {
                *last = (i32::from(*last) * 5 / 8) as i16;
                *sample = *last;
            }
            return Popped::Concealed;
        }
        *out = SILENCE;
        if self.earliest().is_none() {
            self.state = State::Idle;
            self.current_samples = 0;
            self.concealed = 0;
        }
        Popped::Silence
    }

    /// Copy what is there of the next frame; returns the number of samples that were. Gaps get the fading last frame.
    fn fill(&mut self, decoders: &mut Decoders, out: &mut Frame) -> usize {
        let mut position = 0;
        let mut filled = 0;
        while position < FRAME {
            let at = self.next.wrapping_add(position as u32);
            let offset = distance(at, self.current_at);
            if offset >= 0 && offset < self.current_samples {
                let count = (self.current_samples - offset).min((FRAME - position) as i32) as usize;
                let from = offset as usize;
                out[position..position + count].copy_from_slice(&self.current[from..from + count]);
                position += count;
                filled += count;
                continue;
            }
            let gap = match self.earliest() {
                None => FRAME - position,
                Some(index) => {
                    let ahead = distance(self.slots[index].timestamp, at);
                    if ahead <= 0 {
                        self.take(index, decoders);
                        continue;
                    }
                    (ahead as usize).min(FRAME - position)
                }
            };
            let hole = position..position + gap;
            for (sample, last) in out[hole.clone()].iter_mut().zip(&self.last[hole]) {
                *sample = (i32::from(*last) * 5 / 8) as i16;
            }
            position += gap;
        }
        filled
    }

    /// Decode a slot's packet and make it the current one. One that is over already leaves no samples.
    fn take(&mut self, index: usize, decoders: &mut Decoders) {
        let slot = &mut self.slots[index];
        slot.used = false;
        let decoder: Option<&mut dyn Codec> = decoders.find(slot.payload_type);
        let payload = &self.payloads[index][..usize::from(slot.length)];
        let count = decoder.map_or(0, |decoder| decoder.decode(payload, &mut self.current));
        self.current_at = slot.timestamp;
        self.current_samples = count.min(MAX_PAYLOAD) as i32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::CodecKind;
    use crate::testing::{share, sine, Noise};

    struct Rig {
        buffer: JitterBuffer,
        decoders: Decoders,
    }

    impl Rig {
        fn new() -> Self {
            Rig { buffer: JitterBuffer::default(), decoders: Decoders::new(8, CodecKind::Pcma) }
        }

        fn push(&mut self, timestamp: u32, pcm: &[i16]) -> Pushed {
            let mut payload = vec![0; pcm.len()];
            CodecKind::Pcma.build().encode(pcm, &mut payload);
            let packet =
                RtpPacket { payload_type: 8, marker: false, sequence: 0, timestamp, ssrc: 1, payload: &payload };
            self.buffer.push(&packet, pcm.len())
        }

        fn pop(&mut self) -> (Popped, Frame) {
            let mut frame = SILENCE;
            (self.buffer.pop(&mut self.decoders, &mut frame), frame)
        }
    }

    /// Feed `packets` of `length` samples, one per their duration, and collect what comes out of 50 frames.
    fn through(length: usize, order: impl Fn(usize) -> Vec<usize>, start: u32) -> Vec<i16> {
        let tone = sine(1000.0, 50 * FRAME, 8000.0);
        let mut rig = Rig::new();
        let mut heard = Vec::new();
        let mut sent = 0;
        for tick in 0..50 {
            while sent * length < (tick + 1) * FRAME {
                for index in order(sent) {
                    if let Some(pcm) = tone.get(index * length..(index + 1) * length) {
                        rig.push(start.wrapping_add((index * length) as u32), pcm);
                    }
                }
                sent += 1;
            }
            heard.extend(rig.pop().1);
        }
        heard
    }

    #[test]
    fn packets_of_any_usual_length_come_out_as_one_clean_tone() {
        for length in [80, 160, 240, 320, 480] {
            let heard = through(length, |index| vec![index], 1000);
            let middle = &heard[6 * FRAME..40 * FRAME];
            assert!(share(middle, 1000.0) > 0.999, "{length} samples a packet");
        }
    }

    #[test]
    fn swapped_packets_and_a_timestamp_that_wraps_are_not_heard() {
        let heard = through(160, |index| vec![index ^ 1], u32::MAX - 3000);
        assert!(share(&heard[6 * FRAME..40 * FRAME], 1000.0) > 0.999);
    }

    #[test]
    fn a_duplicate_is_told_and_played_once() {
        let mut rig = Rig::new();
        let tone = sine(500.0, FRAME, 8000.0);
        assert_eq!(rig.push(0, &tone), Pushed::Stored);
        assert_eq!(rig.push(0, &tone), Pushed::Duplicate);
    }

    #[test]
    fn a_lost_packet_is_concealed_and_the_next_one_is_in_time() {
        let mut rig = Rig::new();
        let tone = sine(400.0, 20 * FRAME, 8000.0);
        let mut kinds = Vec::new();
        for index in 0..12 {
            if index != 6 {
                rig.push((index * FRAME) as u32, &tone[index * FRAME..(index + 1) * FRAME]);
            }
            kinds.push(rig.pop().0);
        }
        assert_eq!(kinds[2..8], [Popped::Audio; 6]);
        assert_eq!(kinds[8], Popped::Concealed);
        assert_eq!(kinds[9..], [Popped::Audio; 3]);
    }

    #[test]
    fn a_silent_sender_fades_within_60_ms_and_starts_again_with_the_delay() {
        let mut rig = Rig::new();
        let tone = sine(400.0, FRAME, 8000.0);
        for index in 0..5 {
            rig.push(index * 160, &tone);
        }
        let kinds: Vec<_> = (0..10).map(|_| rig.pop().0).collect();
        assert_eq!(kinds[..5], [Popped::Audio; 5]);
        assert_eq!(kinds[5..8], [Popped::Concealed; 3]);
        assert_eq!(kinds[8..], [Popped::Silence; 2]);
        rig.push(50 * 160, &tone);
        let kinds: Vec<_> = (0..3).map(|_| rig.pop().0).collect();
        assert_eq!(kinds, [Popped::Silence, Popped::Silence, Popped::Audio]);
    }

    #[test]
    fn a_burst_after_a_stall_does_not_become_lasting_delay() {
        let mut rig = Rig::new();
        let tone = sine(400.0, FRAME, 8000.0);
        for index in 0..14 {
            rig.push(index * 160, &tone);
        }
        rig.pop();
        assert!(rig.buffer.depth() <= DELAY + SLACK, "{}", rig.buffer.depth());
    }

    #[test]
    fn a_clock_set_back_is_followed_after_a_few_packets() {
        let mut rig = Rig::new();
        let tone = sine(400.0, FRAME, 8000.0);
        for index in 20..30 {
            rig.push(index * 160, &tone);
            rig.pop();
        }
        let told: Vec<_> = (0..9).map(|index| rig.push(index * 160, &tone)).collect();
        assert_eq!(told[..7], [Pushed::Late; 7]);
        assert_eq!(told[7..], [Pushed::Stored; 2]);
    }

    #[test]
    fn a_timestamp_half_the_circle_away_starts_a_new_stream() {
        let mut rig = Rig::new();
        let tone = sine(400.0, FRAME, 8000.0);
        rig.push(0, &tone);
        assert_eq!(rig.push(1 << 31, &tone), Pushed::Stored);
        assert_eq!(rig.buffer.next, 1 << 31);
    }

    #[test]
    fn no_sequence_of_packets_breaks_it() {
        let mut noise = Noise::new(5);
        let mut rig = Rig::new();
        let payload = [0x55; 2000];
        for _ in 0..300_000 {
            let length = if noise.below(10) == 0 { noise.below(1200) } else { 160 } as usize;
            let timestamp = if noise.below(20) == 0 { noise.next() as u32 } else { noise.below(6000) as u32 };
            let packet = RtpPacket {
                payload_type: noise.below(10) as u8,
                marker: false,
                sequence: 0,
                timestamp,
                ssrc: 1,
                payload: &payload[..length],
            };
            rig.buffer.push(&packet, length);
            if noise.below(2) == 0 {
                rig.pop();
            }
        }
    }
}
