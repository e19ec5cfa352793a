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
    candidate: Option<(SocketAddr, u32)>,
    last_ms: u64,
}

impl Source {
    /// Take a new signalled address. The same one again keeps sending to where audio was found, but looks anew.
    pub fn signal(&mut self, address: Option<SocketAddr>) {
        if self.signalled != address || self.destination.is_none() {
            self.destination = address;
        }
        self.signalled = address;
        self.locked = false;
        self.candidate = None;
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
        self.candidate = None;
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
        if self.candidate != Some((from, ssrc)) {
            self.candidate = Some((from, ssrc));
            return if self.locked { Admission::Foreign } else { Admission::Peer };
        }
        let moved = self.destination != Some(from);
        self.destination = Some(from);
        self.locked = true;
        self.locked_ms = now_ms;
        self.candidate = None;
        self.last_ms = now_ms;
        if moved {
            Admission::Moved
        } else {
            Admission::Peer
        }
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
