//! Random and mutated input for everything that strangers can reach. The same seed gives the same input.
//!
//! An input begins as a good one of its kind, or as noise, and has bits flipped, bytes set, pieces cut, doubled or
//! swapped. What must hold: no panic, and no growth.

#![forbid(unsafe_code)]

mod chance;
mod files;
mod packets;
mod sockets;
mod ways;

pub use chance::Chance;

/// Something that can be hammered.
pub trait Target {
    /// Take one input.
    fn strike(&mut self, chance: &mut Chance);
}

/// The targets, by name.
pub const TARGETS: [&str; 9] = ["rtp", "rtcp", "srtp", "payloads", "wav", "mp3", "ogg", "websocket", "ways"];

/// Make a target.
pub fn target(name: &str) -> Option<Box<dyn Target>> {
    Some(match name {
        "rtp" => Box::new(packets::Rtp::new()),
        "rtcp" => Box::new(packets::Rtcp::new()),
        "srtp" => Box::new(packets::Encrypted::new()),
        "payloads" => Box::new(packets::Payloads::new()),
        "wav" => Box::new(files::Files::wav()),
        "mp3" => Box::new(files::Files::mp3()),
        "ogg" => Box::new(files::Files::ogg()),
        "websocket" => Box::new(sockets::Frames),
        "ways" => Box::new(ways::Ways::new()),
        _ => return None,
    })
}

/// Strike with the input of a number, which is its seed. A panic is told with it: targets remember what came before, so the
/// same inputs up to that one lead there again.
pub fn strike(target: &mut dyn Target, name: &str, number: u64) {
    let told = Told { name, number };
    target.strike(&mut Chance::new(number));
    drop(told);
}

struct Told<'a> {
    name: &'a str,
    number: u64,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: the panic came with input {}", self.name, self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use ringline_media_io::thread_cpu_ns;

    use super::*;

    /// Seconds of processor time for each target: what every run of the tests can afford. `make test` gives each a minute,
    /// in the shadow of other tests and therefore not by the clock; it knows these tests by the name of their module.
    fn seconds() -> u64 {
        std::env::var("RINGLINE_FUZZ_SECONDS").map_or(5, |seconds| seconds.parse().expect("a number of seconds"))
    }

    /// Whether somebody waits for the end: the file that says so is there.
    fn is_enough() -> bool {
        std::env::var_os("RINGLINE_FUZZ_ENOUGH").is_some_and(|file| std::path::Path::new(&file).exists())
    }

    fn strike_for_a_while(name: &str) {
        let mut target = target(name).expect("the target is known");
        let (begun_ns, begun) = (thread_cpu_ns(), std::time::Instant::now());
        for number in 0.. {
            if number % 64 == 0 {
                let spent_ns = thread_cpu_ns() - begun_ns;
                if spent_ns >= seconds() * 1_000_000_000 || is_enough() {
                    let (spent_s, lasted_s) = (spent_ns / 1_000_000_000, begun.elapsed().as_secs());
                    println!("{name}: {number} inputs in {spent_s} s of processor time, {lasted_s} s by the clock");
                    return;
                }
            }
            strike(target.as_mut(), name, number);
        }
    }

    macro_rules! each_bears_some_seconds {
        ($($name:ident),*) => {
            mod for_a_while {
                $(#[test] fn $name() { super::strike_for_a_while(stringify!($name)); })*
            }

            #[test]
            fn no_target_is_left_out() {
                assert_eq!(TARGETS, [$(stringify!($name)),*]);
                assert!(target("nothing").is_none());
            }
        };
    }

    each_bears_some_seconds!(rtp, rtcp, srtp, payloads, wav, mp3, ogg, websocket, ways);
}
