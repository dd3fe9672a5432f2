//! Parts of a file: RFC 9110 §14 (ranges) and §13 (conditions), streamed.

use axum::body::{Body, Bytes};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use futures_util::stream;
use shared::api::error::ErrorCode;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::problem::Problem;

/// Read from the disk at once.
const CHUNK_BYTES: u64 = 64 * 1024;

/// A file that never changes, ready to be sent.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) file: File,
    pub(super) size_bytes: u64,
    /// Strong and quoted.
    pub(super) etag: String,
    pub(super) content_type: &'static str,
    /// What a browser calls it when it saves it.
    pub(super) name: String,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Whole,
    /// First and last byte.
    Part(u64, u64),
    Nothing,
}

/// The answer to a GET; for a HEAD the server leaves the body out.
pub(super) async fn respond(mut resource: Resource, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // §13.1.2: known already.
    if text(header::IF_NONE_MATCH).is_some_and(|tags| lists(tags, &resource.etag)) {
        return Ok(with_headers(Response::new(Body::empty()), StatusCode::NOT_MODIFIED, &resource, None));
    }
    // §13.1.5: a part is wanted only of the very file that the client has begun. Dates are no strong validator.
    let same = text(header::IF_RANGE).is_none_or(|tag| tag == resource.etag);
    let range = text(header::RANGE).filter(|_| same);
    let size = resource.size_bytes;
    match range.map_or(Wanted::Whole, |range| wanted(range, size)) {
        Wanted::Whole => {
            let body = body(&mut resource, 0, size).await?;
            Ok(with_headers(Response::new(body), StatusCode::OK, &resource, None))
        }
        Wanted::Part(first, last) => {
            let body = body(&mut resource, first, last - first + 1).await?;
            let response = Response::new(body);
            Ok(with_headers(response, StatusCode::PARTIAL_CONTENT, &resource, Some((first, last))))
        }
        Wanted::Nothing => Err(Problem::new(
            ErrorCode::RangeNotSatisfiable,
            "There is no such part of the file",
            format!("the file has {size} bytes"),
            "Ask for bytes within it, such as Range: bytes=0-1023.",
        )
        .with_header(header::CONTENT_RANGE, format!("bytes */{size}"))),
    }
}

/// §14.2: a range that cannot be read is ignored. Several ranges at once are answered with the whole, which is allowed
/// and saves the multipart answer that no player asks for.
fn wanted(range: &str, size: u64) -> Wanted {
    let Some((unit, spec)) = range.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || spec.contains(',') {
        return Wanted::Whole;
    }
    let Some((first, last)) = spec.trim().split_once('-') else { return Wanted::Whole };
    let number = |text: &str| {
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Wanted::Whole,
        (Some(first), _) if first >= size && (last.is_empty() || number(last).is_some()) => Wanted::Nothing,
        (Some(first), Some(last)) => Wanted::Part(first, last.min(size - 1)),
        (Some(first), None) if last.is_empty() => Wanted::Part(first, size - 1),
        (None, Some(0)) if first.is_empty() => Wanted::Nothing,
        (None, Some(_)) if first.is_empty() && size == 0 => Wanted::Nothing,
        (None, Some(tail)) if first.is_empty() => Wanted::Part(size.saturating_sub(tail), size - 1),
        _ => Wanted::Whole,
    }
}

fn lists(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

fn with_headers(
    mut response: Response<Body>,
    status: StatusCode,
    resource: &Resource,
    part: Option<(u64, u64)>,
) -> Response<Body> {
    *response.status_mut() = status;
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::ETAG, resource.etag.clone());
    set(header::ACCEPT_RANGES, "bytes".into());
    // May be kept by the browser that asked, which must ask again before it shows it to the next person.
    set(header::CACHE_CONTROL, "private, no-cache".into());
    if status != StatusCode::NOT_MODIFIED {
        set(header::CONTENT_TYPE, resource.content_type.into());
        set(header::CONTENT_DISPOSITION, format!("inline; filename=\"{}\"", resource.name));
        let (first, last) = part.unwrap_or((0, resource.size_bytes.saturating_sub(1)));
        let len = if resource.size_bytes == 0 { 0 } else { last - first + 1 };
        set(header::CONTENT_LENGTH, len.to_string());
        if part.is_some() {
            set(header::CONTENT_RANGE, format!("bytes {first}-{last}/{}", resource.size_bytes));
        }
    }
    response
}

async fn body(resource: &mut Resource, first: u64, len: u64) -> Result<Body, Problem> {
    let failed = |error: std::io::Error| {
        tracing::error!(%error, "recording not read");
        Problem::new(ErrorCode::Internal, "The recording cannot be read", "the disk failed", "Try again.")
    };
    resource.file.seek(std::io::SeekFrom::Start(first)).await.map_err(failed)?;
    let file = resource.file.try_clone().await.map_err(failed)?;
    let chunks = stream::try_unfold((file, len), |(mut file, left)| async move {
        if left == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        let mut chunk = vec![0; usize::try_from(left.min(CHUNK_BYTES)).unwrap_or(0)];
        let read = file.read(&mut chunk).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        chunk.truncate(read);
        Ok(Some((Bytes::from(chunk), (file, left - read as u64))))
    });
    Ok(Body::from_stream(chunks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (range, size, expected) in [
            ("bytes=0-0", 100, Wanted::Part(0, 0)),
            ("bytes=0-", 100, Wanted::Part(0, 99)),
            ("bytes=10-19", 100, Wanted::Part(10, 19)),
            ("bytes=90-200", 100, Wanted::Part(90, 99)),
            ("BYTES=-10", 100, Wanted::Part(90, 99)),
            ("bytes=-1000", 100, Wanted::Part(0, 99)),
            ("bytes=-0", 100, Wanted::Nothing),
            ("bytes=100-", 100, Wanted::Nothing),
            ("bytes=100-200", 100, Wanted::Nothing),
            ("bytes=99999999999999999999-", 100, Wanted::Nothing),
            ("bytes=0-", 0, Wanted::Nothing),
            ("bytes=-5", 0, Wanted::Nothing),
            ("bytes=20-10", 100, Wanted::Whole),
            ("bytes=0-1,5-6", 100, Wanted::Whole),
            ("lines=0-1", 100, Wanted::Whole),
            ("bytes=", 100, Wanted::Whole),
            ("bytes=-", 100, Wanted::Whole),
            ("bytes=a-b", 100, Wanted::Whole),
            ("bytes=200-x", 100, Wanted::Whole),
            ("bytes=+1-5", 100, Wanted::Whole),
        ] {
            assert_eq!(wanted(range, size), expected, "{range} of {size}");
        }
    }
}
