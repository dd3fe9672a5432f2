//! Calls, live and past, and what may be done to them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use shared::api::calls::{
    CallDetail, CallPage, CallQuery, CallSummary, NonOfferRecord, OfferRecord, PlaceCall, PlacedCall,
    Supervise, Transfer,
};
use shared::id::{AgentId, CallId};
use shared::model::call::Supervision;
use shared::model::decision::NonOffer;
use shared::model::event::Stamped;
use shared::model::history;
use shared::model::user::Permission;

use super::Api;
use super::extract::{Asked, Body, Id, Signed};
use super::problem::Problem;
use super::session::unexpected;
use crate::acd;
use crate::switch::command::{Command, Reply};

/// Calls, newest first; an agent sees those he had.
#[utoipa::path(get, path = "/calls", tag = "calls",
    params(("live" = Option<bool>, Query, description = "only live or only ended ones"),
        ("queue" = Option<String>, Query, description = "only calls that were in this queue"),
        ("agent" = Option<String>, Query, description = "only calls that this agent had"),
        ("exit" = Option<shared::model::call::QueueExit>, Query, description = "only calls that left a queue this way"),
        ("before" = Option<String>, Query, description = "the next page: only calls before this one"),
        ("limit" = Option<u32>, Query, description = "1 to 500, 100 when left out")),
    responses((status = 200, body = CallPage)))]
pub(super) async fn list(
    State(api): State<Api>,
    signed: Signed,
    Asked(mut query): Asked<CallQuery>,
) -> Result<Json<CallPage>, Problem> {
    if !signed.may(Permission::SeeFloor) {
        let me = signed.agent();
        if query.agent.as_ref().is_some_and(|agent| *agent != me) {
            return Err(Problem::forbidden("you may list your own calls only"));
        }
        query.agent = Some(me);
    }
    api.settled().await;
    Ok(Json(api.parts.store.calls().list(&query).await?))
}

/// Everything about one call.
#[utoipa::path(get, path = "/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = CallDetail)))]
pub(super) async fn one(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CallId>,
) -> Result<Json<CallDetail>, Problem> {
    let (summary, events) = story(&api, &signed, id).await?;
    let live = api.parts.hub.with_floor(|floor| floor.calls.get(&id).cloned());
    Ok(Json(CallDetail { summary, live, events }))
}

/// Why the call was offered to whom, and how each offer ended.
#[utoipa::path(get, path = "/calls/{id}/decisions", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = Vec<OfferRecord>)))]
pub(super) async fn decisions(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CallId>,
) -> Result<Json<Vec<OfferRecord>>, Problem> {
    let (_, events) = story(&api, &signed, id).await?;
    let name = names(&api);
    let zone = &api.parts.config.service.time_zone;
    Ok(Json(history::offers(&events, |decision| acd::words(decision, &name, zone))))
}

/// Why the call was offered to nobody, at each moment at which no phone rang for it: when it came, when an offer ended,
/// when it was widened, when it left without an answer. While it waits the last one is of this moment.
#[utoipa::path(get, path = "/calls/{id}/non-offers", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = Vec<NonOfferRecord>)))]
pub(super) async fn non_offers(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CallId>,
) -> Result<Json<Vec<NonOfferRecord>>, Problem> {
    let (summary, events) = story(&api, &signed, id).await?;
    let name = names(&api);
    let zone = &api.parts.config.service.time_zone;
    let words = |record: &NonOffer| acd::non_offer_words(record, &name, zone);
    let mut records = history::non_offers(&events, words);
    if summary.ended_at.is_none() {
        match api.command(Command::WhyNobody { call: id }).await? {
            Reply::NonOffer(now) => records.extend(now.map(|(at, record)| NonOfferRecord {
                at,
                words: words(&record),
                record: *record,
            })),
            other => return Err(unexpected(&other)),
        }
    }
    Ok(Json(records))
}

/// What people call an agent; his id when he is not there any more.
fn names(api: &Api) -> impl Fn(&AgentId) -> String + use<> {
    let floor = api.parts.hub.floor();
    move |agent| floor.agents.get(agent).map_or_else(|| agent.to_string(), |view| view.info.name.clone())
}

/// Call a number: your own phone rings first, then the number is dialled. It is refused while you are on a call, when
/// your phone is not registered, and when the number may not be called.
#[utoipa::path(post, path = "/calls", tag = "calls", request_body = PlaceCall,
    responses((status = 201, body = PlacedCall)))]
pub(super) async fn place(
    State(api): State<Api>,
    signed: Signed,
    Body(body): Body<PlaceCall>,
) -> Result<(StatusCode, Json<PlacedCall>), Problem> {
    let PlaceCall { number, queue } = body;
    match api.command(Command::PlaceCall { by: signed.session.user.id, number, queue }).await? {
        Reply::Placed(call) => Ok((StatusCode::CREATED, Json(PlacedCall { call }))),
        other => Err(unexpected(&other)),
    }
}

/// Put the customer on hold.
#[utoipa::path(post, path = "/calls/{id}/hold", tag = "calls", params(("id" = String, Path)),
    responses((status = 204)))]
pub(super) async fn hold(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CallId>,
) -> Result<StatusCode, Problem> {
    may_handle(&api, &signed, id)?;
    done(&api, Command::SetHold { call: id, held: true }).await
}

/// Take the customer back from hold.
#[utoipa::path(post, path = "/calls/{id}/resume", tag = "calls", params(("id" = String, Path)),
    responses((status = 204)))]
pub(super) async fn resume(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CallId>,
) -> Result<StatusCode, Problem> {
    may_handle(&api, &signed, id)?;
    done(&api, Command::SetHold { call: id, held: false }).await
}

/// End the call for everybody.
#[utoipa::path(post, path = "/calls/{id}/hangup", tag = "calls", params(("id" = String, Path)),
    responses((status = 204)))]
pub(super) async fn hang_up(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CallId>,
) -> Result<StatusCode, Problem> {
    may_handle(&api, &signed, id)?;
    done(&api, Command::Hangup { call: id, by: signed.session.user.id }).await
}

/// Send the call to a queue or to one agent.
#[utoipa::path(post, path = "/calls/{id}/transfer", tag = "calls", params(("id" = String, Path)),
    request_body = Transfer, responses((status = 204)))]
pub(super) async fn transfer(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CallId>,
    Body(body): Body<Transfer>,
) -> Result<StatusCode, Problem> {
    may_handle(&api, &signed, id)?;
    done(&api, Command::Transfer { call: id, target: body.target, by: signed.session.user.id }).await
}

/// Come into the call (listen, whisper, barge, take over), or change how.
#[utoipa::path(put, path = "/calls/{id}/supervision", tag = "calls", params(("id" = String, Path)),
    request_body = Supervise, responses((status = 200, body = Supervision)))]
pub(super) async fn supervise(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CallId>,
    Body(body): Body<Supervise>,
) -> Result<Json<Supervision>, Problem> {
    signed.require(Permission::Supervise)?;
    must_live(&api, id)?;
    let supervisor = signed.session.user.id;
    match api.command(Command::Supervise { call: id, supervisor, mode: body.mode }).await? {
        Reply::Supervision(supervision) => Ok(Json(supervision)),
        other => Err(unexpected(&other)),
    }
}

/// Leave the call.
#[utoipa::path(delete, path = "/calls/{id}/supervision", tag = "calls", params(("id" = String, Path)),
    responses((status = 204)))]
pub(super) async fn end_supervision(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CallId>,
) -> Result<StatusCode, Problem> {
    signed.require(Permission::Supervise)?;
    must_live(&api, id)?;
    done(&api, Command::EndSupervision { call: id, supervisor: signed.session.user.id }).await
}

async fn done(api: &Api, command: Command) -> Result<StatusCode, Problem> {
    api.command(command).await.map(|_| StatusCode::NO_CONTENT)
}

/// The row and the events of a call that the person may see.
async fn story(api: &Api, signed: &Signed, id: CallId) -> Result<(CallSummary, Vec<Stamped>), Problem> {
    api.settled().await;
    let summary = api.parts.store.calls().get(id).await?.ok_or_else(|| Problem::missing("call", id))?;
    let me = signed.agent();
    let own =
        summary.agents.contains(&me) || api.parts.hub.with_floor(|floor| floor.call_of(&me) == Some(id));
    if !own && !signed.may(Permission::SeeFloor) {
        return Err(Problem::forbidden("you may see your own calls only"));
    }
    Ok((summary, api.parts.store.journal().of_call(id).await?))
}

fn may_handle(api: &Api, signed: &Signed, id: CallId) -> Result<(), Problem> {
    must_live(api, id)?;
    let me = signed.agent();
    if api.parts.hub.with_floor(|floor| floor.call_of(&me) == Some(id)) || signed.may(Permission::ManageFloor)
    {
        Ok(())
    } else {
        Err(Problem::forbidden("you are not on this call"))
    }
}

fn must_live(api: &Api, id: CallId) -> Result<(), Problem> {
    if api.parts.hub.with_floor(|floor| floor.calls.contains_key(&id)) {
        Ok(())
    } else {
        Err(Problem::missing("live call", id))
    }
}
