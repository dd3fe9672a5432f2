//! Campaigns: the contacts that an agent looks at and calls.

use reqwest::{Method, StatusCode};
use shared::api::calls::PlacedCall;
use shared::api::campaigns::{CampaignReport, ContactOutcome, HeldContact, SkipContact, Why};
use shared::api::error::ApiError;
use shared::api::import::ImportReport;
use shared::id::{CallId, CampaignId};
use shared::model::campaign::CampaignSettings;

use super::{ApiClient, read_json};

impl ApiClient {
    /// `GET /campaigns`: those of the own queues; a supervisor sees all.
    pub async fn campaigns(&self) -> Result<Vec<CampaignSettings>, ApiError> {
        self.get(&["campaigns"]).await
    }

    /// `PUT /campaigns/{id}`.
    pub async fn set_up_campaign(&self, settings: &CampaignSettings) -> Result<(), ApiError> {
        let request = self.request(Method::PUT, &["campaigns", settings.id.as_str()])?;
        self.done(request.json(settings)).await
    }

    /// `POST /campaigns/{id}/contacts`: a table of people to call as CSV.
    pub async fn import_contacts(
        &self,
        campaign: &CampaignId,
        table: String,
    ) -> Result<ImportReport, ApiError> {
        let request = self.request(Method::POST, &["campaigns", campaign.as_str(), "contacts"])?;
        self.json(request.header("content-type", "text/csv").body(table)).await
    }

    /// `POST /campaigns/{id}/next`: the contact that one has, or a new one; none when nobody is to be called now.
    pub async fn next_contact(&self, campaign: &CampaignId) -> Result<Option<HeldContact>, ApiError> {
        let request = self.request(Method::POST, &["campaigns", campaign.as_str(), "next"])?;
        let answer = self.send(request).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        read_json(answer).await.map(Some)
    }

    /// `POST /campaigns/{id}/contacts/{number}/dial`: the own phone first.
    pub async fn dial_contact(&self, campaign: &CampaignId, contact: u32) -> Result<CallId, ApiError> {
        let path = ["campaigns", campaign.as_str(), "contacts", &contact.to_string(), "dial"];
        let placed: PlacedCall = self.json(self.request(Method::POST, &path)?).await?;
        Ok(placed.call)
    }

    /// `POST /campaigns/{id}/contacts/{number}/skip`.
    pub async fn skip_contact(
        &self,
        campaign: &CampaignId,
        contact: u32,
        reason: String,
    ) -> Result<(), ApiError> {
        let path = ["campaigns", campaign.as_str(), "contacts", &contact.to_string(), "skip"];
        let body = SkipContact { reason, after_secs: None };
        self.done(self.request(Method::POST, &path)?.json(&body)).await
    }

    /// `POST /campaigns/{id}/contacts/{number}/outcome`.
    pub async fn contact_outcome(
        &self,
        campaign: &CampaignId,
        contact: u32,
        outcome: &ContactOutcome,
    ) -> Result<(), ApiError> {
        let path = ["campaigns", campaign.as_str(), "contacts", &contact.to_string(), "outcome"];
        self.done(self.request(Method::POST, &path)?.json(outcome)).await
    }

    /// `PUT /do-not-call/{number}`: it is called in no queue's name from now on.
    pub async fn block_number(&self, number: &str, reason: &str) -> Result<(), ApiError> {
        let request = self.request(Method::PUT, &["do-not-call", number])?;
        self.done(request.json(&Why { reason: reason.into() })).await
    }

    /// `GET /campaigns/{id}/report`.
    pub async fn campaign_report(&self, campaign: &CampaignId) -> Result<CampaignReport, ApiError> {
        self.get(&["campaigns", campaign.as_str(), "report"]).await
    }
}
