//! What both sides agree on: suites, and a master key for each direction.

use std::fmt;

/// Bytes of a master key with its salt.
pub const MASTER_BYTES: usize = KEY_BYTES + SALT_BYTES;
pub(super) const KEY_BYTES: usize = 16;
pub(super) const SALT_BYTES: usize = 14;

/// How long the tag is that proves a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SrtpSuite {
    /// `AES_CM_128_HMAC_SHA1_80`.
    Tag80,
    /// `AES_CM_128_HMAC_SHA1_32`.
    Tag32,
}

impl SrtpSuite {
    /// Find a suite by its name in SDP.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "AES_CM_128_HMAC_SHA1_80" => Some(SrtpSuite::Tag80),
            "AES_CM_128_HMAC_SHA1_32" => Some(SrtpSuite::Tag32),
            _ => None,
        }
    }

    pub(super) fn tag_bytes(self) -> usize {
        match self {
            SrtpSuite::Tag80 => 10,
            SrtpSuite::Tag32 => 4,
        }
    }
}

/// The key of one direction: 16 bytes of key, then 14 of salt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SrtpKey {
    /// Its suite.
    pub suite: SrtpSuite,
    /// Key and salt.
    pub master: [u8; MASTER_BYTES],
}

impl fmt::Debug for SrtpKey {
    /// Says the suite, never the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SrtpKey").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// The keys of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SrtpKeys {
    /// Ours, for what we send.
    pub local: SrtpKey,
    /// The peer's, for what we receive.
    pub remote: SrtpKey,
}
