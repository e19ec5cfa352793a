//! What is measured: legs in rooms of some size, with what else goes on there.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ringline_media::{Hears, Layout, PromptPlan, Rate, FRAME};
use ringline_media_io::{Arrangement, MediaCore, PlanRequest, Settings, Target};

use crate::crowd::{sockets, Crowd, Heard, Manner};
use crate::floor::Floor;
use crate::tones::{amplitude, decode, pitch_hz, LISTENED, PEAK, SECOND};

/// The pitch of what is played.
const PROMPT_HZ: f64 = 1750.0;
/// What is not counted: sockets are connected, delays settle.
const WARM_UP: Duration = Duration::from_millis(2500);

/// One arrangement of legs.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Legs in a room; 1 for none.
    pub(crate) room: usize,
    pub(crate) play: bool,
    pub(crate) record: bool,
    /// Keys as events, so that packets of a bridge may be passed through; else keys are looked for in the audio.
    pub(crate) events: bool,
    pub(crate) manner: Manner,
}

/// What came out.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) cpu_us_per_leg_second: f64,
    pub(crate) packets_per_leg_second: f64,
    pub(crate) lag_p99_ms: f64,
    pub(crate) lost: f64,
    pub(crate) concealed_ms: f64,
    pub(crate) kib_per_leg: f64,
    pub(crate) delays_us: Vec<u64>,
    /// Seconds that phones listened to, and how many of them were not whole: something was made up or left out in them.
    pub(crate) seconds: usize,
    pub(crate) broken_seconds: usize,
    /// What a phone did not hear, or should not have heard, in any second.
    pub(crate) faults: Vec<String>,
}

impl Shape {
    const fn plain(name: &'static str, room: usize) -> Self {
        Shape { name, room, play: false, record: false, events: false, manner: Manner::Talk }
    }
}

/// All that is measured beside the floor, in the order of the report.
pub(crate) const SHAPES: [Shape; 6] = [
    Shape { play: true, ..Shape::plain("playback", 1) },
    Shape::plain("bridge", 2),
    Shape { events: true, ..Shape::plain("bridge-passed", 2) },
    Shape::plain("rooms-of-3", 3),
    Shape::plain("room-of-50", 50),
    Shape { record: true, ..Shape::plain("rooms-of-3-recorded", 3) },
];

/// Processor time of the bare loop per leg and second, in microseconds.
pub(crate) fn floor(legs: usize, seconds: f64) -> io::Result<f64> {
    let (ours, theirs) = (sockets(legs)?, sockets(legs)?);
    let addresses = |sockets: &[std::net::UdpSocket]| -> io::Result<Vec<SocketAddr>> {
        sockets.iter().map(std::net::UdpSocket::local_addr).collect()
    };
    let (here, there) = (addresses(&ours)?, addresses(&theirs)?);
    let crowd = Crowd::start(theirs, &here, Manner::Talk)?;
    let floor = Floor::start(ours, &there)?;
    std::thread::sleep(WARM_UP);
    let (before, begun) = (floor.cpu_ns(), Instant::now());
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let (spent, passed) = (floor.cpu_ns() - before, begun.elapsed());
    let (heard, _) = crowd.hang_up();
    floor.stop();
    if heard.iter().any(|heard| heard.len() < LISTENED * SECOND) {
        return Err(io::Error::other("the floor did not reach everybody"));
    }
    Ok(spent as f64 / 1e3 / legs as f64 / passed.as_secs_f64())
}

/// Run a shape and measure it.
pub(crate) fn measure(shape: &Shape, legs: usize, threads: usize, seconds: f64) -> io::Result<Figures> {
    let legs = legs - legs % shape.room;
    let phones = sockets(legs)?;
    let there: Vec<SocketAddr> = phones.iter().map(std::net::UdpSocket::local_addr).collect::<io::Result<_>>()?;
    let memory = resident_kib();
    let settings = Settings { port_low: 20_000, port_high: 59_999, threads, ..Settings::default() };
    let mut core = MediaCore::start(settings)?;
    let mut numbers = Vec::new();
    let mut here = Vec::new();
    for peer in &there {
        let (leg, port) = core.open().map_err(io::Error::other)?;
        let plan = PlanRequest {
            remote_host: "127.0.0.1",
            remote_port: peer.port(),
            codec: "PCMA",
            payload_type: 8,
            dtmf_payload_type: shape.events.then_some(101),
            ..PlanRequest::default()
        };
        core.configure(leg, &plan).map_err(io::Error::other)?;
        numbers.push(leg);
        here.push(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    arrange(&mut core, shape, &numbers)?;
    let crowd = Crowd::start(phones, &here, shape.manner)?;
    let rooms = if shape.record { legs / shape.room } else { 0 };
    run(&mut core, WARM_UP, rooms);
    let (before, begun) = (gauges(&core), Instant::now());
    run(&mut core, Duration::from_secs_f64(seconds), rooms);
    let (after, passed) = (gauges(&core), begun.elapsed().as_secs_f64());
    let kib = resident_kib().saturating_sub(memory);
    let (heard, delays_us) = crowd.hang_up();
    core.shutdown();
    let grown = |name: &str| after.get(name) - before.get(name);
    let mut figures = Figures {
        cpu_us_per_leg_second: 1e6 * grown("cpu_seconds") / legs as f64 / passed,
        packets_per_leg_second: grown("packets_sent") / legs as f64 / passed,
        lag_p99_ms: 1e3 * after.get("pacing_lag_p99_seconds"),
        lost: grown("packets_lost") + grown("packets_late"),
        concealed_ms: 1e3 * grown("concealed_seconds"),
        kib_per_leg: kib as f64 / legs as f64,
        delays_us,
        ..Figures::default()
    };
    if shape.manner == Manner::Talk {
        listen(shape, &heard, &mut figures);
    }
    Ok(figures)
}

fn arrange(core: &mut MediaCore, shape: &Shape, legs: &[u64]) -> io::Result<()> {
    if shape.play {
        let pcm: Vec<i16> = decode(&crate::tones::packets(PROMPT_HZ));
        for leg in legs {
            core.play(PromptPlan { rounds: 0, ..PromptPlan::new(*leg, Rate::Narrow) }, Target::Leg(*leg));
            core.feed(*leg, pcm.clone(), true);
        }
    }
    if shape.room > 1 {
        for (room, members) in legs.chunks(shape.room).enumerate() {
            let hears = members.iter().map(|leg| (*leg, Hears::AllBut(vec![]))).collect();
            core.arrange(room as u64, Arrangement { hears, ..Arrangement::default() });
            if shape.record {
                core.record(room as u64, room as u64, Layout::Mono, Rate::Narrow).map_err(io::Error::other)?;
            }
        }
    }
    Ok(())
}

/// Let time pass, and read recordings as their blocks come.
fn run(core: &mut MediaCore, time: Duration, rooms: usize) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
        core.poll(100_000);
        for tap in 0..rooms {
            core.read_tap(tap as u64);
        }
    }
}

/// Whether every phone hears whom it should, at its level, and nobody else; second by second. A frame that is made up or
/// left out breaks a tone, which then is as wrong in that second as one with another level: such seconds are counted, and
/// only a phone without a single good one is a fault.
fn listen(shape: &Shape, heard: &[Heard], figures: &mut Figures) {
    for (phone, heard) in heard.iter().enumerate() {
        let seconds: Vec<Option<String>> =
            heard.chunks_exact(SECOND).take(LISTENED).map(|second| wrong(shape, phone, second)).collect();
        figures.seconds += LISTENED;
        figures.broken_seconds += LISTENED - seconds.iter().filter(|wrong| wrong.is_none()).count();
        if seconds.iter().all(Option::is_some) {
            let last = seconds.into_iter().flatten().last();
            figures.faults.push(last.unwrap_or_else(|| format!("phone {phone} heard {} packets", heard.len())));
        }
    }
}

/// What is wrong with a second that a phone heard.
fn wrong(shape: &Shape, phone: usize, second: &[[u8; FRAME]]) -> Option<String> {
    let pcm = decode(second);
    let differs = |hz: f64, wanted: f64, who: &str| {
        let got = amplitude(&pcm, hz);
        let wrong = (got - wanted).abs() > 0.15 * PEAK;
        wrong.then(|| format!("phone {phone}: {who} at {hz} Hz has {got:.0}, not {wanted:.0}"))
    };
    let first = phone - phone % shape.room;
    let prompt = shape.play.then(|| differs(PROMPT_HZ, PEAK, "the prompt")).flatten();
    prompt.or_else(|| {
        (first..first + shape.room).find_map(|voice| {
            let wanted = if voice == phone { 0.0 } else { PEAK };
            differs(pitch_hz(voice), wanted, &format!("voice {voice}"))
        })
    })
}

struct Gauges(Vec<(&'static str, f64)>);

impl Gauges {
    fn get(&self, name: &str) -> f64 {
        self.0.iter().find(|(known, _)| *known == name).map_or(f64::NAN, |(_, value)| *value)
    }
}

fn gauges(core: &MediaCore) -> Gauges {
    Gauges(core.gauges())
}

/// Memory of this process that is really in use.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
