//! The live feed over real WebSockets.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use shared::api::agents::WantedStatus;
use shared::api::live::{ClientFrame, ServerFrame};
use shared::id::AgentId;
use shared::model::event::Stamped;
use shared_net::ApiClient;
use tests::service::{Service, journal};
use tests::setup::Setup;
use tests::{Outcome, wait};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::floor::{SOON, program};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(service: &Service) -> Outcome<Socket> {
    let (socket, _) =
        tokio_tungstenite::connect_async(format!("ws://{}/api/v1/live", service.setup.http)).await?;
    Ok(socket)
}

async fn hello(socket: &mut Socket, client: &ApiClient, after: Option<u64>) -> Outcome {
    let token = client.token().ok_or("not signed in")?;
    let frame = serde_json::to_string(&ClientFrame::Hello { token, after })?;
    Ok(socket.send(Message::text(frame)).await?)
}

/// The next frame of the contract; none when the service closed the feed.
async fn next(socket: &mut Socket) -> Outcome<Option<ServerFrame>> {
    wait::within("a frame", SOON, async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Some(serde_json::from_str(&text)?)),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(None),
                Some(Ok(_)) => {}
            }
        }
    })
    .await
}

/// Events up to number `last`.
async fn events_to(socket: &mut Socket, last: u64) -> Outcome<Vec<Stamped>> {
    let mut events: Vec<Stamped> = Vec::new();
    while events.last().is_none_or(|event| event.seq < last) {
        match next(socket).await? {
            Some(ServerFrame::Event(event)) => events.push(*event),
            Some(ServerFrame::Tick { .. }) => {}
            other => return Err(format!("an event was due, got {other:?}").into()),
        }
    }
    Ok(events)
}

/// Makes some events; the number of the last one.
async fn stir(agent: &ApiClient, mia: &ApiClient) -> Outcome<u64> {
    let id: AgentId = "201".parse()?;
    for wanted in [WantedStatus::NotReady { reason: Some("lunch".parse()?) }, WantedStatus::Offline] {
        agent.set_status(&id, WantedStatus::NotReady { reason: Some("training".parse()?) }).await?;
        agent.set_status(&id, wanted).await?;
    }
    let all = journal(mia).await?;
    Ok(all.last().map_or(0, |event| event.seq))
}

#[tokio::test]
async fn a_cut_feed_resumes_by_number_without_loss() -> Outcome {
    let service = Service::start(program(), Setup::test()?).await?;
    let (mia, agent) = (service.sign_in("mia").await?, service.sign_in("201").await?);
    let mut socket = connect(&service).await?;
    hello(&mut socket, &mia, None).await?;
    let Some(ServerFrame::Snapshot { floor, .. }) = next(&mut socket).await? else {
        return Err("the first frame is the picture".into());
    };
    assert!(floor.seq > 0 && floor.queues.len() == 2, "{floor:?}");

    let mut seen = events_to(&mut socket, stir(&agent, &mia).await?).await?;
    // The line is cut without a word, and things happen meanwhile.
    drop(socket);
    let missed_last = stir(&agent, &mia).await?;
    let had = seen.last().map_or(0, |event| event.seq);
    assert!(missed_last > had);
    let mut socket = connect(&service).await?;
    hello(&mut socket, &mia, Some(had)).await?;
    seen.extend(events_to(&mut socket, missed_last).await?);
    seen.extend(events_to(&mut socket, stir(&agent, &mia).await?).await?);

    let first = floor.seq as usize;
    let told = journal(&mia).await?;
    assert_eq!(seen, told[first..first + seen.len()], "the feed tells the journal, each event once");
    let mut folded = *floor;
    seen.iter().for_each(|event| folded.apply(event));
    assert_eq!(folded, mia.floor().await?, "who folds the feed has the service's picture");
    Ok(())
}

#[tokio::test]
async fn garbage_ends_one_feed_and_nothing_else() -> Outcome {
    let service = Service::start(program(), Setup::test()?).await?;
    let (mia, agent) = (service.sign_in("mia").await?, service.sign_in("201").await?);
    let mut good = connect(&service).await?;
    hello(&mut good, &mia, None).await?;
    assert!(matches!(next(&mut good).await?, Some(ServerFrame::Snapshot { .. })));

    let garbage = [
        Message::text("hello"),
        Message::text("{}"),
        Message::text(r#"{"frame":"hello"}"#),
        Message::text(r#"{"frame":"hello","token":"no such token"}"#),
        Message::text("[".repeat(3_000)),
        Message::binary(vec![0xff; 1_000]),
        Message::text("x".repeat(100_000)),
    ];
    for message in garbage {
        let what = format!("{:.40}", message.to_string());
        let mut socket = connect(&service).await?;
        // The service may close while a long one is still being sent.
        let _ = socket.send(message).await;
        match next(&mut socket).await? {
            Some(ServerFrame::Error(error)) => assert!(!error.message.is_empty(), "{what}"),
            None => {}
            Some(other) => return Err(format!("{what} was answered with {other:?}").into()),
        }
    }
    // Bytes that are no WebSocket frame at all, after a proper hello: reserved bits and an unknown opcode.
    let mut broken = connect(&service).await?;
    hello(&mut broken, &mia, None).await?;
    assert!(next(&mut broken).await?.is_some());
    if let MaybeTlsStream::Plain(stream) = broken.get_mut() {
        tokio::io::AsyncWriteExt::write_all(stream, &[0xff; 64]).await?;
    }
    let closed = wait::within("the end of the broken feed", Duration::from_secs(10), async {
        while next(&mut broken).await?.is_some() {}
        Ok(())
    });
    closed.await?;

    let last = stir(&agent, &mia).await?;
    assert!(!events_to(&mut good, last).await?.is_empty(), "the other feed goes on");
    Ok(())
}
