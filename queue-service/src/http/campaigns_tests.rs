//! Campaigns and the list of those who are not to be called, over the API.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::testing::Site;
use crate::outreach::{Blocked, Outreach};
use crate::switch::command::Command;

fn settings() -> Value {
    json!({"id": "spring", "name": "Spring", "queue": "sales", "time_zone": "UTC", "lease_secs": 60})
}

const LIST: &str = "number;name;plan\n+49301;Ann;gold\n+49302;Ben;silver\n+49302;Ben;again\nnobody;;\n";

async fn campaign(site: &Site) -> String {
    let max = site.token("max").await;
    assert_eq!(site.ask("PUT", "/api/v1/campaigns/spring", &max, Some(settings())).await.status, 204);
    let path = "/api/v1/campaigns/spring/contacts";
    let all = site.tagged("POST", path, &max, "", LIST.into()).await.json();
    assert_eq!(
        (all["taken"].as_bool(), all["created"].as_u64(), all["refused"].as_u64()),
        (Some(false), Some(2), Some(2))
    );
    assert_eq!(all["lines"][2]["problems"], json!(["+49302 is in line 3 already"]));
    let part = site.tagged("POST", &format!("{path}?partial=true"), &max, "", LIST.into()).await.json();
    assert_eq!(part["taken"], true, "{part}");
    max
}

#[tokio::test]
async fn a_contact_is_looked_at_dialled_and_done() {
    let site = Site::new().await;
    let max = campaign(&site).await;
    let (ada, bob) = (site.token("ada").await, site.token("bob").await);
    let next = "/api/v1/campaigns/spring/next";
    assert_eq!(site.ask("POST", next, &bob, None).await.status, StatusCode::FORBIDDEN, "another queue");
    let contact = site.ask("POST", next, &ada, None).await.json();
    assert_eq!(
        (contact["number"].as_u64(), &contact["contact"]["columns"]),
        (Some(1), &json!({"plan": "gold"}))
    );
    site.asked();
    let dial = site.ask("POST", "/api/v1/campaigns/spring/contacts/1/dial", &ada, None).await;
    assert_eq!(dial.status, StatusCode::OK, "{:?}", dial.body);
    assert!(
        matches!(site.asked().as_slice(), [Command::PlaceCall { number, queue: Some(queue), .. }]
            if number == "+49301" && queue.as_str() == "sales"),
        "in the name of the queue"
    );
    assert_eq!(site.ask("POST", "/api/v1/campaigns/spring/contacts/1/dial", &ada, None).await.status, 409);
    let body = json!({"outcome": "reached", "code": "sold"});
    let outcome = "/api/v1/campaigns/spring/contacts/1/outcome";
    assert_eq!(site.ask("POST", outcome, &ada, Some(body.clone())).await.status, 204);
    assert_eq!(site.ask("POST", outcome, &ada, Some(body)).await.status, 409);
    let second = site.ask("POST", next, &ada, None).await.json();
    assert_eq!(second["contact"]["name"], "Ben");
    let skip = "/api/v1/campaigns/spring/contacts/2/skip";
    assert_eq!(site.ask("POST", skip, &ada, Some(json!({"reason": "a friend"}))).await.status, 204);
    assert_eq!(site.ask("POST", next, &ada, None).await.status, StatusCode::NO_CONTENT);
    let report = site.get("/api/v1/campaigns/spring/report", &max).await.json();
    assert_eq!(
        (report["reached"].as_u64(), report["later"].as_u64(), report["done"].as_u64()),
        (Some(1), Some(1), Some(1))
    );
    assert_eq!(report["codes"], json!({"sold": 1}));
    let csv = site.get("/api/v1/campaigns/spring/report.csv", &max).await;
    assert!(
        String::from_utf8_lossy(&csv.body).contains("outcome reached,1\r\ncode sold,1\r\n"),
        "{:?}",
        csv.body
    );
    assert_eq!(site.get("/api/v1/campaigns/spring/report", &ada).await.status, StatusCode::FORBIDDEN);
    // A restart has the same state, from the journal alone.
    site.hub.durable(site.hub.last_seq()).await;
    let config = crate::config::Config::default();
    let again = Outreach::open(&site.store, &site.hub, Blocked::new(&config)).await.expect("folded");
    let report = again
        .with(|now, campaigns, _| campaigns.iter().next().map(|known| known.report(now)))
        .expect("there");
    assert_eq!((report.contacts, report.reached, report.attempts), (2, 1, 1));
}

#[tokio::test]
async fn a_number_on_the_list_is_not_given_out() {
    let site = Site::new().await;
    let max = campaign(&site).await;
    let (ada, sue) = (site.token("ada").await, site.token("sue").await);
    let path = "/api/v1/do-not-call/+49%20301";
    assert_eq!(site.ask("PUT", path, &ada, Some(json!({"reason": "x"}))).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        site.ask("PUT", path, &sue, Some(json!({"reason": " "}))).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(site.ask("PUT", path, &sue, Some(json!({"reason": "asked by letter"}))).await.status, 204);
    let listed = site.get("/api/v1/do-not-call/+49301", &ada).await.json();
    assert_eq!((&listed["by"], &listed["reason"]), (&json!("sue"), &json!("asked by letter")));
    let next = site.ask("POST", "/api/v1/campaigns/spring/next", &ada, None).await.json();
    assert_eq!(next["number"], 2, "the first is skipped for good");
    // One who comes onto the list while an agent looks at him is not dialled either.
    let table = "number\n+49302\n+49 301\nx\n".to_owned();
    let path = "/api/v1/do-not-call?reason=robinson%20list";
    let report = site.tagged("POST", path, &max, "", table.clone()).await.json();
    assert_eq!((report["taken"].as_bool(), report["refused"].as_u64()), (Some(false), Some(1)));
    let report = site.tagged("POST", &format!("{path}&partial=true"), &max, "", table).await.json();
    assert_eq!((report["created"].as_u64(), report["unchanged"].as_u64()), (Some(1), Some(1)), "{report}");
    let dial = site.ask("POST", "/api/v1/campaigns/spring/contacts/2/dial", &ada, None).await;
    assert_eq!(dial.status, StatusCode::FORBIDDEN);
    assert!(site.asked().iter().all(|command| !matches!(command, Command::PlaceCall { .. })));
    assert_eq!(site.get("/api/v1/do-not-call", &sue).await.json().as_array().map(Vec::len), Some(2));
    let gone = site.ask("DELETE", "/api/v1/do-not-call/+49301?reason=mistake", &max, None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(site.get("/api/v1/do-not-call/+49301", &ada).await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.ask("DELETE", "/api/v1/do-not-call/+49301?reason=x", &sue, None).await.status, 403);
}
