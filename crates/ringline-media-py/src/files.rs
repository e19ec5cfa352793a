//! Audio files for Python.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ringline_media_files as files;

/// Decodes one file that may still be arriving.
#[pyclass(frozen, module = "ringline._media")]
pub(crate) struct FileDecoder(Mutex<files::FileDecoder>);

#[pymethods]
impl FileDecoder {
    #[new]
    #[pyo3(signature = (*, max_seconds))]
    fn new(max_seconds: u32) -> Self {
        FileDecoder(Mutex::new(files::FileDecoder::new(max_seconds)))
    }

    fn feed(&self, py: Python<'_>, data: &[u8]) {
        py.detach(|| self.with(|decoder| decoder.feed(data)));
    }

    fn end(&self, py: Python<'_>) {
        py.detach(|| self.with(files::FileDecoder::end));
    }

    fn rate_hz(&self, py: Python<'_>) -> Option<u32> {
        py.detach(|| self.with(|decoder| decoder.rate_hz()))
    }

    fn read<'py>(&self, py: Python<'py>, samples: usize) -> PyResult<(Bound<'py, PyBytes>, &'static str)> {
        let (pcm, step) = py
            .detach(|| {
                self.with(|decoder| {
                    let mut pcm = Vec::new();
                    let step = decoder.read(&mut pcm, samples)?;
                    Ok((pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>(), step))
                })
            })
            .map_err(|error: files::Undecodable| PyValueError::new_err(error.0))?;
        let told = match step {
            files::Step::Enough => "enough",
            files::Step::Hungry => "hungry",
            files::Step::End => "end",
        };
        Ok((PyBytes::new(py, &pcm), told))
    }
}

impl FileDecoder {
    fn with<T>(&self, work: impl FnOnce(&mut files::FileDecoder) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
