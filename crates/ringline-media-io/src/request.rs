//! What the control side asks for, before it is checked.

use std::net::{IpAddr, SocketAddr};

use ringline_media::{CodecKind, LegPlan, MAX_PACKET_SAMPLES, RATE_HZ};

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
}

/// What the far end wants, as its SDP says it.
#[derive(Debug, Clone)]
pub struct PlanRequest<'a> {
    /// Address of the `c=` line.
    pub remote_host: &'a str,
    /// Port of the `m=audio` line; 0 while there is none.
    pub remote_port: u16,
    /// `PCMU` or `PCMA`.
    pub codec: &'a str,
    /// RTP number of the codec.
    pub payload_type: u8,
    /// RTP number of telephone-event.
    pub dtmf_payload_type: Option<u8>,
    /// Length of our packets.
    pub ptime_ms: u32,
    /// Whether the far end wants our audio.
    pub send: bool,
    /// Whether we want the far end's audio.
    pub receive: bool,
}

impl PlanRequest<'_> {
    /// Check the request; `bind_ip` says which family of addresses can be reached.
    pub(crate) fn read(&self, bind_ip: IpAddr) -> Result<LegPlan, MediaError> {
        let codec = CodecKind::named(self.codec).ok_or_else(|| MediaError::Codec(self.codec.to_owned()))?;
        let numbers = [Some(self.payload_type), self.dtmf_payload_type];
        if let Some(number) = numbers.into_iter().flatten().find(|number| *number > 127) {
            return Err(MediaError::PayloadType(number));
        }
        let samples_per_ms = (RATE_HZ / 1000) as usize;
        let packet_ms = (self.ptime_ms as usize / 10).clamp(1, 6) * 10;
        Ok(LegPlan {
            remote: self.destination(bind_ip),
            codec,
            payload_type: self.payload_type,
            dtmf_payload_type: self.dtmf_payload_type,
            packet_samples: (packet_ms * samples_per_ms).min(MAX_PACKET_SAMPLES),
            send: self.send,
            receive: self.receive,
        })
    }

    /// Where to send at first. An address that cannot be sent to is no error: audio that comes in shows the way.
    fn destination(&self, bind_ip: IpAddr) -> Option<SocketAddr> {
        let ip: IpAddr = self.remote_host.parse().ok()?;
        let sendable = match ip {
            IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
            IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
        };
        let reachable = self.remote_port != 0 && ip.is_ipv4() == bind_ip.is_ipv4();
        (sendable && reachable).then(|| SocketAddr::new(ip, self.remote_port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(remote_host: &str) -> PlanRequest<'_> {
        PlanRequest {
            remote_host,
            remote_port: 4000,
            codec: "pcmu",
            payload_type: 0,
            dtmf_payload_type: Some(101),
            ptime_ms: 20,
            send: true,
            receive: true,
        }
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
    fn any_packet_length_is_brought_into_range() {
        for (ptime_ms, samples) in [(0, 80), (10, 80), (20, 160), (25, 160), (30, 240), (60, 480), (1000, 480)] {
            let plan = PlanRequest { ptime_ms, ..request("192.0.2.1") }.read(IpAddr::from([127, 0, 0, 1])).unwrap();
            assert_eq!(plan.packet_samples, samples);
        }
    }
}
