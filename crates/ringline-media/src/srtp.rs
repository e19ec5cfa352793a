//! SRTP: RTP that is encrypted and authenticated, by the keys that SDES carries (RFC 3711, RFC 4568 §6.2).
//!
//! The suites are `AES_CM_128_HMAC_SHA1_80` and `AES_CM_128_HMAC_SHA1_32`. Nothing is kept about a packet before its
//! tag has been found right, so a stranger cannot make it grow.

use std::fmt;

use aes::Aes128;
use ctr::cipher::{InnerIvInit, StreamCipher};
use ctr::{Ctr128BE, CtrCore};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::crypto::Crypto;
use crate::rtp::HEADER_BYTES;

/// Bytes of a master key with its salt.
pub const MASTER_BYTES: usize = KEY_BYTES + SALT_BYTES;
const KEY_BYTES: usize = 16;
const SALT_BYTES: usize = 14;
const AUTH_BYTES: usize = 20;
/// RTCP has the long tag under both suites (RFC 4568 §6.2.2).
const RTCP_TAG_BYTES: usize = 10;
/// The first word of RTCP and its sender are not encrypted.
pub(crate) const RTCP_CLEAR_BYTES: usize = 8;
pub(crate) const RTCP_INDEX_BYTES: usize = 4;
/// Marks an RTCP packet as encrypted.
pub(crate) const RTCP_ENCRYPTED: u32 = 1 << 31;
/// Streams of one peer whose counters are kept: a new one pushes out the one heard longest ago.
const STREAMS: usize = 4;
/// Packets behind the newest that may still come in.
const WINDOW: u64 = 128;

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

    fn tag_bytes(self) -> usize {
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

/// What is derived from a master key for RTP or for RTCP.
struct SessionKeys {
    cipher: Aes128,
    auth: Hmac<Sha1>,
    salt: [u8; SALT_BYTES],
}

impl SessionKeys {
    /// Derive with three labels in a row: cipher, tag, salt (RFC 3711 §4.3.1).
    fn derive(master: &[u8; MASTER_BYTES], first_label: u8) -> Self {
        let (mut key, mut auth, mut salt) = ([0; KEY_BYTES], [0; AUTH_BYTES], [0; SALT_BYTES]);
        derive(master, first_label, &mut key);
        derive(master, first_label + 1, &mut auth);
        derive(master, first_label + 2, &mut salt);
        SessionKeys { cipher: Aes128::new(&key.into()), auth: keyed(&auth), salt }
    }

    /// Encrypt or decrypt (RFC 3711 §4.1.1).
    fn cipher(&self, ssrc: u32, index: u64, bytes: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..SALT_BYTES].copy_from_slice(&self.salt);
        mix(&mut iv[4..8], &ssrc.to_be_bytes());
        mix(&mut iv[8..14], &index.to_be_bytes()[2..]);
        stream(&self.cipher, iv).apply_keystream(bytes);
    }

    fn tag(&self, parts: [&[u8]; 2]) -> Hmac<Sha1> {
        let mut auth = self.auth.clone();
        parts.into_iter().for_each(|part| auth.update(part));
        auth
    }
}

fn keyed(key: &[u8; AUTH_BYTES]) -> Hmac<Sha1> {
    // A key shorter than a block is filled with zeros, by the definition of HMAC (RFC 2104 §2).
    let mut block = [0; 64];
    block[..AUTH_BYTES].copy_from_slice(key);
    Hmac::new(&block.into())
}

fn stream(cipher: &Aes128, iv: [u8; 16]) -> Ctr128BE<Aes128> {
    Ctr128BE::from_core(CtrCore::inner_iv_init(cipher.clone(), &iv.into()))
}

fn derive(master: &[u8; MASTER_BYTES], label: u8, out: &mut [u8]) {
    let (mut key, mut iv) = ([0; KEY_BYTES], [0; 16]);
    key.copy_from_slice(&master[..KEY_BYTES]);
    iv[..SALT_BYTES].copy_from_slice(&master[KEY_BYTES..]);
    iv[7] ^= label;
    stream(&Aes128::new(&key.into()), iv).apply_keystream(out);
}

pub(crate) fn mix(bytes: &mut [u8], other: &[u8]) {
    bytes.iter_mut().zip(other).for_each(|(byte, other)| *byte ^= other);
}

pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// What we must know of one incoming stream.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counter {
    ssrc: u32,
    /// Index of the newest packet; how often its sequence number has rolled over is in the upper bits.
    newest: u64,
    /// The packets up to it that have come, the newest in bit 0.
    seen: u128,
    /// When it was last heard: a count of packets.
    heard: u64,
}

impl Counter {
    /// Of a stream whose first packet has come.
    pub(crate) fn beginning(ssrc: u32, newest: u64) -> Self {
        Counter { ssrc, newest, ..Counter::default() }
    }

    /// The index that a sequence number most probably means (RFC 3711 §3.3.1); none for one before the first.
    pub(crate) fn index(&self, sequence: u16) -> Option<u64> {
        let rolled = self.newest >> 16;
        let ahead = sequence.wrapping_sub(self.newest as u16) as i16;
        let (sequence, newest) = (u64::from(sequence), self.newest & 0xffff);
        let rolled = match ahead {
            0.. if sequence < newest => (rolled + 1) & u64::from(u32::MAX),
            ..0 if sequence > newest => rolled.checked_sub(1)?,
            _ => rolled,
        };
        Some(rolled << 16 | sequence)
    }

    /// Whether a packet may still come: it is not too old and did not come before.
    pub(crate) fn is_fresh(&self, index: u64) -> bool {
        match self.newest.checked_sub(index) {
            None => true,
            Some(behind) => behind < WINDOW && self.seen >> behind & 1 == 0,
        }
    }

    pub(crate) fn note(&mut self, index: u64) {
        match index.checked_sub(self.newest) {
            Some(0) => self.seen |= 1,
            Some(ahead) => {
                self.seen = if ahead < WINDOW { self.seen << ahead | 1 } else { 1 };
                self.newest = index;
            }
            None => self.seen |= 1 << (self.newest - index).min(WINDOW - 1),
        }
    }
}

/// The counters of a peer's streams, as many as it may have.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    known: [Option<Counter>; STREAMS],
    packets: u64,
}

impl Counters {
    pub(crate) fn find(&self, ssrc: u32) -> Option<Counter> {
        self.known.iter().flatten().find(|counter| counter.ssrc == ssrc).copied()
    }

    pub(crate) fn keep(&mut self, mut counter: Counter) {
        self.packets += 1;
        counter.heard = self.packets;
        let own = self.known.iter().position(|known| known.is_some_and(|known| known.ssrc == counter.ssrc));
        let oldest = || (0..STREAMS).min_by_key(|place| self.known[*place].map_or(0, |known| known.heard));
        if let Some(place) = own.or_else(oldest) {
            self.known[place] = Some(counter);
        }
    }
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
pub(crate) fn payload_at(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let mut at = HEADER_BYTES + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        at += 4 + 4 * (word(packet, at)? & 0xffff) as usize;
    }
    (first >> 6 == 2 && at <= packet.len()).then_some(at)
}

/// How often our sequence number has rolled over when this one is sent; `sent` is the same of the packet before. After
/// 2^48 packets a key must not be used any more (RFC 3711 §9.2).
pub(crate) fn rolled_over(sent: Option<(u32, u16)>, sequence: u16) -> Option<u32> {
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
        let mut counter = known.unwrap_or(Counter::beginning(ssrc, sequence.into()));
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
        let mut counter = known.unwrap_or(Counter::beginning(ssrc, index));
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
mod tests {
    use super::*;
    use crate::rtp::RtpPacket;
    use crate::testing::Noise;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        assert_eq!(digits.len(), 2 * N);
        std::array::from_fn(|at| {
            let pair = std::str::from_utf8(&digits[2 * at..2 * at + 2]).unwrap();
            u8::from_str_radix(pair, 16).unwrap()
        })
    }

    /// The master key of RFC 3711, appendix B.3.
    fn key(suite: SrtpSuite) -> SrtpKey {
        SrtpKey { suite, master: hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6") }
    }

    fn both(suite: SrtpSuite) -> SrtpKeys {
        SrtpKeys { local: key(suite), remote: key(suite) }
    }

    fn packet(sequence: u16, ssrc: u32) -> [u8; 64] {
        let mut out = [0; 64];
        let payload = [0x2a; 20];
        RtpPacket { payload_type: 8, marker: false, sequence, timestamp: 9, ssrc, payload: &payload }.write(&mut out);
        out
    }

    fn protected(srtp: &mut Srtp, sequence: u16) -> Vec<u8> {
        let mut bytes = packet(sequence, 7);
        let length = srtp.protect(&mut bytes, 32).unwrap();
        bytes[..length].to_vec()
    }

    /// RFC 3711, appendix B.2.
    #[test]
    fn the_key_stream_is_that_of_the_standard() {
        let cipher = Aes128::new(&hex("2B7E151628AED2A6ABF7158809CF4F3C").into());
        let mut keys = vec![0; 16 * 0xff02];
        stream(&cipher, hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000")).apply_keystream(&mut keys);
        for (block, expected) in [
            (0, "E03EAD0935C95E80E166B16DD92B4EB4"),
            (1, "D23513162B02D0F72A43A2FE4A5F97AB"),
            (2, "41E95B3BB0A2E8DD477901E4FCA894C0"),
            (0xfeff, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
            (0xff00, "362B7C3C6773516318A077D7FC5073AE"),
            (0xff01, "6A2CC3787889374FBEB4C81B17BA6C44"),
        ] {
            assert_eq!(keys[16 * block..16 * block + 16], hex::<16>(expected));
        }
    }

    /// RFC 3711, appendix B.3.
    #[test]
    fn keys_are_derived_as_in_the_standard() {
        let master = key(SrtpSuite::Tag80).master;
        let (mut cipher, mut auth, mut salt) = ([0; 16], [0; 20], [0; 14]);
        derive(&master, 0, &mut cipher);
        derive(&master, 1, &mut auth);
        derive(&master, 2, &mut salt);
        assert_eq!(cipher, hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(auth, hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
        assert_eq!(salt, hex("30CBBC08863D8C85D49DB34A9AE1"));
    }

    /// The packets that libsrtp checks itself with.
    #[test]
    fn whole_packets_are_those_of_another_implementation() {
        let plain: [u8; 28] = hex("800f1234decafbadcafebabe abababababababababababababababab");
        let coded: [u8; 38] = hex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
        let mut bytes = [0; 64];
        bytes[..28].copy_from_slice(&plain);
        let mut srtp = Srtp::new(&both(SrtpSuite::Tag80));
        assert_eq!(srtp.protect(&mut bytes, 28), Some(38));
        assert_eq!(bytes[..38], coded);
        assert_eq!(srtp.unprotect(&mut bytes[..38]), Some(28));
        assert_eq!(bytes[..28], plain);

        let plain: [u8; 24] = hex("81c8000bcafebabe abababababababababababababababab");
        let coded: [u8; 38] = hex("81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798");
        bytes[..24].copy_from_slice(&plain);
        srtp.sent_rtcp = 1; // that implementation counts from one
        assert_eq!(srtp.protect_rtcp(&mut bytes, 24), Some(38));
        assert_eq!(bytes[..38], coded);
        assert_eq!(srtp.unprotect_rtcp(&mut bytes[..38]), Some(24));
        assert_eq!(bytes[..24], plain);
    }

    #[test]
    fn what_we_protect_we_take_back_once_and_only_unchanged() {
        for suite in [SrtpSuite::Tag80, SrtpSuite::Tag32] {
            let (mut from, mut to) = (Srtp::new(&both(suite)), Srtp::new(&both(suite)));
            let sent = protected(&mut from, 100);
            assert_eq!(sent.len(), 32 + suite.tag_bytes());
            assert_ne!(sent[12..32], [0x2a; 20]);
            for at in 0..sent.len() {
                let mut broken = sent.clone();
                broken[at] ^= 0x10;
                assert_eq!(to.unprotect(&mut broken), None, "byte {at}");
            }
            let mut arrived = sent.clone();
            assert_eq!(to.unprotect(&mut arrived), Some(32));
            assert_eq!(arrived[..32], packet(100, 7)[..32]);
            assert_eq!(to.unprotect(&mut sent.clone()), None, "a replay");
        }
    }

    #[test]
    fn packets_may_overtake_each_other_within_the_window() {
        let (mut from, mut to) = (Srtp::new(&both(SrtpSuite::Tag80)), Srtp::new(&both(SrtpSuite::Tag80)));
        let sent: Vec<Vec<u8>> = (0..400).map(|sequence| protected(&mut from, sequence)).collect();
        for newest in [0, 127, 126, 1, 300, 173, 299] {
            assert_eq!(to.unprotect(&mut sent[newest].clone()), Some(32), "{newest}");
            assert_eq!(to.unprotect(&mut sent[newest].clone()), None, "{newest} again");
        }
        assert_eq!(to.unprotect(&mut sent[172].clone()), None, "128 behind");
    }

    #[test]
    fn the_rollover_counter_follows_the_sequence_number_around() {
        let (mut from, mut to) = (Srtp::new(&both(SrtpSuite::Tag32)), Srtp::new(&both(SrtpSuite::Tag32)));
        let mut sequence = 65_000u16;
        let mut late = Vec::new();
        for count in 0..200_000u32 {
            let mut sent = protected(&mut from, sequence);
            if count % 50 == 49 {
                late.push(sent); // overtaken by ten, now and then across the seam
            } else {
                assert_eq!(to.unprotect(&mut sent), Some(32), "packet {count}");
            }
            if count % 50 == 9 {
                late.drain(..).for_each(|mut sent| assert_eq!(to.unprotect(&mut sent), Some(32)));
            }
            sequence = sequence.wrapping_add(1);
        }
        assert_eq!(from.sent.unwrap().0, 4);
        assert_eq!(to.heard.find(7).unwrap().newest >> 16, 4);
    }

    #[test]
    fn a_long_gap_is_no_rollover_and_an_early_packet_no_jump() {
        let (mut from, mut to) = (Srtp::new(&both(SrtpSuite::Tag80)), Srtp::new(&both(SrtpSuite::Tag80)));
        let early = protected(&mut Srtp::new(&both(SrtpSuite::Tag80)), 65_500);
        assert_eq!(to.unprotect(&mut protected(&mut from, 10)), Some(32));
        assert_eq!(to.unprotect(&mut early.clone()), None);
        assert_eq!(to.unprotect(&mut protected(&mut from, 30_000)), Some(32));
        assert_eq!(to.unprotect(&mut protected(&mut from, 60_000)), Some(32));
        assert_eq!(to.unprotect(&mut protected(&mut from, 20)), Some(32));
        assert_eq!(to.heard.find(7).unwrap().newest >> 16, 1);
    }

    #[test]
    fn strangers_change_nothing_and_a_peer_has_few_streams() {
        let (mut from, mut to) = (Srtp::new(&both(SrtpSuite::Tag80)), Srtp::new(&both(SrtpSuite::Tag80)));
        let mut noise = Noise::new(4);
        for _ in 0..20_000 {
            let mut bytes: Vec<u8> = (0..noise.below(60)).map(|_| noise.next() as u8).collect();
            if let Some(first) = bytes.first_mut() {
                *first = 0x80 | *first & 0x1f;
            }
            assert_eq!(to.unprotect(&mut bytes), None);
            assert_eq!(to.unprotect_rtcp(&mut bytes), None);
        }
        assert!(to.heard.known.iter().all(Option::is_none));
        for ssrc in 0..10 {
            let mut bytes = packet(1, ssrc);
            from.sent = None;
            let length = from.protect(&mut bytes, 32).unwrap();
            assert_eq!(to.unprotect(&mut bytes[..length]), Some(32));
        }
        let kept: Vec<u32> = to.heard.known.iter().flatten().map(|counter| counter.ssrc).collect();
        assert_eq!(kept.len(), STREAMS);
        assert!(kept.contains(&9) && !kept.contains(&0));
    }

    #[test]
    fn rtcp_is_taken_once_plain_or_encrypted() {
        let (mut from, mut to) = (Srtp::new(&both(SrtpSuite::Tag32)), Srtp::new(&both(SrtpSuite::Tag32)));
        for _ in 0..300 {
            let mut bytes = [0; 64];
            bytes[..28].copy_from_slice(&[0x81; 28]);
            let length = from.protect_rtcp(&mut bytes, 28).unwrap();
            assert_eq!(length, 28 + 4 + 10);
            let mut again = bytes;
            assert_eq!(to.unprotect_rtcp(&mut bytes[..length]), Some(28));
            assert_eq!(bytes[..28], [0x81; 28]);
            assert_eq!(to.unprotect_rtcp(&mut again[..length]), None);
        }
    }

    #[test]
    fn a_key_that_stays_goes_on_counting() {
        let keys = both(SrtpSuite::Tag80);
        let mut other = keys;
        other.remote.master[0] ^= 1;
        let mut srtp = Srtp::new(&keys);
        protected(&mut srtp, 65_535);
        protected(&mut srtp, 0);
        assert!(srtp.agree(&other));
        assert_eq!(srtp.sent, Some((1, 0)));
        let mut peer = Srtp::new(&SrtpKeys { local: other.remote, remote: other.local });
        assert_eq!(srtp.unprotect(&mut protected(&mut peer, 1)), Some(32));
    }

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", key(SrtpSuite::Tag80)), "SrtpKey { suite: Tag80, .. }");
    }
}
