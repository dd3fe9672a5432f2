//! Chromium without a window (Debian `chromium`), driven over its DevTools protocol: a real browser on a real page.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::program::{self, Running};
use crate::{Outcome, wait};

const START: Duration = Duration::from_secs(40);
const ANSWER: Duration = Duration::from_secs(20);

/// A browser with one page; it is killed when this is dropped.
#[derive(Debug)]
pub struct Browser {
    // First, so that the process is gone before its folder goes.
    _running: Running,
    _folder: TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    number: u64,
    /// What the page wrote to its console and what it threw.
    pub complaints: Vec<String>,
}

impl Browser {
    /// Opens `url` in a window of this size, in pixels.
    pub async fn open(url: &str, width: u32, height: u32) -> Outcome<Browser> {
        let program = program::find("chromium", "chromium")?;
        let folder = tempfile::Builder::new().prefix("callfloor-browser-").tempdir()?;
        let mut command = Command::new(program);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.args(["--disable-dev-shm-usage", "--no-proxy-server", "--remote-debugging-port=0"]);
        command.arg(format!("--user-data-dir={}", folder.path().display()));
        command.arg(format!("--window-size={width},{height}")).arg("about:blank");
        let log = folder.path().join("chromium.log");
        let mut running = Running::start("chromium", &mut command, &log)?;
        let port_file = folder.path().join("DevToolsActivePort");
        let address = wait::until_async("chromium's DevTools", START, async || {
            if let Some(status) = running.ended() {
                return Err(format!("chromium ended with {status}: {}", text(&log)).into());
            }
            let said = text(&port_file);
            let mut lines = said.lines();
            let found = lines.next().zip(lines.next());
            Ok(found.map(|(port, path)| format!("ws://127.0.0.1:{port}{path}")))
        })
        .await?;
        let (socket, _) = tokio_tungstenite::connect_async(&address).await?;
        let mut browser = Browser {
            _running: running,
            _folder: folder,
            socket,
            session: None,
            number: 0,
            complaints: Vec::new(),
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach).await?;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({})).await?;
        }
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", metrics).await?;
        let went = browser.call("Page.navigate", json!({ "url": url })).await?;
        match went["errorText"].as_str() {
            Some(error) => Err(format!("open {url}: {error}").into()),
            None => Ok(browser),
        }
    }

    /// The value of an expression of JavaScript on the page.
    pub async fn value(&mut self, expression: &str) -> Outcome<Value> {
        let ask = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", ask).await?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(format!("{expression}: {details}").into()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Waits until an expression is true. The error shows the page's text and its complaints.
    pub async fn until(&mut self, what: &str, expression: &str, at_most: Duration) -> Outcome {
        let reached = wait::until_async(what, at_most, async || {
            Ok(self.value(expression).await?.as_bool().filter(|is| *is))
        })
        .await;
        let Err(error) = reached else { return Ok(()) };
        let page = self.value("document.body ? document.body.innerText : ''").await.unwrap_or_default();
        let page = page.as_str().unwrap_or_default().to_owned();
        Err(format!("{error}; the page complains {:?} and shows:\n{page}", self.complaints).into())
    }

    /// What the page shows, as a PNG file.
    pub async fn screenshot(&mut self) -> Outcome<Vec<u8>> {
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png" })).await?;
        let picture = answer["data"].as_str().ok_or("chromium took no picture")?;
        base64(picture)
    }

    async fn call(&mut self, method: &str, params: Value) -> Outcome<Value> {
        self.number += 1;
        let number = self.number;
        let mut message = json!({ "id": number, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.socket.send(Message::text(message.to_string())).await?;
        let what = format!("chromium's answer to {method}");
        let (socket, complaints) = (&mut self.socket, &mut self.complaints);
        wait::within(&what, ANSWER, async {
            loop {
                let message = socket.next().await.ok_or("chromium closed its DevTools")??;
                let Message::Text(text) = message else { continue };
                let mut answer: Value = serde_json::from_str(&text)?;
                if answer["id"].as_u64() == Some(number) {
                    return match answer.get("error") {
                        Some(error) => Err(format!("{method}: {error}").into()),
                        None => Ok(answer["result"].take()),
                    };
                }
                complaints.extend(complaint(&answer));
            }
        })
        .await
    }
}

/// What an event says that a healthy page does not do.
fn complaint(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" if params["type"] == "error" => Some(params["args"].to_string()),
        "Log.entryAdded" if params["entry"]["level"] == "error" => Some(params["entry"].to_string()),
        _ => None,
    }
}

fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

/// RFC 4648, section 4.
fn base64(text: &str) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(format!("{letter} is no letter of base 64").into()),
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_read() {
        let examples = [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")];
        for (text, expected) in examples {
            assert_eq!(base64(text).expect("right"), expected.as_bytes());
        }
        assert!(base64("Zm9v!").is_err());
    }
}
