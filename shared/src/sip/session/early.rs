//! The caller's early dialogs: one for each branch of a fork (RFC 3261 §13.2.2.1), reliable provisional responses
//! and their PRACK (RFC 3262 §4), and what the far side may ask in them.

use super::*;
use crate::sip::api::ReliableProvisional;
use crate::sip::header::RAck;

/// One branch that has answered provisionally.
#[derive(Debug)]
pub(super) struct Early {
    pub dialog: Dialog,
    /// RSeq of the last reliable response that was taken.
    rseq: Option<u32>,
    /// The first offer was answered reliably: UPDATE may offer again (RFC 3311 §5.1).
    pub agreed: bool,
    /// What the far side described last.
    pub described: Option<Body>,
    /// Number of the reliable response whose offer waits for the user's answer.
    unanswered: Option<u32>,
}

impl Session {
    /// Takes a provisional response into its early dialog. `None` for a repetition or one that came too early: the
    /// user need not know. True when its body is an offer that waits for [`Command::Acknowledge`].
    pub(super) fn early_response(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        answered: &Answered,
    ) -> Option<bool> {
        self.learn(&answered.response.headers);
        let policy = core.config.reliable_provisional;
        let explicit = self.explicit;
        let Phase::Calling(calling) = &mut self.phase else { return None };
        let (request, response) = (&answered.request, &answered.response);
        let tag = response.headers.get("To").and_then(crate::sip::header::tag);
        let Some(tag) = tag.filter(|_| response.status > 100) else { return Some(false) };
        let rseq = response
            .headers
            .rseq()
            .filter(|_| policy != ReliableProvisional::Never && response.headers.lists("Require", "100rel"));
        let known = calling.early.iter().position(|early| early.dialog.remote_tag() == tag);
        if known.is_none() && calling.early.len() < MAX_EARLY {
            let flow = answered.flow.unwrap_or_else(Core::nowhere);
            let dialog = Dialog::of_caller(request, response, flow, explicit)?;
            calling.early.push(Early {
                dialog,
                rseq: None,
                agreed: false,
                described: None,
                unanswered: None,
            });
        }
        let last = calling.early.len().saturating_sub(1);
        let early =
            calling.early.get_mut(known.unwrap_or(last)).filter(|early| early.dialog.remote_tag() == tag);
        // More branches than are kept: heard, but not acknowledged.
        let Some(early) = early else { return Some(false) };
        let Some(rseq) = rseq else { return Some(false) };
        // §4: in order, each once. What overtook another is repeated by the far side.
        if early.rseq.is_some_and(|last| last.checked_add(1) != Some(rseq)) {
            return None;
        }
        early.rseq = Some(rseq);
        if let Some(body) = response.session_body().filter(|_| !early.agreed) {
            early.described = Some(body);
            early.agreed = !request.body.is_empty();
            if !early.agreed && matches!(calling.cancel, outgoing::Cancel::No) {
                early.unanswered = Some(rseq);
                return Some(true);
            }
        }
        self.prack(now, core, &tag, rseq, None);
        Some(false)
    }

    fn prack(&mut self, now: Timestamp, core: &mut Core, tag: &str, rseq: u32, body: Option<&Body>) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        let invite = calling.cseq;
        let Some(dialog) = self.dialog_with(tag) else { return };
        let mut request = dialog.request(Method::Prack, None);
        request.headers.push("RAck", RAck { rseq, cseq: invite, method: Method::Invite }.to_string());
        request.set_body(body);
        self.send(now, core, request, Purpose::Prack);
    }

    /// The user's answer to an offer that came in a provisional response; false when there is none.
    pub(super) fn acknowledge_early(&mut self, now: Timestamp, core: &mut Core, body: Option<&Body>) -> bool {
        let Phase::Calling(calling) = &mut self.phase else { return false };
        let Some(early) = calling.early.iter_mut().find(|early| early.unanswered.is_some()) else {
            return false;
        };
        let Some(rseq) = early.unanswered.take() else { return false };
        early.agreed = true;
        let tag = early.dialog.remote_tag().to_owned();
        self.description = body.cloned().or(self.description.take());
        self.prack(now, core, &tag, rseq, body);
        self.try_change(now, core);
        true
    }

    /// Takes the early dialog with this tag out, for the 2xx that confirms it.
    pub(super) fn take_early(&mut self, tag: &str) -> Option<Early> {
        let Phase::Calling(calling) = &mut self.phase else { return None };
        let at = calling.early.iter().position(|early| early.dialog.remote_tag() == tag)?;
        Some(calling.early.swap_remove(at))
    }

    /// The dialog that an offer of ours before the answer would go to.
    pub(super) fn agreed_early(&self) -> Option<&Dialog> {
        let Phase::Calling(calling) = &self.phase else { return None };
        calling.early.iter().rev().find(|early| early.agreed).map(|early| &early.dialog)
    }

    /// What the far side described in an UPDATE, or answered to ours.
    pub(super) fn describe_early(&mut self, tag: &str, body: Option<Body>) {
        if let Phase::Calling(calling) = &mut self.phase
            && let Some(early) = calling.early.iter_mut().find(|early| early.dialog.remote_tag() == tag)
        {
            early.described = body.or(early.described.take());
        }
    }

    /// A request of the far side while our INVITE is not answered.
    pub(super) fn early_request(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: Arc<Request>,
        flow: Flow,
    ) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        let tag = request.headers.get("From").and_then(crate::sip::header::tag).unwrap_or_default();
        let early = calling.early.iter_mut().find(|early| early.dialog.remote_tag() == tag);
        let Some(early) = early else {
            // Before any provisional response there is no dialog (RFC 3261 §12.2.2).
            return self.respond(now, core, transaction, &request, 481);
        };
        let number = request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        if !early.dialog.accept(number) {
            return self.respond(now, core, transaction, &request, 500);
        }
        if flow.transport.is_reliable() {
            early.dialog.flow = Some(flow);
        }
        let agreed = early.agreed;
        match request.method {
            Method::Options => self.respond_options(now, core, transaction, &request, &flow),
            // RFC 3311 §5.2: our own offer is not answered yet.
            Method::Update if !request.body.is_empty() && !agreed => {
                self.respond(now, core, transaction, &request, 491);
            }
            Method::Update => self.their_change(now, core, transaction, request),
            Method::Info => {
                self.respond(now, core, transaction, &request, 200);
                core.event(Event::Info { session: self.id, body: request.body() });
            }
            // §15: the callee must not send BYE before its answer. The rest needs a confirmed dialog.
            _ => self.respond(now, core, transaction, &request, 481),
        }
    }
}

/// Early dialogs of one INVITE.
const MAX_EARLY: usize = 16;
