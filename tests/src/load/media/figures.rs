//! What `deploy/bench media` finds, as a table for people and as JSON for programs.

use std::fmt;

use serde::Serialize;

/// What the calls are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The yardstick: a relay that does nothing else.
    Bare,
    /// The yardstick, twice a millisecond and not for every packet.
    BarePaced,
    /// The same with edges of epoll and recvmmsg.
    BareBatched,
    /// The same with io_uring.
    BareRing,
    /// Two legs with PCMU.
    Relay,
    /// The same, recorded.
    Recorded,
    /// With a supervisor who listens.
    Mixed,
    /// With a supervisor whom both hear: everybody gets a mix.
    Conference,
    /// Relay with SRTP on both sides.
    Srtp,
    /// PCMU on one side, Opus on the other.
    Transcoded,
}

impl Mode {
    /// Everything, the yardsticks first.
    pub const ALL: [Mode; 10] = [
        Mode::Bare,
        Mode::BarePaced,
        Mode::BareBatched,
        Mode::BareRing,
        Mode::Relay,
        Mode::Recorded,
        Mode::Mixed,
        Mode::Conference,
        Mode::Srtp,
        Mode::Transcoded,
    ];

    /// One of the yardsticks.
    pub fn is_bare(self) -> bool {
        matches!(self, Mode::Bare | Mode::BarePaced | Mode::BareBatched | Mode::BareRing)
    }

    /// Legs of a call.
    pub fn legs(self) -> usize {
        if matches!(self, Mode::Mixed | Mode::Conference) { 3 } else { 2 }
    }

    fn name(self) -> &'static str {
        match self {
            Mode::Bare => "bare epoll relay",
            Mode::BarePaced => "bare, each half ms",
            Mode::BareBatched => "bare, edges, recvmmsg",
            Mode::BareRing => "bare, io_uring",
            Mode::Relay => "relay",
            Mode::Recorded => "relay, recorded",
            Mode::Mixed => "monitored (3 legs)",
            Mode::Conference => "conference (3 legs)",
            Mode::Srtp => "relay, SRTP both sides",
            Mode::Transcoded => "Opus and PCMU",
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Step {
    /// What the calls are.
    pub mode: Mode,
    /// Calls at the same time.
    pub calls: usize,
    /// Processor time of the service for each RTP packet that it sent, in microseconds.
    pub us_per_packet: f64,
    /// Processor time of the service, in percent of its core.
    pub core_percent: f64,
    /// Packets that did not come through, and frames that were too late.
    pub loss_percent: f64,
    /// Added delay, the middle of all pulses.
    pub delay_p50_ms: f64,
    /// Added delay, of the slowest in a hundred.
    pub delay_p99_ms: f64,
    /// Pulses that were timed for that.
    pub pulses: usize,
    /// Added delay in the first seconds of the calls, the middle.
    pub first_delay_p50_ms: f64,
    /// The same, of the slowest in a hundred.
    pub first_delay_p99_ms: f64,
    /// What each call adds to the memory.
    pub rss_kb_per_call: f64,
}

/// One mode at all numbers of calls.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Part {
    /// The most calls at the same time without loss.
    pub calls_held: usize,
    /// At the number of calls at which modes are compared.
    pub us_per_packet: f64,
    /// The same, against the bare relay in the same run.
    pub ratio_to_bare: f64,
    /// The same, against relay in the same run.
    pub ratio_to_relay: f64,
    /// At the number of calls at which modes are compared, with the generator's own: see the bare relay's beside it.
    pub delay_p50_ms: f64,
    /// The same, of the slowest in a hundred.
    pub delay_p99_ms: f64,
    /// At the most calls that it held.
    pub rss_kb_per_call: f64,
    /// Every measurement.
    pub steps: Vec<Step>,
}

/// The cost of SRTP.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Srtp {
    /// What a packet costs more than in relay, halved: it is unprotected once and protected once.
    pub us_per_operation: f64,
    /// The relay.
    #[serde(flatten)]
    pub part: Part,
}

/// Everything.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Media {
    /// Relayed calls on one core.
    pub calls_held: usize,
    /// Loss of the relay at that number.
    pub loss_percent: f64,
    /// Memory of a relayed call.
    pub rss_kb_per_call: f64,
    /// Calls at which modes are compared.
    pub compared_at: usize,
    /// The yardstick.
    pub bare: Part,
    /// The yardstick, twice a millisecond.
    pub bare_paced: Part,
    /// The same with edges of epoll and recvmmsg.
    pub bare_batched: Part,
    /// The same with io_uring; empty where the system forbids it.
    pub bare_ring: Part,
    /// Two legs with PCMU.
    pub relay: Part,
    /// The same, recorded.
    pub recorded: Part,
    /// With a supervisor who listens.
    pub mixed: Part,
    /// With a supervisor whom both hear.
    pub conference: Part,
    /// With SRTP on both sides.
    pub srtp: Srtp,
    /// PCMU on one side, Opus on the other.
    pub transcoded: Part,
    /// Where it falls short of what is wanted.
    pub short_of: Vec<String>,
}

impl Media {
    /// The place of a mode.
    pub fn part(&mut self, mode: Mode) -> &mut Part {
        match mode {
            Mode::Bare => &mut self.bare,
            Mode::BarePaced => &mut self.bare_paced,
            Mode::BareBatched => &mut self.bare_batched,
            Mode::BareRing => &mut self.bare_ring,
            Mode::Relay => &mut self.relay,
            Mode::Recorded => &mut self.recorded,
            Mode::Mixed => &mut self.mixed,
            Mode::Conference => &mut self.conference,
            Mode::Srtp => &mut self.srtp.part,
            Mode::Transcoded => &mut self.transcoded,
        }
    }

    /// Works out what follows from the steps.
    pub fn conclude(&mut self) {
        let at = self.compared_at;
        let bare = self.bare.cost_at(at);
        let relay = self.relay.cost_at(at);
        for mode in Mode::ALL {
            self.part(mode).conclude(at, bare, relay);
        }
        if !self.srtp.part.steps.is_empty() {
            self.srtp.us_per_operation = (self.srtp.part.us_per_packet - relay) / 2.0;
        }
        self.calls_held = self.relay.calls_held;
        self.rss_kb_per_call = self.relay.rss_kb_per_call;
        self.loss_percent = self.relay.held().map_or(100.0, |step| step.loss_percent);
        self.short_of = self.shortfalls();
    }

    /// What is wanted, and what is not reached.
    fn shortfalls(&self) -> Vec<String> {
        let worst = self.relay.steps.iter().map(|step| step.us_per_packet).fold(0.0, f64::max);
        let at_most = [
            ("relay.ratio_to_bare", self.relay.ratio_to_bare, 1.15),
            ("relay.us_per_packet", worst, 6.0),
            ("relay.delay_p99_ms", self.relay.delay_p99_ms, 2.0),
            ("recorded.ratio_to_relay", self.recorded.ratio_to_relay, 1.3),
            ("mixed.ratio_to_relay", self.mixed.ratio_to_relay, 1.5),
            ("conference.ratio_to_relay", self.conference.ratio_to_relay, 1.5),
            ("mixed.delay_p99_ms", self.mixed.delay_p99_ms, 25.0),
            ("conference.delay_p99_ms", self.conference.delay_p99_ms, 25.0),
            ("srtp.us_per_operation", self.srtp.us_per_operation, 0.6),
            ("rss_kb_per_call", self.rss_kb_per_call, 80.0),
        ];
        let mut short: Vec<String> = at_most
            .iter()
            .filter(|(_, found, wanted)| found > wanted)
            .map(|(name, found, wanted)| format!("{name} is {found:.2}, at most {wanted} is wanted"))
            .collect();
        for (name, part) in [
            ("recorded", &self.recorded),
            ("mixed", &self.mixed),
            ("conference", &self.conference),
            ("srtp", &self.srtp.part),
        ] {
            if !part.steps.is_empty() && part.held().is_none() {
                short.push(format!("{name} held no number of calls without loss"));
            }
        }
        if !self.relay.steps.is_empty() && self.calls_held < 1_200 {
            short.push(format!("calls_held is {}, at least 1200 are wanted", self.calls_held));
        }
        short
    }
}

impl Part {
    /// Takes a measurement; of two with as many calls, the one that lost less than is loss and cost less stays.
    pub fn take(&mut self, step: Step) {
        match self.steps.iter_mut().find(|known| known.calls == step.calls) {
            Some(known) => {
                let is_better =
                    (!step.is_held(), step.us_per_packet) < (!known.is_held(), known.us_per_packet);
                if is_better {
                    *known = step;
                }
            }
            None => {
                self.steps.push(step);
                self.steps.sort_by_key(|step| step.calls);
            }
        }
    }

    /// The measurement with so many calls, or the last one.
    fn at(&self, calls: usize) -> Option<&Step> {
        self.steps.iter().find(|step| step.calls == calls).or(self.steps.last())
    }

    fn cost_at(&self, calls: usize) -> f64 {
        self.at(calls).map_or(0.0, |step| step.us_per_packet)
    }

    /// The measurement with the most calls that were held.
    pub fn held(&self) -> Option<&Step> {
        self.steps.iter().filter(|step| step.is_held()).max_by_key(|step| step.calls)
    }

    fn conclude(&mut self, at: usize, bare: f64, relay: f64) {
        self.us_per_packet = self.cost_at(at);
        let ratio = |to: f64| if to > 0.0 { self.us_per_packet / to } else { 0.0 };
        (self.ratio_to_bare, self.ratio_to_relay) = (ratio(bare), ratio(relay));
        (self.delay_p50_ms, self.delay_p99_ms) =
            self.at(at).map(|step| (step.delay_p50_ms, step.delay_p99_ms)).unwrap_or_default();
        let held = self.held().map(|step| (step.calls, step.rss_kb_per_call));
        (self.calls_held, self.rss_kb_per_call) = held.unwrap_or_default();
    }
}

impl Step {
    /// Over 0.1 % is loss.
    pub fn is_held(&self) -> bool {
        self.loss_percent <= 0.1
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<24} {:>6} {:>10} {:>7} {:>8} {:>9} {:>9} {:>9} {:>8}",
            "", "calls", "µs/packet", "core", "loss", "p50", "p99", "at first", "a call"
        )?;
        let parts = [
            &self.bare,
            &self.bare_paced,
            &self.bare_batched,
            &self.bare_ring,
            &self.relay,
            &self.recorded,
            &self.mixed,
            &self.conference,
            &self.srtp.part,
            &self.transcoded,
        ];
        for part in parts {
            for step in &part.steps {
                writeln!(
                    f,
                    "{:<24} {:>6} {:>10.2} {:>5.0} % {:>6.2} % {:>6.2} ms {:>6.2} ms {:>6.2} ms {:>5.0} kB",
                    step.mode.name(),
                    step.calls,
                    step.us_per_packet,
                    step.core_percent,
                    step.loss_percent,
                    step.delay_p50_ms,
                    step.delay_p99_ms,
                    step.first_delay_p99_ms,
                    step.rss_kb_per_call,
                )?;
            }
            if let Some(step) = part.steps.first() {
                writeln!(
                    f,
                    "{:<24} held {}, {:.2} × the bare relay, {:.2} × relay at {} calls",
                    step.mode.name(),
                    part.calls_held,
                    part.ratio_to_bare,
                    part.ratio_to_relay,
                    self.compared_at
                )?;
            }
        }
        if !self.srtp.part.steps.is_empty() {
            writeln!(f, "SRTP: {:.2} µs for each protect or unprotect", self.srtp.us_per_operation)?;
        }
        for line in &self.short_of {
            writeln!(f, "falls short: {line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(mode: Mode, calls: usize, us_per_packet: f64, loss_percent: f64) -> Step {
        Step {
            mode,
            calls,
            us_per_packet,
            core_percent: 50.0,
            loss_percent,
            delay_p50_ms: 0.5,
            delay_p99_ms: calls as f64 / 1e3,
            pulses: 100,
            first_delay_p50_ms: 1.0,
            first_delay_p99_ms: 2.0,
            rss_kb_per_call: 40.0,
        }
    }

    #[test]
    fn ratios_are_taken_at_the_same_calls_and_loss_is_not_held() {
        let mut media = Media { compared_at: 500, ..Media::default() };
        media.bare.steps = vec![step(Mode::Bare, 500, 4.0, 0.0)];
        media.relay.steps = [(100, 5.0, 0.0), (500, 4.4, 0.1), (1_000, 4.2, 0.11)]
            .map(|(calls, cost, loss)| step(Mode::Relay, calls, cost, loss))
            .to_vec();
        media.srtp.part.steps = vec![step(Mode::Srtp, 500, 5.4, 0.0)];
        media.mixed.steps = vec![step(Mode::Mixed, 300, 5.0, 3.0)];
        media.conclude();
        assert_eq!(media.mixed.delay_p99_ms, 0.3, "what was measured, though it is no success");
        assert_eq!((media.calls_held, media.relay.delay_p99_ms), (500, 0.5));
        assert!((media.relay.ratio_to_bare - 1.1).abs() < 1e-9);
        assert!((media.srtp.us_per_operation - 0.5).abs() < 1e-9);
        assert_eq!(
            media.short_of,
            ["mixed held no number of calls without loss", "calls_held is 500, at least 1200 are wanted"]
        );
        assert!(media.to_string().contains("relay, SRTP both sides"));
    }

    #[test]
    fn the_keys_are_those_that_were_asked_for() {
        let json = serde_json::to_value(Media::default()).expect("plain data");
        for key in [
            "/calls_held",
            "/relay/us_per_packet",
            "/relay/ratio_to_bare",
            "/relay/delay_p99_ms",
            "/recorded/ratio_to_relay",
            "/mixed/ratio_to_relay",
            "/mixed/delay_p99_ms",
            "/srtp/us_per_operation",
            "/rss_kb_per_call",
            "/loss_percent",
        ] {
            assert!(json.pointer(key).is_some(), "{key}");
        }
    }
}
