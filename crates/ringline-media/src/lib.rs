//! What happens to every audio packet of a call, without sockets, clock or Python.
//!
//! A [`Leg`] turns datagrams into one frame per 20 ms tick and one frame per tick into datagrams. A [`Mixer`] says what
//! each leg of a room hears, [`Prompts`] add audio, a [`Tap`] records. Time comes in as an argument; nothing here blocks.

#![forbid(unsafe_code)]

mod align;
mod codec;
mod comfort;
mod conceal;
mod content;
mod crypto;
mod delay;
mod event;
mod frame;
mod g711;
mod g722;
mod inbound;
mod jitter;
mod key;
mod keys_in;
mod keys_out;
mod l16;
mod leg;
mod limiter;
mod line;
mod mixer;
mod observer;
mod opus;
mod outbound;
mod pitch;
mod plan;
mod prompt;
mod prompts;
mod quality;
mod reports;
mod resample;
mod ring;
mod rtcp;
mod rtp;
mod sequence;
mod signals;
mod silence;
mod source;
mod srtp;
mod stats;
mod stretch;
mod tap;
#[cfg(test)]
mod testing;
mod tones_in;
mod voice;

pub use codec::{Codec, CodecKind, Decoders};
pub use content::{Content, ContentJudge};
pub use crypto::{Crypto, Plain};
pub use event::Event;
pub use frame::{Frame, Rate, Sum, FRAME, FRAME_MS, MAX_FRAME, RATE_HZ, SILENCE};
pub use g711::{Pcma, Pcmu};
pub use g722::G722;
pub use inbound::Taken;
pub use jitter::{Forwarded, JitterBuffer, Popped, Pushed};
pub use key::Key;
pub use keys_in::{KeyChange, KeyReceiver};
pub use keys_out::{KeyFrame, KeySender};
pub use l16::L16;
pub use leg::{Leg, Now};
pub use limiter::limit;
pub use line::Line;
pub use mixer::{Hears, Loudest, MixPlan, Mixer};
pub use observer::{Observer, LEVELS};
pub use opus::Opus;
pub use outbound::{Emit, StreamSeed, MAX_PAYLOAD_BYTES};
pub use plan::LegPlan;
pub use prompt::{Finished, PromptPlan, Yields};
pub use prompts::{Mixed, Prompts};
pub use quality::{opinion, rating};
pub use reports::ReportTo;
pub use resample::{Kernel, Resampler};
pub use ring::Ring;
pub use rtcp::{middle_of_ntp, write_goodbye, write_report, Block, Report, Sent, REPORT_BYTES};
pub use rtp::{Datagram, RtpPacket, HEADER_BYTES};
pub use sequence::{Arrival, Reception};
pub use signals::{Heard, Signal, Signals};
pub use silence::{is_silent, SilenceWatch};
pub use source::{Admission, Source};
pub use srtp::{GcmKey, Srtp, SrtpGcm, SrtpKey, SrtpKeys, SrtpSuite, GCM_SALT_BYTES, MASTER_BYTES};
pub use stats::{bump, LegCounters, LegStats};
pub use tap::{open_ear, open_tap, Layout, Tap, TapReader, MAX_CHANNELS};
pub use tones_in::ToneReceiver;
pub use voice::{Sound, Voice, VoiceActivity, VoiceRules};
