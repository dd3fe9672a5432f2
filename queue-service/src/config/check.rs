//! What types cannot say: names that must exist, be unique, or fit together.

macro_rules! path {
    ($($step:expr),+) => { vec![$(Step::from($step)),+] };
}

mod routing;
mod skills;
mod trunk;
mod waiting;
mod wrap_up;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;

use jiff::tz::TimeZoneDatabase;
use shared::model::queue::Destination;

pub(crate) use skills::nearest;

use super::{Config, Queue};
use crate::acd::hours::Hours;
use crate::media::prompt::Prompt;
use crate::transcript::{Settings, SettingsError};

/// One step on the way to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// A fault at a key, not yet placed in the text.
pub(super) struct Found {
    pub(super) path: Vec<Step>,
    pub(super) problem: String,
    pub(super) allowed: String,
}

/// Everything that is wrong.
pub(super) fn faults(config: &Config) -> Vec<Found> {
    let mut check = Check { config, found: Vec::new() };
    check.service();
    check.sip();
    check.found.extend(super::secure::faults(config));
    check.media();
    check.defence();
    check.numbers();
    check.store();
    check.transcript();
    check.breaks_and_trunks();
    check.outbound();
    check.skills();
    check.people();
    for (index, queue) in config.queues.iter().enumerate() {
        check.queue(index, queue);
    }
    check.queue_names();
    check.found
}

struct Check<'a> {
    config: &'a Config,
    found: Vec<Found>,
}

impl From<&str> for Step {
    fn from(key: &str) -> Step {
        Step::Key(key.into())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Step {
        Step::Index(index)
    }
}

impl Check<'_> {
    fn fault(&mut self, path: Vec<Step>, problem: impl Into<String>, allowed: impl Into<String>) {
        self.found.push(Found { path, problem: problem.into(), allowed: allowed.into() });
    }

    fn between(&mut self, path: Vec<Step>, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            self.fault(path, format!("{value} is out of range"), format!("{least} to {most}"));
        }
    }

    fn service(&mut self) {
        self.zone(path!["service", "time_zone"], &self.config.service.time_zone.clone());
        if self.config.service.name.trim().is_empty() {
            self.fault(path!["service", "name"], "the name is empty", "any text");
        }
    }

    fn zone(&mut self, path: Vec<Step>, zone: &str) {
        if TimeZoneDatabase::bundled().get(zone).is_err() {
            let allowed = "a name of the IANA time zone database such as Europe/Berlin or UTC";
            self.fault(path, format!("there is no time zone {zone:?}"), allowed);
        }
    }

    fn sip(&mut self) {
        let sip = &self.config.sip;
        let (least, most) = (sip.registration_min_secs, sip.registration_max_secs);
        if sip.udp.is_empty() && sip.tcp.is_empty() && sip.tls.is_empty() {
            self.fault(
                path!["sip", "udp"],
                "the service would listen nowhere",
                "at least one of udp, tcp and tls",
            );
        }
        let mut seen = BTreeSet::new();
        for (key, list) in [("udp", &sip.udp), ("tcp", &sip.tcp), ("tls", &sip.tls)] {
            for (index, address) in list.iter().enumerate() {
                if address.port() != 0 && !seen.insert((key, address)) {
                    self.fault(
                        path!["sip", key, index],
                        format!("{address} is listed twice"),
                        "each address once",
                    );
                }
            }
        }
        let domain = &self.config.sip.domain;
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
        if domain.is_empty() || domain.len() > 253 || !domain.bytes().all(fits) {
            let problem = format!("{domain:?} is no domain");
            self.fault(path!["sip", "domain"], problem, "a host name such as callfloor or pbx.example.com");
        }
        self.between(path!["sip", "registration_min_secs"], least.into(), 10, 86_400);
        if most < least || most > 604_800 {
            let allowed = format!("{least} (registration_min_secs) to 604800");
            self.fault(path!["sip", "registration_max_secs"], format!("{most} is out of range"), allowed);
        }
        self.between(path!["sip", "max_calls"], self.config.sip.max_calls.into(), 1, 100_000);
        for (key, address) in
            [("sip", self.config.sip.advertised_address), ("media", self.config.media.advertised_address)]
        {
            if address.is_some_and(|address| address.is_unspecified() || address.is_multicast()) {
                let allowed = "an address that phones and trunks can reach";
                self.fault(
                    path![key, "advertised_address"],
                    "nobody can be reached at this address",
                    allowed,
                );
            }
        }
    }

    fn defence(&mut self) {
        let defence = &self.config.defence;
        for (key, value, least, most) in [
            ("stranger_per_sec", defence.stranger_per_sec, 1, 1_000_000),
            ("stranger_burst", defence.stranger_burst, 1, 1_000_000),
            ("strangers_per_sec", defence.strangers_per_sec, 1, 1_000_000),
            ("strangers_burst", defence.strangers_burst, 1, 1_000_000),
            ("known_per_sec", defence.known_per_sec, 1, 1_000_000),
            ("known_burst", defence.known_burst, 1, 1_000_000),
            ("ban_failures", defence.ban_failures, 0, 10_000),
            ("ban_window_secs", defence.ban_window_secs, 1, 86_400),
            ("ban_secs", defence.ban_secs, 1, 31_536_000),
            ("calls_per_account", defence.calls_per_account, 0, 100_000),
        ] {
            self.between(path!["defence", key], value.into(), least, most);
        }
        for (index, agent) in self.config.defence.denied_agents.iter().enumerate() {
            if agent.trim().is_empty() {
                let allowed = "a part of the User-Agent that gets no answer";
                self.fault(path!["defence", "denied_agents", index], "this would deny everybody", allowed);
            }
        }
    }

    fn media(&mut self) {
        let media = &self.config.media;
        let (first, last) = (media.port_min, media.port_max);
        if first < 1024 || !first.is_multiple_of(2) {
            self.fault(
                path!["media", "port_min"],
                format!("{first} cannot be the first port"),
                "an even number of 1024 to 65532 (RTP takes the even port, RTCP the odd one after it)",
            );
        }
        if u32::from(last) < u32::from(first) + 3 {
            let allowed = format!("at least {} (port_min + 3), at most 65535", u32::from(first) + 3);
            self.fault(path!["media", "port_max"], format!("{last} leaves no ports"), allowed);
        }
        self.between(path!["media", "workers"], self.config.media.workers.into(), 0, 256);
        self.between(path!["sip", "dscp"], self.config.sip.dscp.into(), 0, 63);
        self.between(path!["media", "dscp"], self.config.media.dscp.into(), 0, 63);
        let media = &self.config.media;
        self.between(path!["media", "srtp_rekey_secs"], media.srtp_rekey_secs.into(), 0, 86_400);
        self.between(path!["media", "no_media_secs"], media.no_media_secs.into(), 0, 3_600);
        self.between(path!["media", "no_first_media_secs"], media.no_first_media_secs.into(), 0, 3_600);
    }

    fn numbers(&mut self) {
        let config = self.config;
        self.between(path!["auth", "token_hours"], config.auth.token_hours.into(), 1, 24 * 31);
        let sign_ins = config.auth.sign_ins_per_person;
        self.between(path!["auth", "sign_ins_per_person"], sign_ins.into(), 1, 100);
        self.between(path!["http", "max_feeds_per_user"], config.http.max_feeds_per_user.into(), 1, 1_000);
        let timeout = config.http.request_timeout_secs;
        self.between(path!["http", "request_timeout_secs"], timeout.into(), 1, 600);
        self.between(path!["recording", "sync_secs"], config.recording.sync_secs.into(), 0, 60);
        let acd = &config.acd;
        for (key, value, least) in [
            ("reject_cool_down_secs", acd.reject_cool_down_secs, 0),
            ("busy_cool_down_secs", acd.busy_cool_down_secs, 0),
            ("unreachable_cool_down_secs", acd.unreachable_cool_down_secs, 0),
            ("connection_grace_secs", acd.connection_grace_secs, 1),
            ("min_ring_secs", acd.min_ring_secs, 1),
        ] {
            self.between(path!["acd", key], value.into(), least, 3_600);
        }
    }

    fn store(&mut self) {
        let Some(url) = &self.config.store.url else { return };
        let fits = ["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| url.starts_with(scheme));
        if !fits {
            // The url is not repeated: it may hold a password.
            let allowed = "postgres://user:password@host/database or sqlite:FILE";
            self.fault(path!["store", "url"], "this is no address of a database", allowed);
        }
    }

    fn transcript(&mut self) {
        if let Err(error) = Settings::from(self.config).check() {
            let key = match error {
                SettingsError::AudioContext(_) | SettingsError::AudioContextBlocks(_) => "audio_context",
                SettingsError::MaxUtterance(_) | SettingsError::Window { .. } => "max_utterance_secs",
                SettingsError::Threads(_) => "threads",
                SettingsError::Language(_) => "language",
            };
            self.fault(path!["transcript", key], error.to_string(), "");
        }
        // A model that is not there yet is no fault: transcriptions wait for it, and say so.
    }

    fn breaks_and_trunks(&mut self) {
        let mut seen = BTreeSet::new();
        for (index, entry) in self.config.breaks.iter().enumerate() {
            if !seen.insert(&entry.id) {
                self.fault(
                    path!["breaks", index, "id"],
                    format!("{} is there twice", entry.id),
                    "each id once",
                );
            }
        }
        let mut seen = BTreeSet::new();
        let config = self.config;
        for (index, trunk) in config.trunks.iter().enumerate() {
            if !seen.insert(&trunk.id) {
                self.fault(
                    path!["trunks", index, "id"],
                    format!("{} is there twice", trunk.id),
                    "each id once",
                );
            }
            self.trunk(index, trunk);
        }
    }

    fn people(&mut self) {
        let config = self.config;
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for (index, agent) in config.agents.iter().enumerate() {
            self.unique_person(&mut seen, "agents", index, agent.id.as_str());
            self.password("agents", index, agent.password.as_ref());
            self.sip_password("agents", index, agent.sip_password.as_ref());
            if let Some(contact) = &agent.contact
                && !is_sip_address(contact)
            {
                self.fault(
                    path!["agents", index, "contact"],
                    format!("{contact:?} is no SIP address"),
                    "an address such as sip:201@10.0.0.5 or sip:201@10.0.0.5:5080;transport=tcp",
                );
            }
            if agent.ready_on_start && agent.contact.is_none() {
                self.fault(
                    path!["agents", index, "ready_on_start"],
                    "an agent whose phone registers cannot be ready before it does",
                    "true only together with contact",
                );
            }
            if let Some(number) = &agent.caller_id {
                self.number(path!["agents", index, "caller_id"], number);
            }
            self.serves(index, agent);
            for (skill, level) in &agent.skills {
                self.between(path!["agents", index, "skills", skill.as_str()], (*level).into(), 1, 5);
            }
            let mut own = BTreeSet::new();
            for (place, queue) in agent.queues.iter().enumerate() {
                let path = path!["agents", index, "queues", place];
                if !config.queues.iter().any(|known| known.id == *queue) {
                    self.unknown_queue(path, queue.as_str());
                } else if !own.insert(queue) {
                    self.fault(path, format!("{queue} is there twice"), "each queue once");
                }
            }
        }
        for (index, user) in config.users.iter().enumerate() {
            self.unique_person(&mut seen, "users", index, user.id.as_str());
            self.password("users", index, Some(&user.password));
            self.sip_password("users", index, user.sip_password.as_ref());
        }
    }

    fn unique_person(&mut self, seen: &mut BTreeMap<String, String>, list: &str, index: usize, id: &str) {
        let place = format!("{list}[{index}]");
        if let Some(first) = seen.get(id) {
            let problem = format!("{id} is {first} already");
            self.fault(path![list, index, "id"], problem, "each name once among agents and users");
        } else {
            seen.insert(id.to_owned(), place);
        }
    }

    fn password(&mut self, list: &str, index: usize, password: Option<&super::Password>) {
        let Some(password) = password else { return };
        let path = path![list, index, "password"];
        if super::secret::is_reference(password.expose()) {
            self.fault(path, "this is the mark of an export and no password", "a text, or a hash");
        } else if password.expose().is_empty() {
            self.fault(
                path,
                "the password is empty",
                "a text, or a hash made by queue-service hash-password",
            );
        } else if password.is_hash()
            && argon2::PasswordHash::new(password.expose())
                .map_or(true, |hash| hash.algorithm != argon2::ARGON2ID_IDENT)
        {
            let allowed = "$argon2id$v=19$…, made by queue-service hash-password";
            self.fault(path, "this is no argon2id hash", allowed);
        }
    }

    fn sip_password(&mut self, list: &str, index: usize, password: Option<&super::Password>) {
        let Some(password) = password else { return };
        let text = password.expose();
        if text.is_empty() || password.is_hash() || super::secret::is_reference(text) {
            self.fault(
                path![list, index, "sip_password"],
                "phones cannot sign in with this",
                "the password in plain text: digest authentication needs it",
            );
        }
    }

    fn queue(&mut self, index: usize, queue: &Queue) {
        let key = |name: &str| path!["queues", index, name];
        self.between(key("ring_secs"), queue.ring_secs.into(), 3, 300);
        self.between(key("wrap_up_secs"), queue.wrap_up_secs.into(), 0, 7_200);
        self.between(key("target_secs"), queue.target_secs.into(), 1, 3_600);
        self.between(key("target_percent"), queue.target_percent.into(), 1, 100);
        self.between(key("short_abandon_secs"), queue.short_abandon_secs.into(), 0, 600);
        self.between(key("max_waiting"), queue.max_waiting.into(), 0, 100_000);
        self.between(key("max_wait_secs"), queue.max_wait_secs.into(), 0, 86_400);
        self.between(key("priority_secs"), queue.priority_secs.into(), 0, 86_400);
        self.routing(index, queue);
        if let Some(zone) = &queue.time_zone {
            self.zone(key("time_zone"), zone);
        }
        for (place, hours) in queue.hours.iter().enumerate() {
            if let Err(error) = Hours::parse(std::slice::from_ref(hours), &[], "") {
                let allowed = "days and times such as Mon-Fri 08:00-18:00 or Sat,Sun 10:00-12:00,13:00-15:00";
                self.fault(path!["queues", index, "hours", place], error.to_string(), allowed);
            }
        }
        for (skill, level) in &queue.skills {
            self.between(path!["queues", index, "skills", skill.as_str()], (*level).into(), 1, 5);
        }
        if let Some(number) = &queue.caller_id {
            self.number(key("caller_id"), number);
        }
        let mut codes = BTreeSet::new();
        for (place, code) in queue.wrap_up_codes.iter().enumerate() {
            if !codes.insert(&code.id) {
                let path = path!["queues", index, "wrap_up_codes", place];
                self.fault(path, format!("{} is there twice", code.id), "each code once");
            }
        }
        self.wrap_up(index, queue);
        self.waiting(index, queue);
        for (name, prompt) in
            [("greeting", &queue.greeting), ("music", &queue.music), ("announcement", &queue.announcement)]
        {
            if let Some(prompt) = prompt {
                self.prompt(key(name), prompt);
            }
        }
        for (name, destination) in [
            ("when_full", &queue.when_full),
            ("when_closed", &queue.when_closed),
            ("when_timed_out", &queue.when_timed_out),
        ] {
            self.destination(key(name), queue, destination);
        }
    }

    fn destination(&mut self, path: Vec<Step>, queue: &Queue, destination: &Destination) {
        match destination {
            Destination::Reject { status } => self.between(path, u64::from(*status), 400, 699),
            Destination::Announce { prompt } => self.prompt(path, prompt),
            Destination::Queue { queue: target } if *target == queue.id => {
                self.fault(path, "the queue leads to itself", "another queue");
            }
            Destination::Queue { queue: target } => {
                if !self.config.queues.iter().any(|known| known.id == *target) {
                    self.unknown_queue(path, target.as_str());
                }
            }
        }
    }

    fn prompt(&mut self, path: Vec<Step>, name: &str) {
        let Some(folder) = self.config.prompts_folder() else {
            let problem = format!("{name:?} is to be played and prompts.folder is not set");
            self.fault(path, problem, "a file name, together with prompts.folder");
            return;
        };
        let outside = Path::new(name).components().count() != 1 || name == "..";
        if outside || !folder.join(name).is_file() {
            let problem = format!("there is no file {name:?} in {}", folder.display());
            self.fault(path, problem, "the name of a sound file in prompts.folder");
        } else if let Err(error) = Prompt::load(&folder.join(name)) {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            let problem = format!("{name:?} cannot be played: {error}{cause}");
            self.fault(path, problem, "a sound file: WAV, FLAC, MP3, or Opus or Vorbis in Ogg");
        }
    }

    fn queue_names(&mut self) {
        let config = self.config;
        let mut ids = BTreeSet::new();
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, queue) in config.queues.iter().enumerate() {
            if !ids.insert(&queue.id) {
                self.fault(
                    path!["queues", index, "id"],
                    format!("{} is there twice", queue.id),
                    "each id once",
                );
            }
            for (place, number) in queue.numbers.iter().enumerate() {
                let path = path!["queues", index, "numbers", place];
                if number.is_empty() || number.contains(|c: char| c.is_whitespace() || c == '@') {
                    let allowed = "the user part of an address, such as +4930123456 or sales";
                    self.fault(path, format!("{number:?} cannot be dialled"), allowed);
                } else if let Some(first) = numbers.insert(number, index) {
                    let problem = format!("{number} leads to queues[{first}] already");
                    self.fault(path, problem, "each number in one queue");
                }
            }
        }
    }

    fn unknown_queue(&mut self, path: Vec<Step>, id: &str) {
        let known: Vec<_> = self.config.queues.iter().take(12).map(|queue| queue.id.as_str()).collect();
        let allowed = if known.is_empty() { "nothing: there are no queues".into() } else { known.join(", ") };
        let mean = nearest(id, self.config.queues.iter().map(|queue| queue.id.as_str()));
        let mean = mean.map(|mean| format!(", did you mean {mean}?")).unwrap_or_default();
        self.fault(path, format!("there is no queue {id:?}{mean}"), allowed);
    }
}

/// Whether the text is `sip:user@host…`; the switch reads it in full.
fn is_sip_address(text: &str) -> bool {
    text.parse::<shared::sip::uri::Uri>().is_ok_and(|uri| uri.is_sip())
}
