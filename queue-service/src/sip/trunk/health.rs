//! Whether a server of a trunk answers: OPTIONS pings and the state that follows from them.
//!
//! Any final response but 408 and 503 means that somebody is there; 401, 404 and 405 are as good as 200. A server is down
//! after so many pings in a row without one, and up again after so many answers in a row.

use std::time::Duration;

use shared::model::trunk::TrunkState;
use shared::time::Timestamp;

/// After a silence the next ping comes this soon: until it is known, calls wait for it.
const AGAIN: Duration = Duration::from_secs(1);

/// How a trunk's servers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pings {
    /// From one ping to the next.
    pub every: Duration,
    /// No answer within this is silence.
    pub timeout: Duration,
    /// Silences in a row after which it is down.
    pub down_after: u32,
    /// Answers in a row after which it is up.
    pub up_after: u32,
}

/// One server's health.
#[derive(Debug, Clone)]
pub struct Health {
    pings: Option<Pings>,
    state: TrunkState,
    since: Timestamp,
    /// Answers (or silences, when `silent`) in a row.
    in_row: u32,
    silent: bool,
    waiting: Option<Waiting>,
    next_at: Option<Timestamp>,
    round_trip: Option<Duration>,
    answered_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    ping: u64,
    sent_at: Timestamp,
}

impl Health {
    /// A server of which nothing is known; the first ping is due at once. Without `pings` it stays unknown, which
    /// takes calls.
    pub fn new(now: Timestamp, pings: Option<Pings>) -> Health {
        Health {
            pings,
            state: TrunkState::Unknown,
            since: now,
            in_row: 0,
            silent: false,
            waiting: None,
            next_at: pings.map(|_| now),
            round_trip: None,
            answered_at: None,
        }
    }

    /// The state.
    pub fn state(&self) -> &TrunkState {
        &self.state
    }

    /// Since when.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// From the last ping that was answered to its answer.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// When [`Health::tick`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        let timeout = match (&self.waiting, self.pings) {
            (Some(waiting), Some(pings)) => Some(waiting.sent_at + pings.timeout),
            _ => None,
        };
        timeout.or(self.next_at)
    }

    /// Works off what is due; true when a ping is to be sent now, with the number `ping`.
    pub fn tick(&mut self, now: Timestamp, ping: u64) -> bool {
        let Some(pings) = self.pings else { return false };
        if let Some(waiting) = self.waiting
            && waiting.sent_at + pings.timeout <= now
        {
            self.waiting = None;
            self.count(now, pings, Err("no answer to OPTIONS"));
            if self.state.is_usable() {
                self.next_at = self.next_at.map(|at| at.min(now + AGAIN));
            }
        }
        if self.waiting.is_none() && self.next_at.is_some_and(|at| at <= now) {
            self.waiting = Some(Waiting { ping, sent_at: now });
            self.next_at = Some(now + pings.every);
            return true;
        }
        false
    }

    /// The answer to a ping; false when it is not the one that is waited for.
    pub fn answered(&mut self, now: Timestamp, ping: u64, status: u16) -> bool {
        let (Some(pings), Some(waiting)) = (self.pings, self.waiting) else { return false };
        if waiting.ping != ping {
            return false;
        }
        self.waiting = None;
        match status {
            408 => self.count(now, pings, Err("no answer to OPTIONS")),
            503 => self.count(now, pings, Err("OPTIONS could not be sent, or was answered 503")),
            _ => {
                self.round_trip = Some(now.since(waiting.sent_at));
                self.answered_at = Some(now);
                self.count(now, pings, Ok(()));
            }
        }
        true
    }

    /// A call could not be brought there: it is asked at once.
    pub fn doubt(&mut self, now: Timestamp) {
        if self.pings.is_some() && self.waiting.is_none() {
            self.next_at = Some(now);
        }
    }

    /// A call is sent there: unless it has answered a moment ago it is asked at once, so that a call does not wait for
    /// the end of its transaction (32 seconds) at a server that is gone.
    pub fn called(&mut self, now: Timestamp) {
        if let Some(pings) = self.pings
            && self.answered_at.is_none_or(|at| at + pings.timeout <= now)
        {
            self.doubt(now);
        }
    }

    fn count(&mut self, now: Timestamp, pings: Pings, answer: Result<(), &str>) {
        self.in_row = if self.silent == answer.is_err() { self.in_row.saturating_add(1) } else { 1 };
        self.silent = answer.is_err();
        let state = match (answer, &self.state) {
            // What is not known yet is believed at once.
            (Ok(()), TrunkState::Unknown) => TrunkState::Up,
            (Ok(()), TrunkState::Down { .. }) if self.in_row >= pings.up_after => TrunkState::Up,
            (Err(why), TrunkState::Unknown | TrunkState::Up) if self.in_row >= pings.down_after => {
                TrunkState::Down { reason: why.to_owned() }
            }
            _ => return,
        };
        self.state = state;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINGS: Pings =
        Pings { every: Duration::from_secs(30), timeout: Duration::from_secs(4), down_after: 2, up_after: 2 };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + secs)
    }

    /// Plays `answer status` or `silence` for each ping in turn, on the virtual clock; the state after each.
    fn play(answers: &[u16]) -> Vec<&'static str> {
        let mut health = Health::new(at(0), Some(PINGS));
        let mut states = Vec::new();
        for (number, status) in answers.iter().enumerate() {
            let due = health.deadline().expect("a ping is due");
            assert!(health.tick(due, number as u64), "a ping is sent");
            assert!(!health.tick(due, 99), "one at a time");
            if *status == 0 {
                let timeout = health.deadline().expect("a timeout");
                assert_eq!(timeout, due + PINGS.timeout);
                assert!(!health.tick(timeout, 99));
                assert!(!health.answered(timeout, number as u64, 200), "too late");
            } else {
                assert!(health.answered(due + Duration::from_millis(20), number as u64, *status));
                assert_eq!(health.deadline(), Some(due + PINGS.every));
            }
            states.push(health.state().label());
        }
        states
    }

    #[test]
    fn answers_and_silences_move_the_state() {
        for (answers, states) in [
            (&[200][..], &["Up"][..]),
            (&[404, 405, 401, 500, 486], &["Up", "Up", "Up", "Up", "Up"]),
            (&[0, 0], &["Unknown", "Down"]),
            (&[503, 408], &["Unknown", "Down"]),
            (&[200, 0, 200, 0, 200], &["Up", "Up", "Up", "Up", "Up"]),
            (&[200, 0, 0, 200, 200], &["Up", "Up", "Down", "Down", "Up"]),
            (&[200, 0, 503, 200, 0, 200, 200], &["Up", "Up", "Down", "Down", "Down", "Down", "Up"]),
        ] {
            assert_eq!(play(answers), states, "{answers:?}");
        }
    }

    #[test]
    fn the_round_trip_is_measured_and_the_change_has_its_time() {
        let mut health = Health::new(at(0), Some(PINGS));
        assert!(health.tick(at(0), 1));
        let answer = at(0) + Duration::from_millis(37);
        assert!(!health.answered(answer, 2, 200), "another ping's answer");
        assert!(health.answered(answer, 1, 200));
        assert_eq!((health.round_trip(), health.since()), (Some(Duration::from_millis(37)), answer));
    }

    #[test]
    fn a_call_that_failed_asks_at_once() {
        let mut health = Health::new(at(0), Some(PINGS));
        assert!(health.tick(at(0), 1) && health.answered(at(0), 1, 200));
        health.doubt(at(5));
        assert_eq!(health.deadline(), Some(at(5)));
        assert!(health.tick(at(5), 2));
    }

    #[test]
    fn a_call_to_a_server_that_is_gone_finds_out_soon() {
        let mut health = Health::new(at(0), Some(PINGS));
        assert!(health.tick(at(0), 1) && health.answered(at(0), 1, 200));
        health.called(at(2));
        assert_eq!(health.deadline(), Some(at(30)), "it has answered a moment ago");
        health.called(at(10));
        assert!(health.tick(at(10), 2) && !health.tick(at(14), 3), "silence");
        assert_eq!(health.deadline(), Some(at(15)));
        assert!(health.tick(at(15), 3) && !health.tick(at(19), 4));
        assert!(!health.state().is_usable(), "nine seconds after the call");
    }

    #[test]
    fn who_is_not_asked_stays_unknown() {
        let mut health = Health::new(at(0), None);
        health.doubt(at(1));
        assert_eq!((health.deadline(), health.tick(at(9), 1)), (None, false));
        assert!(health.state().is_usable());
    }
}
