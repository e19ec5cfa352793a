//! Ways to browsers as Python sees them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ringline_media_io as core;
use ringline_rtc::{Credentials, Remote};

/// What our description says of a way.
#[pyclass(frozen, get_all, module = "ringline._media")]
pub(crate) struct WebLocal {
    name: String,
    password: String,
    addresses: Vec<String>,
    port: u16,
    ssrc: u32,
}

impl From<core::WebLocal> for WebLocal {
    fn from(local: core::WebLocal) -> Self {
        WebLocal {
            name: local.credentials.name,
            password: local.credentials.password,
            addresses: local.addresses.iter().map(|address| address.ip().to_string()).collect(),
            port: local.addresses.first().map_or(0, |address| address.port()),
            ssrc: local.ssrc,
        }
    }
}

/// What the far end's description says of it.
pub(crate) fn remote(name: String, password: String, fingerprint: &str, we_begin: bool) -> PyResult<Remote> {
    let fingerprint =
        fingerprint.parse().map_err(|()| PyValueError::new_err("this is no SHA-256 fingerprint of a certificate"))?;
    Ok(Remote { credentials: Credentials { name, password }, fingerprint, we_begin })
}
