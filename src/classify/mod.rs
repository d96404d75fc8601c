//! What answers mean. PURE: a reply, report or status in, a `Verdict` out.

mod auto_reply;
mod delivery_status;
mod feedback;
mod free_text;
pub mod mail;
pub mod network_errors;
mod notification;
#[cfg(test)]
mod own_reports;
mod phrases;
pub mod rules;
pub mod sip;
pub mod smpp;
pub mod smtp_reply;
mod text;
