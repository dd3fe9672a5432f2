//! Responses: where they go, and the server transactions that repeat them.

use super::*;

impl Core {
    /// Answers a server transaction.
    pub(in crate::sip) fn respond(&mut self, now: Timestamp, id: TransactionId, mut response: Response) {
        if response.status > 100 && !response.headers.has("Server") {
            response.headers.push("Server", &self.config.user_agent);
        }
        let Some(server) = self.table.servers.get_mut(&id) else { return };
        if server.machine.respond(now, response.status) == Step::Pass {
            let bytes = wire::write_response(&response);
            server.bytes = bytes.clone();
            if !server.machine.is_open() {
                // What is kept to absorb repetitions is the answer and the key.
                server.request = None;
                server.bytes.shrink_to_fit();
            }
            let flow = server.flow;
            self.send(flow, bytes);
        }
        self.settle_server(id);
    }

    /// Repeats the last response of a server transaction.
    pub(in crate::sip) fn resend(&mut self, id: TransactionId) {
        if let Some(server) = self.table.servers.get(&id)
            && !server.bytes.is_empty()
        {
            let (flow, bytes) = (server.flow, server.bytes.clone());
            self.send(flow, bytes);
        }
    }

    pub(in crate::sip) fn settle_server(&mut self, id: TransactionId) {
        let Some(server) = self.table.servers.get(&id) else { return };
        if server.machine.is_terminated() {
            self.schedule.set(Due::Server(id), None);
            self.table.remove_server(id);
        } else {
            let deadline = server.machine.deadline();
            self.schedule.set(Due::Server(id), deadline);
        }
    }
}

/// Where the responses to a request go (RFC 3261 §18.2.2, RFC 3581 §4).
pub(in crate::sip) fn reply_flow(flow: Flow, request: &Request) -> Flow {
    if flow.transport != Transport::Udp {
        return flow;
    }
    match request.headers.via() {
        Some(via) if !via.params.has("rport") => {
            let port = via.port.unwrap_or(flow.transport.default_port());
            Flow { remote: SocketAddr::new(flow.remote.ip(), port), ..flow }
        }
        _ => flow,
    }
}

/// Writes down in the topmost Via where the request came from (RFC 3261 §18.2.1, RFC 3581 §4).
pub(in crate::sip) fn mark_source(request: &mut Request, flow: Flow) {
    let Some(mut via) = request.headers.via() else { return };
    let asks = via.params.has("rport");
    if via.ip() != Some(flow.remote.ip()) || asks {
        via.params.set("received", Some(&flow.remote.ip().to_string()));
    }
    if via.ip() == Some(flow.remote.ip()) && !asks {
        via.params.remove("received");
    }
    if asks {
        via.params.set("rport", Some(&flow.remote.port().to_string()));
    }
    request.headers.set_first("Via", via.to_string());
}
