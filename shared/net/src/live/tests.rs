use super::*;

use shared::model::event::Event;
use tokio::net::TcpListener;

fn event(seq: u64) -> ServerFrame {
    let event = Event::DayStarted { date: "2026-03-01".into() };
    ServerFrame::Event(Box::new(Stamped { seq, at: Timestamp::from_secs(1), event }))
}

fn snapshot(seq: u64) -> ServerFrame {
    let now = clock::now() + Duration::from_secs(3600);
    ServerFrame::Snapshot { floor: Box::new(Floor { seq, ..Floor::default() }), now }
}

struct Server(TcpListener);

type Peer = WebSocketStream<TcpStream>;

impl Server {
    async fn new() -> Server {
        Server(TcpListener::bind("127.0.0.1:0").await.expect("bind"))
    }

    fn url(&self) -> String {
        format!("ws://{}/api/v1/live", self.0.local_addr().expect("address"))
    }

    /// The next connection and what its greeting asks for.
    async fn accept(&self) -> (Peer, Option<u64>) {
        let (stream, _) = self.0.accept().await.expect("accept");
        let mut peer = tokio_tungstenite::accept_async(stream).await.expect("handshake");
        let hello = peer.next().await.expect("hello").expect("hello");
        let ClientFrame::Hello { token, after } =
            serde_json::from_str(hello.to_text().expect("text")).expect("hello")
        else {
            panic!("not hello")
        };
        assert_eq!(token, "t0ken");
        (peer, after)
    }
}

async fn give(peer: &mut Peer, frame: &ServerFrame) {
    peer.send(Message::text(serde_json::to_string(frame).expect("json"))).await.expect("send");
}

fn start(url: String, after: Option<u64>) -> (LiveFeed, mpsc::Receiver<LiveEvent>) {
    LiveFeed::start(LiveConfig { url, token: "t0ken".into(), after })
}

#[tokio::test]
async fn begins_with_a_picture_and_resumes_by_number() {
    let server = Server::new().await;
    let (_feed, mut events) = start(server.url(), None);
    let (mut peer, after) = server.accept().await;
    assert_eq!(after, None);
    give(&mut peer, &snapshot(7)).await;
    give(&mut peer, &event(8)).await;
    assert_eq!(events.recv().await, Some(LiveEvent::Connected));
    let Some(LiveEvent::Snapshot(floor, offset)) = events.recv().await else { panic!("no snapshot") };
    assert_eq!(floor.seq, 7);
    // The service is an hour ahead; the way here takes less than ten seconds.
    assert!(offset.0.abs_diff(3_600_000_000) < 10_000_000, "{offset:?}");
    assert!(matches!(events.recv().await, Some(LiveEvent::Event(event)) if event.seq == 8));
    // A tick tells of events that were not for us.
    give(&mut peer, &ServerFrame::Tick { now: clock::now() + Duration::from_secs(3600), seq: 11 }).await;
    give(&mut peer, &event(12)).await;
    assert!(matches!(events.recv().await, Some(LiveEvent::Event(event)) if event.seq == 12));
    drop(peer);
    assert!(
        matches!(events.recv().await, Some(LiveEvent::Lost { retry_in_secs, .. }) if retry_in_secs <= 0.5)
    );

    let (mut peer, after) = server.accept().await;
    assert_eq!(after, Some(12));
    // An overlap is not told twice.
    give(&mut peer, &event(12)).await;
    give(&mut peer, &event(13)).await;
    assert_eq!(events.recv().await, Some(LiveEvent::Connected));
    assert!(matches!(events.recv().await, Some(LiveEvent::Event(event)) if event.seq == 13));
}

#[tokio::test]
async fn ends_when_the_token_is_refused() {
    let server = Server::new().await;
    let (_feed, mut events) = start(server.url(), Some(3));
    let (mut peer, after) = server.accept().await;
    assert_eq!(after, Some(3));
    let error = ApiError::new(ErrorCode::Unauthorized, "Signed out", "expired", "Sign in again.");
    give(&mut peer, &ServerFrame::Error(error.clone())).await;
    assert_eq!(events.recv().await, Some(LiveEvent::Refused(error)));
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn a_crowded_service_is_tried_again() {
    let server = Server::new().await;
    let (_feed, mut events) = start(server.url(), Some(3));
    let (mut peer, _) = server.accept().await;
    let error = ApiError::new(ErrorCode::Unavailable, "Too slow", "the queue is full", "");
    give(&mut peer, &ServerFrame::Error(error)).await;
    let Some(LiveEvent::Lost { reason, .. }) = events.recv().await else { panic!("not lost") };
    assert_eq!(reason, "Too slow: the queue is full");
}

#[tokio::test]
async fn rubbish_is_a_lost_connection() {
    let server = Server::new().await;
    let (_feed, mut events) = start(server.url(), None);
    let (mut peer, _) = server.accept().await;
    peer.send(Message::text("{\"frame\":\"nonsense\"}")).await.expect("send");
    assert!(
        matches!(events.recv().await, Some(LiveEvent::Lost { reason, .. }) if reason.contains("nonsense"))
    );
}

#[tokio::test]
async fn says_when_nobody_is_there() {
    let server = Server::new().await;
    let url = server.url();
    drop(server);
    let (_feed, mut events) = start(url, None);
    let Some(LiveEvent::Lost { reason, .. }) = events.recv().await else { panic!("not lost") };
    assert!(reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn silence_is_a_lost_connection() {
    let server = Server::new().await;
    let (_feed, mut events) = start(server.url(), None);
    let (mut peer, _) = server.accept().await;
    give(&mut peer, &snapshot(1)).await;
    assert_eq!(events.recv().await, Some(LiveEvent::Connected));
    events.recv().await;
    // From here on the clock runs ahead whenever everybody waits.
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    let Some(LiveEvent::Lost { reason, .. }) = events.recv().await else { panic!("not lost") };
    assert_eq!(reason, "nothing heard for 15 seconds");
    assert!(started.elapsed() >= Duration::from_secs(14), "{:?}", started.elapsed());
}

#[test]
fn waits_longer_each_time_up_to_ten_seconds() {
    let waits: Vec<u128> = (0..7).map(|tries| retry_after(tries, 0.0).as_millis()).collect();
    assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    assert_eq!(retry_after(0, 1.0).as_millis(), 500);
    assert_eq!(retry_after(9, 1.0).as_millis(), 5_000);
}
