//! The receiving half of a leg: from datagrams to one frame per tick.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use crate::codec::Decoders;
use crate::event::Event;
use crate::frame::{Frame, FRAME, SILENCE};
use crate::jitter::{JitterBuffer, Popped, Pushed};
use crate::keys_in::{KeyChange, KeyReceiver};
use crate::plan::LegPlan;
use crate::rtp::{Datagram, RtpPacket};
use crate::sequence::{Arrival, Reception};
use crate::source::{Admission, Source};
use crate::stats::{bump, LegStats};
use crate::tones_in::ToneReceiver;

/// Static payload type of comfort noise (RFC 3389); understood as silence.
const COMFORT_NOISE: u8 = 13;

enum Content {
    Audio(usize),
    Keys,
    Noise,
}

/// Receives, checks, orders and decodes what the far end sends.
pub(crate) struct Inbound {
    leg: u64,
    stats: Arc<LegStats>,
    pub(crate) source: Source,
    reception: Reception,
    jitter: JitterBuffer,
    keys: KeyReceiver,
    tones: ToneReceiver,
    decoders: Option<Decoders>,
    dtmf_payload_type: Option<u8>,
    receive: bool,
    ssrc: Option<u32>,
    dirty: bool,
    /// When the peer was last heard of.
    pub(crate) last_heard_ms: u64,
    said: Frame,
    speaking: bool,
}

impl Inbound {
    pub(crate) fn new(leg: u64, stats: Arc<LegStats>) -> Self {
        Inbound {
            leg,
            stats,
            source: Source::default(),
            reception: Reception::default(),
            jitter: JitterBuffer::default(),
            keys: KeyReceiver::default(),
            tones: ToneReceiver::default(),
            decoders: None,
            dtmf_payload_type: None,
            receive: false,
            ssrc: None,
            dirty: false,
            last_heard_ms: 0,
            said: SILENCE,
            speaking: false,
        }
    }

    pub(crate) fn configure(&mut self, plan: &LegPlan, now_ms: u64) {
        self.source.signal(plan.remote);
        self.decoders = Some(Decoders::new(plan.payload_type, plan.codec));
        self.dtmf_payload_type = plan.dtmf_payload_type;
        if self.receive && !plan.receive {
            self.jitter.reset();
        }
        self.receive = plan.receive;
        self.last_heard_ms = now_ms;
    }

    /// What the leg says in this frame; `None` for silence.
    pub(crate) fn said(&self) -> Option<&Frame> {
        self.speaking.then_some(&self.said)
    }

    /// Take a datagram; `arrival` is its time in ticks of 1/8000 s on any clock.
    pub(crate) fn receive(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        arrival: u32,
        now_ms: u64,
        events: &mut Vec<Event>,
    ) {
        if self.decoders.is_none() {
            return;
        }
        match Datagram::read(datagram) {
            Datagram::Malformed => bump(&self.stats.malformed),
            Datagram::Rtcp => {
                bump(&self.stats.rtcp);
                if self.source.destination().is_some_and(|peer| peer.ip() == from.ip()) {
                    self.last_heard_ms = now_ms;
                }
            }
            Datagram::Rtp(packet) => match self.content(&packet) {
                None => bump(&self.stats.malformed),
                Some(content) => self.packet(&packet, &content, from, arrival, now_ms, events),
            },
        }
    }

    fn content(&mut self, packet: &RtpPacket<'_>) -> Option<Content> {
        if self.dtmf_payload_type == Some(packet.payload_type) {
            return Some(Content::Keys);
        }
        match self.decoders.as_mut()?.find(packet.payload_type) {
            Some(decoder) => Some(Content::Audio(decoder.samples(packet.payload))),
            None => (packet.payload_type == COMFORT_NOISE).then_some(Content::Noise),
        }
    }

    fn packet(
        &mut self,
        packet: &RtpPacket<'_>,
        content: &Content,
        from: SocketAddr,
        arrival: u32,
        now_ms: u64,
        events: &mut Vec<Event>,
    ) {
        if self.source.admit(from, packet.ssrc, now_ms) == Admission::Foreign {
            return bump(&self.stats.foreign);
        }
        self.last_heard_ms = now_ms;
        self.dirty = true;
        if self.ssrc != Some(packet.ssrc) {
            if self.ssrc.is_none() {
                events.push(Event::AudioStarted { leg: self.leg });
            }
            self.ssrc = Some(packet.ssrc);
            self.jitter.reset();
            let (leg, stats) = (self.leg, &self.stats);
            self.keys.restart(|change| tell(leg, stats, change, events));
        }
        match self.reception.arrive(packet.ssrc, packet.sequence) {
            Arrival::New => bump(&self.stats.received),
            Arrival::Duplicate | Arrival::Odd => return,
        }
        match *content {
            Content::Audio(samples) => {
                self.reception.time(arrival, packet.timestamp);
                if self.receive {
                    match self.jitter.push(packet, samples) {
                        Pushed::Late => bump(&self.stats.late),
                        Pushed::Unusable => bump(&self.stats.malformed),
                        Pushed::Stored | Pushed::Duplicate => {}
                    }
                }
            }
            Content::Keys => {
                let (leg, stats) = (self.leg, &self.stats);
                let known = self.keys.receive(packet.payload, packet.timestamp, packet.marker, now_ms, |change| {
                    tell(leg, stats, change, events);
                });
                if !known {
                    bump(&self.stats.malformed);
                }
            }
            Content::Noise => {}
        }
    }

    /// Make the next frame of what the leg says.
    pub(crate) fn tick(&mut self, now_ms: u64, events: &mut Vec<Event>) {
        let (leg, stats) = (self.leg, &self.stats);
        self.keys.tick(now_ms, |change| tell(leg, stats, change, events));
        if self.dirty {
            self.dirty = false;
            stats.lost.store(self.reception.lost(), Relaxed);
            stats.jitter_us.store((self.reception.jitter() * 125.0) as u64, Relaxed);
        }
        self.speaking = false;
        if let Some(decoders) = &mut self.decoders {
            let popped = self.jitter.pop(decoders, &mut self.said);
            let began = self.jitter.position().map(|next| next.wrapping_sub(FRAME as u32));
            // The tone under a telephone-event is for nobody's ears, nor for a recording.
            let covered = began.is_some_and(|timestamp| self.keys.covers(timestamp));
            self.speaking = popped != Popped::Silence && !covered;
            if self.dtmf_payload_type.is_none() {
                let frame = self.speaking.then_some(&self.said);
                self.tones.hear(frame, |change| tell(leg, stats, change, events));
            }
        }
    }
}

fn tell(leg: u64, stats: &LegStats, change: KeyChange, events: &mut Vec<Event>) {
    events.push(match change {
        KeyChange::Down(key) => {
            bump(&stats.keys);
            Event::KeyDown { leg, key }
        }
        KeyChange::Released(key, held_ms) => Event::KeyReleased { leg, key, held_ms },
    });
}
