//! Certificates for one test: an authority that nobody else knows, and what it has signed.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use tempfile::TempDir;

use crate::Outcome;
use crate::ports::HERE;

/// The files of an authority and of a certificate for the service at [`HERE`]; they go with it.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// New ones.
    pub fn new() -> Outcome<Certificates> {
        let folder = tempfile::Builder::new().prefix("callfloor-certificates-").tempdir()?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // With the name of what it signs, it would look signed by itself.
        authority.distinguished_name.push(DnType::CommonName, "Callfloor test authority");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let mut service = CertificateParams::new(vec!["localhost".into(), "callfloor".into()])?;
        service.subject_alt_names.push(SanType::IpAddress(HERE));
        let key = KeyPair::generate()?;
        let certificates = Certificates { folder };
        std::fs::write(certificates.authority(), authority.pem())?;
        std::fs::write(certificates.certificate(), service.signed_by(&key, &authority)?.pem())?;
        std::fs::write(certificates.key(), key.serialize_pem())?;
        Ok(certificates)
    }

    /// Who vouches for the service: a PEM file.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.crt")
    }

    /// The service's certificate: a PEM file.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("service.crt")
    }

    /// The service's key: a PEM file.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("service.key")
    }
}
