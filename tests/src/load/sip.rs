//! `deploy/bench sip`: how many calls a second one core takes, how long a set-up lasts, what it costs.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::{Outcome, ports};

use super::figures::{Answered, Queued, Sip};
use super::meter::Reading;
use super::peers::{self, Found, Plan};
use super::sipp::{Counts, Load};
use super::stage::{FLOOR, Stage, WAITING_ROOM};

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Length of each part, in seconds.
    pub secs: u32,
    /// Calls a second that the service answers itself.
    pub uas_rate: u32,
    /// Calls a second through the queue.
    pub queue_rate: u32,
    /// Calls a second while the set-up is timed.
    pub setup_rate: u32,
    /// Agents' phones; none for as many as the rate needs.
    pub agents: Option<u16>,
    /// How long an agent talks.
    pub talk: Duration,
}

/// Memory is flat when it has been through this once: transactions are kept for 32 s after their end (RFC 3261 §17.2, timers
/// J and L), so after that as many go as come.
const WARM_UP_SECS: u32 = 35;
/// What a call takes besides the talk, at most, to find out how many agents are needed.
const SPARE_SECS: f64 = 0.3;
/// The part in which the set-up is timed is not longer.
const SETUP_SECS: u32 = 30;
/// How long the last call of a part may take.
const PATIENCE: Duration = Duration::from_secs(40);

impl Wanted {
    /// An agent has one call at a time: so many talk at the same time, and some more are about to.
    pub fn agents(&self) -> u16 {
        let rate = f64::from(self.queue_rate.max(self.setup_rate));
        let needed = (rate * (self.talk.as_secs_f64() + SPARE_SECS)).ceil() as u16;
        self.agents.unwrap_or_else(|| needed.max(20))
    }
}

/// Measures. What is going on is told on the way.
///
/// # Errors
/// Why it cannot be measured: a program is missing, the service died.
pub async fn measure(program: &Path, folder: &Path, wanted: &Wanted, tell: &dyn Fn(&str)) -> Outcome<Sip> {
    let agents = wanted.agents();
    let stage = Stage::start(program, folder, agents).await?;
    let bench = Bench { stage, folder, wanted };
    let warm_up = wanted.secs.min(WARM_UP_SECS);
    tell(&format!("warm-up: {warm_up} s of both kinds of calls"));
    bench.answered(warm_up).await?;
    bench.queued(warm_up).await?;

    let drops = bench.stage.datagrams_dropped()?;
    let mut sip = Sip { rss_mb_before: bench.stage.resident_mb()?, ..Sip::default() };
    tell(&format!("{} calls/s answered by the service itself, {} s", wanted.uas_rate, wanted.secs));
    let (answered, counts) = bench.answered(wanted.secs).await?;
    sip.uas = answered;
    sip.count(&counts);
    tell(&format!("{} calls/s through a queue to {agents} agents, {} s", wanted.queue_rate, wanted.secs));
    let (queued, counts) = bench.queued(wanted.secs).await?;
    sip.queue = Queued { agents, ..queued };
    sip.count(&counts);
    let setup_secs = wanted.secs.min(SETUP_SECS);
    tell(&format!("the time of the set-up at {} calls/s, {setup_secs} s", wanted.setup_rate));
    let found = bench.set_up(setup_secs).await?;
    sip.queue.setup_at_calls_per_s = wanted.setup_rate;
    sip.queue.setup_p50_ms = found.setup_ms(0.5);
    sip.queue.setup_p99_ms = found.setup_ms(0.99);
    sip.queue.setup_max_ms = found.setup_ms(1.0);
    sip.queue.failed += found.calls - found.good;
    sip.retransmissions += found.invites_sent_again + found.invites_received_again;
    sip.rss_mb_after = bench.stage.resident_mb()?;
    sip.rcvbuf_drops = bench.stage.datagrams_dropped()?.saturating_sub(drops);
    Ok(sip)
}

impl Sip {
    fn count(&mut self, counts: &[Counts]) {
        for counts in counts {
            let invites = counts.invites_sent_again + counts.invites_received_again;
            self.retransmissions += invites;
            self.other_retransmissions += counts.sent_again.saturating_sub(counts.invites_sent_again);
        }
    }
}

struct Bench<'a> {
    stage: Stage,
    folder: &'a Path,
    wanted: &'a Wanted,
}

impl Bench<'_> {
    /// Calls into a queue that nobody serves: admission, routing, the call's machine, a port with music, the journal; and
    /// the caller hangs up.
    async fn answered(&self, secs: u32) -> Outcome<(Answered, Vec<Counts>)> {
        let rate = self.wanted.uas_rate;
        let service = self.stage.service.id();
        let begun = Reading::of(service)?;
        let callers = self.callers("caller-answered", WAITING_ROOM, rate, secs)?;
        let (counts, sipp_percent) = finish(callers, secs, PATIENCE).await?;
        let used = begun.used(service)?;
        let answered = Answered {
            offered_per_s: rate,
            calls_per_s: counts.good as f64 / used.wall.as_secs_f64(),
            failed: u64::from(rate * secs) - counts.good.min(u64::from(rate * secs)),
            calls: counts.calls,
            cpu_ms_per_call: used.cpu_ms_per(counts.calls),
            core_percent: used.core_percent(),
            sipp_core_percent: sipp_percent,
        };
        Ok((answered, vec![counts]))
    }

    async fn queued(&self, secs: u32) -> Outcome<(Queued, Vec<Counts>)> {
        let rate = self.wanted.queue_rate;
        let (service, talk) = (self.stage.service.id(), self.wanted.talk);
        let agents = Load::agents(self.folder, self.stage.phones, self.stage.sip(), talk).await?;
        let begun = Reading::of(service)?;
        let callers = self.callers("caller-talks", FLOOR, rate, secs)?;
        let (called, callers_percent) = finish(callers, secs, talk + PATIENCE).await?;
        let used = begun.used(service)?;
        let agents_percent = agents.used()?.core_percent();
        let answered = agents.stopped().await?;
        let all = u64::from(rate * secs);
        let queued = Queued {
            offered_per_s: rate,
            // The last call still talks when no more are made.
            calls_per_s: called.good as f64 / used.wall.saturating_sub(talk).as_secs_f64(),
            failed: all - called.good.min(answered.good).min(all),
            calls: called.calls,
            talk_ms: u64::try_from(talk.as_millis()).unwrap_or(u64::MAX),
            cpu_ms_per_call: used.cpu_ms_per(called.calls),
            core_percent: used.core_percent(),
            sipp_core_percent: callers_percent + agents_percent,
            ..Queued::default()
        };
        Ok((queued, vec![called, answered]))
    }

    async fn set_up(&self, secs: u32) -> Outcome<Found> {
        let plan = Plan {
            service: self.stage.sip(),
            callers: self.caller_address()?,
            agents: self.stage.phones,
            number: FLOOR.into(),
            rate: self.wanted.setup_rate,
            secs,
            talk: self.wanted.talk,
        };
        // The thread starts on this one's core.
        tokio::task::spawn_blocking(move || peers::run(&plan)).await?
    }

    fn callers(&self, scenario: &'static str, number: &str, rate: u32, secs: u32) -> Outcome<Load> {
        let ends = [self.caller_address()?, self.stage.sip()];
        Load::callers(scenario, self.folder, ends, number, rate, secs)
    }

    /// A port of its own for each part: what is late for one is not taken for another's.
    fn caller_address(&self) -> Outcome<SocketAddr> {
        let ip = self.stage.callers.ip();
        Ok(SocketAddr::new(ip, ports::free_pair(ip)?))
    }
}

/// Waits for callers, and how much of their core they used.
async fn finish(callers: Load, secs: u32, at_most: Duration) -> Outcome<(Counts, f64)> {
    // Looked at shortly before the end, since afterwards there is nothing to look at.
    tokio::time::sleep(Duration::from_secs(secs.into()).mul_f64(0.95)).await;
    let percent = callers.used().map_or(0.0, |used| used.core_percent());
    let counts = callers.finished(Duration::from_secs(secs.into()) + at_most).await?;
    Ok((counts, percent))
}
