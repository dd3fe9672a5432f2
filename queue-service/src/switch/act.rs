//! Carrying out what a call machine says.

use rand::Rng;
use shared::api::error::{ApiError, ErrorCode};
use shared::api::session::header;
use shared::audio::mixer::Role;
use shared::id::{AgentId, CallId, LegId, OfferId, QueueId, RecordingId, UserId};
use shared::model::call::{OfferOutcome, QueueExit, Supervision, SupervisionMode};
use shared::model::event::Event;
use shared::model::recording::{Recording, RecordingState};
use shared::sdp::LocalDescription;
use shared::sip::{Body, Command, NameAddr, SessionId, Uri};
use shared::time::Timestamp;

use crate::acd::{self, FailedOffer};
use crate::call::io::{AcdAsk, Input, Output};
use crate::media;
use crate::sip::cause;
use crate::sip::phones::Contact;

use super::command::Reply;
use super::encryption::{Account, goes_encrypted};
use super::entry::{Leg, LegState};
use super::{Switch, Work};

/// The Reason of a CANCEL for phones that should not show a missed call (RFC 3326).
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

impl Switch {
    /// Drains a machine.
    pub(super) fn act(&mut self, now: Timestamp, call: CallId) {
        while let Some(output) = self.calls.get_mut(&call).and_then(|entry| entry.machine.poll()) {
            match output {
                Output::Publish(event) => {
                    self.hub.publish(event);
                }
                Output::Acd(ask) => self.ask_acd(now, call, ask),
                Output::Answer { leg } => self.answer_leg(call, leg),
                Output::Reject { leg, status } => self.reject_leg(call, leg, status),
                Output::Fail { leg, status, cause } => self.fail_leg(call, leg, status, cause),
                Output::Progress { leg, status, media } => self.pass_progress(call, leg, status, media),
                Output::Dial { leg, number, by, role, queue } => {
                    self.dial(now, call, leg, &number, by.as_ref(), role, queue.as_ref());
                }
                Output::RingOwn { leg, user, to, queue } => {
                    self.ring_own(call, leg, &user, &to, queue.as_ref());
                }
                Output::Cause { cause } => {
                    if let Some(entry) = self.calls.get_mut(&call) {
                        entry.cause = Some(cause);
                    }
                }
                Output::RingColleague { leg, agent, by } => self.ring_colleague(call, leg, &agent, &by),
                Output::RingAgent { leg, agent, offer, queue, queue_name, calls_back, waited_millis } => {
                    self.ring_agent(call, leg, &agent, offer, &queue, &queue_name, calls_back, waited_millis);
                }
                Output::RingSupervisor { leg, supervisor, mode } => {
                    self.ring_supervisor(call, leg, &supervisor, mode);
                }
                Output::Drop { leg, elsewhere } => self.drop_leg(call, leg, elsewhere),
                Output::AnswerRefer { leg, status } => self.answer_refer(call, leg, status),
                Output::Hear { parties } => self.hear(call, parties),
                Output::Play { leg, sound, play } => self.play(leg, &sound, play),
                Output::AskPlace { queue } => self.tell_place(now, call, &queue),
                Output::StopPlay { leg } => self.media.stop_play(leg),
                Output::Record => self.record(now, call),
                Output::StopRecord => {
                    if let Some(entry) = self.calls.get(&call) {
                        self.media.stop_record(entry.bridge);
                    }
                }
                Output::SupervisionAnswer { supervisor, result } => {
                    self.supervision_answer(call, supervisor, result);
                }
                Output::Finished => self.finish(call),
            }
        }
        self.set_deadline(call);
    }

    fn set_deadline(&mut self, call: CallId) {
        let Some(entry) = self.calls.get_mut(&call) else { return };
        let wanted = entry.machine.deadline();
        if entry.deadline != wanted {
            if let Some(old) = entry.deadline {
                self.deadlines.remove(&(old, call));
            }
            if let Some(new) = wanted {
                self.deadlines.insert((new, call));
            }
            entry.deadline = wanted;
        }
    }

    fn ask_acd(&mut self, now: Timestamp, call: CallId, ask: AcdAsk) {
        let input = match ask {
            AcdAsk::Enqueue { queue, since, only } => {
                let caller = self.calls.get(&call).and_then(|entry| entry.machine.presented_number());
                acd::Input::Enqueue { call, queue, since, only, caller }
            }
            AcdAsk::CallerGone => acd::Input::CallerGone { call },
            AcdAsk::LeaveFor { to } => acd::Input::LeaveFor { call, to },
            // A number that may not be called gets no callback.
            AcdAsk::AskCallback { to } if self.trunks.check(&to.number).is_err() => {
                self.work.push_back(Work::Call(call, Input::CallbackRefused));
                return;
            }
            AcdAsk::AskCallback { to } => acd::Input::AskCallback { call, to },
            AcdAsk::CallbackReached => acd::Input::CallbackReached { call },
            AcdAsk::CallbackFailed { outcome } => acd::Input::CallbackFailed { call, outcome },
            AcdAsk::Withdraw => acd::Input::Withdraw { call, exit: QueueExit::Withdrawn },
            AcdAsk::OfferFailed { offer, outcome } => {
                let outcome = match outcome {
                    OfferOutcome::Busy => FailedOffer::Busy,
                    OfferOutcome::Rejected => FailedOffer::Rejected,
                    _ => FailedOffer::Unreachable,
                };
                acd::Input::OfferFailed { offer, outcome }
            }
            AcdAsk::Released { agent, queue, wrap_up } => {
                acd::Input::Released { call, agent, queue, wrap_up }
            }
            AcdAsk::Taken { agent } => acd::Input::Taken { call, agent },
            AcdAsk::OwnCall { agent } => acd::Input::OwnCall { call, agent },
            AcdAsk::OwnCallOver { agent } => acd::Input::OwnCallOver { call, agent },
            AcdAsk::Hold { agent, held: true } => acd::Input::Held { call, agent },
            AcdAsk::Hold { agent, held: false } => acd::Input::Resumed { call, agent },
            AcdAsk::Claim { offer } => {
                let answered_at = self
                    .calls
                    .get_mut(&call)
                    .and_then(|entry| entry.answered_at.remove(&offer))
                    .unwrap_or(now);
                let input = match self.acd.answered(now, offer) {
                    Ok(won) => Input::Won { offer, wait_millis: won.wait_millis, answered_at },
                    Err(_) => Input::LostRace { offer },
                };
                self.route(now);
                // Before anything else: the voice path opens first.
                self.work.push_front(Work::Call(call, input));
                return;
            }
        };
        // At once, so that the facts of one step stand together in the journal.
        self.acd.handle(now, input);
        self.route(now);
    }

    fn answer_leg(&mut self, call: CallId, leg: LegId) {
        let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.get_mut(&leg)) else {
            return;
        };
        let LegState::Incoming { answer } = &mut known.state else { return };
        // RFC 3264 §5: an INVITE without an offer is answered with ours, and its ACK brings the answer.
        let text = answer.take().unwrap_or_else(|| known.description.offer(&known.local));
        known.state = LegState::Up;
        let session = known.session;
        self.sip(Command::Answer { session, headers: Vec::new(), body: Some(Body::sdp(text)) });
    }

    fn reject_leg(&mut self, call: CallId, leg: LegId, status: u16) {
        let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.get_mut(&leg)) else {
            return;
        };
        known.state = LegState::Over;
        let session = known.session;
        self.sip(Command::Reject { session, status, reason: String::new(), headers: Vec::new() });
        self.drop_leg(call, leg, false);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one output")]
    fn ring_agent(
        &mut self,
        call: CallId,
        leg: LegId,
        agent: &AgentId,
        offer: OfferId,
        queue: &QueueId,
        queue_name: &str,
        calls_back: bool,
        waited_millis: u64,
    ) {
        let Some(entry) = self.calls.get(&call) else { return };
        let wait_secs = waited_millis / 1000;
        let party = entry.machine.from().clone();
        // Any phone shows the display name, so it carries what an agent wants to know before he answers.
        let what = if calls_back { "callback to " } else { "" };
        let (mins, secs) = (wait_secs / 60, wait_secs % 60);
        let display = format!("{what}{} ({queue_name}, {mins}:{secs:02})", party.label());
        let passed = entry.machine.trunk().map(|trunk| self.trunks.passed(trunk, &entry.headers));
        let mut headers = vec![
            (header::CALL.to_owned(), call.to_string()),
            (header::OFFER.to_owned(), offer.to_string()),
            (header::QUEUE.to_owned(), queue.to_string()),
            (header::QUEUE_NAME.to_owned(), percent_encoded(queue_name)),
            (header::WAIT_SECS.to_owned(), wait_secs.to_string()),
        ];
        headers.extend(passed.unwrap_or_default());
        let from = self.address(&display, &party.number);
        let contact = self.phones.contact(&agent.to_user());
        tracing::debug!(%call, %agent, %offer, calls_back, "ring");
        self.invite(call, leg, Some(offer), Role::Agent, contact, from, &agent.to_user(), headers);
    }

    fn ring_supervisor(&mut self, call: CallId, leg: LegId, supervisor: &UserId, mode: SupervisionMode) {
        let mode_word = match mode {
            SupervisionMode::Monitor => "monitor",
            SupervisionMode::Whisper => "whisper",
            SupervisionMode::Barge => "barge",
            SupervisionMode::TakeOver => "take_over",
        };
        let headers = vec![
            (header::CALL.to_owned(), call.to_string()),
            (header::SUPERVISION.to_owned(), mode_word.to_owned()),
            // Desk phones answer by themselves on one of these (RFC 5373 §4; Call-Info as Polycom and Yealink read it).
            ("Answer-Mode".to_owned(), "Auto".to_owned()),
            ("Call-Info".to_owned(), "<sip:callfloor>;answer-after=0".to_owned()),
            ("Alert-Info".to_owned(), "<http://callfloor>;info=alert-autoanswer".to_owned()),
        ];
        let from = self.address(&format!("{} a call", mode.label()), "callfloor");
        let contact = self.phones.contact(supervisor);
        self.invite(call, leg, None, media::supervisor(mode), contact, from, supervisor, headers);
    }

    #[expect(clippy::too_many_arguments, reason = "one INVITE")]
    pub(super) fn invite(
        &mut self,
        call: CallId,
        leg: LegId,
        offer: Option<OfferId>,
        role: Role,
        contact: Option<Contact>,
        from: NameAddr,
        user: &UserId,
        mut headers: Vec<(String, String)>,
    ) {
        let Some(contact) = contact else {
            self.work.push_back(Work::Call(call, Input::LegFailed { leg, status: 404 }));
            return;
        };
        headers.extend(contact.route.map(|route| ("Route".to_owned(), route)));

        let is_encrypted = goes_encrypted(contact.flow.as_ref(), &contact.target);
        let encryption = self.encryption(Account::Person(user), is_encrypted);
        if let Err(error) = encryption.check() {
            tracing::warn!(%call, %leg, %error, "a phone cannot be called");
            self.work.push_back(Work::Call(call, Input::LegFailed { leg, status: 488 }));
            return;
        }
        let Some(mut local) = self.open_port(call, leg, role) else {
            self.work.push_back(Work::Call(call, Input::LegFailed { leg, status: 503 }));
            return;
        };
        local.encryption = encryption;
        let session = SessionId(self.random.next_u64() >> 1);
        let mut description = LocalDescription::new(self.random.next_u64());
        let text = description.offer(&local);
        let to = self.address("", user.as_str());
        let known = Leg {
            session,
            description,
            local,
            state: LegState::Calling { offer },
            held: false,
            out: None,
            early: false,
        };
        let Some(entry) = self.calls.get_mut(&call) else { return };
        entry.legs.insert(leg, known);
        self.sessions.insert(session, (call, leg));
        self.sip(Command::Invite {
            session,
            target: contact.target,
            flow: contact.flow,
            from,
            to,
            headers,
            body: Some(Body::sdp(text)),
            credentials: None,
        });
    }

    pub(super) fn drop_leg(&mut self, call: CallId, leg: LegId, elsewhere: bool) {
        let Some(known) = self.calls.get_mut(&call).and_then(|entry| entry.legs.remove(&leg)) else { return };
        self.media.close_port(leg);
        self.sessions.remove(&known.session);
        self.trunks.leave(leg);
        let heard = self.calls.get(&call).and_then(|entry| entry.cause).map(cause::reason);
        let reason = if elsewhere { Some(ELSEWHERE.to_owned()) } else { heard };
        match known.state {
            LegState::Over => {}
            LegState::Incoming { .. } | LegState::Calling { .. } | LegState::Up => {
                self.sip(Command::Hangup { session: known.session, reason });
            }
        }
    }

    pub(super) fn answer_refer(&mut self, call: CallId, leg: LegId, status: u16) {
        let Some(session) =
            self.calls.get(&call).and_then(|entry| entry.legs.get(&leg)).map(|leg| leg.session)
        else {
            return;
        };
        self.sip(Command::RespondRefer { session, status });
        if (200..300).contains(&status) {
            // RFC 3515 §2.4.2 and §2.4.4: accepted, then one final NOTIFY; the phone may hang up now.
            self.sip(Command::NotifyRefer { session, status: 200, reason: "OK".into(), last: true });
        }
    }

    fn record(&mut self, now: Timestamp, call: CallId) {
        let recording = RecordingId::new(now, self.random.next_u32());
        let Some(entry) = self.calls.get_mut(&call) else { return };
        entry.recording = Some(recording);
        let tap = self.recorder.open(recording, call, now);
        self.media.record(entry.bridge, tap);
        let row = Recording {
            id: recording,
            call,
            started_at: now,
            state: RecordingState::Open,
            duration_millis: 0,
            tracks: Vec::new(),
            dropped_frames: 0,
        };
        if self.recordings.try_send(row).is_err() {
            // Its row comes when it is sealed; only a crash before that leaves it to the folder's own description.
            tracing::warn!(%recording, "the store is behind: a recording begins without its row");
        }
        self.hub.publish(Event::RecordingStarted { recording, call });
    }

    fn supervision_answer(&mut self, call: CallId, supervisor: UserId, result: Result<Supervision, u16>) {
        let Some(reply) = self.asks.remove(&(call, supervisor)) else { return };
        let answer = result.map(Reply::Supervision).map_err(|status| {
            let (detail, hint) = match status {
                404 => (
                    "your phone is not registered",
                    "Wait until the console's phone is connected, then try again.",
                ),
                487 => ("the call ended first", ""),
                _ => ("your phone did not answer", "Check the console's phone, then try again."),
            };
            ApiError::new(
                ErrorCode::Conflict,
                "You are not in the call",
                format!("{detail} (SIP {status})"),
                hint,
            )
        });
        // The one who asked may have gone away.
        let _ = reply.send(answer);
    }

    fn finish(&mut self, call: CallId) {
        let Some(entry) = self.calls.remove(&call) else { return };
        for (leg, known) in entry.legs {
            self.trunks.leave(leg);
            self.media.close_port(leg);
            self.sessions.remove(&known.session);
            if !matches!(known.state, LegState::Over) {
                self.sip(Command::Hangup { session: known.session, reason: None });
            }
        }
        if let Some(at) = entry.deadline {
            self.deadlines.remove(&(at, call));
        }
        self.media.close_bridge(entry.bridge);
        self.admission.leave(call);
    }

    /// `"display" <sip:user@domain>` in our domain.
    pub(super) fn address(&self, display: &str, user: &str) -> NameAddr {
        let user = if user.is_empty() { "anonymous" } else { user };
        let domain = &self.config.sip.domain;
        let uri = Uri::sip(Some(user), domain).or_else(|_| Uri::sip(None, domain));
        // The domain has been checked with the configuration.
        let uri = uri.unwrap_or_else(|_| Uri::tel("0"));
        NameAddr::named(display, uri)
    }
}

/// Percent-encoding of everything but unreserved characters (RFC 3986 §2.3).
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b' ') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
