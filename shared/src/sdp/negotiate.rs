//! Offer and answer for one audio line (RFC 3264).

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::crypto::{CryptoError, CryptoLine, Policy};
use super::parse::{MediaLine, Payload, Protocol, Session};
use super::print::AudioLine;
use super::{Direction, LocalMedia, Negotiated, SdpError, TelephoneEvent};
use crate::audio::codec::Codec;
use crate::audio::opus;
use crate::rtp::srtp::Keys;

/// Keys 0 to 15 of RFC 4733 §3.2: the digits, star, hash, A to D.
const KEYS: &str = "0-15";
const TELEPHONE_EVENT: &str = "telephone-event";

/// Our dynamic payload numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Numbers {
    opus: u8,
    event_narrow: u8,
    event_wide: u8,
}

impl Default for Numbers {
    fn default() -> Self {
        // What most phones use for the same, so that traces read well.
        Numbers { opus: 111, event_narrow: 101, event_wide: 110 }
    }
}

impl Numbers {
    /// Takes over the numbers of an agreed line and moves ours out of their way.
    pub(super) fn learn(&mut self, payloads: &[Payload]) {
        for payload in payloads.iter().filter(|payload| payload.number >= 96) {
            let number = payload.number;
            let slot = if payload.is("opus", 48_000) {
                0
            } else if payload.is(TELEPHONE_EVENT, 8_000) {
                1
            } else if payload.is(TELEPHONE_EVENT, 48_000) {
                2
            } else {
                continue;
            };
            let mut all = [self.opus, self.event_narrow, self.event_wide];
            // Whoever had that number takes the one that becomes free.
            if let Some(other) = all.iter().position(|taken| *taken == number) {
                all.swap(other, slot);
            }
            all[slot] = number;
            [self.opus, self.event_narrow, self.event_wide] = all;
        }
    }
}

/// What we offered, kept until the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Offered {
    pub(super) numbers: Numbers,
    codecs: Vec<Codec>,
    telephone_event: bool,
    rtcp_mux: bool,
    direction: Direction,
    #[serde(default)]
    policy: Policy,
    /// The keys that we offered.
    #[serde(default)]
    crypto: Vec<CryptoLine>,
}

/// An answer of ours.
pub(super) struct Chosen {
    pub(super) index: usize,
    pub(super) line: AudioLine,
    pub(super) negotiated: Negotiated,
}

/// Our offer.
pub(super) fn offer(local: &LocalMedia, numbers: &Numbers) -> (AudioLine, Offered) {
    let mut payloads: Vec<Payload> =
        local.codecs.iter().map(|codec| voice(*codec, number_of(*codec, numbers))).collect();
    if local.telephone_event {
        // RFC 4733 §2.1: the clock of the events should be the one of the voice beside them.
        if local.codecs.iter().any(|codec| codec.clock_rate_hz() == 8_000) {
            payloads.push(event(numbers.event_narrow, 8_000));
        }
        if local.codecs.contains(&Codec::Opus) {
            payloads.push(event(numbers.event_wide, 48_000));
        }
    }
    let (policy, crypto) = (local.encryption.policy(), local.encryption.offer());
    let line = AudioLine {
        port: local.port,
        protocol: if policy == Policy::Required { "RTP/SAVP" } else { "RTP/AVP" }.into(),
        payloads,
        ptime_millis: local.ptime_millis,
        direction: local.direction,
        rtcp_mux: local.rtcp_mux,
        crypto: crypto.clone(),
    };
    let offered = Offered {
        numbers: numbers.clone(),
        codecs: local.codecs.clone(),
        telephone_event: local.telephone_event,
        rtcp_mux: local.rtcp_mux,
        direction: local.direction,
        policy,
        crypto,
    };
    (line, offered)
}

/// Our answer to `offer`.
pub(super) fn answer(offer: &Session, local: &LocalMedia) -> Result<Chosen, SdpError> {
    local.encryption.check()?;
    let (index, theirs) = audio_line(offer, local.encryption.policy())?;
    let crypto = take_key(theirs, local)?;
    // RFC 3264 §6.1: their order of preference holds. A bridge that offers the other side's codec first is spared from
    // transcoding that way.
    let (codec, payload) = local
        .codecs
        .iter()
        .filter_map(|codec| find_voice(theirs, *codec).map(|payload| (*codec, payload)))
        .min_by_key(|(_, payload)| theirs.payloads.iter().position(|other| other.number == payload.number))
        .ok_or_else(|| no_common_codec(theirs, &local.codecs))?;
    let telephone_event =
        if local.telephone_event { find_event(theirs, codec.clock_rate_hz()) } else { None };
    let hold = is_hold(theirs);
    let direction = local.direction.and(their_wish(theirs).reversed());
    let rtcp_mux = local.rtcp_mux && theirs.rtcp_mux;
    let (remote, remote_rtcp) = remote(theirs, rtcp_mux)?;

    // RFC 3264 §6.1: the answer uses the numbers of the offer.
    let mut payloads = vec![voice(codec, payload.number)];
    payloads.extend(telephone_event.map(|found| event(found.number, found.clock_rate_hz)));
    // RFC 3389 §5: noise goes with codecs that have none of their own. Our offers do not ask for it, since a recording is
    // better without.
    let comfort_noise = find_comfort_noise(theirs).filter(|_| codec.clock_rate_hz() == 8_000);
    payloads.extend(comfort_noise.map(|number| Payload {
        number,
        name: "CN".into(),
        clock_rate_hz: 8_000,
        channels: 1,
        parameters: String::new(),
    }));
    let line = AudioLine {
        port: local.port,
        protocol: theirs.protocol_text.clone(),
        payloads,
        ptime_millis: local.ptime_millis,
        direction,
        rtcp_mux,
        crypto: crypto.iter().map(|(line, _)| line.clone()).collect(),
    };
    let negotiated = Negotiated {
        remote,
        remote_rtcp,
        rtcp_mux,
        codec,
        payload_type: payload.number,
        receive: vec![(payload.number, codec)],
        telephone_event: telephone_event.map(|found| TelephoneEvent {
            send: found.number,
            receive: found.number,
            clock_rate_hz: found.clock_rate_hz,
        }),
        comfort_noise,
        opus: opus::Parameters::parse(&payload.parameters),
        ptime_millis: ptime_millis(theirs),
        direction,
        hold,
        keys: crypto.map(|(_, keys)| keys),
    };
    Ok(Chosen { index, line, negotiated })
}

/// Their answer to our offer.
pub(super) fn accept(offered: &Offered, answer: &Session) -> Result<Negotiated, SdpError> {
    let audio = answer.media.iter().find(|line| line.is_audio()).ok_or(SdpError::NoAudio)?;
    if audio.port == 0 {
        return Err(SdpError::BadAnswer("the far side refused the audio"));
    }
    let keys = accept_key(offered, audio)?;
    // RFC 3264 §7: the first format of the answer is the one to send.
    let mut common = audio.payloads.iter().filter_map(|payload| {
        let codec = offered.codecs.iter().copied().find(|codec| is_voice(payload, *codec))?;
        Some((payload.number, codec))
    });
    let (payload_type, codec) = common.next().ok_or_else(|| no_common_codec(audio, &offered.codecs))?;
    let mut receive = vec![(number_of(codec, &offered.numbers), codec)];
    for (_, other) in common {
        if receive.iter().all(|(_, known)| *known != other) {
            receive.push((number_of(other, &offered.numbers), other));
        }
    }
    let telephone_event =
        if offered.telephone_event { find_event(audio, codec.clock_rate_hz()) } else { None };
    let telephone_event = telephone_event.map(|found| TelephoneEvent {
        send: found.number,
        receive: if found.clock_rate_hz == 48_000 {
            offered.numbers.event_wide
        } else {
            offered.numbers.event_narrow
        },
        clock_rate_hz: found.clock_rate_hz,
    });
    let opus = find_voice(audio, codec).map(|payload| opus::Parameters::parse(&payload.parameters));
    let opus = opus.unwrap_or_default();
    let rtcp_mux = offered.rtcp_mux && audio.rtcp_mux;
    let (remote, remote_rtcp) = remote(audio, rtcp_mux)?;
    Ok(Negotiated {
        remote,
        remote_rtcp,
        rtcp_mux,
        codec,
        payload_type,
        receive,
        telephone_event,
        comfort_noise: find_comfort_noise(audio),
        opus,
        ptime_millis: ptime_millis(audio),
        direction: offered.direction.and(their_wish(audio).reversed()),
        hold: is_hold(audio),
        keys,
    })
}

/// The audio line that suits the policy best: a secure one unless it is off, else a plain one. Two lines of the same
/// media in both protocols are common.
fn audio_line(offer: &Session, policy: Policy) -> Result<(usize, &MediaLine), SdpError> {
    let audio = || offer.media.iter().enumerate().filter(|(_, line)| line.is_audio() && line.port != 0);
    let secure = audio().find(|(_, line)| line.protocol() == Protocol::Secure);
    let plain = audio().find(|(_, line)| line.protocol() == Protocol::Plain);
    let usable = |line: &(usize, &MediaLine)| !line.1.crypto.is_empty();
    let chosen = match policy {
        Policy::Off => plain,
        // A secure line without a usable key is no reason to refuse while a plain one is there.
        Policy::Optional => secure.filter(usable).or(plain).or(secure),
        Policy::Required => secure.filter(usable).or(plain.filter(usable)).or(secure).or(plain),
    };
    chosen.ok_or_else(|| match audio().next() {
        Some((_, line)) => SdpError::Encrypted(line.protocol_text.clone()),
        None => SdpError::NoAudio,
    })
}

/// The first of their keys that we can use, with ours for it (RFC 4568 §5.1.2: their order holds, and the tag is
/// repeated); none for plain RTP.
fn take_key(theirs: &MediaLine, local: &LocalMedia) -> Result<Option<(CryptoLine, Keys)>, SdpError> {
    let policy = local.encryption.policy();
    if policy == Policy::Off {
        return Ok(None);
    }
    let is_secure = theirs.protocol() == Protocol::Secure;
    let Some(line) = theirs.crypto.first() else {
        return match (&theirs.crypto_fault, is_secure, policy) {
            (None, false, Policy::Optional | Policy::Off) => Ok(None),
            (None, false, Policy::Required) => Err(SdpError::NotEncrypted),
            // Their keys are no use: plain RTP where that was offered too (RFC 8643 §3.2).
            (Some(_), false, Policy::Optional | Policy::Off) => Ok(None),
            (fault, _, _) => Err(fault.clone().unwrap_or(CryptoError::Missing).into()),
        };
    };
    let ours = local.encryption.master(line.master.suite()).map_err(CryptoError::from)?;
    if ours == line.master {
        return Err(CryptoError::OurOwn.into());
    }
    let keys = Keys { send: ours.clone(), receive: line.master.clone() };
    Ok(Some((CryptoLine { tag: line.tag, master: ours }, keys)))
}

/// The key of their answer, which takes one of our lines.
fn accept_key(offered: &Offered, answer: &MediaLine) -> Result<Option<Keys>, SdpError> {
    match answer.protocol() {
        Protocol::Plain => {}
        Protocol::Secure if offered.policy != Policy::Off => {}
        _ => return Err(SdpError::Encrypted(answer.protocol_text.clone())),
    }
    let is_plain = answer.protocol() == Protocol::Plain;
    let Some(line) = answer.crypto.first() else {
        return match (offered.policy, &answer.crypto_fault) {
            (Policy::Off, _) => Ok(None),
            (Policy::Optional, None) if is_plain => Ok(None),
            (_, Some(fault)) => Err(fault.clone().into()),
            (_, None) if is_plain => Err(SdpError::NotEncrypted),
            (_, None) => Err(CryptoError::Missing.into()),
        };
    };
    if offered.policy == Policy::Off {
        return Ok(None);
    }
    let ours = offered.crypto.iter().find(|ours| ours.tag == line.tag);
    let ours = ours.ok_or(CryptoError::UnknownTag(line.tag))?;
    if ours.master.suite() != line.master.suite() {
        return Err(CryptoError::OtherSuite(line.tag).into());
    }
    if ours.master == line.master {
        return Err(CryptoError::OurOwn.into());
    }
    Ok(Some(Keys { send: ours.master.clone(), receive: line.master.clone() }))
}

/// What they allow, from their side. An address of zeros is the hold of RFC 2543 (RFC 3264 §8.4): they send, but
/// there is no place to send to.
fn their_wish(line: &MediaLine) -> Direction {
    if line.address.is_some_and(|address| address.is_unspecified()) {
        Direction::new(line.direction.sends(), false)
    } else {
        line.direction
    }
}

fn is_hold(line: &MediaLine) -> bool {
    !their_wish(line).receives()
}

fn remote(line: &MediaLine, rtcp_mux: bool) -> Result<(SocketAddr, SocketAddr), SdpError> {
    let address: IpAddr = line.address.ok_or(SdpError::NoAddress)?;
    if address.is_multicast() {
        return Err(SdpError::NoAddress);
    }
    let remote = SocketAddr::new(address, line.port);
    let rtcp = match (rtcp_mux, line.rtcp) {
        (true, _) => remote,
        (false, Some((port, own_address))) => SocketAddr::new(own_address.unwrap_or(address), port),
        // RFC 3550 §11: RTCP is on the next higher port.
        (false, None) => SocketAddr::new(address, line.port.checked_add(1).unwrap_or(line.port)),
    };
    Ok((remote, rtcp))
}

/// 10 to 60 ms in steps of ten, at most what they can take; 20 when they say nothing or something odd.
fn ptime_millis(line: &MediaLine) -> u32 {
    let wish = line.ptime_millis.unwrap_or(20).min(line.max_ptime_millis.unwrap_or(60)).min(60) / 10 * 10;
    if wish == 0 { 20 } else { wish }
}

fn number_of(codec: Codec, numbers: &Numbers) -> u8 {
    codec.static_payload_type().unwrap_or(numbers.opus)
}

fn voice(codec: Codec, number: u8) -> Payload {
    let is_opus = codec == Codec::Opus;
    Payload {
        number,
        name: codec.name().into(),
        clock_rate_hz: codec.clock_rate_hz(),
        // RFC 7587 §7: the mapping of Opus always says two channels.
        channels: if is_opus { 2 } else { 1 },
        parameters: if is_opus { opus::Parameters::OWN.into() } else { String::new() },
    }
}

fn event(number: u8, clock_rate_hz: u32) -> Payload {
    Payload { number, name: TELEPHONE_EVENT.into(), clock_rate_hz, channels: 1, parameters: KEYS.into() }
}

fn is_voice(payload: &Payload, codec: Codec) -> bool {
    payload.is(codec.name(), codec.clock_rate_hz()) && (codec == Codec::Opus || payload.channels == 1)
}

fn find_voice(line: &MediaLine, codec: Codec) -> Option<&Payload> {
    line.payloads.iter().find(|payload| is_voice(payload, codec))
}

/// Events at the clock of the voice, else at any clock: many phones have Opus with events at 8 kHz only.
fn find_event(line: &MediaLine, clock_rate_hz: u32) -> Option<&Payload> {
    let mut events = line.payloads.iter().filter(|payload| {
        payload.name.eq_ignore_ascii_case(TELEPHONE_EVENT) && matches!(payload.clock_rate_hz, 8_000 | 48_000)
    });
    let fallback = events.clone().next();
    events.find(|payload| payload.clock_rate_hz == clock_rate_hz).or(fallback)
}

fn find_comfort_noise(line: &MediaLine) -> Option<u8> {
    line.payloads.iter().find(|payload| payload.is("CN", 8_000)).map(|payload| payload.number)
}

fn no_common_codec(line: &MediaLine, ours: &[Codec]) -> SdpError {
    let theirs: Vec<&str> = line
        .payloads
        .iter()
        .map(|payload| payload.name.as_str())
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(TELEPHONE_EVENT))
        .collect();
    let ours: Vec<&str> = ours.iter().map(|codec| codec.name()).collect();
    SdpError::NoCommonCodec { theirs: theirs.join(", ").chars().take(200).collect(), ours: ours.join(", ") }
}

#[cfg(test)]
#[path = "negotiate_tests.rs"]
mod tests;
