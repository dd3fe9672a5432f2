//! The four transaction machines of RFC 3261 §17 and the table that finds them.
//!
//! A machine holds its state and its timers and says with a [`Step`] what to do; the bytes, the flow and the owner
//! stand beside it in the table.

mod client_invite;
mod client_other;
mod server_invite;
mod server_other;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

pub(super) use client_invite::ClientInvite;
pub(super) use client_other::ClientOther;
pub(super) use server_invite::ServerInvite;
pub(super) use server_other::ServerOther;

use super::api::{Flow, RegistrationId, SessionId, TransactionId, Transport};
use super::header::Via;
use super::locate::Target;
use super::message::{Method, Request, Response};
use crate::time::Timestamp;

/// What a machine wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Nothing,
    /// Give the message to the user of the transaction; for a server's own response: send it.
    Pass,
    /// Acknowledge a final response that is no 2xx, and pass it.
    AckAndPass,
    /// Acknowledge it once more.
    Ack,
    /// Send the request or the last response once more.
    Resend,
    /// Tell the user that no answer came.
    TimedOut,
}

/// Who wants to know what becomes of a client transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Session(SessionId, Purpose),
    Registration(RegistrationId),
    User(u64),
    /// Nobody: BYE of a lost fork.
    Nobody,
}

/// Which exchange of a session it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Invite,
    Cancel,
    Reinvite,
    Update,
    Prack,
    Bye,
    Info,
    Refer,
    Notify,
}

#[derive(Debug)]
pub(super) enum ClientMachine {
    /// Waits for the resolver; nothing has been sent.
    Resolving {
        query: u64,
        give_up_at: Timestamp,
    },
    Invite(ClientInvite),
    Other(ClientOther),
}

impl ClientMachine {
    pub(super) fn response(&mut self, now: Timestamp, status: u16) -> Step {
        match self {
            ClientMachine::Resolving { .. } => Step::Nothing,
            ClientMachine::Invite(machine) => machine.response(now, status),
            ClientMachine::Other(machine) => machine.response(now, status),
        }
    }

    pub(super) fn tick(&mut self, now: Timestamp) -> Step {
        match self {
            ClientMachine::Resolving { give_up_at, .. } if *give_up_at <= now => Step::TimedOut,
            ClientMachine::Resolving { .. } => Step::Nothing,
            ClientMachine::Invite(machine) => machine.tick(now),
            ClientMachine::Other(machine) => machine.tick(now),
        }
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self {
            ClientMachine::Resolving { give_up_at, .. } => Some(*give_up_at),
            ClientMachine::Invite(machine) => machine.deadline(),
            ClientMachine::Other(machine) => machine.deadline(),
        }
    }

    pub(super) fn is_terminated(&self) -> bool {
        match self {
            ClientMachine::Resolving { .. } => false,
            ClientMachine::Invite(machine) => machine.is_terminated(),
            ClientMachine::Other(machine) => machine.is_terminated(),
        }
    }
}

/// An ACK for a 2xx, kept as long as that 2xx may be repeated.
#[derive(Debug)]
pub(super) struct KeptAck {
    pub to_tag: String,
    pub flow: Flow,
    /// As in [`ClientTransaction::domain`].
    pub domain: Option<String>,
    pub bytes: Vec<u8>,
}

/// A client transaction with what it needs to act.
#[derive(Debug)]
pub(super) struct ClientTransaction {
    pub machine: ClientMachine,
    pub owner: Owner,
    /// As sent, Via and Contact included; before it is sent without them.
    pub request: Arc<Request>,
    /// To send again; empty once there is nothing to repeat.
    pub bytes: Vec<u8>,
    /// Meaningless while resolving.
    pub flow: Flow,
    /// The name that a new TLS connection has to prove.
    pub domain: Option<String>,
    /// User part of the Contact to put in when the flow is known.
    pub contact_user: Option<String>,
    /// Further targets to try (RFC 3263 §4.3).
    pub more: Vec<Target>,
    /// Where to go when the wish for TCP does not come true (RFC 3261 §18.1.1).
    pub udp_instead: Option<Flow>,
    pub acks: Vec<KeptAck>,
    /// How often this request has been sent with credentials.
    pub attempt: u8,
    key: Arc<str>,
    /// Its place in the index of those that have no response yet.
    fresh: Option<Flow>,
}

#[derive(Debug)]
pub(super) enum ServerMachine {
    Invite(ServerInvite),
    Other(ServerOther),
}

impl ServerMachine {
    pub(super) fn request(&mut self) -> Step {
        match self {
            ServerMachine::Invite(machine) => machine.request(),
            ServerMachine::Other(machine) => machine.request(),
        }
    }

    pub(super) fn respond(&mut self, now: Timestamp, status: u16) -> Step {
        match self {
            ServerMachine::Invite(machine) => machine.respond(now, status),
            ServerMachine::Other(machine) => machine.respond(now, status),
        }
    }

    pub(super) fn tick(&mut self, now: Timestamp) -> Step {
        match self {
            ServerMachine::Invite(machine) => machine.tick(now),
            ServerMachine::Other(machine) => machine.tick(now),
        }
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self {
            ServerMachine::Invite(machine) => machine.deadline(),
            ServerMachine::Other(machine) => machine.deadline(),
        }
    }

    pub(super) fn is_terminated(&self) -> bool {
        match self {
            ServerMachine::Invite(machine) => machine.is_terminated(),
            ServerMachine::Other(machine) => machine.is_terminated(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        match self {
            ServerMachine::Invite(machine) => machine.is_open(),
            ServerMachine::Other(machine) => machine.is_open(),
        }
    }
}

/// A server transaction with what it needs to act.
#[derive(Debug)]
pub(super) struct ServerTransaction {
    pub machine: ServerMachine,
    /// Until the final response.
    pub request: Option<Arc<Request>>,
    /// Where responses go (RFC 3261 §18.2.2).
    pub flow: Flow,
    /// Where they go when the stream of the request is gone (RFC 3261 §18.2.2).
    via: Option<SocketAddr>,
    /// The last response.
    pub bytes: Vec<u8>,
    pub session: Option<SessionId>,
    key: Arc<str>,
    merged: Option<Arc<str>>,
}

/// All transactions of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Table {
    last: u64,
    pub clients: HashMap<TransactionId, ClientTransaction>,
    pub servers: HashMap<TransactionId, ServerTransaction>,
    client_keys: HashMap<Arc<str>, TransactionId>,
    server_keys: HashMap<Arc<str>, TransactionId>,
    merged_keys: HashMap<Arc<str>, TransactionId>,
    /// Clients that have no response yet, by where they were sent to.
    fresh: BTreeSet<(Transport, SocketAddr, u64, TransactionId)>,
    /// Server transactions of streams, and clients without a response on streams that are open.
    of_streams: BTreeSet<(u64, TransactionId)>,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    fn number(&mut self) -> TransactionId {
        self.last += 1;
        TransactionId(self.last)
    }

    pub(super) fn add_client(
        &mut self,
        request: Arc<Request>,
        owner: Owner,
        machine: ClientMachine,
        flow: Flow,
    ) -> TransactionId {
        let id = self.number();
        let made = ClientTransaction {
            machine,
            owner,
            request,
            bytes: Vec::new(),
            flow,
            domain: None,
            contact_user: None,
            more: Vec::new(),
            udp_instead: None,
            acks: Vec::new(),
            attempt: 0,
            key: "".into(),
            fresh: None,
        };
        self.clients.insert(id, made);
        id
    }

    /// Makes a client transaction findable by its branch, in place of an earlier one.
    pub(super) fn index_client(&mut self, id: TransactionId, branch: &str) {
        if let Some(client) = self.clients.get_mut(&id) {
            self.client_keys.remove(&client.key);
            client.key = format!("{branch}|{}", client.request.method).into();
            self.client_keys.insert(client.key.clone(), id);
        }
    }

    /// The transaction of a response (RFC 3261 §17.1.3).
    pub(super) fn client_of(&self, response: &Response) -> Option<TransactionId> {
        let via = response.headers.via()?;
        let cseq = response.headers.cseq()?;
        self.client_keys.get(format!("{}|{}", via.branch(), cseq.method).as_str()).copied()
    }

    /// Notes that a client has just been sent to its flow, or that it was answered.
    pub(super) fn set_fresh(&mut self, id: TransactionId, fresh: bool) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let place = |flow: Flow| (flow.transport, flow.remote, flow.connection, id);
        if let Some(old) = client.fresh.take() {
            self.fresh.remove(&place(old));
            self.of_streams.remove(&(old.connection, id));
        }
        if fresh {
            client.fresh = Some(client.flow);
            self.fresh.insert(place(client.flow));
            if client.flow.connection != 0 {
                self.of_streams.insert((client.flow.connection, id));
            }
        }
    }

    /// Whether a client has been sent and not been answered by anything.
    pub(super) fn is_fresh(&self, id: TransactionId) -> bool {
        self.clients.get(&id).is_some_and(|client| client.fresh.is_some())
    }

    /// Clients without a response whose request went to this address; with `connection` only those on that stream or
    /// on one that was to be opened.
    pub(super) fn unanswered(&self, flow: Flow) -> Vec<TransactionId> {
        let (first, last) = (TransactionId(0), TransactionId(u64::MAX));
        let on = |connection| {
            let place = |id| (flow.transport, flow.remote, connection, id);
            self.fresh.range(place(first)..=place(last)).map(|(.., id)| *id)
        };
        let opened = if flow.connection == 0 { None } else { Some(on(flow.connection)) };
        on(0).chain(opened.into_iter().flatten()).collect()
    }

    /// Clients without a response whose request went over this stream.
    pub(super) fn unanswered_on(&self, connection: u64) -> Vec<TransactionId> {
        let places = (connection, TransactionId(0))..=(connection, TransactionId(u64::MAX));
        let ids = self.of_streams.range(places).map(|(_, id)| *id);
        ids.filter(|id| self.clients.contains_key(id)).collect()
    }

    /// The stream is gone: responses to what came on it go to the address of its Via (RFC 3261 §18.2.2).
    pub(super) fn lose_stream(&mut self, connection: u64) {
        let lost = (connection, TransactionId(0))..=(connection, TransactionId(u64::MAX));
        let ids: Vec<_> = self.of_streams.range(lost).copied().collect();
        for place in ids {
            if let Some(server) = self.servers.get_mut(&place.1) {
                self.of_streams.remove(&place);
                server.flow.connection = 0;
                server.flow.remote = server.via.unwrap_or(server.flow.remote);
            }
        }
    }

    pub(super) fn remove_client(&mut self, id: TransactionId) -> Option<ClientTransaction> {
        self.set_fresh(id, false);
        let client = self.clients.remove(&id)?;
        if self.client_keys.get(&client.key) == Some(&id) {
            self.client_keys.remove(&client.key);
        }
        Some(client)
    }

    pub(super) fn add_server(
        &mut self,
        request: &Arc<Request>,
        machine: ServerMachine,
        flow: Flow,
    ) -> TransactionId {
        let id = self.number();
        let key: Arc<str> = server_key(request, &request.method).into();
        let merged: Option<Arc<str>> = merged_key(request).map(Into::into);
        let mut via = None;
        if flow.connection != 0 {
            self.of_streams.insert((flow.connection, id));
            via = request.headers.via().and_then(|via| {
                Some(SocketAddr::new(via.ip()?, via.port.unwrap_or(flow.transport.default_port())))
            });
        }
        self.server_keys.insert(key.clone(), id);
        if let Some(merged) = &merged {
            self.merged_keys.insert(merged.clone(), id);
        }
        let made = ServerTransaction {
            machine,
            request: Some(request.clone()),
            flow,
            via,
            bytes: Vec::new(),
            session: None,
            key,
            merged,
        };
        self.servers.insert(id, made);
        id
    }

    /// The transaction that this request repeats; for ACK and CANCEL with `method` INVITE the one they mean
    /// (RFC 3261 §17.2.3, §9.2).
    pub(super) fn server_of(&self, request: &Request, method: &Method) -> Option<TransactionId> {
        self.server_keys.get(server_key(request, method).as_str()).copied()
    }

    /// The same request over another path (RFC 3261 §8.2.2.2).
    pub(super) fn is_merged(&self, request: &Request) -> bool {
        merged_key(request).is_some_and(|key| self.merged_keys.contains_key(key.as_str()))
    }

    pub(super) fn remove_server(&mut self, id: TransactionId) -> Option<ServerTransaction> {
        let server = self.servers.remove(&id)?;
        self.of_streams.remove(&(server.flow.connection, id));
        if self.server_keys.get(&server.key) == Some(&id) {
            self.server_keys.remove(&server.key);
        }
        if let Some(merged) = &server.merged
            && self.merged_keys.get(merged) == Some(&id)
        {
            self.merged_keys.remove(merged);
        }
        Some(server)
    }
}

fn server_key(request: &Request, method: &Method) -> String {
    let via = request.headers.via();
    match via {
        Some(via) if via.has_magic() => format!("{}|{}|{method}", via.branch(), via.sent_by()),
        // RFC 3261 §17.2.3, the rules for peers of RFC 2543.
        via => {
            let tag = request.headers.get("From").and_then(super::header::tag).unwrap_or_default();
            let cseq = request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
            let via = via.as_ref().map(old_via).unwrap_or_default();
            format!("2543|{}|{}|{tag}|{cseq}|{via}|{method}", request.uri, request.headers.call_id())
        }
    }
}

/// A Via without what we added to it.
fn old_via(via: &Via) -> String {
    format!("{} {} {}", via.transport, via.sent_by(), via.branch())
}

fn merged_key(request: &Request) -> Option<String> {
    let to = request.headers.get("To")?;
    if super::header::tag(to).is_some() {
        return None;
    }
    let from_tag = request.headers.get("From").and_then(super::header::tag)?;
    let cseq = request.headers.cseq()?;
    Some(format!("{from_tag}|{}|{cseq}", request.headers.call_id()))
}

/// The ACK for a final response that is no 2xx (RFC 3261 §17.1.1.3).
pub(super) fn ack_for(invite: &Request, response: &Response) -> Request {
    let mut ack = part_of(invite, Method::Ack);
    if let Some(to) = response.headers.get("To") {
        ack.headers.set("To", to);
    }
    ack
}

/// The CANCEL of an INVITE (RFC 3261 §9.1).
pub(super) fn cancel_for(invite: &Request) -> Request {
    part_of(invite, Method::Cancel)
}

fn part_of(invite: &Request, method: Method) -> Request {
    let mut request = Request::new(method, invite.uri.clone());
    if let Some(via) = invite.headers.get("Via") {
        request.headers.push("Via", via);
    }
    request.headers.push("Max-Forwards", "70");
    for name in ["From", "To", "Call-ID", "Route"] {
        for value in invite.headers.all(name) {
            request.headers.push(name, value);
        }
    }
    let number = invite.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
    request.headers.push("CSeq", format!("{number} {}", request.method));
    request
}

impl ServerTransaction {
    /// An ACK that matches; only INVITE transactions know any.
    pub(super) fn machine_ack(&mut self, now: Timestamp) -> Step {
        match &mut self.machine {
            ServerMachine::Invite(machine) => machine.ack(now),
            ServerMachine::Other(_) => Step::Nothing,
        }
    }
}
