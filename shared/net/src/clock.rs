//! The one place of the drivers that reads time.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use shared::time::Timestamp;

/// Now: the wall clock at the first call, moved on by the monotonic clock, so that it never runs backwards.
pub fn now() -> Timestamp {
    static START: OnceLock<(Instant, i64)> = OnceLock::new();
    let (start, micros) = START.get_or_init(|| {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (Instant::now(), i64::try_from(wall.as_micros()).unwrap_or(0))
    });
    Timestamp::from_micros(*micros) + start.elapsed()
}
