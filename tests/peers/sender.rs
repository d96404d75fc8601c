//! Where mail comes from: signed by dkimpy (PyPI), with records that a name server on the loopback
//! gives.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use data_encoding::BASE64;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use tocsin::domain::{AuthResult, Provenance};
use tocsin::inbound::{MailAuth, NameServers};
use tokio::net::UdpSocket;

use crate::skip::skip;

/// A name server with these TXT records; other names do not exist.
async fn name_server(records: HashMap<String, String>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((size, client)) = socket.recv_from(&mut buffer).await {
            let Ok(asked) = Message::from_vec(&buffer[..size]) else {
                continue;
            };
            let question = asked.queries[0].clone();
            let mut answer = Message::response(asked.id, asked.op_code);
            answer.add_query(question.clone());
            let name = question.name().to_ascii().to_ascii_lowercase();
            let known = records.get(name.trim_end_matches('.'));
            match known {
                Some(text) if question.query_type() == RecordType::TXT => {
                    let strings = text.as_bytes().chunks(250);
                    let strings = strings.map(|part| String::from_utf8_lossy(part).into_owned());
                    let data = RData::TXT(TXT::new(strings.collect()));
                    answer.add_answer(Record::from_rdata(question.name().clone(), 60, data));
                }
                Some(_) => {}
                None => answer.metadata.response_code = ResponseCode::NXDomain,
            }
            socket
                .send_to(&answer.to_vec().unwrap(), client)
                .await
                .unwrap();
        }
    });
    address
}

/// A key in `folder/key.pem`; gives its public half as the DNS has it.
fn make_key(folder: &Path) -> Option<String> {
    let key = folder.join("key.pem");
    let made = Command::new("openssl")
        .args(["genrsa", "-out"])
        .arg(&key)
        .arg("2048")
        .output();
    made.ok().filter(|made| made.status.success())?;
    let public = Command::new("openssl")
        .args(["rsa", "-pubout", "-outform", "DER", "-in"])
        .arg(&key)
        .output();
    Some(BASE64.encode(&public.ok()?.stdout))
}

/// The mail with a signature of this domain.
fn signed(python: &Path, folder: &Path, domain: &str, mail: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/dkim/sign.py");
    let mut asked = Command::new(python)
        .arg(script)
        .arg(folder.join("key.pem"))
        .args(["s1", domain])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = asked.stdin.take().unwrap();
    said.write_all(mail.as_bytes()).unwrap();
    drop(said);
    let made = asked.wait_with_output().unwrap();
    assert!(made.status.success());
    String::from_utf8(made.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_known_by_its_server_its_signature_and_its_domain() {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tests/venv/bin/python");
    let folder = tempfile::tempdir().unwrap();
    let Some(key) = make_key(folder.path()).filter(|_| python.exists()) else {
        skip("openssl, and python3 -m venv .tests/venv with tests/peers/dkim/requirements.txt");
        return;
    };
    let records = [
        ("town.example", "v=spf1 ip4:192.0.2.0/24 -all".to_owned()),
        ("_dmarc.town.example", "v=DMARC1; p=reject".to_owned()),
        (
            "s1._domainkey.town.example",
            format!("v=DKIM1; k=rsa; p={key}"),
        ),
        ("lax.example", "v=spf1 ip4:192.0.2.0/24 ~all".to_owned()),
        ("_dmarc.lax.example", "v=DMARC1; p=none".to_owned()),
        (
            "s1._domainkey.other.example",
            format!("v=DKIM1; k=rsa; p={key}"),
        ),
    ];
    let records = records.map(|(name, text)| (name.to_owned(), text));
    let server = name_server(records.into()).await;
    let tls = tocsin::net::tls_client::client_config(true).unwrap();
    let auth = MailAuth::new("gw.example", NameServers::At(server), &tls).unwrap();
    let auth = Arc::new(auth);
    let check = async |raw: &str, sender: &str, author: &str| {
        let (raw, sender) = (Bytes::from(raw.to_owned()), sender.to_owned());
        Arc::clone(&auth)
            .check(raw, sender, author.to_owned(), Instant::now())
            .await
    };
    let mail = |from: &str| {
        format!(
            "From: Ann <ann@{from}>\r\nTo: alerts@gw.example\r\nSubject: Re: Flood\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@{from}>\r\n\r\nI am safe.\r\n"
        )
    };
    let by = |ip: &str, mail: &str| {
        format!(
            "Received: from out.example ([{ip}])\r\n\tby gw.example with ESMTP id 1;\r\n\tMon, 23 Nov 2026 10:00:01 +0000\r\n{mail}"
        )
    };
    let (home, away) = ("192.0.2.7", "203.0.113.9");
    let sign = |domain: &str, mail: &str| signed(&python, folder.path(), domain, mail);
    let of_town = sign("town.example", &mail("town.example"));
    let changed = of_town.replace("I am safe", "I am not safe");
    let of_other = sign("other.example", &mail("town.example"));
    let plain = mail("town.example");
    use AuthResult::{Fail, None, Pass, SoftFail};
    use Provenance::{Forged, Proven, Unproven};
    for (what, raw, sender, expected) in [
        (
            "at home, unsigned",
            by(home, &plain),
            "ann@town.example",
            (Pass, None, Pass, Proven),
        ),
        (
            "passed on, signed",
            by(away, &of_town),
            "list@lax.example",
            (SoftFail, Pass, Pass, Proven),
        ),
        (
            "passed on and changed",
            by(away, &changed),
            "ann@town.example",
            (Fail, Fail, Fail, Forged),
        ),
        (
            "from nowhere",
            by(away, &plain),
            "ann@town.example",
            (Fail, None, Fail, Forged),
        ),
        (
            "signed by another",
            by(away, &of_other),
            "x@other.example",
            (None, Pass, Fail, Forged),
        ),
        (
            "of a lax domain",
            by(away, &mail("lax.example")),
            "ann@lax.example",
            (SoftFail, None, Fail, Unproven),
        ),
        (
            "of a silent domain",
            by(away, &mail("silent.example")),
            "ann@silent.example",
            (None, None, None, Unproven),
        ),
        (
            "from nobody",
            by(away, &plain),
            "",
            (None, None, Fail, Forged),
        ),
    ] {
        let author = raw.split(['<', '>']).nth(1).unwrap();
        let (found, has_one_author) = check(&raw, sender, author).await;
        assert!(has_one_author, "{what}");
        let (spf, dkim, dmarc, provenance) = expected;
        assert_eq!(
            (found.spf, found.dkim, found.dmarc),
            (spf, dkim, dmarc),
            "{what}"
        );
        assert_eq!(found.provenance(), provenance, "{what}");
    }
    // Two authors, by two fields or in one, are not one; and neither is somebody else.
    for from in [
        "From: eve@silent.example\r\nFrom: ann@town.example",
        "From: ann@town.example, eve@silent.example",
        "From: \"ann@town.example\" <eve>, eve@silent.example",
        "From: eve@silent.example",
    ] {
        let raw = by(away, &format!("{from}\r\nSubject: x\r\n\r\nI am Ann.\r\n"));
        let (found, has_one_author) = check(&raw, "eve@silent.example", "ann@town.example").await;
        assert!(!has_one_author && found.provenance() != Proven, "{from}");
    }
    // Without our trace, and from a server of our own, nothing can be said.
    for raw in [plain.clone(), by("10.0.0.7", &plain)] {
        let (found, _) = check(&raw, "ann@town.example", "ann@town.example").await;
        assert_eq!(found.provenance(), Unproven);
    }
}
