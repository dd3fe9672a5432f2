//! The wallboard in a real browser, while real calls wait.

use std::time::Duration;

use tests::Outcome;
use tests::browser::Browser;
use tests::setup::Setup;
use tests::sipp::Sipp;

use crate::floor::{Floor, SALES, SCENARIO, SUPPORT};

/// How soon the wall shows what happened; the machine may be busy.
const SHOWN: Duration = Duration::from_secs(15);

#[tokio::test]
async fn the_wallboard_shows_who_waits_as_it_happens() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[]).await?;
    let token = floor.service.sign_in("mia").await?.token().ok_or("no token")?;
    let url = format!("{}/wallboard#token={token}", floor.service.url());
    let mut wall = Browser::open(&url, 1920, 1080).await?;
    wall.until("nobody waiting on the wall", &waiting(0), SHOWN).await?;
    let address = wall.value("location.href").await?;
    assert!(
        !address.as_str().unwrap_or_default().contains("token="),
        "the token leaves the address: {address}"
    );

    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let stays = Duration::from_secs(30);
    let first = Sipp::customer("customer-hangs-up", sip, SALES)?.pause(stays).start(folder).await?;
    wall.until("one waiting on the wall", &waiting(1), SHOWN).await?;
    let second = Sipp::customer("customer-hangs-up", sip, SUPPORT)?.pause(stays).start(folder).await?;
    wall.until("two waiting on the wall", &waiting(2), SHOWN).await?;
    let page = wall.value("document.querySelector('#queue-rows').innerText").await?;
    let page = page.as_str().unwrap_or_default();
    assert!(page.contains("Sales") && page.contains("Support"), "{page}");
    // Readable from five metres: a twentieth of the wall's height at least.
    let size =
        "parseFloat(getComputedStyle(document.querySelector('[data-metric=waiting] .tile-number')).fontSize)";
    let size = wall.value(size).await?.as_f64().unwrap_or_default();
    assert!(size >= 54.0, "{size} px");
    assert!(wall.screenshot().await?.starts_with(b"\x89PNG"));

    for call in floor.sara.floor().await?.calls.into_keys() {
        floor.sara.hang_up(call).await?;
    }
    wall.until("nobody waiting any more", &waiting(0), SHOWN).await?;
    drop((first, second));
    assert!(wall.complaints.is_empty(), "{:?}", wall.complaints);
    Ok(())
}

#[tokio::test]
async fn a_person_signs_in_on_the_wallboard() -> Outcome {
    let floor = Floor::with_phones(Setup::test()?, &[]).await?;
    let mut wall = Browser::open(&format!("{}/wallboard", floor.service.url()), 1280, 720).await?;
    let form = "!!document.querySelector('#sign-in-form') && document.body.dataset.view === 'sign-in'";
    wall.until("the form to sign in", form, SHOWN).await?;
    let sign_in = |password: &str| {
        format!(
            "document.querySelector('#user').value = 'mia', document.querySelector('#password').value = '{password}', \
             document.querySelector('#sign-in-form').requestSubmit(), true"
        )
    };
    wall.value(&sign_in("wrong")).await?;
    wall.until(
        "a word about the wrong password",
        "!document.querySelector('#sign-in-problem').hidden",
        SHOWN,
    )
    .await?;
    wall.value(&sign_in("demo-mia")).await?;
    wall.until("the numbers", &waiting(0), SHOWN).await?;

    let (folder, sip) = (floor.service.folder(), floor.service.setup.sip);
    let short = Duration::from_millis(2_500);
    let customer = Sipp::customer("customer-hangs-up", sip, SALES)?.pause(short).start(folder).await?;
    wall.until("the caller on the wall", &waiting(1), SHOWN).await?;
    customer.passed(SCENARIO).await?;
    wall.until("the caller gone from the wall", &waiting(0), SHOWN).await
}

/// Whether the wall's big number of waiting calls is `count`.
fn waiting(count: usize) -> String {
    let number = "document.querySelector('[data-metric=waiting] .tile-number')";
    format!("{number} !== null && {number}.textContent.trim() === '{count}'")
}
