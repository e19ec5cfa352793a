//! mp3 and ogg: found and unpacked by Symphonia; Opus in ogg by libopus.

use std::sync::OnceLock;

use opus::{Channels, Decoder as OpusDecoder};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP3, CODEC_ID_OPUS, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe};
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::default::codecs::{MpaDecoder, VorbisDecoder};
use symphonia::default::formats::{MpaReader, OggReader};

use crate::error::Undecodable;
use crate::samples::{mix_down, to_16_bits};
use crate::source::Reader;

/// Opus always decodes at 48 kHz (RFC 7845 §5.1).
const OPUS_HZ: u32 = 48_000;
/// Longest Opus packet: 120 ms.
const OPUS_SAMPLES: usize = 5760;
/// Packets that may be damaged in a row before the file is given up.
const MAX_DAMAGED: u32 = 50;

enum Unpacker {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<OpusDecoder>),
}

/// A compressed file whose header has been read.
pub(crate) struct Compressed {
    pub(crate) rate_hz: u32,
    pub(crate) channels: usize,
    format: Box<dyn FormatReader>,
    track: u32,
    unpacker: Unpacker,
    interleaved: Vec<f32>,
    damaged: u32,
}

fn probe() -> &'static Probe {
    static PROBE: OnceLock<Probe> = OnceLock::new();
    PROBE.get_or_init(|| {
        let mut probe = Probe::new();
        probe.register_format::<MpaReader<'_>>();
        probe.register_format::<OggReader<'_>>();
        probe
    })
}

fn codecs() -> &'static CodecRegistry {
    static CODECS: OnceLock<CodecRegistry> = OnceLock::new();
    CODECS.get_or_init(|| {
        let mut codecs = CodecRegistry::new();
        codecs.register_audio_decoder::<MpaDecoder>();
        codecs.register_audio_decoder::<VorbisDecoder>();
        codecs
    })
}

impl Compressed {
    /// Read the header.
    pub(crate) fn open(source: Reader) -> Result<Self, Undecodable> {
        let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
        let format = probe()
            .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|_| Undecodable::because("it is no audio file"))?;
        let track = format.default_track(TrackType::Audio).ok_or_else(|| Undecodable::because("it has no audio"))?;
        let number = track.id;
        let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
        let parameters = parameters.ok_or_else(|| Undecodable::because("it has no audio that is known here"))?;
        let channels = parameters.channels.as_ref().map_or(1, |channels| channels.count());
        let (rate_hz, unpacker) = match parameters.codec {
            CODEC_ID_OPUS if channels <= 2 => {
                // The decoder mixes stereo down by itself.
                let decoder = OpusDecoder::new(OPUS_HZ, Channels::Mono);
                (OPUS_HZ, decoder.map(|decoder| Unpacker::Opus(Box::new(decoder))).ok())
            }
            CODEC_ID_MP3 | CODEC_ID_VORBIS => {
                let decoder = codecs().make_audio_decoder(parameters, &AudioDecoderOptions::default());
                (parameters.sample_rate.unwrap_or(0), decoder.map(Unpacker::Symphonia).ok())
            }
            _ => (0, None),
        };
        let unpacker = unpacker.ok_or_else(|| Undecodable::because("its encoding is not supported"))?;
        Ok(Compressed { rate_hz, channels, format, track: number, unpacker, interleaved: Vec::new(), damaged: 0 })
    }

    /// Decode one packet; returns whether there is more.
    pub(crate) fn step(&mut self, pcm: &mut Vec<i16>) -> Result<bool, Undecodable> {
        let packet = match self.format.next_packet() {
            Ok(Some(packet)) => packet,
            // Another stream follows in the same file, or the last packet is cut short: what came is what there is.
            Ok(None) | Err(Error::ResetRequired | Error::IoError(_)) => return Ok(false),
            Err(_) => return self.skip_damage(),
        };
        if packet.track_id != self.track {
            return Ok(true);
        }
        let start = pcm.len();
        let unpacked = match &mut self.unpacker {
            Unpacker::Opus(decoder) => {
                let mut samples = [0.0; OPUS_SAMPLES];
                decoder.decode_float(&packet.data, &mut samples, false).is_ok_and(|count| {
                    pcm.extend(samples[..count].iter().map(|sample| to_16_bits(f64::from(*sample))));
                    true
                })
            }
            Unpacker::Symphonia(decoder) => match decoder.decode(&packet) {
                Ok(audio) => {
                    let channels = audio.spec().channels().count().max(1);
                    self.interleaved.resize(audio.samples_interleaved(), 0.0);
                    audio.copy_to_slice_interleaved(&mut self.interleaved);
                    mix_down(&self.interleaved, channels, pcm);
                    true
                }
                Err(_) => false,
            },
        };
        if !unpacked {
            return self.skip_damage();
        }
        self.damaged = 0;
        if matches!(self.unpacker, Unpacker::Opus(_)) {
            // What the coder put before the beginning and after the end is no part of the audio.
            let made = pcm.len() - start;
            let after = (packet.trim_end.get() as usize).min(made);
            let before = (packet.trim_start.get() as usize).min(made - after);
            pcm.truncate(pcm.len() - after);
            pcm.drain(start..start + before);
        }
        Ok(true)
    }

    fn skip_damage(&mut self) -> Result<bool, Undecodable> {
        self.damaged += 1;
        if self.damaged > MAX_DAMAGED {
            return Err(Undecodable::because("it is damaged"));
        }
        Ok(true)
    }
}
