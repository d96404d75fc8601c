//! The files of emails: read once for many deliveries, and never too many at a time in memory.

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::*;
use crate::channel::AttachedFile;

/// Communications whose files are kept at hand.
const KEPT_MAX: usize = 3;
/// Emails with files that are on the wire at once: each is a whole mail of its own in memory.
const ON_THE_WIRE_MAX: usize = 8;

/// The files of the last communications.
pub(super) struct Files {
    kept: Mutex<Vec<(BlobId, Arc<[AttachedFile]>)>>,
    on_the_wire: Arc<Semaphore>,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            on_the_wire: Arc::new(Semaphore::new(ON_THE_WIRE_MAX)),
        }
    }
}

impl Attempts {
    /// Puts the files into the request, if there are any. As long as the permit lives, the mail
    /// is one of the few with files that are on the wire.
    pub(super) async fn with_files(
        &self,
        request: &mut AttemptRequest,
    ) -> Result<Option<OwnedSemaphorePermit>, AttemptError> {
        let wanted = &request.content.attachments;
        if self.channel.kind() != ChannelKind::Email || wanted.is_empty() {
            return Ok(None);
        }
        let permit = Arc::clone(&self.files.on_the_wire).acquire_owned().await;
        request.files = self.files_of(&request.content).await?;
        Ok(permit.ok())
    }

    /// One reads, the others wait for it: a thousand deliveries begin at the same moment.
    async fn files_of(&self, content: &Arc<Content>) -> Result<Arc<[AttachedFile]>, AttemptError> {
        let key = key_of(content);
        let mut kept = self.files.kept.lock().await;
        if let Some((_, files)) = kept.iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(files));
        }
        let (repo, content) = (self.repo.clone(), Arc::clone(content));
        let reading = crate::clock::apart(move || read(&repo, &content));
        let read = reading
            .await
            .map_err(|_| RepoError::Missing("an attachment"))?;
        let files: Arc<[AttachedFile]> = read?.into();
        if kept.len() == KEPT_MAX {
            kept.remove(0);
        }
        kept.push((key, Arc::clone(&files)));
        Ok(files)
    }
}

/// The same files under the same names.
fn key_of(content: &Content) -> BlobId {
    let parts = content.attachments.iter().flat_map(|file| {
        let name = file.name.as_bytes();
        let size = name.len().to_be_bytes();
        [&size[..], name, file.blob.as_bytes()].concat()
    });
    BlobId::of(&parts.collect::<Vec<u8>>())
}

fn read(repo: &Repo, content: &Content) -> Result<Vec<AttachedFile>, RepoError> {
    let mut files = Vec::with_capacity(content.attachments.len());
    for file in &content.attachments {
        let bytes = repo.store().get_blob(file.blob)?;
        files.push(AttachedFile {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            bytes: bytes.ok_or(RepoError::Missing("an attachment"))?,
        });
    }
    Ok(files)
}
