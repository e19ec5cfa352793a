//! What each part costs for one frame of 20 ms: `cargo bench -p ringline-media`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use ringline_media::{
    CodecKind, Crypto, Decoders, Hears, JitterBuffer, Kernel, Loudest, MixPlan, Mixer, Observer, PromptPlan, Prompts,
    Rate, RtpPacket, Srtp, SrtpKey, SrtpKeys, SrtpSuite, ToneReceiver,
};

const CODECS: [(&str, CodecKind); 5] = [
    ("PCMU", CodecKind::Pcmu),
    ("PCMA", CodecKind::Pcma),
    ("G722", CodecKind::G722),
    ("opus", CodecKind::Opus),
    ("L16", CodecKind::L16(Rate::Wide)),
];

/// A second of something like a voice.
fn voice(rate: Rate) -> Vec<i16> {
    (0..rate.hz())
        .map(|n| {
            let seconds = f64::from(n) / f64::from(rate.hz());
            let pitch = std::f64::consts::TAU * (120.0 + 20.0 * (seconds * 12.0).sin());
            let buzz: f64 = (1..15).map(|k| (pitch * f64::from(k) * seconds).sin() / f64::from(k)).sum();
            (buzz * 4000.0 * (1.2 + (seconds * 20.0).sin())) as i16
        })
        .collect()
}

fn codecs(criterion: &mut Criterion) {
    for (name, kind) in CODECS {
        let (pcm, mut payload) = (voice(kind.rate()), [0; 1500]);
        let samples = kind.rate().samples();
        let mut coder = kind.build();
        let mut at = 0;
        criterion.bench_function(&format!("encode {name}"), |bencher| {
            bencher.iter(|| {
                at = (at + samples) % pcm.len();
                coder.encode(black_box(&pcm[at..at + samples]), &mut payload)
            });
        });
        let mut coder = kind.build();
        let frames = pcm.chunks_exact(samples).map(|frame| {
            let length = coder.encode(frame, &mut payload);
            payload[..length].to_vec()
        });
        let packets: Vec<Vec<u8>> = frames.collect();
        let (mut decoder, mut out, mut next) = (kind.build(), vec![0; samples], 0);
        criterion.bench_function(&format!("decode {name}"), |bencher| {
            bencher.iter(|| {
                next = (next + 1) % packets.len();
                decoder.decode(black_box(&packets[next]), &mut out)
            });
        });
    }
}

fn resampling(criterion: &mut Criterion) {
    for (from, to) in
        [(8000, 16_000), (16_000, 8000), (8000, 48_000), (48_000, 8000), (16_000, 48_000), (48_000, 16_000)]
    {
        let (mut kernel, input) = (Kernel::new(from, to), vec![1000; from as usize / 50]);
        let mut output = vec![0; to as usize / 50];
        criterion.bench_function(&format!("resample {from} to {to}"), |bencher| {
            bencher.iter(|| kernel.run(black_box(&input), &mut output));
        });
    }
}

fn jitter(criterion: &mut Criterion) {
    let (mut decoders, payload) = (Decoders::new(8, CodecKind::Pcma), [0x55; 160]);
    let mut buffer = JitterBuffer::new(Rate::Narrow, 8000, 480);
    let mut sequence = 0u32;
    criterion.bench_function("jitter buffer, one packet in and one frame out", |bencher| {
        bencher.iter(|| {
            sequence += 1;
            let timestamp = sequence.wrapping_mul(160);
            let packet = RtpPacket {
                payload_type: 8,
                marker: false,
                sequence: sequence as u16,
                timestamp,
                ssrc: 1,
                payload: &payload,
            };
            let now_us = u64::from(sequence) * 20_000;
            buffer.push(black_box(&packet), 160, now_us, None);
            buffer.pop(&mut decoders, now_us + 1000)
        });
    });
}

fn mixing(criterion: &mut Criterion) {
    for count in [2u64, 3, 50] {
        let members: Vec<u64> = (0..count).collect();
        let hears = Hears::AllBut(Vec::new());
        let plan =
            MixPlan { hears: &|_| Some(&hears), gain_db: &|_| 0.0, rate: Rate::Narrow, loudest: Loudest::default() };
        let mut sums = Vec::new();
        let mut mixer = Mixer::compile(&members, &plan, &Mixer::default());
        let (frame, mut sum) = ([1000; 160], [0; 160]);
        criterion.bench_with_input(BenchmarkId::new("mix a room of", count), &count, |bencher, count| {
            bencher.iter(|| {
                mixer.run(true, &mut sums, |_| Some(black_box(&frame[..])));
                (0..*count as usize).map(|listener| mixer.heard(listener, Some(&frame), &sums, &mut sum)).sum::<usize>()
            });
        });
    }
}

fn encryption(criterion: &mut Criterion) {
    for (name, suite) in [("80", SrtpSuite::Tag80), ("32", SrtpSuite::Tag32)] {
        let key = SrtpKey { suite, master: [7; 30] };
        let keys = SrtpKeys { local: key, remote: key };
        let (mut sender, mut receiver) = (Srtp::new(&keys), Srtp::new(&keys));
        let mut sequence = 0u16;
        let mut sent = |buffer: &mut [u8]| {
            sequence = sequence.wrapping_add(1);
            let payload = [0x55; 160];
            RtpPacket { payload_type: 8, marker: false, sequence, timestamp: 0, ssrc: 1, payload: &payload }
                .write(buffer);
            sender.protect(buffer, 172)
        };
        criterion.bench_function(&format!("SRTP protect, tag of {name} bits"), |bencher| {
            let mut buffer = [0; 200];
            bencher.iter(|| sent(black_box(&mut buffer)));
        });
        criterion.bench_function(&format!("SRTP protect and unprotect, tag of {name} bits"), |bencher| {
            let mut buffer = [0; 200];
            bencher.iter(|| {
                let length = sent(&mut buffer).unwrap_or(0);
                receiver.unprotect(black_box(&mut buffer[..length]))
            });
        });
    }
}

fn listening(criterion: &mut Criterion) {
    let pcm = voice(Rate::Narrow);
    let mut at = 0;
    let mut next = move || {
        at = (at + 160) % pcm.len();
        pcm[at..at + 160].to_vec()
    };
    let (mut keys, frame) = (ToneReceiver::default(), next());
    criterion.bench_function("in-band keys", |bencher| {
        bencher.iter(|| keys.hear(Some(black_box(frame[..].try_into().expect("a frame"))), |_| ()));
    });
    let (mut observer, mut events) = (Observer::new(1), Vec::new());
    criterion.bench_function("speech, tones and levels", |bencher| {
        bencher.iter(|| {
            observer.hear(Some(black_box(&frame)), Rate::Narrow, -96.0, &mut events);
            events.clear();
        });
    });
    let mut prompts = Prompts::default();
    prompts.play(PromptPlan { rounds: 0, ..PromptPlan::new(1, Rate::Wide) });
    prompts.feed(1, vec![1000; 16_000], true);
    criterion.bench_function("a prompt of 16 kHz in a room of 8 kHz", |bencher| {
        let mut sum = [0; 160];
        bencher.iter(|| prompts.mix_into(black_box(&mut sum), |_| ()));
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for group in [codecs, resampling, jitter, mixing, encryption, listening] {
        group(&mut criterion);
    }
    criterion.final_summary();
}
