//! A plain RTP leg allocates nothing per packet, and little at all.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;

use ringline_media::{
    CodecKind, Hears, Leg, LegPlan, LegStats, Loudest, MixPlan, Mixed, Mixer, Now, Rate, RtpPacket, StreamSeed, FRAME,
    FRAME_MS,
};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static HELD_BYTES: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; counting touches a
// constant-initialised thread-local cell and so never allocates itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        HELD_BYTES.with(|held| held.set(held.get().wrapping_add(layout.size())));
        // SAFETY: the caller's layout, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD_BYTES.with(|held| held.set(held.get().wrapping_sub(layout.size())));
        // SAFETY: the pointer came from the same allocator with the same layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn leg(id: u64, peer: SocketAddr) -> Leg {
    leg_with(id, peer, LegPlan::new(CodecKind::Pcma, 8))
}

fn leg_with(id: u64, peer: SocketAddr, plan: LegPlan) -> Leg {
    let seed = StreamSeed { ssrc: 1, sequence: 2, timestamp: 3 };
    let mut leg = Leg::new(id, seed, 60_000, Arc::new(LegStats::default()));
    leg.configure(&LegPlan { remote: Some(peer), ..plan }, 0);
    leg
}

/// Packet `sequence` of a stream, with sound in it.
fn datagram(sequence: u32) -> [u8; 172] {
    let mut datagram = [0; 172];
    let payload: [u8; FRAME] = std::array::from_fn(|index| (index * 7 + sequence as usize * 3) as u8);
    let packet = RtpPacket {
        payload_type: 8,
        marker: false,
        sequence: sequence as u16,
        timestamp: sequence * 160,
        ssrc: 9,
        payload: &payload,
    };
    packet.write(&mut datagram).unwrap();
    datagram
}

/// Loss, a late packet and a stray one are part of the call: hearing keys in the audio, making up, stretching and
/// reporting allocate nothing either.
fn arrivals(tick: u32) -> Vec<u32> {
    match tick % 100 {
        17 => vec![],
        18 => vec![tick - 1, tick],
        40 => vec![],
        _ => vec![tick],
    }
}

#[test]
fn a_call_of_two_legs_allocates_nothing_once_it_runs() {
    let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
    let mut legs = [leg(1, peer), leg(2, peer)];
    let everybody = Hears::AllBut(vec![]);
    let plan =
        MixPlan { hears: &|_| Some(&everybody), gain_db: &|_| -3.0, rate: Rate::Narrow, loudest: Loudest::default() };
    let mut mixer = Mixer::compile(&[1, 2], &plan, &Mixer::default());
    let (mut events, mut sums) = (Vec::with_capacity(16), Vec::new());
    let (mut packets, mut reports, mut before) = (0, 0, 0);
    let calls: Vec<Vec<u32>> = (0..3000).map(arrivals).collect();
    for tick in 0..3000u32 {
        if tick == 500 {
            before = COUNT.with(Cell::get);
        }
        let now = Now { ms: u64::from(tick) * FRAME_MS, wall_us: u64::from(tick) * 20_000 + 10_000 };
        for sequence in &calls[tick as usize] {
            let datagram = datagram(*sequence);
            for leg in &mut legs {
                leg.receive(&datagram, peer, now.wall_us - 10_000, now.ms, &mut events);
            }
        }
        for leg in &mut legs {
            leg.listen(now, &mut events);
        }
        mixer.run(true, &mut sums, |index| legs[index].said());
        for (index, leg) in legs.iter_mut().enumerate() {
            let (mut heard, mut ears) = ([0; FRAME], [0; FRAME]);
            let sources = mixer.heard(index, leg.said(), &sums, &mut heard);
            let mixed = Mixed { sources, amplified: false };
            leg.speak(&mut heard, mixed, None, &mut ears, &mut events, &mut |_, _, _| packets += 1);
            leg.report(now, |_, _| reports += 1);
        }
        events.clear();
    }
    assert_eq!(COUNT.with(Cell::get) - before, 0);
    assert_eq!(packets, 2 * 3000);
    assert!(reports > 10);
}

#[test]
fn a_bridge_that_hands_packets_on_allocates_nothing_once_it_runs() {
    let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
    let plan = LegPlan { dtmf_payload_type: Some(101), ..LegPlan::new(CodecKind::Pcma, 8) };
    let (mut from, mut to) = (leg_with(1, peer, plan), leg_with(2, peer, plan));
    from.set_passing(true);
    let (mut events, calls) = (Vec::with_capacity(16), (0..3000).map(arrivals).collect::<Vec<_>>());
    let (mut handed_on, mut decoded, mut before) = (0, 0, 0);
    for tick in 0..3000u32 {
        if tick == 500 {
            before = COUNT.with(Cell::get);
        }
        let now = Now { ms: u64::from(tick) * FRAME_MS, wall_us: u64::from(tick) * 20_000 + 10_000 };
        for sequence in &calls[tick as usize] {
            from.receive(&datagram(*sequence), peer, now.wall_us - 10_000, now.ms, &mut events);
        }
        if from.can_hand_on(&plan) && to.can_take_on() {
            let samples = from.hand_on(now, &mut events, |packet| {
                handed_on += 1;
                to.take_on(packet, &mut |_, _, _| ());
            });
            to.pass(samples);
        } else {
            // Something is lost: it is made up from what was handed on.
            decoded += 1;
            from.listen(now, &mut events);
            let mut ears = [0; FRAME];
            ears.copy_from_slice(from.said().unwrap_or(&[0; FRAME]));
            to.speak_alone(&mut ears, &mut events, &mut |_, _, _| ());
        }
        events.clear();
    }
    assert_eq!(COUNT.with(Cell::get) - before, 0);
    assert!(handed_on > 2800 && decoded > 30, "{handed_on} handed on, {decoded} decoded");
}

#[test]
fn a_leg_with_everything_that_a_call_needs_takes_less_than_100_kib() {
    let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
    for codec in [CodecKind::Pcma, CodecKind::G722, CodecKind::Opus, CodecKind::L16(Rate::Wide)] {
        let before = HELD_BYTES.with(Cell::get);
        let mut leg = leg_with(1, peer, LegPlan::new(codec, 8));
        // In a room of another rate it needs a way there and back, too.
        leg.set_rate(if codec.rate() == Rate::Wide { Rate::Narrow } else { Rate::Wide });
        let mut events = Vec::with_capacity(16);
        for tick in 0..200u32 {
            let now = Now { ms: u64::from(tick) * FRAME_MS, wall_us: u64::from(tick) * 20_000 + 10_000 };
            leg.receive(&datagram(tick), peer, now.wall_us - 10_000, now.ms, &mut events);
            leg.listen(now, &mut events);
            events.clear();
        }
        let bytes = HELD_BYTES.with(Cell::get).wrapping_sub(before) + size_of::<Leg>();
        println!("{codec:?}: {} KiB", bytes / 1024);
        assert!(bytes < 100 * 1024, "{codec:?}: {bytes} bytes");
    }
}
