//! What the core tells the control side.

use crate::key::Key;

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
    /// A recording tap holds a block.
    TapReady {
        /// Which.
        tap: u64,
    },
}
