//! The pages through the router, over a store in memory.
#![allow(clippy::unwrap_used)]

mod access;
mod inbox;
mod issues;
mod journey;
mod languages;
mod machines;
mod serving;
mod users;
mod world;
