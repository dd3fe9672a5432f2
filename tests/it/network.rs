//! What is left of a voice behind a bad network, over real sockets and a relay that loses and delays packets by a seed.

use shared::audio::codec::Codec;
use tests::Outcome;
use tests::load::network::{self, Wanted};

use crate::floor::program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loss_and_jitter_are_heard_made_up_and_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let bad = (5.0, 2.0, 40);
    let plans = vec![(Codec::Pcmu, (0.0, 1.0, 0)), (Codec::Pcmu, bad), (Codec::Opus, bad)];
    let wanted = Wanted { secs: 8, seed: 11, plans };
    let heard = network::measure(program(), folder.path(), &wanted, &|_| {}).await?;
    println!("{heard}");
    let [good, bad @ ..] = heard.rows.as_slice() else { panic!("three calls: {heard}") };
    assert_eq!((good.missing_percent, good.cause.as_str()), (0.0, ""), "{heard}");
    assert!(good.concealed_percent < 1.0 && good.mos > 4.2, "{heard}");
    for row in bad {
        // The share differs from call to call: eight seconds are 400 packets.
        assert!((1.0..12.0).contains(&row.missing_percent), "{heard}");
        assert!((0.5..12.0).contains(&row.concealed_percent), "{heard}");
        assert!(row.mos < good.mos - 0.1 && row.mos > 2.0, "{heard}");
        assert!(row.cause.starts_with("customer's side: ") && row.cause.contains("% loss"), "{heard}");
        assert!(row.buffer_p50_ms > good.buffer_p50_ms + 5.0, "the buffer grows with the jitter: {heard}");
        // Every change of the tone is heard, and none of them late.
        assert!((1.0..400.0).contains(&row.mouth_to_ear_max_ms), "{heard}");
    }
    Ok(())
}
