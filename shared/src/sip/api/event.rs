//! What an endpoint tells its user.

use serde::{Deserialize, Serialize};

use super::{Flow, RegistrationId, SessionId, TransactionId};
use crate::sip::door::{Caller, Notice};
use crate::sip::header::NameAddr;
use crate::sip::message::{Body, Headers, Method, Request};
use crate::sip::uri::Uri;

/// The INVITE of an incoming session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncomingInfo {
    /// Whom the caller asks for.
    pub request_uri: Uri,
    /// The caller.
    pub from: NameAddr,
    /// Whom he called first.
    pub to: NameAddr,
    /// All headers.
    pub headers: Headers,
    /// Call-ID.
    pub call_id: String,
    /// The offer, if he makes one.
    pub body: Option<Body>,
    /// He asks to take the place of this session of ours (RFC 3891 §3): answer him, then hang that one up; or
    /// refuse him and leave it. Whether he may is the user's to judge.
    pub replaces: Option<SessionId>,
}

/// Who or what ended an answered session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// BYE of the far side.
    Peer,
    /// Our [`Command::Hangup`](super::Command::Hangup).
    Local,
    /// No ACK, no answer within the dialog, or the session interval ran out.
    Timeout,
    /// The far side cannot be reached.
    Transport,
}

/// What happened. A session that was answered ends with exactly one [`Event::Ended`]; one that was not ends with
/// exactly one of [`Event::Rejected`] (ours) and [`Event::Cancelled`] (theirs), or by the user's own
/// [`Command::Reject`](super::Command::Reject) or [`Command::Hangup`](super::Command::Hangup) of an unanswered incoming session, which has no event.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Somebody calls; 100 has been sent.
    Incoming {
        /// Top bit set.
        session: SessionId,
        /// Where from.
        flow: Flow,
        /// Who it is, as far as the door knows.
        caller: Caller,
        /// The INVITE.
        request: Box<IncomingInfo>,
    },
    /// 101 to 199 on our INVITE.
    Progress {
        /// Which.
        session: SessionId,
        /// Such as 180.
        status: u16,
        /// The phrase.
        reason: String,
        /// Early media.
        body: Option<Body>,
        /// The body is an offer (our INVITE had none), to be answered by [`Command::Acknowledge`](super::Command::Acknowledge).
        offers: bool,
    },
    /// Our INVITE got a 2xx; ACK is sent (unless the 2xx carries the offer).
    Answered {
        /// Which.
        session: SessionId,
        /// The answer; when it came reliably before the 2xx (RFC 3262), what came last.
        body: Option<Body>,
        /// All headers of the 2xx.
        headers: Headers,
    },
    /// The ACK for our 2xx arrived; also after a re-INVITE when that ACK has a body.
    Confirmed {
        /// Which.
        session: SessionId,
        /// The late answer.
        body: Option<Body>,
    },
    /// Our INVITE failed: the peer's status, 408 without any, 487 after our Hangup, 503 when it cannot be reached.
    Rejected {
        /// Which.
        session: SessionId,
        /// 300 to 699.
        status: u16,
        /// The phrase.
        reason: String,
        /// Contacts of a 3xx.
        contacts: Vec<NameAddr>,
        /// The Reason header of the response, with a Q.850 cause perhaps (RFC 6432).
        cause: Option<String>,
    },
    /// PRACK: the answer to the offer of our provisional response.
    EarlyAnswer {
        /// Which.
        session: SessionId,
        /// The answer, if the peer made one.
        body: Option<Body>,
    },
    /// The peer offers again before the session is confirmed, by UPDATE or PRACK; answer with
    /// [`Command::AnswerEarly`](super::Command::AnswerEarly).
    EarlyOffer {
        /// Which.
        session: SessionId,
        /// The offer.
        body: Body,
    },
    /// The peer offers again, by re-INVITE or UPDATE; answer with [`Command::Answer`](super::Command::Answer) or [`Command::Reject`](super::Command::Reject).
    /// Without a body the peer asks for our offer.
    Reoffer {
        /// Which.
        session: SessionId,
        /// The offer.
        body: Option<Body>,
    },
    /// Our re-INVITE was answered.
    ReinviteDone {
        /// Which.
        session: SessionId,
        /// The answer.
        body: Option<Body>,
    },
    /// Our re-INVITE was refused; the session goes on as it was (unless `Ended` follows).
    ReinviteFailed {
        /// Which.
        session: SessionId,
        /// Why.
        status: u16,
    },
    /// INFO from the peer; 200 has been sent.
    Info {
        /// Which.
        session: SessionId,
        /// What.
        body: Option<Body>,
    },
    /// REFER from the peer, `refer_to` perhaps with a `Replaces` URI header; answer with [`Command::RespondRefer`](super::Command::RespondRefer), then [`Command::NotifyRefer`](super::Command::NotifyRefer).
    Refer {
        /// Which.
        session: SessionId,
        /// Whom to call.
        refer_to: NameAddr,
        /// The session of ours that its Replaces names: the peer asks for who is there (RFC 3891 §4). Whether both
        /// belong to one person is the user's to judge; that the peer knows its tags speaks for it.
        replaces: Option<SessionId>,
        /// All headers (Referred-By, …).
        headers: Headers,
    },
    /// How our REFER goes: 100 once it is accepted, then what the peer's NOTIFYs say; 408 when it falls silent.
    ReferProgress {
        /// Which.
        session: SessionId,
        /// Status of the referred call, or of the REFER when it was refused.
        status: u16,
        /// Nothing more comes.
        last: bool,
    },
    /// An answered session is over.
    Ended {
        /// Which.
        session: SessionId,
        /// By whom.
        by: EndedBy,
        /// The Reason header of the BYE.
        reason: Option<String>,
    },
    /// The peer cancelled before the answer.
    Cancelled {
        /// Which.
        session: SessionId,
        /// The Reason header of the CANCEL.
        reason: Option<String>,
    },
    /// The binding stands; also at every refresh, and with 0 after [`Command::Unregister`](super::Command::Unregister).
    Registered {
        /// Which.
        registration: RegistrationId,
        /// Granted lifetime.
        expires_secs: u32,
        /// Where the registrar's answer came from.
        flow: Option<Flow>,
        /// The value of Route for requests out that go by this registrar (Service-Route, RFC 3608).
        route: Option<String>,
    },
    /// The binding does not stand. It is tried again by itself: after seconds that grow to two minutes, or after
    /// 401, 403, 404 and other refusals that a repetition hardly mends after minutes that grow to two hours; never
    /// before the peer's Retry-After.
    RegistrationFailed {
        /// Which.
        registration: RegistrationId,
        /// The peer's status, 408 without any, 503 when it cannot be reached.
        status: u16,
        /// The phrase.
        reason: String,
    },
    /// A request outside of a dialog of one of [`Config::user_methods`](super::Config::user_methods); answer with [`Command::Respond`](super::Command::Respond).
    Request {
        /// To answer with.
        transaction: TransactionId,
        /// Where from.
        flow: Flow,
        /// Who it is, as far as the door knows.
        caller: Caller,
        /// Same as in `request`.
        method: Method,
        /// The whole request.
        request: Box<Request>,
    },
    /// The final response to [`Command::Request`](super::Command::Request); 408 without any, 503 when it cannot be reached.
    RequestDone {
        /// As given.
        id: u64,
        /// The status.
        status: u16,
    },
    /// The door banned a source, lifted a ban, or has new counts.
    Door(Notice),
}
