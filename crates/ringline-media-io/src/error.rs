//! Why the core refuses something.

use std::fmt;
use std::io;

/// What was asked cannot be done.
#[derive(Debug)]
pub enum MediaError {
    /// Every port of the range is in use, resting, or held by another program.
    NoPort {
        /// First port of the range.
        low: u16,
        /// Last port of the range.
        high: u16,
    },
    /// A codec that we do not speak.
    Codec(String),
    /// No RTP number: they end at 127.
    PayloadType(u8),
    /// No such leg.
    UnknownLeg,
    /// A recording cannot have so many channels.
    Channels(usize),
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for MediaError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MediaError::NoPort { low, high } => write!(out, "no RTP port is free between {low} and {high}"),
            MediaError::Codec(name) => write!(out, "unknown codec {name:?}"),
            MediaError::PayloadType(number) => write!(out, "{number} is no RTP payload type"),
            MediaError::UnknownLeg => write!(out, "no such leg"),
            MediaError::Channels(count) => write!(out, "a recording has 1 to 32 channels, not {count}"),
            MediaError::Io(error) => write!(out, "{error}"),
        }
    }
}

impl std::error::Error for MediaError {}
