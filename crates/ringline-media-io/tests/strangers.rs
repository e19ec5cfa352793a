//! A leg's port on a real network, and others who send to it.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ringline_media::{LegCounters, RtpPacket, FRAME};
use ringline_media_io::{MediaCore, PlanRequest, Settings};

const CALL: Duration = Duration::from_secs(4);
/// 1,000 a second.
const BETWEEN_STRAYS: Duration = Duration::from_millis(1);

fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let payload = [0x2a; FRAME];
    let timestamp = u32::from(sequence) * FRAME as u32;
    let packet = RtpPacket { payload_type: 8, marker: false, sequence, timestamp, ssrc, payload: &payload };
    let mut bytes = vec![0; 12 + FRAME];
    packet.write(&mut bytes).unwrap();
    bytes
}

/// A call of some seconds whose caller sends a packet every 20 ms; gives what the leg counted, and how many were sent.
fn call(
    core: &mut MediaCore,
    caller: &UdpSocket,
    meanwhile: impl FnOnce(u16, &AtomicBool) + Send,
) -> (LegCounters, u64) {
    let (leg, port) = core.open().unwrap();
    let remote_port = caller.local_addr().unwrap().port();
    let plan = PlanRequest {
        remote_host: "127.0.0.1",
        remote_port,
        codec: "PCMA",
        payload_type: 8,
        dtmf_payload_type: Some(101),
        ..PlanRequest::default()
    };
    core.configure(leg, &plan).unwrap();
    let over = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        scope.spawn(|| meanwhile(port, &over));
        let begun = Instant::now();
        let mut sent = 0u32;
        while begun.elapsed() < CALL {
            caller.send_to(&packet(7, sent as u16), ("127.0.0.1", port)).unwrap();
            sent += 1;
            let next = begun + sent * Duration::from_millis(20);
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        over.store(true, Relaxed);
        u64::from(sent)
    });
    std::thread::sleep(Duration::from_millis(100));
    let counters = core.counters(leg).unwrap();
    core.close(leg);
    (counters, sent)
}

#[test]
fn a_thousand_stray_packets_a_second_are_not_felt_by_the_caller() {
    let settings = Settings { port_low: 33_000, port_high: 33_999, threads: 1, ..Settings::default() };
    let mut core = MediaCore::start(settings).unwrap();
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (quiet, _) = call(&mut core, &caller, |_, _| ());
    let (counters, sent) = call(&mut core, &caller, |port, over| {
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        // The caller speaks first, as far as anybody can tell.
        std::thread::sleep(Duration::from_millis(100));
        let mut number = 0u16;
        while !over.load(Relaxed) {
            // Good RTP of another stream, the caller's own stream from elsewhere, reports, and nonsense.
            let mut bytes = packet(if number % 2 == 0 { 99 } else { 7 }, number);
            match number % 4 {
                2 => bytes[1] = 200,
                3 => bytes.truncate(5),
                _ => {}
            }
            // Refused once the leg's socket is connected: the kernel keeps strangers away from then on.
            let _ = stranger.send_to(&bytes, ("127.0.0.1", port));
            number = number.wrapping_add(1);
            std::thread::sleep(BETWEEN_STRAYS);
        }
    });
    assert_eq!((counters.received, counters.lost), (sent, 0), "{counters:?}");
    // Not more is made up for than without strangers, but for what this machine itself stumbles.
    assert!(
        counters.concealed_ms <= quiet.concealed_ms + 100,
        "{} after {}",
        counters.concealed_ms,
        quiet.concealed_ms
    );
}
