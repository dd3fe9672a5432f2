//! What SIP tells: calls that come in, legs that answer, change and end, phones that register.

use rand::Rng;
use shared::audio::mixer::Role;
use shared::id::{CallId, LegId, QueueId};
use shared::sdp::LocalDescription;
use shared::sip::door::Caller;
use shared::sip::{
    Body, Command, EndedBy, Event, Flow, IncomingInfo, Method, Request, SessionId, TransactionId,
};
use shared::time::Timestamp;

use crate::call::dial::Placing;
use crate::call::io::{Arrival, Input, LegEnd};
use crate::call::machine::Machine;
use crate::sip::{cause, trunk};

use super::encryption::{Account, is_encrypted};
use super::entry::{Entry, Leg, LegState};
use super::{Switch, Work};

impl Switch {
    pub(super) fn on_sip(&mut self, now: Timestamp, event: Event) {
        match event {
            Event::Incoming { session, flow, caller, request } => {
                self.incoming(now, session, flow, &caller, &request);
            }
            Event::Answered { session, body, .. } => self.answered(now, session, body.as_ref()),
            Event::Confirmed { session, body } => self.late_answer(session, body.as_ref()),
            Event::Rejected { session, status, reason, cause, .. } => {
                if self.way_failed(now, session, status, &reason, cause.as_deref()) {
                    return;
                }
                self.leg_over(session, |leg| Input::LegFailed { leg, status });
            }
            Event::Cancelled { session, reason } => {
                self.note_cause(
                    session,
                    Some(cause::cause_in(reason.as_deref().unwrap_or_default()).unwrap_or(16)),
                );
                // RFC 3261 §9.2: the caller gave up before our 200.
                self.leg_over(session, |leg| Input::LegFailed { leg, status: 487 });
            }
            Event::Ended { session, by, reason } => {
                self.note_cause(session, reason.as_deref().and_then(cause::cause_in));
                let how = match by {
                    EndedBy::Peer | EndedBy::Local => LegEnd::HungUp,
                    EndedBy::Timeout | EndedBy::Transport => LegEnd::Lost,
                };
                self.leg_over(session, |leg| Input::LegEnded { leg, how });
            }
            Event::Reoffer { session, body } => self.reoffer(session, body.as_ref()),
            Event::EarlyOffer { session, body } => self.early_offer(session, &body),
            Event::EarlyAnswer { session, body } => self.late_answer(session, body.as_ref()),
            Event::Refer { session, refer_to, replaces, .. } => {
                self.referred(now, session, &refer_to.uri, replaces);
            }
            Event::Info { session, body } => self.info(session, body.as_ref()),
            Event::Request { transaction, flow, caller, request, .. } => {
                self.out_of_dialog(now, transaction, flow, &caller, &request);
            }
            Event::Door(notice) => self.door_says(notice),
            Event::Progress { session, status, body, .. } => self.progress(session, status, body.as_ref()),
            Event::Registered { registration, expires_secs, flow, route } => {
                let registrar = flow.map(|flow| flow.remote.ip());
                self.on_trunk(now, trunk::Input::Registered { registration, expires_secs, registrar, route });
            }
            Event::RegistrationFailed { registration, status, reason } => {
                self.on_trunk(now, trunk::Input::RegistrationFailed { registration, status, reason });
            }
            Event::RequestDone { id, status } => {
                self.on_trunk(now, trunk::Input::Answered { ping: id, status });
            }
            Event::ReinviteDone { session, body } => self.late_answer(session, body.as_ref()),
            Event::ReinviteFailed { session, status } => self.not_moved(session, status),
            // The service sends no REFER.
            Event::ReferProgress { .. } => {}
        }
    }

    fn incoming(
        &mut self,
        now: Timestamp,
        session: SessionId,
        flow: Flow,
        caller: &Caller,
        request: &IncomingInfo,
    ) {
        if self.stopping {
            self.refuse(session, 503, vec![("Retry-After".into(), "30".into())]);
            return;
        }
        if let Some(old) = request.replaces {
            let account = match caller {
                Caller::Account(username) => self.phones.owner(username),
                Caller::Trusted(_) | Caller::Unchecked => None,
            };
            let account = account.as_ref().map_or(Account::Stranger, Account::Person);
            let encryption = self.encryption(account, is_encrypted(&flow));
            self.replace(session, old, request.body.as_ref(), encryption);
            return;
        }
        let call = CallId::new(now, self.random.next_u32());
        let customer = LegId::new(now, self.random.next_u32());
        let by_address = match self.admission.enter(call, caller) {
            Ok(trunk) => trunk,
            Err(refusal) => {
                tracing::warn!(source = %flow.remote.ip(), ?caller, %refusal, "call refused");
                self.refuse(session, refusal.status(), vec![("Retry-After".into(), "10".into())]);
                return;
            }
        };
        // Two trunks at one registrar are told apart by the contact that was called.
        let trunk = by_address.map(|trunk| {
            let dialled = request.request_uri.user_unescaped().unwrap_or_default();
            self.trunks.of_contact(&dialled).cloned().unwrap_or(trunk)
        });
        if let Some(trunk) = &trunk
            && self.trunks.enter(now, customer, trunk).is_err()
        {
            tracing::warn!(source = %flow.remote.ip(), %trunk, "call refused: all calls of the trunk are in use");
            self.admission.leave(call);
            self.refuse(session, 503, vec![("Retry-After".into(), "10".into())]);
            return;
        }
        let person = match caller {
            Caller::Account(username) => self.phones.owner(username),
            Caller::Trusted(_) | Caller::Unchecked => None,
        };
        let callee = person.as_ref().and_then(|person| self.callee(person, &request.request_uri));
        let role = if callee.is_some() { Role::Agent } else { Role::Customer };
        let bridge = self.media.open_bridge(call);
        let refuse = |switch: &mut Switch, status| {
            switch.media.close_bridge(bridge);
            switch.admission.leave(call);
            switch.trunks.leave(customer);
            switch.refuse(session, status, Vec::new());
        };
        let Some(mut local) = self.open_port_in(bridge, customer, role, None) else {
            refuse(self, 503);
            return;
        };
        if let Some(trunk) = &trunk {
            self.hear_keys(customer, trunk);
        }
        let account = match (&trunk, &person) {
            (Some(trunk), _) => Account::Trunk(trunk),
            (None, Some(person)) => Account::Person(person),
            (None, None) => Account::Stranger,
        };
        local.encryption = self.encryption(account, is_encrypted(&flow));
        let mut description = LocalDescription::new(self.random.next_u64());
        let mut codec = None;
        let answer = match &request.body {
            Some(body) if body.is("application/sdp") => match description.answer(&body.bytes, &local) {
                Ok((text, negotiated)) => {
                    codec = Some(negotiated.codec);
                    self.connect(call, customer, negotiated);
                    Some(text)
                }
                Err(error) => {
                    tracing::info!(%call, %error, "the offer was refused");
                    self.media.close_port(customer);
                    refuse(self, error.status());
                    return;
                }
            },
            Some(_) => {
                self.media.close_port(customer);
                // RFC 3261 §21.4.13: a body of another type.
                refuse(self, 415);
                return;
            }
            None => None,
        };
        let machine = match (person, callee) {
            (Some(by), Some((target, to))) => {
                let callee = LegId::new(now, self.random.next_u32());
                tracing::info!(%call, %by, ?target, "call placed");
                let rules = self.dial_rules();
                Machine::place(now, Placing { call, caller: customer, callee, by, to, target, rules })
            }
            _ => {
                let uri = &request.request_uri;
                let (from, dialled) =
                    self.trunks.arrived(trunk.as_ref(), &request.from, &request.to, uri, &request.headers);
                let queue = self.queue_of(&dialled);
                let arrival = Arrival { call, customer, from, queue, dialled, trunk };
                tracing::info!(%call, dialled = %arrival.dialled, trunk = ?arrival.trunk, "call arrived");
                Machine::new(now, arrival).with_rules(self.dial_rules())
            }
        };
        let leg = Leg {
            session,
            description,
            local,
            state: LegState::Incoming { answer },
            held: false,
            out: None,
            early: false,
        };
        self.sessions.insert(session, (call, customer));
        let entry = Entry {
            machine,
            bridge,
            legs: [(customer, leg)].into(),
            recording: None,
            codec,
            deadline: None,
            headers: request.headers.clone(),
            cause: None,
            told_position: None,
            answered_at: Default::default(),
        };
        self.calls.insert(call, entry);
        self.act(now, call);
    }

    pub(super) fn refuse(&mut self, session: SessionId, status: u16, headers: Vec<(String, String)>) {
        self.sip(Command::Reject { session, status, reason: String::new(), headers });
    }

    pub(super) fn queue_of(&self, dialled: &str) -> Option<QueueId> {
        let queues = &self.config.queues;
        let by_number = queues.iter().find(|queue| queue.numbers.iter().any(|number| number == dialled));
        by_number.map(|queue| queue.id.clone())
    }

    fn answered(&mut self, now: Timestamp, session: SessionId, body: Option<&Body>) {
        let Some((call, leg)) = self.sessions.get(&session).copied() else {
            // Dropped while its 200 was on the way.
            self.sip(Command::Hangup { session, reason: None });
            return;
        };
        let Some(entry) = self.calls.get_mut(&call) else { return };
        let Some(known) = entry.legs.get_mut(&leg) else { return };
        let result = body.map(|body| known.description.accept(&body.bytes));
        let answered = match &known.out {
            Some(out) => Input::DialAnswered { leg, trunk: out.hunt.way().trunk.clone() },
            None => Input::LegAnswered { leg },
        };
        match result {
            Some(Ok(negotiated)) => {
                if let LegState::Calling { offer: Some(offer) } = known.state {
                    entry.answered_at.insert(offer, now);
                }
                known.state = LegState::Up;
                // In a call that we began, the first phone's codec is offered to the other side.
                entry.codec.get_or_insert(negotiated.codec);
                self.connect(call, leg, negotiated);
                self.work.push_back(Work::Call(call, answered));
            }
            // The answer came with a provisional response (RFC 3262 §5).
            None if known.early => {
                known.state = LegState::Up;
                self.work.push_back(Work::Call(call, answered));
            }
            Some(Err(error)) => {
                tracing::warn!(%call, %error, "a phone answered with media that does not fit");
                known.state = LegState::Up;
                self.work.push_back(Work::Call(call, Input::LegFailed { leg, status: 488 }));
            }
            None => {
                known.state = LegState::Up;
                self.work.push_back(Work::Call(call, Input::LegFailed { leg, status: 488 }));
            }
        }
    }

    fn late_answer(&mut self, session: SessionId, body: Option<&Body>) {
        let Some((call, leg)) = self.sessions.get(&session).copied() else { return };
        let Some(entry) = self.calls.get_mut(&call) else { return };
        let Some(known) = entry.legs.get_mut(&leg) else { return };
        if let Some(body) = body {
            match known.description.accept(&body.bytes) {
                Ok(negotiated) => {
                    entry.codec.get_or_insert(negotiated.codec);
                    self.rekeys.answered(leg);
                    self.hold_of(call, leg, negotiated.hold);
                    self.connect(call, leg, negotiated);
                }
                Err(error) => {
                    tracing::warn!(%call, %error, "a late answer does not fit");
                    // New keys are not worth a call.
                    if !self.keeps_keys(call, leg, 200) {
                        self.work.push_back(Work::Call(call, Input::LegEnded { leg, how: LegEnd::Lost }));
                    }
                }
            }
        }
    }

    fn reoffer(&mut self, session: SessionId, body: Option<&Body>) {
        let Some((call, leg)) = self.sessions.get(&session).copied() else {
            self.refuse(session, 481, Vec::new());
            return;
        };
        let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.get_mut(&leg)) else {
            return;
        };
        match body {
            Some(body) => match known.description.answer(&body.bytes, &known.local) {
                Ok((text, negotiated)) => {
                    self.hold_of(call, leg, negotiated.hold);
                    self.connect(call, leg, negotiated);
                    self.sip(Command::Answer { session, headers: Vec::new(), body: Some(Body::sdp(text)) });
                }
                Err(error) => self.refuse(session, error.status(), Vec::new()),
            },
            None => {
                let text = known.description.offer(&known.local);
                self.sip(Command::Answer { session, headers: Vec::new(), body: Some(Body::sdp(text)) });
            }
        }
    }

    /// UPDATE or PRACK with an offer before the leg is answered (RFC 3311, RFC 3262).
    fn early_offer(&mut self, session: SessionId, body: &Body) {
        let place = self.sessions.get(&session).copied();
        let known = place
            .and_then(|(call, leg)| Some((call, leg, self.calls.get_mut(&call)?.legs.get_mut(&leg)?)))
            .map(|(call, leg, known)| (call, leg, known.description.answer(&body.bytes, &known.local)));
        let answer = match known {
            Some((call, leg, Ok((text, negotiated)))) => {
                self.connect(call, leg, negotiated);
                Some(Body::sdp(text))
            }
            _ => None,
        };
        self.sip(Command::AnswerEarly { session, body: answer });
    }

    pub(super) fn hold_of(&mut self, call: CallId, leg: LegId, held: bool) {
        let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.get_mut(&leg)) else {
            return;
        };
        if known.held != held {
            known.held = held;
            self.work.push_back(Work::Call(call, Input::LegHold { leg, held }));
        }
    }

    /// The Q.850 cause with which a leg ended; the first one counts.
    fn note_cause(&mut self, session: SessionId, cause: Option<u8>) {
        if let Some((call, _)) = self.sessions.get(&session)
            && let Some(entry) = self.calls.get_mut(call)
        {
            entry.cause = entry.cause.or(cause);
        }
    }

    fn leg_over(&mut self, session: SessionId, input: impl FnOnce(LegId) -> Input) {
        let Some((call, leg)) = self.sessions.remove(&session) else { return };
        if let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.get_mut(&leg)) {
            known.state = LegState::Over;
        }
        self.work.push_back(Work::Call(call, input(leg)));
    }

    fn info(&mut self, session: SessionId, body: Option<&Body>) {
        let Some((call, leg)) = self.sessions.get(&session).copied() else { return };
        if let Some(key) = body.and_then(info_key) {
            self.pass_key(call, leg, key);
        }
    }

    fn out_of_dialog(
        &mut self,
        now: Timestamp,
        transaction: TransactionId,
        flow: Flow,
        caller: &Caller,
        request: &Request,
    ) {
        let (status, headers) = match (&request.method, caller) {
            (Method::Register, Caller::Account(username)) => {
                let (reply, changed) = self.phones.register(now, request, flow, username);
                self.phones_changed(changed);
                (reply.status, reply.headers)
            }
            // Nobody registers without a password.
            (Method::Register, _) => (403, Vec::new()),
            // RFC 3261 §21.4.6; the endpoint answers what it does not pass on.
            _ => (405, Vec::new()),
        };
        self.sip(Command::Respond { transaction, status, reason: String::new(), headers, body: None });
    }
}

/// The key in an INFO body: `application/dtmf-relay` ("Signal=5") or `application/dtmf` ("5").
fn info_key(body: &Body) -> Option<char> {
    let text = body.text();
    let key = if body.is("application/dtmf-relay") {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("signal"))
            .map(|(_, value)| value.trim().to_owned())?
    } else if body.is("application/dtmf") {
        text.trim().to_owned()
    } else {
        return None;
    };
    match key.as_str() {
        "10" => Some('*'),
        "11" => Some('#'),
        _ => {
            let mut keys = key.chars();
            let digit = keys.next()?.to_ascii_uppercase();
            (keys.next().is_none() && matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(digit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_keys_are_read_in_both_forms() {
        for (kind, text, expected) in [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some('5')),
            ("application/dtmf-relay", "Signal= *\r\nDuration= 160\r\n", Some('*')),
            ("application/dtmf-relay", "Signal=11\r\n", Some('#')),
            ("application/dtmf", "b", Some('B')),
            ("application/dtmf", "55", None),
            ("application/dtmf-relay", "Duration=160", None),
            ("text/plain", "5", None),
        ] {
            assert_eq!(info_key(&Body::new(kind, text)), expected, "{kind} {text:?}");
        }
    }
}
