//! One TLS configuration for every client: rustls with ring, and the certificates that this machine trusts.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};

/// What HTTPS and secure WebSockets connect with. Made once; later changes of the system's certificates count
/// after a restart.
///
/// The roots are those of the operating system, so a company's own authority works; a machine that has none at
/// all gets Mozilla's list.
pub fn client_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    CONFIG.get_or_init(|| Arc::new(make())).clone()
}

/// The authorities that this machine trusts.
pub(crate) fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    ROOTS.get_or_init(|| Arc::new(load_roots())).clone()
}

fn make() -> ClientConfig {
    // Libraries that ask for the process's provider get the same one; an earlier choice stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ClientConfig::builder().with_root_certificates(system_roots()).with_no_client_auth()
}

fn load_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (_added, ignored) = roots.add_parsable_certificates(native.certs);
    if ignored > 0 || !native.errors.is_empty() {
        tracing::warn!(ignored, errors = ?native.errors, "some system certificates cannot be read");
    }
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
