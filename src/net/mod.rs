//! Sockets, TLS and DNS; they drive the cores.

pub mod tls_server;
