//! From the bytes a server sends, in whatever pieces, to frames of 20 ms.

use std::time::Instant;

/// Collects samples into frames. A message is little-endian 16-bit samples; a last odd byte is dropped.
pub(crate) struct Reframer {
    samples: usize,
    partial: Vec<i16>,
    since: Option<Instant>,
}

impl Reframer {
    /// Frames of so many samples.
    pub(crate) fn new(samples: usize) -> Self {
        Reframer { samples, partial: Vec::with_capacity(samples), since: None }
    }

    /// Take a message that came at `now`; whole frames go to `put`. False if it ended within a sample.
    pub(crate) fn take(&mut self, message: &[u8], now: Instant, mut put: impl FnMut(Box<[i16]>)) -> bool {
        for pair in message.chunks_exact(2) {
            self.partial.push(i16::from_le_bytes([pair[0], pair[1]]));
            if self.partial.len() == self.samples {
                put(self.partial.as_slice().into());
                self.partial.clear();
            }
        }
        self.since = (!self.partial.is_empty()).then_some(now);
        message.len() % 2 == 0
    }

    /// Whether the beginning of a frame waits for the rest.
    pub(crate) fn has_remainder(&self) -> bool {
        !self.partial.is_empty()
    }

    /// The remainder filled up with silence, if it came before `deadline`.
    pub(crate) fn overdue(&mut self, deadline: Option<Instant>) -> Option<Box<[i16]>> {
        let due = self.since.zip(deadline).is_some_and(|(since, deadline)| since <= deadline);
        due.then(|| {
            self.since = None;
            self.partial.resize(self.samples, 0);
            let frame = self.partial.as_slice().into();
            self.partial.clear();
            frame
        })
    }

    /// Forget the remainder.
    pub(crate) fn clear(&mut self) {
        self.partial.clear();
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn bytes(samples: &[i16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    #[test]
    fn any_even_pieces_give_the_same_frames() {
        let samples: Vec<i16> = (0..4000).map(|n| (n * 7) as i16).collect();
        for piece in [2, 4, 318, 320, 322, 640, 7998] {
            let mut reframer = Reframer::new(160);
            let mut got = Vec::new();
            for message in bytes(&samples).chunks(piece) {
                assert!(reframer.take(message, Instant::now(), |frame| got.extend_from_slice(&frame)));
            }
            assert_eq!(got, samples, "in pieces of {piece} bytes");
        }
    }

    #[test]
    fn an_odd_byte_is_dropped() {
        let mut reframer = Reframer::new(2);
        let mut got = Vec::new();
        assert!(!reframer.take(&[1, 0, 9], Instant::now(), |frame| got.push(frame)));
        assert!(reframer.take(&[2, 0], Instant::now(), |frame| got.push(frame)));
        assert_eq!(got, [vec![1, 2].into_boxed_slice()]);
    }

    #[test]
    fn a_remainder_is_filled_up_when_it_has_waited_long_enough() {
        let (start, mut reframer) = (Instant::now(), Reframer::new(3));
        reframer.take(&bytes(&[5]), start, |_| ());
        assert!(reframer.has_remainder());
        assert_eq!(reframer.overdue(start.checked_sub(Duration::from_millis(1))), None);
        assert_eq!(reframer.overdue(Some(start)).as_deref(), Some(&[5, 0, 0][..]));
        assert!(!reframer.has_remainder());
        assert_eq!(reframer.overdue(Some(start)), None);
    }
}
