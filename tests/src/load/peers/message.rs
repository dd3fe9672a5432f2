//! The few messages that callers and agents need, made from templates and read by header names.

use std::net::SocketAddr;

use super::Plan;

/// What an agent's phone answers with: one codec, and nothing is ever sent.
pub(super) const ANSWER: &str = "v=0\r\no=peer 7301 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
m=audio 9 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n";

/// A message that came, as far as it matters.
pub(super) struct Message<'t> {
    text: &'t str,
    /// Of a response.
    pub(super) status: Option<u16>,
    /// Of the request, or of the request that is answered.
    pub(super) method: &'t str,
    pub(super) call_id: &'t str,
}

impl<'t> Message<'t> {
    /// Reads what the service sent; none when it is no SIP message.
    pub(super) fn read(text: &'t str) -> Option<Message<'t>> {
        let (start, _) = text.split_once("\r\n")?;
        let status = match start.strip_prefix("SIP/2.0 ") {
            Some(rest) => Some(rest.split(' ').next()?.parse().ok()?),
            None => None,
        };
        let (_, method) = header(text, "CSeq")?.rsplit_once(' ')?;
        Some(Message { text, status, method, call_id: header(text, "Call-ID")? })
    }

    /// The number of the caller, whom an agent's phone shows.
    pub(super) fn caller(&self) -> Option<u64> {
        let (_, number) = header(self.text, "From")?.split_once("sip:+49")?;
        number.split_once('@')?.0.parse().ok()
    }

    fn header(&self, name: &str) -> &'t str {
        header(self.text, name).unwrap_or_default()
    }

    /// Where requests to the other side go.
    fn contact(&self) -> &'t str {
        let contact = self.header("Contact");
        let address = contact.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        address.map_or(contact, |(address, _)| address)
    }
}

/// The value of the first header of this name.
fn header<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let head = text.split_once("\r\n\r\n").map_or(text, |(head, _)| head);
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The Call-ID of a caller.
pub(super) fn caller_id(number: u64) -> String {
    format!("{number}@caller")
}

/// A caller's INVITE with an offer.
pub(super) fn invite(plan: &Plan, number: u64) -> Vec<u8> {
    let Plan { service, callers, number: dialled, .. } = plan;
    let body = ANSWER;
    let len = body.len();
    format!(
        "INVITE sip:{dialled}@{service} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {callers};branch=z9hG4bKi{number}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:+49{number}@{callers}>;tag=c{number}\r\n\
         To: <sip:{dialled}@{service}>\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:caller@{callers}>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n\
         User-Agent: bench\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {len}\r\n\r\n{body}",
        call_id = caller_id(number),
    )
    .into_bytes()
}

/// The ACK to a final response to a caller's INVITE: within its transaction to a refusal (RFC 3261 §17.1.1.3), to the
/// contact and as a transaction of its own to a 200 (§13.2.2.4).
pub(super) fn ack(response: &Message<'_>, status: u16, plan: &Plan) -> Vec<u8> {
    let refused = status >= 300;
    let target =
        if refused { format!("sip:{}@{}", plan.number, plan.service) } else { response.contact().to_owned() };
    let via = if refused {
        response.header("Via").to_owned()
    } else {
        format!("SIP/2.0/UDP {};branch=z9hG4bKa{}", plan.callers, response.call_id)
    };
    format!(
        "ACK {target} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
        from = response.header("From"),
        to = response.header("To"),
        call_id = response.call_id,
    )
    .into_bytes()
}

/// 200 to a request; with a contact, and a tag, when it makes a dialog.
pub(super) fn ok(request: &Message<'_>, contact: Option<SocketAddr>, body: &str) -> Vec<u8> {
    let vias = request.text.split("\r\n").filter(|line| line.starts_with("Via:"));
    let vias: String = vias.flat_map(|line| [line, "\r\n"]).collect();
    let tag = if contact.is_some() { ";tag=agent" } else { "" };
    let dialog = contact.map_or_else(String::new, |contact| {
        format!("Contact: <sip:phone@{contact}>\r\nContent-Type: application/sdp\r\n")
    });
    format!(
        "SIP/2.0 200 OK\r\n{vias}From: {from}\r\nTo: {to}{tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n{dialog}\
         Content-Length: {len}\r\n\r\n{body}",
        from = request.header("From"),
        to = request.header("To"),
        call_id = request.call_id,
        cseq = request.header("CSeq"),
        len = body.len(),
    )
    .into_bytes()
}

/// The BYE with which an agent will end the call that this INVITE began.
pub(super) fn bye(invite: &Message<'_>, plan: &Plan) -> Vec<u8> {
    format!(
        "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {agents};branch=z9hG4bKb{call_id}\r\nMax-Forwards: 70\r\n\
         From: {me};tag=agent\r\nTo: {peer}\r\nCall-ID: {call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
        target = invite.contact(),
        agents = plan.agents,
        me = invite.header("To"),
        peer = invite.header("From"),
        call_id = invite.call_id,
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_needs() {
        let text = "INVITE sip:1000@127.0.0.3:7000 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\n\
                    From: \"A (Floor, 0:00)\" <sip:+4917@callfloor>;tag=s\r\nTo: <sip:1000@callfloor>\r\n\
                    Call-ID: one\r\nCSeq: 5 INVITE\r\nContact: <sip:127.0.0.1:5060>\r\n\r\nv=0";
        let invite = Message::read(text).expect("a request");
        assert_eq!((invite.status, invite.method, invite.call_id), (None, "INVITE", "one"));
        assert_eq!(invite.caller(), Some(17));
        let answer = ok(&invite, Some(SocketAddr::from(([127, 0, 0, 3], 7_000))), "body");
        let answer = String::from_utf8(answer).expect("text");
        let read = Message::read(&answer).expect("a response");
        assert_eq!((read.status, read.method), (Some(200), "INVITE"));
        assert!(answer.contains("branch=z9hG4bKx\r\n") && answer.ends_with("Content-Length: 4\r\n\r\nbody"));
        assert_eq!(read.header("To"), "<sip:1000@callfloor>;tag=agent");
        assert!(Message::read("hello").is_none());
    }
}
