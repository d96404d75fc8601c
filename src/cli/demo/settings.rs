//! The configuration that the demo runs with.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::firm;
use crate::sim::people::DOMAINS;

pub(super) fn config_text(
    folder: &Path,
    console: SocketAddr,
    public: SocketAddr,
    mx: SocketAddr,
    mail: SocketAddr,
    centre: SocketAddr,
    network: SocketAddr,
) -> String {
    let routes: String = DOMAINS
        .iter()
        .chain(&firm::DOMAINS)
        .map(|domain| {
            format!(
                "[[email.route]]\ndomain = \"{domain}\"\nhost = \"127.0.0.1\"\nport = {}\n\n",
                mail.port()
            )
        })
        .collect();
    format!(
        r#"[server]
name = "alerts.eastmere.example"
domain = "eastmere.example"
state = {folder:?}
inline_secrets = true
drain_timeout = "5s"

[listen.submission]
addresses = ["127.0.0.1:0"]
[listen.submissions]
addresses = ["127.0.0.1:0"]
[listen.mx]
addresses = ["{mx}"]
[listen.console]
addresses = ["{console}"]
[listen.public]
addresses = ["{public}"]

[public]
url = "http://{public}"
allowed_hosts = []

[email]
from = "alerts@eastmere.example"
from_name = "Eastmere County Alerts"
concurrency = 50
concurrency_per_host = 20
check_senders = false

{routes}[[sms.bind]]
name = "simulated"
host = "127.0.0.1"
port = {centre}
system_id = "tocsin"
password = "secret"
source = "+441632960999"
window = 50
rate_per_second = 500

{voice}"#,
        centre = centre.port(),
        voice = voice_text(network),
    )
}

/// Calls and categories.
fn voice_text(network: SocketAddr) -> String {
    format!(
        r#"[voice]
bind = "127.0.0.1:0"
max_calls = 100
calls_per_second = 50
ring_timeout = "8s"

[voice.speech]
command = {speech}

[voice.trunk]
host = "127.0.0.1"
port = {network}
user = "tocsin"
password = "secret"
caller_id = "+441632960999"

[[category]]
name = "alert"
title = "Alert"
confirmation_required = true

[[category]]
name = "general"
title = "General"
"#,
        speech = speech_command(),
        network = network.port(),
    )
}

/// espeak-ng where it is installed; a tone of ours where it is not.
fn speech_command() -> String {
    let found = std::process::Command::new("espeak-ng")
        .arg("--version")
        .output()
        .is_ok();
    if found {
        return r#"["espeak-ng", "--stdin", "--stdout", "-v", "{voice}", "-s", "150"]"#.to_owned();
    }
    eprintln!("espeak-ng is not installed: calls will play a tone instead of speech");
    let own = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tocsin"));
    format!("[{own:?}, \"tone\"]")
}
