//! What many play at once is in memory once.

use std::io;
use std::net::SocketAddr;

use ringline_media::{Plain, PromptPlan, Rate};
use ringline_media_io::{Batch, MediaCore, Settings, Target, Transport};

const LEGS: usize = 400;
/// A file is fed 20 s ahead.
const AHEAD_S: usize = 20;

/// A network that takes everything and brings nothing.
struct Void;

impl Transport for Void {
    fn receive(&mut self, _batch: &mut Batch) -> io::Result<bool> {
        Ok(false)
    }

    fn send(&mut self, _to: SocketAddr, _packet: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn four_hundred_legs_in_one_file_hold_it_once() {
    let mut core = MediaCore::start(Settings { threads: 1, ..Settings::default() }).unwrap();
    let legs: Vec<u64> = (0..LEGS).map(|_| core.adopt(Box::new(Void), Box::new(Plain), None).unwrap()).collect();
    let block = |number: usize| -> Vec<i16> { (0..8000).map(|at| (at * 31 + number * 7919) as i16).collect() };
    let before = resident_kib();
    for leg in &legs {
        core.play(PromptPlan::new(*leg, Rate::Wide), Target::Leg(*leg));
        (0..2 * AHEAD_S).for_each(|number| core.feed(*leg, block(number), false));
    }
    let grown = resident_kib().saturating_sub(before);
    // 640 KB, and for each leg a list of forty places; not 256 MB.
    assert!(grown < 16 * 1024, "{grown} KiB");
}
