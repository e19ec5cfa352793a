//! A ring of samples between one pacing thread and one reader, without locks.

use std::sync::atomic::{
    AtomicBool, AtomicI16, AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// Bounded samples: writes that do not fit are counted as lost, and the writer pauses until the reader has caught up.
#[derive(Debug)]
pub struct Ring {
    samples: Box<[AtomicI16]>,
    /// Samples ever written and ever read; their difference is what waits.
    written: AtomicUsize,
    read: AtomicUsize,
    lost: AtomicU64,
    closed: AtomicBool,
    announced: AtomicBool,
}

impl Ring {
    /// A ring for `capacity` samples.
    pub fn new(capacity: usize) -> Self {
        Ring {
            samples: (0..capacity.max(1)).map(|_| AtomicI16::new(0)).collect(),
            written: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            announced: AtomicBool::new(false),
        }
    }

    /// Samples that wait for the reader.
    pub fn waiting(&self) -> usize {
        self.written.load(Acquire).wrapping_sub(self.read.load(Acquire))
    }

    /// Write samples, all or none. Once some were lost, none are taken until the reader has emptied the ring and taken
    /// note of the loss, so that the loss is reported where it happened.
    pub fn write(&self, samples: &[i16]) {
        let waiting = self.waiting();
        let losing = self.lost.load(Acquire) > 0;
        if losing || waiting + samples.len() > self.samples.len() {
            self.lost.fetch_add(1, Release);
            return;
        }
        let start = self.written.load(Relaxed);
        let (first, second) = self.places(start, samples.len());
        let (before, after) = samples.split_at(first.len());
        for (places, samples) in [(first, before), (second, after)] {
            places.iter().zip(samples).for_each(|(place, sample)| place.store(*sample, Relaxed));
        }
        self.written.store(start.wrapping_add(samples.len()), Release);
    }

    /// The places of so many samples from a number on: one piece, or two around the end. So the only division is here, and
    /// not at every sample.
    fn places(&self, start: usize, count: usize) -> (&[AtomicI16], &[AtomicI16]) {
        let start = start % self.samples.len();
        let first = count.min(self.samples.len() - start);
        (&self.samples[start..start + first], &self.samples[..count - first])
    }

    /// See `Leg::whereabouts`: where so many samples will be written.
    pub(crate) fn whereabouts(&self, count: usize, tell: &mut impl FnMut(*const u8, usize)) {
        let (first, _) = self.places(self.written.load(Relaxed), count.min(self.samples.len()));
        tell(first.as_ptr().cast(), size_of_val(first));
    }

    /// Append what waits to `out`; returns the number of writes lost after it.
    pub fn drain(&self, out: &mut Vec<i16>) -> u64 {
        // Exchanged, not stored: whoever has found it true has its samples seen below, everyone else announces anew.
        self.announced.swap(false, AcqRel);
        let start = self.read.load(Relaxed);
        let waiting = self.written.load(Acquire).wrapping_sub(start);
        let (first, second) = self.places(start, waiting);
        out.extend(first.iter().chain(second).map(|place| place.load(Relaxed)));
        self.read.store(start.wrapping_add(waiting), Release);
        self.lost.swap(0, Release)
    }

    /// True once per drain when at least `block` samples wait or some were lost: time to tell the reader.
    pub fn announce(&self, block: usize) -> bool {
        (self.waiting() >= block || self.lost.load(Relaxed) > 0) && !self.announced.swap(true, AcqRel)
    }

    /// The reader wants no more.
    pub fn close(&self) {
        self.closed.store(true, Release);
    }

    /// Whether the reader wants no more.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(ring: &Ring) -> (Vec<i16>, u64) {
        let mut samples = Vec::new();
        let lost = ring.drain(&mut samples);
        (samples, lost)
    }

    #[test]
    fn samples_come_out_in_order_around_the_end() {
        let ring = Ring::new(5);
        ring.write(&[1, 2, 3]);
        assert_eq!(drained(&ring), (vec![1, 2, 3], 0));
        ring.write(&[4, 5, 256, -1]);
        assert_eq!(drained(&ring), (vec![4, 5, 256, -1], 0));
    }

    #[test]
    fn a_slow_reader_loses_its_own_and_hears_how_much() {
        let ring = Ring::new(4);
        ring.write(&[1, 2]);
        ring.write(&[3, 4, 5]);
        ring.write(&[6]);
        assert_eq!(drained(&ring), (vec![1, 2], 2));
        ring.write(&[7]);
        assert_eq!(drained(&ring), (vec![7], 0));
    }

    #[test]
    fn a_block_is_announced_once() {
        let ring = Ring::new(100);
        ring.write(&[0; 10]);
        assert!(!ring.announce(20));
        ring.write(&[0; 10]);
        assert!(ring.announce(20));
        assert!(!ring.announce(20));
        drained(&ring);
        assert!(!ring.announce(20));
    }

    #[test]
    fn two_threads_lose_nothing_that_is_not_counted() {
        let ring = std::sync::Arc::new(Ring::new(997));
        let writer = std::sync::Arc::clone(&ring);
        let thread = std::thread::spawn(move || {
            for round in 0..20_000 {
                writer.write(&[round as i16; 16]);
            }
            writer.close();
        });
        let (mut got, mut lost) = (0, 0);
        loop {
            let closed = ring.is_closed();
            let (samples, missing) = drained(&ring);
            got += samples.len();
            lost += missing as usize;
            if closed {
                break;
            }
        }
        thread.join().unwrap();
        assert_eq!(got + lost * 16, 20_000 * 16);
    }
}
