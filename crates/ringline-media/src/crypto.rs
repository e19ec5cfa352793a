//! Encryption of packets, as a leg sees it.

/// Protects what a leg sends and checks what it receives. One value per leg, so it may keep keys and counters.
pub trait Crypto: Send {
    /// Protect the first `length` bytes of `packet` in place; returns the new length, or `None` to send nothing.
    fn protect(&mut self, packet: &mut [u8], length: usize) -> Option<usize>;

    /// Check and decrypt a datagram in place; returns its new length, or `None` when it is not authentic.
    fn unprotect(&mut self, datagram: &mut [u8]) -> Option<usize>;
}

/// No encryption: plain RTP.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Crypto for Plain {
    fn protect(&mut self, _packet: &mut [u8], length: usize) -> Option<usize> {
        Some(length)
    }

    fn unprotect(&mut self, datagram: &mut [u8]) -> Option<usize> {
        Some(datagram.len())
    }
}
