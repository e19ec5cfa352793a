//! What the control side asks for, before it is checked.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ringline_media::{CodecKind, LegPlan, Loudest, SrtpKeys};

use crate::error::MediaError;

/// How the core is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that RTP sockets are bound to.
    pub bind_ip: IpAddr,
    /// First port of the range; RTP uses the even ones.
    pub port_low: u16,
    /// Last port of the range.
    pub port_high: u16,
    /// Number of pacing threads; 0 is one per core.
    pub threads: usize,
    /// Silence of an unheld leg's network after which [`Event::MediaTimeout`] is told.
    pub media_timeout_ms: u64,
    /// When a room is so large that only its loudest speakers are mixed.
    pub loudest: Loudest,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            bind_ip: IpAddr::from([127, 0, 0, 1]),
            port_low: 10_000,
            port_high: 19_999,
            threads: 0,
            media_timeout_ms: 60_000,
            loudest: Loudest::default(),
        }
    }
}

/// What the far end wants, as its SDP says it.
#[derive(Debug, Clone)]
pub struct PlanRequest<'a> {
    /// Address of the `c=` line.
    pub remote_host: &'a str,
    /// Port of the `m=audio` line; 0 while there is none.
    pub remote_port: u16,
    /// Where its RTCP goes: a port if it named one of its own (RFC 3605), else the one after the audio's.
    pub rtcp_port: Option<u16>,
    /// RTCP shares the port of the audio (RFC 5761).
    pub rtcp_mux: bool,
    /// The codec's name in SDP: `PCMU`, `PCMA`, `G722`, `opus`, `L16`.
    pub codec: &'a str,
    /// Its RTP clock.
    pub clock_hz: u32,
    /// RTP number of the codec.
    pub payload_type: u8,
    /// RTP number of telephone-event.
    pub dtmf_payload_type: Option<u8>,
    /// Its RTP clock.
    pub dtmf_clock_hz: u32,
    /// Length of our packets.
    pub ptime_ms: u32,
    /// Whether the far end wants our audio.
    pub send: bool,
    /// Whether we want the far end's audio.
    pub receive: bool,
    /// The keys of SRTP.
    pub srtp: Option<SrtpKeys>,
}

impl Default for PlanRequest<'_> {
    fn default() -> Self {
        PlanRequest {
            remote_host: "",
            remote_port: 0,
            rtcp_port: None,
            rtcp_mux: false,
            codec: "PCMU",
            clock_hz: 8000,
            payload_type: 0,
            dtmf_payload_type: None,
            dtmf_clock_hz: 8000,
            ptime_ms: 20,
            send: true,
            receive: true,
            srtp: None,
        }
    }
}

impl PlanRequest<'_> {
    /// Check the request; `bind_ip` says which family of addresses can be reached.
    pub(crate) fn read(&self, bind_ip: IpAddr) -> Result<LegPlan, MediaError> {
        let codec = CodecKind::named(self.codec, self.clock_hz)
            .ok_or_else(|| MediaError::Codec(format!("{}/{}", self.codec, self.clock_hz)))?;
        let numbers = [Some(self.payload_type), self.dtmf_payload_type];
        if let Some(number) = numbers.into_iter().flatten().find(|number| *number > 127) {
            return Err(MediaError::PayloadType(number));
        }
        let remote = self.destination(bind_ip, self.remote_port);
        Ok(LegPlan {
            remote,
            rtcp: self.rtcp_port.and_then(|port| self.destination(bind_ip, port)),
            rtcp_mux: self.rtcp_mux,
            codec,
            payload_type: self.payload_type,
            dtmf_payload_type: self.dtmf_payload_type,
            dtmf_clock_hz: self.dtmf_clock_hz,
            packet_ms: codec.packet_ms(self.ptime_ms),
            send: self.send,
            receive: self.receive,
            srtp: self.srtp,
        })
    }

    /// Where to send at first. An address that cannot be sent to is no error: audio that comes in shows the way.
    fn destination(&self, bind_ip: IpAddr, port: u16) -> Option<SocketAddr> {
        let ip: IpAddr = self.remote_host.parse().ok()?;
        let sendable = match ip {
            IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
            IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
        };
        // A socket on `::` speaks both families, and calls IPv4 addresses by IPv6 ones (RFC 4291 §2.5.5.2).
        let ip = match ip {
            IpAddr::V4(ip) if bind_ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(ip.to_ipv6_mapped()),
            other => other,
        };
        let reachable = port != 0 && ip.is_ipv4() == bind_ip.is_ipv4();
        (sendable && reachable).then(|| SocketAddr::new(ip, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(remote_host: &str) -> PlanRequest<'_> {
        PlanRequest { remote_host, remote_port: 4000, codec: "pcmu", ..PlanRequest::default() }
    }

    fn destination(remote_host: &str) -> Option<SocketAddr> {
        request(remote_host).read(IpAddr::from([127, 0, 0, 1])).unwrap().remote
    }

    #[test]
    fn only_addresses_that_can_be_one_peer_are_sent_to() {
        assert_eq!(destination("192.0.2.1"), Some(SocketAddr::from(([192, 0, 2, 1], 4000))));
        for host in ["0.0.0.0", "255.255.255.255", "239.0.0.1", "2001:db8::1", "example.org", ""] {
            assert_eq!(destination(host), None, "{host}");
        }
    }

    #[test]
    fn where_both_families_are_spoken_both_are_sent_to() {
        let at = |bind: &str, host: &str| request(host).read(bind.parse().unwrap()).unwrap().remote.map(|to| to.ip());
        assert_eq!(at("::", "192.0.2.1"), "::ffff:192.0.2.1".parse().ok());
        assert_eq!(at("::", "2001:db8::1"), "2001:db8::1".parse().ok());
        assert_eq!(at("::1", "192.0.2.1"), None);
        assert_eq!(at("::", "255.255.255.255"), None);
    }

    #[test]
    fn any_packet_length_is_brought_into_range() {
        for (ptime_ms, packet_ms) in [(0, 10), (10, 10), (20, 20), (25, 20), (30, 30), (60, 60), (1000, 60)] {
            let plan = PlanRequest { ptime_ms, ..request("192.0.2.1") }.read(IpAddr::from([127, 0, 0, 1])).unwrap();
            assert_eq!(plan.packet_ms, packet_ms);
        }
    }
}
