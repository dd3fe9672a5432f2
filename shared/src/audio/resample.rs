//! Changing the sample rate of a stream.
//!
//! - [`Double`] and [`Halve`]: 8 ↔ 16 kHz at the edge of every G.711 leg; one half-band filter, delay 1.44 ms.
//! - [`Resampler`]: any rate to any rate on rubato, for sound devices and prompts, with a pull for clock drift;
//!   delay [`Resampler::delay_millis`].

use std::sync::LazyLock;

use rubato::audioadapter_buffers::direct::SequentialSliceOfSlices;
use rubato::{Async, FixedAsync, Resampler as _, SincInterpolationParameters, WindowFunction};

use super::clip;

/// Non-zero taps of the half-band filter beside its centre.
const HALF_BAND_TAPS: usize = 24;
/// Low-rate samples kept between two calls.
const HISTORY: usize = HALF_BAND_TAPS - 1;
/// Low-rate samples worked on at once.
const CHUNK: usize = 160;
/// Samples filtered side by side; a part of [`CHUNK`].
const BLOCK: usize = 16;
/// The centre tap, in low-rate samples behind the newest one.
const CENTRE: usize = 11;

/// The odd taps of a half-band low-pass of 47 taps: a Kaiser window (β 5.65, 60 dB) over 3.4 to 4.6 kHz, the
/// telephone band of ITU-T G.712 kept flat.
static HALF_BAND: LazyLock<[f32; HALF_BAND_TAPS]> = LazyLock::new(|| {
    const BETA: f64 = 5.65;
    let mut taps = [0.0f64; HALF_BAND_TAPS];
    for (index, tap) in taps.iter_mut().enumerate() {
        let distance = 2.0 * index as f64 - HISTORY as f64;
        let sinc = (std::f64::consts::FRAC_PI_2 * distance).sin() / (std::f64::consts::PI * distance);
        let edge = distance / (HALF_BAND_TAPS as f64);
        *tap = sinc * bessel(BETA * (1.0 - edge * edge).sqrt()) / bessel(BETA);
    }
    let sum: f64 = taps.iter().sum();
    // The odd taps carry half of the gain at zero frequency, the centre tap the other half.
    taps.map(|tap| (tap * 0.5 / sum) as f32)
});

/// The modified Bessel function of order zero, which shapes the Kaiser window.
fn bessel(x: f64) -> f64 {
    let mut sum = 1.0;
    let mut term = 1.0;
    for k in 1..32 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

/// From 8 to 16 kHz. Delay: 23 samples at 16 kHz (1.44 ms).
#[derive(Debug, Clone)]
pub struct Double {
    history: [f32; HISTORY],
}

/// From 16 to 8 kHz. Delay: 22 samples at 16 kHz (1.38 ms).
#[derive(Debug, Clone)]
pub struct Halve {
    odd: [f32; HISTORY],
    even: [f32; HISTORY],
}

impl Default for Double {
    fn default() -> Self {
        Double { history: [0.0; HISTORY] }
    }
}

impl Default for Halve {
    fn default() -> Self {
        Halve { odd: [0.0; HISTORY], even: [0.0; HISTORY] }
    }
}

/// What is worth vectors of eight samples where the processor has them; the results are the same.
trait Filter {
    /// The samples written.
    fn run(&mut self, input: &[i16], output: &mut [i16]) -> usize;
}

fn run_wide(filter: &mut impl Filter, input: &[i16], output: &mut [i16]) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn wide(filter: &mut impl Filter, input: &[i16], output: &mut [i16]) -> usize {
            filter.run(input, output)
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what it is compiled for.
            return unsafe { wide(filter, input, output) };
        }
    }
    filter.run(input, output)
}

impl Double {
    /// Writes two samples for each of `input`; stops when either side is full. Returns the samples written.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        run_wide(self, input, output)
    }
}

impl Filter for Double {
    #[inline(always)]
    fn run(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let len = input.len().min(output.len() / 2);
        for (low, high) in input[..len].chunks(CHUNK).zip(output[..2 * len].chunks_mut(2 * CHUNK)) {
            let mut line = [0.0f32; HISTORY + CHUNK];
            line[..HISTORY].copy_from_slice(&self.history);
            for (slot, sample) in line[HISTORY..].iter_mut().zip(low) {
                *slot = f32::from(*sample);
            }
            let filtered = convolve(&line);
            for (index, pair) in high.chunks_exact_mut(2).enumerate() {
                pair[0] = clip(2.0 * filtered[index]);
                pair[1] = clip(line[HISTORY + index - CENTRE]);
            }
            self.history.copy_from_slice(&line[low.len()..low.len() + HISTORY]);
        }
        2 * len
    }
}

impl Halve {
    /// Writes one sample for each pair of `input`; a last odd sample is left out. Returns the samples written.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        run_wide(self, input, output)
    }
}

impl Filter for Halve {
    #[inline(always)]
    fn run(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let len = (input.len() / 2).min(output.len());
        for (high, low) in input[..2 * len].chunks(2 * CHUNK).zip(output[..len].chunks_mut(CHUNK)) {
            let mut odd = [0.0f32; HISTORY + CHUNK];
            let mut even = [0.0f32; HISTORY + CHUNK];
            odd[..HISTORY].copy_from_slice(&self.odd);
            even[..HISTORY].copy_from_slice(&self.even);
            for (index, pair) in high.chunks_exact(2).enumerate() {
                even[HISTORY + index] = f32::from(pair[0]);
                odd[HISTORY + index] = f32::from(pair[1]);
            }
            let filtered = convolve(&odd);
            for (index, sample) in low.iter_mut().enumerate() {
                *sample = clip(filtered[index] + 0.5 * even[HISTORY + index - CENTRE]);
            }
            self.odd.copy_from_slice(&odd[low.len()..low.len() + HISTORY]);
            self.even.copy_from_slice(&even[low.len()..low.len() + HISTORY]);
        }
        len
    }
}

/// The odd taps over a line of history and samples; the taps are symmetric, so their order does not matter.
#[inline(always)]
fn convolve(line: &[f32; HISTORY + CHUNK]) -> [f32; CHUNK] {
    let taps = &*HALF_BAND;
    let mut sums = [0.0f32; CHUNK];
    // So few sums at a time stay in registers, and both taps of a pair are multiplied at once.
    for (block, sums) in sums.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        let Some(line) = line.get(block * BLOCK..block * BLOCK + BLOCK + HISTORY) else { break };
        for (offset, tap) in taps.iter().enumerate().take(HALF_BAND_TAPS / 2) {
            let (first, last) = (&line[offset..][..BLOCK], &line[HISTORY - offset..][..BLOCK]);
            for ((sum, first), last) in sums.iter_mut().zip(first).zip(last) {
                *sum += tap * (first + last);
            }
        }
    }
    sums
}

/// Why a [`Resampler`] cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResampleError {
    /// A rate outside of what sound devices and files have.
    #[error("resample from {from_hz} Hz to {to_hz} Hz: rates from 4000 to 384000 Hz are possible")]
    Rate {
        /// Rate of the input.
        from_hz: u32,
        /// Rate of the output.
        to_hz: u32,
    },
}

/// Any rate to any rate, mono, streaming. Input of any length is taken; whole blocks of 5 ms come out.
pub struct Resampler {
    inner: Async<f32>,
    pending: Vec<f32>,
    block: usize,
    scratch: Vec<f32>,
    from_hz: u32,
    to_hz: u32,
}

impl Resampler {
    /// From `from_hz` to `to_hz`.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, ResampleError> {
        let error = ResampleError::Rate { from_hz, to_hz };
        let possible = 4_000..=384_000;
        if !possible.contains(&from_hz) || !possible.contains(&to_hz) {
            return Err(error);
        }
        let block = (from_hz / 200) as usize;
        // 128 taps at the lower rate: 20 kHz survive at 44.1 kHz, 7.2 kHz at 16 kHz.
        let stretch = (f64::from(from_hz) / f64::from(to_hz)).max(1.0);
        let taps = ((128.0 * stretch) as usize).min(2_048);
        let parameters = SincInterpolationParameters::new(taps, WindowFunction::BlackmanHarris2);
        let ratio = f64::from(to_hz) / f64::from(from_hz);
        let inner = Async::new_sinc(ratio, MAX_DRIFT_RATIO, &parameters, block, 1, FixedAsync::Input)
            .map_err(|_| error)?;
        let scratch = vec![0.0; inner.output_frames_max()];
        Ok(Resampler { inner, pending: Vec::with_capacity(2 * block), block, scratch, from_hz, to_hz })
    }

    /// How long a sample stays inside: half of the filter, and up to one block of 5 ms.
    pub fn delay_millis(&self) -> f32 {
        self.inner.output_delay() as f32 * 1_000.0 / self.to_hz as f32 + 5.0
    }

    /// Makes the output longer (positive) or shorter by millionths, up to ±10,000, to follow a device whose
    /// clock differs from ours; glides over one block.
    pub fn set_drift(&mut self, parts_per_million: i32) {
        let ratio = 1.0 + f64::from(parts_per_million.clamp(-10_000, 10_000)) / 1_000_000.0;
        // The clamp keeps the ratio inside of what the constructor allowed, the only reason to refuse.
        if let Some(adjustable) = self.inner.as_adjustable() {
            let _ = adjustable.set_resample_ratio_relative(ratio, true);
        }
    }

    /// Takes `input` and appends what is ready to `output`. Less than one block stays for the next call.
    pub fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        let mut input = input;
        while !input.is_empty() {
            let (head, rest) = input.split_at(input.len().min(self.block - self.pending.len()));
            self.pending.extend(head.iter().map(|sample| f32::from(*sample)));
            input = rest;
            if self.pending.len() == self.block {
                self.run(output);
            }
        }
    }

    /// Pushes silence through until the last sample given has come out.
    pub fn flush(&mut self, output: &mut Vec<i16>) {
        let delay_output = self.inner.output_delay();
        let ahead =
            output.len() + delay_output + self.pending.len() * self.to_hz as usize / self.from_hz as usize;
        while output.len() < ahead {
            self.pending.resize(self.block, 0.0);
            self.run(output);
        }
        output.truncate(ahead);
    }

    fn run(&mut self, output: &mut Vec<i16>) {
        let wanted = self.inner.output_frames_next();
        if self.scratch.len() < wanted {
            self.scratch.resize(wanted, 0.0);
        }
        let input = [self.pending.as_slice()];
        let mut channels = [self.scratch.as_mut_slice()];
        let written = match (
            SequentialSliceOfSlices::new(&input, 1, self.block),
            SequentialSliceOfSlices::new_mut(&mut channels, 1, wanted),
        ) {
            (Ok(source), Ok(mut target)) => {
                self.inner.process_into_buffer(&source, &mut target, None).map_or(0, |(_, written)| written)
            }
            _ => 0,
        };
        output.extend(self.scratch[..written].iter().map(|sample| clip(*sample)));
        self.pending.clear();
    }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler").field("from_hz", &self.from_hz).field("to_hz", &self.to_hz).finish()
    }
}

/// Resamples a whole clip, without delay: the output begins and ends with the input.
pub fn resample_clip(samples: &[i16], from_hz: u32, to_hz: u32) -> Result<Vec<i16>, ResampleError> {
    if from_hz == to_hz {
        return Ok(samples.to_vec());
    }
    let mut resampler = Resampler::new(from_hz, to_hz)?;
    let len = (samples.len() as u64 * u64::from(to_hz)).div_ceil(u64::from(from_hz)) as usize;
    let delay = resampler.inner.output_delay();
    let mut output = Vec::with_capacity(len + delay + 1_024);
    resampler.process(samples, &mut output);
    resampler.flush(&mut output);
    output.drain(..delay.min(output.len()));
    output.resize(len, 0);
    Ok(output)
}

/// How far [`Resampler::set_drift`] can go.
const MAX_DRIFT_RATIO: f64 = 1.02;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{goertzel, tone::Sine};

    fn sine(hz: f32, rate_hz: u32, len: usize) -> Vec<i16> {
        let mut samples = vec![0; len];
        Sine::new(hz, rate_hz, -6.0).fill(&mut samples);
        samples
    }

    #[test]
    fn doubling_keeps_the_telephone_band_and_makes_no_image() {
        for hz in [300.0, 1000.0, 3000.0, 3400.0] {
            let mut output = vec![0; 16_000];
            Double::default().process(&sine(hz, 8_000, 8_000), &mut output);
            let heard = goertzel::power_dbfs(&output[1_600..], hz, 16_000);
            assert!((heard + 6.0).abs() < 0.3, "{hz} Hz at {heard} dBFS");
            let image = goertzel::power_dbfs(&output[1_600..], 8_000.0 - hz, 16_000);
            assert!(image < -60.0, "image of {hz} Hz at {image} dBFS");
        }
    }

    #[test]
    fn halving_keeps_the_telephone_band_and_folds_nothing() {
        for (hz, alias) in [(300.0, false), (3400.0, false), (4700.0, true), (7000.0, true)] {
            let mut output = vec![0; 8_000];
            Halve::default().process(&sine(hz, 16_000, 16_000), &mut output);
            let folded = if alias { 8_000.0 - hz } else { hz };
            let heard = goertzel::power_dbfs(&output[800..], folded, 8_000);
            if alias {
                assert!(heard < -60.0, "alias of {hz} Hz at {heard} dBFS");
            } else {
                assert!((heard + 6.0).abs() < 0.3, "{hz} Hz at {heard} dBFS");
            }
        }
    }

    #[test]
    fn pieces_give_the_same_samples_as_the_whole() {
        let input = sine(700.0, 8_000, 960);
        let mut whole = vec![0; 1_920];
        Double::default().process(&input, &mut whole);
        let mut pieces = vec![0; 1_920];
        let mut double = Double::default();
        for (low, high) in input.chunks(80).zip(pieces.chunks_mut(160)) {
            double.process(low, high);
        }
        assert_eq!(whole, pieces);
    }

    #[test]
    fn a_clip_keeps_its_length_and_its_tone() {
        for (from_hz, to_hz) in
            [(44_100, 16_000), (48_000, 16_000), (16_000, 48_000), (8_000, 16_000), (11_025, 16_000)]
        {
            let input = sine(440.0, from_hz, from_hz as usize);
            let output = resample_clip(&input, from_hz, to_hz).expect("known rates");
            assert_eq!(output.len(), to_hz as usize);
            let heard = goertzel::power_dbfs(&output, 440.0, to_hz);
            assert!((heard + 6.0).abs() < 0.3, "{from_hz} to {to_hz}: {heard} dBFS");
        }
    }

    #[test]
    fn a_stream_has_a_bounded_delay_and_can_follow_a_clock() {
        let mut resampler = Resampler::new(48_000, 16_000).expect("known rates");
        assert!(resampler.delay_millis() < 15.0, "{}", resampler.delay_millis());
        let mut output = Vec::new();
        for _ in 0..100 {
            resampler.process(&[100; 700], &mut output);
        }
        assert!((22_900..=23_400).contains(&output.len()), "{}", output.len());
        resampler.set_drift(10_000);
        let before = output.len();
        resampler.process(&vec![100; 48_000], &mut output);
        assert!((16_100..=16_240).contains(&(output.len() - before)), "{}", output.len() - before);
    }

    #[test]
    fn impossible_rates_are_refused() {
        assert!(Resampler::new(0, 16_000).is_err());
        assert!(Resampler::new(16_000, 1_000_000).is_err());
    }
}
