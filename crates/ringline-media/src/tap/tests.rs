use super::*;
use crate::frame::FRAME;
use crate::testing::{share_at, sine_at};

fn samples(reader: &mut TapReader) -> Vec<i16> {
    let mut bytes = Vec::new();
    reader.read(&mut bytes);
    reader.flush(&mut bytes);
    bytes.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn first_samples(reader: &mut TapReader, channels: usize) -> Vec<i16> {
    let read = samples(reader);
    assert_eq!(read.len(), FRAME * channels);
    read[..channels].to_vec()
}

#[test]
fn mono_holds_voices_and_all_prompts() {
    let (mut tap, mut reader) = open_tap(1, Layout::Mono, Rate::Narrow);
    tap.say(1, &[100; FRAME], 0);
    tap.say(2, &[20; FRAME], 0);
    tap.prompt(&[3; FRAME], 1);
    tap.finish_frame(Rate::Narrow);
    assert_eq!(first_samples(&mut reader, 1), [123]);
}

#[test]
fn heard_holds_the_mouth_left_and_the_ears_right() {
    let (mut tap, mut reader) = open_tap(1, Layout::Heard(7), Rate::Narrow);
    tap.say(7, &[5; FRAME], 0);
    tap.say(8, &[6; FRAME], 0);
    tap.prompt(&[3; FRAME], 1);
    tap.hear(&[9; FRAME]);
    tap.finish_frame(Rate::Narrow);
    assert_eq!(first_samples(&mut reader, 2), [5, 9]);
}

#[test]
fn slots_go_by_joining_and_the_surplus_shares_the_last() {
    let (mut tap, mut reader) = open_tap(1, Layout::Slots(3), Rate::Narrow);
    tap.join(&[11, 12]);
    tap.join(&[12, 13, 14]);
    for (leg, value) in [(11, 1), (12, 2), (13, 4), (14, 8)] {
        tap.say(leg, &[value; FRAME], 0);
    }
    tap.finish_frame(Rate::Narrow);
    assert_eq!(first_samples(&mut reader, 3), [1, 2, 12]);
    // 12 leaves and 15 comes: 12's slot stays silent.
    tap.join(&[15]);
    for (leg, value) in [(11, 1), (15, 16)] {
        tap.say(leg, &[value; FRAME], 0);
    }
    tap.finish_frame(Rate::Narrow);
    assert_eq!(first_samples(&mut reader, 3), [1, 0, 16]);
}

#[test]
fn thirty_two_channels_hold_thirty_one_legs_and_everybody_else_in_the_last() {
    let (mut tap, mut reader) = open_tap(1, Layout::Slots(MAX_CHANNELS), Rate::Narrow);
    let frame_of = |leg: u64| [100 + leg as i16; FRAME];
    // They come one after the other, a frame each, and the fifth and the last of those with a slot leave for a while.
    for present in 1..=36u64 {
        tap.join(&(1..=present).collect::<Vec<_>>());
        for leg in (1..=present).filter(|leg| present < 34 || (*leg != 5 && *leg != 31)) {
            tap.say(leg, &frame_of(leg), 0);
        }
        tap.finish_frame(Rate::Narrow);
    }
    let read = samples(&mut reader);
    assert_eq!(read.len(), 36 * FRAME * MAX_CHANNELS);
    for (at, frame) in read.chunks(FRAME * MAX_CHANNELS).enumerate() {
        let present = at as u64 + 1;
        for (channel, sample) in frame[..MAX_CHANNELS].iter().enumerate() {
            let leg = channel as u64 + 1;
            let away = leg > present || (present >= 34 && (leg == 5 || leg == 31));
            let wanted = match channel {
                31 => (32..=present).map(|leg| 100 + leg as i16).sum(),
                _ if away => 0,
                _ => 100 + leg as i16,
            };
            assert_eq!(*sample, wanted, "frame {at}, channel {channel}");
        }
    }
}

#[test]
fn a_pause_is_silence_of_its_length_in_every_channel_and_begins_and_ends_without_a_click() {
    for layout in [Layout::Mono, Layout::Heard(7), Layout::Slots(2)] {
        let (mut tap, mut reader) = open_tap(1, layout, Rate::Narrow);
        tap.join(&[7, 8]);
        for frame in 0..9 {
            tap.pause((3..6).contains(&frame));
            tap.say(7, &[4000; FRAME], 0);
            tap.say(8, &[4000; FRAME], 0);
            tap.prompt(&[4000; FRAME], 1);
            if layout == Layout::Heard(7) {
                tap.hear(&[4000; FRAME]);
            }
            tap.finish_frame(Rate::Narrow);
        }
        let (channels, read) = (layout.channels(), samples(&mut reader));
        assert_eq!(read.len(), 9 * FRAME * channels);
        for channel in 0..channels {
            let heard: Vec<i16> = read.iter().skip(channel).step_by(channels).copied().collect();
            let silent = &heard[3 * FRAME + FRAME / 4..6 * FRAME];
            assert!(silent.iter().all(|sample| *sample == 0), "{layout:?}");
            let whole = heard[FRAME];
            assert!(whole >= 4000 && heard[..3 * FRAME].iter().all(|sample| *sample == whole), "{layout:?}");
            assert!(heard[6 * FRAME + FRAME / 4..].iter().all(|sample| *sample == whole), "{layout:?}");
            let jump = heard.windows(2).map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs()).max();
            assert!(jump.is_some_and(|jump| jump <= i32::from(whole) / 30), "{layout:?}: {jump:?}");
        }
    }
}

#[test]
fn a_block_is_told_after_200_ms() {
    for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
        let (mut tap, _reader) = open_tap(1, Layout::Mono, Rate::Narrow);
        let told: Vec<_> = (0..12).map(|_| tap.finish_frame(rate)).collect();
        assert_eq!(told.iter().position(|ready| *ready), Some(9));
        assert_eq!(told.iter().filter(|ready| **ready).count(), 1);
    }
}

#[test]
fn a_room_that_changes_its_rate_keeps_its_pitch_and_its_timeline() {
    let (mut tap, mut reader) = open_tap(1, Layout::Heard(1), Rate::Wide);
    for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
        for frame in sine_at(rate, 500.0, 25 * rate.samples(), 8000.0).chunks_exact(rate.samples()) {
            tap.say(1, frame, 0);
            tap.hear(&vec![-77; rate.samples()]);
            tap.finish_frame(rate);
        }
        let read = samples(&mut reader);
        assert_eq!(read.len(), 2 * 25 * Rate::Wide.samples(), "{rate:?}");
        let left: Vec<i16> = read.iter().step_by(2).skip(640).copied().collect();
        assert!(share_at(Rate::Wide, &left, 500.0) > 0.9999, "{rate:?}");
        assert!(read.iter().skip(1).step_by(2).skip(640).all(|sample| *sample == -77));
    }
}

#[test]
fn what_was_left_out_is_silence_of_the_same_length() {
    let (mut tap, mut reader) = open_tap(1, Layout::Heard(1), Rate::Wide);
    tap.skip(40_000);
    tap.say(1, &[5; 320], 0);
    tap.finish_frame(Rate::Wide);
    let read = samples(&mut reader);
    assert_eq!(read.len(), 2 * 40_001 * 320);
    assert_eq!(read[2 * 40_000 * 320..][..4], [5, 0, 5, 0]);
}

#[test]
fn a_reader_that_is_too_slow_hears_how_much_it_lost() {
    let (mut tap, mut reader) = open_tap(1, Layout::Mono, Rate::Narrow);
    for _ in 0..500 {
        tap.finish_frame(Rate::Narrow);
    }
    let mut pcm = Vec::new();
    let lost_ms = reader.read(&mut pcm);
    assert!(lost_ms > 5000);
    assert_eq!(lost_ms + pcm.len() as u64 / 16, 10_000);
}
