//! A plain RTP leg allocates nothing per packet.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;

use ringline_media::{CodecKind, Leg, LegPlan, LegStats, Mixed, Mixer, RtpPacket, StreamSeed, FRAME, FRAME_MS};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; counting touches a
// constant-initialised thread-local cell and so never allocates itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's layout, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from the same allocator with the same layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn leg(id: u64, peer: SocketAddr) -> Leg {
    let seed = StreamSeed { ssrc: 1, sequence: 2, timestamp: 3 };
    let mut leg = Leg::new(id, seed, 60_000, Arc::new(LegStats::default()));
    let plan = LegPlan {
        remote: Some(peer),
        codec: CodecKind::Pcma,
        payload_type: 8,
        dtmf_payload_type: Some(101),
        packet_samples: FRAME,
        send: true,
        receive: true,
    };
    leg.configure(&plan, 0);
    leg
}

#[test]
fn a_call_of_two_legs_allocates_nothing_once_it_runs() {
    let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
    let mut legs = [leg(1, peer), leg(2, peer)];
    let mut mixer = Mixer::compile(&[1, 2], |id| if id == 1 { &[2] } else { &[1] });
    let mut events = Vec::with_capacity(16);
    let mut bytes = 0;
    let mut before = 0;
    for tick in 0..2000u32 {
        if tick == 100 {
            before = COUNT.with(Cell::get);
        }
        let now_ms = u64::from(tick) * FRAME_MS;
        let mut datagram = [0; 172];
        let packet = RtpPacket {
            payload_type: 8,
            marker: false,
            sequence: tick as u16,
            timestamp: tick * 160,
            ssrc: 9,
            payload: &[0x2a; FRAME],
        };
        packet.write(&mut datagram).unwrap();
        for leg in &mut legs {
            leg.receive(&datagram, peer, tick * 160, now_ms, &mut events);
            leg.listen(now_ms, &mut events);
        }
        mixer.run(|index| legs[index].said());
        for (index, leg) in legs.iter_mut().enumerate() {
            let mut heard = [0; FRAME];
            let sources = mixer.heard(index, leg.said(), &mut heard);
            leg.speak(&mut heard, Mixed { sources, amplified: false }, &mut events, &mut |_, _, length| {
                bytes += length
            });
        }
    }
    assert_eq!(bytes, 2 * 2000 * 172);
    assert_eq!(COUNT.with(Cell::get) - before, 0);
}
