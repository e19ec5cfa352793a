//! One leg's misfortune is no other's: panics and dead sockets end that leg alone.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ringline_media::{Crypto, Event, Hears, Layout, Plain, PromptPlan, Rate, RtpPacket};
use ringline_media_io::{Arrangement, Batch, MediaCore, PlanRequest, Settings, Target, Transport};

/// For what must come at all: how soon says something of the machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A network that takes everything and brings nothing.
struct Void {
    sent: Arc<AtomicU64>,
    dead: bool,
    clock: Clock,
}

/// RTP timestamp of each packet, and the moment at which it left.
type Clock = Arc<Mutex<Vec<(u32, Instant)>>>;

impl Transport for Void {
    fn receive(&mut self, _batch: &mut Batch) -> io::Result<bool> {
        if self.dead {
            Err(io::Error::other("unplugged"))
        } else {
            Ok(false)
        }
    }

    fn send(&mut self, _to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        let timestamp = u32::from_be_bytes(packet[4..8].try_into().unwrap());
        self.clock.lock().unwrap().push((timestamp, Instant::now()));
        self.sent.fetch_add(1, Relaxed);
        Ok(())
    }
}

/// Encryption with a bug that shows after so many packets more.
struct Broken(Arc<AtomicU32>);

impl Broken {
    fn after(packets: u32) -> Self {
        Broken(Arc::new(AtomicU32::new(packets)))
    }
}

impl Crypto for Broken {
    fn protect(&mut self, _packet: &mut [u8], length: usize) -> Option<usize> {
        let left = self.0.load(Relaxed).checked_sub(1).expect("the key stream ran out");
        self.0.store(left, Relaxed);
        Some(length)
    }

    fn unprotect(&mut self, datagram: &mut [u8]) -> Option<usize> {
        Some(datagram.len())
    }
}

fn core(threads: usize) -> MediaCore {
    MediaCore::start(Settings { port_low: 43_000, port_high: 43_100, threads, ..Settings::default() }).unwrap()
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
        ..PlanRequest::default()
    };
    core.configure(leg, &plan).unwrap();
    leg
}

/// A room in which all hear all.
fn all(legs: &[u64]) -> Arrangement {
    Arrangement { hears: legs.iter().map(|leg| (*leg, Hears::AllBut(vec![]))).collect(), ..Arrangement::default() }
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
    let deadline = Instant::now() + PATIENCE;
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
    let packets = Arc::new(AtomicU32::new(u32::MAX));
    let (broken, _) = adopt(&mut core, Box::new(Broken(Arc::clone(&packets))), false);
    core.arrange(1, all(&[well, broken]));
    core.play(PromptPlan { rounds: 0, ..PromptPlan::new(7, Rate::Narrow) }, Target::Leg(broken));
    core.feed(7, vec![1; 160], true);
    // Only now: the prompt is there long before the bug shows.
    packets.store(5, Relaxed);
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
    core.play(PromptPlan { rounds: 1, ..PromptPlan::new(8, Rate::Narrow) }, Target::Leg(dead));
    wait(&mut core, &mut events, |events| events.len() == 2);
    assert_eq!(events[1], Event::PlaybackFinished { play: 8, played_ms: 0, stopped: true });
}

#[test]
fn a_leg_that_fails_on_its_way_leaves_nothing_waiting() {
    let mut core = core(2);
    let (host, _) = adopt(&mut core, Box::new(Plain), false);
    core.arrange(1, all(&[host]));
    let (broken, _) = adopt(&mut core, Box::new(Broken::after(0)), false);
    // It fails at its first frame, on either thread; every prompt must tell its end all the same.
    let mut events = Vec::new();
    for play in 100..140 {
        core.play(PromptPlan { rounds: 0, ..PromptPlan::new(play, Rate::Narrow) }, Target::Leg(broken));
        core.feed(play, vec![1; 160], true);
        core.arrange(1, if play % 2 == 0 { all(&[host, broken]) } else { all(&[host]) });
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
        core.arrange(room, all(&[leg]));
        core.play(PromptPlan { rounds: 0, ..PromptPlan::new(room, Rate::Narrow) }, Target::Room(room));
        core.record(room, room, Layout::Mono, Rate::Narrow).unwrap();
        core.stop_tap(room);
        core.arrange(room, all(&[]));
    }
    wait(&mut core, &mut events, |events| {
        events.iter().filter(|event| matches!(event, Event::PlaybackFinished { .. })).count() == 49
    });
    core.close(leg);
    for name in ["rooms", "prompts", "recordings", "legs"] {
        assert_eq!(figure(&core, name), 0.0, "{name}");
    }
}

#[test]
fn a_thread_that_was_stopped_leaves_out_what_it_missed_and_no_clock_falls_behind() {
    let mut core = core(1);
    let clock = Arc::new(Mutex::new(Vec::new()));
    let void = Void { sent: Arc::default(), dead: false, clock: Arc::clone(&clock) };
    configured(&mut core, void, Box::new(Sleepy(0)));
    // Behind by the clock of its first packet: a clock that falls behind at the stop never comes near again.
    let behind = |(timestamp, moment): (u32, Instant), first: (u32, Instant)| {
        let told = Duration::from_millis(u64::from(timestamp.wrapping_sub(first.0) / 8));
        (moment - first.1).abs_diff(told)
    };
    let is_right = |packet, clock: &[(u32, Instant)]| behind(packet, clock[0]) < Duration::from_millis(80);
    wait(&mut core, &mut Vec::new(), |_| {
        let clock = clock.lock().unwrap();
        clock.len() >= 20 && clock[10..].iter().filter(|packet| is_right(**packet, &clock)).count() >= 5
    });
    let clock = clock.lock().unwrap();
    let steps = clock.windows(2).map(|pair| pair[1].0.wrapping_sub(pair[0].0));
    let jumps: Vec<u32> = steps.filter(|step| *step != 160).collect();
    // One, but where the machine has stopped the thread once more. What is short enough is made up for.
    assert!(!jumps.is_empty() && jumps.iter().all(|jump| jump % 160 == 0 && *jump > 8 * 500), "{jumps:?}");
}

#[test]
fn settings_that_cannot_work_are_refused_at_the_start() {
    let good = Settings { port_low: 43_000, port_high: 43_100, threads: 1, ..Settings::default() };
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    assert!(MediaCore::start(Settings { bind_ip: elsewhere, ..good.clone() }).is_err());
    assert!(MediaCore::start(Settings { port_low: 43_001, port_high: 43_001, ..good.clone() }).is_err());
    assert!(MediaCore::start(good).is_ok());
}

/// A network that plays a tape: a packet every 20 ms, each once; and notes what is sent.
struct Sender {
    next: Instant,
    sequence: u16,
    sent: Sent,
}

impl Transport for Sender {
    fn receive(&mut self, batch: &mut Batch) -> io::Result<bool> {
        if Instant::now() < self.next {
            return Ok(false);
        }
        self.next += Duration::from_millis(20);
        let payload = [0x55; 160];
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
        let packet = RtpPacket::read(packet).unwrap();
        self.sent.lock().unwrap().push((packet.sequence, packet.timestamp));
        Ok(())
    }

    fn send_report(&mut self, _to: SocketAddr, _packet: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Sequence numbers and timestamps of what was sent.
type Sent = Arc<Mutex<Vec<(u16, u32)>>>;

fn talker(core: &mut MediaCore) -> (u64, Sent) {
    let sent = Sent::default();
    let sender = Sender { next: Instant::now(), sequence: 0, sent: Arc::clone(&sent) };
    let leg = core.adopt(Box::new(sender), Box::new(Plain), None).unwrap();
    let plan = PlanRequest {
        remote_host: "192.0.2.1",
        remote_port: 4000,
        codec: "PCMA",
        payload_type: 8,
        dtmf_payload_type: Some(101),
        ..PlanRequest::default()
    };
    core.configure(leg, &plan).unwrap();
    (leg, sent)
}

fn figure(core: &MediaCore, name: &str) -> f64 {
    core.gauges().iter().find(|(known, _)| *known == name).unwrap().1
}

/// Frames by which the clocks of streams may jump: a few, and those for which the machine has stopped a thread.
fn longest_jump(core: &MediaCore) -> u32 {
    4 + figure(core, "frames_skipped") as u32
}

fn is_continuous(sent: &[(u16, u32)], longest_jump: u32) -> bool {
    let mut steps = sent.windows(2).map(|pair| (pair[1].0.wrapping_sub(pair[0].0), pair[1].1.wrapping_sub(pair[0].1)));
    steps.all(|step| step.0 == 1 && step.1 > 0 && step.1 <= 160 * longest_jump && step.1 % 160 == 0)
}

#[test]
fn a_bridge_passes_packets_through_and_goes_back_to_mixing_without_a_break() {
    let mut core = core(1);
    let ((first, _), (second, sent)) = (talker(&mut core), talker(&mut core));
    core.arrange(1, all(&[first, second]));
    let mut events = Vec::new();
    let handed_on = |core: &MediaCore| core.counters(second).unwrap().handed_on;
    let deadline = Instant::now() + PATIENCE;
    for round in 0..3 {
        let before = handed_on(&core);
        while handed_on(&core) < before + 10 {
            assert!(Instant::now() < deadline, "round {round}: nothing is passed through");
            std::thread::yield_now();
        }
        core.record(round + 10, 1, Layout::Mono, Rate::Narrow).unwrap();
        wait(&mut core, &mut events, |events| events.contains(&Event::TapReady { tap: round + 10 }));
        core.stop_tap(round + 10);
    }
    let sent = sent.lock().unwrap();
    assert!(is_continuous(&sent, longest_jump(&core)), "{sent:?}");
}

#[test]
fn a_hundred_moves_a_second_lose_no_packet_and_break_no_stream() {
    let mut core = core(3);
    let legs: Vec<_> = (0..6).map(|_| talker(&mut core)).collect();
    let begun = Instant::now();
    // For a minute of it: RINGLINE_MOVES=6000.
    let moves = std::env::var("RINGLINE_MOVES").map_or(200, |moves| moves.parse().unwrap());
    for turn in 0..moves {
        let (leg, home) = (legs[turn as usize % 6].0, turn / 6 % 3);
        // Everybody else stays alone in a room; this one goes visiting.
        let host = legs[(turn as usize + 1) % 6].0;
        core.arrange(100 + home, all(&[host, leg]));
        while begun.elapsed() < Duration::from_millis(10 * (turn + 1)) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    for (leg, sent) in &legs {
        // A packet every 20 ms; the last ones may be on their way.
        wait(&mut core, &mut Vec::new(), |_| sent.lock().unwrap().len() as u64 >= moves / 2 - 10);
        let sent = sent.lock().unwrap();
        let broken = sent.windows(2).find(|pair| !is_continuous(pair, longest_jump(&core)));
        assert!(broken.is_none(), "leg {leg}: {broken:?}");
        let counters = core.counters(*leg).unwrap();
        assert_eq!(counters.lost, 0);
    }
}

#[test]
fn rooms_move_from_a_busy_thread_to_a_quiet_one_with_everything_in_them() {
    let mut core = core(2);
    let legs: Vec<_> = (0..20).map(|_| talker(&mut core)).collect();
    // Legs are spread evenly; those in even rooms close, which leaves one thread with everything.
    for (index, pair) in legs.chunks(2).enumerate() {
        core.arrange(index as u64, all(&[pair[0].0, pair[1].0]));
    }
    core.arrange(50, all(&legs.iter().map(|(leg, _)| *leg).collect::<Vec<_>>()));
    for (index, pair) in legs.chunks(2).enumerate() {
        core.arrange(index as u64, all(&[pair[0].0, pair[1].0]));
        core.play(PromptPlan::new(index as u64, Rate::Narrow), Target::Room(index as u64));
    }
    assert!(figure(&core, "rooms_moved") >= 1.0);
    for index in 0..10 {
        core.feed(index, vec![1; 160], true);
    }
    let mut events = Vec::new();
    wait(&mut core, &mut events, |events| {
        events.iter().filter(|event| matches!(event, Event::PlaybackFinished { stopped: false, .. })).count() == 10
    });
    for (leg, sent) in &legs {
        assert!(is_continuous(&sent.lock().unwrap(), longest_jump(&core)), "leg {leg}");
    }
}
