//! Sockets, TLS and DNS; they drive the cores.

pub mod smpp;
pub mod dns;
pub mod tls_client;
pub mod tls_server;
