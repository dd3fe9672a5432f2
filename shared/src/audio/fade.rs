//! Changes from one sound to another without a step.

use super::{FRAME_SAMPLES, Frame};

/// Samples over which one voice gives way to another: 10 ms.
pub const FADE_SAMPLES: usize = 160;

/// Turns `to` into a frame that begins as `from` and ends as `to`, over its whole length: for two versions of one sound.
pub fn blend(from: &Frame, to: &mut Frame) {
    glide(from, to, FRAME_SAMPLES);
}

/// Turns `to` into a frame that begins as `from` and is `to` after 10 ms: for two different sounds.
pub fn cross(from: &Frame, to: &mut Frame) {
    glide(from, to, FADE_SAMPLES);
}

/// Lets a frame fall silent within 10 ms.
pub fn out(frame: &mut Frame) {
    let from = *frame;
    *frame = Frame::SILENCE;
    cross(&from, frame);
}

/// Adds `other` to `frame`, clipped.
pub fn add(frame: &mut Frame, other: &Frame) {
    for (sample, other) in frame.0.iter_mut().zip(&other.0) {
        *sample = sample.saturating_add(*other);
    }
}

fn glide(from: &Frame, to: &mut Frame, over: usize) {
    let whole = over as i32 + 1;
    for (place, (to, from)) in to.0.iter_mut().zip(&from.0).enumerate().take(over) {
        let weight = place as i32 + 1;
        // A weighted mean of two samples fits where they did.
        *to = ((i32::from(*from) * (whole - weight) + i32::from(*to) * weight) / whole) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_no_step() {
        let (from, mut to) = (Frame([20_000; FRAME_SAMPLES]), Frame([-20_000; FRAME_SAMPLES]));
        cross(&from, &mut to);
        assert_eq!((to.0[FADE_SAMPLES], to.0[FRAME_SAMPLES - 1]), (-20_000, -20_000));
        assert!(to.0.windows(2).all(|pair| (0..=260).contains(&(i32::from(pair[0]) - i32::from(pair[1])))));
        assert!(to.0[0] > 19_700);
        let mut frame = from;
        out(&mut frame);
        assert!(frame.0[FADE_SAMPLES..].iter().all(|sample| *sample == 0));
        let mut frame = from;
        blend(&Frame::SILENCE, &mut frame);
        assert!((9_800..10_200).contains(&frame.0[FADE_SAMPLES]));
        add(&mut frame, &from);
        assert_eq!(frame.0[FRAME_SAMPLES - 1], i16::MAX);
    }
}
