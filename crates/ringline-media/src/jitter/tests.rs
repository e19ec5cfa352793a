use super::*;
use crate::codec::CodecKind;
use crate::frame::FRAME;
use crate::testing::{share, sine, Noise};

mod passing;

/// A sender, a network and a buffer that plays a frame every 20 ms.
struct Rig {
    buffer: JitterBuffer,
    decoders: Decoders,
    coder: Box<dyn crate::codec::Codec>,
    at_once: bool,
}

impl Rig {
    fn new() -> Self {
        Rig {
            buffer: JitterBuffer::new(Rate::Narrow, 8000, 960),
            decoders: Decoders::new(8, CodecKind::Pcma),
            coder: CodecKind::Pcma.build(),
            at_once: true,
        }
    }

    fn push(&mut self, timestamp: u32, pcm: &[i16], arrival_us: u64) -> Pushed {
        let mut payload = vec![0; pcm.len()];
        self.coder.encode(pcm, &mut payload);
        let packet = RtpPacket { payload_type: 8, marker: false, sequence: 0, timestamp, ssrc: 1, payload: &payload };
        self.buffer.push(&packet, pcm.len(), arrival_us, self.at_once.then_some(&mut self.decoders))
    }

    fn pop(&mut self, now_us: u64) -> (Popped, [i16; FRAME]) {
        let popped = self.buffer.pop(&mut self.decoders, now_us);
        let frame = if popped == Popped::Silence { [0; FRAME] } else { *self.buffer.frame().first_chunk().unwrap() };
        (popped, frame)
    }
}

/// What happens to packet `index` on its way: when it arrives, if it does, in microseconds after it was sent.
type Path<'a> = &'a mut dyn FnMut(usize) -> Option<u64>;

struct Heard {
    pcm: Vec<i16>,
    kinds: Vec<Popped>,
    late: usize,
    delays_us: Vec<u64>,
}

/// Send `pcm` in packets of `length` samples with timestamps from `start` on; the first tick is at `phase_us`.
fn call(pcm: &[i16], length: usize, start: u32, phase_us: u64, path: Path<'_>) -> Heard {
    let mut arrivals: Vec<(u64, usize)> = (0..pcm.len() / length)
        .filter_map(|index| Some((((index + 1) * length) as u64 * 125 + path(index)?, index)))
        .collect();
    arrivals.sort_unstable();
    let mut rig = Rig::new();
    let mut heard = Heard { pcm: Vec::new(), kinds: Vec::new(), late: 0, delays_us: Vec::new() };
    let mut waiting = arrivals.into_iter().peekable();
    let epoch_us = 1_700_000_000_000_000;
    for tick in 0..(pcm.len() / FRAME + 20) as u64 {
        let now_us = tick * 20_000 + phase_us;
        while let Some((arrival_us, index)) = waiting.next_if(|(arrival_us, _)| *arrival_us <= now_us) {
            let timestamp = start.wrapping_add((index * length) as u32);
            let pcm = &pcm[index * length..(index + 1) * length];
            let pushed = rig.push(timestamp, pcm, epoch_us + arrival_us);
            heard.late += usize::from(pushed == Pushed::Late);
        }
        let (kind, frame) = rig.pop(epoch_us + now_us);
        heard.pcm.extend(frame);
        heard.kinds.push(kind);
        heard.delays_us.push(rig.buffer.delay_us());
    }
    heard
}

fn clean(_index: usize) -> Option<u64> {
    Some(0)
}

#[test]
fn packets_of_any_usual_length_come_out_as_one_clean_tone() {
    let tone = sine(1000.0, 100 * FRAME, 8000.0);
    for length in [80, 160, 240, 320, 400, 480] {
        let heard = call(&tone, length, 1000, 3000, &mut clean);
        assert!(share(&heard.pcm[10 * FRAME..90 * FRAME], 1000.0) > 0.999, "{length} samples a packet");
        assert!(heard.kinds[10..90].iter().all(|kind| *kind == Popped::Audio), "{length} samples a packet");
    }
}

#[test]
fn a_quiet_network_adds_at_most_a_frame_and_5_ms() {
    let tone = sine(1000.0, 400 * FRAME, 8000.0);
    let mut delays: Vec<u64> = (0..40)
        .map(|phase| {
            let heard = call(&tone, 160, 0, phase * 500 + 250, &mut |index| Some(index as u64 * 7919 % 700));
            assert!(heard.kinds[10..380].iter().all(|kind| *kind == Popped::Audio), "phase {phase}");
            heard.delays_us[380]
        })
        .collect();
    delays.sort_unstable();
    assert!(delays[20] <= 20_000 && delays[38] <= 25_000, "{delays:?}");
}

#[test]
fn swapped_packets_and_a_timestamp_that_wraps_are_not_heard() {
    let tone = sine(1000.0, 300 * FRAME, 8000.0);
    let mut swap = |index: usize| Some(if index % 2 == 0 { 25_000 } else { 0 });
    let heard = call(&tone, 160, u32::MAX - 20_000, 3000, &mut swap);
    assert!(share(&heard.pcm[60 * FRAME..290 * FRAME], 1000.0) > 0.99);
    assert!(heard.kinds[60..290].iter().all(|kind| *kind == Popped::Audio));
}

#[test]
fn a_duplicate_is_told_and_played_once() {
    let mut rig = Rig::new();
    let tone = sine(500.0, FRAME, 8000.0);
    assert_eq!(rig.push(0, &tone, 0), Pushed::Stored);
    assert_eq!(rig.push(0, &tone, 1), Pushed::Duplicate);
}

#[test]
fn a_lost_packet_is_concealed_and_the_delay_stays() {
    let tone = sine(400.0, 200 * FRAME, 8000.0);
    let heard = call(&tone, 160, 0, 10_000, &mut |index| (index != 50).then_some(0));
    let concealed: Vec<usize> = (0..180).filter(|index| heard.kinds[*index] == Popped::Concealed).collect();
    assert_eq!(concealed.len(), 1);
    assert_eq!(heard.delays_us[40], heard.delays_us[60]);
    assert!(share(&heard.pcm[10 * FRAME..180 * FRAME], 400.0) > 0.99);
}

#[test]
fn a_late_packet_is_heard_later_and_the_delay_comes_back() {
    let tone = sine(400.0, 600 * FRAME, 8000.0);
    let heard = call(&tone, 160, 0, 10_000, &mut |index| {
        // The network stands still for a moment.
        Some(if index >= 150 { 38_000u64.saturating_sub((index - 150) as u64 * 20_000) } else { 0 })
    });
    assert_eq!(heard.late, 0);
    assert!(heard.delays_us[155] > heard.delays_us[140] + 15_000);
    assert!(heard.delays_us[500] < heard.delays_us[140] + 5000, "{:?}", &heard.delays_us[140..500]);
    assert!(share(&heard.pcm[10 * FRAME..590 * FRAME], 400.0) > 0.98);
}

#[test]
fn a_silent_sender_fades_within_60_ms_and_starts_again() {
    let mut tone = sine(400.0, 10 * FRAME, 8000.0);
    tone.extend(vec![0; 60 * FRAME]);
    tone.extend(sine(400.0, 30 * FRAME, 8000.0));
    // Silence is not sent, as phones do that save bandwidth.
    let heard = call(&tone, 160, 0, 10_000, &mut |index| (!(10..70).contains(&index)).then_some(0));
    let first = heard.kinds.iter().position(|kind| *kind == Popped::Audio).unwrap();
    assert_eq!(heard.kinds[first..first + 10], [Popped::Audio; 10]);
    assert_eq!(heard.kinds[first + 10..first + 13], [Popped::Concealed; 3]);
    assert_eq!(heard.kinds[first + 13..first + 60], [Popped::Silence; 47]);
    assert_eq!(heard.kinds[first + 71..first + 98], [Popped::Audio; 27]);
}

#[test]
fn an_announced_pause_is_not_filled() {
    let mut rig = Rig::new();
    let tone = sine(400.0, FRAME, 8000.0);
    for index in 0..5 {
        rig.push(index * 160, &tone, u64::from(index) * 20_000);
    }
    rig.buffer.expect_pause(800);
    let kinds: Vec<_> = (0..7).map(|tick| rig.pop(100_000 + tick * 20_000).0).collect();
    assert_eq!(kinds, [[Popped::Audio; 5].as_slice(), &[Popped::Silence; 2]].concat());
}

#[test]
fn a_burst_after_a_stall_does_not_become_lasting_delay() {
    let tone = sine(400.0, 800 * FRAME, 8000.0);
    let stall = |index: usize| Some(if (100..150).contains(&index) { (150 - index) as u64 * 20_000 } else { 0 });
    let heard = call(&tone, 160, 0, 10_000, &mut { stall });
    assert!(heard.delays_us[200] <= 340_000, "{}", heard.delays_us[200]);
    assert!(heard.delays_us[780] <= 40_000, "{}", heard.delays_us[780]);
}

#[test]
fn a_clock_set_back_is_followed_after_a_few_packets() {
    let mut rig = Rig::new();
    let tone = sine(400.0, FRAME, 8000.0);
    for index in 20..30 {
        rig.push(index * 160, &tone, u64::from(index) * 20_000);
        rig.pop(u64::from(index) * 20_000 + 9000);
    }
    let told: Vec<_> = (0..9).map(|index| rig.push(index * 160, &tone, u64::from(index + 30) * 20_000)).collect();
    assert_eq!(told[..7], [Pushed::Late; 7]);
    assert_eq!(told[7..], [Pushed::Stored; 2]);
}

#[test]
fn clocks_200_ppm_apart_for_two_hours_cost_neither_audio_nor_delay() {
    for drift in [-200i64, 200] {
        let mut rig = Rig::new();
        let tone = sine(400.0, FRAME, 8000.0);
        let (mut sent, mut worst_us, mut concealed, mut late) = (0u64, 0, 0, 0);
        let period_ns = (20_000_000 + 20 * drift) as u64;
        for tick in 0..360_000u64 {
            let now_us = tick * 20_000 + 10_000;
            while sent * period_ns / 1000 <= now_us {
                late += usize::from(rig.push((sent * 160) as u32, &tone, sent * period_ns / 1000) == Pushed::Late);
                sent += 1;
            }
            let kind = rig.pop(now_us).0;
            if tick > 500 {
                worst_us = worst_us.max(rig.buffer.delay_us());
                concealed += usize::from(kind != Popped::Audio);
            }
        }
        assert!(worst_us <= 45_000, "{drift} ppm: {worst_us} us");
        assert!(concealed + late <= 80, "{drift} ppm: {concealed} concealed, {late} late");
    }
}

/// What is left of a voice after a bad network: the share of frames that are as loud as they were (within 3 dB), and
/// the share of the energy that has the right pitch, second by second.
fn quality(loss_percent: u64, jitter_ms: u64) -> (f64, f64, u64) {
    let mut noise = Noise::new(100 * loss_percent + jitter_ms);
    let voice = sine(400.0, 1500 * FRAME, 8000.0);
    let mut path = |_| {
        let late_us = if jitter_ms == 0 { 0 } else { noise.below(jitter_ms * 1000) };
        (noise.below(100) >= loss_percent).then_some(late_us)
    };
    let heard = call(&voice, 160, 0, 7000, &mut path);
    let settled = &heard.pcm[200 * FRAME..1450 * FRAME];
    let loud = |frame: &[i16]| frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / FRAME as f64;
    let right = settled.chunks(FRAME).filter(|frame| (16e6..64e6).contains(&loud(frame))).count();
    let seconds: Vec<f64> = settled.chunks_exact(400).map(|piece| share(piece, 400.0)).collect();
    let pitch = seconds.iter().sum::<f64>() / seconds.len() as f64;
    (right as f64 / (settled.len() / FRAME) as f64, pitch, heard.delays_us[1400] / 1000)
}

#[test]
fn loss_and_jitter_are_concealed() {
    println!("loss %  jitter ms  frames as loud %  pitch %  delay ms");
    for loss in [0, 1, 5, 10] {
        for jitter in [0, 20, 60, 120] {
            let (loud, pitch, delay_ms) = quality(loss, jitter);
            println!("{loss:6}  {jitter:9}  {:16.1}  {:7.2}  {delay_ms:8}", 100.0 * loud, 100.0 * pitch);
            let bad = loss as f64 / 100.0;
            assert!(loud > 0.97 - 0.6 * bad, "{loss} % lost, {jitter} ms: {loud}");
            assert!(pitch > 0.97 - bad, "{loss} % lost, {jitter} ms: {pitch}");
            assert!(delay_ms <= jitter + 45, "{loss} % lost, {jitter} ms: {delay_ms} ms");
        }
    }
}

#[test]
fn what_is_forwarded_is_what_came_in_the_same_order() {
    let mut rig = Rig::new();
    rig.at_once = false;
    let (mut got, mut passed) = (Vec::new(), 0);
    for tick in 0..100u32 {
        if tick != 40 {
            rig.push(tick * 160, &[tick as i16 * 256; FRAME], u64::from(tick) * 20_000);
        }
        let begun = passed;
        passed += rig.buffer.forward(u64::from(tick) * 20_000 + 9000, |packet| {
            got.push((begun + packet.offset, rig.decoders.find(8).unwrap().samples(packet.payload)));
        });
    }
    assert_eq!(got.len(), 99);
    assert!(got.windows(2).all(|pair| pair[1].0 > pair[0].0), "{got:?}");
    assert!((98 * 160..=101 * 160).contains(&passed));
}

#[test]
fn no_sequence_of_packets_breaks_it() {
    let mut noise = Noise::new(5);
    let mut rig = Rig::new();
    let payload = [0x55; 2000];
    let mut now_us = 0;
    for _ in 0..300_000 {
        now_us += noise.below(40_000);
        let length = if noise.below(10) == 0 { noise.below(1200) } else { 160 } as usize;
        let timestamp = match noise.below(20) {
            0 => noise.next() as u32,
            _ => (now_us / 125) as u32 + noise.below(6000) as u32,
        };
        let packet = RtpPacket {
            payload_type: noise.below(10) as u8,
            marker: false,
            sequence: 0,
            timestamp,
            ssrc: 1,
            payload: &payload[..length],
        };
        let at_once = (noise.below(2) == 0).then_some(&mut rig.decoders);
        rig.buffer.push(&packet, length, now_us + noise.below(1000), at_once);
        match noise.below(4) {
            0 | 1 => drop(rig.pop(now_us)),
            2 if rig.buffer.can_forward(20) => drop(rig.buffer.forward(now_us, |_| ())),
            3 => rig.buffer.expect_pause(timestamp),
            _ => {}
        }
        assert!(rig.buffer.pcm.len() <= rig.buffer.pcm.capacity());
    }
}
