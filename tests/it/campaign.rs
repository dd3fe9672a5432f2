//! A preview campaign over real sockets: a list comes in as CSV, an agent looks at a contact, calls and tells what came
//! of it; who is not to be called is not called.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_app::command::{Command, ContactCommand};
use agent_app::state::View;
use shared::id::CampaignId;
use shared::model::agent::State;
use shared::model::call::Direction;
use shared::model::campaign::{CampaignSettings, ContactOrder, Outcome as Came};
use tests::Outcome;
use tests::desk::AgentDesk;
use tests::phone::Answer;
use tests::voice::{AGENT_HZ, Mouth};

use crate::floor::{SOON, hears};
use crate::originate::outside;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_is_looked_at_called_and_told_about() -> Outcome {
    let (floor, far) = outside(Answer::After(Duration::from_secs(1))).await?;
    let manager = floor.service.sign_in("mia").await?;
    let mut desk = AgentDesk::start(&floor.service, "203", Mouth::tone(AGENT_HZ)).await?;
    let campaign: CampaignId = "spring".parse()?;
    let settings = CampaignSettings {
        id: campaign.clone(),
        name: "Spring renewals".into(),
        queue: "support".parse()?,
        active: true,
        max_attempts: 3,
        retries: BTreeMap::new(),
        hours: Vec::new(),
        time_zone: "Europe/Berlin".into(),
        lease_secs: 60,
        order: ContactOrder::Listed,
    };
    manager.set_up_campaign(&settings).await?;
    let table = "number,name,plan\n+49 30 999,Nora Never,Gold\n+49 30 555,Carl Called,Silver\n";
    let report = manager.import_contacts(&campaign, table.into()).await?;
    assert_eq!((report.taken, report.created), (true, 2), "{report:?}");
    manager.block_number("+4930999", "asked by letter").await?;

    // The desk learns of the campaign by itself.
    desk.until("the campaign", |state| state.preview.campaigns.len() == 1).await?;
    desk.app.send(Command::Contact(ContactCommand::Next(campaign.clone())))?;
    desk.until("a contact", |state| state.preview.held.is_some()).await?;
    let held = desk.app.state.preview.held.clone().ok_or("no contact")?.contact;
    assert_eq!((held.number, held.contact.name.as_str()), (2, "Carl Called"), "the first may not be called");
    assert_eq!(held.contact.columns["plan"], "Silver");

    let contact = held.number;
    desk.app.send(Command::Contact(ContactCommand::Call { campaign: campaign.clone(), contact }))?;
    far.talking(SOON).await?;
    hears(&far, AGENT_HZ).await?;
    assert_eq!(far.state().ok_or("no call")?.peer.number, "+493077", "in the name of the queue");
    desk.until("the talk", |state| matches!(state.view(), View::Call(talk) if !talk.dialling)).await?;
    far.hang_up().await?;
    let call = floor.one_ended().await?.summary;
    assert_eq!((call.direction, call.from.number.as_str()), (Direction::Outbound, "+4930555"));
    desk.until("what is still to be told", |state| {
        state.preview.held.as_ref().is_some_and(|held| held.contact.dialled)
    })
    .await?;
    let (outcome, note) = (Came::Reached, Some("wants it".to_owned()));
    let told = ContactCommand::Outcome { campaign: campaign.clone(), contact, outcome, note };
    desk.app.send(Command::Contact(told))?;
    desk.until("the end of it", |state| state.preview.held.is_none()).await?;

    let report = manager.campaign_report(&campaign).await?;
    assert_eq!((report.contacts, report.done, report.blocked, report.attempts), (2, 1, 1, 1), "{report:?}");
    assert_eq!(report.reached, 1);
    desk.app.send(Command::Contact(ContactCommand::Next(campaign.clone())))?;
    desk.until("nobody is left", |state| state.preview.nobody.as_ref() == Some(&campaign)).await?;
    let wraps = |floor: &shared::model::floor::Floor| {
        floor.agents.values().any(|agent| matches!(agent.state, State::WrapUp { .. }))
    };
    floor.until("the queue's wrap-up", wraps).await?;

    // Nobody calls him in a queue's name by hand either.
    desk.app.send(Command::EndWrapUp(Default::default()))?;
    desk.until("the end of wrap-up", |state| matches!(state.view(), View::Ready)).await?;
    let queue = Some("support".parse()?);
    desk.app.send(Command::Dial { number: "+4930999".into(), queue })?;
    desk.until("why not", |state| {
        state.desk.notices.iter().any(|notice| notice.detail.contains("not to be called"))
    })
    .await
}
