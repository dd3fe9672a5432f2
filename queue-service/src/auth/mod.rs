//! Signing in: passwords, tokens, and the brake on guessing.
//!
//! Passwords are argon2id hashes (or plain text in demonstrations); an unknown name costs the same time as a wrong
//! password. Tokens are 256 random bits, kept only as their SHA-256, in memory for speed and in the store for
//! restarts. Rights are asked for at the border of each API call, in `http`.

mod password;
#[cfg(test)]
mod tests;
mod throttle;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use sha2::{Digest, Sha256};
use shared::api::session::SignedIn;
use shared::id::UserId;
use shared::model::user::User;
use shared::time::Timestamp;
use tokio::sync::{Semaphore, watch};

use crate::config::{Config, Password};
use crate::store::{Store, StoreError, TokenRow};
use throttle::Throttle;

pub use password::{HashError, hash};

/// Passwords hashed at once; each takes 19 MiB for some 50 ms.
const HASHED_AT_ONCE: usize = 4;
const LONGEST_PASSWORD: usize = 1_024;

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Unknown name or wrong password; which of them is not told.
    #[error("sign in with this name and password")]
    Wrong,
    /// Too many failures.
    #[error("sign in again within {wait_secs} seconds")]
    TooMany {
        /// How long to wait.
        wait_secs: u64,
    },
    /// The token is unknown, or was signed out.
    #[error("use this token")]
    UnknownToken,
    /// The token has expired.
    #[error("use this token after it expired")]
    Expired,
    /// The store failed.
    #[error("keep the sign-in")]
    Store(#[from] StoreError),
    /// The random numbers of the system, or a thread, failed.
    #[error("check the password")]
    Failed,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub user: User,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Who may sign in, and who is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Auth {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Replaced whole when the configuration changes; never held across an await.
    people: RwLock<Arc<BTreeMap<UserId, Person>>>,
    /// Guards the table of tokens; never held across an await.
    tokens: Mutex<HashMap<String, Session>>,
    /// Guards the brake; never held across an await.
    throttle: Mutex<Throttle>,
    hashing: Arc<Semaphore>,
    decoy: String,
    store: Store,
    life: Duration,
    /// Sign-ins that one person may hold; the one that expires first goes when there are more.
    most_each: usize,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Person {
    user: User,
    password: Option<Password>,
}

impl Auth {
    /// The people of the configuration, with the sign-ins that outlived the last run.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn open(store: &Store, config: &Config, now: Timestamp) -> Result<Auth, AuthError> {
        let people = people(config);
        let mut tokens = HashMap::new();
        for row in store.tokens().take_up(now).await? {
            // Who was taken out of the configuration is out.
            if let Some(person) = people.get(&row.user) {
                tokens.insert(row.hash, Session { user: person.user.clone(), expires_at: row.expires_at });
            }
        }
        let decoy = tokio::task::spawn_blocking(|| hash("decoy"))
            .await
            .map_err(|_| AuthError::Failed)?
            .map_err(|_| AuthError::Failed)?;
        Ok(Auth {
            inner: Arc::new(Inner {
                people: RwLock::new(Arc::new(people)),
                tokens: Mutex::new(tokens),
                throttle: Mutex::default(),
                hashing: Arc::new(Semaphore::new(HASHED_AT_ONCE)),
                decoy,
                store: store.clone(),
                life: Duration::from_secs(u64::from(config.auth.token_hours) * 3_600),
                most_each: config.auth.sign_ins_per_person as usize,
                changed: watch::Sender::new(0),
            }),
        })
    }

    /// Checks a password and gives a token.
    ///
    /// # Errors
    /// [`AuthError::Wrong`], [`AuthError::TooMany`], or what failed on our side.
    pub async fn sign_in(
        &self,
        now: Timestamp,
        address: IpAddr,
        user: &UserId,
        password: &str,
    ) -> Result<SignedIn, AuthError> {
        // Counted before it is checked, so that tries at the same time count as well.
        self.throttle()
            .begin(now, user, address)
            .map_err(|wait| AuthError::TooMany { wait_secs: wait.as_secs() + 1 })?;
        let people = self.people();
        let person = people.get(user);
        let wanted = person.and_then(|person| person.password.clone());
        if !self.verify(wanted, password).await? {
            tracing::warn!(user = %user, %address, "sign-in refused");
            return Err(AuthError::Wrong);
        }
        let person = person.ok_or(AuthError::Wrong)?;
        self.throttle().succeed(user, address);
        let mut random = [0_u8; 32];
        rand::rng().fill_bytes(&mut random);
        let token = URL_SAFE_NO_PAD.encode(random);
        let expires_at = now + self.inner.life;
        let row = TokenRow { hash: digest(&token), user: user.clone(), expires_at };
        self.inner.store.tokens().save(&row, now).await?;
        let surplus = {
            let mut tokens = self.tokens();
            let surplus = surplus(&tokens, user, self.inner.most_each);
            for hash in &surplus {
                tokens.remove(hash);
            }
            tokens.insert(row.hash, Session { user: person.user.clone(), expires_at });
            surplus
        };
        for hash in surplus {
            self.inner.store.tokens().remove(&hash).await?;
            self.tell();
        }
        Ok(SignedIn { token, expires_at, user: person.user.clone() })
    }

    /// Who a token belongs to.
    ///
    /// # Errors
    /// [`AuthError::UnknownToken`], [`AuthError::Expired`].
    pub fn check(&self, now: Timestamp, token: &str) -> Result<Session, AuthError> {
        let tokens = self.tokens();
        let session = tokens.get(&digest(token)).ok_or(AuthError::UnknownToken)?;
        if session.expires_at <= now { Err(AuthError::Expired) } else { Ok(session.clone()) }
    }

    /// Ends a sign-in and says whose it was; none when it had ended before.
    ///
    /// # Errors
    /// [`AuthError::Store`]; the token is no longer good even then, until a restart.
    pub async fn sign_out(&self, token: &str) -> Result<Option<User>, AuthError> {
        let hash = digest(token);
        let session = self.tokens().remove(&hash);
        self.tell();
        self.inner.store.tokens().remove(&hash).await?;
        Ok(session.map(|session| session.user))
    }

    /// Forgets what has expired, and gives the people who have no sign-in left because of it. Call it every few
    /// seconds.
    pub async fn expire(&self, now: Timestamp) -> Vec<UserId> {
        let (gone, out) = {
            let mut tokens = self.tokens();
            let gone: Vec<(String, UserId)> = tokens
                .iter()
                .filter(|(_, session)| session.expires_at <= now)
                .map(|(hash, session)| (hash.clone(), session.user.id.clone()))
                .collect();
            for (hash, _) in &gone {
                tokens.remove(hash);
            }
            let mut out: Vec<UserId> = gone.iter().map(|(_, user)| user.clone()).collect();
            out.retain(|user| !tokens.values().any(|session| session.user.id == *user));
            out.sort();
            out.dedup();
            (gone, out)
        };
        for (hash, _) in &gone {
            if let Err(error) = self.inner.store.tokens().remove(hash).await {
                // It is forgotten at the next start.
                tracing::warn!(%error, "expired sign-in not removed");
            }
        }
        if !gone.is_empty() {
            self.tell();
        }
        out
    }

    /// Changes whenever a sign-in ends before its time or with it; live feeds look at their token then.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Somebody by name, as configured.
    pub fn person(&self, user: &UserId) -> Option<User> {
        self.people().get(user).map(|person| person.user.clone())
    }

    /// Another configuration. Who is no longer in it, or has another password, is signed out; gives those people. Roles
    /// and names of the others hold at once.
    ///
    /// # Errors
    /// [`AuthError::Store`]; the sign-ins have ended even then, until a restart.
    pub async fn configure(&self, config: &Config) -> Result<Vec<UserId>, AuthError> {
        let new = people(config);
        let old = self.people();
        *self.inner.people.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new.clone());
        let mut ended = Vec::new();
        {
            let mut tokens = self.tokens();
            tokens.retain(|hash, session| {
                let user = &session.user.id;
                let same =
                    |person: &&Person| old.get(user).is_some_and(|old| old.password == person.password);
                match new.get(user).filter(same) {
                    Some(person) => {
                        session.user = person.user.clone();
                        true
                    }
                    None => {
                        ended.push((hash.clone(), user.clone()));
                        false
                    }
                }
            });
        }
        // Feeds look at their token, and at the role that it has now.
        self.tell();
        for (hash, _) in &ended {
            self.inner.store.tokens().remove(hash).await?;
        }
        let mut people: Vec<UserId> = ended.into_iter().map(|(_, user)| user).collect();
        people.sort();
        people.dedup();
        Ok(people)
    }

    fn people(&self) -> Arc<BTreeMap<UserId, Person>> {
        Arc::clone(&self.inner.people.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn verify(&self, wanted: Option<Password>, given: &str) -> Result<bool, AuthError> {
        let permit = Arc::clone(&self.inner.hashing).acquire_owned().await.map_err(|_| AuthError::Failed)?;
        let given: String = given.chars().take(LONGEST_PASSWORD + 1).collect();
        let decoy = self.inner.decoy.clone();
        let check = move || {
            let _permit = permit;
            given.len() <= LONGEST_PASSWORD && password::verify(wanted.as_ref(), &given, &decoy)
        };
        tokio::task::spawn_blocking(check).await.map_err(|_| AuthError::Failed)
    }

    fn tell(&self) {
        self.inner.changed.send_modify(|number| *number = number.wrapping_add(1));
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.inner.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.inner.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn people(config: &Config) -> BTreeMap<UserId, Person> {
    let mut passwords: HashMap<&str, Option<&Password>> =
        config.users.iter().map(|user| (user.id.as_str(), Some(&user.password))).collect();
    // A name is there once, among agents and users.
    passwords.extend(config.agents.iter().map(|agent| (agent.id.as_str(), agent.password.as_ref())));
    let person = |user: User| {
        let password = passwords.get(user.id.as_str()).copied().flatten().cloned();
        (user.id.clone(), Person { user, password })
    };
    config.users().into_iter().map(person).collect()
}

/// The person's sign-ins that have to go before another one comes, first those that expire first.
/// The sign-ins of a person that have to go for one more.
fn surplus(tokens: &HashMap<String, Session>, user: &UserId, most: usize) -> Vec<String> {
    let mut own: Vec<(Timestamp, &String)> = tokens
        .iter()
        .filter(|(_, session)| session.user.id == *user)
        .map(|(hash, session)| (session.expires_at, hash))
        .collect();
    own.sort();
    let more = (own.len() + 1).saturating_sub(most);
    own.into_iter().take(more).map(|(_, hash)| hash.clone()).collect()
}

fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
