//! A certificate is renewed while the service runs, as a certificate authority's client does it: new files, then SIGHUP.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::certificate::Certificates;
use tests::service::Service;
use tests::{Outcome, wait};

use crate::baresip::behind_tls;

/// Changed files are found without a signal within a minute; a signal is quicker than that.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Whether the certificate that the service shows was vouched for by this authority, in the eyes of OpenSSL.
fn is_vouched_for(service: SocketAddr, authority: &Path) -> Outcome<bool> {
    let status = Command::new("openssl")
        .args(["s_client", "-brief", "-verify_return_error", "-connect", &service.to_string(), "-CAfile"])
        .arg(authority)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    Ok(status.success())
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_after_a_hangup_signal() -> Outcome {
    let (setup, secure, old) = behind_tls()?;
    let new = Certificates::new()?;
    let service = Service::start(Path::new(env!("CARGO_BIN_EXE_service")), setup).await?;
    assert!(is_vouched_for(secure, &old.authority())?);
    assert!(!is_vouched_for(secure, &new.authority())?);

    std::fs::copy(new.certificate(), old.certificate())?;
    std::fs::copy(new.key(), old.key())?;
    let signalled = Command::new("kill").args(["-HUP", &service.id().to_string()]).status()?;
    assert!(signalled.success());
    wait::until_async("the renewed certificate", AT_ONCE, async || {
        Ok(is_vouched_for(secure, &new.authority())?.then_some(()))
    })
    .await?;
    assert!(!is_vouched_for(secure, &old.authority())?);
    Ok(())
}
