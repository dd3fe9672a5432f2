//! How a live call sounds: asked once, or watched over the live feed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use shared::id::CallId;
use shared::model::sound::CallSound;
use shared::model::user::{Permission, User};

use super::Api;
use super::extract::{Id, Signed};
use super::problem::Problem;
use crate::media::Media;

/// Asks the media workers, and puts what is wrong into words with the times of a zone.
pub(super) fn of(
    media: Media,
    zone: &str,
) -> Arc<dyn Fn(CallId) -> BoxFuture<'static, Option<CallSound>> + Send + Sync> {
    // The check of the configuration knows the zone.
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    Arc::new(move |call| {
        let (media, zone) = (media.clone(), zone.clone());
        Box::pin(async move {
            let legs = media.sound(call).await?.into_iter().map(|(mut sound, cause)| {
                sound.cause = cause.map(|cause| cause.words(&zone).to_string());
                sound
            });
            Some(CallSound { call, legs: legs.collect() })
        })
    })
}

/// Whether a person may know how a call sounds: who sees the floor, and the agent who has the call in hand.
pub(super) fn may_hear_of(api: &Api, user: &User, call: CallId) -> bool {
    let me = user.id.to_agent();
    user.role.may(Permission::SeeFloor)
        || api.parts.hub.with_floor(|floor| {
            let member = floor.calls.get(&call).is_some_and(|live| live.members.contains(&me));
            floor.call_in_hand(&me) == Some(call) || member
        })
}

/// How the call sounds now: who speaks, how loud, the quality in each direction and what spoils it. The first answer about
/// a call whose sound only passes does not know yet who speaks; ask again.
#[utoipa::path(get, path = "/calls/{id}/sound", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = CallSound)))]
pub(super) async fn one(
    State(api): State<Api>,
    signed: Signed,
    Id(id): Id<CallId>,
) -> Result<Json<CallSound>, Problem> {
    let is_live = api.parts.hub.with_floor(|floor| floor.calls.contains_key(&id));
    if !may_hear_of(&api, &signed.session.user, id) {
        return Err(Problem::forbidden("you may hear of your own calls only"));
    }
    let sound = if is_live { (api.parts.sound)(id).await } else { None };
    sound.map(Json).ok_or_else(|| Problem::missing("live call", id))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use shared::id::LegId;
    use shared::model::sound::{LegSound, Side};

    use super::*;

    /// A call whose customer talks louder each time that somebody asks, up to -25 dBFS.
    pub(in crate::http) fn made_up(call: CallId) -> CallSound {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let asked = ASKED.fetch_add(1, Ordering::Relaxed).min(5);
        let leg = LegSound {
            leg: LegId::from_u64(1),
            side: Side::Customer,
            talking: Some(true),
            level_dbfs: Some(-30.0 + asked as f32),
            clipping: false,
            unheard_since: None,
            mos_from: Some(4.4),
            mos_to: None,
            loss_percent: 4.0,
            concealed_percent: 4.0,
            delay_millis: 60.0,
            loss_to_percent: None,
            jitter_millis: 3.0,
            round_trip_millis: None,
            cause: Some("customer's side: 4 % loss from 10:32:10".into()),
        };
        CallSound { call, legs: vec![leg] }
    }
}
