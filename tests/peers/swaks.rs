//! swaks as an application that hands mail in. Needs the packages `swaks` and, for TLS,
//! `libnet-ssleay-perl`.
#![allow(dead_code)]

use std::{net::SocketAddr, process::Command};

/// How it speaks to us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// In clear.
    None,
    /// STARTTLS, any certificate.
    StartTls,
    /// TLS from the first byte, any certificate.
    Implicit,
}

/// One mail to hand in.
pub(crate) struct Swaks<'a> {
    pub(crate) server: SocketAddr,
    pub(crate) security: Security,
    /// User and password; tried with PLAIN or LOGIN.
    pub(crate) login: Option<(&'a str, &'a str)>,
    pub(crate) from: &'a str,
    pub(crate) to: &'a [&'a str],
    pub(crate) subject: &'a str,
    pub(crate) body: &'a str,
}

/// How it went.
pub(crate) struct Transcript {
    /// 0 when the server took the mail.
    pub(crate) exit_code: i32,
    /// The dialogue; the server's lines begin with `<`, encrypted ones with `<~`.
    pub(crate) text: String,
}

impl Transcript {
    /// Server lines with this reply code.
    pub(crate) fn replies(&self, code: u16) -> Vec<&str> {
        let marks = ["<-  ", "<~  ", "<** ", "<~* "];
        self.text
            .lines()
            .filter(|line| {
                marks.iter().any(|mark| {
                    line.strip_prefix(mark)
                        .is_some_and(|rest| rest.starts_with(&code.to_string()))
                })
            })
            .collect()
    }
}

/// Runs it; `None`, loudly, if it is not installed.
pub(crate) fn run(mail: &Swaks<'_>) -> Option<Transcript> {
    let mut command = Command::new("swaks");
    command
        .args([
            "--server",
            &mail.server.ip().to_string(),
            "--port",
            &mail.server.port().to_string(),
        ])
        .args([
            "--helo",
            "app.example",
            "--timeout",
            "20",
            "--from",
            mail.from,
            "--to",
            &mail.to.join(","),
        ])
        .args([
            "--header",
            &format!("Subject: {}", mail.subject),
            "--body",
            mail.body,
        ]);
    match mail.security {
        Security::None => {}
        Security::StartTls => {
            command.arg("--tls");
        }
        Security::Implicit => {
            command.arg("--tls-on-connect");
        }
    }
    if let Some((user, password)) = mail.login {
        command.args([
            "--auth",
            "PLAIN,LOGIN",
            "--auth-user",
            user,
            "--auth-password",
            password,
        ]);
    }
    match command.output() {
        Ok(output) => Some(Transcript {
            exit_code: output.status.code().unwrap_or(-1),
            text: String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr),
        }),
        Err(error) => {
            eprintln!(
                "SKIPPED: no swaks here (Debian package swaks): {error}; submission by it was NOT checked"
            );
            None
        }
    }
}
