//! What the sockets are held to.

use std::time::Duration;

use tungstenite::protocol::WebSocketConfig;

/// What is read at once, and kept per socket.
const READ_BYTES: usize = 8 * 1024;

/// Times and bounds of every socket.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Threads that frame and encrypt; 0 is one per core.
    pub threads: usize,
    /// From the first connect to the 101, all addresses together.
    pub handshake: Duration,
    /// Audio that a server may send ahead, in frames of 20 ms.
    pub ahead_frames: u64,
    /// Our audio that waits for a slow reader, in frames; the oldest gives way.
    pub behind_frames: usize,
    /// A reader that is behind for so long is given up.
    pub behind: Duration,
    /// Time between two pings, and the longest wait for a pong.
    pub ping: Duration,
    /// The longest message.
    pub message_bytes: usize,
    /// The beginning of a frame waits so long for its rest; then silence fills it up.
    pub remainder: Duration,
    /// The longest wait for the other side's close frame.
    pub linger: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            threads: 0,
            handshake: Duration::from_secs(6),
            ahead_frames: 3072,
            behind_frames: 250,
            behind: Duration::from_secs(30),
            ping: Duration::from_secs(20),
            message_bytes: 1 << 20,
            remainder: Duration::from_millis(200),
            linger: Duration::from_secs(2),
        }
    }
}

impl Settings {
    /// The bounds of one socket's frames; what we send is written at once.
    pub(crate) fn frames(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(self.message_bytes))
            .max_frame_size(Some(self.message_bytes))
    }
}
