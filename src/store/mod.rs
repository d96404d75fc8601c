//! Durable state: the one room that knows the engine.

pub mod engine;
pub mod records;
