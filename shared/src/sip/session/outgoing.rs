//! Sessions that we start: INVITE, its challenges, CANCEL and its races, forks, ACK.

use super::refresh::Side;
use super::*;
use crate::sip::api::ReliableProvisional;
use crate::sip::dialog::Hop;
use crate::sip::header::NameAddr;
use crate::sip::uri::Uri;

/// What [`Command::Invite`] orders.
#[derive(Debug)]
pub(in crate::sip) struct Call {
    pub target: Uri,
    pub flow: Option<Flow>,
    pub from: NameAddr,
    pub to: NameAddr,
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
    pub auth: Client,
}

#[derive(Debug)]
pub(super) struct Calling {
    /// Without Via and credentials, for the next attempt.
    template: Request,
    hop: Hop,
    transaction: TransactionId,
    /// Number of the INVITE, for RAck.
    pub cseq: u32,
    pub cancel: Cancel,
    /// CANCEL may go (§9.1).
    provisional: bool,
    pub early: Vec<early::Early>,
}

#[derive(Debug)]
pub(super) enum Cancel {
    No,
    Wanted(Option<String>),
    Sent,
}

impl Session {
    /// Calls somebody.
    pub(in crate::sip) fn invite(now: Timestamp, core: &mut Core, id: SessionId, call: Call) -> Session {
        let (call_id, tag) = (core.call_id(), core.token());
        let contact_user = call.from.uri.user.clone().unwrap_or_default();
        let mut to = call.to;
        to.params.remove("tag");
        let mut request = Request::new(Method::Invite, call.target.to_request_uri());
        let given = |name: &str| {
            call.headers
                .iter()
                .find(|(have, _)| have.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
        };
        // A gateway between two calls hands the count on (RFC 7332 §3).
        request.headers.push("Max-Forwards", given("Max-Forwards").unwrap_or("70"));
        request.headers.push("From", call.from.with_tag(&tag).to_string());
        request.headers.push("To", to.to_string());
        request.headers.push("Call-ID", &call_id);
        request.headers.push("CSeq", "1 INVITE");
        if let Some(route) = given("Route") {
            request.headers.push("Route", route);
        }
        request.headers.push("Allow", core.allow());
        request.headers.push("Supported", core.supported());
        if core.config.reliable_provisional == ReliableProvisional::Required {
            request.headers.push("Require", "100rel");
        }
        if let Some(secs) = core.config.session_expires_secs {
            request.headers.push("Session-Expires", secs.to_string());
            request.headers.push("Min-SE", core.config.min_session_expires_secs.to_string());
        }
        for (name, value) in allowed(&call.headers) {
            request.headers.push(name, value);
        }
        request.set_body(call.body.as_ref());

        let hop = match (call.flow, request.headers.addresses("Route").into_iter().next()) {
            (Some(flow), _) => Hop::Flow(flow),
            (None, Some(route)) => Hop::Uri(route.uri),
            (None, None) => Hop::Uri(call.target),
        };
        let owner = Owner::Session(id, Purpose::Invite);
        let transaction = core.send_request(now, request.clone(), &hop, Some(&contact_user), owner, 0);
        let calling = Calling {
            template: request,
            hop,
            transaction,
            cseq: 1,
            cancel: Cancel::No,
            provisional: false,
            early: Vec::new(),
        };
        let mut session = Session::new(id, call_id, tag, contact_user, Phase::Calling(Box::new(calling)));
        session.auth = call.auth;
        session.explicit = call.flow;
        session.description = call.body;
        session
    }

    pub(super) fn invite_answered(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        let status = answered.response.status;
        let Phase::Calling(calling) = &mut self.phase else {
            if (200..300).contains(&status) {
                self.late_2xx(now, core, answered);
            }
            return;
        };
        if calling.transaction != answered.transaction {
            return;
        }
        match status {
            100..=199 => self.invite_progress(now, core, &answered),
            200..=299 => self.invite_accepted(now, core, answered),
            _ => self.invite_failed(now, core, answered),
        }
    }

    fn invite_progress(&mut self, now: Timestamp, core: &mut Core, answered: &Answered) {
        let response = &answered.response;
        let offers = self.early_response(now, core, answered);
        let Phase::Calling(calling) = &mut self.phase else { return };
        calling.provisional = true;
        if let Cancel::Wanted(reason) = &mut calling.cancel {
            let reason = reason.take();
            return self.cancel(now, core, reason.as_deref());
        }
        let Some(offers) = offers else { return };
        if response.status > 100 && matches!(calling.cancel, Cancel::No) {
            core.event(Event::Progress {
                session: self.id,
                status: response.status,
                reason: response.reason.clone(),
                body: response.session_body(),
                offers,
            });
            self.try_change(now, core);
        }
    }

    fn invite_accepted(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        let (request, response) = (&answered.request, &answered.response);
        let tag = response.headers.get("To").and_then(crate::sip::header::tag).unwrap_or_default();
        let early = self.take_early(&tag);
        let Phase::Calling(calling) = &mut self.phase else { return };
        let flow = answered.flow.unwrap_or_else(|| unreachable_flow(core, answered.transaction));
        let Some(mut dialog) = Dialog::of_caller(request, response, flow, self.explicit) else {
            // A 2xx without To tag makes no dialog: nothing to acknowledge or end.
            core.event(rejected(self.id, 500, "2xx without To tag", Vec::new(), None));
            self.phase = Phase::Gone;
            return;
        };
        let cancelled = match &calling.cancel {
            Cancel::No => None,
            Cancel::Wanted(reason) => Some(reason.clone()),
            Cancel::Sent => Some(None),
        };
        let mut agreed = None;
        if let Some(early) = early {
            // §13.2.2.4: the early dialog goes on, with the route set of the 2xx.
            if !response.headers.has("Contact") {
                dialog.target = early.dialog.target;
            }
            dialog.local_cseq = early.dialog.local_cseq;
            dialog.remote_cseq = early.dialog.remote_cseq;
            // What came reliably before counts, a description in the 2xx is to be ignored (§13.2.1).
            agreed = early.described.filter(|_| early.agreed);
        }
        self.set(core, SessionTimer::NoEnd, None);
        self.dialog = Some(dialog);
        self.learn(&response.headers);
        self.phase = Phase::Confirmed;
        if let Some(reason) = cancelled {
            // The CANCEL came too late: the call stands and is hung up (§9.1, §15).
            self.ended = true;
            core.event(rejected(self.id, 487, "", Vec::new(), None));
            self.send_late_ack(
                core,
                LateAck { transaction: answered.transaction, request: answered.request },
                None,
            );
            return self.bye(now, core, reason.as_deref());
        }
        self.start_refresh(now, core, response.headers.session_expires(), Side::Caller);
        let late_ack = LateAck { transaction: answered.transaction, request: answered.request.clone() };
        let body = agreed.clone().or_else(|| response.session_body());
        if request.body.is_empty() && body.is_some() && agreed.is_none() {
            self.late_ack = Some(late_ack);
        } else {
            self.send_late_ack(core, late_ack, None);
        }
        core.event(Event::Answered { session: self.id, body, headers: answered.response.headers.clone() });
        self.try_change(now, core);
    }

    fn invite_failed(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        let response = &answered.response;
        if matches!(calling.cancel, Cancel::No) {
            let again = match response.status {
                401 | 407 => self.auth.challenged(response, answered.attempt),
                // RFC 4028 §7.3: the same with the interval that it wants.
                422 if answered.attempt < 3 => {
                    let min = response.headers.get("Min-SE").and_then(crate::sip::header::seconds);
                    if let Some(min) = min {
                        calling.template.headers.set("Session-Expires", min.to_string());
                        calling.template.headers.set("Min-SE", min.to_string());
                    }
                    min.is_some()
                }
                _ => false,
            };
            if again {
                let number = answered.request.headers.cseq().map(|cseq| cseq.number).unwrap_or(1);
                let mut request = calling.template.clone();
                request.headers.set("CSeq", format!("{} INVITE", number.saturating_add(1)));
                self.auth.authorize(&mut request, &mut core.random);
                calling.provisional = false;
                calling.cseq = number.saturating_add(1);
                calling.early.clear();
                let owner = Owner::Session(self.id, Purpose::Invite);
                let user = Some(self.contact_user.as_str());
                calling.transaction =
                    core.send_request(now, request, &calling.hop, user, owner, answered.attempt + 1);
                return;
            }
        }
        let contacts = if response.status < 400 { response.headers.addresses("Contact") } else { Vec::new() };
        let status = if matches!(calling.cancel, Cancel::No) { response.status } else { 487 };
        let cause = response.headers.get("Reason").map(str::to_owned);
        core.event(rejected(self.id, status, &response.reason, contacts, cause));
        self.phase = Phase::Gone;
    }

    /// A 2xx when the session already has its dialog: a repetition whose ACK is still on its way, or another branch
    /// of a fork, which is acknowledged and ended (§13.2.2.4).
    fn late_2xx(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        let tag = answered.response.headers.get("To").and_then(crate::sip::header::tag).unwrap_or_default();
        if self.dialog.as_ref().is_none_or(|dialog| dialog.remote_tag() != tag) {
            drop_fork(now, core, &answered, self.explicit, &mut self.auth);
        }
    }

    /// The user's answer to an offer that came with the 2xx.
    pub(super) fn acknowledge(&mut self, now: Timestamp, core: &mut Core, body: Option<Body>) {
        if self.acknowledge_early(now, core, body.as_ref()) {
            return;
        }
        let Some(late_ack) = self.late_ack.take() else { return };
        self.description = body.clone().or(self.description.take());
        self.send_late_ack(core, late_ack, body.as_ref());
        self.try_change(now, core);
    }

    pub(super) fn send_late_ack(&mut self, core: &mut Core, late_ack: LateAck, body: Option<&Body>) {
        let Some(dialog) = &mut self.dialog else { return };
        let ack = ack_2xx(dialog, &late_ack.request, body);
        let hop = core.hop(dialog);
        core.send_ack(ack, &hop, late_ack.transaction);
    }

    pub(super) fn hangup(&mut self, now: Timestamp, core: &mut Core, reason: Option<String>) {
        match &mut self.phase {
            Phase::Calling(calling) => match calling.cancel {
                Cancel::No if calling.provisional => self.cancel(now, core, reason.as_deref()),
                Cancel::No if core.is_resolving(calling.transaction) => {
                    core.remove_client(calling.transaction);
                    core.event(rejected(self.id, 487, "", Vec::new(), None));
                    self.phase = Phase::Gone;
                }
                Cancel::No => calling.cancel = Cancel::Wanted(reason),
                Cancel::Wanted(_) | Cancel::Sent => {}
            },
            Phase::Ringing { .. } => self.reject(now, core, 480, "", &[]),
            Phase::Confirmed => {
                self.end(core, EndedBy::Local, None);
                if let Some(late_ack) = self.late_ack.take() {
                    self.send_late_ack(core, late_ack, None);
                }
                if self.unacked.as_ref().is_some_and(|unacked| unacked.initial) {
                    self.phase = Phase::Leaving { reason };
                } else {
                    self.bye(now, core, reason.as_deref());
                }
            }
            Phase::Leaving { .. } | Phase::Closing | Phase::Gone => {}
        }
    }

    fn cancel(&mut self, now: Timestamp, core: &mut Core, reason: Option<&str>) {
        let owner = self.owner(Purpose::Cancel);
        let Phase::Calling(calling) = &mut self.phase else { return };
        calling.cancel = Cancel::Sent;
        core.send_cancel(now, calling.transaction, reason, owner);
        self.set(core, SessionTimer::NoEnd, Some(now + core.config.timers.give_up()));
    }

    /// §9.1: without a final response in 64·T1 after CANCEL the INVITE counts as cancelled.
    pub(super) fn no_end(&mut self, core: &mut Core) {
        if let Phase::Calling(calling) = &self.phase {
            core.remove_client(calling.transaction);
            core.event(rejected(self.id, 487, "", Vec::new(), None));
            self.phase = Phase::Gone;
        }
    }
}

/// Acknowledges and ends a dialog that nobody wants: a fork that answered second, or one that answered when its
/// session was over.
pub(in crate::sip) fn drop_fork(
    now: Timestamp,
    core: &mut Core,
    answered: &Answered,
    explicit: Option<Flow>,
    auth: &mut Client,
) {
    let Some(flow) = answered.flow else { return };
    let Some(mut dialog) = Dialog::of_caller(&answered.request, &answered.response, flow, explicit) else {
        return;
    };
    let ack = ack_2xx(&mut dialog, &answered.request, None);
    let hop = core.hop(&dialog);
    core.send_ack(ack, &hop, answered.transaction);
    let mut bye = dialog.request(Method::Bye, None);
    auth.authorize(&mut bye, &mut core.random);
    core.send_request(now, bye, &hop, None, Owner::Nobody, 0);
}

/// The ACK for a 2xx: same number and same credentials as its INVITE (§13.2.2.4).
fn ack_2xx(dialog: &mut Dialog, invite: &Request, body: Option<&Body>) -> Request {
    let number = invite.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
    let mut ack = dialog.request(Method::Ack, Some(number));
    for name in ["Authorization", "Proxy-Authorization"] {
        for value in invite.headers.all(name) {
            ack.headers.push(name, value);
        }
    }
    ack.set_body(body);
    ack
}

fn rejected(
    session: SessionId,
    status: u16,
    reason: &str,
    contacts: Vec<NameAddr>,
    cause: Option<String>,
) -> Event {
    let reason = if reason.is_empty() { crate::sip::message::phrase(status) } else { reason };
    Event::Rejected { session, status, reason: reason.into(), contacts, cause }
}

/// The flow that the INVITE took, for a response that says nothing better.
fn unreachable_flow(core: &Core, transaction: TransactionId) -> Flow {
    core.table.clients.get(&transaction).map_or_else(Core::nowhere, |client| client.flow)
}
