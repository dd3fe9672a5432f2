//! The phones of all calls: one thread, a few sockets, batches both ways.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::batch::{BATCH, Inbox, Outbox, socket};
use crate::host;
use crate::series::{PulseEar, is_pulse, pulse_begins_ms};

/// Sockets that the legs share.
const SOCKETS: usize = 8;
/// Each leg sends one packet in this time.
const PACKET: Duration = Duration::from_millis(20);
/// How long it sleeps when there is nothing to do.
const NAP: Duration = Duration::from_micros(100);
/// No leg.
const NOBODY: u32 = u32::MAX;

/// One leg of a call.
pub struct Leg {
    /// Where it sends to.
    pub port: u16,
    /// Which series it sends.
    pub series: usize,
    /// Its pulses are waited for at the leg of this number.
    pub pulses_at: Option<usize>,
}

/// What is counted while it runs.
#[derive(Debug, Default)]
pub struct Counts {
    /// Packets that went out.
    pub sent: AtomicU64,
    /// RTP packets that came in.
    pub received: AtomicU64,
}

/// The sockets, before anybody knows the ports of the service.
pub struct Sockets(Vec<UdpSocket>);

impl Sockets {
    /// Opens them.
    ///
    /// # Errors
    /// What the system said.
    pub fn open() -> Outcome<Sockets> {
        Ok(Sockets((0..SOCKETS).map(|_| socket()).collect::<Result<_, _>>()?))
    }

    /// The address that each of `legs` legs sends from, in their order: neighbours share one, so that a batch is full.
    ///
    /// # Errors
    /// What the system said.
    pub fn peers(&self, legs: usize) -> Outcome<Vec<SocketAddr>> {
        let addresses = self.0.iter().map(UdpSocket::local_addr).collect::<Result<Vec<_>, _>>()?;
        Ok((0..legs).map(|leg| addresses[leg / BATCH % SOCKETS]).collect())
    }
}

/// How long pulses were on their way, in milliseconds, sorted.
#[derive(Debug, Default)]
pub struct Delays {
    /// Those that were sent before [`Generator::settle`].
    pub first_ms: Vec<f64>,
    /// Those after it.
    pub settled_ms: Vec<f64>,
}

/// Sends until it is stopped.
pub struct Generator {
    /// What it counts.
    pub counts: Arc<Counts>,
    wishes: Arc<Wishes>,
    thread: JoinHandle<Delays>,
}

/// What is asked of the thread.
#[derive(Debug, Default)]
struct Wishes {
    settled: AtomicBool,
    quiet: AtomicBool,
    stop: AtomicBool,
}

impl Generator {
    /// Begins to send, on `core`. When a series comes to its end, its legs are silent.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        core: usize,
        sockets: Sockets,
        legs: Vec<Leg>,
        series: Vec<Vec<Vec<u8>>>,
        srtp: bool,
    ) -> Outcome<Generator> {
        let counts = Arc::new(Counts::default());
        let wishes = Arc::new(Wishes::default());
        let mut work = Work::new(sockets, legs, srtp, counts.clone())?;
        let wished = wishes.clone();
        let thread = std::thread::Builder::new().name("generator".into()).spawn(move || {
            // Where it is not allowed the figures are noisier, and say the same.
            let _ = host::stay_on(core);
            work.run(&series, &wished);
            work.delays
        })?;
        Ok(Generator { counts, wishes, thread })
    }

    /// Everything has settled: the delays of the pulses from here on are told apart from those before.
    pub fn settle(&self) {
        self.wishes.settled.store(true, Ordering::Relaxed);
    }

    /// Sends no more, and still counts what comes.
    pub fn hush(&self) {
        self.wishes.quiet.store(true, Ordering::Relaxed);
    }

    /// Ends; the delays of the pulses.
    ///
    /// # Errors
    /// When its thread broke down.
    pub fn stop(self) -> Outcome<Delays> {
        self.wishes.stop.store(true, Ordering::Relaxed);
        let mut delays = self.thread.join().map_err(|_| "the generator broke down")?;
        delays.first_ms.sort_by(f64::total_cmp);
        delays.settled_ms.sort_by(f64::total_cmp);
        Ok(delays)
    }
}

/// What listens for pulses at one leg.
struct Ear {
    ear: PulseEar,
    /// When the last one was sent, and whether everything had settled, until it is heard.
    sent: Option<(Instant, bool)>,
}

struct Work {
    sockets: Sockets,
    legs: Vec<Leg>,
    ears: Vec<Option<Ear>>,
    /// The leg whose packets come from this port.
    leg_of_port: Vec<u32>,
    counts: Arc<Counts>,
    /// When in its packet a pulse is heard that nothing delays.
    pulse_begins_ms: f64,
    delays: Delays,
}

impl Work {
    fn new(sockets: Sockets, legs: Vec<Leg>, srtp: bool, counts: Arc<Counts>) -> Outcome<Work> {
        let mut leg_of_port = vec![NOBODY; 1 << 16];
        for (number, leg) in legs.iter().enumerate() {
            leg_of_port[usize::from(leg.port)] = number as u32;
        }
        let mut ears: Vec<Option<Ear>> = (0..legs.len()).map(|_| None).collect();
        for at in legs.iter().filter_map(|leg| leg.pulses_at) {
            ears[at] = Some(Ear { ear: PulseEar::new(srtp)?, sent: None });
        }
        Ok(Work {
            sockets,
            legs,
            ears,
            leg_of_port,
            counts,
            pulse_begins_ms: pulse_begins_ms()?,
            delays: Delays::default(),
        })
    }

    fn run(&mut self, series: &[Vec<Vec<u8>>], wishes: &Wishes) {
        let began = Instant::now();
        let (mut outbox, mut inbox) = (Outbox::new(), Inbox::new());
        let mut next = 0usize;
        while !wishes.stop.load(Ordering::Relaxed) {
            let due =
                began.elapsed().as_nanos() as usize / 1_000 * self.legs.len() / (PACKET.as_micros() as usize);
            let mut idle = true;
            while next < due {
                next += self.send(next, due, series, wishes, &mut outbox);
                idle = false;
                // The answers to what was just sent are there already.
                self.receive(&mut inbox);
            }
            idle &= !self.receive(&mut inbox);
            if idle {
                std::thread::sleep(NAP);
            }
        }
    }

    /// Sends from packet number `first` on as much as one batch takes; how many.
    fn send<'a>(
        &mut self,
        first: usize,
        due: usize,
        series: &'a [Vec<Vec<u8>>],
        wishes: &Wishes,
        outbox: &mut Outbox<'a>,
    ) -> usize {
        let place = first % self.legs.len();
        let chunk_end = (place / BATCH + 1) * BATCH;
        let count = (due - first).min(chunk_end.min(self.legs.len()) - place);
        if wishes.quiet.load(Ordering::Relaxed) {
            return count;
        }
        let number = first / self.legs.len();
        let (now, settled) = (Instant::now(), wishes.settled.load(Ordering::Relaxed));
        for leg in &self.legs[place..place + count] {
            let Some(packet) = series.get(leg.series).and_then(|packets| packets.get(number)) else {
                continue;
            };
            outbox.add(packet, leg.port);
            if let Some(ear) =
                leg.pulses_at.filter(|_| is_pulse(number)).and_then(|at| self.ears[at].as_mut())
            {
                ear.sent = Some((now, settled));
            }
        }
        let sent = outbox.send(&self.sockets.0[place / BATCH % SOCKETS]);
        self.counts.sent.fetch_add(sent as u64, Ordering::Relaxed);
        count
    }

    /// Takes what is there; whether there was anything.
    fn receive(&mut self, inbox: &mut Inbox) -> bool {
        let mut any = false;
        for socket in &self.sockets.0 {
            while inbox.receive(socket) > 0 {
                any = true;
                let now = Instant::now();
                let mut received = 0;
                for (port, datagram) in inbox.datagrams() {
                    let leg = self.leg_of_port[usize::from(port)];
                    if leg == NOBODY || shared::rtp::packet::is_rtcp(datagram) {
                        continue;
                    }
                    received += 1;
                    let Some(ear) = &mut self.ears[leg as usize] else { continue };
                    if let Some(before_ms) = ear.ear.hear(datagram)
                        && let Some((sent_at, settled)) = ear.sent.take()
                    {
                        let delays = &mut self.delays;
                        let of_them = if settled { &mut delays.settled_ms } else { &mut delays.first_ms };
                        let way_ms = now.duration_since(sent_at).as_secs_f64() * 1e3;
                        of_them.push(way_ms + before_ms - self.pulse_begins_ms);
                    }
                }
                self.counts.received.fetch_add(received, Ordering::Relaxed);
            }
        }
        any
    }
}
