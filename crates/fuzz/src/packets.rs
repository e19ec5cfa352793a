//! Datagrams at a leg, and what is in them.

use std::net::SocketAddr;
use std::sync::Arc;

use ringline_media::{
    Codec, CodecKind, Crypto, Decoders, Leg, LegPlan, LegStats, Mixed, Now, Observer, Rate, RtpPacket, Srtp, SrtpKey,
    SrtpKeys, SrtpSuite, StreamSeed,
};

use crate::chance::Chance;
use crate::Target;

const CODECS: [CodecKind; 5] =
    [CodecKind::Pcma, CodecKind::Pcmu, CodecKind::G722, CodecKind::Opus, CodecKind::L16(Rate::Wide)];
/// A leg begins anew after so many datagrams.
const LIFE: u32 = 500;

fn peer(chance: &mut Chance) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4000 + chance.below(3) as u16))
}

fn open_leg(chance: &mut Chance) -> Leg {
    let seed = StreamSeed { ssrc: 1, sequence: 65_530, timestamp: u32::MAX - 1000 };
    let mut leg = Leg::new(1, seed, 60_000, Arc::new(LegStats::default()));
    let codec = CODECS[chance.below(CODECS.len())];
    let plan = LegPlan {
        remote: Some(SocketAddr::from(([192, 0, 2, 1], 4000))),
        rtcp: None,
        rtcp_mux: chance.once_in(2),
        codec,
        payload_type: 8,
        dtmf_payload_type: (!chance.once_in(3)).then_some(101),
        dtmf_clock_hz: codec.clock_hz(),
        packet_ms: codec.packet_ms(20),
        send: true,
        receive: true,
        srtp: None,
    };
    leg.configure(&plan, 0);
    if chance.once_in(3) {
        leg.observe(Observer::new(1));
    }
    leg.set_rate([Rate::Narrow, Rate::Wide, Rate::Full][chance.below(3)]);
    leg
}

/// A packet as a peer may well send it, or nearly.
fn good_packet(chance: &mut Chance, sequence: u16) -> Vec<u8> {
    let payload_type = [8, 8, 8, 8, 0, 13, 101][chance.below(7)];
    let payload = match payload_type {
        101 => vec![chance.below(16) as u8, (0x80 * chance.below(2) as u8) | 10, 0, chance.number() as u8],
        _ => {
            let length = [160, 160, 160, 80, 320, 1, 60][chance.below(7)];
            (0..length).map(|_| chance.number() as u8).collect()
        }
    };
    let packet = RtpPacket {
        payload_type,
        marker: chance.once_in(20),
        sequence,
        timestamp: u32::from(sequence).wrapping_mul(160),
        ssrc: 7 + chance.below(50) as u32 / 49,
        payload: &payload,
    };
    let mut out = vec![0; 12 + payload.len()];
    packet.write(&mut out).expect("there is room for it");
    out
}

/// A compound RTCP packet: sender report, description, perhaps a receiver report.
fn good_report(chance: &mut Chance) -> Vec<u8> {
    let mut out = vec![0x81, 200, 0, 12];
    out.extend([0, 0, 0, 7]);
    (0..44).for_each(|_| out.push(chance.number() as u8));
    out.extend([0x81, 202, 0, 3, 0, 0, 0, 7, 1, 3, b'a', b'b', b'c', 0, 0, 0]);
    if chance.once_in(2) {
        out.extend([0x80, 201, 0, 1, 0, 0, 0, 7]);
    }
    out
}

/// A leg that is struck again and again.
struct Struck {
    leg: Leg,
    taken: u32,
    now_ms: u64,
    sequence: u16,
}

impl Struck {
    fn new(chance: &mut Chance) -> Self {
        Struck { leg: open_leg(chance), taken: 0, now_ms: 0, sequence: chance.number() as u16 }
    }

    fn take(&mut self, datagram: &[u8], chance: &mut Chance) {
        self.now_ms += [0, 1, 20, 20, 20, 40, 3000][chance.below(7)];
        let now = Now { ms: self.now_ms, wall_us: self.now_ms * 1000 };
        let mut events = Vec::new();
        self.leg.receive(datagram, peer(chance), now.wall_us, now.ms, &mut events);
        if chance.once_in(2) {
            let (mut heard, mut ears) = ([0; 960], [0; 960]);
            let samples = self.leg.said().map_or(160, <[i16]>::len);
            self.leg.listen(now, &mut events);
            let (heard, ears) = (&mut heard[..samples], &mut ears[..samples]);
            if self.leg.said().is_none_or(|said| said.len() == samples) {
                self.leg.set_rate(Rate::of_samples(samples));
                self.leg.speak(heard, Mixed::default(), None, ears, &mut events, &mut |_, _, _| ());
            }
            self.leg.report(now, |_, bytes| assert!(bytes.len() < 1500));
        }
        assert!(events.len() <= 16, "one datagram, many events");
        self.taken += 1;
    }
}

/// RTP at a leg.
pub(crate) struct Rtp(Option<Struck>);

impl Rtp {
    pub(crate) fn new() -> Self {
        Rtp(None)
    }
}

impl Target for Rtp {
    fn strike(&mut self, chance: &mut Chance) {
        if self.0.as_ref().is_none_or(|struck| struck.taken >= LIFE) {
            self.0 = Some(Struck::new(chance));
        }
        let Some(struck) = &mut self.0 else { return };
        struck.sequence = struck.sequence.wrapping_add([1, 1, 1, 1, 0, 2, 1000][chance.below(7)]);
        let mut datagram = match chance.below(8) {
            0 => chance.noise(1500),
            _ => good_packet(chance, struck.sequence),
        };
        if chance.once_in(2) {
            chance.mutate(&mut datagram);
        }
        struck.take(&datagram, chance);
    }
}

/// RTCP at a leg.
pub(crate) struct Rtcp(Option<Struck>);

impl Rtcp {
    pub(crate) fn new() -> Self {
        Rtcp(None)
    }
}

impl Target for Rtcp {
    fn strike(&mut self, chance: &mut Chance) {
        if self.0.as_ref().is_none_or(|struck| struck.taken >= LIFE) {
            let mut struck = Struck::new(chance);
            for sequence in 0..3 {
                // So that the leg knows its peer.
                struck.take(&good_packet(chance, sequence), chance);
            }
            self.0 = Some(struck);
        }
        let Some(struck) = &mut self.0 else { return };
        let mut datagram = good_report(chance);
        if !chance.once_in(10) {
            chance.mutate(&mut datagram);
        }
        struck.take(&datagram, chance);
    }
}

/// SRTP and SRTCP: only what was protected and is unchanged may come through, once.
pub(crate) struct Encrypted {
    sender: Srtp,
    receiver: Srtp,
    sequence: u16,
}

impl Encrypted {
    pub(crate) fn new() -> Self {
        let keys = |suite| {
            let key = SrtpKey { suite, master: [0x5a; 30] };
            SrtpKeys { local: key, remote: key }
        };
        let keys = keys(SrtpSuite::Tag80);
        Encrypted { sender: Srtp::new(&keys), receiver: Srtp::new(&keys), sequence: 0 }
    }
}

impl Target for Encrypted {
    fn strike(&mut self, chance: &mut Chance) {
        let reports = chance.once_in(3);
        let mut bytes = if reports {
            good_report(chance)
        } else {
            self.sequence = self.sequence.wrapping_add(1);
            good_packet(chance, self.sequence)
        };
        let length = bytes.len();
        bytes.resize(length + 32, 0);
        let protected = match reports {
            true => self.sender.protect_rtcp(&mut bytes, length),
            false => self.sender.protect(&mut bytes, length),
        };
        bytes.truncate(protected.expect("a good packet is protected"));
        let sent = bytes.clone();
        let changed = !chance.once_in(4);
        if changed {
            chance.mutate(&mut bytes);
        }
        let changed = bytes != sent;
        let taken = match reports {
            true => self.receiver.unprotect_rtcp(&mut bytes),
            false => self.receiver.unprotect(&mut bytes),
        };
        assert!(taken.is_none() || !changed, "a changed packet came through");
        assert!(taken.is_none_or(|taken| taken == length));
        // Crossed: each kind at the other's door.
        if chance.once_in(8) {
            let mut crossed = sent;
            let other = match reports {
                true => self.receiver.unprotect(&mut crossed),
                false => self.receiver.unprotect_rtcp(&mut crossed),
            };
            assert!(other.is_none(), "a packet came through the wrong door");
        }
    }
}

/// What codecs decode.
pub(crate) struct Payloads(Vec<(Decoders, Box<dyn Codec>)>);

impl Payloads {
    pub(crate) fn new() -> Self {
        Payloads(CODECS.map(|codec| (Decoders::new(8, codec), codec.build())).into())
    }
}

impl Target for Payloads {
    fn strike(&mut self, chance: &mut Chance) {
        let which = chance.below(self.0.len());
        let (decoders, coder) = &mut self.0[which];
        let mut payload = if chance.once_in(4) {
            chance.noise(1500)
        } else {
            let pcm: Vec<i16> = (0..coder.rate().samples()).map(|_| chance.number() as i16 >> 3).collect();
            let mut payload = vec![0; 1500];
            let length = coder.encode(&pcm, &mut payload);
            payload.truncate(length);
            payload
        };
        chance.mutate(&mut payload);
        let mut pcm = [0; 5760];
        let Some(decoder) = decoders.find([8, 8, 8, 0][chance.below(4)]) else { return };
        let samples = decoder.samples(&payload);
        if samples <= pcm.len() {
            assert!(decoder.decode(&payload, &mut pcm[..samples]) <= samples);
        }
        if chance.once_in(4) {
            let frame = decoder.rate().samples();
            assert!(decoder.conceal(Some(&payload), &mut pcm[..frame]) <= frame);
        }
    }
}
