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
    let mut sums = Vec::new();
    mixer.run(true, &mut sums, |voice| said[voice].as_ref().map(|frame| frame.as_slice()));
    let mut sum = [7; FRAME];
    let voices = mixer.heard(listener, said[listener].as_ref().map(|frame| frame.as_slice()), &sums, &mut sum);
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
        let said: Vec<Option<Frame>> =
            (0..count).map(|_| (noise.below(3) > 0).then(|| std::array::from_fn(|_| noise.next() as i16))).collect();
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
    assert!(sum[0] > 995 && sum[FRAME - 1] < 110 && sum.windows(2).all(|pair| (0..8).contains(&(pair[0] - pair[1]))));
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
