//! The store kept to its word: one contract over all engines, and a durable
//! engine that loses nothing acknowledged whatever happens to process, power,
//! folder or disk.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod contract;
mod crash;
mod damage;
mod full;
mod kill;
mod overlap;
mod power;
mod support;
