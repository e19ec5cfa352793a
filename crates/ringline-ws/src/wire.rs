//! The bytes under a WebSocket: TCP, with TLS or without, read in portions so that no server takes the thread for itself.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, Protocol, Socket, Type};

/// What is read of one server in one portion: far more than audio needs, little enough for all to get their turn.
const PORTION_BYTES: usize = 32 * 1024;
/// A portion may be had so often.
pub(crate) const PORTION_EVERY: Duration = Duration::from_millis(5);
/// What the kernel may keep of our audio for a slow reader: a second or so.
const SEND_BUFFER_BYTES: usize = 32 * 1024;

enum Stream {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A connection to one address.
pub(crate) struct Wire {
    stream: Stream,
    left: usize,
    refilled: Instant,
    /// There may be more to read, when there is another portion.
    hungry: bool,
}

/// Begin to connect; the outcome shows when the socket becomes writable.
pub(crate) fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    match socket.connect(&address.into()) {
        Err(error) if !under_way(&error) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

fn under_way(error: &io::Error) -> bool {
    // EINPROGRESS has no kind of its own that is stable.
    error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(EINPROGRESS)
}

/// Linux, all architectures.
const EINPROGRESS: i32 = 115;

impl Wire {
    pub(crate) fn plain(stream: TcpStream, now: Instant) -> Self {
        Self::over(Stream::Plain(stream), now)
    }

    pub(crate) fn secure(stream: TcpStream, session: ClientConnection, now: Instant) -> Self {
        Self::over(Stream::Secure(Box::new(StreamOwned::new(session, stream))), now)
    }

    fn over(stream: Stream, now: Instant) -> Self {
        Wire { stream, left: PORTION_BYTES, refilled: now, hungry: false }
    }

    /// Allow another portion if it is time for one.
    pub(crate) fn refill(&mut self, now: Instant) {
        if now.duration_since(self.refilled) >= PORTION_EVERY {
            self.refilled = now;
            self.left = PORTION_BYTES;
            self.hungry = false;
        }
    }

    /// Whether reading stopped because the portion was used up.
    pub(crate) fn is_hungry(&self) -> bool {
        self.hungry
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.hungry = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        let length = buffer.len().min(self.left);
        let count = match &mut self.stream {
            Stream::Plain(stream) => stream.read(&mut buffer[..length]),
            Stream::Secure(stream) => stream.read(&mut buffer[..length]),
        }?;
        self.left -= count;
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.flush(),
            Stream::Secure(stream) => stream.flush(),
        }
    }
}
