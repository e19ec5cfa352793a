//! What one offer and answer agreed on for a leg.

use std::net::SocketAddr;

use crate::codec::CodecKind;
use crate::srtp::SrtpKeys;

/// Where a leg's audio goes and how it is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegPlan {
    /// The far end's address, if it named one that can be sent to.
    pub remote: Option<SocketAddr>,
    /// Where its RTCP goes: an address if it named one of its own, else the port after its audio's.
    pub rtcp: Option<SocketAddr>,
    /// RTCP shares the port of the audio (RFC 5761).
    pub rtcp_mux: bool,
    /// Codec of both directions.
    pub codec: CodecKind,
    /// Its RTP number.
    pub payload_type: u8,
    /// The RTP number of telephone-event, if it was agreed.
    pub dtmf_payload_type: Option<u8>,
    /// Its clock, most often the codec's.
    pub dtmf_clock_hz: u32,
    /// Length of each packet we send, 10 to 60; one that the codec has.
    pub packet_ms: u32,
    /// Whether the far end wants our audio.
    pub send: bool,
    /// Whether we want the far end's audio.
    pub receive: bool,
    /// The keys of SRTP, if the offer and answer exchanged some.
    pub srtp: Option<SrtpKeys>,
}

impl LegPlan {
    /// The plainest plan for a codec: packets of 20 ms both ways, no keys, no address yet.
    pub fn new(codec: CodecKind, payload_type: u8) -> Self {
        LegPlan {
            remote: None,
            rtcp: None,
            rtcp_mux: false,
            codec,
            payload_type,
            dtmf_payload_type: None,
            dtmf_clock_hz: 8000,
            packet_ms: 20,
            send: true,
            receive: true,
            srtp: None,
        }
    }
}
