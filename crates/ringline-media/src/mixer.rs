//! Says what each leg of a room hears.

use std::collections::HashMap;

use crate::frame::{add, subtract, Rate, MAX_FRAME};

/// Louder than this no voice is made: 24 dB.
const MAX_GAIN_DB: f32 = 24.0;
/// How fast the loudness of a speaker that has stopped is forgotten: by half in about 280 ms, longer than a pause between words.
const FORGET: f32 = 0.952;
/// A new speaker must be so much louder than the quietest chosen one (3 dB) to take its place.
const CHALLENGE: f32 = 2.0;

/// Whom a leg hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hears {
    /// Everybody in the room but these, and never itself.
    AllBut(Vec<u64>),
    /// These, if they are here, and never itself.
    Only(Vec<u64>),
}

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
    sum: Vec<i32>,
    speaking: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Listener {
    group: Option<usize>,
    /// The group holds the listener's own voice, which is taken out again.
    minus_self: bool,
}

/// One member as the others hear it.
struct Voice {
    leg: u64,
    /// Factor now and at the end of the coming frame; a change is spread over one frame.
    gain: f32,
    wanted: f32,
    loudness: f32,
    chosen: bool,
    /// What `run` took it for.
    state: Said,
    /// The frame with its gain, where that is not 1. Allocated when first needed.
    scaled: Vec<i16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    AsItIs,
    Scaled,
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

/// A set of voices, written the shorter way.
#[derive(PartialEq, Eq, Hash, Clone)]
enum Key {
    AllBut(Vec<usize>),
    Only(Vec<usize>),
}

impl Key {
    fn read(hears: Option<&Hears>, place: &HashMap<u64, usize>, own: usize) -> Self {
        let sorted = |legs: &[u64]| {
            let mut places: Vec<usize> = legs.iter().filter_map(|leg| place.get(leg).copied()).collect();
            places.push(own);
            places.sort_unstable();
            places.dedup();
            places.retain(|known| *known != own);
            places
        };
        match hears {
            Some(Hears::AllBut(legs)) => Key::AllBut(sorted(legs)),
            Some(Hears::Only(legs)) => Key::Only(sorted(legs)),
            None => Key::Only(Vec::new()),
        }
    }

    /// The same set with `own` added or taken out.
    fn having(&self, own: usize, inside: bool) -> Self {
        let edit = |list: &[usize], listed: bool| {
            let mut list = list.to_vec();
            match (list.binary_search(&own), listed) {
                (Err(at), true) => list.insert(at, own),
                (Ok(at), false) => drop(list.remove(at)),
                _ => {}
            }
            list
        };
        match self {
            Key::AllBut(list) => Key::AllBut(edit(list, !inside)),
            Key::Only(list) => Key::Only(edit(list, inside)),
        }
    }

    fn voices(&self, members: usize) -> Vec<usize> {
        match self {
            Key::AllBut(list) => (0..members).filter(|voice| list.binary_search(voice).is_err()).collect(),
            Key::Only(list) => list.clone(),
        }
    }

    fn count(&self, members: usize) -> usize {
        match self {
            Key::AllBut(list) => members - list.len(),
            Key::Only(list) => list.len(),
        }
    }
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
                mixer.groups.push(Group { voices: key.voices(count), sum: vec![0; plan.rate.samples()], speaking: 0 });
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

    /// Read a little of everything that `run` needs, so that it is near when that comes.
    pub fn touch(&self) -> u64 {
        let groups = self
            .groups
            .iter()
            .map(|group| group.speaking as u64 + group.voices.first().map_or(0, |voice| *voice as u64));
        let voices = self.voices.iter().map(|voice| u64::from(voice.chosen));
        let listeners = self.listeners.iter().map(|listener| u64::from(listener.minus_self));
        groups.chain(voices).chain(listeners).fold(0, u64::wrapping_add)
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
    /// be handed on as it is (`singles` false), no sum is made.
    pub fn run<'a>(&mut self, singles: bool, said: impl Fn(usize) -> Option<&'a [i16]>) {
        if self.voices.len() > self.loudest.above {
            self.choose(&said);
        } else {
            self.voices.iter_mut().for_each(|voice| voice.chosen = true);
        }
        for (index, voice) in self.voices.iter_mut().enumerate() {
            voice.take(said(index));
        }
        for group in &mut self.groups {
            if let [voice] = group.voices[..] {
                if !singles && self.voices[voice].is_plain() {
                    continue;
                }
            }
            group.sum.fill(0);
            group.speaking = 0;
            for index in &group.voices {
                let voice = &self.voices[*index];
                match voice.state {
                    Said::Nothing => continue,
                    Said::AsItIs => add(&mut group.sum, said(*index).unwrap_or_default()),
                    Said::Scaled => add(&mut group.sum, &voice.scaled),
                }
                group.speaking += 1;
            }
        }
    }

    /// Let the loudest speak; who is chosen stays so until another is clearly louder.
    fn choose<'a>(&mut self, said: &impl Fn(usize) -> Option<&'a [i16]>) {
        self.ranking.clear();
        for (index, voice) in self.voices.iter_mut().enumerate() {
            let energy = said(index).map_or(0.0, |frame| {
                frame.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / frame.len() as f32
            });
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

    /// Write what a listener hears to `sum`; `own` is what it says itself. Returns the number of voices in it.
    pub fn heard(&self, listener: usize, own: Option<&[i16]>, sum: &mut [i32]) -> usize {
        let Some(Listener { group: Some(group), minus_self }) = self.listeners.get(listener).copied() else {
            sum.fill(0);
            return 0;
        };
        let group = &self.groups[group];
        sum.copy_from_slice(&group.sum);
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

impl Voice {
    fn new(leg: u64, gain_db: f32, before: Option<&Voice>, joins: bool) -> Self {
        let wanted = if gain_db <= -96.0 { 0.0 } else { 10f32.powf(gain_db.min(MAX_GAIN_DB) / 20.0) };
        Voice {
            leg,
            gain: before.map_or(if joins { 0.0 } else { wanted }, |voice| voice.gain),
            wanted,
            loudness: before.map_or(0.0, |voice| voice.loudness),
            chosen: before.is_none_or(|voice| voice.chosen),
            state: Said::Nothing,
            scaled: Vec::new(),
        }
    }

    fn is_plain(&self) -> bool {
        self.gain == 1.0 && self.wanted == 1.0
    }

    fn take(&mut self, said: Option<&[i16]>) {
        let target = if self.chosen { self.wanted } else { 0.0 };
        let from = std::mem::replace(&mut self.gain, target);
        self.state = match said {
            Some(_) if from == 1.0 && target == 1.0 => Said::AsItIs,
            Some(frame) if from != 0.0 || target != 0.0 => {
                if self.scaled.capacity() == 0 {
                    self.scaled.reserve_exact(MAX_FRAME);
                }
                self.scaled.clear();
                let step = (target - from) / frame.len() as f32;
                self.scaled.extend(frame.iter().enumerate().map(|(position, sample)| {
                    // Saturates at full scale.
                    (f32::from(*sample) * (from + step * position as f32)) as i16
                }));
                Said::Scaled
            }
            _ => Said::Nothing,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, Sum, FRAME};
    use crate::testing::{sine, Noise};

    struct Plan {
        hears: Vec<(u64, Hears)>,
        gains: Vec<(u64, f32)>,
        loudest: Loudest,
    }

    impl Plan {
        fn of(hears: Vec<(u64, Hears)>) -> Self {
            Plan { hears, gains: Vec::new(), loudest: Loudest::default() }
        }

        fn all_hear_all(count: u64) -> Self {
            Plan::of((0..count).map(|leg| (leg, Hears::AllBut(vec![]))).collect())
        }

        fn compile(&self, before: &Mixer) -> Mixer {
            let members: Vec<u64> = self.hears.iter().map(|(leg, _)| *leg).collect();
            let plan = MixPlan {
                hears: &|leg| self.hears.iter().find(|(member, _)| *member == leg).map(|(_, hears)| hears),
                gain_db: &|leg| self.gains.iter().find(|(member, _)| *member == leg).map_or(0.0, |(_, gain)| *gain),
                rate: Rate::Narrow,
                loudest: self.loudest,
            };
            Mixer::compile(&members, &plan, before)
        }
    }

    fn heard(mixer: &mut Mixer, said: &[Option<Frame>], listener: usize) -> (usize, Sum) {
        mixer.run(true, |voice| said[voice].as_ref().map(|frame| frame.as_slice()));
        let mut sum = [7; FRAME];
        let voices = mixer.heard(listener, said[listener].as_ref().map(|frame| frame.as_slice()), &mut sum);
        (voices, sum)
    }

    #[test]
    fn who_joins_in_the_middle_of_a_word_fades_in_within_a_frame() {
        let tone = |hz: f64| sine(hz, 30 * FRAME, 6000.0);
        let (first, second) = (tone(310.0), [tone(730.0), vec![0; FRAME]].concat());
        let mut heard_all = Vec::new();
        let mut mixer = Plan::all_hear_all(2).compile(&Mixer::default());
        for index in 0..30 {
            let frame = |pcm: &[i16]| Some(*pcm[index * FRAME..].first_chunk::<FRAME>().unwrap());
            if index == 7 {
                mixer = Plan::all_hear_all(3).compile(&mixer);
            }
            let said: &[Option<Frame>] = &[
                None,
                frame(&first),
                if index >= 7 {
                    Some(second[index * FRAME + 40..][..FRAME].try_into().unwrap_or([0; FRAME]))
                } else {
                    None
                },
            ];
            heard_all.extend(heard(&mut mixer, &said[..if index >= 7 { 3 } else { 2 }], 0).1);
        }
        // How much the line bends from sample to sample; a step of a third of full scale would show.
        let bends = |pcm: &[i32]| pcm.windows(3).map(|at| (at[2] - 2 * at[1] + at[0]).abs()).max().unwrap();
        let (usual, joining) = (bends(&heard_all[20 * FRAME..29 * FRAME]), bends(&heard_all[6 * FRAME..9 * FRAME]));
        assert!(joining <= usual + usual / 10, "{joining} beside {usual}");
        assert_eq!(heard_all[10 * FRAME], i32::from(first[10 * FRAME]) + i32::from(second[10 * FRAME + 40]));
    }

    #[test]
    fn a_room_where_all_hear_all_sums_once() {
        assert_eq!(Plan::all_hear_all(50).compile(&Mixer::default()).groups.len(), 1);
    }

    #[test]
    fn one_muted_leg_does_not_cost_another_sum() {
        let hears = (0..20).map(|leg| (leg, Hears::AllBut(vec![3]))).collect();
        assert_eq!(Plan::of(hears).compile(&Mixer::default()).groups.len(), 1);
    }

    #[test]
    fn a_bridge_of_two_hands_each_voice_on_as_it_is() {
        let mixer = Plan::all_hear_all(2).compile(&Mixer::default());
        assert_eq!((mixer.only_voice(0), mixer.only_voice(1)), (Some(1), Some(0)));
    }

    #[test]
    fn any_plan_gives_each_listener_exactly_its_voices() {
        let mut noise = Noise::new(11);
        for round in 0..400 {
            let count = 1 + noise.below(12);
            let density = 1 + noise.below(4);
            let hears = (0..count)
                .map(|leg| {
                    let list: Vec<u64> = (0..count + 2).filter(|_| noise.below(4) < density).collect();
                    (leg, if round % 2 == 0 { Hears::Only(list) } else { Hears::AllBut(list) })
                })
                .collect();
            let plan = Plan::of(hears);
            let said: Vec<Option<Frame>> = (0..count)
                .map(|_| (noise.below(3) > 0).then(|| std::array::from_fn(|_| noise.next() as i16)))
                .collect();
            let mut mixer = plan.compile(&Mixer::default());
            for (listener, (leg, hears)) in plan.hears.iter().enumerate() {
                let mut expected = [0; FRAME];
                let mut speaking = 0;
                for voice in (0..count).filter(|voice| voice != leg) {
                    let wanted = match hears {
                        Hears::Only(list) => list.contains(&voice),
                        Hears::AllBut(list) => !list.contains(&voice),
                    };
                    if let Some(frame) = said[voice as usize].as_ref().filter(|_| wanted) {
                        add(&mut expected, frame);
                        speaking += 1;
                    }
                }
                assert_eq!(heard(&mut mixer, &said, listener), (speaking, expected));
            }
        }
    }

    #[test]
    fn a_gain_is_in_decibels_and_its_change_takes_one_frame() {
        let mut plan = Plan::all_hear_all(3);
        let said = [Some([1000; FRAME]), None, None];
        let mut mixer = plan.compile(&Mixer::default());
        assert_eq!(heard(&mut mixer, &said, 1).1, [1000; FRAME]);
        plan.gains = vec![(0, -20.0)];
        let mut mixer = plan.compile(&mixer);
        let sum = heard(&mut mixer, &said, 1).1;
        assert!(
            sum[0] > 995 && sum[FRAME - 1] < 110 && sum.windows(2).all(|pair| (0..8).contains(&(pair[0] - pair[1])))
        );
        assert_eq!(heard(&mut mixer, &said, 1).1, [100; FRAME]);
    }

    #[test]
    fn above_a_size_only_the_loudest_are_heard_and_they_do_not_flutter() {
        let mut plan = Plan::all_hear_all(6);
        plan.loudest = Loudest { above: 5, speakers: 2 };
        let mut mixer = plan.compile(&Mixer::default());
        let said: Vec<Option<Frame>> = [100, 200, 4000, 400, 3000, 600].map(|level| Some([level; FRAME])).to_vec();
        heard(&mut mixer, &said, 0);
        assert_eq!(heard(&mut mixer, &said, 0), (2, [7000; FRAME]));
        assert_eq!(heard(&mut mixer, &said, 2), (1, [3000; FRAME]));
        // Another that is a little louder does not push one out; one that is much louder does.
        let mut changed = said.clone();
        changed[5] = Some([3500; FRAME]);
        assert_eq!(heard(&mut mixer, &changed, 0).1, [7000; FRAME]);
        changed[5] = Some([9000; FRAME]);
        heard(&mut mixer, &changed, 0);
        assert_eq!(heard(&mut mixer, &changed, 0).1, [13_000; FRAME]);
    }

    #[test]
    fn a_thousand_members_are_compiled_in_no_time() {
        let hears = (0..1000).map(|leg| (leg, Hears::AllBut((0..990).collect()))).collect();
        let mixer = Plan::of(hears).compile(&Mixer::default());
        assert!(mixer.groups.len() <= 2, "{}", mixer.groups.len());
    }
}
