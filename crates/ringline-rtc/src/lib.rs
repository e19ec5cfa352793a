//! The way to a browser's audio: ICE finds it, DTLS agrees on keys for it. Without sockets, threads or clock.
//!
//! A [`Peer`] is one such way, driven by `receive`, `tick` and `poll`. ICE and DTLS are str0m's; what comes out of them is
//! a route and a [`ringline_media::Crypto`], and RTP goes as for any leg. Session descriptions are not made here.

#![forbid(unsafe_code)]

mod credentials;
mod keys;
mod peer;

pub use credentials::{Credentials, Fingerprint, Identity};
pub use peer::{Kind, Output, Peer, PeerEvent, Remote};
