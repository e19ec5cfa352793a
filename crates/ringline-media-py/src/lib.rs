//! The media core as the Python module `ringline._media`; its face is described in `_media.pyi`.
//!
//! Nothing here decides anything: each method takes the control side's own lock, which no pacing thread ever sees, and
//! enqueues.

#![forbid(unsafe_code)]

mod files;
mod sockets;
mod web;

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyType};
use ringline_media as media;
use ringline_media_io as core;

/// `ringline.base.MediaError` with the reason: `except` knows one family of errors.
fn refuse(py: Python<'_>, error: &core::MediaError) -> PyErr {
    let class = py.import("ringline.base").and_then(|base| base.getattr("MediaError"));
    match class.and_then(|class| Ok(class.cast_into::<PyType>()?)) {
        Ok(class) => PyErr::from_type(class, (error.to_string(),)),
        Err(missing) => missing,
    }
}

/// Something that happened; which fields mean something depends on `kind`.
#[pyclass(frozen, get_all, module = "ringline._media")]
struct Event {
    kind: &'static str,
    id: u64,
    digit: Option<char>,
    milliseconds: u64,
    stopped: bool,
    why: String,
    at_ms: u64,
    what: &'static str,
    hz: u32,
    levels: Vec<i8>,
}

impl Event {
    fn about(kind: &'static str, id: u64) -> Self {
        Event {
            kind,
            id,
            digit: None,
            milliseconds: 0,
            stopped: false,
            why: String::new(),
            at_ms: 0,
            what: "",
            hz: 0,
            levels: Vec::new(),
        }
    }
}

impl From<media::Event> for Event {
    fn from(event: media::Event) -> Self {
        match event {
            media::Event::KeyDown { leg, key } => Event { digit: Some(key.to_char()), ..Event::about("key_down", leg) },
            media::Event::KeyReleased { leg, key, held_ms } => {
                Event { digit: Some(key.to_char()), milliseconds: held_ms.into(), ..Event::about("key_released", leg) }
            }
            media::Event::PlaybackFinished { play, played_ms, stopped } => {
                Event { milliseconds: played_ms, stopped, ..Event::about("playback_finished", play) }
            }
            media::Event::KeysSent { keys } => Event::about("keys_sent", keys),
            media::Event::SilenceReached { watch } => Event::about("silence_reached", watch),
            media::Event::VoiceBegan { watch, at_ms } => Event { at_ms, ..Event::about("speech_started", watch) },
            media::Event::VoiceStopped { watch, at_ms, spoke_ms } => {
                Event { at_ms, milliseconds: spoke_ms, ..Event::about("speech_stopped", watch) }
            }
            media::Event::SignalHeard { watch, at_ms, heard } => Event {
                at_ms,
                milliseconds: heard.length_ms,
                what: signal(heard.signal),
                hz: heard.hz,
                ..Event::about("tone_heard", watch)
            },
            media::Event::Levels { watch, at_ms, levels, content: amounts_to } => {
                let (levels, what) = (levels.to_vec(), content(amounts_to));
                Event { at_ms, what, levels, ..Event::about("levels", watch) }
            }
            media::Event::AudioStarted { leg } => Event::about("audio_started", leg),
            media::Event::MediaTimeout { leg } => Event::about("media_timeout", leg),
            media::Event::LegFailed { leg, why } => Event { why, ..Event::about("leg_failed", leg) },
            media::Event::Connected { leg } => Event::about("connected", leg),
            media::Event::Interrupted { leg, why } => Event { why, ..Event::about("interrupted", leg) },
            // Kept by the core for itself.
            media::Event::PortReleased { leg, .. } => Event::about("port_released", leg),
            media::Event::TapReady { tap } => Event::about("tap_ready", tap),
        }
    }
}

fn signal(signal: media::Signal) -> &'static str {
    match signal {
        media::Signal::Ringing => "ringing",
        media::Signal::Busy => "busy",
        media::Signal::Information => "information",
        media::Signal::Beep => "beep",
        media::Signal::Lone => "lone",
        media::Signal::Fax => "fax",
    }
}

fn content(content: media::Content) -> &'static str {
    match content {
        media::Content::Silence => "silence",
        media::Content::Speech => "speech",
        media::Content::Music => "music",
        media::Content::Noise => "noise",
    }
}

/// A leg's counters.
#[pyclass(frozen, get_all, module = "ringline._media")]
struct Counters {
    received: u64,
    sent: u64,
    bytes_in: u64,
    bytes_out: u64,
    lost: u64,
    late: u64,
    malformed: u64,
    foreign: u64,
    jitter_ms: f64,
    keys: u64,
    concealed_ms: u64,
    delay_ms: f64,
    handed_on: u64,
    reports: u64,
    round_trip_ms: f64,
    far_loss: f64,
    far_jitter_ms: f64,
    opinion: f64,
    far_opinion: f64,
}

/// The pacing threads and everything on them.
#[pyclass(frozen, module = "ringline._media")]
struct MediaCore(Mutex<core::MediaCore>);

impl MediaCore {
    fn core(&self) -> MutexGuard<'_, core::MediaCore> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl MediaCore {
    #[new]
    #[pyo3(signature = (*, bind_ip, port_low, port_high, threads, media_timeout_ms, loudest_above, loudest_speakers))]
    fn new(
        bind_ip: &str,
        port_low: u16,
        port_high: u16,
        threads: usize,
        media_timeout_ms: u64,
        loudest_above: usize,
        loudest_speakers: usize,
    ) -> PyResult<Self> {
        let bind_ip = bind_ip.parse().map_err(|_| PyValueError::new_err(format!("{bind_ip:?} is no IP address")))?;
        let loudest = media::Loudest { above: loudest_above, speakers: loudest_speakers };
        let settings = core::Settings { bind_ip, port_low, port_high, threads, media_timeout_ms, loudest };
        Ok(MediaCore(Mutex::new(core::MediaCore::start(settings)?)))
    }

    fn fileno(&self) -> i32 {
        self.core().fileno()
    }

    fn poll(&self, limit: usize) -> Vec<Event> {
        self.core().poll(limit).into_iter().map(Event::from).collect()
    }

    fn open(&self, py: Python<'_>) -> PyResult<(u64, u16)> {
        self.core().open().map_err(|error| refuse(py, &error))
    }

    #[pyo3(signature = (leg, *, remote_host, remote_port, rtcp_port, rtcp_mux, codec, clock_hz, payload_type, dtmf_payload_type, dtmf_clock_hz, ptime_ms, send, receive, srtp))]
    #[allow(clippy::too_many_arguments)] // one for each field of the plan, all named
    fn configure(
        &self,
        py: Python<'_>,
        leg: u64,
        remote_host: &str,
        remote_port: u16,
        rtcp_port: Option<u16>,
        rtcp_mux: bool,
        codec: &str,
        clock_hz: u32,
        payload_type: u8,
        dtmf_payload_type: Option<u8>,
        dtmf_clock_hz: u32,
        ptime_ms: u32,
        send: bool,
        receive: bool,
        srtp: Option<(String, Vec<u8>, String, Vec<u8>)>,
    ) -> PyResult<()> {
        let srtp = srtp.map(|keys| srtp_keys(&keys)).transpose()?;
        let request = core::PlanRequest {
            remote_host,
            remote_port,
            rtcp_port,
            rtcp_mux,
            codec,
            clock_hz,
            payload_type,
            dtmf_payload_type,
            dtmf_clock_hz,
            ptime_ms,
            send,
            receive,
            srtp,
        };
        self.core().configure(leg, &request).map_err(|error| refuse(py, &error))
    }

    /// A leg whose far end is a WebSocket, instead of `open` and `configure`.
    fn adopt(&self, py: Python<'_>, line: &sockets::SocketLine) -> PyResult<u64> {
        let line = line.take().ok_or_else(|| PyValueError::new_err("this line has a leg already"))?;
        self.core().adopt_line(Box::new(line)).map_err(|error| refuse(py, &error))
    }

    fn fingerprint(&self, py: Python<'_>) -> PyResult<String> {
        let identity = self.core().identity().map_err(|error| refuse(py, &error))?;
        Ok(identity.fingerprint().to_string())
    }

    #[pyo3(signature = (*, controlling))]
    fn open_web(&self, py: Python<'_>, controlling: bool) -> PyResult<(u64, web::WebLocal)> {
        let (leg, local) = self.core().open_web(controlling).map_err(|error| refuse(py, &error))?;
        Ok((leg, local.into()))
    }

    #[pyo3(signature = (leg, *, controlling))]
    fn renew_web(&self, py: Python<'_>, leg: u64, controlling: bool) -> PyResult<web::WebLocal> {
        Ok(self.core().renew_web(leg, controlling).map_err(|error| refuse(py, &error))?.into())
    }

    fn restart_web(&self, py: Python<'_>, leg: u64) -> PyResult<(String, String)> {
        let ours = self.core().restart_web(leg).map_err(|error| refuse(py, &error))?;
        Ok((ours.name, ours.password))
    }

    #[pyo3(signature = (leg, *, name, password, fingerprint, we_begin, candidates))]
    #[allow(clippy::too_many_arguments)] // one for each field of the description, all named
    fn join_web(
        &self,
        py: Python<'_>,
        leg: u64,
        name: String,
        password: String,
        fingerprint: &str,
        we_begin: bool,
        candidates: Vec<String>,
    ) -> PyResult<()> {
        let remote = web::remote(name, password, fingerprint, we_begin)?;
        self.core().join_web(leg, remote, candidates).map_err(|error| refuse(py, &error))
    }

    fn add_web_candidate(&self, leg: u64, candidate: String) {
        self.core().add_web_candidate(leg, candidate);
    }

    fn close(&self, leg: u64) {
        self.core().close(leg);
    }

    fn counters(&self, leg: u64) -> Option<Counters> {
        let counters = self.core().counters(leg)?;
        Some(Counters {
            received: counters.received,
            sent: counters.sent,
            bytes_in: counters.bytes_in,
            bytes_out: counters.bytes_out,
            lost: counters.lost,
            late: counters.late,
            malformed: counters.malformed,
            foreign: counters.foreign,
            jitter_ms: counters.jitter_ms,
            keys: counters.keys,
            concealed_ms: counters.concealed_ms,
            delay_ms: counters.delay_ms,
            handed_on: counters.handed_on,
            reports: counters.reports,
            round_trip_ms: counters.round_trip_ms,
            far_loss: counters.far_loss,
            far_jitter_ms: counters.far_jitter_ms,
            opinion: counters.opinion,
            far_opinion: counters.far_opinion,
        })
    }

    fn arrange(&self, room: u64, hears: Vec<(u64, bool, Vec<u64>)>, muted: Vec<u64>, gains_db: Vec<(u64, f32)>) {
        let hears = hears.into_iter().map(|(leg, all_but, legs)| {
            (leg, if all_but { media::Hears::AllBut(legs) } else { media::Hears::Only(legs) })
        });
        self.core().arrange(room, core::Arrangement { hears: hears.collect(), muted, gains_db });
    }

    #[pyo3(signature = (play, leg, *, rate_hz, level_db, rounds, duck_db, after))]
    #[allow(clippy::too_many_arguments)] // one for each field of the prompt, all named
    fn play_to_leg(
        &self,
        play: u64,
        leg: u64,
        rate_hz: u32,
        level_db: f32,
        rounds: u32,
        duck_db: f32,
        after: Option<u64>,
    ) -> PyResult<()> {
        let plan = media::PromptPlan { id: play, rate: rate(rate_hz)?, level_db, rounds, duck_db, after };
        self.core().play(plan, core::Target::Leg(leg));
        Ok(())
    }

    #[pyo3(signature = (play, room, *, rate_hz, level_db, rounds, duck_db, after))]
    #[allow(clippy::too_many_arguments)] // one for each field of the prompt, all named
    fn play_to_room(
        &self,
        play: u64,
        room: u64,
        rate_hz: u32,
        level_db: f32,
        rounds: u32,
        duck_db: f32,
        after: Option<u64>,
    ) -> PyResult<()> {
        let plan = media::PromptPlan { id: play, rate: rate(rate_hz)?, level_db, rounds, duck_db, after };
        self.core().play(plan, core::Target::Room(room));
        Ok(())
    }

    fn feed(&self, play: u64, pcm: &[u8], last: bool) {
        let samples = pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        self.core().feed(play, samples, last);
    }

    fn stop(&self, play: u64) {
        self.core().stop(play);
    }

    #[pyo3(signature = (play, *, keys_of, voice_of))]
    fn yield_to(&self, play: u64, keys_of: Option<u64>, voice_of: Option<u64>) {
        self.core().yield_to(play, media::Yields { keys_of, voice_of });
    }

    fn send_keys(&self, keys: u64, leg: u64, digits: String) {
        self.core().send_keys(keys, leg, digits);
    }

    fn watch_silence(&self, watch: u64, leg: u64, milliseconds: u64) {
        self.core().watch_silence(watch, leg, milliseconds);
    }

    fn observe(&self, watch: u64, leg: u64) {
        self.core().observe(watch, leg);
    }

    #[pyo3(signature = (watch, leg, *, sensitivity, rate_hz))]
    fn hear(&self, watch: u64, leg: u64, sensitivity: u8, rate_hz: Option<u32>) -> PyResult<()> {
        let rate = rate_hz.map(rate).transpose()?;
        self.core().hear(watch, leg, media::VoiceRules::of_sensitivity(sensitivity), rate);
        Ok(())
    }

    fn unwatch(&self, watch: u64) {
        self.core().unwatch(watch);
    }

    fn record_mono(&self, py: Python<'_>, tap: u64, room: u64, rate_hz: u32) -> PyResult<()> {
        self.record(py, tap, room, media::Layout::Mono, rate_hz)
    }

    fn record_heard(&self, py: Python<'_>, tap: u64, room: u64, leg: u64, rate_hz: u32) -> PyResult<()> {
        self.record(py, tap, room, media::Layout::Heard(leg), rate_hz)
    }

    fn record_slots(&self, py: Python<'_>, tap: u64, room: u64, channels: usize, rate_hz: u32) -> PyResult<()> {
        self.record(py, tap, room, media::Layout::Slots(channels), rate_hz)
    }

    fn pause_tap(&self, tap: u64, paused: bool) {
        self.core().pause_tap(tap, paused);
    }

    fn read_tap<'py>(&self, py: Python<'py>, tap: u64) -> (Bound<'py, PyBytes>, u64) {
        let (pcm, lost_ms) = self.core().read_tap(tap);
        (PyBytes::new(py, &pcm), lost_ms)
    }

    fn stop_tap<'py>(&self, py: Python<'py>, tap: u64) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.core().stop_tap(tap))
    }

    fn gauges<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let figures = PyDict::new(py);
        for (name, value) in self.core().gauges() {
            figures.set_item(name, value)?;
        }
        Ok(figures)
    }

    fn shutdown(&self, py: Python<'_>) {
        py.detach(|| self.core().shutdown());
    }
}

impl MediaCore {
    fn record(&self, py: Python<'_>, tap: u64, room: u64, layout: media::Layout, rate_hz: u32) -> PyResult<()> {
        self.core().record(tap, room, layout, rate(rate_hz)?).map_err(|error| refuse(py, &error))
    }
}

fn rate(rate_hz: u32) -> PyResult<media::Rate> {
    media::Rate::of_hz(rate_hz).ok_or_else(|| PyValueError::new_err(format!("{rate_hz} Hz is no rate of the core")))
}

fn srtp_keys(keys: &(String, Vec<u8>, String, Vec<u8>)) -> PyResult<media::SrtpKeys> {
    let key = |suite: &str, master: &[u8]| {
        let suite = media::SrtpSuite::named(suite)
            .ok_or_else(|| PyValueError::new_err(format!("{suite} is no SRTP suite that is known here")))?;
        let master = master.try_into().map_err(|_| {
            PyValueError::new_err(format!("an SRTP key has {} bytes, not {}", media::MASTER_BYTES, master.len()))
        })?;
        Ok::<_, PyErr>(media::SrtpKey { suite, master })
    };
    Ok(media::SrtpKeys { local: key(&keys.0, &keys.1)?, remote: key(&keys.2, &keys.3)? })
}

/// The module.
#[pymodule]
#[pyo3(name = "_media")]
fn build(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Counters>()?;
    module.add_class::<Event>()?;
    module.add_class::<files::FileDecoder>()?;
    module.add_class::<MediaCore>()?;
    module.add_class::<sockets::SocketCounters>()?;
    module.add_class::<sockets::SocketEvent>()?;
    module.add_class::<sockets::SocketLine>()?;
    module.add_class::<sockets::Sockets>()?;
    module.add_class::<web::WebLocal>()
}
