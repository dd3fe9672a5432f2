//! Requests outside of dialogs, ours and the user's answers to theirs.

use super::*;
use crate::sip::api::{Credentials, Flow, Transport};

/// What [`Command::Request`] orders.
pub(super) struct Wanted {
    pub id: u64,
    pub method: Method,
    pub target: Uri,
    pub flow: Option<Flow>,
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
    pub credentials: Option<Credentials>,
}

/// A request of the user that may have to answer a challenge.
#[derive(Debug)]
pub(super) struct Challenged {
    auth: Client,
    hop: Hop,
    contact: bool,
}

impl Endpoint {
    pub(super) fn request(&mut self, now: Timestamp, wanted: Wanted) {
        let Wanted { id, method, target, flow, headers, body, credentials } = wanted;
        if matches!(method, Method::Invite | Method::Ack | Method::Cancel) {
            return;
        }
        let given = |name: &str| {
            headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let tag = self.core.token();
        let from = given("From").and_then(|from| from.parse().ok()).unwrap_or_else(|| self.own_address());
        let number = given("CSeq").and_then(|cseq| cseq.split(' ').next()?.parse::<u32>().ok());
        let mut request = Request::new(method, target.to_request_uri());
        request.headers.push("Max-Forwards", "70");
        request.headers.push("From", from.with_tag(&tag).to_string());
        request.headers.push("To", given("To").map_or_else(|| format!("<{}>", target.to_aor()), Into::into));
        request.headers.push("Call-ID", given("Call-ID").map_or_else(|| self.core.call_id(), Into::into));
        request.headers.push("CSeq", format!("{} {}", number.unwrap_or(1), request.method));
        for (name, value) in &headers {
            let own =
                ["From", "To", "Call-ID", "CSeq", "Via", "Max-Forwards", "Content-Length", "Content-Type"];
            if !own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                request.headers.push(name, value);
            }
        }
        request.set_body(body.as_ref());
        let hop = flow.map_or(Hop::Uri(target), Hop::Flow);
        // RFC 3428 §4: MESSAGE must not carry a Contact.
        let contact = request.method != Method::Message;
        let owner = Owner::User(id);
        let sent = self.core.send_request(now, request, &hop, contact.then_some(""), owner, 0);
        if credentials.is_some() {
            let auth = Client::new(credentials);
            self.challenged.insert(sent, Challenged { auth, hop, contact });
        }
    }

    /// A final response to a request of the user: the same once more after a challenge, else he is told.
    pub(super) fn request_done(&mut self, now: Timestamp, id: u64, answered: &Answered) {
        let status = answered.response.status;
        let known = self.challenged.remove(&answered.transaction);
        if let Some(mut known) = known
            && matches!(status, 401 | 407)
            && known.auth.challenged(&answered.response, answered.attempt)
        {
            // RFC 3261 §22.2: the next number in the same call.
            let mut request = Request::clone(&answered.request);
            let number = request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
            request.headers.remove("Via");
            request.headers.set("CSeq", format!("{} {}", number.saturating_add(1), request.method));
            known.auth.authorize(&mut request, &mut self.core.random);
            let (contact, owner) = (known.contact.then_some(""), Owner::User(id));
            let attempt = answered.attempt + 1;
            let sent = self.core.send_request(now, request, &known.hop, contact, owner, attempt);
            self.challenged.insert(sent, known);
            return;
        }
        self.core.event(Event::RequestDone { id, status });
    }

    pub(super) fn respond(
        &mut self,
        now: Timestamp,
        transaction: TransactionId,
        status: u16,
        reason: &str,
        headers: &[(String, String)],
        body: Option<&Body>,
    ) {
        // Transactions of sessions are answered by their sessions only.
        let Some(server) =
            self.core.table.servers.get(&transaction).filter(|server| server.session.is_none())
        else {
            return;
        };
        if !(200..700).contains(&status) {
            return;
        }
        let Some(request) = server.request.clone() else { return };
        let tag = self.core.token();
        let mut response = request.reply(status, reason, Some(&tag));
        response.headers.remove("Record-Route");
        response.headers.extend(headers);
        response.set_body(body);
        self.core.respond(now, transaction, response);
    }

    /// `sip:` and the address of our first socket.
    fn own_address(&self) -> NameAddr {
        let (transport, local) =
            self.core.config.listen.first().copied().unwrap_or((Transport::Udp, Core::nowhere().local));
        let ip = self.core.config.advertised.unwrap_or(local.ip());
        NameAddr::new(Uri::from_address(None, std::net::SocketAddr::new(ip, local.port()), transport))
    }
}
