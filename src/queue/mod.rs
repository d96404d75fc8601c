//! What waits and when it is due: the schedule (pure), lanes, and the runners that work them off.

pub mod attempts;
pub mod imports;
pub mod lane;
pub mod outcome;
pub mod quiet;
pub mod rounds;
pub mod schedule;
mod tickets;
