//! The bots' side of a connection: plain, or TLS with a certificate from a folder.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream as Blocking;
use std::path::Path;
use std::sync::Arc;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tungstenite::protocol::Role;
use tungstenite::WebSocket;

/// How the bots are reached.
#[derive(Clone)]
pub(crate) struct Secure {
    pub(crate) authority: Vec<u8>,
    config: Arc<ServerConfig>,
}

impl Secure {
    /// With `ca.pem`, `server.pem` and `server.key` of a folder.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let broken = |what: &dyn std::fmt::Display| io::Error::other(what.to_string());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&fs::read(folder.join("server.pem"))?).collect();
        let key =
            PrivateKeyDer::from_pem_slice(&fs::read(folder.join("server.key"))?).map_err(|error| broken(&error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(&error))?
            .with_no_client_auth()
            .with_single_cert(chain.map_err(|error| broken(&error))?, key)
            .map_err(|error| broken(&error))?;
        Ok(Secure { authority: fs::read(folder.join("ca.pem"))?, config: Arc::new(config) })
    }
}

/// What a bot reads from and writes to.
pub(crate) enum FarEnd {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ServerConnection, TcpStream>>),
}

/// Shake hands, then serve without blocking.
pub(crate) fn accept(
    stream: Blocking,
    secure: Option<&Secure>,
    registry: &Registry,
    token: Token,
) -> io::Result<WebSocket<FarEnd>> {
    stream.set_nodelay(true)?;
    let failed = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
    let far_end = match secure {
        None => {
            let stream = tungstenite::accept(stream).map_err(|error| failed(&error))?.into_inner();
            FarEnd::Plain(register(stream, registry, token)?)
        }
        Some(secure) => {
            let session = ServerConnection::new(Arc::clone(&secure.config)).map_err(|error| failed(&error))?;
            let shaken = tungstenite::accept(StreamOwned::new(session, stream)).map_err(|error| failed(&error))?;
            let StreamOwned { conn, sock } = shaken.into_inner();
            FarEnd::Secure(Box::new(StreamOwned::new(conn, register(sock, registry, token)?)))
        }
    };
    Ok(WebSocket::from_raw_socket(far_end, Role::Server, None))
}

fn register(stream: Blocking, registry: &Registry, token: Token) -> io::Result<TcpStream> {
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    registry.register(&mut stream, token, Interest::READABLE)?;
    Ok(stream)
}

impl Read for FarEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            FarEnd::Plain(stream) => stream.read(buffer),
            FarEnd::Secure(stream) => stream.read(buffer),
        }
    }
}

impl Write for FarEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            FarEnd::Plain(stream) => stream.write(bytes),
            FarEnd::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            FarEnd::Plain(stream) => stream.flush(),
            FarEnd::Secure(stream) => stream.flush(),
        }
    }
}
