//! What a socket tells the control side.

/// Why a socket was never open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nobody listens there, or there is no way.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The server answered with something else than 101, or its certificate is not to be trusted.
    Refused,
}

/// Something that happened to one socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketEvent {
    /// The handshake is done: audio flows.
    Opened {
        /// Which.
        socket: u64,
    },
    /// It will never be open.
    Failed {
        /// Which.
        socket: u64,
        /// The kind of failure.
        cause: Cause,
        /// For people.
        why: String,
    },
    /// It was open and is no more, and not because we closed it.
    Closed {
        /// Which.
        socket: u64,
        /// For people.
        why: String,
    },
    /// The server has sent more than is kept; told once until half of it has been played.
    Overflowed {
        /// Which.
        socket: u64,
    },
    /// Something was not as it should be; each kind is told once per socket.
    Remarked {
        /// Which.
        socket: u64,
        /// For people.
        what: &'static str,
    },
}
