//! Files of mails are looked through for viruses while the mail is taken in, as far as that is
//! soon done. What is not known then is looked through before it is handed out.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::Inbound;
use crate::domain::inbox::{FILE_NAME_MAX, FILES_MAX};
use crate::domain::{FileScan, MessageFile, MessageId, Redacted};
use crate::proto::mime::read::{NamedAttachment, attachments_bytes};
use crate::tracker::NotScanned;

/// Longest time in which the files of one mail are looked through: people are to see what was
/// written, also while a scanner hangs.
const SCANNING_MAX: Duration = Duration::from_secs(10);

impl Inbound {
    /// What is kept of the files of a mail, looked through as far as that is soon done. `id` is
    /// that of the message that it becomes.
    pub(super) async fn files_scanned(
        &self,
        id: MessageId,
        raw: &Bytes,
        parts: &[NamedAttachment],
    ) -> Vec<MessageFile> {
        let mut files: Vec<MessageFile> = parts.iter().take(FILES_MAX).map(kept).collect();
        self.scan_files(id, raw, parts, &mut files).await;
        files
    }

    async fn scan_files(
        &self,
        id: MessageId,
        raw: &Bytes,
        parts: &[NamedAttachment],
        files: &mut [MessageFile],
    ) {
        let Some(scanner) = &self.scanner else {
            return;
        };
        let scanning = async {
            let all = self.bytes_of(raw, parts).await?;
            for (index, (file, bytes)) in files.iter_mut().zip(all).enumerate() {
                let found = scanner.scan(&bytes).await?;
                file.scan = Some(FileScan::new(self.clock.wall(), found));
                if let Some(virus) = file.virus() {
                    tracing::warn!(message = %id, index, virus, "a virus was found in a file that came in; it is not handed out");
                }
            }
            Ok::<(), NotScanned>(())
        };
        let why = match timeout(SCANNING_MAX, scanning).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it takes too long".to_owned(),
        };
        tracing::info!(message = %id, %why, "files that came in are looked through for viruses when they are fetched");
    }

    /// The files of a mail, which is taken apart once for all of them.
    async fn bytes_of(
        &self,
        raw: &Bytes,
        parts: &[NamedAttachment],
    ) -> Result<Vec<Bytes>, NotScanned> {
        let parts: Vec<usize> = parts.iter().take(FILES_MAX).map(|file| file.part).collect();
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let whole = raw.clone();
        let all = {
            let _place = self.reading.acquire().await;
            crate::clock::apart(move || attachments_bytes(&whole, &parts)).await
        };
        // It was read a moment ago.
        let unread = || NotScanned("the files cannot be read".to_owned());
        let all = all.map_err(|_| unread())?.map_err(|_| unread())?;
        let all = all.into_iter().map(|bytes| bytes.map(Bytes::from));
        all.collect::<Option<Vec<Bytes>>>().ok_or_else(unread)
    }
}

/// What is kept of a file; its bytes stay in the mail.
fn kept(file: &NamedAttachment) -> MessageFile {
    MessageFile {
        name: Redacted::new(file.name.chars().take(FILE_NAME_MAX).collect()),
        size_bytes: file.size_bytes as u64,
        scan: None,
    }
}
