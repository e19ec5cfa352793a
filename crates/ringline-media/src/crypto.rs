//! Encryption of packets, as a leg sees it.

use crate::srtp::SrtpKeys;

/// Protects what a leg sends and checks what it receives. One value per leg, so it may keep keys and counters.
pub trait Crypto: Send {
    /// Protect the first `length` bytes of `packet`, RTP, in place; returns the new length, or `None` to send nothing.
    fn protect(&mut self, packet: &mut [u8], length: usize) -> Option<usize>;

    /// Check and decrypt RTP in place; returns its new length, or `None` when it is not authentic or came before.
    fn unprotect(&mut self, datagram: &mut [u8]) -> Option<usize>;

    /// Go over to other keys; false when this is no encryption by such keys, and nothing has changed.
    fn agree(&mut self, keys: &SrtpKeys) -> bool {
        let _ = keys;
        false
    }

    /// Protect the first `length` bytes of `packet`, RTCP, in place; as `protect`.
    fn protect_rtcp(&mut self, packet: &mut [u8], length: usize) -> Option<usize> {
        self.protect(packet, length)
    }

    /// Check and decrypt RTCP in place; as `unprotect`.
    fn unprotect_rtcp(&mut self, datagram: &mut [u8]) -> Option<usize> {
        self.unprotect(datagram)
    }
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
