//! Counters of a leg that other threads may read at any time.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One leg's counters. Written by its pacing thread alone, read by anybody, without a lock.
#[derive(Debug, Default)]
#[repr(C, align(64))] // what every packet touches lies together
pub struct LegStats {
    /// Valid RTP packets of the peer.
    pub received: AtomicU64,
    /// RTP packets sent.
    pub sent: AtomicU64,
    /// Bytes of their payload, received.
    pub bytes_in: AtomicU64,
    /// And sent.
    pub bytes_out: AtomicU64,
    /// Jitter in microseconds.
    pub jitter_us: AtomicU64,
    /// By how much the jitter buffer delays the leg's voice now, in microseconds.
    pub delay_us: AtomicU64,
    /// Milliseconds made up for what was lost or late.
    pub concealed_ms: AtomicU64,
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
    /// Keys pressed by the far end.
    pub keys: AtomicU64,
    /// Packets handed on as they came, without decoding.
    pub handed_on: AtomicU64,
    /// Reports sent.
    pub reports: AtomicU64,
    /// Time to the far end and back in microseconds; 0 while unknown.
    pub round_trip_us: AtomicU64,
    /// The share of our packets that the far end lost lately, in millionths.
    pub far_loss_ppm: AtomicU64,
    /// The jitter of our packets at the far end in microseconds.
    pub far_jitter_us: AtomicU64,
    /// Mean opinion score of what we hear, in thousandths; 0 while unknown.
    pub opinion_milli: AtomicU64,
    /// And of what the far end hears.
    pub far_opinion_milli: AtomicU64,
}

/// A copy of the counters.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LegCounters {
    /// Valid RTP packets of the peer.
    pub received: u64,
    /// RTP packets sent.
    pub sent: u64,
    /// Bytes of their payload, received.
    pub bytes_in: u64,
    /// And sent.
    pub bytes_out: u64,
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
    /// Milliseconds made up for what was lost or late.
    pub concealed_ms: u64,
    /// By how many milliseconds the jitter buffer delays the leg's voice now.
    pub delay_ms: f64,
    /// Packets handed on as they came, without decoding.
    pub handed_on: u64,
    /// Reports sent.
    pub reports: u64,
    /// Time to the far end and back in milliseconds; 0 while unknown.
    pub round_trip_ms: f64,
    /// The share of our packets that the far end lost lately, 0 to 1.
    pub far_loss: f64,
    /// The jitter of our packets at the far end in milliseconds.
    pub far_jitter_ms: f64,
    /// Mean opinion score of what we hear, 1 to 4.5; 0 while unknown.
    pub opinion: f64,
    /// And of what the far end hears.
    pub far_opinion: f64,
}

impl LegCounters {
    /// Add another leg's counts; what is no count stays.
    pub fn add(&mut self, other: &LegCounters) {
        self.received += other.received;
        self.sent += other.sent;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.lost += other.lost;
        self.late += other.late;
        self.malformed += other.malformed;
        self.foreign += other.foreign;
        self.rtcp += other.rtcp;
        self.keys += other.keys;
        self.concealed_ms += other.concealed_ms;
        self.handed_on += other.handed_on;
        self.reports += other.reports;
    }
}

/// Count one more.
#[inline]
pub fn bump(counter: &AtomicU64) {
    raise(counter, 1);
}

/// Count so many more.
#[inline]
pub(crate) fn raise(counter: &AtomicU64, by: u64) {
    // A single writer: load and store are enough, and cheaper than a locked add.
    counter.store(counter.load(Relaxed) + by, Relaxed);
}

impl LegStats {
    /// Read them all.
    pub fn read(&self) -> LegCounters {
        LegCounters {
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            lost: self.lost.load(Relaxed),
            late: self.late.load(Relaxed),
            malformed: self.malformed.load(Relaxed),
            foreign: self.foreign.load(Relaxed),
            rtcp: self.rtcp.load(Relaxed),
            jitter_ms: self.jitter_us.load(Relaxed) as f64 / 1000.0,
            keys: self.keys.load(Relaxed),
            concealed_ms: self.concealed_ms.load(Relaxed),
            delay_ms: self.delay_us.load(Relaxed) as f64 / 1000.0,
            handed_on: self.handed_on.load(Relaxed),
            reports: self.reports.load(Relaxed),
            round_trip_ms: self.round_trip_us.load(Relaxed) as f64 / 1000.0,
            far_loss: self.far_loss_ppm.load(Relaxed) as f64 / 1e6,
            far_jitter_ms: self.far_jitter_us.load(Relaxed) as f64 / 1000.0,
            opinion: self.opinion_milli.load(Relaxed) as f64 / 1000.0,
            far_opinion: self.far_opinion_milli.load(Relaxed) as f64 / 1000.0,
        }
    }
}
