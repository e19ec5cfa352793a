//! SRTP with AES in Galois/Counter Mode (RFC 7714): what browsers agree on by DTLS, where they may choose.
//!
//! Encryption and proof are one pass, so it is both stronger and cheaper than AES-CM with HMAC. Counters and the window
//! against replay are those of `srtp`.

use std::fmt;

use aes::cipher::{BlockCipherEncrypt, KeyInit as _};
use aes::{Aes128, Aes256};
use aes_gcm::aead::{AeadInPlace, KeyInit as _};
use aes_gcm::{Aes128Gcm, Aes256Gcm, Nonce, Tag};

use crate::crypto::Crypto;
use crate::srtp::{
    mix, payload_at, rolled_over, word, Counter, Counters, RTCP_CLEAR_BYTES, RTCP_ENCRYPTED, RTCP_INDEX_BYTES,
};

/// Bytes of salt.
pub const GCM_SALT_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The master key of one direction; its length says which AES it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum GcmKey {
    /// `AEAD_AES_128_GCM`.
    Aes128([u8; 16]),
    /// `AEAD_AES_256_GCM`.
    Aes256([u8; 32]),
}

impl fmt::Debug for GcmKey {
    /// Says the kind, never the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            GcmKey::Aes128(_) => "Aes128(..)",
            GcmKey::Aes256(_) => "Aes256(..)",
        })
    }
}

impl GcmKey {
    /// One block of the key derivation function (RFC 3711 §4.3.3, RFC 6188 §3).
    fn block(&self, input: [u8; 16]) -> [u8; 16] {
        let mut block = input.into();
        match self {
            GcmKey::Aes128(key) => Aes128::new(key.into()).encrypt_block(&mut block),
            GcmKey::Aes256(key) => Aes256::new(key.into()).encrypt_block(&mut block),
        }
        block.into()
    }

    /// Derive `out` by its label; the salt is filled up with zeros to the 14 bytes of the function (RFC 7714 §11).
    fn derive(&self, salt: &[u8; GCM_SALT_BYTES], label: u8, out: &mut [u8]) {
        for (count, chunk) in out.chunks_mut(16).enumerate() {
            let mut input = [0; 16];
            input[..GCM_SALT_BYTES].copy_from_slice(salt);
            input[7] ^= label;
            input[15] = count as u8;
            let length = chunk.len();
            chunk.copy_from_slice(&self.block(input)[..length]);
        }
    }
}

enum Cipher {
    Aes128(Box<Aes128Gcm>),
    Aes256(Box<Aes256Gcm>),
}

/// What is derived from a master key for RTP or for RTCP.
struct SessionKeys {
    cipher: Cipher,
    salt: [u8; GCM_SALT_BYTES],
}

impl SessionKeys {
    /// Derive with the labels of the cipher and, two after it, of the salt.
    fn derive(master: &GcmKey, master_salt: &[u8; GCM_SALT_BYTES], label: u8) -> Self {
        let mut salt = [0; GCM_SALT_BYTES];
        master.derive(master_salt, label + 2, &mut salt);
        let cipher = match master {
            GcmKey::Aes128(_) => {
                let mut key = [0; 16];
                master.derive(master_salt, label, &mut key);
                Cipher::Aes128(Box::new(Aes128Gcm::new(&key.into())))
            }
            GcmKey::Aes256(_) => {
                let mut key = [0; 32];
                master.derive(master_salt, label, &mut key);
                Cipher::Aes256(Box::new(Aes256Gcm::new(&key.into())))
            }
        };
        SessionKeys { cipher, salt }
    }

    /// The nonce: stream and index over the salt (RFC 7714 §8.1, §9.1); an RTCP index leaves its upper bits zero.
    fn nonce(&self, ssrc: u32, index: u64) -> [u8; GCM_SALT_BYTES] {
        let mut nonce = self.salt;
        mix(&mut nonce[2..6], &ssrc.to_be_bytes());
        mix(&mut nonce[6..12], &index.to_be_bytes()[2..]);
        nonce
    }

    fn seal(&self, nonce: [u8; GCM_SALT_BYTES], clear: &[u8], secret: &mut [u8]) -> Option<[u8; TAG_BYTES]> {
        let nonce = Nonce::from_slice(&nonce);
        let tag = match &self.cipher {
            Cipher::Aes128(cipher) => cipher.encrypt_in_place_detached(nonce, clear, secret),
            Cipher::Aes256(cipher) => cipher.encrypt_in_place_detached(nonce, clear, secret),
        };
        tag.ok().map(Into::into)
    }

    /// Decrypt in place; `None` when the tag is wrong, and then nothing was changed.
    fn open(&self, nonce: [u8; GCM_SALT_BYTES], clear: &[u8], secret: &mut [u8], tag: &[u8]) -> Option<()> {
        let (nonce, tag) = (Nonce::from_slice(&nonce), Tag::from_slice(tag));
        match &self.cipher {
            Cipher::Aes128(cipher) => cipher.decrypt_in_place_detached(nonce, clear, secret, tag),
            Cipher::Aes256(cipher) => cipher.decrypt_in_place_detached(nonce, clear, secret, tag),
        }
        .ok()
    }
}

/// One leg's SRTP in Galois/Counter Mode, both directions. Never allocates.
pub struct SrtpGcm {
    sending: SessionKeys,
    sending_rtcp: SessionKeys,
    receiving: SessionKeys,
    receiving_rtcp: SessionKeys,
    /// How often our sequence number has rolled over, and the last one.
    sent: Option<(u32, u16)>,
    sent_rtcp: u32,
    heard: Counters,
    heard_rtcp: Counters,
}

impl SrtpGcm {
    /// Start both directions: our key and salt, then the peer's.
    pub fn new(local: (&GcmKey, &[u8; GCM_SALT_BYTES]), remote: (&GcmKey, &[u8; GCM_SALT_BYTES])) -> Self {
        SrtpGcm {
            sending: SessionKeys::derive(local.0, local.1, 0),
            sending_rtcp: SessionKeys::derive(local.0, local.1, 3),
            receiving: SessionKeys::derive(remote.0, remote.1, 0),
            receiving_rtcp: SessionKeys::derive(remote.0, remote.1, 3),
            sent: None,
            sent_rtcp: 0,
            heard: Counters::default(),
            heard_rtcp: Counters::default(),
        }
    }
}

impl Crypto for SrtpGcm {
    fn protect(&mut self, packet: &mut [u8], length: usize) -> Option<usize> {
        let begins = payload_at(packet.get(..length)?)?;
        let (ssrc, sequence) = (word(packet, 8)?, word(packet, 0)? as u16);
        let rolled = rolled_over(self.sent, sequence)?;
        let end = length + TAG_BYTES;
        let nonce = self.sending.nonce(ssrc, u64::from(rolled) << 16 | u64::from(sequence));
        let (clear, secret) = packet.get_mut(..end)?.split_at_mut(begins);
        let (secret, tag) = secret.split_at_mut(length - begins);
        tag.copy_from_slice(&self.sending.seal(nonce, clear, secret)?);
        self.sent = Some((rolled, sequence));
        Some(end)
    }

    fn unprotect(&mut self, datagram: &mut [u8]) -> Option<usize> {
        let length = datagram.len().checked_sub(TAG_BYTES)?;
        let begins = payload_at(&datagram[..length])?;
        let (ssrc, sequence) = (word(datagram, 8)?, word(datagram, 0)? as u16);
        let known = self.heard.find(ssrc);
        let mut counter = known.unwrap_or(Counter::beginning(ssrc, sequence.into()));
        let index = counter.index(sequence)?;
        if !counter.is_fresh(index) {
            return None;
        }
        let nonce = self.receiving.nonce(ssrc, index);
        let (clear, rest) = datagram.split_at_mut(begins);
        let (secret, tag) = rest.split_at_mut(length - begins);
        self.receiving.open(nonce, clear, secret, tag)?;
        counter.note(index);
        self.heard.keep(counter);
        Some(length)
    }

    fn protect_rtcp(&mut self, packet: &mut [u8], length: usize) -> Option<usize> {
        let ssrc = word(packet.get(..length)?, 4)?;
        let index = self.sent_rtcp;
        let numbered = (RTCP_ENCRYPTED | index).to_be_bytes();
        let (sealed, end) = (length + TAG_BYTES, length + TAG_BYTES + RTCP_INDEX_BYTES);
        if length < RTCP_CLEAR_BYTES || packet.len() < end {
            return None;
        }
        self.sent_rtcp = index.checked_add(1).filter(|next| *next < RTCP_ENCRYPTED)?;
        let clear = associated(packet, numbered);
        let nonce = self.sending_rtcp.nonce(ssrc, u64::from(index));
        let tag = self.sending_rtcp.seal(nonce, &clear, &mut packet[RTCP_CLEAR_BYTES..length])?;
        packet[length..sealed].copy_from_slice(&tag);
        packet[sealed..end].copy_from_slice(&numbered);
        Some(end)
    }

    fn unprotect_rtcp(&mut self, datagram: &mut [u8]) -> Option<usize> {
        let sealed = datagram.len().checked_sub(RTCP_INDEX_BYTES)?;
        let length = sealed.checked_sub(TAG_BYTES).filter(|length| *length >= RTCP_CLEAR_BYTES)?;
        let (ssrc, numbered) = (word(datagram, 4)?, word(datagram, sealed)?);
        let index = numbered & !RTCP_ENCRYPTED;
        let known = self.heard_rtcp.find(ssrc);
        let mut counter = known.unwrap_or(Counter::beginning(ssrc, index.into()));
        // One that is not encrypted would be proved in another way; nobody sends such (RFC 7714 §9.3).
        if numbered & RTCP_ENCRYPTED == 0 || !counter.is_fresh(u64::from(index)) {
            return None;
        }
        let clear = associated(datagram, numbered.to_be_bytes());
        let nonce = self.receiving_rtcp.nonce(ssrc, u64::from(index));
        let (secret, tag) = datagram[RTCP_CLEAR_BYTES..sealed].split_at_mut(length - RTCP_CLEAR_BYTES);
        self.receiving_rtcp.open(nonce, &clear, secret, tag)?;
        counter.note(u64::from(index));
        self.heard_rtcp.keep(counter);
        Some(length)
    }
}

/// What is proved of an RTCP packet besides what is encrypted: its head and its number (RFC 7714 §9.2).
fn associated(packet: &[u8], numbered: [u8; RTCP_INDEX_BYTES]) -> [u8; RTCP_CLEAR_BYTES + RTCP_INDEX_BYTES] {
    let mut clear = [0; RTCP_CLEAR_BYTES + RTCP_INDEX_BYTES];
    clear[..RTCP_CLEAR_BYTES].copy_from_slice(&packet[..RTCP_CLEAR_BYTES]);
    clear[RTCP_CLEAR_BYTES..].copy_from_slice(&numbered);
    clear
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    fn ends(short: bool) -> (SrtpGcm, SrtpGcm) {
        let key = |first: u8| match short {
            true => GcmKey::Aes128(std::array::from_fn(|at| first + at as u8)),
            false => GcmKey::Aes256(std::array::from_fn(|at| first + at as u8)),
        };
        let (one, other) = ((key(1), [3; GCM_SALT_BYTES]), (key(9), [4; GCM_SALT_BYTES]));
        let made = |local: &(GcmKey, [u8; 12]), remote: &(GcmKey, [u8; 12])| {
            SrtpGcm::new((&local.0, &local.1), (&remote.0, &remote.1))
        };
        (made(&one, &other), made(&other, &one))
    }

    fn packet(sequence: u16) -> Vec<u8> {
        let mut bytes = vec![0x80, 111];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend([0, 0, 3, 192, 0, 0, 0, 7]);
        bytes.extend(b"what is said");
        bytes
    }

    fn protected(srtp: &mut SrtpGcm, plain: &[u8]) -> Vec<u8> {
        let mut bytes = plain.to_vec();
        bytes.resize(plain.len() + 32, 0);
        let length = srtp.protect(&mut bytes, plain.len()).unwrap();
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn the_example_of_the_rfc_comes_out() {
        // RFC 7714 §16.1.1; its key is a session's, so nothing is derived.
        let (mut srtp, _) = ends(true);
        let key: [u8; 16] = std::array::from_fn(|at| at as u8);
        let salt = hex("51756964 2070726f 2071756f").try_into().unwrap();
        srtp.sending = SessionKeys { cipher: Cipher::Aes128(Box::new(Aes128Gcm::new(&key.into()))), salt };
        let head = "8040f17b 8041f8d3 5501a0b2";
        let plain = "47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573";
        let sealed = "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833
                      899d7f27 beb16a91 52cf765e e4390cce";
        assert_eq!(protected(&mut srtp, &hex(&format!("{head}{plain}"))), hex(&format!("{head}{sealed}")));
    }

    #[test]
    fn what_is_protected_is_read_once_and_by_the_other_end_alone() {
        for short in [true, false] {
            let (mut one, mut other) = ends(short);
            for sequence in (65_000..65_535).chain(0..500) {
                let plain = packet(sequence);
                let mut bytes = protected(&mut one, &plain);
                assert_ne!(bytes[12..24], plain[12..]);
                let (mut again, mut changed) = (bytes.clone(), bytes.clone());
                changed[13] ^= 1;
                assert_eq!(other.unprotect(&mut changed), None);
                assert_eq!(other.unprotect(&mut bytes), Some(plain.len()));
                assert_eq!(bytes[..plain.len()], plain);
                assert_eq!(other.unprotect(&mut again), None, "it came before");
            }
        }
    }

    #[test]
    fn reports_are_protected_likewise() {
        for short in [true, false] {
            let (mut one, mut other) = ends(short);
            let plain: Vec<u8> = [vec![0x80, 201, 0, 7, 0, 0, 0, 7], vec![9; 24]].concat();
            let mut bytes = plain.clone();
            bytes.resize(plain.len() + 32, 0);
            let length = one.protect_rtcp(&mut bytes, plain.len()).unwrap();
            bytes.truncate(length);
            assert_ne!(bytes[8..32], plain[8..]);
            let (mut again, mut changed) = (bytes.clone(), bytes.clone());
            changed[2] ^= 1;
            assert_eq!(other.unprotect_rtcp(&mut changed), None);
            assert_eq!(other.unprotect_rtcp(&mut bytes), Some(plain.len()));
            assert_eq!(bytes[..plain.len()], plain);
            assert_eq!(other.unprotect_rtcp(&mut again), None, "it came before");
        }
    }

    #[test]
    fn what_is_too_short_is_refused() {
        let (mut one, mut other) = ends(true);
        for length in 0..32 {
            assert_eq!(other.unprotect(&mut vec![0x80; length]), None);
            assert_eq!(other.unprotect_rtcp(&mut vec![0x80; length]), None);
            assert_eq!(one.protect(&mut vec![0x80; length], length), None);
            assert_eq!(one.protect_rtcp(&mut vec![0x80; length], length), None);
        }
    }
}
