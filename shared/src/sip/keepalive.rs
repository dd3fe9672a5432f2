//! Keeping the way back open: what clients send so that a NAT does not forget them, and what is answered (RFC 5626
//! §3.5, §4.4).
//!
//! A double CRLF on streams, answered by a CRLF; the same on UDP, answered by nobody; a STUN Binding request on UDP,
//! answered with the address that it came from.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What a client sends.
pub(super) const PING: &[u8] = b"\r\n\r\n";
/// Without a sign of life for this long after a ping the stream counts as dead (RFC 5626 §4.4.1).
pub(super) const PONG_TIMEOUT: Duration = Duration::from_secs(10);

/// RFC 8489 §5.
const MAGIC: u32 = 0x2112_a442;
const MAGIC_BYTES: [u8; 4] = MAGIC.to_be_bytes();
const HEADER_LEN: usize = 20;
/// Class request and method Binding; and the success response to it.
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];

/// What a datagram is that is no SIP message but keeps a NAT open.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeepAlive {
    /// Nothing is to be said: blank lines, or the zero bytes of old phones.
    Silent,
    /// Send this back.
    Answer(Vec<u8>),
}

/// None for what should be read as SIP.
pub(super) fn read(bytes: &[u8], from: SocketAddr) -> Option<KeepAlive> {
    if bytes.len() <= 8 && bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Some(KeepAlive::Silent);
    }
    binding_response(bytes, from).map(KeepAlive::Answer)
}

/// The success response to a STUN Binding request (RFC 8489 §6.3.1). Requests that demand attributes which we do not
/// know, or that are longer than plain ones are, get none: the answer must not be longer than what was asked with.
fn binding_response(request: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let header = request.get(..HEADER_LEN)?;
    let length = usize::from(u16::from_be_bytes([*header.get(2)?, *header.get(3)?]));
    let plain = header.get(..2)? == BINDING_REQUEST
        && header.get(4..8)? == MAGIC_BYTES
        && request.len() == HEADER_LEN + length
        && length.is_multiple_of(4);
    if !plain || !attributes_are_optional(request.get(HEADER_LEN..)?) {
        return None;
    }
    let transaction = header.get(4..HEADER_LEN)?;
    let port = from.port() ^ (MAGIC >> 16) as u16;
    let (family, address) = match from.ip() {
        IpAddr::V4(ip) => (1_u8, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    // §14.2: the address XORed with the magic cookie and, for IPv6, the rest of the transaction number.
    let masked = address.iter().zip(transaction).map(|(byte, mask)| byte ^ mask);
    let value_len = 4 + address.len();
    let mut response = Vec::with_capacity(HEADER_LEN + 4 + value_len);
    response.extend_from_slice(&BINDING_SUCCESS);
    response.extend_from_slice(&(4 + value_len as u16).to_be_bytes());
    response.extend_from_slice(transaction);
    response.extend_from_slice(&XOR_MAPPED_ADDRESS);
    response.extend_from_slice(&(value_len as u16).to_be_bytes());
    response.extend_from_slice(&[0, family]);
    response.extend_from_slice(&port.to_be_bytes());
    response.extend(masked);
    Some(response)
}

/// RFC 8489 §14: types from 0x8000 on may be passed over.
fn attributes_are_optional(mut rest: &[u8]) -> bool {
    while let [type_high, _, len_high, len_low, after @ ..] = rest {
        if *type_high < 0x80 {
            return false;
        }
        let len = usize::from(u16::from_be_bytes([*len_high, *len_low])).next_multiple_of(4);
        let Some(next) = after.get(len..) else { return false };
        rest = next;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> SocketAddr {
        text.parse().expect("address")
    }

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, attributes.len() as u8];
        bytes.extend_from_slice(&MAGIC_BYTES);
        // The transaction number of RFC 5769 §2.
        bytes.extend_from_slice(&[0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);
        bytes.extend_from_slice(attributes);
        bytes
    }

    /// The mapped addresses of RFC 5769 §2.2 and §2.3.
    #[test]
    fn stun_requests_get_the_address_they_came_from() {
        for (address, expected) in [
            ("192.0.2.1:32853", &[0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43][..]),
            (
                "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
                &[
                    0, 0x20, 0, 0x14, 0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc,
                    0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
                ][..],
            ),
        ] {
            for attributes in [&[][..], &[0x80, 0x22, 0, 4, b't', b'e', b's', b't'][..]] {
                let request = request(attributes);
                let Some(KeepAlive::Answer(answer)) = read(&request, from(address)) else {
                    panic!("no answer")
                };
                assert_eq!(answer[..2], BINDING_SUCCESS);
                assert_eq!(usize::from(answer[3]), expected.len());
                assert_eq!(answer[4..20], request[4..20]);
                assert_eq!(&answer[20..], expected);
            }
        }
    }

    #[test]
    fn blank_datagrams_are_passed_over_and_the_rest_is_left() {
        let anybody = from("192.0.2.1:1");
        for blank in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b"\0"] {
            assert_eq!(read(blank, anybody), Some(KeepAlive::Silent));
        }
        let mut cases =
            vec![b"OPTIONS sip:x SIP/2.0\r\n\r\n".to_vec(), request(&[0, 6, 0, 0]), request(&[0x80])];
        cases.push(request(&[0x80, 0x22, 0, 9]));
        for (index, value) in [(0, 1), (1, 2), (4, 0), (3, 4)] {
            let mut changed = request(&[]);
            changed[index] = value;
            cases.push(changed);
        }
        for len in 1..HEADER_LEN {
            cases.push(request(&[])[..len].to_vec());
        }
        for bytes in cases {
            let read = read(&bytes, anybody);
            assert!(!matches!(read, Some(KeepAlive::Answer(_))), "{bytes:?}");
        }
    }
}
