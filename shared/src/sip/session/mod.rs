//! One INVITE usage from its first message to the answer to its BYE (RFC 3261 §13 to §15).
//!
//! ```text
//!  ours:    Calling ──2xx──► Confirmed ──BYE──► Closing ──► Gone
//!              └─────failure, CANCEL──────────────────────► Gone
//!  theirs:  Ringing ──2xx──► Confirmed (2xx repeated until ACK) ─► …
//!              └─────refused, CANCEL──────────────────────► Gone
//! ```
//! `outgoing` and `incoming` bring a session up, `early` and `reliable` do what is done before the answer (RFC 3262
//! on both sides), `change` offers again in it, `usage` carries INFO and BYE,
//! `refer` REFER with its NOTIFYs, `refresh` keeps the session timer of RFC 4028.

mod change;
mod early;
mod incoming;
mod outgoing;
mod refer;
mod refresh;
mod reliable;
mod saved;
mod usage;

use std::sync::Arc;

use super::api::{Command, EndedBy, Event, Flow, SessionId, TransactionId};
use super::core::{Answered, Core, Due, is_sips};
use super::dialog::Dialog;
use super::digest::Client;
use super::header::Replaces;
use super::message::{Body, Headers, Method, Request, Response};
use super::transaction::{Owner, Purpose};
use crate::time::Timestamp;

pub(super) use outgoing::{Call, drop_fork};
pub use saved::SavedSession;

/// The deadlines of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SessionTimer {
    /// Repeat the 2xx (§13.3.1.4).
    Resend2xx,
    /// No ACK came in 64·T1.
    NoAck,
    /// Repeat the reliable 1xx (RFC 3262 §3).
    Resend1xx,
    /// No PRACK came in 64·T1.
    NoPrack,
    /// The CANCEL had no effect in 64·T1 (§9.1).
    NoEnd,
    /// Offer again after 491 (§14.1).
    Glare,
    /// Refresh the session (RFC 4028).
    Refresh,
    /// The session was not refreshed.
    Expire,
    /// First news of their REFER, then the end of its subscription.
    ReferTold,
    /// News of our REFER are overdue.
    ReferWait,
}

const TIMERS: [SessionTimer; 10] = [
    SessionTimer::Resend2xx,
    SessionTimer::NoAck,
    SessionTimer::Resend1xx,
    SessionTimer::NoPrack,
    SessionTimer::NoEnd,
    SessionTimer::Glare,
    SessionTimer::Refresh,
    SessionTimer::Expire,
    SessionTimer::ReferTold,
    SessionTimer::ReferWait,
];

#[derive(Debug)]
pub(super) struct Session {
    pub id: SessionId,
    pub call_id: String,
    pub local_tag: String,
    phase: Phase,
    dialog: Option<Dialog>,
    auth: Client,
    contact_user: String,
    /// The flow that the user ordered.
    explicit: Option<Flow>,
    change: Change,
    /// Waits until it may be offered.
    wanted: Option<Wanted>,
    glares: u8,
    reliable: reliable::Reliable,
    unacked: Option<Unacked>,
    late_ack: Option<LateAck>,
    refer: refer::Referring,
    refresh: Option<refresh::Refresh>,
    /// What we described last, for a refresh by re-INVITE.
    description: Option<Body>,
    peer_updates: bool,
    ended: bool,
}

#[derive(Debug)]
enum Phase {
    /// Our INVITE is out.
    Calling(Box<outgoing::Calling>),
    /// Their INVITE is not answered.
    Ringing { transaction: TransactionId, request: Arc<Request>, flow: Flow },
    /// A 2xx went over.
    Confirmed,
    /// The user hung up, but BYE must wait for the ACK (§15).
    Leaving { reason: Option<String> },
    /// BYE is out.
    Closing,
    /// Nothing left to do.
    Gone,
}

/// The exchange of offer and answer that is running within the dialog.
#[derive(Debug)]
enum Change {
    Idle,
    /// Waits for the user.
    Theirs {
        transaction: TransactionId,
        request: Arc<Request>,
    },
    /// Waits for the peer.
    Ours {
        transaction: TransactionId,
        body: Option<Body>,
        kind: ChangeKind,
    },
}

/// An offer of the user.
#[derive(Debug)]
struct Wanted {
    body: Body,
    /// By UPDATE where the peer knows it, before the answer too.
    update: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChangeKind {
    /// The user's.
    Wanted { update: bool },
    /// The session timer's.
    Refresh,
}

/// A 2xx of ours that waits for its ACK.
#[derive(Debug)]
struct Unacked {
    bytes: Vec<u8>,
    flow: Flow,
    interval: std::time::Duration,
    cseq: u32,
    /// The 2xx carried the offer, its answer comes in the ACK.
    offered: bool,
    initial: bool,
}

/// A 2xx of theirs whose ACK waits for the user's answer.
#[derive(Debug)]
struct LateAck {
    transaction: TransactionId,
    request: Arc<Request>,
}

impl Session {
    fn new(id: SessionId, call_id: String, local_tag: String, contact_user: String, phase: Phase) -> Session {
        Session {
            id,
            call_id,
            local_tag,
            phase,
            dialog: None,
            auth: Client::default(),
            contact_user,
            explicit: None,
            change: Change::Idle,
            wanted: None,
            glares: 0,
            reliable: reliable::Reliable::default(),
            unacked: None,
            late_ack: None,
            refer: refer::Referring::default(),
            refresh: None,
            description: None,
            peer_updates: false,
            ended: false,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.phase, Phase::Gone)
    }

    /// The dialog, once there is one.
    pub(super) fn dialog(&self) -> Option<&Dialog> {
        self.dialog.as_ref()
    }

    /// Whether the far side has this tag; before the answer too, when it called us.
    pub(super) fn is_with(&self, tag: &str) -> bool {
        match (&self.dialog, &self.phase) {
            (Some(dialog), _) => dialog.remote_tag() == tag,
            (None, Phase::Ringing { request, .. }) => {
                request.headers.address("From").is_some_and(|from| from.tag().unwrap_or_default() == tag)
            }
            (None, _) => false,
        }
    }

    /// Whether an INVITE with Replaces may name this session, and if not the status for it (RFC 3891 §3).
    pub(super) fn replaceable(&self, replaces: &Replaces) -> Result<(), u16> {
        let fits = |dialog: &Dialog| {
            dialog.remote_tag() == replaces.from_tag
                || (dialog.remote_tag().is_empty() && replaces.from_tag == "0")
        };
        let confirmed = self.dialog.as_ref().is_some_and(fits);
        match &self.phase {
            Phase::Confirmed | Phase::Leaving { .. } if confirmed && replaces.early_only => Err(486),
            Phase::Confirmed if confirmed => Ok(()),
            Phase::Calling(calling) if calling.early.iter().any(|early| fits(&early.dialog)) => Ok(()),
            // Over, or nearly.
            Phase::Leaving { .. } | Phase::Closing | Phase::Gone if confirmed => Err(603),
            // An early dialog that the far side started is not ours to hand over.
            _ => Err(481),
        }
    }

    /// Does what the user wants, if it makes sense in this state.
    pub(super) fn command(&mut self, now: Timestamp, core: &mut Core, command: Command) {
        match command {
            Command::Provisional { status, reason, headers, body, .. } => {
                self.provisional(now, core, reliable::Provisional { status, reason, headers, body });
            }
            Command::Answer { headers, body, .. } => match self.phase {
                Phase::Ringing { .. } => self.answer(now, core, &headers, body),
                _ => self.answer_change(now, core, &headers, body),
            },
            Command::Acknowledge { body, .. } => self.acknowledge(now, core, body),
            Command::Reject { status, reason, headers, .. } => match self.phase {
                Phase::Ringing { .. } => self.reject(now, core, status, &reason, &headers),
                _ => self.reject_change(now, core, status, &reason, &headers),
            },
            Command::Hangup { reason, .. } => self.hangup(now, core, reason),
            Command::AnswerEarly { body: Some(body), .. } => {
                self.answer_change(now, core, &[], Some(body));
            }
            Command::AnswerEarly { body: None, .. } => self.reject_change(now, core, 488, "", &[]),
            Command::Reinvite { body, .. } => self.want(now, core, Wanted { body, update: false }),
            Command::Update { body, .. } => self.want(now, core, Wanted { body, update: true }),
            Command::Info { body, .. } => self.info(now, core, &body),
            Command::Refer { refer_to, referred_by, .. } => {
                self.refer(now, core, &refer_to, referred_by.as_ref())
            }
            Command::RespondRefer { status, .. } => self.respond_refer(now, core, status),
            Command::NotifyRefer { status, reason, last, .. } => {
                self.notify_refer(now, core, status, &reason, last)
            }
            // Not about a session; the endpoint does them.
            Command::Invite { .. }
            | Command::ReferAttended { .. }
            | Command::Register { .. }
            | Command::Unregister { .. }
            | Command::Request { .. }
            | Command::Respond { .. }
            | Command::Door(_) => {}
        }
    }

    /// A response to a request of this session.
    pub(super) fn answered(&mut self, now: Timestamp, core: &mut Core, purpose: Purpose, answered: Answered) {
        if answered.response.status < 200 && purpose != Purpose::Invite {
            return;
        }
        match purpose {
            Purpose::Invite => self.invite_answered(now, core, answered),
            Purpose::Reinvite | Purpose::Update => self.change_answered(now, core, purpose, answered),
            Purpose::Bye => self.bye_answered(now, core, answered),
            Purpose::Info => self.info_answered(now, core, answered),
            Purpose::Refer => self.refer_answered(now, core, answered),
            Purpose::Notify => self.notify_answered(now, core, answered),
            // What is wrong with it shows in what becomes of the INVITE.
            Purpose::Prack => {
                self.retry(now, core, purpose, &answered);
            }
            // Whatever the CANCEL got, the INVITE's own final response counts (§9.1).
            Purpose::Cancel => {}
        }
    }

    pub(super) fn tick(&mut self, now: Timestamp, core: &mut Core, timer: SessionTimer) {
        match timer {
            SessionTimer::Resend2xx => self.resend_2xx(now, core),
            SessionTimer::NoAck => self.no_ack(now, core),
            SessionTimer::Resend1xx => self.resend_1xx(now, core),
            SessionTimer::NoPrack => self.no_prack(now, core),
            SessionTimer::NoEnd => self.no_end(core),
            SessionTimer::Glare => self.try_change(now, core),
            SessionTimer::Refresh => self.refresh_due(now, core),
            SessionTimer::ReferTold => self.refer_told(now, core),
            SessionTimer::ReferWait => self.refer_silent(core),
            SessionTimer::Expire => {
                if matches!(self.phase, Phase::Confirmed) {
                    self.end(core, EndedBy::Timeout, None);
                    self.bye(now, core, Some("SIP;cause=408;text=\"Session timer expired\""));
                }
            }
        }
    }

    /// Forgets all deadlines and answers what waits; the endpoint calls it when the session is gone.
    pub(super) fn forget(&mut self, now: Timestamp, core: &mut Core) {
        self.refuse_change(now, core);
        for timer in TIMERS {
            core.schedule.set(Due::Session(self.id, timer), None);
        }
    }

    fn set(&self, core: &mut Core, timer: SessionTimer, at: Option<Timestamp>) {
        core.schedule.set(Due::Session(self.id, timer), at);
    }

    fn owner(&self, purpose: Purpose) -> Owner {
        Owner::Session(self.id, purpose)
    }

    /// Tells the user once that an answered session is over.
    fn end(&mut self, core: &mut Core, by: EndedBy, reason: Option<String>) {
        if !self.ended {
            self.ended = true;
            core.event(Event::Ended { session: self.id, by, reason });
        }
    }

    /// Sends a request within the dialog, with the credentials that are known to be wanted.
    fn send(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        mut request: Request,
        purpose: Purpose,
    ) -> Option<TransactionId> {
        let tag = request.headers.get("To").and_then(super::header::tag).unwrap_or_default();
        let hop = core.hop(self.dialog_with(&tag)?);
        self.auth.authorize(&mut request, &mut core.random);
        let contact =
            matches!(purpose, Purpose::Reinvite | Purpose::Update | Purpose::Refer | Purpose::Notify);
        let user = contact.then_some(self.contact_user.as_str());
        Some(core.send_request(now, request, &hop, user, self.owner(purpose), 0))
    }

    /// After 401 or 407: the same once more with an answer to the challenge, if there is one.
    fn retry(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        purpose: Purpose,
        answered: &Answered,
    ) -> Option<TransactionId> {
        if !matches!(answered.response.status, 401 | 407)
            || !self.auth.challenged(&answered.response, answered.attempt)
        {
            return None;
        }
        let mut request = Request::clone(&answered.request);
        let tag = request.headers.get("To").and_then(super::header::tag).unwrap_or_default();
        let dialog = self.dialog_with(&tag)?;
        dialog.local_cseq = dialog.local_cseq.saturating_add(1);
        request.headers.remove("Via");
        request.headers.set("CSeq", format!("{} {}", dialog.local_cseq, request.method));
        let hop = core.hop(dialog);
        self.auth.authorize(&mut request, &mut core.random);
        let user = request.headers.has("Contact").then(|| self.contact_user.clone());
        let owner = self.owner(purpose);
        Some(core.send_request(now, request, &hop, user.as_deref(), owner, answered.attempt + 1))
    }

    /// The dialog, or before the answer the early one with this tag of the far side.
    fn dialog_with(&mut self, remote_tag: &str) -> Option<&mut Dialog> {
        match &mut self.phase {
            Phase::Calling(calling) => calling
                .early
                .iter_mut()
                .map(|early| &mut early.dialog)
                .find(|dialog| dialog.remote_tag() == remote_tag),
            _ => self.dialog.as_mut(),
        }
    }

    /// A 2xx or 1xx with tag and Contact, as dialogs are made and refreshed with.
    fn reply(&self, core: &Core, request: &Request, status: u16, reason: &str, flow: &Flow) -> Response {
        let mut response = request.reply(status, reason, Some(&self.local_tag));
        if status > 100 && status < 300 {
            response.headers.push("Contact", core.contact(&self.contact_user, flow, is_sips(request)));
            response.headers.push("Allow", core.allow());
        }
        if (200..300).contains(&status) {
            response.headers.push("Supported", core.supported());
        }
        response
    }

    /// A plain answer to a request within the dialog.
    fn respond(&self, now: Timestamp, core: &mut Core, id: TransactionId, request: &Request, status: u16) {
        let mut response = request.reply(status, "", Some(&self.local_tag));
        if status == 500 {
            // §14.2, §12.2.2: try again soon.
            let wait = core.between(std::time::Duration::ZERO, std::time::Duration::from_secs(10));
            response.headers.push("Retry-After", wait.as_secs().to_string());
        }
        core.respond(now, id, response);
    }

    fn respond_options(
        &self,
        now: Timestamp,
        core: &mut Core,
        id: TransactionId,
        request: &Request,
        flow: &Flow,
    ) {
        let mut response = self.reply(core, request, 200, "", flow);
        response.headers.push("Accept", "application/sdp");
        core.respond(now, id, response);
    }

    fn flow_of(core: &Core, id: TransactionId) -> Option<Flow> {
        core.table.servers.get(&id).map(|server| server.flow)
    }

    fn learn(&mut self, headers: &Headers) {
        if headers.has("Allow") {
            self.peer_updates = headers.lists("Allow", Method::Update.as_str());
        }
    }
}

/// Names that the user's further headers must not carry: they are made here.
fn allowed(headers: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    const OWN: [&str; 10] = [
        "Via",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Content-Length",
        "Content-Type",
        "Route",
        "Record-Route",
        "Max-Forwards",
    ];
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !OWN.iter().any(|own| own.eq_ignore_ascii_case(name)))
}
