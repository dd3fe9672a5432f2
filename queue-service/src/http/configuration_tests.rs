//! The configuration over the API: nothing is lost, nothing wrong is taken, every version is kept.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use shared::model::event::Event;

use super::testing::{Answer, Site};
use crate::switch::command::Command;

const WHOLE: &str = "/api/v1/configuration";

impl Site {
    pub(super) async fn tagged(
        &self,
        method: &str,
        path: &str,
        token: &str,
        tag: &str,
        body: String,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        if !tag.is_empty() {
            request = request.header(header::IF_MATCH, tag);
        }
        let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
        self.send(request.header(header::CONTENT_TYPE, kind).body(Body::from(body)).expect("a request")).await
    }

    async fn configuration(&self, token: &str) -> (String, String) {
        let answer = self.get(WHOLE, token).await;
        assert_eq!(answer.status, StatusCode::OK);
        let text = String::from_utf8(answer.body.to_vec()).expect("text");
        (answer.header(header::ETAG).to_owned(), text)
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("call.toml")
    }
}

#[tokio::test]
async fn only_an_administrator_sees_and_changes_the_configuration() {
    let site = Site::new().await;
    for user in ["ada", "sue", "max"] {
        let token = site.token(user).await;
        assert_eq!(site.get(WHOLE, &token).await.status, StatusCode::FORBIDDEN, "{user}");
        for (method, path) in [
            ("PUT", WHOLE),
            ("POST", "/api/v1/configuration/check"),
            ("PUT", "/api/v1/queues/sales"),
            ("DELETE", "/api/v1/agents/ada"),
            ("GET", "/api/v1/configuration/versions/1"),
            ("POST", "/api/v1/configuration/versions/1/restore"),
        ] {
            let answer = site.tagged(method, path, &token, "\"1\"", "{}".into()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{user} {method} {path}");
        }
    }
}

#[tokio::test]
async fn a_whole_configuration_is_read_changed_and_kept() {
    let site = Site::new().await;
    let token = site.token("adm").await;
    let (tag, text) = site.configuration(&token).await;
    assert!(tag.starts_with("\"1-") && !text.contains("\"pw\""), "{tag} {text}");
    assert!(text.contains("$secret:agents.ada.password"), "{text}");
    let new = text.replace("name = \"Sales\"", "name = \"Sales\" # ours\nring_secs = 25");
    let answer = site.tagged("PUT", WHOLE, &token, &tag, new).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let change = answer.json();
    assert_eq!(change["version"], 2);
    assert_eq!(change["changes"], json!(["queue sales: ring_secs = 25"]));
    assert_eq!(change["restart"], json!([]));
    let asked = site.asked();
    assert!(matches!(asked.as_slice(), [Command::Configure(_)]), "{asked:?}");
    // The file has comment, value and the secrets; the journal has who did it.
    let file = std::fs::read_to_string(site.file()).expect("there");
    assert!(
        file.contains("# ours") && file.contains("password = \"pw\"") && !file.contains("$secret"),
        "{file}"
    );
    let told = site.store.journal().of_kind("configuration_changed", 0, 1_000).await.expect("read");
    let Event::ConfigurationChanged { version, by, hash, .. } = &told.last().expect("told").event else {
        panic!("{told:?}")
    };
    assert_eq!((*version, by.as_ref().map(|by| by.as_str()), hash.len()), (2, Some("adm"), 64));
    // Byte for byte the same: nothing happens.
    let (tag, text) = site.configuration(&token).await;
    let again = site.tagged("PUT", WHOLE, &token, &tag, text).await.json();
    assert_eq!((again["version"].as_u64(), again["changes"].as_array().map(Vec::len)), (Some(2), Some(0)));
}

#[tokio::test]
async fn a_lost_update_is_refused() {
    let site = Site::new().await;
    let token = site.token("adm").await;
    let (tag, text) = site.configuration(&token).await;
    let none = site.tagged("PUT", WHOLE, &token, "", text.clone()).await;
    assert_eq!(none.status, StatusCode::PRECONDITION_REQUIRED);
    // Two writers who have read the same version, at the same time: one is taken.
    let first = format!("{text}\n[[skills]]\nid = \"one\"\nname = \"One\"\n");
    let second = format!("{text}\n[[skills]]\nid = \"two\"\nname = \"Two\"\n");
    let (a, b) = tokio::join!(
        site.tagged("PUT", WHOLE, &token, &tag, first),
        site.tagged("PUT", WHOLE, &token, &tag, second)
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let (now, text) = site.configuration(&token).await;
    assert_eq!(text.matches("[[skills]]").count(), 1);
    let lost = if a.status == StatusCode::OK { b } else { a };
    assert_eq!(lost.header(header::ETAG), now, "it says what is in force");
    let entry = site.tagged("PUT", "/api/v1/queues/sales", &token, &tag, "{\"name\":\"S\"}".into()).await;
    assert_eq!(entry.status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn every_fault_is_told_and_nothing_changes() {
    let site = Site::new().await;
    let token = site.token("adm").await;
    let (tag, text) = site.configuration(&token).await;
    let wrong = format!(
        "{text}\n[[skills]]\nid = \"spanish\"\nname = \"Spanish\"\n[[agents]]\nid = \"eve\"\nname = \"Eve\"\n\
         queues = [\"sale\"]\nskills = {{ spanisch = 9 }}\n"
    );
    let line = wrong.lines().count();
    let answer = site.tagged("PUT", WHOLE, &token, &tag, wrong.clone()).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = answer.json()["detail"].as_str().expect("text").to_owned();
    for part in
        ["unknown skill spanisch, did you mean spanish?", "there is no queue \"sale\"", "9 is out of range"]
    {
        assert!(detail.contains(part), "{part} in {detail}");
    }
    let check = site.tagged("POST", "/api/v1/configuration/check", &token, "", wrong).await.json();
    assert_eq!(check["faults"].as_array().map(Vec::len), Some(3), "{check}");
    assert!(
        check["faults"].as_array().is_some_and(|faults| faults.iter().any(|it| it["line"] == line)),
        "{check}"
    );
    let broken = site.tagged("PUT", WHOLE, &token, &tag, format!("{text}\n[[queues]\n")).await;
    assert_eq!(broken.status, StatusCode::UNPROCESSABLE_ENTITY);
    let place = format!("call.toml:{}:", text.lines().count() + 2);
    assert!(
        broken.json()["detail"].as_str().is_some_and(|text| text.contains(&place)),
        "{:?}",
        broken.json()
    );
    assert_eq!(site.configuration(&token).await, (tag, text));
    assert!(site.asked().is_empty());
}

#[tokio::test]
async fn entries_are_changed_one_at_a_time() {
    let site = Site::new().await;
    let token = site.token("adm").await;
    let (tag, _) = site.configuration(&token).await;
    let put = |path: &'static str, tag: String, body: Value| {
        let (site, token) = (&site, &token);
        async move { site.tagged("PUT", path, token, &tag, body.to_string()).await }
    };
    let answer = put("/api/v1/queues/late", tag, json!({"name": "Late", "ring_secs": 30})).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let tag = answer.header(header::ETAG).to_owned();
    let answer = put("/api/v1/agents/ada", tag.clone(), json!({"name": "Ada", "queues": ["late"]})).await;
    assert_eq!(answer.json()["changes"], json!(["agent ada: queues [\"sales\"] → [\"late\"]"]));
    let late = answer.header(header::ETAG).to_owned();
    assert_eq!(site.tagged("DELETE", "/api/v1/queues/late", &token, &late, String::new()).await.status, 422);
    assert_eq!(site.tagged("DELETE", "/api/v1/queues/none", &token, &late, String::new()).await.status, 404);
    let other = put("/api/v1/queues/late", late.clone(), json!({"id": "x", "name": "Late"})).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
    let unknown = put("/api/v1/queues/late", late, json!({"name": "Late", "colour": "red"})).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        site.auth
            .sign_in(crate::clock::now(), [127, 0, 0, 1].into(), &"ada".parse().expect("id"), "pw")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn versions_are_kept_and_come_back() {
    let site = Site::new().await;
    let token = site.token("adm").await;
    let ada = site.token("ada").await;
    let (tag, text) = site.configuration(&token).await;
    let answer = site.tagged("DELETE", "/api/v1/agents/ada", &token, &tag, String::new()).await;
    assert_eq!(answer.json()["changes"], json!(["agent ada removed"]));
    assert_eq!(site.get("/api/v1/me", &ada).await.status, StatusCode::UNAUTHORIZED, "she is out at once");
    let versions = site.get("/api/v1/configuration/versions", &token).await.json();
    assert_eq!((versions[0]["version"].as_u64(), versions[0]["by"].as_str()), (Some(2), Some("adm")));
    assert_eq!(versions[1]["how"], "start");
    let first = site.get("/api/v1/configuration/versions/1", &token).await;
    assert_eq!(String::from_utf8_lossy(&first.body), text);
    assert_eq!(site.get("/api/v1/configuration/versions/9", &token).await.status, StatusCode::NOT_FOUND);
    let tag = answer.header(header::ETAG).to_owned();
    let path = "/api/v1/configuration/versions/1/restore";
    let back = site.tagged("POST", path, &token, &tag, String::new()).await;
    assert_eq!((back.json()["version"].as_u64(), back.status), (Some(3), StatusCode::OK));
    assert_eq!(site.configuration(&token).await.1, text);
    site.token("ada").await;
    // What was changed by hand is not written over.
    std::fs::write(
        site.file(),
        format!("{}# by hand\n", std::fs::read_to_string(site.file()).expect("there")),
    )
    .expect("written");
    let tag = back.header(header::ETAG).to_owned();
    let answer = site.tagged("PUT", "/api/v1/queues/sales", &token, &tag, "{\"name\":\"S\"}".into()).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.json()["hint"].as_str().is_some_and(|hint| hint.contains("SIGHUP")));
}
