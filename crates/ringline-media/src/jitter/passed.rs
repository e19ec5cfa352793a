//! Remembers what was handed on last, for the moment in which packets are decoded again.

/// Packets kept, of 10 or 20 ms each: a period is sought in the last 35 ms, and after 160 ms the decoders of G.722 and
/// Opus are at most 30 dB beside one that has decoded everything.
const KEPT: usize = 8;

#[derive(Default)]
struct Packet {
    payload_type: u8,
    samples: usize,
    payload: Vec<u8>,
}

/// The last packets that went by without being decoded. Allocates only for the first of them.
#[derive(Default)]
pub(super) struct Passed {
    /// Apart: most legs pass none.
    packets: Box<[Packet; KEPT]>,
    count: usize,
}

impl Passed {
    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn put(&mut self, payload_type: u8, payload: &[u8], samples: usize) {
        let packet = &mut self.packets[self.count % KEPT];
        packet.payload_type = payload_type;
        packet.samples = samples;
        packet.payload.clear();
        packet.payload.extend_from_slice(payload);
        // Counts on beyond what is kept, but never to its end.
        self.count = if self.count == 2 * KEPT - 1 { KEPT } else { self.count + 1 };
    }

    /// Type, payload and samples of each, the oldest first.
    pub(super) fn packets(&self) -> impl Iterator<Item = (u8, &[u8], usize)> {
        (self.count.saturating_sub(KEPT)..self.count).map(|number| {
            let packet = &self.packets[number % KEPT];
            (packet.payload_type, &packet.payload[..], packet.samples)
        })
    }
}
