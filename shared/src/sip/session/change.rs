//! Offers within a session: re-INVITE and UPDATE both ways, glare (RFC 3261 §14, RFC 3311).

use std::time::Duration;

use super::refresh::Side;
use super::*;

impl Session {
    pub(super) fn want(&mut self, now: Timestamp, core: &mut Core, wanted: Wanted) {
        if matches!(self.phase, Phase::Calling(_) | Phase::Ringing { .. } | Phase::Confirmed) {
            self.wanted = Some(wanted);
            self.try_change(now, core);
        }
    }

    /// Sends the offer that waits, if nothing else is going on.
    pub(super) fn try_change(&mut self, now: Timestamp, core: &mut Core) {
        let Some(wanted) = &self.wanted else { return };
        let by_update = wanted.update && self.peer_updates;
        let open = match self.phase {
            Phase::Confirmed => true,
            // RFC 3311 §5.1: once the first offer was answered reliably.
            Phase::Calling(_) => by_update && self.agreed_early().is_some(),
            Phase::Ringing { .. } => by_update && self.reliable.agreed,
            Phase::Leaving { .. } | Phase::Closing | Phase::Gone => false,
        };
        let free = open
            && matches!(self.change, Change::Idle)
            && self.unacked.is_none()
            && self.late_ack.is_none()
            && core.schedule.at(&Due::Session(self.id, SessionTimer::Glare)).is_none();
        if !free {
            return;
        }
        if let Some(Wanted { body, update }) = self.wanted.take() {
            let method = if by_update { Method::Update } else { Method::Invite };
            self.offer(now, core, Some(body), ChangeKind::Wanted { update }, method);
        }
    }

    pub(super) fn offer(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        body: Option<Body>,
        kind: ChangeKind,
        method: Method,
    ) {
        let purpose = if method == Method::Update { Purpose::Update } else { Purpose::Reinvite };
        let tag = self.agreed_early().map(|dialog| dialog.remote_tag().to_owned()).unwrap_or_default();
        let Some(dialog) = self.dialog_with(&tag) else { return };
        let mut request = dialog.request(method, None);
        request.headers.push("Allow", core.allow());
        // Reliable provisional responses to a re-INVITE would serve nobody.
        request.headers.push("Supported", "timer");
        self.ask_refresh(&mut request);
        request.set_body(body.as_ref());
        if let Some(transaction) = self.send(now, core, request, purpose) {
            self.change = Change::Ours { transaction, body, kind };
        }
    }

    pub(super) fn change_answered(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        purpose: Purpose,
        answered: Answered,
    ) {
        let mine =
            matches!(&self.change, Change::Ours { transaction, .. } if *transaction == answered.transaction);
        if !mine {
            return;
        }
        let status = answered.response.status;
        let confirmed = matches!(self.phase, Phase::Confirmed);
        let lives = confirmed || matches!(self.phase, Phase::Calling(_) | Phase::Ringing { .. });
        if lives && let Some(again) = self.retry(now, core, purpose, &answered) {
            if let Change::Ours { transaction, .. } = &mut self.change {
                *transaction = again;
            }
            return;
        }
        let Change::Ours { body, kind, .. } = std::mem::replace(&mut self.change, Change::Idle) else {
            return;
        };
        let wanted = matches!(kind, ChangeKind::Wanted { .. });
        match status {
            200..=299 => {
                self.glares = 0;
                let tag =
                    answered.response.headers.get("To").and_then(crate::sip::header::tag).unwrap_or_default();
                if let Some(dialog) = self.dialog_with(&tag) {
                    dialog.refresh_target(&answered.response.headers);
                }
                self.describe_early(&tag, answered.response.session_body());
                self.learn(&answered.response.headers);
                if confirmed {
                    self.start_refresh(now, core, answered.response.headers.session_expires(), Side::Caller);
                }
                self.description = body.or(self.description.take());
                if purpose == Purpose::Reinvite {
                    let late_ack = LateAck { transaction: answered.transaction, request: answered.request };
                    self.send_late_ack(core, late_ack, None);
                }
                if wanted && lives {
                    core.event(Event::ReinviteDone {
                        session: self.id,
                        body: answered.response.session_body(),
                    });
                }
            }
            _ if !lives => {}
            491 if self.glares < MAX_GLARES => {
                self.glares += 1;
                if let (ChangeKind::Wanted { update }, None, Some(body)) = (kind, &self.wanted, body) {
                    self.wanted = Some(Wanted { body, update });
                }
                self.wait_for_glare(now, core, kind);
                return;
            }
            // §12.2.1.2: the dialog is gone at the far side, or the far side is.
            481 | 408 if confirmed => {
                if wanted {
                    core.event(Event::ReinviteFailed { session: self.id, status });
                }
                let by = if status == 481 { EndedBy::Peer } else { EndedBy::Timeout };
                self.end(core, by, None);
                return self.bye(now, core, None);
            }
            _ if wanted => core.event(Event::ReinviteFailed { session: self.id, status }),
            _ => {}
        }
        self.try_change(now, core);
    }

    /// §14.1: who made the Call-ID waits 2.1 to 4 s, the other one 0 to 2 s.
    fn wait_for_glare(&mut self, now: Timestamp, core: &mut Core, kind: ChangeKind) {
        let wait = if self.id.is_incoming() {
            core.between(Duration::ZERO, Duration::from_secs(2))
        } else {
            core.between(Duration::from_millis(2100), Duration::from_secs(4))
        };
        let timer = match kind {
            ChangeKind::Wanted { .. } => SessionTimer::Glare,
            ChangeKind::Refresh => SessionTimer::Refresh,
        };
        self.set(core, timer, Some(now + wait));
    }

    /// INVITE, UPDATE or PRACK with an offer within the dialog; its number was accepted already.
    pub(super) fn their_change(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: Arc<Request>,
    ) {
        let offers = !request.body.is_empty();
        let is_invite = request.method == Method::Invite;
        let confirmed = matches!(self.phase, Phase::Confirmed);
        let status = match (&self.change, &self.unacked) {
            // §14.2: the first one is not answered yet.
            (Change::Theirs { .. }, _) => 500,
            (Change::Ours { .. }, _) if offers || is_invite => 491,
            // Our offer in the 2xx waits for its answer in the ACK (RFC 3311 §5.2).
            (_, Some(unacked)) if unacked.offered => 491,
            _ if self.late_ack.is_some() => 491,
            _ => 0,
        };
        if status != 0 {
            return self.respond(now, core, transaction, &request, status);
        }
        if let Some(min) = Self::too_small(core, &request) {
            let mut response = request.reply(422, "", Some(&self.local_tag));
            response.headers.push("Min-SE", min.to_string());
            return core.respond(now, transaction, response);
        }
        if is_invite && self.unacked.as_ref().is_some_and(|unacked| unacked.initial) {
            // RFC 5407 §3.1.4: a new INVITE shows that our 2xx arrived, only its ACK did not.
            core.event(Event::Confirmed { session: self.id, body: None });
        }
        if is_invite {
            self.acked(core);
        }
        let tag = request.headers.get("From").and_then(crate::sip::header::tag).unwrap_or_default();
        if let Some(dialog) = self.dialog_with(&tag).filter(|_| request.method != Method::Prack) {
            dialog.refresh_target(&request.headers);
        }
        self.describe_early(&tag, request.session_body());
        self.learn(&request.headers);
        if !is_invite && !offers {
            // UPDATE without an offer only refreshes.
            return self.accept_update(now, core, transaction, &request, &[], None);
        }
        if is_invite {
            core.respond(now, transaction, request.reply(100, "", None));
        }
        core.event(match request.session_body() {
            Some(body) if !confirmed => Event::EarlyOffer { session: self.id, body },
            body => Event::Reoffer { session: self.id, body },
        });
        if let Some(server) = core.table.servers.get_mut(&transaction) {
            server.session = Some(self.id);
        }
        self.change = Change::Theirs { transaction, request };
    }

    pub(super) fn answer_change(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        headers: &[(String, String)],
        body: Option<Body>,
    ) {
        if !matches!(self.change, Change::Theirs { .. }) {
            return;
        }
        let Change::Theirs { transaction, request } = std::mem::replace(&mut self.change, Change::Idle)
        else {
            return;
        };
        let Some(flow) = Self::flow_of(core, transaction) else { return };
        if request.method == Method::Invite {
            self.accept_invite(now, core, transaction, &request, flow, headers, body, false);
        } else {
            self.accept_update(now, core, transaction, &request, headers, body);
            self.try_change(now, core);
        }
    }

    pub(super) fn accept_update(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: &Request,
        headers: &[(String, String)],
        body: Option<Body>,
    ) {
        let Some(flow) = Self::flow_of(core, transaction) else { return };
        let mut response = self.reply(core, request, 200, "", &flow);
        if request.method == Method::Update {
            self.grant_refresh(now, core, request, &mut response);
        }
        for (name, value) in allowed(headers) {
            response.headers.push(name, value);
        }
        response.set_body(body.as_ref());
        self.description = body.or(self.description.take());
        core.respond(now, transaction, response);
    }

    pub(super) fn reject_change(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        status: u16,
        reason: &str,
        headers: &[(String, String)],
    ) {
        if let Change::Theirs { transaction, request } = &self.change {
            let status = if (300..700).contains(&status) { status } else { 488 };
            let mut response = request.reply(status, reason, Some(&self.local_tag));
            for (name, value) in allowed(headers) {
                response.headers.push(name, value);
            }
            core.respond(now, *transaction, response);
            self.change = Change::Idle;
            self.try_change(now, core);
        }
    }

    /// CANCEL of a re-INVITE that waits for the user.
    pub(super) fn change_cancelled(&mut self, now: Timestamp, core: &mut Core, cancelled: TransactionId) {
        if matches!(&self.change, Change::Theirs { transaction, .. } if *transaction == cancelled) {
            self.refuse_change(now, core);
            self.try_change(now, core);
        }
    }

    /// Answers what waits for the user with 487.
    pub(super) fn refuse_change(&mut self, now: Timestamp, core: &mut Core) {
        // Ours stays: a 2xx that still comes wants its ACK (RFC 5407 §3.2.3).
        if let Change::Theirs { transaction, request } = &self.change {
            self.respond(now, core, *transaction, request, 487);
            self.change = Change::Idle;
        }
    }
}

/// Then the exchange has failed.
const MAX_GLARES: u8 = 5;
