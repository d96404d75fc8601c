//! Sockets, TLS and DNS; they drive the cores.

pub mod smpp;
pub mod tls_server;
