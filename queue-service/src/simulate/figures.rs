//! Counts, and the means that follow from them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use shared::id::QueueId;
use shared::model::call::QueueExit;
use shared::time::Timestamp;

use super::world::{Ending, Outcome};

/// What happened in a stretch of time, by the time at which the calls came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Calls that came.
    pub offered: u64,
    /// Answered.
    pub answered: u64,
    /// Answered within the queue's target.
    pub in_target: u64,
    /// Hung up while waiting, soon or not.
    pub abandoned: u64,
    /// Left by any other way.
    pub other: u64,
    /// Time until the answer, of those answered, in milliseconds.
    pub wait_millis: u64,
    /// Longest time until the answer, in milliseconds.
    pub max_wait_millis: u64,
    /// Talk time and wrap-up that began in it, in milliseconds.
    pub work_millis: u64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.offered += other.offered;
        self.answered += other.answered;
        self.in_target += other.in_target;
        self.abandoned += other.abandoned;
        self.other += other.other;
        self.wait_millis += other.wait_millis;
        self.max_wait_millis = self.max_wait_millis.max(other.max_wait_millis);
        self.work_millis += other.work_millis;
    }

    fn count(&mut self, ending: &Ending) {
        self.offered += 1;
        match ending.exit {
            QueueExit::Answered => {
                self.answered += 1;
                self.in_target += u64::from(ending.wait_millis <= ending.target_millis);
                self.wait_millis += ending.wait_millis;
                self.max_wait_millis = self.max_wait_millis.max(ending.wait_millis);
            }
            QueueExit::Abandoned | QueueExit::ShortAbandon => self.abandoned += 1,
            QueueExit::Overflowed
            | QueueExit::TimedOut
            | QueueExit::Withdrawn
            | QueueExit::CallbackTaken
            | QueueExit::Closed
            | QueueExit::Full
            | QueueExit::Failed => self.other += 1,
        }
    }
}

/// A mean with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean over all batches.
    pub mean: f64,
    /// From where to where the true mean is in 95 of 100 cases; the mean itself when there are too few batches to say.
    pub interval: [f64; 2],
}

/// One interval of the day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IntervalFigures {
    /// When it begins, such as `08:30`.
    pub from: String,
    /// The queue.
    pub queue: QueueId,
    /// Calls that came, a day.
    pub offered: Estimate,
    /// Share answered within the target, 0 to 1; none when no call came.
    pub service_level: Option<Estimate>,
    /// Mean time until the answer; none when nobody was answered.
    pub asa_secs: Option<Estimate>,
    /// Share that hung up, 0 to 1.
    pub abandoned: Option<Estimate>,
}

/// What a simulation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The seed that gives the same figures again.
    pub seed: u64,
    /// Simulated time.
    pub hours: f64,
    /// Batches that the intervals of confidence come from: days, or stretches of one run.
    pub batches: u32,
    /// Everything counted, without the warm-up.
    pub counts: Counts,
    /// Share of all calls answered within the target, 0 to 1.
    pub service_level: Option<Estimate>,
    /// Mean time until the answer, over those answered.
    pub asa_secs: Option<Estimate>,
    /// Share that hung up, 0 to 1.
    pub abandoned: Option<Estimate>,
    /// Share of the agents' time that was talk or wrap-up, 0 to 1.
    pub occupancy: Option<Estimate>,
    /// The intervals of the day; none for a run without a day.
    pub intervals: Vec<IntervalFigures>,
}

/// Counts as they come.
#[derive(Debug, Clone)]
pub struct Tally {
    from: Timestamp,
    batch: Duration,
    batches: u32,
    /// Interval within a batch; none for all in one.
    interval: Option<Duration>,
    counts: BTreeMap<(u32, u32, QueueId), Counts>,
    work_millis: BTreeMap<u32, u64>,
    staffed_secs: BTreeMap<u32, f64>,
}

impl Tally {
    /// Batches of a length, from a moment on; what comes before or after them is not counted.
    pub fn new(from: Timestamp, batch: Duration, batches: u32) -> Tally {
        Tally {
            from,
            batch,
            batches,
            interval: None,
            counts: BTreeMap::new(),
            work_millis: BTreeMap::new(),
            staffed_secs: BTreeMap::new(),
        }
    }

    /// Divides each batch into intervals.
    pub fn by_interval(mut self, interval: Duration) -> Tally {
        self.interval = Some(interval);
        self
    }

    /// The time that agents were there, the same in each batch.
    pub fn staffed_secs(&mut self, secs: f64) {
        self.staffed_secs = (0..self.batches).map(|batch| (batch, secs)).collect();
    }

    /// The time that agents were there in one batch.
    pub fn staffed_in(&mut self, batch: u32, secs: f64) {
        *self.staffed_secs.entry(batch).or_default() += secs;
    }

    fn place(&self, at: Timestamp) -> Option<(u32, u32)> {
        if at < self.from {
            return None;
        }
        let since = at.since(self.from);
        let batch = u32::try_from(since.as_millis() / self.batch.as_millis().max(1)).ok()?;
        let within = Duration::from_millis((since.as_millis() % self.batch.as_millis().max(1)) as u64);
        let interval = self.interval.map_or(0, |interval| within.as_secs() / interval.as_secs().max(1));
        (batch < self.batches).then_some((batch, u32::try_from(interval).unwrap_or(u32::MAX)))
    }

    /// The figures. `starts` names the intervals.
    pub fn figures(&self, starts: &[String], simulated: Duration, seed: u64) -> Figures {
        let mut all = Counts::default();
        let mut batches = vec![Counts::default(); self.batches as usize];
        let mut intervals: BTreeMap<(u32, &QueueId), Vec<Counts>> = BTreeMap::new();
        for ((batch, interval, queue), counts) in &self.counts {
            all.add(counts);
            let place = *batch as usize;
            if let Some(known) = batches.get_mut(place) {
                known.add(counts);
            }
            let row = intervals
                .entry((*interval, queue))
                .or_insert_with(|| vec![Counts::default(); self.batches as usize]);
            if let Some(known) = row.get_mut(place) {
                known.add(counts);
            }
        }
        for (batch, millis) in &self.work_millis {
            all.work_millis += millis;
            if let Some(known) = batches.get_mut(*batch as usize) {
                known.work_millis += millis;
            }
        }
        let work = batches.iter().zip(0..).filter_map(|(counts, batch)| {
            Some((counts.work_millis as f64 / 1000.0, *self.staffed_secs.get(&batch)?))
        });
        Figures {
            seed,
            hours: simulated.as_secs_f64() / 3600.0,
            batches: self.batches,
            counts: all,
            service_level: service_level(&batches),
            asa_secs: asa(&batches),
            abandoned: abandoned(&batches),
            occupancy: ratio(work),
            intervals: intervals
                .iter()
                .filter(|_| !starts.is_empty())
                .map(|((interval, queue), row)| IntervalFigures {
                    from: starts.get(*interval as usize).cloned().unwrap_or_default(),
                    queue: (*queue).clone(),
                    offered: mean(&row.iter().map(|counts| counts.offered as f64).collect::<Vec<_>>()),
                    service_level: service_level(row),
                    asa_secs: asa(row),
                    abandoned: abandoned(row),
                })
                .collect(),
        }
    }
}

impl Outcome for Tally {
    fn ended(&mut self, ending: Ending) {
        if let Some((batch, interval)) = self.place(ending.arrived_at) {
            self.counts.entry((batch, interval, ending.queue.clone())).or_default().count(&ending);
        }
    }

    fn worked(&mut self, from: Timestamp, length: Duration) {
        // What runs over the end of a batch is divided, or a talk of an hour would make a short batch busier than it is.
        let (mut from, mut left) = (from, length);
        if from < self.from {
            left = left.saturating_sub(self.from.since(from));
            from = self.from;
        }
        while !left.is_zero()
            && let Some((batch, _)) = self.place(from)
        {
            let end = self.from + self.batch * (batch + 1);
            let part = left.min(end.since(from)).max(Duration::from_micros(1));
            *self.work_millis.entry(batch).or_default() += part.as_millis() as u64;
            from += part;
            left = left.saturating_sub(part);
        }
    }
}

fn service_level(batches: &[Counts]) -> Option<Estimate> {
    ratio(batches.iter().map(|counts| (counts.in_target as f64, counts.offered as f64)))
}

fn asa(batches: &[Counts]) -> Option<Estimate> {
    ratio(batches.iter().map(|counts| (counts.wait_millis as f64 / 1000.0, counts.answered as f64)))
}

fn abandoned(batches: &[Counts]) -> Option<Estimate> {
    ratio(batches.iter().map(|counts| (counts.abandoned as f64, counts.offered as f64)))
}

/// A ratio of sums, with the interval of a ratio estimate: the spread of `above − ratio · below` over the batches.
fn ratio(batches: impl Iterator<Item = (f64, f64)>) -> Option<Estimate> {
    let batches: Vec<(f64, f64)> = batches.collect();
    let above: f64 = batches.iter().map(|batch| batch.0).sum();
    let below: f64 = batches.iter().map(|batch| batch.1).sum();
    if below <= 0.0 {
        return None;
    }
    let ratio = above / below;
    let count = batches.len() as f64;
    let average = below / count;
    let square: f64 = batches.iter().map(|(above, below)| (above - ratio * below).powi(2)).sum();
    let half = if batches.len() < 2 {
        0.0
    } else {
        student(batches.len() - 1) * (square / (count - 1.0)).sqrt() / (average * count.sqrt())
    };
    Some(Estimate { mean: ratio, interval: [ratio - half, ratio + half] })
}

fn mean(values: &[f64]) -> Estimate {
    let ones = values.iter().map(|value| (*value, 1.0));
    ratio(ones).unwrap_or(Estimate { mean: 0.0, interval: [0.0, 0.0] })
}

/// Two-sided 95 % point of Student's t.
fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
        2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
        2.045, 2.042,
    ];
    // Beyond the table by its usual approximation, 1.96 + 2.4 / freedom, within 0.002.
    TABLE.get(freedom.saturating_sub(1)).copied().unwrap_or(1.96 + 2.4 / freedom as f64)
}
