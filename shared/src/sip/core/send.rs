//! Where requests go: the first address of a hop, the wish for TCP, the next address after a failure.

use super::*;

impl Core {
    /// What was sent to this flow did not arrive: another address, UDP instead of TCP, or failure.
    pub(in crate::sip) fn send_failed(&mut self, now: Timestamp, flow: Flow) {
        for id in self.table.unanswered(flow) {
            self.next_address(now, id);
        }
    }

    pub(in crate::sip) fn stream_closed(&mut self, now: Timestamp, connection: u64) {
        for id in self.table.unanswered_on(connection) {
            self.next_address(now, id);
        }
        self.table.lose_stream(connection);
    }

    /// The wish for TCP did not come true: the same by UDP.
    pub(in crate::sip) fn next_address(&mut self, now: Timestamp, id: TransactionId) {
        let Some(client) = self.table.clients.get_mut(&id) else { return };
        if let Some(flow) = client.udp_instead.take() {
            return self.launch(now, id, flow, false);
        }
        if !self.elsewhere(now, id, None) {
            self.fail(id, 503);
        }
    }

    /// Sends a request for the first time, or again to another address under a new branch.
    pub(super) fn launch(&mut self, now: Timestamp, id: TransactionId, flow: Flow, may_wish: bool) {
        self.prove(now, flow.remote.ip());
        let branch = format!("{MAGIC}{:016x}", self.random.next_u64());
        let contact = self.table.clients.get(&id).and_then(|client| {
            let user = client.contact_user.as_deref()?;
            Some(self.contact(user, &flow, is_sips(&client.request)))
        });
        let Some(client) = self.table.clients.get_mut(&id) else { return };
        let taken =
            std::mem::replace(&mut client.request, Request::new(Method::Options, Uri::tel("0")).into());
        let mut request = Arc::unwrap_or_clone(taken);
        request.headers.remove("Via");
        if let Some(contact) = contact {
            request.headers.set("Contact", contact);
        }
        let mut actual = flow;
        request.headers.push_front("Via", self.via(&flow, &branch));
        let mut bytes = wire::write_request(&request);
        let mut udp_instead = None;
        if may_wish
            && flow.transport == Transport::Udp
            && bytes.len() > self.config.max_datagram_len
            && let Some(local) = self.local_for(Transport::Tcp, flow.remote)
        {
            actual = Flow { transport: Transport::Tcp, local, remote: flow.remote, connection: 0 };
            udp_instead = Some(flow);
            request.headers.remove("Via");
            request.headers.push_front("Via", self.via(&actual, &branch));
            bytes = wire::write_request(&request);
        }
        let reliable = actual.transport.is_reliable();
        let machine = match request.method {
            Method::Invite => ClientMachine::Invite(ClientInvite::new(now, self.config.timers, reliable)),
            _ => ClientMachine::Other(ClientOther::new(now, self.config.timers, reliable)),
        };
        let mut domain = None;
        if let Some(client) = self.table.clients.get_mut(&id) {
            domain = client.domain.clone();
            client.request = request.into();
            client.bytes = bytes.clone();
            client.flow = actual;
            client.machine = machine;
            client.udp_instead = udp_instead;
        }
        self.table.index_client(id, &branch);
        self.table.set_fresh(id, true);
        // A firewall that swallows the connection must not cost the call: UDP after a moment.
        self.schedule.set(Due::Fallback(id), udp_instead.map(|_| now + TCP_PATIENCE));
        self.send_to(actual, domain, bytes);
        self.settle_client(id);
    }

    pub(super) fn launch_ack(
        &mut self,
        mut ack: Request,
        flow: Flow,
        domain: Option<String>,
        invite: TransactionId,
    ) {
        let branch = format!("{MAGIC}{:016x}", self.random.next_u64());
        ack.headers.push_front("Via", self.via(&flow, &branch));
        let bytes = wire::write_request(&ack);
        let to_tag = ack.headers.get("To").and_then(crate::sip::header::tag).unwrap_or_default();
        if let Some(client) = self.table.clients.get_mut(&invite)
            && client.acks.len() < MAX_FORKS
        {
            client.acks.push(KeptAck { to_tag, flow, domain: domain.clone(), bytes: bytes.clone() });
        }
        self.send_to(flow, domain, bytes);
    }

    fn via(&self, flow: &Flow, branch: &str) -> String {
        let own = self.facing(flow);
        let port = if own.port() == 0 { String::new() } else { format!(":{}", own.port()) };
        // RFC 3581: rport asks for the answer to come back to where we sent from.
        let host = self.name_for(flow).map_or_else(|| host_of(own.ip()), str::to_owned);
        format!("SIP/2.0/{} {host}{port};branch={branch};rport", flow.transport.as_via())
    }
}
