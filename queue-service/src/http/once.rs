//! Commands that are sent twice and carried out once: a request with an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-
//! header) gets the answer of the first one with that key again.
//!
//! The key belongs to the sign-in that uses it. What the service did not carry out (it was not signed in, too busy or
//! failed) is not kept, so that the next try is one. Bounded by [`MOST_ANSWERS`] and [`MOST_BYTES`]; the oldest answers go.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use shared::api::error::ErrorCode;
use shared::time::Timestamp;

use super::BODY_BYTES;
use super::problem::Problem;
use crate::clock;

/// The request's header.
const KEY: &str = "idempotency-key";
/// In an answer that was given before.
const REPLAYED: &str = "idempotency-replayed";
/// An answer is given again for so long.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Answers that are kept.
const MOST_ANSWERS: usize = 4_096;
/// Octets of all of them.
const MOST_BYTES: usize = 8 << 20;
/// Octets of the longest that is kept.
const LONGEST: usize = 64 << 10;

/// SHA-256 of who asks and his key, or of what he asks.
type Print = [u8; 32];

/// Answers that were given. Cheap to clone; the lock guards the table and is never held across an await.
#[derive(Debug, Clone, Default)]
pub(super) struct Once(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    known: HashMap<Print, Entry>,
    /// In the order of their answers.
    order: VecDeque<Print>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    asked: Print,
    answer: Option<Answer>,
}

#[derive(Debug, Clone)]
struct Answer {
    at: Timestamp,
    status: StatusCode,
    content_type: Option<HeaderValue>,
    tag: Option<HeaderValue>,
    /// None when it was too long to be kept.
    body: Option<Bytes>,
}

/// What to do with a request.
#[derive(Debug)]
enum Begin {
    /// It is the first.
    First,
    /// It has its answer.
    Again(Answer),
    /// The first one is not done.
    Running,
    /// The key belongs to another request.
    Other,
}

impl Table {
    fn begin(&mut self, now: Timestamp, who: Print, asked: Print) -> Begin {
        while let Some(oldest) = self.order.front().copied() {
            let answer = self.known.get(&oldest).and_then(|entry| entry.answer.as_ref());
            if answer.is_some_and(|answer| now.since(answer.at) < KEPT) {
                break;
            }
            self.drop_oldest();
        }
        match self.known.get(&who) {
            None => {
                self.known.insert(who, Entry { asked, answer: None });
                Begin::First
            }
            Some(entry) if entry.asked != asked => Begin::Other,
            Some(Entry { answer: Some(answer), .. }) => Begin::Again(answer.clone()),
            Some(_) => Begin::Running,
        }
    }

    /// The first one is done; none when it was not carried out.
    fn end(&mut self, who: Print, answer: Option<Answer>) {
        let Some(answer) = answer else {
            self.known.remove(&who);
            return;
        };
        let Some(entry) = self.known.get_mut(&who) else { return };
        self.bytes += answer.body.as_ref().map_or(0, Bytes::len);
        entry.answer = Some(answer);
        self.order.push_back(who);
        while self.order.len() > MOST_ANSWERS || self.bytes > MOST_BYTES {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let oldest = self.order.pop_front().and_then(|who| self.known.remove(&who));
        let body = oldest.and_then(|entry| entry.answer).and_then(|answer| answer.body);
        self.bytes = self.bytes.saturating_sub(body.map_or(0, |body| body.len()));
    }
}

impl Once {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries a request out, unless its key was used before.
pub(super) async fn once(State(once): State<Once>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let headers = request.headers();
    let (Some(key), Some(token), true) = (headers.get(KEY), headers.get(header::AUTHORIZATION), changes)
    else {
        return next.run(request).await;
    };
    if key.is_empty() || key.len() > 255 {
        return refused("the Idempotency-Key has 1 to 255 characters").into_response();
    }
    let who = print([token.as_bytes(), key.as_bytes()]);
    let (parts, body) = request.into_parts();
    // Nobody has looked at the token yet, so it may be no more than any request; tables may be sent twice without harm.
    let Ok(body) = to_bytes(body, BODY_BYTES).await else {
        let detail = format!("a request with an Idempotency-Key has at most {BODY_BYTES} octets");
        let hint = "Send tables and configurations without one: sent again they change nothing.";
        return Problem::new(ErrorCode::TooLarge, "The request is too long", detail, hint).into_response();
    };
    let asked = print([parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), body.as_ref()]);
    match once.lock().begin(clock::now(), who, asked) {
        Begin::First => {}
        Begin::Again(answer) => return again(answer),
        Begin::Running => {
            let detail = "the first request with this Idempotency-Key is not done yet";
            return conflict(detail, "Ask again in a moment.").into_response();
        }
        Begin::Other => {
            let detail = "this Idempotency-Key was used for another request";
            let hint = "Take a new key for every command; repeat one only with the very same request.";
            return conflict(detail, hint).with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response();
        }
    }
    // Carried out to its end even when the one who asks goes away: his next try gets the answer.
    let carried_out = tokio::spawn(async move {
        let ticket = Ticket { once: once.clone(), who };
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        let (parts, body) = response.into_parts();
        // An answer of the API is in memory already.
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let status = parts.status;
        let was_tried = status.is_server_error()
            || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS);
        let answer = (!was_tried).then(|| Answer {
            at: clock::now(),
            status,
            content_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
            tag: parts.headers.get(header::ETAG).cloned(),
            body: (body.len() <= LONGEST).then(|| body.clone()),
        });
        ticket.done(answer);
        Response::from_parts(parts, Body::from(body))
    });
    carried_out.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request ended in a panic");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

/// Whatever happens to the first request, its key does not stay taken by it.
struct Ticket {
    once: Once,
    who: Print,
}

impl Ticket {
    fn done(self, answer: Option<Answer>) {
        self.once.lock().end(self.who, answer);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.once.lock();
        if table.known.get(&self.who).is_some_and(|entry| entry.answer.is_none()) {
            table.end(self.who, None);
        }
    }
}

fn print<const N: usize>(parts: [&[u8]; N]) -> Print {
    let mut hash = Sha256::new();
    for part in parts {
        // With its length, so that no two lists of parts look the same.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn again(answer: Answer) -> Response {
    let Some(body) = answer.body else {
        let detail = "the request was carried out before; its answer was too long to be kept";
        return conflict(detail, "Look at what it changed.").into_response();
    };
    let mut response = (answer.status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.extend(answer.content_type.map(|value| (header::CONTENT_TYPE, value)));
    headers.extend(answer.tag.map(|value| (header::ETAG, value)));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn refused(detail: &str) -> Problem {
    let hint = "Take a random one, such as a UUID.";
    Problem::new(ErrorCode::BadRequest, "The request was not carried out", detail, hint)
}

fn conflict(detail: &str, hint: &str) -> Problem {
    Problem::new(ErrorCode::Conflict, "The request was not carried out again", detail, hint)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::json;

    use super::*;
    use crate::http::testing::Site;
    use crate::switch::command::Command;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + secs)
    }

    fn answer(now: Timestamp, len: usize) -> Option<Answer> {
        let body = Some(Bytes::from(vec![0; len]));
        Some(Answer { at: now, status: StatusCode::OK, content_type: None, tag: None, body })
    }

    #[test]
    fn a_key_is_for_one_request_and_a_day() {
        let mut table = Table::default();
        let (who, asked) = ([1; 32], [2; 32]);
        assert!(matches!(table.begin(at(0), who, asked), Begin::First));
        assert!(matches!(table.begin(at(1), who, asked), Begin::Running));
        table.end(who, None);
        assert!(matches!(table.begin(at(2), who, asked), Begin::First), "what failed is tried again");
        table.end(who, answer(at(3), 5));
        assert!(matches!(table.begin(at(4), who, asked), Begin::Again(_)));
        assert!(matches!(table.begin(at(4), who, [3; 32]), Begin::Other));
        assert!(matches!(table.begin(at(4), [4; 32], asked), Begin::First), "another one's key");
        table.end([4; 32], None);
        assert!(matches!(table.begin(at(86_404), who, asked), Begin::First));
        table.end(who, None);
        assert_eq!((table.known.len(), table.order.len(), table.bytes), (0, 0, 0));
    }

    #[test]
    fn answers_are_bounded_in_number_and_in_octets() {
        let mut table = Table::default();
        let who = |number: usize| print([&number.to_be_bytes()]);
        for number in 0..MOST_ANSWERS + 10 {
            table.begin(at(0), who(number), [0; 32]);
            table.end(who(number), answer(at(0), 10));
        }
        assert_eq!((table.known.len(), table.bytes), (MOST_ANSWERS, 10 * MOST_ANSWERS));
        assert!(!table.known.contains_key(&who(9)), "the oldest have gone");
        for number in 0..200 {
            let who = who(100_000 + number);
            table.begin(at(0), who, [0; 32]);
            table.end(who, answer(at(0), LONGEST));
        }
        assert!(table.bytes <= MOST_BYTES && table.known.len() == table.order.len());
    }

    #[tokio::test]
    async fn a_command_that_is_sent_twice_is_carried_out_once() {
        let site = Site::new().await;
        let ada = site.token("ada").await;
        let send = async |token: &str, key: &str, status: &str| {
            let request = axum::http::Request::builder()
                .method("POST")
                .uri("/api/v1/agents/ada/status")
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .header(header::CONTENT_TYPE, "application/json")
                .header(KEY, key);
            let body = Body::from(json!({ "status": status }).to_string());
            site.send(request.body(body).expect("a request")).await
        };
        let mut carried_out = 0;
        let mut count = || {
            let asked = site.asked();
            carried_out +=
                asked.iter().filter(|command| matches!(command, Command::SetStatus { .. })).count();
            carried_out
        };
        let first = send(&ada, "k-1", "ready").await;
        assert_eq!((first.status, count()), (StatusCode::OK, 1));
        let second = send(&ada, "k-1", "ready").await;
        assert_eq!((second.status, &second.body, count()), (StatusCode::OK, &first.body, 1));
        assert_eq!(second.headers[REPLAYED], "true");
        assert_eq!(second.headers[header::CONTENT_TYPE], first.headers[header::CONTENT_TYPE]);
        assert!(!first.headers.contains_key(REPLAYED));
        let other = send(&ada, "k-1", "not_ready").await;
        assert_eq!((other.status, count()), (StatusCode::UNPROCESSABLE_ENTITY, 1));
        assert_eq!(send(&ada, "", "ready").await.status, StatusCode::BAD_REQUEST);
        assert_eq!(send(&ada, "k-2", "ready").await.status, StatusCode::OK);
        assert_eq!(count(), 2);
        // A stranger's key is not kept, and does not bring him another one's answer.
        assert_eq!(send("nobody", "k-1", "ready").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(send("nobody", "k-1", "not_ready").await.status, StatusCode::UNAUTHORIZED);
    }
}
