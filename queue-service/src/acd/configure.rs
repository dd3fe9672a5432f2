//! A new configuration: what changed is published, who waits keeps the rules that he came with.

use std::collections::BTreeMap;

use shared::id::{AgentId, CallId, QueueId};
use shared::model::agent::{AgentInfo, ChangedBy, Device, State, Status};
use shared::model::call::{OfferOutcome, QueueExit};
use shared::model::event::{Event, WrapUpEnd};
use shared::model::queue::{Code, QueueInfo};
use shared::time::Timestamp;

use super::state::{Acd, Agent};

impl Acd {
    pub(super) fn configure(
        &mut self,
        now: Timestamp,
        version: u64,
        queues: Vec<QueueInfo>,
        agents: Vec<AgentInfo>,
        breaks: Vec<Code>,
    ) {
        self.version = version;
        if self.breaks != breaks {
            self.breaks.clone_from(&breaks);
            self.publish(Event::BreaksConfigured { codes: breaks });
        }
        self.configure_queues(now, queues);
        self.configure_agents(now, agents);
        self.end_orphans(now);
        self.rebuild();
    }

    fn configure_queues(&mut self, now: Timestamp, queues: Vec<QueueInfo>) {
        let queues: BTreeMap<QueueId, QueueInfo> =
            queues.into_iter().map(|info| (info.id.clone(), info)).collect();
        let before = std::mem::replace(&mut self.queues, queues);
        self.rebuild();
        let changed: Vec<QueueInfo> =
            self.queues.values().filter(|info| before.get(&info.id) != Some(info)).cloned().collect();
        for queue in changed {
            self.publish(Event::QueueConfigured { queue });
        }
        for (queue, info) in before {
            if self.queues.contains_key(&queue) {
                continue;
            }
            let stranded: Vec<CallId> = self
                .waiting
                .iter()
                .filter(|(_, waiting)| waiting.queue == queue && waiting.recall.is_none())
                .map(|(call, _)| *call)
                .collect();
            for call in stranded {
                self.leave_for(now, call, QueueExit::Overflowed, info.when_closed.clone());
            }
            self.end_orphans(now);
            self.experience.remove(&queue);
            self.publish(Event::QueueRemoved { queue });
        }
    }

    fn configure_agents(&mut self, now: Timestamp, agents: Vec<AgentInfo>) {
        let agents: BTreeMap<AgentId, AgentInfo> =
            agents.into_iter().map(|info| (info.id.clone(), info)).collect();
        let gone: Vec<AgentId> =
            self.agents.keys().filter(|agent| !agents.contains_key(*agent)).cloned().collect();
        for agent in gone {
            self.remove_agent(now, &agent);
        }
        for (id, info) in agents {
            match self.agents.get_mut(&id) {
                Some(known) => {
                    known.removed = false;
                    if known.info != info {
                        let contact_changed = known.info.contact != info.contact;
                        known.info = info.clone();
                        let device = known.device.clone();
                        self.publish(Event::AgentConfigured { agent: info });
                        if contact_changed && matches!(device, Device::None | Device::Fixed { .. }) {
                            self.set_device(now, &id, Device::None);
                        }
                    }
                }
                None => self.add_agent(now, info),
            }
        }
    }

    /// A new agent. His status is published even when it is offline, so that a picture that remembers him from an
    /// earlier run is right again.
    fn add_agent(&mut self, now: Timestamp, info: AgentInfo) {
        let id = info.id.clone();
        let status = if info.ready_on_start { Status::Ready } else { Status::Offline };
        self.agents.insert(
            id.clone(),
            Agent {
                info: info.clone(),
                status: status.clone(),
                state: State::Idle,
                next: None,
                next_by: ChangedBy::Service,
                state_since: now,
                idle_since: now,
                device: Device::None,
                phone_lost: false,
                cool_until: None,
                disconnected_since: None,
                own: Default::default(),
                tally: Default::default(),
                talked_millis: 0,
                extended: 0,
                chosen: None,
                last_call: None,
                removed: false,
            },
        );
        self.publish(Event::AgentConfigured { agent: info });
        if status == Status::Ready
            && let Some(agent) = self.agents.get_mut(&id)
        {
            agent.tally.ready(now);
        }
        self.publish(Event::AgentStatusChanged {
            agent: id.clone(),
            status,
            by: ChangedBy::Service,
            since: None,
        });
        self.set_device(now, &id, Device::None);
    }

    /// An agent is no longer configured. A talk is not cut off; everything else is over at once.
    fn remove_agent(&mut self, now: Timestamp, id: &AgentId) {
        let Some(agent) = self.agent_mut(id) else { return };
        agent.removed = true;
        match agent.state.clone() {
            State::Idle => self.settle(now, id),
            State::Offered { offer, .. } => self.end_offer(now, offer, OfferOutcome::CallerGone, true),
            State::WrapUp { .. } => self.finish_wrap_up(now, id, None, None, WrapUpEnd::Forced),
            State::Talking { .. } => {}
        }
    }
}
