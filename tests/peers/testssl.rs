//! testssl.sh looks at our TLS from outside, at both doors of applications.

use std::time::Duration;

use serde_json::Value;
use tocsin::listener::Service;

use crate::server::{Server, peer_within};

/// Longest run, on a machine that has other things to do.
const RUN_MAX: Duration = Duration::from_secs(400);
/// What it finds of a certificate that a test made for itself, and not of how we speak TLS.
const OF_THE_CERTIFICATE: [&str; 6] = [
    "cert_chain_of_trust",
    "cert_trust",
    "cert_revocation",
    "cert_commonName",
    "cert_validityPeriod",
    "DNS_CAArecord",
];
/// Only strong suites are offered, so that the client may choose.
const CLIENT_CHOOSES: &str = "cipher_order";
/// Protocols, suites, forward secrecy, what the server says of itself, known holes.
const LOOKS: [&str; 5] = ["-p", "-s", "-f", "-S", "-U"];

/// What it finds, as id and severity.
async fn look(service: Service, more: &[&str]) -> Option<Vec<(String, String)>> {
    let server = Server::start(service).await;
    let folder = tempfile::tempdir().unwrap();
    let found = folder.path().join("found.json");
    let (file, address) = (found.display().to_string(), server.addr.to_string());
    let quiet = ["--quiet", "--warnings", "off", "--color", "0"];
    let mut arguments: Vec<&str> = quiet.to_vec();
    arguments.extend(["--ip", "one", "--jsonfile", &file]);
    arguments.extend(LOOKS);
    arguments.extend(more);
    arguments.push(&address);
    let (_, said) = peer_within(RUN_MAX, "testssl", &arguments).await?;
    let found = std::fs::read(&found).unwrap_or_else(|error| panic!("{error}: {said}"));
    let found: Vec<Value> = serde_json::from_slice(&found).unwrap();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let found = found.iter();
    Some(
        found
            .map(|one| (text(one, "id"), text(one, "severity")))
            .collect(),
    )
}

/// Nothing that is worse than worth knowing, and what must be there is.
#[track_caller]
fn judge(found: &[(String, String)]) {
    let is_known = |id: &str| OF_THE_CERTIFICATE.contains(&id) || id == CLIENT_CHOOSES;
    let worse = found.iter().filter(|(id, severity)| {
        let is_bad = matches!(severity.as_str(), "LOW" | "MEDIUM" | "HIGH" | "CRITICAL");
        is_bad && !is_known(id)
    });
    let worse: Vec<_> = worse.collect();
    assert!(worse.is_empty(), "{worse:?}");
    for id in [
        "SSLv3",
        "TLS1_2",
        "TLS1_3",
        "PFS",
        "ROBOT",
        "cipherlist_NULL",
    ] {
        let one = found.iter().find(|(one, _)| one == id);
        assert!(
            one.is_some_and(|(_, severity)| severity == "OK"),
            "{id}: {one:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn testssl_finds_nothing_behind_starttls_nor_behind_implicit_tls() {
    let (behind_starttls, implicit) = tokio::join!(
        look(Service::Submission, &["-t", "smtp"]),
        look(Service::Submissions, &[])
    );
    for found in [behind_starttls, implicit].into_iter().flatten() {
        judge(&found);
    }
}
