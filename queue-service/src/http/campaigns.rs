//! Preview campaigns: set up by managers, worked on by the agents of their queue.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZoneDatabase;
use shared::api::calls::PlacedCall;
use shared::api::campaigns::{CampaignReport, ContactOutcome, HeldContact, SkipContact};
use shared::api::error::ErrorCode;
use shared::api::import::{ImportLine, ImportQuery, ImportReport, LineResult};
use shared::id::CampaignId;
use shared::model::campaign::{CampaignSettings, Contact};
use shared::model::user::Permission;

use super::Api;
use super::configuration::Text;
use super::do_not_call::{taken, wrong_table};
use super::extract::{Asked, Body, Id, Signed};
use super::import::csv;
use super::problem::Problem;
use super::session::unexpected;
use crate::acd::hours::Hours;
use crate::campaign::{Campaign, Refusal, State as Stands};
use crate::import::sheet;
use crate::switch::command::{Command, Reply};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let code = match refusal {
            Refusal::NoCampaign(_) => ErrorCode::NotFound,
            Refusal::Blocked(_) | Refusal::Closed(_) => ErrorCode::Forbidden,
            Refusal::TooMany(_) => ErrorCode::TooLarge,
            Refusal::NotActive | Refusal::HasAnother { .. } | Refusal::NotYours(_) | Refusal::Dialled(_) => {
                ErrorCode::Conflict
            }
        };
        let hint = "Ask for the next contact with POST /api/v1/campaigns/{id}/next.";
        Problem::new(code, "The campaign was left as it is", refusal.to_string(), hint)
    }
}

fn wrong(detail: String) -> Problem {
    let hint = "The settings are described at /api/v1/openapi.json.";
    Problem::new(ErrorCode::BadRequest, "The campaign was left as it is", detail, hint)
}

fn is_zone(zone: &str) -> bool {
    TimeZoneDatabase::bundled().get(zone).is_ok()
}

/// Only who serves the queue of the campaign works on it.
fn works_on(api: &Api, signed: &Signed, campaign: &CampaignId) -> Result<(), Problem> {
    let queue = api
        .parts
        .outreach
        .with(|_, campaigns, _| campaigns.get(campaign).map(|known| known.settings.queue.clone()));
    let queue = queue.ok_or_else(|| Problem::missing("campaign", campaign))?;
    let floor = api.parts.hub.floor();
    if floor.agents.get(&signed.agent()).is_some_and(|view| view.serves(&queue)) {
        return Ok(());
    }
    Err(Problem::forbidden(format!("only agents of the queue {queue} work on this campaign")))
}

/// Campaigns with their settings.
#[utoipa::path(get, path = "/campaigns", tag = "campaigns", responses((status = 200, body = Vec<CampaignSettings>)))]
pub(super) async fn list(
    State(api): State<Api>,
    signed: Signed,
) -> Result<Json<Vec<CampaignSettings>>, Problem> {
    signed.require(Permission::WorkAsAgent)?;
    let all = api
        .parts
        .outreach
        .with(|_, campaigns, _| campaigns.iter().map(|known| known.settings.clone()).collect::<Vec<_>>());
    let floor = api.parts.hub.floor();
    let me = floor.agents.get(&signed.agent());
    let sees = |it: &CampaignSettings| {
        signed.may(Permission::SeeFloor) || me.is_some_and(|view| view.serves(&it.queue))
    };
    Ok(Json(all.into_iter().filter(sees).collect()))
}

/// Set a campaign up, or change its settings.
#[utoipa::path(put, path = "/campaigns/{id}", tag = "campaigns", request_body = CampaignSettings,
    params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn set_up(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CampaignId>,
    Body(settings): Body<CampaignSettings>,
) -> Result<StatusCode, Problem> {
    signed.require(Permission::ManageCampaigns)?;
    if settings.id != id {
        return Err(wrong("the id in the body is another one than in the path".into()));
    }
    if !api.parts.hub.floor().queues.contains_key(&settings.queue) {
        return Err(wrong(format!("there is no queue {}", settings.queue)));
    }
    if !is_zone(&settings.time_zone) {
        return Err(wrong(format!("there is no time zone {:?}", settings.time_zone)));
    }
    Hours::parse(&settings.hours, &[], &settings.time_zone).map_err(|error| wrong(error.to_string()))?;
    if !(1..=100).contains(&settings.max_attempts) || !(10..=86_400).contains(&settings.lease_secs) {
        return Err(wrong("max_attempts goes from 1 to 100, lease_secs from 10 to 86400".into()));
    }
    let by = signed.session.user.id;
    api.parts.outreach.with(|now, campaigns, _| campaigns.set_up(now, settings, by))?;
    api.settled().await;
    Ok(StatusCode::NO_CONTENT)
}

/// End a campaign for good; its history stays in the journal.
#[utoipa::path(delete, path = "/campaigns/{id}", tag = "campaigns", params(("id" = String, Path)),
    responses((status = 204)))]
pub(super) async fn remove(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CampaignId>,
) -> Result<StatusCode, Problem> {
    signed.require(Permission::ManageCampaigns)?;
    let by = signed.session.user.id;
    api.parts.outreach.with(|now, campaigns, _| campaigns.remove(now, &id, by))?;
    api.settled().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Put contacts on the list: CSV with number, and name, time_zone and any other columns.
#[utoipa::path(post, path = "/campaigns/{id}/contacts", tag = "campaigns",
    request_body(content = String, content_type = "text/csv"),
    params(("id" = String, Path), ("dry_run" = Option<bool>, Query, description = "only say what would come of it"),
        ("partial" = Option<bool>, Query, description = "take the good lines even when others are wrong")),
    responses((status = 200, body = ImportReport)))]
pub(super) async fn import(
    State(api): State<Api>,
    signed: Signed,
    Path(id): Path<String>,
    Asked(query): Asked<ImportQuery>,
    Text(text): Text,
) -> Result<Json<ImportReport>, Problem> {
    signed.require(Permission::ManageCampaigns)?;
    let id: CampaignId = id.parse().map_err(|_| Problem::missing("campaign", &id))?;
    let rows = sheet::read(&text, None, &["number"]).map_err(wrong_table)?;
    let outreach = &api.parts.outreach;
    let report = outreach.with(|now, campaigns, _| {
        let known = campaigns.get(&id).ok_or_else(|| Refusal::NoCampaign(id.clone()))?;
        let mut numbers: BTreeMap<String, String> = known
            .contacts
            .iter()
            .map(|entry| (entry.contact.number.clone(), "on the list".to_owned()))
            .collect();
        let mut contacts = Vec::new();
        let mut lines = Vec::new();
        for row in &rows {
            let mut problems = Vec::new();
            let contact = contact(row, outreach.blocked(), &mut problems);
            if let Some(contact) = &contact {
                let here = format!("in line {}", row.line);
                if let Some(place) = numbers.insert(contact.number.clone(), here) {
                    problems.push(format!("{} is {place} already", contact.number));
                }
            }
            let result = if problems.is_empty() { LineResult::Created } else { LineResult::Refused };
            contacts.extend(contact.filter(|_| problems.is_empty()));
            let entry = format!("contact {}", row.cell("number"));
            lines.push(ImportLine { line: row.line, entry, result, problems, first_password: None });
        }
        let report = taken(lines, query);
        if report.taken {
            campaigns.import(now, &id, &contacts, &signed.session.user.id)?;
        }
        Ok::<_, Refusal>(report)
    })?;
    api.settled().await;
    Ok(Json(report))
}

fn contact(
    row: &sheet::Row,
    blocked: &crate::outreach::Blocked,
    problems: &mut Vec<String>,
) -> Option<Contact> {
    let number = blocked.number(row.cell("number"));
    if number.is_none() {
        problems.push("this is no telephone number".into());
    }
    let zone = row.cell("time_zone");
    if !zone.is_empty() && !is_zone(zone) {
        problems.push(format!("there is no time zone {zone:?}"));
    }
    if row.too_long {
        problems.push("there are more cells than columns".into());
    }
    let own = BTreeSet::from(["number", "name", "time_zone"]);
    let columns = row.cells.iter().filter(|(name, _)| !own.contains(name.as_str()));
    Some(Contact {
        number: number?,
        name: row.cell("name").to_owned(),
        time_zone: (!zone.is_empty()).then(|| zone.to_owned()),
        columns: columns.map(|(name, cell)| (name.clone(), cell.clone())).collect(),
    })
}

fn held(known: &Campaign, number: u32) -> Option<HeldContact> {
    let entry = known.entry(number)?;
    let Stands::Held { until, dialled, call, .. } = entry.state else { return None };
    Some(HeldContact {
        number,
        contact: entry.contact.clone(),
        until,
        dialled,
        call,
        dials: entry.dials,
        attempts: entry.attempts.clone(),
    })
}

/// The next contact to look at, kept for the one who asks; 204 when nobody is to be called now.
#[utoipa::path(post, path = "/campaigns/{id}/next", tag = "campaigns", params(("id" = String, Path)),
    responses((status = 200, body = HeldContact), (status = 204)))]
pub(super) async fn next(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CampaignId>,
) -> Result<Response, Problem> {
    works_on(&api, &signed, &id)?;
    let agent = signed.agent();
    let contact = api.parts.outreach.with(|now, campaigns, list| {
        let number = campaigns.next(now, &id, &agent, list)?;
        Ok::<_, Refusal>(number.and_then(|number| held(campaigns.get(&id)?, number)))
    })?;
    api.settled().await;
    Ok(match contact {
        Some(contact) => Json(contact).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

fn place((id, contact): (String, String)) -> Result<(CampaignId, u32), Problem> {
    let campaign = id.parse().map_err(|_| Problem::missing("campaign", &id))?;
    Ok((campaign, contact.parse().map_err(|_| Problem::missing("contact", &contact))?))
}

/// Not this one; somebody gets it later.
#[utoipa::path(post, path = "/campaigns/{id}/contacts/{number}/skip", tag = "campaigns", request_body = SkipContact,
    params(("id" = String, Path), ("number" = u32, Path)), responses((status = 204)))]
pub(super) async fn skip(
    State(api): State<Api>,
    signed: Signed,
    Path(path): Path<(String, String)>,
    Body(body): Body<SkipContact>,
) -> Result<StatusCode, Problem> {
    let (id, contact) = place(path)?;
    works_on(&api, &signed, &id)?;
    let after = body.after_secs.unwrap_or(900);
    api.parts
        .outreach
        .with(|now, campaigns, _| campaigns.skip(now, &id, contact, &signed.agent(), body.reason, after))?;
    api.settled().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Call the contact: the agent's own phone rings first, and the call shows the queue's number.
#[utoipa::path(post, path = "/campaigns/{id}/contacts/{number}/dial", tag = "campaigns",
    params(("id" = String, Path), ("number" = u32, Path)), responses((status = 200, body = PlacedCall)))]
pub(super) async fn dial(
    State(api): State<Api>,
    signed: Signed,
    Path(path): Path<(String, String)>,
) -> Result<Json<PlacedCall>, Problem> {
    let (id, contact) = place(path)?;
    works_on(&api, &signed, &id)?;
    let outreach = &api.parts.outreach;
    let agent = signed.agent();
    let (number, queue) = outreach.with(|now, campaigns, list| {
        let number = campaigns.number_to_dial(now, &id, contact, &agent, list)?;
        Ok::<_, Refusal>((number, campaigns.get(&id).map(|known| known.settings.queue.clone())))
    })?;
    let call =
        match api.command(Command::PlaceCall { by: signed.session.user.id.clone(), number, queue }).await? {
            Reply::Placed(call) => call,
            other => return Err(unexpected(&other)),
        };
    outreach.with(|now, campaigns, _| campaigns.dialled(now, &id, contact, &agent, Some(call)))?;
    api.settled().await;
    Ok(Json(PlacedCall { call }))
}

/// What became of the attempt: done, or called again later.
#[utoipa::path(post, path = "/campaigns/{id}/contacts/{number}/outcome", tag = "campaigns",
    request_body = ContactOutcome, params(("id" = String, Path), ("number" = u32, Path)),
    responses((status = 204)))]
pub(super) async fn outcome(
    State(api): State<Api>,
    signed: Signed,
    Path(path): Path<(String, String)>,
    Body(body): Body<ContactOutcome>,
) -> Result<StatusCode, Problem> {
    let (id, contact) = place(path)?;
    works_on(&api, &signed, &id)?;
    let ContactOutcome { outcome, code, note } = body;
    if note.as_ref().is_some_and(|note| note.chars().count() > 2_000) {
        return Err(wrong("the note is longer than 2,000 characters".into()));
    }
    api.parts.outreach.with(|now, campaigns, _| {
        campaigns.outcome(now, &id, contact, &signed.agent(), (outcome, code, note))
    })?;
    api.settled().await;
    Ok(StatusCode::NO_CONTENT)
}

fn report_of(api: &Api, signed: &Signed, id: &CampaignId) -> Result<CampaignReport, Problem> {
    signed.require(Permission::ReadReports)?;
    let report =
        api.parts.outreach.with(|now, campaigns, _| campaigns.get(id).map(|known| known.report(now)));
    report.ok_or_else(|| Problem::missing("campaign", id))
}

/// How far a campaign has come.
#[utoipa::path(get, path = "/campaigns/{id}/report", tag = "campaigns", params(("id" = String, Path)),
    responses((status = 200, body = CampaignReport)))]
pub(super) async fn report(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CampaignId>,
) -> Result<Json<CampaignReport>, Problem> {
    Ok(Json(report_of(&api, &signed, &id)?))
}

/// The same as CSV: a name and a figure in each line.
#[utoipa::path(get, path = "/campaigns/{id}/report.csv", tag = "campaigns", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub(super) async fn report_csv(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CampaignId>,
) -> Result<Response, Problem> {
    let report = report_of(&api, &signed, &id)?;
    let mut lines: Vec<(String, u64)> = [
        ("contacts", report.contacts),
        ("due", report.due),
        ("later", report.later),
        ("held", report.held),
        ("done", report.done),
        ("blocked", report.blocked),
        ("reached", report.reached),
    ]
    .map(|(name, figure)| (name.to_owned(), figure as u64))
    .to_vec();
    lines.push(("attempts".into(), report.attempts));
    lines.extend(
        report.outcomes.iter().map(|(it, figure)| (format!("outcome {}", it.word()), *figure as u64)),
    );
    lines.extend(report.codes.iter().map(|(code, figure)| (format!("code {code}"), *figure as u64)));
    let lines = lines.into_iter().map(|(name, figure)| vec![name, figure.to_string()]);
    Ok(csv(id.as_str(), sheet::write(&["figure", "value"], lines)))
}
