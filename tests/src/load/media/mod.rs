//! `deploy/bench media`: what the packet path costs, and how many calls one core carries.
//!
//! ```text
//!  core A   media_serve (a process of its own, release build): queue_service::media with so many calls
//!             ▲│ RTP over loopback, a socket a leg
//!  core B   generator: one thread, eight sockets, sendmmsg and recvmmsg
//! ```
//! The calls are set up by `Media`'s own functions and not by SIP, so that the process holds the packet path and nothing
//! else. A bare relay runs under the same load in the same way. Cost is processor time of the whole process for each RTP
//! packet that it sent, so what else the machine does changes little.
//!
//! Delay is measured in every mode in the same way: some calls are silent but for a pulse now and then, and the time
//! from the sending of a pulse to the moment in which it is heard at the other leg is what the service adds. The first
//! three seconds of a call, in which its jitter buffers find out what the network is like, have figures of their own.

pub mod figures;
mod server;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use shared::audio::codec::Codec;

use self::figures::{Media, Mode, Part, Step};
use self::server::{Reading, Server};
use crate::Outcome;
use generator::{Generator, Leg, Sockets, Voice, host, series};

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Length of each measurement, in seconds, after the first one that warms up.
    pub secs: u32,
    /// Numbers of calls; none for the usual ones and the most that are held.
    pub calls: Vec<usize>,
    /// Modes; none for all.
    pub modes: Vec<Mode>,
}

/// Numbers of calls of a relay before the most are looked for.
const USUAL_CALLS: [usize; 3] = [100, 500, 1_000];
/// At which number modes are compared, when it is among those that are measured.
const COMPARED_AT: usize = 500;
/// How often everything is compared; the cheapest of each counts, because others only ever add to it.
const ROUNDS: usize = 2;
/// Further measurements to find the most.
const SEARCH_STEPS: usize = 3;
/// More calls than anybody holds; there are ports for no more.
const MOST_CALLS: usize = 6_000;
/// Before anything is counted: a jitter buffer knows its network after a second, and has given up what it does not need
/// after another one.
const WARM_UP: Duration = Duration::from_secs(3);
/// What is still on its way at the end.
const DRAIN: Duration = Duration::from_millis(400);
/// Calls with pulses, one in so many; their other leg is silent.
const PULSE_CALLS: usize = 25;

/// Measures. What is going on is told on the way. `program` is the example `media_serve` of the service's package.
///
/// # Errors
/// Why it cannot be measured: a program is missing, there is one core only.
pub fn measure(program: &Path, folder: &Path, wanted: &Wanted, tell: &dyn Fn(&str)) -> Outcome<Media> {
    let cores = host::cores();
    let [service, generator, ..] = cores[..] else {
        return Err("measure media: two cores are needed, one for the service and one for who calls".into());
    };
    let _urgent = host::Urgent::begin();
    host::open_many_files();
    let bench = Bench {
        program: program.to_owned(),
        folder: folder.to_owned(),
        cores: (service, generator),
        secs: wanted.secs,
    };
    let usual: &[usize] = if wanted.calls.is_empty() { &USUAL_CALLS } else { &wanted.calls };
    let compared_at =
        if usual.contains(&COMPARED_AT) { COMPARED_AT } else { usual.first().copied().unwrap_or(1) };
    let mut media = Media { compared_at, ..Media::default() };
    let chosen = |mode: &Mode| {
        matches!(mode, Mode::Bare | Mode::Relay) || wanted.modes.is_empty() || wanted.modes.contains(mode)
    };
    let modes: Vec<Mode> = Mode::ALL.into_iter().filter(chosen).collect();
    // What is compared is measured in turn, so that what else the machine does meets all of them.
    let rounds = if wanted.calls.is_empty() { ROUNDS } else { 1 };
    for round in 1..=rounds {
        for mode in &modes {
            tell(&format!("Round {round} of {rounds}: {mode:?}, {compared_at} calls, {} s", wanted.secs));
            match bench.measured(*mode, compared_at) {
                Ok(step) => media.part(*mode).take(step),
                Err(error) if *mode == Mode::BareRing => tell(&format!("No io_uring: {error}")),
                Err(error) => return Err(error),
            }
        }
    }
    for mode in &modes {
        let numbers: &[usize] = match mode {
            Mode::Bare | Mode::Relay => usual,
            mode if mode.is_bare() => continue,
            _ if wanted.calls.is_empty() => &[],
            _ => usual,
        };
        let part = media.part(*mode);
        for calls in numbers.iter().filter(|calls| **calls != compared_at) {
            tell(&format!("{mode:?}: {calls} calls"));
            part.take(bench.measured(*mode, *calls)?);
        }
        if wanted.calls.is_empty() {
            bench.search(*mode, part, tell)?;
        }
    }
    media.conclude();
    Ok(media)
}

struct Bench {
    program: PathBuf,
    folder: PathBuf,
    /// Of the service, of the generator.
    cores: (usize, usize),
    secs: u32,
}

impl Bench {
    /// Looks for the most that a mode holds.
    fn search(&self, mode: Mode, part: &mut Part, tell: &dyn Fn(&str)) -> Outcome {
        let Some(last) = part.steps.last() else { return Ok(()) };
        // Cost falls with load, so this is too few rather than too many; what is held is raised, what is not lowered.
        let mut guess = last.calls as f64 * 95.0 / last.core_percent.max(1.0);
        for _ in 0..SEARCH_STEPS {
            let calls = (guess / 10.0).round() as usize * 10;
            if calls == 0 || calls > MOST_CALLS || part.steps.iter().any(|step| step.calls == calls) {
                break;
            }
            tell(&format!("{mode:?}: does it hold {calls} calls?"));
            let step = self.measured(mode, calls)?;
            let held = step.is_held();
            part.take(step);
            guess = if held {
                (guess * 98.0 / step.core_percent.max(1.0)).max(guess * 1.04)
            } else if part.held().is_none() {
                // Far too many: what is not held costs more than it would.
                guess * 0.75
            } else {
                guess * 0.92
            };
        }
        Ok(())
    }

    /// Measures; once more when something was lost, because somebody else may have had the core.
    fn measured(&self, mode: Mode, calls: usize) -> Outcome<Step> {
        let first = self.step(mode, calls)?;
        if first.is_held() || first.core_percent > 98.0 {
            return Ok(first);
        }
        let second = self.step(mode, calls)?;
        Ok(if second.loss_percent < first.loss_percent { second } else { first })
    }

    fn step(&self, mode: Mode, calls: usize) -> Outcome<Step> {
        let mut server = Server::start(&self.program, &self.folder, self.cores.0)?;
        server.read()?;
        let empty_kb = server.resident_kb()?;
        let sockets = Sockets::open()?;
        let turns = Turns::new(calls * mode.legs());
        let ports = server.open(mode, calls, &turns.by_leg(&sockets.peers(calls * mode.legs())?))?;
        let (legs, kinds) = legs(mode, &ports);
        let legs = turns.in_turn(legs);
        let seconds = u64::from(self.secs) + WARM_UP.as_secs() + 1;
        let packets = usize::try_from(seconds * 50)?;
        let srtp = mode == Mode::Srtp;
        let series = kinds
            .into_iter()
            .map(|(voice, codec)| series(voice, codec, srtp, packets))
            .collect::<Outcome<Vec<_>>>()?;
        let from_start = server.read()?;
        let generator = Generator::start(self.cores.1, sockets, legs, series, srtp)?;
        std::thread::sleep(WARM_UP);
        generator.settle();
        let (before, began) = (server.read()?, Instant::now());
        std::thread::sleep(Duration::from_secs(self.secs.into()));
        let (after, wall) = (server.read()?, began.elapsed());
        let resident_kb = server.resident_kb()?;
        generator.hush();
        std::thread::sleep(DRAIN);
        let end = server.read()?;
        let sent = generator.counts.sent.load(Ordering::Relaxed);
        let received = generator.counts.received.load(Ordering::Relaxed);
        let loss_percent = loss_percent(mode, sent, received, from_start, end);
        let delays = generator.stop()?;
        server.close()?;
        let cpu = (after.cpu - before.cpu).as_secs_f64();
        Ok(Step {
            mode,
            calls,
            us_per_packet: cpu * 1e6 / (after.sent - before.sent).max(1) as f64,
            core_percent: 100.0 * cpu / wall.as_secs_f64(),
            loss_percent,
            delay_p50_ms: quantile(&delays.settled_ms, 0.5),
            delay_p99_ms: quantile(&delays.settled_ms, 0.99),
            pulses: delays.settled_ms.len(),
            first_delay_p50_ms: quantile(&delays.first_ms, 0.5),
            first_delay_p99_ms: quantile(&delays.first_ms, 0.99),
            rss_kb_per_call: (resident_kb - empty_kb) / calls as f64,
        })
    }
}

/// What of the packets did not come in, did not come out again, or was not sent because a frame was late.
fn loss_percent(mode: Mode, sent: u64, received: u64, from: Reading, to: Reading) -> f64 {
    let missing = |wanted: u64, there: u64| 1.0 - there as f64 / wanted.max(1) as f64;
    let came_in = to.received.map_or(0.0, |there| missing(sent, there));
    // What was mixed before the first packet came is more than was sent.
    let came_out = missing(to.sent.saturating_sub(from.sent), received);
    let relayed = match mode {
        Mode::Mixed | Mode::Conference | Mode::Transcoded => 0.0,
        _ => missing(sent, received),
    };
    let late = match mode {
        Mode::Relay | Mode::Srtp => 0.0,
        mode if mode.is_bare() => 0.0,
        _ => {
            // Each is a frame of one call.
            let frames = (to.frames_late - from.frames_late) * mode.legs() as u64;
            frames as f64 / sent.max(1) as f64
        }
    };
    (100.0 * came_in.max(came_out).max(relayed).max(late)).max(0.0)
}

/// When in each 20 ms the legs send: in an order that has nothing to do with their calls, as phones do.
struct Turns {
    /// The leg whose turn it is.
    legs: Vec<usize>,
    /// The turn of each leg.
    turns: Vec<usize>,
}

impl Turns {
    /// The same each time.
    fn new(legs: usize) -> Turns {
        let mut order: Vec<usize> = (0..legs).collect();
        order.shuffle(&mut StdRng::seed_from_u64(20));
        let mut turns = vec![0; legs];
        order.iter().enumerate().for_each(|(turn, leg)| turns[*leg] = turn);
        Turns { legs: order, turns }
    }

    /// What belongs to turns, by leg.
    fn by_leg<T: Copy>(&self, of_turns: &[T]) -> Vec<T> {
        self.turns.iter().map(|turn| of_turns[*turn]).collect()
    }

    /// The legs in the order of their turns.
    fn in_turn(&self, mut legs: Vec<Leg>) -> Vec<Leg> {
        for leg in &mut legs {
            leg.pulses_at = leg.pulses_at.map(|at| self.turns[at]);
        }
        let mut legs: Vec<Option<Leg>> = legs.into_iter().map(Some).collect();
        self.legs.iter().filter_map(|leg| legs[*leg].take()).collect()
    }
}

/// The legs with what each sends, and the series.
fn legs(mode: Mode, ports: &[u16]) -> (Vec<Leg>, Vec<(Voice, Codec)>) {
    let other = if mode == Mode::Transcoded { Codec::Opus } else { Codec::Pcmu };
    let kinds = vec![
        (Voice::Tone, Codec::Pcmu),
        (Voice::Pulses, Codec::Pcmu),
        (Voice::Silence, Codec::Pcmu),
        (Voice::Tone, other),
        (Voice::Pulses, other),
    ];
    let per_call = mode.legs();
    let legs = ports
        .iter()
        .enumerate()
        .map(|(number, port)| {
            let (call, place) = (number / per_call, number % per_call);
            // The agent's pulses are heard by the customer, and by the supervisor where there is one.
            let hears = call * per_call + if per_call == 3 { 2 } else { 0 };
            let (series, pulses_at) = match (call % PULSE_CALLS == 0, place) {
                (true, 1) => (4, Some(hears)),
                (true, _) => (2, None),
                (false, 1) => (3, None),
                (false, _) => (0, None),
            };
            Leg { port: *port, series, pulses_at }
        })
        .collect();
    (legs, kinds)
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leg_has_its_turn() {
        let turns = Turns::new(6);
        let leg = |port, pulses_at| Leg { port, series: 0, pulses_at };
        let legs = turns.in_turn(vec![
            leg(0, None),
            leg(1, Some(2)),
            leg(2, None),
            leg(3, None),
            leg(4, Some(5)),
            leg(5, None),
        ]);
        let ports: Vec<u16> = legs.iter().map(|leg| leg.port).collect();
        assert_eq!(turns.by_leg(&ports), [0, 1, 2, 3, 4, 5]);
        assert_ne!(ports, [0, 1, 2, 3, 4, 5]);
        let heard = |port: u16| {
            let leg = legs.iter().find(|leg| leg.port == port).expect("a leg");
            leg.pulses_at.map(|at| legs[at].port)
        };
        assert_eq!([heard(1), heard(4), heard(2)], [Some(2), Some(5), None]);
    }

    #[test]
    fn one_call_in_some_has_pulses_that_somebody_else_hears() {
        let ports: Vec<u16> = (0..150).collect();
        let (pairs, _) = legs(Mode::Relay, &ports);
        let pulses = |legs: &[Leg]| -> Vec<(usize, usize)> {
            legs.iter().enumerate().filter_map(|(from, leg)| Some((from, leg.pulses_at?))).collect()
        };
        assert_eq!(pulses(&pairs), [(1, 0), (51, 50), (101, 100)]);
        let (threes, kinds) = legs(Mode::Mixed, &ports);
        assert_eq!(pulses(&threes), [(1, 2), (76, 77)]);
        assert!(threes.iter().all(|leg| leg.series < kinds.len()));
    }

    #[test]
    fn loss_is_counted_on_every_way() {
        let reading =
            |sent, received, frames_late| Reading { sent, received, frames_late, ..Reading::default() };
        for (mode, received, to, expected) in [
            (Mode::Relay, 1_000, reading(1_000, Some(1_000), 0), 0.0),
            (Mode::Relay, 990, reading(1_000, Some(1_000), 0), 1.0),
            (Mode::Bare, 980, reading(980, None, 0), 2.0),
            (Mode::Conference, 1_500, reading(1_500, Some(970), 0), 3.0),
            (Mode::Conference, 1_500, reading(1_500, Some(1_000), 20), 6.0),
        ] {
            let found = loss_percent(mode, 1_000, received, Reading::default(), to);
            assert!((found - expected).abs() < 1e-9, "{mode:?}: {found} and not {expected}");
        }
        assert!((quantile(&[1.0, 2.0, 3.0, 4.0], 0.5) - 2.0).abs() < 1e-9);
        assert!(quantile(&[], 0.5).abs() < 1e-9);
    }
}
