//! How a call sounds to people, estimated from loss and delay (the E-model of ITU-T G.107, in its usual short form).

use crate::codec::CodecKind;

/// What a perfect narrowband call reaches.
const BEST: f64 = 93.2;

/// How well a codec bears loss (ITU-T G.113 Appendix I: the packet-loss robustness factor, with concealment).
fn robustness(codec: CodecKind) -> f64 {
    match codec {
        CodecKind::Pcmu | CodecKind::Pcma | CodecKind::L16(_) => 25.1,
        CodecKind::G722 => 20.0,
        CodecKind::Opus => 30.0,
    }
}

/// The transmission rating, 0 to 93: `loss` as a share of the packets, `delay_ms` from mouth to ear.
pub fn rating(codec: CodecKind, loss: f64, delay_ms: f64) -> f64 {
    let percent = 100.0 * loss.clamp(0.0, 1.0);
    let from_loss = 95.0 * percent / (percent + robustness(codec));
    let delay_ms = delay_ms.clamp(0.0, 1000.0);
    let from_delay = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    (BEST - from_loss - from_delay).clamp(0.0, 100.0)
}

/// What people would say on a scale from 1 to 4.5 (ITU-T G.107 annex B).
pub fn opinion(rating: f64) -> f64 {
    let rating = rating.clamp(0.0, 100.0);
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_call_is_good_and_loss_and_delay_make_it_worse() {
        let clean = opinion(rating(CodecKind::Pcma, 0.0, 40.0));
        assert!((4.35..4.45).contains(&clean), "{clean}");
        assert!((3.9..4.4).contains(&opinion(rating(CodecKind::Pcma, 0.01, 100.0))));
        assert!(opinion(rating(CodecKind::Pcma, 0.10, 100.0)) < 3.5);
        assert!(opinion(rating(CodecKind::Pcma, 0.0, 500.0)) < 3.3);
        assert_eq!(opinion(rating(CodecKind::Pcma, 1.0, 1000.0)), 1.0);
    }

    #[test]
    fn more_loss_is_never_better() {
        let opinions: Vec<f64> =
            (0..=100).map(|percent| opinion(rating(CodecKind::Opus, f64::from(percent) / 100.0, 50.0))).collect();
        assert!(opinions.windows(2).all(|pair| pair[1] <= pair[0]));
    }
}
