//! SRTP: RTP that is encrypted and authenticated, by the keys that SDES carries (RFC 3711, RFC 4568 §6.2).
//!
//! The suites are `AES_CM_128_HMAC_SHA1_80` and `AES_CM_128_HMAC_SHA1_32`. Nothing is kept about a packet before its
//! tag has been found right, so a stranger cannot make it grow.

use hmac::Mac;

use crate::crypto::Crypto;
use crate::rtp::HEADER_BYTES;

mod counter;
mod gcm;
mod keys;
mod session;

use counter::{Counter, Counters};
pub use gcm::{GcmKey, SrtpGcm, GCM_SALT_BYTES};
pub use keys::{SrtpKey, SrtpKeys, SrtpSuite, MASTER_BYTES};
use session::SessionKeys;

/// RTCP has the long tag under both suites (RFC 4568 §6.2.2).
const RTCP_TAG_BYTES: usize = 10;
/// The first word of RTCP and its sender are not encrypted.
const RTCP_CLEAR_BYTES: usize = 8;
const RTCP_INDEX_BYTES: usize = 4;
/// Marks an RTCP packet as encrypted.
const RTCP_ENCRYPTED: u32 = 1 << 31;

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// One leg's SRTP, both directions. Never allocates.
pub struct Srtp {
    keys: SrtpKeys,
    sending_suite: SrtpSuite,
    sending: SessionKeys,
    sending_rtcp: SessionKeys,
    receiving_suite: SrtpSuite,
    receiving: SessionKeys,
    receiving_rtcp: SessionKeys,
    /// How often our sequence number has rolled over, and the last one.
    sent: Option<(u32, u16)>,
    /// RTCP packets sent; a number of 31 bits.
    sent_rtcp: u32,
    heard: Counters,
    heard_rtcp: Counters,
}

impl Srtp {
    /// Start both directions.
    pub fn new(keys: &SrtpKeys) -> Self {
        Srtp {
            keys: *keys,
            sending_suite: keys.local.suite,
            sending: SessionKeys::derive(&keys.local.master, 0),
            sending_rtcp: SessionKeys::derive(&keys.local.master, 3),
            receiving_suite: keys.remote.suite,
            receiving: SessionKeys::derive(&keys.remote.master, 0),
            receiving_rtcp: SessionKeys::derive(&keys.remote.master, 3),
            sent: None,
            sent_rtcp: 0,
            heard: Counters::default(),
            heard_rtcp: Counters::default(),
        }
    }
}

/// Where the payload of an RTP packet begins, whatever its header holds.
fn payload_at(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let mut at = HEADER_BYTES + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        at += 4 + 4 * (word(packet, at)? & 0xffff) as usize;
    }
    (first >> 6 == 2 && at <= packet.len()).then_some(at)
}

/// How often our sequence number has rolled over when this one is sent; `sent` is the same of the packet before. After
/// 2^48 packets a key must not be used any more (RFC 3711 §9.2).
fn rolled_over(sent: Option<(u32, u16)>, sequence: u16) -> Option<u32> {
    match sent {
        Some((rolled, last)) if sequence < last && last - sequence > 0x8000 => rolled.checked_add(1),
        Some((rolled, _)) => Some(rolled),
        None => Some(0),
    }
}

impl Crypto for Srtp {
    /// What stays the same goes on counting, so that nothing is encrypted twice with one counter.
    fn agree(&mut self, keys: &SrtpKeys) -> bool {
        let (before, fresh) = (self.keys, Srtp::new(keys));
        if before.local != keys.local {
            self.sending_suite = fresh.sending_suite;
            self.sending = fresh.sending;
            self.sending_rtcp = fresh.sending_rtcp;
            self.sent = None;
            self.sent_rtcp = 0;
        }
        if before.remote != keys.remote {
            self.receiving_suite = fresh.receiving_suite;
            self.receiving = fresh.receiving;
            self.receiving_rtcp = fresh.receiving_rtcp;
            self.heard = Counters::default();
            self.heard_rtcp = Counters::default();
        }
        self.keys = *keys;
        true
    }

    fn protect(&mut self, packet: &mut [u8], length: usize) -> Option<usize> {
        let begins = payload_at(packet.get(..length)?)?;
        let (ssrc, sequence) = (word(packet, 8)?, word(packet, 0)? as u16);
        let rolled = rolled_over(self.sent, sequence)?;
        self.sent = Some((rolled, sequence));
        self.sending.cipher(ssrc, u64::from(rolled) << 16 | u64::from(sequence), &mut packet[begins..length]);
        let tag = self.sending.tag([&packet[..length], &rolled.to_be_bytes()]).finalize().into_bytes();
        let end = length + self.sending_suite.tag_bytes();
        packet.get_mut(length..end)?.copy_from_slice(&tag[..end - length]);
        Some(end)
    }

    fn unprotect(&mut self, datagram: &mut [u8]) -> Option<usize> {
        let length = datagram.len().checked_sub(self.receiving_suite.tag_bytes())?;
        let begins = payload_at(&datagram[..length])?;
        let (ssrc, sequence) = (word(datagram, 8)?, word(datagram, 0)? as u16);
        let known = self.heard.find(ssrc);
        let mut counter = known.unwrap_or(Counter::starting(ssrc, u64::from(sequence)));
        let index = counter.index(sequence)?;
        if !counter.is_fresh(index) {
            return None;
        }
        let rolled = ((index >> 16) as u32).to_be_bytes();
        let tag = self.receiving.tag([&datagram[..length], &rolled]);
        tag.verify_truncated_left(&datagram[length..]).ok()?;
        self.receiving.cipher(ssrc, index, &mut datagram[begins..length]);
        counter.note(index);
        self.heard.keep(counter);
        Some(length)
    }

    fn protect_rtcp(&mut self, packet: &mut [u8], length: usize) -> Option<usize> {
        let ssrc = word(packet.get(..length)?, 4)?;
        let index = self.sent_rtcp;
        self.sent_rtcp = index.checked_add(1).filter(|next| *next < RTCP_ENCRYPTED)?;
        self.sending_rtcp.cipher(ssrc, u64::from(index), packet.get_mut(RTCP_CLEAR_BYTES..length)?);
        let signed = length + RTCP_INDEX_BYTES;
        packet.get_mut(length..signed)?.copy_from_slice(&(RTCP_ENCRYPTED | index).to_be_bytes());
        let tag = self.sending_rtcp.tag([&packet[..signed], &[]]).finalize().into_bytes();
        packet.get_mut(signed..signed + RTCP_TAG_BYTES)?.copy_from_slice(&tag[..RTCP_TAG_BYTES]);
        Some(signed + RTCP_TAG_BYTES)
    }

    fn unprotect_rtcp(&mut self, datagram: &mut [u8]) -> Option<usize> {
        let signed = datagram.len().checked_sub(RTCP_TAG_BYTES)?;
        let length = signed.checked_sub(RTCP_INDEX_BYTES).filter(|length| *length >= RTCP_CLEAR_BYTES)?;
        let (ssrc, numbered) = (word(datagram, 4)?, word(datagram, length)?);
        let index = u64::from(numbered & !RTCP_ENCRYPTED);
        let known = self.heard_rtcp.find(ssrc);
        let mut counter = known.unwrap_or(Counter::starting(ssrc, index));
        if !counter.is_fresh(index) {
            return None;
        }
        let tag = self.receiving_rtcp.tag([&datagram[..signed], &[]]);
        tag.verify_truncated_left(&datagram[signed..]).ok()?;
        if numbered & RTCP_ENCRYPTED != 0 {
            self.receiving_rtcp.cipher(ssrc, index, &mut datagram[RTCP_CLEAR_BYTES..length]);
        }
        counter.note(index);
        self.heard_rtcp.keep(counter);
        Some(length)
    }
}

#[cfg(test)]
mod tests;
