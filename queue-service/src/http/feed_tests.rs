//! The live feed over a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use shared::model::event::Event;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::listener::{Bounded, Patience, Peer};
use super::testing::Site;
use crate::switch::command::Command;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn serve(site: &Site) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let service = site.router.clone().into_make_service_with_connect_info::<Peer>();
    let patience = Patience::beyond(Duration::from_secs(30));
    tokio::spawn(async move { axum::serve(Bounded::new(listener, 16, patience), service).await });
    address
}

async fn connect(address: SocketAddr, first: Value) -> Socket {
    let url = format!("ws://{address}/api/v1/live");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("connected");
    socket.send(Message::text(first.to_string())).await.expect("sent");
    socket
}

async fn hello(address: SocketAddr, token: &str, after: Option<u64>) -> Socket {
    connect(address, json!({"frame": "hello", "token": token, "after": after})).await
}

/// The next text frame; none when the socket is closed.
async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        match socket.next().await? {
            Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(_) | Err(_) => return None,
        }
    }
}

/// The next event's type and number.
async fn event(socket: &mut Socket) -> (String, u64) {
    let frame = next(socket).await.expect("a frame");
    assert_eq!(frame["frame"], "event", "{frame}");
    (
        frame["event"]["type"].as_str().unwrap_or_default().to_owned(),
        frame["seq"].as_u64().unwrap_or_default(),
    )
}

/// The error that ends the feed.
async fn refused(socket: &mut Socket) -> String {
    let frame = next(socket).await.expect("a reason");
    assert_eq!(frame["frame"], "error", "{frame}");
    assert_eq!(next(socket).await, None, "and the end");
    format!("{} {}", frame["code"].as_str().unwrap_or_default(), frame["detail"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_feed_starts_with_the_picture_goes_on_and_resumes() {
    let site = Site::new().await;
    let address = serve(&site).await;
    let sue = site.token("sue").await;
    let mut feed = hello(address, &sue, None).await;
    let snapshot = next(&mut feed).await.expect("a frame");
    assert_eq!(snapshot["frame"], "snapshot");
    let seq = snapshot["floor"]["seq"].as_u64().expect("a number");
    assert_eq!(seq, site.hub.last_seq());
    site.call(1, "sales");
    assert_eq!(event(&mut feed).await, ("call_arrived".into(), seq + 1));
    assert_eq!(event(&mut feed).await, ("call_queued".into(), seq + 2));
    drop(feed);
    site.call(2, "sales");
    let mut feed = hello(address, &sue, Some(seq + 2)).await;
    assert_eq!(event(&mut feed).await, ("call_arrived".into(), seq + 3));
    assert_eq!(event(&mut feed).await, ("call_queued".into(), seq + 4));
    drop(feed);
    let mut feed = hello(address, &sue, Some(seq + 4)).await;
    let tick = next(&mut feed).await.expect("a frame");
    assert_eq!((&tick["frame"], &tick["seq"]), (&json!("tick"), &json!(seq + 4)), "nothing was missed");
    drop(feed);
    let mut feed = hello(address, &sue, Some(seq + 400)).await;
    assert_eq!(next(&mut feed).await.expect("a frame")["frame"], "snapshot", "of another journal");
}

#[tokio::test]
async fn an_agent_gets_his_part() {
    let site = Site::new().await;
    let address = serve(&site).await;
    let ada = site.token("ada").await;
    let mut feed = hello(address, &ada, Some(1)).await;
    let snapshot = next(&mut feed).await.expect("a frame");
    assert_eq!(snapshot["frame"], "snapshot", "an agent's picture is sent anew");
    let (other, _) = site.call(1, "help");
    let (own, _) = site.call(2, "sales");
    site.connect(other, "help", "bob");
    site.connect(own, "sales", "ada");
    let mut seen = Vec::new();
    while seen.last().is_none_or(|(kind, _)| kind != "call_connected") {
        seen.push(event(&mut feed).await);
    }
    let kinds: Vec<&str> = seen.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["call_arrived", "call_arrived", "call_queued", "call_left_queue", "call_connected"],
        "that a call came to the other queue is not his"
    );
}

#[tokio::test]
async fn who_may_not_is_told_why() {
    let site = Site::new().await;
    let address = serve(&site).await;
    for (first, words) in [
        (json!({"frame": "hello", "token": "made-up"}), "unauthorized the token is unknown"),
        (json!({"frame": "hello"}), "bad_request missing field `token`"),
        (json!({"frame": "goodbye"}), "bad_request unknown variant"),
        (json!("x"), "bad_request"),
    ] {
        let mut feed = connect(address, first.clone()).await;
        let reason = refused(&mut feed).await;
        assert!(reason.starts_with(words), "{first}: {reason}");
    }
    let sue = site.token("sue").await;
    let mut feed = hello(address, &sue, None).await;
    next(&mut feed).await.expect("the picture");
    feed.send(Message::text("{}")).await.expect("sent");
    assert!(refused(&mut feed).await.starts_with("bad_request"));
    // A frame beyond 4 kB closes the feed without more ado.
    let mut feed = connect(address, json!({"frame": "hello", "token": "x".repeat(5_000)})).await;
    assert_eq!(next(&mut feed).await, None);
}

#[tokio::test]
async fn a_feed_ends_with_its_sign_in_and_with_the_service() {
    let site = Site::new().await;
    let address = serve(&site).await;
    let (sue, ada) = (site.token("sue").await, site.token("ada").await);
    let mut feed = hello(address, &sue, None).await;
    let mut other = hello(address, &ada, None).await;
    next(&mut feed).await.expect("the picture");
    next(&mut other).await.expect("the picture");
    site.ask("DELETE", "/api/v1/session", &sue, None).await;
    assert!(refused(&mut feed).await.starts_with("unauthorized"));
    site.hub.publish(Event::DayStarted { date: "2026-03-01".into() });
    assert_eq!(event(&mut other).await.0, "day_started", "the other one goes on");
    site.stop.cancel();
    assert!(refused(&mut other).await.starts_with("unavailable"));
}

#[tokio::test]
async fn feeds_of_a_person_are_counted_and_bounded() {
    let site = Site::new().await;
    let address = serve(&site).await;
    let ada = site.token("ada").await;
    let mut first = hello(address, &ada, None).await;
    next(&mut first).await.expect("the picture");
    let mut second = hello(address, &ada, None).await;
    next(&mut second).await.expect("the picture");
    let mut third = hello(address, &ada, None).await;
    assert!(refused(&mut third).await.contains("2 open already"));
    let presence = |connected| Command::FeedPresence { user: "ada".parse().expect("a name"), connected };
    assert_eq!(site.asked(), [presence(true)], "told once");
    drop((first, second));
    let mut asked = Vec::new();
    while asked.is_empty() {
        tokio::task::yield_now().await;
        asked = site.asked();
    }
    assert_eq!(asked, [presence(false)]);
}

#[tokio::test]
async fn a_watched_call_is_heard_of_until_nothing_changes() {
    let site = Site::new().await;
    let address = serve(&site).await;
    let (call, _) = site.call(1, "sales");
    let mut feed = hello(address, &site.token("sue").await, None).await;
    assert_eq!(next(&mut feed).await.expect("a frame")["frame"], "snapshot");
    feed.send(Message::text(json!({"frame": "watch", "call": call}).to_string())).await.expect("sent");
    let mut levels = Vec::new();
    while levels.last() != Some(&-25.0) {
        let frame = next(&mut feed).await.expect("a frame");
        assert_eq!((&frame["frame"], &frame["call"]), (&json!("sound"), &json!(call)), "{frame}");
        let leg = &frame["legs"][0];
        assert_eq!(leg["cause"], "customer's side: 4 % loss from 10:32:10", "{frame}");
        levels.push(leg["level_dbfs"].as_f64().expect("a level"));
    }
    assert!(levels.is_sorted(), "{levels:?}");
    // The same again is not told again: the next frame is the next event.
    site.call(2, "sales");
    assert_eq!(event(&mut feed).await.0, "call_arrived");
}

#[tokio::test]
async fn an_agent_watches_no_call_of_others() {
    let site = Site::new().await;
    let address = serve(&site).await;
    let (call, _) = site.call(1, "help");
    site.connect(call, "help", "bob");
    let mut feed = hello(address, &site.token("ada").await, None).await;
    assert_eq!(next(&mut feed).await.expect("a frame")["frame"], "snapshot");
    feed.send(Message::text(json!({"frame": "watch", "call": call}).to_string())).await.expect("sent");
    let quiet = tokio::time::timeout(Duration::from_millis(700), next(&mut feed)).await;
    assert!(quiet.is_err(), "{quiet:?}");
}
