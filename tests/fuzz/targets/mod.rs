//! What a fuzzer hands in, against the cores: each `target` takes any octets and asserts what must
//! hold whatever they are.

pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod mail;
mod script;
pub(crate) mod smpp;
pub(crate) mod smtp;

/// Longest input that is looked at, in octets; what follows is not.
pub(crate) const INPUT_MAX: usize = 4096;
