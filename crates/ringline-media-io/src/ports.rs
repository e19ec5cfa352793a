//! Which RTP ports are free.

use std::collections::VecDeque;

/// A used port rests so long: packets of the old call must not be heard in a new one.
const REST_NS: u64 = 3_000_000_000;

/// The even ports of a range, the longest unused first.
#[derive(Debug)]
pub(crate) struct PortPool {
    /// Port and the moment from which it may be used again.
    free: VecDeque<(u16, u64)>,
    used: usize,
}

impl PortPool {
    /// All even ports from `low` to `high`.
    pub(crate) fn new(low: u16, high: u16) -> Self {
        let free = (low..=high).filter(|port| port % 2 == 0 && *port > 0).map(|port| (port, 0)).collect();
        PortPool { free, used: 0 }
    }

    /// Find a rested port that `bind` can have; those held by other programs are passed over.
    pub(crate) fn take<T>(&mut self, now_ns: u64, mut bind: impl FnMut(u16) -> Option<T>) -> Option<(u16, T)> {
        for _ in 0..self.free.len() {
            let (port, rested_at) = self.free.pop_front()?;
            if rested_at > now_ns {
                self.free.push_back((port, rested_at));
                continue;
            }
            if let Some(bound) = bind(port) {
                self.used += 1;
                return Some((port, bound));
            }
            self.free.push_back((port, now_ns));
        }
        None
    }

    /// Give a port back; it rests first.
    pub(crate) fn release(&mut self, port: u16, now_ns: u64) {
        self.used -= 1;
        self.free.push_back((port, now_ns + REST_NS));
    }

    /// Ports in use.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Ports not in use, resting ones included.
    pub(crate) fn free(&self) -> usize {
        self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_even_ports_and_none_twice() {
        let mut pool = PortPool::new(10_001, 10_005);
        assert_eq!(pool.take(0, Some), Some((10_002, 10_002)));
        assert_eq!(pool.take(0, Some), Some((10_004, 10_004)));
        assert_eq!(pool.take(0, Some), None);
    }

    #[test]
    fn a_released_port_rests_three_seconds() {
        let mut pool = PortPool::new(10_000, 10_000);
        pool.take(0, Some);
        pool.release(10_000, 1);
        assert_eq!(pool.take(REST_NS, Some), None);
        assert_eq!(pool.take(REST_NS + 1, Some), Some((10_000, 10_000)));
    }

    #[test]
    fn a_port_of_another_program_is_passed_over() {
        let mut pool = PortPool::new(10_000, 10_003);
        assert_eq!(pool.take(5, |port| (port != 10_000).then_some(())), Some((10_002, ())));
        assert_eq!((pool.used(), pool.free()), (1, 1));
    }
}
