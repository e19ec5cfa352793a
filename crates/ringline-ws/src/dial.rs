//! Where a socket leads, and what is said there first.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;

use rustls::pki_types::ServerName;
use tungstenite::handshake::client::{generate_key, Request};
use tungstenite::http::{self, HeaderValue};

use crate::line::ListeningRate;

/// A socket to be opened. The addresses were looked up and judged before.
#[derive(Debug, Clone)]
pub struct Dial {
    /// Where the server is: they are tried in order.
    pub addresses: Vec<SocketAddr>,
    /// Its name, for `Host` and its certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `wss`.
    pub secure: bool,
    /// Path and query.
    pub path: String,
    /// More headers of the request, such as `Authorization`.
    pub headers: Vec<(String, String)>,
    /// Audio, both ways.
    pub rate: ListeningRate,
    /// The first text message.
    pub hello: String,
}

/// A socket that cannot be dialled like this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialError(pub(crate) String);

impl fmt::Display for DialError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for DialError {}

/// A request that can be sent.
pub(crate) struct Ready {
    pub(crate) addresses: VecDeque<SocketAddr>,
    pub(crate) server: Option<ServerName<'static>>,
    pub(crate) request: Request,
    pub(crate) hello: String,
}

impl Dial {
    /// Check it and write the request.
    pub(crate) fn prepare(self) -> Result<(Ready, ListeningRate), DialError> {
        let wrong = |what: &str| DialError(what.to_owned());
        if self.addresses.is_empty() {
            return Err(wrong("there is no address to dial"));
        }
        let server = match self.secure {
            true => Some(ServerName::try_from(self.host.clone()).map_err(|_| wrong("no certificate has such a name"))?),
            false => None,
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host };
        let usual = self.port == if self.secure { 443 } else { 80 };
        let authority = if usual { host } else { format!("{host}:{}", self.port) };
        let scheme = if self.secure { "wss" } else { "ws" };
        let mut request = http::Request::builder()
            .uri(format!("{scheme}://{authority}{}", self.path))
            .header("Host", authority)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", generate_key());
        for (name, value) in self.headers {
            let mut value = HeaderValue::try_from(value).map_err(|_| wrong("a header cannot be written"))?;
            value.set_sensitive(name.eq_ignore_ascii_case("authorization"));
            request = request.header(name, value);
        }
        let request = request.body(()).map_err(|error| DialError(format!("the request cannot be written: {error}")))?;
        Ok((Ready { addresses: self.addresses.into(), server, request, hello: self.hello }, self.rate))
    }
}
