//! Reading and wording what the far side says.

use shared::sip::{self, Body};

/// In words for people.
pub(super) fn refusal(status: u16, reason: &str) -> String {
    match status {
        404 | 604 => "there is no such number".into(),
        408 | 480 => "nobody answers".into(),
        486 | 600 => "the line is busy".into(),
        487 => "the call was given up".into(),
        403 => "the call is not allowed".into(),
        488 | 606 => "the far side has no common codec".into(),
        503 => "the service cannot be reached".into(),
        603 => "the call was refused".into(),
        _ => format!("the far side answered {status} {reason}").trim_end().into(),
    }
}

/// The text of a Reason header (RFC 3326): `SIP;cause=200;text="Call completed elsewhere"`.
pub(super) fn reason_text(header: &str) -> Option<String> {
    let (_, text) = sip::header::split(header, ';')
        .filter_map(|part| part.trim().split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("text"))?;
    let text = text.trim();
    Some(sip::header::unquote(text).unwrap_or_else(|| text.to_owned()))
}

/// The key of an INFO body: `Signal=5` in `application/dtmf-relay`, or the bare key in `application/dtmf`.
pub(super) fn key_of(body: &Body) -> Option<char> {
    let text = body.text();
    let word = if body.is("application/dtmf-relay") {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("signal"))
            .map(|(_, value)| value.trim().to_owned())?
    } else if body.is("application/dtmf") {
        text.trim().to_owned()
    } else {
        return None;
    };
    // RFC 4733 §3.2 numbers 10 and 11 are what some phones write for star and hash.
    let key = match word.as_str() {
        "10" => '*',
        "11" => '#',
        word => word.chars().next().filter(|_| word.len() == 1)?.to_ascii_uppercase(),
    };
    shared::audio::tone::dtmf_hz(key).map(|_| key)
}
