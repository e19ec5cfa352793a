//! What a WebSocket server sends after its 101.

use ringline_ws::rehearse;

use crate::chance::Chance;
use crate::Target;

/// Frames of a server.
pub(crate) struct Frames;

const TEXTS: [&str; 4] = [
    r#"{"action":"clear"}"#,
    r#"{"action":"notify","payload":{"n":[1,2,{"deep":"x"}],"m":1e9}}"#,
    r#"{"action":"notify"}"#,
    r#"["action"]"#,
];

/// A frame as a server may well send it.
fn frame(chance: &mut Chance) -> Vec<u8> {
    let text = chance.once_in(2);
    let payload = match text {
        true => TEXTS[chance.below(TEXTS.len())].as_bytes().to_vec(),
        false => vec![chance.number() as u8; [320, 640, 125, 126, 0, 7, 70_000][chance.below(7)]],
    };
    let opcode = if chance.once_in(8) { chance.below(16) as u8 } else { 1 + u8::from(!text) };
    let last = if chance.once_in(6) { 0 } else { 0x80 };
    let mut bytes = vec![last | opcode];
    match payload.len() {
        length @ 0..=125 => bytes.push(length as u8),
        length @ 126..=0xffff => bytes.extend([&[126][..], &(length as u16).to_be_bytes()[..]].concat()),
        length => bytes.extend([&[127][..], &(length as u64).to_be_bytes()[..]].concat()),
    }
    bytes.extend(payload);
    bytes
}

impl Target for Frames {
    fn strike(&mut self, chance: &mut Chance) {
        let mut bytes: Vec<u8> = (0..1 + chance.below(6)).flat_map(|_| frame(chance)).collect();
        chance.mutate(&mut bytes);
        rehearse(&bytes, 1 + chance.below(2000));
    }
}
