//! RTP packets (RFC 3550 §5.1), read from hostile bytes and written.

/// Length of the fixed header that we write: no CSRC, no extension.
pub const HEADER_BYTES: usize = 12;

/// One RTP packet; the payload still belongs to the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    /// Number that the offer and answer gave to the codec, 0 to 127.
    pub payload_type: u8,
    /// For audio: first packet after a silence; for telephone-event: first of an event.
    pub marker: bool,
    /// Counts packets, modulo 65536.
    pub sequence: u16,
    /// Sampling instant of the first sample, in ticks of the codec's clock.
    pub timestamp: u32,
    /// The stream's random identity.
    pub ssrc: u32,
    /// The coded audio, without padding.
    pub payload: &'a [u8],
}

/// What a datagram on an RTP port is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// A well-formed RTP packet.
    Rtp(RtpPacket<'a>),
    /// RTCP on the RTP port (RFC 5761 §4), recognised by its packet type.
    Rtcp,
    /// Neither.
    Malformed,
}

impl<'a> Datagram<'a> {
    /// Tell what the bytes are. Never panics, whatever they hold.
    pub fn read(bytes: &'a [u8]) -> Self {
        match bytes {
            [first, second, _, _, ..] if first >> 6 == 2 && (192..=223).contains(second) => {
                if bytes.len() >= 8 {
                    Datagram::Rtcp
                } else {
                    Datagram::Malformed
                }
            }
            _ => RtpPacket::read(bytes).map_or(Datagram::Malformed, Datagram::Rtp),
        }
    }
}

impl<'a> RtpPacket<'a> {
    /// Read a packet; `None` when the bytes are no RTP of version 2.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
        if header[0] >> 6 != 2 {
            return None;
        }
        let contributors = usize::from(header[0] & 0x0f) * 4;
        let mut payload = rest.get(contributors..)?;
        if header[0] & 0x10 != 0 {
            let (extension, after) = payload.split_at_checked(4)?;
            let words = usize::from(u16::from_be_bytes([extension[2], extension[3]]));
            payload = after.get(words * 4..)?;
        }
        if header[0] & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            if padding == 0 || padding > payload.len() {
                return None;
            }
            payload = &payload[..payload.len() - padding];
        }
        Some(RtpPacket {
            payload_type: header[1] & 0x7f,
            marker: header[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([header[2], header[3]]),
            timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            payload,
        })
    }

    /// Write the packet to the start of `out` and return its length; `None` when it does not fit.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let length = HEADER_BYTES + self.payload.len();
        let out = out.get_mut(..length)?;
        out[0] = 0x80;
        out[1] = (self.payload_type & 0x7f) | if self.marker { 0x80 } else { 0 };
        out[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        out[HEADER_BYTES..].copy_from_slice(self.payload);
        Some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Noise;

    fn packet(payload: &[u8]) -> RtpPacket<'_> {
        RtpPacket { payload_type: 8, marker: true, sequence: 65_535, timestamp: 0xdead_beef, ssrc: 7, payload }
    }

    #[test]
    fn what_we_write_we_read_back() {
        let payload = [1, 2, 3];
        let mut buffer = [0; 64];
        let length = packet(&payload).write(&mut buffer).unwrap();
        assert_eq!(length, 15);
        assert_eq!(Datagram::read(&buffer[..length]), Datagram::Rtp(packet(&payload)));
    }

    #[test]
    fn contributors_extension_and_padding_are_stepped_over() {
        let mut bytes = vec![0xb2, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend([0; 8]); // two CSRC
        bytes.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]); // one word of extension
        bytes.extend([5, 6, 0, 0, 3]); // two bytes of payload, three of padding
        assert_eq!(RtpPacket::read(&bytes).unwrap().payload, &[5, 6]);
    }

    #[test]
    fn a_packet_cut_anywhere_in_its_headers_is_refused() {
        let mut bytes = vec![0x91, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend([0; 4]);
        bytes.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        for cut in 0..bytes.len() {
            assert_eq!(RtpPacket::read(&bytes[..cut]), None, "cut at {cut}");
        }
        assert!(RtpPacket::read(&bytes).is_some());
    }

    #[test]
    fn padding_longer_than_the_payload_is_refused() {
        let bytes = [0xa0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 9];
        assert_eq!(RtpPacket::read(&bytes), None);
    }

    #[test]
    fn rtcp_on_the_rtp_port_is_told_apart() {
        let report = [0x80, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(Datagram::read(&report), Datagram::Rtcp);
        assert_eq!(Datagram::read(&report[..5]), Datagram::Malformed);
    }

    #[test]
    fn noise_is_only_ever_refused_politely() {
        let mut noise = Noise::new(1);
        let mut buffer = [0u8; 96];
        for _ in 0..200_000 {
            let length = noise.below(97) as usize;
            for byte in &mut buffer[..length] {
                *byte = noise.next() as u8;
            }
            if length > 0 && noise.below(2) == 0 {
                buffer[0] = 0x80 | (buffer[0] & 0x3f);
            }
            if let Datagram::Rtp(packet) = Datagram::read(&buffer[..length]) {
                assert!(packet.payload.len() + HEADER_BYTES <= length);
            }
        }
    }
}
