//! Opus for voice and all else (RFC 6716, RFC 7587). The work is libopus's; which of its ways is taken is decided here.
//!
//! libopus has two: one transforms the sound as it is, the other is a model of a voice, which alone can carry a copy of the
//! packet before. At our bit rate the first is nearer to the original, in speech, too, and takes a third of the time
//! (`cargo bench -p ringline-media --bench opus`). So it is the one, until the far end tells of losses.

use ::opus::{packet, Application, Bandwidth, Bitrate, Channels, Decoder, Encoder, Signal};

use crate::codec::Codec;
use crate::frame::Rate;

/// Full band.
const BITS_PER_S: i32 = 40_000;
/// The same with a copy of the packet before; below 42 000 libopus leaves one or the other out.
const BITS_PER_S_REPAIRING: i32 = 48_000;
/// Of 0 to 10. What higher ones bring at this bit rate cannot be measured; they cost two to four times as much.
const COMPLEXITY: i32 = 0;
/// Copies that are made with less are of little help.
const COMPLEXITY_REPAIRING: i32 = 1;
/// So many reports in a row without a loss (there is one in 5 s), and repairs are at an end.
const CALM_REPORTS: u32 = 6;
/// After so many packets of silence another is the same again.
const SILENT_PACKETS: u32 = 10;
/// A packet of silence has no more bytes than this.
const SILENT_BYTES: usize = 3;
/// Longest packet: 120 ms.
const MAX_SAMPLES: usize = 5760;

/// One direction of a leg's Opus, mono at 48 kHz. Coder and decoder are made when they are first used.
#[derive(Default)]
pub struct Opus {
    coder: Option<Encoder>,
    decoder: Option<Decoder>,
    /// What is coded has nothing above half this rate.
    fed_at: Option<Rate>,
    /// What the far end loses; if it is anything, each packet has a copy of the one before.
    loss_percent: u8,
    calm_reports: u32,
    silence: Silence,
}

/// A packet of silence that can be sent again as it is.
#[derive(Default)]
struct Silence {
    packets: u32,
    /// How long it is in samples, and its bytes.
    known: Option<(usize, usize, [u8; SILENT_BYTES])>,
}

impl Silence {
    /// Take what is to be coded; gives the packet if it is known.
    fn take(&mut self, pcm: &[i16]) -> Option<&[u8]> {
        if pcm.iter().any(|sample| *sample != 0) {
            *self = Silence::default();
            return None;
        }
        self.packets += 1;
        self.known.as_ref().filter(|(samples, ..)| *samples == pcm.len()).map(|(_, length, bytes)| &bytes[..*length])
    }

    /// Look at the packet that was made of it.
    fn learn(&mut self, samples: usize, payload: &[u8]) {
        if self.packets >= SILENT_PACKETS && !payload.is_empty() && payload.len() <= SILENT_BYTES {
            let mut bytes = [0; SILENT_BYTES];
            bytes[..payload.len()].copy_from_slice(payload);
            self.known = Some((samples, payload.len(), bytes));
        }
    }
}

fn open_coder() -> ::opus::Result<Encoder> {
    Encoder::new(Rate::Full.hz(), Channels::Mono, Application::Voip)
}

/// Refused only for values that there are not, and those of this module are.
fn set_for(coder: &mut Encoder, loss_percent: u8, fed_at: Option<Rate>) {
    let repairs = loss_percent > 0;
    let _ = coder.set_bitrate(Bitrate::Bits(if repairs { BITS_PER_S_REPAIRING } else { BITS_PER_S }));
    let _ = coder.set_complexity(if repairs { COMPLEXITY_REPAIRING } else { COMPLEXITY });
    let _ = coder.set_signal(if repairs { Signal::Voice } else { Signal::Music });
    let _ = coder.set_inband_fec(repairs);
    let _ = coder.set_packet_loss_perc(i32::from(loss_percent));
    let _ = coder.set_max_bandwidth(match fed_at {
        Some(Rate::Narrow) => Bandwidth::Narrowband,
        Some(Rate::Wide) => Bandwidth::Wideband,
        Some(Rate::Full) | None => Bandwidth::Fullband,
    });
}

impl Opus {
    /// The coder; none only when memory ran out.
    fn coder(&mut self) -> Option<&mut Encoder> {
        if self.coder.is_none() {
            self.coder = open_coder().ok();
            self.set();
        }
        self.coder.as_mut()
    }

    fn set(&mut self) {
        if let Some(coder) = &mut self.coder {
            set_for(coder, self.loss_percent, self.fed_at);
        }
        self.silence = Silence::default();
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
        if let Some(known) = self.silence.take(pcm) {
            if let Some(room) = payload.get_mut(..known.len()) {
                room.copy_from_slice(known);
                return known.len();
            }
        }
        let length = self.coder().map_or(0, |coder| coder.encode(pcm, payload).unwrap_or(0));
        self.silence.learn(pcm.len(), &payload[..length]);
        length
    }

    fn expect_loss(&mut self, percent: u8) {
        let before = self.loss_percent;
        if percent > 0 {
            (self.loss_percent, self.calm_reports) = (percent.min(100), 0);
        } else {
            self.calm_reports += 1;
            self.loss_percent = if self.calm_reports < CALM_REPORTS { before } else { 0 };
        }
        if self.loss_percent != before {
            self.set();
        }
    }

    fn fed_at(&mut self, rate: Rate) {
        if self.fed_at != Some(rate) {
            self.fed_at = Some(rate);
            self.set();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{share_at, sine_at, Noise};

    const FRAME: usize = Rate::Full.samples();

    fn coded(pcm: &[i16]) -> Vec<Vec<u8>> {
        coded_by(&mut Opus::default(), pcm)
    }

    fn coded_by(coder: &mut Opus, pcm: &[i16]) -> Vec<Vec<u8>> {
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
        let mut coder = Opus::default();
        coder.expect_loss(5);
        let packets = coded_by(&mut coder, &voice);
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

    fn decoded(packets: &[Vec<u8>]) -> Vec<i16> {
        let mut decoder = Opus::default();
        let decode = |packet: &Vec<u8>| {
            let mut pcm = [0; FRAME];
            assert_eq!(decoder.decode(packet, &mut pcm), FRAME);
            pcm
        };
        packets.iter().flat_map(decode).collect()
    }

    #[test]
    fn tones_of_the_whole_band_are_carried_clean() {
        for hz in [200.0, 440.0, 1000.0, 3400.0, 7000.0, 12_000.0] {
            let heard = decoded(&coded(&sine_at(Rate::Full, hz, 50 * FRAME, 8000.0)));
            let share = share_at(Rate::Full, &heard[10 * FRAME..40 * FRAME], hz);
            let least = if hz > 8000.0 { 0.99 } else { 0.999 }; // 20 and 30 dB
            assert!(share > least, "{hz} Hz: {share}");
        }
    }

    #[test]
    fn what_has_nothing_above_8_khz_gets_packets_of_that_width() {
        let mut coder = Opus::default();
        let pcm = sine_at(Rate::Full, 1000.0, 20 * FRAME, 8000.0);
        for (rate, width) in [(Rate::Full, Bandwidth::Fullband), (Rate::Wide, Bandwidth::Wideband)] {
            coder.fed_at(rate);
            let packets = coded_by(&mut coder, &pcm);
            assert_eq!(packet::get_bandwidth(&packets[19]).ok(), Some(width));
            assert!(share_at(Rate::Full, &decoded(&packets)[5 * FRAME..], 1000.0) > 0.999);
        }
    }

    #[test]
    fn repairs_begin_with_the_first_loss_and_end_when_there_was_none_for_long() {
        let voice = |packets: &[Vec<u8>]| packets[19][0] >> 3 < 16; // RFC 6716 section 3.1: the others have no model
        let pcm = sine_at(Rate::Full, 300.0, 20 * FRAME, 8000.0);
        let mut coder = Opus::default();
        coder.expect_loss(0);
        assert!(!voice(&coded_by(&mut coder, &pcm)));
        coder.expect_loss(2);
        assert!(voice(&coded_by(&mut coder, &pcm)));
        for _ in 1..CALM_REPORTS {
            coder.expect_loss(0);
        }
        assert!(voice(&coded_by(&mut coder, &pcm)));
        coder.expect_loss(0);
        assert!(!voice(&coded_by(&mut coder, &pcm)));
    }

    #[test]
    fn silence_is_coded_once_and_what_follows_it_is_heard_as_ever() {
        let tone = sine_at(Rate::Full, 1000.0, 20 * FRAME, 8000.0);
        let mut coder = Opus::default();
        let mut packets = coded_by(&mut coder, &tone);
        packets.extend(coded_by(&mut coder, &[0; 100 * FRAME]));
        assert!(coder.silence.known.is_some());
        packets.extend(coded_by(&mut coder, &tone));
        let heard = decoded(&packets);
        let (before, rest) = heard.split_at(20 * FRAME);
        let (still, after) = rest.split_at(100 * FRAME);
        assert!(share_at(Rate::Full, &before[5 * FRAME..], 1000.0) > 0.999);
        assert!(still[5 * FRAME..].iter().all(|sample| sample.abs() <= 2));
        assert!(share_at(Rate::Full, &after[FRAME..], 1000.0) > 0.99);
        let level = |pcm: &[i16]| pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
        let ratio = level(&after[FRAME..]) / level(&before[FRAME..]);
        assert!((0.95..1.05).contains(&ratio), "{ratio}");
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
