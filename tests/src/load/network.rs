//! `deploy/bench network`: what is left of a caller's voice behind a bad network, with what the service says of it.
//!
//! Every row is a call of its own: a customer whose packets pass a relay that loses and delays
//! them by a seed, and an agent whose phone shares no codec with him, so that the service decodes what arrives.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use shared::audio::codec::Codec;
use shared::audio::goertzel::power_dbfs;
use shared::audio::{Frame, RATE_HZ};
use shared::id::CallId;
use shared::model::call::Phase;
use shared::model::sound::{LegSound, Side};
use shared::time::Timestamp;
use shared_net::{ApiClient, clock};

use crate::impair::Impairment;
use crate::phone::{Network, Phone, PhoneSetup};
use crate::service::Service;
use crate::setup::Setup;
use crate::voice::{CUSTOMER_HZ, Mouth};
use crate::{Outcome, ports, wait};

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// How long, in seconds.
    pub secs: u32,
    /// Of the chances.
    pub seed: u64,
    /// A call each.
    pub plans: Vec<Plan>,
}

/// What is done to a customer's packets: his codec, loss in percent, mean run of losses in packets, jitter in milliseconds.
pub type Plan = (Codec, (f64, f64, u64));

/// Loss alone, jitter alone, and both, for a codec that only repeats and for one that mends.
pub fn plans() -> Vec<Plan> {
    [Codec::Pcmu, Codec::Opus]
        .into_iter()
        .flat_map(|codec| ROWS.iter().map(move |row| (codec, *row)))
        .collect()
}

/// The other tone of a voice that changes once a second.
const OTHER_HZ: f32 = 740.0;
/// Between two changes of the tone.
const CHANGE: Duration = Duration::from_secs(1);
/// Calls at the same time: so many phones leave the machine room for the service.
const AT_ONCE: usize = 5;
/// An agent has the call within this.
const STEP: Duration = Duration::from_secs(10);
/// Between two questions to the service.
const LOOK: Duration = Duration::from_millis(500);
/// The buffers have found their size after this.
const SETTLED: Duration = Duration::from_secs(5);
/// A change that is not heard within this is not counted.
const LATEST: Duration = Duration::from_millis(700);
/// Loss in percent, mean run of losses in packets, jitter in milliseconds.
const ROWS: [(f64, f64, u64); 10] = [
    (0.0, 1.0, 0),
    (1.0, 1.0, 5),
    (3.0, 1.0, 5),
    (5.0, 1.0, 5),
    (10.0, 1.0, 5),
    (5.0, 3.0, 5),
    (0.0, 1.0, 20),
    (0.0, 1.0, 40),
    (0.0, 1.0, 80),
    (5.0, 2.0, 40),
];

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Heard {
    /// How long, in seconds.
    pub secs: u32,
    /// Of the chances.
    pub seed: u64,
    /// A call each.
    pub rows: Vec<Row>,
}

/// One call.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    /// The customer's codec.
    pub codec: String,
    /// Packets that the network lost, in percent.
    pub loss_percent: f64,
    /// In runs of so many, as a mean.
    pub burst_packets: f64,
    /// Each packet waited by up to this, in milliseconds.
    pub jitter_ms: u64,
    /// Packets that the service missed or that came too late, in percent.
    pub missing_percent: f64,
    /// Sound that the service made up, in percent.
    pub concealed_percent: f64,
    /// The service's own figure of its delay (packet and jitter buffer), in milliseconds.
    pub buffer_p50_ms: f64,
    /// Its most.
    pub buffer_max_ms: f64,
    /// From the customer's mouth to the agent's ear, with the agent's own phone, in milliseconds.
    pub mouth_to_ear_p50_ms: f64,
    /// The same for the slowest of the changes that were heard.
    pub mouth_to_ear_max_ms: f64,
    /// The score that the service gives (ITU-T G.107).
    pub mos: f64,
    /// What it says is wrong; empty when nothing is.
    pub cause: String,
}

/// Measures; `tell` gets a line a step.
///
/// # Errors
/// Why the service or a call does not come up.
pub async fn measure(program: &Path, folder: &Path, wanted: &Wanted, tell: &dyn Fn(&str)) -> Outcome<Heard> {
    let mut setup = Setup::test()?;
    setup.keep_agents(&[]);
    let plans = &wanted.plans;
    let mut phones = Vec::new();
    for index in 0..plans.len() {
        let (id, port) = ((400 + index).to_string(), ports::free_pair(ports::HERE)?);
        setup.fixed_agent(&id, port, &["sales"], true);
        phones.push((id, port));
    }
    let service = Service::start_in(program, setup, folder.join("network"), None).await?;
    let api = service.sign_in("sara").await?;
    let sip = service.setup.sip;
    let mut agents = BTreeMap::new();
    for (id, port) in phones {
        // It shares nothing with the customers, so that what it hears went through the service's jitter buffer.
        let agent = PhoneSetup { codecs: vec![Codec::G722], ..PhoneSetup::fixed(sip, &id, port) };
        agents.insert(id, Phone::start(agent).await?);
    }
    let mut rows = Vec::new();
    let numbered: Vec<_> = plans.iter().enumerate().collect();
    for batch in numbered.chunks(AT_ONCE) {
        tell(&format!("calls {} to {} of {}", rows.len() + 1, rows.len() + batch.len(), plans.len()));
        let mut calls = Vec::new();
        for (index, plan) in batch {
            calls.push(begin(&api, sip, wanted.seed, *index, plan, &mut agents).await?);
        }
        listen(&api, &mut calls, Duration::from_secs(wanted.secs.into())).await?;
        rows.extend(calls.iter().zip(batch).map(|(running, (_, plan))| running.row(plan)));
        for running in &calls {
            running.customer.hang_up().await?;
        }
    }
    Ok(Heard { secs: wanted.secs, seed: wanted.seed, rows })
}

async fn begin(
    api: &ApiClient,
    sip: SocketAddr,
    seed: u64,
    index: usize,
    (codec, (loss_percent, burst_packets, jitter_ms)): &Plan,
    agents: &mut BTreeMap<String, Phone>,
) -> Outcome<Running> {
    let number = format!("+4930555{index:04}");
    let to_service = Impairment {
        loss_percent: *loss_percent,
        burst_packets: *burst_packets,
        jitter: Duration::from_millis(*jitter_ms),
        ..Impairment::default()
    };
    let seed = seed.wrapping_add(index as u64);
    let customer = PhoneSetup {
        codecs: vec![*codec],
        mouth: Mouth::tone(CUSTOMER_HZ),
        network: Some(Network { to_service, to_phone: Impairment::default(), seed }),
        ..PhoneSetup::customer(sip, &number, "")
    };
    let customer = Phone::start(customer).await?;
    customer.call("3001").await?;
    let (call, agent) = wait::until_async("an agent on the call", STEP, async || {
        let floor = api.floor().await?;
        let call = floor.calls.values().find(|call| call.from.number == number);
        Ok(call.and_then(|call| match &call.phase {
            Phase::Talking { agent, .. } => Some((call.id, agent.to_string())),
            _ => None,
        }))
    })
    .await?;
    let agent = agents.remove(&agent).ok_or("an agent with two calls")?;
    Ok(Running { call, customer, agent, changes: Vec::new(), looks: Vec::new() })
}

/// A call under way, and what was seen of it.
struct Running {
    call: CallId,
    customer: Phone,
    /// He hears it.
    agent: Phone,
    /// When the customer changed to which tone.
    changes: Vec<(Timestamp, f32)>,
    /// The customer's leg by the service.
    looks: Vec<LegSound>,
}

async fn listen(api: &ApiClient, calls: &mut [Running], time: Duration) -> Outcome {
    let from = clock::now();
    let (mut changed, mut hz) = (from, CUSTOMER_HZ);
    while clock::now().since(from) < SETTLED + time {
        tokio::time::sleep(LOOK).await;
        let now = clock::now();
        let is_settled = now.since(from) >= SETTLED;
        if now.since(changed) >= CHANGE {
            changed = now;
            hz = if hz == CUSTOMER_HZ { OTHER_HZ } else { CUSTOMER_HZ };
            for running in calls.iter_mut() {
                running.customer.mouth.hum(hz);
                if is_settled {
                    running.changes.push((clock::now(), hz));
                }
            }
        }
        for running in calls.iter_mut() {
            let sound = api.sound(running.call).await?;
            let customer = sound.legs.into_iter().find(|leg| leg.side == Side::Customer);
            running.looks.extend(customer.filter(|_| is_settled));
        }
    }
    tokio::time::sleep(LATEST).await;
    Ok(())
}

impl Running {
    fn row(&self, plan: &Plan) -> Row {
        let (codec, (loss_percent, burst_packets, jitter_ms)) = *plan;
        let mean = |figure: fn(&LegSound) -> f32| {
            let sum: f64 = self.looks.iter().map(|leg| f64::from(figure(leg))).sum();
            sum / self.looks.len().max(1) as f64
        };
        let buffers = sorted(self.looks.iter().map(|leg| f64::from(leg.delay_millis)));
        let heard = sorted(self.changes.iter().filter_map(|(at, hz)| self.heard_after(*at, *hz)));
        Row {
            codec: format!("{codec:?}"),
            loss_percent,
            burst_packets,
            jitter_ms,
            missing_percent: tenths(mean(|leg| leg.loss_percent)),
            concealed_percent: tenths(mean(|leg| leg.concealed_percent)),
            buffer_p50_ms: middle(&buffers),
            buffer_max_ms: buffers.last().copied().unwrap_or_default(),
            mouth_to_ear_p50_ms: middle(&heard),
            mouth_to_ear_max_ms: heard.last().copied().unwrap_or_default(),
            mos: tenths(mean(|leg| leg.mos_from.unwrap_or_default())),
            cause: self.looks.last().and_then(|leg| leg.cause.clone()).unwrap_or_default(),
        }
    }

    /// How long after a change the agent hears it, in milliseconds.
    fn heard_after(&self, at: Timestamp, hz: f32) -> Option<f64> {
        let other = if hz == CUSTOMER_HZ { OTHER_HZ } else { CUSTOMER_HZ };
        let is_new = |frame: &Frame| {
            let power = |hz| power_dbfs(&frame.0, hz, RATE_HZ);
            power(hz) > power(other)
        };
        let heard = self.agent.ear.first(at, at + LATEST, is_new)?;
        Some(heard.millis_since(at) as f64)
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "A voice behind a bad network, {} s a call, seed {}", self.secs, self.seed)?;
        writeln!(
            f,
            "{:<6} {:>7} {:>5} {:>9} {:>9} {:>9} {:>14} {:>17} {:>5}  cause",
            "codec",
            "loss",
            "runs",
            "jitter",
            "missing",
            "made up",
            "buffer p50/max",
            "to ear p50/max",
            "MOS"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<6} {:>5.0} % {:>5.0} {:>6} ms {:>7.1} % {:>7.1} % {:>8.0}/{:.0} ms {:>10.0}/{:.0} ms {:>5.1}  {}",
                row.codec,
                row.loss_percent,
                row.burst_packets,
                row.jitter_ms,
                row.missing_percent,
                row.concealed_percent,
                row.buffer_p50_ms,
                row.buffer_max_ms,
                row.mouth_to_ear_p50_ms,
                row.mouth_to_ear_max_ms,
                row.mos,
                row.cause
            )?;
        }
        Ok(())
    }
}
