//! What the scenarios of the demonstration share: the service, its API, the clips, and what the recordings must hold.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::api::calls::CallQuery;
use shared::id::CallId;
use shared::model::event::Stamped;
use shared::model::recording::Track;
use shared::time::Timestamp;
use shared_net::{ApiClient, clock};
use tokio::time::sleep;

use crate::clip::Clips;
use crate::phone::{Phone, PhoneSetup};
use crate::ports::{self, HERE};
use crate::service::{self, Service};
use crate::setup::Setup;
use crate::voice::Mouth;
use crate::{Outcome, wait};

/// What a recording must hold.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Number of the scenario, from 1.
    pub number: usize,
    /// The call.
    pub call: CallId,
    /// Tones that must be on a track. Any other party's tone must not be there.
    pub tones: Vec<(Track, f32)>,
    /// What was spoken, customer and agent; none in a call of tones, which must give no words.
    pub spoken: Option<(String, String)>,
}

/// The stage; shared by all scenarios.
pub struct Stage {
    /// The service.
    pub service: Service,
    /// Its API, signed in as the manager.
    pub api: ApiClient,
    /// What is said.
    pub clips: Clips,
    /// Port of the phone with a fixed address, agent 204.
    pub fixed_port: u16,
    /// The lock guards one push.
    expected: Mutex<Vec<Expected>>,
}

impl Stage {
    /// The demonstration's service with times that fit a short show, in `folder` or in one that goes away.
    pub async fn set(program: &Path, folder: Option<&Path>) -> Outcome<Stage> {
        let mut setup = Setup::demo()?.with_speech();
        let fixed_port = ports::free_pair(HERE)?;
        setup.fixed_agent("204", fixed_port, &["support"], true);
        for (agent, queue) in [("201", "sales"), ("202", "sales"), ("203", "support")] {
            setup.agent(agent).insert("queues".into(), vec![queue].into());
        }
        for queue in ["sales", "support"] {
            // Callers hear music at once; the show has no time for greetings.
            setup.queue(queue).remove("greeting");
            setup.queue(queue).insert("ring_secs".into(), 4.into());
        }
        setup.set("acd", "min_ring_secs", 3);
        let service = match folder {
            Some(folder) => Service::start_in(program, setup, folder.to_owned(), None).await?,
            None => Service::start(program, setup).await?,
        };
        let api = service.sign_in("mia").await?;
        Ok(Stage { service, api, clips: Clips::shipped()?, fixed_port, expected: Mutex::default() })
    }

    /// The service's signalling.
    pub fn sip(&self) -> SocketAddr {
        self.service.setup.sip
    }

    /// The customer of a scenario; his number tells which.
    pub async fn customer(&self, number: usize, mouth: Mouth) -> Outcome<Phone> {
        let name = format!("Customer {number}");
        let setup = PhoneSetup::customer(self.sip(), &customer_number(number), &name);
        Phone::start(PhoneSetup { mouth, ..setup }).await
    }

    /// The service's id of a customer's call.
    pub async fn call_of(&self, number: usize) -> Outcome<CallId> {
        let wanted = customer_number(number);
        wait::until_async("the call in the API", Duration::from_secs(5), async || {
            let page = self.api.calls(&CallQuery::default()).await?;
            Ok(page.calls.iter().find(|call| call.from.number == wanted).map(|call| call.id))
        })
        .await
    }

    /// The events of one call so far.
    pub async fn events(&self, call: CallId) -> Outcome<Vec<Stamped>> {
        let all = service::journal(&self.api).await?;
        Ok(all.into_iter().filter(|stamped| stamped.event.call() == Some(call)).collect())
    }

    /// Notes what a recording must hold.
    pub fn expect(&self, expected: Expected) {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).push(expected);
    }

    /// All that was noted, by number.
    pub fn expected(&self) -> Vec<Expected> {
        let mut all = self.expected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by_key(|expected| expected.number);
        all
    }
}

/// The number that the customer of a scenario calls from.
pub fn customer_number(number: usize) -> String {
    format!("+49305550{number:03}")
}

/// Lets a change settle, then listens for `millis`; gives the time in between.
pub async fn listen(millis: u64) -> (Timestamp, Timestamp) {
    // Jitter buffers and the path through the service take less.
    sleep(Duration::from_millis(600)).await;
    let from = clock::now();
    sleep(Duration::from_millis(millis)).await;
    (from, clock::now())
}
