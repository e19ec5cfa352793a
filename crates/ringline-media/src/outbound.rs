//! The sending half of a leg: from one frame per tick to packets.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::codec::Codec;
use crate::frame::{Frame, FRAME};
use crate::keys_out::{KeyFrame, KeySender};
use crate::plan::LegPlan;
use crate::rtp::{RtpPacket, HEADER_BYTES};
use crate::stats::{bump, LegStats};

/// Longest packet in samples: 60 ms.
pub const MAX_PACKET_SAMPLES: usize = 480;
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

/// Packs frames and keys into one RTP stream.
pub(crate) struct Outbound {
    stats: Arc<LegStats>,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    marker: bool,
    plan: Option<(LegPlan, Box<dyn Codec>)>,
    keys: KeySender,
    pcm: [i16; FRAME + MAX_PACKET_SAMPLES],
    /// Samples in `pcm`, and the timestamp of the first.
    collected: usize,
    oldest: u32,
    packet: [u8; HEADER_BYTES + MAX_PACKET_SAMPLES + TRAILER_BYTES],
}

impl Outbound {
    pub(crate) fn new(seed: StreamSeed, stats: Arc<LegStats>) -> Self {
        Outbound {
            stats,
            ssrc: seed.ssrc,
            sequence: seed.sequence,
            timestamp: seed.timestamp,
            marker: true,
            plan: None,
            keys: KeySender::default(),
            pcm: [0; FRAME + MAX_PACKET_SAMPLES],
            collected: 0,
            oldest: seed.timestamp,
            packet: [0; HEADER_BYTES + MAX_PACKET_SAMPLES + TRAILER_BYTES],
        }
    }

    pub(crate) fn configure(&mut self, plan: &LegPlan) {
        let mut plan = *plan;
        plan.packet_samples = plan.packet_samples.clamp(FRAME / 2, MAX_PACKET_SAMPLES);
        self.plan = Some((plan, plan.codec.build()));
    }

    pub(crate) fn plan(&self) -> Option<&LegPlan> {
        self.plan.as_ref().map(|(plan, _)| plan)
    }

    pub(crate) fn order_keys(&mut self, id: u64, digits: &str) {
        self.keys.order(id, digits);
    }

    /// Time passed in which nothing was sent: the media clock goes on (RFC 3550 §5.1).
    pub(crate) fn skip(&mut self, frames: u32) {
        self.timestamp = self.timestamp.wrapping_add(frames.wrapping_mul(FRAME as u32));
        self.collected = 0;
    }

    /// Send one frame, or the key that takes its place.
    pub(crate) fn send(
        &mut self,
        frame: &mut Frame,
        destination: Option<SocketAddr>,
        keys_sent: impl FnMut(u64),
        emit: &mut Emit<'_>,
    ) {
        let Some((plan, _)) = &self.plan else { return };
        let (packet_samples, dtmf_payload_type) = (plan.packet_samples, plan.dtmf_payload_type);
        let destination = destination.filter(|_| plan.send);
        let key = self.keys.next(dtmf_payload_type.is_some(), frame, keys_sent);
        let Some(to) = destination else {
            self.skip(1);
            self.marker = true;
            return;
        };
        if let (KeyFrame::Event { payload, begun, marker }, Some(payload_type)) = (key, dtmf_payload_type) {
            self.flush(self.collected, to, emit);
            let timestamp = self.timestamp.wrapping_sub(begun);
            self.emit_packet(payload_type, marker, timestamp, &payload, to, emit);
        } else {
            if self.collected == 0 {
                self.oldest = self.timestamp;
            }
            self.pcm[self.collected..self.collected + FRAME].copy_from_slice(frame);
            self.collected += FRAME;
            while self.collected >= packet_samples {
                self.flush(packet_samples, to, emit);
            }
        }
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
    }

    /// Encode and send the oldest `samples` that were collected.
    fn flush(&mut self, samples: usize, to: SocketAddr, emit: &mut Emit<'_>) {
        let Some((plan, codec)) = &mut self.plan else { return };
        if samples == 0 {
            return;
        }
        let payload_type = plan.payload_type;
        let mut payload = [0; MAX_PACKET_SAMPLES];
        let length = codec.encode(&self.pcm[..samples], &mut payload);
        let timestamp = self.oldest;
        self.oldest = timestamp.wrapping_add(samples as u32);
        self.pcm.copy_within(samples..self.collected, 0);
        self.collected -= samples;
        let marker = std::mem::take(&mut self.marker);
        self.emit_packet(payload_type, marker, timestamp, &payload[..length], to, emit);
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
        self.sequence = self.sequence.wrapping_add(1);
        if let Some(length) = packet.write(&mut self.packet) {
            bump(&self.stats.sent);
            emit(to, &mut self.packet, length);
        }
    }
}
