//! How a pacing thread is doing, for metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::worker::SLOTS_PER_FRAME;

/// Later than this, a tick counts as late.
const LATE_US: u64 = 5000;

/// Bounds of the lags that are told apart.
pub(crate) const LAGS_US: [u64; 8] = [50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/// Figures of one pacing thread, read by anybody.
#[derive(Debug, Default)]
pub(crate) struct ThreadStats {
    slots: AtomicU64,
    late_slots: AtomicU64,
    /// The worst lag since it was last read.
    worst_lag_us: AtomicU64,
    busy_us: AtomicU64,
    /// How long the last turn of each phase was.
    busy_by_phase: [AtomicU64; SLOTS_PER_FRAME as usize],
    cpu_ns: AtomicU64,
    /// Slots by their lag.
    lags: [AtomicU64; LAGS_US.len() + 1],
    skipped_frames: AtomicU64,
    send_errors: AtomicU64,
}

/// A copy of a thread's figures.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ThreadFigures {
    pub(crate) slots: u64,
    pub(crate) late_slots: u64,
    pub(crate) worst_lag_us: u64,
    pub(crate) busy_us: u64,
    /// Processor time of the thread.
    pub(crate) cpu_ns: u64,
    /// Slots that lagged at most by each of [`LAGS_US`], and the rest.
    pub(crate) lags: [u64; LAGS_US.len() + 1],
    pub(crate) skipped_frames: u64,
    pub(crate) send_errors: u64,
}

impl ThreadFigures {
    /// Add another thread's figures; of the lags the worst remains.
    pub(crate) fn add(&mut self, other: &ThreadFigures) {
        self.slots += other.slots;
        self.late_slots += other.late_slots;
        self.worst_lag_us = self.worst_lag_us.max(other.worst_lag_us);
        self.busy_us += other.busy_us;
        self.cpu_ns += other.cpu_ns;
        for (lag, other) in self.lags.iter_mut().zip(other.lags) {
            *lag += other;
        }
        self.skipped_frames += other.skipped_frames;
        self.send_errors += other.send_errors;
    }
}

impl ThreadFigures {
    /// The lag in microseconds that so many of a hundred slots keep to, by the bounds above; the worst beyond them.
    pub(crate) fn lag_us(&self, percent: u64) -> u64 {
        let all: u64 = self.lags.iter().sum();
        let mut within = 0;
        for (bound, count) in LAGS_US.iter().zip(self.lags) {
            within += count;
            if within * 100 >= all * percent {
                return *bound;
            }
        }
        self.worst_lag_us
    }
}

impl ThreadStats {
    pub(crate) fn count_slot(&self, slot: u64, lag_us: u64, busy_us: u64, cpu_ns: u64) {
        self.busy_by_phase[(slot % SLOTS_PER_FRAME) as usize].store(busy_us, Relaxed);
        let class = LAGS_US.iter().position(|bound| lag_us <= *bound).unwrap_or(LAGS_US.len());
        self.lags[class].fetch_add(1, Relaxed);
        self.cpu_ns.store(cpu_ns, Relaxed);
        self.slots.fetch_add(1, Relaxed);
        self.late_slots.fetch_add(u64::from(lag_us > LATE_US), Relaxed);
        self.worst_lag_us.fetch_max(lag_us, Relaxed);
        self.busy_us.fetch_add(busy_us, Relaxed);
    }

    /// How long the last turn of each phase was, in microseconds.
    pub(crate) fn busy_by_phase(&self) -> [u64; SLOTS_PER_FRAME as usize] {
        std::array::from_fn(|phase| self.busy_by_phase[phase].load(Relaxed))
    }

    pub(crate) fn count_skipped(&self, frames: u64) {
        self.skipped_frames.fetch_add(frames, Relaxed);
    }

    pub(crate) fn count_send_error(&self) {
        self.send_errors.fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self) -> ThreadFigures {
        ThreadFigures {
            slots: self.slots.load(Relaxed),
            late_slots: self.late_slots.load(Relaxed),
            worst_lag_us: self.worst_lag_us.swap(0, Relaxed),
            busy_us: self.busy_us.load(Relaxed),
            cpu_ns: self.cpu_ns.load(Relaxed),
            lags: std::array::from_fn(|class| self.lags[class].load(Relaxed)),
            skipped_frames: self.skipped_frames.load(Relaxed),
            send_errors: self.send_errors.load(Relaxed),
        }
    }
}
