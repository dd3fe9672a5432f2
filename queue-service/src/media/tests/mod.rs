mod aligned;
mod codec_change;
mod floor;
mod hostile;
mod keys;
mod matrix;
mod prompts;
mod resumed;
mod secure;
mod session;
mod smooth;
mod sound;

use shared::audio::mixer::Supervision;
use shared::sdp::Direction;

use self::floor::{Floor, config, negotiated};
use super::*;

/// What a phone at `remote` agrees on.
pub(super) fn agreed(remote: SocketAddr) -> Negotiated {
    negotiated(remote, Codec::Pcma)
}

#[test]
fn an_address_that_nobody_can_reach_is_refused() {
    let (events, _) = mpsc::channel(1);
    let bind = IpAddr::from([0, 0, 0, 0]);
    let error = Media::start(MediaConfig { bind, ..config() }, events.clone()).expect_err("no address");
    assert!(error.to_string().contains("advertised"), "{error}");
    let error =
        Media::start(MediaConfig { port_min: 9, port_max: 9, ..config() }, events).expect_err("no port");
    assert!(matches!(error, MediaError::PortRange(9, 9)));
}

#[test]
fn the_description_names_the_advertised_address_and_an_even_port() {
    let (events, _) = mpsc::channel(1);
    let advertised = Some(IpAddr::from([192, 0, 2, 1]));
    let media = Media::start(MediaConfig { advertised, ..config() }, events).expect("media");
    let bridge = media.open_bridge(floor::call());
    let local = media.open_port(bridge, LegId::from_u64(1), Role::Customer).expect("port");
    assert_eq!(Some(local.address), advertised);
    assert!(local.port.is_multiple_of(2) && (32_000..=60_999).contains(&local.port));
    assert_eq!(local.codecs, Codec::ALL);
}

#[test]
fn limits_are_told() {
    let mut floor = Floor::new(MediaConfig { port_min: 31_000, port_max: 31_033, ..config() });
    let (media, bridge) = (floor.media.clone(), floor.bridge);
    for leg in 1..=16 {
        media.open_port(bridge, LegId::from_u64(leg), Role::Customer).expect("port");
    }
    let open = |bridge, leg| media.open_port(bridge, LegId::from_u64(leg), Role::Agent);
    assert!(matches!(open(bridge, 1), Err(MediaError::LegTaken(_))));
    assert!(matches!(open(bridge, 17), Err(MediaError::BridgeFull)));
    let second = media.open_bridge(floor::call());
    open(second, 17).expect("the last pair");
    assert!(matches!(open(second, 18), Err(MediaError::PortsInUse(17) | MediaError::Socket { .. })));
    media.close_bridge(second);
    assert!(matches!(open(second, 19), Err(MediaError::NoBridge)));
    // The port of the closed bridge comes back as soon as the worker has let it go.
    let closed = floor.events.blocking_recv();
    assert!(matches!(closed, Some(MediaEvent::PortClosed { leg, .. }) if leg == LegId::from_u64(17)));
    let third = media.open_bridge(floor::call());
    let began = std::time::Instant::now();
    while open(third, 20).is_err() {
        assert!(began.elapsed().as_secs() < 5, "the port never came back");
        std::thread::yield_now();
    }
    assert_eq!(media.stats().bridges, 2);
}

#[test]
fn a_silent_leg_is_told_once() {
    let mut floor = Floor::new(MediaConfig { no_media_secs: 1, no_first_media_secs: 2, ..config() });
    let customer = floor.add(Role::Customer, Codec::Pcmu, 440.0);
    let agent = floor.add(Role::Agent, Codec::Pcmu, 880.0);
    // Who never said a word has longer.
    let mute = floor.add(Role::Agent, Codec::Pcmu, 660.0);
    floor.phones[mute].speaks = false;
    floor.run(100);
    floor.phones[customer].speaks = false;
    // Nor is he who is told to be silent.
    let mut quiet = negotiated(floor.phones[agent].socket.local_addr().expect("address"), Codec::Pcmu);
    quiet.direction = Direction::SendOnly;
    floor.media.connect(floor.leg(agent), quiet);
    floor.run(1_240);
    let leg = floor.leg(customer);
    let missed: Vec<MediaEvent> =
        floor.events().into_iter().filter(|event| matches!(event, MediaEvent::NoMedia { .. })).collect();
    assert_eq!(missed, [MediaEvent::NoMedia { call: floor::call(), leg, for_secs: 1 }]);
    floor.run(800);
    let leg = floor.leg(mute);
    let missed: Vec<MediaEvent> =
        floor.events().into_iter().filter(|event| matches!(event, MediaEvent::NoMedia { .. })).collect();
    assert_eq!(missed, [MediaEvent::NoMedia { call: floor::call(), leg, for_secs: 2 }]);
}

#[test]
fn a_stranger_is_not_heard_and_garbage_harms_nobody() {
    let mut floor = Floor::talk();
    floor.run(100);
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").expect("socket");
    let phone = &floor.phones[0];
    let mut voice = [0x55u8; 172];
    voice[..12].copy_from_slice(&[0x80, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]);
    for _ in 0..20 {
        stranger.send_to(&voice, phone.to).expect("sent");
        for garbage in [&b""[..], b"\x80", b"GET / HTTP/1.0\r\n\r\n", &[0xff; 1_400], &[0x80, 200, 0, 90, 1]]
        {
            phone.socket.send_to(garbage, phone.to).expect("sent");
        }
    }
    floor.expect("A C");
    let stats = floor.media.stats();
    assert_eq!(stats.packets_foreign, 20);
    let leg = floor.leg(0);
    floor.media.close_port(leg);
    let closed = loop {
        if let MediaEvent::PortClosed { stats, .. } = floor.events.blocking_recv().expect("an event") {
            break stats;
        }
    };
    assert_eq!(closed.packets_foreign, 20);
    assert_eq!(closed.packets_malformed, 100, "nothing of it is a packet of this leg");
    assert_eq!(closed.codec, Some(Codec::Pcma));
    assert!(closed.packets_received > 10 && closed.packets_sent > 10);
    assert_eq!(closed.packets_lost, 0);
}

#[test]
fn a_closed_port_says_good_bye_and_its_leg_is_forgotten() {
    let mut floor = Floor::talk();
    floor.run(200);
    let leg = floor.leg(0);
    floor.media.close_port(leg);
    floor.run(100);
    // The last part of the compound packet is a BYE (RFC 3550 §6.6: type 203).
    let last = floor.phones[0].rtcp.last().expect("a report");
    assert!(last.windows(2).any(|pair| pair[0] & 0xC0 == 0x80 && pair[1] == 203), "{last:x?}");
    let snapshot = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("runtime")
        .block_on(async { (floor.media.snapshot(leg).await, floor.media.snapshot(floor.leg(1)).await) });
    assert_eq!(snapshot.0, None);
    assert!(snapshot.1.is_some_and(|stats| stats.packets_received > 5 && stats.mos.is_some()));
    assert_eq!(floor.media.stats().relaying, 0);
}

/// The agent's voice ceases to come: told once within 3 s, and again when it has come back and ceased again.
#[test]
fn one_way_audio_is_told_within_three_seconds() {
    let mut session = session::Session::new();
    session.add(Role::Customer, Codec::Pcma, 440.0, None);
    let agent = session.add(Role::Agent, Codec::Pcma, 880.0, None);
    let told = |session: &mut session::Session| {
        std::iter::from_fn(|| session.events.try_recv().ok())
            .filter_map(|event| match event {
                MediaEvent::OneWay { leg, for_millis, .. } => Some((leg, for_millis)),
                MediaEvent::Heard { leg, .. } => Some((leg, 0)),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    session.run(100);
    assert_eq!(told(&mut session), []);
    for _ in 0..2 {
        session.phones[agent].as_mut().expect("a phone").speaks = false;
        session.run(150);
        let alarms = told(&mut session);
        assert!(matches!(alarms.as_slice(), [(leg, 2_000..=3_000)] if leg.as_u64() == 2), "{alarms:?}");
        session.run(200);
        assert_eq!(told(&mut session), [], "once");
        let since = session.sound()[agent].unheard_since.expect("an alarm");
        assert!(session.now.since(since) >= std::time::Duration::from_secs(6), "from the first look on");
        session.phones[agent].as_mut().expect("a phone").speaks = true;
        session.run(100);
        assert_eq!(told(&mut session), [(LegId::from_u64(2), 0)], "heard again");
        assert_eq!(session.sound()[agent].unheard_since, None);
    }
    // Both silent: nobody talks into the void.
    session.phones.iter_mut().flatten().for_each(|phone| phone.speaks = false);
    session.run(300);
    assert_eq!(told(&mut session), []);
}

/// Voice over IPv6, relayed and mixed.
#[test]
fn phones_talk_over_ipv6() {
    let mut session = session::Session::at(std::net::Ipv6Addr::LOCALHOST.into());
    let customer = session.add(Role::Customer, Codec::Pcma, 440.0, None);
    let agent = session.add(Role::Agent, Codec::Pcma, 880.0, None);
    for codec in [Codec::Pcma, Codec::G722] {
        let place = session.add(supervisor(SupervisionMode::Barge), codec, 660.0, None);
        session.run(40);
        session.remove(place);
        session.run(40);
        session.forget();
        session.run(20);
        for (slot, hz) in [(customer, 880.0), (agent, 440.0)] {
            let heard = session.phones[slot].as_ref().map(|phone| phone.heard.clone()).unwrap_or_default();
            assert!(shared::audio::goertzel::power_dbfs(&heard, hz, 16_000) > -25.0, "{slot}");
        }
    }
}

#[test]
fn modes_map_to_roles() {
    for (mode, expected) in [
        (SupervisionMode::Monitor, Supervision::Monitor),
        (SupervisionMode::Whisper, Supervision::Whisper),
        (SupervisionMode::Barge, Supervision::Barge),
        (SupervisionMode::TakeOver, Supervision::TakeOver),
    ] {
        assert_eq!(supervisor(mode), Role::Supervisor(expected));
    }
}

/// Whatever the switch says in whatever order, nothing stays behind.
#[test]
fn any_order_of_commands_ends_in_an_empty_worker() {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    for seed in 0..6 {
        let mut random = StdRng::seed_from_u64(seed);
        let (sender, mut events) = mpsc::channel(4_096);
        let media = Media::start(config(), sender).expect("media");
        let prompt = Arc::new(Prompt::new("short", vec![1_000; 700]));
        let sink = std::net::UdpSocket::bind("127.0.0.1:0").expect("socket");
        let remote = sink.local_addr().expect("address");
        let mut bridges: Vec<BridgeId> = Vec::new();
        let mut opened = 0;
        for _ in 0..400 {
            let leg = LegId::from_u64(random.random_range(1..=12));
            let role = match random.random_range(0..4) {
                0 => Role::Customer,
                1 => Role::Agent,
                2 => supervisor(SupervisionMode::Whisper),
                _ => supervisor(SupervisionMode::TakeOver),
            };
            let party = Party { role, held: random.random_bool(0.2), muted: random.random_bool(0.2) };
            let bridge = bridges.get(random.random_range(0..bridges.len().max(1))).copied();
            match (random.random_range(0..12), bridge) {
                (0 | 1, _) | (_, None) => bridges.push(media.open_bridge(floor::call())),
                (2..=4, Some(bridge)) => opened += u64::from(media.open_port(bridge, leg, role).is_ok()),
                (5, _) => media.connect(leg, negotiated(remote, Codec::ALL[random.random_range(0..4)])),
                (6, _) => media.set_party(leg, party),
                (7, _) => media.play(leg, prompt.clone(), PlayMode::Once, 1),
                (8, _) => media.press(leg, '1', 60),
                (9, _) => media.close_port(leg),
                (10, Some(bridge)) => {
                    media.close_bridge(bridge);
                    bridges.retain(|other| *other != bridge);
                }
                (_, Some(bridge)) => media.set_parties(bridge, vec![(leg, party)]),
            }
        }
        for bridge in bridges {
            media.close_bridge(bridge);
        }
        let pool = media.shared.pool.clone();
        drop(media);
        let mut closed = 0;
        // The channel ends with the worker.
        while let Some(event) = events.blocking_recv() {
            closed += u64::from(matches!(event, MediaEvent::PortClosed { .. }));
        }
        assert_eq!(closed, opened, "seed {seed}");
        let mut pool = pool.lock().expect("no panic");
        let free = std::iter::from_fn(|| pool.take()).count();
        assert_eq!(free, pool.len(), "seed {seed}: every port is back");
    }
}

#[test]
fn who_speaks_is_known_of_a_call_whose_packets_only_pass_and_it_goes_on_passing() {
    let mut session = session::Session::new();
    let customer = session.add(Role::Customer, Codec::Pcma, 440.0, None);
    let agent = session.add(Role::Agent, Codec::Pcma, 880.0, None);
    session.run(100);
    let first = session.sound();
    assert_eq!(first.iter().map(|leg| leg.talking).collect::<Vec<_>>(), [None, None], "not listened to yet");
    session.run(20);
    let voices = session.sound();
    assert_eq!(voices.iter().map(|leg| leg.talking).collect::<Vec<_>>(), [Some(true), Some(true)]);
    assert!(voices.iter().all(|leg| !leg.clipping && leg.level_dbfs.is_some_and(|level| level > -40.0)));
    assert!(voices.iter().all(|leg| leg.mos_from.is_some_and(|score| score > 4.0)), "{voices:?}");
    // Comfort is not talk: the one who stops is told apart from the other.
    session.phones[customer].as_mut().expect("a phone").speaks = false;
    for _ in 0..10 {
        session.run(5);
        session.sound();
    }
    let voices = session.sound();
    assert_eq!((voices[customer].talking, voices[agent].talking), (Some(false), Some(true)));
    session.phones[customer].as_mut().expect("a phone").speaks = true;
    // Nobody asks any more: a second later nothing is decoded, and everything went on as it came.
    session.run(60);
    assert_eq!(session.sound()[agent].talking, None);
    let relayed = session.port(agent).stats().packets_relayed;
    assert!(relayed >= 178, "{relayed} of the 180 packets that the customer sent");
}
