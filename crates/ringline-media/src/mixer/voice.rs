//! One member of a room as the others hear it.

use crate::frame::MAX_FRAME;

/// Louder than this no voice is made: 24 dB.
const MAX_GAIN_DB: f32 = 24.0;

/// One member as the others hear it.
pub(super) struct Voice {
    pub(super) leg: u64,
    /// Factor now and at the end of the coming frame; a change is spread over one frame.
    gain: f32,
    wanted: f32,
    pub(super) loudness: f32,
    pub(super) chosen: bool,
    /// What `run` took it for.
    pub(super) state: Said,
    /// The frame with its gain, where that is not 1. Allocated when first needed.
    pub(super) scaled: Vec<i16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    AsItIs,
    Scaled,
}

impl Voice {
    pub(super) fn new(leg: u64, gain_db: f32, before: Option<&Voice>, joins: bool) -> Self {
        let wanted = if gain_db <= -96.0 { 0.0 } else { 10f32.powf(gain_db.min(MAX_GAIN_DB) / 20.0) };
        Voice {
            leg,
            gain: before.map_or(if joins { 0.0 } else { wanted }, |voice| voice.gain),
            wanted,
            loudness: before.map_or(0.0, |voice| voice.loudness),
            chosen: before.is_none_or(|voice| voice.chosen),
            state: Said::Nothing,
            scaled: Vec::new(),
        }
    }

    pub(super) fn is_plain(&self) -> bool {
        self.gain == 1.0 && self.wanted == 1.0
    }

    pub(super) fn take(&mut self, said: Option<&[i16]>) {
        let target = if self.chosen { self.wanted } else { 0.0 };
        let from = std::mem::replace(&mut self.gain, target);
        self.state = match said {
            Some(_) if from == 1.0 && target == 1.0 => Said::AsItIs,
            Some(frame) if from != 0.0 || target != 0.0 => {
                if self.scaled.capacity() == 0 {
                    self.scaled.reserve_exact(MAX_FRAME);
                }
                self.scaled.clear();
                let step = (target - from) / frame.len() as f32;
                self.scaled.extend(frame.iter().enumerate().map(|(position, sample)| {
                    // Saturates at full scale.
                    (f32::from(*sample) * (from + step * position as f32)) as i16
                }));
                Said::Scaled
            }
            _ => Said::Nothing,
        };
    }
}
