//! How a leg's packets travel.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, Socket, Type};

use crate::sys::{disconnect, send, stamp_arrivals, Batch};

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
}

impl Udp {
    /// Bind the sockets of one leg.
    pub(crate) fn bind(ip: IpAddr, port: u16) -> io::Result<Self> {
        let audio = bind(ip, port)?;
        let reports = port.checked_add(1).and_then(|beside| bind(ip, beside).ok());
        Ok(Udp { audio, reports, peer: None })
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
        batch.receive(self.audio.as_fd(), self.peer)
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
        self.peer = None;
        match peer {
            Some(address) => {
                self.audio.connect(address)?;
                self.peer = peer;
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

    fn free_port() -> u16 {
        let ends = UdpSocket::bind("127.0.0.1:0").unwrap();
        ends.local_addr().unwrap().port()
    }

    #[test]
    fn a_far_end_that_was_away_for_a_moment_misses_no_packet_but_those_it_was_away_for() {
        let mut ours = Udp::bind(IpAddr::from([127, 0, 0, 1]), free_port()).unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (here, there) = (ours.audio.local_addr().unwrap(), peer.local_addr().unwrap());
        ours.connect(Some(there)).unwrap();
        drop(peer);
        // Nobody is there: the kernel learns it from this packet, and tells at the next call.
        ours.send(there, &[1]).unwrap();
        let peer = UdpSocket::bind(there).unwrap();
        peer.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
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
}
