//! The control side: knows which thread has what, and passes commands on. It never touches a packet.

use std::collections::HashMap;
use std::io;
use std::net::UdpSocket;
use std::os::fd::RawFd;
use std::sync::mpsc::{channel, Sender};
use std::sync::Arc;
use std::thread::JoinHandle;

use ringline_media::{Crypto, Event, Leg, LegCounters, LegStats, Line, Plain, TapReader};
use ringline_rtc::Identity;

use crate::command::{Command, LegCommand, RoomCommand};
use crate::error::MediaError;
use crate::host::LegHost;
use crate::ports::PortPool;
use crate::request::{PlanRequest, Settings};
use crate::seed::stream_seed;
use crate::stats::ThreadStats;
use crate::sys::monotonic_ns;
use crate::transport::{NoNetwork, Transport, Udp};
use crate::wake::{event_queue, EventReceiver, EventSender};
use crate::worker::{Surroundings, Worker, SLOTS_PER_FRAME};

mod audio;
mod gauges;
mod rooms;
mod sounds;
mod web;

use sounds::Sounds;

/// A slot takes new legs while there are fewer in it, and while its last turn was shorter: one packet after the other leaves,
/// and the last ones wait for all before them.
const PHASE_LEGS: usize = 50;
const PHASE_BUSY_US: u64 = 400;

struct Thread {
    inbox: Sender<Command>,
    join: Option<JoinHandle<()>>,
    stats: Arc<ThreadStats>,
    legs: usize,
    /// And of each phase.
    in_phase: [usize; SLOTS_PER_FRAME as usize],
}

impl Thread {
    fn enter(&mut self, phase: u64) {
        self.legs += 1;
        self.in_phase[phase as usize] += 1;
    }

    fn leave(&mut self, phase: u64) {
        self.legs -= 1;
        self.in_phase[phase as usize] -= 1;
    }

    /// The phase of a leg that comes: the thread wakes for as few as will do.
    fn phase(&self) -> u64 {
        let has_room = |legs: usize, busy_us: u64| legs < PHASE_LEGS && busy_us < PHASE_BUSY_US;
        let phases = self.in_phase.iter().zip(self.stats.busy_by_phase()).enumerate();
        // One that is awake for others already; else one that is not yet; else the one with the fewest.
        let phase = phases.min_by_key(|(_, (legs, busy_us))| match **legs {
            0 => (1, 0),
            legs if has_room(legs, *busy_us) => (0, usize::MAX - legs),
            legs => (2, legs),
        });
        phase.map_or(0, |(phase, _)| phase as u64)
    }
}

struct LegRecord {
    thread: usize,
    phase: u64,
    room: Option<u64>,
    port: Option<u16>,
    /// Ports of its ways to a browser.
    web_ports: Vec<u16>,
    ssrc: u32,
    stats: Arc<LegStats>,
}

struct RoomRecord {
    thread: usize,
    phase: u64,
    members: Vec<u64>,
    /// Prompts and taps that keep an unarranged room alive.
    holds: usize,
    arranged: bool,
}

/// Whose prompt it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Heard by one leg.
    Leg(u64),
    /// Heard by everybody in a room.
    Room(u64),
}

struct TapRecord {
    room: u64,
    reader: TapReader,
}

/// The media core. Every method only enqueues; results come out of [`MediaCore::poll`].
pub struct MediaCore {
    settings: Settings,
    ports: PortPool,
    threads: Vec<Thread>,
    outbox: EventSender,
    inbox: EventReceiver,
    legs: HashMap<u64, LegRecord>,
    rooms: HashMap<u64, RoomRecord>,
    plays: HashMap<u64, Target>,
    sounds: Sounds,
    watches: HashMap<u64, u64>,
    taps: HashMap<u64, TapRecord>,
    /// What single legs say, by the observation that it belongs to.
    ears: HashMap<u64, TapReader>,
    /// Legs closed before, counted together.
    closed: LegCounters,
    last_leg: u64,
    rooms_moved: u64,
    /// What browsers know us by, once there was one.
    identity: Option<Identity>,
}

impl MediaCore {
    /// Start the pacing threads. Fails when the address is none of this machine's, or the range holds no even port.
    pub fn start(settings: Settings) -> io::Result<Self> {
        UdpSocket::bind((settings.bind_ip, 0))
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", settings.bind_ip)))?;
        let ports = PortPool::new(settings.port_low, settings.port_high);
        if ports.free() == 0 {
            let range = format!("no even port between {} and {}", settings.port_low, settings.port_high);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, range));
        }
        let (outbox, inbox) = event_queue()?;
        let count = match settings.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count.min(256),
        };
        let epoch_ns = monotonic_ns();
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| channel()).unzip();
        let mut threads = Vec::new();
        for (index, receiver) in receivers.into_iter().enumerate() {
            let stats = Arc::new(ThreadStats::default());
            let around = Surroundings {
                epoch_ns,
                peers: senders.clone(),
                outbox: outbox.clone(),
                stats: Arc::clone(&stats),
                loudest: settings.loudest,
            };
            let name = format!("media-{index}");
            let join = std::thread::Builder::new().name(name).spawn(|| Worker::new(receiver, around).run())?;
            threads.push(Thread {
                inbox: senders[index].clone(),
                join: Some(join),
                stats,
                legs: 0,
                in_phase: Default::default(),
            });
        }
        Ok(MediaCore {
            ports,
            settings,
            threads,
            outbox,
            inbox,
            legs: HashMap::new(),
            rooms: HashMap::new(),
            plays: HashMap::new(),
            sounds: Sounds::default(),
            watches: HashMap::new(),
            taps: HashMap::new(),
            ears: HashMap::new(),
            closed: LegCounters::default(),
            last_leg: 0,
            rooms_moved: 0,
            identity: None,
        })
    }

    /// The descriptor that becomes readable when events wait.
    pub fn fileno(&self) -> RawFd {
        self.inbox.as_raw_fd()
    }

    /// Take up to `limit` events.
    pub fn poll(&mut self, limit: usize) -> Vec<Event> {
        let mut events = self.inbox.take(limit);
        for event in &events {
            match event {
                Event::PlaybackFinished { play, .. } => {
                    if let Some(Target::Room(room)) = self.plays.remove(play) {
                        self.release_hold(room);
                    }
                    if self.plays.is_empty() {
                        self.sounds.forget_unplayed();
                    }
                }
                Event::SilenceReached { watch } => {
                    self.watches.remove(watch);
                }
                Event::LegFailed { leg, .. } => {
                    self.forget_leg(*leg);
                }
                Event::PortReleased { leg, port } => self.release_web_port(*leg, *port),
                _ => {}
            }
        }
        events.retain(|event| !matches!(event, Event::PortReleased { .. }));
        events
    }

    /// Open a leg on a UDP port of its own; returns its name and port.
    pub fn open(&mut self) -> Result<(u64, u16), MediaError> {
        let ip = self.settings.bind_ip;
        let (port, socket) = self
            .ports
            .take(monotonic_ns(), |port| Udp::bind(ip, port).ok())
            .ok_or(MediaError::NoPort { low: self.settings.port_low, high: self.settings.port_high })?;
        match self.adopt(Box::new(socket), Box::new(Plain), Some(port)) {
            Ok(leg) => Ok((leg, port)),
            Err(error) => {
                self.ports.release(port, monotonic_ns());
                Err(error)
            }
        }
    }

    /// Open a leg over any transport and encryption; returns its name.
    pub fn adopt(
        &mut self,
        transport: Box<dyn Transport>,
        crypto: Box<dyn Crypto>,
        port: Option<u16>,
    ) -> Result<u64, MediaError> {
        self.adopt_with(port, |leg| LegHost::new(leg, transport, crypto))
    }

    /// Open a leg whose far end speaks no RTP; returns its name.
    pub fn adopt_line(&mut self, line: Box<dyn Line>) -> Result<u64, MediaError> {
        self.adopt_with(None, |mut leg| {
            leg.attach(line);
            LegHost::new(leg, Box::new(NoNetwork), Box::new(Plain))
        })
    }

    fn adopt_with(&mut self, port: Option<u16>, furnish: impl FnOnce(Leg) -> LegHost) -> Result<u64, MediaError> {
        let seed = stream_seed().map_err(MediaError::Io)?;
        self.last_leg += 1;
        let leg = self.last_leg;
        let stats = Arc::new(LegStats::default());
        let media = Leg::new(leg, seed, self.settings.media_timeout_ms, Arc::clone(&stats));
        let thread = self.quietest_thread();
        let phase = self.threads[thread].phase();
        self.threads[thread].enter(phase);
        self.legs
            .insert(leg, LegRecord { thread, phase, room: None, port, web_ports: Vec::new(), ssrc: seed.ssrc, stats });
        self.send(thread, Command::Adopt { host: Box::new(furnish(media)), phase });
        Ok(leg)
    }

    fn quietest_thread(&self) -> usize {
        (0..self.threads.len()).min_by_key(|index| self.threads[*index].legs).unwrap_or(0)
    }

    fn send(&self, thread: usize, command: Command) {
        // A thread ends only at shutdown, and after that nothing is listened to.
        let _ = self.threads[thread].inbox.send(command);
    }

    fn send_leg(&self, leg: u64, what: LegCommand) {
        if let Some(record) = self.legs.get(&leg) {
            self.send(record.thread, Command::Leg { leg, what });
        }
    }

    fn send_room(&self, room: u64, what: RoomCommand) {
        if let Some(record) = self.rooms.get(&room) {
            self.send(record.thread, Command::Room { room, phase: record.phase, what });
        }
    }

    /// Put an offer/answer outcome into force.
    pub fn configure(&mut self, leg: u64, request: &PlanRequest<'_>) -> Result<(), MediaError> {
        if !self.legs.contains_key(&leg) {
            return Err(MediaError::UnknownLeg);
        }
        let plan = request.read(self.settings.bind_ip)?;
        self.send_leg(leg, LegCommand::Configure(plan));
        Ok(())
    }

    /// End a leg; its port rests and comes back.
    pub fn close(&mut self, leg: u64) {
        self.send_leg(leg, LegCommand::Close);
        self.forget_leg(leg);
    }

    fn forget_leg(&mut self, leg: u64) {
        let Some(record) = self.legs.remove(&leg) else { return };
        self.threads[record.thread].leave(record.phase);
        for port in record.port.into_iter().chain(record.web_ports) {
            self.ports.release(port, monotonic_ns());
        }
        if let Some(room) = record.room.and_then(|room| self.rooms.get_mut(&room)) {
            room.members.retain(|member| *member != leg);
        }
        self.watches.retain(|_, watched| *watched != leg);
        self.closed.add(&record.stats.read());
    }

    /// A leg's counters now.
    pub fn counters(&self, leg: u64) -> Option<LegCounters> {
        self.legs.get(&leg).map(|record| record.stats.read())
    }

    /// End the threads and wait for them; at most one frame long.
    pub fn shutdown(&mut self) {
        for thread in &self.threads {
            let _ = thread.inbox.send(Command::Shutdown);
        }
        for thread in &mut self.threads {
            if let Some(join) = thread.join.take() {
                // A thread that panicked has told so already; there is nothing left to end.
                let _ = join.join();
            }
        }
        self.legs.clear();
        self.rooms.clear();
        self.plays.clear();
        self.watches.clear();
        self.taps.clear();
        self.ears.clear();
    }
}

impl Drop for MediaCore {
    fn drop(&mut self) {
        self.shutdown();
    }
}
