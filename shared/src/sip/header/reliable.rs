//! RSeq and RAck, the numbers of reliable provisional responses (RFC 3262 §7).

use std::fmt;
use std::str::FromStr;

use super::{HeaderError, fail};
use crate::sip::message::{Headers, Method};

/// RAck: which provisional response a PRACK acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RAck {
    /// RSeq of the response.
    pub rseq: u32,
    /// CSeq number of the response.
    pub cseq: u32,
    /// CSeq method of the response: INVITE.
    pub method: Method,
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rseq, self.cseq, self.method)
    }
}

impl FromStr for RAck {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<RAck, HeaderError> {
        let mut words = text.split_ascii_whitespace();
        let (rseq, cseq) = (words.next().and_then(number), words.next().and_then(number));
        match (rseq, cseq, words.next().map(str::parse), words.next()) {
            (Some(rseq), Some(cseq), Some(Ok(method)), None) => Ok(RAck { rseq, cseq, method }),
            _ => fail(text, "an RAck"),
        }
    }
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl Headers {
    /// RSeq.
    pub fn rseq(&self) -> Option<u32> {
        number(self.get("RSeq")?.trim()).filter(|rseq| *rseq > 0)
    }

    /// RAck.
    pub fn rack(&self) -> Option<RAck> {
        self.get("RAck")?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_reliable_responses() {
        let rack: RAck = " 776656 1  INVITE".parse().expect("RAck");
        assert_eq!(rack, RAck { rseq: 776_656, cseq: 1, method: Method::Invite });
        assert_eq!(rack.to_string(), "776656 1 INVITE");
        for bad in ["", "1", "1 2", "1 2 INVITE x", "-1 2 INVITE", "99999999999 1 INVITE", "1 x INVITE"] {
            assert!(bad.parse::<RAck>().is_err(), "{bad}");
        }
        for (text, rseq) in [("1", Some(1)), ("0", None), ("x", None), ("4294967296", None)] {
            let headers: Headers = [("RSeq", text)].into_iter().collect();
            assert_eq!(headers.rseq(), rseq, "{text}");
        }
    }
}
