//! The wallboard, also the page that a manager opens: one page with its scripts, styles and fonts, all embedded.
//!
//! The page keeps no floor of its own: the live feed tells it that something changed, and it asks for
//! `GET /reports/day` and `GET /floor` then, at most every 500 ms. So its numbers are the API's.

use std::borrow::Cow;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

/// The page loads from this service alone, and nobody else's page may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const FONT: &str = "font/woff2";

/// A file of the page.
struct File {
    path: &'static str,
    kind: &'static str,
    body: &'static [u8],
}

macro_rules! file {
    ($path:literal, $kind:expr, $source:literal) => {
        File { path: $path, kind: $kind, body: include_bytes!(concat!("wallboard/", $source)) }
    };
}

static FILES: &[File] = &[
    file!("/wallboard", HTML, "index.html"),
    file!("/wallboard/theme.css", STYLE, "theme.css"),
    file!("/wallboard/board.css", STYLE, "board.css"),
    file!("/wallboard/board.js", SCRIPT, "board.js"),
    file!("/wallboard/live.js", SCRIPT, "live.js"),
    file!("/wallboard/day.js", SCRIPT, "day.js"),
    file!("/wallboard/net.js", SCRIPT, "net.js"),
    file!("/wallboard/dom.js", SCRIPT, "dom.js"),
    file!("/wallboard/words.js", SCRIPT, "words.js"),
    file!("/wallboard/Inter-Regular.woff2", FONT, "fonts/Inter-Regular.woff2"),
    file!("/wallboard/Inter-SemiBold.woff2", FONT, "fonts/Inter-SemiBold.woff2"),
    file!("/wallboard/JetBrainsMono-Medium.woff2", FONT, "fonts/JetBrainsMono-Medium.woff2"),
    file!("/wallboard/Phosphor-Fill.woff2", FONT, "fonts/Phosphor-Fill.woff2"),
];

/// The page at `/wallboard` and its files below. They need no sign-in: the page asks for it, and every number comes
/// through the API.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let mut router = Router::new().route("/wallboard/", get(without_slash));
    for file in FILES {
        let tag = tag(file.body);
        router = router.route(file.path, get(async move |headers: HeaderMap| answer(file, &tag, &headers)));
    }
    router
}

/// The page's addresses are relative to `/wallboard`, so that it also works below another path of a proxy.
async fn without_slash(RawQuery(query): RawQuery) -> Response {
    let target: Cow<'_, str> = match query {
        Some(query) => format!("../wallboard?{query}").into(),
        None => "../wallboard".into(),
    };
    match HeaderValue::from_str(&target) {
        Ok(target) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, target)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Names the content, so that a browser asks again but loads only what changed (RFC 9110 §8.8.3).
fn tag(body: &[u8]) -> HeaderValue {
    let hash = hex::encode(Sha256::digest(body));
    let mut tag = String::from("\"");
    tag.extend(hash.chars().take(32));
    tag.push('"');
    HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether the browser has this content already (RFC 9110 §13.1.2, weak comparison).
fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = lists.flat_map(|list| list.split(',')).map(str::trim);
    known.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn answer(file: &File, tag: &HeaderValue, headers: &HeaderMap) -> Response {
    let fixed: [(HeaderName, &'static str); 4] = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    let tag = [(header::ETAG, tag.clone())];
    if is_known(headers, &tag[0].1) {
        return (StatusCode::NOT_MODIFIED, fixed, tag).into_response();
    }
    (fixed, tag, [(header::CONTENT_TYPE, file.kind)], file.body).into_response()
}

#[cfg(test)]
mod tests;
