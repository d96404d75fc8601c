//! What answers mean. PURE: a reply, report or status in, a `Verdict` out.

mod rules;
pub mod smtp_reply;
mod text;
