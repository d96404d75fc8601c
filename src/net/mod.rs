//! Sockets, TLS and DNS; they drive the cores.

pub mod clamd;
pub mod dane;
pub mod dns;
pub mod https;
pub mod sip;
pub mod smpp;
pub mod tls_client;
pub mod tls_server;
