//! The control side of all sockets: knows which thread has which, and passes orders on. It never touches audio.

use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{channel, Sender};
use std::sync::Arc;
use std::thread::JoinHandle;

use mio::{Poll, Waker};
use ringline_media_io::{event_queue, EventReceiver};

use crate::dial::{Dial, DialError};
use crate::event::SocketEvent;
use crate::line::{Inlet, Shared, SocketLine};
use crate::settings::Settings;
use crate::stats::SocketCounters;
use crate::thread::{Bell, Command, ThreadStats, Worker, WAKE};
use crate::trust::Trust;

struct Thread {
    inbox: Sender<Command>,
    bell: Bell,
    stats: Arc<ThreadStats>,
    join: Option<JoinHandle<()>>,
    sockets: usize,
}

struct Record {
    thread: usize,
    shared: Arc<Shared>,
}

/// All WebSockets of this process. Every method only enqueues; results come out of [`Sockets::poll`].
pub struct Sockets {
    threads: Vec<Thread>,
    inbox: EventReceiver<SocketEvent>,
    records: HashMap<u64, Record>,
    last: u64,
    /// Sockets that are gone, counted together.
    before: SocketCounters,
    opened: u64,
    failed: u64,
    disconnected: u64,
}

impl Sockets {
    /// Start the threads.
    ///
    /// # Errors
    /// No threads or descriptors are left.
    pub fn start(settings: &Settings, trust: &Trust) -> io::Result<Self> {
        let (outbox, inbox) = event_queue()?;
        let count = match settings.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count.min(256),
        };
        let mut threads = Vec::new();
        for index in 0..count {
            let poll = Poll::new()?;
            let (orders, orders_in) = channel();
            let (noted, noted_in) = channel();
            let bell = Bell::new(Waker::new(poll.registry(), WAKE)?, noted);
            let stats = Arc::new(ThreadStats::default());
            let worker = Worker {
                poll,
                bell: bell.clone(),
                inbox: orders_in,
                noted: noted_in,
                outbox: outbox.clone(),
                settings: settings.clone(),
                trust: trust.clone(),
                stats: Arc::clone(&stats),
            };
            let join = std::thread::Builder::new().name(format!("sockets-{index}")).spawn(|| worker.run())?;
            threads.push(Thread { inbox: orders, bell, stats, join: Some(join), sockets: 0 });
        }
        Ok(Sockets {
            threads,
            inbox,
            records: HashMap::new(),
            last: 0,
            before: SocketCounters::default(),
            opened: 0,
            failed: 0,
            disconnected: 0,
        })
    }

    /// The descriptor that becomes readable when events wait.
    pub fn fileno(&self) -> RawFd {
        self.inbox.as_raw_fd()
    }

    /// Take up to `limit` events.
    pub fn poll(&mut self, limit: usize) -> Vec<SocketEvent> {
        let events = self.inbox.take(limit);
        for event in &events {
            match event {
                SocketEvent::Opened { .. } => self.opened += 1,
                SocketEvent::Failed { .. } => self.failed += 1,
                SocketEvent::Closed { .. } => self.disconnected += 1,
                SocketEvent::Overflowed { .. } | SocketEvent::Remarked { .. } => {}
            }
        }
        events
    }

    /// Dial; gives the socket's number, and the line for its leg.
    ///
    /// # Errors
    /// The request cannot be written.
    pub fn dial(&mut self, dial: Dial) -> Result<(u64, SocketLine), DialError> {
        let (ready, rate) = dial.prepare()?;
        let index = (0..self.threads.len()).min_by_key(|index| self.threads[*index].sockets).unwrap_or(0);
        let thread = self.threads.get_mut(index).ok_or_else(|| DialError("the sockets were shut down".to_owned()))?;
        self.last += 1;
        let shared = Arc::new(Shared::new(self.last, rate));
        let (frames, frames_in) = channel();
        let line = SocketLine::new(Arc::clone(&shared), frames_in, thread.bell.clone());
        let inlet = Inlet { shared: Arc::clone(&shared), frames };
        thread.sockets += 1;
        self.records.insert(self.last, Record { thread: index, shared });
        self.tell(index, Command::Dial { ready: Box::new(ready), inlet });
        Ok((self.last, line))
    }

    fn tell(&self, thread: usize, command: Command) {
        // Fails only when the thread has ended, and then nothing is listened to any more.
        let _ = self.threads[thread].inbox.send(command);
        self.threads[thread].bell.ring();
    }

    /// Send a text message in its turn.
    pub fn say(&self, socket: u64, text: String) {
        if let Some(record) = self.records.get(&socket) {
            self.tell(record.thread, Command::Say { socket, text });
        }
    }

    /// Close a socket with a close code, or forget one that is closed already; nothing more is told of it.
    pub fn close(&mut self, socket: u64, code: u16) {
        if let Some(record) = self.records.remove(&socket) {
            self.threads[record.thread].sockets -= 1;
            self.tell(record.thread, Command::Close { socket, code });
            let mut counters = record.shared.counters();
            counters.buffered = 0;
            self.before.add(&counters);
        }
    }

    /// A socket's counters now.
    pub fn counters(&self, socket: u64) -> Option<SocketCounters> {
        self.records.get(&socket).map(|record| record.shared.counters())
    }

    /// Figures by name.
    pub fn gauges(&self) -> Vec<(&'static str, f64)> {
        let mut all = self.before;
        let mut deepest = 0;
        for record in self.records.values() {
            let counters = record.shared.counters();
            deepest = deepest.max(counters.buffered);
            all.add(&counters);
        }
        let cpu_ns: u64 = self.threads.iter().map(|thread| thread.stats.cpu_ns.load(Relaxed)).sum();
        let wakes: u64 = self.threads.iter().map(|thread| thread.stats.wakes.load(Relaxed)).sum();
        vec![
            ("buffered_deepest_seconds", deepest as f64 / 50.0),
            ("buffered_seconds", all.buffered as f64 / 50.0),
            ("cpu_seconds", cpu_ns as f64 / 1e9),
            ("disconnected", self.disconnected as f64),
            ("failed", self.failed as f64),
            ("frames_cleared", all.cleared as f64),
            ("frames_overflowed", all.overflowed as f64),
            ("frames_received", all.received as f64),
            ("frames_sent", all.sent as f64),
            ("frames_skipped", all.skipped as f64),
            ("frames_unread", all.unread as f64),
            ("messages_ignored", all.ignored as f64),
            ("open", self.records.len() as f64),
            ("opened", self.opened as f64),
            ("wakes", wakes as f64),
        ]
    }

    /// Close all sockets (1001) and end the threads; at most 300 ms long.
    pub fn shutdown(&mut self) {
        for thread in &self.threads {
            let _ = thread.inbox.send(Command::Shutdown);
            thread.bell.ring();
        }
        for thread in &mut self.threads {
            if let Some(join) = thread.join.take() {
                // A thread that panicked has told so already; there is nothing left to end.
                let _ = join.join();
            }
        }
        self.threads.clear();
        self.records.clear();
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.shutdown();
    }
}
