//! Comfort noise (RFC 3389): a level and a spectrum in a packet, and the noise that is made of them.

use super::resample::Double;

/// Coefficients that are used; more are passed over.
const MAX_ORDER: usize = 12;
/// The quietest level, in −dBov.
const QUIETEST: u8 = 127;
/// Samples at 8 kHz of one frame, the rate that the spectrum is described at.
const NARROW: usize = 160;

/// What a packet says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Description {
    /// The level in −dBov, 0 to 127.
    pub level: u8,
    /// Reflection coefficients of the spectrum, between −1 and 1; zeros are white.
    pub reflections: [f32; MAX_ORDER],
}

impl Description {
    /// White noise of this level; 0 is full scale.
    pub fn white(level_dbov: f32) -> Self {
        let level = (-level_dbov).round().clamp(0.0, f32::from(QUIETEST)) as u8;
        Description { level, reflections: [0.0; MAX_ORDER] }
    }

    /// Reads a payload; none when it is empty (RFC 3389 §3).
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (level, spectrum) = payload.split_first()?;
        let mut reflections = [0.0; MAX_ORDER];
        for (slot, octet) in reflections.iter_mut().zip(spectrum) {
            // §3.2: 127 stands for zero, 258 / 32768 a step.
            *slot = (f32::from(*octet) - 127.0) * 258.0 / 32_768.0;
        }
        Some(Description { level: level & 0x7F, reflections: reflections.map(|k| k.clamp(-0.99, 0.99)) })
    }

    /// Writes the payload of white noise: the level alone (§3.1).
    pub fn write_into(&self, output: &mut [u8]) -> usize {
        match output.first_mut() {
            Some(slot) => {
                *slot = self.level.min(QUIETEST);
                1
            }
            None => 0,
        }
    }
}

/// Makes noise as described; the level glides.
#[derive(Debug, Clone)]
pub struct Noise {
    description: Description,
    seed: u32,
    /// Root mean square of the excitation now.
    level: f32,
    lattice: [f32; MAX_ORDER + 1],
    double: Double,
}

impl Noise {
    /// Silence, with a seed for what will be made.
    pub fn new(seed: u32) -> Self {
        Noise {
            description: Description { level: QUIETEST, ..Description::default() },
            seed,
            level: 0.0,
            lattice: [0.0; MAX_ORDER + 1],
            double: Double::default(),
        }
    }

    /// Goes over to another description.
    pub fn set(&mut self, description: Description) {
        self.description = description;
    }

    /// Writes the next 20 ms at 16 kHz.
    pub fn fill(&mut self, output: &mut [i16; 2 * NARROW]) {
        let reflections = &self.description.reflections;
        // The filter's gain is taken away from the excitation, so that the level is that of the packet.
        let loss: f32 = reflections.iter().map(|k| 1.0 - k * k).product();
        let wanted = 32_768.0 * 10f32.powf(-f32::from(self.description.level) / 20.0) * loss.max(0.0).sqrt();
        let step = (wanted - self.level) / NARROW as f32;
        let mut narrow = [0i16; NARROW];
        for sample in &mut narrow {
            self.level += step;
            self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Even distribution between −√3 and √3 has a root mean square of one.
            let random = (self.seed >> 8) as f32 / 8_388_608.0 - 1.0;
            let mut forward = random * 3f32.sqrt() * self.level;
            for order in (0..MAX_ORDER).rev() {
                forward -= reflections[order] * self.lattice[order];
                self.lattice[order + 1] = self.lattice[order] + reflections[order] * forward;
            }
            self.lattice[0] = forward;
            *sample = super::clip(forward);
        }
        self.double.process(&narrow, output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::goertzel::power_dbfs;
    use crate::audio::level::rms_dbov;

    fn second(payload: &[u8]) -> Vec<i16> {
        let mut noise = Noise::new(1);
        noise.set(Description::read(payload).expect("a payload"));
        let mut samples = Vec::new();
        for _ in 0..50 {
            let mut frame = [0; 320];
            noise.fill(&mut frame);
            samples.extend(frame);
        }
        samples
    }

    #[test]
    fn has_the_level_and_the_spectrum_of_the_packet() {
        for level in [30u8, 50, 70] {
            let heard = rms_dbov(&second(&[level])[1_600..]);
            assert!((heard + f32::from(level)).abs() < 1.5, "{heard} for {level}");
        }
        // A first coefficient near minus one: low notes. Power at single notes is random, so many are taken.
        let samples = second(&[40, 20]);
        let band = |from: i32| {
            let notes = (0..20).map(|note| power_dbfs(&samples, (from + note * 20) as f32, 16_000));
            notes.map(|power| 10f32.powf(power / 10.0)).sum::<f32>()
        };
        assert!(band(200) > 20.0 * band(3_000), "{} and {}", band(200), band(3_000));
        assert!((rms_dbov(&samples[1_600..]) + 40.0).abs() < 2.0);
    }

    #[test]
    fn any_payload_is_bounded() {
        assert_eq!(Description::read(&[]), None);
        for octet in [0u8, 255] {
            let samples = second(&[octet; 60]);
            assert_eq!(samples.len(), 16_000);
        }
        let mut octets = [0; 4];
        assert_eq!(Description::white(-62.4).write_into(&mut octets), 1);
        assert_eq!(Description::read(&octets[..1]), Some(Description::white(-62.0)));
    }
}
