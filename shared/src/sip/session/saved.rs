//! A confirmed session as plain data, so that another process can take the call up.

use serde::{Deserialize, Serialize};

use std::time::Duration;

use super::refresh::Refresh;
use super::*;

/// What is needed to go on with a confirmed session. Exchanges that were running when it was saved are not part of
/// it: the peer repeats its requests, and the user offers again what he wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedSession {
    /// The same id in the new process.
    pub session: SessionId,
    /// Call-ID, tags, numbers, route set and targets. Streams do not outlive the process that held them.
    pub dialog: Dialog,
    contact_user: String,
    auth: Client,
    description: Option<Body>,
    peer_updates: bool,
    refresh: Option<Refresh>,
}

impl Session {
    /// `None` unless it is confirmed.
    pub(in crate::sip) fn save(&self) -> Option<SavedSession> {
        if !matches!(self.phase, Phase::Confirmed) {
            return None;
        }
        Some(SavedSession {
            session: self.id,
            dialog: self.dialog.clone()?,
            contact_user: self.contact_user.clone(),
            auth: self.auth.clone(),
            description: self.description.clone(),
            peer_updates: self.peer_updates,
            refresh: self.refresh,
        })
    }

    pub(in crate::sip) fn restore(now: Timestamp, core: &mut Core, saved: SavedSession) -> Session {
        let mut dialog = saved.dialog;
        if let Some(flow) = dialog.flow
            && flow.connection != 0
        {
            dialog.flow = None;
        }
        // Numbers that were used after saving must not come again (§12.2.1.1 wants them to rise, gaps are fine).
        dialog.local_cseq = dialog.local_cseq.saturating_add(CSEQ_GAP);
        let local_tag = dialog.local.tag().unwrap_or_default().to_owned();
        let call_id = dialog.call_id.clone();
        let mut session =
            Session::new(saved.session, call_id, local_tag, saved.contact_user, Phase::Confirmed);
        session.dialog = Some(dialog);
        session.auth = saved.auth;
        session.description = saved.description;
        session.peer_updates = saved.peer_updates;
        session.rearm_refresh(now, core, saved.refresh);
        if session.refresh.is_some_and(|refresh| refresh.is_ours()) {
            // How long ago the last one was is not known any more; many sessions come back at the same moment.
            let wait = core.between(Duration::from_secs(1), Duration::from_secs(10));
            session.set(core, SessionTimer::Refresh, Some(now + wait));
        }
        session
    }
}

/// Requests that may have gone out between saving and the end of the process.
const CSEQ_GAP: u32 = 100;
