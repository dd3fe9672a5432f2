//! The media of the service in a process of its own, on a core of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use generator::host;
use serde::Serialize;
use serde_json::{Value, json};

use super::figures::Mode;
use crate::Outcome;
use crate::load::meter;

/// The process; it ends with this value.
pub struct Server {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What the process has counted and used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// Processor time of the whole process.
    pub cpu: Duration,
    /// RTP packets that it sent.
    pub sent: u64,
    /// RTP packets that it took; the yardstick does not count them.
    pub received: Option<u64>,
    /// Frames that it was too late for.
    pub frames_late: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Order<'a> {
    Open { mode: Mode, calls: usize, peers: &'a [SocketAddr] },
    Stats {},
    Close {},
}

impl Server {
    /// Starts `program` on `core`; recordings go into `folder`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(program: &Path, folder: &Path, core: usize) -> Outcome<Server> {
        let mut command = Command::new(program);
        command.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        // What a thread starts inherits its core, so one is made for that.
        let started = std::thread::spawn(move || host::stay_on(core).and_then(|()| command.spawn()));
        let mut child = started
            .join()
            .map_err(|_| "the thread that starts the media broke down")?
            .map_err(|error| format!("start {}: {error}", program.display()))?;
        let orders = child.stdin.take().ok_or("the media takes no orders")?;
        let answers = BufReader::new(child.stdout.take().ok_or("the media gives no answers")?);
        Ok(Server { child, orders, answers })
    }

    /// Opens calls; the port of each leg.
    ///
    /// # Errors
    /// When it refuses, or has ended.
    pub fn open(&mut self, mode: Mode, calls: usize, peers: &[SocketAddr]) -> Outcome<Vec<u16>> {
        let answer = self.ask(&Order::Open { mode, calls, peers })?;
        Ok(serde_json::from_value(answer["ports"].clone())?)
    }

    /// What it has counted and used.
    ///
    /// # Errors
    /// When it has ended.
    pub fn read(&mut self) -> Outcome<Reading> {
        let answer = self.ask(&Order::Stats {})?;
        Ok(Reading {
            cpu: processor_time(self.child.id())?,
            sent: answer["packets_sent"].as_u64().unwrap_or(0),
            received: answer["packets_received"].as_u64(),
            frames_late: answer["ticks_late"].as_u64().unwrap_or(0),
        })
    }

    /// Its memory, in kilobytes (1,000 bytes).
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_kb(&self) -> Outcome<f64> {
        Ok(meter::resident_mb(self.child.id())? * 1e3)
    }

    /// Ends all calls.
    ///
    /// # Errors
    /// When it has ended itself.
    pub fn close(&mut self) -> Outcome {
        self.ask(&Order::Close {}).map(drop)
    }

    fn ask(&mut self, order: &Order<'_>) -> Outcome<Value> {
        writeln!(self.orders, "{}", json!(order))?;
        self.orders.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.is_empty() {
            return Err("the media has ended; what it said is above".into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already when this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of all threads of a process, to the nanosecond.
fn processor_time(process: u32) -> Outcome<Duration> {
    let mut clock = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls write to local values.
    let done = unsafe {
        libc::clock_getcpuclockid(process.cast_signed(), &raw mut clock) == 0
            && libc::clock_gettime(clock, &raw mut time) == 0
    };
    if !done {
        return Err(format!("read the processor time of process {process}").into());
    }
    Ok(Duration::new(u64::try_from(time.tv_sec)?, u32::try_from(time.tv_nsec)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_this_process_is_known() {
        let before = processor_time(std::process::id()).expect("known");
        let after = processor_time(std::process::id()).expect("known");
        assert!(before > Duration::ZERO && after >= before);
    }
}
