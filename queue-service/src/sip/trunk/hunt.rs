//! One call out: the ways that are tried one after the other, and when to stop.
//!
//! The next way is tried after silence, an address that cannot be reached and the answers that the trunk's
//! configuration lists, and only as long as the caller has heard nothing of the one who is called. An answer that is
//! about the callee (busy, declined, unknown) ends the hunt: another carrier would ring the same telephone.

use std::collections::VecDeque;

use shared::id::TrunkId;

/// One way to the callee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The trunk.
    pub trunk: TrunkId,
    /// Which of its servers.
    pub server: usize,
    /// The number as it is sent there.
    pub number: String,
    /// Answers after which the next is tried.
    pub fail_over_on: Vec<u16>,
}

/// What comes after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// This way is tried.
    Next(Way),
    /// The call has failed with this status.
    GiveUp(u16),
}

/// A call on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunt {
    now: Way,
    next: VecDeque<Way>,
    attempt: u32,
    max_tries: u32,
    /// The caller hears the far side.
    heard: bool,
}

impl Hunt {
    /// Begins with the first way; none without one. At most `max_tries` are tried.
    pub fn new(ways: impl IntoIterator<Item = Way>, max_tries: u32) -> Option<Hunt> {
        let mut next: VecDeque<Way> = ways.into_iter().collect();
        let now = next.pop_front()?;
        Some(Hunt { now, next, attempt: 1, max_tries, heard: false })
    }

    /// The way that is tried now.
    pub fn way(&self) -> &Way {
        &self.now
    }

    /// 1 for the first.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Early media of the far side has been passed to the caller.
    pub fn heard(&mut self) {
        self.heard = true;
    }

    /// The way that is tried now failed.
    pub fn failed(&mut self, status: u16) -> After {
        if self.heard || !self.now.fail_over_on.contains(&status) || self.attempt >= self.max_tries {
            return After::GiveUp(status);
        }
        match self.next.pop_front() {
            Some(way) => {
                self.now = way.clone();
                self.attempt += 1;
                After::Next(way)
            }
            None => After::GiveUp(status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(count: usize) -> Vec<Way> {
        let way = |server| Way {
            trunk: "a".parse().expect("id"),
            server,
            number: "1".into(),
            fail_over_on: vec![408, 500, 503],
        };
        (0..count).map(way).collect()
    }

    /// The servers tried, and the status at the end.
    fn play(count: usize, max_tries: u32, answers: &[u16]) -> (Vec<usize>, u16) {
        let mut hunt = Hunt::new(ways(count), max_tries).expect("a way");
        let mut tried = vec![hunt.way().server];
        for status in answers {
            match hunt.failed(*status) {
                After::Next(way) => tried.push(way.server),
                After::GiveUp(status) => return (tried, status),
            }
        }
        panic!("the hunt goes on after {answers:?}");
    }

    #[test]
    fn the_next_way_is_tried_after_what_is_not_about_the_callee() {
        for (count, max_tries, answers, tried, end) in [
            (3, 9, &[503, 408, 486][..], &[0, 1, 2][..], 486),
            (3, 9, &[486], &[0], 486),
            (3, 9, &[603], &[0], 603),
            (3, 9, &[404], &[0], 404),
            (3, 9, &[480], &[0], 480),
            (3, 9, &[502], &[0], 502),
            (2, 9, &[503, 503], &[0, 1], 503),
            (9, 3, &[503, 503, 408], &[0, 1, 2], 408),
        ] {
            assert_eq!(play(count, max_tries, answers), (tried.to_vec(), end), "{answers:?}");
        }
        assert_eq!(Hunt::new([], 3), None);
    }

    #[test]
    fn who_was_heard_is_not_replaced() {
        let mut hunt = Hunt::new(ways(3), 9).expect("a way");
        hunt.heard();
        assert_eq!((hunt.failed(503), hunt.attempt()), (After::GiveUp(503), 1));
    }
}
