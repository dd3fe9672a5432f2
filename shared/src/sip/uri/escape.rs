//! Escapes of URIs (RFC 3261 §19.1.2, §25.1).

/// Undoes `%41`; what is no UTF-8 afterwards is damaged, broken escapes stay.
pub fn unescape(text: &str) -> String {
    if !text.contains('%') {
        return text.into();
    }
    let mut rest = text.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((first, behind)) = rest.split_first() {
        let escape = behind.split_at_checked(2).filter(|_| *first == b'%');
        match escape.and_then(|(hex, behind)| Some((octet(hex)?, behind))) {
            Some((octet, behind)) => {
                out.push(octet);
                rest = behind;
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The octet that two hex digits mean.
pub(super) fn octet(hex: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    match hex {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    }
}

/// Escapes what must not stand in a user part (RFC 3261 §25.1, `user`). An escape that is there already stays.
pub fn escape_user(user: &str) -> String {
    escape(user, "-_.!~*'()&=+$,;?/%")
}

/// Escapes the value of a URI header such as `Replaces` (RFC 3261 §25.1, `hvalue`).
pub fn escape_header(value: &str) -> String {
    escape(value, "-_.!~*'()[]/?:+$")
}

fn escape(text: &str, allowed: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || (c.is_ascii() && allowed.contains(c)) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
