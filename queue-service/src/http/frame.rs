//! What a person's live feed carries.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use shared::api::live::ServerFrame;
use shared::id::AgentId;
use shared::model::floor::Floor;
use shared::model::user::{Permission, User};

use crate::clock;
use crate::live::{Hub, Published};

/// Turns events into frames for one person.
#[derive(Debug)]
pub(super) struct View {
    hub: Hub,
    /// Sees only what concerns him.
    agent: Option<AgentId>,
}

impl View {
    pub(super) fn new(hub: Hub, user: &User) -> View {
        let agent = (!user.role.may(Permission::SeeFloor)).then(|| user.id.to_agent());
        View { hub, agent }
    }

    /// Where this person may take up; an agent's picture is cut for him, so it is always sent anew, unless he has
    /// everything.
    pub(super) fn resume_after(&self, after: Option<u64>) -> Option<u64> {
        match &self.agent {
            Some(_) => after.filter(|after| *after == self.hub.last_seq()),
            None => after,
        }
    }

    pub(super) fn snapshot(&self, floor: Arc<Floor>) -> Utf8Bytes {
        let floor = match &self.agent {
            Some(agent) => floor.for_agent(agent),
            None => (*floor).clone(),
        };
        to_text(&ServerFrame::Snapshot { floor: Box::new(floor), now: clock::now() })
    }

    /// The frame of an event; none when it does not concern this person.
    pub(super) fn event(&self, published: &Published) -> Option<Utf8Bytes> {
        let visible = match &self.agent {
            Some(agent) => {
                self.hub.with_floor(|floor| published.stamped.event.visible_to_agent(floor, agent))
            }
            None => true,
        };
        // JSON is text; the check copies nothing.
        if visible { Utf8Bytes::try_from(published.frame()).ok() } else { None }
    }

    pub(super) fn tick(&self) -> Utf8Bytes {
        to_text(&ServerFrame::Tick { now: clock::now(), seq: self.hub.last_seq() })
    }
}

pub(super) fn to_text(frame: &ServerFrame) -> Utf8Bytes {
    serde_json::to_string(frame).unwrap_or_default().into()
}
