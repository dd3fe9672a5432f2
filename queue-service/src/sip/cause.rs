//! What one side of a call is told when the other side's leg fails or ends: SIP statuses and Q.850 causes.
//!
//! The Reason header carries either ([RFC 3326]); the pairs are those of RFC 3398 §7.2.4.1 and §8.2.6.1.
//!
//! | the callee's side says | Q.850 | the caller gets |
//! |---|---|---|
//! | 3xx | 21 | 403: a redirection is not followed to numbers that nobody allowed |
//! | 400, 405, 406, 414 to 417, 420, 421, 481 to 483, 489 to 494 | 127 | 500: between us and the callee's side, not the caller's fault |
//! | 401, 407 | 21 | 403: the trunk does not take our credentials; a challenge never crosses |
//! | 402 | 21 | 403 |
//! | 403 | 21 | 403 |
//! | 404 | 1 | 404 |
//! | 408 | 102 | 408 |
//! | 410 | 22 | 410 |
//! | 413, 422, 423, 5xx but 503 and 504 | 41 | 500 |
//! | 480 | 18 | 480 |
//! | 484 | 28 | 484 |
//! | 485 | 1 | 404 |
//! | 486 | 17 | 486 |
//! | 487 | 16 | 487 |
//! | 488 | 65 | 488 |
//! | 503 | 34 | 503 |
//! | 504 | 102 | 504 |
//! | 600 | 17 | 600 |
//! | 603, 607, 608 | 21 | 603 |
//! | 604 | 1 | 604 |
//! | 606 | 65 | 606 |
//! | any other 4xx | 31 | 480 |
//! | any other 6xx | 21 | 603 |
//!
//! A Q.850 cause in the callee's Reason says more than a bare 480, 500 or 503 does: see [`status_of`].
//!
//! [RFC 3326]: https://www.rfc-editor.org/rfc/rfc3326

/// Status and cause for the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The SIP status.
    pub status: u16,
    /// The Q.850 cause.
    pub cause: u8,
}

/// What the caller is told when the callee's leg failed with `status`, and with `reason` as its Reason header.
pub fn for_caller(status: u16, reason: Option<&str>) -> Told {
    let told = by_status(status);
    // The gateway knows better than the general answer that it gave.
    match reason.and_then(cause_in) {
        Some(cause) if matches!(status, 480 | 500 | 503) => {
            Told { status: status_of(cause).unwrap_or(told.status), cause }
        }
        Some(cause) => Told { cause, ..told },
        None => told,
    }
}

fn by_status(status: u16) -> Told {
    let (status, cause) = match status {
        300..=399 | 401..=403 | 407 => (403, 21),
        404 => (404, 1),
        485 => (404, 1),
        408 => (408, 102),
        410 => (410, 22),
        480 => (480, 18),
        484 => (484, 28),
        486 => (486, 17),
        487 => (487, 16),
        488 => (488, 65),
        400 | 405 | 406 | 414..=417 | 420 | 421 | 481..=483 | 489..=494 => (500, 127),
        413 | 422 | 423 => (500, 41),
        503 => (503, 34),
        504 => (504, 102),
        500..=599 => (500, 41),
        600 => (600, 17),
        604 => (604, 1),
        606 => (606, 65),
        601..=603 | 605 | 607..=699 => (603, 21),
        _ => (480, 31),
    };
    Told { status, cause }
}

/// The status that a Q.850 cause stands for (RFC 3398 §7.2.4.1); none for causes that say nothing about the callee.
pub fn status_of(cause: u8) -> Option<u16> {
    Some(match cause {
        1..=3 => 404,
        17 => 486,
        18 => 408,
        19 | 20 | 31 => 480,
        21 => 403,
        22 => 410,
        23 => 410,
        26 => 404,
        27 => 502,
        28 => 484,
        29 => 501,
        34 | 38 | 41 | 42 | 47 => 503,
        55 | 57 => 403,
        58 => 503,
        65 | 79 => 488,
        70 => 488,
        87 => 403,
        88 => 503,
        102 => 504,
        111 | 127 => 500,
        _ => return None,
    })
}

/// The Q.850 cause in a Reason header, which may carry several reasons.
pub fn cause_in(reason: &str) -> Option<u8> {
    shared::sip::header::split(reason, ',').find_map(|one| {
        let mut parts = shared::sip::header::split(one, ';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case("Q.850") {
            return None;
        }
        let cause = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("cause").then(|| value.trim())
        })?;
        cause.parse().ok().filter(|cause| (1..=127).contains(cause))
    })
}

/// A Reason header with a Q.850 cause.
pub fn reason(cause: u8) -> String {
    format!("Q.850;cause={cause}")
}

/// The Reason of our CANCEL or BYE when the other side gave up or hung up with `reason`: its cause, never its text.
pub fn passed_on(reason: Option<&str>) -> String {
    // 16: normal clearing.
    self::reason(reason.and_then(cause_in).unwrap_or(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_the_module_s_words_is_the_function() {
        // Every status of the table as it stands in the documentation above.
        let table = include_str!("cause.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
        let mut rows = 0;
        for row in table.filter(|row| row.starts_with(|c: char| c.is_ascii_digit())) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let cause: u8 = cells[1].parse().expect("a cause");
            let status: u16 = cells[2].split([':', ' ']).next().expect("a word").parse().expect("a status");
            for said in statuses(cells[0]) {
                let told = for_caller(said, None);
                assert_eq!(told, Told { status, cause }, "{said} in: {row}");
                rows += 1;
            }
        }
        assert!(rows > 200, "only {rows} statuses");
        for (said, status) in [(418, 480), (499, 480), (699, 603), (601, 603)] {
            assert_eq!(for_caller(said, None).status, status, "{said}");
        }
    }

    /// `3xx`, `5xx but 503 and 504`, `400, 405 to 407`.
    fn statuses(cell: &str) -> Vec<u16> {
        let (cell, but) = cell.split_once(" but ").unwrap_or((cell, ""));
        let but: Vec<u16> = but.split(" and ").filter_map(|text| text.parse().ok()).collect();
        let each = cell.split(", ").flat_map(|part| {
            if let Some(hundred) = part.strip_suffix("xx") {
                let hundred: u16 = hundred.parse().expect("a digit");
                return (hundred * 100..hundred * 100 + 100).collect::<Vec<_>>();
            }
            let (from, to) = part.split_once(" to ").unwrap_or((part, part));
            (from.parse().expect("from")..=to.parse().expect("to")).collect()
        });
        each.filter(|status| !but.contains(status)).collect()
    }

    #[test]
    fn a_challenge_or_a_redirection_never_crosses() {
        for status in 300..700 {
            let told = for_caller(status, None).status;
            assert!((400..700).contains(&told) && !matches!(told, 401 | 407), "{status} became {told}");
        }
    }

    #[test]
    fn the_gateway_s_cause_says_more_than_a_general_answer() {
        for (status, reason, told) in [
            (480, "Q.850;cause=17;text=\"User busy, really\"", (486, 17)),
            (503, "SIP;cause=503, q.850 ; cause=1", (404, 1)),
            (500, "Q.850;cause=16", (500, 16)),
            (486, "Q.850;cause=17", (486, 17)),
            (404, "Q.850;cause=34", (404, 34)),
            (480, "Q.850;cause=900", (480, 18)),
            (480, "SIP;cause=17", (480, 18)),
            (480, "Q.850", (480, 18)),
        ] {
            let got = for_caller(status, Some(reason));
            assert_eq!((got.status, got.cause), told, "{status} {reason}");
        }
    }

    #[test]
    fn only_the_cause_is_passed_on() {
        assert_eq!(passed_on(Some("Q.850;cause=31;text=\"secret of the customer\"")), "Q.850;cause=31");
        assert_eq!(passed_on(Some("SIP;cause=200;text=\"x\"")), "Q.850;cause=16");
        assert_eq!(passed_on(None), "Q.850;cause=16");
    }
}
