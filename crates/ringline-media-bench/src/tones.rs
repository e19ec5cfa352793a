//! Tones as G.711 packets, and finding them again.

use std::f64::consts::TAU;

use ringline_media::{Codec, Pcma, FRAME};

/// Peak of one voice: loud enough (-36 dBFS) that keys are sought in it, and fifty of them together are hardly limited.
pub(crate) const PEAK: f64 = 750.0;
/// A second of packets holds whole periods of every pitch we use.
pub(crate) const SECOND: usize = 50;
/// Seconds that are listened to in the end.
pub(crate) const LISTENED: usize = 3;

/// Different voices.
pub(crate) const VOICES: usize = 50;

/// The pitch of a voice in Hz: those of one room all differ, and none is near a key's.
pub(crate) fn pitch_hz(voice: usize) -> f64 {
    300.0 + 7.0 * (voice % VOICES) as f64
}

/// One second of a tone, in packets of 20 ms.
pub(crate) fn packets(hz: f64) -> Vec<[u8; FRAME]> {
    (0..SECOND)
        .map(|packet| {
            let pcm: [i16; FRAME] = std::array::from_fn(|sample| {
                ((TAU * hz * (packet * FRAME + sample) as f64 / 8000.0).sin() * PEAK).round() as i16
            });
            let mut payload = [0; FRAME];
            Pcma.encode(&pcm, &mut payload);
            payload
        })
        .collect()
}

/// One second of samples out of received payloads.
pub(crate) fn decode(payloads: &[[u8; FRAME]]) -> Vec<i16> {
    let mut pcm = vec![0; payloads.len() * FRAME];
    for (payload, frame) in payloads.iter().zip(pcm.chunks_mut(FRAME)) {
        Pcma.decode(payload, frame);
    }
    pcm
}

/// The amplitude of a pitch in a second of samples.
pub(crate) fn amplitude(pcm: &[i16], hz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (index, sample) in pcm.iter().enumerate() {
        let angle = TAU * hz * index as f64 / 8000.0;
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    2.0 * (re * re + im * im).sqrt() / pcm.len() as f64
}
