//! What a codec can do, and the codecs that one leg may meet.

use crate::g711::{Pcma, Pcmu};

/// Turns coded payloads into samples and back. One value per leg and direction, so it may keep state.
pub trait Codec: Send {
    /// How many samples a payload holds; 0 when it makes no sense.
    fn samples(&self, payload: &[u8]) -> usize;

    /// Decode a payload to the start of `pcm`; returns the number of samples written.
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize;

    /// Encode samples to the start of `payload`; returns the number of bytes written.
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize;
}

/// The codecs we know, by their SDP names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodecKind {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl CodecKind {
    /// Find a codec by its name in SDP, in any case.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            _ if name.eq_ignore_ascii_case("PCMU") => Some(CodecKind::Pcmu),
            _ if name.eq_ignore_ascii_case("PCMA") => Some(CodecKind::Pcma),
            _ => None,
        }
    }

    /// A fresh coder or decoder.
    pub fn build(self) -> Box<dyn Codec> {
        match self {
            CodecKind::Pcmu => Box::new(Pcmu),
            CodecKind::Pcma => Box::new(Pcma),
        }
    }
}

/// The decoders of one leg, found by payload type.
pub struct Decoders {
    agreed: (u8, Box<dyn Codec>),
    pcmu: Pcmu,
    pcma: Pcma,
}

impl Decoders {
    /// The agreed codec, plus both G.711 laws under their static numbers: some peers answer with one law and send the
    /// other.
    pub fn new(payload_type: u8, codec: CodecKind) -> Self {
        Decoders { agreed: (payload_type, codec.build()), pcmu: Pcmu, pcma: Pcma }
    }

    /// The decoder for a payload type, if that is an audio type we can read.
    pub fn find(&mut self, payload_type: u8) -> Option<&mut dyn Codec> {
        match payload_type {
            number if number == self.agreed.0 => Some(self.agreed.1.as_mut()),
            0 => Some(&mut self.pcmu),
            8 => Some(&mut self.pcma),
            _ => None,
        }
    }
}
