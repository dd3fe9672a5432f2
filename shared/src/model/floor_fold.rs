//! What each event does to the live picture. One arm an event, no catch-all: a new event must say what it does.

use crate::model::event::Event;
use crate::model::floor::Floor;
use crate::time::Timestamp;

pub(super) fn apply(floor: &mut Floor, _at: Timestamp, event: &Event) {
    if let Event::DayStarted { date } = event {
        floor.day.clone_from(date);
    }
}
