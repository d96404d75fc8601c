//! References of cases that nobody thought of: the next of a pattern.

use super::{CaseError, CaseInput, Tracker, TrackerError};
use crate::domain::{Actor, CaseId, ReferencePattern};

/// References looked at for the highest number.
const REFERENCES_SEEN_MAX: usize = 100;

impl Tracker {
    /// The next reference as the pattern makes them in this year.
    ///
    /// # Errors
    /// When the store fails.
    pub fn propose_case_reference(
        &self,
        pattern: &ReferencePattern,
        year: i16,
    ) -> Result<String, TrackerError> {
        let begin = pattern.beginning(year);
        let used = self
            .repo
            .last_case_references(&begin, REFERENCES_SEEN_MAX)?;
        let numbers = used.iter().filter_map(|one| pattern.number(year, one));
        let mut next = numbers.max().unwrap_or(0).saturating_add(1);
        loop {
            let reference = pattern.of(year, next);
            if self.repo.case_by_reference(&reference)?.is_none() {
                return Ok(reference);
            }
            next += 1;
        }
    }

    /// Makes a case with the next reference as the pattern makes them in this year: the next one
    /// at the moment when the case is written.
    ///
    /// # Errors
    /// When something filled in is wrong, or the store fails.
    pub async fn add_next_case(
        &self,
        input: &CaseInput,
        (pattern, year): (&ReferencePattern, i16),
        by: Actor,
    ) -> Result<CaseId, CaseError> {
        let adding = || {
            let input = CaseInput {
                reference: self.propose_case_reference(pattern, year)?,
                ..input.clone()
            };
            self.adding_case(&input, by)
        };
        let id = self.commit_anew(adding).await??;
        tracing::info!(case = %id, "case opened");
        Ok(id)
    }
}
