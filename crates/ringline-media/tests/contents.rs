//! Music, noise and speech are told from each other, whatever kind of each.

use std::f64::consts::{PI, TAU};

use ringline_media::{Content, Event, Observer, Rate, FRAME};

const HZ: usize = 8000;
const SECONDS: usize = 20;
/// Two seconds are looked at together: the first of them belong to nothing.
const SETTLED: usize = 2;

/// Repeatable noise between -1 and 1 (xorshift64*).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f64 / f64::from(1 << 23) - 1.0
    }
}

/// A note's sample at a moment: so many harmonics, each weaker than the one before.
fn note(hz: f64, seconds: f64, harmonics: usize, softer: f64) -> f64 {
    (1..=harmonics)
        .filter(|nth| hz * (*nth as f64) < 3600.0)
        .map(|nth| (TAU * hz * nth as f64 * seconds).sin() * softer.powi(nth as i32 - 1))
        .sum()
}

/// Half tones above the A of 220 Hz.
fn pitch(half_tones: i32) -> f64 {
    220.0 * 2f64.powf(f64::from(half_tones) / 12.0)
}

const CHORDS: [[i32; 3]; 4] = [[0, 4, 7], [-3, 0, 4], [5, 9, 12], [-5, -1, 2]];
const MELODY: [i32; 8] = [0, 2, 4, 7, 9, 7, 4, 2];

fn chord(number: usize, seconds: f64, harmonics: usize, softer: f64) -> f64 {
    CHORDS[number % 4].iter().map(|half| note(pitch(*half), seconds, harmonics, softer)).sum()
}

/// Whatever is made of a moment in seconds, as samples with this peak or so.
fn made(peak: f64, mut sample: impl FnMut(f64) -> f64) -> Vec<i16> {
    (0..SECONDS * HZ).map(|at| (sample(at as f64 / HZ as f64) * peak).clamp(-32_767.0, 32_767.0) as i16).collect()
}

fn music() -> Vec<(&'static str, Vec<i16>)> {
    let mut drums = Noise(5);
    vec![
        (
            "a piano",
            made(2500.0, |at| chord((at * 2.0) as usize, at, 6, 0.5) * (-3.0 * (at * 2.0).fract() / 2.0).exp()),
        ),
        ("an organ", made(1500.0, |at| chord((at / 2.0) as usize, at, 8, 0.7))),
        (
            "strings",
            made(1500.0, |at| {
                let vibrato = at + 0.000_4 * (TAU * 5.5 * at).sin();
                let swell = 0.7 + 0.3 * (TAU * 0.25 * at).sin();
                chord((at / 2.0) as usize, vibrato, 8, 0.75) * swell
            }),
        ),
        (
            "a flute",
            made(5000.0, |at| {
                let breath = 0.8 + 0.2 * (PI * (at * 3.0).fract()).sin();
                note(2.0 * pitch(MELODY[(at * 3.0) as usize % 8]), at, 3, 0.3) * breath
            }),
        ),
        (
            "a band",
            made(1500.0, |at| {
                let bass = note(pitch(CHORDS[(at / 2.0) as usize % 4][0] - 12), at, 5, 0.6);
                let hit = if (at * 4.0) as usize % 2 == 1 { (-20.0 * (at * 4.0).fract() / 4.0).exp() } else { 0.0 };
                let strum = 0.5 + 0.5 * (-4.0 * (at * 4.0).fract() / 4.0).exp();
                bass + chord((at / 2.0) as usize, at, 6, 0.6) * strum + 2.0 * drums.next() * hit
            }),
        ),
    ]
}

fn noises() -> Vec<(&'static str, Vec<i16>)> {
    let mut chance = Noise(9);
    let (mut low, mut lower, mut brown) = (0.0, 0.0, 0.0);
    let mut pink = [0.0; 3];
    let mut pink_sample = move |white: f64| {
        for (state, (keep, take)) in pink.iter_mut().zip([(0.997, 0.029), (0.963, 0.11), (0.57, 0.39)]) {
            *state = *state * keep + white * take;
        }
        pink.iter().sum::<f64>() + white * 0.07
    };
    let mut white = |_| chance.next();
    let mut other = Noise(77);
    let mut next = move || other.next();
    let hiss = made(3000.0, &mut white);
    let rush = made(4000.0, |at| pink_sample(white(at)));
    vec![
        ("hiss", hiss),
        (
            "rumble",
            made(40_000.0, |_| {
                low += 0.15 * (next() - low);
                lower += 0.15 * (low - lower);
                lower * 0.5
            }),
        ),
        (
            "wind",
            made(9000.0, |at| {
                brown = 0.98 * brown + 0.1 * white(at);
                brown * (1.0 + 0.35 * (TAU * 0.3 * at).sin() + 0.2 * (TAU * 0.71 * at).sin())
            }),
        ),
        (
            "a street",
            rush.iter()
                .enumerate()
                .map(|(at, sample)| {
                    (f64::from(*sample) * (1.0 + 0.5 * (TAU * 0.2 * at as f64 / HZ as f64).sin())) as i16
                })
                .collect(),
        ),
        (
            "a fan",
            rush.iter().zip(made(250.0, |at| note(100.0, at, 3, 0.5))).map(|(a, b)| a.saturating_add(b)).collect(),
        ),
    ]
}

/// Syllables of voices, each of its own pitch and loudness, with unvoiced beginnings and pauses between words.
fn speech() -> Vec<i16> {
    let mut breath = Noise(21);
    made(9000.0, |at| {
        let (syllable, inside) = ((at * 5.0) as usize, (at * 5.0).fract());
        if syllable % 6 == 5 {
            return 0.0;
        }
        let hz = 110.0 + 12.0 * ((syllable * 7) % 5) as f64 - 15.0 * inside;
        let loud = 0.3 + 0.7 * ((syllable * 5) % 7) as f64 / 6.0;
        let swell = (PI * inside).sin().powi(2);
        if inside < 0.2 {
            return 0.2 * breath.next() * loud;
        }
        note(hz, at, 12, 0.8) / 4.0 * swell * loud
    })
}

/// What it is taken for, second by second.
fn judged(pcm: &[i16]) -> Vec<Content> {
    let (mut observer, mut events) = (Observer::new(1), Vec::new());
    pcm.chunks_exact(FRAME).for_each(|frame| observer.hear(Some(frame), Rate::Narrow, -96.0, &mut events));
    let told = events.iter().filter_map(|event| match event {
        Event::Levels { content, .. } => Some(*content),
        _ => None,
    });
    told.skip(SETTLED).collect()
}

fn share(pcm: &[i16], wanted: Content) -> f64 {
    let judged = judged(pcm);
    judged.iter().filter(|content| **content == wanted).count() as f64 / judged.len() as f64
}

#[test]
fn music_is_music_and_noise_is_noise() {
    let music = music().into_iter().map(|(name, pcm)| (name, Content::Music, pcm));
    let noises = noises().into_iter().map(|(name, pcm)| (name, Content::Noise, pcm));
    let mut wrong = Vec::new();
    for (name, wanted, pcm) in music.chain(noises).chain([("speech", Content::Speech, speech())]) {
        let right = share(&pcm, wanted);
        println!("{name}: {:.0} % {wanted:?}", 100.0 * right);
        if right < 0.9 {
            wrong.push((name, judged(&pcm)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
