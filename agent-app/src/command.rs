//! What the person wants: the only way from the window to the backend.

use shared::api::agents::{EndWrapUp, WantedStatus};
use shared::id::{CallId, CampaignId, QueueId};
use shared::model::campaign::Outcome;
use shared::model::event::TransferTarget;
use shared_desktop::driver::Credentials;
use shared_desktop::phone::DeviceChoice;
use shared_desktop::settings::Settings;

use crate::preview::Wanted;

/// Everything that can be wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Sign in.
    SignIn(Credentials),
    /// Sign out; a call ends.
    SignOut,
    /// Change one's status; while busy it becomes the next status.
    SetStatus(WantedStatus),
    /// Take the call that rings.
    Answer,
    /// Refuse it.
    Reject,
    /// End the call: on one's own phone, or through the service when the call is on another phone.
    HangUp(Option<CallId>),
    /// Put the customer on hold: through the service, or by the phone alone while the service is away.
    Hold(Option<CallId>),
    /// Back from hold, in the same way.
    Resume(Option<CallId>),
    /// Microphone off or on.
    Mute(bool),
    /// Press a key of the telephone.
    Key(char),
    /// Send the call on.
    Transfer {
        /// Which call.
        call: CallId,
        /// Where to.
        target: TransferTarget,
    },
    /// Call a number.
    Dial {
        /// As it was typed.
        number: String,
        /// In the name of this queue; none for one's own.
        queue: Option<QueueId>,
    },
    /// Work on a campaign.
    Contact(ContactCommand),
    /// End wrap-up with a code and a note.
    EndWrapUp(EndWrapUp),
    /// More time for wrap-up.
    ExtendWrapUp,
    /// Other sound devices, also during a call.
    UseDevices(DeviceChoice),
    /// Look for devices again.
    RefreshDevices,
    /// Hear a beep on the ring device.
    TestRing,
    /// Ring aloud, or only show it.
    RingAloud(bool),
    /// Keep the settings.
    Save(Settings),
    /// End the program: sign out and stop.
    Quit,
}

/// Work on a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactCommand {
    /// The next contact to look at.
    Next(CampaignId),
    /// Call it; the own phone answers by itself.
    Call {
        /// Of this campaign.
        campaign: CampaignId,
        /// Its number in the list.
        contact: u32,
    },
    /// Not this one.
    Skip {
        /// Of this campaign.
        campaign: CampaignId,
        /// Its number in the list.
        contact: u32,
    },
    /// What came of the call.
    Outcome {
        /// Of this campaign.
        campaign: CampaignId,
        /// Its number in the list.
        contact: u32,
        /// What.
        outcome: Outcome,
        /// What the next colleague should know.
        note: Option<String>,
    },
}

impl ContactCommand {
    /// The campaign that it is about.
    pub fn campaign(&self) -> &CampaignId {
        match self {
            ContactCommand::Next(campaign)
            | ContactCommand::Call { campaign, .. }
            | ContactCommand::Skip { campaign, .. }
            | ContactCommand::Outcome { campaign, .. } => campaign,
        }
    }

    /// What its answer is about.
    pub fn wanted(&self) -> Wanted {
        match self {
            ContactCommand::Next(_) => Wanted::Next,
            ContactCommand::Call { .. } => Wanted::Call,
            ContactCommand::Skip { .. } | ContactCommand::Outcome { .. } => Wanted::End,
        }
    }
}
