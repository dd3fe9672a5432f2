//! When frames are due: absolute moments, 20 ms apart.

use std::time::Duration;

use shared::time::Timestamp;

/// Time between two frames.
pub(super) const FRAME: Duration = Duration::from_millis(20);
/// Frames that a late worker makes up for; more are left out.
const CATCH_UP_FRAMES: u64 = 3;

/// The clock of the frames of some bridges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    /// How long after a full 20 ms of the clock frames are due.
    phase: Duration,
    next_at: Timestamp,
    /// The number of the next frame.
    number: u64,
    /// Frames made since the worker was last on time.
    made_up: u64,
}

/// What to do with a frame that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Make the frame of this number.
    Make(u64),
    /// It is too late for it: the next ones are due already.
    Miss,
}

impl Schedule {
    /// The first frame is due within 20 ms.
    pub(super) fn new(now: Timestamp, phase: Duration) -> Self {
        let mut schedule = Schedule { phase, next_at: now, number: 0, made_up: 0 };
        schedule.restart(now);
        schedule
    }

    /// Begins anew after a time without bridges. Numbers go on.
    pub(super) fn restart(&mut self, now: Timestamp) {
        let frame = FRAME.as_micros() as i64;
        let since_frame = (now.as_micros() - self.phase.as_micros() as i64).rem_euclid(frame);
        self.next_at = now + Duration::from_micros((frame - since_frame).unsigned_abs());
    }

    /// The number of the next frame.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// How long until the next frame.
    pub(super) fn wait(&self, now: Timestamp) -> Duration {
        self.next_at.since(now)
    }

    /// The next frame that is due at `now`; call until `None`. The moments never shift: whatever is late, the frame
    /// after it is due at its own time.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Due> {
        if self.next_at > now {
            self.made_up = 0;
            return None;
        }
        let due = if self.made_up < CATCH_UP_FRAMES { Due::Make(self.number) } else { Due::Miss };
        self.made_up += 1;
        self.number += 1;
        self.next_at += FRAME;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at these milliseconds; what was due as "0 1" or "-" for a missed one.
    fn check(script: &[(u64, &str)]) {
        let start = Timestamp::from_secs(1_000);
        let mut schedule = Schedule::new(start, Duration::ZERO);
        for (millis, expected) in script {
            let now = start + Duration::from_millis(*millis);
            let due: Vec<String> = std::iter::from_fn(|| schedule.pop(now))
                .map(|due| match due {
                    Due::Make(number) => number.to_string(),
                    Due::Miss => "-".into(),
                })
                .collect();
            assert_eq!(due.join(" "), *expected, "at {millis} ms");
        }
    }

    #[test]
    fn frames_are_due_at_absolute_moments() {
        check(&[(0, ""), (19, ""), (20, "0"), (21, ""), (40, "1"), (79, "2"), (80, "3"), (100, "4")]);
    }

    #[test]
    fn a_late_worker_catches_up_a_little_and_leaves_the_rest_out() {
        check(&[
            (60, "0 1 2"),
            (80, "3"),
            (300, "4 5 6 - - - - - - - -"),
            (320, "15"),
            (339, ""),
            (340, "16"),
        ]);
    }

    #[test]
    fn it_never_drifts() {
        let start = Timestamp::from_secs(1_000);
        let mut schedule = Schedule::new(start, Duration::ZERO);
        let mut made = 0u64;
        // Looked at every 7.3 ms for an hour.
        for step in 0..493_150u64 {
            while schedule.pop(start + Duration::from_micros(step * 7_300)).is_some() {
                made += 1;
            }
        }
        assert_eq!(made, 493_149u64 * 7_300 / 20_000);
    }
}
