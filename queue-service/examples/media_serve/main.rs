//! The media of the service alone, told by lines of JSON what to carry: what `deploy/bench media` measures.
//!
//! ```text
//! bench ─► {"open":{"mode":"relay","calls":100,"peers":["127.0.0.1:4000"]}} ─► queue_service::media::Media
//!       ◄─ {"ports":[20000,20002,…]}              one port a leg, the legs of one call side by side
//! bench ─► {"stats":{}} ◄─ {"packets_sent":1,…}    and {"close":{}} ◄─ {"closed":true}
//! ```
//! It is a process of its own, so that its processor time and its memory are the media's alone, and it makes no calls:
//! signalling would be measured with it. Mode `bare` is the yardstick: the simplest relay with epoll that there is.

mod bare;
mod ring;
mod serve;

use std::io::{BufRead, Write};
use std::net::SocketAddr;

use serde::Deserialize;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What each call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// Two sockets, and every datagram goes on as it is.
    Bare,
    /// The same with other calls of the system.
    BarePaced,
    BareBatched,
    BareRing,
    /// Customer and agent, both PCMU.
    Relay,
    /// The same, recorded.
    Recorded,
    /// Customer, agent and a supervisor who listens.
    Mixed,
    /// Customer, agent and a supervisor whom both hear: three mixes.
    Conference,
    /// Relay with AES_CM_128_HMAC_SHA1_80 on both sides.
    Srtp,
    /// The customer has PCMU, the agent Opus.
    Transcoded,
}

impl Mode {
    /// Which calls of the system, when it is no call at all.
    fn yardstick(self) -> Option<bare::Calls> {
        match self {
            Mode::Bare => Some(bare::Calls::Plain),
            Mode::BarePaced => Some(bare::Calls::Paced),
            Mode::BareBatched => Some(bare::Calls::Batched),
            Mode::BareRing => Some(bare::Calls::Ring),
            Mode::Relay | Mode::Recorded | Mode::Mixed | Mode::Conference | Mode::Srtp | Mode::Transcoded => {
                None
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Open { mode: Mode, calls: usize, peers: Vec<SocketAddr> },
    Stats {},
    Close {},
}

fn main() -> Outcome {
    let folder = std::env::args().nth(1).ok_or("media_serve FOLDER: where recordings go")?;
    let mut serve: Option<serve::Serve> = None;
    let mut bare: Option<bare::Bare> = None;
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Order::Open { mode, calls, peers } => {
                let ports = match mode.yardstick() {
                    Some(how) => bare.insert(bare::Bare::start(how, calls, &peers)?).ports().to_vec(),
                    None => {
                        let (started, ports) = serve::Serve::start(mode, calls, &peers, folder.as_ref())?;
                        serve = Some(started);
                        ports
                    }
                };
                serde_json::json!({ "ports": ports })
            }
            Order::Stats {} => match (&serve, &bare) {
                (Some(serve), _) => serde_json::to_value(serve.stats())?,
                (None, Some(bare)) => serde_json::json!({ "packets_sent": bare.sent() }),
                (None, None) => serde_json::json!({}),
            },
            Order::Close {} => {
                (serve, bare) = (None, None);
                serde_json::json!({ "closed": true })
            }
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
