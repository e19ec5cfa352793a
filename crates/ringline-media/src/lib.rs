//! What happens to every audio packet of a call, without sockets, clock or Python.
//!
//! A [`Leg`] turns datagrams into one frame per 20 ms tick and one frame per tick into datagrams. A [`Mixer`] says what
//! each leg of a room hears, [`Prompts`] add audio, a [`Tap`] records. Time comes in as an argument; nothing here blocks.

#![forbid(unsafe_code)]

mod codec;
mod crypto;
mod event;
mod frame;
mod g711;
mod inbound;
mod jitter;
mod key;
mod keys_in;
mod keys_out;
mod leg;
mod limiter;
mod mixer;
mod outbound;
mod plan;
mod prompt;
mod ring;
mod rtp;
mod sequence;
mod silence;
mod source;
mod stats;
mod tap;
#[cfg(test)]
mod testing;
mod tones_in;

pub use codec::{Codec, CodecKind, Decoders};
pub use crypto::{Crypto, Plain};
pub use event::Event;
pub use frame::{Frame, Sum, FRAME, FRAME_MS, RATE_HZ, SILENCE};
pub use g711::{Pcma, Pcmu};
pub use jitter::{JitterBuffer, Popped, Pushed};
pub use key::Key;
pub use keys_in::{KeyChange, KeyReceiver};
pub use keys_out::{KeyFrame, KeySender};
pub use leg::Leg;
pub use limiter::limit;
pub use mixer::Mixer;
pub use outbound::{Emit, StreamSeed, MAX_PACKET_SAMPLES};
pub use plan::LegPlan;
pub use prompt::{Finished, Mixed, Prompts};
pub use ring::Ring;
pub use rtp::{Datagram, RtpPacket, HEADER_BYTES};
pub use sequence::{Arrival, Reception};
pub use silence::{is_silent, SilenceWatch};
pub use source::{Admission, Source};
pub use stats::{bump, LegCounters, LegStats};
pub use tap::{open_tap, Layout, Tap, MAX_CHANNELS};
pub use tones_in::ToneReceiver;
