//! Programs that are not ours, speaking to us. A peer that is not installed is skipped loudly.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod browser;
mod mail_out;
mod postfix;
mod server;
mod simulated_mx;
mod smsc;
mod submission;
