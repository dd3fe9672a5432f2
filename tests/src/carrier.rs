//! A carrier without a telephone network: it takes registrations with a password, calls and is called, and does with
//! calls what the test says. Its sound is a tone that it sends before or after its answer.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use shared::audio::codec::Codec;
use shared::sip::digest::Account;
use shared::sip::door::{self, Caller, Peer};
use shared::sip::registrar::{Binding, Limits, Owner, Registrar};
use shared::sip::{Body, Command, Config, Event, IncomingInfo, Method, NameAddr, SessionId, Transport, Uri};
use shared_net::clock;
use shared_net::sip::{DriverConfig, SipDriver, SipHandle};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::sipp::{encoded, tone};
use crate::{Outcome, wait};

/// A carrier; it goes away when this is dropped.
pub struct Carrier {
    /// Where it listens.
    pub address: SocketAddr,
    sip: SipHandle,
    events: mpsc::Receiver<Event>,
    registrar: Registrar,
}

/// A call that came to it.
pub struct Called {
    /// Its session.
    pub session: SessionId,
    /// The INVITE.
    pub invite: Box<IncomingInfo>,
}

impl Carrier {
    /// Starts it on any port of an address. It takes calls from this machine, and registrations with this user name and
    /// password.
    pub fn start(ip: IpAddr, account: Option<(&str, &str)>) -> Outcome<Carrier> {
        const REALM: &str = "carrier.example";
        let accounts = account
            .map(|(user, password)| (user.to_owned(), Account::from_password(user, REALM, password, user)));
        let here = Peer { id: "service".into(), networks: vec!["127.0.0.1".parse()?], calls_per_sec: 0 };
        let config = DriverConfig {
            udp: vec![SocketAddr::new(ip, 0)],
            tcp: Vec::new(),
            endpoint: Config {
                user_agent: "Test-Carrier".into(),
                user_methods: vec![Method::Register],
                door: Some(door::Config {
                    realm: REALM.into(),
                    peers: vec![here],
                    accounts: accounts.into_iter().collect(),
                    ..door::Config::default()
                }),
                ..Config::default()
            },
            ..DriverConfig::default()
        };
        let (sip, events) = SipDriver::start(config, rand::random())?;
        let address = sip.local_addr(Transport::Udp).ok_or("the carrier has no socket")?;
        let registrar = Registrar::new(Limits::default());
        Ok(Carrier { address, sip, events, registrar })
    }

    /// Its address for a configuration.
    pub fn server(&self) -> String {
        format!("sip:{}", self.address)
    }

    /// Waits until the account is registered, with its password.
    pub async fn registered(&mut self, user: &str, at_most: Duration) -> Outcome<Binding> {
        let work = async {
            loop {
                if let Some(binding) = self.registrar.lookup(user).pop() {
                    return Ok(binding);
                }
                let event = self.events.recv().await.ok_or("the carrier's driver has ended")?;
                self.register(&event).await?;
            }
        };
        wait::within("a registration", at_most, work).await
    }

    /// How many phones are registered to an account.
    pub fn bindings(&self, user: &str) -> usize {
        self.registrar.lookup(user).len()
    }

    /// Whether it was a registration.
    async fn register(&mut self, event: &Event) -> Outcome<bool> {
        let Event::Request { transaction, flow, request, caller: Caller::Account(user), .. } = event else {
            return Ok(false);
        };
        let owner = Owner { username: user, aor_user: user };
        let reply = self.registrar.register(clock::now(), request, *flow, owner);
        self.command(Command::Respond {
            transaction: *transaction,
            status: reply.status,
            reason: String::new(),
            headers: reply.headers,
            body: None,
        })
        .await?;
        Ok(true)
    }

    /// Waits for something that happens to its calls.
    pub async fn event(&mut self, at_most: Duration) -> Outcome<Event> {
        let work = async {
            loop {
                let event = self.events.recv().await.ok_or("the carrier's driver has ended")?;
                if !self.register(&event).await? {
                    return Ok(event);
                }
            }
        };
        wait::within("an event at the carrier", at_most, work).await
    }

    /// Waits for a call.
    pub async fn called(&mut self, at_most: Duration) -> Outcome<Called> {
        loop {
            if let Event::Incoming { session, request, .. } = self.event(at_most).await? {
                return Ok(Called { session, invite: request });
            }
        }
    }

    /// Refuses a call.
    pub async fn refuse(&self, call: &Called, status: u16, headers: &[(&str, &str)]) -> Outcome {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.command(Command::Reject { session: call.session, status, reason: String::new(), headers }).await
    }

    /// Calls somebody without an offer.
    pub async fn call(&self, target: Uri, from: &str, to: &str) -> Outcome<SessionId> {
        let session = SessionId(rand::random::<u64>() >> 1);
        let address = |text: &str| -> Outcome<NameAddr> { Ok(text.parse()?) };
        self.command(Command::Invite {
            session,
            target,
            flow: None,
            from: address(from)?,
            to: address(to)?,
            headers: Vec::new(),
            body: None,
            credentials: None,
        })
        .await?;
        Ok(session)
    }

    /// Does something at once.
    pub async fn command(&self, command: Command) -> Outcome {
        self.sip
            .command(command)
            .await
            .map_err(|error| format!("the carrier takes no command: {error}").into())
    }
}

/// What the carrier plays into a call: a tone in µ-law.
pub struct Announcement {
    socket: UdpSocket,
    to: SocketAddr,
    sound: Vec<u8>,
}

impl Announcement {
    /// For the one who sent this offer.
    pub async fn new(ip: IpAddr, offer: &Body, hz: f32, millis: usize) -> Outcome<Announcement> {
        let text = offer.text();
        let field = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).map(str::to_owned);
        let host: IpAddr = field("c=IN IP4 ").ok_or("an offer without an address")?.trim().parse()?;
        let audio = field("m=audio ").ok_or("an offer without audio")?;
        let port: u16 = audio.split(' ').next().ok_or("no port")?.parse()?;
        let socket = UdpSocket::bind((ip, 0)).await?;
        Ok(Announcement {
            socket,
            to: SocketAddr::new(host, port),
            sound: encoded(Codec::Pcmu, &tone(hz, millis))?,
        })
    }

    /// The answer that goes with it.
    pub fn answer(&self) -> Outcome<Body> {
        let address = self.socket.local_addr()?;
        Ok(Body::sdp(format!(
            "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
            address.ip(),
            address.port()
        )))
    }

    /// Plays it once, in real time.
    pub async fn play(&self) -> Outcome {
        let mut due = Instant::now();
        for (number, frame) in self.sound.chunks(160).enumerate() {
            // RFC 3550 §5.1: version 2, PCMU, the marker on the first packet.
            let mut packet = vec![0x80, if number == 0 { 0x80 } else { 0 }];
            packet.extend((number as u16).to_be_bytes());
            packet.extend((number as u32 * 160).to_be_bytes());
            packet.extend(0x00CA_11E5_u32.to_be_bytes());
            packet.extend(frame);
            self.socket.send_to(&packet, self.to).await?;
            due += Duration::from_millis(20);
            sleep_until(due).await;
        }
        Ok(())
    }
}
