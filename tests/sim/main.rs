//! The product without its wires: submission, queue, tracker and store on time that runs only
//! when nothing else does, with channels that do what a script says. A seed decides fates,
//! latencies and the moments of crashes; `TOCSIN_SEED=7` runs that seed alone.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod admission;
mod carrier;
mod confirmation;
mod crashes;
mod escalation;
mod expansion;
mod files;
mod laws;
mod reminders;
mod retries;
mod scheduled;
mod scripts;
mod verification;
mod world;
