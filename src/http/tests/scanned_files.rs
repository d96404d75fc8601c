//! Files that came with replies are looked through for viruses before they are handed out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode};
use bytes::Bytes;

use super::inbox::is_sound;
use super::inbox_people::mail_with_files;
use super::world::{World, scanning_world};
use crate::domain::inbox::SCAN_BELIEVED_FOR;
use crate::domain::{MessageId, ScanFound, ThreadId};
use crate::tracker::{FileScanner, NotScanned, Scanning};

/// Says what it was told to say; away without that.
#[derive(Debug, Default)]
struct Scripted {
    says: Mutex<Option<ScanFound>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn says(&self, found: Option<ScanFound>) {
        *self.says.lock().unwrap() = found;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl FileScanner for Scripted {
    fn scan<'a>(&'a self, _: &'a Bytes) -> Scanning<'a> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let says = self.says.lock().unwrap().clone();
        let found = says.ok_or_else(|| NotScanned("it is away".to_owned()));
        Box::pin(std::future::ready(found))
    }
}

fn virus() -> Option<ScanFound> {
    Some(ScanFound::Virus("Eicar-Test".to_owned()))
}

async fn scanned() -> (Arc<Scripted>, World, ThreadId) {
    let scanner = Arc::new(Scripted::default());
    let world = scanning_world(Arc::clone(&scanner) as Arc<dyn FileScanner>).await;
    let thread = mail_with_files(&world, 1).await;
    (scanner, world, thread)
}

fn at(thread: ThreadId, index: usize) -> String {
    let message = MessageId::from_bytes([1; 16]);
    format!("/inbox/{thread}/messages/{message}/files/{index}")
}

#[tokio::test]
async fn nothing_is_handed_out_that_was_not_looked_through_lately() {
    let (scanner, world, thread) = scanned().await;
    let browser = world.browser("ida").await;
    let first = at(thread, 0);
    let away = browser.fetch(&first).await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(away.headers["retry-after"], "60");
    let page = String::from_utf8(away.bytes).unwrap();
    assert!(page.contains("still to be looked through"), "{page}");

    scanner.says(Some(ScanFound::Nothing));
    let clean = browser.fetch(&first).await;
    assert_eq!(
        (clean.status, clean.bytes.as_slice()),
        (StatusCode::OK, &b"first"[..])
    );
    // For a day it is believed, also while nobody could say it.
    scanner.says(None);
    assert_eq!(browser.fetch(&first).await.status, StatusCode::OK);
    assert_eq!(scanner.asked(), 2);
    world.clock.advance(SCAN_BELIEVED_FOR);
    let old = browser.fetch(&first).await;
    assert_eq!(old.status, StatusCode::SERVICE_UNAVAILABLE);

    // Tomorrow's signatures know more.
    scanner.says(virus());
    assert_eq!(browser.fetch(&first).await.status, StatusCode::CONFLICT);
    let asked = scanner.asked();
    scanner.says(Some(ScanFound::Nothing));
    assert_eq!(browser.fetch(&first).await.status, StatusCode::CONFLICT);
    assert_eq!(scanner.asked(), asked, "what was found stays found");
    let page = browser.get(&format!("/inbox/{thread}")).await;
    page.assert_has(&[
        "plan.pdf",
        "A virus was found in this file (Eicar-Test); it is not handed out",
        &format!("href=\"{}\"", at(thread, 1)),
    ]);
    assert!(!page.body.contains(&first), "it has no link");
    is_sound(&world);
}

#[tokio::test]
async fn what_is_too_large_to_be_looked_through_is_handed_out_once_it_is_not() {
    let (scanner, world, thread) = scanned().await;
    let browser = world.browser("ida").await;
    let second = at(thread, 1);
    scanner.says(Some(ScanFound::TooLarge));
    assert_eq!(browser.fetch(&second).await.status, StatusCode::CONFLICT);
    let page = browser.get(&format!("/inbox/{thread}")).await;
    page.assert_has(&["Too large for the virus scanner"]);
    scanner.says(Some(ScanFound::Nothing));
    assert_eq!(browser.fetch(&second).await.status, StatusCode::OK);
    let page = browser.get(&format!("/inbox/{thread}")).await;
    assert!(!page.body.contains("Too large for the virus scanner"));
}

#[tokio::test]
async fn programs_are_told_what_was_found() {
    let (scanner, world, thread) = scanned().await;
    let program = super::api::program(&world, "otto").await;
    let file = format!("/api/v1{}", at(thread, 0));
    let away = program.refused(Method::GET, &file, None).await;
    assert_eq!((away.0.as_str(), away.1), ("unscanned", 503));
    scanner.says(virus());
    let infected = program.refused(Method::GET, &file, None).await;
    assert_eq!((infected.0.as_str(), infected.1), ("infected", 409));
    scanner.says(Some(ScanFound::TooLarge));
    let large = format!("/api/v1{}", at(thread, 1));
    let large = program.refused(Method::GET, &large, None).await;
    assert_eq!((large.0.as_str(), large.1), ("unscannable", 409));
    let messages = program
        .get(&format!("/api/v1/inbox/{thread}/messages"))
        .await;
    let files = &messages["items"][0]["files"];
    assert_eq!(files[0]["scan"], "virus");
    assert_eq!(files[0]["virus"], "Eicar-Test");
    assert_eq!(files[1]["scan"], "too-large");
    assert!(files[2]["scan"].is_null());
}
