//! What arrives: framing, matching to transactions, and the checks of RFC 3261 §8.2 before anything is made of a
//! request.

use std::borrow::Cow;
use std::sync::Arc;

use super::Endpoint;
use crate::sip::api::{Event, Flow, Output, ReliableProvisional, SessionId, Transport};
use crate::sip::core::{Due, mark_source, reply_flow};
use crate::sip::digest::Algorithm;
use crate::sip::door::{Caller, Judgement};
use crate::sip::keepalive::{self, KeepAlive};
use crate::sip::message::{Message, Method, Request, Response};
use crate::sip::session::Session;
use crate::sip::stream::Frame;
use crate::sip::transaction::{ServerInvite, ServerMachine, ServerOther, Step};
use crate::sip::uri::Scheme;
use crate::sip::wire::{self, Fault, Reading};
use crate::time::Timestamp;

impl Endpoint {
    pub(super) fn received(&mut self, now: Timestamp, flow: Flow, bytes: &[u8]) {
        if flow.transport == Transport::Udp {
            return match keepalive::read(bytes, flow.remote) {
                None => self.message(now, flow, bytes),
                Some(KeepAlive::Silent) => {}
                Some(KeepAlive::Answer(answer)) => {
                    let drops = self.core.door.as_mut().is_some_and(|door| door.drops(now, flow));
                    if !drops && self.admits(now, flow) {
                        self.core.send(flow, answer);
                    }
                }
            };
        }
        if self.core.door.as_mut().is_some_and(|door| door.bars(now, flow)) {
            return self.give_up_stream(flow.connection);
        }
        self.core.open_streams.insert(flow.connection);
        let mut awaited = false;
        for registration in self.registrations.values_mut() {
            awaited |= registration.heard(flow.connection);
        }
        // The answer to our ping; two of them must not look like a ping of theirs.
        if awaited && bytes == b"\r\n" && self.streams.is_empty(flow.connection) {
            return;
        }
        self.streams.push(flow.connection, bytes);
        loop {
            match self.streams.next_frame(flow.connection) {
                Ok(Some(Frame::Message(message))) => self.message(now, flow, &message),
                // RFC 5626 §3.5.1.
                Ok(Some(Frame::Ping)) if self.admits(now, flow) => self.core.send(flow, b"\r\n".to_vec()),
                Ok(Some(Frame::Ping)) => {}
                Ok(None) => break,
                Err(_) => return self.give_up_stream(flow.connection),
            }
        }
        let until = self.streams.settle(now, flow.connection);
        self.core.schedule.set(Due::Half(flow.connection), until);
        while let Some(oldest) = self.streams.too_much() {
            self.give_up_stream(oldest);
        }
    }

    /// Reads no more from a stream and closes it.
    pub(super) fn give_up_stream(&mut self, connection: u64) {
        self.forget_stream(connection);
        self.core.outputs.push_back(Output::Close { connection });
    }

    /// A stream is no more.
    pub(super) fn forget_stream(&mut self, connection: u64) {
        self.streams.remove(connection);
        self.core.open_streams.remove(&connection);
        self.core.schedule.set(Due::Half(connection), None);
    }

    fn message(&mut self, now: Timestamp, flow: Flow, bytes: &[u8]) {
        if self.core.door.as_mut().is_some_and(|door| door.drops(now, flow)) {
            return;
        }
        // What is no SIP, and responses that break the rules, get no answer (RFC 3261 §18.1.2).
        let Ok(Reading { message, fault }) = wire::read(bytes) else {
            self.admits(now, flow);
            return;
        };
        match message {
            Message::Response(response) => self.response(now, flow, response),
            Message::Request(mut request) => {
                mark_source(&mut request, flow);
                self.incoming(now, flow, request, fault);
            }
        }
    }

    fn response(&mut self, now: Timestamp, flow: Flow, response: Response) {
        // §8.1.3.3: it went astray on its way to somebody behind us, and we are in front of nobody.
        if response.headers.all("Via").nth(1).is_some() {
            return;
        }
        let Some(id) = self.core.table.client_of(&response) else {
            self.admits(now, flow);
            return;
        };
        // It knows the branch that we made.
        self.core.prove(now, flow.remote.ip());
        if let Some(answered) = self.core.on_response(now, id, response, flow) {
            self.dispatch(now, answered);
        }
    }

    fn incoming(&mut self, now: Timestamp, flow: Flow, request: Request, fault: Option<Fault>) {
        if let Some(fault) = fault {
            if self.admits(now, flow) && request.method != Method::Ack {
                self.stateless(flow, &request, fault.status, fault.reason, &[]);
            }
            return;
        }
        match request.method {
            Method::Ack => return self.ack(now, flow, &request),
            Method::Cancel => return self.cancel(now, flow, request),
            _ => {}
        }
        if let Some(id) = self.core.table.server_of(&request, &request.method) {
            let step = self.core.table.servers.get_mut(&id).map(|server| server.machine.request());
            if step == Some(Step::Resend) {
                self.core.resend(id);
            }
            return;
        }
        let to_tag = request.headers.to_tag().map(Cow::into_owned);
        let session = to_tag.as_ref().and_then(|tag| {
            self.by_dialog.get(&(request.headers.call_id().to_owned(), tag.clone())).copied()
        });
        if session.is_some() {
            // It knows the tag that we made.
            self.core.prove(now, flow.remote.ip());
        } else if !self.admits(now, flow)
            || self.core.door.as_mut().is_some_and(|door| door.ignores(now, flow, &request))
        {
            return;
        }
        if let Some((status, headers)) = self.check(&request, to_tag.is_some()) {
            return self.stateless(flow, &request, status, "", &headers);
        }
        match (session, to_tag) {
            (Some(session), _) => self.within_dialog(now, flow, request, session),
            (None, Some(_)) => self.stateless(flow, &request, 481, "", &[]),
            (None, None) => self.outside_dialog(now, flow, request),
        }
    }

    /// Takes a message that belongs to nothing of ours from the budget of its source.
    fn admits(&mut self, now: Timestamp, flow: Flow) -> bool {
        self.core.door.as_mut().is_none_or(|door| door.admit(now, flow))
    }

    /// Who sends this request outside of dialogs; `None` when it has been answered instead of let in.
    fn judged(&mut self, now: Timestamp, flow: Flow, request: &Request) -> Option<Caller> {
        let Some(door) = &mut self.core.door else { return Some(Caller::Unchecked) };
        match door.judge(now, flow, request) {
            Judgement::Pass(caller) => Some(caller),
            Judgement::Answer { status, reason, headers, strike } => {
                if let Some(failures) = strike {
                    let source = flow.remote.ip();
                    let talks = self.sessions.values().filter_map(|session| session.dialog()).any(|dialog| {
                        dialog.flow.map(|flow| flow.remote.ip()).or(dialog.target.ip()) == Some(source)
                    });
                    if !talks {
                        door.strike_out(now, source, failures);
                    }
                }
                self.stateless(flow, request, status, reason, &headers);
                None
            }
        }
    }

    /// §8.2.1 to §8.2.3; what is wrong with a request that can be read.
    fn check(&self, request: &Request, within: bool) -> Option<(u16, Vec<(String, String)>)> {
        let with = |status, name: &str, value: String| Some((status, vec![(name.to_owned(), value)]));
        if matches!(request.method, Method::Other(_)) {
            return with(501, "Allow", self.core.allow());
        }
        if !matches!(request.uri.scheme, Scheme::Sip | Scheme::Sips | Scheme::Tel) {
            return Some((416, Vec::new()));
        }
        // §16.3 is for proxies, but a gateway loops just as well (RFC 7332); OPTIONS ends here anyway.
        let forwards = request.headers.get("Max-Forwards").and_then(|value| value.trim().parse::<u8>().ok());
        if forwards == Some(0) && !within && request.method != Method::Options {
            return Some((483, Vec::new()));
        }
        let unknown: Vec<&str> = request
            .headers
            .all("Require")
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|tag| {
                !tag.is_empty() && !self.core.supported().split(", ").any(|own| own.eq_ignore_ascii_case(tag))
            })
            .collect();
        if !unknown.is_empty() {
            return with(420, "Unsupported", unknown.join(", "));
        }
        let encoding = request.headers.get("Content-Encoding").unwrap_or("identity");
        if !request.body.is_empty() && !encoding.trim().eq_ignore_ascii_case("identity") {
            return with(415, "Accept-Encoding", "identity".into());
        }
        if request.method == Method::Invite {
            if request.session_body().is_some_and(|body| !body.is("application/sdp")) {
                return with(415, "Accept", ACCEPT.into());
            }
            // The answer will be a description: who cannot take one cannot be called (RFC 4475 §3.3.15).
            if request.headers.has("Accept") && !accepts_sdp(request) {
                return Some((406, Vec::new()));
            }
        }
        if within {
            // Dialogs that stand may use a reserve, but not without end.
            let limit = self.core.config.max_transactions.saturating_mul(5) / 4;
            return if self.core.table.len() < limit { None } else { with(503, "Retry-After", "5".into()) };
        }
        if request.method == Method::Invite
            && self.core.config.reliable_provisional == ReliableProvisional::Required
            && !["Supported", "Require"].iter().any(|name| request.headers.lists(name, "100rel"))
        {
            return with(421, "Require", "100rel".into());
        }
        if self.core.table.is_merged(request) {
            return Some((482, Vec::new()));
        }
        let own = matches!(request.method, Method::Invite | Method::Options);
        let forbidden = self.core.door.as_ref().is_some_and(|door| door.forbids(&request.method));
        if forbidden {
            return with(405, "Allow", self.core.allow());
        }
        if !own && !self.core.config.user_methods.contains(&request.method) {
            // Methods that live in dialogs only are not forbidden, there is no dialog (§12.2.2).
            if matches!(
                request.method,
                Method::Bye | Method::Notify | Method::Update | Method::Info | Method::Prack
            ) {
                return Some((481, Vec::new()));
            }
            // RFC 3515 §2.4.2: known, but a REFER that comes out of nowhere is nobody's wish.
            if request.method == Method::Refer {
                return Some((603, Vec::new()));
            }
            // RFC 6665 §4.2.1.1: no event package is served; that of REFER lives in dialogs.
            if request.method == Method::Subscribe {
                return with(489, "Allow-Events", "refer".into());
            }
            return with(405, "Allow", self.core.allow());
        }
        let full = self.core.table.len() >= self.core.config.max_transactions
            || (request.method == Method::Invite && self.sessions.len() >= self.core.config.max_sessions);
        if full {
            return with(503, "Retry-After", "5".into());
        }
        None
    }

    fn within_dialog(&mut self, now: Timestamp, flow: Flow, request: Request, id: SessionId) {
        let reply = reply_flow(flow, &request);
        let machine = self.server_machine(now, flow.transport, &request.method);
        let request = Arc::new(request);
        let transaction = self.core.table.add_server(&request, machine, reply);
        if request.method == Method::Invite
            && let Some(server) = self.core.table.servers.get_mut(&transaction)
        {
            server.session = Some(id);
        }
        self.core.settle_server(transaction);
        let named = if request.method == Method::Refer { self.named(&request) } else { None };
        self.with_session(now, id, |session, core| {
            session.request(now, core, transaction, request, flow, named);
        });
    }

    /// Which session of ours the Replaces in a Refer-To names. Some phones have the two tags the other way round.
    fn named(&self, request: &Request) -> Option<SessionId> {
        let replaces = request.headers.refer_to()?.uri.replaces()?;
        let (to, from) = (&replaces.to_tag, &replaces.from_tag);
        [(to, from), (from, to)].into_iter().find_map(|(ours, theirs)| {
            let id = self.by_dialog.get(&(replaces.call_id.clone(), ours.clone()))?;
            self.sessions.get(id).filter(|session| session.is_with(theirs)).map(|_| *id)
        })
    }

    fn outside_dialog(&mut self, now: Timestamp, flow: Flow, request: Request) {
        if request.method == Method::Invite
            && let Some(min) = Session::too_small(&self.core, &request)
        {
            return self.stateless(flow, &request, 422, "", &[("Min-SE".into(), min.to_string())]);
        }
        if request.method == Method::Options && !self.core.config.user_methods.contains(&Method::Options) {
            // §11.2. It changes nothing, so there is nothing to remember.
            let headers = [
                ("Allow".to_owned(), self.core.allow()),
                ("Accept".to_owned(), ACCEPT.to_owned()),
                ("Supported".to_owned(), self.core.supported().to_owned()),
            ];
            return self.stateless(flow, &request, 200, "", &headers);
        }
        let Some(caller) = self.judged(now, flow, &request) else { return };
        let replaces = match self.replaced(&request) {
            Ok(replaces) => replaces,
            Err(status) => return self.stateless(flow, &request, status, "", &[]),
        };
        let reply = reply_flow(flow, &request);
        let machine = self.server_machine(now, flow.transport, &request.method);
        let request = Arc::new(request);
        let transaction = self.core.table.add_server(&request, machine, reply);
        self.core.settle_server(transaction);
        match request.method {
            Method::Invite => {
                self.last_incoming += 1;
                let id = SessionId(self.last_incoming | 1 << 63);
                match Session::incoming(
                    now,
                    &mut self.core,
                    id,
                    transaction,
                    &request,
                    flow,
                    caller,
                    replaces,
                ) {
                    Some(session) => {
                        if let Some(server) = self.core.table.servers.get_mut(&transaction) {
                            server.session = Some(id);
                        }
                        self.add(session);
                    }
                    None => {
                        let tag = self.core.token();
                        let response = request.reply(400, "Missing Contact", Some(&tag));
                        self.core.respond(now, transaction, response);
                    }
                }
            }
            _ => {
                let method = request.method.clone();
                self.core.event(Event::Request {
                    transaction,
                    flow,
                    caller,
                    method,
                    request: Box::new(Arc::unwrap_or_clone(request)),
                });
            }
        }
    }

    /// The session that an INVITE wants to take the place of, or the status for one that cannot (RFC 3891 §3).
    fn replaced(&self, request: &Request) -> Result<Option<SessionId>, u16> {
        if !request.headers.has("Replaces") {
            return Ok(None);
        }
        if request.method != Method::Invite || request.headers.all("Replaces").count() > 1 {
            return Err(400);
        }
        let replaces = request.headers.replaces().ok_or(400_u16)?;
        let key = (replaces.call_id.clone(), replaces.to_tag.clone());
        let session = self.by_dialog.get(&key).and_then(|id| self.sessions.get(id)).ok_or(481_u16)?;
        session.replaceable(&replaces).map(|()| Some(session.id))
    }

    fn server_machine(&self, now: Timestamp, transport: Transport, method: &Method) -> ServerMachine {
        let (timers, reliable) = (self.core.config.timers, transport.is_reliable());
        match method {
            Method::Invite => ServerMachine::Invite(ServerInvite::new(timers, reliable)),
            _ => ServerMachine::Other(ServerOther::new(now, timers, reliable)),
        }
    }

    fn ack(&mut self, now: Timestamp, flow: Flow, request: &Request) {
        if let Some(id) = self.core.table.server_of(request, &Method::Invite)
            && let Some(server) = self.core.table.servers.get_mut(&id)
        {
            let step = server.machine_ack(now);
            self.core.settle_server(id);
            if step != Step::Pass {
                return;
            }
        }
        // The ACK of a 2xx is a transaction of its own (§17): it belongs to the dialog.
        let tag = request.headers.to_tag().map(Cow::into_owned).unwrap_or_default();
        let key = (request.headers.call_id().to_owned(), tag);
        match self.by_dialog.get(&key).copied() {
            Some(id) => self.with_session(now, id, |session, core| session.ack(now, core, request)),
            // That of a final response that was sent without state.
            None => {
                self.admits(now, flow);
            }
        }
    }

    fn cancel(&mut self, now: Timestamp, flow: Flow, request: Request) {
        if let Some(id) = self.core.table.server_of(&request, &Method::Cancel) {
            return self.core.resend(id);
        }
        let Some(invite) = self.core.table.server_of(&request, &Method::Invite) else {
            if !self.admits(now, flow) {
                return;
            }
            return self.stateless(flow, &request, 481, "", &[]);
        };
        let reply = reply_flow(flow, &request);
        let machine = self.server_machine(now, flow.transport, &request.method);
        let request = Arc::new(request);
        let id = self.core.table.add_server(&request, machine, reply);
        let session = self.core.table.servers.get(&invite).and_then(|server| server.session);
        // §9.2: 200 in any case; the tag should be that of the INVITE's responses.
        let tag = session.and_then(|id| self.sessions.get(&id)).map(|session| session.local_tag.clone());
        let tag = tag.unwrap_or_else(|| self.core.token());
        self.core.respond(now, id, request.reply(200, "", Some(&tag)));
        let open = self.core.table.servers.get(&invite).is_some_and(|server| server.machine.is_open());
        if let Some(session) = session.filter(|_| open) {
            let reason = request.headers.get("Reason").map(Into::into);
            self.with_session(now, session, |session, core| session.cancelled(now, core, invite, reason));
        }
    }

    /// Answers without keeping anything (§8.2.7); the tag follows from the request, so that repetitions get the same.
    fn stateless(
        &mut self,
        flow: Flow,
        request: &Request,
        status: u16,
        reason: &str,
        headers: &[(String, String)],
    ) {
        // Via and CSeq are what the far side finds its transaction by (§17.1.3).
        let answerable = request.headers.has("Via") && request.headers.has("CSeq");
        if !answerable {
            return;
        }
        let seed = format!("{}{}", request.headers.call_id(), request.headers.get("Via").unwrap_or_default());
        let tag: String = Algorithm::Md5.hash(seed.as_bytes()).chars().take(16).collect();
        let mut response = request.reply(status, reason, Some(&tag));
        response.headers.extend(headers);
        response.headers.remove("Record-Route");
        response.headers.push("Server", &self.core.config.user_agent);
        let flow = reply_flow(flow, request);
        self.core.send(flow, wire::write_response(&response));
    }
}

/// Bodies that an INVITE may have (RFC 5621 §3.1).
const ACCEPT: &str = "application/sdp, multipart/mixed, multipart/alternative";

/// Whether one of the types in Accept means a session description (RFC 3261 §20.1).
fn accepts_sdp(request: &Request) -> bool {
    let types = ["application/sdp", "application/*", "*/*"];
    request
        .headers
        .all("Accept")
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| types.iter().any(|known| range.trim().eq_ignore_ascii_case(known)))
}
