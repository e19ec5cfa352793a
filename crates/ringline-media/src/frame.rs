//! The unit of time of the core: 20 ms of narrowband audio.

/// Samples per second of everything inside the core, and of the RTP clock of G.711 (RFC 3551 §4.5.14).
pub const RATE_HZ: u32 = 8000;

/// Length of one frame in milliseconds: every leg hears and says one frame per tick.
pub const FRAME_MS: u64 = 20;

/// Samples in one frame.
pub const FRAME: usize = 160;

/// 20 ms of 16-bit linear samples.
pub type Frame = [i16; FRAME];

/// A frame being summed; wide enough for thousands of voices.
pub type Sum = [i32; FRAME];

/// A frame of silence.
pub const SILENCE: Frame = [0; FRAME];

/// Add a frame to a sum.
#[inline]
pub(crate) fn add(sum: &mut Sum, frame: &Frame) {
    for (total, sample) in sum.iter_mut().zip(frame) {
        *total += i32::from(*sample);
    }
}

/// Take a frame out of a sum it was added to.
#[inline]
pub(crate) fn subtract(sum: &mut Sum, frame: &Frame) {
    for (total, sample) in sum.iter_mut().zip(frame) {
        *total -= i32::from(*sample);
    }
}
