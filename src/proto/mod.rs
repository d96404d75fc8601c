//! Sans-IO protocol cores: bytes and the time in, bytes and events out. No sockets, no clocks.

pub mod smtp;
//! Protocol cores without IO: octets and time in, octets and events out.

pub mod smpp;
