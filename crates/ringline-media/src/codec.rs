//! What a codec can do, and the codecs that one leg may meet.

use crate::frame::Rate;
use crate::g711::{Pcma, Pcmu};
use crate::g722::G722;
use crate::l16::L16;
use crate::opus::Opus;
use crate::resample::Resampler;

/// Turns coded payloads into samples and back. One value per leg and direction, so it may keep state.
pub trait Codec: Send {
    /// The rate of its samples.
    fn rate(&self) -> Rate {
        Rate::Narrow
    }

    /// Ticks of its RTP clock per second; not always the rate of its samples.
    fn clock_hz(&self) -> u32 {
        self.rate().hz()
    }

    /// How many samples a payload holds; 0 when it makes no sense.
    fn samples(&self, payload: &[u8]) -> usize;

    /// Decode a payload to the start of `pcm`; returns the number of samples written.
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize;

    /// Make up `pcm` for audio that got lost, from what came before and, if it is there already, from the packet right
    /// `after` it. Returns the number of samples written; 0 when the codec cannot do that itself.
    fn conceal(&mut self, after: Option<&[u8]>, pcm: &mut [i16]) -> usize {
        let _ = (after, pcm);
        0
    }

    /// Encode samples to the start of `payload`; returns the number of bytes written, 0 when the codec has no packets
    /// of this length.
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize;

    /// The far end loses so many of our packets in a hundred.
    fn expect_loss(&mut self, percent: u8) {
        let _ = percent;
    }

    /// What is encoded from now on comes from audio of this rate, whatever the rate of its samples.
    fn fed_at(&mut self, rate: Rate) {
        let _ = rate;
    }
}

/// The codecs we know, by their SDP names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodecKind {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus (RFC 7587).
    Opus,
    /// Linear samples, not compressed (RFC 3551 §4.5.11).
    L16(Rate),
}

impl CodecKind {
    /// Find a codec by its name in SDP, in any case, and its RTP clock.
    pub fn named(name: &str, clock_hz: u32) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match clock_hz {
            8000 if is("PCMU") => Some(CodecKind::Pcmu),
            8000 if is("PCMA") => Some(CodecKind::Pcma),
            8000 if is("G722") => Some(CodecKind::G722),
            48_000 if is("opus") => Some(CodecKind::Opus),
            8000 if is("L16") => Some(CodecKind::L16(Rate::Narrow)),
            16_000 if is("L16") => Some(CodecKind::L16(Rate::Wide)),
            _ => None,
        }
    }

    /// A fresh coder or decoder.
    pub fn build(self) -> Box<dyn Codec> {
        match self {
            CodecKind::Pcmu => Box::new(Pcmu),
            CodecKind::Pcma => Box::new(Pcma),
            CodecKind::G722 => Box::new(G722::default()),
            CodecKind::Opus => Box::new(Opus::default()),
            CodecKind::L16(rate) => Box::new(L16(rate)),
        }
    }

    /// The rate of its samples.
    pub const fn rate(self) -> Rate {
        match self {
            CodecKind::Pcmu | CodecKind::Pcma => Rate::Narrow,
            CodecKind::G722 => Rate::Wide,
            CodecKind::Opus => Rate::Full,
            CodecKind::L16(rate) => rate,
        }
    }

    /// The sample that a payload ends with, where that needs no state.
    pub fn last_sample(self, payload: &[u8]) -> Option<i16> {
        let mut sample = [0];
        let written = match self {
            CodecKind::Pcmu => Pcmu.decode(&payload[payload.len().checked_sub(1)?..], &mut sample),
            CodecKind::Pcma => Pcma.decode(&payload[payload.len().checked_sub(1)?..], &mut sample),
            CodecKind::L16(_) => return payload.last_chunk().map(|bytes| i16::from_be_bytes(*bytes)),
            CodecKind::G722 | CodecKind::Opus => 0,
        };
        (written == 1).then_some(sample[0])
    }

    /// Ticks of its RTP clock per second. G.722 counts 8000, by an old mistake that all keep to (RFC 3551 §4.5.2).
    pub const fn clock_hz(self) -> u32 {
        match self {
            CodecKind::G722 => 8000,
            kind => kind.rate().hz(),
        }
    }

    /// The longest packet we send that is not longer than `packet_ms`: Opus has none of 30 or 50 ms, and L16 at 16 kHz
    /// must fit into a datagram.
    pub const fn packet_ms(self, packet_ms: u32) -> u32 {
        match (self, packet_ms) {
            (CodecKind::Opus, 60..) => 60,
            (CodecKind::Opus, 40..) => 40,
            (CodecKind::Opus, 20..) => 20,
            (CodecKind::L16(Rate::Wide | Rate::Full), 40..) => 40,
            (_, 60..) => 60,
            (_, 10..) => packet_ms / 10 * 10,
            (_, _) => 10,
        }
    }
}

/// G.711 where a codec with the same RTP clock but more samples was agreed.
struct Widened<C>(C, Resampler);

impl<C: Codec> Codec for Widened<C> {
    fn rate(&self) -> Rate {
        self.1.to()
    }

    fn clock_hz(&self) -> u32 {
        self.0.clock_hz()
    }

    fn samples(&self, payload: &[u8]) -> usize {
        self.0.samples(payload) * self.1.to().samples() / Rate::Narrow.samples()
    }

    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize {
        let mut narrow = [0; 3 * Rate::Full.samples()];
        let times = self.1.to().samples() / Rate::Narrow.samples();
        let room = narrow.len().min(pcm.len() / times);
        let count = self.0.decode(payload, &mut narrow[..room]);
        self.1.run(&narrow[..count], &mut pcm[..count * times]);
        count * times
    }

    fn encode(&mut self, _pcm: &[i16], _payload: &mut [u8]) -> usize {
        0 // never asked: what we send has the agreed codec
    }
}

/// The decoders of one leg, found by payload type. All give samples of the agreed codec's rate.
pub struct Decoders {
    agreed: (u8, Box<dyn Codec>),
    /// Both G.711 laws under their static numbers, where timestamps mean the same as with the agreed codec.
    laws: Option<[Box<dyn Codec>; 2]>,
}

impl Decoders {
    /// The agreed codec, plus both G.711 laws under their static numbers: some peers answer with one law and send the
    /// other.
    pub fn new(payload_type: u8, codec: CodecKind) -> Self {
        let laws: Option<[Box<dyn Codec>; 2]> = match (codec.clock_hz(), codec.rate()) {
            (8000, Rate::Narrow) => Some([Box::new(Pcmu), Box::new(Pcma)]),
            (8000, rate) => {
                let wider = || Resampler::new(Rate::Narrow, rate);
                Some([Box::new(Widened(Pcmu, wider())), Box::new(Widened(Pcma, wider()))])
            }
            _ => None,
        };
        Decoders { agreed: (payload_type, codec.build()), laws }
    }

    /// The decoder for a payload type, if that is an audio type we can read.
    pub fn find(&mut self, payload_type: u8) -> Option<&mut dyn Codec> {
        if payload_type == self.agreed.0 {
            return Some(self.agreed.1.as_mut());
        }
        let [pcmu, pcma] = self.laws.as_mut()?;
        match payload_type {
            0 => Some(pcmu.as_mut()),
            8 => Some(pcma.as_mut()),
            _ => None,
        }
    }

    /// The agreed codec's decoder.
    pub fn agreed(&mut self) -> &mut dyn Codec {
        self.agreed.1.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{share_at, sine_at};

    #[test]
    fn the_last_sample_of_a_payload_is_known_where_codecs_keep_no_state() {
        for kind in [CodecKind::Pcma, CodecKind::Pcmu, CodecKind::L16(Rate::Narrow)] {
            let (mut payload, mut pcm) = ([0; 320], [0; 160]);
            let length = kind.build().encode(&std::array::from_fn::<i16, 160, _>(|at| 40 * at as i16), &mut payload);
            kind.build().decode(&payload[..length], &mut pcm);
            assert_eq!(kind.last_sample(&payload[..length]), Some(pcm[159]), "{kind:?}");
            assert_eq!(kind.last_sample(&[]), None);
        }
        assert_eq!(CodecKind::Opus.last_sample(&[1, 2, 3]), None);
    }

    #[test]
    fn a_name_needs_its_clock() {
        assert_eq!(CodecKind::named("g722", 8000), Some(CodecKind::G722));
        assert_eq!(CodecKind::named("G722", 16_000), None);
        assert_eq!(CodecKind::named("OPUS", 48_000), Some(CodecKind::Opus));
        assert_eq!(CodecKind::named("opus", 8000), None);
        assert_eq!(CodecKind::named("L16", 16_000), Some(CodecKind::L16(Rate::Wide)));
        assert_eq!(CodecKind::named("L16", 44_100), None);
        assert_eq!(CodecKind::named("G729", 8000), None);
    }

    #[test]
    fn what_a_codec_is_said_to_be_is_what_it_is() {
        for kind in [CodecKind::Pcmu, CodecKind::Pcma, CodecKind::G722, CodecKind::Opus, CodecKind::L16(Rate::Wide)] {
            let codec = kind.build();
            assert_eq!((codec.rate(), codec.clock_hz()), (kind.rate(), kind.clock_hz()), "{kind:?}");
        }
    }

    #[test]
    fn every_codec_carries_a_tone() {
        let laws = [CodecKind::Pcmu, CodecKind::Pcma];
        let wide = [CodecKind::G722, CodecKind::L16(Rate::Narrow), CodecKind::L16(Rate::Wide), CodecKind::Opus];
        for kind in laws.into_iter().chain(wide) {
            let (mut coder, mut decoder) = (kind.build(), kind.build());
            let rate = kind.rate();
            let mut heard = Vec::new();
            for frame in sine_at(rate, 1000.0, 50 * rate.samples(), 8000.0).chunks_exact(rate.samples()) {
                let (mut payload, mut pcm) = ([0; 1500], [0; 5760]);
                let bytes = coder.encode(frame, &mut payload);
                assert_eq!(decoder.samples(&payload[..bytes]), rate.samples(), "{kind:?}");
                let count = decoder.decode(&payload[..bytes], &mut pcm);
                heard.extend_from_slice(&pcm[..count]);
            }
            assert_eq!(heard.len(), 50 * rate.samples());
            assert!(share_at(rate, &heard[10 * rate.samples()..], 1000.0) > 0.998, "{kind:?}");
        }
    }

    #[test]
    fn narrow_audio_under_a_wide_agreement_keeps_its_pitch() {
        let mut decoders = Decoders::new(9, CodecKind::G722);
        let mut coder = CodecKind::Pcma.build();
        let mut heard = Vec::new();
        for frame in sine_at(Rate::Narrow, 1000.0, 8000, 8000.0).chunks_exact(160) {
            let (mut payload, mut pcm) = ([0; 160], [0; 320]);
            coder.encode(frame, &mut payload);
            let law = decoders.find(8).expect("A-law is known");
            assert_eq!(law.samples(&payload), 320);
            assert_eq!(law.decode(&payload, &mut pcm), 320);
            heard.extend_from_slice(&pcm);
        }
        assert!(share_at(Rate::Wide, &heard[640..], 1000.0) > 0.999);
        assert!(Decoders::new(111, CodecKind::Opus).find(8).is_none());
    }

    #[test]
    fn packets_have_lengths_that_the_codec_has() {
        for (kind, asked, given) in [
            (CodecKind::Opus, 30, 20),
            (CodecKind::Opus, 50, 40),
            (CodecKind::Opus, 10, 10),
            (CodecKind::Pcmu, 30, 30),
            (CodecKind::Pcmu, 25, 20),
            (CodecKind::Pcmu, 0, 10),
            (CodecKind::G722, 1000, 60),
            (CodecKind::L16(Rate::Wide), 60, 40),
        ] {
            assert_eq!(kind.packet_ms(asked), given, "{kind:?} {asked}");
        }
    }
}
