//! Fitting a delivery and a contact into one value.
//!
//! What grows are the other side's words. As long as all of a row's diagnostics together stay
//! within its budget, of which somebody's wish to be told of the delivery takes its part, nothing
//! is touched. Beyond it the oldest are shortened first; a diagnostic
//! that gave a delivery its final status is evidence and is shortened after all others; the
//! newest is kept as it came.

use std::borrow::Cow;

use crate::domain::transitions::is_final;
use crate::domain::{Contact, Delivery, Diagnostic, Status, StatusChange, TextStatus};

/// Most bytes of diagnostics kept in one delivery.
pub const DELIVERY_DIAGNOSTICS_SIZE_MAX: usize = 6 * 1024;
/// Most bytes of diagnostics kept in one contact.
pub const CONTACT_DIAGNOSTICS_SIZE_MAX: usize = 3 * 1024;
/// What is left of a diagnostic that had to make room, in bytes.
pub const OLD_DIAGNOSTIC_SIZE_MAX: usize = 120;
/// Most entries of a timeline that are stored. The domain keeps repeated facts out of it from
/// `TIMELINE_MAX` on; only a delivery that goes round and round between the same statuses
/// comes this far, and loses the middle of its timeline.
pub const TIMELINE_STORED_MAX: usize = 72;
/// Entries at the start of such a timeline that stay.
const TIMELINE_START: usize = 8;

/// A report that was written, as it is stored.
const REPORT_ID_SIZE: usize = 17;
/// What is stored of the wishes of whoever handed a mail in besides their texts, at most.
const REPORT_FRAME_SIZE: usize = 32;

/// Stands behind a shortened diagnostic.
const ELLIPSIS: &str = "…";

/// The delivery as it is stored.
pub(super) fn delivery(delivery: &Delivery) -> Cow<'_, Delivery> {
    let total = delivery.timeline.iter().map(diagnostic_size).sum::<usize>();
    let too_long = delivery.timeline.len() > TIMELINE_STORED_MAX;
    let budget = DELIVERY_DIAGNOSTICS_SIZE_MAX - report_size(delivery);
    if total <= budget && !too_long {
        return Cow::Borrowed(delivery);
    }
    let mut fitted = delivery.clone();
    if too_long {
        let newest = fitted.timeline.len() - (TIMELINE_STORED_MAX - TIMELINE_START);
        fitted.timeline.drain(TIMELINE_START..newest);
    }
    let said = fitted.timeline.iter_mut().filter_map(
        |StatusChange {
             status, verdict, ..
         }| {
            let verdict = verdict.as_mut()?;
            Some(Said {
                evidence: is_final(*status) || *status == Status::Text(TextStatus::Undelivered),
                diagnostic: &mut verdict.diagnostic,
            })
        },
    );
    shorten(said.collect(), budget);
    Cow::Owned(fitted)
}

/// The contact as it is stored.
pub(super) fn contact(contact: &Contact) -> Cow<'_, Contact> {
    let suspensions = contact.methods.iter().filter_map(|m| m.suspension.as_ref());
    let total: usize = suspensions
        .map(|s| s.verdict.diagnostic.as_str().len())
        .sum();
    if total <= CONTACT_DIAGNOSTICS_SIZE_MAX {
        return Cow::Borrowed(contact);
    }
    let mut fitted = contact.clone();
    let mut suspensions: Vec<_> = fitted
        .methods
        .iter_mut()
        .filter_map(|method| method.suspension.as_mut())
        .collect();
    suspensions.sort_by_key(|suspension| suspension.at);
    let said = suspensions.into_iter().map(|suspension| Said {
        evidence: true,
        diagnostic: &mut suspension.verdict.diagnostic,
    });
    shorten(said.collect(), CONTACT_DIAGNOSTICS_SIZE_MAX);
    Cow::Owned(fitted)
}

/// What the wishes of whoever handed it in take of the room for diagnostics, at most half of it.
fn report_size(delivery: &Delivery) -> usize {
    let size = delivery.report.as_ref().map_or(0, |report| {
        report.to.reveal().as_str().len()
            + report.envelope_id.len()
            + report.original_recipient.reveal().len()
            + report.told.len() * REPORT_ID_SIZE
            + REPORT_FRAME_SIZE
    });
    size.min(DELIVERY_DIAGNOSTICS_SIZE_MAX / 2)
}

fn diagnostic_size(change: &StatusChange) -> usize {
    let verdict = change.verdict.as_ref();
    verdict.map_or(0, |verdict| verdict.diagnostic.as_str().len())
}

/// One diagnostic of the row.
struct Said<'a> {
    evidence: bool,
    diagnostic: &'a mut Diagnostic,
}

/// Which diagnostics a round shortens.
type Applies = fn(&Said<'_>) -> bool;

/// Shortens, oldest first, until the sum fits: ordinary ones, then evidence; should that not be
/// enough, the oldest lose their text altogether. The newest is never touched.
fn shorten(mut said: Vec<Said<'_>>, budget: usize) {
    let mut total: usize = said.iter().map(|s| s.diagnostic.as_str().len()).sum();
    let rounds: [(Applies, usize); 3] = [
        (|said| !said.evidence, OLD_DIAGNOSTIC_SIZE_MAX),
        (|said| said.evidence, OLD_DIAGNOSTIC_SIZE_MAX),
        (|_| true, 0),
    ];
    let Some((_newest, older)) = said.split_last_mut() else {
        return;
    };
    for (applies, size_max) in rounds {
        for said in older.iter_mut().filter(|said| applies(said)) {
            if total <= budget {
                return;
            }
            let before = said.diagnostic.as_str().len();
            if before > size_max {
                *said.diagnostic = cut(said.diagnostic.as_str(), size_max);
                total -= before - said.diagnostic.as_str().len();
            }
        }
    }
}

/// The start of a text with a mark behind it, together at most `size_max` bytes.
fn cut(text: &str, size_max: usize) -> Diagnostic {
    let Some(room) = size_max.checked_sub(ELLIPSIS.len()) else {
        return Diagnostic::default();
    };
    let start = &text[..text.floor_char_boundary(room)];
    Diagnostic::new(format!("{start}{ELLIPSIS}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{CallStatus, DIAGNOSTIC_SIZE_MAX_BYTES, Permanence, Reason, Status};
    use crate::domain::{DeliveryId, DeliverySet};
    use crate::store::engine::VALUE_SIZE_MAX;
    use crate::store::records::{Record, samples};

    #[test]
    fn ordinary_rows_are_stored_as_they_are() {
        let sample = samples::delivery();
        assert!(matches!(delivery(&sample), Cow::Borrowed(_)));
        let sample = samples::contact();
        assert!(matches!(contact(&sample), Cow::Borrowed(_)));
    }

    #[test]
    fn an_ordinary_delivery_is_small() {
        let sample = samples::delivery();
        assert_eq!(sample.timeline.len(), 3);
        let bytes = samples::set_of(sample).to_bytes();
        assert!(bytes.len() < 400, "{}", bytes.len());
    }

    #[test]
    fn the_largest_delivery_fits_and_keeps_its_end_and_its_evidence() {
        let largest = samples::largest_delivery();
        let of_one_set = DeliveryId::set_of(uuid::Uuid::nil()).map(|id| Delivery {
            id,
            ..largest.clone()
        });
        let set = DeliverySet::new(of_one_set.collect()).unwrap();
        assert_eq!(set.deliveries().len(), DeliveryId::SET_SIZE);
        let bytes = set.to_bytes();
        assert!(bytes.len() < VALUE_SIZE_MAX, "{}", bytes.len());
        let again = DeliverySet::from_bytes(&bytes).unwrap();
        let stored = &again.deliveries()[0];
        assert_eq!(stored.status(), largest.status());
        assert_eq!(stored.timeline.len(), TIMELINE_STORED_MAX);
        assert_eq!(stored.timeline.last(), largest.timeline.last());
        assert_eq!(stored.timeline.first().unwrap().at, largest.timeline[0].at);
        assert_eq!(again.to_bytes(), bytes, "fitting twice changes more");
    }

    #[test]
    fn evidence_outlives_newer_noise() {
        let mut sample = samples::delivery();
        let mut entry = sample.timeline[0].clone();
        let words = "x".repeat(DIAGNOSTIC_SIZE_MAX_BYTES);
        let verdict = crate::domain::Verdict::failure(Reason::NoAnswer, Permanence::Temporary)
            .with_diagnostic(words.clone());
        entry.verdict = Some(verdict);
        entry.status = Status::Call(CallStatus::Ringing);
        sample.timeline = vec![entry; 6];
        sample.timeline[1].status = Status::Call(CallStatus::Failed);
        let sizes: Vec<_> = delivery(&sample)
            .timeline
            .iter()
            .map(diagnostic_size)
            .collect();
        assert_eq!(sizes, [120, 2048, 120, 120, 120, 2048]);
    }

    #[test]
    fn the_largest_contact_fits() {
        let largest = samples::largest_contact();
        let bytes = largest.to_bytes();
        assert!(bytes.len() < VALUE_SIZE_MAX, "{}", bytes.len());
        let stored = Contact::from_bytes(&bytes).unwrap();
        assert_eq!(stored.methods.len(), largest.methods.len());
        assert_eq!(stored.to_bytes(), bytes);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let text = "é".repeat(200);
        let short = cut(&text, OLD_DIAGNOSTIC_SIZE_MAX);
        assert!(short.as_str().len() <= OLD_DIAGNOSTIC_SIZE_MAX);
        assert!(short.as_str().ends_with("é…"));
        assert!(cut(&text, 0).is_empty());
    }
}
