//! The machine: which core a process gets, how urgent it is, how many files it may open.

use std::io;

/// The cores that this process may use, in order.
pub fn cores() -> Vec<usize> {
    // SAFETY: an empty set is a valid one, and the call fills as much as it is told there is.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) != 0 {
            return Vec::new();
        }
        set
    };
    let most = usize::try_from(libc::CPU_SETSIZE).unwrap_or(0);
    // SAFETY: the index is within the set.
    (0..most).filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).collect()
}

/// Moves this thread, and what it starts from now on, to one core.
///
/// # Errors
/// What the system said.
pub fn stay_on(core: usize) -> io::Result<()> {
    // SAFETY: the set is made empty before it is used, and the index is one that `cores` gave.
    let done = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes this process, and what it starts from now on, more urgent than others, so that what else runs on the machine
/// disturbs the measurement less. True when that was allowed.
pub fn hurry() -> bool {
    // SAFETY: touches nothing but this process's own priority.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -20) == 0 }
}

/// The processes of one session share its part of the processor, however urgent they are (autogroups of Linux), so the
/// session of this process is made more urgent too, until this value is dropped.
#[derive(Debug)]
pub struct Urgent {
    before: Option<i32>,
}

impl Urgent {
    /// Does what is allowed; where it is not, the figures are noisier and say the same.
    pub fn begin() -> Urgent {
        hurry();
        let before = std::fs::read_to_string(AUTOGROUP).ok();
        // "/autogroup-7 nice 0"
        let before = before.and_then(|text| text.split_whitespace().last()?.parse().ok());
        Urgent { before: before.filter(|_| std::fs::write(AUTOGROUP, "-20").is_ok()) }
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // What was allowed a while ago is still.
            let _ = std::fs::write(AUTOGROUP, before.to_string());
        }
    }
}

const AUTOGROUP: &str = "/proc/self/autogroup";

/// Makes this thread give way to the others on its core.
pub fn yield_to_others() {
    // SAFETY: touches nothing but this thread's own priority. Being less urgent is always allowed.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) };
}

/// Lets this process, and what it starts from now on, open as many files as the system allows it; how many that is.
pub fn open_many_files() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: reads into and from one local value.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 {
            return 0;
        }
        let wanted = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        if libc::setrlimit(libc::RLIMIT_NOFILE, &raw const wanted) == 0 {
            limit = wanted;
        }
    }
    limit.rlim_cur
}
