//! A leg's reports: when one is due, what it says, and what the far end's say (RFC 3550 §6).

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use crate::codec::CodecKind;
use crate::leg::Now;
use crate::plan::LegPlan;
use crate::quality::{opinion, rating};
use crate::rtcp::{middle_of_ntp, write_goodbye, write_report, Block, Report, Sent};
use crate::sequence::Reception;
use crate::stats::{bump, LegStats};

/// Between two reports.
const INTERVAL_MS: u64 = 5000;
/// Mixing and the phones' own buffers add about so much.
const ELSEWHERE_MS: f64 = 40.0;

/// Where a report goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportTo {
    /// The far end's address.
    pub address: SocketAddr,
    /// It shares the audio's socket.
    pub mux: bool,
}

/// One of the ways to write a report: the regular one, or the last.
pub(crate) type Writer = fn(
    &mut Reports,
    Now,
    u32,
    Sent,
    (Option<u32>, &mut Reception, u64),
    &LegPlan,
    Option<SocketAddr>,
) -> Option<ReportTo>;

/// Keeps what reports need from one to the next.
pub(crate) struct Reports {
    stats: Arc<LegStats>,
    due_ms: u64,
    /// Where the far end's own reports came from.
    learned: Option<ReportTo>,
    signalled: Option<SocketAddr>,
    mux: bool,
    /// The last sender report: its time, and when it came.
    last: Option<(u32, u64)>,
    packets_told: u32,
    late_told: u64,
    received_told: u64,
    round_trip_ms: f64,
    /// In bytes, reused.
    pub(crate) scratch: Vec<u8>,
}

impl Reports {
    pub(crate) fn new(stats: Arc<LegStats>) -> Self {
        Reports {
            stats,
            due_ms: 0,
            learned: None,
            signalled: None,
            mux: false,
            last: None,
            packets_told: 0,
            late_told: 0,
            received_told: 0,
            round_trip_ms: 0.0,
            scratch: Vec::with_capacity(crate::rtcp::REPORT_BYTES),
        }
    }

    /// When the next report is due.
    pub(crate) fn due_ms(&self) -> u64 {
        self.due_ms
    }

    pub(crate) fn configure(&mut self, plan: &LegPlan, ssrc: u32, now_ms: u64) {
        if (self.signalled, self.mux) != (plan.rtcp, plan.rtcp_mux) {
            self.learned = None;
        }
        self.signalled = plan.rtcp;
        self.mux = plan.rtcp_mux;
        if self.due_ms == 0 {
            // Not all legs at the same moment.
            self.due_ms = now_ms + INTERVAL_MS / 2 + u64::from(ssrc) % (INTERVAL_MS / 2);
        }
    }

    /// Take a compound packet; returns the loss of our packets in a hundred, if the far end told it.
    pub(crate) fn receive(
        &mut self,
        bytes: &[u8],
        ours: u32,
        from: ReportTo,
        arrival_us: u64,
        plan: &LegPlan,
    ) -> Option<u8> {
        let Some(report) = Report::read(bytes, ours) else {
            bump(&self.stats.malformed);
            return None;
        };
        bump(&self.stats.rtcp);
        self.learned = Some(from);
        if let Some(time) = report.sender_time {
            self.last = Some((time, arrival_us));
        }
        let about = report.about?;
        if let Some(trip_us) = about.round_trip_us(arrival_us) {
            self.round_trip_ms = trip_us as f64 / 1000.0;
            self.stats.round_trip_us.store(trip_us, Relaxed);
        }
        let loss = f64::from(about.fraction_lost) / 256.0;
        let jitter_ms = f64::from(about.jitter) * 1000.0 / f64::from(plan.codec.clock_hz());
        self.stats.far_loss_ppm.store((loss * 1e6) as u64, Relaxed);
        self.stats.far_jitter_us.store((jitter_ms * 1000.0) as u64, Relaxed);
        self.stats.far_opinion_milli.store(self.opinion(plan.codec, loss, 2.0 * jitter_ms), Relaxed);
        Some((loss * 100.0).ceil() as u8)
    }

    fn opinion(&self, codec: CodecKind, loss: f64, buffer_ms: f64) -> u64 {
        let delay_ms = self.round_trip_ms / 2.0 + buffer_ms + ELSEWHERE_MS;
        (opinion(rating(codec, loss, delay_ms)) * 1000.0) as u64
    }

    /// Write a report to `scratch` if one is due.
    pub(crate) fn report(
        &mut self,
        now: Now,
        ssrc: u32,
        sent: Sent,
        received: (Option<u32>, &mut Reception, u64),
        plan: &LegPlan,
        destination: Option<SocketAddr>,
    ) -> Option<ReportTo> {
        if now.ms < self.due_ms {
            return None;
        }
        self.due_ms = now.ms + INTERVAL_MS;
        let (stream, reception, delay_us) = received;
        let about = stream.map(|stream| {
            let (highest, fraction_lost, lost) = reception.report();
            let (last_report, since_report) = self.last.map_or((0, 0), |(time, came_us)| {
                (time, middle_of_ntp(now.wall_us).wrapping_sub(middle_of_ntp(came_us)))
            });
            self.judge(fraction_lost, delay_us, plan.codec);
            Block {
                ssrc: stream,
                fraction_lost,
                lost,
                highest,
                jitter: reception.jitter() as u32,
                last_report,
                since_report,
            }
        });
        let talked = sent.packets != self.packets_told;
        self.packets_told = sent.packets;
        let to = self.destination(destination)?;
        write_report(&mut self.scratch, ssrc, now.wall_us, talked.then_some(sent), about);
        bump(&self.stats.reports);
        Some(to)
    }

    /// Write a last report to `scratch`, that says goodbye. Who has never said anything does not (RFC 3550 §6.3.7).
    pub(crate) fn goodbye(
        &mut self,
        now: Now,
        ssrc: u32,
        sent: Sent,
        received: (Option<u32>, &mut Reception, u64),
        plan: &LegPlan,
        destination: Option<SocketAddr>,
    ) -> Option<ReportTo> {
        if sent.packets == 0 && self.stats.reports.load(Relaxed) == 0 {
            return None;
        }
        self.due_ms = 0;
        let to = self.report(now, ssrc, sent, received, plan, destination)?;
        write_goodbye(&mut self.scratch, ssrc);
        Some(to)
    }

    /// How the far end is heard here: what was lost, and what came too late.
    fn judge(&mut self, fraction_lost: u8, delay_us: u64, codec: CodecKind) {
        let (late, received) = (self.stats.late.load(Relaxed), self.stats.received.load(Relaxed));
        let (late_now, received_now) = (late - self.late_told, received - self.received_told);
        (self.late_told, self.received_told) = (late, received);
        if received_now > 0 {
            let late_share = late_now as f64 / received_now as f64;
            let loss = f64::from(fraction_lost) / 256.0 + late_share;
            self.stats.opinion_milli.store(self.opinion(codec, loss, delay_us as f64 / 1000.0), Relaxed);
        }
    }

    fn destination(&self, audio: Option<SocketAddr>) -> Option<ReportTo> {
        if let Some(learned) = self.learned {
            return Some(learned);
        }
        let audio = audio?;
        if self.mux {
            return Some(ReportTo { address: audio, mux: true });
        }
        let beside = SocketAddr::new(audio.ip(), audio.port().checked_add(1)?);
        Some(ReportTo { address: self.signalled.unwrap_or(beside), mux: false })
    }
}
