//! The opening handshake (RFC 6455 §4): our request, and what its answer must say.
//!
//! tungstenite has one of its own, but it takes no `Connection` other than `Upgrade` alone, while the header is a list of
//! tokens (§4.2.2): servers behind proxies answer `keep-alive, Upgrade`.

use std::io::{ErrorKind, Read, Write};

use tungstenite::handshake::client::{generate_request, Request};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::WebSocket;

use crate::wire::Wire;

/// The longest head of an answer.
const HEAD_BYTES: usize = 16 * 1024;
const HEADERS: usize = 128;
const READ_BYTES: usize = 4096;

/// A request on its way, or an answer to it.
pub(crate) struct Handshake {
    wire: Wire,
    request: Vec<u8>,
    written: usize,
    accept: String,
    head: Vec<u8>,
}

/// How far a handshake is.
pub(crate) enum Progress {
    /// The network has no more for now.
    Waits(Box<Handshake>),
    Open(Box<WebSocket<Wire>>),
    /// Why there is no socket, for people.
    Failed(String),
}

impl Handshake {
    pub(crate) fn begin(wire: Wire, request: Request) -> Result<Self, String> {
        let (request, key) = generate_request(request).map_err(|error| error.to_string())?;
        let accept = derive_accept_key(key.as_bytes());
        Ok(Handshake { wire, request, written: 0, accept, head: Vec::new() })
    }

    pub(crate) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    pub(crate) fn is_hungry(&self) -> bool {
        self.wire.is_hungry()
    }

    /// Go on as far as the network lets us.
    pub(crate) fn advance(mut self: Box<Self>, config: WebSocketConfig) -> Progress {
        match self.write().and_then(|()| self.read()) {
            Ok(None) => Progress::Waits(self),
            Ok(Some(length)) => {
                let Handshake { wire, mut head, .. } = *self;
                let behind = head.split_off(length);
                Progress::Open(Box::new(WebSocket::from_partially_read(wire, behind, Role::Client, Some(config))))
            }
            Err(why) => Progress::Failed(why),
        }
    }

    fn write(&mut self) -> Result<(), String> {
        while self.written < self.request.len() {
            match self.wire.write(&self.request[self.written..]) {
                Ok(0) => return Err("the server hung up".to_owned()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        match self.wire.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error.to_string()),
            _ => Ok(()),
        }
    }

    /// The length of the answer's head, once it is there and says what it must.
    fn read(&mut self) -> Result<Option<usize>, String> {
        let mut buffer = [0; READ_BYTES];
        loop {
            match self.wire.read(&mut buffer) {
                Ok(0) => return Err("the server hung up".to_owned()),
                Ok(count) => self.head.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err("the server hung up".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
            if let Some(length) = accepted(&self.head, &self.accept)? {
                return Ok(Some(length));
            }
            if self.head.len() > HEAD_BYTES {
                return Err("the server's answer does not end".to_owned());
            }
        }
    }
}

/// The length of a head that accepts our request, with what was said before it; None while it is not whole.
fn accepted(head: &[u8], accept: &str) -> Result<Option<usize>, String> {
    let mut before = 0;
    loop {
        match one(&head[before..], accept)? {
            One::Waits => return Ok(None),
            One::Interim(length) => before += length,
            One::Accepted(length) => return Ok(Some(before + length)),
        }
    }
}

/// One head, whole or not.
enum One {
    Waits,
    /// 100 or 103, as proxies say them: the answer follows (RFC 9110 §15.2).
    Interim(usize),
    Accepted(usize),
}

fn one(head: &[u8], accept: &str) -> Result<One, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let length = match answer.parse(head) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(One::Waits),
        Err(error) => return Err(format!("the server does not speak HTTP: {error}")),
    };
    match answer.code {
        Some(101) => {}
        Some(100..=199) => return Ok(One::Interim(length)),
        code => return Err(format!("the server answered {}", code.unwrap_or(0))),
    }
    let values = |name: &str| {
        let wanted = name.to_owned();
        answer
            .headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(&wanted))
            .map(|header| String::from_utf8_lossy(header.value).trim().to_owned())
    };
    let names = |name: &str, token: &str| {
        values(name).any(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(token)))
    };
    if !names("Upgrade", "websocket") || !names("Connection", "Upgrade") {
        return Err("the server does not change to WebSocket".to_owned());
    }
    if !values("Sec-WebSocket-Accept").eq([accept]) {
        return Err("the server answers another request".to_owned());
    }
    // What was not asked for fails the connection (RFC 6455 §4.1); a header without anything in it chooses nothing.
    let chose = |name: &str| values(name).any(|value| !value.is_empty());
    if chose("Sec-WebSocket-Extensions") {
        return Err("the server chose an extension nobody offered".to_owned());
    }
    if chose("Sec-WebSocket-Protocol") {
        return Err("the server chose a protocol nobody offered".to_owned());
    }
    Ok(One::Accepted(length))
}

#[cfg(test)]
mod tests {
    use super::accepted;

    const KEY: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn answer(lines: &str) -> Result<Option<usize>, String> {
        accepted(format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n").as_bytes(), KEY)
    }

    #[test]
    fn the_headers_are_lists_of_tokens_in_any_case() {
        for (upgrade, connection) in
            [("websocket", "Upgrade"), ("WebSocket", "keep-alive, Upgrade"), ("websocket", "upgrade,Keep-Alive")]
        {
            let lines = format!("Upgrade: {upgrade}\r\nConnection: {connection}\r\nSec-WebSocket-Accept: {KEY}\r\n");
            assert!(answer(&lines).unwrap().is_some(), "{lines}");
        }
        let apart = format!(
            "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nsec-websocket-accept: {KEY}\r\n"
        );
        assert!(answer(&apart).unwrap().is_some());
    }

    #[test]
    fn an_answer_must_say_all_it_must_and_nothing_that_was_not_asked_for() {
        let all =
            ["Upgrade: websocket\r\n", "Connection: Upgrade\r\n", &format!("Sec-WebSocket-Accept: {KEY}\r\n")].concat();
        for missing in ["Upgrade: websocket\r\n", "Connection: Upgrade\r\n", "Sec-WebSocket-Accept: s3pP"] {
            assert!(answer(&all.replace(missing, "X-Other: ")).is_err(), "{missing}");
        }
        assert!(answer(&all.replace("Connection: Upgrade", "Connection: Upgraded")).is_err());
        for more in ["Sec-WebSocket-Extensions: permessage-deflate\r\n", "Sec-WebSocket-Protocol: chat\r\n"] {
            assert!(answer(&format!("{all}{more}")).is_err(), "{more}");
        }
        assert!(answer(&format!("{all}Sec-WebSocket-Accept: {KEY}\r\n")).is_err());
    }

    #[test]
    fn what_is_said_before_the_answer_is_passed_over() {
        let early = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
        let last = format!(
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {KEY}\r\n\r\n"
        );
        let whole = format!("{early}{last}");
        for cut in 0..whole.len() {
            assert_eq!(accepted(&whole.as_bytes()[..cut], KEY), Ok(None), "{cut}");
        }
        assert_eq!(accepted(whole.as_bytes(), KEY), Ok(Some(whole.len())));
        assert!(accepted(format!("{early}HTTP/1.1 404 No\r\n\r\n").as_bytes(), KEY).is_err());
    }

    #[test]
    fn many_headers_and_empty_ones_are_no_obstacle() {
        let more: String = (0..100).map(|n| format!("X-Trace-{n}: {n}\r\n")).collect();
        let lines = format!(
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {KEY}\r\n\
             Sec-WebSocket-Extensions: \r\nSec-WebSocket-Protocol:\r\n{more}"
        );
        assert!(answer(&lines).unwrap().is_some());
    }

    #[test]
    fn a_head_may_come_in_any_pieces() {
        let whole = format!(
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {KEY}\r\n\r\n\x01\x00"
        );
        for cut in 0..whole.len() - 2 {
            assert_eq!(accepted(&whole.as_bytes()[..cut], KEY), Ok(None), "{cut}");
        }
        assert_eq!(accepted(whole.as_bytes(), KEY), Ok(Some(whole.len() - 2)));
    }
}
