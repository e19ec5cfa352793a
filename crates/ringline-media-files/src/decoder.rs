//! A file fed in pieces, and its samples.

use crate::compressed::Compressed;
use crate::error::Undecodable;
use crate::source::Source;
use crate::wav::Wav;

/// Rates that make sense for a prompt.
const RATES_HZ: std::ops::RangeInclusive<u32> = 8000..=48_000;
const MAX_CHANNELS: usize = 8;
/// So much of a compressed file must be there before its header is looked for, and so much more whenever it was not
/// enough.
const START_BYTES: usize = 32_768;
/// Bytes ahead of the reader so that a step hardly ever starves.
const MARGIN_BYTES: usize = 16_384;

/// What a call of [`FileDecoder::read`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// As many samples as were wanted, or a few more.
    Enough,
    /// More of the file must come first.
    Hungry,
    /// That was the end.
    End,
}

enum State {
    /// The header has not come, or not all of it.
    Unopened,
    Wav(Wav),
    Compressed(Box<Compressed>),
    Over,
}

/// Decodes one file. Its rate is known with the first samples.
pub struct FileDecoder {
    source: Source,
    state: State,
    rate_hz: u32,
    /// Samples that may still come until the file is too long.
    left: u64,
    max_seconds: u32,
    /// Bytes to wait for before the next try.
    wanted: usize,
    margin: usize,
    /// Samples given so far, and those to be left out after a new start.
    given: usize,
    again: usize,
}

impl FileDecoder {
    /// A decoder for a file that plays no longer than `max_seconds`.
    pub fn new(max_seconds: u32) -> Self {
        FileDecoder {
            source: Source::default(),
            state: State::Unopened,
            rate_hz: 0,
            left: 0,
            max_seconds,
            wanted: START_BYTES,
            margin: MARGIN_BYTES,
            given: 0,
            again: 0,
        }
    }

    /// Take the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.source.append(bytes);
    }

    /// No more bytes will come.
    pub fn end(&mut self) {
        self.source.complete();
    }

    /// Samples per second; `None` until the header was read.
    pub fn rate_hz(&self) -> Option<u32> {
        (self.rate_hz != 0).then_some(self.rate_hz)
    }

    /// Append at least `samples` samples of one channel to `pcm`, if they are there.
    ///
    /// # Errors
    /// The file is none that we know, is damaged, or plays too long. Nothing more comes after that.
    pub fn read(&mut self, pcm: &mut Vec<i16>, samples: usize) -> Result<Step, Undecodable> {
        let start = pcm.len();
        let step = self.advance(pcm, start + samples);
        let made = (pcm.len() - start) as u64;
        let step = match step {
            Ok(_) if made > self.left => Err(self.too_long()),
            other => other,
        };
        self.left = self.left.saturating_sub(made);
        if !matches!(step, Ok(Step::Enough | Step::Hungry)) {
            self.state = State::Over;
        }
        step
    }

    fn too_long(&self) -> Undecodable {
        Undecodable::because(format!("it is longer than {} s", self.max_seconds))
    }

    fn advance(&mut self, pcm: &mut Vec<i16>, enough: usize) -> Result<Step, Undecodable> {
        loop {
            match &mut self.state {
                State::Over => return Ok(Step::End),
                State::Unopened => {
                    if !self.open()? {
                        return Ok(Step::Hungry);
                    }
                }
                State::Wav(wav) => {
                    let complete = self.source.is_complete();
                    let wanted = enough - pcm.len();
                    let more = self.source.look(|bytes| wav.read(bytes, complete, wanted, pcm));
                    return Ok(match more {
                        false => Step::End,
                        true if pcm.len() >= enough => Step::Enough,
                        true => Step::Hungry,
                    });
                }
                State::Compressed(_) => {
                    if let Some(step) = self.unpack(pcm, enough)? {
                        return Ok(step);
                    }
                }
            }
        }
    }

    /// Read the header, if it is there.
    fn open(&mut self) -> Result<bool, Undecodable> {
        let complete = self.source.is_complete();
        if self.source.len() < 12 && !complete {
            return Ok(false);
        }
        let (rate_hz, channels) = if self.source.look(Wav::is_one) {
            let Some(wav) = self.source.look(Wav::open)? else {
                return if complete { Err(Undecodable::because("it is no audio file")) } else { Ok(false) };
            };
            let (rate_hz, channels) = (wav.rate_hz, wav.channels);
            if wav.frames().is_some_and(|frames| frames > self.longest(rate_hz)) {
                return Err(self.too_long());
            }
            self.state = State::Wav(wav);
            (rate_hz, channels)
        } else {
            let tags = self.source.look(tag_bytes);
            if !complete && self.source.len() < tags + self.wanted {
                return Ok(false);
            }
            let opened = Compressed::open(self.source.reader(tags));
            if self.source.take_starved() {
                // The header ends further on. Twice as much at each try gives a bounded effort.
                self.wanted = 2 * self.source.len();
                return Ok(false);
            }
            let opened = opened?;
            let found = (opened.rate_hz, opened.channels);
            self.state = State::Compressed(Box::new(opened));
            found
        };
        if !RATES_HZ.contains(&rate_hz) || !(1..=MAX_CHANNELS).contains(&channels) {
            return Err(Undecodable::because(format!("{rate_hz} Hz with {channels} channels is not supported")));
        }
        if self.rate_hz == 0 {
            self.rate_hz = rate_hz;
            self.left = self.longest(rate_hz);
        }
        Ok(true)
    }

    fn longest(&self, rate_hz: u32) -> u64 {
        u64::from(self.max_seconds) * u64::from(rate_hz)
    }

    /// One packet; tells when that is all for now.
    fn unpack(&mut self, pcm: &mut Vec<i16>, enough: usize) -> Result<Option<Step>, Undecodable> {
        if pcm.len() >= enough {
            return Ok(Some(Step::Enough));
        }
        if !self.source.is_complete() && self.source.ahead() < self.margin {
            return Ok(Some(Step::Hungry));
        }
        let State::Compressed(file) = &mut self.state else { return Ok(None) };
        let start = pcm.len();
        let more = file.step(pcm);
        if self.source.take_starved() {
            // The step saw an end that is none. Start anew when there is more, and leave out what was given already.
            pcm.truncate(start);
            self.margin *= 2;
            self.wanted = self.source.len() + self.margin;
            self.again = self.given;
            self.state = State::Unopened;
            return Ok(Some(Step::Hungry));
        }
        let more = more?;
        let left_out = self.again.min(pcm.len() - start);
        pcm.drain(start..start + left_out);
        self.again -= left_out;
        self.given += pcm.len() - start;
        Ok((!more).then_some(Step::End))
    }
}

/// Length of the ID3v2 tags at the start: they may hold pictures, and no audio comes before their end.
fn tag_bytes(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&[b'I', b'D', b'3', _, _, flags, a, b, c, d]) = bytes.get(at..).and_then(|rest| rest.get(..10)) {
        if [a, b, c, d].iter().any(|part| part & 0x80 != 0) {
            break;
        }
        let length = [a, b, c, d].iter().fold(0, |length, part| length << 7 | usize::from(*part));
        let footer = if flags & 0x10 != 0 { 10 } else { 0 };
        at += 10 + length + footer;
    }
    at
}
