//! Counters of a socket that other threads may read at any time.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ringline_media::bump;

/// One socket's counters. Each is written by one thread alone.
#[derive(Debug, Default)]
pub(crate) struct SocketStats {
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) unread: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) overflowed: AtomicU64,
    pub(crate) cleared: AtomicU64,
    pub(crate) ignored: AtomicU64,
    pub(crate) most_buffered: AtomicU64,
}

/// A copy of the counters. Audio is counted in frames of 20 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketCounters {
    /// Frames sent.
    pub sent: u64,
    /// Frames received.
    pub received: u64,
    /// Our frames that the server did not read in time.
    pub unread: u64,
    /// Our frames left out because this machine was too busy.
    pub skipped: u64,
    /// Its frames for which there was no room.
    pub overflowed: u64,
    /// Its frames dropped by `clear`.
    pub cleared: u64,
    /// Messages that mean nothing, and parts of samples.
    pub ignored: u64,
    /// Frames that wait to be played now.
    pub buffered: u64,
    /// The most that ever waited.
    pub most_buffered: u64,
}

impl SocketCounters {
    /// Add another socket's counts.
    pub fn add(&mut self, other: &SocketCounters) {
        self.sent += other.sent;
        self.received += other.received;
        self.unread += other.unread;
        self.skipped += other.skipped;
        self.overflowed += other.overflowed;
        self.cleared += other.cleared;
        self.ignored += other.ignored;
        self.buffered += other.buffered;
        self.most_buffered = self.most_buffered.max(other.most_buffered);
    }
}

impl SocketStats {
    pub(crate) fn read(&self, buffered: u64) -> SocketCounters {
        SocketCounters {
            sent: self.sent.load(Relaxed),
            received: self.received.load(Relaxed),
            unread: self.unread.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
            overflowed: self.overflowed.load(Relaxed),
            cleared: self.cleared.load(Relaxed),
            ignored: self.ignored.load(Relaxed),
            buffered,
            most_buffered: self.most_buffered.load(Relaxed),
        }
    }

    pub(crate) fn ignore(&self) {
        bump(&self.ignored);
    }

    /// Count several more. A single writer, as for `bump`.
    pub(crate) fn count(counter: &AtomicU64, more: u64) {
        counter.store(counter.load(Relaxed) + more, Relaxed);
    }
}
