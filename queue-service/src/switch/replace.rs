//! A caller who takes the place of a leg that talks: the second half of an attended transfer (RFC 3891).

use rand::Rng;
use shared::sdp::crypto::Encryption;
use shared::sdp::{LocalDescription, LocalMedia};
use shared::sip::{Body, Command, SessionId};

use super::Switch;
use super::entry::LegState;

impl Switch {
    /// Puts a new session into the leg of an old one: port, bridge and call stay as they are. The caller has been let
    /// in; that he knows both tags of the old dialog shows that one of its parties told him.
    pub(super) fn replace(
        &mut self,
        new: SessionId,
        old: SessionId,
        offer: Option<&Body>,
        encryption: Encryption,
    ) {
        let place = self.sessions.get(&old).copied();
        let number = self.random.next_u64();
        let known = place.and_then(|(call, leg)| self.calls.get_mut(&call)?.legs.get_mut(&leg));
        // A phone that rings belongs to the agent it was offered to: nobody else picks up (RFC 3891 §3, 603).
        let (Some((call, leg)), Some(known)) = (place, known.filter(|known| known.state == LegState::Up))
        else {
            self.refuse(new, 603, Vec::new());
            return;
        };
        let mut description = LocalDescription::new(number);
        // The one who was replaced knows the keys so far.
        let local = LocalMedia { encryption, ..known.local.clone() };
        let answer = match offer {
            Some(body) if body.is("application/sdp") => {
                description.answer(&body.bytes, &local).map(|(text, talk)| (text, Some(talk)))
            }
            Some(_) => {
                self.refuse(new, 415, Vec::new());
                return;
            }
            None => Ok((description.offer(&local), None)),
        };
        let (text, negotiated) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::info!(%call, %error, "the offer of a replacing caller was refused");
                self.refuse(new, error.status(), Vec::new());
                return;
            }
        };
        tracing::info!(%call, %leg, "a leg was replaced");
        known.session = new;
        known.description = description;
        known.local = local;
        self.sessions.remove(&old);
        self.sessions.insert(new, (call, leg));
        self.hold_of(call, leg, negotiated.as_ref().is_some_and(|talk| talk.hold));
        if let Some(negotiated) = negotiated {
            self.connect(call, leg, negotiated);
        }
        self.sip(Command::Answer { session: new, headers: Vec::new(), body: Some(Body::sdp(text)) });
        self.sip(Command::Hangup { session: old, reason: None });
    }
}
