//! The way of events from the pacing threads to the control side.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;

use ringline_media::Event;

struct Bell {
    stream: UnixStream,
    rung: AtomicBool,
}

impl Bell {
    fn ring(&self) {
        if !self.rung.swap(true, AcqRel) {
            // A full pipe means that a wake-up is on its way already; a closed one that nobody listens any more.
            let _ = (&self.stream).write(&[1]);
        }
    }
}

/// A thread's end: queues events, rings once per tick.
pub struct EventSender<E = Event> {
    queue: Sender<E>,
    bell: Arc<Bell>,
}

impl<E> Clone for EventSender<E> {
    fn clone(&self) -> Self {
        EventSender { queue: self.queue.clone(), bell: Arc::clone(&self.bell) }
    }
}

impl<E> EventSender<E> {
    /// Queue all events and wake the control side if there were any.
    pub fn send_all(&self, events: &mut Vec<E>) {
        if events.is_empty() {
            return;
        }
        for event in events.drain(..) {
            // Fails only when the control side is gone, and then nobody minds.
            let _ = self.queue.send(event);
        }
        self.bell.ring();
    }
}

/// The control side's end: a descriptor to wait on, and the events.
pub struct EventReceiver<E = Event> {
    queue: Receiver<E>,
    bell: Arc<Bell>,
    stream: UnixStream,
}

impl<E> EventReceiver<E> {
    /// The descriptor that becomes readable when events wait.
    pub fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Take up to `limit` events; the descriptor stays readable when more wait.
    pub fn take(&mut self, limit: usize) -> Vec<E> {
        let mut rings = [0; 16];
        while matches!(self.stream.read(&mut rings), Ok(count) if count > 0) {}
        // From here on a new event rings again, so none is left behind unheard.
        self.bell.rung.swap(false, AcqRel);
        let events: Vec<E> = self.queue.try_iter().take(limit).collect();
        if events.len() == limit {
            self.bell.ring();
        }
        events
    }
}

/// Both ends.
pub fn event_queue<E>() -> io::Result<(EventSender<E>, EventReceiver<E>)> {
    let (here, there) = UnixStream::pair()?;
    here.set_nonblocking(true)?;
    there.set_nonblocking(true)?;
    let (queue, events) = channel();
    let bell = Arc::new(Bell { stream: here, rung: AtomicBool::new(false) });
    Ok((EventSender { queue, bell: Arc::clone(&bell) }, EventReceiver { queue: events, bell, stream: there }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_readable(receiver: &EventReceiver) -> bool {
        receiver.stream.peek_byte()
    }

    trait PeekByte {
        fn peek_byte(&self) -> bool;
    }

    impl PeekByte for UnixStream {
        fn peek_byte(&self) -> bool {
            let mut fds = [libc::pollfd { fd: self.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
            // SAFETY: one live pollfd, and the count says one.
            unsafe { libc::poll(fds.as_mut_ptr(), 1, 0) == 1 }
        }
    }

    #[test]
    fn the_descriptor_is_readable_exactly_while_events_wait() {
        let (sender, mut receiver) = event_queue().unwrap();
        assert!(!is_readable(&receiver));
        let events = |count: u64| (0..count).map(|leg| Event::AudioStarted { leg }).collect::<Vec<_>>();
        sender.send_all(&mut events(3));
        sender.send_all(&mut events(2));
        assert!(is_readable(&receiver));
        assert_eq!(receiver.take(4).len(), 4);
        assert!(is_readable(&receiver));
        assert_eq!(receiver.take(4).len(), 1);
        assert!(!is_readable(&receiver));
    }
}
