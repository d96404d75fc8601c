//! The files of emails: read once for many deliveries, and never too many at a time in memory.

use std::collections::VecDeque;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::*;
use crate::channel::AttachedFile;
use crate::store::Store;

/// Communications whose files are kept at hand.
const KEPT_MAX: usize = 3;
/// Emails with files that are on the wire at once: each is a whole mail of its own in memory.
const ON_THE_WIRE_MAX: usize = 8;
/// So many emergencies with files more: they do not wait for what is ordinary.
const EXPRESS_ON_THE_WIRE_MAX: usize = 2;
/// Emails with files that wait in line for room, their leases kept, while others go; as many
/// emergencies, and as many others.
const LINE_MAX: usize = 1_024;
/// So long those beyond are put off, in the store: they would be claimed first again and again.
/// The line lasts longer where an email takes more than a quarter of a second.
const PUT_OFF: Duration = Duration::from_secs(30);

/// The files of the last communications.
pub(super) struct Files {
    kept: Mutex<Vec<(BlobId, Arc<[AttachedFile]>)>>,
    on_the_wire: Semaphore,
    express_on_the_wire: Semaphore,
    lines: std::sync::Mutex<Lines>,
}

/// Claims that wait for room, first come first served.
#[derive(Default)]
struct Lines {
    express: VecDeque<Claim>,
    ordinary: VecDeque<Claim>,
}

impl Files {
    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a claim into its line; false when that is full.
    fn line_up(&self, claim: &Claim, express: bool) -> bool {
        let mut lines = self.lines();
        let line = if express {
            &mut lines.express
        } else {
            &mut lines.ordinary
        };
        if line.len() >= LINE_MAX {
            return false;
        }
        line.push_back(claim.clone());
        true
    }

    /// Lets the first in line be claimed again, if there may be room for it: an emergency in any
    /// room there is.
    pub(super) fn call_next(&self, store: &Store) {
        let ordinary = self.on_the_wire.available_permits() > 0;
        if !ordinary && self.express_on_the_wire.available_permits() == 0 {
            return;
        }
        let mut lines = self.lines();
        if !release_first(&mut lines.express, store) && ordinary {
            release_first(&mut lines.ordinary, store);
        }
    }
}

/// False when nobody is in line. Some may be gone, or somebody else's.
fn release_first(line: &mut VecDeque<Claim>, store: &Store) -> bool {
    while let Some(claim) = line.pop_front() {
        if store.release(&claim) {
            return true;
        }
    }
    false
}

impl Default for Files {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            on_the_wire: Semaphore::new(ON_THE_WIRE_MAX),
            express_on_the_wire: Semaphore::new(EXPRESS_ON_THE_WIRE_MAX),
            lines: std::sync::Mutex::default(),
        }
    }
}

/// Whether an email may go now.
pub(super) enum Place<'a> {
    /// It has no files.
    NotNeeded,
    /// It is one of the few with files that are on the wire, as long as this lives.
    Given {
        /// Its place among them.
        _permit: SemaphorePermit<'a>,
    },
    /// There are as many as there may be.
    Full,
}

impl Attempts {
    /// Puts the files into the request, if there are any and there is room for such an email.
    /// Waiting for it here would keep everything else from the lane.
    pub(super) async fn with_files(
        &self,
        request: &mut AttemptRequest,
        express: bool,
    ) -> Result<Place<'_>, AttemptError> {
        let wanted = &request.content.attachments;
        if self.channel.kind() != ChannelKind::Email || wanted.is_empty() {
            return Ok(Place::NotNeeded);
        }
        let own = express.then(|| self.files.express_on_the_wire.try_acquire());
        let own = own.and_then(Result::ok);
        let Some(permit) = own.or_else(|| self.files.on_the_wire.try_acquire().ok()) else {
            return Ok(Place::Full);
        };
        request.files = self.files_of(&request.content).await?;
        Ok(Place::Given { _permit: permit })
    }

    /// Gives the slot of the lane to others who need no such room. Whatever changes until this
    /// delivery's next turn counts then.
    pub(super) async fn step_back(
        &self,
        claim: &Claim,
        delivery: &Delivery,
    ) -> Result<(), AttemptError> {
        if self.files.line_up(claim, delivery.express) {
            // There may have come to be room in between.
            self.files.call_next(self.repo.store());
            return Ok(());
        }
        self.put_off(delivery, PUT_OFF).await
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
        let files: Arc<[AttachedFile]> = reading.await??.into();
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
