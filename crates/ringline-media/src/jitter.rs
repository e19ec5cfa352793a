//! Evens out the arrival of packets, with as little delay as the network allows.
//!
//! A frame is played when nearly all packets of its time have arrived: [`Delay`](crate::delay::Delay) says how late that
//! is. The delay follows by leaving out or repeating periods of the voice ([`stretch`]). What does not come
//! is made up ([`Concealer`]); what comes late makes the delay longer at once, so that a late packet is heard rather
//! than dropped.

use crate::codec::Decoders;
use crate::conceal::{self, milliseconds, Concealer, HISTORY_MS};
use crate::delay::Delay;
use crate::frame::Rate;
use crate::rtp::RtpPacket;

mod fill;
mod forward;
mod pace;
mod passed;
mod shelf;

pub use forward::Forwarded;
use passed::Passed;
use shelf::Shelf;

/// Longest packet.
const PACKET_MS: usize = 120;
/// Nothing for so long and the stream is taken to pause.
const PAUSE_MS: usize = 60;
/// A timestamp further away than this starts a new stream.
const JUMP_MS: usize = 1000;
/// So many packets too late in a row mean that the sender's clock was set back, or its path became much longer.
const LATE_RUN: u32 = 8;

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
    /// Waits until enough has come; counts the frames asked for meanwhile.
    Filling(usize),
    Playing,
}

/// A jitter buffer whose delay follows the network. Allocates when it is made; afterwards only for longer packets than
/// ever before, and for the first ones that wait or are handed on.
pub struct JitterBuffer {
    rate: Rate,
    clock_hz: u32,
    delay: Delay,
    shelf: Shelf,
    passed: Passed,
    state: State,
    /// A timestamp and its place in the stream, in samples.
    anchor: Option<(u32, i64)>,
    /// What was played last, and from `front` on what is decoded but not played.
    pcm: Vec<i16>,
    front: usize,
    /// Place in the stream of the first sample not decoded yet.
    end: i64,
    concealer: Concealer,
    /// A frame that is not in `pcm`: one that was stretched, or the last before a pause.
    other: Box<[i16]>,
    stretched: bool,
    /// Samples made up while nothing was there: they count as passed only if their audio turns out to be lost.
    borrowed: i64,
    /// The stream pauses here: the sender said so.
    pause: Option<i64>,
    /// Samples of the newest packet, and what it has in common with a frame.
    packet: i64,
    grid: i64,
    newest: i64,
    late_run: u32,
    calm: u32,
    wanting: u32,
    /// Place in the stream of the frame last played.
    played: i64,
    /// How much later than the quickest packet came it was played, in samples.
    held: i64,
    concealed: u64,
}

impl JitterBuffer {
    /// A buffer for a codec's rate and RTP clock, and payloads of at most so many bytes.
    pub fn new(rate: Rate, clock_hz: u32, payload_bytes: usize) -> Self {
        let history = milliseconds(rate, HISTORY_MS);
        let mut pcm = vec![0; history];
        pcm.reserve_exact(milliseconds(rate, PACKET_MS + 160));
        JitterBuffer {
            rate,
            clock_hz: clock_hz.max(1),
            delay: Delay::new(rate),
            shelf: Shelf::new(payload_bytes),
            passed: Passed::default(),
            state: State::Idle,
            anchor: None,
            pcm,
            front: history,
            end: 0,
            concealer: Concealer::new(rate),
            other: vec![0; rate.samples()].into_boxed_slice(),
            stretched: false,
            borrowed: 0,
            pause: None,
            packet: rate.samples() as i64,
            grid: rate.samples() as i64,
            newest: 0,
            late_run: 0,
            calm: 0,
            wanting: 0,
            played: 0,
            held: 0,
            concealed: 0,
        }
    }

    /// The rate of its frames.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// See `Leg::whereabouts`.
    pub(crate) fn whereabouts(&self, tell: &mut impl FnMut(*const u8, usize)) {
        tell(self.pcm.as_ptr().wrapping_add(self.front).cast(), 2 * self.rate.samples());
        self.delay.whereabouts(tell);
    }

    /// Forget everything: another stream begins.
    pub fn reset(&mut self) {
        self.pause_here();
        self.anchor = None;
        self.delay.reset();
    }

    /// Forget the packets; what is known of the network remains.
    fn pause_here(&mut self) {
        self.shelf.clear();
        self.passed.clear();
        self.state = State::Idle;
        self.pcm.truncate(milliseconds(self.rate, HISTORY_MS));
        self.pcm.fill(0);
        self.front = self.pcm.len();
        self.concealer.reset();
        self.borrowed = 0;
        self.late_run = 0;
        self.pause = None;
        self.wanting = 0;
    }

    /// Timestamp of the first sample of the frame played last, while playing.
    pub fn position(&self) -> Option<u32> {
        self.timestamp_of(self.played)
    }

    /// Timestamp of the first sample of the frame that comes next, while playing.
    pub fn coming(&self) -> Option<u32> {
        self.timestamp_of(self.next())
    }

    fn timestamp_of(&self, place: i64) -> Option<u32> {
        let (timestamp, position) = self.anchor.filter(|_| self.state == State::Playing)?;
        let ticks = (place - position) * i64::from(self.clock_hz) / i64::from(self.rate.hz());
        Some(timestamp.wrapping_add(ticks as u32))
    }

    /// Samples made up so far.
    pub fn concealed(&self) -> u64 {
        self.concealed
    }

    /// By how many microseconds the quickest packets are delayed here at present.
    pub fn delay_us(&self) -> u64 {
        self.held.max(0) as u64 * 1_000_000 / u64::from(self.rate.hz())
    }

    /// By how much the frame made last is behind the time at which it was said, less what the network takes at its
    /// best; in sixteenths of a millisecond.
    pub fn behind(&self) -> i16 {
        let samples = self.held.max(0) + self.packet;
        (samples * 16_000 / i64::from(self.rate.hz())).min(i64::from(i16::MAX)) as i16
    }

    fn frame_samples(&self) -> i64 {
        self.rate.samples() as i64
    }

    fn samples(&self, milliseconds: usize) -> i64 {
        conceal::milliseconds(self.rate, milliseconds) as i64
    }

    /// Samples decoded but not played.
    fn ready(&self) -> i64 {
        (self.pcm.len() - self.front) as i64
    }

    /// Place in the stream of the next sample to play.
    fn next(&self) -> i64 {
        self.end - self.ready()
    }

    fn place(&mut self, timestamp: u32) -> i64 {
        let position = match self.anchor {
            None => 0,
            Some((known, position)) => {
                let ticks = i64::from(timestamp.wrapping_sub(known) as i32);
                position + ticks * i64::from(self.rate.hz()) / i64::from(self.clock_hz)
            }
        };
        self.anchor = Some((timestamp, position));
        position
    }

    /// Store a packet that holds `samples` samples and came at `arrival_us`.
    ///
    /// With `decoders`, the very packet that is wanted next is decoded at once instead: it is in the cache now, and
    /// nobody will want it as it came.
    pub fn push(
        &mut self,
        packet: &RtpPacket<'_>,
        samples: usize,
        arrival_us: u64,
        decoders: Option<&mut Decoders>,
    ) -> Pushed {
        let length = packet.payload.len();
        if length == 0 || !self.shelf.fits(length) || samples == 0 || samples > milliseconds(self.rate, PACKET_MS) {
            return Pushed::Unusable;
        }
        let position = self.place(packet.timestamp);
        let samples = samples as i64;
        let moment = self.delay.moment(arrival_us);
        if self.shelf.holds(position) {
            return Pushed::Duplicate;
        }
        if !self.delay.arrive(moment, position) || (position - self.end).abs() > self.samples(JUMP_MS) {
            self.pause_here();
        }
        self.remember_length(position, samples);
        if self.state == State::Playing && position + samples <= self.end {
            self.late_run += 1;
            if self.late_run < LATE_RUN {
                return Pushed::Late;
            }
            self.pause_here();
        }
        self.late_run = 0;
        if self.state == State::Idle {
            self.state = State::Filling(0);
            self.end = position;
        }
        if self.pause.is_some_and(|pause| position >= pause) {
            self.pause = None;
        }
        if self.state == State::Playing && self.shelf.is_empty() && position == self.end && self.borrowed == 0 {
            let found = decoders.and_then(|decoders| {
                self.recall(decoders);
                decoders.find(packet.payload_type)
            });
            if let Some(decoder) = found {
                self.make_room();
                if self.pcm.capacity() - self.pcm.len() >= samples as usize {
                    let start = self.pcm.len();
                    self.pcm.resize(start + samples as usize, 0);
                    let count = decoder.decode(packet.payload, &mut self.pcm[start..]).min(samples as usize);
                    self.pcm.truncate(start + count);
                    self.end += count as i64;
                    self.concealer.merge(&mut self.pcm[start..]);
                    return Pushed::Stored;
                }
            }
        }
        self.shelf.put(packet, position, samples);
        Pushed::Stored
    }

    fn remember_length(&mut self, position: i64, samples: i64) {
        self.newest = position;
        if samples != self.packet {
            self.packet = samples;
            self.grid = greatest_common_divisor(samples, self.frame_samples());
        }
    }

    /// The sender pauses after what it has sent so far: nothing is to be made up for what does not come.
    pub fn expect_pause(&mut self, timestamp: u32) {
        if let Some((known, position)) = self.anchor {
            let ticks = i64::from(timestamp.wrapping_sub(known) as i32);
            self.pause = Some(position + ticks * i64::from(self.rate.hz()) / i64::from(self.clock_hz));
        }
    }

    /// Make the next frame; `now_us` is on the clock of the arrivals. See `frame` for its samples.
    pub fn pop(&mut self, decoders: &mut Decoders, now_us: u64) -> Popped {
        let now = self.delay.moment(now_us);
        self.recall(decoders);
        self.stretched = false;
        if !self.is_playing(now) {
            return Popped::Silence;
        }
        self.played = self.next();
        self.held = now - self.played - self.delay.quickest();
        self.calm = self.calm.saturating_add(1);
        let slack = now - self.played - self.required(self.played);
        if self.change_delay(decoders, slack) {
            self.stretched = true;
            return Popped::Audio;
        }
        let frame = self.rate.samples();
        let made_up = self.fill(decoders, frame);
        self.front += frame;
        if made_up == 0 {
            return Popped::Audio;
        }
        self.concealed += made_up as u64;
        let nothing = made_up == frame && self.frame().iter().all(|sample| *sample == 0);
        if self.borrowed >= self.samples(PAUSE_MS) || self.is_pausing() {
            // What was made up last is still to be heard.
            let (pcm, stretched) = (&self.pcm[self.front - frame..self.front], &mut self.other);
            stretched[..frame].copy_from_slice(pcm);
            self.stretched = true;
            self.pause_here();
        }
        if nothing {
            Popped::Silence
        } else {
            Popped::Concealed
        }
    }

    /// The samples of the frame that was made last, at the buffer's rate.
    pub fn frame(&self) -> &[i16] {
        if self.stretched {
            return &self.other[..self.rate.samples()];
        }
        &self.pcm[self.front - self.rate.samples()..self.front]
    }

    /// Whether the sender announced a pause and all before it is played.
    fn is_pausing(&self) -> bool {
        self.pause.is_some_and(|pause| pause <= self.end) && self.ready() == 0 && self.shelf.earliest().is_none()
    }

    /// Samples from `next` on that are there without a gap, counted up to two frames.
    fn contiguous(&self, next: i64) -> i64 {
        self.shelf.without_gap(self.end, next + 2 * self.frame_samples()) - next
    }

    /// Whether nothing that comes now is needed for the next frame.
    pub fn is_ready(&self) -> bool {
        self.state == State::Playing && self.contiguous(self.next()) >= self.frame_samples()
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 {
        a.max(1)
    } else {
        greatest_common_divisor(b, a % b)
    }
}

#[cfg(test)]
mod tests;
