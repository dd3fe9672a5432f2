//! Callbacks over the API: listed in the order of their places, booked, taken back.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use shared::id::{CallId, UserId};
use shared::model::call::Party;
use shared::model::callback::{AskedBy, CallbackChange};
use shared::model::event::Event;
use shared::time::Timestamp;

use super::testing::Site;
use super::tests::check;
use crate::clock;
use crate::switch::command::Command;

fn requested(number: u64, since: Timestamp, priority_secs: u32) -> Event {
    let change = CallbackChange::Requested {
        to: Party { number: format!("+4930{number}"), name: String::new() },
        asked: AskedBy::Caller { call: CallId::from_u64(number) },
        since,
        priority_secs,
        expires_at: None,
    };
    Event::Callback { callback: CallId::from_u64(number), queue: "sales".parse().expect("a queue"), change }
}

#[tokio::test]
async fn callbacks_are_listed_in_the_order_of_their_places() {
    let site = Site::new().await;
    let (ada, sue) = (site.token("ada").await, site.token("sue").await);
    let now = clock::now();
    site.hub.publish(requested(1, now, 0));
    site.hub.publish(requested(2, now - Duration::from_secs(60), 0));
    site.hub.publish(requested(3, now, 300));
    let list = site.get("/api/v1/queues/sales/callbacks", &sue).await.json();
    let numbers: Vec<&str> =
        list.as_array().expect("a list").iter().filter_map(|open| open["to"]["number"].as_str()).collect();
    assert_eq!(numbers, ["+49303", "+49302", "+49301"]);
    assert_eq!(list[0]["attempts"], 0);
    assert_eq!(site.get("/api/v1/queues/help/callbacks", &sue).await.json(), json!([]));
    check(&site.get("/api/v1/queues/none/callbacks", &sue).await, 404, "none");
    check(&site.get("/api/v1/queues/sales/callbacks", &ada).await, 403, "Supervisor");
}

#[tokio::test]
async fn a_callback_is_booked_with_who_booked_it() {
    let site = Site::new().await;
    let (ada, sue) = (site.token("ada").await, site.token("sue").await);
    let path = "/api/v1/queues/sales/callbacks";
    let body = json!({"number": "+4930555", "name": "Carla"});
    check(&site.ask("POST", path, &ada, Some(body.clone())).await, 403, "Supervisor");
    let long = json!({"number": "+4930555", "name": "x".repeat(201)});
    check(&site.ask("POST", path, &sue, Some(long)).await, 400, "200");
    check(&site.ask("POST", path, &sue, Some(json!({"name": "Carla"}))).await, 400, "number");
    assert_eq!(site.asked(), []);
    let booked = site.ask("POST", path, &sue, Some(body)).await;
    assert_eq!(booked.status, StatusCode::CREATED, "{:?}", booked.body);
    assert!(booked.json()["callback"].is_string());
    let by: UserId = "sue".parse().expect("a name");
    let to = Party { number: "+4930555".into(), name: "Carla".into() };
    let queue = "sales".parse().expect("a queue");
    assert_eq!(site.asked(), [Command::BookCallback { queue, to, by }]);
}

#[tokio::test]
async fn a_callback_is_taken_back_with_a_reason() {
    let site = Site::new().await;
    let (ada, sue) = (site.token("ada").await, site.token("sue").await);
    site.hub.publish(requested(1, clock::now(), 0));
    let callback = CallId::from_u64(1);
    let path = |queue: &str, callback: &str, reason: &str| {
        format!("/api/v1/queues/{queue}/callbacks/{callback}?reason={reason}")
    };
    let id = callback.to_string();
    check(&site.ask("DELETE", &path("sales", &id, "x"), &ada, None).await, 403, "Supervisor");
    // One of another queue, one that is not there, no id at all.
    check(&site.ask("DELETE", &path("help", &id, "x"), &sue, None).await, 404, &id);
    let other = CallId::from_u64(9).to_string();
    check(&site.ask("DELETE", &path("sales", &other, "x"), &sue, None).await, 404, &other);
    check(&site.ask("DELETE", &path("sales", "nonsense", "x"), &sue, None).await, 404, "nonsense");
    check(&site.ask("DELETE", &path("sales", &id, &"x".repeat(201)), &sue, None).await, 400, "200");
    let bare = format!("/api/v1/queues/sales/callbacks/{id}");
    check(&site.ask("DELETE", &bare, &sue, None).await, 400, "reason");
    assert_eq!(site.asked(), []);
    let answer = site.ask("DELETE", &path("sales", &id, "wrong%20number"), &sue, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{:?}", answer.body);
    let by: UserId = "sue".parse().expect("a name");
    let reason = "wrong number".to_owned();
    assert_eq!(site.asked(), [Command::CancelCallback { callback, by, reason }]);
}
