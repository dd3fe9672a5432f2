//! The whole service in this process: a configuration that is changed over the API while a call waits.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use queue_service::app;
use queue_service::config::Config;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A port that is free now.
fn free() -> Outcome<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}

struct Answer {
    status: u16,
    tag: String,
    body: Value,
}

/// One request; the token and the tag may be empty.
async fn ask(
    http: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    tag: &str,
    body: &str,
) -> Outcome<Answer> {
    let mut stream = TcpStream::connect(http).await?;
    let head = format!(
        "{method} /api/v1{path} HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {token}\r\nIf-Match: {tag}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no answer")?;
    let tag =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("etag: ").map(str::to_owned));
    Ok(Answer {
        status: head.split(' ').nth(1).ok_or("no status")?.parse()?,
        tag: tag.unwrap_or_default(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    })
}

/// The service on a file; stops when dropped by the token.
struct Service {
    http: SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), app::StartError>>,
    token: String,
}

impl Service {
    async fn start(file: &Path) -> Outcome<Service> {
        let config = Config::load(file)?;
        let (http, stop) = (config.http.listen, CancellationToken::new());
        let task = tokio::spawn(app::run(config, stop.clone()));
        for _ in 0..300 {
            let body = json!({"user": "adm", "password": "pw"}).to_string();
            if let Ok(answer) = ask(http, "POST", "/session", "", "", &body).await {
                let token = answer.body["token"].as_str().ok_or("no token")?.to_owned();
                return Ok(Service { http, stop, task, token });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("the service does not start".into())
    }

    async fn ask(&self, method: &str, path: &str, tag: &str, body: &str) -> Outcome<Answer> {
        ask(self.http, method, path, &self.token, tag, body).await
    }

    /// The events of a kind, once there are so many.
    async fn events(&self, kind: &str, count: usize) -> Outcome<Vec<Value>> {
        for _ in 0..300 {
            let journal = self.ask("GET", "/journal?limit=5000", "", "").await?.body;
            let all = journal.as_array().ok_or("no journal")?.iter().map(|row| row["event"].clone());
            let found: Vec<Value> = all.filter(|event| event["type"] == kind).collect();
            if found.len() >= count {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("there are not {count} of {kind}").into())
    }

    async fn end(self) -> Outcome {
        self.stop.cancel();
        Ok(self.task.await??)
    }
}

fn invite(from: &UdpSocket, to: SocketAddr, number: u32) -> Outcome {
    let own = from.local_addr()?;
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\n",
        own.port() + 1
    );
    let text = format!(
        "INVITE sip:3001@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:+4930{number}@{own}>;tag={number}\r\nTo: <sip:3001@{to}>\r\nCall-ID: call-{number}\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    from.send_to(text.as_bytes(), to)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_keeps_its_rules_and_a_restart_the_version() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("callfloor.toml");
    let (sip, http, phone) = (free()?, free()?, free()?);
    let text = format!(
        "# The night shift.\n[sip]\nudp = [\"127.0.0.1:{sip}\"]\ntcp = []\n[media]\nbind = \"127.0.0.1\"\nworkers = 1\n\
         [http]\nlisten = \"127.0.0.1:{http}\"\n[[trunks]]\nid = \"in\"\nname = \"In\"\naddresses = [\"127.0.0.1\"]\n\
         [[queues]]\nid = \"sales\"\nname = \"Sales\"\nnumbers = [\"3001\"]\nskills = {{ english = 1 }} # for now\n\
         [[agents]]\nid = \"201\"\nname = \"Ada\"\nqueues = [\"sales\"]\nready_on_start = true\n\
         contact = \"sip:201@127.0.0.1:{phone}\"\n[[users]]\nid = \"adm\"\nname = \"Adm\"\nrole = \"admin\"\n\
         password = \"pw\"\n"
    );
    std::fs::write(&file, text)?;
    let _phone = UdpSocket::bind(("127.0.0.1", phone))?;
    let caller = UdpSocket::bind("127.0.0.1:0")?;
    let to = SocketAddr::from(([127, 0, 0, 1], sip));

    let service = Service::start(&file).await?;
    invite(&caller, to, 1)?;
    let waits = service.events("call_queued", 1).await?[0]["call"].clone();
    let tag = service.ask("GET", "/configuration", "", "").await?.tag;
    let queue = json!({"name": "Sales", "numbers": ["3001"]}).to_string();
    let answer = service.ask("PUT", "/queues/sales", &tag, &queue).await?;
    assert_eq!((answer.status, &answer.body["version"]), (200, &json!(2)), "{}", answer.body);
    let stale = service.ask("PUT", "/queues/sales", &tag, &queue).await?;
    assert_eq!(stale.status, 412);
    // Nobody has the skill that the first call came with; the second one needs none.
    invite(&caller, to, 2)?;
    let later = service.events("call_queued", 2).await?[1]["call"].clone();
    let offers = service.events("offer_made", 1).await?;
    assert!(offers.iter().all(|offer| offer["call"] == later), "{waits} was offered: {offers:?}");
    assert_eq!(offers[0]["decision"]["config_version"], 2);
    let changed = service.events("configuration_changed", 2).await?;
    assert_eq!((&changed[1]["by"], &changed[1]["how"]), (&json!("adm"), &json!("api")));
    service.end().await?;

    assert!(std::fs::read_to_string(&file)?.starts_with("# The night shift.\n"), "comments stay");
    let service = Service::start(&file).await?;
    let started = service.events("service_started", 2).await?;
    assert_eq!(started[1]["config_version"], 2);
    assert_eq!(service.ask("GET", "/queues/sales", "", "").await?.body["info"]["skills"], json!([]));
    assert_eq!(service.events("configuration_changed", 2).await?.len(), 2, "no version of its own");
    service.end().await
}
