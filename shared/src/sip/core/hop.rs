//! The next hop of a request: a flow at once, or a search by RFC 3263, and another target after a failure.

use super::*;
use crate::sip::locate::{self, Answer, Target, Wanted};

/// Who waits for a search.
pub(super) enum Question {
    Request(TransactionId),
    Ack(Request, Option<String>, TransactionId),
}

/// What a hop leads to at first.
pub(super) enum First {
    Flow(Flow),
    Find(Wanted),
    Impossible,
}

impl Core {
    /// A name server answered, or nobody will.
    pub(in crate::sip) fn resolved(&mut self, now: Timestamp, query: u64, answer: Answer) {
        self.locator.handle(now, locate::Input::Answered(query, answer));
        self.locate(now);
    }

    pub(in crate::sip) fn tick_locator(&mut self, now: Timestamp) {
        self.locator.handle(now, locate::Input::Tick);
        self.locate(now);
    }

    /// Does what the locator wants.
    fn locate(&mut self, now: Timestamp) {
        while let Some(output) = self.locator.poll() {
            match output {
                locate::Output::Ask(query, name, kind) => {
                    self.outputs.push_back(Output::Resolve { query, name, kind });
                }
                locate::Output::Found(search, targets) => self.found(now, search, targets),
            }
        }
        let deadline = self.locator.deadline();
        self.schedule.set(Due::Locator, deadline);
    }

    fn found(&mut self, now: Timestamp, search: u64, targets: Vec<Target>) {
        let mut usable = targets.into_iter();
        match self.questions.remove(&search) {
            Some(Question::Request(id)) => {
                let first = usable.find_map(|target| self.flow_to(target));
                match (first, self.table.clients.get_mut(&id)) {
                    (Some(flow), Some(client)) => {
                        client.more = usable.collect();
                        self.launch(now, id, flow, true);
                    }
                    (None, Some(_)) => self.fail(id, 503),
                    (_, None) => {}
                }
            }
            Some(Question::Ack(ack, domain, invite)) => {
                if let Some(flow) = usable.find_map(|target| self.flow_to(target)) {
                    self.launch_ack(ack, flow, domain, invite);
                }
            }
            None => {}
        }
    }

    fn flow_to(&self, target: Target) -> Option<Flow> {
        let Target { transport, address: remote } = target;
        let local = self.local_for(transport, remote)?;
        Some(Flow { transport, local, remote, connection: 0 })
    }

    /// Looks for a hop on behalf of a transaction, whose state names the search.
    pub(super) fn find(&mut self, now: Timestamp, search: u64, wanted: Wanted, question: Question) {
        self.questions.insert(search, question);
        self.locator.handle(now, locate::Input::Find(search, wanted));
        self.locate(now);
    }

    pub(super) fn forget_search(&mut self, search: u64) {
        self.questions.remove(&search);
        self.locator.forget(search);
    }

    pub(super) fn number_search(&mut self) -> u64 {
        self.last_search += 1;
        self.last_search
    }

    /// A request got no answer, or a 503: the next target under a new branch (RFC 3263 §4.3). False when there is
    /// none. The target is left alone for a while, as long as the 503 wishes; only where a name led to it, because
    /// who has one address has no choice.
    pub(in crate::sip) fn elsewhere(
        &mut self,
        now: Timestamp,
        id: TransactionId,
        wish: Option<Duration>,
    ) -> bool {
        let Some(client) = self.table.clients.get_mut(&id) else { return false };
        if client.domain.is_none() {
            return false;
        }
        let failed = Target { transport: client.flow.transport, address: client.flow.remote };
        let more = std::mem::take(&mut client.more);
        self.locator.handle(now, locate::Input::Failed(failed, wish));
        let mut more = more.into_iter();
        let Some(flow) = more.find_map(|target| self.flow_to(target)) else { return false };
        if let Some(client) = self.table.clients.get_mut(&id) {
            client.more = more.collect();
        }
        self.launch(now, id, flow, true);
        true
    }

    /// A target that a name led to has answered.
    pub(super) fn reached(&mut self, now: Timestamp, flow: Flow) {
        let target = Target { transport: flow.transport, address: flow.remote };
        self.locator.handle(now, locate::Input::Worked(target));
    }

    /// RFC 3261 §8.1.2, RFC 3263 §4: where a hop leads, as far as that can be said without asking.
    pub(super) fn first_flow(&self, hop: &Hop) -> First {
        let uri = match hop {
            Hop::Flow(flow) => return First::Flow(*flow),
            Hop::Uri(uri) => uri,
        };
        let named = uri.params.get("transport").map(Transport::from_token);
        let transport = match (&uri.scheme, named) {
            (Scheme::Sip, None) | (Scheme::Sips, None) => None,
            (Scheme::Sip, Some(Some(transport))) => Some(transport),
            // RFC 3261 §26.2.2: sips: asks for TLS on every hop, and TLS runs over TCP (RFC 5630 §3.1.3).
            (Scheme::Sips, Some(Some(Transport::Tcp | Transport::Tls))) => Some(Transport::Tls),
            _ => return First::Impossible,
        };
        let secure = uri.scheme == Scheme::Sips;
        let host = uri.params.get("maddr").unwrap_or(&uri.host);
        let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() else {
            return First::Find(Wanted { host: host.to_owned(), port: uri.port, transport, secure });
        };
        let transport = match transport {
            Some(transport) => transport,
            None if secure => Transport::Tls,
            None => self.default_transport(),
        };
        let remote = SocketAddr::new(ip, uri.port.unwrap_or(transport.default_port()));
        match self.flow_to(Target { transport, address: remote }) {
            Some(flow) => First::Flow(flow),
            None => First::Impossible,
        }
    }

    /// UDP (RFC 3263 §4.1), unless we only have streams.
    fn default_transport(&self) -> Transport {
        let has = |wanted| self.config.listen.iter().any(|(transport, _)| *transport == wanted);
        [Transport::Udp, Transport::Tcp].into_iter().find(|wanted| has(*wanted)).unwrap_or(Transport::Tls)
    }
}
