//! Calls between phones and echoing WebSocket servers: what one costs, how even its pace is, what delay it adds.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use ringline_media::{Hears, RtpPacket, FRAME, HEADER_BYTES};
use ringline_media_io::{
    monotonic_ns, run_first, sleep_until, stamp_arrivals, wall_us, Arrangement, Batch, MediaCore, PlanRequest,
    Settings as MediaSettings,
};
use ringline_ws::{Dial, ListeningRate, Settings, SocketEvent, Sockets, Trust};
use tungstenite::{Error, Message, WebSocket};

use crate::far_end::{accept, FarEnd, Secure};

const RATE: ListeningRate = ListeningRate::Wide;
const FRAME_NS: i64 = 20_000_000;
/// What is not counted: sockets are opened, delays settle.
const WARM_UP: Duration = Duration::from_millis(2500);
const PHASES: u64 = 20;
/// A phone beeps in every so many packets, and the beep begins in the middle of the packet.
const BEEP_EVERY: u64 = 25;
const LOUD: i16 = 8000;
const LOUD_ALAW: u8 = 0xaa;
const SILENT_ALAW: u8 = 0xd5;

/// What came out.
pub(crate) struct BotFigures {
    /// Processor time of the pacing thread, in microseconds per second of one call.
    pub(crate) media_us: f64,
    /// And of the sockets' thread.
    pub(crate) sockets_us: f64,
    /// From the phone's packet to the bot's message, in microseconds.
    pub(crate) one_way_us: Vec<u64>,
    /// And back again to the phone.
    pub(crate) both_ways_us: Vec<u64>,
    /// How late messages came against an even grid, in microseconds.
    pub(crate) pacing_us: Vec<u64>,
    /// Frames left out anywhere.
    pub(crate) lost: f64,
}

/// Moments that phones and bots share, by call: when the last beep left, 0 when it was heard.
type Beeps = Arc<Vec<AtomicU64>>;

struct Bots {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<(Vec<u64>, Vec<u64>)>>,
}

impl Bots {
    fn start(listener: TcpListener, calls: usize, beeps: Beeps, secure: Option<Secure>) -> Self {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (asked, counting) = (Arc::clone(&stop), Arc::clone(&count));
        let thread = std::thread::spawn(move || echo(&listener, calls, secure.as_ref(), &beeps, &asked, &counting));
        Bots { stop, count, thread }
    }
}

struct Visit {
    socket: WebSocket<FarEnd>,
    arrivals: Vec<i64>,
    call: usize,
}

/// Serve until told to stop; gives how late messages came, and the one-way delays.
fn echo(
    listener: &TcpListener,
    calls: usize,
    secure: Option<&Secure>,
    beeps: &Beeps,
    stop: &AtomicBool,
    count: &AtomicBool,
) -> io::Result<(Vec<u64>, Vec<u64>)> {
    let mut poll = Poll::new()?;
    let mut visits = Vec::new();
    for index in 0..calls {
        let (stream, _) = listener.accept()?;
        let socket = accept(stream, secure, poll.registry(), Token(index))?;
        visits.push(Visit { socket, arrivals: Vec::new(), call: usize::MAX });
    }
    run_first();
    let (mut events, mut one_way) = (Events::with_capacity(calls), Vec::new());
    while !stop.load(Relaxed) {
        match poll.poll(&mut events, Some(Duration::from_millis(50))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            outcome => outcome?,
        }
        for event in &events {
            serve(&mut visits[event.token().0], beeps, count.load(Relaxed), &mut one_way);
        }
    }
    let mut late: Vec<u64> = visits.iter().flat_map(|visit| lateness(&visit.arrivals)).collect();
    late.sort_unstable();
    Ok((late, one_way))
}

fn serve(visit: &mut Visit, beeps: &Beeps, counting: bool, one_way: &mut Vec<u64>) {
    loop {
        match visit.socket.read() {
            Ok(Message::Binary(audio)) => {
                let now_ns = monotonic_ns();
                if counting {
                    visit.arrivals.push(now_ns as i64);
                }
                let loud = audio.chunks_exact(2).position(|pair| i16::from_le_bytes([pair[0], pair[1]]) > LOUD);
                if let (Some(at), Some(beep)) = (loud, beeps.get(visit.call)) {
                    let beeped_us = beep.swap(0, Acquire);
                    if beeped_us > 0 && counting {
                        one_way.push(delay_us(wall_us(), beeped_us, at, RATE.samples()));
                    }
                }
                // A full buffer loses the echo, as any network may.
                let _ = visit.socket.send(Message::Binary(audio));
            }
            Ok(Message::Text(hello)) => visit.call = hello.as_str().parse().unwrap_or(usize::MAX),
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => return,
        }
    }
}

/// From sending to arrival, as if the beep stood where it stood when it was sent: in the middle of its packet.
fn delay_us(now_us: u64, beeped_us: u64, at: usize, samples: usize) -> u64 {
    let shift_us = (at as i64 - samples as i64 / 2) * FRAME_NS / 1000 / samples as i64;
    now_us.saturating_sub(beeped_us).saturating_add_signed(shift_us)
}

/// How much later each message came than an even grid through the earliest ones, in microseconds.
fn lateness(arrivals: &[i64]) -> Vec<u64> {
    let offsets: Vec<i64> = arrivals.iter().enumerate().map(|(n, at)| at - n as i64 * FRAME_NS).collect();
    let earliest = offsets.iter().copied().min().unwrap_or(0);
    offsets.into_iter().map(|offset| (offset - earliest) as u64 / 1000).collect()
}

struct Phone {
    socket: UdpSocket,
    sequence: u64,
    beeped_us: u64,
}

/// Phones that beep and listen for the echo until told to stop; gives the delays both ways.
fn phones(sockets: Vec<UdpSocket>, beeps: &Beeps, stop: &AtomicBool, count: &AtomicBool) -> Vec<u64> {
    run_first();
    let mut phones: Vec<Phone> =
        sockets.into_iter().map(|socket| Phone { socket, sequence: 0, beeped_us: 0 }).collect();
    let (mut batch, mut delays, epoch_ns, mut step) = (Batch::default(), Vec::new(), monotonic_ns(), 0);
    while !stop.load(Relaxed) {
        step += 1;
        sleep_until(epoch_ns + step * FRAME_NS as u64 / PHASES);
        let calls = phones.len();
        for index in (0..calls).filter(|index| *index as u64 * 7 % PHASES == step % PHASES) {
            let phone = &mut phones[index];
            phone.receive(&mut batch, count.load(Relaxed), &mut delays);
            phone.send(index as u32, &beeps[index]);
        }
    }
    delays
}

impl Phone {
    fn send(&mut self, index: u32, shared: &AtomicU64) {
        let mut payload = [SILENT_ALAW; FRAME];
        if self.sequence % BEEP_EVERY == BEEP_EVERY - 1 {
            payload[FRAME / 2..].fill(LOUD_ALAW);
            self.beeped_us = wall_us();
            shared.store(self.beeped_us, Release);
        }
        let packet = RtpPacket {
            payload_type: 8,
            marker: self.sequence == 0,
            sequence: self.sequence as u16,
            timestamp: self.sequence as u32 * FRAME as u32,
            ssrc: index + 1,
            payload: &payload,
        };
        let mut bytes = [0; HEADER_BYTES + FRAME];
        if let Some(length) = packet.write(&mut bytes) {
            let _ = self.socket.send(&bytes[..length]); // before the core listens a packet may be refused
        }
        self.sequence += 1;
    }

    fn receive(&mut self, batch: &mut Batch, counting: bool, delays: &mut Vec<u64>) {
        while batch.receive(self.socket.as_fd(), self.socket.peer_addr().ok()).unwrap_or(false) {
            let Some(datagram) = batch.datagram() else { continue };
            let Some(packet) = RtpPacket::read(datagram.bytes) else { continue };
            // The resamplers round the beep's edge: any positive code of the two loudest segments will do.
            let loud = packet.payload.iter().position(|code| *code & 0x80 == 0x80 && (*code ^ 0x55) & 0x70 >= 0x60);
            if let Some(at) = loud {
                let beeped_us = std::mem::take(&mut self.beeped_us);
                if beeped_us > 0 && counting {
                    delays.push(delay_us(datagram.arrival_us, beeped_us, at, FRAME));
                }
            }
        }
    }
}

/// Put up the calls, and measure them for so many seconds.
pub(crate) fn measure_bots(calls: usize, seconds: f64, secure: Option<&Secure>) -> io::Result<BotFigures> {
    let mut core = MediaCore::start(MediaSettings { threads: 1, ..MediaSettings::default() })?;
    let trust = Trust::new(secure.map(|it| it.authority.as_slice())).map_err(io::Error::other)?;
    let mut sockets = Sockets::start(&Settings { threads: 1, ..Settings::default() }, &trust)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let beeps: Beeps = Arc::new((0..calls).map(|_| AtomicU64::new(0)).collect());
    let bots = Bots::start(listener, calls, Arc::clone(&beeps), secure.cloned());
    let mut far = Vec::new();
    for call in 0..calls {
        let (phone, socket) = put_up(&mut core, &mut sockets, call, address, secure.is_some())?;
        far.push(phone);
        core.arrange(
            call as u64 + 1,
            Arrangement {
                hears: socket.map(|leg| (leg, Hears::AllBut(Vec::new()))).to_vec(),
                ..Arrangement::default()
            },
        );
    }
    wait_opened(&mut sockets, calls)?;
    let (stop, count) = (Arc::clone(&bots.stop), Arc::clone(&bots.count));
    let talking = std::thread::spawn(move || phones(far, &beeps, &stop, &count));
    std::thread::sleep(WARM_UP);
    bots.count.store(true, Relaxed);
    let figure = |figures: Vec<(&'static str, f64)>, name: &str| {
        figures.iter().find(|(known, _)| *known == name).map_or(0.0, |(_, value)| *value)
    };
    let before = (figure(core.gauges(), "cpu_seconds"), figure(sockets.gauges(), "cpu_seconds"));
    let began = Instant::now();
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let lasted = began.elapsed().as_secs_f64();
    let after = (figure(core.gauges(), "cpu_seconds"), figure(sockets.gauges(), "cpu_seconds"));
    bots.stop.store(true, Relaxed);
    let (pacing_us, one_way_us) = bots.thread.join().expect("the bots do not panic")?;
    let both_ways_us = talking.join().expect("the phones do not panic");
    let per_call = |cpu_s: f64| cpu_s * 1e6 / (calls as f64 * lasted);
    let lost = ["frames_skipped", "frames_unread", "frames_overflowed"];
    Ok(BotFigures {
        media_us: per_call(after.0 - before.0),
        sockets_us: per_call(after.1 - before.1),
        one_way_us,
        both_ways_us,
        pacing_us,
        lost: lost.iter().map(|name| figure(sockets.gauges(), name)).sum(),
    })
}

fn put_up(
    core: &mut MediaCore,
    sockets: &mut Sockets,
    call: usize,
    address: SocketAddr,
    secure: bool,
) -> io::Result<(UdpSocket, [u64; 2])> {
    let phone = UdpSocket::bind("127.0.0.1:0")?;
    let (leg, port) = core.open().map_err(|error| io::Error::other(error.to_string()))?;
    let remote_port = phone.local_addr()?.port();
    let plan =
        PlanRequest { remote_host: "127.0.0.1", remote_port, codec: "PCMA", payload_type: 8, ..PlanRequest::default() };
    let plan = PlanRequest { dtmf_payload_type: Some(101), ..plan };
    core.configure(leg, &plan).map_err(|error| io::Error::other(error.to_string()))?;
    phone.connect(("127.0.0.1", port))?;
    phone.set_nonblocking(true)?;
    stamp_arrivals(phone.as_fd())?;
    let dial = Dial {
        addresses: vec![address],
        host: "127.0.0.1".to_owned(),
        port: address.port(),
        secure,
        path: "/".to_owned(),
        headers: Vec::new(),
        rate: RATE,
        hello: call.to_string(),
    };
    let (_, line) = sockets.dial(dial).map_err(|error| io::Error::other(error.to_string()))?;
    let socket = core.adopt_line(Box::new(line)).map_err(|error| io::Error::other(error.to_string()))?;
    Ok((phone, [leg, socket]))
}

fn wait_opened(sockets: &mut Sockets, calls: usize) -> io::Result<()> {
    let (mut open, until) = (0, Instant::now() + Duration::from_secs(10));
    while open < calls {
        for event in sockets.poll(calls) {
            match event {
                SocketEvent::Opened { .. } => open += 1,
                other => return Err(io::Error::other(format!("{other:?}"))),
            }
        }
        if Instant::now() > until {
            return Err(io::Error::other("the sockets do not open"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
