//! What goes into and comes out of a call machine.

use serde::{Deserialize, Serialize};
use shared::audio::mixer::{Party as Place, Role};
use shared::id::{AgentId, CallId, LegId, OfferId, QueueId, TrunkId, UserId};
use shared::model::call::{OfferOutcome, Party, QueueExit, Supervision, SupervisionMode};
use shared::model::callback::NotReached;
use shared::model::event::{Event, TransferTarget};
use shared::model::queue::{Destination, QueueInfo};
use shared::time::Timestamp;

pub use super::refusal::Refusal;

/// A call that arrives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// Its id.
    pub call: CallId,
    /// The customer's leg.
    pub customer: LegId,
    /// Who calls.
    pub from: Party,
    /// What was dialled.
    pub dialled: String,
    /// The trunk.
    pub trunk: Option<TrunkId>,
    /// The queue that the number leads to; none when there is no such number.
    pub queue: Option<QueueId>,
}

/// How a leg ended that had been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegEnd {
    /// The party hung up.
    HungUp,
    /// The party vanished: no answer to signalling, no media, a broken connection.
    Lost,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The ACD took the call into a queue.
    Queued {
        /// The queue as it is now; kept with the call, so that an edit never alters a call that waits.
        queue: Box<QueueInfo>,
        /// Since when it counts as waiting.
        since: Timestamp,
    },
    /// The ACD sends the call away.
    Redirected {
        /// How it left, or did not enter, the queue.
        exit: QueueExit,
        /// Where to.
        to: Destination,
    },
    /// The caller will be called back; the queue has let him go.
    CallbackTaken,
    /// The caller cannot be called back: he waits on.
    CallbackRefused,
    /// The ACD puts a callback off, or it is over.
    PutOff,
    /// A key was pressed.
    Key {
        /// By whom.
        leg: LegId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        key: char,
    },
    /// What can be told of the caller's place in the queue: files of the prompts folder; empty when nothing is known.
    Place {
        /// In the order of the sentence.
        files: Vec<String>,
    },
    /// The ACD wants this agent's phone to ring.
    Ring {
        /// The offer.
        offer: OfferId,
        /// The agent.
        agent: AgentId,
        /// The leg to use.
        leg: LegId,
        /// How long the call has waited.
        waited_millis: u64,
    },
    /// The ACD takes the offer back.
    CancelRing {
        /// The offer.
        offer: OfferId,
    },
    /// The claim was granted: the agent has the call.
    Won {
        /// The offer.
        offer: OfferId,
        /// Time in the queue.
        wait_millis: u64,
        /// When the agent's phone answered.
        answered_at: Timestamp,
    },
    /// The claim came too late.
    LostRace {
        /// The offer.
        offer: OfferId,
    },
    /// A leg that we called answered.
    LegAnswered {
        /// Which.
        leg: LegId,
    },
    /// A leg that we called did not answer.
    LegFailed {
        /// Which.
        leg: LegId,
        /// The SIP status, 408 for silence.
        status: u16,
    },
    /// A number outside, or a colleague, rings or is heard before it answers.
    DialProgress {
        /// Which leg.
        leg: LegId,
        /// 101 to 199.
        status: u16,
        /// Its voice can be heard already.
        media: bool,
    },
    /// A number outside answered.
    DialAnswered {
        /// Which leg.
        leg: LegId,
        /// Over which trunk.
        trunk: TrunkId,
    },
    /// A number outside could not be brought to answer, over any trunk.
    DialFailed {
        /// Which leg.
        leg: LegId,
        /// The status for the caller.
        status: u16,
        /// The Q.850 cause.
        cause: u8,
    },
    /// An answered leg ended.
    LegEnded {
        /// Which.
        leg: LegId,
        /// How.
        how: LegEnd,
    },
    /// A phone put us on hold (true) or came back (false) by its own key.
    LegHold {
        /// Which.
        leg: LegId,
        /// On hold.
        held: bool,
    },
    /// A phone asked by REFER for a blind transfer.
    LegRefer {
        /// Which.
        leg: LegId,
        /// Where to, or the SIP status when the address leads nowhere or to where nobody may be sent.
        target: Result<TransferTarget, u16>,
    },
    /// A prompt has been played to its end.
    PlayDone {
        /// To which leg.
        leg: LegId,
        /// Its number.
        play: u64,
    },
    /// The service stops: the call ends.
    Shutdown,
    /// A deadline passed.
    Tick,
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The customer goes on hold, or comes back.
    SetHold {
        /// On hold.
        held: bool,
    },
    /// The call ends.
    Hangup {
        /// Who asks.
        by: UserId,
    },
    /// The call goes elsewhere.
    Transfer {
        /// Where to.
        target: TransferTarget,
        /// Who asks.
        by: UserId,
    },
    /// A supervisor comes in or changes how.
    Supervise {
        /// Who.
        supervisor: UserId,
        /// How.
        mode: SupervisionMode,
        /// The leg to use when his phone has to be rung.
        leg: LegId,
    },
    /// A supervisor leaves.
    EndSupervision {
        /// Who.
        supervisor: UserId,
    },
}

/// What a granted request brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// Done.
    Now,
    /// Done; the supervision as it is.
    Supervision(Supervision),
    /// A phone rings; [`Output::SupervisionAnswer`] follows.
    Later,
}

/// What is played to a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sound {
    /// A prompt file, once.
    Prompt(String),
    /// Several prompt files, one after the other, once.
    Parts(Vec<String>),
    /// A music file, or the built-in music, over and over.
    Music(Option<String>),
    /// The tone of a phone that rings, over and over.
    Ringback,
    /// Some seconds of the tone of a phone that is engaged.
    Busy,
    /// Some seconds of the tone that says that there is no way through.
    Congestion,
    /// Two beeps: what was asked for will be done.
    Confirmed,
    /// A short tone: what was asked for cannot be done.
    Refused,
}

/// What the ACD is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcdAsk {
    /// The call wants into a queue.
    Enqueue {
        /// Which.
        queue: QueueId,
        /// Since when it counts as waiting.
        since: Timestamp,
        /// Only for this agent.
        only: Option<AgentId>,
    },
    /// The caller is gone.
    CallerGone,
    /// A supervisor takes the call out of its queue.
    Withdraw,
    /// The caller leaves the queue by a key.
    LeaveFor {
        /// Where to.
        to: Destination,
    },
    /// The caller wants to be called back.
    AskCallback {
        /// As the network presented him.
        to: Party,
    },
    /// The customer of a callback answered.
    CallbackReached,
    /// The customer of a callback was not reached.
    CallbackFailed {
        /// Why.
        outcome: NotReached,
    },
    /// The agent's phone answered: who has the call?
    Claim {
        /// The offer.
        offer: OfferId,
    },
    /// The agent's phone did not take the offer.
    OfferFailed {
        /// The offer.
        offer: OfferId,
        /// How.
        outcome: OfferOutcome,
    },
    /// The agent's part is over.
    Released {
        /// The agent.
        agent: AgentId,
        /// The queue.
        queue: QueueId,
        /// Wrap-up follows (not when the phone was lost).
        wrap_up: bool,
    },
    /// The agent has the call for a queue, and no offer brought it: a colleague joined it with the one they had.
    Taken {
        /// The agent.
        agent: AgentId,
    },
    /// An agent is on a call that he or a colleague placed.
    OwnCall {
        /// The agent.
        agent: AgentId,
    },
    /// He is not any more.
    OwnCallOver {
        /// The agent.
        agent: AgentId,
    },
    /// The customer went on hold or came back.
    Hold {
        /// The agent.
        agent: AgentId,
        /// On hold.
        held: bool,
    },
}

/// What the machine wants done, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A fact.
    Publish(Event),
    /// Something for the ACD.
    Acd(AcdAsk),
    /// Answer the customer's leg.
    Answer {
        /// Which.
        leg: LegId,
    },
    /// Refuse the customer's leg.
    Reject {
        /// Which.
        leg: LegId,
        /// With this SIP status.
        status: u16,
    },
    /// Refuse the leg of a person who placed a call.
    Fail {
        /// Which.
        leg: LegId,
        /// With this SIP status.
        status: u16,
        /// And this Q.850 cause.
        cause: u8,
    },
    /// Tell the leg of a person who placed a call that it rings.
    Progress {
        /// Which.
        leg: LegId,
        /// 101 to 199.
        status: u16,
        /// With the answer to his offer: he is to hear the far side.
        media: bool,
    },
    /// Call a number outside, over the trunks that are there for it.
    Dial {
        /// The leg to make.
        leg: LegId,
        /// The number, as dialled.
        number: String,
        /// Who dials; none for a call that is sent on, and while nobody is on it.
        by: Option<UserId>,
        /// The place of the one who is called: the customer's, or an agent's when a customer is sent to him.
        role: Role,
        /// The queue that the call came through.
        queue: Option<QueueId>,
    },
    /// Ring the phone of a person for whom the service places a call.
    RingOwn {
        /// The leg to make.
        leg: LegId,
        /// Whose phone.
        user: UserId,
        /// Whom the call is for, as shown.
        to: Party,
        /// The queue in whose name.
        queue: Option<QueueId>,
    },
    /// The Q.850 cause with which this call's other legs end.
    Cause {
        /// The cause.
        cause: u8,
    },
    /// Ring a colleague's phone.
    RingColleague {
        /// The leg to make.
        leg: LegId,
        /// Whose phone.
        agent: AgentId,
        /// Who calls.
        by: UserId,
    },
    /// Ring an agent's phone.
    RingAgent {
        /// The leg to make.
        leg: LegId,
        /// Whose phone.
        agent: AgentId,
        /// The offer.
        offer: OfferId,
        /// The queue's id.
        queue: QueueId,
        /// The queue's name.
        queue_name: String,
        /// The customer is called when he has answered.
        calls_back: bool,
        /// How long the call has waited.
        waited_millis: u64,
    },
    /// Ring a supervisor's phone, which answers by itself.
    RingSupervisor {
        /// The leg to make.
        leg: LegId,
        /// Whose phone.
        supervisor: UserId,
        /// How he takes part.
        mode: SupervisionMode,
    },
    /// End a leg, whatever its state, and close its port.
    Drop {
        /// Which.
        leg: LegId,
        /// Another phone answered (for the Reason header of CANCEL, RFC 3326).
        elsewhere: bool,
    },
    /// Answer a REFER, and report its outcome when it is carried out.
    AnswerRefer {
        /// Which leg asked.
        leg: LegId,
        /// 202, or the SIP status of the refusal.
        status: u16,
    },
    /// Who is in the bridge, and as what. The hear matrix follows from it.
    Hear {
        /// The parties.
        parties: Vec<(LegId, Place)>,
    },
    /// Play to a leg, in place of what plays.
    Play {
        /// To which leg.
        leg: LegId,
        /// What.
        sound: Sound,
        /// Comes back in [`Input::PlayDone`].
        play: u64,
    },
    /// The caller is to be told his place and his wait: [`Input::Place`] answers.
    AskPlace {
        /// The queue as it was when the call entered it.
        queue: Box<QueueInfo>,
    },
    /// Stop what plays.
    StopPlay {
        /// To which leg.
        leg: LegId,
    },
    /// Start the recording.
    Record,
    /// End the recording, before anything else that the end of the call brings.
    StopRecord,
    /// The outcome of a [`Granted::Later`].
    SupervisionAnswer {
        /// Who asked.
        supervisor: UserId,
        /// He is in, or the SIP status with which his phone refused.
        result: Result<Supervision, u16>,
    },
    /// The call is over: close the bridge, seal the recording, forget the machine.
    Finished,
}
