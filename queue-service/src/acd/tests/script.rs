//! Runs scripts such as `10 call 1 sales => queued 1 sales; ring 1 201 until 30`.
//!
//! A line is the second, a command, and what comes out. Deadlines up to that second are worked off before it, each as
//! the driver would, and what comes of them is written with its second: `@30 cancel 1 201; …`.

use std::collections::BTreeMap;

use shared::api::agents::WantedStatus;
use shared::id::{AgentId, OfferId};
use shared::model::agent::{AgentInfo, ChangedBy, Device, NotReadyReason, Status};
use shared::model::call::QueueExit;
use shared::model::decision::{Decision, NonOffer};
use shared::model::event::{Event, Stamped};
use shared::model::floor::Floor;
use shared::model::queue::{Destination, QueueInfo};
use shared::time::Timestamp;

use super::super::{Acd, AcdConfig, FailedOffer, Input, Output};
use super::{agent_id, call_id, configure, queue_id, start};

pub(super) struct Script {
    pub(super) acd: Acd,
    pub(super) floor: Floor,
    /// The last offer of each agent.
    offers: BTreeMap<AgentId, OfferId>,
    /// Every decision made.
    pub(super) decisions: Vec<Decision>,
    /// Every record of a call that was offered to nobody.
    pub(super) non_offers: Vec<NonOffer>,
    out: Vec<String>,
    now: Timestamp,
}

impl Script {
    /// An ACD with this configuration at second 0; what that publishes is not part of the script.
    pub(super) fn new(queues: Vec<QueueInfo>, agents: Vec<AgentInfo>) -> Script {
        let mut script = Script {
            acd: Acd::new(AcdConfig::default(), 7),
            floor: Floor::default(),
            offers: BTreeMap::new(),
            decisions: Vec::new(),
            non_offers: Vec::new(),
            out: Vec::new(),
            now: start(),
        };
        script.input(configure(1, queues, agents));
        script.out.clear();
        script
    }

    /// Runs lines; fails at the first whose outputs differ.
    pub(super) fn run(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (left, wanted) = line.split_once("=>").unwrap_or((line, ""));
            let (at, command) = left.trim().split_once(' ').expect("second and command");
            let at = start() + std::time::Duration::from_secs_f64(at.parse().expect("second"));
            self.advance(at);
            self.command(command.trim());
            let got = std::mem::take(&mut self.out).join("; ");
            assert_eq!(got, wanted.trim(), "at: {line}");
        }
    }

    fn advance(&mut self, to: Timestamp) {
        while let Some(due) = self.acd.deadline().filter(|due| *due <= to) {
            self.now = self.now.max(due);
            let first = self.out.len();
            self.input(Input::Tick);
            let at = seconds(self.now);
            if let Some(out) = self.out.get_mut(first) {
                *out = format!("@{at} {out}");
            }
        }
        self.now = to;
    }

    pub(super) fn input(&mut self, input: Input) {
        self.acd.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.acd.poll() {
            if let Output::Publish(event) = &output {
                let stamped = Stamped { seq: self.floor.seq + 1, at: self.now, event: event.clone() };
                self.floor.apply(&stamped);
            }
            let said = self.say(output);
            self.out.extend(said);
        }
    }

    fn command(&mut self, command: &str) {
        let words: Vec<&str> = command.split(' ').collect();
        let call = |text: &str| call_id(text.parse().expect("call"));
        let agent = |text: &str| agent_id(text);
        let offer = |name: &str| *self.offers.get(&agent_id(name)).expect("an offer was made");
        let input = match words.as_slice() {
            ["wait"] => return,
            ["call", id, queue, "from", number] => Input::Enqueue {
                call: call(id),
                queue: queue_id(queue),
                since: self.now,
                only: None,
                caller: Some((*number).into()),
            },
            ["day"] => Input::DayStarted,
            ["call", id, queue] => Input::Enqueue {
                call: call(id),
                queue: queue_id(queue),
                since: self.now,
                only: None,
                caller: None,
            },
            ["transfer", id, queue, since] => Input::Enqueue {
                call: call(id),
                queue: queue_id(queue),
                since: start() + std::time::Duration::from_secs(since.parse().expect("second")),
                only: None,
                caller: None,
            },
            ["transfer", id, queue, since, only] => Input::Enqueue {
                call: call(id),
                queue: queue_id(queue),
                since: start() + std::time::Duration::from_secs(since.parse().expect("second")),
                only: Some(agent(only)),
                caller: None,
            },
            ["gone", id] => Input::CallerGone { call: call(id) },
            ["key", id, queue] => {
                Input::LeaveFor { call: call(id), to: Destination::Queue { queue: queue_id(queue) } }
            }
            ["withdraw", id] => Input::Withdraw { call: call(id), exit: QueueExit::Withdrawn },
            ["reject", name] => Input::OfferFailed { offer: offer(name), outcome: FailedOffer::Rejected },
            ["busy", name] => Input::OfferFailed { offer: offer(name), outcome: FailedOffer::Busy },
            ["unreachable", name] => {
                Input::OfferFailed { offer: offer(name), outcome: FailedOffer::Unreachable }
            }
            ["released", id, name, queue] => {
                Input::Released { call: call(id), agent: agent(name), queue: queue_id(queue), wrap_up: true }
            }
            ["dropped", id, name, queue] => {
                Input::Released { call: call(id), agent: agent(name), queue: queue_id(queue), wrap_up: false }
            }
            ["own", id, name] => {
                let placed = Event::CallPlaced {
                    call: call(id),
                    by: agent(name).to_user(),
                    direction: shared::model::call::Direction::Outbound,
                    to: shared::model::call::Party::default(),
                    colleague: None,
                    queue: None,
                };
                self.floor.apply(&Stamped { seq: self.floor.seq + 1, at: self.now, event: placed });
                Input::OwnCall { call: call(id), agent: agent(name) }
            }
            ["own_over", id, name] => {
                let cause = shared::model::call::EndCause::AgentHungUp;
                let ended = Event::CallEnded { call: call(id), cause };
                self.floor.apply(&Stamped { seq: self.floor.seq + 1, at: self.now, event: ended });
                Input::OwnCallOver { call: call(id), agent: agent(name) }
            }
            ["taken", id, name, queue] => {
                let joined = Event::CallJoined {
                    call: call(id),
                    other: call("9"),
                    by: agent("201"),
                    party: shared::model::call::Party::default(),
                    agent: Some(agent(name)),
                    queue: Some(queue_id(queue)),
                };
                self.floor.apply(&Stamped { seq: self.floor.seq + 1, at: self.now, event: joined });
                Input::Taken { call: call(id), agent: agent(name) }
            }
            ["held", id, name] => Input::Held { call: call(id), agent: agent(name) },
            ["resumed", id, name] => Input::Resumed { call: call(id), agent: agent(name) },
            ["device", name, "none"] => Input::Device { agent: agent(name), device: Device::None },
            ["device", name, contact] => {
                Input::Device { agent: agent(name), device: Device::App { contact: (*contact).into() } }
            }
            ["sign_in", name] => Input::SignedIn { agent: agent(name) },
            ["sign_out", name] => Input::SignedOut { agent: agent(name) },
            ["feed", name, "lost"] => Input::Presence { agent: agent(name), connected: false },
            ["feed", name, "back"] => Input::Presence { agent: agent(name), connected: true },
            ["answer", name] => {
                let offer = offer(name);
                let answer = match self.acd.answered(self.now, offer) {
                    Ok(won) => format!("won {} {} {}ms", won.call.as_u64(), won.agent, won.wait_millis),
                    Err(lost) => {
                        assert_eq!(lost.offer, offer);
                        "lost".into()
                    }
                };
                self.out.push(answer);
                self.drain();
                return;
            }
            ["set", name, wanted, by @ ..] => {
                let wanted = match *wanted {
                    "ready" => WantedStatus::Ready,
                    "offline" => WantedStatus::Offline,
                    "away" => WantedStatus::NotReady { reason: None },
                    reason => WantedStatus::NotReady { reason: Some(reason.parse().expect("code")) },
                };
                let result = self.acd.set_status(self.now, &agent(name), wanted, changed_by(by));
                self.out.extend(result.err().map(|error| error.to_string()));
                self.drain();
                return;
            }
            ["more_time", name] => {
                let result = self.acd.extend_wrap_up(self.now, &agent(name));
                self.out.extend(result.err().map(|error| error.to_string()));
                self.drain();
                return;
            }
            ["wrapped", name, code, by @ ..] => {
                let code = (*code != "-").then(|| code.parse().expect("code"));
                let note = Some(" ".into());
                let result = self.acd.end_wrap_up(self.now, &agent(name), code, note, changed_by(by));
                self.out.extend(result.err().map(|error| error.to_string()));
                self.drain();
                return;
            }
            other => panic!("no such command: {other:?}"),
        };
        self.input(input);
    }

    fn say(&mut self, output: Output) -> Option<String> {
        let text = match output {
            Output::Ring { call, agent, offer, until, .. } => {
                self.offers.insert(agent.clone(), offer);
                format!("ring {} {agent} until {}", call.as_u64(), seconds(until))
            }
            Output::CancelRing { call, agent, .. } => format!("cancel {} {agent}", call.as_u64()),
            Output::DialCustomer { .. }
            | Output::PutOff { .. }
            | Output::CallbackTaken { .. }
            | Output::CallbackRefused { .. } => format!("{output:?}"),
            Output::Redirect { call, queue, exit, to } => {
                let to = match to {
                    Destination::Reject { status } => status.to_string(),
                    Destination::Announce { prompt } => prompt,
                    Destination::Queue { queue } => queue.to_string(),
                };
                format!("redirect {} {queue} {exit:?} to {to}", call.as_u64())
            }
            Output::Publish(event) => match event {
                // Every ring has its record; the property tests see to the pair.
                Event::OfferMade { decision, .. } => {
                    self.decisions.push(*decision);
                    return None;
                }
                // Every wait has some.
                Event::CallNotOffered { record, .. } => {
                    self.non_offers.push(*record);
                    return None;
                }
                Event::OfferEnded { call, agent, outcome, rang_millis, .. } => {
                    format!("ended {} {agent} {outcome:?} {}s", call.as_u64(), rang_millis / 1000)
                }
                Event::CallQueued { call, queue, only, .. } => match only {
                    Some(only) => format!("queued {} {queue} for {only}", call.as_u64()),
                    None => format!("queued {} {queue}", call.as_u64()),
                },
                Event::CallLeftQueue { call, queue, exit, wait_millis } => {
                    format!("left {} {queue} {exit:?} {}s", call.as_u64(), wait_millis / 1000)
                }
                Event::AgentStatusChanged { agent, status, .. } => {
                    format!("{agent} is {}", status_words(&status))
                }
                Event::AgentNextStatusSet { agent, next } => {
                    format!("{agent} next {}", next.as_ref().map_or("none".into(), status_words))
                }
                Event::AgentDeviceChanged { agent, device } => {
                    format!("{agent} phone {}", if device.is_reachable() { "there" } else { "gone" })
                }
                Event::WrapUpStarted { call, agent, until, .. } => {
                    let until = until.map_or("done".into(), |until| seconds(until).to_string());
                    format!("wrap-up {} {agent} until {until}", call.as_u64())
                }
                Event::WrapUpExtended { call, agent, until } => {
                    format!("extended {} {agent} until {}", call.as_u64(), seconds(until))
                }
                Event::CallCoded { call, agent, code, .. } => {
                    let code = code.map_or("-".into(), |code| code.to_string());
                    format!("coded {} {agent} {code}", call.as_u64())
                }
                Event::WrapUpEnded { call, agent, code, how, wrap_up_millis, note } => {
                    assert_eq!(note, None, "blanks are no note");
                    let code = code.map_or("-".into(), |code| code.to_string());
                    format!("wrapped {} {agent} {how:?} {code} {}s", call.as_u64(), wrap_up_millis / 1000)
                }
                Event::QueueConfigured { queue } => format!("queue {}", queue.id),
                Event::QueueRemoved { queue } => format!("no queue {queue}"),
                Event::AgentConfigured { agent } => format!("agent {}", agent.id),
                Event::AgentRemoved { agent } => format!("no agent {agent}"),
                Event::BreaksConfigured { codes } => format!("breaks {}", codes.len()),
                other => panic!("not the ACD's to publish: {other:?}"),
            },
        };
        Some(text)
    }

    pub(super) fn outputs(&mut self) -> String {
        std::mem::take(&mut self.out).join("; ")
    }
}

fn changed_by(words: &[&str]) -> ChangedBy {
    match words {
        [] => ChangedBy::Agent,
        ["by", user] => ChangedBy::User(user.parse().expect("user")),
        other => panic!("no such person: {other:?}"),
    }
}

fn status_words(status: &Status) -> String {
    match status {
        Status::Offline => "offline".into(),
        Status::Ready => "ready".into(),
        Status::NotReady { reason } => match reason {
            NotReadyReason::Break { code } => code.to_string(),
            NotReadyReason::MissedOffer { call } => format!("missed({})", call.as_u64()),
            NotReadyReason::RejectedOffer { call } => format!("rejected({})", call.as_u64()),
            NotReadyReason::SignedIn => "signed-in".into(),
            NotReadyReason::PhoneLost => "phone-lost".into(),
            NotReadyReason::ConnectionLost => "connection-lost".into(),
            NotReadyReason::Supervisor => "supervisor".into(),
            NotReadyReason::OnDemand => "on-demand".into(),
        },
    }
}

fn seconds(at: Timestamp) -> u64 {
    at.millis_since(start()) / 1000
}
