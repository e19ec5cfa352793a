//! Chance for what strangers must not guess: stream identities and first numbers (RFC 3550 §5.1).

use std::io;

use ringline_media::StreamSeed;

/// A fresh start for an RTP stream, from the operating system's random source.
pub(crate) fn stream_seed() -> io::Result<StreamSeed> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let [a, b, c, d, e, f, g, h, i, j] = bytes;
    Ok(StreamSeed {
        ssrc: u32::from_be_bytes([a, b, c, d]),
        timestamp: u32::from_be_bytes([e, f, g, h]),
        // In the lower half, so that nobody misses the first rollover when the first packets get lost (RFC 3711 §3.3.1).
        sequence: u16::from_be_bytes([i, j]) & 0x7fff,
    })
}
