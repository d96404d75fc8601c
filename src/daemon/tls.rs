//! Our certificate, and the roots that our own connections trust.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::ClientConfig;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::config::Config;
use crate::net::tls_client::{client_config, client_config_with_more_roots};
use crate::net::tls_server::{CertificateSource, ServerTls};

pub(super) fn certificate(config: &Config, clock: SharedClock) -> anyhow::Result<ServerTls> {
    let source = match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => CertificateSource::Files {
            certificate: certificate.clone(),
            key: key.clone(),
        },
        _ => {
            anyhow::ensure!(
                config.tls.generate,
                "there is no certificate and tls.generate is off"
            );
            let names = [&config.server.name, "localhost", "127.0.0.1", "::1"];
            CertificateSource::SelfSigned {
                folder: config.server.state.join("tls"),
                names: names.map(str::to_owned).to_vec(),
            }
        }
    };
    ServerTls::load(source, clock).context("the certificate cannot be used")
}

/// What connections that check certificates are made with.
pub(super) fn verifying(config: &Config) -> anyhow::Result<Arc<ClientConfig>> {
    match &config.tls.extra_roots {
        Some(path) => client_config_with_more_roots(path).context("tls.extra_roots cannot be used"),
        None => client_config(true).context("TLS cannot be set up"),
    }
}

/// Looks at the certificate's files every `interval` until stopped.
pub(super) async fn watch(tls: Arc<ServerTls>, interval: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => look(&tls).await,
        }
    }
}

/// Takes a new certificate into force, if there is one that can be used.
pub(super) async fn look(tls: &Arc<ServerTls>) {
    let reader = Arc::clone(tls);
    let Ok(result) = tokio::task::spawn_blocking(move || reader.reload()).await else {
        tracing::error!("the certificate cannot be reloaded; the old one stays in force");
        return;
    };
    let days_left = tls.days_left();
    match result {
        Ok(true) => tracing::info!(days_left, "new certificate in force"),
        Ok(false) => tracing::debug!(days_left, "certificate unchanged"),
        Err(error) => {
            tracing::error!(%error, "the certificate cannot be reloaded; the old one stays in force");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn make(folder: &std::path::Path) {
        let source = CertificateSource::SelfSigned {
            folder: folder.to_owned(),
            names: vec!["localhost".to_owned()],
        };
        ServerTls::load(source, SystemClock::shared()).unwrap();
    }

    #[tokio::test]
    async fn a_renewed_certificate_is_found_without_a_signal() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        make(first.path());
        make(second.path());
        let mut config = Config::defaults();
        config.tls.certificate = Some(first.path().join("certificate.pem"));
        config.tls.key = Some(first.path().join("key.pem"));
        let tls = Arc::new(certificate(&config, SystemClock::shared()).unwrap());
        let mut configs = tls.subscribe();
        configs.mark_unchanged();
        let stop = CancellationToken::new();
        let interval = Duration::from_millis(20);
        let watching = tokio::spawn(watch(Arc::clone(&tls), interval, stop.clone()));
        for file in ["key.pem", "certificate.pem"] {
            std::fs::copy(second.path().join(file), first.path().join(file)).unwrap();
        }
        let changed = tokio::time::timeout(Duration::from_secs(30), configs.changed()).await;
        changed.unwrap().unwrap();
        stop.cancel();
        watching.await.unwrap();
    }

    #[test]
    fn without_a_certificate_there_is_no_start() {
        let mut config = Config::defaults();
        config.tls.generate = false;
        let error = certificate(&config, SystemClock::shared()).unwrap_err();
        assert!(error.to_string().contains("tls.generate"), "{error}");
    }

    #[test]
    fn roots_that_are_none_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        let mut config = Config::defaults();
        config.tls.extra_roots = Some(path.clone());
        let error = || format!("{:#}", verifying(&config).unwrap_err());
        assert!(error().contains("roots.pem"), "{}", error());
        std::fs::write(&path, "nonsense").unwrap();
        assert!(error().contains("no certificate"), "{}", error());
        make(folder.path());
        std::fs::copy(folder.path().join("certificate.pem"), &path).unwrap();
        verifying(&config).unwrap();
    }
}
