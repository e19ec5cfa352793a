//! An encrypted leg over real sockets: its peer hears it and is heard, and nobody else is.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ringline_media::{CodecKind, Crypto, Event, PromptPlan, Rate, RtpPacket, Srtp, SrtpKey, SrtpKeys, SrtpSuite};
use ringline_media_io::{MediaCore, PlanRequest, Settings, Target};

const OURS: SrtpKey = SrtpKey { suite: SrtpSuite::Tag80, master: [1; 30] };
const THEIRS: SrtpKey = SrtpKey { suite: SrtpSuite::Tag32, master: [2; 30] };

/// For what must come at all: how soon says something of the machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "it never happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_encrypted_leg_is_heard_by_its_peer_and_hears_only_him() {
    let mut core =
        MediaCore::start(Settings { port_low: 43_200, port_high: 43_300, threads: 1, ..Settings::default() }).unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let (leg, port) = core.open().unwrap();
    let plan = PlanRequest {
        remote_host: "127.0.0.1",
        remote_port: peer.local_addr().unwrap().port(),
        codec: "PCMA",
        payload_type: 8,
        srtp: Some(SrtpKeys { local: OURS, remote: THEIRS }),
        ..PlanRequest::default()
    };
    core.configure(leg, &plan).unwrap();
    core.play(PromptPlan { rounds: 0, ..PromptPlan::new(1, Rate::Narrow) }, Target::Leg(leg));
    core.feed(1, vec![8000; 8000], true);

    let mut far = Srtp::new(&SrtpKeys { local: THEIRS, remote: OURS });
    let mut heard = 0;
    while heard < 10 {
        let mut bytes = [0; 400];
        let (length, _) = peer.recv_from(&mut bytes).unwrap();
        if (192..=223).contains(&bytes[1]) {
            continue;
        }
        assert_eq!(length, 12 + 160 + 10);
        let plain = far.unprotect(&mut bytes[..length]).expect("it is ours");
        let mut pcm = [0; 160];
        CodecKind::Pcma.build().decode(&bytes[12..plain], &mut pcm);
        heard += u32::from(pcm.iter().all(|sample| (7500..8500).contains(sample)));
        // The same plan again, as after a hold: the counters go on.
        if heard == 5 {
            core.configure(leg, &plan).unwrap();
        }
    }

    let to = SocketAddr::from(([127, 0, 0, 1], port));
    let packet = |sequence: u16| {
        let mut bytes = [0; 200];
        let payload = [0x2a; 160];
        RtpPacket {
            payload_type: 8,
            marker: false,
            sequence,
            timestamp: u32::from(sequence) * 160,
            ssrc: 5,
            payload: &payload,
        }
        .write(&mut bytes)
        .unwrap();
        bytes
    };
    for sequence in 0..5 {
        peer.send_to(&packet(sequence)[..172], to).unwrap();
    }
    std::thread::sleep(Duration::from_millis(100));
    assert!(core.poll(100).iter().all(|event| !matches!(event, Event::AudioStarted { .. })), "plain audio was taken");
    for sequence in 0..5 {
        let mut bytes = packet(sequence);
        let length = far.protect(&mut bytes, 172).unwrap();
        peer.send_to(&bytes[..length], to).unwrap();
    }
    until(|| core.poll(100).into_iter().find(|event| matches!(event, Event::AudioStarted { .. })));
    assert_eq!(until(|| core.counters(leg).map(|counters| counters.received).filter(|count| *count == 5)), 5);
    core.shutdown();
}
