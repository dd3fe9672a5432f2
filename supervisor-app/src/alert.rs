//! What a supervisor should look at now. An alert stays until its cause is gone.

use std::time::Duration;

use shared::id::{AgentId, QueueId};
use shared::model::agent::{Device, NotReadyReason, State as Doing, Status};
use shared_desktop::format;

use crate::state::State;

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What it is about.
    pub about: About,
    /// One sentence.
    pub text: String,
    /// It cannot wait.
    pub urgent: bool,
}

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A queue.
    Queue(QueueId),
    /// An agent.
    Agent(AgentId),
}

/// The alerts now, the urgent ones first.
pub fn alerts(state: &State) -> Vec<Alert> {
    let mut alerts: Vec<Alert> =
        state.queues().iter().filter_map(|queue| queue_alert(state, queue)).collect();
    for agent in state.agents(None) {
        let name = &agent.info.name;
        let text = match (&agent.status, &agent.state) {
            (Status::Ready, Doing::Idle) if agent.device == Device::None => {
                format!("{name} is ready and has no phone")
            }
            (Status::NotReady { reason: NotReadyReason::MissedOffer { .. } }, Doing::Idle) => {
                format!("{name} missed a call")
            }
            (Status::NotReady { reason: NotReadyReason::PhoneLost }, Doing::Idle) => {
                format!("{name}'s phone was lost")
            }
            (Status::NotReady { reason: NotReadyReason::ConnectionLost }, Doing::Idle) => {
                format!("{name}'s connection was lost")
            }
            _ => continue,
        };
        alerts.push(Alert { about: About::Agent(agent.info.id.clone()), text, urgent: false });
    }
    alerts.sort_by_key(|alert| !alert.urgent);
    alerts
}

fn queue_alert(state: &State, queue: &crate::state::QueueNow) -> Option<Alert> {
    let waits = state.desk.now - queue.longest_since?;
    let target = Duration::from_secs(queue.target_secs.into());
    let text = if queue.signed_in == 0 {
        format!("{}: {} waiting and nobody is signed in", queue.name, queue.waiting)
    } else if waits > target {
        format!("{}: the longest waits {}, target {} s", queue.name, format::clock(waits), queue.target_secs)
    } else {
        return None;
    };
    let urgent = queue.signed_in == 0 || waits > target * 2;
    Some(Alert { about: About::Queue(queue.id.clone()), text, urgent })
}
