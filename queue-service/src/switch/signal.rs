//! What SIP tells: calls that come in, legs that answer, change and end, phones that register.

use rand::Rng;
use shared::audio::mixer::Role;
use shared::id::{AgentId, CallId, LegId, QueueId};
use shared::model::call::Party;
use shared::model::event::TransferTarget;
use shared::sdp::LocalDescription;
use shared::sip::door::{Caller, Notice};
use shared::sip::{
    Body, Command, EndedBy, Event, Flow, IncomingInfo, Method, NameAddr, Request, SessionId, TransactionId,
    Uri,
};
use shared::time::Timestamp;

use crate::call::io::{Arrival, Input, LegEnd};
use crate::call::machine::Machine;

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
            Event::Rejected { session, status, .. } => {
                self.leg_over(session, |leg| Input::LegFailed { leg, status });
            }
            Event::Cancelled { session, .. } => {
                // RFC 3261 §9.2: the caller gave up before our 200.
                self.leg_over(session, |leg| Input::LegFailed { leg, status: 487 });
            }
            Event::Ended { session, by, .. } => {
                let how = match by {
                    EndedBy::Peer | EndedBy::Local => LegEnd::HungUp,
                    EndedBy::Timeout | EndedBy::Transport => LegEnd::Lost,
                };
                self.leg_over(session, |leg| Input::LegEnded { leg, how });
            }
            Event::Reoffer { session, body } => self.reoffer(session, body.as_ref()),
            Event::EarlyOffer { session, body } => self.early_offer(session, &body),
            Event::EarlyAnswer { session, body } => self.late_answer(session, body.as_ref()),
            Event::Refer { session, refer_to, .. } => {
                if let Some((call, leg)) = self.sessions.get(&session).copied() {
                    let target = self.transfer_target(&refer_to.uri);
                    self.work.push_back(Work::Call(call, Input::LegRefer { leg, target }));
                }
            }
            Event::Info { session, body } => self.info(session, body.as_ref()),
            Event::Request { transaction, flow, caller, request, .. } => {
                self.out_of_dialog(now, transaction, flow, &caller, &request);
            }
            Event::Door(notice) => self.door_says(notice),
            // A phone that rings, our own requests, and registrations that we do not make.
            Event::Progress { .. }
            | Event::ReinviteDone { .. }
            | Event::ReinviteFailed { .. }
            | Event::ReferProgress { .. }
            | Event::Registered { .. }
            | Event::RegistrationFailed { .. }
            | Event::RequestDone { .. } => {}
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
            self.replace(session, old, request.body.as_ref());
            return;
        }
        let call = CallId::new(now, self.random.next_u32());
        let customer = LegId::new(now, self.random.next_u32());
        let trunk = match self.admission.enter(call, caller) {
            Ok(trunk) => trunk,
            Err(refusal) => {
                tracing::warn!(source = %flow.remote.ip(), ?caller, %refusal, "call refused");
                self.refuse(session, refusal.status(), vec![("Retry-After".into(), "10".into())]);
                return;
            }
        };
        let bridge = self.media.open_bridge(call);
        let refuse = |switch: &mut Switch, status| {
            switch.media.close_bridge(bridge);
            switch.admission.leave(call);
            switch.refuse(session, status, Vec::new());
        };
        let Some(local) = self.open_port_in(bridge, customer, Role::Customer, None) else {
            refuse(self, 503);
            return;
        };
        let mut description = LocalDescription::new(self.random.next_u64());
        let mut codec = None;
        let answer = match &request.body {
            Some(body) if body.is("application/sdp") => match description.answer(&body.bytes, &local) {
                Ok((text, negotiated)) => {
                    codec = Some(negotiated.codec);
                    self.media.connect(customer, negotiated);
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
        let dialled = request.request_uri.user_unescaped().unwrap_or_default();
        let arrival = Arrival {
            call,
            customer,
            from: presented(&request.from),
            queue: self.queue_of(&dialled),
            dialled,
            trunk,
        };
        tracing::info!(%call, dialled = %arrival.dialled, trunk = ?arrival.trunk, "call arrived");
        let leg = Leg { session, description, local, state: LegState::Incoming { answer }, held: false };
        self.sessions.insert(session, (call, customer));
        let entry = Entry {
            machine: Machine::new(now, arrival),
            bridge,
            legs: [(customer, leg)].into(),
            recording: None,
            codec,
            deadline: None,
            answered_at: Default::default(),
        };
        self.calls.insert(call, entry);
        self.act(now, call);
    }

    pub(super) fn refuse(&mut self, session: SessionId, status: u16, headers: Vec<(String, String)>) {
        self.sip(Command::Reject { session, status, reason: String::new(), headers });
    }

    fn queue_of(&self, dialled: &str) -> Option<QueueId> {
        let queues = &self.config.queues;
        let by_number = queues.iter().find(|queue| queue.numbers.iter().any(|number| number == dialled));
        by_number.map(|queue| queue.id.clone())
    }

    /// What an address in Refer-To means: a number or the name of a queue, or an agent.
    fn transfer_target(&self, uri: &Uri) -> Option<TransferTarget> {
        if uri.replaces().is_some() {
            // An attended transfer is carried out by INVITE with Replaces from the other party; as a blind one it
            // would ring somebody who is talking already.
            return None;
        }
        let user = uri.user_unescaped()?;
        if let Some(queue) = self.queue_of(&user) {
            return Some(TransferTarget::Queue { queue });
        }
        if let Some(queue) = self.config.queues.iter().find(|queue| queue.id.as_str() == user) {
            return Some(TransferTarget::Queue { queue: queue.id.clone() });
        }
        let agent: AgentId = user.parse().ok()?;
        let known = self.config.agents.iter().any(|known| known.id == agent);
        known.then_some(TransferTarget::Agent { agent })
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
        match result {
            Some(Ok(negotiated)) => {
                if let LegState::Calling { offer: Some(offer) } = known.state {
                    entry.answered_at.insert(offer, now);
                }
                known.state = LegState::Up;
                self.media.connect(leg, negotiated);
                self.work.push_back(Work::Call(call, Input::LegAnswered { leg }));
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
                    self.hold_of(call, leg, negotiated.hold);
                    self.media.connect(leg, negotiated);
                }
                Err(error) => {
                    tracing::warn!(%call, %error, "a late answer does not fit");
                    self.work.push_back(Work::Call(call, Input::LegEnded { leg, how: LegEnd::Lost }));
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
                    self.media.connect(leg, negotiated);
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
            .and_then(|(call, leg)| Some((leg, self.calls.get_mut(&call)?.legs.get_mut(&leg)?)))
            .map(|(leg, known)| (leg, known.description.answer(&body.bytes, &known.local)));
        let answer = match known {
            Some((leg, Ok((text, negotiated)))) => {
                self.media.connect(leg, negotiated);
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

impl Switch {
    fn door_says(&mut self, notice: Notice) {
        match notice {
            Notice::Banned(ban) => {
                tracing::warn!(source = %ban.source, until = %ban.until, failures = ban.failures, "banned");
            }
            Notice::Lifted { source } => tracing::info!(%source, "ban lifted"),
            Notice::Counts(counts) => tracing::debug!(?counts, "door"),
        }
    }
}

/// The caller as presented; "anonymous" is nobody (RFC 3323 §4.1.1.3).
fn presented(from: &NameAddr) -> Party {
    let number = from.uri.user_unescaped().unwrap_or_default();
    let number = if number.eq_ignore_ascii_case("anonymous") { String::new() } else { number };
    let name = from.display.clone().unwrap_or_default();
    let name = if name.eq_ignore_ascii_case("anonymous") { String::new() } else { name };
    let short = |text: String| text.chars().filter(|c| !c.is_control()).take(120).collect();
    Party { number: short(number), name: short(name) }
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

    #[test]
    fn a_withheld_number_is_nobody() {
        let from = |text: &str| presented(&text.parse().expect("address"));
        assert_eq!(from("\"Anonymous\" <sip:anonymous@anonymous.invalid>"), Party::default());
        let ada = from("\"Ada\" <sip:%2B4930123@carrier.example>");
        assert_eq!((ada.name.as_str(), ada.number.as_str()), ("Ada", "+4930123"));
    }
}
