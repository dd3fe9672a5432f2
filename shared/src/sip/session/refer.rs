//! REFER in both directions with the NOTIFYs that tell how it goes (RFC 3515, RFC 6665), the silent kind (RFC 4488)
//! and the attended one (RFC 3891 §4).

use std::time::Duration;

use super::*;
use crate::sip::header::{NameAddr, seconds};
use crate::sip::uri::{Uri, escape_header};

/// REFERs of one session.
#[derive(Debug, Default)]
pub(super) struct Referring {
    /// Theirs, waits for the user's word.
    asked: Option<(TransactionId, Arc<Request>)>,
    /// Theirs was accepted: they wait for NOTIFYs.
    accepted: Option<Accepted>,
    /// One was accepted before: the NOTIFYs of further ones name theirs (RFC 3515 §2.4.6).
    several: bool,
    /// A NOTIFY is out.
    notifying: bool,
    /// What to say when that one is answered; later news take the place of earlier ones.
    news: Option<News>,
    ours: Ours,
}

#[derive(Debug)]
struct Accepted {
    /// CSeq of the REFER, from the second one on.
    id: Option<u32>,
    until: Timestamp,
    /// The last news; 0 before the first.
    told: u16,
}

#[derive(Debug)]
struct News {
    status: u16,
    reason: String,
    /// Why nothing more comes.
    last: Option<&'static str>,
}

/// The REFER that we sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Ours {
    #[default]
    None,
    /// A NOTIFY may overtake the 202.
    Sent,
    Accepted,
}

impl Dialog {
    /// Refer-To that lets a third party take our place in this dialog (RFC 3891 §4).
    fn refer_to(&self) -> Uri {
        let mut uri = self.target.to_request_uri();
        let tag = |tag: &str| if tag.is_empty() { "0".to_owned() } else { tag.to_owned() };
        let replaces = Replaces {
            call_id: self.call_id.clone(),
            to_tag: tag(self.remote_tag()),
            from_tag: tag(self.local.tag().unwrap_or_default()),
            early_only: false,
        };
        uri.headers.push(("Replaces".into(), escape_header(&replaces.to_string())));
        uri
    }
}

impl Session {
    /// Where a third party takes our place in this session.
    pub(in crate::sip) fn place(&self) -> Option<Uri> {
        self.dialog.as_ref().filter(|_| matches!(self.phase, Phase::Confirmed)).map(Dialog::refer_to)
    }

    pub(in crate::sip) fn refer(
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
        request.headers.push("Supported", core.supported());
        self.refer.ours = Ours::Sent;
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
        if accepted && !silent {
            // A NOTIFY may have overtaken the 202.
            if self.refer.ours != Ours::Sent {
                return;
            }
            self.refer.ours = Ours::Accepted;
            self.set(core, SessionTimer::ReferWait, Some(now + core.config.timers.give_up()));
        } else {
            self.refer.ours = Ours::None;
            self.set(core, SessionTimer::ReferWait, None);
        }
        core.event(Event::ReferProgress { session: self.id, status, last });
    }

    /// No NOTIFY came as long as one was promised (RFC 6665 §4.1.2.4).
    pub(super) fn refer_silent(&mut self, core: &mut Core) {
        if std::mem::take(&mut self.refer.ours) != Ours::None {
            core.event(Event::ReferProgress { session: self.id, status: 408, last: true });
        }
    }

    pub(super) fn their_refer(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: Arc<Request>,
        flow: &Flow,
        named: Option<SessionId>,
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
        core.event(Event::Refer {
            session: self.id,
            refer_to,
            replaces: named.filter(|named| *named != self.id),
            headers: request.headers.clone(),
        });
        // Where it came from is where the answer goes; Contact is made from the same flow.
        if let Some(dialog) = &mut self.dialog
            && flow.transport.is_reliable()
        {
            dialog.flow = Some(*flow);
        }
        self.refer.asked = Some((transaction, request));
    }

    pub(super) fn respond_refer(&mut self, now: Timestamp, core: &mut Core, status: u16) {
        let Some((transaction, request)) = self.refer.asked.take() else { return };
        if !(200..300).contains(&status) {
            let status = if (300..700).contains(&status) { status } else { 603 };
            return self.respond(now, core, transaction, &request, status);
        }
        let Some(flow) = Self::flow_of(core, transaction) else { return };
        let mut response = self.reply(core, &request, 202, "", &flow);
        let silent =
            request.headers.get("Refer-Sub").is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
        if silent {
            response.headers.push("Refer-Sub", "false");
        }
        core.respond(now, transaction, response);
        if silent {
            return;
        }
        let cseq = request.headers.cseq().map(|cseq| cseq.number);
        let id = cseq.filter(|_| self.refer.several);
        self.refer.several = true;
        self.refer.accepted = Some(Accepted { id, until: now + SUBSCRIPTION, told: 0 });
        // RFC 3515 §2.4.4 wants a NOTIFY at once; what the user says in this moment saves one.
        self.set(core, SessionTimer::ReferTold, Some(now + FIRST_NEWS));
    }

    /// The first NOTIFY is due, or the subscription runs out.
    pub(super) fn refer_told(&mut self, now: Timestamp, core: &mut Core) {
        let Some(accepted) = &self.refer.accepted else { return };
        let over = accepted.until <= now;
        self.set(core, SessionTimer::ReferTold, Some(accepted.until).filter(|_| !over));
        if over || accepted.told == 0 {
            let status = accepted.told.max(100);
            self.tell(now, core, News { status, reason: String::new(), last: over.then_some("timeout") });
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
        let Some(accepted) = &self.refer.accepted else { return };
        if status == 100 && accepted.told >= 100 && !last {
            return;
        }
        self.tell(now, core, News { status, reason: reason.into(), last: last.then_some("noresource") });
    }

    fn tell(&mut self, now: Timestamp, core: &mut Core, news: News) {
        if let Some(accepted) = &mut self.refer.accepted {
            accepted.told = news.status;
            self.refer.news = Some(news);
            self.notify(now, core);
        }
    }

    fn notify(&mut self, now: Timestamp, core: &mut Core) {
        if self.refer.notifying || !matches!(self.phase, Phase::Confirmed) {
            return;
        }
        let (Some(accepted), Some(dialog)) = (&self.refer.accepted, &mut self.dialog) else { return };
        let Some(news) = self.refer.news.take() else { return };
        let mut request = dialog.request(Method::Notify, None);
        let id = accepted.id.map(|id| format!(";id={id}")).unwrap_or_default();
        request.headers.push("Event", format!("refer{id}"));
        request.headers.push(
            "Subscription-State",
            match news.last {
                Some(why) => format!("terminated;reason={why}"),
                None => format!("active;expires={}", (accepted.until - now).as_secs().max(1)),
            },
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
        if news.last.is_some() {
            self.unsubscribe(core);
        }
        self.send(now, core, request, Purpose::Notify);
    }

    fn unsubscribe(&mut self, core: &mut Core) {
        self.refer.accepted = None;
        self.refer.news = None;
        self.set(core, SessionTimer::ReferTold, None);
    }

    pub(super) fn notify_answered(&mut self, now: Timestamp, core: &mut Core, answered: Answered) {
        if self.retry(now, core, Purpose::Notify, &answered).is_some() {
            return;
        }
        self.refer.notifying = false;
        if answered.response.status >= 300 {
            // RFC 6665 §4.2.2: a refused NOTIFY ends the subscription, not the session.
            self.unsubscribe(core);
        }
        self.notify(now, core);
    }

    pub(super) fn their_notify(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: &Request,
        flow: &Flow,
    ) {
        if !is_refer(request) {
            return self.unknown_event(now, core, transaction, request);
        }
        if self.refer.ours == Ours::None {
            // RFC 6665 §4.1.3: nobody asked.
            return self.respond(now, core, transaction, request, 481);
        }
        let response = self.reply(core, request, 200, "", flow);
        core.respond(now, transaction, response);
        let state = request.headers.get("Subscription-State").unwrap_or_default();
        let last = state.trim_start().get(..10).is_some_and(|state| state.eq_ignore_ascii_case("terminated"));
        let status = fragment_status(&request.body);
        self.refer.ours = if last { Ours::None } else { Ours::Accepted };
        let params = crate::sip::Params::read(state.split_once(';').map_or("", |(_, params)| params));
        let expires = params.and_then(|params| params.get("expires").and_then(seconds));
        let promised =
            expires.map_or(SUBSCRIPTION, |secs| Duration::from_secs(u64::from(secs.min(MAX_SECS))));
        let until = now + promised + core.config.timers.give_up();
        self.set(core, SessionTimer::ReferWait, Some(until).filter(|_| !last));
        if let Some(status) = status.or(last.then_some(408)) {
            core.event(Event::ReferProgress { session: self.id, status, last });
        }
    }

    /// The far side prolongs the subscription of its REFER, asks for the state, or wants no more (RFC 6665 §4.2.1).
    pub(super) fn their_subscribe(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: &Request,
        flow: &Flow,
    ) {
        if !is_refer(request) {
            return self.unknown_event(now, core, transaction, request);
        }
        let Some(accepted) = &mut self.refer.accepted else {
            return self.respond(now, core, transaction, request, 481);
        };
        let asked = request.headers.get("Expires").and_then(seconds);
        let secs = asked.map_or(SUBSCRIPTION.as_secs(), |secs| u64::from(secs).min(SUBSCRIPTION.as_secs()));
        accepted.until = now + Duration::from_secs(secs);
        let (status, until) = (accepted.told.max(100), accepted.until);
        let mut response = self.reply(core, request, 200, "", flow);
        response.headers.push("Expires", secs.to_string());
        core.respond(now, transaction, response);
        self.set(core, SessionTimer::ReferTold, Some(until).filter(|_| secs > 0));
        self.tell(now, core, News { status, reason: String::new(), last: (secs == 0).then_some("timeout") });
    }

    fn unknown_event(&self, now: Timestamp, core: &mut Core, transaction: TransactionId, request: &Request) {
        let mut response = request.reply(489, "", Some(&self.local_tag));
        response.headers.push("Allow-Events", "refer");
        core.respond(now, transaction, response);
    }
}

fn is_refer(request: &Request) -> bool {
    let package = request.headers.get("Event").and_then(|event| event.split(';').next());
    package.is_some_and(|package| package.trim().eq_ignore_ascii_case("refer"))
}

/// The status of a message/sipfrag (RFC 3420).
fn fragment_status(body: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(body);
    let mut words = text.lines().next()?.split_ascii_whitespace();
    words.next().filter(|version| version.eq_ignore_ascii_case("SIP/2.0"))?;
    words.next()?.parse().ok().filter(|status| (100..700).contains(status))
}

/// How long a REFER is reported on unless it is prolonged.
const SUBSCRIPTION: Duration = Duration::from_secs(180);
/// Time for the user's own first news.
const FIRST_NEWS: Duration = Duration::from_millis(100);
/// No promise of NOTIFYs is believed for longer.
const MAX_SECS: u32 = 3600;
