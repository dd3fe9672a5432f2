use super::*;

fn multipart(kind: &str, boundary: &str, parts: &[&str]) -> Body {
    let mut text = String::from("to be ignored\r\n");
    for part in parts {
        text.push_str(&format!("--{boundary}\r\n{part}\r\n"));
    }
    text.push_str(&format!("--{boundary}--\r\nand this too"));
    Body::new(format!("multipart/{kind};boundary=\"{boundary}\""), text)
}

const SDP: &str = "Content-Type: application/sdp\r\nContent-Disposition: session\r\n\r\nv=0\r\ns=-\r\n";
const TEXT: &str = "Content-Type: text/plain\r\n\r\nHello";

fn sdp_of(body: &Body) -> Option<String> {
    body.sdp_part().map(|part| part.text().into_owned())
}

#[test]
fn the_offer_is_found_in_a_multipart() {
    let other = "content-type : application/sdp;\r\n charset=utf-8\r\n\r\nv=0\r\ns=other\r\n";
    for (body, expected) in [
        (Body::sdp("v=0\r\n"), Some("v=0\r\n")),
        (multipart("mixed", "a b", &[TEXT, SDP, other]), Some("v=0\r\ns=-\r\n")),
        // Of alternatives the last that is understood is the best.
        (multipart("alternative", "a", &[SDP, other, TEXT]), Some("v=0\r\ns=other\r\n")),
        (multipart("related", "a", &[SDP]), Some("v=0\r\ns=-\r\n")),
        (multipart("mixed", "a", &[TEXT]), None),
        (multipart("mixed", "a", &[]), None),
        (Body::new("text/plain", "v=0"), None),
    ] {
        assert_eq!(sdp_of(&body).as_deref(), expected, "{body:?}");
        let session = body.clone().into_session();
        assert_eq!(session.is("application/sdp"), expected.is_some(), "{body:?}");
        assert!(expected.is_some() || session == body, "what has no offer stays what it is");
    }
}

#[test]
fn parts_within_parts_are_found_to_a_depth() {
    let nest = |depth: usize| {
        let mut part = SDP.to_owned();
        for level in 0..depth {
            let body = multipart("mixed", &format!("level{level}"), &[TEXT, &part]);
            part = format!("Content-Type: {}\r\n\r\n{}", body.content_type, body.text());
        }
        let (content_type, text) = part.split_once("\r\n\r\n").expect("a part");
        let content_type =
            content_type.lines().next().and_then(|line| line.split_once(": ")).expect("type").1;
        Body::new(content_type, text)
    };
    for depth in 0..=MAX_DEPTH {
        assert_eq!(sdp_of(&nest(depth)).as_deref(), Some("v=0\r\ns=-\r\n"), "{depth}");
    }
    for depth in [MAX_DEPTH + 1, 100] {
        assert_eq!(sdp_of(&nest(depth)), None, "{depth}");
    }
}

#[test]
fn broken_multiparts_hurt_nobody() {
    for (name, content_type, bytes, parts) in [
        ("empty", "multipart/mixed;boundary=a", "", 0),
        ("no boundary parameter", "multipart/mixed", "--a\r\n\r\nx\r\n--a--", 0),
        ("an empty boundary", "multipart/mixed;boundary=\"\"", "--\r\n\r\nx\r\n----", 0),
        (
            "the boundary never comes",
            "multipart/mixed;boundary=a",
            "\r\n--b\r\nContent-Type: x/y\r\n\r\nx",
            0,
        ),
        ("no last delimiter", "multipart/mixed;boundary=a", "--a\r\n\r\nx", 1),
        ("no line end at all", "multipart/mixed;boundary=a", "--a", 1),
        ("no line end behind the last", "multipart/mixed;boundary=a", "--a\r\n\r\nx\r\n--a--", 1),
        ("line feeds alone", "multipart/mixed;boundary=a", "--a\nContent-Type: x/y\n\nx\n--a--\n", 1),
        (
            "a part without an empty line",
            "multipart/mixed;boundary=a",
            "--a\r\nContent-Type: x/y\r\n--a--",
            1,
        ),
        ("a line that begins like a delimiter", "multipart/mixed;boundary=a", "--a\r\n\r\n--ab\r\n--a--", 1),
        ("delimiters only", "multipart/mixed;boundary=a", "--a\r\n--a\r\n--a\r\n--a--\r\n", 3),
        ("a broken quote", "multipart/mixed;boundary=\"a", "--a\r\n\r\nx\r\n--a--", 0),
    ] {
        let body = Body::new(content_type, bytes);
        assert_eq!(body.parts().len(), parts, "{name}");
        assert_eq!(body.sdp_part(), None, "{name}");
    }
    let many = multipart("mixed", "a", &["\r\nx"; 5_000]);
    assert_eq!(many.parts().len(), MAX_PARTS);
    let long = "b".repeat(71);
    assert_eq!(multipart("mixed", &long, &[SDP]).parts(), []);
}

#[test]
fn parts_are_byte_exact() {
    let binary: Vec<u8> = (0..=255).collect();
    let mut bytes = b"--x\r\nContent-Type: application/octet-stream\r\n\r\n".to_vec();
    bytes.extend_from_slice(&binary);
    bytes.extend_from_slice(b"\r\n--x--\r\n");
    let parts = Body::new("multipart/mixed; boundary=x", bytes).parts();
    assert_eq!(parts, [Body::new("application/octet-stream", binary)]);
}
