//! RTCP reports (RFC 3550 §6.4): what each side received, told to the other, and the round trip between them.

/// Longest compound packet that we write: a sender report with one block, who we are, and that we leave.
pub const REPORT_BYTES: usize = 88;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
/// From 1900 to 1970.
const NTP_OFFSET_S: u64 = 2_208_988_800;
/// A round trip longer than this is a mistake of somebody's clock.
const SLOWEST_US: u64 = 10_000_000;

/// What we have sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The RTP timestamp that belongs to the time of the report.
    pub timestamp: u32,
    /// Packets since the beginning.
    pub packets: u32,
    /// Bytes of payload since the beginning.
    pub bytes: u32,
}

/// What one side received from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    /// The stream that was received.
    pub ssrc: u32,
    /// Loss since the report before, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, 24 bits.
    pub lost: i32,
    /// Highest sequence number, extended by its wraps.
    pub highest: u32,
    /// Interarrival jitter in ticks of the RTP clock.
    pub jitter: u32,
    /// The middle of the NTP time of the last sender report that came; 0 when none has.
    pub last_report: u32,
    /// Time since then in 1/65536 s.
    pub since_report: u32,
}

/// What a compound packet said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Who reports.
    pub ssrc: u32,
    /// The middle of the sender's NTP time.
    pub sender_time: Option<u32>,
    /// What it received of the stream asked for.
    pub about: Option<Block>,
    /// The sender leaves.
    pub goodbye: bool,
}

/// The middle 32 bits of the NTP time: seconds and fraction in 16 bits each.
pub fn middle_of_ntp(wall_us: u64) -> u32 {
    let seconds = (wall_us / 1_000_000).wrapping_add(NTP_OFFSET_S);
    let fraction = (wall_us % 1_000_000) * 65_536 / 1_000_000;
    ((seconds as u32) << 16) | fraction as u32
}

impl Block {
    /// The round trip in microseconds, when the block answers a report of ours (RFC 3550 §6.4.1, figure 2).
    pub fn round_trip_us(&self, arrival_us: u64) -> Option<u64> {
        if self.last_report == 0 {
            return None;
        }
        let passed = middle_of_ntp(arrival_us).wrapping_sub(self.last_report).wrapping_sub(self.since_report);
        // A slow clock of the peer's may make a short trip look negative.
        let passed = if passed > u32::MAX / 2 { 0 } else { u64::from(passed) };
        Some(passed * 1_000_000 / 65_536).filter(|trip_us| *trip_us < SLOWEST_US)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(bytes.get(4 * at..4 * at + 4)?.try_into().ok()?));
        let losses = word(1)?;
        Some(Block {
            ssrc: word(0)?,
            fraction_lost: (losses >> 24) as u8,
            lost: ((losses << 8) as i32) >> 8,
            highest: word(2)?,
            jitter: word(3)?,
            last_report: word(4)?,
            since_report: word(5)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let losses =
            (u32::from(self.fraction_lost) << 24) | (self.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff);
        for word in [self.ssrc, losses, self.highest, self.jitter, self.last_report, self.since_report] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

impl Report {
    /// Read a compound packet; `ours` is the stream whose blocks are wanted. `None` when it is no RTCP.
    pub fn read(mut bytes: &[u8], ours: u32) -> Option<Self> {
        let mut report = Report::default();
        let mut first = true;
        while !bytes.is_empty() {
            let [flags, kind, high, low, ..] = *bytes else { return None };
            let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
            if flags >> 6 != 2 || length > bytes.len() || (first && !(SENDER_REPORT..=207).contains(&kind)) {
                return None;
            }
            let (packet, rest) = bytes.split_at(length);
            bytes = rest;
            let count = usize::from(flags & 0x1f);
            let blocks = match kind {
                SENDER_REPORT => 28,
                RECEIVER_REPORT => 8,
                GOODBYE => {
                    report.goodbye = true;
                    continue;
                }
                _ => {
                    first = false;
                    continue;
                }
            };
            first = false;
            report.ssrc = u32::from_be_bytes(packet.get(4..8)?.try_into().ok()?);
            if kind == SENDER_REPORT {
                report.sender_time = Some(u32::from_be_bytes(packet.get(10..14)?.try_into().ok()?));
            }
            for index in 0..count {
                let block = Block::read(packet.get(blocks + 24 * index..)?)?;
                if block.ssrc == ours {
                    report.about = Some(block);
                }
            }
        }
        (!first || report.goodbye).then_some(report)
    }
}

/// Write a compound packet over `out`: a report, and a description with our name for the call (RFC 3550 §6.5.1).
pub fn write_report(out: &mut Vec<u8>, ssrc: u32, wall_us: u64, sent: Option<Sent>, about: Option<Block>) {
    out.clear();
    let count = u8::from(about.is_some());
    let words = if sent.is_some() { 6 } else { 1 } + 6 * u16::from(count);
    out.extend_from_slice(&[0x80 | count, if sent.is_some() { SENDER_REPORT } else { RECEIVER_REPORT }]);
    out.extend_from_slice(&words.to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
    if let Some(sent) = sent {
        let seconds = (wall_us / 1_000_000).wrapping_add(NTP_OFFSET_S) as u32;
        let fraction = (((wall_us % 1_000_000) << 32) / 1_000_000) as u32;
        for word in [seconds, fraction, sent.timestamp, sent.packets, sent.bytes] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
    if let Some(about) = about {
        about.write(out);
    }
    // One chunk: our stream, one item CNAME of eight characters, the end of the list, padding to a whole word.
    out.extend_from_slice(&[0x81, DESCRIPTION, 0, 4]);
    out.extend_from_slice(&ssrc.to_be_bytes());
    out.extend_from_slice(&[1, 8]);
    for shift in (0..8).rev() {
        let digit = (ssrc >> (4 * shift)) & 15;
        out.push(b"0123456789abcdef"[digit as usize]);
    }
    out.extend_from_slice(&[0, 0]);
}

/// Say at the end of a compound packet that our stream ends (RFC 3550 §6.6).
pub fn write_goodbye(out: &mut Vec<u8>, ssrc: u32) {
    out.extend_from_slice(&[0x81, GOODBYE, 0, 1]);
    out.extend_from_slice(&ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Noise;

    const WALL_US: u64 = 1_700_000_000_250_000;

    fn block() -> Block {
        Block {
            ssrc: 7,
            fraction_lost: 25,
            lost: -3,
            highest: 70_000,
            jitter: 80,
            last_report: middle_of_ntp(WALL_US),
            since_report: 65_536,
        }
    }

    #[test]
    fn what_we_write_we_read_back() {
        let mut bytes = Vec::new();
        let sent = Sent { timestamp: 5, packets: 6, bytes: 960 };
        for (sent, about) in [(Some(sent), Some(block())), (None, Some(block())), (Some(sent), None), (None, None)] {
            write_report(&mut bytes, 99, WALL_US, sent, about);
            assert!(bytes.len() <= REPORT_BYTES && bytes.len() % 4 == 0);
            let report = Report::read(&bytes, 7).unwrap();
            assert_eq!(report.ssrc, 99);
            assert_eq!(report.about, about);
            assert_eq!(report.sender_time, sent.map(|_| middle_of_ntp(WALL_US)));
        }
    }

    #[test]
    fn the_round_trip_is_what_passed_without_the_time_at_the_far_end() {
        // Our report left at WALL_US, was kept for a second, and its echo is here 1.08 s later.
        let trip_us = block().round_trip_us(WALL_US + 1_080_000).unwrap();
        assert!(trip_us.abs_diff(80_000) < 50, "{trip_us}");
        assert_eq!(block().round_trip_us(WALL_US + 900_000), Some(0));
        assert_eq!(Block { last_report: 0, ..block() }.round_trip_us(WALL_US), None);
    }

    #[test]
    fn a_goodbye_is_read_at_the_end_of_a_report() {
        let mut bytes = Vec::with_capacity(REPORT_BYTES);
        let sent = Sent { timestamp: 5, packets: 6, bytes: 960 };
        write_report(&mut bytes, 99, WALL_US, Some(sent), Some(block()));
        assert!(!Report::read(&bytes, 7).unwrap().goodbye);
        write_goodbye(&mut bytes, 99);
        assert!(bytes.len() <= REPORT_BYTES);
        let report = Report::read(&bytes, 7).unwrap();
        assert!(report.goodbye && report.about == Some(block()));
    }

    #[test]
    fn blocks_about_others_are_no_concern_of_ours() {
        let mut bytes = Vec::new();
        write_report(&mut bytes, 99, WALL_US, None, Some(block()));
        assert_eq!(Report::read(&bytes, 8).unwrap().about, None);
    }

    #[test]
    fn a_report_cut_anywhere_is_refused() {
        let mut bytes = Vec::new();
        write_report(&mut bytes, 99, WALL_US, None, Some(block()));
        for cut in (1..bytes.len()).filter(|cut| *cut != 32) {
            assert_eq!(Report::read(&bytes[..cut], 7), None, "cut at {cut}");
        }
    }

    #[test]
    fn noise_is_only_ever_refused_politely() {
        let mut noise = Noise::new(9);
        let mut bytes = [0u8; 120];
        for _ in 0..200_000 {
            let length = noise.below(121) as usize;
            bytes[..length].iter_mut().for_each(|byte| *byte = noise.next() as u8);
            if length > 4 {
                bytes[..4].copy_from_slice(&[
                    0x80 | (noise.below(32) as u8),
                    200 + noise.below(4) as u8,
                    0,
                    noise.below(30) as u8,
                ]);
            }
            let _ = Report::read(&bytes[..length], 7);
        }
    }
}
