//! Our signatures, verified by dkimpy (PyPI), which shares no code with us.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    mail_out::{channel_to, listen, send},
    skip::skip,
};
use tocsin::{channel::email::DkimKeys, config::Dkim};

/// Longest wait for a mail that was sent.
const MAIL_TIMEOUT: Duration = Duration::from_secs(20);

fn make_key(path: &Path, arguments: &[&str]) -> bool {
    let mut asked = Command::new("openssl");
    asked.args(["genpkey", "-out"]).arg(path).args(arguments);
    asked.output().is_ok_and(|made| made.status.success())
}

/// What dkimpy says of a mail.
fn verified(python: &Path, records: &[(String, String)], raw: &[u8]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/dkim/verify.py");
    let records = records.iter().map(|(name, text)| format!("{name}={text}"));
    let mut asked = Command::new(python)
        .arg(script)
        .args(records)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    asked.stdin.take().unwrap().write_all(raw).unwrap();
    let said = asked.wait_with_output().unwrap();
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_signatures_hold_for_others_and_break_with_the_mail() {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tests/venv/bin/python");
    let folder = tempfile::tempdir().unwrap();
    let key = |name: &str| folder.path().join(name);
    let rsa = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let are_made =
        make_key(&key("rsa.pem"), &rsa) && make_key(&key("ed.pem"), &["-algorithm", "ed25519"]);
    if !python.exists() || !are_made {
        skip("openssl, and python3 -m venv .tests/venv with tests/peers/dkim/requirements.txt");
        return;
    }
    let (address, mails) = listen();
    let configured = [("r1", "rsa.pem"), ("e1", "ed.pem")].map(|(selector, name)| Dkim {
        domain: "gw.example".to_owned(),
        selector: selector.to_owned(),
        key: key(name),
    });
    let keys = DkimKeys::read(&configured).unwrap();
    let channel = channel_to(address, |parts| parts.dkim = keys.clone());
    send(&channel, "ann@town.example", 1).await;
    let mail = tokio::task::spawn_blocking(move || mails.recv_timeout(MAIL_TIMEOUT).unwrap());
    let raw = mail.await.unwrap().raw;
    let records = keys.records();
    assert_eq!(
        verified(&python, &records, raw.as_bytes()),
        "verified 2 of 2"
    );
    // Blanks and empty lines may change on the way; words may not, nor may fields be added.
    let bent = raw.replace("Subject: ", "Subject:   ") + "\r\n\r\n";
    assert_eq!(
        verified(&python, &records, bent.as_bytes()),
        "verified 2 of 2"
    );
    for changed in [
        raw.replace("Go up.", "Go down."),
        raw.replace("Flood", "Flood, again"),
        format!("Subject: another\r\n{raw}"),
    ] {
        let said = verified(&python, &records, changed.as_bytes());
        assert_eq!(said, "verified 0 of 2");
    }
}
