//! What can happen to a delivery.

use crate::domain::{ClosedReason, Diagnostic, EmailStatus, Source, Status, Timestamp, Verdict};

/// Something that happened to a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An attempt begins; nothing is on the wire yet.
    AttemptBegun {
        /// `started` for a call, `sending` for a text; email keeps its status.
        status: Option<Status>,
    },
    /// It stands elsewhere now, and nothing more is to be tried unless the status is still open.
    Changed {
        /// Where.
        status: Status,
        /// Why, where anybody said.
        verdict: Option<Verdict>,
        /// Who says so.
        source: Source,
    },
    /// The attempt came to nothing; there will be another.
    Retry {
        /// `deferred` or `queued`.
        status: Status,
        /// Why, where anybody said.
        verdict: Option<Verdict>,
        /// When.
        due: Timestamp,
    },
    /// The carrier has it and will report.
    Accepted {
        /// `sent`.
        status: Status,
        /// Its answer.
        verdict: Verdict,
        /// Its ids, one for each segment.
        remote_ids: Vec<String>,
    },
    /// Said for the record: a delay notice, an automatic answer, a late receipt.
    Fact {
        /// What was said.
        verdict: Verdict,
        /// Who says so.
        source: Source,
    },
    /// The carrier says that the telephone has one segment; the text is received when it has all.
    SegmentDelivered {
        /// The carrier's id of the segment.
        remote_id: String,
        /// What it said.
        verdict: Verdict,
    },
    /// The carrier says that one segment will never come: so the text never will.
    SegmentFailed {
        /// The carrier's id of the segment.
        remote_id: String,
        /// What it said.
        verdict: Verdict,
    },
    /// Not now: the person's quiet hours. Nothing was attempted.
    Held {
        /// When they end.
        until: Timestamp,
        /// The ticket that it carries (the hash of its token), which ends so much later.
        ticket: Option<[u8; 32]>,
    },
    /// Not now: there is no room for it. Nothing was attempted, and nobody's wish holds it.
    PutOff {
        /// When to look again.
        until: Timestamp,
    },
    /// The person followed a link of the mail.
    Clicked {
        /// Its number, from 1 on.
        link: u16,
    },
    /// Nothing more will be done.
    Closed(ClosedReason),
}

impl Event {
    /// With what an answer to an email turns out to mean. A report that left open what became of
    /// the mail says with it that it came back.
    #[must_use]
    pub(super) fn judged(self, judged: Verdict) -> Self {
        let verdict = Some(judged);
        match self {
            Self::Changed { status, source, .. } => Self::Changed {
                status,
                verdict,
                source,
            },
            Self::Retry { status, due, .. } => Self::Retry {
                status,
                verdict,
                due,
            },
            Self::Fact { source, .. } => Self::Changed {
                status: Status::Email(EmailStatus::Rebound),
                verdict,
                source,
            },
            Self::AttemptBegun { .. }
            | Self::Accepted { .. }
            | Self::SegmentDelivered { .. }
            | Self::SegmentFailed { .. }
            | Self::Held { .. }
            | Self::PutOff { .. }
            | Self::Clicked { .. }
            | Self::Closed(_) => self,
        }
    }

    /// Without what the other side said.
    #[must_use]
    pub fn without_diagnostic(mut self) -> Self {
        let said = match &mut self {
            Self::Changed { verdict, .. } | Self::Retry { verdict, .. } => verdict.as_mut(),
            Self::Accepted { verdict, .. }
            | Self::Fact { verdict, .. }
            | Self::SegmentDelivered { verdict, .. }
            | Self::SegmentFailed { verdict, .. } => Some(verdict),
            Self::AttemptBegun { .. }
            | Self::Held { .. }
            | Self::PutOff { .. }
            | Self::Clicked { .. }
            | Self::Closed(_) => None,
        };
        if let Some(verdict) = said {
            verdict.diagnostic = Diagnostic::new("");
        }
        self
    }
}
