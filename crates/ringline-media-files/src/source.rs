//! The bytes of a file that is still arriving.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use symphonia::core::io::MediaSource;

#[derive(Default)]
struct Arrived {
    bytes: Vec<u8>,
    /// No more will come.
    complete: bool,
    /// Somebody wanted bytes that are not there yet.
    starved: bool,
    /// Where the reader is.
    position: usize,
}

/// What has arrived; shared by the side that feeds it and the one that reads. Both are on one thread at a time.
#[derive(Clone, Default)]
pub(crate) struct Source(Arc<Mutex<Arrived>>);

impl Source {
    fn arrived(&self) -> MutexGuard<'_, Arrived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn append(&self, bytes: &[u8]) {
        self.arrived().bytes.extend_from_slice(bytes);
    }

    pub(crate) fn complete(&self) {
        self.arrived().complete = true;
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.arrived().complete
    }

    pub(crate) fn len(&self) -> usize {
        self.arrived().bytes.len()
    }

    /// Bytes beyond the reader.
    pub(crate) fn ahead(&self) -> usize {
        let arrived = self.arrived();
        arrived.bytes.len() - arrived.position.min(arrived.bytes.len())
    }

    /// Whether a reader came to the end of what is there since it was last asked, though more will come.
    pub(crate) fn take_starved(&self) -> bool {
        std::mem::take(&mut self.arrived().starved)
    }

    /// Look at everything that has arrived.
    pub(crate) fn look<T>(&self, work: impl FnOnce(&[u8]) -> T) -> T {
        work(&self.arrived().bytes)
    }

    /// A reader from a place on. One at a time.
    pub(crate) fn reader(&self, position: usize) -> Reader {
        let mut arrived = self.arrived();
        arrived.position = position;
        arrived.starved = false;
        drop(arrived);
        Reader(self.clone())
    }
}

/// Reads from front to back; at the end of what has arrived it sees the end of the file, and the source takes note.
pub(crate) struct Reader(Source);

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut arrived = self.0.arrived();
        let start = arrived.position.min(arrived.bytes.len());
        let count = out.len().min(arrived.bytes.len() - start);
        out[..count].copy_from_slice(&arrived.bytes[start..start + count]);
        arrived.position = start + count;
        arrived.starved |= count == 0 && !out.is_empty() && !arrived.complete;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, _to: SeekFrom) -> io::Result<u64> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

impl MediaSource for Reader {
    fn is_seekable(&self) -> bool {
        false
    }

    fn byte_len(&self) -> Option<u64> {
        None
    }
}
