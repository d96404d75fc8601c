//! Tocsin: a self-hosted email, SMS and voice gateway.
//!
//! ARCHITECTURE.md says which room is for what and who may import whom.

pub mod channel;
pub mod classify;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contacts_file;
pub mod daemon;
pub mod domain;
pub mod evidence;
pub mod http;
pub mod inbound;
pub mod listener;
pub mod net;
pub mod observe;
pub mod pdf;
pub mod proto;
pub mod queue;
pub mod safe_html;
pub mod search;
pub mod sim;
pub mod store;
pub mod submit;
pub mod templates;
pub mod tracker;
pub mod webhooks;
