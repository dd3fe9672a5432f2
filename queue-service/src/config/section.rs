//! The sections of the file that stand once: what each key means, and its default.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;
use shared::sdp::crypto::Policy;

use crate::acd::AcdConfig;

/// `[service]`: the installation as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// Name shown on the wallboard and in the apps.
    pub name: String,
    /// Folder of the database, and of the recordings when `recording.folder` is left out. A relative path starts at
    /// the folder of the configuration file.
    pub data_dir: PathBuf,
    /// IANA time zone: when the day starts, and in which zone opening hours are meant.
    pub time_zone: String,
}

impl Default for Service {
    fn default() -> Self {
        Service { name: "Callfloor".into(), data_dir: "data".into(), time_zone: "UTC".into() }
    }
}

/// `[sip]`: signalling.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sip {
    /// Addresses to listen on over UDP.
    pub udp: Vec<SocketAddr>,
    /// Addresses to listen on over TCP.
    pub tcp: Vec<SocketAddr>,
    /// Addresses to listen on over TLS; needs `certificate` and `key`.
    pub tls: Vec<SocketAddr>,
    /// PEM file of the service's certificate and those that lead from it to an authority.
    pub certificate: Option<PathBuf>,
    /// PEM file of the certificate's key.
    pub key: Option<PathBuf>,
    /// Whether those who connect over TLS have to show a certificate; needs `client_ca`.
    pub client_certificates: ClientCertificates,
    /// PEM file of the authorities that vouch for those who connect.
    pub client_ca: Option<PathBuf>,
    /// PEM file of the authorities that vouch for the peers that the service connects to over TLS; none for those of
    /// the operating system.
    pub ca: Option<PathBuf>,
    /// Name servers that find trunks and proxies; none for those of the operating system.
    pub name_servers: Vec<SocketAddr>,
    /// Name in the certificate, to be known by over TLS; none to be known by the address.
    pub advertised_name: Option<String>,
    /// Domain of the phones' addresses and realm of their passwords.
    pub domain: String,
    /// Address that others reach the service at; none to take that of the interface used.
    pub advertised_address: Option<IpAddr>,
    /// What messages ask the network for (DSCP, 0 to 63).
    pub dscp: u8,
    /// Calls at once, over all trunks; more get 503.
    pub max_calls: u32,
    /// Shortest registration that a phone may ask for, in seconds.
    pub registration_min_secs: u32,
    /// Longest registration that is granted, in seconds.
    pub registration_max_secs: u32,
}

impl Default for Sip {
    fn default() -> Self {
        let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5060));
        Sip {
            udp: vec![everywhere],
            tcp: vec![everywhere],
            tls: Vec::new(),
            certificate: None,
            key: None,
            client_certificates: ClientCertificates::Unasked,
            client_ca: None,
            ca: None,
            name_servers: Vec::new(),
            advertised_name: None,
            domain: "callfloor".into(),
            advertised_address: None,
            dscp: shared_net::sip::Dscp::default().0,
            max_calls: 500,
            registration_min_secs: 60,
            registration_max_secs: 3600,
        }
    }
}

/// What those who connect over TLS have to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificates {
    /// Nothing.
    #[default]
    Unasked,
    /// A good certificate or none.
    Optional,
    /// A good certificate.
    Required,
}

/// `[media]`: voice packets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// Address to bind the media ports on.
    pub bind: IpAddr,
    /// Address written into SDP; none for `sip.advertised_address`, else that of the interface used.
    pub advertised_address: Option<IpAddr>,
    /// First port; even. Each call leg takes two.
    pub port_min: u16,
    /// Last port.
    pub port_max: u16,
    /// Threads that move packets; 0 for one a processor core.
    pub workers: u32,
    /// The class of voice packets in the network (DSCP): 46 is Expedited Forwarding.
    pub dscp: u8,
    /// A call leg that sends nothing any more for this long counts as lost, in seconds; 0 for never. Not on hold.
    pub no_media_secs: u32,
    /// The same for one that has never sent anything.
    pub no_first_media_secs: u32,
    /// SRTP, unless a trunk or an agent says otherwise.
    pub srtp: Policy,
    /// SRTP keys may travel over signalling that anybody can read.
    pub srtp_without_tls: bool,
    /// A call gets new SRTP keys after this, in seconds; 0 for never.
    pub srtp_rekey_secs: u32,
}

impl Default for Media {
    fn default() -> Self {
        Media {
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            advertised_address: None,
            port_min: 20_000,
            port_max: 29_999,
            workers: 0,
            dscp: crate::media::EXPEDITED_FORWARDING,
            no_media_secs: 60,
            no_first_media_secs: 300,
            srtp: Policy::Optional,
            srtp_without_tls: false,
            srtp_rekey_secs: 0,
        }
    }
}

/// `[http]`: API, live feed and wallboard.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Live feeds that one user may hold at once; more are refused.
    pub max_feeds_per_user: u32,
    /// A request that takes longer is given up, in seconds. Downloads and live feeds are not meant.
    pub request_timeout_secs: u32,
}

impl Default for Http {
    fn default() -> Self {
        Http {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            max_feeds_per_user: 8,
            request_timeout_secs: 30,
        }
    }
}

/// `[store]`: the database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `postgres://user:password@host/database`, or `sqlite:FILE`; none for `callfloor.db` in the data folder.
    pub url: Option<String>,
}

/// `[auth]`: signing in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// How long a sign-in lasts, in hours.
    pub token_hours: u32,
    /// Sign-ins that one person may hold at once; the oldest ends when there is one more.
    pub sign_ins_per_person: u32,
}

impl Default for Auth {
    fn default() -> Self {
        Auth { token_hours: 12, sign_ins_per_person: 16 }
    }
}

/// `[recording]`: where recordings go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recording {
    /// Folder; none for `recordings` in the data folder.
    pub folder: Option<PathBuf>,
    /// An open recording is written through to the disk this often, in seconds: what a power cut can cost at most.
    pub sync_secs: u32,
}

impl Default for Recording {
    fn default() -> Self {
        Recording { folder: None, sync_secs: 1 }
    }
}

/// `[prompts]`: greetings, announcements, music.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Prompts {
    /// Folder of the WAV files that queues name; needed as soon as one does.
    pub folder: Option<PathBuf>,
}

/// `[acd]`: rules for every queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Acd {
    /// An agent who refused an offer gets none for this long, in seconds.
    pub reject_cool_down_secs: u32,
    /// An agent whose phone was busy gets no offer for this long, in seconds.
    pub busy_cool_down_secs: u32,
    /// An agent whose phone could not be reached gets no offer for this long, in seconds.
    pub unreachable_cool_down_secs: u32,
    /// An agent whose app is gone is made not ready after this long, in seconds.
    pub connection_grace_secs: u32,
    /// An offer rings at least this long, in seconds, whatever the queue says.
    pub min_ring_secs: u32,
}

impl Default for Acd {
    fn default() -> Self {
        let AcdConfig {
            reject_cool_down_secs,
            busy_cool_down_secs,
            unreachable_cool_down_secs,
            connection_grace_secs,
            min_ring_secs,
        } = AcdConfig::default();
        Acd {
            reject_cool_down_secs,
            busy_cool_down_secs,
            unreachable_cool_down_secs,
            connection_grace_secs,
            min_ring_secs,
        }
    }
}

impl From<&Acd> for AcdConfig {
    fn from(acd: &Acd) -> AcdConfig {
        AcdConfig {
            reject_cool_down_secs: acd.reject_cool_down_secs,
            busy_cool_down_secs: acd.busy_cool_down_secs,
            unreachable_cool_down_secs: acd.unreachable_cool_down_secs,
            connection_grace_secs: acd.connection_grace_secs,
            min_ring_secs: acd.min_ring_secs,
        }
    }
}
