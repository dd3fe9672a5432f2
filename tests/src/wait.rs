//! Waiting for something that another process does.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{Fault, Outcome};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Looks at `condition` until it gives a value. The error says what was waited for and for how long.
pub async fn until<T>(what: &str, at_most: Duration, mut condition: impl FnMut() -> Option<T>) -> Outcome<T> {
    until_async(what, at_most, async || Ok(condition())).await
}

/// The same with a condition that asks somebody; an error of its own ends the wait.
pub async fn until_async<T, F>(what: &str, at_most: Duration, mut condition: F) -> Outcome<T>
where
    F: AsyncFnMut() -> Outcome<Option<T>>,
{
    let end = Instant::now() + at_most;
    loop {
        if let Some(value) = condition().await? {
            return Ok(value);
        }
        if Instant::now() >= end {
            return Err(late(what, at_most));
        }
        sleep(LOOK).await;
    }
}

/// Gives `work` so long and no longer.
pub async fn within<T>(what: &str, at_most: Duration, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::time::timeout(at_most, work).await.unwrap_or_else(|_| Err(late(what, at_most)))
}

fn late(what: &str, at_most: Duration) -> Fault {
    format!("waited {:.1} s in vain for {what}", at_most.as_secs_f32()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn says_what_was_waited_for() {
        let error = until("a miracle", Duration::ZERO, || None::<()>).await.expect_err("never");
        assert_eq!(error.to_string(), "waited 0.0 s in vain for a miracle");
        let mut looks = 0;
        let value = until("the third look", Duration::from_secs(2), || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(value.await.expect("comes"), 3);
    }
}
