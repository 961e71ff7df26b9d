//! What the server does besides answering: sweeping, renewing certificates, watching their end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_model::time::{Clock, Timestamp};
use countersign_ops::Core;
use countersign_ops::oauth::client_authorities::ClientAuthorities;
use tokio::signal::unix::Signal;
use tokio::time::{interval, sleep, timeout};

use super::Certificates;
use crate::config::AuthorityFiles;

const SWEEP: Duration = Duration::from_secs(60);
/// How often it is looked whether a sweep is due.
const LOOK: Duration = Duration::from_secs(1);
/// How much later a key that was made or revoked by another process is known here.
const KEYS: Duration = Duration::from_secs(5);
/// What the last one may take of the time to stop.
const LAST_SWEEP: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
/// Time enough to renew a certificate by hand.
const NEAR: Duration = Duration::from_secs(14 * 86_400);

/// Removes what has expired, each minute of the wall clock: a sweep also notes in the store how far
/// that clock has come, so a jump is noted at once, and what it ended stays ended (R156).
pub async fn sweep(core: Arc<Core>) {
    let mut last = core.clock.now();
    loop {
        sleep(LOOK).await;
        core.store.rest();
        if core.clock.now().since(last) < SWEEP {
            continue;
        }
        last = core.clock.now();
        sweep_once(&core).await;
    }
}

/// Follows changes of the signing keys by other processes, and renews those whose time has come.
pub async fn keep_keys(core: Arc<Core>) {
    loop {
        sleep(KEYS).await;
        if let Err(error) = core.keep_oauth_keys().await {
            tracing::warn!(%error, "could not look after the signing keys; trying again soon");
        }
    }
}

/// Removes what has expired.
pub async fn sweep_once(core: &Core) {
    match core.sweep().await {
        Ok(swept) if swept.rows > 0 => tracing::debug!(rows = swept.rows, "swept what has expired"),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "could not sweep what has expired; trying again in a minute"),
    }
}

/// Notes how far the clock has come, so that the next start knows if it is behind by then (R156).
pub async fn note_time(core: &Core) {
    // The last minute's mark is in the store anyway.
    let _ = timeout(LAST_SWEEP, core.sweep()).await;
}

/// Loads the certificates again at each SIGHUP (R142), and what vouches for those of clients (R141).
pub async fn reload_on(hang_up: &mut Signal, mut certificates: Certificates) {
    while hang_up.recv().await.is_some() {
        if let Some(authorities) = &certificates.authorities {
            authorities.reload();
        }
        for certificate in certificates.all_mut() {
            let path = certificate.path().to_owned();
            match certificate.reload() {
                Ok(()) => {
                    let until = certificate.not_after.rfc3339();
                    tracing::info!(path = %path.display(), until, "certificate loaded again");
                    warn_if_near(&path, certificate.not_after);
                }
                Err(errors) => {
                    for error in errors {
                        tracing::error!(path = %path.display(), %error, "the old certificate stays in use");
                    }
                }
            }
        }
    }
    // No more signals can come; the caller waits for one that asks to stop.
    std::future::pending().await
}

/// Tells at start and each day of certificates that end soon.
pub async fn watch_expiry(certificates: Certificates) {
    let mut days = interval(DAY);
    loop {
        days.tick().await;
        for certificate in certificates.all() {
            // Another one may have been loaded since; the file says what is in use.
            let not_after = not_after_of(certificate.path()).unwrap_or(certificate.not_after);
            warn_if_near(certificate.path(), not_after);
        }
        if let Some(authorities) = &certificates.authorities {
            authorities.warn_if_stale();
        }
    }
}

/// The authorities of clients' certificates, with the files that they come from.
#[derive(Clone)]
pub struct Authorities {
    pub files: AuthorityFiles,
    pub loaded: ClientAuthorities,
}

impl Authorities {
    fn reload(&self) {
        match self.files.load() {
            Ok(authorities) => {
                self.loaded.replace(&authorities);
                let (path, lists) = (self.files.authorities.display(), self.files.lists.len());
                tracing::info!(%path, lists, "authorities of clients loaded again");
                self.warn_if_stale();
            }
            Err(error) => tracing::error!(%error, "the old authorities of clients stay in use"),
        }
    }

    fn warn_if_stale(&self) {
        let now = Clock::system().now();
        if let Some(until) = self.loaded.lists_end().filter(|until| *until <= now) {
            let until = until.rfc3339();
            tracing::error!(
                until,
                "a list of revoked certificates is out of date: its authority's clients are refused"
            );
        }
    }
}

fn not_after_of(path: &Path) -> Option<Timestamp> {
    use rustls_pki_types::pem::PemObject;
    let certificate = rustls_pki_types::CertificateDer::from_pem_file(path).ok()?;
    crate::tls::not_after(&certificate)
}

fn warn_if_near(path: &Path, not_after: Timestamp) {
    let now = Clock::system().now();
    let until = || not_after.rfc3339();
    if not_after <= now {
        tracing::error!(path = %path.display(), until = until(), "the certificate has expired: clients refuse to connect");
    } else if not_after.since(now) < NEAR {
        tracing::warn!(path = %path.display(), until = until(), "the certificate ends soon: renew it, then send SIGHUP");
    }
}
