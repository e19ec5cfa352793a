//! Figures of the whole core.

use super::MediaCore;
use crate::stats::ThreadFigures;

impl MediaCore {
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
}
