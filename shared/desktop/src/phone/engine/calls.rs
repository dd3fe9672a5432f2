//! The engine's one call: how it begins, what the person and the far side do to it, how it ends.

use std::time::Duration;

use shared::audio::tone::{self, Player, Tone};
use shared::sip::{self, EndedBy, Flow, IncomingInfo, NameAddr, SessionId, Uri};
use shared::time::Timestamp;

use super::super::about;
use super::super::call::{Call, Stage};
use super::super::types::{EndReason, Phase, PhoneCallId, PhoneEvent, ProblemAbout};
use super::words::{key_of, reason_text, refusal};
use super::{Engine, Life, Output, QUALITY_INTERVAL, Timer, session_of};

/// How long the far side may take to tell how a transfer went.
const TRANSFER_PATIENCE: Duration = Duration::from_secs(60);
/// How long a busy tone is played.
const BUSY_TONE: Duration = Duration::from_secs(3);

impl Engine {
    pub(super) fn answer(&mut self, now: Timestamp) {
        self.timers.cancel(&Timer::AutoAnswer);
        let Some(call) = &mut self.call else { return };
        match call.answer(now, &self.config, &mut self.random) {
            Some(Ok(())) => {
                self.outputs.push_back(Output::Restart);
                self.timers.set(Timer::Quality, now + QUALITY_INTERVAL);
            }
            Some(Err(words)) => {
                self.problem(ProblemAbout::Call, format!("The call cannot be answered: {words}."), "");
                self.end(EndReason::NoMedia(words));
            }
            None => {}
        }
        self.ring();
    }

    pub(super) fn hang_up(&mut self, now: Timestamp) {
        let Some(call) = &mut self.call else { return };
        call.hang_up(now);
        self.end(EndReason::HungUp);
    }

    pub(super) fn hold(&mut self, now: Timestamp, wanted: bool) {
        if let Some(call) = &mut self.call {
            call.hold(now, &self.config, wanted);
        }
    }

    pub(super) fn key(&mut self, key: char) {
        let key = key.to_ascii_uppercase();
        if tone::dtmf_hz(key).is_some()
            && let Some(call) = &mut self.call
        {
            call.press(key);
        }
    }

    pub(super) fn transfer(&mut self, now: Timestamp, target: &str) {
        let Some(refer_to) = self.read_target(target) else { return };
        let referred_by = self.config.address.clone();
        if let Some(call) = &mut self.call
            && call.transfer(now, refer_to, referred_by)
        {
            self.timers.set(Timer::Transfer, now + TRANSFER_PATIENCE);
        }
    }

    pub(super) fn dial(&mut self, now: Timestamp, target: &str) {
        if self.call.is_some() || self.life != Life::Running {
            return;
        }
        let Some(target) = self.read_target(target) else { return };
        self.last_session += 1;
        let session = SessionId(self.last_session);
        let id = self.next_call();
        self.ring_test = false;
        self.timers.cancel(&Timer::RingTest);
        self.ring();
        let from = NameAddr::named(&self.config.display_name, self.config.address.clone());
        self.stop_tone();
        let call = Call::dial(now, id, session, target, from, &self.config, &mut self.random);
        self.call = Some(call);
    }

    /// A whole address, or a number behind our registrar.
    fn read_target(&mut self, target: &str) -> Option<Uri> {
        let target = target.trim();
        let parsed = if target.contains(':') {
            target.parse::<Uri>().ok()
        } else if target.is_empty() || target.len() > 256 {
            None
        } else {
            let mut uri = self.config.registrar.clone();
            // Separators that people write in numbers (RFC 3966 §5.1.1); names keep theirs.
            let number = target.chars().all(|c| c.is_ascii_digit() || "+*# -./()".contains(c));
            let user: String =
                target.chars().filter(|c| !number || c.is_ascii_digit() || "+*#".contains(*c)).collect();
            uri.user = Some(sip::uri::escape_user(&user));
            Some(uri)
        };
        if parsed.is_none() {
            self.problem(
                ProblemAbout::Call,
                format!("{target:?} is no number and no SIP address."),
                "Use digits, a name, or sip:name@host.",
            );
        }
        parsed
    }

    fn next_call(&mut self) -> PhoneCallId {
        self.last_call += 1;
        PhoneCallId(self.last_call)
    }

    pub(super) fn incoming(
        &mut self,
        now: Timestamp,
        session: SessionId,
        flow: Flow,
        request: &IncomingInfo,
    ) {
        if self.call.is_some() || self.life != Life::Running {
            return self.refuse(session, 486);
        }
        let id = self.next_call();
        let mut call = match Call::incoming(now, id, session, request, &self.config, &mut self.random) {
            Ok(call) => call,
            Err(status) => return self.refuse(session, status),
        };
        let trusted = self.config.trusted.contains(&flow.remote.ip());
        let after = about::answer_after(&request.headers).filter(|_| trusted);
        call.ring();
        self.stop_tone();
        self.ring_test = false;
        self.timers.cancel(&Timer::RingTest);
        self.call = Some(call);
        match after {
            Some(after) if after.is_zero() => self.answer(now),
            Some(after) => self.timers.set(Timer::AutoAnswer, now + after),
            None => {}
        }
        self.ring();
    }

    fn refuse(&mut self, session: SessionId, status: u16) {
        self.send(sip::Command::Reject { session, status, reason: String::new(), headers: Vec::new() });
    }

    pub(super) fn call_event(&mut self, now: Timestamp, event: sip::Event) {
        let Some(session) = session_of(&event) else { return };
        let Some(call) = self.call.as_mut().filter(|call| call.session == session) else { return };
        match event {
            sip::Event::Progress { status, body, .. } => {
                if call.progress(now, status, body.as_ref(), &mut self.random) {
                    self.outputs.push_back(Output::Restart);
                }
                let ring = call.state.phase == Phase::RingingThere && !call.has_media();
                if ring && self.tone.is_none() {
                    let tone = Tone::Ringback(self.config.region);
                    self.tone = Some(Player::new(tone));
                } else if !ring {
                    self.stop_tone();
                }
            }
            sip::Event::Answered { body, .. } => {
                let had_media = call.has_media();
                let answered = call.answered(now, body.as_ref(), &mut self.random);
                self.stop_tone();
                match answered {
                    Ok(()) if had_media => {}
                    Ok(()) => self.outputs.push_back(Output::Restart),
                    Err(words) => self.no_media(now, words),
                }
                self.timers.set(Timer::Quality, now + QUALITY_INTERVAL);
            }
            sip::Event::Confirmed { body, .. } | sip::Event::EarlyAnswer { body, .. } => {
                if let Some(body) = body
                    && let Err(words) = call.accept(now, &body, &mut self.random)
                {
                    self.no_media(now, words);
                }
            }
            sip::Event::Rejected { status, reason, .. } => {
                let reason = refusal(status, &reason);
                self.end(EndReason::Refused { status, reason });
                let tone = Tone::Busy(self.config.region);
                self.tone = Some(Player::new(tone));
                self.timers.set(Timer::Tone, now + BUSY_TONE);
            }
            sip::Event::Reoffer { body, .. } => {
                call.reoffer(now, body.as_ref(), &self.config, &mut self.random)
            }
            sip::Event::EarlyOffer { body, .. } => {
                call.early_offer(now, &body, &self.config, &mut self.random);
            }
            sip::Event::ReinviteDone { body, .. } => {
                if let Err(words) = call.reinvited(now, body.as_ref(), &mut self.random) {
                    self.no_media(now, words);
                }
            }
            sip::Event::ReinviteFailed { status, .. } => {
                if let Some(wanted) = call.reinvite_failed(now) {
                    let what = if wanted { "put on hold" } else { "taken back from hold" };
                    let message = format!("The call cannot be {what}: the far side answered {status}.");
                    self.problem(ProblemAbout::Call, message, "Try again.");
                }
            }
            sip::Event::Info { body, .. } => {
                if let Some(key) = body.as_ref().and_then(key_of) {
                    self.outputs.push_back(Output::Event(PhoneEvent::KeyHeard(key)));
                }
            }
            sip::Event::Refer { session, .. } => {
                // A phone that anybody could make call anybody is a danger.
                self.send(sip::Command::RespondRefer { session, status: 603 });
            }
            sip::Event::ReferProgress { status, last, .. } => self.referred(now, status, last),
            sip::Event::Ended { by, reason, .. } => {
                let transferring = call.state.phase == Phase::Transferring;
                self.end(match by {
                    EndedBy::Peer if transferring => EndReason::Transferred,
                    EndedBy::Peer => {
                        EndReason::PeerHungUp { reason: reason.as_deref().and_then(reason_text) }
                    }
                    EndedBy::Local => EndReason::HungUp,
                    EndedBy::Timeout | EndedBy::Transport => EndReason::Lost,
                });
            }
            sip::Event::Cancelled { reason, .. } => {
                self.end(EndReason::Missed { reason: reason.as_deref().and_then(reason_text) });
            }
            // Not about a call; taken before.
            sip::Event::Incoming { .. }
            | sip::Event::Registered { .. }
            | sip::Event::RegistrationFailed { .. }
            | sip::Event::Request { .. }
            | sip::Event::RequestDone { .. }
            | sip::Event::Door(_) => {}
        }
    }

    fn no_media(&mut self, now: Timestamp, words: String) {
        if let Some(call) = &mut self.call {
            call.hang_up(now);
        }
        self.problem(ProblemAbout::Call, format!("The call has no sound: {words}."), "");
        self.end(EndReason::NoMedia(words));
    }

    pub(super) fn referred(&mut self, now: Timestamp, status: u16, last: bool) {
        if status < 200 && !last {
            return;
        }
        let Some(call) = &mut self.call else { return };
        if call.state.phase != Phase::Transferring {
            return;
        }
        self.timers.cancel(&Timer::Transfer);
        let done = (200..300).contains(&status);
        self.outputs.push_back(Output::Event(PhoneEvent::Transfer { done, status }));
        if done {
            // RFC 5589 §6: the transferor ends its own call once the transfer stands.
            call.hang_up(now);
            self.end(EndReason::Transferred);
        } else {
            call.transfer_failed(now);
        }
    }

    pub(super) fn ring(&mut self) {
        let called = self.ring_aloud
            && self.call.as_ref().is_some_and(|call| matches!(call.stage, Stage::Ringing { .. }))
            && self.timers.at(&Timer::AutoAnswer).is_none();
        let ringing = called || self.ring_test;
        if ringing != self.ringing {
            self.ringing = ringing;
            self.outputs.push_back(Output::Ring(ringing));
        }
    }

    /// Takes the call away; what it still wants to send goes out first.
    pub(super) fn end(&mut self, why: EndReason) {
        let Some(mut call) = self.call.take() else { return };
        self.outputs.append(&mut call.outputs);
        for timer in [Timer::AutoAnswer, Timer::Transfer, Timer::Quality] {
            self.timers.cancel(&timer);
        }
        self.stop_tone();
        self.ring();
        self.outputs.push_back(Output::Event(PhoneEvent::Ended { call: Box::new(call.state), why }));
    }
}
