//! Reception figures of one RTP stream (RFC 3550 §6.4.1, appendices A.1, A.3 and A.8).

/// A gap this large is a restart rather than loss.
const MAX_DROPOUT: u16 = 3000;
/// A packet this far behind is a restart rather than reordered.
const MAX_MISORDER: u16 = 100;

/// What a sequence number says about its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// New: first time seen.
    New,
    /// Seen before.
    Duplicate,
    /// Far from all before it; the next one decides whether the sender has started anew.
    Odd,
}

/// Counts loss by sequence number and estimates jitter.
#[derive(Debug, Default)]
pub struct Reception {
    ssrc: Option<u32>,
    first: u64,
    /// Highest sequence number, extended by its wraps.
    highest: u64,
    /// Bit n: `highest - n` has come.
    seen: u64,
    unique: u64,
    /// Loss of the streams before this one.
    lost_before: u64,
    odd: Option<u16>,
    /// Expected and received packets at the last report.
    reported: (u64, u64),
    transit: Option<u32>,
    jitter: f64,
}

impl Reception {
    /// Take note of a packet's sequence number.
    pub fn arrive(&mut self, ssrc: u32, sequence: u16) -> Arrival {
        if self.ssrc != Some(ssrc) {
            self.restart(ssrc, sequence);
            return Arrival::New;
        }
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead == 0 {
            return Arrival::Duplicate;
        }
        if ahead < MAX_DROPOUT {
            self.odd = None;
            self.highest += u64::from(ahead);
            self.seen = if ahead < 64 { self.seen << ahead } else { 0 } | 1;
            self.unique += 1;
            return Arrival::New;
        }
        let behind = 0u16.wrapping_sub(ahead);
        if behind <= MAX_MISORDER {
            // Older than the window: cannot tell, so it counts neither as received nor as duplicate.
            if behind >= 64 || self.first + u64::from(behind) > self.highest {
                return Arrival::New;
            }
            let bit = 1 << behind;
            if self.seen & bit != 0 {
                return Arrival::Duplicate;
            }
            self.seen |= bit;
            self.unique += 1;
            return Arrival::New;
        }
        if self.odd == Some(sequence) {
            self.restart(ssrc, sequence);
            return Arrival::New;
        }
        self.odd = Some(sequence.wrapping_add(1));
        Arrival::Odd
    }

    fn restart(&mut self, ssrc: u32, sequence: u16) {
        self.lost_before = self.lost();
        self.ssrc = Some(ssrc);
        self.first = u64::from(sequence);
        self.highest = self.first;
        self.seen = 1;
        self.unique = 1;
        self.odd = None;
        self.reported = (0, 0);
        self.transit = None;
    }

    /// Take the arrival time of an audio packet into the jitter; both times in ticks of the RTP clock, which has
    /// `clock_hz`.
    pub fn time(&mut self, arrival: u32, timestamp: u32, clock_hz: u32) {
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A wall clock that is set, or a stream with a new timestamp base, is no jitter.
            if difference < clock_hz {
                self.jitter += (f64::from(difference) - self.jitter) / 16.0;
            }
        }
    }

    /// Packets that never came, over all streams so far.
    pub fn lost(&self) -> u64 {
        if self.ssrc.is_none() {
            return self.lost_before;
        }
        let expected = self.highest - self.first + 1;
        self.lost_before + expected.saturating_sub(self.unique)
    }

    /// What to report of the present stream: (highest sequence number, loss since the last report in 256ths, loss in all).
    pub fn report(&mut self) -> (u32, u8, i32) {
        let expected = self.highest - self.first + 1;
        let (expected_now, unique_now) =
            (expected.saturating_sub(self.reported.0), self.unique.saturating_sub(self.reported.1));
        self.reported = (expected, self.unique);
        let lost = expected_now.saturating_sub(unique_now);
        let fraction = (lost * 256).checked_div(expected_now).unwrap_or(0).min(255);
        (self.highest as u32, fraction as u8, i32::try_from(expected - self.unique.min(expected)).unwrap_or(i32::MAX))
    }

    /// Interarrival jitter in ticks of the RTP clock.
    pub fn jitter(&self) -> f64 {
        self.jitter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_counted_across_the_wrap() {
        let mut reception = Reception::default();
        for sequence in (65_500..=65_535).chain(0..50) {
            if sequence % 10 != 0 {
                reception.arrive(1, sequence);
            }
        }
        // 65500 came first, so the sequence starts at 65501: 65510, 65520, 65530, 0, 10, 20, 30, 40.
        assert_eq!(reception.lost(), 8);
    }

    #[test]
    fn reordered_and_duplicate_packets_are_no_loss() {
        let mut reception = Reception::default();
        for sequence in [1, 2, 4, 3, 3, 5] {
            reception.arrive(9, sequence);
        }
        assert_eq!(reception.lost(), 0);
        assert_eq!(reception.arrive(9, 4), Arrival::Duplicate);
    }

    #[test]
    fn one_odd_packet_changes_nothing_and_two_in_a_row_restart() {
        let mut reception = Reception::default();
        reception.arrive(1, 10);
        reception.arrive(1, 12);
        assert_eq!(reception.arrive(1, 30_000), Arrival::Odd);
        assert_eq!(reception.lost(), 1);
        assert_eq!(reception.arrive(1, 13), Arrival::New);
        assert_eq!(reception.arrive(1, 40_000), Arrival::Odd);
        assert_eq!(reception.arrive(1, 40_001), Arrival::New);
        assert_eq!(reception.lost(), 1);
    }

    #[test]
    fn a_new_stream_keeps_the_loss_of_the_old() {
        let mut reception = Reception::default();
        reception.arrive(1, 1);
        reception.arrive(1, 5);
        reception.arrive(2, 700);
        reception.arrive(2, 702);
        assert_eq!(reception.lost(), 4);
    }

    #[test]
    fn a_report_tells_the_loss_since_the_one_before() {
        let mut reception = Reception::default();
        (0..100)
            .filter(|sequence| sequence % 4 != 1)
            .for_each(|sequence| assert_eq!(reception.arrive(1, 65_500u16.wrapping_add(sequence)), Arrival::New));
        assert_eq!(reception.report(), (65_536 + 63, 64, 25));
        (100..200).for_each(|sequence| assert_eq!(reception.arrive(1, 65_500u16.wrapping_add(sequence)), Arrival::New));
        assert_eq!(reception.report(), (65_536 + 163, 0, 25));
        assert_eq!(reception.report(), (65_536 + 163, 0, 25));
    }

    #[test]
    fn jitter_follows_the_formula_of_the_standard() {
        let mut reception = Reception::default();
        let mut expected = 0.0;
        for index in 0..100u32 {
            let shift = if index % 2 == 0 { 0 } else { 80 };
            reception.time(index * 160 + shift, index * 160, 8000);
            if index > 0 {
                expected += (80.0 - expected) / 16.0;
            }
        }
        assert!((reception.jitter() - expected).abs() < 1e-9);
        assert!(reception.jitter() > 79.0);
    }
}
