//! `queue-service replay` on the journal of a service that took calls.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use shared::model::call::Phase;
use tests::phone::{Phone, PhoneSetup};
use tests::setup::Setup;
use tests::{Outcome, wait};

use crate::floor::{Floor, SALES, SOON, program};

/// Runs it, and gives its exit code and what it prints.
fn replay(data: &Path, more: &[&str]) -> Outcome<(Option<i32>, String)> {
    let output = Command::new(program()).arg("replay").arg("--data").arg(data).args(more).output()?;
    let said = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    Ok((output.status.code(), said))
}

fn talks(floor: &shared::model::floor::Floor) -> bool {
    floor.calls.values().any(|call| matches!(call.phase, Phase::Talking { .. }))
}

async fn customer(floor: &Floor, number: &str) -> Outcome<Phone> {
    let phone = Phone::start(PhoneSetup::customer(floor.service.setup.sip, number, "Carla")).await?;
    phone.call(SALES).await?;
    Ok(phone)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_replays_the_same_and_tells_what_one_agent_more_would_have_changed() -> Outcome {
    let mut setup = Setup::test()?;
    setup.queue("sales").insert("wrap_up_secs".into(), 0.into());
    let mut floor = Floor::with_phones(setup, &[("301", &["sales"])]).await?;
    let agent = Phone::start(PhoneSetup::fixed(floor.service.setup.sip, "301", floor.port("301"))).await?;
    // One talks, one waits two seconds for the same agent, one gives up.
    let first = customer(&floor, "+49305550101").await?;
    agent.talking(SOON).await?;
    let second = customer(&floor, "+49305550102").await?;
    let third = customer(&floor, "+49305550103").await?;
    let two_wait = |floor: &shared::model::floor::Floor| {
        floor.calls.values().filter(|call| call.phase.waits_since().is_some()).count() == 2
    };
    floor.until("two callers wait", two_wait).await?;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    third.hang_up().await?;
    floor.ended(1).await?;
    first.hang_up().await?;
    floor.ended(2).await?;
    floor.until("the second talks", talks).await?;
    second.hang_up().await?;
    floor.ended(3).await?;
    // While the service runs, too.
    let data = floor.service.data();
    let same = wait::until_async("the whole journal on the disk", SOON, async || {
        let (code, said) = replay(&data, &[])?;
        Ok((code == Some(0) && said.starts_with("2 decisions, all the same")).then_some(said))
    });
    same.await?;
    // And after a restart, with another call.
    floor.service.stop().await?;
    floor.service.begin().await?;
    let fourth = customer(&floor, "+49305550104").await?;
    floor.until("the fourth talks", talks).await?;
    fourth.hang_up().await?;
    floor.ended(4).await?;
    floor.service.stop().await?;
    let (code, said) = replay(&data, &["--json"])?;
    assert_eq!(code, Some(0), "{said}");
    let answer: Value = serde_json::from_str(&said)?;
    assert_eq!(answer["compared"]["decisions"], 3, "{said}");
    assert_eq!(answer["compared"]["starts"], 2, "{said}");
    assert_eq!(answer["compared"]["unwritten"], 0, "{said}");

    let change = floor.service.folder().join("change.toml");
    std::fs::write(&change, "[[agents]]\nid = \"307\"\nqueues = [\"sales\"]\n")?;
    let change = change.to_string_lossy().into_owned();
    let (code, said) = replay(&data, &["--with", &change])?;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("earlier by 307"), "the second was answered at once: {said}");
    let (_, said) = replay(&data, &["--with", &change, "--json"])?;
    let answer: Value = serde_json::from_str(&said)?;
    assert_eq!(answer["all"]["was"]["answered"], 3, "{said}");
    assert_eq!(answer["all"]["was"]["abandoned"], 1, "{said}");
    // A day that is not there, and a folder that is none.
    let (code, said) = replay(&data, &["--from", "1999-01-01"])?;
    assert!(code == Some(2) && said.contains("find the day 1999-01-01"), "{said}");
    let (code, said) = replay(&data.join("nowhere"), &[])?;
    assert!(code == Some(2) && said.contains("is not there"), "{said}");
    Ok(())
}
