//! What plays to one leg.

use std::sync::Arc;

use shared::audio::{FRAME_SAMPLES, Frame};

use super::PlayMode;
use super::prompt::Prompt;

/// Samples over which a stopped prompt fades: 5 ms, so that it does not click.
const FADE_SAMPLES: usize = 80;

/// The player of one leg: at most one prompt, and the fading end of the one before it.
#[derive(Debug, Default)]
pub(super) struct Player {
    playing: Option<Playing>,
    tail: Option<[i16; FADE_SAMPLES]>,
}

#[derive(Debug)]
struct Playing {
    prompt: Arc<Prompt>,
    mode: PlayMode,
    id: u64,
    place: usize,
}

impl Playing {
    /// The next sample; silence behind the end.
    fn next(&mut self) -> i16 {
        let samples = self.prompt.samples();
        if self.place >= samples.len() && self.mode == PlayMode::Loop {
            self.place = 0;
        }
        let sample = samples.get(self.place).copied().unwrap_or(0);
        self.place += 1;
        sample
    }

    fn is_over(&self) -> bool {
        self.mode == PlayMode::Once && self.place >= self.prompt.samples().len()
    }
}

impl Player {
    /// Begins a prompt with the next frame, in place of the one before.
    pub(super) fn play(&mut self, prompt: Arc<Prompt>, mode: PlayMode, id: u64) {
        self.stop();
        self.playing = Some(Playing { prompt, mode, id, place: 0 });
    }

    /// Ends the prompt; the next frame holds its last 5 ms.
    pub(super) fn stop(&mut self) {
        if let Some(mut playing) = self.playing.take() {
            let mut tail = [0; FADE_SAMPLES];
            for (index, sample) in tail.iter_mut().enumerate() {
                let weight = (FADE_SAMPLES - index) as i32;
                *sample = (i32::from(playing.next()) * weight / FADE_SAMPLES as i32) as i16;
            }
            self.tail = Some(tail);
        }
    }

    /// True while the next frame holds something.
    pub(super) fn is_active(&self) -> bool {
        self.playing.is_some() || self.tail.is_some()
    }

    /// Adds the next 20 ms to `frame`; the id of a prompt that came to its end with it.
    pub(super) fn add_to(&mut self, frame: &mut Frame) -> Option<u64> {
        if let Some(tail) = self.tail.take() {
            for (sample, faded) in frame.0.iter_mut().zip(tail) {
                *sample = sample.saturating_add(faded);
            }
        }
        let playing = self.playing.as_mut()?;
        for sample in &mut frame.0[..FRAME_SAMPLES] {
            *sample = sample.saturating_add(playing.next());
        }
        let id = playing.id;
        if playing.is_over() {
            self.playing = None;
            return Some(id);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(samples: Vec<i16>) -> Arc<Prompt> {
        Arc::new(Prompt::new("test", samples))
    }

    fn next(player: &mut Player) -> (Frame, Option<u64>) {
        let mut frame = Frame::SILENCE;
        let done = player.add_to(&mut frame);
        (frame, done)
    }

    #[test]
    fn once_plays_to_its_end_and_says_so() {
        let mut player = Player::default();
        player.play(prompt(vec![100; 500]), PlayMode::Once, 7);
        assert_eq!(next(&mut player), (Frame([100; 320]), None));
        let (frame, done) = next(&mut player);
        assert_eq!((frame.0[179], frame.0[180], done), (100, 0, Some(7)));
        assert!(!player.is_active());
        assert_eq!(next(&mut player), (Frame::SILENCE, None));
    }

    #[test]
    fn a_loop_joins_its_beginning() {
        let mut player = Player::default();
        player.play(prompt((0..300).collect()), PlayMode::Loop, 7);
        let (frame, done) = next(&mut player);
        assert_eq!((frame.0[299], frame.0[300], done), (299, 0, None));
        assert_eq!(next(&mut player).0.0[0], 20);
    }

    #[test]
    fn another_prompt_takes_over_within_a_frame_and_the_first_fades() {
        let mut player = Player::default();
        player.play(prompt(vec![8_000; 5_000]), PlayMode::Loop, 1);
        next(&mut player);
        player.play(prompt(vec![100; 320]), PlayMode::Once, 2);
        let (frame, done) = next(&mut player);
        assert_eq!(done, Some(2), "the first gives no event");
        assert_eq!((frame.0[0], frame.0[40], frame.0[80]), (8_100, 4_100, 100));
        player.play(prompt(vec![8_000; 5_000]), PlayMode::Loop, 3);
        player.stop();
        assert!(player.is_active());
        let (frame, _) = next(&mut player);
        assert!(frame.0[80..].iter().all(|sample| *sample == 0));
        assert!(!player.is_active());
    }

    #[test]
    fn an_empty_prompt_ends_at_once() {
        let mut player = Player::default();
        player.play(prompt(Vec::new()), PlayMode::Once, 7);
        assert_eq!(next(&mut player), (Frame::SILENCE, Some(7)));
        player.play(prompt(Vec::new()), PlayMode::Loop, 8);
        assert_eq!(next(&mut player), (Frame::SILENCE, None));
    }
}
