//! How a leg's packets travel.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, Socket, Type};

use crate::sys::{stamp_arrivals, Batch};

/// Expedited forwarding (RFC 3246): routers that care let voice pass first.
const TOS_VOICE: u32 = 0xb8;

/// A leg's way to its peer. Neither call blocks.
pub trait Transport: Send {
    /// Take waiting datagrams into `batch`; returns how many. Full batches may have more behind them.
    fn receive(&mut self, batch: &mut Batch) -> io::Result<usize>;

    /// Send one packet.
    fn send(&mut self, to: SocketAddr, packet: &[u8]) -> io::Result<()>;
}

/// RTP over UDP, one socket per leg.
pub(crate) struct Udp(UdpSocket);

impl Udp {
    /// Bind a socket for one leg.
    pub(crate) fn bind(ip: IpAddr, port: u16) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(SocketAddr::new(ip, port)), Type::DGRAM, Some(Protocol::UDP))?;
        if ip.is_ipv4() {
            // Only an optimisation: some containers forbid it.
            let _ = socket.set_tos_v4(TOS_VOICE);
        }
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::new(ip, port).into())?;
        stamp_arrivals(socket.as_fd())?;
        Ok(Udp(socket.into()))
    }
}

impl Transport for Udp {
    fn receive(&mut self, batch: &mut Batch) -> io::Result<usize> {
        batch.receive(self.0.as_fd())
    }

    fn send(&mut self, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        self.0.send_to(packet, to).map(|_| ())
    }
}
