//! Reading a description. sdp-types knows the grammar; this file first puts the text of real phones into that
//! grammar and then keeps what a voice call needs. Lines that a voice call does not need (`b=`, `k=`, ICE
//! and whatever else) are never a reason to refuse.

use std::net::IpAddr;

use sdp_types::Attribute;

use super::crypto::{CryptoError, CryptoLine};
use super::{Direction, SdpError};

/// Octets of the longest description that is read.
const MAX_BYTES: usize = 32_768;
/// Media lines of one description; an answer has to repeat them all.
const MAX_MEDIA: usize = 16;
/// Formats of one media line that are looked at; the rest is ignored.
const MAX_FORMATS: usize = 64;
/// Keys of one media line that are looked at; the rest is ignored.
const MAX_CRYPTO_LINES: usize = 16;

/// A description, as far as a voice call needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The far side's session id and version (`o=`), for telling a repeated description from a new one.
    pub origin: Option<(String, u64)>,
    /// Media lines in their order.
    pub media: Vec<MediaLine>,
}

/// How media travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// `RTP/AVP` or `RTP/AVPF`.
    Plain,
    /// `RTP/SAVP` or `RTP/SAVPF`: SRTP with keys in the description.
    Secure,
    /// SRTP with keys from DTLS (RFC 5764).
    Dtls,
    /// Anything else (fax, data channels).
    Other,
}

/// One payload type of a media line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Its number.
    pub number: u8,
    /// Its encoding name, as written or from the static table.
    pub name: String,
    /// Its clock; 0 when neither written nor known.
    pub clock_rate_hz: u32,
    /// Its channels, 1 when not written.
    pub channels: u8,
    /// Its parameters, empty when there are none.
    pub parameters: String,
}

impl Payload {
    /// True for this encoding name and clock; names have no case (RFC 4855 §3).
    pub fn is(&self, name: &str, clock_rate_hz: u32) -> bool {
        self.name.eq_ignore_ascii_case(name) && self.clock_rate_hz == clock_rate_hz
    }
}

/// One `m=` line with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaLine {
    /// `audio`, `video`, …
    pub kind: String,
    /// Zero means refused or switched off.
    pub port: u16,
    /// As written, for the answer.
    pub protocol_text: String,
    /// Formats as written, for the answer.
    pub formats_text: String,
    /// Payload types in order of preference; empty when `protocol` is not RTP.
    pub payloads: Vec<Payload>,
    /// Where to send: from the line itself or from the session. `0.0.0.0` is the hold of RFC 2543.
    pub address: Option<IpAddr>,
    /// `a=rtcp` (RFC 3605): port and, when it has one, its own address.
    pub rtcp: Option<(u16, Option<IpAddr>)>,
    /// RTP and RTCP may share the port.
    pub rtcp_mux: bool,
    /// From the writer's side.
    pub direction: Direction,
    /// `a=ptime` in milliseconds.
    pub ptime_millis: Option<u32>,
    /// `a=maxptime` in milliseconds.
    pub max_ptime_millis: Option<u32>,
    /// `a=crypto` that can be used, one a tag, in order of preference.
    pub crypto: Vec<CryptoLine>,
    /// Why the first of the others cannot.
    pub crypto_fault: Option<CryptoError>,
}

impl MediaLine {
    /// Whether it is audio.
    pub fn is_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case("audio")
    }

    /// How it travels.
    pub fn protocol(&self) -> Protocol {
        let text = self.protocol_text.to_ascii_uppercase();
        if text == "RTP/AVP" || text == "RTP/AVPF" {
            Protocol::Plain
        } else if text == "RTP/SAVP" || text == "RTP/SAVPF" {
            Protocol::Secure
        } else if text.contains("SAVP") {
            Protocol::Dtls
        } else {
            Protocol::Other
        }
    }
}

impl Session {
    /// Reads a description.
    pub fn parse(text: &[u8]) -> Result<Session, SdpError> {
        if text.len() > MAX_BYTES {
            return Err(SdpError::Syntax(format!("it has {} octets, {MAX_BYTES} are possible", text.len())));
        }
        let tidy = tidy(text);
        if tidy.is_empty() {
            return Err(SdpError::Syntax("it has no line of a description".into()));
        }
        let raw = sdp_types::Session::parse(tidy.as_bytes())
            .map_err(|error| SdpError::Syntax(error.to_string()))?;
        if raw.medias.len() > MAX_MEDIA {
            return Err(SdpError::Syntax(format!(
                "it has {} media lines, {MAX_MEDIA} are possible",
                raw.medias.len()
            )));
        }
        let session_address =
            raw.connection.as_ref().and_then(|connection| address(&connection.connection_address));
        let session_direction = direction(&raw.attributes).unwrap_or_default();
        let origin =
            (!raw.origin.sess_id.is_empty()).then_some((raw.origin.sess_id, raw.origin.sess_version));
        let media = raw
            .medias
            .into_iter()
            .map(|media| media_line(media, session_address, session_direction))
            .collect();
        Ok(Session { origin, media })
    }
}

fn media_line(
    media: sdp_types::Media,
    session_address: Option<IpAddr>,
    session_direction: Direction,
) -> MediaLine {
    let attributes = &media.attributes;
    let number = |name: &str| value(attributes, name).and_then(first_number);
    let rtcp = value(attributes, "rtcp").and_then(|text| {
        let mut words = text.split_ascii_whitespace();
        let port = words.next()?.parse().ok().filter(|port| *port != 0)?;
        Some((port, words.nth(2).and_then(address)))
    });
    // A line with a connection of its own does not fall back, even when its address is a name.
    let address = match media.connections.first() {
        Some(connection) => address(&connection.connection_address),
        None => session_address,
    };
    let (crypto, crypto_fault) = crypto(attributes);
    MediaLine {
        port: media.port,
        payloads: payloads(&media.fmt, attributes),
        address,
        rtcp,
        rtcp_mux: attributes.iter().any(|attribute| attribute.attribute == "rtcp-mux"),
        direction: direction(attributes).unwrap_or(session_direction),
        ptime_millis: number("ptime"),
        max_ptime_millis: number("maxptime"),
        crypto,
        crypto_fault,
        kind: media.media,
        protocol_text: media.proto,
        formats_text: media.fmt,
    }
}

/// The keys that can be used, and what is wrong with the first that cannot.
fn crypto(attributes: &[Attribute]) -> (Vec<CryptoLine>, Option<CryptoError>) {
    let values = attributes.iter().filter(|attribute| attribute.attribute == "crypto");
    let (mut lines, mut fault): (Vec<CryptoLine>, _) = (Vec::new(), None);
    for value in values.take(MAX_CRYPTO_LINES) {
        match CryptoLine::parse(value.value.as_deref().unwrap_or_default()) {
            // RFC 4568 §4.1: a tag stands for one line.
            Ok(line) if lines.iter().any(|known| known.tag == line.tag) => {}
            Ok(line) => lines.push(line),
            Err(error) => {
                fault.get_or_insert(error);
            }
        }
    }
    (lines, fault)
}

/// Payload types with their mapping; the static table of RFC 3551 §6 fills in what is not written.
fn payloads(formats: &str, attributes: &[Attribute]) -> Vec<Payload> {
    let numbers = formats.split_ascii_whitespace().filter_map(|word| word.parse().ok());
    numbers
        .filter(|number: &u8| *number < 128)
        .take(MAX_FORMATS)
        .map(|number| {
            let of_number = |name: &'static str| {
                attributes.iter().filter(move |attribute| attribute.attribute == name).find_map(|attribute| {
                    let (word, rest) = attribute.value.as_deref()?.trim_start().split_once([' ', '\t'])?;
                    (word.parse() == Ok(number)).then(|| rest.trim())
                })
            };
            let (name, clock_rate_hz, channels) = match of_number("rtpmap") {
                Some(mapping) => {
                    let mut parts = mapping.split('/').map(str::trim);
                    let name = parts.next().unwrap_or_default().to_owned();
                    let clock = parts.next().and_then(first_number);
                    let channels = parts.next().and_then(|text| text.parse().ok()).unwrap_or(1);
                    // A clock that was forgotten is the one of nearly every telephone codec.
                    (name, clock.unwrap_or(8_000), channels)
                }
                None => match static_payload(number) {
                    Some((name, clock)) => (name.to_owned(), clock, 1),
                    None => (String::new(), 0, 1),
                },
            };
            let parameters = of_number("fmtp").unwrap_or_default().to_owned();
            Payload { number, name, clock_rate_hz, channels, parameters }
        })
        .collect()
}

/// Payload types of RFC 3551 §6 that telephony still meets.
fn static_payload(number: u8) -> Option<(&'static str, u32)> {
    Some(match number {
        0 => ("PCMU", 8_000),
        3 => ("GSM", 8_000),
        4 => ("G723", 8_000),
        8 => ("PCMA", 8_000),
        9 => ("G722", 8_000),
        13 => ("CN", 8_000),
        15 => ("G728", 8_000),
        18 => ("G729", 8_000),
        _ => return None,
    })
}

fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes
        .iter()
        .find(|attribute| attribute.attribute == name)
        .and_then(|attribute| attribute.value.as_deref())
}

/// The number at the beginning of `text`: "20", "20.0" and " 20 " are all met.
fn first_number(text: &str) -> Option<u32> {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

fn direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|attribute| match attribute.attribute.as_str() {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    })
}

/// An address with an optional `/ttl`. Names are not resolved here and give `None`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.split('/').next().unwrap_or(text);
    text.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Puts real descriptions into the grammar: any line end, only lines that matter, one of each kind that may
/// stand once, repaired `o=` lines, an `m=` line always with a format.
fn tidy(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut output = String::with_capacity(text.len() + 16);
    let (mut has_version, mut has_origin, mut has_connection, mut in_media) = (false, false, false, false);
    let mut body = String::with_capacity(text.len());
    for line in text.split(['\r', '\n']) {
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}');
        let Some((key, rest)) = line.split_once('=') else { continue };
        let words = || rest.split_ascii_whitespace();
        match key.trim() {
            "v" => has_version = true,
            "o" if !has_origin => {
                has_origin = true;
                push(&mut body, "o=", repaired_origin(rest));
            }
            "c" if words().count() >= 3 && !has_connection => {
                has_connection = true;
                push(&mut body, "c=", words().take(3).collect::<Vec<_>>().join(" "));
            }
            "m" => {
                in_media = true;
                has_connection = false;
                let mut line = words().collect::<Vec<_>>().join(" ");
                if words().count() == 3 {
                    line.push_str(" 0");
                }
                push(&mut body, "m=", line);
            }
            "a" => {
                let (name, value) =
                    rest.split_once(':').map_or((rest, None), |(name, value)| (name, Some(value)));
                let name = name.trim().to_ascii_lowercase();
                push(&mut body, "a=", value.map_or(name.clone(), |value| format!("{name}:{}", value.trim())));
            }
            _ => {}
        }
    }
    if has_version || has_origin || in_media {
        output.push_str("v=0\r\n");
        output.push_str(&body);
    }
    output
}

fn push(output: &mut String, key: &str, value: String) {
    output.push_str(key);
    output.extend(value.chars().filter(|c| !matches!(c, '\0' | '\r' | '\n')));
    output.push_str("\r\n");
}

/// Six fields, a numeric version: user names with blanks and versions beyond 64 bits are met.
fn repaired_origin(text: &str) -> String {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let from_end = |back: usize| words.len().checked_sub(back).and_then(|at| words.get(at)).copied();
    match (from_end(5), from_end(4), from_end(1)) {
        (Some(id), Some(version), Some(address)) if words.len() >= 6 => {
            let version: u64 = version.parse().unwrap_or(0);
            format!("- {id} {version} IN IP4 {address}")
        }
        _ => "- 0 0 IN IP4 0.0.0.0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn audio(text: &str) -> MediaLine {
        let session = Session::parse(text.as_bytes()).expect("readable");
        session.media.into_iter().find(MediaLine::is_audio).expect("audio")
    }

    #[test]
    fn reads_a_plain_description() {
        let text = "v=0\r\no=alice 2890844526 2890844527 IN IP4 host\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
            m=audio 49170 RTP/AVP 96 8 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
            a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:30\r\na=maxptime:60\r\na=sendonly\r\n\
            a=rtcp:49999 IN IP4 192.0.2.9\r\na=rtcp-mux\r\n";
        let line = audio(text);
        assert_eq!(line.port, 49_170);
        assert_eq!(line.address, Some("192.0.2.1".parse().expect("address")));
        assert_eq!(line.rtcp, Some((49_999, Some("192.0.2.9".parse().expect("address")))));
        assert!(line.rtcp_mux);
        assert_eq!(line.direction, Direction::SendOnly);
        assert_eq!((line.ptime_millis, line.max_ptime_millis), (Some(30), Some(60)));
        let names: Vec<_> =
            line.payloads.iter().map(|p| (p.number, p.name.as_str(), p.clock_rate_hz, p.channels)).collect();
        assert_eq!(
            names,
            [(96, "opus", 48_000, 2), (8, "PCMA", 8_000, 1), (101, "telephone-event", 8_000, 1)]
        );
        assert_eq!(line.payloads[2].parameters, "0-15");
        let session = Session::parse(text.as_bytes()).expect("readable");
        assert_eq!(session.origin, Some(("2890844526".into(), 2_890_844_527)));
    }

    #[test]
    fn reads_what_phones_really_send() {
        for (name, text) in [
            (
                "bare line feeds, no session name",
                "v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n",
            ),
            (
                "address at the media line alone",
                "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n",
            ),
            (
                "bandwidth, keys and unknown lines",
                "v=0\r\no=- 1 1 IN IP4 h\r\ns= \r\nb=AS:x\r\nk=prompt\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nt=x\r\nq=1\r\nm=audio 4000 RTP/AVP 0\r\nb=TIAS:64000\r\ni=title\r\n",
            ),
            (
                "a user name with blanks, a version that is no number",
                "v=0\r\no=Front Desk 1 x IN IP4 h\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n",
            ),
            (
                "blanks at line ends and doubled",
                "v=0 \r\no=-  1  1 IN IP4 h \r\nc=IN  IP4  192.0.2.1/127 \r\nm=audio  4000  RTP/AVP  0 \r\na=rtpmap:0  PCMU/8000 \r\n",
            ),
            (
                "two connections, two versions, a leading blank line",
                "\r\nv=0\r\nv=0\r\no=- 1 1 IN IP4 h\r\no=- 2 2 IN IP4 h\r\nc=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.2\r\nm=audio 4000 RTP/AVP 0\r\n",
            ),
            ("no version line", "o=- 1 1 IN IP4 h\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000/2 RTP/AVP 0\r\n"),
            (
                "ICE and SRTP attributes, a byte that is no UTF-8 elsewhere",
                "v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0 200 x\r\na=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=ice-ufrag:a\r\na=:\r\na=\r\na=rtpmap\r\na=rtpmap:\r\na=fmtp:0\r\n",
            ),
        ] {
            let line = audio(text);
            assert_eq!(line.port, 4_000, "{name}");
            assert_eq!(line.address, Some("192.0.2.1".parse().expect("address")), "{name}");
            assert_eq!(line.payloads.len(), 1, "{name}");
            assert!(line.payloads[0].is("pcmu", 8_000), "{name}: {:?}", line.payloads);
            assert_eq!(line.direction, Direction::SendRecv, "{name}");
        }
    }

    #[test]
    fn reads_ipv6_and_session_direction() {
        let line = audio(
            "v=0\r\no=- 1 1 IN IP6 ::1\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\nm=audio 4000 RTP/AVP 8\r\n",
        );
        assert_eq!(line.address, Some("2001:db8::1".parse().expect("address")));
        assert_eq!(line.direction, Direction::Inactive);
    }

    #[test]
    fn keeps_the_place_of_every_media_line() {
        let session = Session::parse(
            b"v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 192.0.2.1\r\nm=video 0 RTP/AVP\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 111\r\nm=image 5000 udptl t38\r\n",
        )
        .expect("readable");
        let protocols: Vec<_> =
            session.media.iter().map(|line| (line.kind.as_str(), line.protocol())).collect();
        assert_eq!(
            protocols,
            [("video", Protocol::Plain), ("audio", Protocol::Dtls), ("image", Protocol::Other)]
        );
    }

    #[test]
    fn refuses_what_is_no_description() {
        for text in [
            "",
            "hello",
            "v=0\r\nm=audio RTP/AVP 0\r\n",
            "v=0\r\nm=audio 99999 RTP/AVP 0\r\n",
            "v=0\r\nm=audio\r\n",
        ] {
            assert!(matches!(Session::parse(text.as_bytes()), Err(SdpError::Syntax(_))), "{text:?}");
        }
        let long = "a".repeat(MAX_BYTES + 1);
        assert!(Session::parse(long.as_bytes()).is_err());
        let many = format!("v=0\r\n{}", "m=audio 4000 RTP/AVP 0\r\n".repeat(MAX_MEDIA + 1));
        assert!(Session::parse(many.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Session::parse(&bytes);
        }

        #[test]
        fn random_lines_never_panic(
            lines in proptest::collection::vec("[vosctmab]=[a-z0-9:/ .*-]{0,30}", 0..20),
        ) {
            let _ = Session::parse(lines.join("\r\n").as_bytes());
        }
    }
}
