//! Calls out: which persons may place them, the INVITEs over trunks and their failover, what the caller hears meanwhile.

use rand::Rng;
use shared::audio::mixer::Role;
use shared::id::{AgentId, CallId, LegId, QueueId, UserId};
use shared::model::call::Party;
use shared::model::event::{Event, TransferTarget};
use shared::sdp::LocalDescription;
use shared::sdp::crypto::Encryption;
use shared::sip::{Body, Command, SessionId, Uri};
use shared::time::Timestamp;

use crate::call::dial::{Callee, Rules};
use crate::call::io::Input;
use crate::sip::cause;
use crate::sip::trunk::hunt::After;
use crate::sip::trunk::plan::Denied;
use crate::sip::trunk::{self, Output, Placed};

use super::encryption::{Account, goes_encrypted};
use super::entry::{Leg, LegState, Out};
use super::{Switch, Work};

impl Switch {
    /// Carries out what the trunks want.
    pub(super) fn trunk_work(&mut self) {
        while let Some(output) = self.trunks.poll() {
            match output {
                Output::Sip(command) => self.sip(command),
                Output::Publish(event) if self.is_known(&event) => {}
                Output::Publish(event) => {
                    if let Event::TrunkDown { trunk, reason } = &event {
                        tracing::warn!(%trunk, %reason, "trunk down");
                    }
                    self.hub.publish(event);
                }
            }
        }
    }

    /// What the endpoint tells about trunks.
    pub(super) fn on_trunk(&mut self, now: Timestamp, input: trunk::Input) {
        self.trunks.handle(now, input);
        self.trunk_work();
    }

    /// Whom a person calls by what he dialled; none when it is a queue's number, or nobody at all.
    pub(super) fn callee(&self, by: &UserId, uri: &Uri) -> Option<(Callee, Party)> {
        let dialled = uri.user_unescaped().unwrap_or_default();
        match self.transfer_target(uri) {
            Ok(TransferTarget::Agent { agent }) if agent.to_user() != *by => {
                let name = self.config.agents.iter().find(|known| known.id == agent);
                let name = name.map(|known| known.name.clone()).unwrap_or_default();
                Some((Callee::Colleague(agent), Party { number: dialled, name }))
            }
            Ok(TransferTarget::Number { number }) => {
                Some((Callee::Number(number), Party { number: dialled, name: String::new() }))
            }
            // A number that may not be called is refused as such, and the attempt is on record.
            Err(_) if matches!(self.trunks.check(&dialled), Err(Denied::NotAllowed)) => {
                Some((Callee::Number(dialled.clone()), Party { number: dialled, name: String::new() }))
            }
            Ok(TransferTarget::Queue { .. } | TransferTarget::Agent { .. }) | Err(_) => None,
        }
    }

    /// What holds for calls out.
    pub(super) fn dial_rules(&self) -> Rules {
        let outbound = &self.config.outbound;
        Rules { ring_secs: outbound.ring_secs, max_secs: outbound.max_call_secs, record: outbound.record }
    }

    /// Calls a number outside.
    #[expect(clippy::too_many_arguments, reason = "the fields of one output")]
    pub(super) fn dial(
        &mut self,
        now: Timestamp,
        call: CallId,
        leg: LegId,
        number: &str,
        by: Option<&UserId>,
        role: Role,
        queue: Option<&QueueId>,
    ) {
        let placed = match self.trunks.place(now, leg, number, by) {
            Ok(placed) => placed,
            Err((denied, route)) => {
                tracing::warn!(%call, by = by.map_or("nobody yet", UserId::as_str), number, %denied, "call out refused");
                if let Some(route) = route {
                    self.hub.publish(Event::NumberRouted { call, route });
                }
                let told = cause::for_caller(denied.status(), None);
                let failed = Input::DialFailed { leg, status: told.status, cause: told.cause };
                self.work.push_back(Work::Call(call, failed));
                return;
            }
        };
        let Placed { hunt, route } = placed;
        self.hub.publish(Event::NumberRouted { call, route: Box::new(route) });
        let agent = by.and_then(|by| self.config.agents.iter().find(|known| known.id == by.to_agent()));
        let queue = queue.and_then(|id| self.config.queues.iter().find(|known| known.id == *id));
        let number = queue
            .and_then(|queue| queue.caller_id.clone())
            .or_else(|| agent.and_then(|agent| agent.caller_id.clone()));
        let Some(local) = self.open_port(call, leg, role) else {
            self.trunks.leave(leg);
            let told = cause::for_caller(503, None);
            let failed = Input::DialFailed { leg, status: told.status, cause: told.cause };
            self.work.push_back(Work::Call(call, failed));
            return;
        };
        let known = Leg {
            session: SessionId(0),
            description: LocalDescription::new(0),
            local,
            state: LegState::Calling { offer: None },
            held: false,
            out: Some(Out { hunt, number, rings: false }),
            early: false,
        };
        if let Some(entry) = self.calls.get_mut(&call) {
            entry.legs.insert(leg, known);
        }
        self.try_way(now, call, leg);
    }

    /// Sends the INVITE of the way that is tried now.
    fn try_way(&mut self, now: Timestamp, call: CallId, leg: LegId) {
        let session = SessionId(self.random.next_u64() >> 1);
        let description = LocalDescription::new(self.random.next_u64());
        let Some(encryption) = self.way_encryption(call, leg) else { return };
        let Some(entry) = self.calls.get_mut(&call) else { return };
        let Some(known) = entry.legs.get_mut(&leg) else { return };
        known.local.encryption = encryption;
        let Some(Out { hunt, number, rings }) = &mut known.out else { return };
        // A server that is known to be silent is tried as the last resort, and not left for its silence.
        *rings = self.trunks.is_gone(hunt.way());
        let (way, attempt) = (hunt.way().clone(), hunt.attempt());
        let Some(mut outgoing) = self.trunks.outgoing(&way, number.as_deref(), "") else { return };
        self.sessions.remove(&known.session);
        known.session = session;
        known.description = description;
        let text = known.description.offer(&known.local);
        outgoing.headers.extend(self.trunks.passed(&way.trunk, &entry.headers));
        self.sessions.insert(session, (call, leg));
        let (trunk, number) = (way.trunk.clone(), way.number.clone());
        self.hub.publish(Event::TrunkTried { call, trunk, number, attempt });
        self.sip(Command::Invite {
            session,
            target: outgoing.target,
            flow: None,
            from: outgoing.from,
            to: outgoing.to,
            headers: outgoing.headers,
            body: Some(Body::sdp(text)),
            credentials: outgoing.credentials,
        });
        self.trunks.called(now, &way);
        self.trunk_work();
    }

    /// New keys for the way that is tried now. Where SRTP is required and the way is readable, the offer has no key in
    /// it, and so nobody can take it.
    fn way_encryption(&mut self, call: CallId, leg: LegId) -> Option<Encryption> {
        let out = self.calls.get(&call)?.legs.get(&leg)?.out.as_ref()?;
        let (way, number) = (out.hunt.way().clone(), out.number.clone());
        let target = self.trunks.outgoing(&way, number.as_deref(), "")?.target;
        let encryption = self.encryption(Account::Trunk(&way.trunk), goes_encrypted(None, &target));
        self.hear_keys(leg, &way.trunk);
        if let Err(error) = encryption.check() {
            tracing::warn!(%call, trunk = %way.trunk, %error, "a trunk cannot be used");
        }
        Some(encryption)
    }

    /// Calls that wait for a server which does not answer any more go on to the next.
    pub(super) fn leave_gone(&mut self, now: Timestamp) {
        let waits = |leg: &&Leg| {
            let silent = leg.out.as_ref().filter(|out| !out.rings && leg.state != LegState::Over);
            silent.is_some_and(|out| self.trunks.is_gone(out.hunt.way()))
        };
        let legs = self.calls.values().flat_map(|entry| entry.legs.values());
        let gone: Vec<SessionId> = legs
            .filter(|leg| matches!(leg.state, LegState::Calling { .. }))
            .filter(waits)
            .map(|leg| leg.session)
            .collect();
        for session in gone {
            if self.way_failed(now, session, 408, "No answer to OPTIONS", None) {
                self.sip(Command::Hangup { session, reason: None });
            }
        }
    }

    /// A leg over a trunk failed: the next way, or the end. False for other legs.
    pub(super) fn way_failed(
        &mut self,
        now: Timestamp,
        session: SessionId,
        status: u16,
        reason: &str,
        cause: Option<&str>,
    ) -> bool {
        let Some((call, leg)) = self.sessions.get(&session).copied() else { return false };
        let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.get_mut(&leg)) else {
            return false;
        };
        let Some(out) = &mut known.out else { return false };
        self.sessions.remove(&session);
        let way = out.hunt.way().clone();
        let after = out.hunt.failed(status);
        let again = matches!(after, After::Next(_));
        let short: String = reason.chars().filter(|c| !c.is_control()).take(80).collect();
        self.hub.publish(Event::TrunkFailed { call, trunk: way.trunk.clone(), status, reason: short, again });
        self.trunks.failed(now, &way, status, reason);
        self.trunk_work();
        match after {
            After::Next(next) => {
                self.trunks.moved(leg, &next);
                self.try_way(now, call, leg);
            }
            After::GiveUp(status) => {
                if let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.get_mut(&leg)) {
                    known.state = LegState::Over;
                }
                let told = cause::for_caller(status, cause);
                let failed = Input::DialFailed { leg, status: told.status, cause: told.cause };
                self.work.push_back(Work::Call(call, failed));
            }
        }
        true
    }

    /// A phone or a number outside rings, perhaps with early media (RFC 3261 §13.2.2.1, RFC 3960).
    pub(super) fn progress(&mut self, session: SessionId, status: u16, body: Option<&Body>) {
        let Some((call, leg)) = self.sessions.get(&session).copied() else { return };
        let Some(entry) = self.calls.get_mut(&call).filter(|entry| entry.machine.is_dialled(leg)) else {
            return;
        };
        let Some(known) = entry.legs.get_mut(&leg) else { return };
        if let Some(out) = &mut known.out {
            out.rings = true;
        }
        let sdp = body.filter(|body| body.is("application/sdp"));
        let agreed = sdp.and_then(|body| known.description.accept(&body.bytes).ok());
        if agreed.is_some() {
            known.early = true;
            if let Some(out) = &mut known.out {
                out.hunt.heard();
            }
        }
        let media = known.early;
        if let Some(negotiated) = agreed {
            self.connect(call, leg, negotiated);
        }
        self.work.push_back(Work::Call(call, Input::DialProgress { leg, status, media }));
    }

    /// Tells a caller that it rings; with our answer to his offer when he is to hear the far side.
    pub(super) fn pass_progress(&mut self, call: CallId, leg: LegId, status: u16, media: bool) {
        let Some(known) = self.calls.get(&call).and_then(|entry| entry.legs.get(&leg)) else { return };
        let LegState::Incoming { answer } = &known.state else { return };
        let body = answer.as_ref().filter(|_| media).map(|text| Body::sdp(text.clone()));
        let status = if body.is_some() && status == 180 { 183 } else { status };
        let session = known.session;
        self.sip(Command::Provisional { session, status, reason: String::new(), headers: Vec::new(), body });
    }

    /// Refuses a caller with the cause of the callee's side.
    pub(super) fn fail_leg(&mut self, call: CallId, leg: LegId, status: u16, q850: u8) {
        let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.get_mut(&leg)) else {
            return;
        };
        known.state = LegState::Over;
        let session = known.session;
        let headers = vec![("Reason".to_owned(), cause::reason(q850))];
        self.sip(Command::Reject { session, status, reason: String::new(), headers });
        self.drop_leg(call, leg, false);
    }

    /// Rings a colleague.
    pub(super) fn ring_colleague(&mut self, call: CallId, leg: LegId, agent: &AgentId, by: &UserId) {
        let person = self.config.users().into_iter().find(|known| known.id == *by);
        let from = self.address(person.as_ref().map_or("", |known| &known.name), by.as_str());
        let headers = vec![(shared::api::session::header::CALL.to_owned(), call.to_string())];
        let contact = self.phones.contact(&agent.to_user());
        self.invite(call, leg, None, Role::Customer, contact, from, &agent.to_user(), headers);
    }
}
