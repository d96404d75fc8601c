//! Programs that are not ours, speaking to us. A peer that is not installed is skipped loudly.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod alertmanager;
mod baresip;
mod browser;
mod clamd;
mod client;
mod dkim;
mod gateway;
mod hostile_mail;
mod mail_out;
mod many_sessions;
mod openapi;
mod postfix;
mod process;
mod public_browser;
mod rough;
mod sender;
mod server;
mod simulated_mx;
mod sipp;
mod skip;
mod smsc;
mod submission;
mod webhooks;
