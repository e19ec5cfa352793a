//! Keys pressed at the far end, out of telephone-event packets (RFC 4733).

use crate::frame::RATE_HZ;
use crate::key::Key;

/// A key whose end packets were all lost is released so long after its last packet.
const RELEASE_MS: u64 = 120;
/// Events remembered, to tell their late packets from new keys and to silence their audio.
const MEMORY: usize = 4;
/// A sender that gives every packet of one event a timestamp of its own sends them this close together at most.
const SAME_PRESS_MS: u64 = 60;
/// Longest duration one segment of an event can tell (RFC 4733 §2.5.1.3).
const SEGMENT: u32 = 0xffff;
/// Keys a stranger may press without pause, and the time that earns another one.
const BURST: u64 = 16;
const EARN_MS: u64 = 40;

/// What the far end's fingers did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChange {
    /// A key went down.
    Down(Key),
    /// The key went up; it was held for so many milliseconds.
    Released(Key, u32),
}

#[derive(Debug, Clone, Copy)]
struct Press {
    key: Key,
    /// The timestamp of all its packets.
    timestamp: u32,
    /// Ticks of the segments before this one.
    before: u32,
    /// Ticks told by the packets of this segment.
    duration: u32,
    last_ms: u64,
    down: bool,
}

/// Tells each key twice, down and released, however many packets carried it.
#[derive(Debug)]
pub struct KeyReceiver {
    /// Ticks of the events' clock in a millisecond.
    ticks_per_ms: u32,
    /// The newest press last; only the last can be down.
    presses: Box<[Option<Press>; MEMORY]>,
    /// Whether there is any: what every tick asks.
    pressed: bool,
    spent: u64,
    earned_ms: u64,
}

impl Default for KeyReceiver {
    fn default() -> Self {
        KeyReceiver {
            ticks_per_ms: RATE_HZ / 1000,
            presses: Box::new([None; MEMORY]),
            pressed: false,
            spent: 0,
            earned_ms: 0,
        }
    }
}

impl KeyReceiver {
    /// The events count time by another clock.
    pub fn set_clock(&mut self, clock_hz: u32) {
        self.ticks_per_ms = (clock_hz / 1000).max(1);
    }

    /// Take the payload of a telephone-event packet; up to two changes come out through `tell`.
    ///
    /// Returns false when the payload is no telephone-event.
    pub fn receive(
        &mut self,
        payload: &[u8],
        timestamp: u32,
        marker: bool,
        now_ms: u64,
        mut tell: impl FnMut(KeyChange),
    ) -> bool {
        let [code, flags, high, low, ..] = *payload else { return false };
        let ticks = self.ticks_per_ms;
        let end = flags & 0x80 != 0;
        let duration = u32::from(u16::from_be_bytes([high, low]));
        // Flash, tones and other events are no keys.
        let Some(key) = Key::from_code(code) else { return true };

        if let Some(press) = self.presses.iter_mut().flatten().find(|press| press.timestamp == timestamp) {
            if press.down {
                press.last_ms = now_ms;
            }
            press.duration = press.duration.max(duration);
            if end && press.down {
                press.down = false;
                tell(KeyChange::Released(press.key, press.held_ms(ticks)));
            }
            return true;
        }
        if let Some(press) = self.newest() {
            let ahead = timestamp.wrapping_sub(press.timestamp) as i32;
            if ahead < 0 && ahead > -((10_000 * ticks) as i32) {
                return true; // a packet of a press before the ones remembered
            }
            if press.down && press.key == key && !marker {
                let segment = ahead as u32 == SEGMENT;
                let creeping = duration > press.duration && now_ms - press.last_ms < SAME_PRESS_MS;
                if segment || creeping {
                    press.before = press.before.saturating_add(if segment { SEGMENT } else { 0 });
                    press.timestamp = timestamp;
                    press.duration = duration;
                    press.last_ms = now_ms;
                    if end {
                        press.down = false;
                        tell(KeyChange::Released(key, press.held_ms(ticks)));
                    }
                    return true;
                }
            }
            if press.down {
                press.down = false;
                tell(KeyChange::Released(press.key, press.held_ms(ticks)));
            }
        }
        if !self.afford(now_ms) {
            return true;
        }
        let press = Press { key, timestamp, before: 0, duration, last_ms: now_ms, down: !end };
        self.presses.rotate_left(1);
        self.presses[MEMORY - 1] = Some(press);
        self.pressed = true;
        tell(KeyChange::Down(key));
        if end {
            tell(KeyChange::Released(key, press.held_ms(ticks)));
        }
        true
    }

    /// Release a key whose end never came.
    pub fn tick(&mut self, now_ms: u64, mut tell: impl FnMut(KeyChange)) {
        if !self.pressed {
            return;
        }
        let ticks = self.ticks_per_ms;
        if let Some(press) = self.newest() {
            if press.down && now_ms.saturating_sub(press.last_ms) >= RELEASE_MS {
                press.down = false;
                tell(KeyChange::Released(press.key, press.held_ms(ticks)));
            }
        }
    }

    /// Another stream begins: release what is down, and forget timestamps that mean nothing any more.
    pub fn restart(&mut self, mut tell: impl FnMut(KeyChange)) {
        let ticks = self.ticks_per_ms;
        if let Some(press) = self.newest() {
            if press.down {
                tell(KeyChange::Released(press.key, press.held_ms(ticks)));
            }
        }
        *self.presses = [None; MEMORY];
        self.pressed = false;
    }

    /// Whether the audio frame that begins at `timestamp` overlaps a key: its tone must not be heard.
    pub fn covers(&self, timestamp: u32) -> bool {
        let frame = (20 * self.ticks_per_ms) as i32;
        self.pressed
            && self.presses.iter().flatten().any(|press| {
                let into = timestamp.wrapping_sub(press.timestamp) as i32;
                into > -frame && into < press.duration as i32
            })
    }

    /// Whether a key is down.
    pub fn is_down(&self) -> bool {
        self.pressed && self.presses[MEMORY - 1].is_some_and(|press| press.down)
    }

    fn newest(&mut self) -> Option<&mut Press> {
        self.presses[MEMORY - 1].as_mut()
    }

    fn afford(&mut self, now_ms: u64) -> bool {
        let earned = now_ms.saturating_sub(self.earned_ms) / EARN_MS;
        self.spent = self.spent.saturating_sub(earned);
        self.earned_ms += earned * EARN_MS;
        if self.spent >= BURST {
            return false;
        }
        self.spent += 1;
        true
    }
}

impl Press {
    fn held_ms(&self, ticks_per_ms: u32) -> u32 {
        self.before.saturating_add(self.duration) / ticks_per_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Noise;
    use KeyChange::{Down, Released};

    struct Rig {
        receiver: KeyReceiver,
        told: Vec<KeyChange>,
    }

    impl Rig {
        fn new() -> Self {
            Rig { receiver: KeyReceiver::default(), told: Vec::new() }
        }

        fn packet(&mut self, code: u8, timestamp: u32, duration: u16, end: bool, now_ms: u64) {
            let [high, low] = duration.to_be_bytes();
            let payload = [code, if end { 0x8a } else { 0x0a }, high, low];
            let marker = duration == 160;
            let told = &mut self.told;
            assert!(self.receiver.receive(&payload, timestamp, marker, now_ms, |change| told.push(change)));
        }

        fn tick(&mut self, now_ms: u64) {
            let told = &mut self.told;
            self.receiver.tick(now_ms, |change| told.push(change));
        }
    }

    fn key(character: char) -> Key {
        Key::from_char(character).unwrap()
    }

    #[test]
    fn a_key_is_down_at_its_first_packet_and_released_once() {
        let mut rig = Rig::new();
        rig.packet(5, 1000, 160, false, 0);
        assert_eq!(rig.told, [Down(key('5'))]);
        rig.packet(5, 1000, 320, false, 20);
        for _ in 0..3 {
            rig.packet(5, 1000, 800, true, 100);
        }
        rig.tick(500);
        assert_eq!(rig.told, [Down(key('5')), Released(key('5'), 100)]);
    }

    #[test]
    fn without_an_end_the_release_comes_120_ms_after_the_last_packet() {
        let mut rig = Rig::new();
        rig.packet(11, 0, 160, false, 0);
        rig.packet(11, 0, 480, false, 40);
        rig.tick(159);
        assert_eq!(rig.told.len(), 1);
        rig.tick(160);
        assert_eq!(rig.told[1], Released(key('#'), 60));
        rig.packet(11, 0, 800, true, 180);
        assert_eq!(rig.told.len(), 2);
    }

    #[test]
    fn only_end_packets_are_a_whole_key() {
        let mut rig = Rig::new();
        rig.packet(1, 77, 800, true, 0);
        rig.packet(1, 77, 800, true, 20);
        assert_eq!(rig.told, [Down(key('1')), Released(key('1'), 100)]);
    }

    #[test]
    fn the_next_key_releases_one_whose_end_was_lost() {
        let mut rig = Rig::new();
        rig.packet(1, 0, 160, false, 0);
        rig.packet(1, 0, 320, false, 20);
        rig.packet(1, 1600, 160, false, 60);
        assert_eq!(rig.told, [Down(key('1')), Released(key('1'), 40), Down(key('1'))]);
    }

    #[test]
    fn packets_of_a_past_key_arriving_late_are_no_new_key() {
        let mut rig = Rig::new();
        rig.packet(1, 0, 800, true, 0);
        rig.packet(2, 1600, 160, false, 20);
        rig.packet(1, 0, 800, true, 21);
        assert_eq!(rig.told.len(), 3);
    }

    #[test]
    fn a_key_held_for_longer_than_one_segment_is_one_key() {
        let mut rig = Rig::new();
        rig.packet(3, 100, 160, false, 0);
        rig.packet(3, 100, 0xffff, false, 20);
        rig.packet(3, 100 + 0xffff, 800, true, 40);
        assert_eq!(rig.told, [Down(key('3')), Released(key('3'), (0xffff + 800) / 8)]);
    }

    #[test]
    fn a_sender_with_a_timestamp_per_packet_still_presses_once() {
        let mut rig = Rig::new();
        for step in 1..=5u16 {
            rig.packet(4, u32::from(step) * 160, step * 160, step == 5, u64::from(step) * 20);
        }
        assert_eq!(rig.told, [Down(key('4')), Released(key('4'), 100)]);
    }

    #[test]
    fn the_audio_under_a_key_is_covered() {
        let mut rig = Rig::new();
        rig.packet(4, 1000, 800, true, 0);
        assert!(!rig.receiver.covers(840));
        assert!(rig.receiver.covers(841));
        assert!(rig.receiver.covers(1799));
        assert!(!rig.receiver.covers(1800));
    }

    #[test]
    fn flash_is_no_key_and_short_payloads_are_refused() {
        let mut rig = Rig::new();
        rig.packet(16, 0, 160, false, 0);
        assert_eq!(rig.told, []);
        assert!(!rig.receiver.receive(&[1, 2, 3], 0, false, 0, |_| ()));
    }

    #[test]
    fn a_flood_of_keys_is_bounded_and_every_down_has_its_release() {
        let mut noise = Noise::new(3);
        let mut rig = Rig::new();
        for now_ms in 0..2000 {
            for _ in 0..10 {
                let (code, timestamp) = (noise.below(16) as u8, noise.next() as u32);
                rig.packet(code, timestamp, noise.next() as u16, noise.below(3) == 0, now_ms);
            }
            rig.tick(now_ms);
        }
        rig.tick(5000);
        let downs = rig.told.iter().filter(|change| matches!(change, Down(_))).count();
        assert!(downs <= 16 + 2000 / 40, "{downs}");
        assert_eq!(rig.told.len(), 2 * downs);
    }
}
