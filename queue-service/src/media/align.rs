//! When in each 20 ms a bridge makes its frames: just after its speakers' packets are there.
//!
//! A packet waits in the jitter buffer for as long as the network asks, and then for the next frame: up to 20 ms more. Where
//! that is spare for all who speak, the frames can come earlier by as much; and where one speaker's packets come just too
//! late, coming a little later spares them a whole frame.

use std::time::Duration;

use shared::time::Timestamp;

/// Frames come so much earlier or later, and no less.
pub(super) const STEP_MILLIS: i64 = 2;
/// A whole frame: who waits that much longer than he has to is played faster by his jitter buffer.
const FRAME_MILLIS: i64 = 20;
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// So much later at once at most: less than any jitter buffer has in hand.
const LATER_MILLIS: i64 = 4;
/// Being later is worth it from so much less waiting on.
const WORTH_MILLIS: i64 = 4;
/// A speaker who lacks less than this has a clock that is slower than ours; one who lacks more has a worse network by now,
/// for which his jitter buffer makes room.
const WORSE_MILLIS: i64 = 6;

/// The place of a bridge's frames in time.
#[derive(Debug, Default)]
pub(super) struct Alignment {
    mixes: bool,
    look_at: Timestamp,
    moved_millis: i64,
}

impl Alignment {
    /// Whether somebody hears a mix: packets that go on as they are wait for nothing.
    pub(super) fn set_mixes(&mut self, mixes: bool) {
        if mixes && !self.mixes {
            self.look_at = Timestamp::EPOCH;
        }
        self.mixes = mixes;
    }

    /// Whether it is time to look.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.mixes && now >= self.look_at
    }

    /// How much later than now the frames should come (less than zero: earlier), in milliseconds, when each of those who
    /// are heard has so many milliseconds to spare.
    pub(super) fn look(&mut self, now: Timestamp, spare_millis: impl Iterator<Item = i64> + Clone) -> i64 {
        self.look_at = now + LOOK;
        later_millis(spare_millis)
    }

    /// The frames come so much later from the next one on.
    pub(super) fn moved(&mut self, later_millis: i64) {
        self.moved_millis += later_millis;
    }

    /// By how much the next frame is later than 20 ms after the last one, once.
    pub(super) fn take_moved(&mut self) -> i64 {
        std::mem::take(&mut self.moved_millis)
    }
}

fn later_millis(spare_millis: impl Iterator<Item = i64> + Clone) -> i64 {
    let Some(least) = spare_millis.clone().min() else { return 0 };
    // What the slowest has left to wait; whole frames are taken away by the jitter buffers.
    let most = |later: i64| {
        spare_millis.clone().map(|spare| (spare + later).rem_euclid(FRAME_MILLIS)).max().unwrap_or(0)
    };
    match least {
        // His clock is slower than ours: follow it.
        short if short <= -STEP_MILLIS => {
            if short > -WORSE_MILLIS {
                STEP_MILLIS
            } else {
                0
            }
        }
        // As it should be, but for what cannot be measured.
        short if short < 0 => 0,
        _ => {
            let earlier = -(least % FRAME_MILLIS / STEP_MILLIS * STEP_MILLIS);
            let steps = 1..FRAME_MILLIS / STEP_MILLIS;
            let later = steps.map(|step| step * STEP_MILLIS).min_by_key(|later| most(*later));
            match later.filter(|later| most(*later) + WORTH_MILLIS <= most(earlier)) {
                Some(later) => later.min(LATER_MILLIS),
                None => earlier,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_when_the_last_speaker_is_there() {
        for (spare, expected) in [
            (&[][..], 0),
            (&[0], 0),
            (&[1], 0),
            (&[19], -18),
            (&[33], -12),
            (&[7, 7], -6),
            (&[5, 9], -4),
            // The second one waits nearly a frame, and the first one would wait little more for losing that.
            (&[0, 14], 4),
            (&[4, 18], 2),
            (&[6, 0], 0),
            (&[2, 16, 17], 4),
            // As good either way.
            (&[0, 10], 0),
            (&[-1, 12], 0),
            (&[-3, 12], 2),
            (&[-15, 12], 0),
        ] {
            assert_eq!(later_millis(spare.iter().copied()), expected, "{spare:?}");
        }
    }

    /// Whatever the speakers are, it ends, nobody is early, and nobody of two waits more than half a frame.
    #[test]
    fn it_comes_to_rest() {
        for (a, b) in (0..20).flat_map(|a| (0..20).map(move |b| (a, b))) {
            let mut spare = [a, b];
            let mut steps = 0;
            loop {
                let later = later_millis(spare.iter().copied());
                if later == 0 {
                    break;
                }
                // The jitter buffer takes away whole frames.
                spare = spare.map(|spare| (spare + later).rem_euclid(20));
                steps += 1;
                assert!(steps < 10, "{a} {b}");
            }
            assert!(spare.iter().all(|spare| (0..=13).contains(spare)), "{a} {b}: {spare:?}");
        }
    }

    #[test]
    fn it_is_looked_at_twice_a_second_while_somebody_hears_a_mix() {
        let now = Timestamp::from_secs(1_000);
        let mut alignment = Alignment::default();
        assert!(!alignment.is_due(now));
        alignment.set_mixes(true);
        assert!(alignment.is_due(now));
        assert_eq!(alignment.look(now, [9].into_iter()), -8);
        alignment.set_mixes(true);
        assert!(!alignment.is_due(now + Duration::from_millis(499)));
        assert!(alignment.is_due(now + LOOK));
        alignment.moved(-8);
        assert_eq!((alignment.take_moved(), alignment.take_moved()), (-8, 0));
    }
}
