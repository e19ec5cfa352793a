//! What the control side and the threads tell a pacing thread. Order per sender is kept.

use std::sync::Arc;

use ringline_media::{Hears, LegPlan, Observer, PromptPlan, Tap, Yields};
use ringline_rtc::{Credentials, Remote};

use crate::host::LegHost;
use crate::room::Room;
use crate::web::Web;

/// One message to a pacing thread.
pub(crate) enum Command {
    /// A new leg, without a room.
    Adopt { host: Box<LegHost>, phase: u64 },
    /// A leg is on its way from another thread: keep what is for it.
    Expect { leg: u64 },
    /// The expected leg.
    Arrive { host: Box<LegHost>, room: u64, phase: u64 },
    /// The expected leg will not come: it ended on the way.
    Vanished { leg: u64 },
    /// A room is on its way from another thread, with these legs: keep what is for it and for them.
    ExpectRoom { room: u64, legs: Vec<u64> },
    /// Send a room with everything in it to another thread.
    MoveRoom { room: u64, thread: usize, legs: Vec<u64> },
    /// The expected room; none when it has ended on the way.
    ArriveRoom { name: u64, room: Option<Box<Room>>, legs: Vec<u64> },
    /// For one leg.
    Leg { leg: u64, what: LegCommand },
    /// For one room, which is made if need be.
    Room { room: u64, phase: u64, what: RoomCommand },
    /// End the thread.
    Shutdown,
}

/// Something for one leg.
pub(crate) enum LegCommand {
    Configure(LegPlan),
    Close,
    /// Into a room of the same thread.
    Enter {
        room: u64,
        phase: u64,
    },
    /// Into a room of another thread.
    Move {
        thread: usize,
        room: u64,
        phase: u64,
    },
    /// The leg has gone on meanwhile and will come back: what follows is for then.
    Await,
    /// Out of its room, to be alone.
    Leave,
    Prompt(PromptCommand),
    SendKeys {
        keys: u64,
        digits: String,
    },
    WatchSilence {
        watch: u64,
        milliseconds: u64,
    },
    Observe(Box<Observer>),
    Unwatch {
        watch: u64,
    },
    /// Another way to the browser.
    Renew(Box<Web>),
    /// Look for the browser anew by the newest way, with these credentials of ours.
    Restart(Box<Credentials>),
    /// What the browser's description says.
    Join {
        remote: Box<Remote>,
        candidates: Vec<String>,
    },
    /// One more place where the browser may be.
    AddCandidate(String),
}

/// Who is in a room and what they hear of each other.
#[derive(Debug, Clone, Default)]
pub struct Arrangement {
    /// The legs in order of joining, and whom each hears.
    pub hears: Vec<(u64, Hears)>,
    /// Legs whose voice no recording takes.
    pub muted: Vec<u64>,
    /// Legs that are heard louder or quieter than they come, in decibels.
    pub gains_db: Vec<(u64, f32)>,
}

/// Something for one room.
pub(crate) enum RoomCommand {
    /// Who is there, and what they hear of each other.
    Arrange(Arrangement),
    /// The room ends; its prompts with it.
    Dissolve,
    Prompt(PromptCommand),
    Record(Tap),
    /// Write silence into a tap, or audio again.
    PauseTap {
        tap: u64,
        paused: bool,
    },
    /// Taps were closed: look.
    SweepTaps,
}

/// Something for the prompts of a leg or room.
pub(crate) enum PromptCommand {
    Play(PromptPlan),
    Feed { play: u64, pcm: Arc<[i16]>, last: bool },
    Stop { play: u64 },
    Yield { play: u64, yields: Yields },
}
