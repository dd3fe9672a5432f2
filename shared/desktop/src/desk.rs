//! What both apps know of the world, as plain data: who is signed in, the link to the service, the live floor, the
//! phone. One owner, one `apply`; the screens only read it.

use shared::api::error::ApiError;
use shared::id::{AgentId, CodeId, QueueId};
use shared::model::call::{LiveCall, Phase};
use shared::model::floor::Floor;
use shared::model::sound::CallSound;
use shared::model::user::User;
use shared::time::Timestamp;
pub use shared_net::LiveEvent;

use crate::notice::Notices;
use crate::phone::{Levels, PhoneEvent, PhoneState, ProblemAbout, Registration};
use crate::session::Ticket;
use crate::settings::Settings;

/// Where signing in stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Stage {
    /// Nobody is signed in; with the reason of the last failure or end.
    #[default]
    SignedOut,
    /// Signing in did not work, or the session ended.
    Refused(ApiError),
    /// Under way.
    SigningIn,
    /// Signed in.
    SignedIn(User),
}

/// The live feed from the service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Link {
    /// No picture has come yet.
    #[default]
    Connecting,
    /// Facts come.
    Connected,
    /// No facts come; what is shown is old. It connects again by itself.
    Lost {
        /// Since when.
        since: Timestamp,
        /// Why, in words.
        reason: String,
    },
    /// The service refuses the feed.
    Refused(ApiError),
}

/// What the backend tells both apps.
#[derive(Debug, Clone, PartialEq)]
pub enum DeskEvent {
    /// Once a second: the service's time.
    Tick(Timestamp),
    /// Signing in is under way.
    SigningIn,
    /// Signed in.
    SignedIn(User),
    /// It did not work.
    SignInFailed(ApiError),
    /// The session is over; with the reason when nobody asked for it.
    SignedOut(Option<ApiError>),
    /// From the live feed.
    Live(LiveEvent),
    /// From the phone.
    Phone(PhoneEvent),
    /// There is no phone; the rest works.
    NoPhone(ApiError),
    /// A command was carried out.
    Done(Ticket),
    /// A command failed.
    Failed(Option<Ticket>, ApiError),
    /// The sign-in ends soon.
    Expiring(Timestamp),
}

/// What both apps know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Desk {
    /// The service's time, moved on once a second.
    pub now: Timestamp,
    /// How far the machine's time zone is east of Greenwich, for showing times of day.
    pub utc_offset_secs: i32,
    /// What the person chose, also what is kept.
    pub settings: Settings,
    /// Where signing in stands.
    pub stage: Stage,
    /// The live feed.
    pub link: Link,
    /// The live picture.
    pub floor: Floor,
    /// The phone.
    pub phone: PhoneState,
    /// The voices of the call, while there is one.
    pub levels: Option<Levels>,
    /// How the watched call sounds.
    pub sound: Option<CallSound>,
    /// Why there is no phone.
    pub no_phone: Option<ApiError>,
    /// Messages over the window.
    pub notices: Notices,
}

impl Desk {
    /// With settings of an earlier start.
    pub fn new(now: Timestamp, settings: Settings) -> Desk {
        Desk { now, settings, ..Desk::default() }
    }

    /// Takes up one event.
    pub fn apply(&mut self, event: &DeskEvent) {
        match event {
            DeskEvent::Tick(now) => {
                self.now = *now;
                self.notices.expire(*now);
            }
            DeskEvent::SigningIn => self.stage = Stage::SigningIn,
            DeskEvent::SignedIn(user) => {
                self.forget();
                self.stage = Stage::SignedIn(user.clone());
            }
            DeskEvent::SignInFailed(error) => self.stage = Stage::Refused(error.clone()),
            DeskEvent::SignedOut(why) => {
                self.forget();
                self.stage = why.clone().map_or(Stage::SignedOut, Stage::Refused);
            }
            DeskEvent::Live(event) => self.apply_live(event),
            DeskEvent::Phone(event) => self.apply_phone(event),
            DeskEvent::NoPhone(error) => self.no_phone = Some(error.clone()),
            DeskEvent::Done(_) => {}
            DeskEvent::Failed(_, error) => self.notices.error(self.now, error),
            DeskEvent::Expiring(_) => {
                let detail = "Sign out and in again when you have no call.";
                self.notices.warn(self.now, "Your sign-in ends in 5 minutes", detail);
            }
        }
    }

    fn apply_live(&mut self, event: &LiveEvent) {
        match event {
            LiveEvent::Connected => {}
            LiveEvent::Snapshot(floor, _) => {
                self.floor = (**floor).clone();
                self.now = self.now.max(self.floor.at);
                self.link = Link::Connected;
            }
            LiveEvent::Event(stamped) => {
                self.floor.apply(stamped);
                self.now = self.now.max(stamped.at);
                self.link = Link::Connected;
            }
            LiveEvent::Sound(sound) => self.sound = Some((**sound).clone()),
            LiveEvent::Clock(_) => self.link = Link::Connected,
            LiveEvent::Lost { reason, .. } => {
                let since = match &self.link {
                    Link::Lost { since, .. } => *since,
                    Link::Connecting | Link::Connected | Link::Refused(_) => self.now,
                };
                self.sound = None;
                self.link = Link::Lost { since, reason: reason.clone() };
            }
            LiveEvent::Refused(error) => self.link = Link::Refused(error.clone()),
        }
    }

    fn apply_phone(&mut self, event: &PhoneEvent) {
        match event {
            PhoneEvent::State(state) => {
                self.phone = (**state).clone();
                self.no_phone = None;
                if self.phone.call.is_none() {
                    self.levels = None;
                }
            }
            PhoneEvent::Levels(levels) => self.levels = Some(*levels),
            PhoneEvent::Transfer { done: false, status } => {
                let detail = format!("The other side refused with {status}. You still have the call.");
                self.notices.warn(self.now, "Transfer failed", detail);
            }
            PhoneEvent::Problem(problem) => {
                // A failing registration has its own place in the bar on top.
                if problem.about != ProblemAbout::Registration {
                    self.notices.warn(self.now, problem.message.clone(), problem.hint.clone());
                }
            }
            PhoneEvent::Ended { .. } => self.levels = None,
            PhoneEvent::Transfer { done: true, .. } | PhoneEvent::KeyHeard(_) => {}
            PhoneEvent::Stopped => {
                self.phone = PhoneState { registration: Registration::Off, ..PhoneState::default() };
                self.levels = None;
            }
        }
    }

    fn forget(&mut self) {
        self.link = Link::Connecting;
        self.floor = Floor::default();
        self.phone = PhoneState::default();
        self.levels = None;
        self.sound = None;
        self.no_phone = None;
        self.notices = Notices::default();
    }

    /// Who is signed in.
    pub fn user(&self) -> Option<&User> {
        match &self.stage {
            Stage::SignedIn(user) => Some(user),
            Stage::SignedOut | Stage::Refused(_) | Stage::SigningIn => None,
        }
    }

    /// Whether the service can be asked for something now; else why not.
    pub fn service_blocked(&self) -> Option<String> {
        match &self.link {
            Link::Connected => None,
            Link::Connecting => Some("the service has not answered yet".into()),
            Link::Lost { .. } => Some("the service cannot be reached now".into()),
            Link::Refused(error) => Some(error.detail.clone()),
        }
    }

    /// The name of a queue that people read.
    pub fn queue_name<'a>(&'a self, queue: &'a QueueId) -> &'a str {
        self.floor.queues.get(queue).map_or(queue.as_str(), |view| &view.info.name)
    }

    /// The name of an agent that people read.
    pub fn agent_name<'a>(&'a self, agent: &'a AgentId) -> &'a str {
        self.floor.agents.get(agent).map_or(agent.as_str(), |view| &view.info.name)
    }

    /// The words of a break reason.
    pub fn break_label(&self, code: &CodeId) -> String {
        let known = self.floor.breaks.iter().find(|known| known.id == *code);
        known.map_or_else(|| code.to_string(), |known| known.label.clone())
    }

    /// Calls that wait in a queue, ringing ones too, in the order of service as far as priority and time tell.
    pub fn waiting(&self) -> Vec<(&LiveCall, &QueueId, Timestamp)> {
        let mut waiting: Vec<_> = self
            .floor
            .calls
            .values()
            .filter_map(|call| match &call.phase {
                Phase::Waiting { queue, since } | Phase::Offered { queue, since, .. } => {
                    Some((call, queue, *since))
                }
                Phase::Arrived
                | Phase::Talking { .. }
                | Phase::TakenOver { .. }
                | Phase::Dialling { .. }
                | Phase::Outside { .. } => None,
            })
            .collect();
        waiting.sort_by_key(|(call, _, since)| {
            (since.as_micros() - i64::from(call.priority_secs) * 1_000_000, call.id)
        });
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::api::error::ErrorCode;
    use shared::model::user::Role;

    fn user() -> User {
        User { id: "anna".parse().expect("name"), name: "Anna Berg".into(), role: Role::Agent }
    }

    #[test]
    fn the_link_remembers_since_when_it_is_lost() {
        let mut desk = Desk::new(Timestamp::from_secs(100), Settings::default());
        desk.apply(&DeskEvent::SignedIn(user()));
        assert_eq!(desk.link, Link::Connecting);
        let lost = |reason: &str| LiveEvent::Lost { reason: reason.into(), retry_in_secs: 1.0 };
        desk.apply(&DeskEvent::Live(lost("no route")));
        desk.apply(&DeskEvent::Tick(Timestamp::from_secs(130)));
        desk.apply(&DeskEvent::Live(lost("refused")));
        let since = Timestamp::from_secs(100);
        assert_eq!(desk.link, Link::Lost { since, reason: "refused".into() });
        assert!(desk.service_blocked().is_some());
        desk.apply(&DeskEvent::Live(LiveEvent::Snapshot(Box::default(), Default::default())));
        assert_eq!((desk.link.clone(), desk.service_blocked()), (Link::Connected, None));
    }

    #[test]
    fn the_end_of_a_session_leaves_nothing_of_it() {
        let mut desk = Desk::new(Timestamp::from_secs(100), Settings::default());
        desk.apply(&DeskEvent::SignedIn(user()));
        let floor = Floor { seq: 7, ..Floor::default() };
        desk.apply(&DeskEvent::Live(LiveEvent::Snapshot(Box::new(floor), Default::default())));
        let why = ApiError::new(ErrorCode::Unauthorized, "You are signed out", "expired", "Sign in again.");
        desk.apply(&DeskEvent::SignedOut(Some(why.clone())));
        assert_eq!(desk.floor, Floor::default());
        assert_eq!(desk.stage, Stage::Refused(why));
        assert_eq!(desk.user(), None);
    }

    #[test]
    fn a_failed_command_is_told() {
        let mut desk = Desk::new(Timestamp::from_secs(100), Settings::default());
        let error = ApiError::new(ErrorCode::Conflict, "Hold failed", "the call has ended", "");
        desk.apply(&DeskEvent::Failed(None, error));
        let shown: Vec<_> = desk.notices.iter().map(|notice| notice.title.as_str()).collect();
        assert_eq!(shown, ["Hold failed"]);
    }
}
