//! The routing alone under load, without sockets: what `deploy/bench acd` runs. Prints JSON.
//!
//! A floor has 50 queues that need one skill each, 50 skills, and agents who serve 5 queues. It is measured in two
//! states: many calls wait and an agent becomes free, and many agents are free and a call comes. A decision is one input
//! that led to an offer, with everything that it put out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use queue_service::acd::{Acd, AcdConfig, Input, Output};
use queue_service::config::Config;
use queue_service::live::Hub;
use queue_service::store::Store;
use serde_json::{Value, json};
use shared::api::reports::JournalQuery;
use shared::id::{AgentId, CallId, OfferId, QueueId};
use shared::model::agent::AgentInfo;
use shared::model::call::{EndCause, OfferOutcome, Party, QueueExit};
use shared::model::event::{Event, Stamped};
use shared::model::floor::Floor;
use shared::model::queue::{QueueInfo, SkillNeed};
use shared::time::Timestamp;

const QUEUES: u64 = 50;

type Failure = Box<dyn std::error::Error>;

/// SplitMix64.
struct Lots(u64);

impl Lots {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (number ^ (number >> 31)) % end
    }
}

fn queue(number: u64) -> Result<QueueInfo, Failure> {
    let text = format!(
        r#"[[queues]]
        id = "q{number}"
        name = "Queue {number}"
        wrap_up_secs = 0
        max_waiting = 100000
        record = false"#
    );
    let config = Config::parse(&text, std::path::Path::new("bench.toml"))?;
    let info = config.queues().pop().ok_or("a queue")?;
    let need = SkillNeed { skill: format!("s{number}").parse()?, level: 2 };
    Ok(QueueInfo { skills: vec![need], ..info })
}

fn agent(number: u64, lots: &mut Lots) -> Result<AgentInfo, Failure> {
    let mut queues: Vec<u64> = Vec::new();
    while queues.len() < 5 {
        let queue = lots.below(QUEUES);
        if !queues.contains(&queue) {
            queues.push(queue);
        }
    }
    let mut skills = BTreeMap::new();
    for queue in &queues {
        // One in five is a beginner, whom its calls do not go to.
        skills.insert(format!("s{queue}").parse()?, 1 + lots.below(5) as u8);
    }
    for _ in 0..5 {
        skills.insert(format!("s{}", lots.below(QUEUES)).parse()?, 1 + lots.below(5) as u8);
    }
    Ok(AgentInfo {
        id: format!("a{number:05}").parse()?,
        name: format!("Agent {number}"),
        skills,
        queues: queues.iter().map(|queue| format!("q{queue}").parse()).collect::<Result<_, _>>()?,
        contact: Some(format!("sip:a{number}@127.0.0.1")),
        ready_on_start: true,
        serves: BTreeMap::new(),
        on_demand: false,
        capacity: Default::default(),
    })
}

/// Resident memory of this process, in bytes.
fn memory() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0.0);
    pages * 4096.0
}

struct Load {
    acd: Acd,
    now: Timestamp,
    lots: Lots,
    queues: Vec<QueueId>,
    talks: Vec<(CallId, AgentId, QueueId)>,
    calls: u64,
    /// Each decision, in nanoseconds.
    decisions: Vec<u64>,
    /// Time in the routing, with answers and the ends of talks.
    busy: Duration,
}

impl Load {
    /// One input; what rings is answered at once.
    fn input(&mut self, input: Input) {
        let from = Instant::now();
        self.acd.handle(self.now, input);
        let mut rings: Vec<OfferId> = Vec::new();
        while let Some(output) = self.acd.poll() {
            if let Output::Ring { offer, .. } = output {
                rings.push(offer);
            }
        }
        let took = from.elapsed();
        self.busy += took;
        if !rings.is_empty() {
            self.decisions.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / rings.len() as u64);
        }
        let from = Instant::now();
        for offer in rings {
            if let Ok(won) = self.acd.answered(self.now, offer) {
                self.talks.push((won.call, won.agent, won.queue));
            }
            while self.acd.poll().is_some() {}
        }
        self.busy += from.elapsed();
        self.now += Duration::from_millis(3);
    }

    fn call(&mut self) {
        self.calls += 1;
        let queue = self.lots.below(QUEUES) as usize;
        let Some(queue) = self.queues.get(queue).cloned() else { return };
        let (call, since) = (CallId::from_u64(self.calls), self.now);
        self.input(Input::Enqueue { call, queue, since, only: None, caller: None });
    }

    fn release(&mut self) {
        if self.talks.is_empty() {
            return;
        }
        let place = self.lots.below(self.talks.len() as u64) as usize;
        let (call, agent, queue) = self.talks.swap_remove(place);
        self.input(Input::Released { call, agent, queue, wrap_up: false });
    }
}

fn floor(agents: u64, waiting: usize, rounds: usize) -> Result<Value, Failure> {
    let mut lots = Lots(7);
    let queues = (0..QUEUES).map(queue).collect::<Result<Vec<_>, _>>()?;
    let people = (0..agents).map(|number| agent(number, &mut lots)).collect::<Result<Vec<_>, _>>()?;
    let names = queues.iter().map(|queue| queue.id.clone()).collect();
    let now: Timestamp = "2026-03-02T10:00:00Z".parse()?;
    let before = memory();
    let mut acd = Acd::new(AcdConfig::default(), 7);
    acd.handle(now, Input::Configure { version: 1, queues, agents: people, breaks: Vec::new() });
    while acd.poll().is_some() {}
    let with_agents = memory();
    let (talks, decisions, busy) = (Vec::new(), Vec::new(), Duration::ZERO);
    let mut load = Load { acd, now, lots, queues: names, talks, calls: 0, decisions, busy };
    // Some agents are a beginner in each of their queues and stay free.
    let mut least = usize::MAX;
    while load.calls < agents * 3 && least > 0 {
        let talking = load.talks.len();
        (0..200).for_each(|_| load.call());
        least = load.talks.len() - talking;
    }
    let talking = load.talks.len();
    let full = memory();
    let target = load.calls + waiting as u64;
    while load.calls < target {
        load.call();
    }
    let with_calls = memory();
    (load.decisions, load.busy) = (Vec::new(), Duration::ZERO);
    for _ in 0..rounds {
        load.release();
        load.call();
    }
    let crowded = load.decisions.len();
    // Everybody hangs up, and half of the agents become free; from here on calls find many of them.
    let (kept, measured) = (std::mem::take(&mut load.decisions), load.busy);
    for call in 1..=load.calls {
        load.acd.handle(load.now, Input::CallerGone { call: CallId::from_u64(call) });
        while load.acd.poll().is_some() {}
    }
    while load.talks.len() > talking / 2 {
        load.release();
    }
    (load.decisions, load.busy) = (kept, measured);
    for _ in 0..rounds {
        load.call();
        load.release();
    }
    let mut sorted = load.decisions.clone();
    sorted.sort_unstable();
    let at = |share: f64| -> f64 {
        let place = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
        sorted.get(place).map_or(0.0, |nanos| *nanos as f64 / 1000.0)
    };
    Ok(json!({
        "agents": agents,
        "waiting": waiting,
        "decisions": sorted.len(),
        "of_them_with_calls_waiting": crowded,
        "decisions_per_s": sorted.len() as f64 / load.busy.as_secs_f64().max(1e-9),
        "p50_us": at(0.50),
        "p99_us": at(0.99),
        "max_us": at(1.0),
        "bytes_per_agent": (with_agents - before).max(0.0) / agents as f64,
        "bytes_per_waiting_call": (with_calls - full).max(0.0) / waiting.max(1) as f64,
    }))
}

/// The facts of one call, as the service publishes them.
fn day_call(number: u64, at: Timestamp, decision: &Event) -> Result<Vec<Event>, Failure> {
    let call = CallId::from_u64(number);
    let queue: QueueId = format!("q{}", number % QUEUES).parse()?;
    let agent: AgentId = format!("a{:05}", number % 1_000).parse()?;
    let Event::OfferMade { decision, .. } = decision else { return Err("no offer".into()) };
    let offer = OfferId::from_u64(number);
    let mut decision = decision.clone();
    (decision.call, decision.offer, decision.queue, decision.chosen) =
        (call, offer, queue.clone(), agent.clone());
    let from = Party { number: format!("+4930{number}"), name: String::new() };
    let until = at + Duration::from_secs(20);
    Ok(vec![
        Event::CallArrived { call, from, dialled: "100".into(), trunk: None },
        Event::CallQueued { call, queue: queue.clone(), priority_secs: 0, since: at, only: None },
        Event::OfferMade { offer, call, queue: queue.clone(), agent: agent.clone(), until, decision },
        Event::OfferEnded {
            offer,
            call,
            agent: agent.clone(),
            outcome: OfferOutcome::Answered,
            rang_millis: 2_000,
        },
        Event::CallLeftQueue { call, queue: queue.clone(), exit: QueueExit::Answered, wait_millis: 9_000 },
        Event::CallConnected {
            call,
            queue: queue.clone(),
            agent: agent.clone(),
            wait_millis: 9_000,
            setup_millis: 3,
        },
        Event::AgentReleased { call, agent, talk_millis: 180_000, hold_millis: 0 },
        Event::CallEnded { call, cause: EndCause::CustomerHungUp },
    ])
}

/// Writes a day through the hub, with its group commit, and folds it from the disk again.
async fn journal(folder: PathBuf, calls: u64) -> Result<(Value, Value), Failure> {
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("journal.db");
    let store = Store::open(&format!("sqlite:{}", file.display())).await?;
    let hub = Hub::open(&store, &Config::parse("", std::path::Path::new("bench.toml"))?).await?;
    let mut lots = Lots(7);
    let queues = (0..QUEUES).map(queue).collect::<Result<Vec<_>, _>>()?;
    let people = (0..1_000).map(|number| agent(number, &mut lots)).collect::<Result<Vec<_>, _>>()?;
    let at: Timestamp = "2026-03-02T10:00:00Z".parse()?;
    // One true decision record; a day has one such for each offer.
    let mut acd = Acd::new(AcdConfig::default(), 7);
    acd.handle(
        at,
        Input::Configure { version: 1, queues: queues.clone(), agents: people.clone(), breaks: vec![] },
    );
    let (queue, only) = ("q1".parse()?, None);
    acd.handle(at, Input::Enqueue { call: CallId::from_u64(1), queue, since: at, only, caller: None });
    let mut offer = None;
    while let Some(output) = acd.poll() {
        if let Output::Publish(event @ Event::OfferMade { .. }) = output {
            offer = Some(event);
        }
    }
    let offer = offer.ok_or("nobody is free")?;
    let configured = queues.into_iter().map(|queue| Event::QueueConfigured { queue });
    for event in configured.chain(people.into_iter().map(|agent| Event::AgentConfigured { agent })) {
        hub.publish(event);
    }
    let first = hub.last_seq();
    hub.durable(first).await;
    let from = Instant::now();
    for number in 1..=calls {
        for event in day_call(number, at, &offer)? {
            hub.publish(event);
        }
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let last = hub.last_seq();
    hub.durable(last).await;
    let wrote = from.elapsed().as_secs_f64();
    let from = Instant::now();
    let (mut floor, mut after, mut events) = (Floor::default(), 0, 0_u64);
    loop {
        let page: Vec<Stamped> = store.journal().list(&JournalQuery { after, limit: Some(5_000) }).await?;
        let Some(end) = page.last() else { break };
        after = end.seq;
        for stamped in &page {
            floor.apply(stamped);
            events += 1;
        }
    }
    let folded = from.elapsed().as_secs_f64();
    hub.close().await;
    let size = std::fs::metadata(&file)?.len();
    Ok((
        json!({
            "events": last - first,
            "events_per_s": (last - first) as f64 / wrote,
            "bytes_per_event": size as f64 / last as f64,
        }),
        json!({ "day_100000_calls_s": folded * 100_000.0 / calls as f64, "calls": calls, "events": events }),
    ))
}

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let folder = PathBuf::from(words.next().ok_or("routing_load FOLDER DAY_CALLS ROUNDS AGENTSxCALLS…")?);
    let day_calls: u64 = words.next().ok_or("how many calls a day has")?.parse()?;
    let rounds: usize = words.next().ok_or("how many rounds are measured")?.parse()?;
    let mut found = serde_json::Map::new();
    for size in words {
        let (agents, waiting) = size.split_once('x').ok_or("a size such as 100x100")?;
        found.insert(size.clone(), floor(agents.parse()?, waiting.parse()?, rounds)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (journal, fold) = runtime.block_on(journal(folder, day_calls))?;
    found.insert("journal".into(), journal);
    found.insert("fold".into(), fold);
    println!("{}", Value::Object(found));
    Ok(())
}
