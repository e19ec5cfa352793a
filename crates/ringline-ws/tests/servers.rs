//! Sockets against servers on the loopback interface: good ones, slow ones and hostile ones. The pacing thread is the
//! test itself: every call of `tick` is one frame.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ringline_media::Line;
use ringline_ws::{Cause, Dial, ListeningRate, Settings, SocketEvent, SocketLine, Sockets, Trust};
use socket2::{Domain, Socket, Type};
use tungstenite::{Message, WebSocket};

/// For what must come at all: how soon says something of the machine.
const PATIENCE: Duration = Duration::from_secs(30);
const HELLO: &str = r#"{"event":"websocket:connected","content-type":"audio/l16;rate=16000"}"#;

fn dial(address: SocketAddr, rate: ListeningRate) -> Dial {
    Dial {
        addresses: vec![address],
        host: "127.0.0.1".to_owned(),
        port: address.port(),
        secure: false,
        path: "/socket?x=1".to_owned(),
        headers: vec![("Authorization".to_owned(), "Bearer s3cr3t".to_owned())],
        rate,
        hello: HELLO.to_owned(),
    }
}

fn settings() -> Settings {
    Settings { threads: 1, ..Settings::default() }
}

fn start(settings: &Settings) -> Sockets {
    Sockets::start(settings, &Trust::new(None).unwrap()).unwrap()
}

/// A call whose far end is a socket.
struct Call {
    sockets: Sockets,
    number: u64,
    line: SocketLine,
}

impl Call {
    fn new(settings: &Settings, address: SocketAddr, rate: ListeningRate) -> Self {
        let mut sockets = start(settings);
        let (number, line) = sockets.dial(dial(address, rate)).unwrap();
        Call { sockets, number, line }
    }

    fn event(&mut self) -> SocketEvent {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(event) = self.sockets.poll(1).pop() {
                return event;
            }
            assert!(Instant::now() < until, "nothing happened");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn why_closed(&mut self) -> String {
        loop {
            match self.event() {
                SocketEvent::Closed { why, .. } => return why,
                SocketEvent::Opened { .. } | SocketEvent::Remarked { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn why_failed(&mut self) -> (Cause, String) {
        match self.event() {
            SocketEvent::Failed { cause, why, .. } => (cause, why),
            other => panic!("{other:?}"),
        }
    }

    /// One frame each way.
    fn tick(&mut self, says: &[i16]) -> Option<Vec<i16>> {
        let mut frame = vec![0; self.line.rate().samples()];
        let heard = self.line.take(&mut frame).then_some(frame);
        self.line.give(says);
        heard
    }

    /// Tick, faster than real time, until the server's audio has come in, then all of it.
    fn hear(&mut self, frames: usize) -> Vec<i16> {
        let (mut heard, until) = (Vec::new(), Instant::now() + PATIENCE);
        let silence = vec![0; self.line.rate().samples()];
        let mut got = 0;
        while got < frames {
            assert!(Instant::now() < until, "{got} frames of {frames} came");
            match self.tick(&silence) {
                Some(frame) => {
                    got += 1;
                    heard.extend(frame);
                }
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        heard
    }
}

/// A server whose only connection is handled by `work`.
fn server<T: Send + 'static>(
    work: impl FnOnce(WebSocket<TcpStream>) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    raw(|stream| work(tungstenite::accept(stream).unwrap()))
}

fn raw<T: Send + 'static>(work: impl FnOnce(TcpStream) -> T + Send + 'static) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        work(stream)
    });
    (address, thread)
}

/// A server that does what it is told and hands on what it gets.
fn puppet() -> (SocketAddr, Sender<Message>, Receiver<Message>) {
    let (orders, orders_in) = channel::<Message>();
    let (got, got_in) = channel();
    let (address, _) = server(move |mut socket| {
        socket.get_ref().set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        loop {
            match orders_in.try_recv() {
                Ok(Message::Close(frame)) => {
                    let _ = socket.close(frame);
                }
                Ok(message) => socket.send(message).unwrap(),
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
                Err(std::sync::mpsc::TryRecvError::Empty) => {}
            }
            match socket.read() {
                Ok(message) => drop(got.send(message)),
                // Nothing came in a millisecond, or the thread was stopped meanwhile.
                Err(tungstenite::Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => return,
            }
        }
    });
    (address, orders, got_in)
}

/// A place where nobody listens. Keep it: as long as it is there, nobody else can come to listen there.
fn deserted() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

fn text(got: &Receiver<Message>) -> String {
    loop {
        match got.recv_timeout(PATIENCE).unwrap() {
            Message::Text(text) => return text.as_str().to_owned(),
            Message::Binary(_) | Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn ramp(samples: usize) -> Vec<i16> {
    (0..samples).map(|n| (n % 30_000) as i16 + 1).collect()
}

#[test]
fn the_request_and_the_first_messages_are_as_documented() {
    let (address, request) = raw(|mut stream| {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        String::from_utf8(request).unwrap()
    });
    let _call = Call::new(&settings(), address, ListeningRate::Wide);
    let request = request.join().unwrap();
    assert!(request.starts_with("GET /socket?x=1 HTTP/1.1\r\n"), "{request}");
    let lower = request.to_lowercase();
    for header in
        [&format!("host: 127.0.0.1:{}", address.port()), "authorization: bearer s3cr3t", "sec-websocket-version: 13"]
    {
        assert!(lower.contains(header), "{request}");
    }
    assert!(!lower.contains("extensions") && !lower.contains("protocol:"), "{request}");

    let (address, _orders, got) = puppet();
    let mut call = Call::new(&settings(), address, ListeningRate::Wide);
    assert_eq!(call.event(), SocketEvent::Opened { socket: call.number });
    call.tick(&ramp(320));
    call.tick(&[0; 320]);
    assert_eq!(got.recv_timeout(PATIENCE).unwrap(), Message::text(HELLO));
    assert_eq!(got.recv_timeout(PATIENCE).unwrap(), Message::binary(bytes(&ramp(320))));
    assert_eq!(got.recv_timeout(PATIENCE).unwrap(), Message::binary(vec![0; 640]));
}

#[test]
fn audio_in_any_pieces_is_heard_as_one_stream() {
    let (address, orders, _got) = puppet();
    let mut call = Call::new(&settings(), address, ListeningRate::Narrow);
    let samples = ramp(160 * 40);
    for piece in bytes(&samples).chunks(1234) {
        orders.send(Message::binary(piece.to_vec())).unwrap();
    }
    assert_eq!(call.hear(40), samples);
}

#[test]
fn what_is_at_24_khz_is_resampled_at_the_edge() {
    let (address, orders, got) = puppet();
    let mut call = Call::new(&settings(), address, ListeningRate::Wider);
    orders.send(Message::binary(bytes(&[1000; 480 * 10]))).unwrap();
    let heard = call.hear(10);
    assert_eq!(heard.len(), 320 * 10);
    assert!(heard[1600..].iter().all(|sample| (990..=1010).contains(sample)));
    // What was given faster than the socket's thread came to it is left out as old: so more is given until some has left.
    let until = Instant::now() + PATIENCE;
    let frame = loop {
        assert!(Instant::now() < until, "no audio came");
        call.tick(&[500; 320]);
        if let Ok(Message::Binary(frame)) = got.recv_timeout(Duration::from_millis(20)) {
            break frame;
        }
    };
    assert_eq!(frame.len(), 960);
}

#[test]
fn a_mark_is_answered_when_all_before_it_was_played_and_not_before() {
    let (address, orders, got) = puppet();
    let mut call = Call::new(&settings(), address, ListeningRate::Wide);
    orders.send(Message::binary(bytes(&ramp(320 * 3)))).unwrap();
    orders.send(Message::text(r#"{"action":"notify","payload":{"n":1}}"#)).unwrap();
    assert_eq!(text(&got), HELLO);
    call.hear(3); // the last frame is being heard
    std::thread::sleep(Duration::from_millis(50));
    while let Ok(message) = got.try_recv() {
        assert!(!message.is_text(), "{message}");
    }
    call.tick(&[0; 320]);
    assert_eq!(text(&got), r#"{"event":"websocket:notify","payload":{"n":1}}"#);
    orders.send(Message::text(r#"{"action":"notify"}"#)).unwrap();
    assert_eq!(text(&got), r#"{"event":"websocket:notify","payload":{}}"#);
}

#[test]
fn clear_drops_what_came_before_it_and_its_marks_and_is_answered() {
    let (address, orders, got) = puppet();
    let mut call = Call::new(&settings(), address, ListeningRate::Wide);
    assert_eq!(text(&got), HELLO);
    orders.send(Message::binary(bytes(&[7; 320 * 500 + 11]))).unwrap();
    orders.send(Message::text(r#"{"action":"notify","payload":{"never":1}}"#)).unwrap();
    orders.send(Message::text(r#"{"action":"clear"}"#)).unwrap();
    orders.send(Message::binary(bytes(&ramp(320)))).unwrap();
    let until = Instant::now() + PATIENCE;
    while call.sockets.counters(call.number).unwrap().received < 501 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(call.tick(&[0; 320]), Some(ramp(320)));
    assert_eq!(text(&got), r#"{"event":"websocket:cleared"}"#);
    assert_eq!(call.sockets.counters(call.number).unwrap().cleared, 500);
    assert_eq!(call.tick(&[0; 320]), None);
}

#[test]
fn a_remainder_is_played_after_200_ms_filled_up_with_silence() {
    let (address, orders, _got) = puppet();
    let mut call = Call::new(&settings(), address, ListeningRate::Narrow);
    let started = Instant::now();
    orders.send(Message::binary(bytes(&ramp(100)))).unwrap();
    let heard = call.hear(1);
    assert_eq!((&heard[..100], &heard[100..]), (&ramp(100)[..], &[0; 60][..]));
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[test]
fn what_is_sent_too_far_ahead_is_dropped_and_told_once() {
    let (address, orders, _got) = puppet();
    let mut call = Call::new(&settings(), address, ListeningRate::Narrow);
    assert!(matches!(call.event(), SocketEvent::Opened { .. }));
    let samples = ramp(160 * 4000);
    for piece in bytes(&samples).chunks(64_000) {
        orders.send(Message::binary(piece.to_vec())).unwrap();
    }
    assert_eq!(call.event(), SocketEvent::Overflowed { socket: call.number });
    let until = Instant::now() + PATIENCE;
    while call.sockets.counters(call.number).unwrap().received < 4000 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(1));
    }
    let counters = call.sockets.counters(call.number).unwrap();
    assert_eq!((counters.overflowed, counters.buffered, counters.most_buffered), (928, 3072, 3072));
    assert_eq!(call.hear(3072), samples[..160 * 3072]);
    assert!(call.sockets.poll(8).is_empty(), "one report per episode");
}

#[test]
fn a_server_that_does_not_read_loses_its_own_audio_and_is_given_up() {
    let (stop, stopped) = channel::<()>();
    let (address, _) = server(move |_socket| stopped.recv_timeout(PATIENCE));
    let settings = Settings { behind: Duration::from_millis(300), ..settings() };
    let mut call = Call::new(&settings, address, ListeningRate::Wider);
    assert!(matches!(call.event(), SocketEvent::Opened { .. }));
    let until = Instant::now() + PATIENCE;
    let why = loop {
        for _ in 0..8 {
            call.tick(&[1; 320]);
        }
        match call.sockets.poll(1).pop() {
            Some(SocketEvent::Closed { why, .. }) => break why,
            Some(SocketEvent::Remarked { .. }) | None => {}
            Some(other) => panic!("{other:?}"),
        }
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_micros(200));
    };
    assert!(why.contains("read nothing"), "{why}");
    assert!(call.sockets.counters(call.number).unwrap().unread > 0);
    drop(stop);
}

#[test]
fn close_codes_go_both_ways() {
    let (address, orders, got) = puppet();
    let mut call = Call::new(&settings(), address, ListeningRate::Wide);
    assert_eq!(text(&got), HELLO);
    orders.send(Message::Close(None)).unwrap();
    assert!(call.why_closed().contains("the application closed the socket"));

    for code in [1000, 1001] {
        let (address, _orders, got) = puppet();
        let mut call = Call::new(&settings(), address, ListeningRate::Wide);
        assert!(matches!(call.event(), SocketEvent::Opened { .. }));
        assert_eq!(text(&got), HELLO);
        match code {
            1000 => call.sockets.close(call.number, code),
            _ => call.sockets.shutdown(),
        }
        let closed = loop {
            match got.recv_timeout(PATIENCE).unwrap() {
                Message::Close(frame) => break frame.unwrap(),
                other => assert!(other.is_binary(), "{other}"),
            }
        };
        assert_eq!(u16::from(closed.code), code);
        assert!(call.sockets.poll(1).is_empty(), "what we end ourselves is not told");
    }
}

#[test]
fn a_server_that_does_not_answer_pings_is_gone() {
    let (stop, stopped) = channel::<()>();
    let (address, _) = server(move |_socket| stopped.recv_timeout(PATIENCE));
    let settings = Settings { ping: Duration::from_millis(200), ..settings() };
    let mut call = Call::new(&settings, address, ListeningRate::Wide);
    assert_eq!(call.why_closed(), "no pong came");
    drop(stop);

    // This one answers while it reads, and gets longer for it: it shall not be gone when only this machine is slow.
    let settings = Settings { ping: Duration::from_millis(700), ..settings };
    let (address, _orders, got) = puppet();
    let mut call = Call::new(&settings, address, ListeningRate::Wide);
    assert!(matches!(call.event(), SocketEvent::Opened { .. }));
    let mut pings = 0;
    while pings < 3 {
        pings += usize::from(got.recv_timeout(PATIENCE).unwrap().is_ping());
    }
    assert!(call.sockets.poll(1).is_empty());
}

#[test]
fn handshakes_fail_for_the_reason_that_is_told() {
    let answers = |answer: &'static str| {
        raw(move |mut stream| {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
            std::thread::sleep(Duration::from_millis(100));
        })
        .0
    };
    let failure = |address| Call::new(&settings(), address, ListeningRate::Wide).why_failed();
    let (cause, why) = failure(answers("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!((cause, why.as_str()), (Cause::Refused, "the server answered 404"));
    assert_eq!(failure(answers("HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1/\r\n\r\n")).0, Cause::Refused);
    assert_eq!(failure(answers("SSH-2.0-OpenSSH_9.2\r\n")).0, Cause::Refused);
    assert_eq!(failure(answers("")).0, Cause::Refused);
    let accepts_falsely = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                           Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    assert_eq!(failure(answers(accepts_falsely)).0, Cause::Refused);

    let (_kept, closed) = deserted();
    assert_eq!(failure(closed).0, Cause::Unreachable);
}

#[test]
fn a_server_behind_a_proxy_says_more_than_upgrade() {
    let (address, _) = raw(|mut stream| {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        let request = String::from_utf8(request).unwrap();
        let key = request
            .lines()
            .find_map(|line| line.strip_prefix("sec-websocket-key: ").or(line.strip_prefix("Sec-WebSocket-Key: ")));
        let accept = tungstenite::handshake::derive_accept_key(key.unwrap().as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).unwrap();
        while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    });
    let mut call = Call::new(&settings(), address, ListeningRate::Wide);
    assert_eq!(call.event(), SocketEvent::Opened { socket: call.number });
}

#[test]
fn a_handshake_that_is_never_answered_or_never_ends_is_given_up_in_time() {
    let settings = Settings { handshake: Duration::from_millis(300), ..settings() };
    let (silent, _) = raw(|mut stream| {
        let mut request = [0; 4096];
        while stream.read(&mut request).is_ok_and(|count| count > 0) {}
    });
    assert_eq!(Call::new(&settings, silent, ListeningRate::Wide).why_failed().0, Cause::Timeout);
    let (dripping, _) = raw(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n");
        while stream.write_all(b"X-Drip: drip\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(Call::new(&settings, dripping, ListeningRate::Wide).why_failed().0, Cause::Timeout);
    let (gushing, _) = raw(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n");
        while stream.write_all(&[b'a'; 8192]).is_ok() {}
    });
    // Refused for its length, before its time is over.
    let settings = Settings { handshake: PATIENCE, ..settings };
    assert_eq!(Call::new(&settings, gushing, ListeningRate::Wide).why_failed().0, Cause::Refused);
}

#[test]
fn the_next_address_is_tried_when_one_refuses() {
    let (_kept, closed) = deserted();
    let (address, _orders, got) = puppet();
    let mut sockets = start(&settings());
    let both = Dial { addresses: vec![closed, address], ..dial(address, ListeningRate::Wide) };
    let _dialled = sockets.dial(both).unwrap();
    assert_eq!(text(&got), HELLO);
}

/// Frames that no honest server sends; each must end in a close with this code, or a broken connection.
#[test]
fn hostile_frames_end_their_own_socket_only() {
    let giant = [&[0x82, 127][..], &u64::MAX.to_be_bytes()[..], &[0; 64][..]].concat();
    let long = [&[0x82, 127][..], &(2u64 << 20).to_be_bytes()[..], &[0; 64][..]].concat();
    let fragments = |opcode: u8, payload: &[u8]| {
        let frame = |opcode: u8| [&[opcode, 126][..], &(payload.len() as u16).to_be_bytes()[..], payload].concat();
        let mut all = frame(opcode);
        for _ in 0..(2 << 20) / payload.len() {
            all.extend(frame(0));
        }
        all
    };
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("giant", giant, 1009),
        ("long", long, 1009),
        ("never-ending", fragments(0x02, &[1; 4096]), 1009),
        ("never-ending text", fragments(0x01, &[b'x'; 4096]), 1009),
        ("compressed", vec![0xc2, 4, 1, 2, 3, 4], 1002),
        ("masked", vec![0x82, 0x82, 1, 2, 3, 4, 5, 6], 1002),
        ("unknown opcode", vec![0x83, 0], 1002),
        ("continuation of nothing", vec![0x80, 0], 1002),
        ("long ping", [&[0x89, 126, 0, 200][..], &[0; 200][..]].concat(), 1002),
        ("not UTF-8", vec![0x81, 2, 0xc3, 0x28], 1007),
    ];
    let (good, orders, _got) = puppet();
    let mut sockets = start(&settings());
    let (_, mut line) = sockets.dial(dial(good, ListeningRate::Narrow)).unwrap();
    for (name, frames, code) in cases {
        let (address, closed) = server(move |mut socket| {
            let _ = socket.get_mut().write_all(&frames);
            loop {
                match socket.read() {
                    Ok(Message::Close(frame)) => return frame.map(|frame| u16::from(frame.code)),
                    Ok(_) => {}
                    Err(_) => return None,
                }
            }
        });
        let (bad, _bad_line) = sockets.dial(dial(address, ListeningRate::Narrow)).unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            let events = sockets.poll(16);
            if events.iter().any(|event| matches!(event, SocketEvent::Closed { socket, .. } if *socket == bad)) {
                break;
            }
            assert!(Instant::now() < until, "{name}");
            std::thread::sleep(Duration::from_millis(1));
        }
        let told = closed.join().unwrap();
        assert!(told.is_none() || told == Some(code), "{name}: {told:?}");
    }
    orders.send(Message::binary(bytes(&ramp(160)))).unwrap();
    let (mut frame, until) = ([0; 160], Instant::now() + PATIENCE);
    while !line.take(&mut frame) {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(frame[..], ramp(160));
}

#[test]
fn nonsense_is_ignored_counted_and_told_once() {
    let (address, orders, _got) = puppet();
    let mut call = Call::new(&settings(), address, ListeningRate::Narrow);
    assert!(matches!(call.event(), SocketEvent::Opened { .. }));
    for _ in 0..100 {
        orders.send(Message::text("not json")).unwrap();
        orders.send(Message::binary(vec![1])).unwrap();
        orders.send(Message::binary(vec![])).unwrap();
        orders.send(Message::Pong(vec![1].into())).unwrap();
    }
    let until = Instant::now() + PATIENCE;
    while call.sockets.counters(call.number).unwrap().ignored < 200 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(1));
    }
    let events = call.sockets.poll(100);
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(call.tick(&[0; 160]), None);
}

#[test]
fn a_flood_of_one_server_leaves_the_others_their_pace() {
    let over = Arc::new(AtomicBool::new(false));
    let flood = |frames: Vec<u8>| {
        let over = Arc::clone(&over);
        server(move |mut socket| while !over.load(Relaxed) && socket.get_mut().write_all(&frames).is_ok() {}).0
    };
    let (good, _orders, got) = puppet();
    let mut sockets = start(&settings());
    let (number, mut line) = sockets.dial(dial(good, ListeningRate::Narrow)).unwrap();
    assert_eq!(text(&got), HELLO);
    let empty_fragments = [vec![0x02, 0], [0x00, 0].repeat(8000)].concat();
    for frames in [[0x89, 0].repeat(8000), [&[0x82, 126, 0xff, 0xfe][..], &[0; 0xfffe][..]].concat(), empty_fragments] {
        let _flooded = sockets.dial(dial(flood(frames), ListeningRate::Narrow)).unwrap();
    }
    let mut took: Vec<Duration> = (0..50)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            let given = Instant::now();
            line.give(&[3; 160]);
            while !got.recv_timeout(PATIENCE).unwrap().is_binary() {}
            given.elapsed()
        })
        .collect();
    over.store(true, Relaxed);
    assert_eq!(sockets.counters(number).unwrap().sent, 50);
    // Without portions it never came. A machine that stumbles makes some late, not half of them.
    took.sort_unstable();
    assert!(took[took.len() / 2] < Duration::from_millis(500), "{took:?}");
}
