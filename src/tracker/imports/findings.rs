//! Findings go to the store in chunks of so many, each chunk under its number.

use crate::domain::import::{FINDINGS_CHUNK, FINDINGS_MAX};
use crate::domain::{Finding, ImportFindings, ImportId, ImportPass};
use crate::store::records::Record;
use crate::store::{Batch, Repo, RepoError, Row};

/// What has been found in a pass so far: how many, and those of the chunk that is not full yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    tail: Vec<Finding>,
    count: u32,
}

impl Findings {
    /// As the store has them.
    pub(super) fn read(
        repo: &Repo,
        import: ImportId,
        pass: ImportPass,
        count: u32,
    ) -> Result<Self, RepoError> {
        let chunk = count / FINDINGS_CHUNK as u32;
        let begun = count as usize % FINDINGS_CHUNK;
        let mut tail = repo.import_findings(import, pass, chunk, 1)?;
        tail.truncate(begun);
        Ok(Self { tail, count })
    }

    /// How many are written down.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Writes more of them.
    pub(super) fn write(
        &mut self,
        batch: &mut Batch,
        import: ImportId,
        pass: ImportPass,
        new: Vec<Finding>,
    ) {
        let room = FINDINGS_MAX.saturating_sub(self.count) as usize;
        if new.is_empty() || room == 0 {
            return;
        }
        let mut index = self.count / FINDINGS_CHUNK as u32;
        for finding in new.into_iter().take(room) {
            self.tail.push(finding);
            self.count += 1;
            if self.tail.len() == FINDINGS_CHUNK {
                put(batch, import, pass, index, std::mem::take(&mut self.tail));
                index += 1;
            }
        }
        if !self.tail.is_empty() {
            put(batch, import, pass, index, self.tail.clone());
        }
    }
}

/// A chunk that is written again holds what it held and more.
fn put(batch: &mut Batch, import: ImportId, pass: ImportPass, index: u32, findings: Vec<Finding>) {
    let chunk = ImportFindings {
        import,
        pass,
        index,
        findings,
    };
    batch.put(chunk.key(), chunk.to_bytes());
}
