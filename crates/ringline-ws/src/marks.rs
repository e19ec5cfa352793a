//! Answers that wait until audio was played.

use std::collections::VecDeque;

/// More than this wait for no server.
const MARKS: usize = 1024;

enum Answer {
    Cleared,
    Played(String),
}

/// What is answered when playback has come to a position, in order.
#[derive(Default)]
pub(crate) struct Marks {
    waiting: VecDeque<(u64, Answer)>,
}

impl Marks {
    /// Answer with this payload when `position` has been played; false if too many wait already.
    pub(crate) fn notify(&mut self, position: u64, payload: String) -> bool {
        let room = self.waiting.len() < MARKS;
        if room {
            self.waiting.push_back((position, Answer::Played(payload)));
        }
        room
    }

    /// All before `position` is dropped: nothing of it will be told to have been played. False if too many wait already.
    pub(crate) fn clear(&mut self, position: u64) -> bool {
        self.waiting.retain(|(_, answer)| matches!(answer, Answer::Cleared));
        let room = self.waiting.len() < MARKS;
        if room {
            self.waiting.push_back((position, Answer::Cleared));
        }
        room
    }

    /// The next answer that is due, as it is sent.
    pub(crate) fn due(&mut self, played: u64) -> Option<String> {
        if self.waiting.front().is_none_or(|(position, _)| *position > played) {
            return None;
        }
        self.waiting.pop_front().map(|(_, answer)| match answer {
            Answer::Cleared => r#"{"event":"websocket:cleared"}"#.to_owned(),
            Answer::Played(payload) => format!(r#"{{"event":"websocket:notify","payload":{payload}}}"#),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(marks: &mut Marks, played: u64) -> Vec<String> {
        std::iter::from_fn(|| marks.due(played)).collect()
    }

    #[test]
    fn marks_are_answered_once_and_in_order() {
        let mut marks = Marks::default();
        for (position, payload) in [(3, "{\"n\":1}"), (3, "{\"n\":2}"), (5, "{}")] {
            assert!(marks.notify(position, payload.to_owned()));
        }
        assert!(due(&mut marks, 2).is_empty());
        let told = due(&mut marks, 3);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0], r#"{"event":"websocket:notify","payload":{"n":1}}"#);
        assert_eq!(due(&mut marks, 9).len(), 1);
        assert!(due(&mut marks, 9).is_empty());
    }

    #[test]
    fn clear_drops_the_marks_before_it_and_is_always_answered() {
        let mut marks = Marks::default();
        marks.clear(1);
        marks.notify(4, "{}".to_owned());
        marks.clear(4);
        assert_eq!(due(&mut marks, 4), [r#"{"event":"websocket:cleared"}"#; 2]);
    }

    #[test]
    fn a_flood_of_marks_is_bounded() {
        let mut marks = Marks::default();
        let taken = (0..5000).filter(|_| marks.notify(1, "{}".to_owned())).count();
        assert_eq!(taken, MARKS);
        let cleared = (0..5000).filter(|_| marks.clear(1)).count();
        assert_eq!(cleared, MARKS);
    }
}
