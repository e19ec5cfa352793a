//! Which packets have come: replays, rollovers, and streams that come and go.

/// Streams of one peer whose counters are kept: a new one pushes out the one heard longest ago.
pub(super) const STREAMS: usize = 4;
/// Packets behind the newest that may still come in.
const WINDOW: u64 = 128;

/// What we must know of one incoming stream.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counter {
    pub(super) ssrc: u32,
    /// Index of the newest packet; how often its sequence number has rolled over is in the upper bits.
    pub(super) newest: u64,
    /// The packets up to it that have come, the newest in bit 0.
    seen: u128,
    /// When it was last heard: a count of packets.
    heard: u64,
}

impl Counter {
    /// A stream that begins with a packet of this index.
    pub(super) fn starting(ssrc: u32, index: u64) -> Self {
        Counter { ssrc, newest: index, ..Counter::default() }
    }

    /// The index that a sequence number most probably means (RFC 3711 §3.3.1); none for one before the first.
    pub(super) fn index(&self, sequence: u16) -> Option<u64> {
        let rolled = self.newest >> 16;
        let ahead = sequence.wrapping_sub(self.newest as u16) as i16;
        let (sequence, newest) = (u64::from(sequence), self.newest & 0xffff);
        let rolled = match ahead {
            0.. if sequence < newest => (rolled + 1) & u64::from(u32::MAX),
            ..0 if sequence > newest => rolled.checked_sub(1)?,
            _ => rolled,
        };
        Some(rolled << 16 | sequence)
    }

    /// Whether a packet may still come: it is not too old and did not come before.
    pub(super) fn is_fresh(&self, index: u64) -> bool {
        match self.newest.checked_sub(index) {
            None => true,
            Some(behind) => behind < WINDOW && self.seen >> behind & 1 == 0,
        }
    }

    pub(super) fn note(&mut self, index: u64) {
        match index.checked_sub(self.newest) {
            Some(0) => self.seen |= 1,
            Some(ahead) => {
                self.seen = if ahead < WINDOW { self.seen << ahead | 1 } else { 1 };
                self.newest = index;
            }
            None => self.seen |= 1 << (self.newest - index).min(WINDOW - 1),
        }
    }
}

/// The counters of a peer's streams, as many as it may have.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) known: [Option<Counter>; STREAMS],
    packets: u64,
}

impl Counters {
    pub(super) fn find(&self, ssrc: u32) -> Option<Counter> {
        self.known.iter().flatten().find(|counter| counter.ssrc == ssrc).copied()
    }

    pub(super) fn keep(&mut self, mut counter: Counter) {
        self.packets += 1;
        counter.heard = self.packets;
        let own = self.known.iter().position(|known| known.is_some_and(|known| known.ssrc == counter.ssrc));
        let oldest = || (0..STREAMS).min_by_key(|place| self.known[*place].map_or(0, |known| known.heard));
        if let Some(place) = own.or_else(oldest) {
            self.known[place] = Some(counter);
        }
    }
}
