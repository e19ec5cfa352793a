//! What a server's bytes go through, without a network.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

use crate::audio::Reframer;
use crate::line::ListeningRate;
use crate::marks::Marks;
use crate::orders::Order;
use crate::settings::Settings;

/// Bytes that come in portions; what is written is dropped.
struct Script<'a> {
    bytes: &'a [u8],
    portion: usize,
}

impl Read for Script<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.portion).min(self.bytes.len());
        if length == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let (now, later) = self.bytes.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.bytes = later;
        Ok(length)
    }
}

impl Write for Script<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Read what a server may send after its 101, in portions of so many bytes; gives the frames of audio, the answers that
/// are due at the end, and the messages that mean nothing.
pub fn rehearse(bytes: &[u8], portion: usize) -> (usize, usize, usize) {
    let script = Script { bytes, portion: portion.max(1) };
    let mut socket = WebSocket::from_raw_socket(script, Role::Client, Some(Settings::default().frames()));
    let (mut reframer, mut marks) = (Reframer::new(ListeningRate::Narrow.samples()), Marks::default());
    let (mut frames, mut ignored) = (0u64, 0);
    loop {
        match socket.read() {
            Ok(Message::Binary(audio)) => {
                let whole = reframer.take(&audio, Instant::now(), |_| frames += 1);
                ignored += usize::from(!whole);
            }
            Ok(Message::Text(text)) => match Order::read(text.as_str()) {
                Ok(Order::Clear) => ignored += usize::from(!marks.clear(frames)),
                Ok(Order::Notify(payload)) => ignored += usize::from(!marks.notify(frames, payload)),
                Err(_) => ignored += 1,
            },
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => break,
            Err(_) => break,
        }
    }
    let answers = std::iter::from_fn(|| marks.due(frames)).count();
    (frames as usize, answers, ignored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_cut_anywhere_mean_the_same() {
        let mut bytes = [&[0x82, 126, 1, 64][..], &[7; 320][..]].concat();
        bytes.extend([&[0x81, 18][..], &br#"{"action":"clear"}"#[..]].concat());
        bytes.extend([0x81, 1, b'x', 0x89, 0]);
        for portion in 1..bytes.len() {
            assert_eq!(rehearse(&bytes, portion), (1, 1, 1), "{portion}");
        }
    }
}
