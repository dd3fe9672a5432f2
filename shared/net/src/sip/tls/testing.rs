//! An authority of its own for each test.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType, date_time_ymd,
};

use super::Identity;

/// Signs certificates.
pub(in crate::sip) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(in crate::sip) fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority { issuer: CertifiedIssuer::self_signed(params, key).expect("an authority") }
    }

    /// Its own certificate.
    pub(in crate::sip) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate and its key. Names may be domains, addresses or `sip:` URIs.
    pub(in crate::sip) fn issue(&self, names: &[&str]) -> (String, String) {
        self.issue_dated(names, (2020, 1, 1), (2090, 1, 1))
    }

    pub(in crate::sip) fn issue_dated(
        &self,
        names: &[&str],
        from: (i32, u8, u8),
        until: (i32, u8, u8),
    ) -> (String, String) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| match (name.parse(), name.starts_with("sip:")) {
                (Ok(ip), _) => SanType::IpAddress(ip),
                (_, true) => SanType::URI((*name).try_into().expect("ascii")),
                _ => SanType::DnsName((*name).try_into().expect("ascii")),
            })
            .collect();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        let key = KeyPair::generate().expect("a key");
        let made = params.signed_by(&key, &self.issuer).expect("a certificate");
        (made.pem(), key.serialize_pem())
    }
}

/// A folder that goes with the test.
pub(in crate::sip) struct Folder(tempfile::TempDir);

impl Folder {
    pub(in crate::sip) fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    pub(in crate::sip) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("write");
        path
    }

    /// Both files of a certificate.
    pub(in crate::sip) fn identity(&self, name: &str, pems: &(String, String)) -> Identity {
        Identity {
            certificate: self.write(&format!("{name}.crt"), &pems.0),
            key: self.write(&format!("{name}.key"), &pems.1),
        }
    }
}
