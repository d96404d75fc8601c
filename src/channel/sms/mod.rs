//! Texts over SMPP binds.
//!
//! A text goes to the carrier whose prefix fits best, over that of its binds
//! that has least to do. An attempt splits it, submits the segments in order on
//! that one bind and asks for a receipt on each. A telephone shows a long text
//! only when every segment is there, so an attempt is whole or nothing:
//!
//! - nothing taken yet: the centre's answer decides (deferred or rejected); if
//!   the bind goes before anything is sent, the carrier's next one takes it;
//! - some segments taken, the next one refused for now: that segment is tried
//!   again a few times within the attempt, then the attempt is deferred; the
//!   next attempt sends the whole text under the same reference, and the
//!   telephone puts together what it has;
//! - some segments taken, the next one refused for good: rejected;
//! - no answer to a segment: unknown. The centre may have it; a text that comes
//!   twice is better than an alarm that never comes, but not without end
//!   (`queue` counts). Segments bear numbers that stay the same, so that the
//!   carrier or the telephone can drop what it has.

mod inbox;
mod route;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{AttemptFuture, AttemptOutcome, AttemptRequest, Channel, ProgressSink};
use crate::classify::smpp as classify;
use crate::domain::{
    Channel as ChannelKind, Destination, Permanence, PhoneNumber, Reason, Verdict,
};
use crate::net::smpp::{BindError, SmppBind};
use crate::proto::smpp::SubmitSm;
use crate::proto::smpp::encoding::{Estimate, Segment, estimate, split};

pub use inbox::{Incoming, IncomingText, SmsInbox};
use route::reference_of;
pub use route::{RouteSettings, segment_options, smpp_settings};

/// Tries of a segment after the first, when earlier ones have been taken.
const SEGMENT_RETRIES_MAX: u32 = 3;

/// Between such tries.
const SEGMENT_RETRY_DELAY: Duration = Duration::from_secs(2);

/// A bind and how texts go over it.
#[derive(Debug, Clone)]
pub struct Route {
    /// The bind.
    pub bind: SmppBind,
    /// Sender, prefixes, alphabet, ids.
    pub settings: RouteSettings,
}

/// The SMS channel.
#[derive(Debug)]
pub struct SmsChannel {
    routes: Vec<Route>,
    segments_max: usize,
    validity: Duration,
    /// Whose turn it is among binds that have as much to do.
    turn: AtomicUsize,
}

impl SmsChannel {
    /// A channel over these binds.
    pub fn new(routes: Vec<Route>, segments_max: usize, validity: Duration) -> Arc<Self> {
        Arc::new(Self {
            routes,
            segments_max,
            validity,
            turn: AtomicUsize::new(0),
        })
    }

    /// What a text takes on the first bind: for the console.
    pub fn estimate(&self, text: &str) -> Estimate {
        let options = self
            .routes
            .first()
            .map(|r| r.settings.segments)
            .unwrap_or_default();
        estimate(text, options)
    }

    /// The binds, for readiness, metrics and the console.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    async fn send(&self, request: AttemptRequest, cancel: CancellationToken) -> AttemptOutcome {
        let Destination::Phone(number) = &request.destination else {
            return never(Reason::NumberInvalid, "a text needs a telephone number");
        };
        let number = number.reveal();
        let reference = reference_of(request.delivery);
        for route in self.ways(number) {
            let segments = match self.segments(&request.content.sms_text, route, reference) {
                Ok(segments) => segments,
                Err(rejected) => return rejected,
            };
            if cancel.is_cancelled() {
                return not_now("cancelled before it was sent");
            }
            let sent = self.send_over(route, number, &segments, reference).await;
            let Some((outcome, taken)) = sent else {
                continue;
            };
            if let AttemptOutcome::Accepted { .. } = outcome {
                tracing::info!(
                    delivery = %request.delivery,
                    bind = %route.settings.name,
                    segments = taken,
                    "text accepted by the message centre"
                );
            }
            return outcome;
        }
        not_now("no bind to a message centre serves this number now")
    }

    /// Sends the segments over one bind; the outcome, and how many were taken. None if the bind
    /// was gone before anything was sent.
    async fn send_over(
        &self,
        route: &Route,
        number: &PhoneNumber,
        segments: &[Segment],
        reference: u16,
    ) -> Option<(AttemptOutcome, usize)> {
        let mut remote_ids = Vec::with_capacity(segments.len());
        let mut first_answer = None;
        let mut own_reference = reference;
        for (index, segment) in segments.iter().enumerate() {
            let settings = &route.settings;
            let message = settings.message(number, segment, self.validity, own_reference);
            match submit(route, message, index == 0).await {
                Ok(message_id) => {
                    add_once(&mut remote_ids, settings.remote_id(&message_id));
                    first_answer.get_or_insert(message_id);
                }
                Err(BindError::NotBound) if index == 0 => return None,
                Err(error) => return Some((failed(error), index)),
            }
            own_reference = own_reference.wrapping_add(1);
        }
        let accepted = AttemptOutcome::Accepted {
            verdict: classify::accepted(&first_answer.unwrap_or_default()),
            remote_ids,
        };
        Some((accepted, segments.len()))
    }

    /// The bound binds of the carrier with the longest prefix that fits, the first of equals; the
    /// bind with least to do first.
    fn ways(&self, number: &PhoneNumber) -> Vec<&Route> {
        let fitting = |route: &&Route| route.settings.sends && route.bind.is_bound();
        let by_fit = |route: &Route| route.settings.prefix_fit(number.as_str());
        let candidates = self.routes.iter().filter(fitting);
        let fits = candidates.filter_map(|route| by_fit(route).map(|fit| (fit, route)));
        let best = fits.rev().max_by_key(|(fit, _)| *fit);
        let Some((_, best)) = best else {
            return Vec::new();
        };
        let of_carrier = |route: &&Route| route.settings.carrier == best.settings.carrier;
        let mut ways: Vec<&Route> = self
            .routes
            .iter()
            .filter(fitting)
            .filter(of_carrier)
            .collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % ways.len().max(1);
        ways.rotate_left(turn);
        ways.sort_by_key(|route| route.bind.outstanding());
        ways
    }

    fn segments(
        &self,
        text: &str,
        route: &Route,
        reference: u16,
    ) -> Result<Vec<Segment>, AttemptOutcome> {
        if text.is_empty() {
            return Err(never(Reason::Content, "the message has no text"));
        }
        let options = route.settings.segments;
        let needed = estimate(text, options).segments;
        if needed > self.segments_max {
            let words = format!(
                "the text takes {needed} messages, at most {} are allowed",
                self.segments_max
            );
            return Err(never(Reason::TooBig, &words));
        }
        split(text, options, reference).map_err(|e| never(Reason::TooBig, &e.to_string()))
    }
}

async fn submit(route: &Route, message: SubmitSm, is_first: bool) -> Result<String, BindError> {
    let mut tries_left = if is_first { 0 } else { SEGMENT_RETRIES_MAX };
    loop {
        let error = match route.bind.submit(message.clone()).await {
            Ok(submitted) => return Ok(submitted.message_id),
            Err(error) => error,
        };
        if tries_left == 0 || !may_pass(error) {
            return Err(error);
        }
        tries_left -= 1;
        tokio::time::sleep(SEGMENT_RETRY_DELAY).await;
    }
}

impl Channel for SmsChannel {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Text
    }

    fn concurrency(&self) -> usize {
        let sending = self.routes.iter().filter(|route| route.settings.sends);
        let windows = sending.map(|route| route.settings.concurrency);
        windows.sum::<usize>().max(1)
    }

    fn is_ready(&self) -> bool {
        self.routes
            .iter()
            .any(|route| route.settings.sends && route.bind.is_bound())
    }

    fn attempt<'a>(
        &'a self,
        request: AttemptRequest,
        _progress: ProgressSink,
        cancel: CancellationToken,
    ) -> AttemptFuture<'a> {
        Box::pin(self.send(request, cancel))
    }
}

/// Some centres give one id to all segments of a text and send one receipt:
/// an id that is waited for twice would never be complete.
fn add_once(remote_ids: &mut Vec<String>, id: Option<String>) {
    let is_new = |id: &String| {
        !remote_ids
            .iter()
            .any(|known| known.eq_ignore_ascii_case(id))
    };
    let new = id.filter(is_new);
    remote_ids.extend(new);
}

fn verdict_of(error: BindError) -> Verdict {
    match error {
        BindError::Refused(status) => classify::refused(status),
        BindError::NotBound | BindError::Unanswered => classify::unanswered(&error.to_string()),
        BindError::Unencodable(_) => Verdict::failure(Reason::Syntax, Permanence::Permanent)
            .with_diagnostic(error.to_string()),
    }
}

fn may_pass(error: BindError) -> bool {
    // An unanswered segment is not sent again by itself: two with one number
    // could both arrive, and telephones differ in what they make of that.
    error != BindError::Unanswered && verdict_of(error).permanence == Permanence::Temporary
}

fn failed(error: BindError) -> AttemptOutcome {
    let verdict = verdict_of(error);
    if error == BindError::Unanswered {
        return AttemptOutcome::Unknown { verdict };
    }
    match verdict.permanence {
        Permanence::Temporary => AttemptOutcome::Deferred { verdict },
        Permanence::Permanent => {
            let by_peer = matches!(error, BindError::Refused(_));
            AttemptOutcome::Rejected { verdict, by_peer }
        }
    }
}

fn never(reason: Reason, words: &str) -> AttemptOutcome {
    let verdict = Verdict::failure(reason, Permanence::Permanent).with_diagnostic(words);
    AttemptOutcome::Rejected {
        verdict,
        by_peer: false,
    }
}

fn not_now(words: &str) -> AttemptOutcome {
    AttemptOutcome::Deferred {
        verdict: classify::unanswered(words),
    }
}
