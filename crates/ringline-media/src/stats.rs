//! Counters of a leg that other threads may read at any time.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One leg's counters. Written by its pacing thread alone, read by anybody, without a lock.
#[derive(Debug, Default)]
pub struct LegStats {
    /// Valid RTP packets of the peer.
    pub received: AtomicU64,
    /// RTP packets sent.
    pub sent: AtomicU64,
    /// Packets that never came.
    pub lost: AtomicU64,
    /// Packets that came after their time.
    pub late: AtomicU64,
    /// Datagrams that were no RTP, or of a type nobody agreed to.
    pub malformed: AtomicU64,
    /// Packets from somebody else.
    pub foreign: AtomicU64,
    /// RTCP packets on the RTP port.
    pub rtcp: AtomicU64,
    /// Jitter in microseconds.
    pub jitter_us: AtomicU64,
    /// Keys pressed by the far end.
    pub keys: AtomicU64,
}

/// A copy of the counters.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LegCounters {
    /// Valid RTP packets of the peer.
    pub received: u64,
    /// RTP packets sent.
    pub sent: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Datagrams that were no RTP, or of a type nobody agreed to.
    pub malformed: u64,
    /// Packets from somebody else.
    pub foreign: u64,
    /// RTCP packets on the RTP port.
    pub rtcp: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1) in milliseconds.
    pub jitter_ms: f64,
    /// Keys pressed by the far end.
    pub keys: u64,
}

impl LegCounters {
    /// Add another leg's counts; jitter is no count and stays.
    pub fn add(&mut self, other: &LegCounters) {
        self.received += other.received;
        self.sent += other.sent;
        self.lost += other.lost;
        self.late += other.late;
        self.malformed += other.malformed;
        self.foreign += other.foreign;
        self.rtcp += other.rtcp;
        self.keys += other.keys;
    }
}

/// Count one more.
#[inline]
pub fn bump(counter: &AtomicU64) {
    // A single writer: load and store are enough, and cheaper than a locked add.
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

impl LegStats {
    /// Read them all.
    pub fn read(&self) -> LegCounters {
        LegCounters {
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
            lost: self.lost.load(Relaxed),
            late: self.late.load(Relaxed),
            malformed: self.malformed.load(Relaxed),
            foreign: self.foreign.load(Relaxed),
            rtcp: self.rtcp.load(Relaxed),
            jitter_ms: self.jitter_us.load(Relaxed) as f64 / 1000.0,
            keys: self.keys.load(Relaxed),
        }
    }
}
