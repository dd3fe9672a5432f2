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
    /// Frames made since the worker was last on time.
    made_up: u64,
}

/// A frame that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// Its moment.
    pub(super) at: Timestamp,
    /// It is too late for it: the next ones are due already.
    pub(super) is_missed: bool,
}

impl Schedule {
    /// The first frame is due within 20 ms.
    pub(super) fn new(now: Timestamp, phase: Duration) -> Self {
        let mut schedule = Schedule { phase, next_at: now, made_up: 0 };
        schedule.restart(now);
        schedule
    }

    /// Begins anew after a time without bridges.
    pub(super) fn restart(&mut self, now: Timestamp) {
        let frame = FRAME.as_micros() as i64;
        let since_frame = (now.as_micros() - self.phase.as_micros() as i64).rem_euclid(frame);
        self.next_at = now + Duration::from_micros((frame - since_frame).unsigned_abs());
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
        let due = Due { at: self.next_at, is_missed: self.made_up >= CATCH_UP_FRAMES };
        self.made_up += 1;
        self.next_at += FRAME;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at these milliseconds; the moments that were due as "20 40", with "-" behind a missed one.
    fn check(script: &[(u64, &str)]) {
        let start = Timestamp::from_secs(1_000);
        let mut schedule = Schedule::new(start, Duration::ZERO);
        for (millis, expected) in script {
            let now = start + Duration::from_millis(*millis);
            let due: Vec<String> = std::iter::from_fn(|| schedule.pop(now))
                .map(|due| format!("{}{}", due.at.millis_since(start), if due.is_missed { "-" } else { "" }))
                .collect();
            assert_eq!(due.join(" "), *expected, "at {millis} ms");
        }
    }

    #[test]
    fn frames_are_due_at_absolute_moments() {
        check(&[(0, ""), (19, ""), (20, "20"), (21, ""), (40, "40"), (79, "60"), (80, "80"), (100, "100")]);
    }

    #[test]
    fn a_late_worker_catches_up_a_little_and_leaves_the_rest_out() {
        check(&[
            (60, "20 40 60"),
            (80, "80"),
            (300, "100 120 140 160- 180- 200- 220- 240- 260- 280- 300-"),
            (320, "320"),
            (339, ""),
            (340, "340"),
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
