//! Files that go with an email.

use bytes::Bytes;

use super::decision::Decision;
use super::{FieldError, SubmitError, Submitter};
use crate::domain::attachment::{file_name, media_type};
use crate::domain::{Attachment, BlobId, Communication, CommunicationId, Content};
use crate::store::records::Record;
use crate::store::{Batch, Loaded, RowBatch};

/// A file as it was handed in.
#[derive(Clone)]
pub struct NewFile {
    /// Its name, as told.
    pub name: String,
    /// Its media type, as told; may be empty.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

impl std::fmt::Debug for NewFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewFile")
            .field("size_bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl Submitter {
    /// Adds files to a draft, all or none; one takes the place of another of its name.
    ///
    /// # Errors
    /// When a file is empty, too large, of a kind that is refused, there are too many, it is
    /// not a draft any more, or the store fails.
    pub async fn attach(
        &self,
        id: CommunicationId,
        files: Vec<NewFile>,
    ) -> Result<(), SubmitError> {
        let mut problems = Vec::new();
        let mut named = Vec::with_capacity(files.len());
        for file in files {
            if file.bytes.is_empty() {
                problems.push(FieldError::new("attachments", "The file is empty."));
                continue;
            }
            match file_name(&file.name) {
                Ok(name) => named.push(NewFile {
                    media_type: media_type(&file.media_type, &name),
                    name,
                    bytes: file.bytes,
                }),
                Err(problem) => problems.push(FieldError::new("attachments", problem)),
            }
        }
        if !problems.is_empty() {
            return Err(SubmitError::Invalid(problems));
        }
        self.decided(move |this| {
            let old = this.changeable(id, None)?;
            let mut content = this.repo.content(old.content)?;
            let mut batch = Batch::new();
            for file in &named {
                let new = Attachment {
                    name: file.name.clone(),
                    media_type: file.media_type.clone(),
                    size_bytes: file.bytes.len() as u64,
                    blob: batch.blob(file.bytes.clone()),
                };
                let files = &mut content.attachments;
                match files.iter_mut().find(|known| known.name == file.name) {
                    Some(known) => *known = new,
                    None => files.push(new),
                }
            }
            this.with_content(&old, content, batch)
        })
        .await
    }

    /// Takes a file away from a draft; nothing happens when it is not there.
    ///
    /// # Errors
    /// When it is not a draft any more, or the store fails.
    pub async fn detach(
        &self,
        id: CommunicationId,
        name: &str,
        blob: BlobId,
    ) -> Result<(), SubmitError> {
        let name = name.to_owned();
        self.decided(move |this| {
            let old = this.changeable(id, None)?;
            let mut content = this.repo.content(old.content)?;
            let before = content.attachments.len();
            content
                .attachments
                .retain(|file| file.name != name || file.blob != blob);
            if content.attachments.len() == before {
                return Ok(Decision::nothing(()));
            }
            this.with_content(&old, content, Batch::new())
        })
        .await
    }

    fn with_content(
        &self,
        old: &Loaded<Communication>,
        content: Content,
        mut batch: Batch,
    ) -> Result<Decision<()>, SubmitError> {
        let mut draft = self.input_of(old)?;
        draft.content = content;
        let problems = draft.oversized();
        if !problems.is_empty() {
            return Err(SubmitError::Invalid(problems));
        }
        let new = Communication {
            content: batch.blob(draft.content.to_bytes()),
            modified_at: self.next_revision(old),
            ..old.value.clone()
        };
        batch.replace(old, &new);
        Ok(Decision { batch, outcome: () })
    }
}
