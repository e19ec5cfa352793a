//! What waits to be sent: texts are kept, of audio the oldest gives way.

use std::collections::VecDeque;

use tungstenite::Message;

/// Texts that a server does not read are kept up to so many bytes.
const TEXT_BYTES: usize = 256 * 1024;

/// A queue in order. Text is never lost while it is within its bound.
pub(crate) struct Outbox {
    waiting: VecDeque<Message>,
    frames: usize,
    most_frames: usize,
    text_bytes: usize,
}

impl Outbox {
    /// Keep so many frames of audio at most.
    pub(crate) fn new(most_frames: usize) -> Self {
        Outbox { waiting: VecDeque::new(), frames: 0, most_frames, text_bytes: 0 }
    }

    /// Queue audio; false if an older frame had to go for it.
    pub(crate) fn audio(&mut self, frame: Vec<u8>) -> bool {
        let full = self.frames >= self.most_frames;
        if full {
            if let Some(oldest) = self.waiting.iter().position(Message::is_binary) {
                self.waiting.remove(oldest);
                self.frames -= 1;
            }
        }
        self.frames += 1;
        self.waiting.push_back(Message::Binary(frame.into()));
        !full
    }

    /// Queue a text; false if there is no room.
    pub(crate) fn text(&mut self, text: String) -> bool {
        let fits = self.text_bytes + text.len() <= TEXT_BYTES;
        if fits {
            self.text_bytes += text.len();
            self.waiting.push_back(Message::Text(text.into()));
        }
        fits
    }

    pub(crate) fn pop(&mut self) -> Option<Message> {
        let message = self.waiting.pop_front()?;
        match &message {
            Message::Binary(_) => self.frames -= 1,
            Message::Text(text) => self.text_bytes -= text.len(),
            _ => {}
        }
        Some(message)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_audio_gives_way_and_texts_stay_in_their_place() {
        let mut outbox = Outbox::new(2);
        assert!(outbox.audio(vec![1]));
        assert!(outbox.text("a".to_owned()));
        assert!(outbox.audio(vec![2]));
        assert!(!outbox.audio(vec![3]));
        let left: Vec<Message> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(left, [Message::text("a"), Message::binary(vec![2]), Message::binary(vec![3])]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn unread_texts_are_bounded() {
        let mut outbox = Outbox::new(2);
        let kept = (0..1000).filter(|_| outbox.text("x".repeat(1024))).count();
        assert_eq!(kept, TEXT_BYTES / 1024);
        outbox.pop();
        assert!(outbox.text("x".repeat(1024)));
    }
}
