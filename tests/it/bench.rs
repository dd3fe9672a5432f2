//! `deploy/bench` says what it promises to say. How fast anything is, is no matter here.

use std::process::Command;

use serde_json::Value;
use tests::Outcome;

fn bench(arguments: &[&str]) -> Outcome<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(["--service", env!("CARGO_BIN_EXE_service"), "--json"]).args(arguments);
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
