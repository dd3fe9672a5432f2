//! Nine service levels: two words that vendors compute in nine ways, each from the same waits.
//!
//! T is the target, S the time below which an abandon is short. A wait that ends exactly at T is within it. All but SL-H
//! are of everything since the start of the fold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{CallId, QueueId};
use crate::model::call::QueueExit;
use crate::model::event::{Event, Stamped};
use crate::model::metric::Figure;
use crate::time::Timestamp;

/// The waits of one queue, or of all: a fold of `CallQueued` and `CallLeftQueue`.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    queue: Option<QueueId>,
    waiting: BTreeMap<CallId, Timestamp>,
    entered: u64,
    /// When it ended, how, and after how many milliseconds.
    ended: Vec<(Timestamp, QueueExit, u64)>,
}

/// What the formulas leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knobs {
    /// T, in milliseconds.
    pub target_millis: u64,
    /// Genesys: calls that left in another way than answered or abandoned count below the line.
    pub flow_outs: bool,
    /// Genesys: short abandons do not count.
    pub without_short: bool,
    /// Genesys: abandons do not count.
    pub without_abandons: bool,
    /// RingCentral: abandons after this many milliseconds count below the line; none of them when left out.
    pub abandoned_after_millis: Option<u64>,
    /// Salemove: the window, in milliseconds.
    pub window_millis: u64,
    /// Salemove: somebody who serves the queue is signed in.
    pub signed_in: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Knobs {
            target_millis: 20_000,
            flow_outs: false,
            without_short: false,
            without_abandons: false,
            abandoned_after_millis: None,
            window_millis: 3_600_000,
            signed_in: true,
        }
    }
}

/// One of the nine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Level {
    /// `SL-A` to `SL-I`; of two numbers with one name the second has a stroke, `SL-G'`.
    pub id: String,
    /// Whose it is.
    pub used_by: String,
    /// In percent, with its formula.
    pub percent: Figure,
}

impl Waits {
    /// Of one queue, or of all.
    pub fn new(queue: Option<QueueId>) -> Waits {
        Waits { queue, ..Waits::default() }
    }

    /// The next event.
    pub fn apply(&mut self, stamped: &Stamped) {
        match &stamped.event {
            Event::CallQueued { call, queue, .. } if self.is_of(queue) => {
                self.entered += 1;
                self.waiting.insert(*call, stamped.at);
            }
            Event::CallLeftQueue { call, queue, exit, wait_millis } if self.is_of(queue) => {
                self.waiting.remove(call);
                self.ended.push((stamped.at, *exit, *wait_millis));
            }
            _ => {}
        }
    }

    fn is_of(&self, queue: &QueueId) -> bool {
        self.queue.as_ref().is_none_or(|own| own == queue)
    }

    /// Each exit of the closed list, counted on its own.
    pub fn exits(&self) -> BTreeMap<QueueExit, u64> {
        let mut exits: BTreeMap<QueueExit, u64> = QueueExit::ALL.into_iter().map(|exit| (exit, 0)).collect();
        for (_, exit, _) in &self.ended {
            *exits.entry(*exit).or_default() += 1;
        }
        exits
    }

    /// Calls that entered; those turned away at the door did not.
    pub fn entered(&self) -> u64 {
        self.entered
    }

    /// Calls that wait, and those of them that have waited longer than a time.
    pub fn waiting(&self, now: Timestamp, longer_than_millis: u64) -> (u64, u64) {
        let over =
            self.waiting.values().filter(|since| now.millis_since(**since) > longer_than_millis).count();
        (self.waiting.len() as u64, over as u64)
    }

    /// How many of these exits there are whose wait fits.
    fn count(&self, exits: &[QueueExit], fits: impl Fn(u64) -> bool) -> u64 {
        self.ended.iter().filter(|(_, exit, wait)| exits.contains(exit) && fits(*wait)).count() as u64
    }

    /// All nine at a moment.
    pub fn levels(&self, now: Timestamp, knobs: &Knobs) -> Vec<Level> {
        use QueueExit::{Abandoned, Answered, CallbackTaken, Overflowed, ShortAbandon, TimedOut, Withdrawn};
        let target = knobs.target_millis;
        let (any, in_time) = (|_: u64| true, |wait: u64| wait <= target);
        let abandons = [Abandoned, ShortAbandon];
        let answered = self.count(&[Answered], any);
        let answered_in_time = self.count(&[Answered], in_time);
        let abandoned = self.count(&abandons, any);
        let short = self.count(&[ShortAbandon], any);
        let (waiting, late) = self.waiting(now, target);
        // Asterisk: whoever left without an answer.
        let unanswered = [Abandoned, ShortAbandon, TimedOut, Withdrawn];
        let flow_outs = self.count(&[Overflowed, TimedOut, Withdrawn, CallbackTaken], any);
        let genesys = answered
            + if knobs.without_abandons {
                0
            } else {
                abandoned - if knobs.without_short { short } else { 0 }
            }
            + if knobs.flow_outs { flow_outs } else { 0 };
        let ring_central =
            knobs.abandoned_after_millis.map_or(0, |after| self.count(&abandons, |wait| wait > after));
        let window = |(at, ..): &&(Timestamp, QueueExit, u64)| now.millis_since(*at) < knobs.window_millis;
        let recent = |exits: &[QueueExit], most: u64| {
            let ended = self.ended.iter().filter(window);
            ended.filter(|(_, exit, wait)| exits.contains(exit) && *wait <= most).count() as u64
        };
        let rolling = recent(&[Answered, Abandoned, ShortAbandon], u64::MAX);
        let everybody =
            self.count(&QueueExit::ALL, any) - self.count(&[QueueExit::Closed, QueueExit::Full], any);
        let level = |id: &str, used_by: &str, part: u64, whole: u64, formula: &str| Level {
            id: id.into(),
            used_by: used_by.into(),
            percent: Figure {
                value: (whole > 0).then(|| part as f64 / whole as f64 * 100.0),
                formula: formula.into(),
            },
        };
        let removed = self.count(&[Answered, Abandoned, ShortAbandon, CallbackTaken], in_time);
        let mut levels = vec![
            level("SL-A", "Asterisk", answered_in_time, answered, "answered within T / answered"),
            level(
                "SL-B",
                "Asterisk, second",
                answered_in_time + self.count(&unanswered, in_time),
                answered + self.count(&unanswered, any),
                "(answered + abandoned within T) / (answered + abandoned), timed out and withdrawn as abandoned",
            ),
            level(
                "SL-C",
                "Amazon Connect",
                removed,
                self.entered,
                "(answered + abandoned + callbacks taken, within T) / entered",
            ),
            level(
                "SL-D",
                "Genesys Cloud",
                answered_in_time,
                genesys,
                "answered within T / (answered + abandoned), flow-outs added, short or all abandons left out by switch",
            ),
            level(
                "SL-E",
                "8x8",
                answered_in_time,
                (self.entered - short.min(self.entered)).saturating_sub(waiting - late),
                "answered within T / (entered - short abandons - still waiting below T)",
            ),
            level(
                "SL-F",
                "RingCentral",
                answered_in_time,
                answered + ring_central,
                "answered within T / (answered + abandoned after the threshold, when they count)",
            ),
            level(
                "SL-G",
                "Altigen, live",
                waiting - late,
                waiting,
                "(waiting - waiting longer than T) / waiting",
            ),
            level(
                "SL-G'",
                "Altigen, answered",
                answered_in_time,
                answered,
                "(answered - answered after T) / answered",
            ),
            level(
                "SL-H",
                "Salemove",
                recent(&[Answered], target),
                rolling,
                "answered within T / (answered + abandoned) in the window; 100 when nobody is signed in",
            ),
            level(
                "SL-I",
                "QueueMetrics, answered",
                answered_in_time,
                answered,
                "answered within T / answered",
            ),
            level(
                "SL-I'",
                "QueueMetrics, inclusive",
                answered_in_time,
                everybody,
                "answered within T / (answered + everybody else who waited and left)",
            ),
        ];
        if !knobs.signed_in
            && let Some(level) = levels.iter_mut().find(|level| level.id == "SL-H")
        {
            level.percent.value = Some(100.0);
        }
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Ten calls, T = 20 s, S = 5 s: answered after 5, 20, 21 and 60 s, a short abandon after 3 s, abandoned after 15 and
    /// 40 s, timed out after 90 s, a callback taken after 10 s, overflowed after 30 s; two more wait for 10 and 25 s; one
    /// came to a closed and one to a full queue. Now is an hour after the start.
    fn journal() -> Vec<Stamped> {
        use QueueExit::{
            Abandoned, Answered, CallbackTaken, Closed, Full, Overflowed, ShortAbandon, TimedOut,
        };
        let queue: QueueId = "sales".parse().expect("a queue");
        let mut events = Vec::new();
        let mut push = |at: u64, event: Event| {
            let at = Timestamp::from_secs(1_000_000) + Duration::from_secs(at);
            events.push(Stamped { seq: events.len() as u64 + 1, at, event });
        };
        let ends = [
            (0, 5, Answered),
            (100, 20, Answered),
            (200, 21, Answered),
            (300, 60, Answered),
            (400, 3, ShortAbandon),
            (500, 15, Abandoned),
            (3_000, 40, Abandoned),
            (600, 90, TimedOut),
            (700, 10, CallbackTaken),
            (800, 30, Overflowed),
        ];
        for (number, (at, secs, exit)) in (1..).zip(ends) {
            let call = CallId::from_u64(number);
            let since = Timestamp::EPOCH;
            push(at, Event::CallQueued { call, queue: queue.clone(), priority_secs: 0, since, only: None });
            push(
                at + secs,
                Event::CallLeftQueue { call, queue: queue.clone(), exit, wait_millis: secs * 1000 },
            );
        }
        for (number, at) in [(11, 3_590), (12, 3_575)] {
            let (call, since) = (CallId::from_u64(number), Timestamp::EPOCH);
            push(at, Event::CallQueued { call, queue: queue.clone(), priority_secs: 0, since, only: None });
        }
        for (number, exit) in [(13, Closed), (14, Full)] {
            let call = CallId::from_u64(number);
            push(3_599, Event::CallLeftQueue { call, queue: queue.clone(), exit, wait_millis: 0 });
        }
        events
    }

    fn percent(knobs: &Knobs, id: &str) -> Option<f64> {
        let mut waits = Waits::new(Some("sales".parse().expect("a queue")));
        journal().iter().for_each(|stamped| waits.apply(stamped));
        let now = Timestamp::from_secs(1_003_600);
        let levels = waits.levels(now, knobs);
        levels.into_iter().find(|level| level.id == id).expect(id).percent.value
    }

    #[test]
    fn the_nine_formulas_give_what_was_worked_out_by_hand() {
        let usual = Knobs::default();
        for (id, part, whole) in [
            // 5 and 20 s of four answered.
            ("SL-A", 2.0, 4.0),
            // And 3 and 15 s of four that went (3, 15, 40 and 90 s).
            ("SL-B", 4.0, 8.0),
            // 5, 20, 3, 15 and 10 s of twelve that entered.
            ("SL-C", 5.0, 12.0),
            // Four answered and three abandoned.
            ("SL-D", 2.0, 7.0),
            // Twelve, without one short abandon and one who still waits below T.
            ("SL-E", 2.0, 10.0),
            ("SL-F", 2.0, 4.0),
            // Two wait, one of them too long.
            ("SL-G", 1.0, 2.0),
            ("SL-G'", 2.0, 4.0),
            // All four answers and all three abandons are of the last hour.
            ("SL-H", 2.0, 7.0),
            ("SL-I", 2.0, 4.0),
            // Ten waited and left.
            ("SL-I'", 2.0, 10.0),
        ] {
            assert_eq!(percent(&usual, id), Some(part / whole * 100.0), "{id}");
        }
    }

    #[test]
    fn the_switches_of_the_formulas_change_what_they_say() {
        let usual = Knobs::default();
        let third = Knobs { flow_outs: true, ..usual };
        for (id, knobs, part, whole) in [
            // Timed out, callback and overflowed below the line.
            ("SL-D", third, 2.0, 10.0),
            ("SL-D", Knobs { without_short: true, ..usual }, 2.0, 6.0),
            ("SL-D", Knobs { without_abandons: true, ..usual }, 2.0, 4.0),
            ("SL-F", Knobs { abandoned_after_millis: Some(10_000), ..usual }, 2.0, 6.0),
            ("SL-F", Knobs { abandoned_after_millis: Some(0), ..usual }, 2.0, 7.0),
            // In the last fifteen minutes only one abandon.
            ("SL-H", Knobs { window_millis: 900_000, ..usual }, 0.0, 1.0),
            ("SL-H", Knobs { signed_in: false, ..usual }, 1.0, 1.0),
            // T of a minute: all four answered.
            ("SL-A", Knobs { target_millis: 60_000, ..usual }, 4.0, 4.0),
        ] {
            assert_eq!(percent(&knobs, id), Some(part / whole * 100.0), "{id} {knobs:?}");
        }
    }

    #[test]
    fn complaint_23_answered_calls_are_shown_as_abandoned() {
        let mut waits = Waits::new(None);
        journal().iter().for_each(|stamped| waits.apply(stamped));
        let exits = waits.exits();
        assert_eq!(exits.len(), QueueExit::ALL.len());
        let of = |exit| exits.get(&exit).copied();
        assert_eq!((of(QueueExit::Answered), of(QueueExit::Abandoned)), (Some(4), Some(2)));
        assert_eq!((of(QueueExit::Withdrawn), of(QueueExit::Full)), (Some(0), Some(1)));
        let turned_away = 2;
        let (waiting, late) = waits.waiting(Timestamp::from_secs(1_003_600), 20_000);
        assert_eq!((waiting, late), (2, 1));
        assert_eq!(waits.entered() + turned_away, exits.values().sum::<u64>() + waiting);
        // Of another queue there is nothing.
        let mut other = Waits::new(Some("help".parse().expect("a queue")));
        journal().iter().for_each(|stamped| other.apply(stamped));
        assert!(
            other.levels(Timestamp::EPOCH, &Knobs::default()).iter().all(|it| it.percent.value.is_none())
        );
    }
}
