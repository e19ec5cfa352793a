//! What is derived from a master key, and what is done with it: encrypting and proving.

use aes::Aes128;
use ctr::cipher::{InnerIvInit, StreamCipher};
use ctr::{Ctr128BE, CtrCore};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::keys::{KEY_BYTES, MASTER_BYTES, SALT_BYTES};

const AUTH_BYTES: usize = 20;

/// What is derived from a master key for RTP or for RTCP.
pub(super) struct SessionKeys {
    cipher: Aes128,
    auth: Hmac<Sha1>,
    salt: [u8; SALT_BYTES],
}

impl SessionKeys {
    /// Derive with three labels in a row: cipher, tag, salt (RFC 3711 §4.3.1).
    pub(super) fn derive(master: &[u8; MASTER_BYTES], first_label: u8) -> Self {
        let (mut key, mut auth, mut salt) = ([0; KEY_BYTES], [0; AUTH_BYTES], [0; SALT_BYTES]);
        derive(master, first_label, &mut key);
        derive(master, first_label + 1, &mut auth);
        derive(master, first_label + 2, &mut salt);
        SessionKeys { cipher: Aes128::new(&key.into()), auth: keyed(&auth), salt }
    }

    /// Encrypt or decrypt (RFC 3711 §4.1.1).
    pub(super) fn cipher(&self, ssrc: u32, index: u64, bytes: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..SALT_BYTES].copy_from_slice(&self.salt);
        mix(&mut iv[4..8], &ssrc.to_be_bytes());
        mix(&mut iv[8..14], &index.to_be_bytes()[2..]);
        stream(&self.cipher, iv).apply_keystream(bytes);
    }

    pub(super) fn tag(&self, parts: [&[u8]; 2]) -> Hmac<Sha1> {
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

pub(super) fn stream(cipher: &Aes128, iv: [u8; 16]) -> Ctr128BE<Aes128> {
    Ctr128BE::from_core(CtrCore::inner_iv_init(cipher.clone(), &iv.into()))
}

pub(super) fn derive(master: &[u8; MASTER_BYTES], label: u8, out: &mut [u8]) {
    let (mut key, mut iv) = ([0; KEY_BYTES], [0; 16]);
    key.copy_from_slice(&master[..KEY_BYTES]);
    iv[..SALT_BYTES].copy_from_slice(&master[KEY_BYTES..]);
    iv[7] ^= label;
    stream(&Aes128::new(&key.into()), iv).apply_keystream(out);
}

pub(super) fn mix(bytes: &mut [u8], other: &[u8]) {
    bytes.iter_mut().zip(other).for_each(|(byte, other)| *byte ^= other);
}
