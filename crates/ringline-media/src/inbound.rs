//! The receiving half of a leg: from datagrams to one frame per tick.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use crate::codec::{CodecKind, Decoders};
use crate::comfort::ComfortNoise;
use crate::event::Event;
use crate::frame::{Rate, FRAME};
use crate::jitter::{Forwarded, JitterBuffer, Popped, Pushed};
use crate::keys_in::{KeyChange, KeyReceiver};
use crate::leg::Now;
use crate::plan::LegPlan;
use crate::resample::Resampler;
use crate::rtp::{Datagram, RtpPacket};
use crate::sequence::{Arrival, Reception};
use crate::source::{Admission, Source};
use crate::stats::{bump, raise, LegStats};
use crate::tones_in::ToneReceiver;

/// Static payload type of comfort noise (RFC 3389).
const COMFORT_NOISE: u8 = 13;

enum Content {
    Audio(usize),
    Keys,
    Noise,
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Audio of the peer that holds so many microseconds.
    Audio(u32),
    /// A report (RFC 3550 §6): it is for the reports.
    Report,
    /// Anything else.
    Other,
}

/// Where this tick's frame is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Audio,
    Noise,
}

/// The codec in force and what goes with it.
struct Course {
    codec: CodecKind,
    payload_type: u8,
    decoders: Decoders,
    rate: Rate,
    clock_hz: u32,
    /// Brings tones to 8 kHz, where keys are looked for in the audio.
    narrow: Option<Box<Resampler>>,
}

/// Receives, checks, orders and decodes what the far end sends.
pub(crate) struct Inbound {
    leg: u64,
    stats: Arc<LegStats>,
    pub(crate) source: Source,
    pub(crate) reception: Reception,
    jitter: JitterBuffer,
    keys: KeyReceiver,
    tones: ToneReceiver,
    noise: ComfortNoise,
    course: Option<Course>,
    dtmf_payload_type: Option<u8>,
    receive: bool,
    ssrc: Option<u32>,
    dirty: bool,
    /// When the peer was last heard of.
    pub(crate) last_heard_ms: u64,
    said: Said,
    /// Packets may be wanted as they came.
    pub(crate) may_pass: bool,
    /// The frame of this tick was handed on, not decoded.
    handed_on: bool,
}

impl Inbound {
    pub(crate) fn new(leg: u64, stats: Arc<LegStats>) -> Self {
        Inbound {
            leg,
            stats,
            source: Source::default(),
            reception: Reception::default(),
            jitter: buffer(CodecKind::Pcmu),
            keys: KeyReceiver::default(),
            tones: ToneReceiver::default(),
            noise: ComfortNoise::default(),
            course: None,
            dtmf_payload_type: None,
            receive: false,
            ssrc: None,
            dirty: false,
            last_heard_ms: 0,
            said: Said::Nothing,
            may_pass: false,
            handed_on: false,
        }
    }

    pub(crate) fn configure(&mut self, plan: &LegPlan, now_ms: u64) {
        self.source.signal(plan.remote);
        let codec = plan.codec;
        let known = self.course.as_ref().map(|course| (course.codec, course.payload_type));
        if known != Some((codec, plan.payload_type)) {
            let (rate, clock_hz) = (codec.rate(), codec.clock_hz());
            let before = known.map_or(CodecKind::Pcmu, |(codec, _)| codec);
            if (before.rate(), before.clock_hz()) != (rate, clock_hz) {
                self.jitter = buffer(codec);
            }
            self.course = Some(Course {
                codec,
                payload_type: plan.payload_type,
                decoders: Decoders::new(plan.payload_type, codec),
                rate,
                clock_hz,
                narrow: (rate != Rate::Narrow).then(|| Box::new(Resampler::new(rate, Rate::Narrow))),
            });
        }
        self.dtmf_payload_type = plan.dtmf_payload_type;
        self.keys.set_clock(plan.dtmf_clock_hz);
        if self.receive && !plan.receive {
            self.jitter.reset();
        }
        self.receive = plan.receive;
        self.last_heard_ms = now_ms;
    }

    /// See `Leg::whereabouts`.
    pub(crate) fn whereabouts(&self, tell: &mut impl FnMut(*const u8, usize)) {
        // What every packet counts lies in the first line; of those that are handed on, in the one after, too.
        tell(Arc::as_ptr(&self.stats).cast(), if self.may_pass { 128 } else { 64 });
        self.jitter.whereabouts(tell);
    }

    /// What the leg says in this frame; `None` for silence.
    pub(crate) fn said(&self) -> Option<&[i16]> {
        match self.said {
            Said::Nothing => None,
            Said::Audio => Some(self.jitter.frame()),
            Said::Noise => Some(self.noise.frame()),
        }
    }

    /// Count a datagram that was somebody else's.
    pub(crate) fn count_foreign(&self) {
        bump(&self.stats.foreign);
    }

    /// The stream that is received.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    /// By how many microseconds the buffer delays what it plays.
    pub(crate) fn delay_us(&self) -> u64 {
        self.jitter.delay_us()
    }

    /// By how much what is said now is behind the time at which it was said (see the jitter buffer).
    pub(crate) fn behind(&self) -> i16 {
        self.jitter.behind()
    }

    /// Whether the next frame is there.
    pub(crate) fn is_ready(&self) -> bool {
        self.jitter.is_ready()
    }

    /// Take a datagram that came at `arrival_us` of the wall clock.
    pub(crate) fn receive(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        arrival_us: u64,
        now_ms: u64,
        events: &mut Vec<Event>,
    ) -> Taken {
        if self.course.is_none() {
            return Taken::Other;
        }
        match Datagram::read(datagram) {
            Datagram::Malformed => bump(&self.stats.malformed),
            Datagram::Rtcp => return Taken::Report,
            Datagram::Rtp(packet) => match self.content(&packet) {
                None => bump(&self.stats.malformed),
                Some(content) => return self.packet(&packet, &content, from, arrival_us, now_ms, events),
            },
        }
        Taken::Other
    }

    fn content(&mut self, packet: &RtpPacket<'_>) -> Option<Content> {
        if self.dtmf_payload_type == Some(packet.payload_type) {
            return Some(Content::Keys);
        }
        match self.course.as_mut()?.decoders.find(packet.payload_type) {
            Some(decoder) => Some(Content::Audio(decoder.samples(packet.payload))),
            None => (packet.payload_type == COMFORT_NOISE).then_some(Content::Noise),
        }
    }

    fn packet(
        &mut self,
        packet: &RtpPacket<'_>,
        content: &Content,
        from: SocketAddr,
        arrival_us: u64,
        now_ms: u64,
        events: &mut Vec<Event>,
    ) -> Taken {
        if self.source.admit(from, packet.ssrc, now_ms) == Admission::Foreign {
            bump(&self.stats.foreign);
            return Taken::Other;
        }
        self.last_heard_ms = now_ms;
        self.dirty = true;
        if self.ssrc != Some(packet.ssrc) {
            self.begin_stream(packet.ssrc, events);
        }
        match self.reception.arrive(packet.ssrc, packet.sequence) {
            Arrival::New => {
                bump(&self.stats.received);
                raise(&self.stats.bytes_in, packet.payload.len() as u64);
            }
            Arrival::Duplicate | Arrival::Odd => return Taken::Other,
        }
        match *content {
            Content::Audio(samples) => return self.audio(packet, samples, arrival_us),
            Content::Keys => {
                let (leg, stats) = (self.leg, &self.stats);
                let known = self.keys.receive(packet.payload, packet.timestamp, packet.marker, now_ms, |change| {
                    tell(leg, stats, change, events);
                });
                if !known {
                    bump(&self.stats.malformed);
                }
            }
            Content::Noise => {
                self.noise.ask(packet.payload, packet.ssrc);
                self.jitter.expect_pause(packet.timestamp);
            }
        }
        Taken::Other
    }

    fn begin_stream(&mut self, ssrc: u32, events: &mut Vec<Event>) {
        if self.ssrc.is_none() {
            events.push(Event::AudioStarted { leg: self.leg });
        }
        self.ssrc = Some(ssrc);
        self.jitter.reset();
        self.noise.end();
        let (leg, stats) = (self.leg, &self.stats);
        self.keys.restart(|change| tell(leg, stats, change, events));
    }

    fn audio(&mut self, packet: &RtpPacket<'_>, samples: usize, arrival_us: u64) -> Taken {
        let Some(course) = &mut self.course else { return Taken::Other };
        let clock_hz = u64::from(course.clock_hz);
        self.reception.time((arrival_us * (clock_hz / 1000) / 1000) as u32, packet.timestamp, course.clock_hz);
        self.noise.end();
        if self.receive {
            let keep = self.may_pass && self.dtmf_payload_type.is_some();
            match self.jitter.push(packet, samples, arrival_us, (!keep).then_some(&mut course.decoders)) {
                Pushed::Late => bump(&self.stats.late),
                Pushed::Unusable => bump(&self.stats.malformed),
                Pushed::Stored | Pushed::Duplicate => {}
            }
        }
        Taken::Audio((samples * 1000 / (course.rate.hz() as usize / 1000)) as u32)
    }

    /// What every tick begins with, whoever takes the frame.
    fn begin_tick(&mut self, now_ms: u64, events: &mut Vec<Event>) {
        let (leg, stats) = (self.leg, &self.stats);
        self.keys.tick(now_ms, |change| tell(leg, stats, change, events));
        if self.dirty {
            self.dirty = false;
            let clock_hz = self.course.as_ref().map_or(8000, |course| course.clock_hz);
            stats.lost.store(self.reception.lost(), Relaxed);
            stats.jitter_us.store((self.reception.jitter() * 1e6 / f64::from(clock_hz)) as u64, Relaxed);
            stats.delay_us.store(self.jitter.delay_us(), Relaxed);
            let concealed = self.jitter.concealed() * 1000 / u64::from(self.jitter.rate().hz());
            stats.concealed_ms.store(concealed, Relaxed);
        }
        self.said = Said::Nothing;
        self.handed_on = false;
    }

    /// Make the next frame of what the leg says.
    pub(crate) fn tick(&mut self, now: Now, events: &mut Vec<Event>) {
        self.begin_tick(now.ms, events);
        let Some(course) = &mut self.course else { return };
        let popped = self.jitter.pop(&mut course.decoders, now.wall_us);
        // The tone under a telephone-event is for nobody's ears, nor for a recording.
        let covered = self.jitter.position().is_some_and(|timestamp| self.keys.covers(timestamp));
        self.said = match popped {
            Popped::Audio | Popped::Concealed if covered => Said::Nothing,
            Popped::Audio | Popped::Concealed => Said::Audio,
            Popped::Silence if self.receive && self.noise.fill(course.rate.samples()) => Said::Noise,
            Popped::Silence => Said::Nothing,
        };
        if self.dtmf_payload_type.is_none() {
            let (leg, stats) = (self.leg, &self.stats);
            let told = |change| tell(leg, stats, change, events);
            match (self.said, &mut course.narrow) {
                (Said::Audio, None) => self.tones.hear(self.jitter.frame().first_chunk::<FRAME>(), told),
                (Said::Audio, Some(resampler)) => {
                    let mut narrow = [0; FRAME];
                    resampler.run(self.jitter.frame(), &mut narrow);
                    self.tones.hear(Some(&narrow), told);
                }
                _ => self.tones.hear(None, told),
            }
        }
    }

    /// Whether the packets of the next frame can be handed on as they are to a leg with such a plan.
    pub(crate) fn can_hand_on(&self, to: &LegPlan) -> bool {
        let alike = self.course.as_ref().is_some_and(|course| course.codec == to.codec);
        // Keys that are tones must be heard; and the tone under an event must not.
        let free = alike && self.receive && self.dtmf_payload_type.is_some() && !self.keys.is_down();
        free && self.jitter.can_forward(to.packet_ms)
            && self.jitter.coming().is_some_and(|timestamp| !self.keys.covers(timestamp))
    }

    /// Instead of `tick`: hand on the packets of the next frame. Returns the samples that have passed.
    pub(crate) fn hand_on(&mut self, now: Now, events: &mut Vec<Event>, mut emit: impl FnMut(Forwarded<'_>)) -> usize {
        self.begin_tick(now.ms, events);
        let agreed = self.course.as_ref().map(|course| course.payload_type);
        self.handed_on = true;
        self.jitter.forward(now.wall_us, |packet| {
            if Some(packet.payload_type) == agreed {
                emit(packet);
            }
        })
    }

    /// Whether the leg's frame of this tick was handed on.
    pub(crate) fn was_handed_on(&self) -> bool {
        self.handed_on
    }
}

/// A buffer for a codec: payloads of G.711 may be 120 ms long, Opus never has long ones.
fn buffer(codec: CodecKind) -> JitterBuffer {
    let payload_bytes = match codec {
        CodecKind::Pcmu | CodecKind::Pcma | CodecKind::G722 => 960,
        CodecKind::Opus => 1275,
        CodecKind::L16(_) => 1920,
    };
    JitterBuffer::new(codec.rate(), codec.clock_hz(), payload_bytes)
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
