//! Requests within a session that do not change it: INFO, REFER with its NOTIFYs, BYE.

use super::*;
use crate::sip::api::{ReliableProvisional, Transport};
use crate::sip::header::NameAddr;
use crate::sip::uri::Uri;

/// REFERs in both directions (RFC 3515).
#[derive(Debug, Default)]
pub(super) struct Referring {
    /// Theirs, waits for the user's word.
    asked: Option<(TransactionId, Box<Request>)>,
    /// Theirs was accepted: they wait for NOTIFYs.
    accepted: bool,
    /// A NOTIFY is out.
    notifying: bool,
    /// What to say when that one is answered; later news take the place of earlier ones.
    news: Option<News>,
    /// Ours was accepted: NOTIFYs come.
    waiting: bool,
}

#[derive(Debug)]
struct News {
    status: u16,
    reason: String,
    last: bool,
}

impl Session {
    /// A request within the dialog, other than ACK and CANCEL.
    pub(in crate::sip) fn request(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: Request,
        flow: Flow,
    ) {
        if matches!(self.phase, Phase::Calling(_)) {
            return self.early_request(now, core, transaction, request, flow);
        }
        let from_tag = request.headers.address("From").and_then(|from| from.tag().map(str::to_owned));
        let number = request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let Some(dialog) = &mut self.dialog else {
            return self.respond(now, core, transaction, &request, 481);
        };
        if dialog.remote_tag() != from_tag.unwrap_or_default() {
            return self.respond(now, core, transaction, &request, 481);
        }
        if !dialog.accept(number) {
            return self.respond(now, core, transaction, &request, 500);
        }
        if flow.transport != Transport::Udp {
            // The peer came back over a new stream: answer and go on over that one.
            dialog.flow = Some(flow);
        }
        let closing = matches!(self.phase, Phase::Closing | Phase::Gone);
        let ringing = matches!(self.phase, Phase::Ringing { .. });
        match request.method {
            Method::Bye => self.their_bye(now, core, transaction, &request),
            _ if closing => self.respond(now, core, transaction, &request, 481),
            Method::Options => self.respond_options(now, core, transaction, &request, &flow),
            Method::Prack if core.config.reliable_provisional != ReliableProvisional::Never => {
                self.their_prack(now, core, transaction, request);
            }
            // RFC 3261 §14.2: the first INVITE is not answered yet.
            Method::Invite if ringing => self.respond(now, core, transaction, &request, 500),
            // RFC 3311 §5.2: our offer, or theirs, is not answered yet.
            Method::Update if ringing && !request.body.is_empty() && !self.reliable.agreed => {
                let status = if self.reliable.offering() { 491 } else { 500 };
                self.respond(now, core, transaction, &request, status);
            }
            Method::Invite | Method::Update => self.their_change(now, core, transaction, request),
            Method::Info => {
                self.respond(now, core, transaction, &request, 200);
                core.event(Event::Info { session: self.id, body: request.body() });
            }
            Method::Refer => self.their_refer(now, core, transaction, request, &flow),
            Method::Notify => self.their_notify(now, core, transaction, &request, &flow),
            _ => {
                let mut response = request.reply(405, "", Some(&self.local_tag));
                response.headers.push("Allow", core.allow());
                core.respond(now, transaction, response);
            }
        }
    }

    fn their_bye(&mut self, now: Timestamp, core: &mut Core, transaction: TransactionId, request: &Request) {
        self.respond(now, core, transaction, request, 200);
        let reason = request.headers.get("Reason").map(Into::into);
        match std::mem::replace(&mut self.phase, Phase::Gone) {
            Phase::Ringing { transaction, request, .. } => {
                // §15.1.2: requests that wait are answered 487.
                self.respond(now, core, transaction, &request, 487);
                core.event(Event::Cancelled { session: self.id, reason });
            }
            // Crossed: ours still wants its answer.
            Phase::Closing => self.phase = Phase::Closing,
            Phase::Calling(_) | Phase::Confirmed | Phase::Leaving { .. } | Phase::Gone => {
                self.refuse_change(now, core);
                self.end(core, EndedBy::Peer, reason);
            }
        }
    }

    /// Sends BYE; the user has been told.
    pub(super) fn bye(&mut self, now: Timestamp, core: &mut Core, reason: Option<&str>) {
        self.acked(core);
        for timer in [SessionTimer::Glare, SessionTimer::Refresh, SessionTimer::Expire] {
            self.set(core, timer, None);
        }
        self.refuse_change(now, core);
        self.wanted = None;
        self.phase = Phase::Closing;
        let Some(dialog) = &mut self.dialog else {
            self.phase = Phase::Gone;
            return;
        };
        let mut request = dialog.request(Method::Bye, None);
        if let Some(reason) = reason {
            request.headers.push("Reason", reason);
        }
        self.send(now, core, request, Purpose::Bye);
    }

    pub(super) fn bye_answered(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        if self.retry(now, core, Purpose::Bye, &answered).is_none() {
            self.phase = Phase::Gone;
        }
    }

    pub(super) fn info(&mut self, now: Timestamp, core: &mut Core, body: &Body) {
        if !matches!(self.phase, Phase::Confirmed) {
            return;
        }
        let Some(dialog) = &mut self.dialog else { return };
        let mut request = dialog.request(Method::Info, None);
        request.set_body(Some(body));
        self.send(now, core, request, Purpose::Info);
    }

    pub(super) fn info_answered(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        if self.retry(now, core, Purpose::Info, &answered).is_none()
            && answered.response.status == 481
            && matches!(self.phase, Phase::Confirmed)
        {
            self.end(core, EndedBy::Peer, None);
            self.bye(now, core, None);
        }
    }

    pub(super) fn refer(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        refer_to: &Uri,
        referred_by: Option<&Uri>,
    ) {
        if !matches!(self.phase, Phase::Confirmed) {
            return;
        }
        let Some(dialog) = &mut self.dialog else { return };
        let mut request = dialog.request(Method::Refer, None);
        request.headers.push("Refer-To", format!("<{refer_to}>"));
        let by = referred_by.unwrap_or(&dialog.local.uri);
        request.headers.push("Referred-By", format!("<{by}>"));
        self.send(now, core, request, Purpose::Refer);
    }

    pub(super) fn refer_answered(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        if self.retry(now, core, Purpose::Refer, &answered).is_some() {
            return;
        }
        let response = &answered.response;
        let accepted = (200..300).contains(&response.status);
        // RFC 4488: the peer may refuse to send NOTIFYs.
        let silent =
            response.headers.get("Refer-Sub").is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
        let (status, last) =
            if accepted { (if silent { 202 } else { 100 }, silent) } else { (response.status, true) };
        // A NOTIFY may have overtaken the 202.
        if accepted && self.refer.waiting && !silent {
            return;
        }
        self.refer.waiting = accepted && !silent;
        core.event(Event::ReferProgress { session: self.id, status, last });
    }

    fn their_refer(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: Request,
        flow: &Flow,
    ) {
        let refer_to: Option<NameAddr> = request.headers.refer_to();
        // RFC 3515 §2.4.1: exactly one Refer-To.
        let Some(refer_to) = refer_to.filter(|_| request.headers.all("Refer-To").count() == 1) else {
            return self.respond(now, core, transaction, &request, 400);
        };
        let open =
            self.refer.asked.as_ref().is_some_and(|(id, _)| {
                core.table.servers.get(id).is_some_and(|server| server.machine.is_open())
            });
        if open || !matches!(self.phase, Phase::Confirmed) {
            return self.respond(now, core, transaction, &request, 491);
        }
        core.event(Event::Refer { session: self.id, refer_to, headers: request.headers.clone() });
        // Where it came from is where the answer goes; Contact is made from the same flow.
        if let Some(dialog) = &mut self.dialog
            && flow.transport != Transport::Udp
        {
            dialog.flow = Some(*flow);
        }
        self.refer.asked = Some((transaction, Box::new(request)));
    }

    pub(super) fn respond_refer(&mut self, now: Timestamp, core: &mut Core, status: u16) {
        let Some((transaction, request)) = self.refer.asked.take() else { return };
        if (200..300).contains(&status) {
            let Some(flow) = Self::flow_of(core, transaction) else { return };
            let response = self.reply(core, &request, 202, "", &flow);
            core.respond(now, transaction, response);
            self.refer.accepted = true;
        } else {
            let status = if (300..700).contains(&status) { status } else { 603 };
            self.respond(now, core, transaction, &request, status);
        }
    }

    pub(super) fn notify_refer(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        status: u16,
        reason: &str,
        last: bool,
    ) {
        if !self.refer.accepted {
            return;
        }
        self.refer.news = Some(News { status, reason: reason.into(), last });
        self.notify(now, core);
    }

    fn notify(&mut self, now: Timestamp, core: &mut Core) {
        if self.refer.notifying || !matches!(self.phase, Phase::Confirmed) {
            return;
        }
        let (Some(news), Some(dialog)) = (self.refer.news.take(), &mut self.dialog) else { return };
        let mut request = dialog.request(Method::Notify, None);
        request.headers.push("Event", "refer");
        request.headers.push(
            "Subscription-State",
            if news.last { "terminated;reason=noresource" } else { "active;expires=180" },
        );
        let reason = if news.reason.is_empty() {
            crate::sip::message::phrase(news.status)
        } else {
            news.reason.as_str()
        };
        let reason = reason.replace(['\r', '\n'], " ");
        let fragment = format!("SIP/2.0 {} {reason}\r\n", news.status);
        request.set_body(Some(&Body::new("message/sipfrag;version=2.0", fragment)));
        self.refer.notifying = true;
        self.refer.accepted = !news.last;
        self.send(now, core, request, Purpose::Notify);
    }

    pub(super) fn notify_answered(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        if self.retry(now, core, Purpose::Notify, &answered).is_some() {
            return;
        }
        self.refer.notifying = false;
        if answered.response.status >= 300 {
            // RFC 6665 §4.2.2: a refused NOTIFY ends the subscription, not the session.
            self.refer.accepted = false;
            self.refer.news = None;
        }
        self.notify(now, core);
    }

    fn their_notify(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: &Request,
        flow: &Flow,
    ) {
        let package =
            request.headers.get("Event").and_then(|event| event.split(';').next()).unwrap_or_default();
        if !package.trim().eq_ignore_ascii_case("refer") {
            let mut response = request.reply(489, "", Some(&self.local_tag));
            response.headers.push("Allow-Events", "refer");
            return core.respond(now, transaction, response);
        }
        let response = self.reply(core, request, 200, "", flow);
        core.respond(now, transaction, response);
        let state = request.headers.get("Subscription-State").unwrap_or_default();
        let last = state.trim_start().get(..10).is_some_and(|state| state.eq_ignore_ascii_case("terminated"));
        let status = fragment_status(&request.body);
        self.refer.waiting = !last;
        if let Some(status) = status.or(last.then_some(408)) {
            core.event(Event::ReferProgress { session: self.id, status, last });
        }
    }
}

/// The status of a message/sipfrag (RFC 3420).
fn fragment_status(body: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(body);
    let mut words = text.lines().next()?.split_ascii_whitespace();
    words.next().filter(|version| version.eq_ignore_ascii_case("SIP/2.0"))?;
    words.next()?.parse().ok().filter(|status| (100..700).contains(status))
}
