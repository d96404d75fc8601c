//! OpenSMTPD as the recipients' mail server (Debian package `opensmtpd`, unpacked).

use std::net::SocketAddr;

use crate::mta::{MAILBOX_ID, Mta, ROOT_ID, Root};
use crate::process::free_addresses;

/// The domain that it is the destination of.
pub(crate) const DOMAIN: &str = "osmtpd.example";
/// Local parts that it takes mail for; what becomes of it is in its configuration.
const MAILBOXES: [&str; 6] = ["ann", "full", "grey", "huge", "lost", "slow"];

/// Starts it, or says loudly why not and gives `None`. Its bounces go to a port of the loopback.
///
/// It has mailboxes `ann`, `huge`, and `grey` behind a greylist, and takes no message of more than
/// 100 KiB. It refuses whom it does not know; `stray` in the way in which it does so where
/// addresses are virtual. What is for `late` and `large` is refused by the server behind it. The
/// delivery program of `full` says that the mailbox is full, that of `lost` that there is no such
/// user (EX_NOUSER), and that of `slow` always to come again: there is a warning after 3 seconds,
/// and an end after 14.
pub(crate) fn start(bounces: SocketAddr) -> Option<Mta> {
    let root = Root::new("usr/sbin/smtpd")?;
    let [outer, inner] = free_addresses();
    let relay = |port: u16| format!("\"smtp+notls://127.0.0.1:{port}\"");
    let macros = format!(
        "outer = \"{}\"\ninner = \"{}\"\nbehind = {}\nbounces = {}\n",
        outer.port(),
        inner.port(),
        relay(inner.port()),
        relay(bounces.port())
    );
    let config = include_str!("mta/smtpd.conf");
    root.write("etc/smtpd.conf", &format!("{macros}{config}"));
    root.write("etc/mailname", "mx.osmtpd.example\n");
    let mailbox = |name| format!("{name} {MAILBOX_ID}:{MAILBOX_ID}:/var/mail\n");
    root.write("etc/mailboxes", &MAILBOXES.map(mailbox).concat());
    root.write("etc/greylist", include_str!("mta/greylist.sh"));
    root.allow("etc/greylist", 0o755);
    root.folder("var/lib/opensmtpd/empty", ROOT_ID, 0o755);
    root.folder("var/spool/smtpd", ROOT_ID, 0o711);
    root.folder("var/mail", MAILBOX_ID, 0o755);
    // -d: in the foreground.
    Some(root.run(&["/usr/sbin/smtpd", "-d"], outer))
}
