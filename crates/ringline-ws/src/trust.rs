//! Whom a `wss` server's certificate must come from.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// The authorities that are believed.
#[derive(Clone)]
pub struct Trust {
    pub(crate) config: Arc<ClientConfig>,
}

impl Trust {
    /// Those of the operating system (of Mozilla's list where it has none), and those of a PEM text.
    ///
    /// # Errors
    /// The text holds no certificate, or one that cannot be read.
    pub fn new(extra_pem: Option<&[u8]>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let (found, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if found == 0 {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        if let Some(pem) = extra_pem {
            let mut count = 0;
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| format!("a certificate cannot be read: {error}"))?;
                roots.add(certificate).map_err(|error| format!("a certificate cannot be used: {error}"))?;
                count += 1;
            }
            if count == 0 {
                return Err("there is no certificate in it".to_owned());
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Trust { config: Arc::new(config) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_certificates_is_refused() {
        assert!(Trust::new(Some(b"hello")).is_err());
        assert!(Trust::new(Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).is_err());
        assert!(Trust::new(None).is_ok());
    }
}
