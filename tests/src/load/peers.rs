//! Callers and agents of our own: few, exact, and patient like real ones (they send again what nobody answers, with the
//! times of RFC 3261 §17). One thread serves them all over two sockets.
//!
//! ```text
//!  caller ── INVITE ─► service ── INVITE ─► agent      the time between these two is the set-up time
//!  caller ◄─ 200 ───── service ◄─ 200 ───── agent
//!  caller ── ACK ────► service ── ACK ────► agent      talk
//!  caller ◄─ BYE ───── service ◄─ BYE ───── agent
//! ```
//! A caller has a number of his own, which the service passes on in the agent's INVITE: by it the two are matched. The
//! time of sending is taken before the datagram is given to the kernel, the time of arrival is the kernel's.

mod message;
mod socket;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use self::message::Message;
use self::socket::Socket;
use crate::Outcome;

/// RFC 3261 §17.1.1.1: T1 and T2, the first and the longest pause before something is sent again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// RFC 3261 §17.1.1.2: 64 × T1, after which nobody hopes any more.
const PATIENCE: Duration = Duration::from_secs(32);
/// The longest wait for the network, so that time never stands still.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// Callers of a later run are others: a number that calls again at once would look like the earlier call sent again.
static NEXT_CALLER: AtomicU64 = AtomicU64::new(0);

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the service listens.
    pub service: SocketAddr,
    /// Where the callers are: an address of the trunk.
    pub callers: SocketAddr,
    /// Where the agents' phones are.
    pub agents: SocketAddr,
    /// The number that leads to them.
    pub number: String,
    /// Calls a second.
    pub rate: u32,
    /// For so many seconds.
    pub secs: u32,
    /// How long an agent talks.
    pub talk: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Calls that were made.
    pub calls: u64,
    /// Calls that reached an agent and were ended by him.
    pub good: u64,
    /// INVITEs that a caller had to send again.
    pub invites_sent_again: u64,
    /// INVITEs that the service sent again although the phone had answered at once.
    pub invites_received_again: u64,
    /// From each caller's INVITE to his agent's, in order of length.
    pub setups: Vec<Duration>,
}

impl Found {
    /// The set-up time that this share of the calls did not exceed, in milliseconds; zero without calls.
    pub fn setup_ms(&self, share: f64) -> f64 {
        let place = (self.setups.len() as f64 * share).ceil() as usize;
        self.setups.get(place.saturating_sub(1)).map_or(0.0, |setup| setup.as_secs_f64() * 1e3)
    }
}

/// Makes the calls and takes them. Blocks until all have ended or given up.
///
/// # Errors
/// What the system said about the sockets.
pub fn run(plan: &Plan) -> Outcome<Found> {
    let mut peers = Peers::new(plan)?;
    let begun = Instant::now();
    let all = u64::from(plan.rate) * u64::from(plan.secs);
    let due = |call: u64| begun + Duration::from_secs_f64(call as f64 / f64::from(plan.rate.max(1)));
    loop {
        let now = Instant::now();
        while peers.found.calls < all && due(peers.found.calls) <= now {
            peers.call(now)?;
        }
        peers.on_time(now)?;
        let mut next = now + LONGEST_WAIT;
        if peers.found.calls < all {
            next = next.min(due(peers.found.calls));
        } else if peers.is_calm() {
            break;
        }
        if let Some(Reverse((at, ..))) = peers.timers.peek() {
            next = next.min(*at);
        }
        socket::wait([&peers.callers, &peers.agents], next.saturating_duration_since(Instant::now()))?;
        peers.listen()?;
    }
    peers.found.setups.sort_unstable();
    Ok(peers.found)
}

/// One end of a call, and what it waits for an answer to.
#[derive(Debug)]
struct Leg {
    who: Who,
    /// Sent again until it is answered.
    unanswered: Option<Vec<u8>>,
    pause: Duration,
    gives_up_at: Instant,
    /// Which of the leg's timers counts; older ones were meant for something that is over.
    timer: u64,
}

#[derive(Debug)]
enum Who {
    Caller {
        sent_at: SystemTime,
        rung: bool,
        /// Sent again whenever the 200 comes again.
        ack: Option<Vec<u8>>,
    },
    Agent {
        /// Made when the phone rang.
        bye: Vec<u8>,
        talks: bool,
    },
}

struct Peers<'a> {
    plan: &'a Plan,
    callers: Socket,
    agents: Socket,
    /// By Call-ID.
    legs: HashMap<String, Leg>,
    timers: BinaryHeap<Reverse<(Instant, String, u64)>>,
    serial: u64,
    /// The number of the first caller.
    first: u64,
    found: Found,
}

impl<'a> Peers<'a> {
    fn new(plan: &'a Plan) -> Outcome<Peers<'a>> {
        Ok(Peers {
            plan,
            callers: Socket::bind(plan.callers)?,
            agents: Socket::bind(plan.agents)?,
            legs: HashMap::new(),
            timers: BinaryHeap::new(),
            serial: 0,
            first: NEXT_CALLER.fetch_add(u64::from(plan.rate) * u64::from(plan.secs), Ordering::Relaxed),
            found: Found::default(),
        })
    }

    /// Nobody waits for anything.
    fn is_calm(&self) -> bool {
        self.legs.is_empty()
    }

    /// One more call.
    fn call(&mut self, now: Instant) -> Outcome {
        let number = self.first + self.found.calls;
        self.found.calls += 1;
        let call_id = message::caller_id(number);
        let invite = message::invite(self.plan, number);
        let who = Who::Caller { sent_at: SystemTime::now(), rung: false, ack: None };
        self.callers.send(&invite, self.plan.service)?;
        self.legs.insert(call_id.clone(), Leg::new(now, who));
        self.expect_answer(now, &call_id, invite);
        Ok(())
    }

    /// From now on `bytes` are sent again until something answers them.
    fn expect_answer(&mut self, now: Instant, call_id: &str, bytes: Vec<u8>) {
        let Some(leg) = self.legs.get_mut(call_id) else { return };
        leg.unanswered = Some(bytes);
        leg.pause = FIRST_PAUSE;
        leg.gives_up_at = now + PATIENCE;
        self.set_timer(now + FIRST_PAUSE, call_id);
    }

    fn set_timer(&mut self, at: Instant, call_id: &str) {
        self.serial += 1;
        if let Some(leg) = self.legs.get_mut(call_id) {
            leg.timer = self.serial;
            self.timers.push(Reverse((at, call_id.to_owned(), self.serial)));
        }
    }

    /// Works off the timers that are due.
    fn on_time(&mut self, now: Instant) -> Outcome {
        while self.timers.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((_, call_id, serial))) = self.timers.pop() else { break };
            let Some(leg) = self.legs.get_mut(&call_id).filter(|leg| leg.timer == serial) else { continue };
            match (&mut leg.who, leg.unanswered.clone()) {
                (_, _) if leg.gives_up_at <= now => {
                    self.legs.remove(&call_id);
                }
                (who, Some(bytes)) => {
                    let socket = match who {
                        Who::Caller { .. } => {
                            self.found.invites_sent_again += 1;
                            &self.callers
                        }
                        Who::Agent { .. } => &self.agents,
                    };
                    leg.pause = (leg.pause * 2).min(LONGEST_PAUSE);
                    let next = now + leg.pause;
                    socket.send(&bytes, self.plan.service)?;
                    self.set_timer(next, &call_id);
                }
                // The talk is over.
                (Who::Agent { bye, .. }, None) => {
                    let bye = std::mem::take(bye);
                    self.agents.send(&bye, self.plan.service)?;
                    self.expect_answer(now, &call_id, bye);
                }
                // Patience for a BYE is all that a caller has a timer for.
                (Who::Caller { .. }, None) => {}
            }
        }
        Ok(())
    }

    fn listen(&mut self) -> Outcome {
        while let Some((text, _)) = self.callers.receive()? {
            if let Some(message) = Message::read(&text) {
                self.caller_hears(&message)?;
            }
        }
        while let Some((text, at)) = self.agents.receive()? {
            if let Some(message) = Message::read(&text) {
                self.agent_hears(&message, at)?;
            }
        }
        Ok(())
    }

    fn caller_hears(&mut self, message: &Message<'_>) -> Outcome {
        let now = Instant::now();
        let service = self.plan.service;
        match (message.status, message.method) {
            (Some(status), "INVITE") => {
                let Some(leg) = self.legs.get_mut(message.call_id) else { return Ok(()) };
                let Who::Caller { ack, .. } = &mut leg.who else { return Ok(()) };
                // RFC 3261 §17.1.1.2: any provisional response ends the sending again.
                leg.unanswered = None;
                if status < 200 {
                    return Ok(());
                }
                let ack = ack.get_or_insert_with(|| message::ack(message, status, self.plan));
                self.callers.send(ack, service)?;
                if status >= 300 {
                    self.legs.remove(message.call_id);
                    return Ok(());
                }
                leg.gives_up_at = now + self.plan.talk + PATIENCE;
                let gives_up_at = leg.gives_up_at;
                self.set_timer(gives_up_at, message.call_id);
            }
            (None, "BYE") => {
                self.callers.send(&message::ok(message, None, ""), service)?;
                if let Some(Leg { who: Who::Caller { rung: true, .. }, .. }) =
                    self.legs.remove(message.call_id)
                {
                    self.found.good += 1;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn agent_hears(&mut self, message: &Message<'_>, at: SystemTime) -> Outcome {
        let now = Instant::now();
        let service = self.plan.service;
        match (message.status, message.method) {
            (None, "INVITE") => {
                if let Some(leg) = self.legs.get(message.call_id) {
                    self.found.invites_received_again += 1;
                    return match &leg.unanswered {
                        Some(bytes) => self.agents.send(bytes, service),
                        None => Ok(()),
                    };
                }
                if let Some(caller) = message.caller().map(message::caller_id)
                    && let Some(Leg { who: Who::Caller { sent_at, rung, .. }, .. }) =
                        self.legs.get_mut(&caller)
                    && !*rung
                {
                    *rung = true;
                    self.found.setups.push(at.duration_since(*sent_at).unwrap_or_default());
                }
                let answer = message::ok(message, Some(self.plan.agents), message::ANSWER);
                self.agents.send(&answer, service)?;
                let who = Who::Agent { bye: message::bye(message, self.plan), talks: false };
                self.legs.insert(message.call_id.to_owned(), Leg::new(now, who));
                self.expect_answer(now, message.call_id, answer);
            }
            (None, "ACK") => {
                let Some(leg) = self.legs.get_mut(message.call_id) else { return Ok(()) };
                if let Who::Agent { talks, .. } = &mut leg.who
                    && !*talks
                {
                    *talks = true;
                    leg.unanswered = None;
                    leg.gives_up_at = now + self.plan.talk + PATIENCE;
                    self.set_timer(now + self.plan.talk, message.call_id);
                }
            }
            // A call that the service gave up, or one that crossed our BYE.
            (None, _) => self.agents.send(&message::ok(message, None, ""), service)?,
            (Some(200..), "BYE") => {
                self.legs.remove(message.call_id);
            }
            (Some(_), _) => {}
        }
        Ok(())
    }
}

impl Leg {
    fn new(now: Instant, who: Who) -> Leg {
        Leg { who, unanswered: None, pause: FIRST_PAUSE, gives_up_at: now + PATIENCE, timer: 0 }
    }
}
