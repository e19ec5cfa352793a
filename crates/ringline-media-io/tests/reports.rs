//! Reports on a real network: where they go, and the last one.

use std::net::UdpSocket;
use std::time::Duration;

use ringline_media::Report;
use ringline_media_io::{MediaCore, PlanRequest, Settings};

/// For what must come at all: how soon says something of the machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two sockets on neighbouring ports, as a phone has for its audio and its reports.
fn phone() -> (UdpSocket, UdpSocket) {
    for _ in 0..100 {
        let audio = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = audio.local_addr().unwrap().port();
        if let Some(reports) = port.checked_add(1).and_then(|port| UdpSocket::bind(("127.0.0.1", port)).ok()) {
            for socket in [&audio, &reports] {
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
            }
            return (audio, reports);
        }
    }
    panic!("no two neighbouring ports are free");
}

/// Let a leg talk to the phone for a moment and end; gives the last report that came to `heard`.
fn last_report(audio: &UdpSocket, heard: &UdpSocket, request: &PlanRequest<'_>) -> Option<Report> {
    let settings = Settings { port_low: 30_000, port_high: 32_999, threads: 1, ..Settings::default() };
    let mut core = MediaCore::start(settings).unwrap();
    let (leg, _) = core.open().unwrap();
    let remote_port = audio.local_addr().unwrap().port();
    core.configure(leg, &PlanRequest { remote_host: "127.0.0.1", remote_port, ..request.clone() }).unwrap();
    let mut bytes = [0; 2048];
    let (_, core_at) = audio.recv_from(&mut bytes).unwrap();
    assert_eq!(bytes[0] >> 6, 2);
    core.close(leg);
    loop {
        let (length, from) = heard.recv_from(&mut bytes).ok()?;
        if (192..=223).contains(&bytes[1]) {
            assert_eq!(from.port(), core_at.port() + u16::from(!request.rtcp_mux));
            return Report::read(&bytes[..length], 0);
        }
    }
}

#[test]
fn a_leg_says_goodbye_where_its_reports_go() {
    let (audio, reports) = phone();
    let apart = PlanRequest::default();
    assert!(last_report(&audio, &reports, &apart).is_some_and(|report| report.goodbye && report.sender_time.is_some()));

    // Another phone each time: what the leg before said last would be taken for the next one's.
    let (audio, _reports) = phone();
    let named = UdpSocket::bind("127.0.0.1:0").unwrap();
    named.set_read_timeout(Some(PATIENCE)).unwrap();
    let elsewhere = PlanRequest { rtcp_port: Some(named.local_addr().unwrap().port()), ..PlanRequest::default() };
    assert!(last_report(&audio, &named, &elsewhere).is_some_and(|report| report.goodbye));

    let (audio, _reports) = phone();
    let together = PlanRequest { rtcp_mux: true, ..PlanRequest::default() };
    assert!(last_report(&audio, &audio, &together).is_some_and(|report| report.goodbye));
}
