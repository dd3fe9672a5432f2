//! The client side of REGISTER (RFC 3261 §10.2): register, answer challenges, refresh in time, come back after
//! failures, remove. Where the registrar sees us somewhere else than we think (RFC 3581), that address is registered.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::api::{Credentials, Event, Flow, Output, RegistrationId, TransactionId, Transport};
use super::core::{Answered, Core, Due};
use super::dialog::Hop;
use super::digest::Client;
use super::header::{NameAddr, seconds};
use super::keepalive::{PING, PONG_TIMEOUT};
use super::message::{Method, Request, Response};
use super::transaction::Owner;
use super::uri::Uri;
use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Registration {
    id: RegistrationId,
    aor: Uri,
    registrar: Uri,
    contact_user: String,
    /// The wish; 423 may raise it.
    expires_secs: u32,
    auth: Client,
    call_id: String,
    from_tag: String,
    cseq: u32,
    state: State,
    /// In a row.
    failures: u32,
    /// The stream that calls will come over.
    connection: u64,
    /// The way that the last answer took.
    flow: Option<Flow>,
    /// Our address as the registrar sees it, when it is another than our own (UDP alone: a stream's port is no place
    /// to be called at).
    seen_at: Option<SocketAddr>,
    /// When that changed last, and the Contact of before, which goes with the next REGISTER.
    moved: Option<(Timestamp, String)>,
    ping: Ping,
}

/// What has become of the last ping on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ping {
    None,
    Sent,
    /// Something came since.
    Answered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Registering(TransactionId),
    /// Bound; the timer refreshes.
    Registered,
    /// Failed; the timer tries again.
    Waiting,
    Removing(TransactionId),
    Over,
}

impl Registration {
    pub(super) fn new(
        core: &mut Core,
        id: RegistrationId,
        aor: Uri,
        registrar: Uri,
        contact_user: String,
        expires_secs: u32,
        credentials: Option<Credentials>,
    ) -> Registration {
        Registration {
            id,
            aor,
            registrar,
            contact_user,
            expires_secs: expires_secs.max(1),
            auth: Client::new(credentials),
            call_id: core.call_id(),
            from_tag: core.token(),
            cseq: 0,
            state: State::Idle,
            failures: 0,
            connection: 0,
            flow: None,
            seen_at: None,
            moved: None,
            ping: Ping::None,
        }
    }

    /// Goes on where another one of the same id stood: same Call-ID and counting CSeq (§10.2.4).
    pub(super) fn take_over(mut self, old: Registration, core: &mut Core) -> Registration {
        if let State::Registering(transaction) | State::Removing(transaction) = old.state {
            core.remove_client(transaction);
        }
        self.call_id = old.call_id;
        self.from_tag = old.from_tag;
        self.cseq = old.cseq;
        self.connection = old.connection;
        self.flow = old.flow;
        self.seen_at = old.seen_at;
        self.moved = old.moved;
        self
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    pub(super) fn register(&mut self, now: Timestamp, core: &mut Core) {
        let transaction = self.send(now, core, self.expires_secs, 0);
        self.state = State::Registering(transaction);
        core.schedule.set(Due::Registration(self.id), None);
    }

    pub(super) fn unregister(&mut self, now: Timestamp, core: &mut Core) {
        if let State::Registering(transaction) = self.state {
            core.remove_client(transaction);
        }
        if matches!(self.state, State::Removing(_)) {
            return;
        }
        core.schedule.set(Due::Registration(self.id), None);
        let transaction = self.send(now, core, 0, 0);
        self.state = State::Removing(transaction);
    }

    pub(super) fn tick(&mut self, now: Timestamp, core: &mut Core) {
        match self.state {
            State::Registered | State::Waiting => self.register(now, core),
            State::Idle | State::Registering(_) | State::Removing(_) | State::Over => {}
        }
    }

    /// Calls come over the stream of the registration: without it nobody can call, so register at once.
    pub(super) fn lose_stream(&mut self, now: Timestamp, core: &mut Core, connection: u64) {
        if connection != 0 && self.connection == connection {
            self.connection = 0;
            self.flow = None;
            core.schedule.set(Due::KeepAlive(self.id), None);
            if self.state == State::Registered {
                let wait = core.between(Duration::from_millis(200), Duration::from_secs(2));
                core.schedule.set(Due::Registration(self.id), Some(now + wait));
            }
        }
    }

    /// Something came over this stream: it lives. True when a ping waited for that.
    pub(super) fn heard(&mut self, connection: u64) -> bool {
        let awaited = self.connection == connection && self.ping == Ping::Sent;
        if awaited {
            self.ping = Ping::Answered;
        }
        awaited
    }

    /// RFC 5626 §4.4: a ping; and a stream that has not answered the last one is given up, so that a new one is
    /// opened and registered at once.
    pub(super) fn keep_alive(&mut self, now: Timestamp, core: &mut Core) {
        let Some(flow) = self.flow else { return };
        match self.ping {
            Ping::Sent => {
                self.ping = Ping::None;
                core.outputs.push_back(Output::Close { connection: flow.connection });
            }
            Ping::Answered => {
                self.ping = Ping::None;
                self.next_ping(now, core);
            }
            Ping::None => {
                core.send(flow, PING.to_vec());
                if flow.transport.is_reliable() {
                    self.ping = Ping::Sent;
                    core.schedule.set(Due::KeepAlive(self.id), Some(now + PONG_TIMEOUT));
                } else {
                    self.next_ping(now, core);
                }
            }
        }
    }

    /// RFC 5626 §4.4: between 80 and 100 % of the interval, so that not all clients do it at once.
    fn next_ping(&self, now: Timestamp, core: &mut Core) {
        let wait = core.config.keep_alive.map(|most| core.between(most.mul_f64(0.8), most));
        core.schedule.set(Due::KeepAlive(self.id), wait.map(|wait| now + wait));
    }

    pub(super) fn answered(&mut self, now: Timestamp, core: &mut Core, answered: &Answered) {
        let response = &answered.response;
        let removing = match self.state {
            State::Registering(transaction) if transaction == answered.transaction => false,
            State::Removing(transaction) if transaction == answered.transaction => true,
            _ => return,
        };
        if response.status < 200 {
            return;
        }
        let expires_secs = if removing { 0 } else { self.expires_secs };
        let again = match response.status {
            401 | 407 => self.auth.challenged(response, answered.attempt),
            423 if !removing && answered.attempt < 3 => {
                let min =
                    response.headers.get("Min-Expires").and_then(seconds).filter(|min| *min > expires_secs);
                self.expires_secs = min.unwrap_or(self.expires_secs);
                min.is_some()
            }
            _ => false,
        };
        if again {
            let expires_secs = if removing { 0 } else { self.expires_secs };
            let transaction = self.send(now, core, expires_secs, answered.attempt + 1);
            self.state =
                if removing { State::Removing(transaction) } else { State::Registering(transaction) };
            return;
        }
        if removing {
            self.state = State::Over;
            core.schedule.set(Due::KeepAlive(self.id), None);
            return core.event(Event::Registered {
                registration: self.id,
                expires_secs: 0,
                flow: answered.flow,
                route: None,
            });
        }
        if (200..300).contains(&response.status) {
            self.connection = answered.flow.map_or(0, |flow| flow.connection);
            self.flow = answered.flow;
            self.ping = Ping::None;
            self.next_ping(now, core);
            self.bound(now, core, answered);
            if self.is_seen_elsewhere(now, core, answered) {
                self.register(now, core);
            }
        } else {
            self.failed(now, core, response);
        }
    }

    /// RFC 3581 §4: received and rport of our Via are our address as the registrar sees it. Behind a NAT that is where
    /// calls reach us. A NAT that moves us all the time is not followed.
    fn is_seen_elsewhere(&mut self, now: Timestamp, core: &Core, answered: &Answered) -> bool {
        let is_udp = answered.flow.is_some_and(|flow| flow.transport == Transport::Udp);
        // An address that somebody configured is right.
        if self.state != State::Registered || !is_udp || core.config.advertised.is_some() {
            return false;
        }
        let (Some(via), Some(told)) =
            (answered.response.headers.via(), answered.request.headers.get("Contact"))
        else {
            return false;
        };
        let received = via.params.get("received").and_then(|ip| ip.parse::<IpAddr>().ok()).or(via.ip());
        let port = via.params.get("rport").and_then(|port| port.parse().ok()).or(via.port).unwrap_or(5060);
        let Some(seen) = received.map(|ip| SocketAddr::new(ip, port)) else { return false };
        let Some(own) = answered.request.headers.addresses("Contact").into_iter().next() else {
            return false;
        };
        if own.uri.ip() == Some(seen.ip()) && own.uri.port.unwrap_or(5060) == seen.port() {
            return false;
        }
        if self.moved.as_ref().is_some_and(|(at, _)| now.since(*at) < MOVES_AT_MOST) {
            return false;
        }
        let before = told.split(',').next().unwrap_or_default().trim().to_owned();
        self.moved = Some((now, before));
        self.seen_at = Some(seen);
        true
    }

    fn bound(&mut self, now: Timestamp, core: &mut Core, answered: &Answered) {
        self.failures = 0;
        let granted = granted(answered, self.expires_secs);
        if granted == 0 {
            // The registrar took it and dropped it at once: as good as refused.
            return self.failed(now, core, &answered.response);
        }
        self.state = State::Registered;
        // Early enough for a whole transaction to fail before the binding ends.
        let early = (granted / 10).max(32).min(granted / 2);
        let refresh_secs = u64::from((granted - early).max(1));
        core.schedule.set(Due::Registration(self.id), Some(now + Duration::from_secs(refresh_secs)));
        core.event(Event::Registered {
            registration: self.id,
            expires_secs: granted,
            flow: answered.flow,
            route: service_route(&answered.response),
        });
    }

    fn failed(&mut self, now: Timestamp, core: &mut Core, response: &Response) {
        self.failures = self.failures.saturating_add(1);
        // What the same request will very likely meet again (a wrong password, an account that is closed) is asked
        // rarely, so that nobody is banned for it; but it is asked, because a provider may open the account again.
        let lasting = matches!(response.status, 300..=407 | 409..=479 | 481..=499 | 501 | 505 | 600..=699);
        let most = match lasting {
            true => (REFUSED_SECS << self.failures.saturating_sub(1).min(4)).min(MAX_REFUSED_SECS),
            false => 4 << self.failures.min(5),
        };
        let wait = core.between(Duration::from_secs(most / 2), Duration::from_secs(most));
        // §20.33.
        let asked = response.headers.get("Retry-After").and_then(seconds).map(|secs| secs.min(3600));
        let wait = wait.max(Duration::from_secs(asked.unwrap_or(0).into()));
        self.state = State::Waiting;
        core.schedule.set(Due::Registration(self.id), Some(now + wait));
        core.event(Event::RegistrationFailed {
            registration: self.id,
            status: response.status,
            reason: response.reason.clone(),
        });
    }

    fn send(&mut self, now: Timestamp, core: &mut Core, expires_secs: u32, attempt: u8) -> TransactionId {
        self.cseq += 1;
        let mut uri = self.registrar.to_request_uri();
        uri.user = None;
        let mut request = Request::new(Method::Register, uri);
        let own = NameAddr::new(self.aor.to_aor());
        request.headers.push("Max-Forwards", "70");
        request.headers.push("From", own.clone().with_tag(&self.from_tag).to_string());
        request.headers.push("To", own.to_string());
        request.headers.push("Call-ID", &self.call_id);
        request.headers.push("CSeq", format!("{} REGISTER", self.cseq));
        request.headers.push("Expires", expires_secs.to_string());
        request.headers.push("Allow", core.allow());
        let mut user = Some(self.contact_user.as_str());
        if let Some(seen) = self.seen_at {
            let own = NameAddr::new(Uri::from_address(user.take(), seen, Transport::Udp));
            request.headers.push("Contact", own.to_string());
            if let Some((_, before)) = &self.moved {
                request.headers.push("Contact", format!("{before};expires=0"));
            }
        }
        self.auth.authorize(&mut request, &mut core.random);
        let hop = Hop::Uri(self.registrar.clone());
        core.send_request(now, request, &hop, user, Owner::Registration(self.id), attempt)
    }
}

/// Time to the first repetition after a refusal, at most; it doubles.
const REFUSED_SECS: u64 = 900;
/// And no longer than this.
const MAX_REFUSED_SECS: u64 = 7_200;
/// Another address of ours is believed this often.
const MOVES_AT_MOST: Duration = Duration::from_secs(60);
/// Proxies that calls out may have to pass.
const MAX_ROUTES: usize = 8;

/// The value of Route for requests out (RFC 3608 §5.1).
fn service_route(response: &Response) -> Option<String> {
    let routes = response.headers.addresses("Service-Route");
    if routes.is_empty() || routes.len() > MAX_ROUTES {
        return None;
    }
    Some(routes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// The lifetime in a 200: that of our Contact, of the whole response, or as asked (§10.2.4).
fn granted(answered: &Answered, asked: u32) -> u32 {
    let headers = &answered.response.headers;
    let own = answered.request.headers.addresses("Contact").into_iter().next();
    let contacts = headers.addresses("Contact");
    let mine = contacts
        .iter()
        .find(|contact| own.as_ref().is_some_and(|own| own.uri.same(&contact.uri)))
        .or_else(|| if contacts.len() == 1 { contacts.first() } else { None });
    mine.and_then(|contact| contact.params.get("expires"))
        .and_then(seconds)
        .or_else(|| headers.get("Expires").and_then(seconds))
        .unwrap_or(asked)
}
