//! Requests within a session that do not change it: INFO, BYE; and who takes the others.

use super::*;
use crate::sip::api::{ReliableProvisional, Transport};

impl Session {
    /// A request within the dialog, other than ACK and CANCEL; `named` is the session that a REFER names by Replaces.
    pub(in crate::sip) fn request(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: Arc<Request>,
        flow: Flow,
        named: Option<SessionId>,
    ) {
        if matches!(self.phase, Phase::Calling(_)) {
            return self.early_request(now, core, transaction, request, flow);
        }
        let from_tag = request.headers.address("From").and_then(|from| from.tag().map(str::to_owned));
        let number = request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let Some(dialog) = &mut self.dialog else {
            return self.respond(now, core, transaction, &request, 481);
        };
        if dialog.remote_tag() != from_tag.unwrap_or_default() {
            return self.respond(now, core, transaction, &request, 481);
        }
        if !dialog.accept(number) {
            return self.respond(now, core, transaction, &request, 500);
        }
        if flow.transport != Transport::Udp {
            // The peer came back over a new stream: answer and go on over that one.
            dialog.flow = Some(flow);
        }
        let closing = matches!(self.phase, Phase::Closing | Phase::Gone);
        let ringing = matches!(self.phase, Phase::Ringing { .. });
        match request.method {
            Method::Bye => self.their_bye(now, core, transaction, &request),
            _ if closing => self.respond(now, core, transaction, &request, 481),
            Method::Options => self.respond_options(now, core, transaction, &request, &flow),
            Method::Prack if core.config.reliable_provisional != ReliableProvisional::Never => {
                self.their_prack(now, core, transaction, request);
            }
            // RFC 3261 §14.2: the first INVITE is not answered yet.
            Method::Invite if ringing => self.respond(now, core, transaction, &request, 500),
            // RFC 3311 §5.2: our offer, or theirs, is not answered yet.
            Method::Update if ringing && !request.body.is_empty() && !self.reliable.agreed => {
                let status = if self.reliable.offering() { 491 } else { 500 };
                self.respond(now, core, transaction, &request, status);
            }
            Method::Invite | Method::Update => self.their_change(now, core, transaction, request),
            Method::Info => {
                self.respond(now, core, transaction, &request, 200);
                core.event(Event::Info { session: self.id, body: request.body() });
            }
            Method::Refer => self.their_refer(now, core, transaction, request, &flow, named),
            Method::Notify => self.their_notify(now, core, transaction, &request, &flow),
            Method::Subscribe => self.their_subscribe(now, core, transaction, &request, &flow),
            _ => {
                let mut response = request.reply(405, "", Some(&self.local_tag));
                response.headers.push("Allow", core.allow());
                core.respond(now, transaction, response);
            }
        }
    }

    fn their_bye(&mut self, now: Timestamp, core: &mut Core, transaction: TransactionId, request: &Request) {
        self.respond(now, core, transaction, request, 200);
        let reason = request.headers.get("Reason").map(Into::into);
        match std::mem::replace(&mut self.phase, Phase::Gone) {
            Phase::Ringing { transaction, request, .. } => {
                // §15.1.2: requests that wait are answered 487.
                self.respond(now, core, transaction, &request, 487);
                core.event(Event::Cancelled { session: self.id, reason });
            }
            // Crossed: ours still wants its answer.
            Phase::Closing => self.phase = Phase::Closing,
            Phase::Calling(_) | Phase::Confirmed | Phase::Leaving { .. } | Phase::Gone => {
                self.refuse_change(now, core);
                self.end(core, EndedBy::Peer, reason);
            }
        }
    }

    /// Sends BYE; the user has been told.
    pub(super) fn bye(&mut self, now: Timestamp, core: &mut Core, reason: Option<&str>) {
        self.acked(core);
        for timer in [
            SessionTimer::Glare,
            SessionTimer::Refresh,
            SessionTimer::Expire,
            SessionTimer::ReferTold,
            SessionTimer::ReferWait,
        ] {
            self.set(core, timer, None);
        }
        self.refuse_change(now, core);
        self.wanted = None;
        self.phase = Phase::Closing;
        let Some(dialog) = &mut self.dialog else {
            self.phase = Phase::Gone;
            return;
        };
        let mut request = dialog.request(Method::Bye, None);
        if let Some(reason) = reason {
            request.headers.push("Reason", reason);
        }
        self.send(now, core, request, Purpose::Bye);
    }

    pub(super) fn bye_answered(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        if self.retry(now, core, Purpose::Bye, &answered).is_none() {
            self.phase = Phase::Gone;
        }
    }

    pub(super) fn info(&mut self, now: Timestamp, core: &mut Core, body: &Body) {
        if !matches!(self.phase, Phase::Confirmed) {
            return;
        }
        let Some(dialog) = &mut self.dialog else { return };
        let mut request = dialog.request(Method::Info, None);
        request.set_body(Some(body));
        self.send(now, core, request, Purpose::Info);
    }

    pub(super) fn info_answered(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        if self.retry(now, core, Purpose::Info, &answered).is_none()
            && answered.response.status == 481
            && matches!(self.phase, Phase::Confirmed)
        {
            self.end(core, EndedBy::Peer, None);
            self.bye(now, core, None);
        }
    }
}
