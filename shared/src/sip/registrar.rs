//! The server side of REGISTER (RFC 3261 §10.3): who can be reached where. Who sent it has been found out before, by
//! the [`door`](super::door).

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::api::Flow;
use super::header::{NameAddr, quote, seconds};
use super::message::Request;
use super::uri::Uri;
use crate::time::Timestamp;

pub use super::digest::Account;

/// How much a registrar keeps and grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Shorter wishes are answered 423.
    pub min_expires_secs: u32,
    /// Granted without a wish.
    pub default_expires_secs: u32,
    /// Longer wishes get this.
    pub max_expires_secs: u32,
    /// Above it the binding that was refreshed longest ago goes.
    pub max_bindings_per_aor: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            min_expires_secs: 30,
            default_expires_secs: 300,
            max_expires_secs: 3600,
            max_bindings_per_aor: 10,
        }
    }
}

/// One place where an address of record can be reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// As the phone wrote it: the Request-URI for calls to it.
    pub contact: Uri,
    /// Where its REGISTER came from; calls go there (NAT).
    pub flow: Flow,
    /// When it ends.
    pub expires_at: Timestamp,
    /// User-Agent of the phone.
    pub user_agent: Option<String>,
    /// First registration of this contact.
    pub registered_at: Timestamp,
    /// The account that registered it.
    pub username: String,
    /// Preference in thousandths, 0 to 1000.
    pub q_thousandths: u16,
    /// Call-ID and CSeq of the last REGISTER, for the order check.
    pub call_id: String,
    /// See `call_id`.
    pub cseq: u32,
    /// `+sip.instance` of the Contact (RFC 5626): the same phone at another address.
    pub instance: Option<String>,
    /// `reg-id` of the Contact (RFC 5626 §4.2): which of the phone's ways to us it is.
    #[serde(default)]
    pub reg_id: Option<u32>,
    /// The proxies between, next hop first (RFC 3327): the Route of calls to it.
    #[serde(default)]
    pub path: Vec<String>,
}

impl Binding {
    /// As the Contact of a 200 (§10.3 step 8).
    fn to_contact(&self, now: Timestamp) -> String {
        let mut contact = NameAddr::new(self.contact.clone());
        contact.params.set("expires", Some(&self.expires_at.since(now).as_secs().to_string()));
        let mut text = contact.to_string();
        if self.q_thousandths < 1000 {
            text.push_str(&format!(";q=0.{:03}", self.q_thousandths));
        }
        // Quoted, so that a phone finds itself again.
        if let Some(instance) = &self.instance {
            text.push_str(&format!(";+sip.instance={}", quote(instance)));
        }
        if let Some(reg_id) = self.reg_id {
            text.push_str(&format!(";reg-id={reg_id}"));
        }
        text
    }

    /// Value of the Route of calls to it; `None` when nothing stands between.
    pub fn route(&self) -> Option<String> {
        (!self.path.is_empty()).then(|| self.path.join(", "))
    }
}

/// What a REGISTER or the clock changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum BindingChange {
    /// New.
    Added {
        /// Whose.
        aor_user: String,
        /// Which.
        binding: Binding,
    },
    /// Lives longer.
    Refreshed {
        /// Whose.
        aor_user: String,
        /// Which.
        binding: Binding,
    },
    /// The phone took it back, or it had to make room.
    Removed {
        /// Whose.
        aor_user: String,
        /// Which.
        binding: Binding,
    },
    /// Was not refreshed in time.
    Expired {
        /// Whose.
        aor_user: String,
        /// Which.
        binding: Binding,
    },
}

/// The answer to a REGISTER, for [`Command::Respond`](super::Command::Respond).
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// WWW-Authenticate, Contact, Date, Min-Expires, …
    pub headers: Vec<(String, String)>,
    /// What it changed.
    pub changes: Vec<BindingChange>,
}

/// Whose REGISTER it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The account that the door let in.
    pub username: &'a str,
    /// User part of the one address of record that it may register.
    pub aor_user: &'a str,
}

/// The bindings of one domain.
#[derive(Debug)]
pub struct Registrar {
    limits: Limits,
    /// By user part of the address of record.
    bindings: HashMap<String, Vec<Binding>>,
    /// The earliest end of a binding, for each address of record.
    ends: BTreeSet<(Timestamp, String)>,
}

impl Registrar {
    /// An empty registrar.
    pub fn new(limits: Limits) -> Registrar {
        Registrar { limits, bindings: HashMap::new(), ends: BTreeSet::new() }
    }

    /// Forgets what an account registered, because it is closed.
    pub fn remove(&mut self, owner: Owner<'_>) -> Vec<BindingChange> {
        let mut changes = Vec::new();
        self.edit(owner.aor_user, |bindings| {
            let gone = |one: &mut Binding| one.username == owner.username;
            changes.extend(
                bindings
                    .extract_if(.., gone)
                    .map(|binding| BindingChange::Removed { aor_user: owner.aor_user.to_owned(), binding }),
            );
        });
        changes
    }

    /// Takes up bindings that an earlier process kept: those that have not ended and need no stream (a stream died
    /// with that process; its phone comes back by itself).
    pub fn restore(&mut self, now: Timestamp, aor_user: &str, saved: Vec<Binding>) {
        let max = self.limits.max_bindings_per_aor;
        self.edit(aor_user, |bindings| {
            let alive = |one: &Binding| one.expires_at > now && !one.flow.transport.is_reliable();
            bindings.extend(saved.into_iter().filter(alive));
            bindings.truncate(max);
        });
    }

    /// Answers a REGISTER (§10.3).
    pub fn register(&mut self, now: Timestamp, request: &Request, flow: Flow, owner: Owner<'_>) -> Reply {
        let Owner { username, aor_user } = owner;
        // Step 3 and 5: nobody registers for somebody else.
        let to = request.headers.address("To").and_then(|to| to.uri.user_unescaped());
        if to.as_deref() != Some(aor_user) {
            return plain(403);
        }
        let wanted = match self.wanted(now, request, flow, username) {
            Ok(wanted) => wanted,
            Err(reply) => return reply,
        };
        let limit = self.limits.max_bindings_per_aor.max(1);
        let mut changes = Vec::new();
        let out_of_order =
            self.edit(aor_user, |bindings| apply(bindings, wanted, aor_user, limit, &mut changes));
        if out_of_order {
            return Reply { changes, ..plain(500) };
        }
        let found = self.lookup(aor_user);
        let mut headers: Vec<(String, String)> =
            found.iter().map(|binding| ("Contact".to_owned(), binding.to_contact(now))).collect();
        // RFC 3327 §5.3: stored in any case, told to who knows what it is.
        if request.headers.lists("Supported", "path") {
            headers.extend(request.headers.all("Path").map(|hop| ("Path".to_owned(), hop.to_owned())));
            headers.push(("Supported".into(), "path".into()));
        }
        if let Ok(date) = jiff::Timestamp::from_microsecond(now.as_micros()) {
            headers.push(("Date".into(), date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        }
        Reply { status: 200, headers, changes }
    }

    /// Where this user can be reached, best first: by q, then the one registered last.
    pub fn lookup(&self, aor_user: &str) -> Vec<Binding> {
        let mut found = self.bindings.get(aor_user).cloned().unwrap_or_default();
        found.sort_by(|left, right| {
            right.q_thousandths.cmp(&left.q_thousandths).then(right.registered_at.cmp(&left.registered_at))
        });
        found
    }

    /// All addresses of record that have bindings.
    pub fn registered_users(&self) -> impl Iterator<Item = &str> {
        self.bindings.keys().map(String::as_str)
    }

    /// When [`Registrar::expire`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.ends.first().map(|(at, _)| *at)
    }

    /// Removes what was not refreshed.
    pub fn expire(&mut self, now: Timestamp) -> Vec<BindingChange> {
        let mut changes = Vec::new();
        while let Some((_, aor_user)) = self.ends.first().filter(|(at, _)| *at <= now).cloned() {
            self.edit(&aor_user, |bindings| {
                bindings.retain(|binding| {
                    let lives = binding.expires_at > now;
                    if !lives {
                        let (aor_user, binding) = (aor_user.clone(), binding.clone());
                        changes.push(BindingChange::Expired { aor_user, binding });
                    }
                    lives
                });
            });
        }
        changes
    }

    /// What came over this stream can be reached no more: its bindings go.
    pub fn lose_stream(&mut self, connection: u64) -> Vec<BindingChange> {
        let hit: Vec<String> = self
            .bindings
            .iter()
            .filter(|(_, bindings)| {
                bindings.iter().any(|one| connection != 0 && one.flow.connection == connection)
            })
            .map(|(aor_user, _)| aor_user.clone())
            .collect();
        let mut changes = Vec::new();
        for aor_user in hit {
            self.edit(&aor_user, |bindings| {
                bindings.retain(|binding| {
                    let lives = binding.flow.connection != connection;
                    if !lives {
                        let (aor_user, binding) = (aor_user.clone(), binding.clone());
                        changes.push(BindingChange::Removed { aor_user, binding });
                    }
                    lives
                });
            });
        }
        changes
    }

    /// Steps 6 and 7: what the request wants, `None` for "all of them away".
    fn wanted(&self, now: Timestamp, request: &Request, flow: Flow, username: &str) -> Result<Wanted, Reply> {
        let call_id = request.headers.call_id().to_owned();
        let cseq = request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let general = request.headers.get("Expires").and_then(seconds);
        let values: Vec<&str> = request.headers.all("Contact").collect();
        if values.contains(&"*") {
            // §10.2.2: only alone and only with Expires 0.
            if values.len() != 1 || general != Some(0) {
                return Err(plain(400));
            }
            return Ok(Wanted { call_id, cseq, contacts: None });
        }
        let path: Vec<String> = request.headers.all("Path").take(MAX_PATH + 1).map(Into::into).collect();
        if path.len() > MAX_PATH || path.iter().any(|hop| hop.parse::<NameAddr>().is_err()) {
            return Err(plain(400));
        }
        let mut contacts = Vec::new();
        if request.headers.all("Contact").nth(self.limits.max_bindings_per_aor.max(1)).is_some() {
            return Err(plain(400));
        }
        for contact in request.headers.addresses("Contact") {
            let asked = contact.params.get("expires").and_then(seconds).or(general);
            let asked = asked.unwrap_or(self.limits.default_expires_secs);
            if asked > 0 && asked < self.limits.min_expires_secs {
                let min = self.limits.min_expires_secs.to_string();
                return Err(Reply { headers: vec![("Min-Expires".into(), min)], ..plain(423) });
            }
            let granted = asked.min(self.limits.max_expires_secs);
            contacts.push(Binding {
                instance: contact.params.get("+sip.instance").map(Into::into),
                reg_id: contact.params.get("reg-id").and_then(|number| number.trim().parse().ok()),
                path: path.clone(),
                q_thousandths: contact.params.get("q").map_or(1000, thousandths),
                contact: contact.uri,
                flow,
                expires_at: now + Duration::from_secs(granted.into()),
                user_agent: request.headers.get("User-Agent").map(Into::into),
                registered_at: now,
                username: username.to_owned(),
                call_id: call_id.clone(),
                cseq,
            });
        }
        let contacts = contacts.into_iter().map(|binding| (binding.expires_at > now, binding)).collect();
        Ok(Wanted { call_id, cseq, contacts: Some(contacts) })
    }

    /// Changes the bindings of one address of record and keeps the table of ends true.
    fn edit<T>(&mut self, aor_user: &str, change: impl FnOnce(&mut Vec<Binding>) -> T) -> T {
        let earliest = |bindings: &[Binding]| bindings.iter().map(|binding| binding.expires_at).min();
        let mut bindings = self.bindings.remove(aor_user).unwrap_or_default();
        if let Some(at) = earliest(&bindings) {
            self.ends.remove(&(at, aor_user.to_owned()));
        }
        let result = change(&mut bindings);
        if let Some(at) = earliest(&bindings) {
            self.ends.insert((at, aor_user.to_owned()));
            self.bindings.insert(aor_user.to_owned(), bindings);
        }
        result
    }
}

struct Wanted {
    call_id: String,
    cseq: u32,
    /// Whether to keep it, and the binding; `None` for `Contact: *`.
    contacts: Option<Vec<(bool, Binding)>>,
}

/// Step 7: all or nothing; true when the request is older than what it would change.
fn apply(
    bindings: &mut Vec<Binding>,
    wanted: Wanted,
    aor_user: &str,
    limit: usize,
    changes: &mut Vec<BindingChange>,
) -> bool {
    let aor_user = || aor_user.to_owned();
    let old = |binding: &Binding| binding.call_id == wanted.call_id && wanted.cseq <= binding.cseq;
    let Some(contacts) = wanted.contacts else {
        if bindings.iter().any(old) {
            return true;
        }
        changes.extend(
            bindings.drain(..).map(|binding| BindingChange::Removed { aor_user: aor_user(), binding }),
        );
        return false;
    };
    if bindings.iter().any(|have| old(have) && contacts.iter().any(|(_, new)| is_same(have, new))) {
        return true;
    }
    for (keep, mut binding) in contacts {
        let known = bindings.iter().position(|have| is_same(have, &binding)).map(|at| bindings.remove(at));
        match (keep, known) {
            (true, Some(known)) => {
                binding.registered_at = known.registered_at;
                bindings.push(binding.clone());
                changes.push(BindingChange::Refreshed { aor_user: aor_user(), binding });
            }
            (true, None) => {
                if bindings.len() >= limit {
                    // The front is the one refreshed longest ago.
                    changes
                        .push(BindingChange::Removed { aor_user: aor_user(), binding: bindings.remove(0) });
                }
                bindings.push(binding.clone());
                changes.push(BindingChange::Added { aor_user: aor_user(), binding });
            }
            (false, Some(binding)) => changes.push(BindingChange::Removed { aor_user: aor_user(), binding }),
            (false, None) => {}
        }
    }
    false
}

/// The same phone: the same Contact (RFC 3261 §19.1.4), or the same instance at a new one. An instance that numbers
/// its ways (RFC 5626 §6) has one binding for each.
fn is_same(have: &Binding, new: &Binding) -> bool {
    let instance = have.instance.is_some() && have.instance == new.instance;
    match (have.reg_id, new.reg_id) {
        (Some(have), Some(new)) if instance => have == new,
        _ => instance || have.contact.same(&new.contact),
    }
}

/// Proxies between a phone and us at most.
const MAX_PATH: usize = 8;

fn plain(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), changes: Vec::new() }
}

/// `0.7` as 700; what is no number between 0 and 1 counts as 1.
fn thousandths(q: &str) -> u16 {
    let (whole, fraction) = q.trim().split_once('.').unwrap_or((q.trim(), ""));
    match whole {
        "0" | "" => format!("{fraction:0<3}").get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(1000),
        _ => 1000,
    }
}

#[cfg(test)]
#[path = "registrar_tests.rs"]
mod tests;
