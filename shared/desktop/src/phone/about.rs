//! What an incoming INVITE says about its call: who, from which queue, and whether to answer by itself.

use std::str::FromStr;
use std::time::Duration;

use shared::api::session::header;
use shared::model::call::{Party, SupervisionMode};
use shared::sip::{Headers, NameAddr, uri};

use super::types::CallAbout;

/// The far side as a person reads it (RFC 3323 §4.1.1.3: "anonymous" is nobody).
pub(super) fn party(address: &NameAddr) -> Party {
    let number = address.uri.user_unescaped().unwrap_or_default();
    let name = address.display.clone().unwrap_or_default();
    let hidden = |text: &str| text.eq_ignore_ascii_case("anonymous");
    Party {
        number: if hidden(&number) { String::new() } else { number },
        name: if hidden(&name) { String::new() } else { name },
    }
}

/// What the service says; fields that cannot be read are left out.
pub(super) fn about(headers: &Headers) -> CallAbout {
    fn read<T: FromStr>(headers: &Headers, name: &str) -> Option<T> {
        headers.get(name)?.trim().parse().ok()
    }
    CallAbout {
        call: read(headers, header::CALL),
        queue: read(headers, header::QUEUE),
        queue_name: headers.get(header::QUEUE_NAME).map(|name| uri::unescape(name.trim())),
        wait_secs: read(headers, header::WAIT_SECS),
        offer: read(headers, header::OFFER),
        supervision: headers.get(header::SUPERVISION).and_then(mode),
    }
}

fn mode(word: &str) -> Option<SupervisionMode> {
    serde_json::from_value(serde_json::Value::String(word.trim().to_ascii_lowercase())).ok()
}

/// After how long the call answers by itself: a supervisor's way into a call, and what service and phones have agreed
/// on for calls that a person asked for (RFC 5373, and the two forms that desk phones know).
pub(super) fn answer_after(headers: &Headers) -> Option<Duration> {
    let at_once = Some(Duration::ZERO);
    if headers.has(header::SUPERVISION) {
        return at_once;
    }
    if headers.all("Answer-Mode").any(|mode| mode.trim().to_ascii_lowercase().starts_with("auto")) {
        return at_once;
    }
    for info in headers.all("Call-Info") {
        let after = info
            .split([';', ','])
            .filter_map(|part| part.trim().split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("answer-after"));
        if let Some((_, secs)) = after {
            return secs.trim().parse().ok().filter(|secs| *secs <= 60).map(Duration::from_secs);
        }
    }
    let alerts = ["auto-answer", "autoanswer", "auto answer", "ring-answer", "ring answer", "ringanswer"];
    let asked = headers.all("Alert-Info").any(|info| {
        let info = info.to_ascii_lowercase();
        alerts.iter().any(|word| info.contains(word))
    });
    if asked { at_once } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        fields.iter().for_each(|(name, value)| headers.push(name, value));
        headers
    }

    #[test]
    fn reads_what_the_service_writes() {
        let about = about(&headers(&[
            (header::CALL, "0000000000001"),
            (header::QUEUE, "support"),
            (header::QUEUE_NAME, "Kundenbetreuung%20S%C3%BCd"),
            (header::WAIT_SECS, "73"),
            (header::OFFER, "rubbish"),
            (header::SUPERVISION, "whisper"),
        ]));
        assert_eq!(about.call.map(|call| call.as_u64()), Some(1));
        assert_eq!(about.queue_name.as_deref(), Some("Kundenbetreuung Süd"));
        assert_eq!((about.wait_secs, about.offer), (Some(73), None));
        assert_eq!(about.supervision, Some(SupervisionMode::Whisper));
    }

    #[test]
    fn answers_by_itself_only_when_asked() {
        let check = |name: &str, value: &str, secs: Option<u64>| {
            assert_eq!(
                answer_after(&headers(&[(name, value)])),
                secs.map(Duration::from_secs),
                "{name}: {value}"
            );
        };
        check("X-Callfloor-Supervision", "monitor", Some(0));
        check("Call-Info", "<sip:a@b>;answer-after=0", Some(0));
        check("Call-Info", "<http://x/y>;purpose=icon, <sip:a@b>;Answer-After=2", Some(2));
        check("Call-Info", "<sip:a@b>;answer-after=999", None);
        check("Alert-Info", "<http://x>;info=alert-autoanswer", Some(0));
        check("Alert-Info", "Ring Answer", Some(0));
        check("Alert-Info", "<http://x/ring.wav>", None);
        check("Answer-Mode", "Auto;require", Some(0));
        check("Answer-Mode", "Manual", None);
    }

    #[test]
    fn nobody_is_called_anonymous() {
        let read = |text: &str| party(&text.parse().expect("address"));
        assert_eq!(read("\"Anonymous\" <sip:anonymous@anonymous.invalid>"), Party::default());
        let ada = read("\"Ada L\" <sip:%2B4930@x>");
        assert_eq!((ada.name.as_str(), ada.number.as_str()), ("Ada L", "+4930"));
    }
}
