//! A leg whose far end is a browser: what comes by its ways, and how one way follows another.

use std::time::Instant;

use ringline_media::{Event, Leg, LegPlan, Now, Taken};
use ringline_rtc::{Credentials, Kind, PeerEvent, Remote};

use super::{unprotected, LegHost, DEAD_AFTER, TICK_DATAGRAMS};
use crate::sys::Batch;
use crate::transport::NoNetwork;
use crate::web::{Sealed, Web, ELSEWHERE};

impl LegHost {
    /// A leg that goes by this way.
    pub(crate) fn by_web(leg: Leg, web: Web) -> Self {
        let mut host = LegHost::new(leg, Box::new(NoNetwork), Box::new(Sealed));
        host.web = Some(Box::new(web));
        host
    }

    /// Prepare another way: it takes the place of the present one as soon as it stands.
    pub(crate) fn renew(&mut self, web: Box<Web>, events: &mut Vec<Event>) {
        let given_up = self.next.replace(web);
        self.tell_gone(given_up, events);
    }

    /// Look for the far end anew by the newest way.
    pub(crate) fn restart(&mut self, ours: Credentials) {
        self.guarded(|host| {
            if let Some(web) = host.newest() {
                web.restart(ours);
            }
        });
    }

    /// Take what the far end's description says, for the newest way.
    pub(crate) fn join(&mut self, remote: Remote, candidates: &[String]) {
        self.guarded(|host| {
            let refused = host.newest().map_or(0, |web| web.join(remote, candidates));
            (0..refused).for_each(|_| host.leg.count_foreign());
        });
    }

    /// Take one more candidate of the far end's, for the newest way.
    pub(crate) fn add_candidate(&mut self, line: &str) {
        self.guarded(|host| {
            if !host.newest().is_some_and(|web| web.peer.add_candidate(line, Instant::now())) {
                host.leg.count_foreign();
            }
        });
    }

    fn newest(&mut self) -> Option<&mut Box<Web>> {
        self.next.as_mut().or(self.web.as_mut())
    }

    /// What a plan means while the way stands, or does not.
    pub(super) fn plan_by_web(&mut self, plan: &LegPlan) -> LegPlan {
        self.wish = Some(Box::new(*plan));
        let stands = self.web.as_ref().is_some_and(|web| web.peer.route().is_some());
        LegPlan { remote: stands.then_some(ELSEWHERE), rtcp: None, rtcp_mux: true, srtp: None, ..*plan }
    }

    fn plan_anew(&mut self, now: Now) {
        if let Some(wish) = self.wish.take() {
            let plan = self.plan_by_web(&wish);
            self.leg.configure(&plan, now.ms);
        }
    }

    pub(super) fn receive_by_web(&mut self, now: Now, batch: &mut Batch, events: &mut Vec<Event>) {
        let moment = Instant::now();
        let Some(mut web) = self.web.take() else { return };
        self.take_by(&mut web, true, now, moment, batch, events);
        let told = std::iter::from_fn(|| web.drain()).collect::<Vec<_>>();
        self.web = Some(web);
        for event in told {
            self.hear_of_way(event, now, events);
        }
        if let Some(mut next) = self.next.take() {
            self.take_by(&mut next, false, now, moment, batch, events);
            let told = std::iter::from_fn(|| next.drain()).last();
            self.hear_of_next(next, told, now, events);
        }
    }

    fn take_by(
        &mut self,
        web: &mut Web,
        present: bool,
        now: Now,
        moment: Instant,
        batch: &mut Batch,
        events: &mut Vec<Event>,
    ) {
        let mut left = TICK_DATAGRAMS;
        for index in web.begin_tick() {
            while left > 0 {
                let (at, socket) = web.socket(index);
                match batch.receive(socket, None) {
                    Ok(true) => self.receive_errors = 0,
                    Ok(false) => break,
                    Err(error) => {
                        self.receive_errors += 1;
                        if self.receive_errors >= DEAD_AFTER {
                            self.failure = Some(format!("socket: {error}"));
                        }
                        break;
                    }
                }
                left -= 1;
                let Some(datagram) = batch.datagram() else { continue };
                let (from, arrival_us) = (datagram.from, datagram.arrival_us);
                if Kind::of(datagram.bytes) != Kind::Media {
                    let stood = web.peer.route().is_some();
                    if !web.peer.receive(datagram.bytes, from, at, moment) {
                        self.leg.count_foreign();
                    }
                    if !stood && web.peer.route().is_some() {
                        // What comes behind it is audio already: for the keys that this has brought.
                        return;
                    }
                    continue;
                }
                let admitted = present && web.peer.admits(from);
                let bytes = if admitted { unprotected(self.crypto.as_mut(), datagram.bytes) } else { None };
                let Some(bytes) = bytes else {
                    self.leg.count_foreign();
                    continue;
                };
                let taken = self.leg.receive(bytes, ELSEWHERE, arrival_us, now.ms, events);
                if let Taken::Audio(holds_us) = taken {
                    // See `LegHost::receive`.
                    if now.wall_us < arrival_us + u64::from(holds_us) && self.leg.is_ready() {
                        break;
                    }
                }
            }
        }
        web.peer.tick(moment);
    }

    fn hear_of_way(&mut self, event: PeerEvent, now: Now, events: &mut Vec<Event>) {
        let leg = self.leg.id();
        match event {
            PeerEvent::Connected(crypto) => {
                self.crypto = crypto;
                self.plan_anew(now);
                events.push(Event::Connected { leg });
            }
            PeerEvent::Restored => {
                self.plan_anew(now);
                events.push(Event::Connected { leg });
            }
            PeerEvent::Interrupted(why) => {
                self.plan_anew(now);
                events.push(Event::Interrupted { leg, why });
            }
            PeerEvent::Failed(why) => self.failure = Some(why),
        }
    }

    fn hear_of_next(&mut self, next: Box<Web>, told: Option<PeerEvent>, now: Now, events: &mut Vec<Event>) {
        match told {
            Some(PeerEvent::Connected(crypto)) => {
                let before = self.web.replace(next);
                self.tell_gone(before, events);
                self.leg.expect_jump();
                self.hear_of_way(PeerEvent::Connected(crypto), now, events);
            }
            Some(PeerEvent::Failed(why)) => {
                self.tell_gone(Some(next), events);
                events.push(Event::Interrupted { leg: self.leg.id(), why });
            }
            _ => self.next = Some(next),
        }
    }

    fn tell_gone(&self, web: Option<Box<Web>>, events: &mut Vec<Event>) {
        if let Some(web) = web {
            events.push(Event::PortReleased { leg: self.leg.id(), port: web.port });
        }
    }

    /// Say goodbye to the browser.
    pub(super) fn close_by_web(&mut self) {
        self.guarded(|host| {
            if let Some(web) = &mut host.web {
                web.peer.close(Instant::now());
                while web.drain().is_some() {}
            }
        });
    }
}
