//! A socket until it is open: addresses one after the other, TLS, handshake.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Release;
use std::sync::Arc;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::ClientConnection;

use super::{Around, Connection, Socket, Stage};
use crate::event::{Cause, SocketEvent};
use crate::handshake::{Handshake, Progress};
use crate::wire::{begin, Wire};

impl Connection {
    pub(super) fn try_next(&mut self, around: &mut Around<'_>) {
        while let Some(address) = self.ready.addresses.pop_front() {
            match self.try_address(address, around.registry) {
                Ok(()) => return,
                Err(error) => self.last_error = Some(error),
            }
        }
        let why = self.last_error.take().map_or_else(|| "no address is left".to_owned(), |error| error.to_string());
        self.fail(Cause::Unreachable, why, around);
    }

    fn try_address(&mut self, address: SocketAddr, registry: &Registry) -> io::Result<()> {
        let mut stream = begin(address)?;
        registry.register(&mut stream, Token(self.id() as usize), Interest::READABLE | Interest::WRITABLE)?;
        self.stage = Stage::Connecting(stream);
        Ok(())
    }

    pub(super) fn fail(&mut self, cause: Cause, why: String, around: &mut Around<'_>) {
        self.stage = Stage::Gone;
        around.events.push(SocketEvent::Failed { socket: self.id(), cause, why });
    }

    pub(super) fn connected(&mut self, stream: TcpStream, around: &mut Around<'_>) {
        let error = match (stream.take_error(), stream.peer_addr()) {
            (Ok(None), Ok(_)) => None,
            (Ok(None), Err(error)) if error.kind() == ErrorKind::NotConnected => {
                self.stage = Stage::Connecting(stream); // not yet
                return;
            }
            (Ok(Some(error)) | Err(error), _) | (_, Err(error)) => Some(error),
        };
        if let Some(error) = error {
            self.last_error = Some(error);
            return self.try_next(around);
        }
        let wire = match &self.ready.server {
            None => Wire::plain(stream, around.now),
            Some(server) => match ClientConnection::new(Arc::clone(&around.trust.config), server.clone()) {
                Ok(session) => Wire::secure(stream, session, around.now),
                Err(error) => return self.fail(Cause::Refused, format!("TLS: {error}"), around),
            },
        };
        match Handshake::begin(wire, self.ready.request.clone()) {
            Ok(shaking) => self.shake(Box::new(shaking), around),
            Err(why) => self.fail(Cause::Refused, why, around),
        }
    }

    pub(super) fn shake(&mut self, mut shaking: Box<Handshake>, around: &mut Around<'_>) {
        shaking.wire().refill(around.now);
        match shaking.advance(around.settings.frames()) {
            Progress::Open(socket) => self.opened(socket, around),
            Progress::Waits(shaking) => self.stage = Stage::Shaking(shaking),
            Progress::Failed(why) => self.fail(Cause::Refused, why, around),
        }
    }

    fn opened(&mut self, socket: Box<Socket>, around: &mut Around<'_>) {
        self.next_ping = around.now + around.settings.ping;
        self.stage = Stage::Open(socket);
        let hello = std::mem::take(&mut self.ready.hello);
        self.outbox.text(hello);
        self.inlet.shared.open.store(true, Release);
        around.events.push(SocketEvent::Opened { socket: self.id() });
        self.send(around);
        self.read(around); // the server may have spoken right behind its 101
    }
}
