//! swaks, msmtp, curl and Postfix's smtp-source as applications that hand in mail.

use tocsin::listener::Service;

use crate::server::{MESSAGE_SIZE_MAX_BYTES, Server, peer, told};

/// Runs swaks with one ordinary message and more options.
async fn swaks(server: &Server, options: &[&str]) -> Option<(bool, String)> {
    let addr = server.addr.to_string();
    let mut arguments = vec![
        "--server",
        &addr,
        "--helo",
        "app.example",
        "--from",
        "office@tocsin.example",
        "--timeout",
        "20",
        "--h-Subject",
        "Alert",
        "--h-From",
        "Office <office@tocsin.example>",
    ];
    if !options.contains(&"--to") {
        arguments.extend(["--to", "anna@recipient.example"]);
    }
    arguments.extend(options);
    peer("swaks", &arguments).await
}

const LOGIN: [&str; 4] = ["--auth-user", "app", "--auth-password", "secret word"];

#[track_caller]
fn refused(result: (bool, String), reply: &str) {
    let (content, transcript) = result;
    assert!(!content, "swaks was content:\n{transcript}");
    assert!(transcript.contains(reply), "no {reply:?} in:\n{transcript}");
}

#[track_caller]
fn accepted(result: (bool, String)) {
    let (content, transcript) = result;
    assert!(content, "swaks was not content:\n{transcript}");
    assert!(
        transcript.contains("Ok, queued as m"),
        "no 250 in:\n{transcript}"
    );
}

#[tokio::test]
async fn swaks_hands_in_mail_by_starttls_and_plain() {
    let server = Server::start(Service::Submission).await;
    let options = [
        &LOGIN[..],
        &[
            "--tls",
            "--auth",
            "PLAIN",
            "--body",
            "Line\n.dot\n..dots\nend",
        ],
    ]
    .concat();
    let Some(result) = swaks(&server, &options).await else {
        return;
    };
    accepted(result);
    let (message, text) = server.only_message();
    assert_eq!(message.session.user.as_deref(), Some("app"));
    assert_eq!(message.envelope.from.to_string(), "office@tocsin.example");
    assert!(
        text.starts_with("Received: from app.example ([127.0.0.1])"),
        "{text}"
    );
    assert!(text.contains("with ESMTPSA id"), "{text}");
    assert!(text.contains("\r\nSubject: Alert\r\n"), "{text}");
    assert!(
        text.contains("\r\n\r\nLine\r\n.dot\r\n..dots\r\nend\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn swaks_hands_in_mail_by_implicit_tls_and_login_pipelined() {
    let server = Server::start(Service::Submissions).await;
    let recipients = "a@recipient.example,+491701234567@sms.tocsin.example";
    let options = [
        &LOGIN[..],
        &[
            "--tlsc",
            "--auth",
            "LOGIN",
            "--pipeline",
            "--to",
            recipients,
        ],
    ]
    .concat();
    let Some(result) = swaks(&server, &options).await else {
        return;
    };
    accepted(result);
    assert_eq!(server.only_message().0.envelope.recipients.len(), 2);
}

/// GNU SASL checks our signature, too: a server that has it wrong is not believed.
#[tokio::test]
async fn msmtp_hands_in_mail_by_scram() {
    let server = Server::start(Service::Submission).await;
    let folder = tempfile::tempdir().unwrap();
    let mail = folder.path().join("mail");
    std::fs::write(&mail, "Subject: Alert\n\nLine\n").unwrap();
    let port = format!("--port={}", server.addr.port());
    let hand_in = async |user: &str, password: &str| {
        let (user, password) = (
            format!("--user={user}"),
            format!("--passwordeval={password}"),
        );
        let arguments = [
            "--host=127.0.0.1",
            &port,
            "--tls=on",
            "--tls-certcheck=off",
            "--auth=scram-sha-256",
            &user,
            &password,
            "--from=office@tocsin.example",
            "--debug",
            "anna@recipient.example",
        ];
        let input = std::fs::File::open(&mail).unwrap();
        told("msmtp", &arguments, input.into()).await
    };
    let Some((content, transcript)) = hand_in("app", "echo secret word").await else {
        return;
    };
    assert!(content, "{transcript}");
    assert!(transcript.contains("<-- 235 2.7.0"), "{transcript}");
    let (message, _) = server.only_message();
    assert_eq!(message.session.user.as_deref(), Some("app"));
    for (user, password) in [("app", "echo secret words"), ("ape", "echo secret word")] {
        let (content, transcript) = hand_in(user, password).await.unwrap();
        assert!(!content && transcript.contains("535 5.7.8"), "{transcript}");
    }
}

#[tokio::test]
async fn swaks_is_refused_where_it_should_be() {
    let server = Server::start(Service::Submission).await;
    let Some(result) = swaks(&server, &[]).await else {
        return;
    };
    refused(result, "530 5.7.0 Must issue STARTTLS first");
    refused(
        swaks(&server, &["--tls"]).await.unwrap(),
        "530 5.7.0 Authentication required",
    );
    let wrong = [
        "--tls",
        "--auth",
        "PLAIN",
        "--auth-user",
        "app",
        "--auth-password",
        "wrong",
    ];
    refused(swaks(&server, &wrong).await.unwrap(), "535 5.7.8");
    let login = [&LOGIN[..], &["--tls", "--auth", "PLAIN"]].concat();
    let unknown = [&login[..], &["--to", "unknown@recipient.example"]].concat();
    refused(swaks(&server, &unknown).await.unwrap(), "550 5.1.1");
    let big = "0123456789 abcdef\n".repeat(MESSAGE_SIZE_MAX_BYTES / 16);
    let big = [&login[..], &["--body", &big]].concat();
    refused(swaks(&server, &big).await.unwrap(), "552 5.3.4");
    let long_line = "x".repeat(1200);
    let long_line = [&login[..], &["--body", &long_line]].concat();
    refused(swaks(&server, &long_line).await.unwrap(), "554 5.6.0");
    assert!(server.stored().is_empty(), "a refused message was stored");
    accepted(swaks(&server, &login).await.unwrap());
}

#[tokio::test]
async fn swaks_hangs_up_in_the_middle_and_nothing_is_stored() {
    let server = Server::start(Service::Mx).await;
    for place in ["MAIL", "RCPT", "DATA"] {
        let options = ["--drop-after-send", place];
        if swaks(&server, &options).await.is_none() {
            return;
        }
    }
    assert!(server.stored().is_empty());
    accepted(swaks(&server, &["--from", "<>"]).await.unwrap());
    assert_eq!(server.only_message().0.envelope.from.to_string(), "");
}

#[tokio::test]
async fn curl_hands_in_mail_with_size_announced() {
    let server = Server::start(Service::Submissions).await;
    let folder = tempfile::tempdir().unwrap();
    let send = async |name: &str, body: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, body).unwrap();
        let url = format!("smtps://{}/app.example", server.addr);
        let file = file.display().to_string();
        let arguments = [
            "--silent",
            "--show-error",
            "--verbose",
            "--insecure",
            "--max-time",
            "30",
            "--url",
            &url,
            "--user",
            "app:secret word",
            "--mail-from",
            "office@tocsin.example",
            "--mail-rcpt",
            "anna@recipient.example",
            "--upload-file",
            &file,
        ];
        peer("curl", &arguments).await
    };
    let Some((content, transcript)) = send("small", "Subject: x\r\n\r\nhello\r\n").await else {
        return;
    };
    assert!(content, "{transcript}");
    assert!(
        server
            .only_message()
            .1
            .ends_with("Subject: x\r\n\r\nhello\r\n")
    );
    let (content, transcript) = send(
        "big",
        &"0123456789 abcdef\r\n".repeat(MESSAGE_SIZE_MAX_BYTES / 16),
    )
    .await
    .unwrap();
    assert!(!content && transcript.contains("552 5.3.4"), "{transcript}");
    assert!(
        !transcript.contains("> DATA"),
        "the data was sent all the same:\n{transcript}"
    );
}

#[tokio::test]
async fn smtp_source_delivers_a_thousand_messages_over_twenty_connections() {
    let server = Server::start(Service::Mx).await;
    let addr = format!("inet:{}", server.addr);
    let arguments = [
        "-s",
        "20",
        "-m",
        "1000",
        "-l",
        "10000",
        "-r",
        "1",
        "-f",
        "a@sender.example",
        "-t",
        "b@tocsin.example",
        &addr,
    ];
    let Some((content, transcript)) = peer("smtp-source", &arguments).await else {
        return;
    };
    assert!(content, "{transcript}");
    let stored = server.stored();
    assert_eq!(stored.len(), 1000);
    assert!(stored.iter().all(|message| message.raw.len() > 9_900));
}
