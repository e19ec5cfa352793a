//! Rooms as large as settings allow: they run, and they end with nothing left.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringline_media::{Event, Hears, Layout, Plain, PromptPlan, Rate, RtpPacket};
use ringline_media_io::{Arrangement, Batch, MediaCore, PlanRequest, Settings, Target, Transport};

const LEGS: u64 = 1000;
const TALKERS: u64 = 10;

/// A far end that says the same all the time, if it talks, and counts what it is sent.
struct FarEnd {
    talks: bool,
    next: Instant,
    sequence: u16,
    heard: Arc<AtomicU64>,
    loud: Arc<AtomicU64>,
}

impl Transport for FarEnd {
    fn receive(&mut self, batch: &mut Batch) -> io::Result<bool> {
        if !self.talks || Instant::now() < self.next {
            return Ok(false);
        }
        self.next += Duration::from_millis(20);
        // A-law: loud, and as loud with the other sign.
        let payload: [u8; 160] = std::array::from_fn(|at| if at / 4 % 2 == 0 { 0xa5 } else { 0x25 });
        let timestamp = u32::from(self.sequence) * 160;
        let packet = RtpPacket {
            payload_type: 8,
            marker: false,
            sequence: self.sequence,
            timestamp,
            ssrc: 7,
            payload: &payload,
        };
        let mut bytes = [0; 172];
        packet.write(&mut bytes).unwrap();
        self.sequence += 1;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        batch.fill(&bytes, SocketAddr::from(([192, 0, 2, 1], 4000)), now.as_micros() as u64);
        Ok(true)
    }

    fn send(&mut self, _to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        self.heard.fetch_add(1, Relaxed);
        // In A-law with its even bits turned, 0xd5 and 0x55 are silence.
        let payload = RtpPacket::read(packet).unwrap().payload;
        self.loud.fetch_add(u64::from(payload.iter().any(|code| (code ^ 0x55) & 0x70 > 0x20)), Relaxed);
        Ok(())
    }

    fn send_report(&mut self, _to: SocketAddr, _packet: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

fn figure(core: &MediaCore, name: &str) -> f64 {
    core.gauges().iter().find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn a_room_of_a_thousand_hears_its_talkers_and_ends_with_nothing_left() {
    let mut core = MediaCore::start(Settings { threads: 2, ..Settings::default() }).unwrap();
    let mut ears = Vec::new();
    let legs: Vec<u64> = (0..LEGS)
        .map(|number| {
            let (heard, loud) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            ears.push((Arc::clone(&heard), Arc::clone(&loud)));
            let far = FarEnd { talks: number < TALKERS, next: Instant::now(), sequence: 0, heard, loud };
            let leg = core.adopt(Box::new(far), Box::new(Plain), None).unwrap();
            let plan = PlanRequest {
                remote_host: "192.0.2.1",
                remote_port: 4000,
                codec: "PCMA",
                payload_type: 8,
                dtmf_payload_type: Some(101),
                ..PlanRequest::default()
            };
            core.configure(leg, &plan).unwrap();
            leg
        })
        .collect();
    let hears = legs.iter().map(|leg| (*leg, Hears::AllBut(Vec::new()))).collect();
    core.arrange(1, Arrangement { hears, ..Arrangement::default() });
    core.record(2, 1, Layout::Mono, Rate::Narrow).unwrap();
    core.play(PromptPlan { rounds: 0, ..PromptPlan::new(3, Rate::Narrow) }, Target::Room(1));
    core.feed(3, vec![0; 8000], true);

    let deadline = Instant::now() + Duration::from_secs(60);
    let mut events = Vec::new();
    while ears.iter().any(|(heard, loud)| heard.load(Relaxed) < 30 || loud.load(Relaxed) < 10) {
        assert!(Instant::now() < deadline, "somebody hears nothing");
        events.extend(core.poll(1000));
        core.read_tap(2);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!events.iter().any(|event| matches!(event, Event::LegFailed { .. })), "{events:?}");

    core.stop_tap(2);
    core.arrange(1, Arrangement::default());
    legs.iter().for_each(|leg| core.close(*leg));
    let mut events = Vec::new();
    while !events.iter().any(|event| matches!(event, Event::PlaybackFinished { play: 3, stopped: true, .. })) {
        assert!(Instant::now() < deadline, "its prompt does not end: {events:?}");
        events.extend(core.poll(1000));
        std::thread::yield_now();
    }
    for name in ["legs", "rooms", "prompts", "recordings"] {
        assert_eq!(figure(&core, name), 0.0, "{name}");
    }
    // Whoever was closed is dropped by its thread, and hears nothing any more.
    while ears.iter().any(|(heard, _)| Arc::strong_count(heard) > 1) {
        assert!(Instant::now() < deadline, "a leg is still there");
        std::thread::yield_now();
    }
}
