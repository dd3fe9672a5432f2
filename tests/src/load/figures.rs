//! What is measured, as a table for people and as JSON for programs.

use std::fmt;

use serde::Serialize;

/// What `deploy/bench sip` finds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sip {
    /// Calls that the service answers itself: INVITE, 200, ACK, BYE, 200.
    pub uas: Answered,
    /// Calls through a queue to agents.
    pub queue: Queued,
    /// INVITEs that were sent again, by callers or by the service.
    pub retransmissions: u64,
    /// Any other request or response that SIPp sent again.
    pub other_retransmissions: u64,
    /// Datagrams that found the service's receive buffer full.
    pub rcvbuf_drops: u64,
    /// Memory of the service after the warm-up, in megabytes.
    pub rss_mb_before: f64,
    /// Memory of the service after everything, in megabytes.
    pub rss_mb_after: f64,
}

/// The first part of [`Sip`].
#[derive(Debug, Clone, Default, Serialize)]
pub struct Answered {
    /// Asked for.
    pub offered_per_s: u32,
    /// Calls a second that went through.
    pub calls_per_s: f64,
    /// Calls that did not go through.
    pub failed: u64,
    /// Calls that were made.
    pub calls: u64,
    /// Processor time of the service for each, in milliseconds.
    pub cpu_ms_per_call: f64,
    /// Processor time of the service, in percent of its core.
    pub core_percent: f64,
    /// Processor time of SIPp, in percent of its core.
    pub sipp_core_percent: f64,
}

/// The second part of [`Sip`].
#[derive(Debug, Clone, Default, Serialize)]
pub struct Queued {
    /// Asked for.
    pub offered_per_s: u32,
    /// Calls a second that reached an agent, were talked and ended.
    pub calls_per_s: f64,
    /// Calls that did not.
    pub failed: u64,
    /// Calls that were made.
    pub calls: u64,
    /// Agents' phones.
    pub agents: u16,
    /// How long each talks, in milliseconds.
    pub talk_ms: u64,
    /// Processor time of the service for each call, in milliseconds.
    pub cpu_ms_per_call: f64,
    /// Processor time of the service, in percent of its core.
    pub core_percent: f64,
    /// Processor time of SIPp, callers and agents, in percent of its core.
    pub sipp_core_percent: f64,
    /// Calls a second at which the set-up was measured.
    pub setup_at_calls_per_s: u32,
    /// From the caller's INVITE to the agent's, in milliseconds.
    pub setup_p50_ms: f64,
    /// The same for the slowest in a hundred.
    pub setup_p99_ms: f64,
    /// The same for the slowest.
    pub setup_max_ms: f64,
}

impl fmt::Display for Sip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sip { uas, queue, .. } = self;
        writeln!(f, "Calls answered by the service itself (INVITE, 200, ACK, BYE, 200)")?;
        writeln!(
            f,
            "  {:>9.1} calls/s of {}   {} calls, {} failed",
            uas.calls_per_s, uas.offered_per_s, uas.calls, uas.failed
        )?;
        writeln!(
            f,
            "  {:>9.3} ms of processor time a call   {:.0} % of the core (SIPp: {:.0} %)",
            uas.cpu_ms_per_call, uas.core_percent, uas.sipp_core_percent
        )?;
        writeln!(f, "Calls through a queue to {} agents who talk for {} ms", queue.agents, queue.talk_ms)?;
        writeln!(
            f,
            "  {:>9.1} calls/s of {}   {} calls, {} failed",
            queue.calls_per_s, queue.offered_per_s, queue.calls, queue.failed
        )?;
        writeln!(
            f,
            "  {:>9.3} ms of processor time a call   {:.0} % of the core (SIPp: {:.0} %)",
            queue.cpu_ms_per_call, queue.core_percent, queue.sipp_core_percent
        )?;
        writeln!(
            f,
            "  {:>9.3} ms caller's INVITE to agent's INVITE, p50   p99 {:.3} ms, longest {:.3} ms, at {} calls/s",
            queue.setup_p50_ms, queue.setup_p99_ms, queue.setup_max_ms, queue.setup_at_calls_per_s
        )?;
        writeln!(f, "All of it")?;
        writeln!(
            f,
            "  {:>9} INVITEs sent again (and {} other messages), {} datagrams dropped by the service's socket",
            self.retransmissions, self.other_retransmissions, self.rcvbuf_drops
        )?;
        writeln!(f, "  {:>9.1} MB of memory before, {:.1} MB after", self.rss_mb_before, self.rss_mb_after)
    }
}
