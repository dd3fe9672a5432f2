//! One call of the phone: its session, its description, its media.

use std::collections::VecDeque;
use std::net::SocketAddr;

use rand::RngExt;
use rand::rngs::StdRng;
use shared::audio::Frame;
use shared::model::call::SupervisionMode;
use shared::sdp::{Direction as MediaDirection, LocalDescription, LocalMedia, Negotiated};
use shared::sip::{self, Body, IncomingInfo, NameAddr, SessionId, Uri};
use shared::time::Timestamp;

use super::about;
use super::engine::{EngineConfig, Output};
use super::media::{Media, Words};
use super::types::{CallAbout, CallState, Direction, Phase, PhoneCallId, PhoneEvent};

/// How far a call has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// Somebody calls.
    Ringing {
        /// The offer of the INVITE; without one ours goes out with the answer.
        offer: Option<Body>,
    },
    /// We call.
    Calling,
    /// Answered.
    Answered,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) session: SessionId,
    pub(super) stage: Stage,
    pub(super) state: CallState,
    pub(super) outputs: VecDeque<Output>,
    description: LocalDescription,
    media: Option<Media>,
    /// What the person wants; what stands is in the negotiated direction.
    hold: bool,
    transferring: bool,
}

impl Call {
    /// An INVITE that can be answered; the status to refuse it with otherwise.
    pub(super) fn incoming(
        now: Timestamp,
        id: PhoneCallId,
        session: SessionId,
        request: &IncomingInfo,
        config: &EngineConfig,
        random: &mut StdRng,
    ) -> Result<Call, u16> {
        let description = LocalDescription::new(random.random());
        if let Some(offer) = &request.body {
            if !offer.is("application/sdp") {
                return Err(415);
            }
            // Tried on a copy: nobody is rung for a call that cannot have sound.
            let local = LocalMedia::new(config.media, &config.codecs);
            description.clone().answer(&offer.bytes, &local).map_err(|error| error.status())?;
        }
        let about = about::about(&request.headers);
        // A supervisor who listens is not heard even by accident; the person switches the microphone on.
        let muted = about.supervision == Some(SupervisionMode::Monitor);
        Ok(Call {
            session,
            stage: Stage::Ringing { offer: request.body.clone() },
            state: CallState {
                id,
                direction: Direction::Incoming,
                peer: about::party(&request.from),
                about,
                phase: Phase::Ringing,
                since: now,
                began_at: now,
                answered_at: None,
                muted,
                codec: None,
                quality: None,
            },
            outputs: VecDeque::new(),
            description,
            media: None,
            hold: false,
            transferring: false,
        })
    }

    /// Calls somebody.
    pub(super) fn dial(
        now: Timestamp,
        id: PhoneCallId,
        session: SessionId,
        target: Uri,
        from: NameAddr,
        config: &EngineConfig,
        random: &mut StdRng,
    ) -> Call {
        let mut description = LocalDescription::new(random.random());
        let offer = description.offer(&LocalMedia::new(config.media, &config.codecs));
        let to = NameAddr::new(target.to_aor());
        let mut call = Call {
            session,
            stage: Stage::Calling,
            state: CallState {
                id,
                direction: Direction::Outgoing,
                peer: about::party(&to),
                about: CallAbout::default(),
                phase: Phase::Calling,
                since: now,
                began_at: now,
                answered_at: None,
                muted: false,
                codec: None,
                quality: None,
            },
            outputs: VecDeque::new(),
            description,
            media: None,
            hold: false,
            transferring: false,
        };
        call.send(sip::Command::Invite {
            session,
            target,
            flow: None,
            from,
            to,
            headers: Vec::new(),
            body: Some(Body::sdp(offer)),
            credentials: Some(config.credentials.clone()),
        });
        call
    }

    pub(super) fn ring(&mut self) {
        self.send(sip::Command::Provisional {
            session: self.session,
            status: 180,
            reason: String::new(),
            headers: Vec::new(),
            body: None,
        });
    }

    pub(super) fn has_media(&self) -> bool {
        self.media.is_some()
    }

    /// None when there is nothing to answer; an error has been refused already.
    pub(super) fn answer(
        &mut self,
        now: Timestamp,
        config: &EngineConfig,
        random: &mut StdRng,
    ) -> Option<Result<(), Words>> {
        let Stage::Ringing { offer } = &self.stage else { return None };
        let local = LocalMedia::new(config.media, &config.codecs);
        let body = match offer.clone() {
            None => self.description.offer(&local),
            Some(offer) => match self.description.answer(&offer.bytes, &local) {
                Err(error) => {
                    self.reject(error.status());
                    return Some(Err(error.to_string()));
                }
                Ok((answer, negotiated)) => {
                    if let Err(words) = self.connect(now, negotiated, random) {
                        self.reject(500);
                        return Some(Err(words));
                    }
                    answer
                }
            },
        };
        self.send(sip::Command::Answer {
            session: self.session,
            headers: Vec::new(),
            body: Some(Body::sdp(body)),
        });
        self.stage = Stage::Answered;
        self.state.answered_at = Some(now);
        self.show(now);
        Some(Ok(()))
    }

    /// Ends it, however far it is.
    pub(super) fn hang_up(&mut self, now: Timestamp) {
        if let Some(media) = &mut self.media {
            media.bye(now, &mut self.outputs);
        }
        match self.stage {
            Stage::Ringing { .. } => self.reject(486),
            Stage::Calling | Stage::Answered => {
                self.send(sip::Command::Hangup { session: self.session, reason: None });
            }
        }
    }

    fn reject(&mut self, status: u16) {
        let session = self.session;
        self.send(sip::Command::Reject { session, status, reason: String::new(), headers: Vec::new() });
    }

    /// 101 to 199 on our INVITE; true when early media begins.
    pub(super) fn progress(
        &mut self,
        now: Timestamp,
        status: u16,
        body: Option<&Body>,
        random: &mut StdRng,
    ) -> bool {
        if !matches!(self.stage, Stage::Calling) {
            return false;
        }
        if status == 180 {
            self.set_phase(now, Phase::RingingThere);
        }
        let had_media = self.has_media();
        // A description that cannot be used matters only in the final answer.
        if let Some(body) = body
            && let Ok(negotiated) = self.description.accept(&body.bytes)
        {
            let _ = self.connect(now, negotiated, random);
        }
        self.has_media() && !had_media
    }

    /// 2xx on our INVITE.
    pub(super) fn answered(
        &mut self,
        now: Timestamp,
        body: Option<&Body>,
        random: &mut StdRng,
    ) -> Result<(), Words> {
        self.stage = Stage::Answered;
        self.state.answered_at = Some(now);
        let accepted = match body {
            Some(body) => self.accept(now, body, random),
            // RFC 3261 §13.2.1: the answer may have come in a provisional response.
            None if self.has_media() => Ok(()),
            None => Err("the answer names no media".into()),
        };
        self.show(now);
        accepted
    }

    /// An answer to an offer of ours.
    pub(super) fn accept(&mut self, now: Timestamp, body: &Body, random: &mut StdRng) -> Result<(), Words> {
        let negotiated = self.description.accept(&body.bytes).map_err(|error| error.to_string())?;
        self.connect(now, negotiated, random)?;
        self.show(now);
        Ok(())
    }

    fn connect(&mut self, now: Timestamp, negotiated: Negotiated, random: &mut StdRng) -> Result<(), Words> {
        self.state.codec = Some(negotiated.codec);
        match &mut self.media {
            Some(media) => media.update(negotiated),
            None => {
                self.media = Some(Media::new(now, negotiated, random)?);
                Ok(())
            }
        }
    }

    /// Hold or resume: a re-INVITE (RFC 3264 §8.4). The microphone is silent at once.
    pub(super) fn hold(&mut self, now: Timestamp, config: &EngineConfig, wanted: bool) {
        if !matches!(self.stage, Stage::Answered) || self.hold == wanted || self.transferring {
            return;
        }
        self.hold = wanted;
        let offer = self.description.offer(&self.local(config));
        self.send(sip::Command::Reinvite { session: self.session, body: Body::sdp(offer) });
        self.show(now);
    }

    fn local(&self, config: &EngineConfig) -> LocalMedia {
        let mut local = LocalMedia::new(config.media, &config.codecs);
        if self.hold {
            local.direction = MediaDirection::SendOnly;
        }
        local
    }

    /// Our re-INVITE was answered.
    pub(super) fn reinvited(
        &mut self,
        now: Timestamp,
        body: Option<&Body>,
        random: &mut StdRng,
    ) -> Result<(), Words> {
        match body {
            Some(body) => self.accept(now, body, random),
            None => Err("the far side answered without a description".into()),
        }
    }

    /// Our re-INVITE was refused: things are as they were. Says what had been wanted.
    pub(super) fn reinvite_failed(&mut self, now: Timestamp) -> Option<bool> {
        let wanted = self.hold;
        self.hold = !wanted;
        self.show(now);
        Some(wanted)
    }

    /// The far side offers again.
    pub(super) fn reoffer(
        &mut self,
        now: Timestamp,
        body: Option<&Body>,
        config: &EngineConfig,
        random: &mut StdRng,
    ) {
        let session = self.session;
        let answer = match body {
            None => Ok(self.description.offer(&self.local(config))),
            Some(body) => self.agree(now, body, config, random),
        };
        match answer {
            Ok(answer) => {
                self.send(sip::Command::Answer {
                    session,
                    headers: Vec::new(),
                    body: Some(Body::sdp(answer)),
                });
            }
            Err(status) => self.reject(status),
        }
        self.show(now);
    }

    /// The far side offers again before the answer.
    pub(super) fn early_offer(
        &mut self,
        now: Timestamp,
        body: &Body,
        config: &EngineConfig,
        random: &mut StdRng,
    ) {
        let answer = self.agree(now, body, config, random).ok().map(Body::sdp);
        self.send(sip::Command::AnswerEarly { session: self.session, body: answer });
        self.show(now);
    }

    /// Takes an offer: the answer to it, or the status to refuse it with.
    fn agree(
        &mut self,
        now: Timestamp,
        body: &Body,
        config: &EngineConfig,
        random: &mut StdRng,
    ) -> Result<String, u16> {
        let local = self.local(config);
        let (answer, negotiated) =
            self.description.answer(&body.bytes, &local).map_err(|error| error.status())?;
        self.connect(now, negotiated, random).map_err(|_| 500_u16)?;
        Ok(answer)
    }

    /// Blind transfer; false when it makes no sense now.
    pub(super) fn transfer(&mut self, now: Timestamp, refer_to: Uri, referred_by: Uri) -> bool {
        if !matches!(self.stage, Stage::Answered) || self.transferring {
            return false;
        }
        self.transferring = true;
        self.send(sip::Command::Refer { session: self.session, refer_to, referred_by: Some(referred_by) });
        self.show(now);
        true
    }

    pub(super) fn transfer_failed(&mut self, now: Timestamp) {
        self.transferring = false;
        self.show(now);
    }

    /// A key, as an event (RFC 4733), or by INFO where the far side has no events.
    pub(super) fn press(&mut self, key: char) {
        let Some(media) = self.media.as_mut().filter(|_| matches!(self.stage, Stage::Answered)) else {
            return;
        };
        if media.negotiated.telephone_event.is_some() {
            // More keys than a person presses are dropped by the sender.
            media.press(key);
        } else {
            let body = Body::new("application/dtmf-relay", format!("Signal={key}\r\nDuration=120\r\n"));
            self.send(sip::Command::Info { session: self.session, body });
        }
    }

    pub(super) fn receive(&mut self, now: Timestamp, from: SocketAddr, bytes: &[u8]) {
        if let Some(media) = &mut self.media {
            media.receive(now, from, bytes);
        }
    }

    /// Sends what the microphone brought; says what really went out.
    pub(super) fn speak(&mut self, now: Timestamp, mic: Frame) -> Frame {
        // Early media is the far side's; a held far side has its own music, from us it gets silence.
        let open = matches!(self.stage, Stage::Answered) && !self.hold && !self.state.muted;
        let frame = if open { mic } else { Frame::SILENCE };
        if let Some(media) = &mut self.media {
            media.speak(now, &frame, &mut self.outputs);
        }
        frame
    }

    /// The next 20 ms of the far side.
    pub(super) fn hear(&mut self, now: Timestamp) -> Frame {
        let frame = self.media.as_mut().map(|media| media.hear(now)).unwrap_or_default();
        if self.hold { Frame::SILENCE } else { frame }
    }

    /// What the media tells by itself.
    pub(super) fn drain(&mut self) {
        if let Some(media) = &mut self.media {
            while let Some(key) = media.poll_key() {
                self.outputs.push_back(Output::Event(PhoneEvent::KeyHeard(key)));
            }
        }
    }

    pub(super) fn measure(&mut self) {
        if let Some(media) = &mut self.media {
            self.state.quality = media.quality();
        }
    }

    /// The phase of an answered call.
    fn show(&mut self, now: Timestamp) {
        let by_peer = self.media.as_ref().is_some_and(|media| media.negotiated.hold);
        let phase = match self.stage {
            Stage::Ringing { .. } | Stage::Calling => return,
            Stage::Answered if self.transferring => Phase::Transferring,
            Stage::Answered if self.hold => Phase::Held,
            Stage::Answered if by_peer => Phase::HeldByPeer,
            Stage::Answered => Phase::Talking,
        };
        self.set_phase(now, phase);
    }

    fn set_phase(&mut self, now: Timestamp, phase: Phase) {
        if self.state.phase != phase {
            self.state.phase = phase;
            self.state.since = now;
        }
    }

    fn send(&mut self, command: sip::Command) {
        self.outputs.push_back(Output::Sip(command));
    }
}
