//! Debian's Prometheus Alertmanager: what its `webhook_config` sends is taken by the daemon, as
//! often as it repeats it, and comes out as mails.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tocsin::clock::SystemClock;
use tocsin::config::{Config, Surroundings};
use tocsin::daemon::Daemon;
use tocsin::domain::{
    Actor, ContactKind, Destination, Details, EmailAddress, MethodDetail, MethodKind, Redacted,
    Relation, UserId,
};
use tocsin::sim::mx::{Script, SimMx, SimMxConfig};
use tocsin::store::{CommunicationList, Order};
use tokio::process::{Child, Command};

use crate::process::{free_addresses, run};
use crate::skip::skip;

const BY: UserId = UserId::from_bytes([1; 16]);
const GROUP: &str = "On call";
/// Longest wait for anything.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// How often the same has been said before it is over.
const REPEATS: u64 = 3;
/// When the alert began, so that it is the same one when it is over.
const SINCE: &str = "2026-01-05T10:00:00Z";
const OVER: &str = "2026-01-05T10:05:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_that_repeats_itself_is_heard_once_and_once_when_it_is_over() {
    if !is_there().await {
        return skip(
            "no Alertmanager here (Debian package prometheus-alertmanager); its notifications were NOT taken",
        );
    }
    let mx = SimMxConfig::new(Script::accept_all(), None, SystemClock::shared());
    let mx = SimMx::start(mx).await.unwrap();
    let [console, door] = free_addresses();
    let folder = tempfile::tempdir().unwrap();
    let config = configure(folder.path(), mx.addr(), console);
    let token = token(folder.path());
    let daemon = Daemon::start(config, None).await.unwrap();
    somebody_on_call(&daemon).await;

    let manager = Alertmanager::start(folder.path(), door, console, token.trim()).await;
    manager.say(&["--start", SINCE]).await;
    manager.wait_for_notifications(REPEATS).await;
    manager.say(&["--start", SINCE, "--end", OVER]).await;
    let subjects = subjects(&mx, 2).await;
    assert_eq!(
        subjects,
        ["Pump 3 stands still", "Resolved: Pump 3 stands still"]
    );
    assert_eq!(
        manager
            .count("alertmanager_notifications_failed_total")
            .await,
        0
    );

    let written = CommunicationList::Written;
    let all = daemon
        .repo()
        .communications_in(Order::Usual, written, None, 10)
        .unwrap()
        .rows;
    assert_eq!(all.len(), 2, "the same alert was told more than once");
    let first = all.iter().find(|one| one.related.is_none()).unwrap();
    let related = all.iter().find_map(|one| one.related).unwrap();
    assert_eq!(
        (related.to, related.relation),
        (first.id, Relation::FollowUp)
    );
    drop(manager);
    daemon.drain().await;
    mx.stop().await;
}

/// Whether the Alertmanager and its client are installed.
async fn is_there() -> bool {
    for program in ["prometheus-alertmanager", "amtool"] {
        let said = Command::new(program).arg("--version").output().await;
        if !said.is_ok_and(|said| said.status.success()) {
            return false;
        }
    }
    true
}

fn configure(folder: &Path, mx: SocketAddr, console: SocketAddr) -> Config {
    let text = format!(
        r#"[server]
name = "alerts.example.com"
domain = "example.com"
state = "{folder}/state"
[listen.submission]
addresses = []
[listen.submissions]
addresses = []
[listen.mx]
addresses = ["127.0.0.1:0"]
[listen.console]
addresses = ["{console}"]
[[email.route]]
domain = "mail.example"
host = "127.0.0.1"
port = {port}
[[alerts.receiver]]
name = "tocsin"
groups = ["{GROUP}"]
"#,
        folder = folder.display(),
        port = mx.port()
    );
    std::fs::write(folder.join("tocsin.toml"), &text).unwrap();
    Config::parse(&text, &Surroundings::of(Path::new("/"))).unwrap()
}

/// The token of a user who may send everywhere.
fn token(folder: &Path) -> String {
    let config = folder.join("tocsin.toml").display().to_string();
    let user = |more: &[&str], input: &str| {
        let arguments = [&["user", "--config", &config], more].concat();
        let done = run(&arguments, input);
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    user(&["add", "ops"], "a password for a program");
    user(&["token", "ops", "Alertmanager"], "")
}

async fn somebody_on_call(daemon: &Daemon) {
    let group = daemon.tracker().add_group(GROUP).await.unwrap();
    let address = Redacted::new(EmailAddress::parse("ada@mail.example").unwrap());
    let ada = Details {
        first_name: Redacted::new("Ada".into()),
        last_name: Redacted::new("Bell".into()),
        kind: ContactKind::Citizen,
        language: "en".into(),
        area: None,
        groups: vec![group],
        custom: Vec::new(),
        methods: vec![MethodDetail {
            id: None,
            kind: MethodKind::Email,
            destination: Destination::Email(address),
        }],
        quiet_hours: None,
        preferred: None,
    };
    let made = daemon.tracker().create_contact(&ada, Actor::User(BY)).await;
    made.unwrap();
}

/// The subjects of the first mails once they have come.
async fn subjects(mx: &SimMx, count: usize) -> Vec<String> {
    let end = Instant::now() + WAIT_MAX;
    while mx.received().len() < count {
        assert!(Instant::now() < end, "{} mails came", mx.received().len());
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    let subject = |body: &[u8]| {
        let text = String::from_utf8_lossy(body).into_owned();
        let mut lines = text.lines();
        let subject = lines.find_map(|line| line.strip_prefix("Subject: "));
        subject.unwrap_or_default().to_owned()
    };
    mx.received()
        .iter()
        .map(|mail| subject(&mail.body))
        .collect()
}

/// One that runs; killed when dropped.
struct Alertmanager {
    _process: Child,
    url: String,
}

impl Alertmanager {
    async fn start(folder: &Path, door: SocketAddr, console: SocketAddr, token: &str) -> Self {
        let config = format!(
            r#"route:
  receiver: tocsin
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1s
receivers:
  - name: tocsin
    webhook_configs:
      - url: http://{console}/api/v1/alerts/alertmanager
        http_config:
          authorization:
            credentials: {token}
"#
        );
        let file = folder.join("alertmanager.yml");
        std::fs::write(&file, config).unwrap();
        let process = Command::new("prometheus-alertmanager")
            .arg("--config.file")
            .arg(file)
            .arg("--storage.path")
            .arg(folder.join("alertmanager"))
            .arg(format!("--web.listen-address={door}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let manager = Self {
            _process: process.unwrap(),
            url: format!("http://{door}"),
        };
        let end = Instant::now() + WAIT_MAX;
        while tokio::net::TcpStream::connect(door).await.is_err() {
            assert!(Instant::now() < end, "the Alertmanager does not listen");
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        manager
    }

    /// Hands it the alert, with these times.
    async fn say(&self, times: &[&str]) {
        let done = Command::new("amtool")
            .args(["--alertmanager.url", &self.url, "alert", "add"])
            .args(["alertname=PumpDown", "severity=critical"])
            .args(["--annotation", "summary=Pump 3 stands still"])
            .args(["--annotation", "description=No flow for five minutes."])
            .args(times)
            .output();
        let done = done.await.unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// Waits until it has sent as many.
    async fn wait_for_notifications(&self, count: u64) {
        let end = Instant::now() + WAIT_MAX;
        while self.count("alertmanager_notifications_total").await < count {
            assert!(Instant::now() < end, "it does not repeat itself");
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// What it has counted of its webhooks.
    async fn count(&self, name: &str) -> u64 {
        let metrics = format!("{}/metrics", self.url);
        let done = Command::new("curl").args(["-s", &metrics]).output().await;
        let text = String::from_utf8(done.unwrap().stdout).unwrap();
        let start = format!("{name}{{integration=\"webhook\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or("0").parse().unwrap()
    }
}
