//! Legs to browsers on the control side: their ports, and what their descriptions say.

use ringline_rtc::{Credentials, Identity, Remote};

use super::MediaCore;
use crate::command::LegCommand;
use crate::error::MediaError;
use crate::host::LegHost;
use crate::sys::monotonic_ns;
use crate::web::{addresses, bind_all, Web, WebLocal};

impl MediaCore {
    /// Our certificate, made when the first browser comes.
    pub fn identity(&mut self) -> Result<Identity, MediaError> {
        if let Some(identity) = &self.identity {
            return Ok(identity.clone());
        }
        let identity = Identity::generate().map_err(MediaError::Io)?;
        self.identity = Some(identity.clone());
        Ok(identity)
    }

    /// Open a leg to a browser; returns its name and what our description says of it. `controlling`: we make the offer.
    pub fn open_web(&mut self, controlling: bool) -> Result<(u64, WebLocal), MediaError> {
        let web = self.make_web(controlling)?;
        let (port, local) = (web.port, web.local(0));
        let adopted = self.adopt_with(None, |leg| LegHost::by_web(leg, web));
        let Some(leg) = self.keep_port(adopted.as_ref().ok(), port) else {
            return Err(adopted.err().unwrap_or(MediaError::UnknownLeg));
        };
        Ok((leg, WebLocal { ssrc: self.ssrc(leg), ..local }))
    }

    /// Prepare another way for a leg to a browser; returns what our next description says of it.
    pub fn renew_web(&mut self, leg: u64, controlling: bool) -> Result<WebLocal, MediaError> {
        if self.legs.get(&leg).is_none_or(|record| record.web_ports.is_empty()) {
            return Err(MediaError::UnknownLeg);
        }
        let web = self.make_web(controlling)?;
        let local = web.local(self.ssrc(leg));
        self.keep_port(Some(&leg), web.port);
        self.send_leg(leg, LegCommand::Renew(Box::new(web)));
        Ok(local)
    }

    /// Look for the browser anew by the leg's newest way, whose handshake stays; returns the new name and password of our
    /// checks. `join_web` is to follow.
    pub fn restart_web(&mut self, leg: u64) -> Result<Credentials, MediaError> {
        if self.legs.get(&leg).is_none_or(|record| record.web_ports.is_empty()) {
            return Err(MediaError::UnknownLeg);
        }
        let ours = Credentials::random().map_err(MediaError::Io)?;
        self.send_leg(leg, LegCommand::Restart(Box::new(ours.clone())));
        Ok(ours)
    }

    /// Take what the far end's description says of the leg's newest way.
    pub fn join_web(&mut self, leg: u64, remote: Remote, candidates: Vec<String>) -> Result<(), MediaError> {
        if !self.legs.contains_key(&leg) {
            return Err(MediaError::UnknownLeg);
        }
        self.send_leg(leg, LegCommand::Join { remote: Box::new(remote), candidates });
        Ok(())
    }

    /// Take one more candidate of the far end's.
    pub fn add_web_candidate(&mut self, leg: u64, line: String) {
        self.send_leg(leg, LegCommand::AddCandidate(line));
    }

    fn make_web(&mut self, controlling: bool) -> Result<Web, MediaError> {
        let identity = self.identity()?;
        let addresses = addresses(self.settings.bind_ip).map_err(MediaError::Io)?;
        let (port, sockets) = self
            .ports
            .take(monotonic_ns(), |port| bind_all(&addresses, port))
            .ok_or(MediaError::NoPort { low: self.settings.port_low, high: self.settings.port_high })?;
        let web = Web::new(&identity, sockets, port, controlling);
        if web.is_err() {
            self.ports.release(port, monotonic_ns());
        }
        web
    }

    /// Remember that a leg has this port; without a leg it goes back.
    fn keep_port(&mut self, leg: Option<&u64>, port: u16) -> Option<u64> {
        match leg.and_then(|leg| self.legs.get_mut(leg).map(|record| (leg, record))) {
            Some((leg, record)) => {
                record.web_ports.push(port);
                Some(*leg)
            }
            None => {
                self.ports.release(port, monotonic_ns());
                None
            }
        }
    }

    fn ssrc(&self, leg: u64) -> u32 {
        self.legs.get(&leg).map_or(0, |record| record.ssrc)
    }

    /// A way of a leg's has gone.
    pub(super) fn release_web_port(&mut self, leg: u64, port: u16) {
        let Some(record) = self.legs.get_mut(&leg) else { return };
        if let Some(index) = record.web_ports.iter().position(|known| *known == port) {
            record.web_ports.swap_remove(index);
            self.ports.release(port, monotonic_ns());
        }
    }
}
