//! New certificates without a restart.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Tls;

/// How often the files are looked at; certificates are renewed days before they have to be.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Reads the files again when asked, and looks from time to time whether they have changed. What is wrong with new
/// ones is logged, and the old ones stay in use.
pub(in crate::sip) async fn keep(tls: Arc<Tls>, asked: Arc<Notify>, stop: CancellationToken) {
    let mut told = None;
    loop {
        let by_hand = tokio::select! {
            () = stop.cancelled() => return,
            () = asked.notified() => true,
            () = tokio::time::sleep(LOOK_EVERY) => false,
        };
        let files = tls.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || files.reload()).await else { return };
        match read {
            Ok(true) => {
                told = None;
                tracing::info!("new TLS certificates are in use");
            }
            Ok(false) => {
                told = None;
                if by_hand {
                    tracing::info!("the TLS certificates have not changed");
                }
            }
            Err(error) => {
                let words = error.to_string();
                // Half-written files come right by themselves; what stays wrong is told once.
                if by_hand || told.as_ref() != Some(&words) {
                    tracing::error!(error = words, "new TLS certificates are not used, the old ones stay");
                }
                told = Some(words);
            }
        }
    }
}
