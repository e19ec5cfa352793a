//! From one rate to another by a polyphase filter: flat to 85 % of the lower band, nothing above it.

use std::sync::OnceLock;

use crate::frame::{Rate, MAX_FRAME};

/// Length of the filter in samples of the lower rate, and so twice its delay.
const PERIODS: usize = 64;
/// Shape of the Kaiser window: 70 dB of attenuation.
const KAISER_BETA: f64 = 6.8;
/// Middle of the transition, as a share of the lower rate's band.
const CUTOFF: f64 = 0.93;
/// The highest factor of any two of our rates.
const MAX_FACTOR: usize = 6;
/// Products summed side by side: as many as the processor multiplies at once.
const LANES: usize = 8;

static FILTERS: [OnceLock<Vec<f32>>; MAX_FACTOR * MAX_FACTOR] = [const { OnceLock::new() }; MAX_FACTOR * MAX_FACTOR];

/// Carries one stream from a rate to another. Allocates once, when it is made; the delay is 4 ms at 8 kHz as the lower
/// rate, 2 ms at 16 kHz.
pub struct Resampler {
    from: Rate,
    to: Rate,
    kernel: Kernel,
}

impl Resampler {
    /// A resampler between two rates of the core; the same rate twice copies.
    pub fn new(from: Rate, to: Rate) -> Self {
        Resampler { from, to, kernel: Kernel::new(from.hz(), to.hz()) }
    }

    /// By how many microseconds what comes out is late.
    pub fn delay_us(&self) -> u32 {
        let lower = self.from.hz().min(self.to.hz());
        if self.from == self.to {
            0
        } else {
            4000 * 8000 / lower
        }
    }

    /// The rate that comes in.
    pub fn from(&self) -> Rate {
        self.from
    }

    /// The rate that comes out.
    pub fn to(&self) -> Rate {
        self.to
    }

    /// Convert whole milliseconds of audio: `output` is as long as `input`, in time.
    pub fn run(&mut self, input: &[i16], output: &mut [i16]) {
        self.kernel.run(input, output);
    }

    /// Forget the past: another stream begins.
    pub fn reset(&mut self) {
        self.kernel.reset();
    }
}

/// A resampler between rates of 8, 16, 24 and 48 kHz: WebSocket audio may have 24.
pub struct Kernel {
    up: usize,
    down: usize,
    /// Taps of one phase.
    taps: usize,
    /// `up` phases of `taps` factors, the last sample's first.
    filter: &'static [f32],
    /// The past, then the present block: as long as the longest so far, for many wait for a first one that never comes.
    line: Vec<f32>,
}

impl Kernel {
    /// A resampler between two of the rates 8000, 16000, 24000 and 48000.
    ///
    /// # Panics
    /// For other rates, whose factors are too large.
    pub fn new(from_hz: u32, to_hz: u32) -> Self {
        let divisor = greatest_divisor(from_hz, to_hz);
        let (up, down) = ((to_hz / divisor) as usize, (from_hz / divisor) as usize);
        assert!(up <= MAX_FACTOR && down <= MAX_FACTOR, "{from_hz} Hz to {to_hz} Hz is none of ours");
        // The filter runs at `up` times the incoming rate; the lower rate is the slower of both sides.
        let taps = (PERIODS * up.max(down)).div_ceil(up).next_multiple_of(LANES);
        let filter = FILTERS[(up - 1) * MAX_FACTOR + down - 1].get_or_init(|| design(up, down, taps));
        Kernel { up, down, taps, filter, line: vec![0.0; taps - 1] }
    }

    /// Forget the past.
    pub fn reset(&mut self) {
        self.line.fill(0.0);
    }

    /// Convert whole milliseconds of audio. Of the longer one of `input` and `output` only what fits is used.
    pub fn run(&mut self, input: &[i16], output: &mut [i16]) {
        if self.up == self.down {
            let count = input.len().min(output.len());
            output[..count].copy_from_slice(&input[..count]);
            return;
        }
        let step = MAX_FRAME / self.down * self.up;
        for (input, output) in input.chunks(MAX_FRAME).zip(output.chunks_mut(step)) {
            self.block(input, output);
        }
    }

    fn block(&mut self, input: &[i16], output: &mut [i16]) {
        let past = self.taps - 1;
        if self.line.len() < past + input.len() {
            self.line.resize(past + input.len(), 0.0);
        }
        for (place, sample) in self.line[past..].iter_mut().zip(input) {
            *place = f32::from(*sample);
        }
        let wanted = (input.len() * self.up / self.down).min(output.len());
        let (mut index, mut phase) = (0, 0);
        for sample in &mut output[..wanted] {
            let factors = &self.filter[phase * self.taps..(phase + 1) * self.taps];
            let sum = dot(factors, &self.line[index..index + self.taps]);
            *sample = (sum + 0.5f32.copysign(sum)) as i16; // saturates
            phase += self.down;
            while phase >= self.up {
                phase -= self.up;
                index += 1;
            }
        }
        self.line.copy_within(input.len()..input.len() + past, 0);
    }
}

fn greatest_divisor(a: u32, b: u32) -> u32 {
    if b == 0 {
        a
    } else {
        greatest_divisor(b, a % b)
    }
}

#[inline]
fn dot(factors: &[f32], samples: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    for (factors, samples) in factors.chunks_exact(LANES).zip(samples.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += factors[lane] * samples[lane];
        }
    }
    sums.iter().sum()
}

/// A sinc under a Kaiser window, cut into phases whose sums are all one: a constant stays constant.
fn design(up: usize, down: usize, taps: usize) -> Vec<f32> {
    let length = taps * up;
    let cutoff = CUTOFF / up.max(down) as f64;
    let middle = (length - 1) as f64 / 2.0;
    let shape = |n: usize| {
        let at = n as f64 - middle;
        let x = std::f64::consts::PI * cutoff * at;
        let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
        let edge = at / middle;
        sinc * bessel(KAISER_BETA * (1.0 - edge * edge).max(0.0).sqrt())
    };
    let mut filter = vec![0.0; length];
    for phase in 0..up {
        let sum: f64 = (0..taps).map(|tap| shape(phase + tap * up)).sum();
        for tap in 0..taps {
            filter[phase * taps + taps - 1 - tap] = (shape(phase + tap * up) / sum) as f32;
        }
    }
    filter
}

/// The modified Bessel function of the first kind, order 0, by its series.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..40 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const HZ: [u32; 4] = [8000, 16_000, 24_000, 48_000];

    /// Every change of rate that there is.
    fn pairs() -> impl Iterator<Item = (u32, u32)> {
        HZ.into_iter().flat_map(|from| HZ.into_iter().map(move |to| (from, to))).filter(|(from, to)| from != to)
    }

    fn tone(hz: f64, rate_hz: u32, seconds: f64) -> Vec<i16> {
        let step = std::f64::consts::TAU * hz / f64::from(rate_hz);
        (0..(seconds * f64::from(rate_hz)) as usize)
            .map(|n| ((n as f64 * step).sin() * 16_384.0).round() as i16)
            .collect()
    }

    fn convert(from: u32, to: u32, input: &[i16]) -> Vec<i16> {
        let mut kernel = Kernel::new(from, to);
        let (block, out) = (from as usize / 50, to as usize / 50);
        let mut output = Vec::new();
        for frame in input.chunks_exact(block) {
            let start = output.len();
            output.resize(start + out, 0);
            kernel.run(frame, &mut output[start..]);
        }
        output
    }

    /// Peak of the part at `hz`, and of all the rest, in dB against the tones that `tone` makes.
    fn parts(pcm: &[i16], hz: f64, rate_hz: u32) -> (f64, f64) {
        let step = std::f64::consts::TAU * hz / f64::from(rate_hz);
        let (mut cosine, mut sine, mut energy) = (0.0, 0.0, 0.0);
        for (n, sample) in pcm.iter().enumerate() {
            let value = f64::from(*sample);
            cosine += value * (n as f64 * step).cos();
            sine += value * (n as f64 * step).sin();
            energy += value * value;
        }
        let count = pcm.len() as f64;
        let power = 2.0 * (cosine * cosine + sine * sine) / (count * count);
        let decibel = |power: f64| 10.0 * (power / (16_384.0f64.powi(2) / 2.0)).max(1e-20).log10();
        (decibel(power), decibel(energy / count - power))
    }

    #[test]
    fn the_passband_is_flat_within_a_tenth_of_a_decibel_and_clean() {
        for (from, to) in pairs() {
            let low = f64::from(from.min(to)) / 2.0;
            for share in [0.0125, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85] {
                // Whole periods in the half second that is measured.
                let hz = (low * share / 10.0).round() * 10.0;
                let output = convert(from, to, &tone(hz, from, 0.7));
                let middle = &output[to as usize / 10..to as usize * 6 / 10];
                let (level, rest) = parts(middle, hz, to);
                assert!(level.abs() < 0.1, "{from} to {to} at {hz} Hz: {level:.3} dB");
                assert!(rest < -65.0, "{from} to {to} at {hz} Hz: images at {rest:.1} dB");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_more_than_60_db_down() {
        for (from, to) in pairs().filter(|(from, to)| from > to) {
            let (low, high) = (f64::from(to) / 2.0, f64::from(from) / 2.0);
            for step in 0..20 {
                let hz = ((low + (high - low) * (0.01 + 0.98 * f64::from(step) / 19.0)) / 10.0).round() * 10.0;
                let output = convert(from, to, &tone(hz, from, 0.5));
                let middle = &output[to as usize / 10..to as usize * 4 / 10];
                let peak = middle.iter().map(|sample| f64::from(*sample).abs()).fold(0.0, f64::max);
                let level = 20.0 * (peak / 16_384.0).max(1e-9).log10();
                assert!(level < -60.0, "{from} to {to}: {hz} Hz comes through at {level:.1} dB");
            }
        }
    }

    #[test]
    fn blocks_of_any_whole_millisecond_give_the_same_stream() {
        let input = tone(700.0, 16_000, 0.2);
        let whole = convert(16_000, 48_000, &input);
        let mut kernel = Kernel::new(16_000, 48_000);
        let mut output = vec![0; whole.len()];
        let (mut at, mut out) = (0, 0);
        for milliseconds in [1, 3, 60, 7, 20, 100, 9] {
            let (count, made) = (16 * milliseconds, 48 * milliseconds);
            kernel.run(&input[at..at + count], &mut output[out..out + made]);
            at += count;
            out += made;
        }
        assert_eq!(output, whole);
    }

    #[test]
    fn loud_audio_saturates_and_a_reset_forgets_it() {
        let square: Vec<i16> = (0..320).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let mut kernel = Kernel::new(16_000, 8000);
        let mut output = [0; 160];
        kernel.run(&square, &mut output);
        assert!(output.contains(&i16::MAX) && output.contains(&i16::MIN));
        kernel.reset();
        kernel.run(&[0; 320], &mut output);
        assert_eq!(output, [0; 160]);
    }

    #[test]
    fn the_same_rate_is_a_copy() {
        let mut output = [0; 4];
        Resampler::new(Rate::Wide, Rate::Wide).run(&[1, 2, 3, 4], &mut output);
        assert_eq!(output, [1, 2, 3, 4]);
    }
}
