//! The floor: a bare loop with one connected socket per leg, woken every 5 ms, that only receives and sends.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::thread::JoinHandle;

use ringline_media::{RtpPacket, FRAME, HEADER_BYTES};
use ringline_media_io::{monotonic_ns, run_first, sleep_until, thread_cpu_ns};

const SLOT_NS: u64 = 5_000_000;
const SLOTS_PER_FRAME: usize = 4;

/// The loop on its thread.
pub(crate) struct Floor {
    stop: Arc<AtomicBool>,
    cpu_ns: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Floor {
    /// Run it for these sockets, each with its peer.
    pub(crate) fn start(sockets: Vec<UdpSocket>, peers: &[SocketAddr]) -> io::Result<Self> {
        for (socket, peer) in sockets.iter().zip(peers) {
            socket.connect(peer)?;
            socket.set_nonblocking(true)?;
        }
        let (stop, cpu_ns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (asked, spent) = (Arc::clone(&stop), Arc::clone(&cpu_ns));
        let thread = std::thread::spawn(move || {
            run_first();
            let (epoch_ns, mut slot, mut buffer) = (monotonic_ns(), 0, [0; 2048]);
            let mut packet = [0; HEADER_BYTES + FRAME];
            let header = RtpPacket {
                payload_type: 8,
                marker: false,
                sequence: 0,
                timestamp: 0,
                ssrc: 1,
                payload: &[0xd5; FRAME],
            };
            header.write(&mut packet);
            while !asked.load(Relaxed) {
                slot += 1;
                sleep_until(epoch_ns + slot * SLOT_NS);
                for socket in sockets.iter().skip(slot as usize % SLOTS_PER_FRAME).step_by(SLOTS_PER_FRAME) {
                    // Nothing there, or nobody: as on any network.
                    let _ = socket.recv(&mut buffer);
                    let _ = socket.send(&packet);
                }
                spent.store(thread_cpu_ns(), Relaxed);
            }
        });
        Ok(Floor { stop, cpu_ns, thread })
    }

    /// Processor time so far.
    pub(crate) fn cpu_ns(&self) -> u64 {
        self.cpu_ns.load(Relaxed)
    }

    /// End it.
    pub(crate) fn stop(self) {
        self.stop.store(true, Relaxed);
        let _ = self.thread.join();
    }
}
