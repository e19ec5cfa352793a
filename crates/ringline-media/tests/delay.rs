//! What a room adds to the way of a voice, in virtual time: from the arrival of a packet to the sending of the one that
//! holds the same moment.

use std::net::SocketAddr;
use std::sync::Arc;

use ringline_media::{
    Codec, CodecKind, Hears, Leg, LegPlan, LegStats, Loudest, MixPlan, Mixed, Mixer, Now, Pcma, Rate, RtpPacket,
    StreamSeed, FRAME, FRAME_MS, HEADER_BYTES,
};

/// A beep every half second, in the middle of a packet.
const BEEP_EVERY: u64 = 25;
/// Packets in ten minutes.
const TEN_MINUTES: u64 = 30_000;
const EPOCH_US: u64 = 1_700_000_000_000_000;

fn leg(id: u64, peer: SocketAddr) -> Leg {
    let seed = StreamSeed { ssrc: id as u32, sequence: 0, timestamp: 0 };
    let mut leg = Leg::new(id, seed, 60_000, Arc::new(LegStats::default()));
    leg.configure(&LegPlan { remote: Some(peer), ..LegPlan::new(CodecKind::Pcma, 8) }, 0);
    leg
}

fn packet(number: u64) -> [u8; HEADER_BYTES + FRAME] {
    let mut pcm = [0; FRAME];
    if number % BEEP_EVERY == BEEP_EVERY - 1 {
        pcm[FRAME / 2..].fill(6000);
    }
    let (mut payload, mut bytes) = ([0; FRAME], [0; HEADER_BYTES + FRAME]);
    Pcma.encode(&pcm, &mut payload);
    let timestamp = (number * FRAME as u64) as u32;
    let packet =
        RtpPacket { payload_type: 8, marker: false, sequence: number as u16, timestamp, ssrc: 9, payload: &payload };
    packet.write(&mut bytes).unwrap();
    bytes
}

/// Delays of the beeps in microseconds, in order: packets arrive every 20 ms and a little (`wobble_us`) later, the room ticks
/// `phase_us` after the first.
fn delays(ticks: u64, phase_us: u64, wobble_us: impl Fn(u64) -> u64) -> Vec<u64> {
    let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
    let mut legs = [leg(1, peer), leg(2, peer), leg(3, peer)];
    let everybody = Hears::AllBut(vec![]);
    let plan =
        MixPlan { hears: &|_| Some(&everybody), gain_db: &|_| 0.0, rate: Rate::Narrow, loudest: Loudest::default() };
    let mut mixer = Mixer::compile(&[1, 2, 3], &plan, &Mixer::default());
    let (mut events, mut sums, mut found, mut begun) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let arrival_us = |number: u64| EPOCH_US + number * 20_000 + wobble_us(number);
    let mut next = 0;
    let mut loud = false;
    for tick in 0..ticks {
        let now = Now { ms: tick * FRAME_MS, wall_us: EPOCH_US + tick * 20_000 + phase_us };
        while arrival_us(next) <= now.wall_us {
            if next % BEEP_EVERY == BEEP_EVERY - 1 {
                begun.push(arrival_us(next));
            }
            legs[0].receive(&packet(next), peer, arrival_us(next), now.ms, &mut events);
            next += 1;
        }
        legs.iter_mut().for_each(|leg| leg.listen(now, &mut events));
        mixer.run(true, &mut sums, |index| legs[index].said());
        for (index, leg) in legs.iter_mut().enumerate() {
            let (mut heard, mut ears) = ([0; FRAME], [0; FRAME]);
            let mixed = Mixed { sources: mixer.heard(index, leg.said(), &sums, &mut heard), amplified: false };
            leg.speak(&mut heard, mixed, None, &mut ears, &mut events, &mut |_, _, _| ());
            if index == 1 {
                let at = ears.iter().position(|sample| sample.abs() > 2000);
                if let Some(at) = at.filter(|_| !loud) {
                    // The packet that came held the beginning in its middle; here it is somewhere else.
                    let shift_us = (at as i64 - FRAME as i64 / 2) * 125;
                    found.push(now.wall_us.saturating_add_signed(shift_us));
                }
                loud = at.is_some();
            }
        }
        events.clear();
    }
    assert!(found.len() + 1 >= begun.len() && found.len() > 1000, "{} of {} beeps", found.len(), begun.len());
    found.iter().zip(&begun).map(|(heard, said)| heard - said).collect()
}

#[test]
fn a_room_adds_little_delay_and_no_more_after_ten_minutes() {
    let mut all = Vec::new();
    for phase_us in [250, 3100, 7900, 12_400, 19_600] {
        // As on a quiet network: up to 0.7 ms, never the same twice in a row.
        let delays = delays(TEN_MINUTES, phase_us, |number| number * 7919 % 700);
        let mean = |delays: &[u64]| delays.iter().sum::<u64>() / delays.len() as u64;
        // The first minute, without its beginning, against the last.
        let (first, last) = (mean(&delays[20..120]), mean(&delays[delays.len() - 100..]));
        assert!(last <= first + 500, "phase {phase_us}: {first} us, then {last} us");
        all.extend_from_slice(&delays[20..]);
    }
    all.sort_unstable();
    let quantile = |percent: usize| all[all.len() * percent / 100];
    println!("delay added by a room: p50 {} us, p95 {} us", quantile(50), quantile(95));
    assert!(quantile(50) <= 20_000 && quantile(95) <= 25_000, "p50 {} us, p95 {} us", quantile(50), quantile(95));
}

#[test]
fn half_an_hour_with_a_clock_that_is_off_and_jitter_brings_no_drift() {
    // The sender's clock loses 100 millionths: 180 ms in half an hour. Each packet is late by up to 19 ms besides.
    let delays = delays(3 * TEN_MINUTES, 3100, |number| 2 * number + number * 7919 % 19_000);
    let mean = |delays: &[u64]| delays.iter().sum::<u64>() / delays.len() as u64;
    let minute = 120;
    let (second, last) = (mean(&delays[minute..2 * minute]), mean(&delays[delays.len() - minute..]));
    println!("delay in the second minute {second} us, in the last {last} us");
    assert!(last <= second + 10_000 && second <= last + 10_000, "{second} us, then {last} us");
    assert!(delays[minute..].iter().all(|delay| *delay < 120_000), "{:?}", delays[minute..].iter().max());
}
