//! Tocsin.

pub mod classify;
pub mod domain;
pub mod store;
