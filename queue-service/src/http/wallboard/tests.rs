use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use super::*;

/// One request to the page's own little site.
async fn ask(path: &str, known: Option<&str>) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().uri(path);
    if let Some(known) = known {
        request = request.header(header::IF_NONE_MATCH, known);
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = router::<()>().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    (parts.status, parts.headers, body.to_vec())
}

#[tokio::test]
async fn every_file_is_served_with_its_kind_and_a_strict_policy() {
    for file in FILES {
        let (status, headers, body) = ask(file.path, None).await;
        assert_eq!(status, StatusCode::OK, "{}", file.path);
        assert_eq!(headers[header::CONTENT_TYPE], file.kind, "{}", file.path);
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(body, file.body);
        let tag = headers[header::ETAG].to_str().expect("text").to_owned();
        let (again, _, body) = ask(file.path, Some(&tag)).await;
        assert_eq!((again, body.len()), (StatusCode::NOT_MODIFIED, 0), "{}", file.path);
    }
}

#[tokio::test]
async fn an_address_with_a_slash_leads_to_the_page() {
    let (status, headers, _) = ask("/wallboard/?theme=dark", None).await;
    assert_eq!(status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(headers[header::LOCATION], "../wallboard?theme=dark");
}

#[test]
fn the_page_refers_to_nothing_outside_and_to_nothing_missing() {
    let served = |name: &str| FILES.iter().any(|file| file.path.ends_with(name));
    for file in FILES.iter().filter(|file| file.kind != FONT) {
        let text = std::str::from_utf8(file.body).expect("text");
        for outside in
            ["http://", "https://", "//cdn", "@import url(\"//", "innerHTML", "document.write", "eval("]
        {
            // The name of SVG's vocabulary is no address that anything is loaded from.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains(outside), "{} holds {outside}", file.path);
        }
        for quote in ["src=\"", "href=\"", "from \"./", "url(\""] {
            for rest in text.split(quote).skip(1) {
                let name = rest.split('"').next().unwrap_or_default();
                if !name.starts_with('#') && !name.starts_with("data:") {
                    let last = name.rsplit('/').next().unwrap_or_default();
                    assert!(served(last), "{} refers to {name}", file.path);
                }
            }
        }
    }
}
