//! Logs and metrics: what an operator sees of the inside.
//!
//! Neither ever holds an address, a number, a body or a secret. [`capture`]
//! helps tests to make sure of it.

pub mod capture;
mod logs;
mod memory;
mod metric;
mod metrics;

pub use logs::{LogError, LogStyle, init_logs};
pub use memory::resident_bytes;
pub use metric::{Counter, Family, Gauge, Held, Histogram};
pub use metrics::{CONTENT_TYPE, Metrics};
