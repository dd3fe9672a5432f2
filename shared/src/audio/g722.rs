//! G.722 at 64 kbit/s (ITU-T G.722, mode 1): 16 kHz sound in two bands, each with adaptive differential coding. An octet
//! is two samples; its RTP clock says 8 kHz by an old mistake that stays (RFC 3551 §4.5.2).
//!
//! The names of the steps are those of the recommendation's block diagrams. Written here because the crates that have it
//! allocate for every packet.

/// Taps of one half of the quadrature mirror filter (table 11).
const MIRROR: [i32; 12] = [3, -11, 12, 32, -210, 951, 3_876, -805, 362, -156, 53, -11];
/// Decision levels of the lower band with 6 bits (table 14).
const Q6: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1_023, 1_121,
    1_219, 1_339, 1_458, 1_612, 1_765, 1_980, 2_195, 2_557, 2_919,
];
/// Output of the lower band's quantiser with 4 bits (table 16).
const QM4: [i32; 16] = [
    0, -20_456, -12_896, -8_968, -6_288, -4_240, -2_584, -1_200, 20_456, 12_896, 8_968, 6_288, 4_240, 2_584,
    1_200, 0,
];
/// The positive half of the lower band's output with 6 bits, from the largest down (table 16).
const QM6: [i32; 30] = [
    24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9_360, 8_576, 7_856, 7_192,
    6_576, 6_000, 5_456, 4_944, 4_464, 4_008, 3_576, 3_168, 2_776, 2_400, 2_032, 1_688, 1_360, 1_040, 728,
    432, 136,
];
/// Output of the upper band's quantiser (table 18).
const QM2: [i32; 4] = [-7_408, -1_616, 7_408, 1_616];
/// Which multiplier a code of the lower band takes (table 17).
const RL42: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];
/// Logarithmic multipliers of the lower band (table 17).
const WL: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1_198, 3_042];
/// Those of the upper band, by code (table 19).
const WH: [i32; 4] = [798, -214, 798, -214];
/// The exponential of the scale factors (table 15).
const ILB: [i32; 32] = [
    2_048, 2_093, 2_139, 2_186, 2_233, 2_282, 2_332, 2_383, 2_435, 2_489, 2_543, 2_599, 2_656, 2_714, 2_774,
    2_834, 2_896, 2_960, 3_025, 3_091, 3_158, 3_228, 3_298, 3_371, 3_444, 3_520, 3_597, 3_676, 3_756, 3_838,
    3_922, 4_008,
];
/// The threshold of the upper band's quantiser.
const HIGH_THRESHOLD: i32 = 564;

/// Samples to octets.
#[derive(Debug, Clone)]
pub struct Encoder {
    low: Band,
    high: Band,
    line: [i32; 24],
}

/// Octets to samples.
#[derive(Debug, Clone)]
pub struct Decoder {
    low: Band,
    high: Band,
    line: [i32; 24],
}

/// The predictor and the scale factor of one band.
#[derive(Debug, Clone)]
struct Band {
    /// The prediction.
    s: i32,
    /// Its part from the zeros.
    sz: i32,
    /// Logarithmic scale factor.
    nb: i32,
    /// Scale factor.
    det: i32,
    r: [i32; 2],
    p: [i32; 2],
    a: [i32; 2],
    d: [i32; 6],
    b: [i32; 6],
}

impl Band {
    const fn new(det: i32) -> Self {
        Band { s: 0, sz: 0, nb: 0, det, r: [0; 2], p: [0; 2], a: [0; 2], d: [0; 6], b: [0; 6] }
    }

    /// LOGSCL and SCALEL, LOGSCH and SCALEH: follows the size of what was coded.
    fn scale(&mut self, step: i32, max: i32, shift: i32) {
        self.nb = (((self.nb * 127) >> 7) + step).clamp(0, max);
        let mantissa = ILB[((self.nb >> 6) & 31) as usize];
        let down = shift - (self.nb >> 11);
        self.det = if down < 0 { mantissa << -down } else { mantissa >> down } << 2;
    }

    /// Block 4: takes the quantised difference, adapts both predictors and predicts the next sample.
    fn adapt(&mut self, difference: i32) {
        let reconstructed = limit(self.s + difference);
        let partial = limit(self.sz + difference);
        // UPPOL2
        let is_same = |left: i32, right: i32| (left < 0) == (right < 0);
        let double = limit(self.a[0] << 2);
        let first = if is_same(partial, self.p[0]) { -double } else { double }.min(32_767);
        let second = if is_same(partial, self.p[1]) { 128 } else { -128 };
        let a2 = (second + (first >> 7) + ((self.a[1] * 32_512) >> 15)).clamp(-12_288, 12_288);
        // UPPOL1
        let first = if is_same(partial, self.p[0]) { 192 } else { -192 };
        let bound = limit(15_360 - a2);
        let a1 = limit(first + ((self.a[0] * 32_640) >> 15)).clamp(-bound, bound);
        // UPZERO
        let step = if difference == 0 { 0 } else { 128 };
        for (b, d) in self.b.iter_mut().zip(&self.d) {
            let towards = if is_same(*d, difference) { step } else { -step };
            *b = limit(towards + ((*b * 32_640) >> 15));
        }
        // DELAYA
        self.d.copy_within(0..5, 1);
        self.d[0] = difference;
        self.r = [reconstructed, self.r[0]];
        self.p = [partial, self.p[0]];
        self.a = [a1, a2];
        // FILTEP, FILTEZ, PREDIC
        let poles: i32 = self.a.iter().zip(&self.r).map(|(a, r)| (a * limit(2 * r)) >> 15).sum();
        let zeros: i32 = self.b.iter().zip(&self.d).map(|(b, d)| (b * limit(2 * d)) >> 15).sum();
        self.sz = limit(zeros);
        self.s = limit(limit(poles) + self.sz);
    }

    /// The lower band after the code of 6 bits, of which the predictor takes 4.
    fn take_low(&mut self, code: usize) {
        let coarse = (code >> 2) & 15;
        let difference = (self.det * QM4[coarse]) >> 15;
        self.scale(WL[RL42[coarse]], 18_432, 8);
        self.adapt(difference);
    }

    /// The upper band after its code of 2 bits; returns the difference.
    fn take_high(&mut self, code: usize) -> i32 {
        let difference = (self.det * QM2[code & 3]) >> 15;
        self.scale(WH[code & 3], 22_528, 10);
        self.adapt(difference);
        difference
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder { low: Band::new(32), high: Band::new(8), line: [0; 24] }
    }
}

impl Encoder {
    /// Encodes pairs of samples, as many as fit; returns the octets written.
    pub fn encode(&mut self, samples: &[i16], output: &mut [u8]) -> usize {
        let pairs = samples.chunks_exact(2);
        let len = pairs.len().min(output.len());
        for (pair, octet) in pairs.zip(output) {
            self.line.copy_within(2.., 0);
            self.line[22] = i32::from(pair[0]);
            self.line[23] = i32::from(pair[1]);
            let (even, odd) = mirror(&self.line);
            *octet = self.code((even + odd) >> 14, (even - odd) >> 14);
        }
        len
    }

    fn code(&mut self, low: i32, high: i32) -> u8 {
        let error = limit(low - self.low.s);
        let size = if error >= 0 { error } else { -(error + 1) };
        let level = (1..30).find(|level| size < (Q6[*level] * self.low.det) >> 12).unwrap_or(30);
        // Table 14: negative values count down from 63 and then from 31, positive ones from 61.
        let low_code = match (error < 0, level) {
            (false, level) => 62 - level,
            (true, level @ (1 | 2)) => 64 - level,
            (true, level) => 34 - level,
        };
        self.low.take_low(low_code);
        let error = limit(high - self.high.s);
        let size = if error >= 0 { error } else { -(error + 1) };
        let is_large = size >= (HIGH_THRESHOLD * self.high.det) >> 12;
        let high_code = match (error < 0, is_large) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        self.high.take_high(high_code);
        (high_code << 6 | low_code) as u8
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder { low: Band::new(32), high: Band::new(8), line: [0; 24] }
    }
}

impl Decoder {
    /// Decodes octets to two samples each, as many as fit; returns the samples written.
    pub fn decode(&mut self, payload: &[u8], output: &mut [i16]) -> usize {
        let pairs = output.chunks_exact_mut(2);
        let len = 2 * pairs.len().min(payload.len());
        for (octet, pair) in payload.iter().zip(pairs) {
            let low_code = usize::from(octet & 63);
            let low = (self.low.s + ((self.low.det * fine(low_code)) >> 15)).clamp(-16_384, 16_383);
            self.low.take_low(low_code);
            let predicted = self.high.s;
            let high = (predicted + self.high.take_high(usize::from(octet >> 6))).clamp(-16_384, 16_383);
            self.line.copy_within(2.., 0);
            self.line[22] = low + high;
            self.line[23] = low - high;
            let (even, odd) = mirror(&self.line);
            pair[0] = limit(even >> 11) as i16;
            pair[1] = limit(odd >> 11) as i16;
        }
        len
    }
}

/// The lower band's output for a code of 6 bits; the four codes that an encoder never writes are the smallest.
fn fine(code: usize) -> i32 {
    match code {
        0..=3 => -136,
        4..=31 => -QM6[code - 4],
        32..=61 => QM6[code - 32],
        62 => -432,
        _ => -136,
    }
}

/// Both phases of the quadrature mirror filter.
fn mirror(line: &[i32; 24]) -> (i32, i32) {
    let (mut even, mut odd) = (0, 0);
    for (index, pair) in line.chunks_exact(2).enumerate() {
        odd += pair[0] * MIRROR[index];
        even += pair[1] * MIRROR[11 - index];
    }
    (even, odd)
}

fn limit(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::goertzel::power_dbfs;
    use crate::audio::tone::Sine;

    /// Noise of three levels, a full-scale square, silence, a sweep, ramps: 64,000 samples.
    fn sound() -> Vec<i16> {
        let mut seed = 1u32;
        let mut noise = |amplitude: i32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (((seed >> 16) as i32 & 0xFFFF) - 32_768) * amplitude / 32_768
        };
        let sample = |index: i64| {
            let value = match index / 8_000 {
                0 => noise(32_767),
                1 => noise(300),
                2 if (index / 20) % 2 == 0 => 32_767,
                2 => -32_768,
                3 => 0,
                4 => noise(8_000) / (1 + (index % 800) / 100) as i32,
                5 => (((index * index / 50) % 2_000) - 1_000) as i32 * 16,
                6 => noise(20),
                _ => ((index % 160) - 80) as i32 * 100,
            };
            value.clamp(-32_768, 32_767) as i16
        };
        (0..64_000).map(sample).collect()
    }

    fn fingerprint(octets: impl Iterator<Item = u8>) -> u64 {
        octets
            .fold(0xCBF2_9CE4_8422_2325, |sum, octet| (sum ^ u64::from(octet)).wrapping_mul(0x100_0000_01B3))
    }

    /// Fingerprints of what libg722, which passes the test sequences of the recommendation, makes of the same input. Its
    /// port that was at hand begins with scale factors of zero; the recommendation resets them to 32 and 8.
    #[test]
    fn agrees_with_libg722_to_the_bit() {
        let mut encoder = Encoder::default();
        (encoder.low.det, encoder.high.det) = (0, 0);
        let mut octets = vec![0; 32_000];
        assert_eq!(encoder.encode(&sound(), &mut octets), 32_000);
        assert_eq!(fingerprint(octets.iter().copied()), 0xD2E1_FCF2_C2C0_3D55);
        let mut any: Vec<u8> = (0..40_000u32)
            .map(|index| {
                let mixed = index.wrapping_mul(2_654_435_761);
                ((mixed ^ mixed >> 15) >> 8) as u8
            })
            .collect();
        any.extend(&octets);
        let mut decoder = Decoder::default();
        (decoder.low.det, decoder.high.det) = (0, 0);
        let mut samples = vec![0; 2 * any.len()];
        assert_eq!(decoder.decode(&any, &mut samples), samples.len());
        assert_eq!(
            fingerprint(samples.iter().flat_map(|sample| sample.to_le_bytes())),
            0x85DC_FC61_57D7_BDD9
        );
    }

    #[test]
    fn keeps_tones_of_both_bands() {
        for hz in [300.0, 1_000.0, 3_400.0, 5_000.0, 6_800.0] {
            let mut samples = vec![0; 16_000];
            Sine::new(hz, 16_000, -10.0).fill(&mut samples);
            let mut octets = vec![0; 8_000];
            let mut output = vec![0; 16_000];
            Encoder::default().encode(&samples, &mut octets);
            Decoder::default().decode(&octets, &mut output);
            let heard = power_dbfs(&output[1_600..], hz, 16_000);
            assert!((heard + 10.0).abs() < 0.5, "{hz} Hz at {heard} dBFS");
        }
    }

    #[test]
    fn stops_at_the_shorter_side() {
        assert_eq!(Encoder::default().encode(&[1, 2, 3], &mut [0; 9]), 1);
        assert_eq!(Encoder::default().encode(&[0; 320], &mut [0; 10]), 10);
        assert_eq!(Decoder::default().decode(&[1; 9], &mut [0; 5]), 4);
    }
}
