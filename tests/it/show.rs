//! The demonstration's first eight calls: supervision by tones, abandon, RONA, transfer, hold, three kinds of phones,
//! with their recordings and totals.

use tests::{Outcome, show};

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_promise_of_the_demonstration_holds() -> Outcome {
    let report = show::play(env!("CARGO_BIN_EXE_service").as_ref(), None, 8).await?;
    assert!(report.held, "\n{report}");
    Ok(())
}
