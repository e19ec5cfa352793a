//! Audio of a far end that comes and goes by other means than RTP: whole frames, one each way in every tick.

use crate::event::Event;
use crate::frame::{Rate, MAX_FRAME};

/// A leg's way to a far end that keeps its own stream: a WebSocket. No call blocks or waits for another thread.
pub trait Line: Send {
    /// The rate of its frames, both ways.
    fn rate(&self) -> Rate;

    /// Whether audio flows. Before that the leg is silent and deaf, and its prompts wait.
    fn is_open(&self) -> bool;

    /// The next frame of what the far end says; false for silence, and then the frame is as it was.
    fn take(&mut self, frame: &mut [i16]) -> bool;

    /// The next frame of what the far end hears, silence included.
    fn give(&mut self, frame: &[i16]);
}

/// A line in use by a leg.
pub(crate) struct LineInUse {
    line: Box<dyn Line>,
    /// Apart: a leg is fetched as a whole before each tick, and most legs have no line.
    frame: Box<[i16; MAX_FRAME]>,
    says: bool,
    begun: bool,
    /// Orders of keys: a line takes none, so they are over with the next frame.
    orders: Vec<u64>,
}

impl LineInUse {
    pub(crate) fn new(line: Box<dyn Line>) -> Self {
        LineInUse { line, frame: Box::new([0; MAX_FRAME]), says: false, begun: false, orders: Vec::new() }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.line.rate()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.line.is_open()
    }

    pub(crate) fn order_keys(&mut self, id: u64) {
        self.orders.push(id);
    }

    /// Take the frame of this tick.
    pub(crate) fn tick(&mut self, leg: u64, events: &mut Vec<Event>) {
        events.extend(self.orders.drain(..).map(|keys| Event::KeysSent { keys }));
        let samples = self.line.rate().samples();
        self.says = self.line.take(&mut self.frame[..samples]);
        if self.says && !self.begun {
            self.begun = true;
            events.push(Event::AudioStarted { leg });
        }
    }

    /// What the far end says in this tick; `None` for silence.
    pub(crate) fn said(&self) -> Option<&[i16]> {
        self.says.then(|| &self.frame[..self.line.rate().samples()])
    }

    pub(crate) fn give(&mut self, frame: &[i16]) {
        self.line.give(frame);
    }
}
