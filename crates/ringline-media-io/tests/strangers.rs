//! A leg's port on a real network, and others who send to it.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ringline_media::{LegCounters, RtpPacket, FRAME};
use ringline_media_io::{MediaCore, PlanRequest, Settings};

const CALL: Duration = Duration::from_secs(4);
/// Between two packets of the caller.
const EVERY: Duration = Duration::from_millis(20);
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

/// How far a call is.
#[derive(Default)]
struct Course {
    /// The leg knows its caller.
    known: AtomicBool,
    over: AtomicBool,
}

/// A call of some seconds whose caller sends a packet every 20 ms; gives what the leg counted, how many were sent, and for
/// how long this machine has kept the caller from sending.
fn call(
    core: &mut MediaCore,
    caller: &UdpSocket,
    meanwhile: impl FnOnce(u16, &Course) + Send,
) -> (LegCounters, u64, Duration) {
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
    let course = Course::default();
    let (sent, stumbled) = std::thread::scope(|scope| {
        scope.spawn(|| meanwhile(port, &course));
        let begun = Instant::now();
        let (mut sent, mut last, mut stumbled) = (0u32, begun, Duration::ZERO);
        while begun.elapsed() < CALL {
            caller.send_to(&packet(7, sent as u16), ("127.0.0.1", port)).unwrap();
            sent += 1;
            course.known.fetch_or(core.counters(leg).unwrap().received >= 5, Relaxed);
            stumbled += last.elapsed().saturating_sub(EVERY);
            last = Instant::now();
            let next = begun + sent * EVERY;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        course.over.store(true, Relaxed);
        (u64::from(sent), stumbled)
    });
    // The last ones may be on their way.
    let until = Instant::now() + Duration::from_secs(10);
    while core.counters(leg).unwrap().received < sent && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    let counters = core.counters(leg).unwrap();
    core.close(leg);
    (counters, sent, stumbled)
}

#[test]
fn a_thousand_stray_packets_a_second_are_not_felt_by_the_caller() {
    let settings = Settings { port_low: 33_000, port_high: 33_999, threads: 1, ..Settings::default() };
    let mut core = MediaCore::start(settings).unwrap();
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (quiet, _, _) = call(&mut core, &caller, |_, _| ());
    let (counters, sent, stumbled) = call(&mut core, &caller, |port, course| {
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        // The caller speaks first, as far as anybody can tell.
        while !course.known.load(Relaxed) {
            std::thread::sleep(BETWEEN_STRAYS);
        }
        let mut number = 0u16;
        while !course.over.load(Relaxed) {
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
    let (concealed_ms, before_ms, stumbled_ms) =
        (counters.concealed_ms, quiet.concealed_ms, stumbled.as_millis() as u64);
    assert!(
        concealed_ms <= before_ms + 100 + stumbled_ms,
        "{concealed_ms} ms after {before_ms} ms, and {stumbled_ms} ms of the caller's"
    );
}
