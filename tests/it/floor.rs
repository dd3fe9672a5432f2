//! A service for one test, and what its API says of calls.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use shared::api::calls::{CallDetail, CallQuery};
use shared::id::AgentId;
use shared::model::agent::Status;
use shared::model::call::{LiveCall, OfferOutcome, Phase};
use shared::model::event::Event;
use shared_net::{ApiClient, clock};
use tests::ear::{HEARD_DBFS, Kind};
use tests::phone::Phone;
use tests::service::Service;
use tests::setup::Setup;
use tests::{Outcome, ports, wait};

/// The queue "Sales".
pub const SALES: &str = "3001";
/// The queue "Support".
pub const SUPPORT: &str = "3002";
/// How long a fact may take to be seen by the API; the machine may be busy.
pub const SOON: Duration = Duration::from_secs(15);
/// How long a scenario of a peer may take.
pub const SCENARIO: Duration = Duration::from_secs(45);

/// The service as cargo built it for the tests.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_service"))
}

/// A service with an administrator of the floor.
pub struct Floor {
    pub service: Service,
    pub sara: ApiClient,
    /// Ports of the fixed phones.
    pub phones: BTreeMap<String, u16>,
}

impl Floor {
    /// Agents with phones at fixed addresses, ready from the start: id and queues.
    pub async fn with_phones(mut setup: Setup, phones: &[(&str, &[&str])]) -> Outcome<Floor> {
        setup.keep_agents(&[]);
        let mut ports = BTreeMap::new();
        for (id, queues) in phones {
            let port = ports::free_pair(ports::HERE)?;
            setup.fixed_agent(id, port, queues, true);
            ports.insert((*id).to_owned(), port);
        }
        let mut floor = Floor::start(setup).await?;
        floor.phones = ports;
        Ok(floor)
    }

    /// With the agents of the setup.
    pub async fn start(setup: Setup) -> Outcome<Floor> {
        let service = Service::start(program(), setup).await?;
        let sara = service.sign_in("sara").await?;
        Ok(Floor { service, sara, phones: BTreeMap::new() })
    }

    /// The port of a fixed phone.
    pub fn port(&self, id: &str) -> u16 {
        self.phones[id]
    }

    /// The calls that are over, newest first, once there are `count`.
    pub async fn ended(&self, count: usize) -> Outcome<Vec<CallDetail>> {
        let query = CallQuery { live: Some(false), ..CallQuery::default() };
        let what = format!("{count} ended calls");
        let rows = wait::until_async(&what, SOON, async || {
            let page = self.sara.calls(&query).await?;
            Ok((page.calls.len() >= count).then_some(page.calls))
        })
        .await
        .map_err(|error| format!("{error}; the service's log ends with:\n{}", self.service.log_end(30)))?;
        let mut details = Vec::with_capacity(rows.len());
        for row in rows {
            details.push(self.sara.call(row.id).await?);
        }
        Ok(details)
    }

    /// The one call that is over.
    pub async fn one_ended(&self) -> Outcome<CallDetail> {
        let mut calls = self.ended(1).await?;
        assert_eq!(calls.len(), 1, "one call was made");
        Ok(calls.remove(0))
    }

    /// Waits until the floor is as wanted.
    pub async fn until(
        &self,
        what: &str,
        mut wanted: impl FnMut(&shared::model::floor::Floor) -> bool,
    ) -> Outcome<shared::model::floor::Floor> {
        let seen = wait::until_async(what, SOON, async || {
            let floor = self.sara.floor().await?;
            Ok(wanted(&floor).then_some(floor))
        });
        seen.await.map_err(|error| {
            format!("{error}; the service's log ends with:\n{}", self.service.log_end(30)).into()
        })
    }

    /// An agent's status.
    pub async fn status(&self, id: &str) -> Outcome<Status> {
        Ok(self.sara.agent(&id.parse::<AgentId>()?).await?.status)
    }
}

/// Whether the call is on hold.
pub fn is_held(call: &LiveCall) -> bool {
    matches!(call.phase, Phase::Talking { held: true, .. })
}

/// Waits until the phone hears this tone.
pub async fn hears(phone: &Phone, hz: f32) -> Outcome {
    wait::until(&format!("{hz} Hz at the phone"), SOON, || {
        let now = clock::now();
        let level = phone.ear.level(hz, now - Duration::from_millis(800), now).ok()?;
        level.is_heard().then_some(())
    })
    .await
}

/// Waits until the phone hears music and not this tone.
pub async fn hears_music(phone: &Phone, but_not_hz: f32) -> Outcome {
    wait::until(&format!("music and no {but_not_hz} Hz at the phone"), SOON, || {
        let now = clock::now();
        let from = now - Duration::from_millis(800);
        let music = phone.ear.kind(from, now).ok()? == Kind::Sound;
        let quiet = phone.ear.level(but_not_hz, from, now).ok()?.middle < HEARD_DBFS;
        (music && quiet).then_some(())
    })
    .await
}

/// Short words for a call's events, in order, without recordings and transcripts.
pub fn story(call: &CallDetail) -> Vec<String> {
    let events = call.events.iter().filter_map(|stamped| match &stamped.event {
        Event::CallArrived { dialled, .. } => Some(format!("arrived for {dialled}")),
        Event::CallQueued { queue, .. } => Some(format!("queued in {queue}")),
        Event::CallLeftQueue { queue, exit, .. } => Some(format!("left {queue}: {}", word(exit))),
        Event::OfferMade { agent, .. } => Some(format!("offered to {agent}")),
        Event::OfferEnded { agent, outcome, .. } => Some(format!("offer to {agent}: {}", word(outcome))),
        Event::CallConnected { agent, .. } => Some(format!("connected with {agent}")),
        Event::CallHeld { .. } => Some("held".into()),
        Event::CallResumed { .. } => Some("resumed".into()),
        Event::CallTransferred { by, .. } => Some(format!("transferred by {by}")),
        Event::AgentReleased { agent, .. } => Some(format!("released {agent}")),
        Event::WrapUpStarted { agent, .. } => Some(format!("wrap-up of {agent}")),
        Event::CallEnded { cause, .. } => Some(format!("ended: {}", cause_word(cause))),
        _ => None,
    });
    events.collect()
}

/// Whether the words of `wanted` stand in `story` in this order, others between them or not.
pub fn tells(story: &[String], wanted: &[&str]) -> bool {
    let mut lines = story.iter();
    wanted.iter().all(|wanted| lines.any(|line| line == wanted))
}

/// Fails with the whole story.
#[track_caller]
pub fn assert_tells(call: &CallDetail, wanted: &[&str]) {
    let story = story(call);
    assert!(tells(&story, wanted), "wanted {wanted:#?}\nin {story:#?}");
}

/// How the offers of a call ended, in order.
pub async fn offers(floor: &Floor, call: &CallDetail) -> Outcome<Vec<(String, Option<OfferOutcome>)>> {
    let records = floor.sara.decisions(call.summary.id).await?;
    Ok(records.into_iter().map(|record| (record.agent.to_string(), record.outcome)).collect())
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn cause_word(cause: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(cause).unwrap_or_default();
    let cause = value["cause"].as_str().unwrap_or_default().to_owned();
    value["status"].as_u64().map_or(cause.clone(), |status| format!("{cause} {status}"))
}
