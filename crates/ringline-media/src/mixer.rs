//! Says what each leg of a room hears.

use std::collections::HashMap;

use crate::frame::{add, energy, subtract, Rate};

mod hearing;
mod voice;

pub use hearing::Hears;
use hearing::Key;
use voice::{Said, Voice};

/// How fast the loudness of a speaker that has stopped is forgotten: by half in about 280 ms, longer than a pause between words.
const FORGET: f32 = 0.952;
/// A new speaker must be so much louder than the quietest chosen one (3 dB) to take its place.
const CHALLENGE: f32 = 2.0;

/// In rooms above a size only the loudest speakers are mixed: more voices at once nobody understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loudest {
    /// Up to so many legs everybody is mixed.
    pub above: usize,
    /// Beyond that, so many.
    pub speakers: usize,
}

impl Default for Loudest {
    fn default() -> Self {
        Loudest { above: 50, speakers: 8 }
    }
}

/// What a mixer is made from, besides its members.
pub struct MixPlan<'a> {
    /// Whom a member hears.
    pub hears: &'a dyn Fn(u64) -> Option<&'a Hears>,
    /// How much louder or quieter than it came a member is heard, in decibels.
    pub gain_db: &'a dyn Fn(u64) -> f32,
    /// Of all frames.
    pub rate: Rate,
    /// When to choose among speakers.
    pub loudest: Loudest,
}

/// A set of voices that at least one listener wants, and their sum.
struct Group {
    voices: Vec<usize>,
    speaking: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Listener {
    group: Option<usize>,
    /// The group holds the listener's own voice, which is taken out again.
    minus_self: bool,
}

/// A compiled plan. Listeners are numbered as they were given.
#[derive(Default)]
pub struct Mixer {
    rate: Rate,
    loudest: Loudest,
    groups: Vec<Group>,
    listeners: Vec<Listener>,
    voices: Vec<Voice>,
    /// Scratch for choosing speakers.
    ranking: Vec<(f32, usize)>,
}

impl Mixer {
    /// Compile a plan for `members`; it may name legs that are not here. Gains and speakers go on from `before`.
    ///
    /// In a room where all hear all there is one group however many legs are in it: everybody, minus oneself.
    pub fn compile(members: &[u64], plan: &MixPlan<'_>, before: &Mixer) -> Self {
        let place: HashMap<u64, usize> = members.iter().enumerate().map(|(index, leg)| (*leg, index)).collect();
        let count = members.len();
        let wanted: Vec<Key> =
            members.iter().enumerate().map(|(own, leg)| Key::read((plan.hears)(*leg), &place, own)).collect();
        let mut with_self: HashMap<Key, usize> = HashMap::new();
        let mut without_self: HashMap<Key, usize> = HashMap::new();
        for (own, key) in wanted.iter().enumerate() {
            *with_self.entry(key.having(own, true)).or_default() += 1;
            *without_self.entry(key.having(own, false)).or_default() += 1;
        }
        let mut mixer = Mixer { rate: plan.rate, loudest: plan.loudest, ..Mixer::default() };
        let mut known: HashMap<Key, usize> = HashMap::new();
        for (own, key) in wanted.iter().enumerate() {
            let apart = key.having(own, false);
            let voices = apart.count(count);
            if voices == 0 {
                mixer.listeners.push(Listener { group: None, minus_self: false });
                continue;
            }
            let shared = key.having(own, true);
            // A sum that others want with this listener in it is taken, and the listener out of it; unless the sum is
            // a single voice, or others want just the same.
            let minus_self = voices > 1 && with_self[&shared] > 1 && without_self[&apart] == 1;
            let key = if minus_self { shared } else { apart };
            let group = *known.entry(key).or_insert_with_key(|key| {
                mixer.groups.push(Group { voices: key.voices(count), speaking: 0 });
                mixer.groups.len() - 1
            });
            mixer.listeners.push(Listener { group: Some(group), minus_self });
        }
        let known: HashMap<u64, &Voice> = before.voices.iter().map(|voice| (voice.leg, voice)).collect();
        // Who joins others that talk already fades in, within a frame: his first samples would click.
        let joins = !known.is_empty();
        mixer.voices =
            members.iter().map(|leg| Voice::new(*leg, (plan.gain_db)(*leg), known.get(leg).copied(), joins)).collect();
        mixer.ranking.reserve(count);
        mixer
    }

    /// See `Leg::whereabouts`.
    pub fn whereabouts(&self, tell: &mut impl FnMut(*const u8, usize)) {
        tell(self.listeners.as_ptr().cast(), size_of_val(&self.listeners[..]));
        tell(self.voices.as_ptr().cast(), size_of_val(&self.voices[..]));
        for group in &self.groups {
            tell(group.voices.as_ptr().cast(), size_of_val(&group.voices[..]));
        }
    }

    /// The rate of the frames.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// The only voice that a listener hears, at the level at which it came: it may be handed on as it is.
    pub fn only_voice(&self, listener: usize) -> Option<usize> {
        let Listener { group: Some(group), minus_self: false } = *self.listeners.get(listener)? else { return None };
        match self.groups[group].voices[..] {
            [voice] if self.voices[voice].is_plain() && self.voices[voice].chosen => Some(voice),
            _ => None,
        }
    }

    /// Whether a listener hears the same voices as under another plan.
    pub fn hears_as_before(&self, listener: usize, before: &Mixer) -> bool {
        let Some(own) = self.voices.get(listener).map(|voice| voice.leg) else { return false };
        let Some(then) = before.voices.iter().position(|voice| voice.leg == own) else { return false };
        let legs = |mixer: &Mixer, listener: usize| -> Option<Vec<u64>> {
            let group = &mixer.groups[mixer.listeners[listener].group?];
            let mut legs: Vec<u64> = group.voices.iter().map(|voice| mixer.voices[*voice].leg).collect();
            legs.retain(|leg| *leg != own);
            legs.sort_unstable();
            Some(legs)
        };
        legs(self, listener) == legs(before, then)
    }

    /// Sum every group's voices; `said` gives a member's frame, if it says anything. Of listeners whose only voice will
    /// be handed on as it is (`singles` false), no sum is made. The sums are left in `sums` for `heard`: they are of this
    /// moment only, so one such vector serves all rooms of a thread and stays in the cache.
    pub fn run<'a>(&mut self, singles: bool, sums: &mut Vec<i32>, said: impl Fn(usize) -> Option<&'a [i16]>) {
        if self.voices.len() > self.loudest.above {
            self.choose(&said);
        } else {
            self.voices.iter_mut().for_each(|voice| voice.chosen = true);
        }
        for (index, voice) in self.voices.iter_mut().enumerate() {
            voice.take(said(index));
        }
        let length = self.rate.samples();
        sums.resize(self.groups.len() * length, 0);
        for (group, sum) in self.groups.iter_mut().zip(sums.chunks_exact_mut(length)) {
            if let [voice] = group.voices[..] {
                if !singles && self.voices[voice].is_plain() {
                    continue;
                }
            }
            sum.fill(0);
            group.speaking = 0;
            for index in &group.voices {
                let voice = &self.voices[*index];
                match voice.state {
                    Said::Nothing => continue,
                    Said::AsItIs => add(sum, said(*index).unwrap_or_default()),
                    Said::Scaled => add(sum, &voice.scaled),
                }
                group.speaking += 1;
            }
        }
    }

    /// Let the loudest speak; who is chosen stays so until another is clearly louder.
    fn choose<'a>(&mut self, said: &impl Fn(usize) -> Option<&'a [i16]>) {
        self.ranking.clear();
        for (index, voice) in self.voices.iter_mut().enumerate() {
            let energy = said(index).map_or(0.0, |frame| energy(frame) / frame.len() as f32);
            voice.loudness = (voice.loudness * FORGET).max(energy);
            if voice.loudness > 1.0 {
                let weight = if voice.chosen { CHALLENGE } else { 1.0 };
                self.ranking.push((-voice.loudness * weight, index));
            }
            voice.chosen = false;
        }
        let speakers = self.loudest.speakers.min(self.ranking.len());
        if speakers < self.ranking.len() {
            self.ranking.select_nth_unstable_by(speakers, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        }
        for (_, index) in &self.ranking[..speakers] {
            self.voices[*index].chosen = true;
        }
    }

    /// Write what a listener hears to `sum`, out of the `sums` that `run` has made; `own` is what it says itself. Returns the
    /// number of voices in it.
    pub fn heard(&self, listener: usize, own: Option<&[i16]>, sums: &[i32], sum: &mut [i32]) -> usize {
        let Some(Listener { group: Some(group), minus_self }) = self.listeners.get(listener).copied() else {
            sum.fill(0);
            return 0;
        };
        let at = group * self.rate.samples();
        let group = &self.groups[group];
        sum.copy_from_slice(&sums[at..at + self.rate.samples()]);
        if minus_self {
            let voice = &self.voices[listener];
            match (voice.state, own) {
                (Said::AsItIs, Some(frame)) => subtract(sum, frame),
                (Said::Scaled, _) => subtract(sum, &voice.scaled),
                _ => return group.speaking,
            }
            return group.speaking - 1;
        }
        group.speaking
    }
}

#[cfg(test)]
mod tests;
