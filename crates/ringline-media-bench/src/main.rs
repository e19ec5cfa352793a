//! What the media core costs, beside a bare loop that only receives and sends. One line of JSON per measurement.
//!
//! `ringline-media-bench [--legs 100] [--rounds 5] [--seconds 3] [--threads 1] [--only NAME] [--delay] [--room SIZE --talkers N]
//! [--bots CALLS [--secure FOLDER]]`
//!
//! Every round measures the floor and all shapes one after the other, so that a busy machine disturbs them alike. Far
//! ends are phones on a thread of their own that talk all the time, each with its own pitch, and check what they hear.

#![forbid(unsafe_code)]

mod bots;
mod crowd;
mod far_end;
mod floor;
mod shapes;
mod tones;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use bots::{measure_bots, BotFigures};
use crowd::Manner;
use far_end::Secure;
use shapes::{floor, measure, Figures, Shape, SHAPES};

/// The value after an option's name.
fn option<T: FromStr>(arguments: &[String], name: &str, otherwise: T) -> T {
    let at = arguments.iter().position(|argument| argument == name);
    at.and_then(|at| arguments.get(at + 1)).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn tell(round: usize, name: &str, legs: usize, figures: &Figures) {
    let quantile = |share: f64| {
        let mut delays = figures.delays_us.clone();
        delays.sort_unstable();
        let at = ((delays.len() as f64 * share) as usize).min(delays.len().saturating_sub(1));
        delays.get(at).map_or("null".to_owned(), |delay_us| format!("{:.2}", *delay_us as f64 / 1000.0))
    };
    println!(
        "{{\"round\": {round}, \"shape\": \"{name}\", \"legs\": {legs}, \"us_per_leg_second\": {:.1}, \
         \"packets_per_leg_second\": {:.2}, \"lag_p99_ms\": {:.3}, \"lost\": {}, \"concealed_ms\": {}, \
         \"kib_per_leg\": {:.1}, \"delay_p50_ms\": {}, \"delay_p95_ms\": {}, \"beeps\": {}, \
         \"seconds_heard\": {}, \"broken_seconds\": {}, \"faults\": {}}}",
        figures.cpu_us_per_leg_second,
        figures.packets_per_leg_second,
        figures.lag_p99_ms,
        figures.lost,
        figures.concealed_ms,
        figures.kib_per_leg,
        quantile(0.5),
        quantile(0.95),
        figures.delays_us.len(),
        figures.seconds,
        figures.broken_seconds,
        figures.faults.len(),
    );
    for fault in figures.faults.iter().take(3) {
        eprintln!("{name}: {fault}");
    }
}

fn tell_bots(round: usize, calls: usize, figures: &BotFigures) {
    let quantile = |values: &[u64], share: f64| {
        let mut values = values.to_vec();
        values.sort_unstable();
        let at = ((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1));
        values.get(at).map_or("null".to_owned(), |value| format!("{:.2}", *value as f64 / 1000.0))
    };
    println!(
        "{{\"round\": {round}, \"shape\": \"websocket\", \"calls\": {calls}, \"media_us_per_call_second\": {:.1}, \
         \"sockets_us_per_call_second\": {:.1}, \"core_percent_per_call\": {:.3}, \"one_way_p50_ms\": {}, \
         \"one_way_p99_ms\": {}, \"both_ways_p50_ms\": {}, \"both_ways_p99_ms\": {}, \"late_p50_ms\": {}, \
         \"late_p99_ms\": {}, \"beeps\": {}, \"lost\": {}}}",
        figures.media_us,
        figures.sockets_us,
        (figures.media_us + figures.sockets_us) / 1e4,
        quantile(&figures.one_way_us, 0.5),
        quantile(&figures.one_way_us, 0.99),
        quantile(&figures.both_ways_us, 0.5),
        quantile(&figures.both_ways_us, 0.99),
        quantile(&figures.pacing_us, 0.5),
        quantile(&figures.pacing_us, 0.99),
        figures.one_way_us.len(),
        figures.lost,
    );
}

fn run(arguments: &[String]) -> io::Result<()> {
    let legs: usize = option(arguments, "--legs", 100);
    let rounds: usize = option(arguments, "--rounds", 5);
    let seconds: f64 = option(arguments, "--seconds", 3.0);
    let threads: usize = option(arguments, "--threads", 1);
    let only: String = option(arguments, "--only", String::new());
    let room: usize = option(arguments, "--room", 0);
    if arguments.iter().any(|argument| argument == "--delay") {
        let shape = Shape { name: "delay", room: 2, play: false, record: false, events: false, manner: Manner::Beep };
        tell(0, shape.name, legs, &measure(&shape, legs, threads, seconds)?);
        return Ok(());
    }
    let bots: usize = option(arguments, "--bots", 0);
    if bots > 0 {
        let folder: String = option(arguments, "--secure", String::new());
        let secure = if folder.is_empty() { None } else { Some(Secure::of(Path::new(&folder))?) };
        for round in 0..rounds {
            tell_bots(round, bots, &measure_bots(bots, seconds, secure.as_ref())?);
        }
        return Ok(());
    }
    if room > 0 {
        let manner = Manner::Some(option(arguments, "--talkers", 10));
        let shape = Shape { name: "large-room", room, play: false, record: false, events: false, manner };
        tell(0, shape.name, room, &measure(&shape, room, threads, seconds)?);
        return Ok(());
    }
    for round in 0..rounds {
        if only.is_empty() || only == "floor" {
            let figures = Figures { cpu_us_per_leg_second: floor(legs, seconds)?, ..Figures::default() };
            tell(round, "floor", legs, &figures);
        }
        for shape in SHAPES.iter().filter(|shape| only.is_empty() || only == shape.name) {
            tell(round, shape.name, legs, &measure(shape, legs, threads, seconds)?);
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
