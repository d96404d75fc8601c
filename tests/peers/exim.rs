//! Exim as the recipients' mail server (Debian package `exim4-daemon-light`, unpacked).

use std::net::SocketAddr;

use crate::mta::{EXIM_ID, Mta, Root};
use crate::process::free_addresses;

/// The domain that it is the destination of.
pub(crate) const DOMAIN: &str = "exim.example";

/// Starts it, or says loudly why not and gives `None`. Its bounces go to a port of the loopback.
///
/// It has mailboxes `ann`, `huge`, and `grey` behind a greylist, and takes no message of more than
/// 100 KiB. It refuses whom it does not know, but `late` only after having taken the message, which
/// then bounces as what is for `full` (by its quota) and `bulky` (by its size) does. What is for
/// `behind` and `large` is refused by the server behind it. `slow` is on a server that cannot be
/// reached: there is a warning after 3 seconds and each 3 more, and a bounce after 12.
pub(crate) fn start(bounces: SocketAddr) -> Option<Mta> {
    let root = Root::new("usr/sbin/exim4")?;
    let [outer, inner] = free_addresses();
    let macros = format!(
        "OUTER = {}\nINNER = {}\nBOUNCES = {}\n",
        outer.port(),
        inner.port(),
        bounces.port()
    );
    let config = include_str!("mta/exim.conf");
    root.write("etc/exim4/exim4.conf", &format!("{macros}{config}"));
    for folder in ["var/spool/exim4", "var/log", "var/mail"] {
        root.folder(folder, EXIM_ID, 0o755);
    }
    // -bdf: a daemon in the foreground; -q1s: it looks at its queue each second.
    Some(root.run(&["/usr/sbin/exim4", "-bdf", "-q1s"], outer))
}
