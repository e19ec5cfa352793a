//! From handing packets on to decoding them, and back.

use super::*;
use crate::testing::{share_at, sine_at};

/// A sender of 20 ms packets and a buffer whose packets are handed on whenever they can be.
struct Bridge {
    kind: CodecKind,
    coder: Box<dyn crate::codec::Codec>,
    buffer: JitterBuffer,
    decoders: Decoders,
    tick: u64,
}

impl Bridge {
    fn new(kind: CodecKind) -> Self {
        Bridge {
            kind,
            coder: kind.build(),
            buffer: JitterBuffer::new(kind.rate(), kind.clock_hz(), 1275),
            decoders: Decoders::new(96, kind),
            tick: 0,
        }
    }

    /// The next packet comes, unless it is lost; and a frame is due.
    fn frame(&mut self, pcm: &[i16], lost: bool, pass: bool) -> Option<Vec<i16>> {
        let mut payload = [0; 1275];
        let length = self.coder.encode(pcm, &mut payload);
        let timestamp = (self.tick * u64::from(self.kind.clock_hz()) / 50) as u32;
        let payload = &payload[..length];
        let packet = RtpPacket { payload_type: 96, marker: false, sequence: 0, timestamp, ssrc: 1, payload };
        let (arrival_us, now_us) = (self.tick * 20_000, self.tick * 20_000 + 9000);
        self.tick += 1;
        if !lost {
            self.buffer.push(&packet, pcm.len(), arrival_us, None);
        }
        if pass && self.buffer.can_forward(20) {
            assert_eq!(self.buffer.forward(now_us, |_| ()), pcm.len());
            return None;
        }
        match self.buffer.pop(&mut self.decoders, now_us) {
            Popped::Silence => Some(vec![0; pcm.len()]),
            _ => Some(self.buffer.frame().to_vec()),
        }
    }
}

const ALL: [CodecKind; 4] = [CodecKind::Pcma, CodecKind::G722, CodecKind::Opus, CodecKind::L16(Rate::Wide)];

/// Half a second of one pitch, then of another that is handed on.
fn two_pitches(bridge: &mut Bridge) -> Vec<i16> {
    let (rate, frame) = (bridge.kind.rate(), bridge.kind.rate().samples());
    let low = sine_at(rate, 300.0, 25 * frame, 8000.0);
    let high = sine_at(rate, 850.0, 60 * frame, 8000.0);
    for frame in low.chunks(frame) {
        bridge.frame(frame, false, false);
    }
    for (number, pcm) in high.chunks(frame).take(50).enumerate() {
        assert!(bridge.frame(pcm, false, true).is_none() || number == 0, "{:?}", bridge.kind);
    }
    high[50 * frame..].to_vec()
}

#[test]
fn what_is_lost_while_packets_are_handed_on_is_made_up_from_them_and_not_from_long_ago() {
    for kind in ALL {
        let (mut bridge, rate) = (Bridge::new(kind), kind.rate());
        let coming = two_pitches(&mut bridge);
        let mut frames = coming.chunks(rate.samples());
        let made_up = bridge.frame(frames.next().unwrap(), true, true).expect("nothing is there to be handed on");
        assert!(share_at(rate, &made_up, 850.0) > 0.85, "{kind:?}: {}", share_at(rate, &made_up, 850.0));
        assert!(share_at(rate, &made_up, 300.0) < 0.05, "{kind:?}: {}", share_at(rate, &made_up, 300.0));
        let after = bridge.frame(frames.next().unwrap(), false, true).expect("it is led into from what was made up");
        assert!(share_at(rate, &after, 850.0) > 0.85, "{kind:?}");
        assert!(bridge.frame(frames.next().unwrap(), false, true).is_none(), "{kind:?}");
    }
}

#[test]
fn the_first_frame_decoded_after_packets_were_handed_on_is_clean() {
    for kind in ALL {
        let (mut passed, mut mixed) = (Bridge::new(kind), Bridge::new(kind));
        let (rate, frame) = (kind.rate(), kind.rate().samples());
        let coming = two_pitches(&mut passed);
        let low = sine_at(rate, 300.0, 25 * frame, 8000.0);
        let high = sine_at(rate, 850.0, 50 * frame, 8000.0);
        for pcm in low.chunks(frame).chain(high.chunks(frame)) {
            mixed.frame(pcm, false, false);
        }
        for (number, pcm) in coming.chunks(frame).enumerate() {
            let (ours, always) = (passed.frame(pcm, false, false).unwrap(), mixed.frame(pcm, false, false).unwrap());
            let wrong: f64 = ours.iter().zip(&always).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
            let whole: f64 = always.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            assert!(wrong < whole / 1000.0, "{kind:?}, frame {number}: {:.1} dB", 10.0 * (wrong / whole).log10());
        }
    }
}
