//! How a leg's packets travel.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, Socket, Type};

use crate::sys::{disconnect, send, stamp_arrivals, wall_us, Batch};

/// Expedited forwarding (RFC 3246): routers that care let voice pass first.
const TOS_VOICE: u32 = 0xb8;

/// A leg's way to its peer. No call blocks.
pub trait Transport: Send {
    /// Take a waiting datagram into `batch`; false when none waits.
    fn receive(&mut self, batch: &mut Batch) -> io::Result<bool>;

    /// Send one packet.
    fn send(&mut self, to: SocketAddr, packet: &[u8]) -> io::Result<()>;

    /// From now on everything comes from this peer and goes there, or from anybody if there is none.
    fn connect(&mut self, peer: Option<SocketAddr>) -> io::Result<()> {
        let _ = peer;
        Ok(())
    }

    /// Take a waiting datagram of the reports' own port; false when none waits.
    fn receive_report(&mut self, batch: &mut Batch) -> io::Result<bool> {
        let _ = batch;
        Ok(false)
    }

    /// Send a report from the reports' own port.
    fn send_report(&mut self, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        self.send(to, packet)
    }
}

/// The transport of a leg that has a line instead.
pub(crate) struct NoNetwork;

impl Transport for NoNetwork {
    fn receive(&mut self, _batch: &mut Batch) -> io::Result<bool> {
        Ok(false)
    }

    fn send(&mut self, _to: SocketAddr, _packet: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// RTP over UDP, one socket per leg; its reports have another on the next port, which is looked at now and then.
pub(crate) struct Udp {
    audio: UdpSocket,
    /// None where another program has that port.
    reports: Option<UdpSocket>,
    peer: Option<SocketAddr>,
    /// Since when the socket is connected, as long as there may be datagrams from before: of anybody.
    doubtful_us: Option<u64>,
}

impl Udp {
    /// Bind the sockets of one leg.
    pub(crate) fn bind(ip: IpAddr, port: u16) -> io::Result<Self> {
        let audio = bind(ip, port)?;
        let reports = port.checked_add(1).and_then(|beside| bind(ip, beside).ok());
        Ok(Udp { audio, reports, peer: None, doubtful_us: None })
    }
}

/// A socket for audio: marked as such, and its datagrams stamped.
pub(crate) fn bind(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(SocketAddr::new(ip, port)), Type::DGRAM, Some(Protocol::UDP))?;
    if ip.is_ipv4() {
        // Only an optimisation: some containers forbid it.
        let _ = socket.set_tos_v4(TOS_VOICE);
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(ip, port).into())?;
    stamp_arrivals(socket.as_fd())?;
    Ok(socket.into())
}

impl Transport for Udp {
    fn receive(&mut self, batch: &mut Batch) -> io::Result<bool> {
        let Some(since_us) = self.doubtful_us else { return batch.receive(self.audio.as_fd(), self.peer) };
        let waited = batch.receive(self.audio.as_fd(), None)?;
        if !waited || batch.datagram().is_some_and(|datagram| datagram.arrival_us >= since_us) {
            self.doubtful_us = None;
        }
        Ok(waited)
    }

    fn send(&mut self, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        match self.peer {
            Some(peer) if peer == to => match send(self.audio.as_fd(), packet) {
                // The answer to an earlier packet, and this one has not left.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    send(self.audio.as_fd(), packet)?;
                    Err(error)
                }
                sent => sent,
            },
            _ => self.audio.send_to(packet, to).map(drop),
        }
    }

    fn connect(&mut self, peer: Option<SocketAddr>) -> io::Result<()> {
        (self.peer, self.doubtful_us) = (None, None);
        match peer {
            Some(address) => {
                self.audio.connect(address)?;
                (self.peer, self.doubtful_us) = (peer, Some(wall_us()));
                Ok(())
            }
            None => disconnect(self.audio.as_fd()),
        }
    }

    fn receive_report(&mut self, batch: &mut Batch) -> io::Result<bool> {
        match &self.reports {
            Some(socket) => batch.receive(socket.as_fd(), None),
            None => Ok(false),
        }
    }

    fn send_report(&mut self, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        match &self.reports {
            Some(socket) => socket.send_to(packet, to).map(drop),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// On a port that the kernel gives nobody by itself, so that it is still free when its holder has let go of it.
    fn free<T>(mut bind: impl FnMut(u16) -> io::Result<T>) -> T {
        (30_100..30_900).step_by(2).find_map(|port| bind(port).ok()).unwrap()
    }

    #[test]
    fn a_far_end_that_was_away_for_a_moment_misses_no_packet_but_those_it_was_away_for() {
        let mut ours = free(|port| Udp::bind(HERE, port));
        let peer = free(|port| UdpSocket::bind((HERE, port)));
        let (here, there) = (ours.audio.local_addr().unwrap(), peer.local_addr().unwrap());
        ours.connect(Some(there)).unwrap();
        drop(peer);
        // Nobody is there: the kernel learns it from this packet, and tells at the next call.
        ours.send(there, &[1]).unwrap();
        let peer = UdpSocket::bind(there).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(ours.send(there, &[2]).map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionRefused));
        let mut got = [0; 8];
        assert_eq!((peer.recv(&mut got).unwrap(), got[0]), (1, 2));

        // And the same while we listen: what has come is still there.
        drop(peer);
        ours.send(there, &[3]).unwrap();
        let peer = UdpSocket::bind(there).unwrap();
        peer.send_to(&[4], here).unwrap();
        let mut batch = Batch::default();
        assert!(ours.receive(&mut batch).is_err());
        assert!(ours.receive(&mut batch).unwrap());
        assert_eq!(batch.datagram().unwrap().bytes, &[4]);
        ours.connect(None).unwrap();
        assert_eq!(ours.audio.local_addr().unwrap(), here);
    }

    fn next(udp: &mut Udp) -> (u8, SocketAddr) {
        let (mut batch, until) = (Batch::default(), Instant::now() + Duration::from_secs(10));
        while !udp.receive(&mut batch).unwrap() {
            assert!(Instant::now() < until, "nothing came");
            std::thread::yield_now();
        }
        let datagram = batch.datagram().unwrap();
        (datagram.bytes[0], datagram.from)
    }

    #[test]
    fn what_strangers_sent_before_the_socket_was_connected_is_not_taken_for_its_peers() {
        let mut ours = free(|port| Udp::bind(HERE, port));
        let at = ours.audio.local_addr().unwrap();
        let (peer, stranger) = (UdpSocket::bind((HERE, 0)).unwrap(), UdpSocket::bind((HERE, 0)).unwrap());
        let (theirs, strange) = (peer.local_addr().unwrap(), stranger.local_addr().unwrap());
        for number in 0..3 {
            stranger.send_to(&[number], at).unwrap();
        }
        assert_eq!(next(&mut ours), (0, strange));
        ours.connect(Some(theirs)).unwrap();
        peer.send_to(&[10], at).unwrap();
        assert_eq!([1, 2].map(|_| next(&mut ours)), [(1, strange), (2, strange)]);
        assert_eq!((next(&mut ours), ours.doubtful_us), ((10, theirs), None));
        let _ = stranger.send_to(&[3], at);
        peer.send_to(&[11], at).unwrap();
        assert_eq!(next(&mut ours), (11, theirs));
    }
}
