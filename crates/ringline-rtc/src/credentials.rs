//! What two ends know each other by: the certificate's fingerprint, and the name and password of their checks.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use dimpl::{Config, DtlsCertificate};
use sha2::{Digest, Sha256};

/// Characters of a name and a password (RFC 8839 §5.4 asks for 4 and 22 at least).
const NAME_CHARS: usize = 8;
const PASSWORD_CHARS: usize = 24;
/// Six bits each, so that every character is equally likely (`ice-char`, RFC 8839 §5.1).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A part of the handshake that gets no answer is sent again after so long, and then after twice as long each time.
const FIRST_RETRY: Duration = Duration::from_millis(250);
const RETRIES: usize = 6;
/// The whole handshake must be over after this.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a certificate as it is sent.
    pub fn of(certificate: &[u8]) -> Self {
        Fingerprint(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    /// As descriptions write it: pairs of hexadecimal digits with colons between (RFC 8122 §5).
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            write!(out, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut bytes = [0; 32];
        let mut pairs = text.split(':');
        for byte in &mut bytes {
            let pair =
                pairs.next().filter(|pair| pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
            *byte = u8::from_str_radix(pair.ok_or(())?, 16).map_err(drop)?;
        }
        match pairs.next() {
            None => Ok(Fingerprint(bytes)),
            Some(_) => Err(()),
        }
    }
}

/// Our certificate. One is enough for a process: it only ties the media to what the signalling said.
#[derive(Clone)]
pub struct Identity {
    pub(crate) config: Arc<Config>,
    pub(crate) certificate: DtlsCertificate,
    fingerprint: Fingerprint,
}

impl Identity {
    /// Make a key and a certificate of our own.
    pub fn generate() -> io::Result<Self> {
        let made = rcgen::generate_simple_self_signed([String::from("ringline")]);
        let made = made.map_err(|error| io::Error::other(error.to_string()))?;
        let (certificate, private_key) = (made.cert.der().to_vec(), made.signing_key.serialize_der());
        let certificate = DtlsCertificate { certificate, private_key };
        // Checks prove the address of the far end before its first record is read, so it need not be asked for a cookie.
        let config = Config::builder()
            .use_server_cookie(false)
            .flight_start_rto(FIRST_RETRY)
            .flight_retries(RETRIES)
            .handshake_timeout(HANDSHAKE)
            .build()
            .map_err(|error| io::Error::other(error.to_string()))?;
        let fingerprint = Fingerprint::of(&certificate.certificate);
        Ok(Identity { config: Arc::new(config), certificate, fingerprint })
    }

    /// What our descriptions say of it.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// Name and password of one end's checks (RFC 8445 §5.3).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `a=ice-ufrag`.
    pub name: String,
    /// `a=ice-pwd`.
    pub password: String,
}

impl fmt::Debug for Credentials {
    /// Says the name, never the password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Fresh ones, from the operating system's random source: who can guess them can take the call's audio away.
    pub fn random() -> io::Result<Self> {
        Ok(Credentials { name: word(NAME_CHARS)?, password: word(PASSWORD_CHARS)? })
    }
}

fn word(length: usize) -> io::Result<String> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let ours = Identity::generate().unwrap().fingerprint();
        assert_eq!(ours.to_string().parse(), Ok(ours));
        assert_eq!(ours.to_string().to_lowercase().parse(), Ok(ours));
        for broken in ["", "AB", &ours.to_string()[3..], &format!("{ours}:00"), &ours.to_string().replace(':', "-")] {
            assert_eq!(broken.parse::<Fingerprint>(), Err(()), "{broken}");
        }
    }

    #[test]
    fn no_two_ends_are_known_by_the_same_word() {
        let (one, other) = (Credentials::random().unwrap(), Credentials::random().unwrap());
        assert_eq!((one.name.len(), one.password.len()), (NAME_CHARS, PASSWORD_CHARS));
        assert_ne!(one, other);
        assert!(!format!("{one:?}").contains(&one.password));
    }
}
