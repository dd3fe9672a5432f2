//! What the person wants: the only way from the window to the backend.

use shared::api::agents::{EndWrapUp, WantedStatus};
use shared::id::{CallId, QueueId};
use shared::model::event::TransferTarget;
use shared_desktop::driver::Credentials;
use shared_desktop::phone::DeviceChoice;
use shared_desktop::settings::Settings;

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
