//! Opus for voice: full band, repairs its own losses (RFC 6716, RFC 7587). The work is libopus's.

use ::opus::{packet, Application, Bitrate, Channels, Decoder, Encoder};

use crate::codec::Codec;
use crate::frame::Rate;

/// Full band with a copy of the packet before; below 36 000 libopus leaves one or the other out.
const BITS_PER_S: i32 = 40_000;
/// Of 0 to 10. Higher ones cost more time than a listener on a phone can hear.
const COMPLEXITY: i32 = 5;
/// What the forward error correction is sized for until the far end reports its losses.
const EXPECTED_LOSS_PERCENT: u8 = 5;
/// Longest packet: 120 ms.
const MAX_SAMPLES: usize = 5760;

/// One direction of a leg's Opus, mono at 48 kHz. Coder and decoder are made when they are first used.
#[derive(Default)]
pub struct Opus {
    coder: Option<Encoder>,
    decoder: Option<Decoder>,
}

fn open_coder() -> ::opus::Result<Encoder> {
    let mut coder = Encoder::new(Rate::Full.hz(), Channels::Mono, Application::Voip)?;
    coder.set_bitrate(Bitrate::Bits(BITS_PER_S))?;
    coder.set_complexity(COMPLEXITY)?;
    coder.set_inband_fec(true)?;
    coder.set_packet_loss_perc(i32::from(EXPECTED_LOSS_PERCENT))?;
    Ok(coder)
}

impl Opus {
    /// The coder; none only when memory ran out.
    fn coder(&mut self) -> Option<&mut Encoder> {
        if self.coder.is_none() {
            self.coder = open_coder().ok();
        }
        self.coder.as_mut()
    }

    /// The decoder; it mixes a stereo stream down by itself.
    fn decoder(&mut self) -> Option<&mut Decoder> {
        if self.decoder.is_none() {
            self.decoder = Decoder::new(Rate::Full.hz(), Channels::Mono).ok();
        }
        self.decoder.as_mut()
    }
}

impl Codec for Opus {
    fn rate(&self) -> Rate {
        Rate::Full
    }

    fn samples(&self, payload: &[u8]) -> usize {
        let samples = packet::get_nb_samples(payload, Rate::Full.hz()).unwrap_or(0);
        if samples <= MAX_SAMPLES {
            samples
        } else {
            0
        }
    }

    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize {
        if payload.is_empty() {
            return 0; // libopus takes that for a loss
        }
        self.decoder().map_or(0, |decoder| decoder.decode(payload, pcm, false).unwrap_or(0))
    }

    fn conceal(&mut self, after: Option<&[u8]>, pcm: &mut [i16]) -> usize {
        let Some(decoder) = self.decoder() else { return 0 };
        match after {
            // A packet without a copy of the one before it gives what an empty one gives.
            Some(payload) if !payload.is_empty() => decoder.decode(payload, pcm, true).unwrap_or(0),
            _ => decoder.decode(&[], pcm, false).unwrap_or(0),
        }
    }

    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        self.coder().map_or(0, |coder| coder.encode(pcm, payload).unwrap_or(0))
    }

    fn expect_loss(&mut self, percent: u8) {
        if let Some(coder) = self.coder() {
            // Refused only for values over 100.
            let _ = coder.set_packet_loss_perc(i32::from(percent.min(100)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{share_at, sine_at, Noise};

    const FRAME: usize = Rate::Full.samples();

    fn coded(pcm: &[i16]) -> Vec<Vec<u8>> {
        let mut coder = Opus::default();
        let encode = |frame: &[i16]| {
            let mut payload = [0; 1500];
            let bytes = coder.encode(frame, &mut payload);
            payload[..bytes].to_vec()
        };
        pcm.chunks_exact(FRAME).map(encode).collect()
    }

    #[test]
    fn a_packet_lost_in_speech_comes_back_from_the_one_after_it() {
        // A voice: a buzz whose pitch and loudness move, so that a repetition of the past is no good guess.
        let voice: Vec<i16> = (0..100 * FRAME)
            .map(|n| {
                let seconds = n as f64 / 48_000.0;
                let pitch = 120.0 + 60.0 * (seconds * 5.0).sin();
                let buzz: f64 = (1..20).map(|k| (std::f64::consts::TAU * pitch * f64::from(k) * seconds).sin()).sum();
                (buzz * 900.0 * (1.0 + (seconds * 9.0).sin())) as i16
            })
            .collect();
        let packets = coded(&voice);
        let (mut whole, mut blind, mut repaired) = (Opus::default(), Opus::default(), Opus::default());
        let (mut error_blind, mut error_repaired) = (0.0, 0.0);
        for (index, packet) in packets.iter().enumerate().skip(1) {
            let mut frames = [[0; FRAME]; 3];
            let [truth, guess, repair] = &mut frames;
            whole.decode(packet, truth);
            if index % 10 == 7 {
                assert_eq!(blind.conceal(None, guess), FRAME);
                assert_eq!(repaired.conceal(packets.get(index + 1).map(Vec::as_slice), repair), FRAME);
                let error = |made: &[i16]| -> f64 {
                    made.iter().zip(truth.iter()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
                };
                error_blind += error(guess);
                error_repaired += error(repair);
            } else {
                blind.decode(packet, guess);
                repaired.decode(packet, repair);
            }
        }
        assert!(error_repaired < 0.5 * error_blind, "{error_repaired} against {error_blind}");
    }

    #[test]
    fn a_loss_without_any_help_is_filled() {
        let packets = coded(&sine_at(Rate::Full, 440.0, 20 * FRAME, 8000.0));
        let (mut codec, mut pcm) = (Opus::default(), [0; FRAME]);
        for packet in &packets {
            codec.decode(packet, &mut pcm);
        }
        assert_eq!(codec.conceal(None, &mut pcm), FRAME);
        assert!(share_at(Rate::Full, &pcm, 440.0) > 0.8);
    }

    #[test]
    fn packets_of_every_length_we_send_are_coded() {
        for packet_ms in [10, 20, 40, 60] {
            let (mut codec, mut payload) = (Opus::default(), [0; 1500]);
            let samples = 48 * packet_ms;
            let bytes = codec.encode(&vec![0; samples], &mut payload);
            assert_eq!(codec.samples(&payload[..bytes]), samples);
        }
        assert_eq!(Opus::default().encode(&[0; 48 * 30], &mut [0; 1500]), 0);
    }

    #[test]
    fn noise_is_only_ever_refused_politely() {
        let (mut noise, mut codec, mut pcm) = (Noise::new(3), Opus::default(), [0; MAX_SAMPLES]);
        for _ in 0..20_000 {
            let payload: Vec<u8> = (0..noise.below(80)).map(|_| noise.next() as u8).collect();
            assert!(codec.samples(&payload) <= MAX_SAMPLES);
            assert!(codec.decode(&payload, &mut pcm) <= MAX_SAMPLES);
            assert!(codec.conceal(Some(&payload), &mut pcm[..FRAME]) <= FRAME);
        }
    }
}
