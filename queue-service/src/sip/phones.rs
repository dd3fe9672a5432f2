//! People's phones: their SIP accounts, their bindings, and where a call to a person goes.
//!
//! A person has up to three ways to be reached: the app (an account made at sign-in, good as long as the session), a
//! desk phone with a password from the configuration, and a fixed contact that never registers. The app wins over a
//! desk phone, the latest registration wins among equals, the fixed contact is the last resort.
//!
//! Passwords are asked for by the door of the SIP endpoint; what changes about accounts is kept here as
//! [`Change`]s to give to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rand::Rng;
use serde::{Deserialize, Serialize};
use shared::id::{AgentId, UserId};
use shared::model::agent::Device;
use shared::sip::door::Change;
use shared::sip::registrar::{Account, Binding, BindingChange, Limits, Owner, Registrar, Reply};
use shared::sip::{Flow, Request, Uri};
use shared::time::Timestamp;

use crate::config::Config;

/// Where a call to a person goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// The Request-URI.
    pub target: Uri,
    /// The flow of the registration; none for a fixed contact, which is resolved.
    pub flow: Option<Flow>,
    /// The Route, where proxies stand between (RFC 3327).
    pub route: Option<String>,
}

/// A SIP account for an app.
#[derive(Clone, PartialEq, Eq)]
pub struct AppAccount {
    /// Digest user name.
    pub username: String,
    /// Digest password.
    pub password: String,
}

/// What outlives a restart of the service: so that phones which registered before it are reached after it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SavedPhones {
    /// User name and account of the app.
    pub app: Option<(String, Account)>,
    /// Where the person's phones are.
    pub bindings: Vec<Binding>,
}

/// Accounts and bindings of everybody.
#[derive(Debug)]
pub struct Phones {
    registrar: Registrar,
    realm: String,
    /// By user name: whose it is, and its passwords.
    accounts: HashMap<String, Account>,
    fixed: HashMap<UserId, Uri>,
    apps: HashMap<UserId, String>,
    changes: Vec<Change>,
}

/// The accounts of desk phones in the configuration, by user name.
pub fn desk_accounts(config: &Config) -> BTreeMap<String, Account> {
    let agents = config.agents.iter().map(|it| (it.id.as_str(), it.sip_password.as_ref(), it.sip_allow_md5));
    let users = config.users.iter().map(|it| (it.id.as_str(), it.sip_password.as_ref(), it.sip_allow_md5));
    agents
        .chain(users)
        .filter_map(|(user, password, allow_md5)| {
            let account = Account::from_password(user, &config.sip.domain, password?.expose(), user);
            Some((user.to_owned(), if allow_md5 { account } else { account.without_md5() }))
        })
        .collect()
}

impl Phones {
    /// With the accounts and fixed contacts of the configuration, which has been checked. The door knows the accounts
    /// already.
    pub fn new(config: &Config) -> Phones {
        let limits = Limits {
            min_expires_secs: config.sip.registration_min_secs,
            max_expires_secs: config.sip.registration_max_secs,
            default_expires_secs: config.sip.registration_max_secs.min(300),
            ..Limits::default()
        };
        Phones {
            registrar: Registrar::new(limits),
            realm: config.sip.domain.clone(),
            accounts: desk_accounts(config).into_iter().collect(),
            fixed: fixed_contacts(config),
            apps: HashMap::new(),
            changes: Vec::new(),
        }
    }

    /// Takes other passwords of desk phones and other fixed contacts. A phone whose password is gone or another one is
    /// a stranger from now on; says whose phones changed.
    pub fn configure(&mut self, config: &Config) -> BTreeSet<UserId> {
        let wanted = desk_accounts(config);
        let mut changed = BTreeSet::new();
        let desks: Vec<String> = self
            .accounts
            .keys()
            .filter(|name| !self.apps.values().any(|app| app == *name))
            .cloned()
            .collect();
        for username in desks {
            if self.accounts.get(&username) != wanted.get(&username)
                && let Some(old) = self.accounts.remove(&username)
            {
                self.registrar.remove(Owner { username: &username, aor_user: &old.aor_user });
                self.changes.push(Change::RemoveAccount { username });
                changed.extend(old.aor_user.parse::<UserId>());
            }
        }
        for (username, account) in wanted {
            if !self.accounts.contains_key(&username) {
                changed.extend(account.aor_user.parse::<UserId>());
                self.open_account(&username, account);
            }
        }
        let fixed = fixed_contacts(config);
        let moved =
            self.fixed.keys().chain(fixed.keys()).filter(|user| self.fixed.get(user) != fixed.get(user));
        changed.extend(moved.cloned());
        self.fixed = fixed;
        changed
    }

    /// What the door is to be told since the last time.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    fn open_account(&mut self, username: &str, account: Account) {
        self.accounts.insert(username.to_owned(), account.clone());
        self.changes.push(Change::SetAccount { username: username.to_owned(), account });
    }

    /// Makes an account for a person's app. An earlier one of the same person is closed: one app a person.
    pub fn open_app(&mut self, user: &UserId, random: &mut impl Rng) -> AppAccount {
        self.close_app(user);
        let username = format!("{user}.app.{:016x}", random.next_u64());
        let password = format!("{:016x}{:016x}", random.next_u64(), random.next_u64());
        // Our own apps know SHA-256.
        let account = Account::from_password(&username, &self.realm, &password, user.as_str()).without_md5();
        self.open_account(&username, account);
        self.apps.insert(user.clone(), username.clone());
        AppAccount { username, password }
    }

    /// Closes the account of a person's app, if there is one.
    pub fn close_app(&mut self, user: &UserId) {
        if let Some(username) = self.apps.remove(user) {
            self.accounts.remove(&username);
            self.registrar.remove(Owner { username: &username, aor_user: user.as_str() });
            self.changes.push(Change::RemoveAccount { username });
        }
    }

    /// What to keep of a person's phones.
    pub fn saved(&self, user: &UserId) -> SavedPhones {
        let app = self.apps.get(user);
        SavedPhones {
            app: app.and_then(|name| Some((name.clone(), self.accounts.get(name)?.clone()))),
            bindings: self.registrar.lookup(user.as_str()),
        }
    }

    /// Takes up what an earlier process kept.
    pub fn restore(&mut self, now: Timestamp, user: &UserId, saved: SavedPhones) {
        if let Some((username, account)) = saved.app {
            self.open_account(&username, account);
            self.apps.insert(user.clone(), username);
        }
        // A desk phone whose password is gone from the configuration is a stranger now.
        let known: Vec<Binding> =
            saved.bindings.into_iter().filter(|one| self.accounts.contains_key(&one.username)).collect();
        let vouched = known.iter().filter(|one| one.expires_at > now);
        self.changes
            .extend(vouched.map(|one| Change::Vouch { source: one.flow.remote.ip(), until: one.expires_at }));
        self.registrar.restore(now, user.as_str(), known);
    }

    /// Whose account a user name is.
    pub fn owner(&self, username: &str) -> Option<UserId> {
        self.accounts.get(username)?.aor_user.parse().ok()
    }

    /// Answers a REGISTER of this account; also says whose phones changed.
    pub fn register(
        &mut self,
        now: Timestamp,
        request: &Request,
        flow: Flow,
        username: &str,
    ) -> (Reply, BTreeSet<UserId>) {
        // An account that was closed after the door had let this in.
        let Some(account) = self.accounts.get(username) else {
            return (Reply { status: 403, headers: Vec::new(), changes: Vec::new() }, BTreeSet::new());
        };
        let owner = Owner { username, aor_user: &account.aor_user };
        let reply = self.registrar.register(now, request, flow, owner);
        let changed = owners(&reply.changes);
        (reply, changed)
    }

    /// When [`Phones::expire`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.registrar.deadline()
    }

    /// Forgets bindings that were not refreshed; says whose.
    pub fn expire(&mut self, now: Timestamp) -> BTreeSet<UserId> {
        owners(&self.registrar.expire(now))
    }

    /// Where a call to this person goes.
    pub fn contact(&self, user: &UserId) -> Option<Contact> {
        match self.binding(user) {
            Some(binding) => {
                let route = binding.route();
                Some(Contact { target: binding.contact, flow: Some(binding.flow), route })
            }
            None => self.fixed.get(user).map(|uri| Contact { target: uri.clone(), flow: None, route: None }),
        }
    }

    /// Whether a call to this person goes to our own app.
    pub fn has_app(&self, user: &UserId) -> bool {
        self.binding(user).is_some_and(|binding| self.is_app(user, &binding))
    }

    /// How the agent is reached, for the floor.
    pub fn device(&self, agent: &AgentId) -> Device {
        let user = agent.to_user();
        match self.binding(&user) {
            Some(binding) if self.is_app(&user, &binding) => {
                Device::App { contact: binding.contact.to_string() }
            }
            Some(binding) => Device::Phone {
                contact: binding.contact.to_string(),
                product: binding.user_agent.unwrap_or_default(),
            },
            None => match self.fixed.get(&user) {
                Some(uri) => Device::Fixed { contact: uri.to_string() },
                None => Device::None,
            },
        }
    }

    fn binding(&self, user: &UserId) -> Option<Binding> {
        let bindings = self.registrar.lookup(user.as_str());
        bindings.into_iter().max_by_key(|binding| (self.is_app(user, binding), binding.registered_at))
    }

    fn is_app(&self, user: &UserId, binding: &Binding) -> bool {
        self.apps.get(user) == Some(&binding.username)
    }
}

/// Phones that never register.
fn fixed_contacts(config: &Config) -> HashMap<UserId, Uri> {
    let contact =
        |agent: &crate::config::Agent| Some((agent.id.to_user(), agent.contact.as_ref()?.parse().ok()?));
    config.agents.iter().filter_map(contact).collect()
}

fn owners(changes: &[BindingChange]) -> BTreeSet<UserId> {
    changes
        .iter()
        .filter_map(|change| match change {
            BindingChange::Added { aor_user, .. }
            | BindingChange::Refreshed { aor_user, .. }
            | BindingChange::Removed { aor_user, .. }
            | BindingChange::Expired { aor_user, .. } => aor_user.parse().ok(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use shared::sip::Transport;

    use super::*;

    const CONFIG: &str = "
        [[agents]]
        id = '201'
        name = 'Ada'
        sip_password = 'secret'
        contact = 'sip:201@192.0.2.9'
    ";

    fn phones() -> Phones {
        Phones::new(&Config::parse(CONFIG, Path::new("/tmp/c.toml")).expect("valid"))
    }

    fn binding(username: &str, transport: Transport, at: Timestamp) -> Binding {
        Binding {
            contact: "sip:201@10.0.0.5:5062".parse().expect("uri"),
            flow: Flow {
                transport,
                local: "192.0.2.1:5060".parse().expect("address"),
                remote: "198.51.100.7:40000".parse().expect("address"),
                connection: 0,
            },
            expires_at: at + Duration::from_secs(300),
            user_agent: Some("Desk phone".into()),
            registered_at: at,
            username: username.into(),
            instance: None,
            reg_id: None,
            path: vec!["<sip:edge.example;lr>".into()],
            q_thousandths: 1000,
            call_id: "c".into(),
            cseq: 1,
        }
    }

    #[test]
    fn phones_of_an_earlier_run_are_reached() {
        let now = Timestamp::from_secs(1_800_000_000);
        let user: UserId = "201".parse().expect("id");
        let mut before = phones();
        let app = before.open_app(&user, &mut StdRng::seed_from_u64(1));
        let saved = SavedPhones {
            bindings: vec![
                binding("201", Transport::Udp, now),
                binding(&app.username, Transport::Udp, now),
                binding("201", Transport::Tcp, now),
                binding("nobody", Transport::Udp, now),
            ],
            ..before.saved(&user)
        };
        let text = serde_json::to_string(&saved).expect("json");

        let mut after = phones();
        after.restore(now, &user, serde_json::from_str(&text).expect("json"));
        assert!(after.has_app(&user), "the app wins over the desk phone");
        let contact = after.contact(&user).expect("reached");
        assert_eq!(contact.route.as_deref(), Some("<sip:edge.example;lr>"), "by the way it came");
        let vouched =
            after.take_changes().into_iter().filter(|change| matches!(change, Change::Vouch { .. }));
        assert_eq!(vouched.count(), 3, "the door knows where they are");
        assert_eq!(after.saved(&user).bindings.len(), 2, "no stream, no stranger");
        assert!(matches!(after.device(&user.to_agent()), Device::App { .. }));

        let mut late = phones();
        late.restore(now + Duration::from_secs(301), &user, saved);
        assert!(
            matches!(late.device(&user.to_agent()), Device::Fixed { .. }),
            "what has ended is not taken up"
        );
    }
}
