//! Sessions that the far side starts: provisional and final responses, the 2xx repeated until its ACK, CANCEL.

use super::*;
use crate::sip::api::IncomingInfo;
use crate::sip::door::Caller;

impl Session {
    /// Takes in an INVITE: 100 goes out, the user is told. `None` when no dialog can be made of it (no Contact).
    #[allow(clippy::too_many_arguments)]
    pub(in crate::sip) fn incoming(
        now: Timestamp,
        core: &mut Core,
        id: SessionId,
        transaction: TransactionId,
        request: &Arc<Request>,
        flow: Flow,
        caller: Caller,
        replaces: Option<SessionId>,
    ) -> Option<Session> {
        let tag = core.token();
        let dialog = Dialog::of_callee(request, &tag, flow)?;
        let (from, to) = (request.headers.address("From")?, request.headers.address("To")?);
        core.respond(now, transaction, request.reply(100, "", None));
        core.event(Event::Incoming {
            session: id,
            flow,
            caller,
            request: Box::new(IncomingInfo {
                request_uri: request.uri.clone(),
                from,
                to,
                headers: request.headers.clone(),
                call_id: request.headers.call_id().to_owned(),
                body: request.session_body(),
                replaces,
            }),
        });
        let contact_user = request.uri.user.clone().unwrap_or_default();
        let call_id = request.headers.call_id().to_owned();
        let phase = Phase::Ringing { transaction, request: request.clone(), flow };
        let mut session = Session::new(id, call_id, tag, contact_user, phase);
        session.dialog = Some(dialog);
        session.learn(&request.headers);
        Some(session)
    }

    pub(super) fn answer(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        headers: &[(String, String)],
        body: Option<Body>,
    ) {
        if self.answer_waits(headers, &body) {
            return;
        }
        self.stop_1xx(core);
        self.reliable.waiting.clear();
        // RFC 3262 §5: described once, reliably; another description would be an offer out of place.
        let body = body.filter(|_| !self.reliable.agreed);
        let Phase::Ringing { transaction, request, flow } =
            std::mem::replace(&mut self.phase, Phase::Confirmed)
        else {
            return;
        };
        self.accept_invite(now, core, transaction, &request, flow, headers, body, true);
    }

    /// Sends the 2xx to an INVITE and repeats it until the ACK comes (§13.3.1.4).
    #[allow(clippy::too_many_arguments)]
    pub(super) fn accept_invite(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: &Request,
        flow: Flow,
        headers: &[(String, String)],
        body: Option<Body>,
        initial: bool,
    ) {
        let mut response = self.reply(core, request, 200, "", &flow);
        self.grant_refresh(now, core, request, &mut response);
        for (name, value) in allowed(headers) {
            response.headers.push(name, value);
        }
        response.set_body(body.as_ref());
        core.respond(now, transaction, response);
        let Some(server) = core.table.servers.get(&transaction) else { return };
        let interval = core.config.timers.t1;
        self.unacked = Some(Unacked {
            bytes: server.bytes.clone(),
            flow: server.flow,
            interval,
            cseq: request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default(),
            offered: request.body.is_empty() && body.is_some(),
            initial,
        });
        self.description = body.or(self.description.take());
        self.set(core, SessionTimer::Resend2xx, Some(now + interval));
        self.set(core, SessionTimer::NoAck, Some(now + core.config.timers.give_up()));
    }

    pub(super) fn resend_2xx(&mut self, now: Timestamp, core: &mut Core) {
        let Some(unacked) = &mut self.unacked else { return };
        unacked.interval = (unacked.interval * 2).min(core.config.timers.t2);
        let at = now + unacked.interval;
        core.send(unacked.flow, unacked.bytes.clone());
        self.set(core, SessionTimer::Resend2xx, Some(at));
    }

    pub(super) fn no_ack(&mut self, now: Timestamp, core: &mut Core) {
        if self.unacked.is_none() {
            return;
        }
        self.acked(core);
        let reason = match &self.phase {
            Phase::Leaving { reason } => reason.clone(),
            _ => Some("SIP;cause=408;text=\"ACK timeout\"".to_owned()),
        };
        self.end(core, EndedBy::Timeout, None);
        self.bye(now, core, reason.as_deref());
    }

    /// An ACK within the dialog.
    pub(in crate::sip) fn ack(&mut self, now: Timestamp, core: &mut Core, request: &Request) {
        let number = request.headers.cseq().map(|cseq| cseq.number);
        let Some(unacked) = self.unacked.as_ref().filter(|unacked| Some(unacked.cseq) == number) else {
            return;
        };
        let (initial, offered) = (unacked.initial, unacked.offered);
        self.acked(core);
        if let Phase::Leaving { reason } = &self.phase {
            let reason = reason.clone();
            return self.bye(now, core, reason.as_deref());
        }
        let body = request.session_body().filter(|_| offered);
        if initial || body.is_some() {
            core.event(Event::Confirmed { session: self.id, body });
        }
        self.try_change(now, core);
    }

    pub(super) fn acked(&mut self, core: &mut Core) {
        self.unacked = None;
        self.set(core, SessionTimer::Resend2xx, None);
        self.set(core, SessionTimer::NoAck, None);
    }

    pub(super) fn reject(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        status: u16,
        reason: &str,
        headers: &[(String, String)],
    ) {
        let Phase::Ringing { transaction, request, .. } = &self.phase else { return };
        let status = if (300..700).contains(&status) { status } else { 480 };
        let mut response = request.reply(status, reason, Some(&self.local_tag));
        for (name, value) in allowed(headers) {
            response.headers.push(name, value);
        }
        core.respond(now, *transaction, response);
        self.phase = Phase::Gone;
    }

    /// The peer cancelled an INVITE of its own that is not answered yet (§9.2).
    pub(in crate::sip) fn cancelled(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        reason: Option<String>,
    ) {
        match &self.phase {
            Phase::Ringing { transaction: ringing, request, .. } if *ringing == transaction => {
                self.respond(now, core, transaction, request, 487);
                core.event(Event::Cancelled { session: self.id, reason });
                self.phase = Phase::Gone;
            }
            _ => self.change_cancelled(now, core, transaction),
        }
    }
}
