//! When two URIs mean the same (RFC 3261 §19.1.4, RFC 3966 §4).

use super::escape::unescape;
use super::{Scheme, Uri};

impl Uri {
    /// Equivalence after RFC 3261 §19.1.4 (RFC 3966 §4 for `tel:`).
    pub fn same(&self, other: &Uri) -> bool {
        if self == other {
            return true;
        }
        if self.scheme != other.scheme {
            return false;
        }
        if self.scheme == Scheme::Tel {
            return digits(self.user.as_deref()) == digits(other.user.as_deref())
                && self.params_match(other, true);
        }
        if !self.is_sip() {
            return false;
        }
        same_text(self.user.as_deref(), other.user.as_deref())
            && same_text(self.password.as_deref(), other.password.as_deref())
            && self.same_host(other)
            && self.port == other.port
            && self.params_match(other, false)
            && self.headers_match(other)
    }

    fn same_host(&self, other: &Uri) -> bool {
        match (self.ip(), other.ip()) {
            (Some(own), Some(their)) => own == their,
            (None, None) => {
                self.host.trim_end_matches('.').eq_ignore_ascii_case(other.host.trim_end_matches('.'))
            }
            _ => false,
        }
    }

    fn params_match(&self, other: &Uri, all: bool) -> bool {
        // What is in both must be equal; these must be in both or in none.
        let must = ["user", "ttl", "method", "maddr", "transport"];
        let one_way = |left: &Uri, right: &Uri| {
            left.params.iter().all(|(name, value)| match right.param(&unescape(name)) {
                Some(theirs) => {
                    lower(units(value.unwrap_or_default())).eq(lower(units(theirs.unwrap_or_default())))
                }
                None => !all && !must.iter().any(|known| known.eq_ignore_ascii_case(&unescape(name))),
            })
        };
        one_way(self, other) && one_way(other, self)
    }

    /// The same headers with the same values, in any order (headers are never ignored).
    fn headers_match(&self, other: &Uri) -> bool {
        let sorted = |uri: &Uri| {
            let mut list: Vec<(Vec<Unit>, Vec<Unit>)> = uri
                .headers
                .iter()
                .map(|(name, value)| (lower(units(name)).collect(), units(value).collect()))
                .collect();
            list.sort();
            list
        };
        self.headers.len() == other.headers.len()
            && (self.headers.is_empty() || sorted(self) == sorted(other))
    }
}

/// One octet as it counts for comparing, and whether it stays escaped: an octet is the same as its escape unless
/// it is reserved (RFC 3261 §19.1.4, §25.1), for then the escape takes its special meaning away.
type Unit = (u8, bool);

fn units(text: &str) -> impl Iterator<Item = Unit> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (first, behind) = rest.split_first()?;
        if *first == b'%'
            && let Some((hex, behind)) = behind.split_at_checked(2)
            && let Some(octet) = super::escape::octet(hex)
        {
            rest = behind;
            return Some((octet, b";/?:@&=+$,%".contains(&octet)));
        }
        rest = behind;
        Some((*first, false))
    })
}

fn lower(units: impl Iterator<Item = Unit>) -> impl Iterator<Item = Unit> {
    units.map(|(octet, escaped)| (octet.to_ascii_lowercase(), escaped))
}

fn same_text(own: Option<&str>, their: Option<&str>) -> bool {
    match (own, their) {
        (Some(own), Some(their)) => own == their || units(own).eq(units(their)),
        (own, their) => own == their,
    }
}

fn digits(number: Option<&str>) -> Option<String> {
    // RFC 3966 §3: visual separators mean nothing.
    number.map(|number| {
        number
            .chars()
            .filter(|c| !matches!(c, '-' | '.' | '(' | ')'))
            .map(|c| c.to_ascii_lowercase())
            .collect()
    })
}
