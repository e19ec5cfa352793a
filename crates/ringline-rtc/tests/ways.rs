//! Ways to a browser: how they come to stand, what breaks them, and what strangers can do.

use std::time::Duration;

use ringline_rtc::{Credentials, Fingerprint, Identity, Peer};

mod world;

use world::{address, Circumstances, World, PLAIN};

fn second() -> Duration {
    Duration::from_secs(1)
}

fn talk(world: &mut World) {
    let before = (world.ours.heard.len(), world.theirs.heard.len());
    for count in 0..100u8 {
        world.both_say(&[count, 1, 2, 3]);
        world.pass(Duration::from_millis(20));
    }
    world.pass(Duration::from_millis(100));
    for (end, before) in [(&world.ours, before.0), (&world.theirs, before.1)] {
        let heard: Vec<u8> = end.heard[before..].iter().map(|payload| payload[0]).collect();
        assert_eq!(heard, (0..100).collect::<Vec<u8>>());
    }
}

#[test]
fn audio_flows_both_ways_whoever_offers_and_whoever_begins() {
    for (we_offer, we_begin, named) in
        [(false, true, false), (true, false, false), (false, false, true), (true, true, true)]
    {
        let mut world = World::new(Circumstances { we_offer, we_begin, named, lost: 0 });
        world.pass(second());
        assert_eq!(world.ours.told, ["connected"], "{we_offer} {we_begin} {named}");
        talk(&mut world);
        assert_eq!((world.ours.strangers, world.theirs.strangers), (0, 0));
    }
}

#[test]
fn a_way_comes_to_stand_where_every_fifth_datagram_is_lost() {
    let mut world = World::new(Circumstances { lost: 20, ..PLAIN });
    world.pass(20 * second());
    assert_eq!(world.ours.told.first().map(String::as_str), Some("connected"));
}

#[test]
fn a_far_end_that_falls_silent_is_told_within_ten_seconds_and_comes_back() {
    let mut world = World::new(PLAIN);
    world.pass(second());
    world.cut = true;
    let mut seconds = 0;
    while world.ours.told.len() < 2 && seconds < 60 {
        world.pass(second());
        seconds += 1;
    }
    assert!((8..=12).contains(&seconds), "{seconds}");
    assert_eq!(world.ours.told, ["connected", "interrupted: the far end answers no checks"]);
    assert_eq!(world.ours.peer.route(), None);
    world.cut = false;
    world.pass(10 * second());
    assert_eq!(world.ours.told[2..], ["restored"]);
    talk(&mut world);
}

#[test]
fn a_restart_looks_for_the_far_end_anew_while_audio_goes_on_by_the_keys_that_there_are() {
    let mut world = World::new(PLAIN);
    world.pass(second());
    let before = world.ours.peer.credentials().clone();
    world.restart();
    assert_ne!(world.ours.peer.credentials().name, before.name);
    talk(&mut world);
    world.pass(15 * second());
    talk(&mut world);
    assert_eq!(world.ours.told, ["connected"]);
    assert_eq!((world.ours.strangers, world.theirs.strangers), (0, 0));
}

#[test]
fn a_restart_brings_back_a_far_end_that_had_lost_its_way() {
    let mut world = World::new(PLAIN);
    world.pass(second());
    world.cut = true;
    world.pass(15 * second());
    assert_eq!(world.ours.told.len(), 2, "{:?}", world.ours.told);
    world.cut = false;
    world.restart();
    world.pass(3 * second());
    assert_eq!(world.ours.told[2..], ["restored"]);
    talk(&mut world);
}

#[test]
fn another_certificate_than_the_description_names_gets_no_audio() {
    for we_begin in [false, true] {
        let how = Circumstances { we_begin, ..PLAIN };
        let mut world = World::changed(how, |mut remote| {
            remote.fingerprint = Fingerprint([7; 32]);
            remote
        });
        world.pass(3 * second());
        assert_eq!(world.ours.told.len(), 1);
        assert!(
            world.ours.told[0].starts_with("failed: DTLS: the far end's certificate is not"),
            "{:?}",
            world.ours.told
        );
        assert!(world.ours.crypto.is_none());
        assert_eq!(world.ours.peer.route(), None);
    }
}

#[test]
fn checks_with_a_wrong_password_and_handshakes_of_strangers_are_counted_and_change_nothing() {
    let mut world = World::new(PLAIN);
    world.pass(second());
    let stranger = address("203.0.113.66:6666");
    let ours = world.ours.address;
    let mut other =
        Peer::new(&Identity::generate().unwrap(), Credentials::random().unwrap(), &[stranger], true, world.now)
            .unwrap();
    let name = world.ours.peer.credentials().name.clone();
    let guess = Credentials { name, password: "guessed-guessed-guessed".into() };
    other.join(
        ringline_rtc::Remote { credentials: guess, fingerprint: Fingerprint([0; 32]), we_begin: true },
        world.now,
    );
    other.add_candidate("candidate:1 1 udp 1 192.0.2.1 4000 typ host", world.now);
    let mut sent = 0;
    for _ in 0..300 {
        world.now += world::STEP;
        other.tick(world.now);
        while let Some(ringline_rtc::Output::Send { from, to, bytes }) = other.poll() {
            world.fly(from, to, bytes);
            sent += 1;
        }
    }
    assert!(sent > 2);
    world.fly(stranger, ours, [22, 254, 253].iter().copied().chain([0; 60]).collect());
    world.fly(stranger, ours, vec![0; 20]);
    world.fly(stranger, ours, vec![200; 20]);
    world.pass(second());
    assert_eq!(world.ours.strangers, sent + 3);
    assert_eq!(world.ours.told, ["connected"]);
    talk(&mut world);
}

#[test]
fn packets_of_the_right_place_with_the_wrong_keys_are_not_played() {
    let mut world = World::new(PLAIN);
    world.pass(second());
    talk(&mut world);
    let heard = world.ours.heard.len();
    let (from, to) = (world.theirs.address, world.ours.address);
    world.fly(from, to, [vec![0x80, 111], vec![0; 40]].concat());
    world.pass(second());
    assert_eq!((world.ours.heard.len(), world.ours.strangers), (heard, 1));
}

#[test]
fn candidates_that_cannot_be_tried_are_refused() {
    let mut world = World::new(PLAIN);
    let now = world.now;
    for line in [
        "",
        "candidate:1 1 udp 2113937151 0.0.0.0 9 typ host",
        "candidate:1 1 tcp 2113937151 198.51.100.7 9 typ host tcptype active",
        "candidate:1 1 udp 2113937151 8f1e0ce6-2d0b-4f2c-8a4f-5f4e3d2c1b0a.local 50000 typ host",
        "candidate:1 1 udp 99999999999999 198.51.100.7 5000 typ host",
        "candidate:\0",
    ] {
        assert!(!world.ours.peer.add_candidate(line, now), "{line:?}");
    }
    let line = |port: u16| format!("candidate:1 1 udp 2113937151 198.51.100.9 {port} typ host generation 0");
    let taken = (6000..6100).filter(|port| world.ours.peer.add_candidate(&line(*port), now)).count();
    assert_eq!(taken, 32);
    world.pass(3 * second());
    assert_eq!(world.ours.told, ["connected"]);
}

#[test]
fn a_browser_that_closes_its_connection_is_told_at_once() {
    let mut world = World::new(PLAIN);
    world.pass(second());
    let now = world.now;
    world.theirs.peer.close(now);
    world.pass(Duration::from_millis(100));
    assert_eq!(world.ours.told, ["connected", "interrupted: the far end has closed the connection"]);
    assert_eq!(world.ours.peer.route(), None);
}

#[test]
fn a_far_end_with_the_password_cannot_make_us_remember_ever_more_places() {
    let mut world = World::new(PLAIN);
    world.pass(second());
    let name = world.ours.peer.credentials().clone();
    let identity = Identity::generate().unwrap();
    let mut taken = 0;
    for port in 10_000..10_100 {
        let at = std::net::SocketAddr::from(([198, 51, 100, 7], port));
        let theirs = world.theirs.peer.credentials().clone();
        let mut other = Peer::new(&identity, theirs, &[at], true, world.now).unwrap();
        other.join(
            ringline_rtc::Remote { credentials: name.clone(), fingerprint: Fingerprint([0; 32]), we_begin: true },
            world.now,
        );
        other.add_candidate("candidate:1 1 udp 1 192.0.2.1 4000 typ host", world.now);
        other.tick(world.now);
        while let Some(ringline_rtc::Output::Send { from, to, bytes }) = other.poll() {
            taken += usize::from(world.ours.peer.receive(&bytes, from, to, world.now));
        }
    }
    assert_eq!(taken, 15);
    world.drain();
    world.pass(second());
    talk(&mut world);
}
