//! The HTTP API from outside, spoken by an ordinary client.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};
use shared::api::recordings::RecordingQuery;
use shared::model::recording::RecordingState;
use tests::http::{self, Answer};
use tests::phone::{Phone, PhoneSetup};
use tests::service::Service;
use tests::setup::Setup;
use tests::voice::Mouth;
use tests::{Outcome, wait};

use crate::floor::{Floor, SALES, SOON, program};

/// A plain client of one service.
struct Plain {
    service: SocketAddr,
}

impl Plain {
    fn of(service: &Service) -> Plain {
        Plain { service: service.setup.http }
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
    ) -> Outcome<Answer> {
        let token = token.map(|token| format!("Authorization: Bearer {token}"));
        let fields: Vec<&str> = token.as_deref().into_iter().collect();
        http::request(self.service, method, path, &fields, body.unwrap_or_default()).await
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Outcome<Answer> {
        self.ask("GET", path, token, None).await
    }

    async fn token(&self, user: &str) -> Outcome<String> {
        let body = json!({ "user": user, "password": format!("demo-{user}") }).to_string();
        let answer = self.ask("POST", "/api/v1/session", None, Some(&body)).await?;
        assert_eq!(answer.status, 200, "{user}");
        let answer: Value = serde_json::from_slice(&answer.body)?;
        Ok(answer["token"].as_str().expect("a token").to_owned())
    }
}

/// The error's fields, after a look at their form.
fn problem(answer: &Answer) -> Outcome<Value> {
    let body: Value = serde_json::from_slice(&answer.body)?;
    for field in ["code", "message", "detail", "hint"] {
        assert!(body[field].is_string(), "{field} in {body}");
    }
    assert!(!body["message"].as_str().unwrap_or_default().is_empty(), "{body}");
    Ok(body)
}

#[tokio::test]
async fn who_asks_is_checked_first() -> Outcome {
    let service = Service::start(program(), Setup::test()?).await?;
    let plain = Plain::of(&service);

    for (user, password) in [("sara", "wrong"), ("nobody", "demo-sara"), ("sara", "")] {
        let body = json!({ "user": user, "password": password }).to_string();
        let answer = plain.ask("POST", "/api/v1/session", None, Some(&body)).await?;
        assert_eq!(answer.status, 401, "{user} {password}");
        assert_eq!(problem(&answer)?["code"], "unauthorized");
    }

    let sara = plain.token("sara").await?;
    assert_eq!(plain.get("/api/v1/me", Some(&sara)).await?.status, 200);
    let cut = &sara[..sara.len() - 1];
    for token in [None, Some("x"), Some(cut), Some("Bearer"), Some("eyJhbGciOiJub25lIn0.e30.")] {
        for path in ["/api/v1/me", "/api/v1/floor", "/api/v1/recordings", "/api/v1/journal"] {
            let answer = plain.get(path, token).await?;
            assert_eq!(answer.status, 401, "{path} with {token:?}");
            assert!(answer.header("www-authenticate").is_some(), "RFC 9110 section 15.5.2");
            problem(&answer)?;
        }
    }

    // Signed out is signed out, at once.
    let answer = plain.ask("DELETE", "/api/v1/session", Some(&sara), None).await?;
    assert_eq!(answer.status, 204);
    assert_eq!(plain.get("/api/v1/me", Some(&sara)).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn each_role_reaches_what_it_may_and_no_more() -> Outcome {
    let service = Service::start(program(), Setup::test()?).await?;
    let plain = Plain::of(&service);
    let no_call = "/api/v1/calls/0000000000000";
    let away = json!({ "status": "not_ready" }).to_string();
    let listen = json!({ "mode": "monitor" }).to_string();
    // Path, method, body, and the least role: 0 agent, 1 supervisor, 2 manager.
    let routes: [(&str, &str, Option<&str>, usize); 12] = [
        ("GET", "/api/v1/me", None, 0),
        ("GET", "/api/v1/floor", None, 0),
        ("GET", "/api/v1/agents/201", None, 0),
        ("POST", "/api/v1/agents/201/status", Some(&away), 0),
        ("GET", "/api/v1/agents/202", None, 1),
        ("POST", "/api/v1/agents/202/status", Some(&away), 1),
        ("GET", "/api/v1/recordings", None, 1),
        ("GET", "/api/v1/recordings/0000000000000", None, 1),
        ("GET", "/api/v1/reports/day", None, 1),
        ("PUT", &format!("{no_call}/supervision"), Some(&listen), 1),
        ("DELETE", &format!("{no_call}/supervision"), None, 1),
        ("GET", "/api/v1/journal", None, 2),
    ];
    for (rank, user) in ["201", "sara", "mia", "admin"].into_iter().enumerate() {
        let token = plain.token(user).await?;
        // The other agent has to be there to be sent away.
        plain.token("202").await?;
        for (method, path, body, least) in &routes {
            let status = plain.ask(method, path, Some(&token), *body).await?.status;
            let what = format!("{user}: {method} {path} gives {status}");
            if rank < *least {
                assert_eq!(status, 403, "{what}");
            } else {
                assert!((200..300).contains(&status) || status == 404, "{what}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_read_is_said_with_its_field() -> Outcome {
    let service = Service::start(program(), Setup::test()?).await?;
    let plain = Plain::of(&service);
    let sara = plain.token("sara").await?;
    let session = "/api/v1/session";
    let status = "/api/v1/agents/201/status";
    for (path, body, named) in [
        (session, r#"{"user":"sara"}"#, "password"),
        (session, r#"{"user":7,"password":"x"}"#, "user"),
        (session, r#"{"user":"sara","password":["x"]}"#, "password"),
        (session, r#"{"user":"sara","password":"#, "line 1"),
        (session, " ", "EOF"),
        (status, r#"{"status":"flying"}"#, "flying"),
        (status, "[]", "SetStatus"),
        ("/api/v1/agents/201/wrap-up", r#"{"code":5}"#, "code"),
    ] {
        let answer = plain.ask("POST", path, Some(&sara), Some(body)).await?;
        assert_eq!(answer.status, 400, "{body}");
        let detail = problem(&answer)?["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains(named), "{body}: {detail}");
    }
    for (query, named) in [("limit=many", "limit"), ("live=perhaps", "live"), ("before=x", "id")] {
        let answer = plain.get(&format!("/api/v1/calls?{query}"), Some(&sara)).await?;
        assert_eq!(answer.status, 400, "{query}");
        let detail = problem(&answer)?["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains(named), "{query}: {detail}");
    }
    let large = format!(r#"{{"user":"sara","password":"{}"}}"#, "x".repeat(200_000));
    let answer = plain.ask("POST", session, None, Some(&large)).await?;
    assert_eq!(answer.status, 413);
    let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let answer = plain.ask("POST", session, None, Some(&nested)).await?;
    assert_eq!(answer.status, 400);
    for (method, path, wanted) in [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/calls/../../etc/passwd", 404),
        ("GET", "/api/v1/recordings/0000000000000/tracks/..%2f..%2fcallfloor.db", 404),
        ("PATCH", "/api/v1/me", 405),
    ] {
        let answer = plain.ask(method, path, Some(&sara), None).await?;
        assert_eq!(answer.status, wanted, "{path}");
        problem(&answer)?;
    }
    assert_eq!(plain.get("/api/v1/me", Some(&sara)).await?.status, 200, "it lives");
    Ok(())
}

#[tokio::test]
async fn the_document_lists_every_route_of_the_contract() -> Outcome {
    let service = Service::start(program(), Setup::test()?).await?;
    let plain = Plain::of(&service);
    let document: Value = serde_json::from_slice(&plain.get("/api/v1/openapi.json", None).await?.body)?;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "its version");
    let paths = document["paths"].as_object().expect("paths");
    let mut listed = BTreeSet::new();
    for (path, methods) in paths {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        for method in methods.as_object().expect("methods").keys() {
            listed.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let wanted = contract();
    assert!(wanted.len() >= 27, "only {} routes were read: {wanted:?}", wanted.len());
    let missing: Vec<_> = wanted.difference(&listed).collect();
    assert!(missing.is_empty(), "not in the document: {missing:?}\nthere are {listed:?}");
    Ok(())
}

/// The routes of the table in the contract's own documentation.
fn contract() -> BTreeSet<String> {
    let text = include_str!("../../shared/src/api/mod.rs");
    let mut routes = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let Some((route, _)) = line.split_once(" | ") else { continue };
        let Some((method, paths)) = route.split_once(' ') else { continue };
        if !["GET", "POST", "PUT", "DELETE"].contains(&method) {
            continue;
        }
        let mut first = String::new();
        for path in paths.split(", ") {
            // "/calls/{id}/hold, /resume" shares what comes before its last part.
            let whole = match first.rsplit_once('/') {
                Some((before, _)) if path.matches('/').count() == 1 => format!("{before}{path}"),
                _ => path.to_owned(),
            };
            if first.is_empty() {
                first.clone_from(&whole);
            }
            routes.insert(format!("{method} {whole}"));
        }
    }
    routes
}

#[tokio::test]
async fn monitoring_sees_health_and_numbers() -> Outcome {
    let service = Service::start(program(), Setup::test()?).await?;
    let plain = Plain::of(&service);
    assert_eq!(plain.get("/healthz", None).await?.status, 200);
    let answer = plain.get("/metrics", None).await?;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let mut samples = 0;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("name and value");
        assert!(name.starts_with("callfloor_") || name.starts_with("process_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        samples += 1;
    }
    assert!(samples > 10, "{text}");
    assert!(text.contains("queue=\"sales\""), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_recording_is_fetched_in_parts() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[("301", &["sales"])]).await?;
    let sip = floor.service.setup.sip;
    let agent = Phone::start(PhoneSetup::fixed(sip, "301", floor.port("301"))).await?;
    let mut customer = PhoneSetup::customer(sip, "+49305550133", "Carla");
    customer.mouth = Mouth::tone(620.0);
    let customer = Phone::start(customer).await?;
    customer.call(SALES).await?;
    agent.talking(SOON).await?;
    wait::until("half a second of talk", SOON, || (agent.ear.len() > 25).then_some(())).await?;
    customer.hang_up().await?;
    let recording = wait::until_async("the sealed recording", SOON, async || {
        let all = floor.sara.recordings(&RecordingQuery::default()).await?;
        Ok(all.into_iter().find(|recording| recording.state == RecordingState::Sealed))
    })
    .await?;

    let plain = Plain::of(&floor.service);
    let token = plain.token("sara").await?;
    let track = format!("/api/v1/recordings/{}/tracks/customer.wav", recording.id);
    let signed = format!("Authorization: Bearer {token}");
    let part =
        async |range: &str| http::get(plain.service, &track, &[&signed, &format!("Range: {range}")]).await;
    let whole = http::get(plain.service, &track, &[&signed]).await?;
    assert_eq!(whole.status, 200);
    assert_eq!(whole.header("content-type"), Some("audio/wav"));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let whole = whole.body;
    assert_eq!(&whole[..4], b"RIFF");
    let len = whole.len();
    for (range, wanted) in [
        ("bytes=0-43".to_owned(), 0..44),
        ("bytes=100-".to_owned(), 100..len),
        ("bytes=-64".to_owned(), len - 64..len),
        (format!("bytes=10-{}", len + 1000), 10..len),
    ] {
        let answer = part(&range).await?;
        assert_eq!(answer.status, 206, "{range}");
        let said = format!("bytes {}-{}/{len}", wanted.start, wanted.end - 1);
        assert_eq!(answer.header("content-range"), Some(said.as_str()), "{range}");
        assert_eq!(answer.body, whole[wanted], "{range}");
    }
    let beyond = part(&format!("bytes={len}-")).await?;
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("content-range"), Some(format!("bytes */{len}").as_str()));
    // RFC 9110 section 14.2: a range that cannot be read is no range.
    assert_eq!(part("bytes=a-b").await?.status, 200);
    let unknown = format!("/api/v1/recordings/{}/tracks/manager.wav", recording.id);
    assert_eq!(plain.get(&unknown, Some(&token)).await?.status, 404);
    Ok(())
}
