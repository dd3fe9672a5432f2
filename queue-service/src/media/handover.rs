//! The change of a listener between relay and mix.
//!
//! ```text
//! relay ──► INTO_MIX: ahead of the jitter buffer, falls back to it ──► mix
//!   ▲                                                                   │
//!   └────── drained ◄── INTO_RELAY: behind the packets, catches up ◄────┘
//! ```
//! What is relayed is ahead of what is mixed by the depth of the jitter buffer. So the listener gets ears of his own for
//! that one speaker ([`Receiver::fork`]), which go on where he is and come to where he will be by playing a little slower
//! or faster: nothing is heard twice, nothing is left out, and the others notice nothing. It takes some hundred
//! milliseconds, in which the speaker's packets go into these ears instead of being sent on.

use shared::audio::{FRAME_SAMPLES, Frame, fade};
use shared::rtp::packet::Packet;
use shared::rtp::receiver::Receiver;
use shared::time::Timestamp;

/// This close (5 ms) two versions of the same sound are blended.
const NEAR_SAMPLES: i64 = 80;
/// Samples of a frame.
const A_FRAME: i64 = FRAME_SAMPLES as i64;
/// After this long (2 s) the change is made however far apart they are.
pub(super) const MOST_FRAMES: u32 = 100;

/// Where a listener goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// He got the packets, and will get the mix.
    IntoMix,
    /// He got the mix, and will get the packets.
    IntoRelay,
}

/// A listener on his way.
#[derive(Debug)]
pub(super) struct Handover {
    /// The slot of the one he hears.
    pub(super) speaker: usize,
    pub(super) way: Way,
    /// The change can be made.
    pub(super) is_done: bool,
    /// The listener has heard the speaker up to now.
    goes_on: bool,
    receiver: Box<Receiver>,
    frames: u32,
}

impl Handover {
    /// From the packets of `speaker` to the mix, with what the encoder has to know of the sound before; none when there is
    /// no sound to go on with.
    pub(super) fn into_mix(speaker: usize, ears: &Receiver) -> Option<(Handover, Vec<i16>)> {
        let mut receiver = fork(ears)?;
        let past = receiver.run_ahead();
        let way = Way::IntoMix;
        Some((Handover { speaker, way, is_done: false, goes_on: true, receiver, frames: 0 }, past))
    }

    /// From the mix to the packets of `speaker`, whom the listener has heard in the mix when it `goes_on`; none when nothing
    /// of them waits.
    pub(super) fn into_relay(speaker: usize, ears: &Receiver, goes_on: bool) -> Option<Handover> {
        if ears.is_drained() {
            return None;
        }
        Some(Handover {
            speaker,
            way: Way::IntoRelay,
            is_done: false,
            goes_on,
            receiver: fork(ears)?,
            frames: 0,
        })
    }

    /// The plan has changed again: the same ears go the other way.
    pub(super) fn turn(&mut self, way: Way) {
        if self.way != way {
            (self.way, self.is_done) = (way, false);
            // They have begun: the sound goes on from theirs.
            self.frames = 1;
        }
    }

    /// Nothing is to be sent for the first frame when what was relayed last `covers` its beginning: what follows it has not
    /// come yet.
    pub(super) fn rests(&mut self, covers: bool) -> bool {
        let rests = covers && self.way == Way::IntoMix && self.frames == 0;
        self.frames += u32::from(rests);
        rests
    }

    /// The speaker has agreed on something else meanwhile: so do the ears for him.
    pub(super) fn follow(&mut self, ears: &Receiver) {
        if let Err(error) = self.receiver.follow(ears) {
            tracing::warn!(%error, "a change between relay and mix is not smooth");
        }
    }

    /// Takes a packet of the speaker.
    pub(super) fn receive(&mut self, now: Timestamp, packet: &Packet<'_>) {
        self.receiver.receive(now, packet);
    }

    /// Writes what the listener hears of the speaker. `mixed` is what the others hear of him now, and `ears` where it
    /// comes from; both are none when he has gone.
    pub(super) fn frame(
        &mut self,
        now: Timestamp,
        ears: Option<&Receiver>,
        mixed: Option<&Frame>,
        frame: &mut Frame,
    ) {
        let mixed = mixed.unwrap_or(&Frame::SILENCE);
        let is_late = self.frames > MOST_FRAMES;
        match self.way {
            Way::IntoMix => {
                let lead = |receiver: &Receiver| ears.and_then(|ears| receiver.lead_samples(ears));
                // The mix may be ahead, too: its jitter buffer is short, and the relay has covered a frame more. The mix has
                // this frame already.
                let is_behind =
                    lead(&self.receiver).is_some_and(|lead| lead.saturating_add(A_FRAME) < -NEAR_SAMPLES);
                if is_behind {
                    self.receiver.pull_closer(now, frame);
                } else {
                    self.receiver.pull_slower(now, frame);
                }
                // Who is behind and has nothing to catch up with, because the packets are of another codec now, goes there.
                let is_near = lead(&self.receiver).is_none_or(|lead| {
                    lead <= NEAR_SAMPLES && (lead >= -NEAR_SAMPLES || self.receiver.is_drained())
                });
                if is_near || is_late {
                    let ours = *frame;
                    *frame = *mixed;
                    fade::blend(&ours, frame);
                    self.is_done = true;
                }
            }
            Way::IntoRelay => {
                self.receiver.pull_faster(now, frame);
                if self.frames == 0 {
                    // The same sound from fresh decoders, or the first that he hears of it.
                    fade::blend(if self.goes_on { mixed } else { &Frame::SILENCE }, frame);
                }
                self.is_done = self.receiver.is_drained() || is_late;
            }
        }
        self.frames += 1;
    }

    /// Lets 20 ms pass that the worker was too late for.
    pub(super) fn miss_frame(&mut self, now: Timestamp) {
        self.receiver.skip(now);
    }

    /// The last 10 ms for a listener who shall not hear the speaker any more.
    pub(super) fn farewell(mut self) -> Frame {
        let mut frame = Frame::SILENCE;
        // Nothing begins now, and what plays does not look at the time.
        self.receiver.pull(Timestamp::EPOCH, &mut frame);
        fade::out(&mut frame);
        frame
    }
}

/// The last 10 ms of a speaker who was in the mix and has gone.
pub(super) fn farewell(ears: &Receiver) -> Option<Frame> {
    Some(Handover::into_relay(0, ears, true)?.farewell())
}

fn fork(ears: &Receiver) -> Option<Box<Receiver>> {
    match ears.fork() {
        Ok(receiver) => Some(Box::new(receiver)),
        Err(error) => {
            tracing::warn!(%error, "a change between relay and mix is not smooth");
            None
        }
    }
}
