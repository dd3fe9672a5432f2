//! The sound of a ringing phone, made sample by sample in a device's callback.

use std::f32::consts::TAU;

/// Two notes that change twenty times a second, one second of them, then three of silence.
#[derive(Debug)]
pub(super) struct Ringer {
    rate_hz: f32,
    place: u32,
    phase: f32,
}

const NOTES_HZ: [f32; 2] = [1_046.5, 1_318.5];
const TRILL_HZ: f32 = 20.0;
const ON_SECS: f32 = 1.0;
const CYCLE_SECS: f32 = 4.0;
/// So long it swells and fades, so that it does not click.
const RAMP_SECS: f32 = 0.02;
/// -14 dB below full scale.
const LEVEL: f32 = 0.2;

impl Ringer {
    pub(super) fn new(rate_hz: u32) -> Ringer {
        Ringer { rate_hz: rate_hz as f32, place: 0, phase: 0.0 }
    }

    /// The next ring begins at its beginning.
    pub(super) fn restart(&mut self) {
        self.place = 0;
        self.phase = 0.0;
    }

    /// The next sample, -1 to 1.
    pub(super) fn next(&mut self) -> f32 {
        let at_secs = self.place as f32 / self.rate_hz;
        self.place = if at_secs >= CYCLE_SECS { 0 } else { self.place + 1 };
        if at_secs >= ON_SECS {
            self.phase = 0.0;
            return 0.0;
        }
        let note = NOTES_HZ[(at_secs * TRILL_HZ) as usize % NOTES_HZ.len()];
        self.phase = (self.phase + TAU * note / self.rate_hz) % TAU;
        let envelope = (at_secs.min(ON_SECS - at_secs) / RAMP_SECS).clamp(0.0, 1.0);
        self.phase.sin() * envelope * LEVEL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::audio::goertzel;

    #[test]
    fn rings_one_second_of_four() {
        let mut ringer = Ringer::new(16_000);
        let cycle: Vec<i16> = (0..64_000).map(|_| (ringer.next() * 32_768.0) as i16).collect();
        // One note each, well inside of its 50 ms.
        for (place, hz) in NOTES_HZ.into_iter().enumerate() {
            let from = 8_000 + place * 800 + 100;
            let power = goertzel::power_dbfs(&cycle[from..from + 600], hz, 16_000);
            assert!((-20.0..-10.0).contains(&power), "{hz} Hz: {power} dBFS");
        }
        assert!(cycle[16_000..].iter().all(|sample| *sample == 0));
        let jump = cycle.windows(2).map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs()).max();
        assert!(jump < Some(4_500), "a click of {jump:?}");
    }
}
