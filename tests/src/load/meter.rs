//! What a process uses, as the kernel counts it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::Outcome;

/// Processor time and wall time at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    at: Instant,
    cpu: Duration,
}

/// What was used between two readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Used {
    /// Processor time, of all threads, in user and in kernel mode.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
}

impl Used {
    /// Share of one core, in percent.
    pub fn core_percent(&self) -> f64 {
        100.0 * self.cpu.as_secs_f64() / self.wall.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Processor time for each of `count`, in milliseconds.
    pub fn cpu_ms_per(&self, count: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / (count.max(1) as f64)
    }
}

impl Reading {
    /// Of a process that runs.
    ///
    /// # Errors
    /// When it does not.
    pub fn of(process: u32) -> Outcome<Reading> {
        let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let ticks = ticks(&text).ok_or("the kernel tells processor time in an unknown way")?;
        // SAFETY: asks for a constant.
        let per_sec = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1);
        Ok(Reading { at: Instant::now(), cpu: Duration::from_secs_f64(ticks as f64 / per_sec as f64) })
    }

    /// What was used since then.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn used(&self, process: u32) -> Outcome<Used> {
        let now = Reading::of(process)?;
        Ok(Used { cpu: now.cpu.saturating_sub(self.cpu), wall: now.at - self.at })
    }
}

/// User and kernel time of `/proc/PID/stat`: the 14th and 15th field. The second one is a name in brackets that may hold
/// anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Memory of a process that is in the machine's, in megabytes (1,000,000 bytes).
///
/// # Errors
/// When it does not run.
pub fn resident_mb(process: u32) -> Outcome<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.ok_or("the kernel tells memory in an unknown way")? * 1_024.0 / 1e6)
}

/// How often the table of sockets is read until one is in it.
const READS: usize = 20;

/// Datagrams that found the receive buffer of an IPv4 UDP socket full since it was opened.
///
/// # Errors
/// When there is no such socket.
pub fn datagrams_dropped(socket: SocketAddr) -> Outcome<u64> {
    // The kernel counts its way through the table, so a socket that closes between two reads hides another one.
    for _ in 0..READS {
        if let Some(drops) = dropped(&std::fs::read_to_string("/proc/net/udp")?, socket) {
            return Ok(drops);
        }
    }
    Err(format!("no UDP socket on {socket}").into())
}

fn dropped(table: &str, socket: SocketAddr) -> Option<u64> {
    let SocketAddr::V4(socket) = socket else { return None };
    // The kernel prints the address as it lies in memory.
    let address = u32::from_ne_bytes(socket.ip().octets());
    let wanted = format!("{address:08X}:{:04X}", socket.port());
    let mut lines = table.lines().skip(1).map(|line| line.split_whitespace());
    lines.find_map(|mut fields| (fields.nth(1)? == wanted).then(|| fields.last()?.parse().ok()).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_processor_time_past_a_name_with_brackets() {
        let stat = "42 (a) name) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 9 0 100 1000 10";
        assert_eq!(ticks(stat), Some(200));
        assert_eq!(ticks("42 (short) S 1"), None);
    }

    #[test]
    fn reads_the_drops_of_one_socket() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = socket.local_addr().expect("an address");
        assert_eq!(datagrams_dropped(address).expect("found"), 0);
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode \
                     ref pointer drops\n   1: 0100007F:13C4 00000000:0000 07 0:0 00:0 00000000 0 0 25 2 00 17\n";
        let port = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(dropped(table, port(5_060)), Some(17));
        assert_eq!(dropped(table, port(5_061)), None);
    }

    #[test]
    fn measures_this_process() {
        let me = std::process::id();
        let before = Reading::of(me).expect("runs");
        let used = before.used(me).expect("runs");
        assert!(used.wall > Duration::ZERO && used.core_percent() >= 0.0);
        assert!(resident_mb(me).expect("runs") > 1.0);
        let used = Used { cpu: Duration::from_millis(300), wall: Duration::from_secs(2) };
        assert!((used.core_percent() - 15.0).abs() < 1e-9 && (used.cpu_ms_per(100) - 3.0).abs() < 1e-9);
    }
}
