//! Kamailio in front: phones register through it along a Path, calls go through it both ways along its Record-Route,
//! phones have addresses that mean nothing to the service, and carriers are told from phones.

use std::net::SocketAddr;
use std::time::Duration;

use shared::api::agents::WantedStatus;
use shared::id::AgentId;
use shared::model::agent::Device;
use tests::Outcome;
use tests::baresip::{Baresip, BaresipSetup, G711};
use tests::kamailio::{INSIDE_CARRIERS, Kamailio};
use tests::phone::{Phone, PhoneSetup};
use tests::ports::{self, HERE};
use tests::setup::Setup;
use tests::sipp::Sipp;
use tests::voice::{AGENT_HZ, CUSTOMER_HZ, Mouth};

use crate::floor::{Floor, SALES, SCENARIO, SOON, SUPPORT, assert_tells, hears, hears_music, is_held};

/// A service with Cleo, and Kamailio in front of it: the only way in.
struct Edge {
    floor: Floor,
    proxy: Kamailio,
}

impl Edge {
    async fn start() -> Outcome<Edge> {
        let mut setup = Setup::test()?;
        setup.keep_agents(&["203"]);
        setup.set("sip", "registration_min_secs", 10);
        setup.trunk("carrier").insert("addresses".into(), vec![INSIDE_CARRIERS.to_string()].into());
        setup.queue("support").insert("wrap_up_secs".into(), 0.into());
        let floor = Floor::start(setup).await?;
        let proxy = Kamailio::start(floor.service.setup.sip).await?;
        Ok(Edge { floor, proxy })
    }

    fn outside(&self) -> SocketAddr {
        self.proxy.outside
    }

    /// Once Cleo's phone has registered.
    async fn make_ready(&self) -> Outcome {
        let id: AgentId = "203".parse()?;
        let device = self.floor.sara.agent(&id).await?.device;
        assert!(matches!(&device, Device::Phone { .. }), "{device:?}");
        self.floor.service.sign_in("203").await?;
        self.floor.sara.set_status(&id, WantedStatus::Ready).await?;
        Ok(())
    }

    async fn desk(&self, transport: &'static str) -> Outcome<Baresip> {
        let desk = Baresip::start_as(&BaresipSetup {
            service: self.outside(),
            transport,
            domain: "callfloor".into(),
            user: "203".into(),
            password: "demo-sip-203".into(),
            hz: AGENT_HZ,
            register_secs: 10,
            authority: None,
            codecs: G711,
            encryption: None,
        })
        .await?;
        self.make_ready().await?;
        Ok(desk)
    }

    fn explain(&self, error: impl std::fmt::Display) -> tests::Fault {
        format!(
            "{error}\n--- Kamailio\n{}\n--- the service\n{}",
            self.proxy.log(),
            self.floor.service.log_end(30)
        )
        .into()
    }
}

async fn a_call_is_held_and_hung_up_from_each_side(transport: &'static str) -> Outcome {
    let edge = Edge::start().await?;
    let mut desk = edge.desk(transport).await?;
    for agent_ends in [true, false] {
        let mut customer = PhoneSetup::customer(edge.outside(), "+49305550122", "Carla");
        customer.mouth = Mouth::tone(CUSTOMER_HZ);
        let customer = Phone::start(customer).await?;
        customer.call(SUPPORT).await.map_err(|error| edge.explain(error))?;
        hears(&customer, AGENT_HZ).await.map_err(|error| edge.explain(error))?;
        // re-INVITE from the phone's side.
        desk.tell("hold").await?;
        edge.floor.until("the hold", |floor| floor.calls.values().any(is_held)).await?;
        hears_music(&customer, AGENT_HZ).await?;
        desk.tell("resume").await?;
        hears(&customer, AGENT_HZ).await.map_err(|error| edge.explain(error))?;
        if agent_ends {
            desk.tell("hangup").await?;
            customer.free(SOON).await.map_err(|error| edge.explain(error))?;
        } else {
            customer.hang_up().await?;
        }
        edge.floor.until("no call", |floor| floor.calls.is_empty()).await?;
    }
    let calls = edge.floor.ended(2).await?;
    let story = ["connected with 203", "held", "resumed"];
    assert_tells(&calls[0], &[&story[..], &["ended: customer_hung_up"]].concat());
    assert_tells(&calls[1], &[&story[..], &["ended: agent_hung_up"]].concat());
    assert_eq!(calls[0].summary.from.number, "+49305550122");
    Ok(())
}

#[tokio::test]
async fn a_phone_behind_an_edge_proxy_is_reached_along_its_path() -> Outcome {
    a_call_is_held_and_hung_up_from_each_side("udp").await
}

#[tokio::test]
async fn a_phone_behind_an_edge_proxy_is_reached_along_its_path_over_tcp() -> Outcome {
    a_call_is_held_and_hung_up_from_each_side("tcp").await
}

#[tokio::test]
async fn a_private_contact_is_no_hindrance() -> Outcome {
    let edge = Edge::start().await?;
    let folder = edge.floor.service.folder();
    let port = ports::free_pair(HERE)?;
    // Nobody answers at these addresses: only the flow and the route set lead to the phones.
    let private = |sipp: Sipp| sipp.contact("10.11.12.13:5999");
    let registers = Sipp::agent("agent-registers", edge.outside(), port).digest_for("callfloor");
    let registers = registers.word("USER", "203").word("PASSWORD", "demo-sip-203").word("STATUS", "200");
    private(registers).start(folder).await?.passed(SCENARIO).await?;
    edge.make_ready().await?;
    for (agent, customer) in [("agent-holds", "customer-talks"), ("agent-answers", "customer-holds")] {
        let agent = private(Sipp::agent(agent, edge.outside(), port)).start(folder).await?;
        let customer = private(Sipp::customer(customer, edge.outside(), SUPPORT)?).start(folder).await?;
        agent.passed(SCENARIO).await.map_err(|error| edge.explain(error))?;
        customer.passed(SCENARIO).await.map_err(|error| edge.explain(error))?;
        edge.floor.until("no call", |floor| floor.calls.is_empty()).await?;
    }
    let calls = edge.floor.ended(2).await?;
    assert_tells(&calls[0], &["connected with 203", "ended: customer_hung_up"]);
    assert_tells(&calls[1], &["connected with 203", "held", "resumed", "ended: agent_hung_up"]);
    Ok(())
}

#[tokio::test]
async fn strangers_behind_an_edge_proxy_are_asked_who_they_are() -> Outcome {
    let edge = Edge::start().await?;
    let folder = edge.floor.service.folder();
    let stranger = Sipp::customer("customer-is-refused", edge.outside(), SALES)?;
    let stranger = stranger.at(HERE).pause(Duration::ZERO).word("STATUS", "407");
    stranger.start(folder).await?.passed(SCENARIO).await.map_err(|error| edge.explain(error))?;
    let calls = edge.floor.sara.calls(&Default::default()).await?;
    assert!(calls.calls.is_empty(), "no call was made of it: {calls:?}");
    Ok(())
}
