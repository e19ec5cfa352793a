//! Two ends of a way, over a wire in virtual time that delays and can lose.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ringline_media::Crypto;
use ringline_rtc::{Credentials, Identity, Kind, Output, Peer, PeerEvent, Remote};

pub(crate) const STEP: Duration = Duration::from_millis(5);
const LATENCY: Duration = Duration::from_millis(15);

struct Flying {
    at: Instant,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// How both ends find each other.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances {
    /// Whether our side has made the offer.
    pub(crate) we_offer: bool,
    /// Whether our side begins the handshake.
    pub(crate) we_begin: bool,
    /// Whether the browser names its address.
    pub(crate) named: bool,
    /// Of a hundred datagrams.
    pub(crate) lost: u32,
}

pub(crate) const PLAIN: Circumstances = Circumstances { we_offer: false, we_begin: true, named: false, lost: 0 };

/// One end: a peer, and what became of it.
pub(crate) struct End {
    pub(crate) peer: Peer,
    pub(crate) address: SocketAddr,
    pub(crate) crypto: Option<Box<dyn Crypto>>,
    pub(crate) told: Vec<String>,
    /// The payloads of the audio that came.
    pub(crate) heard: Vec<Vec<u8>>,
    /// Datagrams that were not the other end's.
    pub(crate) strangers: usize,
    sequence: u16,
}

impl End {
    fn new(identity: &Identity, at: &str, controlling: bool, now: Instant) -> Self {
        let address = address(at);
        let peer = Peer::new(identity, Credentials::random().unwrap(), &[address], controlling, now).unwrap();
        // Close to where sequence numbers begin anew.
        End { peer, address, crypto: None, told: Vec::new(), heard: Vec::new(), strangers: 0, sequence: 65_500 }
    }

    fn remote(&self, identity: &Identity, other_begins: bool) -> Remote {
        let (credentials, fingerprint) = (self.peer.credentials().clone(), identity.fingerprint());
        Remote { credentials, fingerprint, we_begin: other_begins }
    }

    fn arrive(&mut self, mut flying: Flying, now: Instant) {
        if Kind::of(&flying.bytes) != Kind::Media {
            if !self.peer.receive(&flying.bytes, flying.from, flying.to, now) {
                self.strangers += 1;
            }
            return;
        }
        let admitted = self.peer.admits(flying.from);
        let Some(crypto) = self.crypto.as_mut().filter(|_| admitted) else {
            self.strangers += 1;
            return;
        };
        match crypto.unprotect(&mut flying.bytes) {
            Some(length) => self.heard.push(flying.bytes[12..length].to_vec()),
            None => self.strangers += 1,
        }
    }

    fn drain(&mut self) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let mut sent = Vec::new();
        while let Some(output) = self.peer.poll() {
            match output {
                Output::Send { from, to, bytes } => sent.push((from, to, bytes)),
                Output::Event(PeerEvent::Connected(crypto)) => {
                    self.crypto = Some(crypto);
                    self.told.push("connected".into());
                }
                Output::Event(PeerEvent::Restored) => self.told.push("restored".into()),
                Output::Event(PeerEvent::Interrupted(why)) => self.told.push(format!("interrupted: {why}")),
                Output::Event(PeerEvent::Failed(why)) => self.told.push(format!("failed: {why}")),
            }
        }
        sent
    }

    /// A packet of 20 ms.
    fn packet(&mut self, payload: &[u8]) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let (from, to) = self.peer.route()?;
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = vec![0x80, 111];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend((u32::from(self.sequence) * 960).to_be_bytes());
        packet.extend(self.address.port().to_be_bytes());
        packet.extend([0, 1]);
        packet.extend(payload);
        let length = packet.len();
        packet.resize(length + 32, 0);
        let length = self.crypto.as_mut()?.protect(&mut packet, length)?;
        packet.truncate(length);
        Some((from, to, packet))
    }
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) ours: End,
    pub(crate) theirs: End,
    pub(crate) cut: bool,
    wire: VecDeque<Flying>,
    lost: u32,
    chance: u64,
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

impl World {
    pub(crate) fn new(how: Circumstances) -> Self {
        Self::changed(how, |remote| remote)
    }

    /// Our side is told something else of the other than is true.
    pub(crate) fn changed(how: Circumstances, change: impl FnOnce(Remote) -> Remote) -> Self {
        let now = Instant::now();
        let (our_identity, their_identity) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let mut ours = End::new(&our_identity, "192.0.2.1:4000", how.we_offer, now);
        let mut theirs = End::new(&their_identity, "198.51.100.7:5000", !how.we_offer, now);
        ours.peer.join(change(theirs.remote(&their_identity, how.we_begin)), now);
        theirs.peer.join(ours.remote(&our_identity, !how.we_begin), now);
        assert!(theirs.peer.add_candidate("candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host", now));
        if how.named {
            assert!(ours.peer.add_candidate("candidate:1 1 udp 2130706431 198.51.100.7 5000 typ host", now));
        }
        World { now, ours, theirs, cut: false, wire: VecDeque::new(), lost: how.lost, chance: 7 }
    }

    /// Both look for each other anew. Of their new descriptions only what concerns the checks counts.
    pub(crate) fn restart(&mut self) {
        let (now, other) = (self.now, Identity::generate().unwrap().fingerprint());
        for end in [&mut self.ours, &mut self.theirs] {
            end.peer.restart(Credentials::random().unwrap(), now);
        }
        let (ours, theirs) = (self.ours.peer.credentials().clone(), self.theirs.peer.credentials().clone());
        for (end, credentials) in [(&mut self.ours, theirs), (&mut self.theirs, ours)] {
            end.peer.join(Remote { credentials, fingerprint: other, we_begin: true }, now);
        }
        assert!(self.theirs.peer.add_candidate("candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host", now));
    }

    fn is_lost(&mut self) -> bool {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.cut || ((self.chance >> 33) % 100) < u64::from(self.lost)
    }

    pub(crate) fn fly(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        if !self.is_lost() {
            self.wire.push_back(Flying { at: self.now + LATENCY, from, to, bytes });
        }
    }

    /// Let this much time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now += STEP;
            while self.wire.front().is_some_and(|flying| flying.at <= self.now) {
                let Some(flying) = self.wire.pop_front() else { break };
                let end = if flying.to == self.ours.address { &mut self.ours } else { &mut self.theirs };
                end.arrive(flying, self.now);
            }
            self.ours.peer.tick(self.now);
            self.theirs.peer.tick(self.now);
            self.drain();
        }
    }

    pub(crate) fn drain(&mut self) {
        let sent: Vec<_> = self.ours.drain().into_iter().chain(self.theirs.drain()).collect();
        for (from, to, bytes) in sent {
            self.fly(from, to, bytes);
        }
    }

    /// Both say something of 20 ms.
    pub(crate) fn both_say(&mut self, payload: &[u8]) {
        let packets = [self.ours.packet(payload), self.theirs.packet(payload)];
        for (from, to, bytes) in packets.into_iter().flatten() {
            self.fly(from, to, bytes);
        }
    }
}
