//! Long work beside the threads that answer, in an order that paused time can replay.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::{Handle, RuntimeFlavor};

/// The work ended badly, or the process is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("work on another thread did not end well")]
pub struct NotDone;

/// Runs what computes or reads for longer than a request may wait on a thread of its own.
///
/// A runtime of one thread (tests and the simulation, whose time is virtual) does it at once
/// instead: when another thread comes to its work is not the seed's to say.
///
/// # Errors
/// [`NotDone`] when it panicked, or the runtime ends.
pub async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NotDone> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return catch_unwind(AssertUnwindSafe(work)).map_err(|_| NotDone);
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| NotDone)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_thread_does_it_at_once() {
        let here = std::thread::current().id();
        let there = apart(|| std::thread::current().id()).await.unwrap();
        assert_eq!(here, there);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn many_threads_leave_it_to_another() {
        let here = std::thread::current().id();
        let there = apart(|| std::thread::current().id()).await.unwrap();
        assert_ne!(here, there);
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        assert_eq!(apart(|| panic!("badly")).await, Err::<(), _>(NotDone));
    }
}
