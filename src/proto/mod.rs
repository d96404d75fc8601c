//! Sans-IO protocol cores: bytes and the time in, bytes and events out. No sockets, no clocks.

pub mod call;
pub mod cap;
pub mod media;
pub mod mime;
pub mod mta_sts;
pub mod network;
pub mod smpp;
pub mod smtp;
pub mod tlsa;
