//! When a frame is played, and how its delay follows the network.

use super::{milliseconds, JitterBuffer, State};
use crate::codec::Decoders;
use crate::stretch::{self, Choice};

/// The delay is at most so long beyond the quickest packet.
const LIMIT_MS: usize = 200;
/// A stream about which nothing is known yet is given this much time for its packets' jitter.
const START_MS: usize = 5;
/// Packets are wanted this much before they are needed.
const GUARD_MS: usize = 1;
/// Beyond this excess audio is left out without ceremony: a burst after a stall must not become lasting delay.
const EXCESS_MS: usize = 120;
/// The delay is shortened only if so much more is left.
pub(super) const SPARE_MS: usize = 4;
/// Packets seen before the delay may be shortened, and frames between two changes; fewer when much is too much.
pub(super) const SURE: usize = 100;
pub(super) const CALM_FRAMES: u32 = 25;
const HURRIED_FRAMES: u32 = 4;

impl JitterBuffer {
    /// How long after its place in the stream a frame beginning at `next` can be played, as things usually are.
    pub(super) fn required(&self, next: i64) -> i64 {
        // The last packet of a frame begins so far inside it, and comes so much later than the frame's beginning.
        let inside = (self.newest - next).rem_euclid(self.grid) + self.frame_samples() - self.grid;
        let guard = if self.delay.seen() < SURE / 2 { START_MS } else { GUARD_MS };
        self.delay.usual(self.samples(LIMIT_MS) as i32) + inside + self.samples(guard)
    }

    /// Whether playing has begun, or begins now.
    pub(super) fn is_playing(&mut self, now: i64) -> bool {
        match self.state {
            State::Idle => return false,
            State::Filling(waited) => {
                let Some(first) = self.shelf.earliest().map(|index| self.shelf.slot(index).position) else {
                    return false;
                };
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
    pub(super) fn cut_back(&mut self, now: i64) {
        while let Some(index) = self.shelf.earliest() {
            let (position, samples) = (self.shelf.slot(index).position, i64::from(self.shelf.slot(index).samples));
            if now - position - self.required(position) < samples {
                self.end = position.max(self.end);
                break;
            }
            self.shelf.remove(index);
            self.end = (position + samples).max(self.end);
        }
        self.pcm.truncate(self.front);
        self.borrowed = 0;
        self.calm = 0;
    }

    /// Play a frame that makes the delay longer or shorter, if that is due and can be done well.
    pub(super) fn change_delay(&mut self, decoders: &mut Decoders, slack: i64) -> bool {
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
}
