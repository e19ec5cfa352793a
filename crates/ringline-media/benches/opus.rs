//! What Opus costs and how true it is, by complexity, rate and repair: `cargo bench -p ringline-media --bench opus`.
//!
//! A file with 16-bit mono samples at 48 kHz may be named as the speech: `… --bench opus -- speech.raw`. Times are of one
//! packet of 20 ms, in the quickest of several rounds. Truth is the distance of the spectra (in dB, over bands of speech, of frames that are not
//! silent): below 1 dB nobody hears a difference, at 4 dB everybody.

use std::time::Instant;

use opus::{Application, Bitrate, Channels, Decoder, Encoder};
use ringline_media::Kernel;

const FULL: usize = 960;
const ROUNDS: usize = 12;
/// Edges of the bands whose levels are compared, in Hz.
const BANDS: [f64; 18] = [
    100.0, 250.0, 400.0, 550.0, 700.0, 900.0, 1150.0, 1400.0, 1700.0, 2000.0, 2400.0, 2800.0, 3400.0, 4200.0, 5200.0,
    6400.0, 7600.0, 12_000.0,
];

/// Something like a voice: a buzz whose pitch, loudness and colour move, and hisses between.
fn made_up() -> Vec<i16> {
    let mut seed = 1u32;
    (0..8 * 48_000)
        .map(|n| {
            let seconds = f64::from(n) / 48_000.0;
            let pitch = std::f64::consts::TAU * (120.0 * seconds + 4.0 * (seconds * 5.0).sin());
            let colour = 900.0 + 700.0 * (seconds * 7.0).sin();
            let buzz: f64 = (1..40)
                .map(|k| {
                    let k = f64::from(k);
                    (pitch * k).sin() * (0.05 + (-((120.0 * k - colour) / 400.0).powi(2)).exp())
                })
                .sum();
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = f64::from(seed >> 16) / 65_536.0 - 0.5;
            let voiced = (seconds * 9.0).sin().max(0.0);
            (buzz * 3000.0 * voiced + hiss * 1500.0 * (1.0 - voiced) * (seconds * 2.3).sin().max(0.0)) as i16
        })
        .collect()
}

fn tone() -> Vec<i16> {
    (0..4 * 48_000).map(|n| ((f64::from(n) * 440.0 * std::f64::consts::TAU / 48_000.0).sin() * 8000.0) as i16).collect()
}

fn at_rate(pcm: &[i16], hz: u32) -> Vec<i16> {
    if hz == 48_000 {
        return pcm.to_vec();
    }
    let mut kernel = Kernel::new(48_000, hz);
    let mut out = Vec::new();
    for frame in pcm.chunks_exact(FULL) {
        let start = out.len();
        out.resize(start + hz as usize / 50, 0);
        kernel.run(frame, &mut out[start..]);
    }
    out
}

struct Case {
    complexity: i32,
    hz: u32,
    bits: i32,
    loss: Option<i32>,
    transform: bool,
}

fn encoder(case: &Case) -> Encoder {
    let mut coder = Encoder::new(case.hz, Channels::Mono, Application::Voip).expect("an encoder");
    coder.set_bitrate(Bitrate::Bits(case.bits)).expect("a bit rate");
    coder.set_complexity(case.complexity).expect("a complexity");
    if case.transform {
        coder.set_signal(opus::Signal::Music).expect("a kind of sound");
    }
    if let Some(loss) = case.loss {
        coder.set_inband_fec(true).expect("repair");
        coder.set_packet_loss_perc(loss).expect("a loss");
    }
    coder
}

fn encode(case: &Case, pcm: &[i16]) -> (Vec<Vec<u8>>, f64) {
    let frame = case.hz as usize / 50;
    let (mut packets, mut best) = (Vec::new(), f64::MAX);
    for _ in 0..ROUNDS {
        let mut coder = encoder(case);
        packets.clear();
        let begun = Instant::now();
        for frame in pcm.chunks_exact(frame) {
            let mut payload = [0; 1400];
            let length = coder.encode(frame, &mut payload).expect("a packet");
            packets.push(payload[..length].to_vec());
        }
        best = best.min(begun.elapsed().as_secs_f64() * 1e6 / packets.len() as f64);
    }
    (packets, best)
}

fn decode(packets: &[Vec<u8>], hz: u32) -> (Vec<i16>, f64) {
    let frame = hz as usize / 50;
    let (mut pcm, mut best) = (Vec::new(), f64::MAX);
    for _ in 0..ROUNDS {
        let mut decoder = Decoder::new(hz, Channels::Mono).expect("a decoder");
        pcm = vec![0; packets.len() * frame];
        let begun = Instant::now();
        for (packet, out) in packets.iter().zip(pcm.chunks_exact_mut(frame)) {
            decoder.decode(packet, out, false).expect("audio");
        }
        best = best.min(begun.elapsed().as_secs_f64() * 1e6 / packets.len() as f64);
    }
    (pcm, best)
}

/// Levels of the bands below half the rate, in dB, of a frame of 40 ms under a window.
fn levels(frame: &[i16], hz: u32) -> Vec<f64> {
    let count = frame.len();
    let shaped: Vec<f64> = frame
        .iter()
        .enumerate()
        .map(|(n, sample)| f64::from(*sample) * (0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / count as f64).cos()))
        .collect();
    let bins = |from: f64, to: f64| {
        let width = f64::from(hz) / count as f64;
        ((from / width).ceil() as usize..(to / width).ceil() as usize).step_by(2)
    };
    BANDS
        .windows(2)
        .filter(|edges| edges[1] <= f64::from(hz) * 0.48)
        .map(|edges| {
            let power: f64 = bins(edges[0], edges[1])
                .map(|bin| {
                    let turn = 2.0 * (std::f64::consts::TAU * bin as f64 / count as f64).cos();
                    let (mut a, mut b) = (0.0, 0.0);
                    for value in &shaped {
                        (a, b) = (value + turn * a - b, a);
                    }
                    a * a + b * b - turn * a * b
                })
                .sum();
            10.0 * (power / (count * count) as f64 + 1.0).log10()
        })
        .collect()
}

/// By how many samples what was decoded is late.
fn lag(original: &[i16], decoded: &[i16], hz: u32) -> usize {
    let (from, length) = (hz as usize / 2, hz as usize);
    let product = |lag: usize| -> f64 {
        (from..from + length).step_by(3).map(|n| f64::from(original[n]) * f64::from(decoded[n + lag])).sum()
    };
    (0..hz as usize / 50).max_by(|a, b| product(*a).total_cmp(&product(*b))).unwrap_or(0)
}

/// The distance of the spectra and the ratio of signal and error, both in dB.
fn truth(original: &[i16], decoded: &[i16], hz: u32) -> (f64, f64) {
    let lag = lag(original, decoded, hz);
    let frame = hz as usize / 25;
    let (mut sum, mut count, mut ratios, mut ratio_count) = (0.0, 0, 0.0, 0);
    for (a, b) in original.chunks_exact(frame).zip(decoded[lag..].chunks_exact(frame)).skip(5) {
        let energy: f64 = a.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        if energy / (frame as f64) < 200.0 * 200.0 {
            continue;
        }
        let error: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        ratios += (10.0 * (energy / error.max(1.0)).log10()).clamp(-10.0, 40.0);
        ratio_count += 1;
        let (a, b) = (levels(a, hz), levels(b, hz));
        let loudest = a.iter().copied().fold(0.0, f64::max);
        for (a, b) in a.iter().zip(&b).filter(|(a, _)| **a > loudest - 45.0) {
            sum += (a - b).powi(2);
            count += 1;
        }
    }
    ((sum / f64::from(count.max(1))).sqrt(), ratios / f64::from(ratio_count.max(1)))
}

/// What is measured: samples per second, bits per second, complexity, by the transform or by the model of a voice, and
/// what the far end loses.
const CASES: [(u32, i32, i32, bool, Option<i32>); 11] = [
    (48_000, 40_000, 0, true, None),
    (48_000, 40_000, 2, true, None),
    (48_000, 40_000, 5, true, None),
    (48_000, 48_000, 0, true, None),
    (48_000, 40_000, 0, false, None),
    (48_000, 40_000, 2, false, None),
    (48_000, 40_000, 5, false, None),
    (48_000, 48_000, 1, false, Some(5)),
    (48_000, 40_000, 5, false, Some(5)),
    (16_000, 32_000, 0, true, None),
    (16_000, 32_000, 0, false, None),
];

fn main() {
    let file = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let speech: Option<Vec<i16>> = file.map(|file| {
        let bytes = std::fs::read(file).expect("a file of samples");
        bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    });
    println!(
        "{:10}{:>7}{:>7}{:>8}{:>11}{:>6}{:>11}{:>11}{:>7}{:>14}{:>9}",
        "sound", "Hz", "bits", "compl.", "way", "loss", "encode, us", "decode, us", "bytes", "spectrum, dB", "SNR, dB"
    );
    let mut sounds = vec![("made up", made_up()), ("tone", tone()), ("silence", vec![0; 96_000])];
    sounds.extend(speech.map(|pcm| ("speech", pcm)));
    for (name, pcm) in &sounds {
        for (hz, bits, complexity, transform, loss) in CASES {
            let original = at_rate(&pcm[..pcm.len().min(4 * 48_000)], hz);
            let case = Case { complexity, hz, bits, loss, transform };
            let (packets, coding) = encode(&case, &original);
            let (decoded, decoding) = decode(&packets, hz);
            let (spectrum, ratio) = truth(&original, &decoded, hz);
            let bytes = packets.iter().map(Vec::len).sum::<usize>() / packets.len();
            let (way, loss) = (if transform { "transform" } else { "voice" }, loss.unwrap_or(0));
            println!(
                "{name:10}{hz:>7}{bits:>7}{complexity:>8}{way:>11}{loss:>6}{coding:>11.1}{decoding:>11.1}{bytes:>7}\
                 {spectrum:>14.2}{ratio:>9.1}"
            );
        }
    }
}
