//! The sixteen keys of a telephone.

/// A DTMF key: `0`-`9`, `*`, `#`, `A`-`D`; its event code is that of RFC 4733 §3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u8);

const CHARACTERS: &[u8; 16] = b"0123456789*#ABCD";

impl Key {
    /// The key of an event code, 0 to 15.
    pub fn from_code(code: u8) -> Option<Self> {
        (code < 16).then_some(Key(code))
    }

    /// The key written as a character, letters in either case.
    pub fn from_char(character: char) -> Option<Self> {
        let wanted = character.to_ascii_uppercase();
        CHARACTERS.iter().position(|known| char::from(*known) == wanted).map(|code| Key(code as u8))
    }

    /// The event code, 0 to 15.
    pub fn code(self) -> u8 {
        self.0
    }

    /// How people write the key.
    pub fn to_char(self) -> char {
        char::from(CHARACTERS[usize::from(self.0)])
    }

    /// The two frequencies of the key's tone in Hz (ITU-T Q.23).
    pub fn tones_hz(self) -> (f64, f64) {
        const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
        const HIGH: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
        let (row, column) = match self.0 {
            0 => (3, 1),
            10 => (3, 0),
            11 => (3, 2),
            letter @ 12.. => (usize::from(letter - 12), 3),
            digit => (usize::from((digit - 1) / 3), usize::from((digit - 1) % 3)),
        };
        (LOW[row], HIGH[column])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_characters_match() {
        for code in 0..16 {
            let key = Key::from_code(code).unwrap();
            assert_eq!(Key::from_char(key.to_char()), Some(key));
        }
        assert_eq!(Key::from_code(16), None);
        assert_eq!(Key::from_char('p'), None);
        assert_eq!(Key::from_char('d').unwrap().code(), 15);
    }

    #[test]
    fn the_keypad_has_its_tones() {
        let tones = |character| Key::from_char(character).unwrap().tones_hz();
        assert_eq!(tones('1'), (697.0, 1209.0));
        assert_eq!(tones('9'), (852.0, 1477.0));
        assert_eq!(tones('0'), (941.0, 1336.0));
        assert_eq!(tones('*'), (941.0, 1209.0));
        assert_eq!(tones('#'), (941.0, 1477.0));
        assert_eq!(tones('D'), (941.0, 1633.0));
    }
}
