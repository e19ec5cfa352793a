//! What comes in at a leg to a browser before and beside its audio: checks, handshakes, candidates.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ringline_rtc::{Credentials, Identity, Kind, Output, Peer, Remote};

use crate::chance::Chance;
use crate::Target;

/// Ways begin anew after so many datagrams.
const LIFE: u32 = 300;

/// Two ends that find each other while their datagrams are damaged on the way to ours.
pub(crate) struct Ways {
    identity: Identity,
    ours: Peer,
    theirs: Peer,
    now: Instant,
    age: u32,
}

fn our_place() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4000))
}

fn their_place() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], 5000))
}

fn two_ends(identity: &Identity, now: Instant, we_begin: bool) -> (Peer, Peer) {
    let made = |place, controlling| {
        let credentials = Credentials::random().expect("the system has chance");
        Peer::new(identity, credentials, &[place], controlling, now).expect("the place can be sent from")
    };
    let (mut ours, mut theirs) = (made(our_place(), false), made(their_place(), true));
    let remote = |peer: &Peer, we_begin| Remote {
        credentials: peer.credentials().clone(),
        fingerprint: identity.fingerprint(),
        we_begin,
    };
    ours.join(remote(&theirs, we_begin), now);
    theirs.join(remote(&ours, !we_begin), now);
    theirs.add_candidate("candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host", now);
    (ours, theirs)
}

impl Ways {
    pub(crate) fn new() -> Self {
        let (identity, now) = (Identity::generate().expect("a key can be made"), Instant::now());
        let (ours, theirs) = two_ends(&identity, now, true);
        Ways { identity, ours, theirs, now, age: 0 }
    }

    fn offer(&mut self, datagram: &[u8], chance: &mut Chance) {
        let from = if chance.once_in(20) { our_place() } else { their_place() };
        self.ours.receive(datagram, from, our_place(), self.now);
    }
}

impl Target for Ways {
    fn strike(&mut self, chance: &mut Chance) {
        self.age += 1;
        if self.age > LIFE {
            self.age = 0;
            (self.ours, self.theirs) = two_ends(&self.identity, self.now, chance.once_in(2));
        }
        self.now += Duration::from_millis(chance.below(60) as u64);
        self.theirs.tick(self.now);
        self.ours.tick(self.now);
        while let Some(output) = self.theirs.poll() {
            let Output::Send { mut bytes, .. } = output else { continue };
            if chance.once_in(2) {
                let mut damaged = bytes.clone();
                chance.mutate(&mut damaged);
                self.offer(&damaged, chance);
            }
            if chance.once_in(8) {
                chance.mutate(&mut bytes);
            }
            self.offer(&bytes, chance);
        }
        while let Some(output) = self.ours.poll() {
            if let Output::Send { bytes, .. } = output {
                self.theirs.receive(&bytes, our_place(), their_place(), self.now);
            }
        }
        let noise = chance.noise(200);
        if Kind::of(&noise) != Kind::Media {
            self.offer(&noise, chance);
        }
        if chance.once_in(10) {
            let mut line = b"candidate:1 1 udp 2113937151 198.51.100.9 5000 typ host generation 0".to_vec();
            chance.mutate(&mut line);
            self.ours.add_candidate(&String::from_utf8_lossy(&line), self.now);
        }
    }
}
