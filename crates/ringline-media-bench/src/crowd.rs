//! The far ends: phones that talk all the time and keep what they hear, on one thread of their own.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ringline_media::{RtpPacket, FRAME, HEADER_BYTES};
use ringline_media_io::{monotonic_ns, run_first, sleep_until, stamp_arrivals, wall_us, Batch};

use crate::tones::{packets, pitch_hz, LISTENED, SECOND, VOICES};

/// The crowd's own clock: each phone sends in one of twenty phases.
const STEP_NS: u64 = 1_000_000;
const PHASES: u64 = 20;
/// A phone that measures delay beeps in every so many packets, and the beep begins in the middle of the packet.
const BEEP_EVERY: u64 = 25;

/// One far end.
struct Phone {
    socket: UdpSocket,
    /// Those of one pitch share their packets: the far ends must not fill the caches that the core needs.
    voice: Arc<Vec<[u8; FRAME]>>,
    sequence: u64,
    silent: bool,
    beeped_us: Option<u64>,
    heard: Heard,
}

/// The seconds that a phone heard, in packets.
pub(crate) type Heard = Vec<[u8; FRAME]>;

/// How the crowd behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Every phone says its tone.
    Talk,
    /// So many talk, the others send silence.
    Some(usize),
    /// Every second phone beeps, and the one beside it listens.
    Beep,
}

/// Phones that run until they are asked what they heard.
pub(crate) struct Crowd {
    stop: Arc<AtomicBool>,
    listen: Arc<AtomicBool>,
    thread: JoinHandle<(Vec<Heard>, Vec<u64>)>,
}

/// Sockets for a crowd, and their addresses.
pub(crate) fn sockets(count: usize) -> io::Result<Vec<UdpSocket>> {
    (0..count).map(|_| UdpSocket::bind("127.0.0.1:0")).collect()
}

impl Crowd {
    /// Let the phones talk to `targets`, one each.
    pub(crate) fn start(sockets: Vec<UdpSocket>, targets: &[SocketAddr], manner: Manner) -> io::Result<Self> {
        let mut phones = Vec::new();
        let voices: Vec<_> = (0..VOICES).map(|voice| Arc::new(packets(pitch_hz(voice)))).collect();
        for (index, (socket, target)) in sockets.into_iter().zip(targets).enumerate() {
            socket.connect(target)?;
            socket.set_nonblocking(true)?;
            stamp_arrivals(socket.as_fd())?;
            let silent = match manner {
                Manner::Talk => false,
                Manner::Some(talkers) => index >= talkers,
                Manner::Beep => true,
            };
            let voice = Arc::clone(&voices[index % VOICES]);
            phones.push(Phone { socket, voice, sequence: 0, silent, beeped_us: None, heard: Vec::new() });
        }
        let (stop, listen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (asked, listening) = (Arc::clone(&stop), Arc::clone(&listen));
        let thread = std::thread::spawn(move || run(phones, &asked, &listening, manner == Manner::Beep));
        Ok(Crowd { stop, listen, thread })
    }

    /// End the call after listening for some seconds: what each phone heard, and the delays of the beeps in microseconds.
    pub(crate) fn hang_up(self) -> (Vec<Heard>, Vec<u64>) {
        self.listen.store(true, Relaxed);
        std::thread::sleep(Duration::from_millis(LISTENED as u64 * 1000 + 200));
        self.stop.store(true, Relaxed);
        self.thread.join().expect("the crowd does not panic")
    }
}

fn run(mut phones: Vec<Phone>, stop: &AtomicBool, listen: &AtomicBool, beeping: bool) -> (Vec<Heard>, Vec<u64>) {
    // Phones that stumble would be measured instead of the core.
    run_first();
    let (mut batch, mut delays) = (Batch::default(), Vec::new());
    let epoch_ns = monotonic_ns();
    let mut step = 0;
    while !stop.load(Relaxed) {
        step += 1;
        sleep_until(epoch_ns + step * STEP_NS);
        let (count, listen) = (phones.len(), listen.load(Relaxed));
        for index in (0..count).filter(|index| *index as u64 * 7 % PHASES == step % PHASES) {
            let beep = beeping && index % 2 == 0 && phones[index].sequence % BEEP_EVERY == BEEP_EVERY - 1;
            phones[index].send(index as u32, beep);
            if let Some(came_us) = phones[index].receive(&mut batch, beeping, listen) {
                if let Some(beeped_us) = phones[index ^ 1].beeped_us.take() {
                    delays.push(came_us.saturating_sub(beeped_us));
                }
            }
        }
    }
    (phones.into_iter().map(|phone| phone.heard).collect(), delays)
}

impl Phone {
    fn send(&mut self, index: u32, beep: bool) {
        let (silence, mut loud) = ([0xd5; FRAME], [0xd5; FRAME]);
        loud[FRAME / 2..].fill(0x2a);
        let payload = match (beep, self.silent) {
            (true, _) => &loud,
            (false, true) => &silence,
            (false, false) => &self.voice[self.sequence as usize % SECOND],
        };
        let packet = RtpPacket {
            payload_type: 8,
            marker: self.sequence == 0,
            sequence: self.sequence as u16,
            timestamp: self.sequence as u32 * FRAME as u32,
            ssrc: index + 1,
            payload,
        };
        let mut bytes = [0; HEADER_BYTES + FRAME];
        if let Some(length) = packet.write(&mut bytes) {
            if beep {
                self.beeped_us = Some(wall_us());
            }
            // Before the core listens a packet may be refused.
            let _ = self.socket.send(&bytes[..length]);
        }
        self.sequence += 1;
    }

    /// Take what came; tells when a beep's beginning did, brought to the place in the packet where it was sent.
    fn receive(&mut self, batch: &mut Batch, beeping: bool, listen: bool) -> Option<u64> {
        let mut beep_us = None;
        while batch.receive(self.socket.as_fd(), self.socket.peer_addr().ok()).unwrap_or(false) {
            let Some(datagram) = batch.datagram() else { continue };
            let Some(packet) = RtpPacket::read(datagram.bytes) else { continue };
            let Some(payload) = packet.payload.first_chunk::<FRAME>() else { continue };
            if listen && self.heard.len() < LISTENED * SECOND {
                self.heard.push(*payload);
            }
            if beeping {
                if let Some(at) = payload.iter().position(|code| *code == 0x2a) {
                    let shift_us = (at as i64 - FRAME as i64 / 2) * 125;
                    beep_us = beep_us.or(Some(datagram.arrival_us.saturating_add_signed(shift_us)));
                }
            }
        }
        beep_us
    }
}
