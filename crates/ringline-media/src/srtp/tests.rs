use aes::Aes128;
use ctr::cipher::StreamCipher;
use hmac::digest::KeyInit;

use super::counter::STREAMS;
use super::session::{derive, stream};
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
