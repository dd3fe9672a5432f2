//! What sessions and registrations stand on: sending requests and responses through transactions, addresses of our
//! own, random tokens, deadlines, outputs.

mod address;
mod hop;
mod reply;
mod send;

pub(super) use reply::{mark_source, reply_flow};

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::api::{
    Config, Event, Flow, Output, RegistrationId, ReliableProvisional, SessionId, TransactionId, Transport,
};
use super::dialog::{Dialog, Hop};
use super::door::Door;
use super::header::MAGIC;
use super::locate::Locator;
use super::message::{Method, Request, Response};
use super::schedule::Schedule;
use super::session::SessionTimer;
use super::transaction::{ClientInvite, ClientMachine, ClientOther, KeptAck, Owner, Step, Table, ack_for};
use super::uri::{Scheme, Uri, host_of};
use super::wire;
use crate::time::Timestamp;
use hop::{First, Question};

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Due {
    Client(TransactionId),
    Server(TransactionId),
    /// The wish for TCP did not come true in time.
    Fallback(TransactionId),
    Session(SessionId, SessionTimer),
    Registration(RegistrationId),
    /// A ping, or the end of the wait for its answer.
    KeepAlive(RegistrationId),
    /// A message on this stream is not whole yet.
    Half(u64),
    /// An answer of a name server.
    Locator,
}

/// A response for the owner of a client transaction, from the far side or made here (408, 503).
#[derive(Debug)]
pub(super) struct Answered {
    pub owner: Owner,
    pub transaction: TransactionId,
    pub request: Arc<Request>,
    pub response: Response,
    /// `None` when it was made here.
    pub flow: Option<Flow>,
    pub attempt: u8,
}

pub(super) struct Core {
    pub config: Config,
    pub door: Option<Door>,
    pub random: StdRng,
    pub outputs: VecDeque<Output>,
    pub schedule: Schedule<Due>,
    pub table: Table,
    /// Streams that something came on and that have not ended: dialogs may go on using them.
    pub open_streams: HashSet<u64>,
    /// Failures found here, to be told after the command that caused them.
    pub failed: VecDeque<Answered>,
    /// The time of the input at work.
    pub now: Timestamp,
    locator: Locator,
    questions: HashMap<u64, Question>,
    last_search: u64,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("table", &self.table).finish_non_exhaustive()
    }
}

impl Core {
    pub(super) fn new(mut config: Config, seed: u64) -> Core {
        // Tags and branches of ours are seen by everybody; the door's key comes from a stream of its own.
        let door = config.door.take().map(|door| Door::new(door, seed.rotate_left(32) ^ DOOR_STREAM));
        let mut random = StdRng::seed_from_u64(seed);
        let locator = Locator::new(&config.listen, random.next_u64());
        Core {
            config,
            door,
            random,
            outputs: VecDeque::new(),
            schedule: Schedule::new(),
            table: Table::default(),
            open_streams: HashSet::new(),
            failed: VecDeque::new(),
            now: Timestamp::from_micros(0),
            locator,
            questions: HashMap::new(),
            last_search: 0,
        }
    }

    /// Who we call, and who shows that he reads what we send, is no stranger to the door.
    pub(super) fn prove(&mut self, now: Timestamp, source: IpAddr) {
        if let Some(door) = &mut self.door {
            door.prove(now, source);
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn send(&mut self, flow: Flow, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Send { flow, bytes });
    }

    /// A request towards a name: over TLS the far side has to prove that it is meant.
    fn send_to(&mut self, flow: Flow, domain: Option<String>, bytes: Vec<u8>) {
        match domain {
            Some(domain) if flow.transport.is_secure() && flow.connection == 0 => {
                self.outputs.push_back(Output::SendNamed { flow, domain, bytes });
            }
            _ => self.send(flow, bytes),
        }
    }

    /// 16 hex digits for tags and the like.
    pub(super) fn token(&mut self) -> String {
        format!("{:016x}", self.random.next_u64())
    }

    pub(super) fn call_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.random.next_u64(), self.random.next_u64())
    }

    /// A waiting time between two bounds.
    pub(super) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let span = u64::try_from(to.saturating_sub(from).as_millis()).unwrap_or(u64::MAX).max(1);
        from + Duration::from_millis(self.random.next_u64() % span)
    }

    /// Starts a client transaction. Via and, with a contact user, Contact are put in when the flow is known.
    pub(super) fn send_request(
        &mut self,
        now: Timestamp,
        mut request: Request,
        hop: &Hop,
        contact_user: Option<&str>,
        owner: Owner,
        attempt: u8,
    ) -> TransactionId {
        if !request.headers.has("User-Agent") {
            request.headers.push("User-Agent", &self.config.user_agent);
        }
        let machine = ClientMachine::Resolving { query: 0, give_up_at: now + self.config.timers.give_up() };
        let id = self.table.add_client(request.into(), owner, machine, Core::nowhere());
        if let Some(client) = self.table.clients.get_mut(&id) {
            client.contact_user = contact_user.map(Into::into);
            client.domain = domain_of(hop);
            client.attempt = attempt;
        }
        match self.first_flow(hop) {
            First::Flow(flow) => self.launch(now, id, flow, matches!(hop, Hop::Uri(_))),
            First::Find(wanted) => {
                let search = self.number_search();
                if let Some(client) = self.table.clients.get_mut(&id) {
                    let give_up_at = now + self.config.timers.give_up();
                    client.machine = ClientMachine::Resolving { query: search, give_up_at };
                    self.schedule.set(Due::Client(id), Some(give_up_at));
                }
                self.find(now, search, wanted, Question::Request(id));
            }
            First::Impossible => self.fail(id, 503),
        }
        id
    }

    /// Where the next request of a dialog goes: over the flow that it lives on, unless that stream is gone.
    pub(super) fn hop(&self, dialog: &Dialog) -> Hop {
        let alive = |flow: &Flow| flow.connection == 0 || self.open_streams.contains(&flow.connection);
        dialog.hop(alive)
    }

    /// Sends the ACK for a 2xx and keeps it for repetitions of that 2xx.
    pub(super) fn send_ack(&mut self, ack: Request, hop: &Hop, invite: TransactionId) {
        match self.first_flow(hop) {
            First::Flow(flow) => self.launch_ack(ack, flow, domain_of(hop), invite),
            // As many as transactions at most: an ACK belongs to an INVITE of ours.
            First::Find(wanted) if self.questions.len() < self.config.max_transactions => {
                let search = self.number_search();
                self.find(self.now, search, wanted, Question::Ack(ack, domain_of(hop), invite));
            }
            // Then the far side gives up and sends BYE.
            First::Find(_) | First::Impossible => {}
        }
    }

    /// Sends CANCEL for an INVITE of ours, over the flow that the INVITE took.
    pub(super) fn send_cancel(
        &mut self,
        now: Timestamp,
        invite: TransactionId,
        reason: Option<&str>,
        owner: Owner,
    ) {
        let Some(client) = self.table.clients.get(&invite) else { return };
        let mut cancel = super::transaction::cancel_for(&client.request);
        if let Some(reason) = reason {
            cancel.headers.push("Reason", reason);
        }
        let flow = client.flow;
        let branch = client.request.headers.via().map(|via| via.branch().to_owned()).unwrap_or_default();
        let bytes = wire::write_request(&cancel);
        let machine =
            ClientMachine::Other(ClientOther::new(now, self.config.timers, flow.transport.is_reliable()));
        let id = self.table.add_client(cancel.into(), owner, machine, flow);
        self.table.index_client(id, &branch);
        self.table.set_fresh(id, true);
        if let Some(client) = self.table.clients.get_mut(&id) {
            client.bytes = bytes.clone();
        }
        self.send(flow, bytes);
        self.settle_client(id);
    }

    /// A response came in for this client transaction.
    pub(super) fn on_response(
        &mut self,
        now: Timestamp,
        id: TransactionId,
        response: Response,
        flow: Flow,
    ) -> Option<Answered> {
        self.table.set_fresh(id, false);
        let client = self.table.clients.get_mut(&id)?;
        client.udp_instead = None;
        if flow.connection != 0 {
            client.flow.connection = flow.connection;
        }
        let step = client.machine.response(now, response.status);
        let mut ack = match step {
            Step::Ack | Step::AckAndPass => {
                Some((client.flow, wire::write_request(&ack_for(&client.request, &response))))
            }
            Step::Pass if (200..300).contains(&response.status) => {
                // A repeated 2xx gets its ACK again without asking anybody (RFC 3261 §13.2.2.4).
                let tag = response.headers.get("To").and_then(super::header::tag);
                let kept = client.acks.iter().find(|ack| Some(&ack.to_tag) == tag.as_ref());
                if let Some(kept) = kept {
                    let (flow, domain, bytes) = (kept.flow, kept.domain.clone(), kept.bytes.clone());
                    self.send_to(flow, domain, bytes);
                    return None;
                }
                None
            }
            _ => None,
        };
        let pass = matches!(step, Step::Pass | Step::AckAndPass);
        let named = client.domain.is_some().then_some(client.flow);
        if pass && response.status == 503 && named.is_some() {
            if let Some((flow, bytes)) = ack.take() {
                self.send(flow, bytes);
            }
            let wish = response.headers.get("Retry-After").and_then(super::header::seconds);
            if self.elsewhere(now, id, wish.map(|secs| Duration::from_secs(secs.into()))) {
                return None;
            }
        } else if let Some(flow) = named {
            self.reached(now, flow);
        }
        let client = self.table.clients.get_mut(&id)?;
        let answered = pass.then(|| Answered {
            owner: client.owner,
            transaction: id,
            request: client.request.clone(),
            response,
            flow: Some(flow),
            attempt: client.attempt,
        });
        if answered.as_ref().is_some_and(|answered| answered.response.status >= 200) {
            // Nothing of it is repeated any more; an INVITE is kept for its ACKs, without what it carried.
            client.bytes = Vec::new();
            if let ClientMachine::Invite(_) = client.machine
                && !client.request.body.is_empty()
            {
                let request = Request { body: Vec::new(), ..(*client.request).clone() };
                client.request = Arc::new(request);
            }
        }
        if let Some((flow, bytes)) = ack {
            self.send(flow, bytes);
        }
        self.schedule.set(Due::Fallback(id), None);
        self.settle_client(id);
        answered
    }

    pub(super) fn tick_client(&mut self, now: Timestamp, id: TransactionId) {
        let Some(client) = self.table.clients.get_mut(&id) else { return };
        match client.machine.tick(now) {
            Step::Resend => {
                let (flow, bytes) = (client.flow, client.bytes.clone());
                self.send(flow, bytes);
            }
            Step::TimedOut => {
                // What has been answered provisionally was not lost on the way (RFC 3263 §4.3).
                if !self.table.is_fresh(id) || !self.elsewhere(now, id, None) {
                    self.fail(id, 408);
                }
                return;
            }
            Step::Nothing | Step::Pass | Step::AckAndPass | Step::Ack => {}
        }
        self.settle_client(id);
    }

    pub(super) fn settle_client(&mut self, id: TransactionId) {
        let Some(client) = self.table.clients.get(&id) else { return };
        if client.machine.is_terminated() {
            self.remove_client(id);
        } else {
            let deadline = client.machine.deadline();
            self.schedule.set(Due::Client(id), deadline);
        }
    }

    /// True while nothing has been sent because the resolver has not answered.
    pub(super) fn is_resolving(&self, id: TransactionId) -> bool {
        self.table
            .clients
            .get(&id)
            .is_some_and(|client| matches!(client.machine, ClientMachine::Resolving { .. }))
    }

    /// The flow of what has no flow.
    pub(super) fn nowhere() -> Flow {
        Flow { transport: Transport::Udp, local: NOWHERE, remote: NOWHERE, connection: 0 }
    }

    /// Ends a client transaction with a response made here.
    fn fail(&mut self, id: TransactionId, status: u16) {
        let Some(client) = self.remove_client(id) else { return };
        self.failed.push_back(Answered {
            owner: client.owner,
            transaction: id,
            response: client.request.reply(status, "", None),
            request: client.request,
            flow: None,
            attempt: client.attempt,
        });
    }

    pub(super) fn remove_client(
        &mut self,
        id: TransactionId,
    ) -> Option<super::transaction::ClientTransaction> {
        self.schedule.set(Due::Client(id), None);
        self.schedule.set(Due::Fallback(id), None);
        let client = self.table.remove_client(id)?;
        if let ClientMachine::Resolving { query, .. } = client.machine {
            self.forget_search(query);
        }
        Some(client)
    }
}

/// The name that the far side of a new TLS connection has to prove; none for an address literal.
fn domain_of(hop: &Hop) -> Option<String> {
    match hop {
        Hop::Uri(uri) if uri.ip().is_none() => Some(uri.host.trim_end_matches('.').to_ascii_lowercase()),
        Hop::Uri(_) | Hop::Flow(_) => None,
    }
}

/// Whether the dialog that this request makes or belongs to is a `sips:` one (RFC 3261 §8.1.1.8, §12.1.1).
pub(super) fn is_sips(request: &Request) -> bool {
    request.uri.scheme == Scheme::Sips
        || ["Route", "Record-Route"].iter().any(|name| {
            let first = request.headers.addresses(name).into_iter().next();
            first.is_some_and(|route| route.uri.scheme == Scheme::Sips)
        })
}

/// Stands where no address is known yet.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
/// Makes the door's seed another one than that of tags and branches.
const DOOR_STREAM: u64 = 0x5e1f_d00f_0000_0001;
/// 2xx of one fork that are acknowledged.
const MAX_FORKS: usize = 32;
/// How long a connection may take before a long request goes by UDP after all.
const TCP_PATIENCE: Duration = Duration::from_secs(2);
