//! Symmetric RTP: finds out where a peer's audio really comes from, and sends there.

use std::net::SocketAddr;

/// A learned source that says nothing for so long may be replaced by another.
const UNLOCK_MS: u64 = 2000;

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
