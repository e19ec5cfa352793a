//! Who hears whom: each listener gets the sum of those it hears, and never itself.

use std::collections::HashMap;

use crate::frame::{add, subtract, Frame, Sum, FRAME};

/// Voices that several listeners hear alike; summed once per tick.
struct Group {
    voices: Vec<usize>,
    sum: Sum,
    speaking: usize,
}

#[derive(Clone, Copy)]
struct Listener {
    group: Option<usize>,
    /// The group holds the listener's own voice, which is taken out again.
    minus_self: bool,
}

/// A compiled plan. Listeners are numbered as they were given.
#[derive(Default)]
pub struct Mixer {
    groups: Vec<Group>,
    listeners: Vec<Listener>,
}

impl Mixer {
    /// Compile a plan for `members`; `hears` gives the voices of a listener, and may name legs that are not here.
    ///
    /// In a room where all hear all there is one group however many legs are in it: everybody, minus oneself.
    pub fn compile<'a>(members: &[u64], mut hears: impl FnMut(u64) -> &'a [u64]) -> Self {
        let place: HashMap<u64, usize> = members.iter().enumerate().map(|(index, leg)| (*leg, index)).collect();
        let heard: Vec<Vec<usize>> = members
            .iter()
            .enumerate()
            .map(|(own, leg)| {
                let present = hears(*leg).iter().filter_map(|voice| place.get(voice).copied());
                let mut voices: Vec<usize> = present.filter(|voice| *voice != own).collect();
                voices.sort_unstable();
                voices.dedup();
                voices
            })
            .collect();
        let with_self = |own: usize| {
            let mut voices = heard[own].clone();
            let at = voices.binary_search(&own).unwrap_or_else(|at| at);
            voices.insert(at, own);
            voices
        };
        let mut users: HashMap<Vec<usize>, usize> = HashMap::new();
        for own in (0..members.len()).filter(|own| !heard[*own].is_empty()) {
            *users.entry(with_self(own)).or_default() += 1;
        }
        let mut mixer = Mixer::default();
        let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
        for (own, voices) in heard.iter().enumerate() {
            if voices.is_empty() {
                mixer.listeners.push(Listener { group: None, minus_self: false });
                continue;
            }
            let shared = with_self(own);
            // Alone with its set, a listener gets a group without itself; so does one whose set others sum anyway.
            let minus_self = !users.contains_key(voices) && users[&shared] > 1;
            let key = if minus_self { shared } else { voices.clone() };
            let group = *known.entry(key).or_insert_with_key(|voices| {
                mixer.groups.push(Group { voices: voices.clone(), sum: [0; FRAME], speaking: 0 });
                mixer.groups.len() - 1
            });
            mixer.listeners.push(Listener { group: Some(group), minus_self });
        }
        mixer
    }

    /// Sum every group's voices; `said` gives a member's frame, if it says anything.
    pub fn run<'a>(&mut self, said: impl Fn(usize) -> Option<&'a Frame>) {
        for group in &mut self.groups {
            group.sum = [0; FRAME];
            group.speaking = 0;
            for frame in group.voices.iter().filter_map(|voice| said(*voice)) {
                add(&mut group.sum, frame);
                group.speaking += 1;
            }
        }
    }

    /// Write what a listener hears to `sum`; `own` is what it says itself. Returns the number of voices in it.
    pub fn heard(&self, listener: usize, own: Option<&Frame>, sum: &mut Sum) -> usize {
        let Some(Listener { group: Some(group), minus_self }) = self.listeners.get(listener).copied() else {
            *sum = [0; FRAME];
            return 0;
        };
        let group = &self.groups[group];
        *sum = group.sum;
        match own {
            Some(frame) if minus_self => {
                subtract(sum, frame);
                group.speaking - 1
            }
            _ => group.speaking,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Noise;

    fn compile(plan: &[(u64, Vec<u64>)]) -> Mixer {
        let members: Vec<u64> = plan.iter().map(|(leg, _)| *leg).collect();
        Mixer::compile(&members, |leg| &plan.iter().find(|(member, _)| *member == leg).unwrap().1)
    }

    fn all_hear_all(count: u64) -> Vec<(u64, Vec<u64>)> {
        (0..count).map(|leg| (leg, (0..count).filter(|other| *other != leg).collect())).collect()
    }

    #[test]
    fn a_room_where_all_hear_all_sums_once() {
        assert_eq!(compile(&all_hear_all(50)).groups.len(), 1);
    }

    #[test]
    fn one_muted_leg_does_not_cost_another_sum() {
        let mut plan = all_hear_all(20);
        for (leg, voices) in &mut plan {
            if *leg != 3 {
                voices.retain(|voice| *voice != 3);
            }
        }
        assert_eq!(compile(&plan).groups.len(), 1);
    }

    #[test]
    fn any_plan_gives_each_listener_exactly_its_voices() {
        let mut noise = Noise::new(11);
        for _ in 0..300 {
            let count = 1 + noise.below(12);
            let density = 1 + noise.below(4);
            let plan: Vec<(u64, Vec<u64>)> =
                (0..count).map(|leg| (leg, (0..count + 2).filter(|_| noise.below(4) < density).collect())).collect();
            let said: Vec<Option<Frame>> = (0..count)
                .map(|_| (noise.below(3) > 0).then(|| std::array::from_fn(|_| noise.next() as i16)))
                .collect();
            let mut mixer = compile(&plan);
            mixer.run(|voice| said[voice].as_ref());
            for (listener, (leg, voices)) in plan.iter().enumerate() {
                let mut expected = [0; FRAME];
                let mut speaking = 0;
                for voice in voices.iter().filter(|voice| *voice != leg && **voice < count) {
                    if let Some(frame) = &said[*voice as usize] {
                        add(&mut expected, frame);
                        speaking += 1;
                    }
                }
                let mut sum = [7; FRAME];
                assert_eq!(mixer.heard(listener, said[listener].as_ref(), &mut sum), speaking);
                assert_eq!(sum, expected);
            }
        }
    }
}
