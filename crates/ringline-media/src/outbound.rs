//! The sending half of a leg: from one frame per tick to packets.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::codec::Codec;
use crate::frame::{Rate, FRAME};
use crate::jitter::Forwarded;
use crate::keys_out::{KeyFrame, KeySender};
use crate::plan::LegPlan;
use crate::rtcp::Sent;
use crate::rtp::{RtpPacket, HEADER_BYTES};
use crate::stats::{bump, raise, LegStats};

/// Longest payload we send.
pub const MAX_PAYLOAD_BYTES: usize = 1400;
/// Room that encryption may need after a packet.
const TRAILER_BYTES: usize = 32;

/// Random values that a stream starts with (RFC 3550 §5.1).
#[derive(Debug, Clone, Copy)]
pub struct StreamSeed {
    /// Identity of the stream.
    pub ssrc: u32,
    /// First sequence number.
    pub sequence: u16,
    /// First timestamp.
    pub timestamp: u32,
}

/// Takes a finished packet: where to, the buffer with room for a trailer, and the packet's length in it.
pub type Emit<'a> = dyn FnMut(SocketAddr, &mut [u8], usize) + 'a;

/// A plan in force.
struct Course {
    plan: Box<LegPlan>,
    of_each: OfEach,
    codec: Box<dyn Codec>,
    rate: Rate,
    clock_hz: u32,
    /// Samples in each packet.
    packet_samples: usize,
    /// Samples waiting for their packet; nothing ever waits where a packet is a frame.
    pcm: Vec<i16>,
}

/// What of a plan every packet needs; the rest lies apart.
struct OfEach {
    send: bool,
    payload_type: u8,
    dtmf_payload_type: Option<u8>,
    dtmf_clock_hz: u32,
}

impl OfEach {
    fn of(plan: &LegPlan) -> Self {
        OfEach {
            send: plan.send,
            payload_type: plan.payload_type,
            dtmf_payload_type: plan.dtmf_payload_type,
            dtmf_clock_hz: plan.dtmf_clock_hz,
        }
    }
}

impl Course {
    fn ticks(&self, samples: usize) -> u32 {
        (samples as u64 * u64::from(self.clock_hz) / u64::from(self.rate.hz())) as u32
    }
}

/// Packs frames and keys into one RTP stream.
pub(crate) struct Outbound {
    stats: Arc<LegStats>,
    pub(crate) ssrc: u32,
    sequence: u16,
    timestamp: u32,
    marker: bool,
    course: Option<Course>,
    keys: KeySender,
    /// Timestamp of the first waiting sample.
    oldest: u32,
    sent: Sent,
    packet: Box<[u8; HEADER_BYTES + MAX_PAYLOAD_BYTES + TRAILER_BYTES]>,
}

impl Outbound {
    pub(crate) fn new(seed: StreamSeed, stats: Arc<LegStats>) -> Self {
        Outbound {
            stats,
            ssrc: seed.ssrc,
            sequence: seed.sequence,
            timestamp: seed.timestamp,
            marker: true,
            course: None,
            keys: KeySender::default(),
            oldest: seed.timestamp,
            sent: Sent { timestamp: seed.timestamp, packets: 0, bytes: 0 },
            packet: Box::new([0; HEADER_BYTES + MAX_PAYLOAD_BYTES + TRAILER_BYTES]),
        }
    }

    pub(crate) fn configure(&mut self, plan: &LegPlan) {
        let rate = plan.codec.rate();
        let packet_ms = plan.codec.packet_ms(plan.packet_ms);
        let packet_samples = rate.hz() as usize / 1000 * packet_ms as usize;
        if let Some(course) = self.course.as_mut().filter(|course| course.plan.codec == plan.codec) {
            *course.plan = *plan;
            course.of_each = OfEach::of(plan);
            course.packet_samples = packet_samples;
            return;
        }
        self.course = Some(Course {
            plan: Box::new(*plan),
            of_each: OfEach::of(plan),
            codec: plan.codec.build(),
            rate,
            clock_hz: plan.codec.clock_hz(),
            packet_samples,
            pcm: Vec::new(),
        });
    }

    pub(crate) fn plan(&self) -> Option<&LegPlan> {
        self.course.as_ref().map(|course| &*course.plan)
    }

    /// See `Leg::whereabouts`: what is needed besides where packets are handed on.
    pub(crate) fn whereabouts_of_plan(&self, tell: &mut impl FnMut(*const u8, usize)) {
        if let Some(course) = &self.course {
            tell(std::ptr::from_ref(&*course.plan).cast(), size_of::<LegPlan>());
        }
    }

    /// The rate of the frames that `send` takes.
    pub(crate) fn rate(&self) -> Rate {
        self.course.as_ref().map_or(Rate::Narrow, |course| course.rate)
    }

    /// What has been sent, and the timestamp of this moment.
    pub(crate) fn sent(&self) -> Sent {
        Sent { timestamp: self.timestamp, ..self.sent }
    }

    pub(crate) fn order_keys(&mut self, id: u64, digits: &str) {
        self.keys.order(id, digits);
    }

    /// Whether no key takes the place of audio.
    pub(crate) fn is_quiet(&self) -> bool {
        self.keys.is_idle()
    }

    /// Whether packets may be handed on: no key is being sent, and nothing waits for the rest of its packet.
    pub(crate) fn is_free(&self) -> bool {
        self.keys.is_idle() && self.course.as_ref().is_some_and(|course| course.pcm.is_empty())
    }

    /// The far end loses so many of our packets in a hundred.
    pub(crate) fn expect_loss(&mut self, percent: u8) {
        if let Some(course) = &mut self.course {
            course.codec.expect_loss(percent);
        }
    }

    /// What is sent comes from audio of this rate.
    pub(crate) fn fed_at(&mut self, rate: Rate) {
        if let Some(course) = &mut self.course {
            course.codec.fed_at(rate);
        }
    }

    /// Time passed in which nothing was sent: the media clock goes on (RFC 3550 §5.1).
    pub(crate) fn skip(&mut self, frames: u32) {
        if let Some(course) = &mut self.course {
            let ticks = course.ticks(course.rate.samples());
            self.timestamp = self.timestamp.wrapping_add(frames.wrapping_mul(ticks));
            course.pcm.clear();
        }
    }

    /// Send one frame, at the codec's rate, or the key that takes its place.
    pub(crate) fn send(
        &mut self,
        frame: &mut [i16],
        destination: Option<SocketAddr>,
        keys_sent: impl FnMut(u64),
        emit: &mut Emit<'_>,
    ) {
        let Some(course) = &mut self.course else { return };
        let dtmf_payload_type = course.of_each.dtmf_payload_type;
        let destination = destination.filter(|_| course.of_each.send);
        let ticks = course.ticks(course.rate.samples());
        let (clock_hz, event_hz) = (course.clock_hz, course.of_each.dtmf_clock_hz.clamp(8000, 48_000));
        let key = self.keys.next(dtmf_payload_type.map(|_| event_hz / 50), frame, keys_sent);
        let Some(to) = destination else {
            self.skip(1);
            self.marker = true;
            return;
        };
        if let (KeyFrame::Event { payload, begun, marker }, Some(payload_type)) = (key, dtmf_payload_type) {
            let waiting = course.pcm.len();
            self.flush(waiting, to, emit);
            // Its place in the stream is told by the audio's clock, its length by its own.
            let timestamp = self.timestamp.wrapping_sub(begun * (clock_hz / 1000) / (event_hz / 1000));
            self.emit_packet(payload_type, marker, timestamp, &payload, to, emit);
        } else if course.pcm.is_empty() && frame.len() == course.packet_samples {
            let payload_type = course.of_each.payload_type;
            if frame.len() == FRAME {
                // By far the most packets are like this; a small buffer on the stack is always in the cache.
                let mut packet = [0; HEADER_BYTES + 2 * FRAME + TRAILER_BYTES];
                let length = course.codec.encode(frame, &mut packet[HEADER_BYTES..HEADER_BYTES + 2 * FRAME]);
                if length > 0 {
                    self.write_header(payload_type, self.timestamp, length, &mut packet);
                    emit(to, &mut packet, HEADER_BYTES + length);
                }
            } else {
                let payload = &mut self.packet[HEADER_BYTES..HEADER_BYTES + MAX_PAYLOAD_BYTES];
                let length = course.codec.encode(frame, payload);
                self.emit_encoded(payload_type, self.timestamp, length, to, emit);
            }
        } else {
            if course.pcm.is_empty() {
                self.oldest = self.timestamp;
            }
            course.pcm.extend_from_slice(frame);
            let packet_samples = course.packet_samples;
            let mut waiting = course.pcm.len();
            while waiting >= packet_samples {
                self.flush(packet_samples, to, emit);
                waiting -= packet_samples;
            }
        }
        self.timestamp = self.timestamp.wrapping_add(ticks);
    }

    /// Hand on a packet of another leg as it is; its offset is counted from the present frame.
    pub(crate) fn hand_on(&mut self, packet: Forwarded<'_>, to: Option<SocketAddr>, emit: &mut Emit<'_>) {
        let Some(course) = &self.course else { return };
        let Some(to) = to.filter(|_| course.of_each.send) else {
            self.marker = true;
            return;
        };
        let timestamp = self.timestamp.wrapping_add(course.ticks(packet.offset));
        let (payload_type, length) = (course.of_each.payload_type, packet.payload.len());
        if let Some(room) = self.packet.get_mut(HEADER_BYTES..HEADER_BYTES + length) {
            room.copy_from_slice(packet.payload);
            bump(&self.stats.handed_on);
            self.emit_encoded(payload_type, timestamp, length, to, emit);
        }
    }

    /// So many samples have passed while packets were handed on.
    pub(crate) fn pass(&mut self, samples: usize) {
        if let Some(course) = &self.course {
            self.timestamp = self.timestamp.wrapping_add(course.ticks(samples));
        }
    }

    /// Encode and send the oldest `samples` that were collected.
    fn flush(&mut self, samples: usize, to: SocketAddr, emit: &mut Emit<'_>) {
        let Some(course) = self.course.as_mut().filter(|_| samples > 0) else { return };
        let payload = &mut self.packet[HEADER_BYTES..HEADER_BYTES + MAX_PAYLOAD_BYTES];
        let length = course.codec.encode(&course.pcm[..samples], payload);
        let (timestamp, payload_type) = (self.oldest, course.of_each.payload_type);
        self.oldest = timestamp.wrapping_add(course.ticks(samples));
        course.pcm.drain(..samples);
        self.emit_encoded(payload_type, timestamp, length, to, emit);
    }

    /// Send the payload that was encoded in place; the codec may have refused the length, and then there is none.
    fn emit_encoded(&mut self, payload_type: u8, timestamp: u32, length: usize, to: SocketAddr, emit: &mut Emit<'_>) {
        if length == 0 {
            return;
        }
        let mut header = [0; HEADER_BYTES];
        self.write_header(payload_type, timestamp, length, &mut header);
        self.packet[..HEADER_BYTES].copy_from_slice(&header);
        emit(to, self.packet.as_mut_slice(), HEADER_BYTES + length);
    }

    /// Write and count the header of an audio packet with so many bytes of payload.
    fn write_header(&mut self, payload_type: u8, timestamp: u32, length: usize, packet: &mut [u8]) {
        let (marker, sequence, ssrc) = (std::mem::take(&mut self.marker), self.sequence, self.ssrc);
        let header = RtpPacket { payload_type, marker, sequence, timestamp, ssrc, payload: &[] };
        // A header always fits where there is room for a payload after it.
        let _ = header.write(packet);
        self.count(length);
    }

    fn emit_packet(
        &mut self,
        payload_type: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
        to: SocketAddr,
        emit: &mut Emit<'_>,
    ) {
        let packet = RtpPacket { payload_type, marker, sequence: self.sequence, timestamp, ssrc: self.ssrc, payload };
        self.count(payload.len());
        if let Some(length) = packet.write(self.packet.as_mut_slice()) {
            emit(to, self.packet.as_mut_slice(), length);
        }
    }

    fn count(&mut self, payload_bytes: usize) {
        self.sequence = self.sequence.wrapping_add(1);
        self.sent.packets = self.sent.packets.wrapping_add(1);
        self.sent.bytes = self.sent.bytes.wrapping_add(payload_bytes as u32);
        bump(&self.stats.sent);
        raise(&self.stats.bytes_out, payload_bytes as u64);
    }
}
