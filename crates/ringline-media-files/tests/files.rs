//! Files in any pieces, and what is wrong with some.

use ringline_media_files::{FileDecoder, Step};

const MP3: &[u8] = include_bytes!("../../fuzz/seeds/tone.mp3");
const VORBIS: &[u8] = include_bytes!("../../fuzz/seeds/vorbis.ogg");
const OPUS: &[u8] = include_bytes!("../../fuzz/seeds/opus.ogg");
const LINEAR: &[u8] = include_bytes!("../../fuzz/seeds/linear.wav");
const GSM: &[u8] = include_bytes!("../../fuzz/seeds/gsm.wav");

/// Decode a file fed in pieces of one size.
fn decoded(file: &[u8], piece: usize) -> Result<(u32, Vec<i16>), String> {
    let (mut decoder, mut pcm, mut pieces) = (FileDecoder::new(60), Vec::new(), file.chunks(piece));
    loop {
        match decoder.read(&mut pcm, 1000).map_err(|error| error.0)? {
            Step::Enough => {}
            Step::End => return Ok((decoder.rate_hz().unwrap_or(0), pcm)),
            Step::Hungry => match pieces.next() {
                Some(piece) => decoder.feed(piece),
                None => decoder.end(),
            },
        }
    }
}

/// The share of the energy at a pitch.
fn share(pcm: &[i16], hz: f64, rate_hz: u32) -> f64 {
    let step = std::f64::consts::TAU * hz / f64::from(rate_hz);
    let (mut cosine, mut sine, mut energy) = (0.0, 0.0, 0.0);
    for (n, sample) in pcm.iter().enumerate() {
        let value = f64::from(*sample);
        cosine += value * (n as f64 * step).cos();
        sine += value * (n as f64 * step).sin();
        energy += value * value;
    }
    2.0 * (cosine * cosine + sine * sine) / (energy * pcm.len() as f64)
}

#[test]
fn every_kind_of_file_holds_its_tone_for_its_time() {
    for (file, rate_hz, milliseconds) in
        [(MP3, 16_000, 500), (VORBIS, 16_000, 250), (OPUS, 48_000, 375), (LINEAR, 16_000, 100), (GSM, 8000, 200)]
    {
        let (rate, pcm) = decoded(file, file.len()).unwrap();
        assert_eq!(rate, rate_hz);
        let length = pcm.len() as i64 * 1000 / i64::from(rate);
        assert!((length - milliseconds).abs() < 130, "{length} ms instead of {milliseconds}");
        // The file of GSM was written at half its rate, so it sounds an octave lower.
        let hz = if rate == 8000 { 220.0 } else { 440.0 };
        assert!(share(&pcm[pcm.len() / 4..pcm.len() * 3 / 4], hz, rate) > 0.8, "{rate}");
    }
}

#[test]
fn the_pieces_make_no_difference() {
    for file in [MP3, VORBIS, OPUS, LINEAR, GSM] {
        let whole = decoded(file, file.len()).unwrap();
        for piece in [1, 7, 100, 1999] {
            assert_eq!(decoded(file, piece).unwrap(), whole);
        }
    }
}

#[test]
fn a_long_file_in_small_pieces_starves_nobody() {
    // A tag as large as a picture in front, and audio enough that reading begins long before the end.
    let mut file = b"ID3\x04\x00\x00\x00\x06\x00\x00".to_vec();
    file.extend(vec![0; 6 * 128 * 128]);
    // Without its first frame, which only tells how long the file is.
    let audio = 4 + MP3[4..].windows(2).position(|pair| pair == &MP3[..2]).unwrap();
    for _ in 0..60 {
        file.extend_from_slice(&MP3[audio..]);
    }
    let (_, whole) = decoded(&file, file.len()).unwrap();
    assert!(whole.len() > 16_000 * 25);
    assert_eq!(decoded(&file, 700).unwrap().1, whole);
}

#[test]
fn what_is_no_audio_is_refused_with_words() {
    for file in [&b""[..], b"hello, this is a web page", &LINEAR[..20], &GSM[..50]] {
        let told = decoded(file, 1000).unwrap_err();
        assert!(told.contains("no audio file"), "{told}");
    }
    let mut stereo_gsm = GSM.to_vec();
    stereo_gsm[22] = 2;
    assert!(decoded(&stereo_gsm, 1000).unwrap_err().contains("not supported"));
}

#[test]
fn a_file_that_plays_too_long_is_refused() {
    let mut decoder = FileDecoder::new(0);
    decoder.feed(LINEAR);
    decoder.end();
    assert!(decoder.read(&mut Vec::new(), 10).unwrap_err().0.contains("longer than 0 s"));
    assert_eq!(decoder.read(&mut Vec::new(), 10), Ok(Step::End));
}
