//! Simulated carriers, and the people they carry to, for `demo` and for tests.

pub mod mx;
pub mod people;
pub mod sip;
pub mod smsc;
