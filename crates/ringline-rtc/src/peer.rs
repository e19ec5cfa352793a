//! One way to a browser: checks (RFC 8445), handshake (RFC 5764), and which datagram is whose (RFC 7983).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Dtls, Output as DtlsOutput};
use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceAgentEvent, IceConnectionState, IceCreds, Protocol};
use ringline_media::Crypto;

use crate::credentials::{Credentials, Fingerprint, Identity};
use crate::keys::encryption;

/// A check that gets no answer is sent again after 250 ms, 500 ms and so on up to this; a way that stands is checked as often.
const LONGEST_RETRY: Duration = Duration::from_secs(2);
/// After so many a pair of places is given up.
const RETRIES: usize = 6;
/// A far end of which no check and no answer has come for so long has lost its way. It checks every 2.5 s or so.
const SILENCE: Duration = Duration::from_secs(10);
/// Places that the far end's checks may come from: it has the password, so nothing else bounds them.
const MOST_SOURCES: usize = 16;
/// Candidates of the far end's that are tried.
const MOST_CANDIDATES: usize = 32;
const SILENT: &str = "the far end answers no checks";
/// Largest DTLS record that we write.
const RECORD_BYTES: usize = 2048;
/// Where no timer runs, look again after so long.
const IDLE: Duration = Duration::from_secs(3600);

/// What the far end's description says of it.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Its checks' name and password.
    pub credentials: Credentials,
    /// Its certificate's.
    pub fingerprint: Fingerprint,
    /// Whether we begin the handshake.
    pub we_begin: bool,
}

/// Whose a datagram is, by its first byte (RFC 7983 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A check.
    Stun,
    /// Of the handshake.
    Dtls,
    /// RTP or RTCP.
    Media,
    /// Nothing that is known.
    Noise,
}

impl Kind {
    /// Look at a datagram.
    pub fn of(datagram: &[u8]) -> Self {
        match datagram.first() {
            Some(0..=3) => Kind::Stun,
            Some(20..=63) => Kind::Dtls,
            Some(128..=191) => Kind::Media,
            _ => Kind::Noise,
        }
    }
}

/// What comes out of a peer.
pub enum Output {
    /// A datagram: from which of our addresses, where to.
    Send {
        /// Ours.
        from: SocketAddr,
        /// Theirs.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Something has happened.
    Event(PeerEvent),
}

/// What happened to the way.
pub enum PeerEvent {
    /// It stands for the first time: audio goes with this encryption.
    Connected(Box<dyn Crypto>),
    /// It stands again.
    Restored,
    /// Its checks fail. They go on: it may come back.
    Interrupted(String),
    /// It will never stand.
    Failed(String),
}

/// How far the handshake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handshake {
    /// Nothing is known of the far end, or no way to it.
    Waiting,
    Running,
    /// The far end has proved that it is who its description says.
    Proved,
    Done,
    Failed,
}

/// The way to one browser.
pub struct Peer {
    ours: Credentials,
    ice: IceAgent,
    dtls: Box<Dtls>,
    remote: Option<Remote>,
    candidates: usize,
    /// Where valid checks came from.
    sources: Vec<SocketAddr>,
    /// From where to where media goes; none while the way does not stand.
    route: Option<(SocketAddr, SocketAddr)>,
    last_route: Option<(SocketAddr, SocketAddr)>,
    handshake: Handshake,
    interrupted: bool,
    /// The far end has said goodbye.
    closed: bool,
    /// Our checks have a new name, and the far end's new one is to come.
    restarting: bool,
    /// When the last check or answer came.
    heard: Instant,
    /// When time is to be told next.
    deadline: Instant,
    dtls_deadline: Instant,
    outputs: VecDeque<Output>,
    record: Vec<u8>,
}

impl Peer {
    /// A way from these addresses of ours. Who has made the offer decides which way is taken (`controlling`).
    ///
    /// Fails when one of the addresses is none that packets can be sent from.
    pub fn new(
        identity: &Identity,
        ours: Credentials,
        addresses: &[SocketAddr],
        controlling: bool,
        now: Instant,
    ) -> Result<Self, String> {
        let creds = IceCreds { ufrag: ours.name.clone(), pass: ours.password.clone() };
        let mut ice = IceAgent::new(creds);
        ice.set_controlling(controlling);
        ice.set_max_stun_rto(LONGEST_RETRY);
        ice.set_max_stun_retransmits(RETRIES);
        ice.set_max_candidate_pairs(MOST_CANDIDATES * 2);
        for address in addresses {
            let candidate = Candidate::host(*address, Protocol::Udp).map_err(|error| format!("{address}: {error}"))?;
            ice.add_local_candidate(candidate);
        }
        let dtls = Dtls::new_12(Arc::clone(&identity.config), identity.certificate.clone(), now);
        Ok(Peer {
            ours,
            ice,
            dtls: Box::new(dtls),
            remote: None,
            candidates: 0,
            sources: Vec::new(),
            route: None,
            last_route: None,
            handshake: Handshake::Waiting,
            interrupted: false,
            closed: false,
            restarting: false,
            heard: now,
            deadline: now,
            dtls_deadline: now + IDLE,
            outputs: VecDeque::new(),
            record: vec![0; RECORD_BYTES],
        })
    }

    /// What our description says of our checks.
    pub fn credentials(&self) -> &Credentials {
        &self.ours
    }

    /// From where to where media goes, while the way stands.
    pub fn route(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.route.filter(|_| self.handshake == Handshake::Done)
    }

    /// Take what the far end's description says. It is taken once, and once more after each `restart`: then only what it
    /// says of its checks.
    pub fn join(&mut self, remote: Remote, now: Instant) {
        let again = std::mem::take(&mut self.restarting);
        if self.remote.is_some() && !again {
            return;
        }
        let creds = remote.credentials.clone();
        self.ice.set_remote_credentials(IceCreds { ufrag: creds.name.clone(), pass: creds.password.clone() });
        match &mut self.remote {
            Some(known) => known.credentials = creds,
            None => {
                self.dtls.set_active(remote.we_begin);
                self.remote = Some(remote);
            }
        }
        self.deadline = now;
    }

    /// Look for the far end anew, with a new name of our checks (RFC 8445 §9): it has changed its network. What was agreed
    /// in the handshake stays, and audio goes the present way until another one is found.
    pub fn restart(&mut self, ours: Credentials, now: Instant) {
        self.ice.ice_restart(IceCreds { ufrag: ours.name.clone(), pass: ours.password.clone() }, true);
        self.ours = ours;
        self.restarting = true;
        self.candidates = 0;
        // Audio that is on its way still comes from where it came from.
        let place = self.last_route.map(|(_, to)| to);
        self.sources.retain(|source| Some(*source) == place);
        self.heard = now;
        self.deadline = now;
    }

    /// Take one of the far end's candidates, as `candidate:…`; false when it is none that can be tried.
    pub fn add_candidate(&mut self, line: &str, now: Instant) -> bool {
        let Ok(candidate) = Candidate::from_sdp_string(line) else { return false };
        let address = candidate.addr();
        // Some name no address at all: they are found by their checks.
        let usable = address.port() > 9 && !address.ip().is_unspecified() && candidate.proto() == Protocol::Udp;
        if !usable || self.candidates >= MOST_CANDIDATES {
            return false;
        }
        self.candidates += 1;
        self.ice.add_remote_candidate(candidate);
        self.deadline = now;
        true
    }

    /// Whether RTP or RTCP from there may be the far end's: its checks have come from there, and the way has stood.
    pub fn admits(&self, from: SocketAddr) -> bool {
        self.handshake == Handshake::Done
            && (self.last_route.is_some_and(|(_, to)| to == from) || self.sources.contains(&from))
    }

    /// Take a check or a part of the handshake that came to `to`, one of our addresses; false when it is a stranger's.
    pub fn receive(&mut self, datagram: &[u8], from: SocketAddr, to: SocketAddr, now: Instant) -> bool {
        let known = match Kind::of(datagram) {
            Kind::Stun => self.check(datagram, from, to, now),
            Kind::Dtls => self.shake(datagram, from, now),
            Kind::Media | Kind::Noise => false,
        };
        if known {
            self.work(now);
        }
        known
    }

    fn check(&mut self, datagram: &[u8], from: SocketAddr, to: SocketAddr, now: Instant) -> bool {
        let Ok(message) = StunMessage::parse(datagram) else { return false };
        if !self.ice.accepts_message(&message) {
            return false;
        }
        if !self.sources.contains(&from) {
            if self.sources.len() >= MOST_SOURCES {
                return false;
            }
            self.sources.push(from);
        }
        self.heard = now;
        self.ice.handle_packet(now, StunPacket { proto: Protocol::Udp, source: from, destination: to, message })
    }

    fn shake(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) -> bool {
        // Checks prove that an address is the far end's before anything costly is done for it.
        if self.remote.is_none() || self.handshake == Handshake::Failed || !self.sources.contains(&from) {
            return false;
        }
        if self.handshake == Handshake::Waiting {
            self.handshake = Handshake::Running;
        }
        let outcome = self.dtls.handle_timeout(now).and_then(|()| self.dtls.handle_packet(datagram));
        if let Err(error) = outcome {
            self.fail_unless_done(&error.to_string());
        }
        true
    }

    /// Tell the time; costs nothing before something is due.
    pub fn tick(&mut self, now: Instant) {
        if now >= self.deadline {
            self.work(now);
        }
    }

    /// What is to be sent or told; ask until there is nothing.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Say goodbye, where there is somebody to hear it.
    pub fn close(&mut self, now: Instant) {
        if self.route().is_some() && self.dtls.close().is_ok() {
            self.drain_handshake(now);
        }
    }

    fn work(&mut self, now: Instant) {
        // One call does one thing at a time: a check, or an answer that had to wait.
        for _ in 0..MOST_CANDIDATES {
            self.ice.handle_timeout(now);
            self.drain_checks();
            if self.ice.poll_timeout().is_none_or(|deadline| deadline > now) {
                break;
            }
        }
        let begins = self.remote.as_ref().is_some_and(|remote| remote.we_begin);
        if self.handshake == Handshake::Waiting && begins && self.last_route.is_some() {
            self.handshake = Handshake::Running;
            self.dtls_deadline = now;
        }
        let failed = self.handshake == Handshake::Failed;
        if self.handshake != Handshake::Waiting && !failed && self.last_route.is_some() {
            if now >= self.dtls_deadline {
                if let Err(error) = self.dtls.handle_timeout(now) {
                    self.dtls_deadline = now + IDLE;
                    self.fail_unless_done(&error.to_string());
                }
            }
            self.drain_handshake(now);
        }
        self.watch(now);
        self.deadline = self.ice.poll_timeout().map_or(now + IDLE, |deadline| deadline.min(now + IDLE));
        if self.route().is_some() {
            self.deadline = self.deadline.min(self.heard + SILENCE);
        }
        if self.handshake != Handshake::Waiting && !failed {
            self.deadline = self.deadline.min(self.dtls_deadline);
        }
    }

    /// The agent gives a pair up late, while it may still come back; here it is a matter of a call that hears nothing.
    fn watch(&mut self, now: Instant) {
        let silent = now.saturating_duration_since(self.heard) >= SILENCE;
        if silent {
            self.interrupt(SILENT);
        } else if self.interrupted && self.ice.state().is_connected() {
            self.restore();
        }
    }

    fn drain_checks(&mut self) {
        while let Some(transmit) = self.ice.poll_transmit() {
            let (from, to) = (transmit.source, transmit.destination);
            self.outputs.push_back(Output::Send { from, to, bytes: transmit.contents.into() });
        }
        while let Some(event) = self.ice.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { source, destination, .. } => {
                    self.last_route = Some((source, destination));
                    self.restore();
                }
                IceAgentEvent::IceConnectionStateChange(state) => self.judge(state),
                IceAgentEvent::IceRestart(_) | IceAgentEvent::DiscoveredRecv { .. } => {}
            }
        }
    }

    fn judge(&mut self, state: IceConnectionState) {
        match state {
            IceConnectionState::Connected | IceConnectionState::Completed => self.restore(),
            IceConnectionState::Disconnected => self.interrupt(SILENT),
            IceConnectionState::New | IceConnectionState::Checking => {}
        }
    }

    fn restore(&mut self) {
        if self.closed {
            return;
        }
        self.route = self.last_route;
        if std::mem::take(&mut self.interrupted) {
            self.outputs.push_back(Output::Event(PeerEvent::Restored));
        }
    }

    /// A way that has never stood cannot be interrupted.
    fn interrupt(&mut self, why: &str) {
        self.route = None;
        if self.handshake == Handshake::Done && !self.interrupted {
            self.interrupted = true;
            self.outputs.push_back(Output::Event(PeerEvent::Interrupted(why.to_owned())));
        }
    }

    /// Once media flows it does not need the handshake any more: what fails then is of no matter.
    fn fail_unless_done(&mut self, why: &str) {
        if self.handshake != Handshake::Done && self.handshake != Handshake::Failed {
            self.handshake = Handshake::Failed;
            self.outputs.push_back(Output::Event(PeerEvent::Failed(format!("DTLS: {why}"))));
        }
    }

    fn drain_handshake(&mut self, now: Instant) {
        let Some((from, to)) = self.route.or(self.last_route) else { return };
        let mut record = std::mem::take(&mut self.record);
        let mut shaken = false;
        loop {
            match self.dtls.poll_output(&mut record) {
                DtlsOutput::Packet(bytes) => {
                    self.outputs.push_back(Output::Send { from, to, bytes: bytes.to_vec() });
                }
                DtlsOutput::BufferTooSmall { needed } => record.resize(needed, 0),
                DtlsOutput::PeerCert(certificate) => {
                    let found = Fingerprint::of(certificate);
                    if self.remote.as_ref().is_some_and(|remote| remote.fingerprint == found) {
                        if self.handshake == Handshake::Running {
                            self.handshake = Handshake::Proved;
                        }
                    } else {
                        self.fail_unless_done("the far end's certificate is not the one that its description names");
                    }
                }
                DtlsOutput::KeyingMaterial(keys, profile) => {
                    let begun = self.remote.as_ref().is_some_and(|remote| remote.we_begin);
                    match encryption(profile, &keys, begun) {
                        Some(crypto) if self.handshake == Handshake::Proved => {
                            self.handshake = Handshake::Done;
                            self.outputs.push_back(Output::Event(PeerEvent::Connected(crypto)));
                        }
                        Some(_) => self.fail_unless_done("the far end has shown no certificate"),
                        None => self.fail_unless_done("the encryption that was agreed on is not known here"),
                    }
                }
                DtlsOutput::Connected => shaken = true,
                DtlsOutput::CloseNotify => {
                    self.closed = true;
                    self.interrupt("the far end has closed the connection");
                }
                DtlsOutput::ApplicationData(_) => {}
                DtlsOutput::Timeout(deadline) => {
                    self.dtls_deadline = deadline.max(now);
                    break;
                }
                _ => {}
            }
        }
        self.record = record;
        if shaken {
            self.fail_unless_done("no encryption of audio was agreed on");
        }
    }
}
