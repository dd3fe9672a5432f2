//! Cuts a text into the parts of a URI without copying.

/// The parts as they are written.
pub(super) struct Parts<'a> {
    pub(super) scheme: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) password: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    /// Behind the first `;`.
    pub(super) params: &'a str,
    /// Behind the `?`.
    pub(super) headers: &'a str,
}

/// True for what can be read as a URI; nothing is made of it.
pub(in crate::sip) fn is_uri(text: &str) -> bool {
    cut(text).is_ok()
}

pub(super) fn cut(text: &str) -> Result<Parts<'_>, &'static str> {
    if text.len() > MAX_LEN {
        return Err("too long");
    }
    if text.bytes().any(|b| b.is_ascii_control() || matches!(b, b' ' | b'<' | b'>' | b'"')) {
        return Err("a character that must be escaped");
    }
    let (scheme, rest) = text.split_once(':').ok_or("no scheme")?;
    let mut letters = scheme.bytes();
    let valid = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
        && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !valid {
        return Err("no scheme");
    }
    let mut parts =
        Parts { scheme, user: None, password: None, host: "", port: None, params: "", headers: "" };
    if scheme.eq_ignore_ascii_case("tel") {
        let (number, params) = cut_at(rest, ';');
        if number.is_empty() {
            return Err("no number");
        }
        return Ok(Parts { user: Some(number), params: params.unwrap_or_default(), ..parts });
    }
    if !scheme.eq_ignore_ascii_case("sip") && !scheme.eq_ignore_ascii_case("sips") {
        return Ok(Parts { user: Some(rest), ..parts });
    }
    // The user part may hold ';' and '?' (RFC 3261 §25.1, user-unreserved), so the '@' is looked for first; an '@'
    // within the headers is escaped by those who know, so the first one counts.
    let rest = match rest.split_once('@') {
        Some((userinfo, rest)) => {
            let (user, password) = cut_at(userinfo, ':');
            if user.is_empty() {
                return Err("an empty user before @");
            }
            parts.user = Some(user);
            parts.password = password;
            rest
        }
        None => rest,
    };
    let (rest, headers) = cut_at(rest, '?');
    parts.headers = headers.unwrap_or_default();
    let (text, params) = cut_at(rest, ';');
    parts.params = params.unwrap_or_default();
    (parts.host, parts.port) = hostport(text).ok_or("no host, or a port that is no number")?;
    Ok(parts)
}

/// Names and values between separators; empty ones are passed over.
pub(super) fn items(text: &str, separator: char) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split(separator).filter(|item| !item.is_empty()).map(|item| cut_at(item, '='))
}

/// The host, IPv6 with its brackets, and the port of `host[:port]`; `None` when it is neither name nor address.
pub fn hostport(text: &str) -> Option<(&str, Option<u16>)> {
    let text = text.trim();
    let (host, port) = if text.starts_with('[') {
        let (host, rest) = text.split_at_checked(text.find(']')? + 1)?;
        host.get(1..host.len() - 1)?.parse::<std::net::Ipv6Addr>().ok()?;
        match rest.trim_start().strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.trim().is_empty() => (host, None),
            None => return None,
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host.trim_end(), Some(port)),
            None => (text, None),
        }
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if host.is_empty() || !(host.starts_with('[') || host.bytes().all(fits)) {
        return None;
    }
    let port = match port.map(str::trim) {
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    Some((host, port))
}

/// [`hostport`] with a host of its own.
pub fn read_hostport(text: &str) -> Option<(String, Option<u16>)> {
    hostport(text).map(|(host, port)| (host.to_owned(), port))
}

fn cut_at(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((left, right)) => (left, Some(right)),
        None => (text, None),
    }
}

/// Longer texts are no URIs to us.
pub(in crate::sip) const MAX_LEN: usize = 8192;
