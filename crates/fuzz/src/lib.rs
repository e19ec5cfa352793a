//! Random and mutated input for everything that strangers can reach. The same seed gives the same input.
//!
//! An input begins as a good one of its kind, or as noise, and has bits flipped, bytes set, pieces cut, doubled or
//! swapped. What must hold: no panic, and no growth.

#![forbid(unsafe_code)]

mod chance;
mod files;
mod packets;
mod sockets;

pub use chance::Chance;

/// Something that can be hammered.
pub trait Target {
    /// Take one input.
    fn strike(&mut self, chance: &mut Chance);
}

/// The targets, by name.
pub const TARGETS: [&str; 8] = ["rtp", "rtcp", "srtp", "payloads", "wav", "mp3", "ogg", "websocket"];

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
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_bears_some_thousand_inputs() {
        for name in TARGETS {
            let mut chance = Chance::new(1);
            let mut target = target(name).expect("the target is known");
            for _ in 0..3000 {
                target.strike(&mut chance);
            }
        }
        assert!(target("nothing").is_none());
    }
}
