//! `deploy/bench` says what it promises to say. How fast anything is, is no matter here.

use std::process::Command;

use serde_json::Value;
use tests::Outcome;

fn bench(arguments: &[&str]) -> Outcome<Value> {
    bench_of(env!("CARGO_BIN_EXE_service"), arguments)
}

fn bench_of(program: &str, arguments: &[&str]) -> Outcome<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(["--service", program, "--json"]).args(arguments);
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?} ended with {}:\n{told}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The figures at paths such as `uas.failed`; each has to be a number.
fn figures<const N: usize>(found: &Value, paths: [&str; N]) -> [f64; N] {
    paths.map(|path| {
        let figure = found.pointer(&format!("/{}", path.replace('.', "/")));
        figure.and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is missing: {found}"))
    })
}

#[test]
fn the_sip_bench_prints_its_figures() -> Outcome {
    let found =
        bench(&["sip", "--seconds", "2", "--uas-rate", "20", "--queue-rate", "10", "--setup-rate", "10"])?;
    let failed = figures(&found, ["uas.failed", "queue.failed"]);
    assert_eq!(failed, [0.0, 0.0], "{found}");
    let counted = figures(&found, ["uas.calls_per_s", "queue.calls_per_s", "queue.cpu_ms_per_call"]);
    let times = figures(&found, ["queue.setup_p50_ms", "queue.setup_p99_ms"]);
    let memory = figures(&found, ["rss_mb_before", "rss_mb_after"]);
    assert!(counted.iter().chain(&times).chain(&memory).all(|figure| *figure > 0.0), "{found}");
    assert!(times[0] <= times[1], "{found}");
    figures(&found, ["retransmissions", "rcvbuf_drops"]);
    Ok(())
}

#[test]
fn calls_come_through_while_a_stranger_floods() -> Outcome {
    let found = bench(&["flood", "--seconds", "6", "--rate", "5"])?;
    let [calls, failed, success] =
        figures(&found, ["legitimate.calls", "legitimate.failed", "legitimate.success_percent"]);
    assert_eq!((calls, failed, success), (30.0, 0.0, 100.0), "{found}");
    let [sent, growth] = figures(&found, ["flood.messages", "rss_mb_growth"]);
    assert!(sent > 10_000.0 && growth < 200.0, "{found}");
    figures(&found, ["rss_mb_before", "rss_mb_peak", "rcvbuf_drops", "core_percent"]);
    Ok(())
}

#[test]
fn the_media_bench_prints_its_figures_and_loses_nothing() -> Outcome {
    let modes = "bare-paced,bare-batched,recorded,mixed,srtp,transcoded";
    let few = ["media", "--seconds", "1", "--calls", "6", "--modes", modes];
    let found = bench_of(env!("CARGO_BIN_EXE_media_serve"), &few)?;
    let costs = figures(
        &found,
        [
            "relay.us_per_packet",
            "relay.ratio_to_bare",
            "relay.delay_p99_ms",
            "recorded.ratio_to_relay",
            "mixed.ratio_to_relay",
            "mixed.delay_p99_ms",
            "bare_paced.us_per_packet",
            "bare_batched.us_per_packet",
            "transcoded.us_per_packet",
        ],
    );
    assert!(costs.iter().all(|figure| *figure > 0.0), "{found}");
    let [held, loss] = figures(&found, ["calls_held", "loss_percent"]);
    assert!(held == 6.0 && loss <= 0.1, "{found}");
    // The difference of two costs may be below zero in so short a time, and memory falls too.
    figures(&found, ["srtp.us_per_operation", "rss_kb_per_call"]);
    for mode in ["recorded", "mixed", "srtp", "transcoded"] {
        let [loss] = figures(&found, [&format!("{mode}.steps.0.loss_percent")]);
        assert!(loss <= 1.0, "{mode}: {found}");
    }
    Ok(())
}

#[test]
fn the_routing_bench_prints_its_figures() -> Outcome {
    let few = ["acd", "--sizes", "20x10", "--rounds", "20", "--day-calls", "20"];
    let found = bench_of(env!("CARGO_BIN_EXE_routing_load"), &few)?;
    let floor = figures(
        &found,
        [
            "20x10.agents",
            "20x10.waiting",
            "20x10.decisions",
            "20x10.decisions_per_s",
            "20x10.p50_us",
            "20x10.p99_us",
            "20x10.max_us",
        ],
    );
    assert!(floor.iter().all(|figure| *figure > 0.0), "{found}");
    assert_eq!(floor[..2], [20.0, 10.0]);
    let [journal, folded] = figures(&found, ["journal.events", "fold.events"]);
    assert!(journal > 0.0 && folded > 0.0, "{found}");
    figures(&found, ["20x10.bytes_per_agent", "20x10.bytes_per_waiting_call"]);
    figures(&found, ["journal.events_per_s", "journal.bytes_per_event", "fold.day_100000_calls_s"]);
    Ok(())
}
