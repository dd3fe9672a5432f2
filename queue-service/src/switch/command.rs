//! What the API may ask of the switch, and how.

use std::net::IpAddr;

use shared::api::agents::WantedStatus;
use shared::api::defence::DefenceReport;
use shared::api::error::{ApiError, ErrorCode};
use shared::api::queues::ExpectedWaitReport;
use shared::api::session::DeviceAccount;
use shared::api::trunks::TrunkReport;
use shared::id::{AgentId, CallId, CodeId, QueueId, UserId};
use shared::model::agent::ChangedBy;
use shared::model::call::{Party, Supervision, SupervisionMode};
use shared::model::decision::NonOffer;
use shared::model::event::TransferTarget;
use shared::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::configure::Reconfigure;

/// A command. Rights are checked before it gets here; whether it fits the state of things is decided by the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// An agent's status is to change.
    SetStatus {
        /// Who.
        agent: AgentId,
        /// What is asked for.
        wanted: WantedStatus,
        /// Who asks.
        by: ChangedBy,
    },
    /// Wrap-up is over.
    EndWrapUp {
        /// Whose.
        agent: AgentId,
        /// The code.
        code: Option<CodeId>,
        /// The note.
        note: Option<String>,
        /// Who asks.
        by: ChangedBy,
    },
    /// How long a call that came now would wait.
    ExpectedWait {
        /// In which queue.
        queue: QueueId,
    },
    /// Why a call waits and no phone rings for it.
    WhyNobody {
        /// The call.
        call: CallId,
    },
    /// More time for wrap-up.
    ExtendWrapUp {
        /// Whose.
        agent: AgentId,
    },
    /// The customer goes on hold, or comes back.
    SetHold {
        /// The call.
        call: CallId,
        /// On hold.
        held: bool,
    },
    /// The call ends for everybody.
    Hangup {
        /// The call.
        call: CallId,
        /// Who asks.
        by: UserId,
    },
    /// The service is to call a number for a person: his own phone rings first. Answered by [`Reply::Placed`] as soon as
    /// it does; how it goes on stands in the events of that call.
    PlaceCall {
        /// For whom.
        by: UserId,
        /// The number, as dialled.
        number: String,
        /// The queue in whose name: its number is shown, its rules hold for recording and wrap-up.
        queue: Option<QueueId>,
    },
    /// Somebody is to be called back when it is his turn. Answered by [`Reply::Callback`].
    BookCallback {
        /// In which queue.
        queue: QueueId,
        /// Whom to call.
        to: Party,
        /// Who asks.
        by: UserId,
    },
    /// A callback is taken back.
    CancelCallback {
        /// Which.
        callback: CallId,
        /// Who asks.
        by: UserId,
        /// Why.
        reason: String,
    },
    /// The call goes elsewhere.
    Transfer {
        /// The call.
        call: CallId,
        /// Where to.
        target: TransferTarget,
        /// Who asks.
        by: UserId,
    },
    /// A supervisor comes in (his phone is rung and answers by itself), or changes how.
    Supervise {
        /// The call.
        call: CallId,
        /// Who.
        supervisor: UserId,
        /// How.
        mode: SupervisionMode,
    },
    /// A supervisor leaves.
    EndSupervision {
        /// The call.
        call: CallId,
        /// Who.
        supervisor: UserId,
    },
    /// How the trunks are.
    Trunks,
    /// An app wants a SIP account for its own phone.
    OpenDevice {
        /// Whose app.
        user: UserId,
    },
    /// A person signed in: an agent becomes not ready (signed in) when he was offline.
    SignedIn {
        /// Who.
        user: UserId,
    },
    /// A person signed out, or his last token expired: an agent goes offline, his app's SIP account is closed.
    SignedOut {
        /// Who.
        user: UserId,
    },
    /// The last live feed of a person's app is gone (false) or one is there again (true).
    FeedPresence {
        /// Who.
        user: UserId,
        /// A feed is connected.
        connected: bool,
    },
    /// Another configuration is in force.
    Configure(Reconfigure),
    /// What is kept out of signalling.
    Defence,
    /// A source is to be read from again.
    LiftBan {
        /// Which.
        source: IpAddr,
        /// Who asks.
        by: UserId,
    },
}

/// What a command brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Carried out.
    Done,
    /// The call that was placed.
    Placed(CallId),
    /// The callback that is open for the number now.
    Callback(CallId),
    /// The supervision as it is now.
    Supervision(Supervision),
    /// The SIP account.
    Device(DeviceAccount),
    /// The trunks, in the order of the configuration.
    Trunks(Vec<TrunkReport>),
    /// Bans and counts.
    Defence(DefenceReport),
    /// The wait of a queue.
    ExpectedWait(ExpectedWaitReport),
    /// Why a call is offered to nobody now, with the time; none when it does not wait or a phone rings.
    NonOffer(Option<(Timestamp, Box<NonOffer>)>),
}

/// A command with the way back.
#[derive(Debug)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Reply, ApiError>>,
}

/// The API's end of the switch. Its inbox holds 1,024 commands; a full inbox makes callers wait.
#[derive(Debug, Clone)]
pub struct SwitchHandle {
    inbox: mpsc::Sender<Request>,
}

impl SwitchHandle {
    /// A handle and the inbox that the switch reads.
    pub fn channel() -> (SwitchHandle, mpsc::Receiver<Request>) {
        let (inbox, requests) = mpsc::channel(1024);
        (SwitchHandle { inbox }, requests)
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// What the switch answers ([`ErrorCode::Conflict`], [`ErrorCode::NotFound`] …), or
    /// [`ErrorCode::Unavailable`] while the service stops.
    pub async fn ask(&self, command: Command) -> Result<Reply, ApiError> {
        let stopping = || {
            ApiError::new(
                ErrorCode::Unavailable,
                "The service is stopping",
                "the call switch takes no more commands",
                "Try again when the service is back.",
            )
        };
        let (reply, answer) = oneshot::channel();
        self.inbox.send(Request { command, reply }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}
