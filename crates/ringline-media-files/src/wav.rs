//! WAV: linear samples, G.711 and GSM 6.10 in a RIFF container.

use ringline_media::{Codec, Pcma, Pcmu};

use crate::error::Undecodable;
use crate::gsm::{Gsm, BLOCK_BYTES, BLOCK_SAMPLES};
use crate::samples::to_16_bits;

/// The format is in the extension's first two bytes.
const EXTENSIBLE: u16 = 0xfffe;
/// A writer that did not know the length in advance leaves one of these.
const UNKNOWN_LENGTHS: [u32; 2] = [0, u32::MAX];

enum Encoding {
    Unsigned8,
    Linear16,
    Linear24,
    Linear32,
    Float32,
    Float64,
    ALaw,
    MuLaw,
    Gsm(Box<Gsm>),
}

impl Encoding {
    fn of(format: u16, bits: u16) -> Option<Self> {
        Some(match (format, bits) {
            (1, 8) => Encoding::Unsigned8,
            (1, 16) => Encoding::Linear16,
            (1, 24) => Encoding::Linear24,
            (1, 32) => Encoding::Linear32,
            (3, 32) => Encoding::Float32,
            (3, 64) => Encoding::Float64,
            (6, 8) => Encoding::ALaw,
            (7, 8) => Encoding::MuLaw,
            (0x31, _) => Encoding::Gsm(Box::default()),
            _ => return None,
        })
    }

    fn sample_bytes(&self) -> usize {
        match self {
            Encoding::Unsigned8 | Encoding::ALaw | Encoding::MuLaw => 1,
            Encoding::Linear16 => 2,
            Encoding::Linear24 => 3,
            Encoding::Linear32 | Encoding::Float32 => 4,
            Encoding::Float64 => 8,
            Encoding::Gsm(_) => BLOCK_BYTES,
        }
    }

    /// One sample as a share of full scale.
    fn value(&self, bytes: &[u8]) -> f64 {
        let law = |codec: &mut dyn Codec| {
            let mut pcm = [0];
            codec.decode(bytes, &mut pcm);
            f64::from(pcm[0]) / 32_768.0
        };
        match (self, bytes) {
            (Encoding::Unsigned8, [a]) => (f64::from(*a) - 128.0) / 128.0,
            (Encoding::Linear16, [a, b]) => f64::from(i16::from_le_bytes([*a, *b])) / 32_768.0,
            (Encoding::Linear24, [a, b, c]) => f64::from(i32::from_le_bytes([0, *a, *b, *c])) / 2_147_483_648.0,
            (Encoding::Linear32, [a, b, c, d]) => f64::from(i32::from_le_bytes([*a, *b, *c, *d])) / 2_147_483_648.0,
            (Encoding::Float32, [a, b, c, d]) => f64::from(f32::from_le_bytes([*a, *b, *c, *d])),
            (Encoding::Float64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            (Encoding::ALaw, _) => law(&mut Pcma),
            (Encoding::MuLaw, _) => law(&mut Pcmu),
            _ => 0.0,
        }
    }
}

/// A WAV file whose header has been read.
pub(crate) struct Wav {
    pub(crate) rate_hz: u32,
    pub(crate) channels: usize,
    encoding: Encoding,
    /// The next byte to decode, and the end of the samples as far as it is known.
    at: usize,
    end: Option<usize>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?, *bytes.get(at + 2)?, *bytes.get(at + 3)?]))
}

impl Wav {
    pub(crate) fn is_one(bytes: &[u8]) -> bool {
        bytes.get(..4) == Some(b"RIFF") && bytes.get(8..12) == Some(b"WAVE")
    }

    /// Read the header; `None` when more of it must come first.
    pub(crate) fn open(bytes: &[u8]) -> Result<Option<Self>, Undecodable> {
        let mut at = 12;
        let mut found = None;
        while let (Some(kind), Some(length)) = (bytes.get(at..at + 4), u32_at(bytes, at + 4)) {
            let body = at + 8;
            if kind == b"data" {
                let Some((encoding, rate_hz, channels)) = found else {
                    return Err(Undecodable::because("it is no audio file"));
                };
                let end = (!UNKNOWN_LENGTHS.contains(&length)).then(|| body.saturating_add(length as usize));
                return Ok(Some(Wav { rate_hz, channels, encoding, at: body, end }));
            }
            if kind == b"fmt " {
                let Some(format) = bytes.get(body..body.saturating_add(length as usize)) else { return Ok(None) };
                found = Some(read_format(format)?);
            }
            // Chunks begin at even places.
            at = body.saturating_add(length as usize).saturating_add(length as usize & 1);
        }
        Ok(None)
    }

    /// Frames that the header announces.
    pub(crate) fn frames(&self) -> Option<u64> {
        let bytes = (self.end?.saturating_sub(self.at)) as u64;
        let block = (self.encoding.sample_bytes() * self.channels) as u64;
        Some(match self.encoding {
            Encoding::Gsm(_) => bytes / block * BLOCK_SAMPLES as u64,
            _ => bytes / block,
        })
    }

    /// Decode up to `wanted` samples of what has arrived; returns whether there is more to come.
    pub(crate) fn read(&mut self, bytes: &[u8], complete: bool, wanted: usize, pcm: &mut Vec<i16>) -> bool {
        let end = self.end.map_or(bytes.len(), |end| end.min(bytes.len()));
        let size = self.encoding.sample_bytes() * self.channels;
        let ready = &bytes[self.at.min(end)..end];
        let per_block = if matches!(self.encoding, Encoding::Gsm(_)) { BLOCK_SAMPLES } else { 1 };
        let blocks = (ready.len() / size).min(wanted.div_ceil(per_block));
        for block in ready.chunks_exact(size).take(blocks) {
            if let Encoding::Gsm(decoder) = &mut self.encoding {
                decoder.decode(block, pcm);
                continue;
            }
            let sum: f64 = block.chunks_exact(size / self.channels).map(|sample| self.encoding.value(sample)).sum();
            pcm.push(to_16_bits(sum / self.channels as f64));
        }
        self.at += blocks * size;
        let over = self.end.is_some_and(|end| end.saturating_sub(self.at) < size);
        let cut_short = complete && ready.len() - blocks * size < size;
        !(over || cut_short)
    }
}

fn read_format(format: &[u8]) -> Result<(Encoding, u32, usize), Undecodable> {
    let fields = (u16_at(format, 0), u16_at(format, 2), u32_at(format, 4), u16_at(format, 14));
    let (Some(mut kind), Some(channels), Some(rate_hz), Some(bits)) = fields else {
        return Err(Undecodable::because("it is damaged"));
    };
    if channels == 0 {
        return Err(Undecodable::because("it has no channels"));
    }
    if kind == EXTENSIBLE {
        kind = u16_at(format, 24).unwrap_or(kind);
    }
    let unsupported = || Undecodable::because(format!("WAV with format {kind} of {bits} bits is not supported"));
    let encoding = Encoding::of(kind, bits).ok_or_else(unsupported)?;
    if matches!(encoding, Encoding::Gsm(_)) && channels != 1 {
        return Err(unsupported());
    }
    Ok((encoding, rate_hz, usize::from(channels)))
}
