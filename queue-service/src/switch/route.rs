//! Carrying out what the ACD says.

use std::collections::BTreeSet;

use rand::Rng;
use shared::id::{CallId, LegId, QueueId, UserId};
use shared::model::event::Event;
use shared::time::Timestamp;

use crate::acd::{self, Output};
use crate::call::io::Input;
use crate::sip::phones::SavedPhones;

use super::callback::DueCallback;
use super::{Switch, Work};

impl Switch {
    /// Drains the ACD. What it was told stands in the journal before what came of it.
    pub(super) fn route(&mut self, now: Timestamp) {
        while let Some((at, told)) = self.acd.take_told() {
            self.hub.told(at, told);
        }
        while let Some(output) = self.acd.poll() {
            match output {
                // At a start the hub has told already what the configuration changed.
                Output::Publish(event) if self.is_known(&event) => {}
                Output::Publish(event) => {
                    match &event {
                        Event::CallQueued { call, queue, since, .. } => {
                            self.queued(*call, queue, *since);
                            let acd = &self.acd;
                            self.forecasts
                                .queued(now, *call, queue, || acd.expected_wait(now, queue, Some(*call)));
                        }
                        Event::CallLeftQueue { call, exit, wait_millis, .. } => {
                            self.forecasts.left(*call, *exit, *wait_millis);
                        }
                        _ => {}
                    }
                    self.hub.publish(event);
                }
                Output::Ring { call, queue, agent, offer, waited_millis, to, .. } => {
                    if let Some(to) = to {
                        self.begin_callback(now, DueCallback { call, queue: &queue, to, waited_millis });
                    }
                    let leg = LegId::new(now, self.random.next_u32());
                    self.work.push_back(Work::Call(call, Input::Ring { offer, agent, leg, waited_millis }));
                }
                Output::DialCustomer { call, queue, to, waited_millis, .. } => {
                    self.dial_customer(now, DueCallback { call, queue: &queue, to, waited_millis });
                }
                Output::PutOff { call } => self.work.push_back(Work::Call(call, Input::PutOff)),
                Output::CallbackTaken { call } => {
                    self.work.push_back(Work::Call(call, Input::CallbackTaken));
                }
                Output::CallbackRefused { call } => {
                    self.work.push_back(Work::Call(call, Input::CallbackRefused));
                }
                Output::CancelRing { call, offer, .. } => {
                    self.work.push_back(Work::Call(call, Input::CancelRing { offer }));
                }
                Output::Redirect { call, exit, to, .. } => {
                    self.work.push_back(Work::Call(call, Input::Redirected { exit, to }));
                }
            }
        }
    }

    pub(super) fn is_known(&self, event: &Event) -> bool {
        self.hub.with_floor(|floor| match event {
            Event::QueueConfigured { queue } => {
                floor.queues.get(&queue.id).is_some_and(|view| view.info == *queue)
            }
            Event::AgentConfigured { agent } => {
                floor.agents.get(&agent.id).is_some_and(|view| view.info == *agent)
            }
            Event::BreaksConfigured { codes } => floor.breaks == *codes,
            Event::TrunkConfigured { trunk } => {
                floor.trunks.get(&trunk.id).is_some_and(|view| view.info == *trunk)
            }
            _ => false,
        })
    }

    fn queued(&mut self, call: CallId, queue: &QueueId, since: Timestamp) {
        if let Some(queue) = self.queues.get(queue) {
            self.work.push_back(Work::Call(call, Input::Queued { queue: Box::new(queue.clone()), since }));
        }
    }

    /// Gives queues and agents to the ACD, with what the floor remembers of them.
    pub(super) fn configure(&mut self, version: u64, phones: Vec<(UserId, SavedPhones)>) {
        let before = self.hub.floor();
        for trunk in
            before.trunks.keys().filter(|id| !self.config.trunks.iter().any(|known| known.id == **id))
        {
            self.hub.publish(Event::TrunkRemoved { trunk: trunk.clone() });
        }
        self.work.push_back(Work::Acd(acd::Input::Configure {
            version,
            queues: self.config.queues(),
            agents: self.config.agents(),
            breaks: self.config.breaks(),
        }));
        for (user, saved) in phones {
            self.phones.restore(crate::clock::now(), &user, saved);
            self.phones_changed(BTreeSet::from([user]));
        }
        self.drain();
        self.restore_agents(&before);
        self.restore_callbacks(&before);
    }
}
