//! Why a request of a person does not fit a call.

/// Why a request does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Needs an agent on the call.
    #[error("no agent talks on this call")]
    NotTalking,
    /// Hold of a call that is held.
    #[error("the customer is already on hold")]
    AlreadyHeld,
    /// Resume of a call that is not held.
    #[error("the customer is not on hold")]
    NotHeld,
    /// The call is about to end.
    #[error("the call is ending")]
    Ending,
    /// The supervisor is not in the call.
    #[error("this supervisor is not in the call")]
    NotSupervising,
    /// Too many parties.
    #[error("the call has no place for another supervisor")]
    Full,
    /// A call that a person placed came through no queue.
    #[error("the call came through no queue; send it to a queue or a number")]
    NoQueue,
    /// Nobody waits in it yet, and no agent has it.
    #[error("the call is a callback that no agent has answered; cancel the callback")]
    CallsBack,
    /// Another supervisor has it.
    #[error("another supervisor has taken this call over")]
    TakenOver,
    /// The phone that was rung before has not answered yet.
    #[error("the supervisor's phone is still ringing")]
    Ringing,
}
