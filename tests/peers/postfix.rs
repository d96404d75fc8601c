//! A private Postfix as the recipients' mail server: refuses at RCPT, or takes the mail and
//! bounces it to our MX, as it really does. Needs root (its master does) and the package `postfix`.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::skip::skip;

const PROGRAM: &str = "/usr/sbin/postfix";
/// Longest wait for it to listen, or for a mail to be delivered.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What it is told.
pub(crate) struct Settings<'a> {
    /// The domain that it is the destination of.
    pub(crate) domain: &'a str,
    /// Local parts that have a mailbox. All others are refused at RCPT with 550 5.1.1.
    pub(crate) mailboxes: &'a [&'a str],
    /// Local parts that are taken at RCPT and bounce afterwards, because the server behind it
    /// refuses them with this reply, such as `("late", "550 5.1.1 no such user here")`.
    pub(crate) bounces: &'a [(&'a str, &'a str)],
    /// Domain of envelope senders, and where its mail goes: our MX.
    pub(crate) bounces_to: (&'a str, SocketAddr),
    /// Offer STARTTLS with a certificate that nobody knows.
    pub(crate) starttls: bool,
}

/// A running Postfix; stopped when dropped.
pub(crate) struct Postfix {
    folder: tempfile::TempDir,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Postfix {
    /// Starts it, or says loudly why not and gives `None`.
    pub(crate) fn start(settings: &Settings<'_>) -> Option<Postfix> {
        if !Path::new(PROGRAM).exists() {
            skip(
                "no Postfix here (Debian package postfix); bounces of a real server were NOT checked",
            );
            return None;
        }
        if !is_root() {
            skip("Postfix needs root; bounces of a real server were NOT checked");
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("peer-postfix-")
            .tempdir()
            .unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let port = free_port();
        lay_out(folder.path(), port, settings);
        let postfix = Postfix {
            folder,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        };
        let started = postfix.command("start");
        assert!(started, "postfix does not start:\n{}", postfix.log());
        postfix.wait_until("it listens", || {
            TcpStream::connect_timeout(&postfix.address, Duration::from_secs(1)).is_ok()
        });
        Some(postfix)
    }

    /// The whole mails in a mailbox, in the order in which they came.
    pub(crate) fn mails(&self, local_part: &str) -> Vec<String> {
        let path = self.folder.path().join("mail").join(local_part);
        let text = fs::read(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        let mut mails: Vec<String> = Vec::new();
        for line in text.lines() {
            if line.starts_with("From ") {
                mails.push(String::new());
            } else if let Some(mail) = mails.last_mut() {
                mail.push_str(line);
                mail.push('\n');
            }
        }
        mails
    }

    /// Waits until a mailbox has at least `count` mails.
    pub(crate) fn wait_for_mails(&self, local_part: &str, count: usize) -> Vec<String> {
        self.wait_until("mail is in the mailbox", || {
            self.mails(local_part).len() >= count
        });
        self.mails(local_part)
    }

    /// The certificate that it shows if it offers STARTTLS, PEM.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("etc").join("cert.pem")
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("maillog")).unwrap_or_default()
    }

    fn wait_until(&self, what: &str, is_true: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_true() {
            assert!(
                start.elapsed() < WAIT_MAX,
                "waited too long until {what}; postfix says:\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn command(&self, what: &str) -> bool {
        let mut command = Command::new(PROGRAM);
        command
            .arg("-c")
            .arg(self.folder.path().join("etc"))
            .arg(what);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if !self.command("stop") {
            eprintln!("postfix did not stop by itself");
        }
    }
}

fn lay_out(folder: &Path, port: u16, settings: &Settings<'_>) {
    let inner_port = free_port();
    let make = |name: &str| {
        let path = folder.join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let (etc, queue, data, mail) = (make("etc"), make("queue"), make("data"), make("mail"));
    for path in [&data, &mail] {
        let given = Command::new("chown")
            .arg("postfix")
            .arg(path)
            .status()
            .unwrap();
        assert!(given.success());
    }
    fs::write(etc.join("mailboxes"), mailboxes(settings)).unwrap();
    fs::write(etc.join("transport"), transports(settings, inner_port)).unwrap();
    fs::write(etc.join("refusals"), refusals(settings)).unwrap();
    let mut main = main_cf(folder, &queue, &data, &mail, settings);
    if settings.starttls {
        certificate(&etc, &mut main);
    }
    fs::write(etc.join("main.cf"), main).unwrap();
    fs::write(etc.join("master.cf"), master_cf(folder, port, inner_port)).unwrap();
}

fn mailboxes(settings: &Settings<'_>) -> String {
    let late = settings.bounces.iter().map(|(local, _)| local);
    let all = settings.mailboxes.iter().chain(late);
    all.fold(String::new(), |mut table, local| {
        writeln!(table, "{local}@{} {local}", settings.domain).unwrap();
        table
    })
}

fn transports(settings: &Settings<'_>, inner_port: u16) -> String {
    let (domain, mx) = settings.bounces_to;
    let mut table = format!("{domain} smtp:[{}]:{}\n", mx.ip(), mx.port());
    for (local, _) in settings.bounces {
        writeln!(
            table,
            "{local}@{} smtp:[127.0.0.1]:{inner_port}",
            settings.domain
        )
        .unwrap();
    }
    table
}

/// What the server behind it refuses.
fn refusals(settings: &Settings<'_>) -> String {
    let mut table = String::new();
    for (local, reply) in settings.bounces {
        writeln!(table, "{local}@{} {reply}", settings.domain).unwrap();
    }
    table
}

fn main_cf(
    folder: &Path,
    queue: &Path,
    data: &Path,
    mail: &Path,
    settings: &Settings<'_>,
) -> String {
    let domain = settings.domain;
    let (folder, queue, data, mail) = (
        folder.display(),
        queue.display(),
        data.display(),
        mail.display(),
    );
    let uid = postfix_id("-u");
    let gid = postfix_id("-g");
    format!(
        "compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
maillog_file_prefixes = {folder}
maillog_file = {folder}/maillog
myhostname = mx.{domain}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtp_host_lookup = native
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {mail}
virtual_mailbox_maps = texthash:{folder}/etc/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
transport_maps = texthash:{folder}/etc/transport
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = reject_unauth_destination
minimal_backoff_time = 2s
maximal_backoff_time = 5s
queue_run_delay = 2s
"
    )
}

fn certificate(etc: &Path, main: &mut String) {
    let made = rcgen::generate_simple_self_signed(vec!["mx.example".to_owned()]).unwrap();
    let (cert, key) = (etc.join("cert.pem"), etc.join("key.pem"));
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    writeln!(
        main,
        "smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {}\nsmtpd_tls_key_file = {}",
        cert.display(),
        key.display()
    )
    .unwrap();
}

fn master_cf(folder: &Path, port: u16, inner_port: u16) -> String {
    let folder = folder.display();
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{inner_port} inet n - n - - smtpd
  -o myhostname=inner.example -o syslog_name=postfix/inner
  -o smtpd_recipient_restrictions=check_recipient_access,texthash:{folder}/etc/refusals,reject
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}

fn postfix_id(which: &str) -> String {
    let output = Command::new("id")
        .args([which, "postfix"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
