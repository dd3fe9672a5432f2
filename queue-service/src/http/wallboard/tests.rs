use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use tower::ServiceExt;

use super::*;

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// One request to the page's own little site.
async fn ask(method: Method, path: &str, known: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(known) = known {
        request = request.header(header::IF_NONE_MATCH, known);
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = router::<()>().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.to_vec() }
}

fn text(file: &File) -> &'static str {
    std::str::from_utf8(file.body).expect("text")
}

fn texts() -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(|file| file.kind != FONT)
}

/// What stands between a mark and the next end mark, everywhere in a text.
fn between<'t>(text: &'t str, start: &'t str, end: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(start).skip(1).filter_map(move |rest| rest.split(end).next())
}

#[tokio::test]
async fn every_file_comes_whole_and_guarded() {
    for file in FILES {
        let answer = ask(Method::GET, file.path, None).await;
        assert_eq!(answer.status, 200, "{}", file.path);
        assert_eq!(answer.body, file.body, "{}", file.path);
        for (name, value) in [
            (header::CONTENT_TYPE, file.kind),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
        ] {
            assert_eq!(answer.headers.get(&name).expect("the header"), value, "{}: {name}", file.path);
        }
        let head = ask(Method::HEAD, file.path, None).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{}", file.path);
        assert_eq!(head.headers.get(header::ETAG), answer.headers.get(header::ETAG), "{}", file.path);
    }
}

#[test]
fn the_policy_lets_nothing_in_from_outside() {
    let rules: BTreeSet<&str> = POLICY.split(';').map(str::trim).collect();
    let wanted = [
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "font-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "script-src 'self'",
        "style-src 'self'",
    ];
    assert_eq!(rules, BTreeSet::from(wanted));
}

#[tokio::test]
async fn what_the_browser_has_is_not_sent_again() {
    let first = ask(Method::GET, "/wallboard/board.js", None).await;
    let tag = first.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).expect("a tag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"old\", {tag}"), "*".into()] {
        let answer = ask(Method::GET, "/wallboard/board.js", Some(&known)).await;
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{known}");
        assert_eq!(answer.headers.get(header::ETAG), first.headers.get(header::ETAG), "{known}");
    }
    let other = ask(Method::GET, "/wallboard/live.js", Some(&tag)).await;
    assert_eq!(other.status, 200, "another file has another tag");
}

#[tokio::test]
async fn the_address_with_a_slash_leads_to_the_page() {
    let answer = ask(Method::GET, "/wallboard/?theme=light", None).await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.headers.get(header::LOCATION).expect("a target"), "../wallboard?theme=light");
    assert_eq!(ask(Method::POST, "/wallboard", None).await.status, 405);
    assert_eq!(ask(Method::GET, "/wallboard/../Cargo.toml", None).await.status, 404);
}

#[test]
fn nothing_outside_is_referred_to_and_everything_referred_to_is_there() {
    let served: BTreeSet<&str> = FILES.iter().map(|file| file.path).collect();
    let mut used = BTreeSet::from(["/wallboard".to_owned()]);
    for file in texts() {
        let text = text(file);
        for outside in
            ["http://", "https://", "url(//", "src=\"//", "href=\"//", "data:", "@import", "import("]
        {
            assert!(!text.contains(outside), "{} refers to {outside}", file.path);
        }
        for target in between(text, "href=\"", "\"").chain(between(text, " src=\"", "\"")) {
            if !target.starts_with('#') {
                used.insert(format!("/{target}"));
            }
        }
        for target in between(text, " url(", ")") {
            used.insert(format!("/wallboard/{target}"));
        }
        for target in between(text, "from \"./", "\"") {
            used.insert(format!("/wallboard/{target}"));
        }
    }
    assert_eq!(used.iter().map(String::as_str).collect::<BTreeSet<_>>(), served);
}

#[test]
fn names_of_callers_can_only_become_text() {
    for file in texts() {
        for door in [
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "Function(",
            " on",
            "style=\"",
        ] {
            let found = match door {
                // Handlers in the markup; in scripts it is a word.
                " on" if file.kind == HTML => between(text(file), " on", "=").any(|name| !name.contains(' ')),
                " on" => false,
                _ => text(file).contains(door),
            };
            assert!(!found, "{} has {door}", file.path);
        }
    }
}

#[test]
fn scripts_find_the_elements_that_they_ask_for() {
    let page = text(&FILES[0]);
    for file in texts().filter(|file| file.kind == SCRIPT) {
        for id in between(text(file), "byId(\"", "\")") {
            assert!(page.contains(&format!("id=\"{id}\"")), "{} asks for #{id}", file.path);
        }
    }
}

#[test]
fn colours_are_those_of_the_apps() {
    let palette = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/desktop/src/theme/palette.rs");
    let palette = std::fs::read_to_string(palette).expect("the apps' palette");
    let hex = |text: &str, mark: &'static str| -> BTreeSet<String> {
        let six = text.split(mark).skip(1).filter_map(|rest| rest.get(..6));
        six.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit())).map(str::to_owned).collect()
    };
    let known = hex(&palette, "hex(0x");
    let theme = texts().find(|file| file.path.ends_with("theme.css")).expect("the theme");
    let used = hex(text(theme), "#");
    assert!(used.len() > 20, "{used:?}");
    assert_eq!(used.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
    for file in texts().filter(|file| file.kind == STYLE && file.path != theme.path) {
        assert!(hex(text(file), ": #").is_empty(), "{} has a colour of its own", file.path);
    }
}
