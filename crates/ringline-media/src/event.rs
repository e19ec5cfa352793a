//! What the core tells the control side.

use crate::content::Content;
use crate::key::Key;
use crate::observer::LEVELS;
use crate::signals::Heard;

/// Something that happened to a leg or an order; ids are those the control side gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A key went down.
    KeyDown {
        /// Whose.
        leg: u64,
        /// Which.
        key: Key,
    },
    /// A key went up.
    KeyReleased {
        /// Whose.
        leg: u64,
        /// Which.
        key: Key,
        /// How long it was held.
        held_ms: u32,
    },
    /// A prompt ended.
    PlaybackFinished {
        /// Which.
        play: u64,
        /// How much of it was played, all rounds together.
        played_ms: u64,
        /// Whether it was cut.
        stopped: bool,
    },
    /// An order of keys has left.
    KeysSent {
        /// Which.
        keys: u64,
    },
    /// A silence watch is satisfied, and over.
    SilenceReached {
        /// Which.
        watch: u64,
    },
    /// Somebody began to talk on an observed leg. All times of an observation count from its start.
    VoiceBegan {
        /// The observation.
        watch: u64,
        /// When.
        at_ms: u64,
    },
    /// He has stopped.
    VoiceStopped {
        /// The observation.
        watch: u64,
        /// When.
        at_ms: u64,
        /// How long it was, short pauses included.
        spoke_ms: u64,
    },
    /// A tone has ended that means something.
    SignalHeard {
        /// The observation.
        watch: u64,
        /// When it ended.
        at_ms: u64,
        /// What it was.
        heard: Heard,
    },
    /// A second of an observed leg.
    Levels {
        /// The observation.
        watch: u64,
        /// When it ended.
        at_ms: u64,
        /// Of each frame, in decibels against full scale.
        levels: Box<[i8; LEVELS]>,
        /// What it mostly was.
        content: Content,
    },
    /// The first valid packet of a leg.
    AudioStarted {
        /// Whose.
        leg: u64,
    },
    /// Nothing came from a leg for the media timeout.
    MediaTimeout {
        /// Whose.
        leg: u64,
    },
    /// The leg's media ended by itself.
    LegFailed {
        /// Whose.
        leg: u64,
        /// Why, for people.
        why: String,
    },
    /// The way to a browser stands, for the first time or again.
    Connected {
        /// Whose.
        leg: u64,
    },
    /// The way to a browser is lost; it may come back.
    Interrupted {
        /// Whose.
        leg: u64,
        /// Why, for people.
        why: String,
    },
    /// A port of a leg is not needed any more, though the leg goes on.
    PortReleased {
        /// Whose.
        leg: u64,
        /// Which.
        port: u16,
    },
    /// A recording tap holds a block.
    TapReady {
        /// Which.
        tap: u64,
    },
}
