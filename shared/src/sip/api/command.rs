//! What the user of an endpoint wants.

use super::{Credentials, Flow, RegistrationId, SessionId, TransactionId};
use crate::sip::door::Change;
use crate::sip::header::NameAddr;
use crate::sip::message::{Body, Method};
use crate::sip::uri::Uri;

/// What the user wants. Commands for an unknown session, or that make no sense in its state (it may have ended a
/// moment ago), do nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Call somebody.
    Invite {
        /// Chosen by the user, top bit clear.
        session: SessionId,
        /// The Request-URI.
        target: Uri,
        /// Send here instead of resolving the target (a registered binding behind NAT).
        flow: Option<Flow>,
        /// Who calls; the tag is made here.
        from: NameAddr,
        /// Who is called.
        to: NameAddr,
        /// Further headers, written as given.
        headers: Vec<(String, String)>,
        /// The offer. Without one the far side offers in its 2xx, and [`Command::Acknowledge`] must follow.
        body: Option<Body>,
        /// Answers to 401 and 407, also later in the dialog.
        credentials: Option<Credentials>,
    },
    /// A 1xx on an incoming session that is not answered yet.
    Provisional {
        /// Which.
        session: SessionId,
        /// 101 to 199.
        status: u16,
        /// Empty for the usual phrase.
        reason: String,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// Early media.
        body: Option<Body>,
    },
    /// 200 to the INVITE, or to the re-INVITE or UPDATE of [`Event::Reoffer`](super::Event::Reoffer).
    Answer {
        /// Which.
        session: SessionId,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The answer, or the offer when the request had none.
        body: Option<Body>,
    },
    /// The ACK for a 2xx that carried the offer, or the PRACK for a provisional response that did
    /// ([`Event::Progress`](super::Event::Progress) says so); see [`Command::Invite`] without a body.
    Acknowledge {
        /// Which.
        session: SessionId,
        /// The answer.
        body: Option<Body>,
    },
    /// Answer [`Event::EarlyOffer`](super::Event::EarlyOffer).
    AnswerEarly {
        /// Which.
        session: SessionId,
        /// The answer; `None` refuses the offer with 488.
        body: Option<Body>,
    },
    /// Refuse an incoming INVITE, or the request of [`Event::Reoffer`](super::Event::Reoffer).
    Reject {
        /// Which.
        session: SessionId,
        /// 300 to 699.
        status: u16,
        /// Empty for the usual phrase.
        reason: String,
        /// Further headers (Contact for 3xx, Proxy-Authenticate for 407, Retry-After, …).
        headers: Vec<(String, String)>,
    },
    /// CANCEL before the answer, BYE after it, 480 for an incoming session that was not answered.
    Hangup {
        /// Which.
        session: SessionId,
        /// Value of a Reason header (RFC 3326), such as `SIP;cause=200;text="Call completed elsewhere"`.
        reason: Option<String>,
    },
    /// Offer again in a confirmed session (hold, resume, codec change). Waits for a running exchange; glare (491)
    /// is retried inside. A second one before the first is done takes the place of the first if that has not
    /// been sent.
    Reinvite {
        /// Which.
        session: SessionId,
        /// The new offer.
        body: Body,
    },
    /// Offer again by UPDATE (RFC 3311): before the answer too, once the first offer was answered in a reliable
    /// provisional response; until then it waits. A peer that does not know UPDATE gets a re-INVITE after the
    /// answer. Answered like [`Command::Reinvite`].
    Update {
        /// Which.
        session: SessionId,
        /// The new offer.
        body: Body,
    },
    /// INFO in a confirmed session.
    Info {
        /// Which.
        session: SessionId,
        /// What.
        body: Body,
    },
    /// REFER in a confirmed session: ask the peer to call somebody.
    Refer {
        /// Which.
        session: SessionId,
        /// Whom; may carry a `Replaces` URI header.
        refer_to: Uri,
        /// Our name, for Referred-By (RFC 3892).
        referred_by: Option<Uri>,
    },
    /// REFER in a confirmed session: ask the peer to take our place in another confirmed session (RFC 3891 §4).
    ReferAttended {
        /// Which.
        session: SessionId,
        /// The session with the party that the peer shall talk to.
        other: SessionId,
        /// Our name, for Referred-By (RFC 3892).
        referred_by: Option<Uri>,
    },
    /// Answer [`Event::Refer`](super::Event::Refer) with 202 or a refusal.
    RespondRefer {
        /// Which.
        session: SessionId,
        /// 202, or 400 to 699.
        status: u16,
    },
    /// Tell the peer that sent REFER how the referred call goes (RFC 3515 §2.4.4). 100 has been told by the answer.
    /// A peer that wants no news (RFC 4488) gets none.
    NotifyRefer {
        /// Which.
        session: SessionId,
        /// Status of the referred call: 100, 180, 200, 486, …
        status: u16,
        /// Empty for the usual phrase.
        reason: String,
        /// Ends the subscription.
        last: bool,
    },
    /// Register and keep registered; again with the same id changes it.
    Register {
        /// Chosen by the user.
        registration: RegistrationId,
        /// The address of record.
        aor: Uri,
        /// Where to, usually the domain.
        registrar: Uri,
        /// User part of our Contact.
        contact_user: String,
        /// Wish for the lifetime.
        expires_secs: u32,
        /// Answers to challenges.
        credentials: Option<Credentials>,
    },
    /// Remove the binding.
    Unregister {
        /// Which.
        registration: RegistrationId,
    },
    /// A request outside of a dialog: OPTIONS ping, MESSAGE, …
    Request {
        /// Comes back in [`Event::RequestDone`](super::Event::RequestDone).
        id: u64,
        /// Not INVITE, ACK or CANCEL.
        method: Method,
        /// The Request-URI, also To.
        target: Uri,
        /// Send here instead of resolving the target.
        flow: Option<Flow>,
        /// Further headers. `From`, `To`, `Call-ID` and the number of `CSeq` are made here unless they are given.
        headers: Vec<(String, String)>,
        /// What to carry.
        body: Option<Body>,
        /// Answers to 401 and 407.
        credentials: Option<Credentials>,
    },
    /// Answer [`Event::Request`](super::Event::Request).
    Respond {
        /// The number of the event.
        transaction: TransactionId,
        /// 200 to 699.
        status: u16,
        /// Empty for the usual phrase.
        reason: String,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// What to carry.
        body: Option<Body>,
    },
    /// Change who may come in; nothing without a door.
    Door(Change),
}
