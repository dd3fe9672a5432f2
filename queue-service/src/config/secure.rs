//! `[sip]` over TLS: from keys to what the driver takes, and what is wrong with them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use shared::sip::Uri;
use shared_net::sip::{ClientCertificates as Asked, Identity, TlsConfig, TlsError};

use super::check::{Found, Step};
use super::section::ClientCertificates;
use super::{Config, Sip};

impl Config {
    /// TLS of the SIP driver, with absolute paths. Without a certificate it goes out only.
    pub fn tls(&self) -> TlsConfig {
        let path = |path: &PathBuf| self.folder.join(path);
        let sip = &self.sip;
        let identity = match (&sip.certificate, &sip.key) {
            (Some(certificate), Some(key)) => {
                Some(Identity { certificate: path(certificate), key: path(key) })
            }
            _ => None,
        };
        let client_certificates = match (sip.client_certificates, &sip.client_ca) {
            (ClientCertificates::Optional, Some(ca)) => Asked::Optional(path(ca)),
            (ClientCertificates::Required, Some(ca)) => Asked::Required(path(ca)),
            _ => Asked::Unasked,
        };
        TlsConfig {
            listen: sip.tls.clone(),
            identity,
            client_certificates,
            authorities: sip.ca.as_ref().map(path),
            pinned: self.pinned(),
        }
    }

    /// By the name of a trunk's server: who vouches for it.
    fn pinned(&self) -> BTreeMap<String, PathBuf> {
        let trunks =
            self.trunks.iter().filter_map(|trunk| Some((trunk, self.folder.join(trunk.ca.as_ref()?))));
        trunks
            .flat_map(|(trunk, ca)| {
                let uris = trunk.servers.iter().filter_map(|server| server.parse::<Uri>().ok());
                uris.map(move |uri| (uri.host.to_ascii_lowercase(), ca.clone()))
            })
            .collect()
    }

    /// What is right and still should be looked at: a certificate that has expired or soon will.
    pub fn warnings(&self) -> Vec<String> {
        let validity = self.tls().check().ok().flatten();
        let problem = validity.and_then(|validity| validity.problem(shared_net::clock::now()));
        let certificate =
            self.sip.certificate.as_ref().map(|path| self.folder.join(path).display().to_string());
        problem
            .map(|problem| format!("sip.certificate: {}: {problem}", certificate.unwrap_or_default()))
            .into_iter()
            .collect()
    }
}

/// Keys that do not fit together, then files that cannot be used.
pub(super) fn faults(config: &Config) -> Vec<Found> {
    let sip = &config.sip;
    let mut found = Vec::new();
    let mut fault = |key: &str, problem: &str, allowed: &str| {
        let path = vec![Step::from("sip"), Step::from(key)];
        found.push(Found { path, problem: problem.into(), allowed: allowed.into() });
    };
    match (&sip.certificate, &sip.key) {
        (Some(_), None) => fault("certificate", "the certificate has no key", "both certificate and key"),
        (None, Some(_)) => fault("key", "the key has no certificate", "both certificate and key"),
        (None, None) if !sip.tls.is_empty() => {
            fault("tls", "there is no certificate to show", "together with certificate and key");
        }
        _ => {}
    }
    match (sip.client_certificates, &sip.client_ca) {
        (ClientCertificates::Unasked, Some(_)) => {
            let allowed = "together with client_certificates = \"optional\" or \"required\"";
            fault("client_ca", "nobody is asked for a certificate", allowed);
        }
        (ClientCertificates::Optional | ClientCertificates::Required, None) => {
            fault("client_certificates", "nobody vouches for a certificate", "together with client_ca");
        }
        _ => {}
    }
    if let Some(name) = &sip.advertised_name {
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
            && name.contains(|c: char| c.is_ascii_alphabetic());
        if !is_name {
            fault(
                "advertised_name",
                "this is no host name",
                "a name in the certificate such as sip.example.com",
            );
        }
    }
    if found.is_empty()
        && let Err(error) = config.tls().check()
    {
        let path = match trunk_of(&error, config) {
            Some(index) => vec![Step::from("trunks"), Step::from(index), Step::from("ca")],
            None => vec![Step::from("sip"), Step::from(key_of(&error, config, sip))],
        };
        let allowed = "PEM files that this user may read".into();
        found.push(Found { path, problem: error.to_string(), allowed });
    }
    found
}

/// The file that an error is about.
fn file_of(error: &TlsError) -> Option<&PathBuf> {
    match error {
        TlsError::Read { path, .. }
        | TlsError::Missing { path, .. }
        | TlsError::Damaged { path, .. }
        | TlsError::Authorities { path, .. } => Some(path),
        TlsError::Identity { .. } | TlsError::NoIdentity => None,
    }
}

/// The trunk whose own authorities an error is about.
fn trunk_of(error: &TlsError, config: &Config) -> Option<usize> {
    let path = file_of(error)?;
    config
        .trunks
        .iter()
        .position(|trunk| trunk.ca.as_ref().is_some_and(|file| config.folder.join(file) == *path))
}

/// The key of the file that an error is about.
fn key_of(error: &TlsError, config: &Config, sip: &Sip) -> &'static str {
    let Some(path) = file_of(error) else {
        return if matches!(error, TlsError::NoIdentity) { "tls" } else { "key" };
    };
    [("certificate", &sip.certificate), ("key", &sip.key), ("client_ca", &sip.client_ca), ("ca", &sip.ca)]
        .into_iter()
        .find(|(_, file)| file.as_ref().is_some_and(|file| config.folder.join(file) == *path))
        .map_or("tls", |(key, _)| key)
}

#[cfg(test)]
#[path = "secure_tests.rs"]
mod tests;
