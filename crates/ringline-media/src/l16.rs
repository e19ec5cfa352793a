//! L16: linear samples as they are, in network order (RFC 3551 §4.5.11).

use crate::codec::Codec;
use crate::frame::Rate;

/// 16-bit linear samples at a rate of ours.
#[derive(Debug, Clone, Copy)]
pub struct L16(pub Rate);

impl Codec for L16 {
    fn rate(&self) -> Rate {
        self.0
    }

    fn samples(&self, payload: &[u8]) -> usize {
        payload.len() / 2
    }

    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize {
        for (sample, pair) in pcm.iter_mut().zip(payload.chunks_exact(2)) {
            *sample = i16::from_be_bytes([pair[0], pair[1]]);
        }
        self.samples(payload).min(pcm.len())
    }

    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        for (pair, sample) in payload.chunks_exact_mut(2).zip(pcm) {
            pair.copy_from_slice(&sample.to_be_bytes());
        }
        2 * pcm.len().min(payload.len() / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_in_network_order() {
        let (mut codec, mut payload, mut pcm) = (L16(Rate::Narrow), [0; 8], [0; 4]);
        assert_eq!(codec.encode(&[1, -2, 256], &mut payload), 6);
        assert_eq!(payload[..6], [0, 1, 0xff, 0xfe, 1, 0]);
        assert_eq!(codec.decode(&payload[..6], &mut pcm), 3);
        assert_eq!(pcm[..3], [1, -2, 256]);
    }

    #[test]
    fn half_a_sample_at_the_end_is_left_out() {
        let (mut codec, mut pcm) = (L16(Rate::Narrow), [0; 4]);
        assert_eq!(codec.samples(&[0, 1, 2]), 1);
        assert_eq!(codec.decode(&[0, 1, 2], &mut pcm), 1);
    }
}
