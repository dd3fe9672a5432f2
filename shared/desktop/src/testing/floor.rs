//! A made-up floor, built step by step.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::id::{AgentId, CallId, OfferId, QueueId, RecordingId};
use shared::model::agent::{AgentInfo, ChangedBy, Device, NotReadyReason, State, Status};
use shared::model::call::{LiveCall, Party, Phase, Supervision, SupervisionMode};
use shared::model::callback::{AskedBy, OpenCallback};
use shared::model::floor::{AgentView, Floor, QueueView};
use shared::model::metric::{AgentCounts, QueueCounts};
use shared::model::queue::{Code, Destination, QueueInfo};
use shared::model::rules::WrapUpRules;
use shared::time::Timestamp;

/// The time on a made-up floor: 2026-03-02, 09:30:00 UTC.
pub const NOW: Timestamp = Timestamp::from_secs(1_772_443_800);

/// A floor in the making.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    /// What has been built.
    pub floor: Floor,
}

/// An agent's id from a text that is known to be one.
pub fn agent_id(text: &str) -> AgentId {
    text.parse().expect("a name")
}

/// A queue's id from a text that is known to be one.
pub fn queue_id(text: &str) -> QueueId {
    text.parse().expect("a name")
}

/// The id of the call with this number.
pub fn call_id(number: u64) -> CallId {
    CallId::from_u64(number)
}

fn ago(secs: u64) -> Timestamp {
    NOW - Duration::from_secs(secs)
}

impl Builder {
    /// Two queues, three break reasons, nobody there.
    pub fn new() -> Builder {
        let codes = |words: &[(&str, &str)]| -> Vec<Code> {
            let code =
                |(id, label): &(&str, &str)| Code { id: id.parse().expect("a name"), label: (*label).into() };
            words.iter().map(code).collect()
        };
        let mut floor = Floor { seq: 100, at: NOW, day: "2026-03-02".into(), ..Floor::default() };
        floor.breaks = codes(&[("lunch", "Lunch"), ("break", "Break"), ("meeting", "Meeting")]);
        let wrap_up = codes(&[
            ("sold", "Sold"),
            ("call-back", "Call back"),
            ("no-interest", "Not interested"),
            ("wrong-number", "Wrong number"),
        ]);
        let mut builder = Builder { floor };
        builder.queue("sales", "Sales", wrap_up.clone());
        builder.queue("support", "Support", wrap_up);
        builder
    }

    /// Another queue.
    pub fn queue(&mut self, id: &str, name: &str, codes: Vec<Code>) -> &mut Self {
        let id = queue_id(id);
        let info = QueueInfo {
            id: id.clone(),
            name: name.into(),
            numbers: vec!["100".into()],
            priority_secs: 0,
            skills: Vec::new(),
            ring_secs: 20,
            wrap_up_secs: 30,
            wrap_up_codes: codes,
            target_secs: 20,
            target_percent: 80,
            short_abandon_secs: 5,
            max_waiting: 50,
            max_wait_secs: 0,
            hours: Vec::new(),
            time_zone: "Europe/Berlin".into(),
            when_full: Destination::Reject { status: 486 },
            when_closed: Destination::Reject { status: 480 },
            when_timed_out: Destination::Reject { status: 480 },
            greeting: None,
            music: None,
            announcement: None,
            announcement_every_secs: 0,
            record: true,
            routing: Default::default(),
            waiting: Default::default(),
            wrap_up: WrapUpRules { extend_secs: 60, extensions: 1, ..WrapUpRules::default() },
            callback: None,
        };
        self.floor.queues.insert(id, QueueView { info, counts: QueueCounts::default() });
        self
    }

    /// An agent of both queues, ready for two minutes, with our app as phone.
    pub fn agent(&mut self, id: &str, name: &str) -> &mut Self {
        let id = agent_id(id);
        let view = AgentView {
            info: AgentInfo {
                id: id.clone(),
                name: name.into(),
                skills: BTreeMap::new(),
                queues: self.floor.queues.keys().cloned().collect(),
                contact: None,
                ready_on_start: false,
                serves: Default::default(),
                on_demand: false,
                capacity: Default::default(),
            },
            status: Status::Ready,
            status_since: ago(120),
            status_by: ChangedBy::Agent,
            next_status: None,
            state: State::Idle,
            state_since: ago(120),
            device: Device::App { contact: format!("sip:{id}@10.0.0.7:5066") },
            counts: AgentCounts {
                answered: 14,
                offers: 15,
                missed: 1,
                handled: 14,
                talk_millis: 3_010_000,
                wrap_up_millis: 260_000,
                ready_millis: 1_300_000,
                ..AgentCounts::default()
            },
        };
        self.floor.agents.insert(id, view);
        self
    }

    /// Another status of an agent, for so many seconds.
    pub fn status(&mut self, id: &str, status: Status, secs: u64) -> &mut Self {
        let agent = self.floor.agents.get_mut(&agent_id(id)).expect("built before");
        (agent.status, agent.status_since, agent.state_since) = (status, ago(secs), ago(secs));
        self
    }

    /// Not ready for a reason, for so many seconds.
    pub fn not_ready(&mut self, id: &str, reason: NotReadyReason, secs: u64) -> &mut Self {
        self.status(id, Status::NotReady { reason }, secs)
    }

    /// A call that waits for so many seconds.
    pub fn waiting(&mut self, number: u64, name: &str, phone: &str, queue: &str, secs: u64) -> &mut Self {
        let phase = Phase::Waiting { queue: queue_id(queue), since: ago(secs) };
        self.call(number, name, phone, phase, secs)
    }

    /// A call that rings at an agent for another ten seconds.
    pub fn offered(&mut self, number: u64, name: &str, phone: &str, queue: &str, agent: &str) -> &mut Self {
        let offer = OfferId::from_u64(number);
        let phase = Phase::Offered { queue: queue_id(queue), since: ago(34), agent: agent_id(agent), offer };
        let state = State::Offered { call: call_id(number), offer, until: NOW + Duration::from_secs(10) };
        self.doing(agent, state, 10).call(number, name, phone, phase, 36)
    }

    /// A call that talks with an agent for so many seconds.
    pub fn talking(
        &mut self,
        number: u64,
        name: &str,
        phone: &str,
        queue: &str,
        agent: &str,
        secs: u64,
    ) -> &mut Self {
        let phase =
            Phase::Talking { queue: queue_id(queue), agent: agent_id(agent), since: ago(secs), held: false };
        self.doing(agent, State::Talking { call: call_id(number), held: false }, secs);
        self.call(number, name, phone, phase, secs + 20);
        if let Some(call) = self.floor.calls.get_mut(&call_id(number)) {
            call.recording = Some(RecordingId::from_u64(number));
        }
        self
    }

    /// An agent in wrap-up for another twenty seconds.
    pub fn wrap_up(&mut self, number: u64, queue: &str, agent: &str) -> &mut Self {
        let until = NOW + Duration::from_secs(20);
        self.doing(
            agent,
            State::WrapUp { call: call_id(number), queue: queue_id(queue), until: Some(until) },
            10,
        )
    }

    /// A supervisor in a call for 15 seconds.
    pub fn supervised(&mut self, number: u64, by: &str, mode: SupervisionMode) -> &mut Self {
        let supervisor = agent_id(by).to_user();
        if let Some(call) = self.floor.calls.get_mut(&call_id(number)) {
            call.supervision.push(Supervision { supervisor, mode, since: ago(15) });
        }
        self
    }

    /// A caller of so many seconds ago who wants to be called back, and was not reached so often.
    pub fn callback(
        &mut self,
        number: u64,
        name: &str,
        phone: &str,
        queue: &str,
        secs: u64,
        tries: u8,
    ) -> &mut Self {
        let id = call_id(number);
        let next_at = (tries > 0).then(|| NOW + Duration::from_secs(250));
        let callback = OpenCallback {
            id,
            queue: queue_id(queue),
            to: Party { number: phone.into(), name: name.into() },
            asked: AskedBy::Caller { call: id },
            asked_at: ago(secs),
            since: ago(secs),
            priority_secs: 0,
            expires_at: Some(NOW + Duration::from_secs(7_200)),
            attempts: tries,
            next_at,
            call: None,
        };
        self.floor.callbacks.insert(id, callback);
        self
    }

    /// So many further agents, calls that wait and calls that talk, with some long names.
    pub fn crowd(&mut self, rows: usize) -> &mut Self {
        const NAMES: [&str; 8] = [
            "Maria-Magdalena von Hohenstein-Waldburg",
            "Li Wei",
            "Oluwaseun Adébáyọ̀",
            "Κωνσταντίνος Παπαδόπουλος",
            "Jo",
            "Александра Вознесенская-Крамаренко",
            "Ana Sofía Fernández de la Cruz",
            "Tom Baker",
        ];
        for row in 0..rows {
            let name = NAMES[row % NAMES.len()];
            let (id, number) = (format!("agent-{row}"), 10_000 + row as u64);
            let phone = format!("+49301{:06}", row * 37 % 1_000_000);
            let queue = if row % 3 == 0 { "sales" } else { "support" };
            let secs = (row as u64 * 53) % 900 + 3;
            self.agent(&id, name);
            match row % 6 {
                0 => self.talking(number, "", &phone, queue, &id, secs),
                1 => self.not_ready(
                    &id,
                    NotReadyReason::Break { code: "lunch".parse().expect("a name") },
                    secs,
                ),
                2 => self.wrap_up(number, queue, &id),
                3 => self.not_ready(&id, NotReadyReason::MissedOffer { call: call_id(1) }, secs),
                4 => self.status(&id, Status::Offline, secs),
                _ => self.status(&id, Status::Ready, secs),
            };
            self.waiting(20_000 + row as u64, name, &phone, queue, secs);
        }
        self
    }

    fn doing(&mut self, agent: &str, state: State, secs: u64) -> &mut Self {
        let agent = self.floor.agents.get_mut(&agent_id(agent)).expect("built before");
        (agent.state, agent.state_since) = (state, ago(secs));
        self
    }

    fn call(&mut self, number: u64, name: &str, phone: &str, phase: Phase, secs: u64) -> &mut Self {
        let id = call_id(number);
        let call = LiveCall {
            id,
            direction: shared::model::call::Direction::Inbound,
            members: Vec::new(),
            placed_for: None,
            from: Party { number: phone.into(), name: name.into() },
            dialled: "100".into(),
            trunk: None,
            arrived_at: ago(secs),
            phase,
            priority_secs: 0,
            offers: 1,
            supervision: Vec::new(),
            recording: None,
            unheard: Vec::new(),
        };
        self.floor.calls.insert(id, call);
        self
    }
}
