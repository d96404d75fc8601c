//! Files of mails are looked through for viruses while the mail is taken in.

use super::*;
use crate::domain::{FileScan, MessageFile, ScanFound};
use crate::tracker::{FileScanner, NotScanned, Scanning};

/// Does what the file says.
#[derive(Debug)]
struct Scripted;

impl FileScanner for Scripted {
    fn scan<'a>(&'a self, file: &'a Bytes) -> Scanning<'a> {
        Box::pin(async move {
            match String::from_utf8_lossy(file).trim() {
                "evil" => Ok(ScanFound::Virus("Evil.Test".to_owned())),
                "large" => Ok(ScanFound::TooLarge),
                "away" => Err(NotScanned("it is away".to_owned())),
                "hang" => std::future::pending().await,
                _ => Ok(ScanFound::Nothing),
            }
        })
    }
}

/// A reply with these files, as it stands in the inbox.
async fn files(texts: &[&str], scanner: Option<Arc<dyn FileScanner>>) -> Vec<MessageFile> {
    let mut world = World::new().await;
    if let Some(scanner) = scanner {
        world.inbound = world.inbound.clone().with_scanner(scanner);
    }
    let parts: String = texts
        .iter()
        .map(|text| format!("--b\nContent-Disposition: attachment; filename=a.txt\n\n{text}\n"))
        .collect();
    let mail = format!(
        "From: ann@town.example\nSubject: Re: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee the files.\n{parts}--b--\n"
    );
    world.take(&world.bounce_address(), &mail).await;
    let threads = world.threads();
    let messages = world.messages(&threads[0]);
    assert_eq!((threads.len(), messages.len()), (1, 1));
    messages[0].files.clone()
}

fn found(files: &[MessageFile]) -> Vec<Option<ScanFound>> {
    let found = |file: &MessageFile| file.scan.clone().map(|FileScan { found, .. }| found);
    files.iter().map(found).collect()
}

#[tokio::test]
async fn what_is_found_is_kept_and_the_message_comes_all_the_same() {
    let clean = Some(ScanFound::Nothing);
    let virus = Some(ScanFound::Virus("Evil.Test".to_owned()));
    let large = Some(ScanFound::TooLarge);
    let all = files(&["plan", "evil", "large", "map"], Some(Arc::new(Scripted))).await;
    assert_eq!(found(&all), [clean.clone(), virus, large, clean]);
    assert_eq!(all[1].virus(), Some("Evil.Test"));
    let without = files(&["evil"], None).await;
    assert_eq!(found(&without), [None]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_does_not_wait_for_a_scanner_that_is_away_or_hangs() {
    let clean = Some(ScanFound::Nothing);
    let away = files(&["plan", "away", "map"], Some(Arc::new(Scripted))).await;
    assert_eq!(found(&away), [clean.clone(), None, None]);
    let hanging = files(&["plan", "hang"], Some(Arc::new(Scripted))).await;
    assert_eq!(found(&hanging), [clean, None]);
}
