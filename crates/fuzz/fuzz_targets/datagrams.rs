//! A leg takes any sequence of datagrams, from any of a few sources, at any time.
//!
//! The input is a list of records: source, milliseconds passed, length, bytes.

#![no_main]

use std::net::SocketAddr;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use ringline_media::{CodecKind, Leg, LegPlan, LegStats, Mixed, StreamSeed, FRAME};

fuzz_target!(|data: &[u8]| {
    let seed = StreamSeed { ssrc: 1, sequence: 65_530, timestamp: u32::MAX - 1000 };
    let mut leg = Leg::new(1, seed, 60_000, Arc::new(LegStats::default()));
    let plan = LegPlan {
        remote: Some(SocketAddr::from(([192, 0, 2, 1], 4000))),
        codec: CodecKind::Pcma,
        payload_type: 8,
        dtmf_payload_type: Some(101),
        packet_samples: FRAME,
        send: true,
        receive: true,
    };
    leg.configure(&plan, 0);
    let (mut now_ms, mut rest) = (0, data);
    let mut events = Vec::new();
    while let [source, passed, length, after @ ..] = rest {
        now_ms += u64::from(*passed);
        let (datagram, next) = after.split_at(usize::from(*length).min(after.len()));
        let from = SocketAddr::from(([192, 0, 2, 1], 4000 + u16::from(source % 3)));
        leg.receive(datagram, from, now_ms as u32 * 8, now_ms, &mut events);
        leg.listen(now_ms, &mut events);
        leg.speak(&mut [0; FRAME], Mixed::default(), &mut events, &mut |_, _, _| ());
        assert!(events.len() <= 8, "one datagram, many events");
        events.clear();
        rest = next;
    }
});
