//! A room on its pacing thread: the legs that are in it, and one tick of them all.

use std::collections::{HashMap, HashSet};

use ringline_media::{Event, Frame, Mixed, Mixer, Prompts, Sum, Tap, FRAME};

use crate::host::LegHost;
use crate::stats::ThreadStats;
use crate::sys::Batch;

/// What a tick works with; one per thread.
pub(crate) struct Tick<'a> {
    pub(crate) slot: u64,
    pub(crate) now_ms: u64,
    pub(crate) batch: &'a mut Batch,
    pub(crate) events: &'a mut Vec<Event>,
    pub(crate) stats: &'a ThreadStats,
}

/// Legs that are mixed with each other. A leg that is in no room has one of these to itself, without a name.
pub(crate) struct Room {
    pub(crate) name: Option<u64>,
    /// Which of the four slots of a frame is its own.
    pub(crate) phase: u64,
    legs: Vec<Box<LegHost>>,
    hears: HashMap<u64, Vec<u64>>,
    muted: HashSet<u64>,
    /// In order of joining, those on their way included.
    order: Vec<u64>,
    mixer: Mixer,
    stale: bool,
    arranged: bool,
    pub(crate) prompts: Prompts,
    taps: Vec<Tap>,
}

impl Room {
    pub(crate) fn new(name: Option<u64>, phase: u64) -> Self {
        Room {
            name,
            phase,
            legs: Vec::new(),
            hears: HashMap::new(),
            muted: HashSet::new(),
            order: Vec::new(),
            mixer: Mixer::default(),
            stale: false,
            arranged: false,
            prompts: Prompts::default(),
            taps: Vec::new(),
        }
    }

    pub(crate) fn enter(&mut self, host: Box<LegHost>) {
        self.legs.push(host);
        self.stale = true;
    }

    pub(crate) fn take(&mut self, leg: u64) -> Option<Box<LegHost>> {
        let index = self.legs.iter().position(|host| host.id() == leg)?;
        self.stale = true;
        Some(self.legs.remove(index))
    }

    pub(crate) fn leg(&mut self, leg: u64) -> Option<&mut LegHost> {
        self.legs.iter_mut().find(|host| host.id() == leg).map(Box::as_mut)
    }

    pub(crate) fn legs(&mut self) -> impl Iterator<Item = &mut Box<LegHost>> {
        self.legs.iter_mut()
    }

    /// Whether nothing keeps the room: it can go.
    pub(crate) fn is_over(&self) -> bool {
        self.legs.is_empty() && !self.arranged && self.prompts.is_empty() && self.taps.is_empty()
    }

    pub(crate) fn arrange(&mut self, hears: Vec<(u64, Vec<u64>)>, muted: Vec<u64>) {
        self.order = hears.iter().map(|(leg, _)| *leg).collect();
        self.hears = hears.into_iter().collect();
        self.muted = muted.into_iter().collect();
        self.arranged = true;
        self.stale = true;
        for tap in &mut self.taps {
            tap.join(&self.order);
        }
    }

    pub(crate) fn dissolve(&mut self, events: &mut Vec<Event>) {
        self.arrange(Vec::new(), Vec::new());
        self.arranged = false;
        events.extend(self.prompts.stop_all().map(Event::from));
    }

    pub(crate) fn record(&mut self, mut tap: Tap) {
        tap.join(&self.order);
        self.taps.push(tap);
    }

    pub(crate) fn sweep_taps(&mut self) {
        self.taps.retain(|tap| !tap.is_closed());
    }

    fn compile(&mut self) {
        let members: Vec<u64> = self.legs.iter().map(|host| host.id()).collect();
        self.mixer = Mixer::compile(&members, |leg| self.hears.get(&leg).map_or(&[], Vec::as_slice));
        self.stale = false;
    }

    /// One frame of everybody here.
    pub(crate) fn tick(&mut self, tick: &mut Tick<'_>) {
        if self.stale {
            self.compile();
        }
        for host in &mut self.legs {
            host.take_in(tick.slot, tick.now_ms, tick.batch, tick.events);
        }
        let mut prompts = [0; FRAME];
        let spoken = self.prompts.mix_into(&mut prompts, |finished| tick.events.push(finished.into()));
        self.mixer.run(|index| self.legs[index].said());
        for tap in &mut self.taps {
            for host in &self.legs {
                if let Some(frame) = host.said() {
                    if !self.muted.contains(&host.id()) {
                        tap.say(host.id(), frame);
                    }
                }
            }
            tap.prompt(&prompts, spoken.sources);
        }
        for index in 0..self.legs.len() {
            self.give_out(index, &prompts, spoken, tick);
        }
        for tap in &mut self.taps {
            if tap.finish_frame() {
                tick.events.push(Event::TapReady { tap: tap.id });
            }
        }
    }

    fn give_out(&mut self, index: usize, prompts: &Sum, spoken: Mixed, tick: &mut Tick<'_>) {
        let mut heard = [0; FRAME];
        let host = &mut self.legs[index];
        let voices = self.mixer.heard(index, host.said(), &mut heard);
        if spoken.sources > 0 {
            for (total, sample) in heard.iter_mut().zip(prompts) {
                *total += sample;
            }
        }
        let sources = Mixed { sources: voices + spoken.sources, amplified: spoken.amplified };
        let ears: Option<Frame> = host.give_out(&mut heard, sources, tick.events, tick.stats);
        if let Some(frame) = ears {
            let leg = host.id();
            for tap in self.taps.iter_mut().filter(|tap| tap.listener() == Some(leg)) {
                tap.hear(&frame);
            }
        }
    }

    /// Take out the legs that cannot go on.
    pub(crate) fn take_failed(&mut self) -> Vec<(Box<LegHost>, String)> {
        let mut failed = Vec::new();
        let mut index = 0;
        while index < self.legs.len() {
            match self.legs[index].failure() {
                Some(why) => {
                    failed.push((self.legs.remove(index), why));
                    self.stale = true;
                }
                None => index += 1,
            }
        }
        failed
    }

    /// Take out everybody: the room itself failed.
    pub(crate) fn take_all(&mut self) -> Vec<Box<LegHost>> {
        std::mem::take(&mut self.legs)
    }
}
