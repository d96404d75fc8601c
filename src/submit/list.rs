//! Recipient lists taken over as they are.

use super::{SubmitError, Submitter};
use crate::domain::{BlobId, ContactId};
use crate::store::Batch;

impl Submitter {
    /// Keeps the people of a recipient list as they are now, for an audience
    /// ([`crate::domain::Audience::list`]).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_list(&self, people: &[ContactId]) -> Result<BlobId, SubmitError> {
        let bytes: Vec<u8> = people.iter().flat_map(|id| *id.as_bytes()).collect();
        let mut batch = Batch::new();
        let list = batch.blob(bytes);
        self.repo.store().commit(batch).await?;
        Ok(list)
    }
}
