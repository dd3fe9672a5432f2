//! Newtype ids. What an administrator names ([`AgentId`], [`QueueId`], …) is a short slug; what the service makes
//! ([`CallId`], [`LegId`], [`RecordingId`]) is a 64-bit number, time-ordered, printed as 13 characters of base 32.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Timestamp;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A slug with other characters, or with a wrong length.
    #[error("{0:?} is no name: use 1 to 64 of a-z, 0-9, '-', '_' and '.'")]
    Slug(String),
    /// A made id with a wrong length or character.
    #[error("{0:?} is no id: it has 13 characters of 0-9 and A-V")]
    Number(String),
}

macro_rules! schema {
    ($name:ident) => {
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .into()
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let fits = (1..=64).contains(&text.len())
                    && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
                if fits { Ok($name(text.into())) } else { Err(IdError::Slug(text.chars().take(80).collect())) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        schema!($name);
    };
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// From its number, as the store keeps it.
            pub const fn from_u64(number: u64) -> Self {
                $name(number)
            }

            /// Its number.
            pub const fn as_u64(self) -> u64 {
                self.0
            }

            /// A new id: 42 bits of milliseconds since 2020, then 22 bits that the caller draws at random.
            pub const fn new(now: Timestamp, random: u32) -> Self {
                $name(number(now, random))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                decode(text).map($name).ok_or_else(|| IdError::Number(text.chars().take(80).collect()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                encode(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                encode(self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        schema!($name);
    };
}

slug_id! {
    /// Somebody who signs in: an agent, a supervisor, a manager or an administrator.
    UserId
}
slug_id! {
    /// An agent; the same text as his [`UserId`] and as the user part of his phone's address.
    AgentId
}
slug_id! {
    /// A queue.
    QueueId
}
slug_id! {
    /// A skill that a queue or a call may ask for.
    SkillId
}
slug_id! {
    /// A wrap-up code.
    CodeId
}
slug_id! {
    /// A preview campaign.
    CampaignId
}
slug_id! {
    /// A trunk: a carrier or another telephone system.
    TrunkId
}

number_id! {
    /// One customer's call, from its arrival to its end, through every queue and transfer.
    CallId
}
number_id! {
    /// One SIP session with its media port within a call.
    LegId
}
number_id! {
    /// The recording of one call.
    RecordingId
}
number_id! {
    /// One offer of one call to one agent.
    OfferId
}

impl AgentId {
    /// The user who is this agent.
    pub fn to_user(&self) -> UserId {
        UserId(self.0.clone())
    }
}

impl UserId {
    /// The agent of the same name.
    pub fn to_agent(&self) -> AgentId {
        AgentId(self.0.clone())
    }
}

const EPOCH_MILLIS: i64 = 1_577_836_800_000; // 2020-01-01T00:00:00Z
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";

const fn number(now: Timestamp, random: u32) -> u64 {
    let millis = now.as_millis() - EPOCH_MILLIS;
    let millis = if millis < 0 { 0 } else { millis as u64 };
    ((millis & ((1 << 42) - 1)) << 22) | (random as u64 & ((1 << 22) - 1))
}

fn encode(number: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text: String =
        (0..13).rev().map(|place| char::from(DIGITS[((number >> (place * 5)) & 31) as usize])).collect();
    f.write_str(&text)
}

fn decode(text: &str) -> Option<u64> {
    if text.len() != 13 {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = DIGITS.iter().position(|d| *d == byte.to_ascii_uppercase())? as u64;
        number.checked_mul(32)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip_and_sort_by_time() {
        let early = CallId::new(Timestamp::from_secs(1_800_000_000), 77);
        let late = CallId::new(Timestamp::from_secs(1_800_000_001), 3);
        assert!(early < late);
        assert_eq!(early.to_string().parse::<CallId>(), Ok(early));
        assert!(early.to_string() < late.to_string());
        assert!("ZZZZZZZZZZZZZ".parse::<CallId>().is_err());
        assert!("V".repeat(13).parse::<CallId>().is_err(), "65 bits do not fit");
    }

    #[test]
    fn slugs_refuse_what_would_need_quoting() {
        assert!("sales.de-1".parse::<QueueId>().is_ok());
        for bad in ["", "Sales", "a b", "x/y", &"a".repeat(65)] {
            assert!(bad.parse::<QueueId>().is_err(), "{bad:?}");
        }
    }
}
