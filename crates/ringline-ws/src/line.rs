//! The pacing thread's side of a socket, and what both sides share.

use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::Arc;

use ringline_media::{Kernel, Line, Rate, Ring, MAX_FRAME};

use crate::stats::{SocketCounters, SocketStats};
use crate::thread::Bell;

/// Audio that waits for the socket's thread: that one was kept from running if it is full.
const OUT_FRAMES: usize = 10;
/// What the core makes of 24 kHz.
const CORE_HZ_OF_24: u32 = 16_000;

/// The rates of audio on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListeningRate {
    /// 8 kHz.
    Narrow,
    /// 16 kHz.
    Wide,
    /// 24 kHz; mixed at 16.
    Wider,
}

impl ListeningRate {
    /// The rate of so many samples per second, if it is one of them.
    pub fn of_hz(hz: u32) -> Option<Self> {
        [ListeningRate::Narrow, ListeningRate::Wide, ListeningRate::Wider].into_iter().find(|rate| rate.hz() == hz)
    }

    /// Samples per second.
    pub const fn hz(self) -> u32 {
        match self {
            ListeningRate::Narrow => 8000,
            ListeningRate::Wide => 16_000,
            ListeningRate::Wider => 24_000,
        }
    }

    /// Samples in 20 ms.
    pub const fn samples(self) -> usize {
        (self.hz() / 50) as usize
    }

    /// The rate at which the core has it.
    const fn in_core(self) -> Rate {
        match self {
            ListeningRate::Narrow => Rate::Narrow,
            ListeningRate::Wide | ListeningRate::Wider => Rate::Wide,
        }
    }
}

/// What the pacing thread and the socket's thread share: positions count frames since the socket was opened.
pub(crate) struct Shared {
    pub(crate) socket: u64,
    pub(crate) rate: ListeningRate,
    /// Frames that the server has sent and we have kept.
    pub(crate) written: AtomicU64,
    /// Those of them that have left the buffer.
    pub(crate) taken: AtomicU64,
    /// Those that have been heard to their end, or dropped.
    pub(crate) played: AtomicU64,
    /// All before this one is dropped.
    pub(crate) skip_to: AtomicU64,
    /// What the server is to hear.
    pub(crate) out: Ring,
    pub(crate) open: AtomicBool,
    /// The socket's thread knows already that there is something for it.
    pub(crate) noted: AtomicBool,
    pub(crate) stats: SocketStats,
}

impl Shared {
    pub(crate) fn new(socket: u64, rate: ListeningRate) -> Self {
        Shared {
            socket,
            rate,
            written: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            played: AtomicU64::new(0),
            skip_to: AtomicU64::new(0),
            out: Ring::new(OUT_FRAMES * rate.samples()),
            open: AtomicBool::new(false),
            noted: AtomicBool::new(false),
            stats: SocketStats::default(),
        }
    }

    /// Frames that wait to be played.
    pub(crate) fn buffered(&self) -> u64 {
        self.written.load(Acquire).saturating_sub(self.taken.load(Acquire))
    }

    pub(crate) fn counters(&self) -> SocketCounters {
        self.stats.read(self.buffered())
    }
}

/// The way between a leg and its socket: one frame each way per tick, no waiting, no locks.
pub struct SocketLine {
    shared: Arc<Shared>,
    frames: Receiver<Box<[i16]>>,
    bell: Bell,
    /// To the core's rate and back, for 24 kHz.
    kernels: Option<(Kernel, Kernel)>,
}

impl SocketLine {
    pub(crate) fn new(shared: Arc<Shared>, frames: Receiver<Box<[i16]>>, bell: Bell) -> Self {
        let hz = shared.rate.hz();
        let kernels = (shared.rate == ListeningRate::Wider)
            .then(|| (Kernel::new(hz, CORE_HZ_OF_24), Kernel::new(CORE_HZ_OF_24, hz)));
        SocketLine { shared, frames, bell, kernels }
    }
}

impl Line for SocketLine {
    fn rate(&self) -> Rate {
        self.shared.rate.in_core()
    }

    fn is_open(&self) -> bool {
        self.shared.open.load(Acquire)
    }

    fn take(&mut self, frame: &mut [i16]) -> bool {
        let shared = &self.shared;
        let mut taken = shared.taken.load(Relaxed);
        let skip_to = shared.skip_to.load(Acquire);
        if taken < skip_to {
            let before = taken;
            while taken < skip_to && self.frames.try_recv().is_ok() {
                taken += 1;
            }
            SocketStats::count(&shared.stats.cleared, taken - before);
            shared.taken.store(taken, Release);
        }
        // What was taken in the tick before has been heard to its end now.
        shared.played.store(taken, Release);
        let Ok(samples) = self.frames.try_recv() else { return false };
        shared.taken.store(taken + 1, Release);
        match &mut self.kernels {
            Some((inwards, _)) => inwards.run(&samples, frame),
            None => frame.copy_from_slice(&samples),
        }
        true
    }

    fn give(&mut self, frame: &[i16]) {
        match &mut self.kernels {
            Some((_, outwards)) => {
                let mut wider = [0i16; MAX_FRAME];
                let wider = &mut wider[..self.shared.rate.samples()];
                outwards.run(frame, wider);
                self.shared.out.write(wider);
            }
            None => self.shared.out.write(frame),
        }
        if !self.shared.noted.swap(true, AcqRel) {
            self.bell.note(self.shared.socket);
        }
    }
}

/// The socket's thread's end of the way into the buffer.
pub(crate) struct Inlet {
    pub(crate) shared: Arc<Shared>,
    pub(crate) frames: Sender<Box<[i16]>>,
}

impl Inlet {
    /// Keep a frame if there is room; false if there is none.
    pub(crate) fn put(&self, samples: Box<[i16]>, room_for: u64) -> bool {
        let shared = &self.shared;
        let buffered = shared.buffered();
        if buffered >= room_for {
            return false;
        }
        // Fails only when the leg is gone, and then nobody minds.
        let _ = self.frames.send(samples);
        shared.written.fetch_add(1, Release);
        let stats = &shared.stats;
        stats.most_buffered.store(stats.most_buffered.load(Relaxed).max(buffered + 1), Relaxed);
        true
    }
}
