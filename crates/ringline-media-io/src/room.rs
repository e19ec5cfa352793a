//! A room on its pacing thread: the legs that are in it, and one tick of them all.
//!
//! Legs are boxed: they go from room to room and thread to thread, and a pointer goes faster than the leg.

#![allow(clippy::vec_box)]

use std::collections::{HashMap, HashSet};

use ringline_media::{Event, Hears, Loudest, MixPlan, Mixed, Mixer, Now, Prompts, Rate, Tap, MAX_FRAME};

use crate::command::Arrangement;
use crate::host::{LegHost, Passing};
use crate::nearby::fetch;
use crate::outgoing::Outgoing;
use crate::stats::ThreadStats;
use crate::sys::Batch;

/// What a tick works with; one per thread.
pub(crate) struct Tick<'a> {
    pub(crate) slot: u64,
    pub(crate) now: Now,
    pub(crate) batch: &'a mut Batch,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) events: &'a mut Vec<Event>,
    pub(crate) outgoing: &'a mut Outgoing,
    pub(crate) stats: &'a ThreadStats,
}

/// Frames being made; one set per thread.
pub(crate) struct Scratch {
    prompts: [i32; MAX_FRAME],
    own: [i32; MAX_FRAME],
    heard: [i32; MAX_FRAME],
    sums: Vec<i32>,
    ears: [i16; MAX_FRAME],
    passing: Passing,
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch {
            prompts: [0; MAX_FRAME],
            own: [0; MAX_FRAME],
            heard: [0; MAX_FRAME],
            sums: Vec::new(),
            ears: [0; MAX_FRAME],
            passing: Passing::default(),
        }
    }
}

/// Who hears whom, as it was asked for. Apart: ticks go by what was compiled from it.
#[derive(Default)]
struct Wishes {
    hears: HashMap<u64, Hears>,
    gains_db: HashMap<u64, f32>,
    muted: HashSet<u64>,
    /// In order of joining, those on their way included.
    order: Vec<u64>,
}

/// Legs that are mixed with each other. A leg that is in no room has one of these to itself, without a name.
pub(crate) struct Room {
    pub(crate) name: Option<u64>,
    /// Which of the four slots of a frame is its own.
    pub(crate) phase: u64,
    legs: Vec<Box<LegHost>>,
    wishes: Box<Wishes>,
    mixer: Mixer,
    loudest: Loudest,
    stale: bool,
    arranged: bool,
    pub(crate) prompts: Prompts,
    taps: Vec<Tap>,
}

impl Room {
    pub(crate) fn new(name: Option<u64>, phase: u64, loudest: Loudest) -> Self {
        Room {
            name,
            phase,
            legs: Vec::new(),
            wishes: Box::default(),
            mixer: Mixer::default(),
            loudest,
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

    pub(crate) fn leg_names(&self) -> Vec<u64> {
        self.legs.iter().map(|host| host.id()).collect()
    }

    /// Fetch the list of its legs.
    pub(crate) fn approach_list(&self) {
        fetch(self.legs.as_ptr().cast(), size_of_val(&self.legs[..]));
        self.mixer.whereabouts(&mut fetch);
        self.prompts.whereabouts(0, &mut fetch);
        fetch(self.taps.as_ptr().cast(), size_of_val(&self.taps[..]));
    }

    /// Fetch its legs.
    pub(crate) fn approach_legs(&self) {
        self.legs.iter().for_each(|host| host.approach());
        self.prompts.whereabouts(1, &mut fetch);
        self.taps.iter().for_each(|tap| tap.whereabouts(0, self.mixer.rate(), &mut fetch));
    }

    /// Fetch what the legs need besides.
    pub(crate) fn approach_audio(&self) {
        self.legs.iter().for_each(|host| host.approach_audio());
        self.prompts.whereabouts(2, &mut fetch);
        self.taps.iter().for_each(|tap| tap.whereabouts(1, self.mixer.rate(), &mut fetch));
    }

    /// Fetch where the audio of the legs' prompts is.
    pub(crate) fn approach_prompts(&self) {
        self.legs.iter().for_each(|host| host.approach_prompts(1));
    }

    /// Fetch the audio of the legs' prompts.
    pub(crate) fn approach_sound(&self) {
        self.legs.iter().for_each(|host| host.approach_prompts(2));
    }

    /// Whether nothing keeps the room: it can go.
    pub(crate) fn is_over(&self) -> bool {
        self.legs.is_empty() && !self.arranged && self.prompts.is_empty() && self.taps.is_empty()
    }

    pub(crate) fn arrange(&mut self, arrangement: Arrangement) {
        *self.wishes = Wishes {
            order: arrangement.hears.iter().map(|(leg, _)| *leg).collect(),
            hears: arrangement.hears.into_iter().collect(),
            gains_db: arrangement.gains_db.into_iter().collect(),
            muted: arrangement.muted.into_iter().collect(),
        };
        self.arranged = true;
        self.stale = true;
        for tap in &mut self.taps {
            tap.join(&self.wishes.order);
        }
    }

    /// A leg's plan has changed, and with it perhaps the rate of the room.
    pub(crate) fn look_again(&mut self) {
        self.stale = true;
    }

    pub(crate) fn dissolve(&mut self, events: &mut Vec<Event>) {
        self.arrange(Arrangement::default());
        self.arranged = false;
        events.extend(self.prompts.stop_all().map(Event::from));
    }

    pub(crate) fn record(&mut self, mut tap: Tap) {
        tap.join(&self.wishes.order);
        self.taps.push(tap);
    }

    pub(crate) fn pause_tap(&mut self, tap: u64, paused: bool) {
        self.taps.iter_mut().filter(|one| one.id == tap).for_each(|one| one.pause(paused));
    }

    pub(crate) fn sweep_taps(&mut self) {
        self.taps.retain(|tap| !tap.is_closed());
    }

    /// So many frames were left out: the thread was stopped for long.
    pub(crate) fn skip(&mut self, frames: u32) {
        for host in &mut self.legs {
            host.contained(|leg| leg.skip(frames));
        }
        for tap in &mut self.taps {
            tap.skip(frames);
        }
    }

    /// What everybody heard so far is about to change: the step is smoothed.
    pub(crate) fn expect_jump(&mut self) {
        for host in &mut self.legs {
            host.contained(|leg| leg.expect_jump());
        }
    }

    /// Narrowband while all legs are, 48 kHz when all have that, else 16 kHz.
    fn rate(&self) -> Rate {
        let mut rates = self.legs.iter().filter_map(|host| host.rate());
        let Some(first) = rates.next() else { return Rate::Narrow };
        if rates.all(|rate| rate == first) {
            first
        } else {
            Rate::Wide
        }
    }

    fn compile(&mut self) {
        self.stale = false;
        let rate = self.rate();
        let members: Vec<u64> = self.leg_names();
        let plan = MixPlan {
            hears: &|leg| self.wishes.hears.get(&leg),
            gain_db: &|leg| self.wishes.gains_db.get(&leg).copied().unwrap_or(0.0),
            rate,
            loudest: self.loudest,
        };
        let mixer = Mixer::compile(&members, &plan, &self.mixer);
        let before = std::mem::replace(&mut self.mixer, mixer);
        let bridge = members.len() == 2;
        for (index, host) in self.legs.iter_mut().enumerate() {
            let jumps = !self.mixer.hears_as_before(index, &before);
            host.contained(|leg| {
                leg.set_rate(rate);
                leg.set_passing(bridge);
                if jumps {
                    leg.expect_jump();
                }
            });
        }
    }

    /// The leg at a place among those that are here.
    pub(crate) fn leg_at(&mut self, index: usize) -> Option<&mut LegHost> {
        self.legs.get_mut(index).map(Box::as_mut)
    }

    /// One frame of everybody here; what is to be sent waits in `outgoing`.
    pub(crate) fn tick(&mut self, tick: &mut Tick<'_>) {
        if self.stale {
            self.compile();
        }
        let before = tick.events.len();
        for host in &mut self.legs {
            host.take_in(tick.slot, tick.now, tick.batch, tick.events);
        }
        let passed = self.pass_through(tick);
        for (host, passed) in self.legs.iter_mut().zip(passed.into_iter().chain(std::iter::repeat(false))) {
            if !passed {
                host.listen(tick.now, tick.events);
            }
        }
        if tick.events.len() > before {
            self.interrupt(before, tick.events);
        }
        let length = self.mixer.rate().samples();
        let prompts = &mut tick.scratch.prompts[..length];
        let mut singles = self.legs.iter().any(|host| host.has_prompts());
        let mut spoken = Mixed::default();
        if !self.prompts.is_still() {
            singles = true;
            prompts.fill(0);
            spoken = self.prompts.mix_into(prompts, |finished| tick.events.push(finished.into()));
        }
        self.mixer.run(singles, &mut tick.scratch.sums, |index| self.legs[index].said());
        for tap in &mut self.taps {
            for host in &self.legs {
                if let Some(frame) = host.said() {
                    if !self.wishes.muted.contains(&host.id()) {
                        tap.say(host.id(), frame, host.behind());
                    }
                }
            }
            tap.prompt(prompts, spoken.sources);
        }
        for index in 0..self.legs.len() {
            // In a bridge that passes packets through, the listener is the other one.
            if !(self.legs.len() == 2 && passed[1 - index]) {
                self.give_out(index, spoken, singles, tick);
            }
            self.legs[index].report(tick.now, tick.stats);
        }
        for tap in &mut self.taps {
            if tap.finish_frame(self.mixer.rate()) {
                tick.events.push(Event::TapReady { tap: tap.id });
            }
        }
    }

    /// Cut the prompts that yield to something of what was heard in this frame, told from `before` on.
    ///
    /// The control side hears of it and decides what follows; asking it first would let the prompt go on for a frame or more.
    fn interrupt(&mut self, before: usize, events: &mut Vec<Event>) {
        let (mut cut, heard) = (Vec::new(), &events[before..]);
        if !self.prompts.is_empty() {
            self.prompts.yield_to(heard, |finished| cut.push(finished));
            if !cut.is_empty() {
                self.expect_jump();
            }
        }
        for host in &mut self.legs {
            host.yield_to(heard, &mut cut);
        }
        events.extend(cut.into_iter().map(Event::from));
    }

    /// Let two legs have each other's packets as they came, as long as nobody needs to hear or add anything; tells
    /// whose packets went that way.
    fn pass_through(&mut self, tick: &mut Tick<'_>) -> [bool; 2] {
        let mut passed = [false; 2];
        if let [first, second] = self.legs.as_mut_slice() {
            if self.taps.is_empty() && self.prompts.is_still() {
                // Both directions are judged before anything moves.
                passed = [
                    self.mixer.only_voice(1) == Some(0) && first.can_pass_to(second),
                    self.mixer.only_voice(0) == Some(1) && second.can_pass_to(first),
                ];
                let passing = &mut tick.scratch.passing;
                for (passes, from, to) in [(passed[0], 0, 1), (passed[1], 1, 0)] {
                    if passes {
                        self.legs[from].pass(tick.now, passing, tick.events);
                        tick.outgoing.of_leg(to);
                        self.legs[to].take_on(passing, tick.outgoing);
                    }
                }
            }
        }
        passed
    }

    fn give_out(&mut self, index: usize, spoken: Mixed, singles: bool, tick: &mut Tick<'_>) {
        tick.outgoing.of_leg(index);
        let length = self.mixer.rate().samples();
        let Scratch { prompts, own, heard, sums, ears, .. } = &mut *tick.scratch;
        let (prompts, own) = (&prompts[..length], &mut own[..length]);
        let (heard, ears) = (&mut heard[..length], &mut ears[..length]);
        let alone = self.mixer.only_voice(index).filter(|_| !singles);
        let hears = if let Some(voice) = alone {
            match self.legs[voice].said() {
                Some(frame) => ears.copy_from_slice(frame),
                None => ears.fill(0),
            }
            self.legs[index].give_out_alone(ears, tick.events, tick.outgoing)
        } else {
            let host = &mut self.legs[index];
            let voices = self.mixer.heard(index, host.said(), sums, heard);
            self.prompts.lower(heard);
            if spoken.sources > 0 {
                for (total, sample) in heard.iter_mut().zip(prompts) {
                    *total += sample;
                }
            }
            let sources = Mixed { sources: voices + spoken.sources, amplified: spoken.amplified };
            let asked = (!self.taps.is_empty()).then_some(&mut *own);
            host.give_out(heard, sources, asked, ears, tick.events, tick.outgoing)
        };
        if hears {
            let leg = self.legs[index].id();
            let sources = self.legs[index].prompting();
            for tap in &mut self.taps {
                if tap.listener() == Some(leg) {
                    tap.hear(ears);
                }
                tap.prompt(own, sources);
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
