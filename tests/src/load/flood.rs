//! `deploy/bench flood`: what is left for callers while somebody floods the service.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::ports::{self, STRANGER};
use crate::{Fault, Outcome};

use super::meter::Reading;
use super::peers::{self, Plan};
use super::sender::Flood;
use super::stage::{FLOOR, Stage};

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// How long it is flooded, in seconds.
    pub secs: u32,
    /// Calls a second that come from the trunk meanwhile.
    pub rate: u32,
}

/// How long an agent talks.
const TALK: Duration = Duration::from_secs(2);
/// Agents; enough for the few calls.
const AGENTS: u16 = 60;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Flooded {
    /// The flood.
    pub flood: Sent,
    /// The calls that came meanwhile.
    pub legitimate: Legitimate,
    /// Memory of the service before, in megabytes.
    pub rss_mb_before: f64,
    /// Its most while it was flooded.
    pub rss_mb_peak: f64,
    /// The difference.
    pub rss_mb_growth: f64,
    /// Datagrams that found the service's receive buffer full, or that its filter kept out.
    pub rcvbuf_drops: u64,
    /// Processor time of the service, in percent of its core.
    pub core_percent: f64,
}

/// The part of the flood.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sent {
    /// Datagrams a second: REGISTER, INVITE, OPTIONS and SUBSCRIBE in equal parts.
    pub messages_per_s: f64,
    /// Datagrams in all.
    pub messages: u64,
    /// For how long, in seconds.
    pub secs: u32,
}

/// The part of the callers.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Legitimate {
    /// Calls that were made.
    pub calls: u64,
    /// Calls that did not reach an agent, or were not ended by him.
    pub failed: u64,
    /// The others, in percent.
    pub success_percent: f64,
    /// INVITEs that were sent again.
    pub retransmissions: u64,
    /// From the caller's INVITE to the agent's, in milliseconds.
    pub setup_p50_ms: f64,
    /// The same for the slowest in a hundred.
    pub setup_p99_ms: f64,
}

/// Measures. What is going on is told on the way.
///
/// # Errors
/// Why it cannot be measured: the service died.
pub async fn measure(
    program: &Path,
    folder: &Path,
    wanted: &Wanted,
    tell: &dyn Fn(&str),
) -> Outcome<Flooded> {
    let stage = Stage::start(program, folder, AGENTS).await?;
    tell("calls without a flood");
    calls(&stage, wanted.rate, wanted.secs.min(5)).await?;

    let service = stage.service.id();
    let (drops, rss_mb_before) = (stage.datagrams_dropped()?, stage.resident_mb()?);
    let begun = Reading::of(service)?;
    tell(&format!("a flood at line rate, and {} calls/s, {} s", wanted.rate, wanted.secs));
    let flood = Flood::start(SocketAddr::new(STRANGER, ports::free_pair(STRANGER)?), stage.sip())?;
    let mut rss_mb_peak = rss_mb_before;
    let watch = async {
        // The last calls are still talked when the flood is over.
        for _ in 0..u128::from(wanted.secs) * 1_000 / LOOK.as_millis() {
            tokio::time::sleep(LOOK).await;
            rss_mb_peak = rss_mb_peak.max(stage.resident_mb()?);
        }
        let (messages, used) = (flood.sent(), begun.used(service)?);
        drop(flood);
        Ok::<_, Fault>((messages, used))
    };
    let (found, watched) = tokio::join!(calls(&stage, wanted.rate, wanted.secs), watch);
    let (found, (messages, used)) = (found?, watched?);
    rss_mb_peak = rss_mb_peak.max(stage.resident_mb()?);
    Ok(Flooded {
        flood: Sent {
            messages_per_s: messages as f64 / used.wall.as_secs_f64(),
            messages,
            secs: wanted.secs,
        },
        legitimate: Legitimate {
            calls: found.calls,
            failed: found.calls - found.good,
            success_percent: 100.0 * found.good as f64 / found.calls.max(1) as f64,
            retransmissions: found.invites_sent_again + found.invites_received_again,
            setup_p50_ms: found.setup_ms(0.5),
            setup_p99_ms: found.setup_ms(0.99),
        },
        rss_mb_before,
        rss_mb_peak,
        rss_mb_growth: rss_mb_peak - rss_mb_before,
        rcvbuf_drops: stage.datagrams_dropped()?.saturating_sub(drops),
        core_percent: used.core_percent(),
    })
}

async fn calls(stage: &Stage, rate: u32, secs: u32) -> Outcome<peers::Found> {
    let ip: IpAddr = stage.callers.ip();
    let plan = Plan {
        service: stage.sip(),
        callers: SocketAddr::new(ip, ports::free_pair(ip)?),
        agents: stage.phones,
        number: FLOOR.into(),
        rate,
        secs,
        talk: TALK,
    };
    tokio::task::spawn_blocking(move || peers::run(&plan)).await?
}

impl fmt::Display for Flooded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flooded { flood, legitimate, .. } = self;
        writeln!(f, "A flood of REGISTER, INVITE, OPTIONS and SUBSCRIBE from one source")?;
        writeln!(f, "  {:>9.0} messages/s for {} s", flood.messages_per_s, flood.secs)?;
        writeln!(
            f,
            "  {:>9.1} MB of memory before, {:.1} MB at most meanwhile",
            self.rss_mb_before, self.rss_mb_peak
        )?;
        writeln!(
            f,
            "  {:>9.0} % of the service's core; {} datagrams dropped before it read them",
            self.core_percent, self.rcvbuf_drops
        )?;
        writeln!(f, "Calls from a trunk meanwhile")?;
        writeln!(
            f,
            "  {:>9.2} % of {} went through, {} failed, {} INVITEs sent again",
            legitimate.success_percent, legitimate.calls, legitimate.failed, legitimate.retransmissions
        )?;
        writeln!(
            f,
            "  {:>9.3} ms caller's INVITE to agent's INVITE, p50   p99 {:.3} ms",
            legitimate.setup_p50_ms, legitimate.setup_p99_ms
        )
    }
}
