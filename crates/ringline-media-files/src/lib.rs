//! Audio files, decoded while they arrive.
//!
//! A [`FileDecoder`] is fed a file's bytes as they come and gives samples as soon as it can: mp3, wav (linear, float,
//! G.711, GSM 6.10) and ogg (Vorbis, Opus). It never waits: what needs bytes that are not there says so.

#![forbid(unsafe_code)]

mod compressed;
mod decoder;
mod error;
mod gsm;
mod samples;
mod source;
mod wav;

pub use decoder::{FileDecoder, Step};
pub use error::Undecodable;
