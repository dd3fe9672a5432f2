//! The list of those who are not to be called.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::api::campaigns::{BlockedNumber, NumberQuery, Why};
use shared::api::error::ErrorCode;
use shared::api::import::{ImportLine, ImportQuery, ImportReport, LineResult};
use shared::model::user::Permission;

use super::Api;
use super::configuration::Text;
use super::extract::{Asked, Body, Id, Signed};
use super::problem::Problem;
use crate::import::sheet;
use crate::outreach::Blocked;

pub(super) fn number(blocked: &Blocked, written: &str) -> Result<String, Problem> {
    blocked.number(written).ok_or_else(|| {
        let detail = format!("{written:?} is no telephone number");
        Problem::new(
            ErrorCode::BadRequest,
            "There is no such number",
            detail,
            "Give digits, with + in front.",
        )
    })
}

fn reason(why: &Why) -> Result<&str, Problem> {
    match why.reason.trim() {
        "" => {
            let detail = "the reason is empty";
            Err(Problem::new(ErrorCode::BadRequest, "The list was not changed", detail, "Say why in reason."))
        }
        reason => Ok(reason),
    }
}

fn no_room() -> Problem {
    Problem::new(ErrorCode::TooLarge, "The list was not changed", "it is full", "Take numbers off it.")
}

/// Numbers in their order.
#[utoipa::path(get, path = "/do-not-call", tag = "campaigns",
    params(("after" = Option<String>, Query, description = "only numbers after this one"),
        ("limit" = Option<u32>, Query, description = "1 to 5,000, 1,000 when left out")),
    responses((status = 200, body = Vec<BlockedNumber>)))]
pub(super) async fn list(
    State(api): State<Api>,
    signed: Signed,
    Asked(query): Asked<NumberQuery>,
) -> Result<Json<Vec<BlockedNumber>>, Problem> {
    signed.require(Permission::ManageFloor)?;
    let limit = query.limit.unwrap_or(1_000).clamp(1, 5_000) as usize;
    let rows = api.parts.outreach.blocked().look(|list| list.after(&query.after, limit));
    let row = |(number, it): (String, crate::campaign::do_not_call::Listed)| BlockedNumber {
        number,
        at: it.at,
        by: it.by,
        reason: it.reason,
    };
    Ok(Json(rows.into_iter().map(row).collect()))
}

/// Whether a number is on the list, and why; 404 when it may be called.
#[utoipa::path(get, path = "/do-not-call/{number}", tag = "campaigns", params(("number" = String, Path)),
    responses((status = 200, body = BlockedNumber)))]
pub(super) async fn one(
    State(api): State<Api>,
    signed: Signed,
    Id(written): Id<String>,
) -> Result<Json<BlockedNumber>, Problem> {
    signed.require(Permission::WorkAsAgent)?;
    let blocked = api.parts.outreach.blocked();
    let number = number(blocked, &written)?;
    let listed = blocked.look(|list| list.get(&number).cloned());
    let it = listed.ok_or_else(|| Problem::missing("number on the list", &number))?;
    Ok(Json(BlockedNumber { number, at: it.at, by: it.by, reason: it.reason }))
}

/// Nobody is to call this number.
#[utoipa::path(put, path = "/do-not-call/{number}", tag = "campaigns", request_body = Why,
    params(("number" = String, Path)), responses((status = 204)))]
pub(super) async fn add(
    State(api): State<Api>,
    signed: Signed,
    Id(written): Id<String>,
    Body(why): Body<Why>,
) -> Result<StatusCode, Problem> {
    signed.require(Permission::ManageFloor)?;
    let outreach = &api.parts.outreach;
    let number = number(outreach.blocked(), &written)?;
    let by = signed.session.user.id;
    outreach.change(true, vec![number], &by, reason(&why)?).ok_or_else(no_room)?;
    api.settled().await;
    Ok(StatusCode::NO_CONTENT)
}

/// This number may be called again.
#[utoipa::path(delete, path = "/do-not-call/{number}", tag = "campaigns",
    params(("number" = String, Path), ("reason" = String, Query, description = "why")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(api): State<Api>,
    signed: Signed,
    Id(written): Id<String>,
    Asked(why): Asked<Why>,
) -> Result<StatusCode, Problem> {
    signed.require(Permission::ManageCampaigns)?;
    let outreach = &api.parts.outreach;
    let number = number(outreach.blocked(), &written)?;
    let removed = outreach.change(false, vec![number.clone()], &signed.session.user.id, reason(&why)?);
    if removed == Some(0) {
        return Err(Problem::missing("number on the list", &number));
    }
    api.settled().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Put many numbers on the list: CSV with the column number. The reason of all stands in the query.
#[utoipa::path(post, path = "/do-not-call", tag = "campaigns",
    request_body(content = String, content_type = "text/csv"),
    params(("reason" = String, Query, description = "why"),
        ("dry_run" = Option<bool>, Query, description = "only say what would come of it"),
        ("partial" = Option<bool>, Query, description = "take the good lines even when others are wrong")),
    responses((status = 200, body = ImportReport)))]
pub(super) async fn import(
    State(api): State<Api>,
    signed: Signed,
    Asked(why): Asked<ReasonAndHow>,
    Text(text): Text,
) -> Result<Json<ImportReport>, Problem> {
    signed.require(Permission::ManageCampaigns)?;
    let ReasonAndHow { reason: given, dry_run, partial } = why;
    let why = Why { reason: given };
    let reason = reason(&why)?;
    let outreach = &api.parts.outreach;
    let blocked = outreach.blocked();
    let rows = sheet::read(&text, Some(&["number"]), &["number"]).map_err(wrong_table)?;
    let mut numbers = Vec::new();
    let line = |row: &sheet::Row| {
        let number = blocked.number(row.cell("number"));
        let known = number.as_ref().is_some_and(|number| blocked.look(|list| list.get(number).is_some()));
        let (result, problems) = match (&number, known) {
            (None, _) => (LineResult::Refused, vec!["this is no telephone number".to_owned()]),
            (Some(_), true) => (LineResult::Unchanged, Vec::new()),
            (Some(_), false) => (LineResult::Created, Vec::new()),
        };
        numbers.extend(number);
        ImportLine {
            line: row.line,
            entry: format!("number {}", row.cell("number")),
            result,
            problems,
            first_password: None,
        }
    };
    let report = taken(rows.iter().map(line).collect(), ImportQuery { dry_run, partial });
    if report.taken {
        numbers.sort();
        numbers.dedup();
        outreach.change(true, numbers, &signed.session.user.id, reason).ok_or_else(no_room)?;
        api.settled().await;
    }
    Ok(Json(report))
}

/// Query of `POST /do-not-call`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonAndHow {
    reason: String,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    partial: bool,
}

pub(super) fn wrong_table(error: sheet::SheetError) -> Problem {
    let hint = "Give CSV with a header; the columns stand in the README.";
    Problem::new(ErrorCode::BadRequest, "The table was not taken", error.to_string(), hint)
        .with_status(StatusCode::UNPROCESSABLE_ENTITY)
}

/// The report of these lines; whether they are taken follows from it.
pub(super) fn taken(lines: Vec<ImportLine>, query: ImportQuery) -> ImportReport {
    let count = |result| lines.iter().filter(|line| line.result == result).count();
    let refused = count(LineResult::Refused);
    ImportReport {
        taken: !query.dry_run && (query.partial || refused == 0),
        created: count(LineResult::Created),
        changed: count(LineResult::Changed),
        unchanged: count(LineResult::Unchanged),
        refused,
        lines,
        configuration: None,
    }
}
