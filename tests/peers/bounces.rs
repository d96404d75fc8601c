//! What becomes of mail at servers that deliver it, refuse it, put it off, or take it and bounce
//! it to our MX afterwards: Exim and OpenSMTPD, swaks as the application, and the program as a
//! process of its own between them. What it made of everything is read from the state that it
//! leaves.

use std::net::SocketAddr;
use std::path::Path;

use tocsin::domain::{BounceClass, Delivery, MethodState};
use tocsin::store::engine::OpenOptions;
use tocsin::store::{Repo, Store};

use crate::mta::Mta;
use crate::process::{Process, free_addresses, settings};
use crate::server::peer;
use crate::{exim, opensmtpd};

const ACCOUNT: &str = "payroll";
const PASSWORD: &str = "walrus-under-the-bridge";
const WORDS: &str = "Kumquat harvest resumes at noonday.";
/// The mailbox whose message is too large for the server; all others get a small one.
const HUGE: &str = "huge";
const HUGE_SIZE_BYTES: usize = 150_000;
/// Deliveries looked at; more than there are.
const DELIVERIES_MAX: usize = 100;

/// What is to become of the message to one mailbox.
struct Case {
    mailbox: &'static str,
    /// Each status with the class and the reason of what was said, without repetitions.
    story: &'static [&'static str],
    /// How the last thing that was said begins, as it was written.
    diagnostic: &'static str,
}

const DELIVERED: &str = "received success delivered";
const DELIVERED_AT_ONCE: &[&str] = &["queued", DELIVERED];
const DELIVERED_AFTER_GREYLISTING: &[&str] = &["queued", "deferred soft rate", DELIVERED];
const REFUSED_FOR_ITS_SIZE: &[&str] = &["queued", "rebound soft too_big"];

const EXIM: &[Case] = &[
    Case {
        mailbox: "ann",
        story: DELIVERED_AT_ONCE,
        diagnostic: "250 OK id=",
    },
    Case {
        mailbox: "grey",
        story: DELIVERED_AFTER_GREYLISTING,
        diagnostic: "250 OK id=",
    },
    Case {
        mailbox: HUGE,
        story: REFUSED_FOR_ITS_SIZE,
        diagnostic: "127.0.0.1: message of ",
    },
    // Exim says the same of users and of hosts.
    Case {
        mailbox: "nobody",
        story: &["queued", "rebound hard host_unknown"],
        diagnostic: "550 Unrouteable address",
    },
    Case {
        mailbox: "late",
        story: &["queued", DELIVERED, "rebound hard host_unknown"],
        diagnostic: "late@exim.example Unrouteable address",
    },
    Case {
        mailbox: "behind",
        story: &["queued", DELIVERED, "rebound hard user_unknown"],
        diagnostic: "smtp; 550 5.1.1 <behind@exim.example>: no such user behind this server",
    },
    Case {
        mailbox: "full",
        story: &["queued", DELIVERED, "rebound soft mailbox_full"],
        diagnostic: "full@exim.example mailbox is full: ",
    },
    Case {
        mailbox: "large",
        story: &["queued", DELIVERED, "rebound soft too_big"],
        diagnostic: "smtp; 552 5.3.4 Message size exceeds maximum permitted",
    },
    // Exim does not tell senders what its own mailboxes have against a message.
    Case {
        mailbox: "bulky",
        story: &["queued", DELIVERED, "rebound soft undefined"],
        diagnostic: "bulky@exim.example",
    },
    Case {
        mailbox: "slow",
        story: &[
            "queued",
            DELIVERED,
            "received delay expired",
            "rebound soft expired",
        ],
        diagnostic: "slow@exim.example retry timeout exceeded",
    },
];

const OPENSMTPD: &[Case] = &[
    Case {
        mailbox: "ann",
        story: DELIVERED_AT_ONCE,
        diagnostic: "250 2.0.0 ",
    },
    Case {
        mailbox: "grey",
        story: DELIVERED_AFTER_GREYLISTING,
        diagnostic: "250 2.0.0 ",
    },
    Case {
        mailbox: HUGE,
        story: REFUSED_FOR_ITS_SIZE,
        diagnostic: "127.0.0.1: message of ",
    },
    Case {
        mailbox: "nobody",
        story: &["queued", "rebound hard user_unknown"],
        diagnostic: "550 Invalid recipient: <nobody@osmtpd.example>",
    },
    // The same where addresses are virtual, and not known for it by its words.
    Case {
        mailbox: "stray",
        story: &["queued", "rebound soft system"],
        diagnostic: "524 5.2.4 Mailing list expansion problem: <stray@osmtpd.example>",
    },
    Case {
        mailbox: "late",
        story: &["queued", DELIVERED, "rebound hard user_unknown"],
        diagnostic: "late@osmtpd.example: 550 Invalid recipient: <late@osmtpd.example>",
    },
    Case {
        mailbox: "full",
        story: &["queued", DELIVERED, "rebound soft mailbox_full"],
        diagnostic: "full@osmtpd.example: \"mailbox is full\"",
    },
    Case {
        mailbox: "large",
        story: &["queued", DELIVERED, "rebound soft too_big"],
        diagnostic: "large@osmtpd.example: 552 5.3.4 Message too big for system",
    },
    // OpenSMTPD does not tell senders how a delivery program ended.
    Case {
        mailbox: "lost",
        story: &["queued", DELIVERED, "rebound soft mailer"],
        diagnostic: "lost@osmtpd.example: exited abnormally",
    },
    // OpenSMTPD 6.8 says of what it has given up that it is delayed, in words of its own.
    Case {
        mailbox: "slow",
        story: &[
            "queued",
            DELIVERED,
            "received delay system",
            "rebound soft expired",
        ],
        diagnostic: "slow@osmtpd.example: Envelope expired",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn exim_delivers_refuses_puts_off_and_bounces() {
    let [mx] = free_addresses();
    let Some(server) = exim::start(mx) else {
        return;
    };
    check(&server, mx, exim::DOMAIN, EXIM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opensmtpd_delivers_refuses_puts_off_and_bounces() {
    let [mx] = free_addresses();
    let Some(server) = opensmtpd::start(mx) else {
        return;
    };
    check(&server, mx, opensmtpd::DOMAIN, OPENSMTPD).await;
}

/// Writes to all of them over the gateway, waits for whatever comes back, and looks.
async fn check(server: &Mta, mx: SocketAddr, domain: &str, cases: &[Case]) {
    let [submission, console] = free_addresses();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let config = config(place, [submission, mx, console], domain, server.address);
    std::fs::write(place.join("tocsin.toml"), config).unwrap();
    let mut gateway = Process::serve(place, submission);

    let all = cases.iter().map(|case| case.mailbox);
    let small: Vec<String> = all
        .filter(|mailbox| *mailbox != HUGE)
        .map(|mailbox| format!("{mailbox}@{domain}"))
        .collect();
    hand_in(submission, &small.join(","), WORDS).await;
    let letter = place.join("huge.txt");
    std::fs::write(&letter, "Kumquats.\n".repeat(HUGE_SIZE_BYTES / 10)).unwrap();
    let letter = format!("@{}", letter.display());
    hand_in(submission, &format!("{HUGE}@{domain}"), &letter).await;

    let count = |is_so: &dyn Fn(&str) -> bool| {
        let told = cases.iter().flat_map(|case| case.story.iter().copied());
        told.filter(|told| is_so(told)).count()
    };
    gateway.wait_for_log("status=\"received\"", count(&|told| told == DELIVERED));
    for class in [BounceClass::Hard, BounceClass::Soft, BounceClass::Delay] {
        let class = class.as_str();
        let reports = count(&|told| told.split(' ').nth(1) == Some(class)) - refusals(cases, class);
        // The orderly end waits for what it says that it has read.
        gateway.wait_for_log(&format!("class=\"{class}\""), reports);
    }
    gateway.stop();

    for mailbox in ["ann", "grey"] {
        let mails = server.mails(mailbox);
        assert_eq!(mails.len(), 1, "{mailbox}: {mails:?}");
        assert!(
            mails[0].contains("@bounces.gw.example>") && mails[0].contains(WORDS),
            "{}",
            mails[0]
        );
    }
    look(place, domain, cases, &server.log()).await;
}

/// How often something of this class is said in a session, and not by a report.
fn refusals(cases: &[Case], class: &str) -> usize {
    let said_in_session = |case: &Case| {
        let until_taken = case.story.iter().take_while(|told| **told != DELIVERED);
        until_taken
            .filter(|told| told.split(' ').nth(1) == Some(class))
            .count()
    };
    cases.iter().map(said_in_session).sum()
}

fn config(place: &Path, own: [SocketAddr; 3], domain: &str, server: SocketAddr) -> String {
    let own = settings(place, own, (ACCOUNT, PASSWORD));
    format!(
        r#"{own}
[email.retry]
delays = ["2s"]
jitter_percent = 0
[[email.route]]
domain = "{domain}"
host = "127.0.0.1"
port = {port}
[log]
level = "info"
"#,
        port = server.port(),
    )
}

/// Hands a message in; a body that begins with an at sign is the name of a file.
async fn hand_in(submission: SocketAddr, to: &str, body: &str) {
    let server = submission.to_string();
    let arguments = [
        "--server",
        &server,
        "--helo",
        "app.example",
        "--tls",
        "--auth",
        "PLAIN",
        "--auth-user",
        ACCOUNT,
        "--auth-password",
        PASSWORD,
        "--from",
        "office@gw.example",
        "--to",
        to,
        "--header",
        "Subject: Zebra crossing closed",
        "--body",
        body,
        "--timeout",
        "30",
        "--suppress-data",
    ];
    let Some((content, transcript)) = peer("swaks", &arguments).await else {
        panic!("the application is missing, everything else is there");
    };
    assert!(content, "{transcript}");
}

/// What the state tells afterwards.
async fn look(place: &Path, domain: &str, cases: &[Case], log: &str) {
    let options = OpenOptions::default();
    let repo = Repo::new(Store::open(&place.join("state"), &options).unwrap());
    let all = repo.deliveries(None, DELIVERIES_MAX).unwrap().rows;
    assert_eq!(all.len(), cases.len());
    for case in cases {
        let address = format!("{}@{domain}", case.mailbox);
        let mut to_it = all
            .iter()
            .filter(|delivery| delivery.destination.reveal() == address);
        let delivery = to_it.next().unwrap();
        assert_eq!(story(delivery), case.story, "{address}; {domain}:\n{log}");
        let verdict = delivery.last_verdict().unwrap();
        let diagnostic = verdict.diagnostic.as_str();
        assert!(
            diagnostic.starts_with(case.diagnostic),
            "{address}: {diagnostic}"
        );
        let contact = repo.contact(delivery.contact).unwrap().unwrap();
        let method = contact.method(delivery.method).unwrap();
        assert_eq!(
            method.state == MethodState::Suspended,
            verdict.class == BounceClass::Hard,
            "{address} is {:?}",
            method.state
        );
    }
    repo.store().clone().close().await.unwrap();
}

fn story(delivery: &Delivery) -> Vec<String> {
    let told = delivery.timeline.iter().map(|change| {
        let status = change.status.as_str();
        match &change.verdict {
            None => status.to_owned(),
            Some(verdict) => {
                let (class, reason) = (verdict.class.as_str(), verdict.reason.as_str());
                format!("{status} {class} {reason}")
            }
        }
    });
    let mut story: Vec<String> = told.collect();
    story.dedup();
    story
}
