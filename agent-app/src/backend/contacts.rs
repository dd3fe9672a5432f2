//! Questions about campaigns, in tasks of their own, so that a slow answer holds nothing up.

use shared::api::campaigns::{ContactOutcome, HeldContact};
use shared::api::error::{ApiError, ErrorCode};
use shared_desktop::bridge::Events;
use shared_desktop::driver::ApiClient;

use crate::command::ContactCommand;
use crate::event::Event;
use crate::preview::Answer;

/// Asks, and puts the answers among the events.
pub(super) struct Contacts {
    events: Events<Event>,
}

impl Contacts {
    pub(super) fn new(events: Events<Event>) -> Contacts {
        Contacts { events }
    }

    /// Asks what there is to work on.
    pub(super) fn load(&self, api: Result<ApiClient, ApiError>) {
        self.ask(async move {
            match api {
                Ok(api) => Answer::Campaigns(allowed(api.campaigns().await)),
                Err(error) => Answer::Campaigns(Err(error)),
            }
        });
    }

    pub(super) fn carry_out(&self, api: Result<ApiClient, ApiError>, command: ContactCommand) {
        self.ask(async move {
            let campaign = command.campaign().clone();
            let wanted = command.wanted();
            let contact = match api {
                Ok(api) => carry_out(&api, command).await,
                Err(error) => Err(error),
            };
            Answer::Contact { campaign, wanted, contact }
        });
    }

    fn ask(&self, question: impl Future<Output = Answer> + Send + 'static) {
        let events = self.events.clone();
        tokio::spawn(async move {
            events.send(Event::Preview(Box::new(question.await))).await;
        });
    }
}

/// Who may not work as an agent has no campaigns; that is no failure.
fn allowed<T: Default>(answer: Result<T, ApiError>) -> Result<T, ApiError> {
    match answer {
        Err(error) if error.code == ErrorCode::Forbidden => Ok(T::default()),
        answer => answer,
    }
}

async fn carry_out(api: &ApiClient, command: ContactCommand) -> Result<Option<HeldContact>, ApiError> {
    match command {
        ContactCommand::Next(campaign) => api.next_contact(&campaign).await,
        ContactCommand::Call { campaign, contact } => {
            api.dial_contact(&campaign, contact).await?;
            // The contact as the service has it after the change.
            api.next_contact(&campaign).await
        }
        ContactCommand::Skip { campaign, contact } => {
            api.skip_contact(&campaign, contact, "skipped by the agent".into()).await.map(|()| None)
        }
        ContactCommand::Outcome { campaign, contact, outcome, note } => {
            let outcome = ContactOutcome { outcome, code: None, note };
            api.contact_outcome(&campaign, contact, &outcome).await.map(|()| None)
        }
    }
}
