//! One leg's misfortune is no other's: panics and dead sockets end that leg alone.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ringline_media::{Crypto, Event, Layout, Plain};
use ringline_media_io::{Batch, MediaCore, PlanRequest, Settings, Target, Transport};

/// A network that takes everything and brings nothing.
struct Void {
    sent: Arc<AtomicU64>,
    dead: bool,
    /// RTP timestamp of each packet.
    clock: Arc<Mutex<Vec<u32>>>,
}

impl Transport for Void {
    fn receive(&mut self, _batch: &mut Batch) -> io::Result<usize> {
        if self.dead {
            Err(io::Error::other("unplugged"))
        } else {
            Ok(0)
        }
    }

    fn send(&mut self, _to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        self.clock.lock().unwrap().push(u32::from_be_bytes(packet[4..8].try_into().unwrap()));
        self.sent.fetch_add(1, Relaxed);
        Ok(())
    }
}

/// Encryption with a bug that shows after some packets.
struct Broken(u32);

impl Crypto for Broken {
    fn protect(&mut self, _packet: &mut [u8], length: usize) -> Option<usize> {
        self.0 = self.0.checked_sub(1).expect("the key stream ran out");
        Some(length)
    }

    fn unprotect(&mut self, datagram: &mut [u8]) -> Option<usize> {
        Some(datagram.len())
    }
}

fn core(threads: usize) -> MediaCore {
    let bind_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    MediaCore::start(Settings { bind_ip, port_low: 43_000, port_high: 43_100, threads, media_timeout_ms: 60_000 })
        .unwrap()
}

fn adopt(core: &mut MediaCore, crypto: Box<dyn Crypto>, dead: bool) -> (u64, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let void = Void { sent: Arc::clone(&sent), dead, clock: Arc::default() };
    (configured(core, void, crypto), sent)
}

fn configured(core: &mut MediaCore, void: Void, crypto: Box<dyn Crypto>) -> u64 {
    let leg = core.adopt(Box::new(void), crypto, None).unwrap();
    let plan = PlanRequest {
        remote_host: "192.0.2.1",
        remote_port: 4000,
        codec: "PCMA",
        payload_type: 8,
        dtmf_payload_type: None,
        ptime_ms: 20,
        send: true,
        receive: true,
    };
    core.configure(leg, &plan).unwrap();
    leg
}

/// Encryption that once takes far too long.
struct Sleepy(u32);

impl Crypto for Sleepy {
    fn protect(&mut self, _packet: &mut [u8], length: usize) -> Option<usize> {
        self.0 += 1;
        if self.0 == 5 {
            std::thread::sleep(Duration::from_millis(900));
        }
        Some(length)
    }

    fn unprotect(&mut self, datagram: &mut [u8]) -> Option<usize> {
        Some(datagram.len())
    }
}

/// Poll until something is true of all events so far.
fn wait(core: &mut MediaCore, events: &mut Vec<Event>, done: impl Fn(&[Event]) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done(events) {
        assert!(Instant::now() < deadline, "waited in vain, with {events:?}");
        events.extend(core.poll(100));
        std::thread::yield_now();
    }
}

#[test]
fn a_panic_ends_its_leg_and_no_other() {
    let mut core = core(1);
    let (well, sent) = adopt(&mut core, Box::new(Plain), false);
    let (broken, _) = adopt(&mut core, Box::new(Broken(5)), false);
    core.arrange(1, vec![(well, vec![broken]), (broken, vec![well])], vec![]);
    core.play(7, Target::Leg(broken), 0.0, 0);
    core.feed(7, vec![1; 160], true);
    let mut events = Vec::new();
    wait(&mut core, &mut events, |events| events.len() >= 2);
    assert!(matches!(events[0], Event::PlaybackFinished { play: 7, stopped: true, .. }), "{events:?}");
    let Event::LegFailed { leg, why } = &events[1] else { panic!("{events:?}") };
    assert_eq!(*leg, broken);
    assert!(why.contains("the key stream ran out"), "{why}");
    assert_eq!(core.counters(broken), None);
    core.close(broken);

    let before = sent.load(Relaxed);
    wait(&mut core, &mut events, |_| sent.load(Relaxed) > before + 5);
}

#[test]
fn a_dead_socket_ends_its_leg_and_what_is_sent_to_it_is_refused() {
    let mut core = core(2);
    let (dead, _) = adopt(&mut core, Box::new(Plain), true);
    let mut events = Vec::new();
    wait(&mut core, &mut events, |events| !events.is_empty());
    assert_eq!(events, [Event::LegFailed { leg: dead, why: "socket: unplugged".to_owned() }]);
    core.play(8, Target::Leg(dead), 0.0, 1);
    wait(&mut core, &mut events, |events| events.len() == 2);
    assert_eq!(events[1], Event::PlaybackFinished { play: 8, played_ms: 0, stopped: true });
}

#[test]
fn a_leg_that_fails_on_its_way_leaves_nothing_waiting() {
    let mut core = core(2);
    let (host, _) = adopt(&mut core, Box::new(Plain), false);
    core.arrange(1, vec![(host, vec![])], vec![]);
    let (broken, _) = adopt(&mut core, Box::new(Broken(0)), false);
    // It fails at its first frame, on either thread; every prompt must tell its end all the same.
    let mut events = Vec::new();
    for play in 100..140 {
        core.play(play, Target::Leg(broken), 0.0, 0);
        core.feed(play, vec![1; 160], true);
        let legs = if play % 2 == 0 { vec![(host, vec![]), (broken, vec![])] } else { vec![(host, vec![])] };
        core.arrange(1, legs, vec![]);
        events.extend(core.poll(100));
    }
    wait(&mut core, &mut events, |events| {
        let ended = events.iter().filter(|event| matches!(event, Event::PlaybackFinished { .. })).count();
        ended == 40 && events.iter().any(|event| matches!(event, Event::LegFailed { .. }))
    });
}

#[test]
fn rooms_and_prompts_leave_nothing_behind() {
    let mut core = core(2);
    let (leg, _) = adopt(&mut core, Box::new(Plain), false);
    let mut events = Vec::new();
    for room in 1..50 {
        core.arrange(room, vec![(leg, vec![])], vec![]);
        core.play(room, Target::Room(room), 0.0, 0);
        core.record(room, room, Layout::Mono).unwrap();
        core.stop_tap(room);
        core.arrange(room, vec![], vec![]);
    }
    wait(&mut core, &mut events, |events| events.len() >= 49);
    core.close(leg);
    let gauges = core.gauges();
    for name in ["rooms", "prompts", "recordings", "legs"] {
        assert_eq!(gauges.iter().find(|(known, _)| *known == name).unwrap().1, 0.0, "{name}");
    }
}

#[test]
fn a_thread_that_was_stopped_leaves_out_what_it_missed_and_no_clock_falls_behind() {
    let mut core = core(1);
    let clock = Arc::new(Mutex::new(Vec::new()));
    let void = Void { sent: Arc::default(), dead: false, clock: Arc::clone(&clock) };
    let begun = Instant::now();
    configured(&mut core, void, Box::new(Sleepy(0)));
    wait(&mut core, &mut Vec::new(), |_| clock.lock().unwrap().len() >= 20);
    let clock = clock.lock().unwrap();
    let steps: Vec<u32> = clock.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let jumps: Vec<u32> = steps.into_iter().filter(|step| *step != 160).collect();
    assert_eq!(jumps.len(), 1, "{jumps:?}");
    let told_ms = u128::from(clock[clock.len() - 1].wrapping_sub(clock[0]) / 8);
    let passed_ms = begun.elapsed().as_millis();
    assert!(passed_ms.abs_diff(told_ms) < 80, "{told_ms} ms of audio in {passed_ms} ms");
}

#[test]
fn settings_that_cannot_work_are_refused_at_the_start() {
    let good = Settings {
        bind_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port_low: 43_000,
        port_high: 43_100,
        threads: 1,
        media_timeout_ms: 60_000,
    };
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    assert!(MediaCore::start(Settings { bind_ip: elsewhere, ..good.clone() }).is_err());
    assert!(MediaCore::start(Settings { port_low: 43_001, port_high: 43_001, ..good.clone() }).is_err());
    assert!(MediaCore::start(good).is_ok());
}
