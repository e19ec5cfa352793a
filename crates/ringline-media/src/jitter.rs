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
use crate::stretch::{self, Choice};

/// Packets kept: 320 ms at the shortest usual length.
const SLOTS: usize = 32;
/// Longest packet.
const PACKET_MS: usize = 120;
/// The delay is at most so long beyond the quickest packet.
const LIMIT_MS: usize = 200;
/// A stream about which nothing is known yet is given this much time for its packets' jitter.
const START_MS: usize = 5;
/// Packets are wanted this much before they are needed.
const GUARD_MS: usize = 1;
/// The delay is shortened only if so much more is left.
const SPARE_MS: usize = 4;
/// Beyond this excess audio is left out without ceremony: a burst after a stall must not become lasting delay.
const EXCESS_MS: usize = 120;
/// Nothing for so long and the stream is taken to pause.
const PAUSE_MS: usize = 60;
/// Packets seen before the delay may be shortened, and frames between two changes; fewer when much is too much.
const SURE: usize = 100;
const CALM_FRAMES: u32 = 25;
const HURRIED_FRAMES: u32 = 4;
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

/// A packet that is handed on as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarded<'a> {
    /// Its RTP number.
    pub payload_type: u8,
    /// The coded audio.
    pub payload: &'a [u8],
    /// Where in the frame it begins, in samples.
    pub offset: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Waits for a first packet.
    Idle,
    /// Waits until enough has come; counts the frames asked for meanwhile.
    Filling(usize),
    Playing,
}

/// A stored packet; its payload lies apart, so that looking through the slots touches little memory.
#[derive(Clone, Copy, Default)]
struct Slot {
    payload_type: u8,
    length: u16,
    samples: i32,
    position: i64,
}

/// A jitter buffer whose delay follows the network. Allocates once, when it is made.
pub struct JitterBuffer {
    rate: Rate,
    clock_hz: u32,
    delay: Delay,
    slots: [Slot; SLOTS],
    /// Bit n: slot n holds a packet.
    used: u32,
    payloads: Box<[u8]>,
    payload_bytes: usize,
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
        pcm.reserve_exact(milliseconds(rate, PACKET_MS + 160) + history);
        JitterBuffer {
            rate,
            clock_hz: clock_hz.max(1),
            delay: Delay::new(rate),
            slots: [Slot::default(); SLOTS],
            used: 0,
            payloads: vec![0; SLOTS * payload_bytes].into_boxed_slice(),
            payload_bytes,
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

    /// Read a little of everything that a tick needs, so that it is near when the tick comes.
    pub fn touch(&self) -> u64 {
        let next = self.used.trailing_ones() as usize % SLOTS;
        let slot = self.slots[next].position as u64;
        let pcm = self.pcm[self.front.min(self.pcm.len() - 1)] as u64;
        slot.wrapping_add(pcm).wrapping_add(self.delay.touch())
    }

    /// Forget everything: another stream begins.
    pub fn reset(&mut self) {
        self.pause_here();
        self.anchor = None;
        self.delay.reset();
    }

    /// Forget the packets; what is known of the network remains.
    fn pause_here(&mut self) {
        self.used = 0;
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

    /// Store a packet that holds `samples` samples and came at `arrival_us`. Never allocates.
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
        if length == 0 || length > self.payload_bytes || samples == 0 || samples > milliseconds(self.rate, PACKET_MS) {
            return Pushed::Unusable;
        }
        let position = self.place(packet.timestamp);
        let samples = samples as i64;
        let moment = self.delay.moment(arrival_us);
        if self.holds(position) {
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
        if self.state == State::Playing && self.used == 0 && position == self.end && self.borrowed == 0 {
            if let Some(decoder) = decoders.and_then(|decoders| decoders.find(packet.payload_type)) {
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
        self.store(packet, position, samples);
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

    /// The slots that hold a packet.
    fn stored(&self) -> impl Iterator<Item = usize> {
        let mut left = self.used;
        std::iter::from_fn(move || {
            let index = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (index < SLOTS).then_some(index)
        })
    }

    fn holds(&self, position: i64) -> bool {
        self.stored().any(|index| self.slots[index].position == position)
    }

    fn store(&mut self, packet: &RtpPacket<'_>, position: i64, samples: i64) {
        let index = match self.used.trailing_ones() as usize {
            SLOTS => self.earliest().unwrap_or(0),
            index => index,
        };
        self.used |= 1 << index;
        let length = packet.payload.len();
        self.slots[index] =
            Slot { payload_type: packet.payload_type, length: length as u16, position, samples: samples as i32 };
        let at = index * self.payload_bytes;
        self.payloads[at..at + length].copy_from_slice(packet.payload);
    }

    fn earliest(&self) -> Option<usize> {
        self.stored().min_by_key(|index| self.slots[*index].position)
    }

    /// How long after its place in the stream a frame beginning at `next` can be played, as things usually are.
    fn required(&self, next: i64) -> i64 {
        // The last packet of a frame begins so far inside it, and comes so much later than the frame's beginning.
        let inside = (self.newest - next).rem_euclid(self.grid) + self.frame_samples() - self.grid;
        let guard = if self.delay.seen() < SURE / 2 { START_MS } else { GUARD_MS };
        self.delay.usual(self.samples(LIMIT_MS) as i32) + inside + self.samples(guard)
    }

    /// Whether playing has begun, or begins now.
    fn is_playing(&mut self, now: i64) -> bool {
        match self.state {
            State::Idle => return false,
            State::Filling(waited) => {
                let Some(first) = self.earliest().map(|index| self.slots[index].position) else { return false };
                self.end = first;
                let enough = now - first >= self.required(first);
                if !enough && milliseconds(self.rate, 20) * waited < milliseconds(self.rate, LIMIT_MS) {
                    self.state = State::Filling(waited + 1);
                    return false;
                }
                self.state = State::Playing;
                self.calm = 0;
            }
            State::Playing => {}
        }
        if now - self.next() - self.required(self.next()) > self.samples(EXCESS_MS) {
            self.cut_back(now);
        }
        true
    }

    /// Leave out what makes the delay too long, whole packets at a time.
    fn cut_back(&mut self, now: i64) {
        while let Some(index) = self.earliest() {
            let (position, samples) = (self.slots[index].position, i64::from(self.slots[index].samples));
            if now - position - self.required(position) < samples {
                self.end = position.max(self.end);
                break;
            }
            self.used &= !(1 << index);
            self.end = (position + samples).max(self.end);
        }
        self.pcm.truncate(self.front);
        self.borrowed = 0;
        self.calm = 0;
    }

    /// Make the next frame; `now_us` is on the clock of the arrivals. See `frame` for its samples.
    pub fn pop(&mut self, decoders: &mut Decoders, now_us: u64) -> Popped {
        let now = self.delay.moment(now_us);
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
        self.pause.is_some_and(|pause| pause <= self.end) && self.ready() == 0 && self.earliest().is_none()
    }

    /// Play a frame that makes the delay longer or shorter, if that is due and can be done well.
    fn change_delay(&mut self, decoders: &mut Decoders, slack: i64) -> bool {
        let frame = self.frame_samples();
        let (next, spare) = (self.played, self.samples(SPARE_MS));
        self.wanting = if slack < 0 { self.wanting + 1 } else { 0 };
        let inside = |place: i64| (self.newest - place).rem_euclid(self.grid);
        let now_inside = inside(next);
        if slack < 0 {
            if self.concealer.is_active() || self.contiguous(next) < frame {
                return false;
            }
            let grid = self.grid;
            self.fill(decoders, frame as usize);
            let choice = Choice {
                rate: self.rate,
                most: frame as usize,
                urgent: self.wanting > CALM_FRAMES,
                dislike: &|lag| Some((now_inside + lag as i64).rem_euclid(grid) as f32 / frame as f32),
            };
            let (history, input) = self.pcm.split_at(self.front);
            let Some(lag) = stretch::how_much_to_repeat(history, &input[..frame as usize], &choice) else {
                return false;
            };
            let out = &mut self.other[..frame as usize];
            stretch::repeat(history, &input[..frame as usize], lag, self.rate, out);
            self.front += frame as usize - lag;
            self.calm = 0;
            return true;
        }
        let calm = if slack > self.samples(40) { HURRIED_FRAMES } else { CALM_FRAMES };
        if slack < spare || (slack < frame + spare && now_inside == 0) || self.calm < calm || self.delay.seen() < SURE {
            return false;
        }
        let most = self.contiguous(next).min(2 * frame) - frame;
        if self.concealer.is_active() || most <= 0 {
            return false;
        }
        let (grid, most) = (self.grid, most as usize);
        self.fill(decoders, frame as usize + most);
        let left = |lag: usize| slack - lag as i64 - ((now_inside - lag as i64).rem_euclid(grid) - now_inside);
        let choice = Choice {
            rate: self.rate,
            most,
            urgent: false,
            dislike: &|lag| {
                (left(lag) >= spare).then(|| (now_inside - lag as i64).rem_euclid(grid) as f32 / frame as f32)
            },
        };
        let input = &self.pcm[self.front..];
        let Some(lag) = stretch::how_much_to_leave_out(&input[..frame as usize + most], &choice) else {
            return false;
        };
        stretch::leave_out(input, lag, self.rate, &mut self.other[..frame as usize]);
        self.front += frame as usize + lag;
        self.calm = 0;
        true
    }

    /// Samples from `next` on that are there without a gap, counted up to two frames.
    fn contiguous(&self, next: i64) -> i64 {
        let mut end = self.end;
        let enough = next + 2 * self.frame_samples();
        while end < enough {
            let over = |index: usize| self.slots[index].position + i64::from(self.slots[index].samples);
            let follows = |index: &usize| self.slots[*index].position <= end && over(*index) > end;
            match self.stored().find(follows) {
                Some(index) => end = over(index),
                None => break,
            }
        }
        end - next
    }

    /// Decode until `wanted` samples are ready, and make up what is missing; returns how many were made up.
    fn fill(&mut self, decoders: &mut Decoders, wanted: usize) -> usize {
        let mut made_up = 0;
        self.make_room();
        while (self.ready() as usize) < wanted {
            let missing = wanted - self.ready() as usize;
            let Some(index) = self.earliest() else {
                self.borrowed += missing as i64;
                made_up += missing;
                self.make_up(missing);
                continue;
            };
            let hole = self.slots[index].position - self.end;
            if hole <= 0 {
                self.borrowed = 0;
                self.decode(index, decoders);
                continue;
            }
            if self.borrowed > 0 {
                // What was made up while waiting was this hole.
                self.end += self.borrowed.min(hole);
                self.borrowed = 0;
                continue;
            }
            if let Some(count) = self.recover(index, hole, decoders) {
                made_up += count;
                continue;
            }
            let count = missing.min(hole as usize);
            made_up += count;
            self.make_up(count);
            self.end += count as i64;
        }
        made_up
    }

    /// Let the codec itself make up a whole lost packet, if it can: it may know something of it from the next.
    fn recover(&mut self, index: usize, hole: i64, decoders: &mut Decoders) -> Option<usize> {
        let lost = usize::try_from(self.packet).ok()?;
        if hole < self.packet || self.pcm.len() + lost > self.pcm.capacity() {
            return None;
        }
        let at = index * self.payload_bytes;
        let payload = &self.payloads[at..at + usize::from(self.slots[index].length)];
        let start = self.pcm.len();
        self.pcm.resize(start + lost, 0);
        let after = (hole == self.packet).then_some(payload);
        let count = decoders.agreed().conceal(after, &mut self.pcm[start..]).min(lost);
        self.pcm.truncate(start + count);
        if count == 0 {
            return None;
        }
        self.concealer.merge(&mut self.pcm[start..]);
        self.end += count as i64;
        Some(count)
    }

    fn make_up(&mut self, count: usize) {
        let start = self.pcm.len();
        self.pcm.resize(start + count, 0);
        if self.pause.is_none_or(|pause| pause > self.end) {
            self.concealer.make_up(&mut self.pcm, start);
        }
    }

    /// Decode a slot's packet to the end of what is ready. Of one whose time is over nothing is left.
    fn decode(&mut self, index: usize, decoders: &mut Decoders) {
        self.used &= !(1 << index);
        let slot = &self.slots[index];
        let start = self.pcm.len();
        let room = (self.pcm.capacity() - start).min(slot.samples as usize);
        self.pcm.resize(start + room, 0);
        let at = index * self.payload_bytes;
        let payload = &self.payloads[at..at + usize::from(slot.length)];
        let decoder = decoders.find(slot.payload_type);
        let count = decoder.map_or(0, |decoder| decoder.decode(payload, &mut self.pcm[start..])).min(room);
        let past = ((self.end - slot.position) as usize).min(count);
        self.pcm.copy_within(start + past..start + count, start);
        self.pcm.truncate(start + count - past);
        self.end = self.end.max(slot.position + count as i64);
        self.concealer.merge(&mut self.pcm[start..]);
    }

    /// Keep room for a packet: move the past, and what is ready, to the beginning.
    fn make_room(&mut self) {
        let history = milliseconds(self.rate, HISTORY_MS);
        let wanted = milliseconds(self.rate, PACKET_MS + 40);
        if self.pcm.capacity() - self.pcm.len() < wanted && self.front > history {
            self.pcm.drain(..self.front - history);
            self.front = history;
        }
    }

    /// Whether nothing that comes now is needed for the next frame.
    pub fn is_ready(&self) -> bool {
        self.state == State::Playing && self.contiguous(self.next()) >= self.frame_samples()
    }

    /// Whether the next frame can be handed on as it came: it is all there in packets of so many milliseconds, and none
    /// of them is half played.
    pub fn can_forward(&self, packet_ms: u32) -> bool {
        let fitting = self.packet == milliseconds(self.rate, packet_ms as usize) as i64 && self.packet == self.grid;
        fitting && self.ready() == 0 && self.is_ready()
    }

    /// Instead of `pop`: hand on the packets of the next frame as they are. Returns the samples that have passed: most
    /// often one frame, none while packets are waited for, or two to catch up.
    pub fn forward(&mut self, now_us: u64, mut emit: impl FnMut(Forwarded<'_>)) -> usize {
        let now = self.delay.moment(now_us);
        if !self.is_playing(now) {
            return self.rate.samples();
        }
        self.concealer.reset();
        self.calm = self.calm.saturating_add(1);
        self.played = self.end;
        self.held = now - self.played - self.delay.quickest();
        let slack = now - self.end - self.required(self.end);
        let frame = self.frame_samples();
        let (grown, shrunk) = (slack < 0, slack >= frame + self.samples(SPARE_MS));
        if self.calm >= CALM_FRAMES && (grown || (shrunk && self.delay.seen() >= SURE)) {
            self.calm = 0;
            if grown {
                return 0;
            }
            self.forward_frame(0, &mut emit);
            return frame as usize + self.forward_frame(frame as usize, &mut emit);
        }
        self.forward_frame(0, &mut emit)
    }

    fn forward_frame(&mut self, begun: usize, emit: &mut impl FnMut(Forwarded<'_>)) -> usize {
        let frame = self.frame_samples();
        let hole = self.earliest().map_or(0, |index| self.slots[index].position - self.end);
        // What was waited for turns out to be lost: the time has passed all the same.
        let lost = self.borrowed.min(hole.max(0));
        self.end += lost;
        let begun = begun + lost as usize;
        let until = self.end + frame;
        let mut any = self.newest + self.packet >= until;
        while let Some(index) = self.earliest().filter(|index| self.slots[*index].position < until) {
            self.used &= !(1 << index);
            let slot = &self.slots[index];
            any = true;
            if slot.position >= self.end {
                let at = index * self.payload_bytes;
                emit(Forwarded {
                    payload_type: slot.payload_type,
                    payload: &self.payloads[at..at + usize::from(slot.length)],
                    offset: begun + (slot.position - self.end) as usize,
                });
            }
        }
        if any {
            self.borrowed = 0;
            self.end = until;
            return (lost + frame) as usize;
        }
        self.borrowed += frame;
        if self.borrowed >= self.samples(PAUSE_MS) {
            self.pause_here();
            return self.samples(PAUSE_MS) as usize;
        }
        0
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
mod tests {
    use super::*;
    use crate::codec::CodecKind;
    use crate::frame::FRAME;
    use crate::testing::{share, sine, Noise};

    /// A sender, a network and a buffer that plays a frame every 20 ms.
    struct Rig {
        buffer: JitterBuffer,
        decoders: Decoders,
        coder: Box<dyn crate::codec::Codec>,
        at_once: bool,
    }

    impl Rig {
        fn new() -> Self {
            Rig {
                buffer: JitterBuffer::new(Rate::Narrow, 8000, 960),
                decoders: Decoders::new(8, CodecKind::Pcma),
                coder: CodecKind::Pcma.build(),
                at_once: true,
            }
        }

        fn push(&mut self, timestamp: u32, pcm: &[i16], arrival_us: u64) -> Pushed {
            let mut payload = vec![0; pcm.len()];
            self.coder.encode(pcm, &mut payload);
            let packet =
                RtpPacket { payload_type: 8, marker: false, sequence: 0, timestamp, ssrc: 1, payload: &payload };
            self.buffer.push(&packet, pcm.len(), arrival_us, self.at_once.then_some(&mut self.decoders))
        }

        fn pop(&mut self, now_us: u64) -> (Popped, [i16; FRAME]) {
            let popped = self.buffer.pop(&mut self.decoders, now_us);
            let frame =
                if popped == Popped::Silence { [0; FRAME] } else { *self.buffer.frame().first_chunk().unwrap() };
            (popped, frame)
        }
    }

    /// What happens to packet `index` on its way: when it arrives, if it does, in microseconds after it was sent.
    type Path<'a> = &'a mut dyn FnMut(usize) -> Option<u64>;

    struct Heard {
        pcm: Vec<i16>,
        kinds: Vec<Popped>,
        late: usize,
        delays_us: Vec<u64>,
    }

    /// Send `pcm` in packets of `length` samples with timestamps from `start` on; the first tick is at `phase_us`.
    fn call(pcm: &[i16], length: usize, start: u32, phase_us: u64, path: Path<'_>) -> Heard {
        let mut arrivals: Vec<(u64, usize)> = (0..pcm.len() / length)
            .filter_map(|index| Some((((index + 1) * length) as u64 * 125 + path(index)?, index)))
            .collect();
        arrivals.sort_unstable();
        let mut rig = Rig::new();
        let mut heard = Heard { pcm: Vec::new(), kinds: Vec::new(), late: 0, delays_us: Vec::new() };
        let mut waiting = arrivals.into_iter().peekable();
        let epoch_us = 1_700_000_000_000_000;
        for tick in 0..(pcm.len() / FRAME + 20) as u64 {
            let now_us = tick * 20_000 + phase_us;
            while let Some((arrival_us, index)) = waiting.next_if(|(arrival_us, _)| *arrival_us <= now_us) {
                let timestamp = start.wrapping_add((index * length) as u32);
                let pcm = &pcm[index * length..(index + 1) * length];
                let pushed = rig.push(timestamp, pcm, epoch_us + arrival_us);
                heard.late += usize::from(pushed == Pushed::Late);
            }
            let (kind, frame) = rig.pop(epoch_us + now_us);
            heard.pcm.extend(frame);
            heard.kinds.push(kind);
            heard.delays_us.push(rig.buffer.delay_us());
        }
        heard
    }

    fn clean(_index: usize) -> Option<u64> {
        Some(0)
    }

    #[test]
    fn packets_of_any_usual_length_come_out_as_one_clean_tone() {
        let tone = sine(1000.0, 100 * FRAME, 8000.0);
        for length in [80, 160, 240, 320, 400, 480] {
            let heard = call(&tone, length, 1000, 3000, &mut clean);
            assert!(share(&heard.pcm[10 * FRAME..90 * FRAME], 1000.0) > 0.999, "{length} samples a packet");
            assert!(heard.kinds[10..90].iter().all(|kind| *kind == Popped::Audio), "{length} samples a packet");
        }
    }

    #[test]
    fn a_quiet_network_adds_at_most_a_frame_and_5_ms() {
        let tone = sine(1000.0, 400 * FRAME, 8000.0);
        let mut delays: Vec<u64> = (0..40)
            .map(|phase| {
                let heard = call(&tone, 160, 0, phase * 500 + 250, &mut |index| Some(index as u64 * 7919 % 700));
                assert!(heard.kinds[10..380].iter().all(|kind| *kind == Popped::Audio), "phase {phase}");
                heard.delays_us[380]
            })
            .collect();
        delays.sort_unstable();
        assert!(delays[20] <= 20_000 && delays[38] <= 25_000, "{delays:?}");
    }

    #[test]
    fn swapped_packets_and_a_timestamp_that_wraps_are_not_heard() {
        let tone = sine(1000.0, 300 * FRAME, 8000.0);
        let mut swap = |index: usize| Some(if index % 2 == 0 { 25_000 } else { 0 });
        let heard = call(&tone, 160, u32::MAX - 20_000, 3000, &mut swap);
        assert!(share(&heard.pcm[60 * FRAME..290 * FRAME], 1000.0) > 0.99);
        assert!(heard.kinds[60..290].iter().all(|kind| *kind == Popped::Audio));
    }

    #[test]
    fn a_duplicate_is_told_and_played_once() {
        let mut rig = Rig::new();
        let tone = sine(500.0, FRAME, 8000.0);
        assert_eq!(rig.push(0, &tone, 0), Pushed::Stored);
        assert_eq!(rig.push(0, &tone, 1), Pushed::Duplicate);
    }

    #[test]
    fn a_lost_packet_is_concealed_and_the_delay_stays() {
        let tone = sine(400.0, 200 * FRAME, 8000.0);
        let heard = call(&tone, 160, 0, 10_000, &mut |index| (index != 50).then_some(0));
        let concealed: Vec<usize> = (0..180).filter(|index| heard.kinds[*index] == Popped::Concealed).collect();
        assert_eq!(concealed.len(), 1);
        assert_eq!(heard.delays_us[40], heard.delays_us[60]);
        assert!(share(&heard.pcm[10 * FRAME..180 * FRAME], 400.0) > 0.99);
    }

    #[test]
    fn a_late_packet_is_heard_later_and_the_delay_comes_back() {
        let tone = sine(400.0, 600 * FRAME, 8000.0);
        let heard = call(&tone, 160, 0, 10_000, &mut |index| {
            // The network stands still for a moment.
            Some(if index >= 150 { 38_000u64.saturating_sub((index - 150) as u64 * 20_000) } else { 0 })
        });
        assert_eq!(heard.late, 0);
        assert!(heard.delays_us[155] > heard.delays_us[140] + 15_000);
        assert!(heard.delays_us[500] < heard.delays_us[140] + 5000, "{:?}", &heard.delays_us[140..500]);
        assert!(share(&heard.pcm[10 * FRAME..590 * FRAME], 400.0) > 0.98);
    }

    #[test]
    fn a_silent_sender_fades_within_60_ms_and_starts_again() {
        let mut tone = sine(400.0, 10 * FRAME, 8000.0);
        tone.extend(vec![0; 60 * FRAME]);
        tone.extend(sine(400.0, 30 * FRAME, 8000.0));
        // Silence is not sent, as phones do that save bandwidth.
        let heard = call(&tone, 160, 0, 10_000, &mut |index| (!(10..70).contains(&index)).then_some(0));
        let first = heard.kinds.iter().position(|kind| *kind == Popped::Audio).unwrap();
        assert_eq!(heard.kinds[first..first + 10], [Popped::Audio; 10]);
        assert_eq!(heard.kinds[first + 10..first + 13], [Popped::Concealed; 3]);
        assert_eq!(heard.kinds[first + 13..first + 60], [Popped::Silence; 47]);
        assert_eq!(heard.kinds[first + 71..first + 98], [Popped::Audio; 27]);
    }

    #[test]
    fn an_announced_pause_is_not_filled() {
        let mut rig = Rig::new();
        let tone = sine(400.0, FRAME, 8000.0);
        for index in 0..5 {
            rig.push(index * 160, &tone, u64::from(index) * 20_000);
        }
        rig.buffer.expect_pause(800);
        let kinds: Vec<_> = (0..7).map(|tick| rig.pop(100_000 + tick * 20_000).0).collect();
        assert_eq!(kinds, [[Popped::Audio; 5].as_slice(), &[Popped::Silence; 2]].concat());
    }

    #[test]
    fn a_burst_after_a_stall_does_not_become_lasting_delay() {
        let tone = sine(400.0, 800 * FRAME, 8000.0);
        let stall = |index: usize| Some(if (100..150).contains(&index) { (150 - index) as u64 * 20_000 } else { 0 });
        let heard = call(&tone, 160, 0, 10_000, &mut { stall });
        assert!(heard.delays_us[200] <= 340_000, "{}", heard.delays_us[200]);
        assert!(heard.delays_us[780] <= 40_000, "{}", heard.delays_us[780]);
    }

    #[test]
    fn a_clock_set_back_is_followed_after_a_few_packets() {
        let mut rig = Rig::new();
        let tone = sine(400.0, FRAME, 8000.0);
        for index in 20..30 {
            rig.push(index * 160, &tone, u64::from(index) * 20_000);
            rig.pop(u64::from(index) * 20_000 + 9000);
        }
        let told: Vec<_> = (0..9).map(|index| rig.push(index * 160, &tone, u64::from(index + 30) * 20_000)).collect();
        assert_eq!(told[..7], [Pushed::Late; 7]);
        assert_eq!(told[7..], [Pushed::Stored; 2]);
    }

    #[test]
    fn clocks_200_ppm_apart_for_two_hours_cost_neither_audio_nor_delay() {
        for drift in [-200i64, 200] {
            let mut rig = Rig::new();
            let tone = sine(400.0, FRAME, 8000.0);
            let (mut sent, mut worst_us, mut concealed, mut late) = (0u64, 0, 0, 0);
            let period_ns = (20_000_000 + 20 * drift) as u64;
            for tick in 0..360_000u64 {
                let now_us = tick * 20_000 + 10_000;
                while sent * period_ns / 1000 <= now_us {
                    late += usize::from(rig.push((sent * 160) as u32, &tone, sent * period_ns / 1000) == Pushed::Late);
                    sent += 1;
                }
                let kind = rig.pop(now_us).0;
                if tick > 500 {
                    worst_us = worst_us.max(rig.buffer.delay_us());
                    concealed += usize::from(kind != Popped::Audio);
                }
            }
            assert!(worst_us <= 45_000, "{drift} ppm: {worst_us} us");
            assert!(concealed + late <= 80, "{drift} ppm: {concealed} concealed, {late} late");
        }
    }

    /// What is left of a voice after a bad network: the share of frames that are as loud as they were (within 3 dB), and
    /// the share of the energy that has the right pitch, second by second.
    fn quality(loss_percent: u64, jitter_ms: u64) -> (f64, f64, u64) {
        let mut noise = Noise::new(100 * loss_percent + jitter_ms);
        let voice = sine(400.0, 1500 * FRAME, 8000.0);
        let mut path = |_| {
            let late_us = if jitter_ms == 0 { 0 } else { noise.below(jitter_ms * 1000) };
            (noise.below(100) >= loss_percent).then_some(late_us)
        };
        let heard = call(&voice, 160, 0, 7000, &mut path);
        let settled = &heard.pcm[200 * FRAME..1450 * FRAME];
        let loud = |frame: &[i16]| frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / FRAME as f64;
        let right = settled.chunks(FRAME).filter(|frame| (16e6..64e6).contains(&loud(frame))).count();
        let seconds: Vec<f64> = settled.chunks_exact(400).map(|piece| share(piece, 400.0)).collect();
        let pitch = seconds.iter().sum::<f64>() / seconds.len() as f64;
        (right as f64 / (settled.len() / FRAME) as f64, pitch, heard.delays_us[1400] / 1000)
    }

    #[test]
    fn loss_and_jitter_are_concealed() {
        println!("loss %  jitter ms  frames as loud %  pitch %  delay ms");
        for loss in [0, 1, 5, 10] {
            for jitter in [0, 20, 60, 120] {
                let (loud, pitch, delay_ms) = quality(loss, jitter);
                println!("{loss:6}  {jitter:9}  {:16.1}  {:7.2}  {delay_ms:8}", 100.0 * loud, 100.0 * pitch);
                let bad = loss as f64 / 100.0;
                assert!(loud > 0.97 - 0.6 * bad, "{loss} % lost, {jitter} ms: {loud}");
                assert!(pitch > 0.97 - bad, "{loss} % lost, {jitter} ms: {pitch}");
                assert!(delay_ms <= jitter + 45, "{loss} % lost, {jitter} ms: {delay_ms} ms");
            }
        }
    }

    #[test]
    fn what_is_forwarded_is_what_came_in_the_same_order() {
        let mut rig = Rig::new();
        rig.at_once = false;
        let (mut got, mut passed) = (Vec::new(), 0);
        for tick in 0..100u32 {
            if tick != 40 {
                rig.push(tick * 160, &[tick as i16 * 256; FRAME], u64::from(tick) * 20_000);
            }
            let begun = passed;
            passed += rig.buffer.forward(u64::from(tick) * 20_000 + 9000, |packet| {
                got.push((begun + packet.offset, rig.decoders.find(8).unwrap().samples(packet.payload)));
            });
        }
        assert_eq!(got.len(), 99);
        assert!(got.windows(2).all(|pair| pair[1].0 > pair[0].0), "{got:?}");
        assert!((98 * 160..=101 * 160).contains(&passed));
    }

    #[test]
    fn no_sequence_of_packets_breaks_it() {
        let mut noise = Noise::new(5);
        let mut rig = Rig::new();
        let payload = [0x55; 2000];
        let mut now_us = 0;
        for _ in 0..300_000 {
            now_us += noise.below(40_000);
            let length = if noise.below(10) == 0 { noise.below(1200) } else { 160 } as usize;
            let timestamp = match noise.below(20) {
                0 => noise.next() as u32,
                _ => (now_us / 125) as u32 + noise.below(6000) as u32,
            };
            let packet = RtpPacket {
                payload_type: noise.below(10) as u8,
                marker: false,
                sequence: 0,
                timestamp,
                ssrc: 1,
                payload: &payload[..length],
            };
            let at_once = (noise.below(2) == 0).then_some(&mut rig.decoders);
            rig.buffer.push(&packet, length, now_us + noise.below(1000), at_once);
            match noise.below(4) {
                0 | 1 => drop(rig.pop(now_us)),
                2 if rig.buffer.can_forward(20) => drop(rig.buffer.forward(now_us, |_| ())),
                3 => rig.buffer.expect_pause(timestamp),
                _ => {}
            }
            assert!(rig.buffer.pcm.len() <= rig.buffer.pcm.capacity());
        }
    }
}
