//! What the person wants: the only way from the window to the backend.

use shared::api::agents::WantedStatus;
use shared::id::{AgentId, CallId, QueueId, RecordingId};
use shared::model::call::SupervisionMode;
use shared::model::recording::Track;
use shared_desktop::driver::Credentials;
use shared_desktop::phone::DeviceChoice;
use shared_desktop::settings::Settings;

/// Everything that can be wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Sign in.
    SignIn(Credentials),
    /// Sign out.
    SignOut,
    /// Come into a call, or change how. The service then calls the console's own phone, which answers by itself.
    Supervise {
        /// Which call.
        call: CallId,
        /// How.
        mode: SupervisionMode,
    },
    /// Leave a call.
    EndSupervision(CallId),
    /// The own microphone off or on.
    Mute(bool),
    /// End a call.
    HangUp(CallId),
    /// Take a callback back.
    CancelCallback {
        /// Its queue.
        queue: QueueId,
        /// Which.
        callback: CallId,
        /// Why; kept with the own name.
        reason: String,
    },
    /// Change an agent's status.
    SetAgentStatus {
        /// Whose.
        agent: AgentId,
        /// Which.
        wanted: WantedStatus,
    },
    /// End an agent's wrap-up without a code.
    EndAgentWrapUp(AgentId),
    /// Ask why the call went to whom it went.
    LoadDecisions(CallId),
    /// Ask how long calls will wait in these queues.
    LoadExpectedWaits(Vec<QueueId>),
    /// Be told how this call sounds, or none any more.
    Watch(Option<CallId>),
    /// Ask for recordings, newest first.
    LoadRecordings {
        /// Only those in which these words were said.
        words: String,
        /// Only those before this one, for the next page.
        before: Option<RecordingId>,
    },
    /// Ask for a transcript.
    LoadTranscript(RecordingId),
    /// Ask for the day's figures.
    LoadDay,
    /// Hear a track of a recording, or all of them together.
    Play {
        /// Which recording.
        recording: RecordingId,
        /// Which tracks.
        tracks: Vec<Track>,
    },
    /// Stop hearing it.
    StopPlaying,
    /// Other sound devices.
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
