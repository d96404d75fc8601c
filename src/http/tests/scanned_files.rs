//! Files that came with replies are looked through for viruses before they are handed out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode};
use bytes::Bytes;

use super::correspondence::firm;
use super::inbox::{comes_in, is_sound};
use super::inbox_people::mail_with_files;
use super::world::{World, scanning_world};
use crate::domain::inbox::SCAN_BELIEVED_FOR;
use crate::domain::{
    EntryId, FileScan, MessageFile, MessageId, Redacted, Role, ScanFound, ThreadId,
};
use crate::store::Batch;
use crate::tracker::{FileScanner, NotScanned, Scanning, Taken};

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
    let link = format!("href=\"{first}\"");
    assert!(!page.body.contains(&link), "it has no link");
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
async fn a_false_alarm_ends_when_somebody_has_the_file_looked_through_again() {
    let (scanner, world, thread) = scanned().await;
    world.add_somebody("vera", Role::Viewer).await;
    let (browser, viewer) = (world.browser("otto").await, world.browser("vera").await);
    let (first, inbox) = (at(thread, 0), format!("/inbox/{thread}"));
    let again = format!("{first}/scan");
    let offer = format!("action=\"{again}\"");
    scanner.says(virus());
    assert_eq!(browser.fetch(&first).await.status, StatusCode::CONFLICT);
    browser.get(&inbox).await.assert_has(&[&offer]);
    assert!(!viewer.get(&inbox).await.body.contains(&offer));
    let refused = viewer.post(&again, &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    let looked = || {
        let entries = world.audited().into_iter();
        entries.filter(|entry| entry.act == "thread.scan").count()
    };
    // The scanner is away, or cannot do it: what is known stays.
    scanner.says(None);
    let away = browser.post(&again, &[]).await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    scanner.says(Some(ScanFound::TooLarge));
    browser.post(&again, &[]).await;
    browser
        .get(&inbox)
        .await
        .assert_has(&["Eicar-Test", &offer]);
    let before = looked();
    scanner.says(Some(ScanFound::Nothing));
    let done = browser.post(&again, &[]).await;
    let message = MessageId::from_bytes([1; 16]);
    assert_eq!(done.location(), format!("{inbox}?done=scanned#m-{message}"));
    assert_eq!(looked(), before + 1, "it is in the record");
    let page = browser.get(&inbox).await;
    assert!(!page.body.contains("Eicar-Test") && !page.body.contains(&offer));
    assert_eq!(browser.fetch(&first).await.status, StatusCode::OK);
    // The newest counts either way.
    scanner.says(virus());
    browser.post(&again, &[]).await;
    assert_eq!(browser.fetch(&first).await.status, StatusCode::CONFLICT);
    let beyond = format!("{}/scan", at(thread, 99));
    let beyond = browser.post(&beyond, &[]).await;
    assert_eq!(beyond.status, StatusCode::NOT_FOUND);
    is_sound(&world);
}

/// A mail whose HTML shows two pictures that came with it; the second is not named as a file.
async fn mail_with_pictures(world: &World) -> ThreadId {
    let mut base = Batch::new();
    let mail = "Picture: a@x\nPicture: b@x\n\n<p><img src=\"cid:a@x\" alt=\"A\"><img src=\"cid:b@x\" alt=\"B\"></p>";
    let original = base.blob(mail.as_bytes().to_vec());
    world.repo.store().commit(base).await.unwrap();
    let taken = comes_in(world, 1, |incoming| {
        incoming.original = Some(original);
        incoming.files = vec![MessageFile {
            name: Redacted::new("a.png".to_owned()),
            size_bytes: 8,
            scan: None,
        }];
    });
    match taken.await {
        Taken::In(thread) => thread,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn pictures_of_a_mail_are_shown_once_they_are_found_clean() {
    const NOTE: &str = "once the virus scanner has looked through them";
    let message = MessageId::from_bytes([1; 16]);
    let shown = |page: &str| page.matches("data:image/png").count();
    let plain = super::world::world().await;
    let thread = mail_with_pictures(&plain).await;
    let at = |thread| format!("/inbox/{thread}/messages/{message}/html");
    let page = plain.browser("ida").await.get(&at(thread)).await;
    assert_eq!(shown(&page.body), 2, "nobody looks through them here");
    assert!(!page.body.contains(NOTE));

    let scanner = Arc::new(Scripted::default());
    let world = scanning_world(Arc::clone(&scanner) as Arc<dyn FileScanner>).await;
    let thread = mail_with_pictures(&world).await;
    let browser = world.browser("ida").await;
    let look = async || browser.get(&at(thread)).await.body;
    for says in [None, Some(ScanFound::TooLarge)] {
        scanner.says(says);
        let page = look().await;
        assert_eq!(shown(&page), 0);
        assert!(page.contains(NOTE), "{page}");
    }
    scanner.says(Some(ScanFound::Nothing));
    let page = look().await;
    assert_eq!(shown(&page), 1, "what was not looked through is not shown");
    // It is believed for a day, as with files that are fetched.
    scanner.says(virus());
    assert_eq!(shown(&look().await), 1);
    world.clock.advance(SCAN_BELIEVED_FOR);
    assert_eq!(shown(&look().await), 0);
    scanner.says(Some(ScanFound::Nothing));
    assert_eq!(shown(&look().await), 0, "a virus stays found");
    is_sound(&world);
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

#[tokio::test]
async fn an_entry_of_correspondence_has_no_link_to_a_virus() {
    let firm = firm().await;
    let world = &firm.world;
    let shop = world.repo.contact(firm.shop).unwrap().unwrap();
    let mut base = Batch::new();
    let original = base.blob(b"first\nsecond".to_vec());
    world.repo.store().commit(base).await.unwrap();
    let file = |name: &str, found: ScanFound| MessageFile {
        name: Redacted::new(name.to_owned()),
        size_bytes: 6,
        scan: Some(FileScan::new(world.now(), found)),
    };
    let evil = ScanFound::Virus("Eicar-Test".to_owned());
    let files = vec![
        file("clean.pdf", ScanFound::Nothing),
        file("evil.pdf", evil),
    ];
    comes_in(world, 2, |incoming| {
        incoming.contact = Some(firm.shop);
        incoming.from = shop.methods[0].destination.lookup_key();
        incoming.original = Some(original);
        incoming.files = files;
    })
    .await;
    let entry = format!("/correspondence/{}", EntryId::from_bytes([2; 16]));
    let browser = world.browser("otto").await;
    let page = browser.get(&entry).await;
    page.assert_has(&[
        &format!("<a href=\"{entry}/files/0\" download>clean.pdf</a>"),
        "evil.pdf",
        "A virus was found in this file (Eicar-Test)",
    ]);
    assert!(!page.body.contains(&format!("{entry}/files/1")));
    assert_eq!(page.body.matches("A virus was found").count(), 1);
}
