//! WebSocket far ends as Python sees them.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use ringline_ws as ws;

/// Something that happened to a socket; which fields mean something depends on `kind`.
#[pyclass(frozen, get_all, module = "ringline._media")]
pub(crate) struct SocketEvent {
    kind: &'static str,
    id: u64,
    cause: &'static str,
    why: String,
}

impl From<ws::SocketEvent> for SocketEvent {
    fn from(event: ws::SocketEvent) -> Self {
        let told = |kind, id, cause, why| SocketEvent { kind, id, cause, why };
        match event {
            ws::SocketEvent::Opened { socket } => told("opened", socket, "", String::new()),
            ws::SocketEvent::Failed { socket, cause, why } => {
                let cause = match cause {
                    ws::Cause::Unreachable => "unreachable",
                    ws::Cause::Timeout => "timeout",
                    ws::Cause::Refused => "refused",
                };
                told("failed", socket, cause, why)
            }
            ws::SocketEvent::Closed { socket, why } => told("closed", socket, "", why),
            ws::SocketEvent::Overflowed { socket } => told("overflowed", socket, "", String::new()),
            ws::SocketEvent::Remarked { socket, what } => told("remarked", socket, "", what.to_owned()),
        }
    }
}

/// A socket's counters.
#[pyclass(frozen, get_all, module = "ringline._media")]
pub(crate) struct SocketCounters {
    sent: u64,
    received: u64,
    unread: u64,
    skipped: u64,
    overflowed: u64,
    cleared: u64,
    ignored: u64,
    buffered: u64,
    most_buffered: u64,
}

/// The way between a socket and its leg, for `MediaCore.adopt`.
#[pyclass(frozen, module = "ringline._media")]
pub(crate) struct SocketLine(Mutex<Option<ws::SocketLine>>);

impl SocketLine {
    pub(crate) fn take(&self) -> Option<ws::SocketLine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// All WebSockets, on threads of their own.
#[pyclass(frozen, module = "ringline._media")]
pub(crate) struct Sockets(Mutex<ws::Sockets>);

impl Sockets {
    fn all(&self) -> MutexGuard<'_, ws::Sockets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Sockets {
    #[new]
    #[pyo3(signature = (*, threads, handshake_ms, authorities_pem))]
    fn new(threads: usize, handshake_ms: u64, authorities_pem: Option<&[u8]>) -> PyResult<Self> {
        let trust = ws::Trust::new(authorities_pem).map_err(PyValueError::new_err)?;
        let handshake = Duration::from_millis(handshake_ms);
        let settings = ws::Settings { threads, handshake, ..ws::Settings::default() };
        Ok(Sockets(Mutex::new(ws::Sockets::start(&settings, &trust)?)))
    }

    fn fileno(&self) -> i32 {
        self.all().fileno()
    }

    fn poll(&self, limit: usize) -> Vec<SocketEvent> {
        self.all().poll(limit).into_iter().map(SocketEvent::from).collect()
    }

    #[pyo3(signature = (*, addresses, host, port, secure, path, headers, rate_hz, hello))]
    #[allow(clippy::too_many_arguments)] // one for each field of the request, all named
    fn dial(
        &self,
        addresses: Vec<String>,
        host: String,
        port: u16,
        secure: bool,
        path: String,
        headers: Vec<(String, String)>,
        rate_hz: u32,
        hello: String,
    ) -> PyResult<(u64, SocketLine)> {
        let addresses = addresses.iter().map(|ip| address(ip, port)).collect::<PyResult<Vec<_>>>()?;
        let rate = ws::ListeningRate::of_hz(rate_hz)
            .ok_or_else(|| PyValueError::new_err(format!("{rate_hz} Hz is no rate of a WebSocket")))?;
        let dial = ws::Dial { addresses, host, port, secure, path, headers, rate, hello };
        let (socket, line) = self.all().dial(dial).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok((socket, SocketLine(Mutex::new(Some(line)))))
    }

    fn say(&self, socket: u64, text: String) {
        self.all().say(socket, text);
    }

    fn close(&self, socket: u64, code: u16) {
        self.all().close(socket, code);
    }

    fn counters(&self, socket: u64) -> Option<SocketCounters> {
        let counters = self.all().counters(socket)?;
        Some(SocketCounters {
            sent: counters.sent,
            received: counters.received,
            unread: counters.unread,
            skipped: counters.skipped,
            overflowed: counters.overflowed,
            cleared: counters.cleared,
            ignored: counters.ignored,
            buffered: counters.buffered,
            most_buffered: counters.most_buffered,
        })
    }

    fn gauges<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let figures = PyDict::new(py);
        for (name, value) in self.all().gauges() {
            figures.set_item(name, value)?;
        }
        Ok(figures)
    }

    fn shutdown(&self, py: Python<'_>) {
        py.detach(|| self.all().shutdown());
    }
}

fn address(ip: &str, port: u16) -> PyResult<SocketAddr> {
    let ip: IpAddr = ip.parse().map_err(|_| PyValueError::new_err(format!("{ip:?} is no IP address")))?;
    Ok(SocketAddr::new(ip, port))
}
