//! A phone that a test holds: the engine of the desktop apps with a mouth and an ear instead of a sound card, as a
//! customer behind the carrier, as a phone of fixed address, or as a desk phone that registers.

mod drive;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::audio::codec::Codec;
use shared::sip::Transport;
use shared::time::Timestamp;
use shared_desktop::phone::{
    CallState, EndReason, Phase, PhoneCommand, PhoneEvent, PhoneState, Registration,
};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::ear::Ear;
use crate::impair::Impairment;
use crate::ports::{CARRIER, HERE};
use crate::voice::Mouth;
use crate::{Outcome, wait};

/// What a phone does when it rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Takes the call after this time.
    After(Duration),
    /// Lets it ring.
    Never,
    /// Refuses it at once.
    Refuse,
}

/// How a phone is set up.
#[derive(Debug, Clone)]
pub struct PhoneSetup {
    /// User part of its address: a number or a name.
    pub user: String,
    /// Name that others see.
    pub name: String,
    /// Address of its sockets.
    pub ip: IpAddr,
    /// Port of its signalling over UDP; 0 lets the system choose.
    pub port: u16,
    /// The service's signalling.
    pub service: SocketAddr,
    /// How signalling travels.
    pub transport: Transport,
    /// Registers with this password; none for a phone that never registers.
    pub password: Option<String>,
    /// Domain of its address and realm of its password.
    pub domain: String,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// When it rings.
    pub answer: Answer,
    /// What it says.
    pub mouth: Mouth,
    /// A bad network for its media; none for a good one.
    pub network: Option<Network>,
}

/// A bad network between a phone and the service.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Network {
    /// For what the phone sends.
    pub to_service: Impairment,
    /// For what it hears.
    pub to_phone: Impairment,
    /// Of the chances.
    pub seed: u64,
}

impl PhoneSetup {
    /// A customer behind the carrier.
    pub fn customer(service: SocketAddr, number: &str, name: &str) -> PhoneSetup {
        PhoneSetup {
            user: number.into(),
            name: name.into(),
            ip: CARRIER,
            port: 0,
            service,
            transport: Transport::Udp,
            password: None,
            domain: "carrier.example".into(),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            answer: Answer::Never,
            mouth: Mouth::silent(),
            network: None,
        }
    }

    /// A phone of fixed address that never registers and answers at once.
    pub fn fixed(service: SocketAddr, user: &str, port: u16) -> PhoneSetup {
        PhoneSetup {
            ip: HERE,
            port,
            domain: "callfloor".into(),
            codecs: vec![Codec::Pcmu, Codec::Pcma],
            answer: Answer::After(Duration::from_millis(200)),
            ..PhoneSetup::customer(service, user, user)
        }
    }

    /// A desk phone that registers.
    pub fn desk(service: SocketAddr, user: &str, password: &str) -> PhoneSetup {
        PhoneSetup { password: Some(password.into()), ..PhoneSetup::fixed(service, user, 0) }
    }
}

/// A running phone; it hangs up, unregisters and ends when this is dropped.
#[derive(Debug)]
pub struct Phone {
    /// What it hears.
    pub ear: Ear,
    /// What it says.
    pub mouth: Mouth,
    /// Its signalling.
    pub address: SocketAddr,
    commands: mpsc::Sender<PhoneCommand>,
    answer: watch::Sender<Answer>,
    state: watch::Receiver<PhoneState>,
    running: AbortHandle,
    /// The lock guards one push.
    told: Arc<Mutex<Vec<(Timestamp, PhoneEvent)>>>,
}

impl Phone {
    /// Starts it; needs a runtime.
    pub async fn start(setup: PhoneSetup) -> Outcome<Phone> {
        let ear = Ear::new();
        let mouth = setup.mouth.clone();
        let told = Arc::new(Mutex::new(Vec::new()));
        let (commands, command_queue) = mpsc::channel(64);
        let (answer, answers) = watch::channel(setup.answer);
        let (states, state) = watch::channel(PhoneState::default());
        let drive = drive::Drive::open(&setup, ear.clone(), told.clone(), states, answers).await?;
        let address = drive.address();
        let running = tokio::spawn(drive.run(command_queue)).abort_handle();
        let phone = Phone { ear, mouth, address, commands, answer, state, running, told };
        if setup.password.is_some() {
            phone
                .until("the registration", Duration::from_secs(10), |state| {
                    matches!(state.registration, Registration::Registered { .. })
                })
                .await?;
        }
        Ok(phone)
    }

    /// Its power is cut: no BYE, no more media, and nobody answers at its address.
    pub fn vanish(self) {
        self.running.abort();
    }

    /// Its address for a configuration: `sip:user@ip:port`.
    pub fn contact(&self, user: &str) -> String {
        format!("sip:{user}@{}", self.address)
    }

    /// Does something at once.
    pub fn command(&self, command: PhoneCommand) -> Outcome {
        self.commands.try_send(command).map_err(|error| format!("the phone takes no command: {error}").into())
    }

    /// From now on does this when it rings.
    pub fn set_answer(&self, answer: Answer) {
        self.answer.send_replace(answer);
    }

    /// Calls a number of the service and waits until the call is answered.
    pub async fn call(&self, number: &str) -> Outcome {
        self.command(PhoneCommand::Dial(number.into()))?;
        self.until("an answer to the call", Duration::from_secs(10), |state| {
            phase(state) == Some(Phase::Talking)
        })
        .await
    }

    /// Waits until it talks with somebody who rang it.
    pub async fn talking(&self, at_most: Duration) -> Outcome {
        self.until("a call on the phone", at_most, |state| phase(state) == Some(Phase::Talking)).await
    }

    /// Waits until it has no call.
    pub async fn free(&self, at_most: Duration) -> Outcome {
        self.until("the end of the phone's call", at_most, |state| state.call.is_none()).await
    }

    /// Hangs up and waits until that is done.
    pub async fn hang_up(&self) -> Outcome {
        self.command(PhoneCommand::HangUp)?;
        self.free(Duration::from_secs(5)).await
    }

    /// Waits until its state is as wanted.
    pub async fn until(
        &self,
        what: &str,
        at_most: Duration,
        mut wanted: impl FnMut(&PhoneState) -> bool,
    ) -> Outcome {
        let mut state = self.state.clone();
        let reached = async {
            state.wait_for(|state| wanted(state)).await.map(drop).map_err(|_| "the phone has ended".into())
        };
        wait::within(what, at_most, reached).await.map_err(|error| {
            format!("{error}; the phone says {:?}", self.told().last().map(|(_, event)| event)).into()
        })
    }

    /// Waits until these keys were pressed by the far side, from the beginning on.
    pub async fn hears_keys(&self, keys: &str) -> Outcome {
        let heard = || (self.keys_heard() == keys).then_some(());
        wait::until(&format!("the keys {keys}"), Duration::from_secs(8), heard)
            .await
            .map_err(|error| format!("{error}; heard {:?}", self.keys_heard()).into())
    }

    /// The keys that the far side has pressed so far.
    pub fn keys_heard(&self) -> String {
        let keys = self.told().into_iter().filter_map(|(_, event)| match event {
            PhoneEvent::KeyHeard(key) => Some(key),
            _ => None,
        });
        keys.collect()
    }

    /// Its call now.
    pub fn state(&self) -> Option<CallState> {
        self.state.borrow().call.clone()
    }

    /// How its calls ended, oldest first.
    pub fn ends(&self) -> Vec<EndReason> {
        let told = self.told();
        told.into_iter()
            .filter_map(|(_, event)| match event {
                PhoneEvent::Ended { why, .. } => Some(why),
                _ => None,
            })
            .collect()
    }

    /// All that it has told, without levels.
    pub fn told(&self) -> Vec<(Timestamp, PhoneEvent)> {
        lock(&self.told).clone()
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        // Full or ended: then it stops because its commands have nobody any more.
        let _ = self.commands.try_send(PhoneCommand::Stop);
    }
}

fn phase(state: &PhoneState) -> Option<Phase> {
    state.call.as_ref().map(|call| call.phase)
}

fn lock<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}
