//! What PEM files hold, and how long a certificate is good for.

use std::path::Path;
use std::time::Duration;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use shared::time::Timestamp;

use super::TlsError;

/// Renewal is usually done a month ahead; with less left than this somebody should look.
const WARN_BEFORE: Duration = Duration::from_secs(14 * 86_400);

/// From when until when a certificate is good, both included (RFC 5280 §4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub until: Timestamp,
}

impl Validity {
    /// A sentence for the log when peers will not, or soon not, take the certificate.
    pub fn problem(&self, now: Timestamp) -> Option<String> {
        if now < self.from {
            Some(format!("the certificate is not valid before {}: peers refuse it", date(self.from)))
        } else if now > self.until {
            Some(format!("the certificate has expired on {}: peers refuse it", date(self.until)))
        } else if self.until.since(now) < WARN_BEFORE {
            Some(format!("the certificate expires on {}: renew it", date(self.until)))
        } else {
            None
        }
    }
}

/// `2027-01-31 12:00 UTC`.
fn date(at: Timestamp) -> String {
    let secs = at.as_micros().div_euclid(1_000_000);
    let (year, month, day) = civil(secs.div_euclid(86_400));
    let minutes = secs.rem_euclid(86_400) / 60;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

/// The certificates of a PEM file, at least one.
pub(super) fn chain(bytes: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let what = "certificate";
    let chain: Vec<_> = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| damaged(what, path, &error))?;
    if chain.is_empty() {
        return Err(TlsError::Missing { what, path: path.to_owned() });
    }
    Ok(chain)
}

/// The first private key of a PEM file.
pub(super) fn key(bytes: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let what = "private key";
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::Missing { what, path: path.to_owned() },
        error => damaged(what, path, &error),
    })
}

fn damaged(what: &'static str, path: &Path, error: &pem::Error) -> TlsError {
    TlsError::Damaged { what, path: path.to_owned(), reason: error.to_string() }
}

/// Reads the two times out of the DER; none when it is no certificate.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    const INTEGER: u8 = 0x02;
    let (_, whole, _) = element(certificate)?;
    let (_, mut rest, _) = element(whole)?;
    // Version (optional), serial number, signature algorithm, issuer; then the validity.
    for expected in [VERSION, INTEGER, SEQUENCE, SEQUENCE] {
        let (tag, _, after) = element(rest)?;
        match tag == expected {
            true => rest = after,
            false if expected == VERSION => {}
            false => return None,
        }
    }
    let (tag, times, _) = element(rest)?;
    let (from_tag, from, after) = element(times)?;
    let (until_tag, until, _) = element(after)?;
    (tag == SEQUENCE).then_some(())?;
    Some(Validity { from: time(from_tag, from)?, until: time(until_tag, until)? })
}

/// Tag, content and what follows of one DER element.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x83 => {
            let (len, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((*tag, content, rest))
}

/// `YYMMDDhhmmssZ` (UTCTime) or `YYYYMMDDhhmmssZ` (GeneralizedTime).
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year_len, century) = match tag {
        UTC_TIME => (2, 2000),
        GENERALIZED_TIME => (4, 0),
        _ => return None,
    };
    let number = |from: usize, len: usize| text.get(from..from + len)?.parse::<i64>().ok();
    let mut year = number(0, year_len)? + century;
    if tag == UTC_TIME && year >= 2050 {
        // RFC 5280 §4.1.2.5.1.
        year -= 100;
    }
    let part = |index: usize| number(year_len + index * 2, 2);
    let days = days(year, part(0)?, part(1)?);
    let secs = days * 86_400 + part(2)? * 3600 + part(3)? * 60 + part(4)?;
    Some(Timestamp::from_secs(secs))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let mut year = 1970 + days.div_euclid(366);
    while self::days(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 12;
    while self::days(year, month, 1) > days {
        month -= 1;
    }
    (year, month, days - self::days(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_calendar() {
        for (date, expected) in [
            ((1970, 1, 1), 0),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((2026, 11, 22), 20_779),
            ((2100, 12, 31), 47_846),
        ] {
            assert_eq!(days(date.0, date.1, date.2), expected);
            assert_eq!(civil(expected), date);
        }
    }

    #[test]
    fn both_kinds_of_time_are_read() {
        assert_eq!(time(0x17, b"491231235959Z"), Some(Timestamp::from_secs(2_524_607_999)));
        assert_eq!(time(0x17, b"700101000000Z"), Some(Timestamp::from_secs(0)));
        assert_eq!(time(0x18, b"20500101000000Z"), Some(Timestamp::from_secs(2_524_608_000)));
        assert_eq!(time(0x18, b"2050"), None);
        assert_eq!(date(Timestamp::from_secs(2_524_607_999)), "2049-12-31 23:59 UTC");
    }

    #[test]
    fn the_validity_is_read_and_judged() {
        let made = super::super::testing::Authority::new();
        let pem = made.issue_dated(&["sip.test"], (2020, 1, 1), (2021, 6, 30)).0;
        let found = chain(pem.as_bytes(), Path::new("x")).expect("a certificate");
        let validity = validity(found.first().expect("one")).expect("its validity");
        assert_eq!(date(validity.from), "2020-01-01 00:00 UTC");
        assert_eq!(date(validity.until), "2021-06-30 00:00 UTC");
        let problem = |at| validity.problem(at).unwrap_or_default();
        let day = Duration::from_secs(86_400);
        assert!(problem(validity.until + day).contains("has expired on 2021-06-30"));
        assert!(problem(validity.from + day).is_empty());
        let before = Timestamp::from_micros(validity.until.as_micros() - 86_400_000_000);
        assert!(problem(before).contains("expires on 2021-06-30"));
        assert!(problem(Timestamp::from_secs(0)).contains("not valid before 2020-01-01"));
    }

    #[test]
    fn damaged_certificates_have_no_validity() {
        let whole = super::super::testing::Authority::new().issue(&["sip.test"]).0;
        let found = chain(whole.as_bytes(), Path::new("x")).expect("a certificate");
        let der = found.first().expect("one").to_vec();
        assert!(validity(&CertificateDer::from(der.clone())).is_some());
        for len in 0..der.len().min(150) {
            assert_eq!(validity(&CertificateDer::from(der[..len].to_vec())), None);
        }
    }
}
