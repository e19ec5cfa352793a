//! How late packets of a stream are, and so how much delay evens them out.
//!
//! All in samples of the stream's rate. A packet's *transit* is its time of arrival less its place in the stream: on a
//! perfect network all are alike, and only their differences mean anything.

use crate::frame::{Rate, RATE_HZ};

/// Packets looked back at: 8 s of the usual 20 ms.
const MEMORY: usize = 400;
/// Of these so many in a hundred may be later than what is waited for.
const GIVEN_UP: usize = 2;
/// From so many packets on some may be given up; before, the latest counts.
const ENOUGH: usize = 50;
/// The figure is made anew after so many packets.
const REFRESH: usize = 16;
/// A packet this much later or earlier than the ones before (1 s) belongs to another clock.
const OTHER_CLOCK_S: i64 = 1;

/// Looks at a stream's last packets.
pub(crate) struct Delay {
    rate: Rate,
    /// Transits less `base`, in a ring.
    transits: Vec<i32>,
    at: usize,
    base: i64,
    since_refresh: usize,
    /// Most transits are at most this, less `base`.
    usual: i32,
    /// The quickest of them.
    quickest: i32,
}

impl Delay {
    pub(crate) fn new(rate: Rate) -> Self {
        Delay { rate, transits: Vec::with_capacity(MEMORY), at: 0, base: 0, since_refresh: 0, usual: 0, quickest: 0 }
    }

    /// Forget everything.
    pub(crate) fn reset(&mut self) {
        self.transits.clear();
        self.at = 0;
        self.since_refresh = 0;
    }

    /// A time in microseconds, in samples.
    pub(crate) fn moment(&self, microseconds: u64) -> i64 {
        (microseconds * u64::from(self.rate.hz() / RATE_HZ) / 125) as i64
    }

    /// Take note of a packet; false when its clock is another than before, and everything was forgotten.
    pub(crate) fn arrive(&mut self, moment: i64, position: i64) -> bool {
        let transit = moment - position;
        let mut same = true;
        if !self.transits.is_empty() && (transit - self.base).abs() > OTHER_CLOCK_S * i64::from(self.rate.hz()) {
            self.reset();
            same = false;
        }
        if self.transits.is_empty() {
            self.base = transit;
        }
        let transit = (transit - self.base) as i32;
        if self.transits.len() < MEMORY {
            self.transits.push(transit);
        } else {
            self.transits[self.at] = transit;
        }
        self.at = (self.at + 1) % MEMORY;
        self.since_refresh += 1;
        if self.transits.len() < ENOUGH || self.since_refresh >= REFRESH {
            self.refresh();
        }
        same
    }

    fn refresh(&mut self) {
        self.since_refresh = 0;
        let count = self.transits.len();
        let mut scratch = [0; MEMORY];
        let scratch = &mut scratch[..count];
        scratch.copy_from_slice(&self.transits);
        let given_up = if count < ENOUGH { 0 } else { count * GIVEN_UP / 100 };
        let (_, usual, _) = scratch.select_nth_unstable(count - 1 - given_up);
        self.usual = *usual;
        self.quickest = scratch.iter().copied().min().unwrap_or(0);
        // A clock that runs away from ours must not carry the figures out of range.
        if self.quickest.unsigned_abs() > self.rate.hz() / 2 {
            let shift = self.quickest;
            self.transits.iter_mut().for_each(|transit| *transit -= shift);
            self.base += i64::from(shift);
            self.usual -= shift;
            self.quickest = 0;
        }
    }

    /// See `Leg::whereabouts`.
    pub(crate) fn whereabouts(&self, tell: &mut impl FnMut(*const u8, usize)) {
        tell(self.transits.as_ptr().wrapping_add(self.at).cast(), size_of::<i32>());
    }

    /// Packets seen, at most `MEMORY`.
    pub(crate) fn seen(&self) -> usize {
        self.transits.len()
    }

    /// The transit that nearly all packets keep to, but at most `limit` above the quickest.
    pub(crate) fn usual(&self, limit: i32) -> i64 {
        self.base + i64::from(self.usual.min(self.quickest + limit))
    }

    /// The quickest packet's transit.
    pub(crate) fn quickest(&self) -> i64 {
        self.base + i64::from(self.quickest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_stragglers_are_given_up_and_many_are_waited_for() {
        for (every, waited_for) in [(100, 0), (20, 800)] {
            let mut delay = Delay::new(Rate::Narrow);
            for index in 1..=400i64 {
                let late = if index % every == 0 { 800 } else { 0 };
                delay.arrive(index * 160 + late, index * 160);
            }
            assert_eq!(delay.usual(1600) - delay.quickest(), waited_for);
        }
    }

    #[test]
    fn a_clock_that_runs_away_stays_in_range_and_a_jump_is_told() {
        let mut delay = Delay::new(Rate::Narrow);
        // 1 % fast for half an hour.
        for index in 0..90_000i64 {
            assert!(delay.arrive(index * 160, index * 160 + index * 16 / 10));
        }
        assert!(delay.usual(1600) - delay.quickest() < 700);
        assert!(!delay.arrive(0, 1 << 40));
    }

    #[test]
    fn a_moment_is_exact_to_the_sample() {
        assert_eq!(Delay::new(Rate::Narrow).moment(1_700_000_000_000_125), 13_600_000_000_001);
        assert_eq!(Delay::new(Rate::Full).moment(1_000_000), 48_000);
    }
}
