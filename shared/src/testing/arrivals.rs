//! Scripts of arrivals for the jitter buffer: text that says what the network did, and figures of what came of it.
//!
//! ```text
//! clock 8000          ticks a second                 ptime 20       milliseconds a packet
//! seed 7              of everything random           delay 40       of the network, from here on
//! jitter 30           uniform, added to the delay    loss 3         percent at random
//! drift 200           millionths their clock is fast, from here on
//! send 500            packets
//! lose 3              packets that never come        twice 2        packets that come twice
//! swap 4              pairs that come in the wrong order
//! hold 10 200         packets that come together, the first one 200 ms late
//! pause 3000          milliseconds of silence without packets
//! jump 80000          ticks that the timestamp jumps restart        another source, other numbers
//! ```
//! A `#` begins a comment. A script has at most [`MAX_PACKETS`] packets.

use std::fmt;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::rtp::jitter::{Arrival, JitterBuffer, Pull};
use crate::rtp::sequence::{Sequence, Step};
use crate::time::Timestamp;

/// Packets of one script: an hour of 20 ms and some.
pub const MAX_PACKETS: usize = 200_000;
/// Longest pause, delay or hold, in milliseconds.
const MAX_MILLIS: u64 = 600_000;
/// Frames between two cuts, as the receiver has them.
const CUT_PAUSE_FRAMES: u32 = 10;

/// Why a script cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the script: {reason}")]
pub struct ScriptError {
    line: usize,
    reason: &'static str,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    /// Microseconds from the start.
    sent: u64,
    arrives: u64,
    sequence: u16,
    timestamp: u32,
    source: u32,
}

/// A script that was read.
#[derive(Debug, Clone)]
pub struct Script {
    clock_rate_hz: u32,
    ptime_millis: u32,
    packets: Vec<Sent>,
    end: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Packets that arrived.
    pub arrived: usize,
    /// Packets that were played.
    pub played: usize,
    /// Frames of 20 ms that were made up.
    pub concealed: usize,
    /// Frames of silence.
    pub silent: usize,
    /// Packets that came too late or were thrown away.
    pub discarded: u64,
    /// Packets that came twice.
    pub doubled: u64,
    /// Times that delay was taken away.
    pub cuts: usize,
    /// From sending to playing, in milliseconds: the median, 95 of 100, and the most.
    pub delay_millis: [u64; 3],
    /// The target at the end, in milliseconds.
    pub target_millis: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, most, longest] = self.delay_millis;
        writeln!(f, "arrived {} played {} doubled {}", self.arrived, self.played, self.doubled)?;
        writeln!(
            f,
            "concealed {} silent {} discarded {} cuts {}",
            self.concealed, self.silent, self.discarded, self.cuts
        )?;
        writeln!(f, "delay p50 {median} p95 {most} max {longest} target {}", self.target_millis)
    }
}

/// Where a script is while it is read.
struct Reader {
    script: Script,
    random: SmallRng,
    delay: u64,
    jitter: u64,
    loss: u64,
    drift: i64,
    /// When the next packet is sent, in billionths of a second.
    clock: u64,
    sequence: u16,
    timestamp: u32,
    source: u32,
}

impl Reader {
    fn next(&mut self) -> Sent {
        let sent = self.clock / 1_000;
        let jitter = if self.jitter == 0 { 0 } else { self.random.random_range(0..=self.jitter * 1_000) };
        let packet = Sent {
            sent,
            arrives: sent + self.delay * 1_000 + jitter,
            sequence: self.sequence,
            timestamp: self.timestamp,
            source: self.source,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.advance(u64::from(self.script.ptime_millis));
        packet
    }

    /// Lets time pass on both clocks: theirs counts the ticks.
    fn advance(&mut self, millis: u64) {
        let nanos = i64::try_from(millis * 1_000_000).unwrap_or(0);
        self.clock = self.clock.saturating_add_signed(nanos - nanos / 1_000_000 * self.drift);
        let ticks = millis * u64::from(self.script.clock_rate_hz) / 1_000;
        self.timestamp = self.timestamp.wrapping_add(ticks as u32);
    }
}

impl Script {
    /// Reads a script.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let mut reader = Reader {
            script: Script { clock_rate_hz: 8_000, ptime_millis: 20, packets: Vec::new(), end: 0 },
            random: SmallRng::seed_from_u64(1),
            delay: 0,
            jitter: 0,
            loss: 0,
            drift: 0,
            clock: 0,
            sequence: 65_000,
            timestamp: u32::MAX - 40_000,
            source: 1,
        };
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            run(&mut reader, &words).map_err(|reason| ScriptError { line: index + 1, reason })?;
        }
        let mut script = reader.script;
        script.end = reader.clock / 1_000;
        // A stable order: what arrives together stays as it was sent.
        script.packets.sort_by_key(|packet| packet.arrives);
        Ok(script)
    }

    /// Plays it: a pull every 20 ms, one more when there is too much, as the receiver does.
    pub fn play(&self) -> Figures {
        let start = Timestamp::from_secs(1_700_000_000);
        let mut buffer = JitterBuffer::new(self.clock_rate_hz);
        let mut sequence = Sequence::new(self.clock_rate_hz);
        let mut figures = Figures { arrived: self.packets.len(), ..Figures::default() };
        let (mut source, mut delays) = (None, Vec::with_capacity(self.packets.len()));
        let (mut packets, mut since_cut) = (self.packets.iter().peekable(), 0u32);
        let frame_ticks = i64::from(self.clock_rate_hz / 50);
        let mut owed = 0i64;
        for tick in 0..=(self.end + 1_000_000) / 20_000 {
            let at = tick * 20_000;
            let now = start + Duration::from_micros(at);
            while let Some(packet) = packets.next_if(|packet| packet.arrives <= at) {
                if source.is_some_and(|known| known != packet.source) {
                    buffer.restart();
                    sequence = Sequence::new(self.clock_rate_hz);
                }
                source = Some(packet.source);
                let number = match sequence.step(packet.sequence) {
                    Step::Good(number) => number,
                    Step::Restart(number) => {
                        buffer.restart();
                        number
                    }
                    Step::Suspect => continue,
                };
                let arrival = Arrival {
                    sequence: number,
                    timestamp: sequence.extend_timestamp(packet.timestamp),
                    ticks: self.clock_rate_hz / 1_000 * self.ptime_millis,
                    payload_type: 0,
                    payload: &packet.sent.to_be_bytes(),
                };
                buffer.insert(start + Duration::from_micros(packet.arrives), arrival);
            }
            owed += frame_ticks;
            since_cut += 1;
            if buffer.spare_millis().is_some_and(|spare| spare >= 20) && since_cut >= CUT_PAUSE_FRAMES {
                owed += frame_ticks;
                since_cut = 0;
                figures.cuts += 1;
                buffer.pulled_ahead();
            }
            while owed > 0 {
                owed -= match buffer.pull(now) {
                    Pull::Packet { ticks, payload, .. } => {
                        let sent = payload.try_into().map(u64::from_be_bytes).unwrap_or(at);
                        delays.push(at.saturating_sub(sent) / 1_000);
                        figures.played += 1;
                        i64::from(ticks.max(1))
                    }
                    Pull::Lost { .. } => {
                        figures.concealed += 1;
                        frame_ticks
                    }
                    Pull::Silence => {
                        figures.silent += 1;
                        frame_ticks
                    }
                };
            }
        }
        let status = buffer.status();
        figures.discarded = status.late + status.overflowed;
        figures.doubled = status.duplicate;
        figures.target_millis = status.target_millis;
        delays.sort_unstable();
        let part = |percent: usize| delays.get(delays.len() * percent / 100).copied().unwrap_or(0);
        figures.delay_millis = [part(50), part(95), delays.last().copied().unwrap_or(0)];
        figures
    }
}

/// Carries out one line.
fn run(reader: &mut Reader, words: &[&str]) -> Result<(), &'static str> {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok());
    let count =
        |at: usize| number(at).and_then(|count| usize::try_from(count).ok()).ok_or("a count is wanted");
    let millis = |at: usize| {
        let millis = number(at).and_then(|millis| u64::try_from(millis).ok());
        millis.filter(|millis| *millis <= MAX_MILLIS).ok_or("milliseconds are wanted, up to ten minutes")
    };
    let room = MAX_PACKETS - reader.script.packets.len();
    let fits = |count: usize| if count <= room { Ok(count) } else { Err("too many packets") };
    match words.first().copied() {
        None => {}
        Some("clock") => {
            let rate = number(1).and_then(|rate| u32::try_from(rate).ok());
            let rate = rate.filter(|rate| matches!(rate, 8_000 | 16_000 | 48_000));
            reader.script.clock_rate_hz = rate.ok_or("8000, 16000 or 48000 is wanted")?;
        }
        Some("ptime") => {
            let ptime = number(1).filter(|millis| (10..=60).contains(millis)).ok_or("10 to 60 is wanted")?;
            reader.script.ptime_millis = ptime as u32;
        }
        Some("seed") => reader.random = SmallRng::seed_from_u64(count(1)? as u64),
        Some("delay") => reader.delay = millis(1)?,
        Some("jitter") => reader.jitter = millis(1)?,
        Some("loss") => {
            let loss = number(1).filter(|percent| (0..=100).contains(percent)).ok_or("percent is wanted")?;
            reader.loss = loss as u64;
        }
        Some("drift") => {
            let drift = number(1).filter(|drift| drift.abs() <= 10_000).ok_or("millionths are wanted")?;
            reader.drift = drift;
        }
        Some("send") => {
            for _ in 0..fits(count(1)?)? {
                let packet = reader.next();
                if reader.loss == 0 || reader.random.random_range(0..100) >= reader.loss {
                    reader.script.packets.push(packet);
                }
            }
        }
        Some("lose") => {
            for _ in 0..fits(count(1)?)? {
                reader.next();
            }
        }
        Some("twice") => {
            for _ in 0..fits(count(1)?.saturating_mul(2))? / 2 {
                let packet = reader.next();
                reader.script.packets.extend([packet, packet]);
            }
        }
        Some("swap") => {
            for _ in 0..fits(count(1)?.saturating_mul(2))? / 2 {
                let (mut first, mut second) = (reader.next(), reader.next());
                std::mem::swap(&mut first.arrives, &mut second.arrives);
                reader.script.packets.extend([first, second]);
            }
        }
        Some("hold") => {
            let (packets, late) = (fits(count(1)?)?, millis(2)?);
            let together = reader.clock / 1_000 + (reader.delay + late) * 1_000;
            for _ in 0..packets {
                let mut packet = reader.next();
                packet.arrives = packet.arrives.max(together);
                reader.script.packets.push(packet);
            }
        }
        Some("pause") => reader.advance(millis(1)?),
        Some("jump") => {
            let ticks = number(1).ok_or("ticks are wanted")?;
            reader.timestamp = reader.timestamp.wrapping_add(ticks as u32);
        }
        Some("restart") => {
            reader.source = reader.source.wrapping_add(1);
            reader.sequence = reader.random.random();
            reader.timestamp = reader.random.random();
        }
        Some(_) => return Err("a word that is not known"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rtp/scripts")
    }

    /// Each script against the figures beside it. `UPDATE_FIGURES=1` writes them anew, for a look at the difference.
    #[test]
    fn scripts_have_their_figures() {
        let mut paths: Vec<_> =
            std::fs::read_dir(folder()).expect("scripts").flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
        paths.sort();
        assert!(paths.len() >= 12, "{} scripts", paths.len());
        let mut wrong = Vec::new();
        for path in paths {
            let text = std::fs::read_to_string(&path).expect("a script");
            let script = Script::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let figures = script.play().to_string();
            let beside = path.with_extension("figures");
            if std::env::var_os("UPDATE_FIGURES").is_some() {
                std::fs::write(&beside, &figures).expect("written");
            }
            let expected = std::fs::read_to_string(&beside).unwrap_or_default();
            if figures != expected {
                wrong.push(format!("{}:\n{figures}expected:\n{expected}", path.display()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, line) in
            [("send x", 1), ("\nloss 101", 2), ("nonsense", 1), ("hold 3", 1), ("send 999999999", 1)]
        {
            assert_eq!(Script::parse(text).map_err(|error| error.line).err(), Some(line), "{text}");
        }
    }
}
