//! A leg's way to a browser: a socket on each of our addresses, and the peer that finds out which of them counts.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use ringline_media::Crypto;
use ringline_rtc::{Credentials, Identity, Output, Peer, PeerEvent, Remote};

use crate::error::MediaError;
use crate::transport::bind;

/// Where a leg believes its far end to be: the way knows better, and may change under it (RFC 7600 §4.8 keeps this one
/// address free for such a use).
pub(crate) const ELSEWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 0, 8)), 9);
/// Addresses of ours that are offered; a machine with more has those first that the system names first.
const MOST_ADDRESSES: usize = 6;
/// Where the way stands, the other sockets are looked at in every so many ticks.
const ASIDE_TICKS: u64 = 10;

/// Before there are keys nothing may leave, and nothing is believed.
pub(crate) struct Sealed;

impl Crypto for Sealed {
    fn protect(&mut self, _packet: &mut [u8], _length: usize) -> Option<usize> {
        None
    }

    fn unprotect(&mut self, _datagram: &mut [u8]) -> Option<usize> {
        None
    }
}

/// What our description says of a way.
#[derive(Debug, Clone)]
pub struct WebLocal {
    /// Name and password of our checks.
    pub credentials: Credentials,
    /// Where we can be reached: all at the same port.
    pub addresses: Vec<SocketAddr>,
    /// The stream that we send.
    pub ssrc: u32,
}

/// One way.
pub(crate) struct Web {
    pub(crate) peer: Peer,
    sockets: Vec<(SocketAddr, UdpSocket)>,
    pub(crate) port: u16,
    /// Which socket media leaves by.
    outlet: Option<usize>,
    ticks: u64,
}

/// Bind this port on all of the addresses; none where another program has it on one of them.
pub(crate) fn bind_all(addresses: &[IpAddr], port: u16) -> Option<Vec<(SocketAddr, UdpSocket)>> {
    let mut sockets = Vec::new();
    for ip in addresses {
        match bind(*ip, port) {
            Ok(socket) => sockets.push((SocketAddr::new(*ip, port), socket)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return None,
            // An address that is only just coming or going.
            Err(_) => {}
        }
    }
    (!sockets.is_empty()).then_some(sockets)
}

/// The addresses that stand for the one that was asked for: all of this machine's for none in particular, IPv4 alone
/// for 0.0.0.0; its own loopback only where there is nothing else.
pub(crate) fn addresses(asked: IpAddr) -> io::Result<Vec<IpAddr>> {
    if !asked.is_unspecified() {
        return Ok(vec![asked]);
    }
    let reachable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        // fe80::/10 needs the name of an interface, which no browser has.
        IpAddr::V6(ip) => asked.is_ipv6() && ip.segments()[0] & 0xffc0 != 0xfe80,
    };
    let found = if_addrs::get_if_addrs()?.into_iter().map(|interface| interface.ip()).filter(reachable);
    let (inside, mut outside): (Vec<_>, Vec<_>) = found.partition(IpAddr::is_loopback);
    outside.truncate(MOST_ADDRESSES);
    Ok(if outside.is_empty() { inside } else { outside })
}

impl Web {
    pub(crate) fn new(
        identity: &Identity,
        sockets: Vec<(SocketAddr, UdpSocket)>,
        port: u16,
        controlling: bool,
    ) -> Result<Self, MediaError> {
        let credentials = Credentials::random().map_err(MediaError::Io)?;
        let addresses: Vec<SocketAddr> = sockets.iter().map(|(address, _)| *address).collect();
        let peer = Peer::new(identity, credentials, &addresses, controlling, Instant::now());
        let peer = peer.map_err(|why| MediaError::Io(io::Error::other(why)))?;
        Ok(Web { peer, sockets, port, outlet: None, ticks: 0 })
    }

    pub(crate) fn local(&self, ssrc: u32) -> WebLocal {
        let addresses = self.sockets.iter().map(|(address, _)| *address).collect();
        WebLocal { credentials: self.peer.credentials().clone(), addresses, ssrc }
    }

    pub(crate) fn join(&mut self, remote: Remote, candidates: &[String]) -> usize {
        let now = Instant::now();
        self.peer.join(remote, now);
        candidates.iter().filter(|line| !self.peer.add_candidate(line, now)).count()
    }

    pub(crate) fn restart(&mut self, ours: Credentials) {
        self.peer.restart(ours, Instant::now());
    }

    /// The sockets to look at in this tick, by their numbers.
    pub(crate) fn begin_tick(&mut self) -> impl Iterator<Item = usize> {
        self.ticks += 1;
        let (outlet, all) = (self.outlet, self.ticks % ASIDE_TICKS == 0);
        (0..self.sockets.len()).filter(move |index| all || outlet.is_none_or(|outlet| outlet == *index))
    }

    pub(crate) fn socket(&self, index: usize) -> (SocketAddr, BorrowedFd<'_>) {
        (self.sockets[index].0, self.sockets[index].1.as_fd())
    }

    /// Send a packet of the leg's; while the way does not stand there is nowhere to send it.
    pub(crate) fn send(&self, packet: &[u8]) -> io::Result<()> {
        match (self.outlet, self.peer.route()) {
            (Some(outlet), Some((_, to))) => self.sockets[outlet].1.send_to(packet, to).map(drop),
            _ => Ok(()),
        }
    }

    /// Send what the peer has to send, and give what it tells.
    pub(crate) fn drain(&mut self) -> Option<PeerEvent> {
        while let Some(output) = self.peer.poll() {
            match output {
                Output::Send { from, to, bytes } => {
                    let socket = self.sockets.iter().find(|(address, _)| *address == from);
                    // A check that cannot be sent is one that gets no answer.
                    let _ = socket.map(|(_, socket)| socket.send_to(&bytes, to));
                }
                Output::Event(event) => return Some(event),
            }
        }
        let from = self.peer.route().map(|(from, _)| from);
        self.outlet = from.and_then(|from| self.sockets.iter().position(|(address, _)| *address == from));
        None
    }
}
