//! G.711, the telephone network's codec: 8 kHz, one byte per sample (ITU-T G.711, RFC 3551 §4.5.14).

use crate::codec::Codec;

const MU_BIAS: i32 = 0x84;
const MU_CLIP: i32 = 32_635;
const MU_TO_LINEAR: [i16; 256] = table(false);
const A_TO_LINEAR: [i16; 256] = table(true);

const fn table(a_law: bool) -> [i16; 256] {
    let mut values = [0; 256];
    let mut code = 0;
    while code < 256 {
        values[code] = if a_law { expand_a(code as u8) } else { expand_mu(code as u8) };
        code += 1;
    }
    values
}

const fn expand_mu(code: u8) -> i16 {
    let code = !code;
    let exponent = ((code >> 4) & 7) as i32;
    let magnitude = (((((code & 15) as i32) << 3) + MU_BIAS) << exponent) - MU_BIAS;
    (if code & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

const fn expand_a(code: u8) -> i16 {
    let code = code ^ 0x55;
    let exponent = ((code >> 4) & 7) as i32;
    let mantissa = ((code & 15) as i32) << 4;
    let magnitude = if exponent == 0 { mantissa + 8 } else { (mantissa + 0x108) << (exponent - 1) };
    (if code & 0x80 != 0 { magnitude } else { -magnitude }) as i16
}

/// The top bit of a positive number and the four bits after it, as one number that goes on counting from one power of
/// two to the next: just what the bits of a float hold, and the processor makes many at once.
#[inline]
fn exponent_and_mantissa(magnitude: i32) -> i32 {
    ((magnitude as f32).to_bits() >> 19) as i32
}

#[inline]
fn compress_mu(sample: i16) -> u8 {
    let sample = i32::from(sample);
    let magnitude = sample.abs().min(MU_CLIP) + MU_BIAS;
    // The bias makes bit 7 the lowest possible top bit, so the exponent is 0 to 7.
    let code = exponent_and_mantissa(magnitude) - ((127 + 7) << 4);
    !(((sample >> 31) as u8 & 0x80) | code as u8)
}

#[inline]
fn compress_a(sample: i16) -> u8 {
    let sample = i32::from(sample);
    // Twelve significant bits are left: 0 to 2047. Of a negative sample the complement is coded.
    let magnitude = (sample ^ (sample >> 31)) >> 4;
    let curved = exponent_and_mantissa(magnitude) - ((127 + 3) << 4);
    let code = if magnitude < 32 { magnitude } else { curved };
    (code as u8) ^ (0xd5 ^ ((sample >> 31) as u8 & 0x80))
}

/// G.711 µ-law, `PCMU`: North America and Japan.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pcmu;

/// G.711 A-law, `PCMA`: everywhere else.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pcma;

fn expand(table: &[i16; 256], payload: &[u8], pcm: &mut [i16]) -> usize {
    for (sample, code) in pcm.iter_mut().zip(payload) {
        *sample = table[usize::from(*code)];
    }
    payload.len().min(pcm.len())
}

fn compress(law: impl Fn(i16) -> u8, pcm: &[i16], payload: &mut [u8]) -> usize {
    for (code, sample) in payload.iter_mut().zip(pcm) {
        *code = law(*sample);
    }
    pcm.len().min(payload.len())
}

impl Codec for Pcmu {
    fn samples(&self, payload: &[u8]) -> usize {
        payload.len()
    }

    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize {
        expand(&MU_TO_LINEAR, payload, pcm)
    }

    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        compress(compress_mu, pcm, payload)
    }
}

impl Codec for Pcma {
    fn samples(&self, payload: &[u8]) -> usize {
        payload.len()
    }

    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize {
        expand(&A_TO_LINEAR, payload, pcm)
    }

    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        compress(compress_a, pcm, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest and smallest values of the standard's tables, scaled to 16 bits.
    #[test]
    fn the_ends_of_the_tables_are_those_of_the_standard() {
        assert_eq!((expand_mu(0x80), expand_mu(0x00), expand_mu(0xff)), (32_124, -32_124, 0));
        assert_eq!((expand_a(0xaa), expand_a(0x2a), expand_a(0xd5), expand_a(0x55)), (32_256, -32_256, 8, -8));
        assert_eq!((compress_mu(0), compress_a(0)), (0xff, 0xd5));
        assert_eq!((compress_mu(i16::MAX), compress_mu(i16::MIN)), (0x80, 0x00));
        assert_eq!((compress_a(i16::MAX), compress_a(i16::MIN)), (0xaa, 0x2a));
    }

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        for code in 0..=255u8 {
            assert_eq!(compress_a(expand_a(code)), code);
            // µ-law has two zeros; both mean the same.
            assert_eq!(expand_mu(compress_mu(expand_mu(code))), expand_mu(code));
        }
    }

    #[test]
    fn the_error_of_any_sample_is_within_half_a_step() {
        for sample in i16::MIN..=i16::MAX {
            let value = i32::from(sample);
            let step = (value.abs() / 16).max(16) / 2 + 8;
            let a = i32::from(expand_a(compress_a(sample)));
            assert!((a - value).abs() <= step.max(512 * i32::from(value.abs() > 16_000)), "{sample} became {a}");
            let mu = i32::from(expand_mu(compress_mu(sample)));
            assert!((mu - value).abs() <= step.max(700 * i32::from(value.abs() > 16_000)), "{sample} became {mu}");
        }
    }
}
