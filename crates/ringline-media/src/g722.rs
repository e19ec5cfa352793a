//! G.722 at 64 kbit/s: 7 kHz of speech in the space of G.711 (ITU-T G.722, RFC 3551 §4.5.2).
//!
//! Two sub-bands, each coded by adaptive differential PCM: 6 bits a sample for the lower, 2 for the upper. The names of
//! the steps (LOGSCL, UPPOL2, …) are those of the recommendation, whose integer arithmetic is followed to the bit.

use crate::codec::Codec;
use crate::frame::Rate;

/// Taps of each half of the quadrature mirror filter.
const TAPS: usize = 12;
const QMF: [i32; TAPS] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

const Q6: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
const ILN: [u8; 31] = [
    0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
];
const ILP: [u8; 31] = [
    0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34,
    33, 32,
];
const WL: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];
const RL42: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
const QM4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
const IHN: [u8; 3] = [0, 1, 0];
const IHP: [u8; 3] = [0, 3, 2];
const WH: [i32; 3] = [0, -214, 798];
const RH2: [usize; 4] = [2, 1, 2, 1];

#[inline]
fn saturate(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// The predictor and the step size of one sub-band; coder and decoder keep the same.
#[derive(Debug, Clone, Copy, Default)]
struct Band {
    s: i32,
    sz: i32,
    /// Partly reconstructed signal, newest first.
    p: [i32; 2],
    /// Reconstructed signal, newest first.
    r: [i32; 2],
    /// Pole coefficients.
    a: [i32; 2],
    /// Zero coefficients.
    b: [i32; 6],
    /// Quantised differences, newest first.
    d: [i32; 6],
    /// Logarithmic and linear step size.
    nb: i32,
    det: i32,
}

impl Band {
    /// LOGSCL, SCALEL, LOGSCH and SCALEH: the next step size.
    fn scale(&mut self, weight: i32, limit: i32, shift: i32) {
        self.nb = (((self.nb * 127) >> 7) + weight).clamp(0, limit);
        let mantissa = ILB[((self.nb >> 6) & 31) as usize];
        let exponent = shift - (self.nb >> 11);
        self.det = if exponent < 0 { mantissa << -exponent } else { mantissa >> exponent } << 2;
    }

    /// Block 4: take a quantised difference, adapt, predict the next sample.
    fn adapt(&mut self, d: i32) {
        let r = saturate(self.s + d); // RECONS
        let p = saturate(self.sz + d); // PARREC
        let like = |other: i32| (p < 0) == (other < 0);

        // UPPOL2, UPPOL1
        let scaled = saturate(self.a[0] << 2);
        let turned = if like(self.p[0]) { -scaled } else { scaled }.min(32_767);
        let second = if like(self.p[1]) { 128 } else { -128 } + (turned >> 7) + ((self.a[1] * 32_512) >> 15);
        let second = second.clamp(-12_288, 12_288);
        let first = saturate(if like(self.p[0]) { 192 } else { -192 } + ((self.a[0] * 32_640) >> 15));
        let bound = saturate(15_360 - second);
        self.a = [first.clamp(-bound, bound), second];

        // UPZERO
        let step = if d == 0 { 0 } else { 128 };
        for (b, old) in self.b.iter_mut().zip(&self.d) {
            let change = if (*old < 0) == (d < 0) { step } else { -step };
            *b = saturate(change + ((*b * 32_640) >> 15));
        }

        // DELAYA
        self.d.copy_within(0..5, 1);
        self.d[0] = d;
        self.r = [r, self.r[0]];
        self.p = [p, self.p[0]];

        // FILTEP, FILTEZ, PREDIC
        let pole = |index: usize| (self.a[index] * saturate(2 * self.r[index])) >> 15;
        let sp = saturate(pole(0) + pole(1));
        let zeros = self.b.iter().zip(&self.d).map(|(b, d)| (b * saturate(2 * d)) >> 15);
        self.sz = saturate(zeros.sum());
        self.s = saturate(sp + self.sz);
    }
}

/// One direction's state: both bands and the memory of the filter.
#[derive(Debug, Clone, Copy)]
struct Half {
    low: Band,
    high: Band,
    /// Sample pairs, newest last.
    x: [[i32; 2]; TAPS],
}

impl Default for Half {
    fn default() -> Self {
        Half { low: Band { det: 32, ..Band::default() }, high: Band { det: 8, ..Band::default() }, x: [[0; 2]; TAPS] }
    }
}

impl Half {
    /// The two sums of the mirror filter after a new pair of samples.
    #[inline]
    fn filter(&mut self, pair: [i32; 2]) -> (i32, i32) {
        self.x.copy_within(1.., 0);
        self.x[TAPS - 1] = pair;
        let (mut first, mut second) = (0, 0);
        for (tap, [odd, even]) in self.x.iter().enumerate() {
            first += odd * QMF[tap];
            second += even * QMF[TAPS - 1 - tap];
        }
        (first, second)
    }

    fn encode(&mut self, pair: [i32; 2]) -> u8 {
        let (odd, even) = self.filter(pair);
        self.encode_bands((even + odd) >> 14, (even - odd) >> 14)
    }

    /// What the filter has split, each at most 15 bits: here the recommendation's digital test sequences go in.
    fn encode_bands(&mut self, xlow: i32, xhigh: i32) -> u8 {
        let el = saturate(xlow - self.low.s); // SUBTRA
        let size = if el >= 0 { el } else { -(el + 1) };
        let det = self.low.det;
        let level = Q6[1..].iter().position(|threshold| size < (threshold * det) >> 12).map_or(30, |at| at + 1);
        let ilow = if el < 0 { ILN[level] } else { ILP[level] }; // QUANTL
        self.adapt_low(ilow);

        let eh = saturate(xhigh - self.high.s);
        let size = if eh >= 0 { eh } else { -(eh + 1) };
        let level = if size >= (564 * self.high.det) >> 12 { 2 } else { 1 };
        let ihigh = if eh < 0 { IHN[level] } else { IHP[level] }; // QUANTH
        self.adapt_high(ihigh);
        ihigh << 6 | ilow
    }

    fn decode(&mut self, code: u8) -> [i32; 2] {
        let (low, high) = self.decode_bands(code);
        let (second, first) = self.filter([low + high, low - high]);
        [saturate(first >> 11), saturate(second >> 11)]
    }

    /// Both bands before the filter puts them together: here the recommendation's digital test sequences come out.
    fn decode_bands(&mut self, code: u8) -> (i32, i32) {
        let (ilow, ihigh) = (code & 63, code >> 6);
        let low = self.low.s + ((self.low.det * QM6[usize::from(ilow)]) >> 15); // INVQBL, RECONS
        let high = self.high.s + ((self.high.det * QM2[usize::from(ihigh)]) >> 15);
        let (low, high) = (low.clamp(-16_384, 16_383), high.clamp(-16_384, 16_383)); // LIMIT
        self.adapt_low(ilow);
        self.adapt_high(ihigh);
        (low, high)
    }

    /// INVQAL and what follows from it, alike in coder and decoder. The lowest two bits do not take part.
    fn adapt_low(&mut self, ilow: u8) {
        let code = usize::from(ilow >> 2);
        let d = (self.low.det * QM4[code]) >> 15;
        self.low.scale(WL[RL42[code]], 18_432, 8);
        self.low.adapt(d);
    }

    fn adapt_high(&mut self, ihigh: u8) {
        let d = (self.high.det * QM2[usize::from(ihigh)]) >> 15;
        self.high.scale(WH[RH2[usize::from(ihigh)]], 22_528, 10);
        self.high.adapt(d);
    }
}

/// G.722: one byte holds two samples at 16 kHz. Its RTP clock is 8000 Hz all the same (RFC 3551 §4.5.2).
#[derive(Debug, Clone, Copy, Default)]
pub struct G722 {
    coder: Half,
    decoder: Half,
}

impl Codec for G722 {
    fn rate(&self) -> Rate {
        Rate::Wide
    }

    fn clock_hz(&self) -> u32 {
        8000
    }

    fn samples(&self, payload: &[u8]) -> usize {
        payload.len() * 2
    }

    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize {
        let pairs = payload.len().min(pcm.len() / 2);
        for (code, out) in payload.iter().zip(pcm.chunks_exact_mut(2)) {
            let [first, second] = self.decoder.decode(*code);
            out[0] = first as i16;
            out[1] = second as i16;
        }
        pairs * 2
    }

    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        let pairs = payload.len().min(pcm.len() / 2);
        for (code, pair) in payload.iter_mut().zip(pcm.chunks_exact(2)) {
            *code = self.coder.encode([i32::from(pair[0]), i32::from(pair[1])]);
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{digest, Noise};

    fn bytes(pcm: &[i16]) -> Vec<u8> {
        pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    /// The digests are those of libavcodec's coder and decoder for the same input.
    #[test]
    fn it_is_another_implementation_to_the_bit() {
        for (shift, coded, decoded) in [
            (0, 0x2627_c511_de4c_0f9d, 0x040f_db4a_10f0_dcaf),
            (3, 0x7b24_9653_8ed5_13fd, 0xd015_a4bd_d124_3922),
            (7, 0xd262_59da_f14b_ce92, 0xbb95_e9bb_02ab_d62b),
        ] {
            let (mut noise, mut codec) = (Noise::new(722), G722::default());
            let pcm: Vec<i16> = (0..32_000).map(|_| noise.next() as i16 >> shift).collect();
            let (mut payload, mut out) = ([0; 16_000], [0; 32_000]);
            assert_eq!(codec.encode(&pcm, &mut payload), 16_000);
            assert_eq!(digest(&payload), coded, "coded, {shift} bits down");
            assert_eq!(codec.decode(&payload, &mut out), 32_000);
            assert_eq!(digest(&bytes(&out)), decoded, "decoded, {shift} bits down");
        }
    }

    #[test]
    fn any_bits_are_decoded_as_another_implementation_does() {
        let (mut noise, mut codec) = (Noise::new(723), G722::default());
        let payload: Vec<u8> = (0..16_000).map(|_| noise.next() as u8).collect();
        let mut out = [0; 32_000];
        codec.decode(&payload, &mut out);
        assert_eq!(digest(&bytes(&out)), 0x24fb_fabb_3e64_db2d);
    }

    /// Appendix II of the recommendation, the sequence that table II-3 prints for the coders: as loud as can be, so that
    /// everything overflows that can. It goes in behind the filter. The digests here are those of libg722, the codec of spandsp,
    /// whose own tests are the files of the recommendation's disks.
    #[test]
    fn the_recommendations_loudest_sequence_is_coded_as_another_implementation_does() {
        let mut coder = Half::default();
        let steps = [[-16_384, 16_383].repeat(320)[..639].to_vec(), vec![0, -10_000, -8192]];
        let sequence = [steps.concat(), [-16_384, 16_383, -16_384].repeat(42)].concat();
        let coded: Vec<u8> = sequence.iter().map(|x| coder.encode_bands(*x, *x)).collect();
        assert_eq!(coded[..12], [4, 160, 4, 160, 4, 160, 4, 160, 4, 160, 5, 161]);
        assert_eq!((coded.len(), digest(&coded)), (768, 0xd525_ad28_cad5_30ce));
    }

    /// The codes of clause II.3.2, which lead the decoders through all their step sizes and through the codes that no coder
    /// sends. What comes out before the filter is compared.
    #[test]
    fn the_recommendations_artificial_codes_are_decoded_as_another_implementation_does() {
        let mut decoder = Half::default();
        let heard: Vec<i16> = (0..16_384)
            .flat_map(|at| {
                let (low, high) = decoder.decode_bands(artificial_code(at));
                [low as i16, high as i16]
            })
            .collect();
        assert_eq!(digest(&bytes(&heard)), 0x243b_02c7_940c_b2cd);
    }

    /// The sign bits of both bands are alike: eight patterns, each for 2048 values.
    fn artificial_code(at: usize) -> u8 {
        const SIGNS: [&[u8]; 8] = [b"001", b"11110000", b"1", b"1100", b"10", b"00000100", b"00101", b"11000"];
        const HIGH_RUNS: [usize; 8] = [0, 16, 0, 8, 0, 4, 0, 2];
        const HIGH_CONSTANT: [u8; 8] = [1, 0, 0, 0, 0, 0, 1, 0];
        let (part, place) = (at / 2048, at % 2048);
        let sign = SIGNS[part][place % SIGNS[part].len()] - b'0';
        let high = match HIGH_RUNS[part] {
            0 => HIGH_CONSTANT[part],
            run => 1 - (place / run % 2) as u8,
        };
        // Table II-4: 31, 31 and 30 in runs of 16, 30, 30 and 29, down to 0 and last 0 and 3; each for 256 values.
        let (row, second) = (at / 256, at / 16 % 2);
        let low = match row {
            63 => 3 * second,
            row => 31 - row / 2 - row % 2 * second,
        };
        sign << 7 | high << 6 | sign << 5 | low as u8
    }

    #[test]
    fn an_odd_sample_at_the_end_waits_for_nobody() {
        let (mut codec, mut payload) = (G722::default(), [0; 8]);
        assert_eq!(codec.encode(&[1, 2, 3], &mut payload), 1);
        assert_eq!(codec.decode(&payload, &mut [0; 5]), 4);
    }
}
