//! GSM 6.10 full rate, as Microsoft packs it into WAV files: 65 bytes hold 320 samples (ETSI EN 300 961).
//!
//! The integer arithmetic is that of the standard, so every decoder gives the same bits.

/// Bytes of a block, and the samples in it.
pub(crate) const BLOCK_BYTES: usize = 65;
pub(crate) const BLOCK_SAMPLES: usize = 2 * FRAME;

const FRAME: usize = 160;
const SUBFRAME: usize = 40;
/// How far the long-term predictor looks back.
const LAGS: usize = 120;
/// Bits of the eight coded log-area ratios.
const LAR_BITS: [u32; 8] = [6, 6, 5, 5, 4, 4, 3, 3];
/// Offset, smallest code, and inverse slope of each.
const LAR_STEPS: [(i32, i32, i32); 8] = [
    (0, -32, 13_107),
    (0, -32, 13_107),
    (2048, -16, 13_107),
    (-2560, -16, 13_107),
    (94, -8, 19_223),
    (-1792, -8, 17_476),
    (-341, -4, 31_454),
    (-1144, -4, 29_708),
];
/// Gains of the long-term predictor.
const GAINS: [i32; 4] = [3277, 11_469, 21_299, 32_767];
/// Mantissas of the block maximum.
const FACTORS: [i32; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];

fn saturate(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

/// The rounded product of two fractions.
fn product(a: i32, b: i32) -> i32 {
    saturate((a * b + 16_384) >> 15)
}

/// Reads bits from the lowest up.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> i32 {
        let mut value = 0;
        for bit in 0..count {
            let byte = self.bytes.get(self.at / 8).copied().unwrap_or(0);
            value |= i32::from(byte >> (self.at % 8) & 1) << bit;
            self.at += 1;
        }
        value
    }
}

/// The state of a decoder between frames.
pub(crate) struct Gsm {
    /// The past of the long-term predictor, then the subframe being made.
    line: [i32; LAGS + SUBFRAME],
    lag: usize,
    lars: [i32; 8],
    lattice: [i32; 9],
    emphasis: i32,
}

impl Default for Gsm {
    fn default() -> Self {
        Gsm { line: [0; LAGS + SUBFRAME], lag: 40, lars: [0; 8], lattice: [0; 9], emphasis: 0 }
    }
}

impl Gsm {
    /// Decode a block of two frames.
    pub(crate) fn decode(&mut self, block: &[u8], pcm: &mut Vec<i16>) {
        let mut bits = Bits { bytes: block, at: 0 };
        for _ in 0..2 {
            self.frame(&mut bits, pcm);
        }
    }

    fn frame(&mut self, bits: &mut Bits<'_>, pcm: &mut Vec<i16>) {
        let coded = LAR_BITS.map(|count| bits.take(count));
        let mut residual = [0; FRAME];
        for subframe in residual.chunks_exact_mut(SUBFRAME) {
            let (lag, gain) = (bits.take(7), bits.take(2));
            let pulses = excitation(bits);
            self.predict(lag as usize, GAINS[gain as usize], &pulses);
            subframe.copy_from_slice(&self.line[LAGS..]);
            self.line.copy_within(SUBFRAME.., 0);
        }
        let last = std::mem::replace(&mut self.lars, ratios(coded));
        let now = self.lars;
        for (range, blend) in [(0..13, [2, 1, 0]), (13..27, [1, 0, 1]), (27..40, [0, 1, 2])] {
            let mixed = std::array::from_fn(|at| match blend {
                [2, ..] => saturate(saturate((last[at] >> 2) + (now[at] >> 2)) + (last[at] >> 1)),
                [1, ..] => saturate((last[at] >> 1) + (now[at] >> 1)),
                _ => saturate(saturate((last[at] >> 2) + (now[at] >> 2)) + (now[at] >> 1)),
            });
            self.synthesise(reflections(mixed), &mut residual[range]);
        }
        self.synthesise(reflections(now), &mut residual[40..]);
        for sample in residual {
            self.emphasis = saturate(sample + product(self.emphasis, 28_180));
            pcm.push((saturate(2 * self.emphasis) & !7) as i16);
        }
    }

    fn predict(&mut self, lag: usize, gain: i32, pulses: &[i32; SUBFRAME]) {
        if (40..=LAGS).contains(&lag) {
            self.lag = lag;
        }
        for (at, pulse) in pulses.iter().enumerate() {
            let past = self.line[LAGS + at - self.lag];
            self.line[LAGS + at] = saturate(pulse + product(gain, past));
        }
    }

    fn synthesise(&mut self, reflections: [i32; 8], samples: &mut [i32]) {
        for sample in samples {
            let mut value = *sample;
            for at in (0..8).rev() {
                value = saturate(value - product(reflections[at], self.lattice[at]));
                self.lattice[at + 1] = saturate(self.lattice[at] + product(reflections[at], value));
            }
            self.lattice[0] = value;
            *sample = value;
        }
    }
}

/// The pulses of one subframe.
fn excitation(bits: &mut Bits<'_>) -> [i32; SUBFRAME] {
    let (grid, maximum) = (bits.take(2) as usize, bits.take(6));
    let mut exponent = if maximum > 15 { (maximum >> 3) - 1 } else { 0 };
    let mut mantissa = maximum - (exponent << 3);
    if mantissa == 0 {
        (exponent, mantissa) = (-4, 7);
    } else {
        while mantissa <= 7 {
            mantissa = mantissa << 1 | 1;
            exponent -= 1;
        }
        mantissa -= 8;
    }
    let shift = 6 - exponent;
    let half = if shift > 0 { 1 << (shift - 1) } else { 0 };
    let mut pulses = [0; SUBFRAME];
    for pulse in pulses[grid..].iter_mut().step_by(3).take(13) {
        let code = (2 * bits.take(3) - 7) << 12;
        *pulse = saturate(product(FACTORS[mantissa as usize], code) + half) >> shift;
    }
    pulses
}

/// Coded log-area ratios, decoded.
fn ratios(coded: [i32; 8]) -> [i32; 8] {
    std::array::from_fn(|at| {
        let (offset, smallest, slope) = LAR_STEPS[at];
        let value = saturate(saturate((coded[at] + smallest) << 10) - (offset << 1));
        let value = product(slope, value);
        saturate(2 * value)
    })
}

/// Log-area ratios as reflection coefficients.
fn reflections(ratios: [i32; 8]) -> [i32; 8] {
    ratios.map(|ratio| {
        let size = ratio.abs().min(32_767);
        let bent = match size {
            ..=11_058 => size << 1,
            11_059..=20_069 => size + 11_059,
            _ => saturate((size >> 2) + 26_112),
        };
        if ratio < 0 {
            -bent
        } else {
            bent
        }
    })
}
