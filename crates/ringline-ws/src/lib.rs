//! Calls whose far end is a WebSocket server (RFC 6455): linear audio both ways, keys out, and marks that tell the truth.
//!
//! [`Sockets`] owns a few threads that dial, shake hands and frame. A pacing thread meets a socket only through its
//! [`SocketLine`]: it takes one frame and gives one frame per tick, and never waits. What a server does wrong costs its
//! own leg, in bounded memory and time.

#![forbid(unsafe_code)]

mod audio;
mod connection;
mod dial;
mod event;
mod handshake;
mod line;
mod marks;
mod orders;
mod outbox;
mod rehearsal;
mod settings;
mod sockets;
mod stats;
mod thread;
mod trust;
mod wire;

pub use dial::{Dial, DialError};
pub use event::{Cause, SocketEvent};
pub use line::{ListeningRate, SocketLine};
pub use orders::Order;
pub use rehearsal::rehearse;
pub use settings::Settings;
pub use sockets::Sockets;
pub use stats::SocketCounters;
pub use trust::Trust;
