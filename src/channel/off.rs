//! A channel that nobody has configured: it says so for every delivery, so that none waits for
//! ever and nobody is believed to be on the way.

use tokio_util::sync::CancellationToken;

use super::{AttemptFuture, AttemptOutcome, AttemptRequest, Channel, ProgressSink};
use crate::domain::{Channel as ChannelKind, Fault, Permanence, Reason, Verdict};

/// Attempts at once; each ends immediately.
const CONCURRENCY: usize = 16;

/// Stands where a carrier would.
#[derive(Clone, Copy, Debug)]
pub struct OffChannel(pub ChannelKind);

impl Channel for OffChannel {
    fn kind(&self) -> ChannelKind {
        self.0
    }

    fn concurrency(&self) -> usize {
        CONCURRENCY
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn attempt<'a>(
        &'a self,
        _request: AttemptRequest,
        _progress: ProgressSink,
        _cancel: CancellationToken,
    ) -> AttemptFuture<'a> {
        Box::pin(std::future::ready(AttemptOutcome::Rejected {
            verdict: not_configured(),
            by_peer: false,
        }))
    }
}

fn not_configured() -> Verdict {
    let verdict = Verdict {
        fault: Fault::Sender,
        ..Verdict::failure(Reason::System, Permanence::Permanent)
    };
    verdict.with_diagnostic("no carrier is configured for this channel")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Suspends;

    #[test]
    fn what_nobody_configured_suspends_nobody() {
        assert_eq!(not_configured().suspends(), Suspends::Never);
    }
}
