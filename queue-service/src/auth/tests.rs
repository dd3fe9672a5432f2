//! Signing in over a real store.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use shared::id::UserId;
use shared::model::user::Role;
use shared::time::Timestamp;

use super::{Auth, AuthError, hash};
use crate::config::Config;
use crate::store::testing;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn config() -> Config {
    let hash = hash("correct horse").expect("hashed");
    let text = format!(
        "[auth]\ntoken_hours = 1\n[[agents]]\nid = \"ada\"\nname = \"Ada\"\npassword = \"plain\"\n\
         [[agents]]\nid = \"desk\"\nname = \"Desk\"\n\
         [[users]]\nid = \"sue\"\nname = \"Sue\"\nrole = \"supervisor\"\npassword = \"{hash}\"\n"
    );
    Config::parse(&text, Path::new("x")).expect("right")
}

fn user(name: &str) -> UserId {
    name.parse().expect("a name")
}

#[tokio::test]
async fn the_right_password_gives_a_token_that_ends() {
    let (store, _folder) = testing::sqlite().await;
    let now = Timestamp::from_secs(1_000_000);
    let auth = Auth::open(&store, &config(), now).await.expect("opened");
    let ada = auth.sign_in(now, HERE, &user("ada"), "plain").await.expect("in");
    let sue = auth.sign_in(now, HERE, &user("sue"), "correct horse").await.expect("in");
    assert_eq!(sue.user.role, Role::Supervisor);
    assert_ne!(ada.token, sue.token);
    assert_eq!(ada.token.len(), 43, "256 bits");
    assert_eq!(auth.check(now, &ada.token).expect("known").user.name, "Ada");
    assert!(matches!(auth.check(now, "x"), Err(AuthError::UnknownToken)));
    for (name, password) in [("ada", "Plain"), ("ada", ""), ("sue", "plain"), ("desk", ""), ("nobody", "x")] {
        let refused = auth.sign_in(now, HERE, &user(name), password).await;
        assert!(matches!(refused, Err(AuthError::Wrong)), "{name}");
    }
    // A restart keeps sign-ins; one that was signed out stays out.
    assert_eq!(auth.sign_out(&sue.token).await.expect("out").map(|user| user.id), Some(user("sue")));
    let auth = Auth::open(&store, &config(), now).await.expect("opened again");
    assert!(auth.check(now, &ada.token).is_ok());
    assert!(auth.check(now, &sue.token).is_err());
    let later = now + Duration::from_secs(3_600);
    assert!(matches!(auth.check(later, &ada.token), Err(AuthError::Expired)));
    let changes = auth.changes();
    assert_eq!(auth.expire(later).await, vec![user("ada")]);
    assert!(changes.has_changed().expect("alive"));
    assert!(matches!(auth.check(later, &ada.token), Err(AuthError::UnknownToken)));
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let (store, _folder) = testing::sqlite().await;
    let now = Timestamp::from_secs(1_000_000);
    let auth = Auth::open(&store, &config(), now).await.expect("opened");
    for _ in 0..5 {
        let refused = auth.sign_in(now, HERE, &user("ada"), "guess").await;
        assert!(matches!(refused, Err(AuthError::Wrong)));
    }
    let refused = auth.sign_in(now, HERE, &user("ada"), "plain").await;
    assert!(matches!(refused, Err(AuthError::TooMany { wait_secs: 6 })), "{refused:?}");
    let later = now + Duration::from_secs(6);
    assert!(auth.sign_in(later, HERE, &user("ada"), "plain").await.is_ok());
}

#[tokio::test]
async fn a_person_holds_a_bounded_number_of_sign_ins() {
    for most in [1, 3, 16] {
        let (store, _folder) = testing::sqlite().await;
        let mut config = config();
        config.auth.sign_ins_per_person = most;
        let auth = Auth::open(&store, &config, Timestamp::EPOCH).await.expect("opened");
        let mut tokens = Vec::new();
        for secs in 0..i64::from(most) + 2 {
            let now = Timestamp::from_secs(secs);
            tokens.push(auth.sign_in(now, HERE, &user("ada"), "plain").await.expect("in").token);
        }
        let most = most as usize;
        let good: Vec<bool> =
            tokens.iter().map(|token| auth.check(Timestamp::from_secs(20), token).is_ok()).collect();
        assert_eq!(good.iter().filter(|good| **good).count(), most);
        assert!(!good[0] && !good[1] && good[most + 1]);
    }
}
