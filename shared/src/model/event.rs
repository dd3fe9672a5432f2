//! Events: every fact of the floor, numbered. The journal is a list of them and everything else is a fold of it.

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, CallId, CampaignId, CodeId, LegId, OfferId, QueueId, RecordingId, TrunkId, UserId};
use crate::model::agent::{AgentInfo, ChangedBy, Device, Status};
use crate::model::call::{Direction, EndCause, OfferOutcome, Party, QueueExit, SupervisionMode};
use crate::model::callback::CallbackChange;
use crate::model::campaign::CampaignFact;
use crate::model::decision::{Decision, NonOffer};
use crate::model::queue::{Code, QueueInfo};
use crate::model::recording::TrackFile;
use crate::model::sound::Side;
use crate::model::trunk::{RouteRecord, TrunkInfo};
use crate::time::Timestamp;

pub use crate::model::call::TransferTarget;
pub use crate::model::configuration::ConfigurationSource;

pub use super::event_parts::{Stamped, WrapUpEnd};

/// Every fact. Closed: a fold lists them all.
#[expect(
    clippy::large_enum_variant,
    reason = "a queue's configuration is large and rare; events are moved, not stored"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Event {
    /// The service started. Calls and registrations of an earlier run are gone unless later events bring them back.
    ServiceStarted {
        /// Version of the program.
        version: String,
        /// Number of the configuration; grows with each change.
        config_version: u64,
    },
    /// A new day in the service's time zone: daily counts start at zero.
    DayStarted {
        /// The date, such as 2026-03-01.
        date: String,
    },
    /// The configuration was changed. What followed from it comes next; calls that wait keep the rules they came with.
    ConfigurationChanged {
        /// Its number from now on.
        version: u64,
        /// Who changed it; none for a file that was changed by hand.
        by: Option<UserId>,
        /// In which way.
        how: ConfigurationSource,
        /// SHA-256 of the file's text.
        hash: String,
        /// What is different now, in words; at most 100 lines, the last one says how many more there are.
        changes: Vec<String>,
        /// Sections that take effect with the next start.
        restart: Vec<String>,
    },
    /// Numbers were put on the list of those who are not to be called, or taken off it.
    DoNotCallChanged {
        /// Put on, in the form of the dial plan; at most 500 in one event.
        added: Vec<String>,
        /// Taken off.
        removed: Vec<String>,
        /// Who did it.
        by: UserId,
        /// Why.
        reason: String,
    },
    /// Something happened in a preview campaign.
    Campaign {
        /// Which.
        campaign: CampaignId,
        /// What.
        fact: Box<CampaignFact>,
    },
    /// A queue as configured from now on.
    QueueConfigured {
        /// The queue.
        queue: QueueInfo,
    },
    /// A queue is no more.
    QueueRemoved {
        /// Which.
        queue: QueueId,
    },
    /// An agent as configured from now on.
    AgentConfigured {
        /// The agent.
        agent: AgentInfo,
    },
    /// An agent is no more.
    AgentRemoved {
        /// Who.
        agent: AgentId,
    },
    /// The reasons for not being ready that agents choose from.
    BreaksConfigured {
        /// The reasons.
        codes: Vec<Code>,
    },
    /// An agent's status changed.
    AgentStatusChanged {
        /// Who.
        agent: AgentId,
        /// The status now.
        status: Status,
        /// Who changed it.
        by: ChangedBy,
        /// Since when he has had it, if that was before this fact: the service was started again in between.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// The status that takes effect when the agent is free; none when cancelled.
    AgentNextStatusSet {
        /// Who.
        agent: AgentId,
        /// The status to come.
        next: Option<Status>,
    },
    /// How the agent's phone is reached changed.
    AgentDeviceChanged {
        /// Who.
        agent: AgentId,
        /// The phone now.
        device: Device,
    },
    /// A trunk as configured from now on.
    TrunkConfigured {
        /// The trunk.
        trunk: TrunkInfo,
    },
    /// A trunk is no more.
    TrunkRemoved {
        /// Which.
        trunk: TrunkId,
    },
    /// A trunk works.
    TrunkUp {
        /// Which.
        trunk: TrunkId,
    },
    /// A trunk does not work.
    TrunkDown {
        /// Which.
        trunk: TrunkId,
        /// Why, in words.
        reason: String,
    },
    /// A person calls somebody: a number outside, or a colleague.
    CallPlaced {
        /// Its id.
        call: CallId,
        /// Who calls.
        by: UserId,
        /// Outbound or internal.
        direction: Direction,
        /// Who is called.
        to: Party,
        /// The colleague who is called.
        colleague: Option<AgentId>,
        /// The queue in whose name he calls: a talk counts as one of its own, with its wrap-up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<QueueId>,
    },
    /// Which trunks a number outside is to be tried over, and why.
    NumberRouted {
        /// The call.
        call: CallId,
        /// The decision.
        route: Box<RouteRecord>,
    },
    /// A number is tried over a trunk.
    TrunkTried {
        /// The call.
        call: CallId,
        /// The trunk.
        trunk: TrunkId,
        /// The number as it is sent there.
        number: String,
        /// 1 for the first.
        attempt: u32,
    },
    /// A trunk did not bring the call through.
    TrunkFailed {
        /// The call.
        call: CallId,
        /// The trunk.
        trunk: TrunkId,
        /// The SIP status, 408 for silence, 503 when it could not be reached.
        status: u16,
        /// The phrase.
        reason: String,
        /// Another trunk is tried.
        again: bool,
    },
    /// The one who was called, outside or a colleague, has answered.
    CallAnswered {
        /// The call.
        call: CallId,
        /// The trunk; none for a colleague.
        trunk: Option<TrunkId>,
        /// From dialling to the answer, in milliseconds.
        rang_millis: u64,
    },
    /// A person's part in a call that he placed himself is over, and the call goes on or ends.
    AgentLeft {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
        /// Talk time with hold, in milliseconds.
        talk_millis: u64,
        /// Hold time within it, in milliseconds.
        hold_millis: u64,
    },
    /// A call arrived.
    CallArrived {
        /// Its id.
        call: CallId,
        /// The customer.
        from: Party,
        /// What was dialled.
        dialled: String,
        /// The trunk.
        trunk: Option<TrunkId>,
    },
    /// A call entered a queue.
    CallQueued {
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueId,
        /// Priority in seconds of waiting.
        priority_secs: u32,
        /// Since when it counts as waiting (earlier than now after a transfer that keeps the place).
        since: Timestamp,
        /// Only this agent may take it (a transfer to an agent).
        only: Option<AgentId>,
    },
    /// A call left a queue.
    CallLeftQueue {
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueId,
        /// How.
        exit: QueueExit,
        /// Time in this queue in milliseconds.
        wait_millis: u64,
    },
    /// An agent's phone is rung for a call.
    OfferMade {
        /// The offer.
        offer: OfferId,
        /// The call.
        call: CallId,
        /// The queue.
        queue: QueueId,
        /// The agent.
        agent: AgentId,
        /// When it rings out.
        until: Timestamp,
        /// Why this agent.
        decision: Box<Decision>,
    },
    /// A call waits, or left, and no phone rings for it.
    CallNotOffered {
        /// The call.
        call: CallId,
        /// Why nobody.
        record: Box<NonOffer>,
    },
    /// An offer ended.
    OfferEnded {
        /// The offer.
        offer: OfferId,
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
        /// How.
        outcome: OfferOutcome,
        /// How long it rang, in milliseconds.
        rang_millis: u64,
    },
    /// Customer and agent talk.
    CallConnected {
        /// The call.
        call: CallId,
        /// The queue it came through.
        queue: QueueId,
        /// The agent.
        agent: AgentId,
        /// Time in the queue in milliseconds.
        wait_millis: u64,
        /// From the agent's answer to the open audio path, in milliseconds.
        setup_millis: u64,
    },
    /// The agent put the customer on hold.
    CallHeld {
        /// The call.
        call: CallId,
    },
    /// The customer is back from hold.
    CallResumed {
        /// The call.
        call: CallId,
    },
    /// The agent sent the call elsewhere; [`Event::AgentReleased`] and [`Event::CallQueued`] follow.
    CallTransferred {
        /// The call.
        call: CallId,
        /// Who sent it.
        by: AgentId,
        /// Where to.
        target: TransferTarget,
    },
    /// An agent joined this call with another one of his and left both: who was with him there is in this call now. The
    /// agent's own [`Event::AgentReleased`] or [`Event::AgentLeft`] stands before it, the end of the other call follows.
    CallJoined {
        /// The call that goes on.
        call: CallId,
        /// The call that ends for it.
        other: CallId,
        /// Who joined them.
        by: AgentId,
        /// Who came in, as shown.
        party: Party,
        /// Who came in, when he is one of ours.
        agent: Option<AgentId>,
        /// The queue that he has the call for: release and wrap-up follow as after [`Event::CallConnected`]. None when it
        /// is a call like one that he placed.
        queue: Option<QueueId>,
    },
    /// The agent's part in a call is over (hang-up, transfer, take over).
    AgentReleased {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
        /// Talk time with hold, in milliseconds.
        talk_millis: u64,
        /// Hold time within it, in milliseconds.
        hold_millis: u64,
    },
    /// The agent is in wrap-up.
    WrapUpStarted {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
        /// The queue whose codes are to choose from.
        queue: QueueId,
        /// When it ends by itself; none when only the agent ends it.
        until: Option<Timestamp>,
    },
    /// The agent took more time for wrap-up.
    WrapUpExtended {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
        /// When it ends by itself now.
        until: Timestamp,
    },
    /// The agent gave a code to his last call, which had no wrap-up of its own.
    CallCoded {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
        /// The code.
        code: Option<CodeId>,
        /// A note by the agent.
        note: Option<String>,
    },
    /// Wrap-up is over.
    WrapUpEnded {
        /// The call.
        call: CallId,
        /// The agent.
        agent: AgentId,
        /// The code; none when no code was chosen.
        code: Option<CodeId>,
        /// A note by the agent.
        note: Option<String>,
        /// How it ended.
        how: WrapUpEnd,
        /// How long it lasted, in milliseconds.
        wrap_up_millis: u64,
    },
    /// A supervisor came in, or changed how he takes part.
    SupervisionChanged {
        /// The call.
        call: CallId,
        /// Who.
        supervisor: UserId,
        /// How from now on.
        mode: SupervisionMode,
    },
    /// A supervisor left.
    SupervisionEnded {
        /// The call.
        call: CallId,
        /// Who.
        supervisor: UserId,
    },
    /// Nothing arrives from a phone although it should be heard, while another one of the call is heard. Told within 3 s. A
    /// phone that sends nothing while it is muted, and does not say so, looks the same.
    AudioLost {
        /// The call.
        call: CallId,
        /// The leg.
        leg: LegId,
        /// Whose.
        side: Side,
        /// Since when.
        since: Timestamp,
    },
    /// Something arrives from it again, or nothing is expected any more (it is held, it has left).
    AudioBack {
        /// The call.
        call: CallId,
        /// The leg.
        leg: LegId,
    },
    /// A call is over.
    CallEnded {
        /// The call.
        call: CallId,
        /// Why.
        cause: EndCause,
    },
    /// Recording began.
    RecordingStarted {
        /// The recording.
        recording: RecordingId,
        /// The call.
        call: CallId,
    },
    /// A recording is sealed.
    RecordingSealed {
        /// The recording.
        recording: RecordingId,
        /// The call.
        call: CallId,
        /// Length in milliseconds.
        duration_millis: u64,
        /// The tracks with their hashes.
        tracks: Vec<TrackFile>,
        /// Frames of 20 ms that were dropped and filled with silence.
        dropped_frames: u64,
        /// Repaired after a crash.
        recovered: bool,
    },
    /// Something happened to a callback.
    Callback {
        /// Its id.
        callback: CallId,
        /// The queue.
        queue: QueueId,
        /// What happened.
        change: CallbackChange,
    },
    /// A recording waits for transcription, with the reason when it cannot start.
    TranscriptWaiting {
        /// The recording.
        recording: RecordingId,
        /// The call.
        call: CallId,
        /// Why it waits.
        reason: String,
    },
    /// A transcript is there.
    TranscriptReady {
        /// The recording.
        recording: RecordingId,
        /// The call.
        call: CallId,
        /// How many utterances.
        segments: u32,
        /// The model's name.
        model: String,
    },
    /// A transcription failed for good.
    TranscriptFailed {
        /// The recording.
        recording: RecordingId,
        /// The call.
        call: CallId,
        /// Why.
        reason: String,
    },
}
