//! The API from outside: rights, errors, commands, ranges.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use shared::api::error::ApiError;
use shared::id::{CallId, RecordingId};
use shared::model::agent::ChangedBy;
use shared::model::call::{EndCause, SupervisionMode};
use shared::model::event::{Event, TransferTarget};
use shared::model::recording::{Recording, RecordingState, Track, TrackFile};
use shared::time::Timestamp;

use super::testing::{Answer, Site};
use crate::switch::command::Command;

pub(super) fn check(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    let error: ApiError = serde_json::from_slice(&answer.body).expect("every error is an ApiError");
    assert!(error.to_string().contains(words), "{words:?} is not in {error}");
}

#[tokio::test]
async fn sign_in_use_sign_out() {
    let site = Site::new().await;
    let body = json!({"user": "ada", "password": "pw"});
    let signed = site.ask("POST", "/api/v1/session", "", Some(body)).await;
    assert_eq!(signed.status, StatusCode::OK);
    assert_eq!(site.asked(), [Command::SignedIn { user: "ada".parse().expect("a name") }]);
    let token = signed.json()["token"].as_str().expect("a token").to_owned();
    let me = site.get("/api/v1/me", &token).await;
    assert_eq!(me.json(), json!({"id": "ada", "name": "Ada", "role": "agent"}));
    assert_eq!(me.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(me.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    let device = site.ask("POST", "/api/v1/me/device", &token, None).await;
    assert_eq!(device.json()["address"], "sip:ada@callfloor");
    site.asked();
    let out = site.ask("DELETE", "/api/v1/session", &token, None).await;
    assert_eq!((out.status, out.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(site.asked(), [Command::SignedOut { user: "ada".parse().expect("a name") }]);
    check(&site.get("/api/v1/me", &token).await, 401, "signed out");

    let wrong = json!({"user": "ada", "password": "no"});
    for _ in 0..5 {
        let answer = site.ask("POST", "/api/v1/session", "", Some(wrong.clone())).await;
        check(&answer, 401, "Name or password");
        assert_eq!(answer.header(header::WWW_AUTHENTICATE), "Bearer");
    }
    let answer = site.ask("POST", "/api/v1/session", "", Some(wrong)).await;
    check(&answer, 429, "Too many");
    assert!(answer.header(header::RETRY_AFTER).parse::<u32>().is_ok_and(|secs| (1..=6).contains(&secs)));
    assert_eq!(site.asked(), []);
}

#[tokio::test]
async fn every_path_asks_for_a_token_and_a_right() {
    let site = Site::new().await;
    let (ada, sue, max) = (site.token("ada").await, site.token("sue").await, site.token("max").await);
    let (call, _) = site.call(7, "help");
    let recording = RecordingId::from_u64(5);
    // Path, then the answer for agent, supervisor, manager.
    for (method, path, expected) in [
        ("GET", "/me".to_owned(), [200, 200, 200]),
        ("GET", "/floor".into(), [200, 200, 200]),
        ("GET", "/agents".into(), [200, 200, 200]),
        ("GET", "/agents/ada".into(), [200, 200, 200]),
        ("GET", "/agents/bob".into(), [403, 200, 200]),
        ("GET", "/agents/nobody".into(), [403, 404, 404]),
        ("GET", "/agents/No%20Body".into(), [404, 404, 404]),
        ("GET", "/queues".into(), [200, 200, 200]),
        ("GET", "/queues/sales".into(), [200, 200, 200]),
        ("GET", "/queues/help".into(), [403, 200, 200]),
        ("GET", "/queues/none".into(), [404, 404, 404]),
        ("GET", "/calls".into(), [200, 200, 200]),
        ("POST", "/calls".into(), [415, 415, 415]),
        ("GET", "/calls?agent=bob".into(), [403, 200, 200]),
        ("GET", "/calls?live=perhaps".into(), [400, 400, 400]),
        ("GET", format!("/calls/{call}"), [403, 200, 200]),
        ("GET", format!("/calls/{call}/decisions"), [403, 200, 200]),
        ("GET", format!("/calls/{call}/non-offers"), [403, 200, 200]),
        ("GET", "/calls/0000000000009".into(), [404, 404, 404]),
        ("GET", "/calls/nonsense".into(), [404, 404, 404]),
        ("POST", format!("/calls/{call}/hold"), [403, 204, 204]),
        ("POST", format!("/calls/{call}/hangup"), [403, 204, 204]),
        ("POST", "/calls/0000000000009/hold".into(), [404, 404, 404]),
        ("DELETE", format!("/calls/{call}/supervision"), [403, 204, 204]),
        ("GET", "/recordings".into(), [403, 200, 200]),
        ("GET", format!("/recordings/{recording}"), [403, 404, 404]),
        ("GET", format!("/recordings/{recording}/transcript"), [403, 404, 404]),
        ("GET", format!("/recordings/{recording}/tracks/customer.wav"), [403, 404, 404]),
        ("GET", "/journal".into(), [403, 403, 200]),
        ("GET", "/reports/day".into(), [403, 200, 200]),
        ("GET", "/reports/service-levels".into(), [403, 403, 200]),
        ("GET", "/reports/service-levels?queue=nowhere".into(), [403, 403, 404]),
        ("GET", "/defence".into(), [403, 200, 200]),
        ("DELETE", "/defence/bans/198.51.100.7".into(), [403, 204, 204]),
        ("DELETE", "/defence/bans/2001:db8::1".into(), [403, 204, 204]),
        ("DELETE", "/defence/bans/carrier.example".into(), [404, 404, 404]),
        ("GET", "/staffing?calls=1&per_secs=60&aht_secs=60".into(), [403, 403, 200]),
    ] {
        let path = format!("/api/v1{path}");
        check(&site.ask(method, &path, "", None).await, 401, "Authorization");
        check(&site.ask(method, &path, "made-up", None).await, 401, "unknown");
        for (token, expected) in [&ada, &sue, &max].into_iter().zip(expected) {
            let answer = site.ask(method, &path, token, None).await;
            assert_eq!(answer.status.as_u16(), expected, "{method} {path}: {:?}", answer.body);
            if expected >= 400 {
                check(&answer, expected, "");
            }
        }
    }
}

#[tokio::test]
async fn bad_requests_say_what_is_wrong() {
    let site = Site::new().await;
    let sue = site.token("sue").await;
    check(&site.get("/nothing", "").await, 404, "/nothing");
    check(&site.get("/api/v1/nothing", &sue).await, 404, "/api/v1/nothing");
    check(&site.ask("PATCH", "/api/v1/me", &sue, None).await, 405, "PATCH");
    check(&site.get("/api/v1/live", &sue).await, 400, "WebSocket");
    let session = |kind: &'static str, body: String| {
        let request = Request::post("/api/v1/session").header(header::CONTENT_TYPE, kind);
        site.send(request.body(Body::from(body)).expect("a request"))
    };
    let json = "application/json";
    check(&session("text/plain", "{}".into()).await, 415, "Content-Type");
    check(&session(json, "{\"user\":".into()).await, 400, "no JSON");
    check(&session(json, "{\"user\":\"ada\"}".into()).await, 400, "missing field `password`");
    check(&session(json, "{\"user\":\"A B\",\"password\":\"x\"}".into()).await, 400, "user");
    check(&session(json, "{\"user\":5,\"password\":\"x\"}".into()).await, 400, "user: invalid type");
    check(&session(json, format!("{{\"user\":\"{}", "a".repeat(70_000))).await, 413, "65536");
    let status = json!({"status": "sleeping"});
    let answer = site.ask("POST", "/api/v1/agents/ada/status", &sue, Some(status)).await;
    check(&answer, 400, "not_ready");
    let note = json!({"note": "x".repeat(2_001)});
    let answer = site.ask("POST", "/api/v1/agents/ada/wrap-up", &sue, Some(note)).await;
    check(&answer, 400, "2000");
    assert_eq!(site.asked(), []);
}

#[tokio::test]
async fn commands_reach_the_switch_with_who_asks() {
    let site = Site::new().await;
    let (ada, sue) = (site.token("ada").await, site.token("sue").await);
    let (call, _) = site.call(7, "sales");
    site.connect(call, "sales", "ada");
    let path = |end: &str| format!("/api/v1/calls/{call}/{end}");
    let (user, agent) =
        ("sue".parse::<shared::id::UserId>().expect("a name"), "ada".parse().expect("an agent"));

    let ready = json!({"status": "ready"});
    let view = site.ask("POST", "/api/v1/agents/ada/status", &ada, Some(ready.clone())).await;
    assert_eq!(view.json()["status"], json!({"status": "ready"}), "{:?}", view.body);
    assert_eq!(site.hub.durable_seq(), site.hub.last_seq(), "it is on the disk before it is acknowledged");
    site.ask("POST", "/api/v1/agents/ada/status", &sue, Some(ready)).await;
    let bys: Vec<ChangedBy> = site
        .asked()
        .into_iter()
        .map(|command| match command {
            Command::SetStatus { by, .. } => by,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(bys, [ChangedBy::Agent, ChangedBy::User(user.clone())]);

    let to = json!({"to": "queue", "queue": "help"});
    let how = json!({"mode": "whisper"});
    assert_eq!(site.ask("POST", &path("hold"), &ada, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(site.ask("POST", &path("resume"), &ada, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(site.ask("POST", &path("transfer"), &ada, Some(to)).await.status, StatusCode::NO_CONTENT);
    check(&site.ask("PUT", &path("supervision"), &ada, Some(how.clone())).await, 403, "Supervisor");
    let supervision = site.ask("PUT", &path("supervision"), &sue, Some(how)).await;
    assert_eq!(supervision.json()["mode"], "whisper");
    let wish = json!({"number": "+4930", "queue": "sales"});
    let placed = site.ask("POST", "/api/v1/calls", &ada, Some(wish)).await;
    assert_eq!((placed.status, placed.json()["call"].is_string()), (StatusCode::CREATED, true));
    assert_eq!(
        site.asked(),
        [
            Command::SetHold { call, held: true },
            Command::SetHold { call, held: false },
            Command::Transfer {
                call,
                target: TransferTarget::Queue { queue: "help".parse().expect("a queue") },
                by: shared::id::AgentId::to_user(&agent),
            },
            Command::Supervise { call, supervisor: user, mode: SupervisionMode::Whisper },
            Command::PlaceCall {
                by: shared::id::AgentId::to_user(&agent),
                number: "+4930".into(),
                queue: Some("sales".parse().expect("a queue")),
            },
        ]
    );
}

#[tokio::test]
async fn lists_show_what_the_picture_shows() {
    let site = Site::new().await;
    let (ada, sue, max) = (site.token("ada").await, site.token("sue").await, site.token("max").await);
    let (first, _) = site.call(1, "sales");
    site.connect(first, "sales", "ada");
    site.hub.publish(Event::CallEnded { call: first, cause: EndCause::CustomerHungUp });
    let (second, _) = site.call(2, "help");
    let ids = |answer: Answer| -> Vec<String> {
        let calls = answer.json()["calls"].as_array().expect("a list").clone();
        calls.iter().map(|call| call["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(ids(site.get("/api/v1/calls", &sue).await), [second.to_string(), first.to_string()]);
    assert_eq!(ids(site.get("/api/v1/calls", &ada).await), [first.to_string()]);
    assert_eq!(ids(site.get("/api/v1/calls?live=true", &sue).await), [second.to_string()]);
    assert_eq!(ids(site.get("/api/v1/calls?exit=answered&queue=sales", &sue).await), [first.to_string()]);
    let detail = site.get(&format!("/api/v1/calls/{first}"), &ada).await.json();
    assert_eq!(detail["events"].as_array().map(Vec::len), Some(5));
    assert_eq!(detail["live"], Value::Null);
    assert_eq!(detail["summary"]["wait_millis"], 4_000);
    let day = site.get("/api/v1/reports/day", &sue).await.json();
    assert_eq!(day["total"]["answered_in_target"], 1);
    assert_eq!(day["figures"]["service_level_percent"]["value"], 100.0);
    assert_eq!(day["wait"]["count"], 1);
    let path = "/api/v1/reports/service-levels?queue=sales&target_secs=3&flow_outs=true";
    let levels = site.get(path, &max).await.json();
    assert_eq!((&levels["target_secs"], &levels["exits"]["answered"]), (&json!(3), &json!(1)), "{levels}");
    assert_eq!((&levels["exits"]["full"], &levels["waiting"]), (&json!(0), &json!(0)), "{levels}");
    assert_eq!(levels["levels"][0]["id"], "SL-A");
    assert_eq!(levels["levels"][0]["percent"]["value"], 0.0, "four seconds are more than three");
    let queues = site.get("/api/v1/queues", &ada).await.json();
    assert_eq!(queues.as_array().map(Vec::len), Some(1), "an agent sees his own");
    let journal = site.get("/api/v1/journal?after=2&limit=3", &max).await.json();
    let numbers: Vec<_> =
        journal.as_array().expect("a list").iter().map(|event| event["seq"].clone()).collect();
    assert_eq!(numbers, [3, 4, 5]);
    let floor = site.get("/api/v1/floor", &ada).await.json();
    assert_eq!(floor["queues"]["help"]["counts"]["entered"], 0, "not his queue");
}

#[tokio::test]
async fn a_track_is_sent_in_parts() {
    let site = Site::new().await;
    let sue = site.token("sue").await;
    let id = RecordingId::from_u64(77);
    let started_at: Timestamp = "2026-03-01T09:30:00Z".parse().expect("a time");
    let folder = site.recordings().join("2026/03/01").join(id.to_string());
    std::fs::create_dir_all(&folder).expect("a folder");
    let bytes: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
    std::fs::write(folder.join("customer.wav"), &bytes).expect("written");
    let track = TrackFile {
        track: Track::Customer,
        file: "customer.wav".into(),
        size_bytes: 200_000,
        duration_millis: 6_250,
        sha256: "ab".repeat(32),
    };
    let open = Recording {
        id,
        call: CallId::from_u64(1),
        started_at,
        state: RecordingState::Open,
        duration_millis: 0,
        tracks: Vec::new(),
        dropped_frames: 0,
    };
    let path = format!("/api/v1/recordings/{id}/tracks/customer.wav");
    site.store.recordings().save(&open).await.expect("saved");
    check(&site.get(&path, &sue).await, 409, "still being written");
    let transcript = site.get(&format!("/api/v1/recordings/{id}/transcript"), &sue).await.json();
    assert_eq!(transcript["state"], "waiting");
    let sealed = Recording { state: RecordingState::Sealed, tracks: vec![track], ..open };
    site.store.recordings().save(&sealed).await.expect("saved");

    let etag = format!("\"{}\"", "ab".repeat(32));
    let send = |method: &'static str, headers: Vec<(header::HeaderName, String)>| {
        let mut request = Request::builder().method(method).uri(&path);
        request = request.header(header::AUTHORIZATION, format!("Bearer {sue}"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        site.send(request.body(Body::empty()).expect("a request"))
    };
    let whole = send("GET", vec![]).await;
    assert_eq!((whole.status, whole.header(header::ETAG)), (StatusCode::OK, etag.as_str()));
    assert_eq!(whole.header(header::CONTENT_TYPE), "audio/wav");
    assert_eq!(whole.body, bytes);
    let range = |range: &str| (header::RANGE, range.to_owned());
    let part = send("GET", vec![range("bytes=1000-70999")]).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.header(header::CONTENT_RANGE), "bytes 1000-70999/200000");
    assert_eq!(part.header(header::CONTENT_LENGTH), "70000");
    assert_eq!(part.body, bytes[1_000..71_000]);
    assert_eq!(send("GET", vec![range("bytes=-5")]).await.body, bytes[199_995..]);
    let beyond = send("GET", vec![range("bytes=200000-")]).await;
    check(&beyond, 416, "200000 bytes");
    assert_eq!(beyond.header(header::CONTENT_RANGE), "bytes */200000");
    let same = send("GET", vec![range("bytes=0-9"), (header::IF_RANGE, etag.clone())]).await;
    assert_eq!((same.status, same.body.len()), (StatusCode::PARTIAL_CONTENT, 10));
    let other = send("GET", vec![range("bytes=0-9"), (header::IF_RANGE, "\"x\"".into())]).await;
    assert_eq!((other.status, other.body.len()), (StatusCode::OK, 200_000));
    let known = send("GET", vec![(header::IF_NONE_MATCH, etag)]).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let head = send("HEAD", vec![]).await;
    assert_eq!((head.status, head.header(header::CONTENT_LENGTH)), (StatusCode::OK, "200000"));
    assert!(head.body.is_empty());
    for wrong in ["agent.wav", "customer.mp3", "..%2f..%2fcustomer.wav"] {
        let path = format!("/api/v1/recordings/{id}/tracks/{wrong}");
        check(&site.get(&path, &sue).await, 404, "track");
    }
}

#[tokio::test]
async fn monitoring_needs_no_token() {
    let site = Site::new().await;
    let (call, _) = site.call(7, "sales");
    site.connect(call, "sales", "ada");
    let health = site.get("/healthz", "").await;
    assert_eq!((health.status, &health.json()["status"]), (StatusCode::OK, &json!("ok")));
    let metrics = site.get("/metrics", "").await;
    let text = String::from_utf8(metrics.body.to_vec()).expect("text");
    for line in [
        "callfloor_calls{phase=\"talking\"} 1",
        "callfloor_queue_waiting{queue=\"sales\"} 0",
        "callfloor_queue_exits_total{queue=\"sales\",exit=\"answered\"} 1",
        "callfloor_wait_seconds_bucket{le=\"5\"} 1",
        "callfloor_wait_seconds_bucket{le=\"1\"} 0",
        "callfloor_wait_seconds_sum 4",
        "callfloor_setup_seconds_count 1",
        "callfloor_journal_failing 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let mut unique = names.clone();
    unique.dedup();
    assert_eq!(names, unique, "each name once");
    site.stop.cancel();
    assert_eq!(site.get("/healthz", "").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_document_lists_every_path_of_the_contract() {
    let site = Site::new().await;
    let document = site.get("/api/v1/openapi.json", "").await.json();
    let contract = include_str!("../../../shared/src/api/mod.rs");
    let mut rows = 0;
    for line in contract.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let first = line.split('|').next().unwrap_or_default().trim();
        let Some((method, paths)) = first.split_once(' ') else { continue };
        if !["GET", "POST", "PUT", "DELETE"].contains(&method) {
            continue;
        }
        let base = paths.split(',').next().unwrap_or_default().trim();
        for path in paths.split(',').map(str::trim) {
            // "/calls/{id}/hold, /resume" names the sisters of the first by their last part.
            let parent = base.rsplit_once('/').map_or("", |(parent, _)| parent);
            let whole = format!("{parent}{path}");
            let known = [path, whole.as_str()]
                .into_iter()
                .any(|path| document["paths"][path][method.to_lowercase()].is_object());
            assert!(known, "{method} {path} is not in the document");
            rows += 1;
        }
    }
    assert!(rows >= 25, "the table was read: {rows}");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for name in
        ["Floor", "Stamped", "Event", "CallDetail", "ApiError", "ServerFrame", "DayReport", "Transcript"]
    {
        assert!(schemas.contains_key(name), "{name}");
    }
    // No reference leads nowhere.
    let text = document.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap_or_default();
        assert!(schemas.contains_key(name), "{name} is used and not described");
    }
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
}

#[tokio::test]
async fn staffing_is_worked_out_for_managers() {
    let site = Site::new().await;
    let (ada, max) = (site.token("ada").await, site.token("max").await);
    let path = "/api/v1/staffing?calls=100&per_secs=1800&aht_secs=180";
    let report = site.get(path, &max).await.json();
    assert_eq!((report["model"].as_str(), report["chosen"]["agents"].as_u64()), (Some("erlang_c"), Some(14)));
    check(&site.get(path, &ada).await, 403, "role");
    check(&site.get("/api/v1/staffing?calls=0&per_secs=1800&aht_secs=180", &max).await, 400, "calls is 0");
    check(&site.get("/api/v1/staffing?calls=1", &max).await, 400, "per_secs");
}
