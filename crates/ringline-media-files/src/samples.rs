//! From whatever a file holds to 16-bit samples of one channel.

/// A sample of full scale 1.0 as 16 bits; what is no number is silence.
pub(crate) fn to_16_bits(sample: f64) -> i16 {
    (sample * 32_768.0).round() as i16 // saturates, and takes NaN for 0
}

/// Append the average of each frame's channels.
pub(crate) fn mix_down(interleaved: &[f32], channels: usize, pcm: &mut Vec<i16>) {
    let average = |frame: &[f32]| frame.iter().map(|sample| f64::from(*sample)).sum::<f64>() / channels as f64;
    pcm.extend(interleaved.chunks_exact(channels).map(|frame| to_16_bits(average(frame))));
}
