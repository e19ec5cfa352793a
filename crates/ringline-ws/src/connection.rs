//! One socket from the first connect to the last close frame, on its thread.

use std::io::{self, ErrorKind};
use std::mem::replace;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use mio::Registry;
use ringline_media::bump;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Bytes, Error, Message, WebSocket};

use crate::audio::Reframer;
use crate::dial::Ready;
use crate::event::{Cause, SocketEvent};
use crate::handshake::Handshake;
use crate::line::Inlet;
use crate::marks::Marks;
use crate::orders::Order;
use crate::outbox::Outbox;
use crate::settings::Settings;
use crate::stats::SocketStats;
use crate::trust::Trust;
use crate::wire::Wire;

mod opening;

type Socket = WebSocket<Wire>;

enum Stage {
    Connecting(TcpStream),
    Shaking(Box<Handshake>),
    Open(Box<Socket>),
    /// Only the other side's close frame is waited for.
    Closing(Box<Socket>, Instant),
    Gone,
}

/// What all sockets of a thread have in common.
pub(crate) struct Around<'a> {
    pub(crate) now: Instant,
    pub(crate) settings: &'a Settings,
    pub(crate) trust: &'a Trust,
    pub(crate) registry: &'a Registry,
    pub(crate) events: &'a mut Vec<SocketEvent>,
}

/// One socket.
pub(crate) struct Connection {
    stage: Stage,
    ready: Ready,
    deadline: Instant,
    /// Why the address before could not be had.
    last_error: Option<io::Error>,
    inlet: Inlet,
    reframer: Reframer,
    marks: Marks,
    outbox: Outbox,
    /// The network takes no more for now.
    blocked: bool,
    /// Since when there is something that the server has not read.
    behind: Option<Instant>,
    next_ping: Instant,
    pinged: Option<Instant>,
    full: bool,
    remarked: Vec<&'static str>,
    drained: Vec<i16>,
}

impl Connection {
    /// Begin to dial.
    pub(crate) fn dial(ready: Ready, inlet: Inlet, around: &mut Around<'_>) -> Self {
        let samples = inlet.shared.rate.samples();
        let mut connection = Connection {
            stage: Stage::Gone,
            ready,
            deadline: around.now + around.settings.handshake,
            last_error: None,
            inlet,
            reframer: Reframer::new(samples),
            marks: Marks::default(),
            outbox: Outbox::new(around.settings.behind_frames),
            blocked: false,
            behind: None,
            next_ping: around.now,
            pinged: None,
            full: false,
            remarked: Vec::new(),
            drained: Vec::new(),
        };
        connection.try_next(around);
        connection
    }

    fn id(&self) -> u64 {
        self.inlet.shared.socket
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Gone)
    }

    /// Whether there may be more to read that was left for later.
    pub(crate) fn is_hungry(&self) -> bool {
        match &self.stage {
            Stage::Open(socket) | Stage::Closing(socket, _) => socket.get_ref().is_hungry(),
            Stage::Shaking(shaking) => shaking.is_hungry(),
            Stage::Connecting(_) | Stage::Gone => false,
        }
    }

    // ── what the poller and the clock say ──

    /// The network has something for us, or takes something again.
    pub(crate) fn advance(&mut self, around: &mut Around<'_>) {
        match replace(&mut self.stage, Stage::Gone) {
            Stage::Connecting(stream) => self.connected(stream, around),
            Stage::Shaking(shaking) => self.shake(shaking, around),
            Stage::Open(socket) => {
                self.stage = Stage::Open(socket);
                self.blocked = false;
                self.read(around);
                self.send(around);
            }
            Stage::Closing(mut socket, until) => {
                socket.get_mut().refill(around.now);
                let _ = socket.flush(); // an error shows with the next read
                loop {
                    match socket.read() {
                        Ok(_) => {}
                        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                            self.stage = Stage::Closing(socket, until);
                            return;
                        }
                        Err(_) => return,
                    }
                }
            }
            Stage::Gone => {}
        }
    }

    /// The pacing thread has audio for the server.
    pub(crate) fn noted(&mut self, around: &mut Around<'_>) {
        let shared = Arc::clone(&self.inlet.shared);
        // Exchanged, not stored: whoever has found it true has its frame seen below, everyone else rings again.
        shared.noted.swap(false, AcqRel);
        self.drained.clear();
        let lost = shared.out.drain(&mut self.drained);
        if !matches!(self.stage, Stage::Open(_)) {
            return;
        }
        let samples = shared.rate.samples();
        if lost > 0 {
            // This thread was kept from running for too long: what is old now is left out, not hurried after.
            let frames = (self.drained.len() / samples) as u64;
            SocketStats::count(&shared.stats.skipped, lost + frames);
        } else {
            let frames = std::mem::take(&mut self.drained);
            for frame in frames.chunks_exact(samples) {
                if !self.outbox.audio(frame.iter().flat_map(|sample| sample.to_le_bytes()).collect()) {
                    bump(&shared.stats.unread);
                    self.remark("the server does not read: audio for it was dropped", around);
                }
            }
            self.drained = frames;
        }
        self.remainder(around);
        self.answer_marks(around);
        self.send(around);
    }

    /// Look at what time alone brings.
    pub(crate) fn look(&mut self, around: &mut Around<'_>) {
        let (now, settings) = (around.now, around.settings);
        match &self.stage {
            Stage::Connecting(_) | Stage::Shaking(_) if now >= self.deadline => {
                self.fail(Cause::Timeout, "no answer to the handshake in time".to_owned(), around);
            }
            Stage::Connecting(_) if self.gives_way(now, settings) => self.try_next(around),
            Stage::Closing(_, until) if now >= *until => self.stage = Stage::Gone,
            Stage::Open(_) => self.look_at_open(around),
            _ => {}
        }
    }

    /// With other addresses left, the present one gets its share of the time only.
    fn gives_way(&self, now: Instant, settings: &Settings) -> bool {
        let left = self.ready.addresses.len() as u32;
        left > 0 && now + settings.handshake * left / (left + 1) >= self.deadline
    }

    fn look_at_open(&mut self, around: &mut Around<'_>) {
        let (now, settings) = (around.now, around.settings);
        if self.behind.is_some_and(|since| now - since > settings.behind) {
            return self.give_up(CloseCode::Policy, "the server has read nothing for too long", around);
        }
        if self.pinged.is_some_and(|since| now - since > settings.ping) {
            return self.lost("no pong came", around);
        }
        if now >= self.next_ping && self.pinged.is_none() && !self.blocked {
            self.pinged = Some(now);
            self.next_ping = now + settings.ping;
            self.write(Message::Ping(Bytes::new()), around);
        }
        self.remainder(around);
        self.answer_marks(around);
        self.send(around);
    }

    // ── while it is open ──

    fn read(&mut self, around: &mut Around<'_>) {
        loop {
            let Stage::Open(socket) = &mut self.stage else { return };
            socket.get_mut().refill(around.now);
            match socket.read() {
                Ok(Message::Binary(audio)) => self.heard(&audio, around),
                Ok(Message::Text(text)) => self.ordered(text.as_str(), around),
                Ok(Message::Pong(_)) => self.pinged = None,
                Ok(Message::Ping(_) | Message::Frame(_)) => {}
                Ok(Message::Close(frame)) => return self.closed_by_server(frame.as_ref(), around),
                Err(error) => return self.read_failed(&error, around),
            }
        }
    }

    fn read_failed(&mut self, error: &Error, around: &mut Around<'_>) {
        match error {
            Error::Io(error) if error.kind() == ErrorKind::WouldBlock => {}
            Error::Capacity(_) => self.give_up(CloseCode::Size, "the server sent a message that is too long", around),
            Error::Utf8(_) => self.give_up(CloseCode::Invalid, "the server sent text that is no UTF-8", around),
            Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)
            | Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Io(_) => self.lost("the connection broke", around),
            error => self.give_up(CloseCode::Protocol, &format!("the server broke the protocol: {error}"), around),
        }
    }

    fn heard(&mut self, audio: &[u8], around: &mut Around<'_>) {
        let room_for = around.settings.ahead_frames;
        let (inlet, full) = (&self.inlet, &mut self.full);
        let mut overflows = false;
        let whole = self.reframer.take(audio, around.now, |frame| overflows |= !keep(inlet, full, frame, room_for));
        if overflows {
            around.events.push(SocketEvent::Overflowed { socket: self.id() });
        }
        if !whole {
            self.inlet.shared.stats.ignore();
            self.remark("a message with half a sample came: its last byte was dropped", around);
        }
    }

    /// Play the beginning of a frame whose rest does not come.
    fn remainder(&mut self, around: &mut Around<'_>) {
        if let Some(frame) = self.reframer.overdue(around.now.checked_sub(around.settings.remainder)) {
            if !keep(&self.inlet, &mut self.full, frame, around.settings.ahead_frames) {
                around.events.push(SocketEvent::Overflowed { socket: self.id() });
            }
        }
    }

    fn ordered(&mut self, text: &str, around: &mut Around<'_>) {
        let shared = &self.inlet.shared;
        let written = shared.written.load(Acquire);
        let taken = match Order::read(text) {
            Ok(Order::Clear) => {
                self.reframer.clear();
                shared.skip_to.store(written, Release);
                self.marks.clear(written)
            }
            Ok(Order::Notify(payload)) => {
                self.marks.notify(written + u64::from(self.reframer.has_remainder()), payload)
            }
            Err(what) => {
                shared.stats.ignore();
                return self.remark(what, around);
            }
        };
        if !taken {
            self.inlet.shared.stats.ignore();
            self.remark("more than 1024 marks wait: the rest was ignored", around);
        }
        self.answer_marks(around);
    }

    fn answer_marks(&mut self, around: &mut Around<'_>) {
        let played = self.inlet.shared.played.load(Acquire);
        while let Some(answer) = self.marks.due(played) {
            self.say(answer, around);
        }
    }

    /// Send a text.
    pub(crate) fn say(&mut self, text: String, around: &mut Around<'_>) {
        if matches!(self.stage, Stage::Open(_)) && !self.outbox.text(text) {
            self.give_up(CloseCode::Policy, "the server does not read what it is told", around);
        }
    }

    fn remark(&mut self, what: &'static str, around: &mut Around<'_>) {
        if !self.remarked.contains(&what) {
            self.remarked.push(what);
            around.events.push(SocketEvent::Remarked { socket: self.id(), what });
        }
    }

    /// Send what waits, as far as the network takes it.
    pub(crate) fn send(&mut self, around: &mut Around<'_>) {
        while !self.blocked && matches!(self.stage, Stage::Open(_)) {
            let Some(message) = self.outbox.pop() else { break };
            if message.is_binary() {
                bump(&self.inlet.shared.stats.sent);
            }
            self.write(message, around);
        }
        self.flush(around);
        self.behind = match (self.blocked || !self.outbox.is_empty(), self.behind) {
            (true, None) => Some(around.now),
            (true, since) => since,
            (false, _) => None,
        };
    }

    fn write(&mut self, message: Message, around: &mut Around<'_>) {
        let Stage::Open(socket) = &mut self.stage else { return };
        match socket.write(message) {
            Ok(()) => {}
            // It is kept, and leaves with the next flush.
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => self.blocked = true,
            Err(_) => self.lost("the connection broke", around),
        }
    }

    fn flush(&mut self, around: &mut Around<'_>) {
        let Stage::Open(socket) = &mut self.stage else { return };
        match socket.flush() {
            Ok(()) => {}
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => self.blocked = true,
            Err(_) => self.lost("the connection broke", around),
        }
    }

    // ── the end ──

    fn closed_by_server(&mut self, frame: Option<&CloseFrame>, around: &mut Around<'_>) {
        let why = match frame {
            None => "the application closed the socket".to_owned(),
            Some(frame) if frame.reason.is_empty() => format!("the application closed the socket ({})", frame.code),
            Some(frame) => format!("the application closed the socket ({}: {})", frame.code, frame.reason.as_str()),
        };
        self.tell_closed(why, around);
        self.linger(around);
    }

    /// Something in here is broken: end this socket at once.
    pub(crate) fn break_off(&mut self, around: &mut Around<'_>) {
        self.lost("an error of ours broke the socket", around);
    }

    fn lost(&mut self, why: &str, around: &mut Around<'_>) {
        self.tell_closed(why.to_owned(), around);
        self.stage = Stage::Gone;
    }

    fn give_up(&mut self, code: CloseCode, why: &str, around: &mut Around<'_>) {
        self.tell_closed(why.to_owned(), around);
        self.close(code, around);
    }

    fn tell_closed(&mut self, why: String, around: &mut Around<'_>) {
        self.inlet.shared.open.store(false, Release);
        // What it has said and is not heard yet will not be heard any more.
        self.inlet.shared.skip_to.store(self.inlet.shared.written.load(Acquire), Release);
        around.events.push(SocketEvent::Closed { socket: self.id(), why });
    }

    /// We end it; nothing more is told of it.
    pub(crate) fn close(&mut self, code: CloseCode, around: &mut Around<'_>) {
        self.inlet.shared.open.store(false, Release);
        if let Stage::Open(socket) = &mut self.stage {
            let frame = CloseFrame { code, reason: "".into() };
            // Whether it can be sent or not: after the time for it the connection is dropped.
            let _ = socket.close(Some(frame));
        }
        self.linger(around);
    }

    fn linger(&mut self, around: &mut Around<'_>) {
        self.stage = match replace(&mut self.stage, Stage::Gone) {
            Stage::Open(mut socket) => {
                let _ = socket.flush(); // as above
                Stage::Closing(socket, around.now + around.settings.linger)
            }
            Stage::Closing(socket, until) => Stage::Closing(socket, until),
            _ => Stage::Gone,
        };
    }
}

/// Buffer a frame of the server; false when it is the first one for which there is no room.
fn keep(inlet: &Inlet, full: &mut bool, frame: Box<[i16]>, room_for: u64) -> bool {
    let stats = &inlet.shared.stats;
    let kept = inlet.put(frame, room_for);
    if !kept {
        bump(&stats.overflowed);
    }
    // Last: whoever sees it counted finds it where it belongs.
    bump(&stats.received);
    if kept {
        *full &= inlet.shared.buffered() > room_for / 2;
        return true;
    }
    replace(full, true)
}
