//! From what DTLS exports to the encryption of RTP (RFC 5764 §4.2).

use dimpl::SrtpProfile;
use ringline_media::{Crypto, GcmKey, Srtp, SrtpGcm, SrtpKey, SrtpKeys, SrtpSuite, GCM_SALT_BYTES};

/// The encryption by a profile's exported keys: the client's key, the server's, then their salts. `None` when there are
/// too few bytes or the profile is none of ours.
pub(crate) fn encryption(profile: SrtpProfile, exported: &[u8], client: bool) -> Option<Box<dyn Crypto>> {
    let sides = |key_bytes: usize, salt_bytes: usize| {
        let (keys, salts) = exported.get(..2 * (key_bytes + salt_bytes))?.split_at(2 * key_bytes);
        let (client_side, server_side) =
            ((&keys[..key_bytes], &salts[..salt_bytes]), (&keys[key_bytes..], &salts[salt_bytes..]));
        Some(if client { (client_side, server_side) } else { (server_side, client_side) })
    };
    match profile {
        SrtpProfile::AES128_CM_SHA1_80 => {
            let (local, remote) = sides(16, 14)?;
            let key = |(key, salt): (&[u8], &[u8])| {
                let master = [key, salt].concat().try_into().ok()?;
                Some(SrtpKey { suite: SrtpSuite::Tag80, master })
            };
            Some(Box::new(Srtp::new(&SrtpKeys { local: key(local)?, remote: key(remote)? })))
        }
        SrtpProfile::AEAD_AES_128_GCM | SrtpProfile::AEAD_AES_256_GCM => {
            let short = profile == SrtpProfile::AEAD_AES_128_GCM;
            let (local, remote) = sides(if short { 16 } else { 32 }, GCM_SALT_BYTES)?;
            let key = |key: &[u8]| match short {
                true => key.try_into().ok().map(GcmKey::Aes128),
                false => key.try_into().ok().map(GcmKey::Aes256),
            };
            let ours = (key(local.0)?, local.1.try_into().ok()?);
            let theirs = (key(remote.0)?, remote.1.try_into().ok()?);
            Some(Box::new(SrtpGcm::new((&ours.0, &ours.1), (&theirs.0, &theirs.1))))
        }
        _ => None,
    }
}
