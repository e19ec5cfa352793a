//! Symmetric RTP: finds out where a peer's audio really comes from, and sends there.

use std::net::SocketAddr;

/// A learned source that says nothing for so long may be replaced by another.
const UNLOCK_MS: u64 = 2000;

/// A place other than the signalled one must have proved itself for so long before nobody else is listened to at all.
const PROVEN_MS: u64 = 3000;

/// Whether a packet may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// From the peer, as far as we know.
    Peer,
    /// From the peer, and from now on from a place other than before.
    Moved,
    /// From somebody else.
    Foreign,
}

/// Learns a peer's address from two valid packets, then admits only that address.
///
/// Packets from the signalled address win over a learned one: who got in first by guessing our port loses it again.
#[derive(Debug, Default)]
pub struct Source {
    signalled: Option<SocketAddr>,
    destination: Option<SocketAddr>,
    locked: bool,
    locked_ms: u64,
    /// The stream that came from the signalled address while another was listened to, or none.
    expected: Option<u32>,
    /// The last two streams from elsewhere: two that alternate must not hide each other.
    candidates: Box<[Option<(SocketAddr, u32)>; 2]>,
    last_ms: u64,
}

impl Source {
    /// Take a new signalled address. The same one again keeps sending to where audio was found, but looks anew.
    pub fn signal(&mut self, address: Option<SocketAddr>) {
        if self.signalled != address || self.destination.is_none() {
            self.destination = address;
        }
        self.signalled = address;
        self.unsettle();
    }

    /// Where our packets go.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.destination
    }

    /// The only place that packets are taken from: where a socket may be connected to.
    pub fn settled(&self, now_ms: u64) -> Option<SocketAddr> {
        let fresh = now_ms.saturating_sub(self.last_ms) < UNLOCK_MS;
        let sure = self.destination == self.signalled || now_ms.saturating_sub(self.locked_ms) >= PROVEN_MS;
        self.destination.filter(|_| self.locked && fresh && sure)
    }

    /// The network says that nobody is there: look anew.
    pub fn unsettle(&mut self) {
        self.locked = false;
        self.forget();
    }

    /// Judge a valid RTP packet by where it came from.
    pub fn admit(&mut self, from: SocketAddr, ssrc: u32, now_ms: u64) -> Admission {
        if self.locked && self.destination == Some(from) {
            self.last_ms = now_ms;
            return Admission::Peer;
        }
        let silent = now_ms.saturating_sub(self.last_ms) >= UNLOCK_MS;
        if self.locked && !silent && self.signalled != Some(from) {
            return Admission::Foreign;
        }
        if !self.again(from, ssrc) {
            let other = self.locked || (self.expected.is_some() && self.signalled != Some(from));
            return if other { Admission::Foreign } else { Admission::Peer };
        }
        let moved = self.destination != Some(from);
        self.destination = Some(from);
        self.locked = true;
        self.locked_ms = now_ms;
        self.forget();
        self.last_ms = now_ms;
        if moved {
            Admission::Moved
        } else {
            Admission::Peer
        }
    }

    /// Whether this stream has come before; what came in between does not matter.
    fn again(&mut self, from: SocketAddr, ssrc: u32) -> bool {
        if self.signalled == Some(from) {
            return self.expected.replace(ssrc) == Some(ssrc);
        }
        let stream = Some((from, ssrc));
        if self.candidates.contains(&stream) {
            return true;
        }
        *self.candidates = [stream, self.candidates[0]];
        false
    }

    fn forget(&mut self) {
        self.expected = None;
        *self.candidates = [None; 2];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn signalled() -> Source {
        let mut source = Source::default();
        source.signal(Some(at(1000)));
        source
    }

    #[test]
    fn the_second_packet_from_behind_a_nat_moves_our_audio() {
        let mut source = signalled();
        assert_eq!(source.admit(at(2000), 7, 0), Admission::Peer);
        assert_eq!(source.destination(), Some(at(1000)));
        assert_eq!(source.admit(at(2000), 7, 20), Admission::Moved);
        assert_eq!(source.destination(), Some(at(2000)));
        assert_eq!(source.admit(at(3000), 8, 40), Admission::Foreign);
    }

    #[test]
    fn a_stream_left_over_from_another_call_does_not_keep_ours_from_being_found() {
        let mut source = signalled();
        assert_eq!(source.admit(at(2000), 7, 0), Admission::Peer);
        assert_eq!(source.admit(at(1000), 8, 5), Admission::Peer);
        assert_eq!(source.admit(at(2000), 7, 20), Admission::Moved);
        assert_eq!(source.admit(at(1000), 8, 25), Admission::Foreign);
        assert_eq!(source.admit(at(2000), 7, 40), Admission::Peer);
        assert_eq!(source.admit(at(1000), 8, 45), Admission::Moved);
        for tick in 3..50 {
            assert_eq!(source.admit(at(2000), 7, tick * 20), Admission::Foreign);
            assert_eq!(source.admit(at(1000), 8, tick * 20 + 5), Admission::Peer);
        }
    }

    #[test]
    fn of_two_strangers_who_alternate_one_is_listened_to() {
        let mut source = signalled();
        let heard: Vec<bool> = (0..100)
            .map(|packet| source.admit(at(2000 + packet % 2 * 1000), u32::from(packet % 2), u64::from(packet) * 10))
            .map(|admission| admission != Admission::Foreign)
            .collect();
        assert!(heard[4..].iter().step_by(2).all(|&first| first), "the first of the two");
        assert!(!heard[5..].iter().step_by(2).any(|&second| second), "and not the other");
    }

    #[test]
    fn two_seconds_of_silence_or_a_new_plan_unlock() {
        let mut source = signalled();
        source.admit(at(2000), 7, 0);
        source.admit(at(2000), 7, 20);
        assert_eq!(source.admit(at(3000), 8, 2019), Admission::Foreign);
        source.admit(at(3000), 8, 2020);
        assert_eq!(source.admit(at(3000), 8, 2040), Admission::Moved);

        source.signal(Some(at(4000)));
        assert_eq!(source.destination(), Some(at(4000)));
        source.admit(at(5000), 9, 2060);
        assert_eq!(source.admit(at(5000), 9, 2080), Admission::Moved);
    }

    #[test]
    fn a_place_is_settled_at_once_where_it_was_signalled_and_elsewhere_later() {
        let mut source = signalled();
        source.admit(at(1000), 7, 0);
        assert_eq!(source.settled(0), None);
        source.admit(at(1000), 7, 20);
        assert_eq!(source.settled(20), Some(at(1000)));
        assert_eq!(source.settled(2020), None);
        source.unsettle();
        assert_eq!(source.settled(20), None);

        let mut source = signalled();
        for now_ms in (0..4000).step_by(20) {
            source.admit(at(2000), 7, now_ms);
            assert_eq!(source.settled(now_ms), (now_ms >= 3020).then(|| at(2000)));
        }
    }

    #[test]
    fn a_refreshed_plan_does_not_lose_the_learned_place() {
        let mut source = signalled();
        source.admit(at(2000), 7, 0);
        source.admit(at(2000), 7, 20);
        source.signal(Some(at(1000)));
        assert_eq!(source.destination(), Some(at(2000)));
    }

    #[test]
    fn the_signalled_address_takes_back_what_a_stranger_took_first() {
        let mut source = signalled();
        source.admit(at(6666), 1, 0);
        source.admit(at(6666), 1, 1);
        source.admit(at(1000), 7, 20);
        assert_eq!(source.admit(at(1000), 7, 40), Admission::Moved);
        assert_eq!(source.admit(at(6666), 1, 60), Admission::Foreign);
    }
}
