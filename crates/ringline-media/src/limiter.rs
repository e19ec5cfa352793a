//! Brings a sum of voices back into range without the rattle of clipping.

/// -1 dBFS: nothing gets louder.
const CEILING: f32 = 29_204.0;
/// -4 dBFS: anything below passes untouched.
const KNEE: f32 = 20_675.0;

/// Bend a sample: straight up to the knee, then ever flatter towards the ceiling.
#[inline]
fn bend(sample: i32) -> i16 {
    let size = sample.unsigned_abs() as f32;
    if size <= KNEE {
        return sample as i16;
    }
    let over = size - KNEE;
    let room = CEILING - KNEE;
    let bent = KNEE + room * over / (over + room);
    (if sample < 0 { -bent } else { bent }) as i16
}

/// Limit a sum of several sources softly at -1 dBFS.
pub fn limit(sum: &[i32], out: &mut [i16]) {
    // Most frames have nothing to bend; both of these loops the processor does many samples at a time.
    let loudest = sum.iter().fold(0, |loudest: u32, sample| loudest.max(sample.unsigned_abs()));
    if loudest as f32 <= KNEE {
        return copy(sum, out);
    }
    for (sample, total) in out.iter_mut().zip(sum) {
        *sample = bend(*total);
    }
}

/// Take over a single source as it is: a two-party call stays true to the bit.
pub(crate) fn copy(sum: &[i32], out: &mut [i16]) {
    for (sample, total) in out.iter_mut().zip(sum) {
        *sample = (*total).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_is_untouched_and_loud_stays_below_the_ceiling() {
        for sample in [0, 1, -1, 20_000, -20_000] {
            assert_eq!(i32::from(bend(sample)), sample);
        }
        for sample in [30_000, 60_000, 3_000_000, i32::MAX, i32::MIN] {
            assert!(i32::from(bend(sample)).abs() <= 29_204, "{sample}");
        }
    }

    #[test]
    fn louder_in_is_never_quieter_out() {
        let mut last = 0;
        for sample in (0..200_000).step_by(7) {
            assert!(bend(sample) >= last);
            last = bend(sample);
        }
    }
}
