//! `ringline-fuzz [--inputs N | --seconds S] [--seed N] [TARGET…]`: strike each target, and say how often.

#![deny(unsafe_code)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use ringline_fuzz::{strike, target, TARGETS};

fn main() -> ExitCode {
    let (mut inputs, mut seconds, mut seed, mut wanted) = (100_000u64, None, 0u64, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
        match word.as_str() {
            "--inputs" => inputs = number().unwrap_or(inputs),
            "--seconds" => seconds = number(),
            "--seed" => seed = number().unwrap_or(seed),
            _ => wanted.push(word),
        }
    }
    if wanted.is_empty() {
        wanted = TARGETS.map(str::to_owned).into();
    }
    for name in wanted {
        let Some(mut target) = target(&name) else {
            eprintln!("there is no target {name}; there are {TARGETS:?}");
            return ExitCode::FAILURE;
        };
        let (started, before_kb) = (Instant::now(), resident_kb());
        let mut struck = 0u64;
        let go_on = |struck: u64| match seconds {
            Some(seconds) => struck % 64 != 0 || started.elapsed() < Duration::from_secs(seconds),
            None => struck < inputs,
        };
        while go_on(struck) {
            strike(target.as_mut(), &name, seed.wrapping_add(struck));
            struck += 1;
        }
        let grown_kb = resident_kb().saturating_sub(before_kb);
        println!("{name}: {struck} inputs in {:.0} s, grown by {grown_kb} KiB", started.elapsed().as_secs_f64());
        if grown_kb > 64 * 1024 {
            eprintln!("{name} grew");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Memory of this process; 0 where the system does not tell.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}
