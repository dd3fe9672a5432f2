//! Writing a description through sdp-types.

use std::net::IpAddr;

use sdp_types::{Attribute, Connection, Media, Origin, Session as Raw, Time};

use super::Direction;
use super::crypto::CryptoLine;
use super::parse::{MediaLine, Payload};

/// The audio line that is written.
pub(super) struct AudioLine {
    pub(super) port: u16,
    pub(super) protocol: String,
    pub(super) payloads: Vec<Payload>,
    pub(super) ptime_millis: u32,
    pub(super) direction: Direction,
    pub(super) rtcp_mux: bool,
    pub(super) crypto: Vec<CryptoLine>,
}

/// A line of a description that is written.
pub(super) enum Line<'a> {
    Audio(&'a AudioLine),
    /// A line of the offer that is refused: the same with port zero (RFC 3264 §6).
    Refused(&'a MediaLine),
}

/// The whole text.
pub(super) fn description(session_id: u64, version: u64, address: IpAddr, lines: &[Line<'_>]) -> String {
    let mut session = Raw::new(Origin::with_ip_addr(session_id, version, address), "-");
    session.connection = Some(Connection::from_ip_addr(address));
    session.times = vec![Time::new(0, 0)];
    session.medias = lines.iter().map(media).collect();
    let mut bytes = Vec::with_capacity(512);
    // Writing to memory cannot fail.
    let _ = session.write(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn media(line: &Line<'_>) -> Media {
    let (kind, port, protocol, formats, attributes) = match line {
        Line::Refused(line) => {
            (line.kind.clone(), 0, line.protocol_text.clone(), line.formats_text.clone(), Vec::new())
        }
        Line::Audio(line) => {
            let numbers: Vec<String> =
                line.payloads.iter().map(|payload| payload.number.to_string()).collect();
            ("audio".into(), line.port, line.protocol.clone(), numbers.join(" "), attributes(line))
        }
    };
    Media {
        media: kind,
        port,
        num_ports: None,
        proto: protocol,
        fmt: formats,
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes,
    }
}

fn attributes(line: &AudioLine) -> Vec<Attribute> {
    let mut attributes = Vec::with_capacity(2 * line.payloads.len() + 3);
    for payload in &line.payloads {
        let Payload { number, name, clock_rate_hz, channels, parameters } = payload;
        let suffix = if *channels > 1 { format!("/{channels}") } else { String::new() };
        attributes.push(Attribute::with_value("rtpmap", format!("{number} {name}/{clock_rate_hz}{suffix}")));
        if !parameters.is_empty() {
            attributes.push(Attribute::with_value("fmtp", format!("{number} {parameters}")));
        }
    }
    attributes.extend(line.crypto.iter().map(|line| Attribute::with_value("crypto", line)));
    attributes.push(Attribute::with_value("ptime", line.ptime_millis));
    attributes.push(Attribute::new(line.direction.as_str()));
    if line.rtcp_mux {
        attributes.push(Attribute::new("rtcp-mux"));
    }
    attributes
}
