//! The callee's reliable provisional responses, RFC 3262 §3: one at a time, repeated until PRACK comes.

use std::collections::VecDeque;
use std::time::Duration;

use rand::Rng;

use super::*;
use crate::sip::api::ReliableProvisional;

/// Headers and description of a 2xx that waits.
type HeldAnswer = (Vec<(String, String)>, Option<Body>);

/// The provisional responses of one INVITE of theirs.
#[derive(Debug, Default)]
pub(super) struct Reliable {
    /// RSeq of the last one.
    last: Option<u32>,
    sent: Option<Sent>,
    /// Wait for the PRACK of the one that is out; further ones take the place of the last.
    pub waiting: VecDeque<Provisional>,
    /// The 2xx must wait for the PRACK of a response with a description (§3).
    answer: Option<HeldAnswer>,
    /// The first offer was answered and that is acknowledged: UPDATE may offer again (RFC 3311 §5.1).
    pub agreed: bool,
}

#[derive(Debug)]
struct Sent {
    rseq: u32,
    bytes: Vec<u8>,
    flow: Flow,
    interval: Duration,
    /// It carries our offer, or our answer.
    described: Option<Described>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Described {
    Offer,
    Answer,
}

/// What [`Command::Provisional`] orders.
#[derive(Debug)]
pub(super) struct Provisional {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
}

impl Reliable {
    /// Our offer or answer is out and not acknowledged.
    fn described(&self) -> Option<Described> {
        self.sent.as_ref().and_then(|sent| sent.described)
    }

    /// Our offer waits for its answer.
    pub(super) fn offering(&self) -> bool {
        self.described() == Some(Described::Offer)
    }
}

impl Session {
    pub(super) fn provisional(&mut self, now: Timestamp, core: &mut Core, wanted: Provisional) {
        let Phase::Ringing { request, .. } = &self.phase else { return };
        if !(101..200).contains(&wanted.status) {
            return;
        }
        let requires = request.headers.lists("Require", "100rel");
        let supports = requires || request.headers.lists("Supported", "100rel");
        let reliable = match core.config.reliable_provisional {
            ReliableProvisional::Never => false,
            ReliableProvisional::WhenAsked => requires || (supports && wanted.body.is_some()),
            ReliableProvisional::Required => supports,
        };
        if !reliable {
            self.send_provisional(now, core, wanted, None);
        } else if self.reliable.sent.is_none() {
            self.send_reliable(now, core, wanted);
        } else {
            if self.reliable.waiting.len() >= MAX_WAITING {
                self.reliable.waiting.pop_back();
            }
            self.reliable.waiting.push_back(wanted);
        }
    }

    fn send_provisional(&mut self, now: Timestamp, core: &mut Core, wanted: Provisional, rseq: Option<u32>) {
        let described = self.reliable.agreed || self.reliable.described().is_some();
        let Phase::Ringing { transaction, request, flow } = &self.phase else { return };
        let (transaction, is_offer) = (*transaction, request.body.is_empty());
        let mut response = self.reply(core, request, wanted.status, &wanted.reason, flow);
        for (name, value) in allowed(&wanted.headers) {
            response.headers.push(name, value);
        }
        // RFC 3261 §13.2.1: one answer only, and no offer in a response that may get lost.
        let body = wanted.body.filter(|_| !(described || is_offer && rseq.is_none()));
        response.set_body(body.as_ref());
        if let Some(rseq) = rseq {
            response.headers.push("Require", "100rel");
            response.headers.push("RSeq", rseq.to_string());
        }
        core.respond(now, transaction, response);
        let (Some(rseq), Some(server)) = (rseq, core.table.servers.get(&transaction)) else { return };
        let interval = core.config.timers.t1;
        let kind = if is_offer { Described::Offer } else { Described::Answer };
        self.reliable.sent = Some(Sent {
            rseq,
            bytes: server.bytes.clone(),
            flow: server.flow,
            interval,
            described: body.as_ref().map(|_| kind),
        });
        self.description = body.or(self.description.take());
        self.set(core, SessionTimer::Resend1xx, Some(now + interval));
        self.set(core, SessionTimer::NoPrack, Some(now + core.config.timers.give_up()));
    }

    fn send_reliable(&mut self, now: Timestamp, core: &mut Core, wanted: Provisional) {
        // §3: the first is drawn from 1 to 2^31-1, the others follow.
        let first = core.random.next_u32() >> 2 | 1;
        let rseq = self.reliable.last.map_or(first, |last| last.saturating_add(1));
        self.reliable.last = Some(rseq);
        self.send_provisional(now, core, wanted, Some(rseq));
    }

    /// Doubles without a cap (§3).
    pub(super) fn resend_1xx(&mut self, now: Timestamp, core: &mut Core) {
        let Some(sent) = &mut self.reliable.sent else { return };
        sent.interval *= 2;
        let at = now + sent.interval;
        core.send(sent.flow, sent.bytes.clone());
        self.set(core, SessionTimer::Resend1xx, Some(at));
    }

    /// §3: without PRACK in 64·T1 the INVITE is refused.
    pub(super) fn no_prack(&mut self, now: Timestamp, core: &mut Core) {
        self.stop_1xx(core);
        if let Phase::Ringing { transaction, request, .. } = &self.phase {
            self.respond(now, core, *transaction, request, 504);
            let reason = Some("SIP;cause=504;text=\"PRACK timeout\"".to_owned());
            core.event(Event::Cancelled { session: self.id, reason });
            self.phase = Phase::Gone;
        }
    }

    pub(super) fn stop_1xx(&self, core: &mut Core) {
        self.set(core, SessionTimer::Resend1xx, None);
        self.set(core, SessionTimer::NoPrack, None);
    }

    pub(super) fn their_prack(
        &mut self,
        now: Timestamp,
        core: &mut Core,
        transaction: TransactionId,
        request: Arc<Request>,
    ) {
        let rack = request.headers.rack().filter(|rack| rack.method == Method::Invite);
        let matches = |sent: &&mut Sent| rack.as_ref().is_some_and(|rack| rack.rseq == sent.rseq);
        if self.reliable.sent.as_mut().filter(matches).is_none() {
            return self.respond(now, core, transaction, &request, 481);
        }
        let Some(sent) = self.reliable.sent.take() else { return };
        self.stop_1xx(core);
        let body = request.session_body();
        let was_agreed = self.reliable.agreed;
        self.reliable.agreed |= sent.described.is_some();
        match (sent.described, body) {
            (Some(Described::Offer), body) => {
                self.respond(now, core, transaction, &request, 200);
                core.event(Event::EarlyAnswer { session: self.id, body });
            }
            // §5: the first offer is answered, so PRACK may carry the next one.
            (Some(Described::Answer), Some(_)) => self.their_change(now, core, transaction, request),
            (None, Some(_)) if was_agreed => self.their_change(now, core, transaction, request),
            (None, Some(_)) => self.respond(now, core, transaction, &request, 488),
            (_, None) => self.respond(now, core, transaction, &request, 200),
        }
        if let Some((headers, body)) = self.reliable.answer.take() {
            self.reliable.waiting.clear();
            return self.answer(now, core, &headers, body);
        }
        if let Some(next) = self.reliable.waiting.pop_front() {
            self.provisional(now, core, next);
        }
        self.try_change(now, core);
    }

    /// The user's 2xx: true when it must wait for PRACK (§3).
    pub(super) fn answer_waits(&mut self, headers: &[(String, String)], body: &Option<Body>) -> bool {
        let waits = self.reliable.described().is_some();
        if waits && self.reliable.answer.is_none() {
            self.reliable.answer = Some((headers.to_vec(), body.clone()));
        }
        waits
    }
}

/// Provisional responses that wait for the PRACK of an earlier one.
const MAX_WAITING: usize = 8;
