//! What one offer and answer agreed on for a leg.

use std::net::SocketAddr;

use crate::codec::CodecKind;

/// Where a leg's audio goes and how it is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegPlan {
    /// The far end's address, if it named one that can be sent to.
    pub remote: Option<SocketAddr>,
    /// Codec of both directions.
    pub codec: CodecKind,
    /// Its RTP number.
    pub payload_type: u8,
    /// The RTP number of telephone-event, if it was agreed.
    pub dtmf_payload_type: Option<u8>,
    /// Samples in each packet we send, 80 to 480.
    pub packet_samples: usize,
    /// Whether the far end wants our audio.
    pub send: bool,
    /// Whether we want the far end's audio.
    pub receive: bool,
}
