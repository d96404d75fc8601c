//! Simulated carriers, for `demo` and for tests.

pub mod smsc;
