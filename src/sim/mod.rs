//! Simulated carriers, for `demo` and for tests.

pub mod mx;
pub mod smsc;
