//! A campaign and the contact that an agent has of it.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_app::event::Event;
use agent_app::preview::{Answer, Wanted};
use agent_app::state::State;
use shared::api::campaigns::HeldContact;
use shared::api::error::{ApiError, ErrorCode};
use shared::id::CampaignId;
use shared::model::campaign::{Attempt, Contact, Outcome};
use shared_desktop::desk::DeskEvent;
use shared_desktop::settings::Settings;
use shared_desktop::testing::{NOW, agent_id};

pub fn campaign_id(text: &str) -> CampaignId {
    text.parse().expect("a name")
}

/// One that gives out contacts, and one that does not.
pub fn campaigns() -> Event {
    let known = r#"[
        {"id": "winter", "name": "Winter", "queue": "sales", "time_zone": "UTC", "active": false},
        {"id": "spring", "name": "Spring renewals", "queue": "sales", "time_zone": "UTC"}]"#;
    Event::Preview(Box::new(Answer::Campaigns(Ok(serde_json::from_str(known).expect("campaigns")))))
}

pub fn held(dialled: bool) -> HeldContact {
    let attempt = Attempt {
        at: NOW - Duration::from_secs(86_400),
        agent: agent_id("ben"),
        outcome: Outcome::Busy,
        code: None,
        note: Some("call after four".into()),
        call: None,
    };
    HeldContact {
        number: 4,
        contact: Contact {
            number: "+46855501".into(),
            name: "Olga Svensson".into(),
            time_zone: None,
            columns: BTreeMap::from([("plan".into(), "Gold".into()), ("empty".into(), String::new())]),
        },
        until: NOW + Duration::from_secs(300),
        dialled,
        call: None,
        dials: 1 + u32::from(dialled),
        attempts: vec![attempt],
    }
}

pub fn answer(wanted: Wanted, contact: Option<HeldContact>) -> Event {
    let campaign = campaign_id("spring");
    Event::Preview(Box::new(Answer::Contact { campaign, wanted, contact: Ok(contact) }))
}

fn refused(wanted: Wanted) -> Event {
    let error = ApiError::new(ErrorCode::Conflict, "No", "contact 4 is not yours (any more)", "");
    let campaign = campaign_id("spring");
    Event::Preview(Box::new(Answer::Contact { campaign, wanted, contact: Err(error) }))
}

#[test]
fn a_contact_goes_when_its_time_is_over_but_not_after_a_call() {
    let mut state = State::new(NOW, Settings::default());
    let later = |state: &mut State, secs| {
        state.apply(&Event::Desk(DeskEvent::Tick(NOW + Duration::from_secs(secs))));
        state.preview.held.is_some()
    };
    state.apply(&answer(Wanted::Next, Some(held(false))));
    assert!(later(&mut state, 299));
    assert!(!later(&mut state, 300));
    state.apply(&answer(Wanted::Next, Some(held(true))));
    assert!(later(&mut state, 900), "what came of it is still to be told");
    // Only the service knows whose it is; what it refuses at the end is over.
    state.apply(&refused(Wanted::Call));
    assert!(state.preview.held.is_some());
    state.apply(&refused(Wanted::End));
    assert!(state.preview.held.is_none());
    assert!(state.desk.notices.iter().next().is_some(), "and told");
}
