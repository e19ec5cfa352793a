//! A thread that serves sockets: poller, clock, and what the pacing threads and the control side have to say.

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use ringline_media_io::{run_early, thread_cpu_ns, EventSender};
use tungstenite::protocol::frame::coding::CloseCode;

use crate::connection::{Around, Connection};
use crate::dial::Ready;
use crate::event::SocketEvent;
use crate::line::Inlet;
use crate::settings::Settings;
use crate::trust::Trust;
use crate::wire::PORTION_EVERY;

/// Tokens of sockets are their numbers, which begin with 1.
pub(crate) const WAKE: Token = Token(0);
/// What only time brings is looked at so often.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// At the end of the thread close frames get so long.
const FAREWELL: Duration = Duration::from_millis(300);

/// What a thread of sockets is told.
pub(crate) enum Command {
    Dial { ready: Box<Ready>, inlet: Inlet },
    Say { socket: u64, text: String },
    Close { socket: u64, code: u16 },
    Shutdown,
}

/// Wakes a thread of sockets.
#[derive(Clone)]
pub(crate) struct Bell {
    waker: Arc<Waker>,
    rung: Arc<AtomicBool>,
    noted: Sender<u64>,
}

impl Bell {
    pub(crate) fn new(waker: Waker, noted: Sender<u64>) -> Self {
        Bell { waker: Arc::new(waker), rung: Arc::default(), noted }
    }

    /// A socket has audio to send.
    pub(crate) fn note(&self, socket: u64) {
        // Fails only when the thread has ended, and then nobody minds.
        let _ = self.noted.send(socket);
        self.ring();
    }

    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, AcqRel) {
            // It fails only when a wake-up is on its way already.
            let _ = self.waker.wake();
        }
    }
}

/// Processor time and work of one thread.
#[derive(Debug, Default)]
pub(crate) struct ThreadStats {
    pub(crate) cpu_ns: AtomicU64,
    pub(crate) wakes: AtomicU64,
}

/// One thread of sockets.
pub(crate) struct Worker {
    pub(crate) poll: Poll,
    pub(crate) bell: Bell,
    pub(crate) inbox: Receiver<Command>,
    pub(crate) noted: Receiver<u64>,
    pub(crate) outbox: EventSender<SocketEvent>,
    pub(crate) settings: Settings,
    pub(crate) trust: Trust,
    pub(crate) stats: Arc<ThreadStats>,
}

impl Worker {
    /// Run until told to end.
    pub(crate) fn run(mut self) {
        run_early();
        let mut serving = Serving { sockets: HashMap::new(), hungry: Vec::new(), events: Vec::new() };
        let mut ready = Events::with_capacity(256);
        let mut look_at = Instant::now();
        let mut end: Option<Instant> = None;
        loop {
            let wait = serving.wait(look_at, Instant::now());
            if self.poll.poll(&mut ready, wait).is_err() {
                continue; // interrupted by a signal
            }
            self.bell.rung.swap(false, Acquire);
            let now = Instant::now();
            for event in &ready {
                if event.token() != WAKE {
                    serving.with(event.token().0 as u64, now, &self, Connection::advance);
                }
            }
            while let Ok(command) = self.inbox.try_recv() {
                if matches!(command, Command::Shutdown) {
                    serving.farewell(now, &self);
                    end = Some(now + FAREWELL);
                } else {
                    serving.command(command, now, &self);
                }
            }
            while let Ok(socket) = self.noted.try_recv() {
                serving.with(socket, now, &self, Connection::noted);
            }
            for socket in std::mem::take(&mut serving.hungry) {
                serving.with(socket, now, &self, Connection::advance);
            }
            if now >= look_at {
                look_at = now + LOOK_EVERY;
                for socket in serving.sockets.keys().copied().collect::<Vec<_>>() {
                    serving.with(socket, now, &self, Connection::look);
                }
            }
            self.outbox.send_all(&mut serving.events);
            self.stats.cpu_ns.store(thread_cpu_ns(), Relaxed);
            self.stats.wakes.store(self.stats.wakes.load(Relaxed) + 1, Relaxed);
            if end.is_some_and(|end| serving.sockets.is_empty() || now >= end) {
                return;
            }
        }
    }
}

struct Serving {
    sockets: HashMap<u64, Connection>,
    /// Those that have more to read than their portion.
    hungry: Vec<u64>,
    events: Vec<SocketEvent>,
}

impl Serving {
    fn wait(&self, look_at: Instant, now: Instant) -> Option<Duration> {
        if self.sockets.is_empty() {
            return None;
        }
        let look = look_at.saturating_duration_since(now);
        Some(if self.hungry.is_empty() { look } else { look.min(PORTION_EVERY) })
    }

    fn with(
        &mut self,
        socket: u64,
        now: Instant,
        worker: &Worker,
        work: impl FnOnce(&mut Connection, &mut Around<'_>),
    ) {
        let Some(connection) = self.sockets.get_mut(&socket) else { return };
        let (settings, trust, registry) = (&worker.settings, &worker.trust, worker.poll.registry());
        let mut around = Around { now, settings, trust, registry, events: &mut self.events };
        // After a panic the socket is only dropped, so nobody sees what it left half-done.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(connection, &mut around)));
        if outcome.is_err() {
            connection.break_off(&mut around);
        }
        if connection.is_gone() {
            self.sockets.remove(&socket);
        } else if connection.is_hungry() && !self.hungry.contains(&socket) {
            self.hungry.push(socket);
        }
    }

    fn command(&mut self, command: Command, now: Instant, worker: &Worker) {
        match command {
            Command::Dial { ready, inlet } => {
                let socket = inlet.shared.socket;
                let (settings, trust, registry) = (&worker.settings, &worker.trust, worker.poll.registry());
                let mut around = Around { now, settings, trust, registry, events: &mut self.events };
                let connection = Connection::dial(*ready, inlet, &mut around);
                if !connection.is_gone() {
                    self.sockets.insert(socket, connection);
                }
            }
            Command::Say { socket, text } => self.with(socket, now, worker, |connection, around| {
                connection.say(text, around);
                connection.send(around);
            }),
            Command::Close { socket, code } => {
                self.with(socket, now, worker, |connection, around| connection.close(code.into(), around));
            }
            Command::Shutdown => {}
        }
    }

    fn farewell(&mut self, now: Instant, worker: &Worker) {
        for socket in self.sockets.keys().copied().collect::<Vec<_>>() {
            self.with(socket, now, worker, |connection, around| connection.close(CloseCode::Away, around));
        }
    }
}
