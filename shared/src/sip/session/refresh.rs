//! Session timers, RFC 4028: a session that nobody refreshes ends, so that a lost BYE leaves nothing behind.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::*;
use crate::sip::header::{Refresher, SessionExpires, seconds};

/// The interval that was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refresh {
    interval_secs: u32,
    ours: bool,
}

impl Refresh {
    /// Whether we refresh.
    pub(super) fn is_ours(&self) -> bool {
        self.ours
    }
}

/// Who sent the request of this exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// We did.
    Caller,
    /// The peer did.
    Callee,
}

impl Session {
    /// The shortest interval that we grant, when the request asks for less (§9).
    pub(in crate::sip) fn too_small(core: &Core, request: &Request) -> Option<u32> {
        let asked = request.headers.session_expires()?;
        let min = core.config.min_session_expires_secs.max(MIN_SECS);
        (asked.interval_secs < min && request.headers.lists("Supported", "timer")).then_some(min)
    }

    /// Takes what a 2xx says; without Session-Expires there is no timer any more (§7.2).
    pub(super) fn start_refresh(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        agreed: Option<SessionExpires>,
        side: Side,
    ) {
        let agreed = agreed.filter(|agreed| agreed.interval_secs >= MIN_SECS);
        let refresh = agreed.map(|agreed| Refresh {
            interval_secs: agreed.interval_secs,
            ours: match side {
                Side::Caller => agreed.refresher == Some(Refresher::Uac),
                Side::Callee => agreed.refresher == Some(Refresher::Uas),
            },
        });
        self.rearm_refresh(now, core, refresh);
    }

    pub(super) fn rearm_refresh(&mut self, now: Timestamp, core: &mut Core, refresh: Option<Refresh>) {
        self.refresh = refresh;
        let (refresh_at, expire_at) = match self.refresh {
            None => (None, None),
            Some(Refresh { interval_secs, ours }) => {
                let interval = Duration::from_secs(interval_secs.into());
                // §10: end it a little before the far side would think it dead.
                let margin = Duration::from_secs(32).min(interval / 3);
                (ours.then(|| now + interval / 2), Some(now + (interval - margin)))
            }
        };
        self.set(core, SessionTimer::Refresh, refresh_at);
        self.set(core, SessionTimer::Expire, expire_at);
    }

    /// What our 2xx says about the timer (§9).
    pub(super) fn grant_refresh(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        request: &Request,
        response: &mut Response,
    ) {
        let peer_knows = request.headers.lists("Supported", "timer");
        let agreed = match (request.headers.session_expires(), core.config.session_expires_secs) {
            (Some(asked), _) => {
                let least = request.headers.get("Min-SE").and_then(seconds).unwrap_or(0);
                let refresher = match asked.refresher {
                    Some(Refresher::Uac) if peer_knows => Refresher::Uac,
                    Some(Refresher::Uas) => Refresher::Uas,
                    _ if peer_knows => Refresher::Uac,
                    // A proxy asked and the caller knows nothing of it: then it is ours.
                    _ => Refresher::Uas,
                };
                let interval_secs = asked.interval_secs.max(least).max(MIN_SECS);
                Some(SessionExpires { interval_secs, refresher: Some(refresher) })
            }
            (None, Some(secs)) if peer_knows => {
                let least = request.headers.get("Min-SE").and_then(seconds).unwrap_or(0);
                let interval_secs = secs.max(least).max(MIN_SECS);
                Some(SessionExpires { interval_secs, refresher: Some(Refresher::Uas) })
            }
            (None, _) => None,
        };
        if let Some(agreed) = agreed {
            response.headers.push("Session-Expires", agreed.to_string());
            if peer_knows && agreed.refresher == Some(Refresher::Uac) {
                response.headers.push("Require", "timer");
            }
        }
        self.start_refresh(now, core, agreed, Side::Callee);
    }

    /// Every request that refreshes the target also refreshes the timer (§7.4).
    pub(super) fn ask_refresh(&self, request: &mut Request) {
        if let Some(refresh) = self.refresh {
            // Keep the roles: the refresher stays the same side.
            let refresher = if refresh.ours { Refresher::Uac } else { Refresher::Uas };
            let asked = SessionExpires { interval_secs: refresh.interval_secs, refresher: Some(refresher) };
            request.headers.push("Session-Expires", asked.to_string());
        }
    }

    pub(super) fn refresh_due(&mut self, now: Timestamp, core: &mut Core) {
        if !matches!(self.phase, Phase::Confirmed) || self.refresh.is_none() {
            return;
        }
        if !matches!(self.change, Change::Idle) || self.unacked.is_some() || self.late_ack.is_some() {
            return self.set(core, SessionTimer::Refresh, Some(now + Duration::from_secs(2)));
        }
        if !self.peer_updates {
            let body = self.description.clone();
            return self.offer(now, core, body, ChangeKind::Refresh, Method::Invite);
        }
        let Some(dialog) = &mut self.dialog else { return };
        let mut request = dialog.request(Method::Update, None);
        request.headers.push("Supported", core.supported());
        self.ask_refresh(&mut request);
        if let Some(transaction) = self.send(now, core, request, Purpose::Update) {
            self.change = Change::Ours { transaction, body: None, kind: ChangeKind::Refresh };
        }
    }
}

/// §5: no interval is shorter.
const MIN_SECS: u32 = 90;
