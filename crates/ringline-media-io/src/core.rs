//! The control side: knows which thread has what, and passes commands on. It never touches a packet.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::UdpSocket;
use std::os::fd::RawFd;
use std::sync::mpsc::{channel, Sender};
use std::sync::Arc;
use std::thread::JoinHandle;

use ringline_media::{
    open_ear, open_tap, Crypto, Event, Layout, Leg, LegCounters, LegStats, Observer, Plain, PromptPlan, Rate,
    TapReader, VoiceRules, MAX_CHANNELS,
};

use crate::command::{Arrangement, Command, LegCommand, PromptCommand, RoomCommand};
use crate::error::MediaError;
use crate::host::LegHost;
use crate::ports::PortPool;
use crate::request::{PlanRequest, Settings};
use crate::seed::stream_seed;
use crate::stats::{ThreadFigures, ThreadStats};
use crate::sys::monotonic_ns;
use crate::transport::{Transport, Udp};
use crate::wake::{event_queue, EventReceiver, EventSender};
use crate::worker::{Surroundings, Worker, SLOTS_PER_FRAME};

/// A thread may have so many legs more than another before a room moves.
const UNEVEN_LEGS: usize = 8;

struct Thread {
    inbox: Sender<Command>,
    join: Option<JoinHandle<()>>,
    stats: Arc<ThreadStats>,
    legs: usize,
}

struct LegRecord {
    thread: usize,
    phase: u64,
    room: Option<u64>,
    port: Option<u16>,
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
    watches: HashMap<u64, u64>,
    taps: HashMap<u64, TapRecord>,
    /// What single legs say, by the observation that it belongs to.
    ears: HashMap<u64, TapReader>,
    /// Legs closed before, counted together.
    closed: LegCounters,
    last_leg: u64,
    last_phase: u64,
    rooms_moved: u64,
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
            threads.push(Thread { inbox: senders[index].clone(), join: Some(join), stats, legs: 0 });
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
            watches: HashMap::new(),
            taps: HashMap::new(),
            ears: HashMap::new(),
            closed: LegCounters::default(),
            last_leg: 0,
            last_phase: 0,
            rooms_moved: 0,
        })
    }

    /// The descriptor that becomes readable when events wait.
    pub fn fileno(&self) -> RawFd {
        self.inbox.as_raw_fd()
    }

    /// Take up to `limit` events.
    pub fn poll(&mut self, limit: usize) -> Vec<Event> {
        let events = self.inbox.take(limit);
        for event in &events {
            match event {
                Event::PlaybackFinished { play, .. } => {
                    if let Some(Target::Room(room)) = self.plays.remove(play) {
                        self.release_hold(room);
                    }
                }
                Event::SilenceReached { watch } => {
                    self.watches.remove(watch);
                }
                Event::LegFailed { leg, .. } => {
                    self.forget_leg(*leg);
                }
                _ => {}
            }
        }
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
        let seed = stream_seed().map_err(MediaError::Io)?;
        self.last_leg += 1;
        self.last_phase = (self.last_phase + 1) % SLOTS_PER_FRAME;
        let (leg, phase) = (self.last_leg, self.last_phase);
        let stats = Arc::new(LegStats::default());
        let media = Leg::new(leg, seed, self.settings.media_timeout_ms, Arc::clone(&stats));
        let thread = self.quietest_thread();
        self.threads[thread].legs += 1;
        self.legs.insert(leg, LegRecord { thread, phase, room: None, port, stats });
        self.send(thread, Command::Adopt { host: Box::new(LegHost::new(media, transport, crypto)), phase });
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
        self.threads[record.thread].legs -= 1;
        if let Some(port) = record.port {
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

    /// Say who is in a room and what they hear of each other; nobody dissolves it.
    pub fn arrange(&mut self, room: u64, arrangement: Arrangement) {
        let known = |leg: &u64| self.legs.contains_key(leg);
        let members: Vec<u64> = arrangement.hears.iter().map(|(leg, _)| *leg).filter(known).collect();
        let before = self.rooms.get(&room).map(|record| record.members.clone()).unwrap_or_default();
        let staying: HashSet<u64> = members.iter().copied().collect();
        for leg in before.into_iter().filter(|leg| !staying.contains(leg)) {
            if let Some(record) = self.legs.get_mut(&leg) {
                record.room = None;
            }
            self.send_leg(leg, LegCommand::Leave);
        }
        if arrangement.hears.is_empty() {
            self.send_room(room, RoomCommand::Dissolve);
            if let Some(record) = self.rooms.get_mut(&room) {
                record.members.clear();
                record.arranged = false;
            }
            return self.forget_room_if_over(room);
        }
        self.make_room(room, members.first().copied());
        for leg in &members {
            self.bring(*leg, room);
        }
        if let Some(record) = self.rooms.get_mut(&room) {
            record.members = members;
            record.arranged = true;
        }
        self.send_room(room, RoomCommand::Arrange(arrangement));
        self.balance();
    }

    /// Move a room from the busiest thread to the quietest, if that evens them out.
    fn balance(&mut self) {
        let busiest = (0..self.threads.len()).max_by_key(|index| self.threads[*index].legs).unwrap_or(0);
        let quietest = self.quietest_thread();
        let difference = self.threads[busiest].legs - self.threads[quietest].legs;
        if difference < UNEVEN_LEGS || 4 * difference < self.threads[busiest].legs {
            return;
        }
        let fitting = self.rooms.iter().filter(|(_, room)| {
            room.thread == busiest && !room.members.is_empty() && 2 * room.members.len() <= difference
        });
        // The largest that fits; of those alike any would do, but it should be the same one every time.
        let Some(room) = fitting.max_by_key(|(name, room)| (room.members.len(), **name)).map(|(name, _)| *name) else {
            return;
        };
        let Some(record) = self.rooms.get_mut(&room) else { return };
        record.thread = quietest;
        let legs = record.members.clone();
        for leg in &legs {
            if let Some(record) = self.legs.get_mut(leg) {
                record.thread = quietest;
            }
        }
        self.threads[busiest].legs -= legs.len();
        self.threads[quietest].legs += legs.len();
        self.rooms_moved += 1;
        // First the new thread learns what is coming, so that commands sent to it from now on wait there.
        self.send(quietest, Command::ExpectRoom { room, legs: legs.clone() });
        self.send(busiest, Command::MoveRoom { room, thread: quietest, legs });
    }

    /// Let a leg enter a room, wherever it is now.
    fn bring(&mut self, leg: u64, room: u64) {
        let (Some(record), Some(target)) = (self.legs.get_mut(&leg), self.rooms.get(&room)) else { return };
        if record.room == Some(room) {
            return;
        }
        let left = record.room.replace(room);
        let (from, thread, phase) = (record.thread, target.thread, target.phase);
        record.thread = thread;
        record.phase = phase;
        if let Some(left) = left.and_then(|left| self.rooms.get_mut(&left)) {
            left.members.retain(|member| *member != leg);
        }
        if from == thread {
            self.send(thread, Command::Leg { leg, what: LegCommand::Enter { room, phase } });
        } else {
            self.threads[from].legs -= 1;
            self.threads[thread].legs += 1;
            // First the new thread learns that the leg is coming, so that commands sent to it from now on wait there.
            self.send(thread, Command::Expect { leg });
            self.send(from, Command::Leg { leg, what: LegCommand::Move { thread, room, phase } });
        }
    }

    /// Make a room where its first leg is already, so that this one need not move.
    fn make_room(&mut self, room: u64, first: Option<u64>) {
        if self.rooms.contains_key(&room) {
            return;
        }
        let (thread, phase) = match first.and_then(|leg| self.legs.get(&leg)) {
            Some(record) => (record.thread, record.phase),
            None => {
                self.last_phase = (self.last_phase + 1) % SLOTS_PER_FRAME;
                (self.quietest_thread(), self.last_phase)
            }
        };
        self.rooms.insert(room, RoomRecord { thread, phase, members: Vec::new(), holds: 0, arranged: false });
    }

    fn hold_room(&mut self, room: u64) {
        self.make_room(room, None);
        if let Some(record) = self.rooms.get_mut(&room) {
            record.holds += 1;
        }
    }

    fn release_hold(&mut self, room: u64) {
        if let Some(record) = self.rooms.get_mut(&room) {
            record.holds -= 1;
        }
        self.forget_room_if_over(room);
    }

    fn forget_room_if_over(&mut self, room: u64) {
        if self.rooms.get(&room).is_some_and(|record| record.holds == 0 && !record.arranged) {
            self.rooms.remove(&room);
        }
    }

    /// Start a prompt.
    pub fn play(&mut self, plan: PromptPlan, target: Target) {
        let play = plan.id;
        match target {
            Target::Leg(leg) if !self.legs.contains_key(&leg) => {
                let stopped = Event::PlaybackFinished { play, played_ms: 0, stopped: true };
                return self.outbox.send_all(&mut vec![stopped]);
            }
            Target::Leg(_) => {}
            Target::Room(room) => self.hold_room(room),
        }
        self.plays.insert(play, target);
        self.send_prompt(play, PromptCommand::Play(plan));
    }

    /// Add audio to a prompt: samples at its rate.
    pub fn feed(&mut self, play: u64, pcm: Vec<i16>, last: bool) {
        self.send_prompt(play, PromptCommand::Feed { play, pcm, last });
    }

    /// Cut a prompt.
    pub fn stop(&mut self, play: u64) {
        self.send_prompt(play, PromptCommand::Stop { play });
    }

    fn send_prompt(&self, play: u64, command: PromptCommand) {
        match self.plays.get(&play) {
            Some(Target::Leg(leg)) => self.send_leg(*leg, LegCommand::Prompt(command)),
            Some(Target::Room(room)) => self.send_room(*room, RoomCommand::Prompt(command)),
            None => {}
        }
    }

    /// Queue keys: `0`-`9`, `*`, `#`, `A`-`D`, and `p` for 500 ms of pause.
    pub fn send_keys(&mut self, keys: u64, leg: u64, digits: String) {
        self.send_leg(leg, LegCommand::SendKeys { keys, digits });
    }

    /// Watch for silence of a leg.
    pub fn watch_silence(&mut self, watch: u64, leg: u64, milliseconds: u64) {
        if self.legs.contains_key(&leg) {
            self.watches.insert(watch, leg);
            self.send_leg(leg, LegCommand::WatchSilence { watch, milliseconds });
        }
    }

    /// Tell voices, signals and levels of a leg until `unwatch`.
    pub fn observe(&mut self, watch: u64, leg: u64) {
        if self.legs.contains_key(&leg) {
            self.watches.insert(watch, leg);
            self.send_leg(leg, LegCommand::Observe(Box::new(Observer::new(watch))));
        }
    }

    /// Observe a leg by rules of one's own for what a voice is, and take what it says at `rate` as well: it is read as
    /// a tap of the same name, also when the leg has ended, until `unwatch`.
    pub fn hear(&mut self, watch: u64, leg: u64, rules: VoiceRules, rate: Option<Rate>) {
        if self.legs.contains_key(&leg) {
            self.watches.insert(watch, leg);
            let tap = rate.map(|rate| {
                let (tap, reader) = open_ear(watch, rate);
                self.ears.insert(watch, reader);
                tap
            });
            self.send_leg(leg, LegCommand::Observe(Box::new(Observer::with_ear(watch, rules, tap))));
        }
    }

    /// Forget a watch or an observation.
    pub fn unwatch(&mut self, watch: u64) {
        self.ears.remove(&watch);
        if let Some(leg) = self.watches.remove(&watch) {
            self.send_leg(leg, LegCommand::Unwatch { watch });
        }
    }

    /// Start a recording tap on a room; it is read at `rate`, whatever the room's is.
    pub fn record(&mut self, tap: u64, room: u64, layout: Layout, rate: Rate) -> Result<(), MediaError> {
        if !(1..=MAX_CHANNELS).contains(&layout.channels()) {
            return Err(MediaError::Channels(layout.channels()));
        }
        self.hold_room(room);
        let (writer, reader) = open_tap(tap, layout, rate);
        self.taps.insert(tap, TapRecord { room, reader });
        self.send_room(room, RoomCommand::Record(writer));
        Ok(())
    }

    /// Take what a tap holds: little-endian interleaved samples, and the milliseconds lost after them.
    pub fn read_tap(&mut self, tap: u64) -> (Vec<u8>, u64) {
        let mut pcm = Vec::new();
        let reader = self.taps.get_mut(&tap).map(|record| &mut record.reader).or(self.ears.get_mut(&tap));
        let lost_ms = reader.map_or(0, |reader| reader.read(&mut pcm));
        (pcm, lost_ms)
    }

    /// End a tap. What it still holds must be read before.
    pub fn stop_tap(&mut self, tap: u64) {
        if let Some(record) = self.taps.remove(&tap) {
            record.reader.close();
            self.send_room(record.room, RoomCommand::SweepTaps);
            self.release_hold(record.room);
        }
    }

    /// Figures by name. The worst lag is the one since it was last asked for.
    pub fn gauges(&self) -> Vec<(&'static str, f64)> {
        let mut packets = self.closed;
        for record in self.legs.values() {
            packets.add(&record.stats.read());
        }
        let mut threads = ThreadFigures::default();
        for thread in &self.threads {
            threads.add(&thread.stats.read());
        }
        vec![
            ("busy_seconds", threads.busy_us as f64 / 1e6),
            ("concealed_seconds", packets.concealed_ms as f64 / 1e3),
            ("cpu_seconds", threads.cpu_ns as f64 / 1e9),
            ("frames_skipped", threads.skipped_frames as f64),
            ("keys_received", packets.keys as f64),
            ("legs", self.legs.len() as f64),
            ("packets_foreign", packets.foreign as f64),
            ("packets_handed_on", packets.handed_on as f64),
            ("packets_late", packets.late as f64),
            ("packets_lost", packets.lost as f64),
            ("packets_malformed", packets.malformed as f64),
            ("packets_received", packets.received as f64),
            ("packets_rtcp", packets.rtcp as f64),
            ("packets_sent", packets.sent as f64),
            ("packets_unsendable", threads.send_errors as f64),
            ("pacing_lag_p99_seconds", threads.lag_us(99) as f64 / 1e6),
            ("pacing_lag_worst_seconds", threads.worst_lag_us as f64 / 1e6),
            ("ports_free", self.ports.free() as f64),
            ("ports_used", self.ports.used() as f64),
            ("prompts", self.plays.len() as f64),
            ("recordings", self.taps.len() as f64),
            ("reports_sent", packets.reports as f64),
            ("rooms", self.rooms.len() as f64),
            ("rooms_moved", self.rooms_moved as f64),
            ("slots", threads.slots as f64),
            ("slots_late", threads.late_slots as f64),
            ("threads", self.threads.len() as f64),
        ]
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
