//! The HTML of mails: beside their text, in a frame that runs and fetches nothing.

use axum::http::StatusCode;

use super::inbox::comes_in;
use super::inbox_people::mail_with_files;
use super::world::world;
use crate::domain::{FileScan, MessageFile, MessageId, Redacted, ScanFound};
use crate::store::Batch;
use crate::tracker::Taken;

const HOSTILE: &str = "Subject: x\n\n<p onclick=\"a()\">Good <b>day</b></p><script>alert(1)</script><img src=\"https://tracker.example/logo.png\" alt=\"Logo\"><svg onload=x()></svg><form action=\"https://evil.example/\"><input name=p></form><a href=\"javascript:x()\">here</a>";

#[tokio::test]
async fn html_of_a_reply_is_shown_beside_its_text_and_does_nothing() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let mut base = Batch::new();
    let original = base.blob(HOSTILE.as_bytes().to_vec());
    world.repo.store().commit(base).await.unwrap();
    let taken = comes_in(&world, 1, |incoming| incoming.original = Some(original)).await;
    let Taken::In(thread) = taken else {
        panic!("{taken:?}");
    };
    let frame = format!(
        "/inbox/{thread}/messages/{}/html",
        MessageId::from_bytes([1; 16])
    );
    let page = browser.get(&format!("/inbox/{thread}")).await;
    page.assert_has(&[
        "We are &#60;b&#62;safe&#60;/b&#62;.",
        &format!("src=\"{frame}\""),
        "sandbox=\"allow-popups allow-popups-to-escape-sandbox\"",
    ]);
    let shown = browser.get(&frame).await;
    assert_eq!(shown.status, StatusCode::OK);
    let program = super::api::program(&world, "ida").await;
    let read = program.fetch(&format!("/api/v1{frame}")).await;
    assert_eq!(read.status, StatusCode::OK);
    assert_eq!(String::from_utf8(read.bytes).unwrap(), shown.body);
    assert_eq!(
        read.headers["content-security-policy"],
        shown.headers["content-security-policy"]
    );
    shown.assert_has(&[
        "<main><p>Good <b>day</b></p><span>[image: Logo]</span>",
        "Pictures from elsewhere are not fetched",
    ]);
    for gone in [
        "script",
        "onclick",
        "tracker.example",
        "svg",
        "form",
        "javascript",
    ] {
        assert!(!shown.body.contains(gone), "{gone} is still there");
    }
    let said = |name: &str| shown.headers[name].to_str().unwrap().to_owned();
    let policy = said("content-security-policy");
    for rule in [
        "sandbox allow-popups",
        "default-src 'none'",
        "img-src data:",
        "form-action 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert_eq!(said("x-content-type-options"), "nosniff");
    assert_eq!(said("referrer-policy"), "no-referrer");
    assert_ne!(world.get(&frame).await.status, StatusCode::OK);
    let elsewhere = frame.replace(
        &thread.to_string(),
        &MessageId::from_bytes([9; 16]).to_string(),
    );
    assert_eq!(browser.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_mail_without_html_says_so() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let thread = mail_with_files(&world, 1).await;
    let message = MessageId::from_bytes([1; 16]);
    let shown = browser
        .get(&format!("/inbox/{thread}/messages/{message}/html"))
        .await;
    shown.assert_has(&["This email has no HTML"]);
}

#[tokio::test]
async fn pictures_of_a_mail_with_a_virus_are_not_shown() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let mut base = Batch::new();
    let html = "Subject: x\nPicture: logo\n\n<p>Day <img src=\"cid:logo\" alt=\"Logo\"></p>";
    let original = base.blob(html.as_bytes().to_vec());
    world.repo.store().commit(base).await.unwrap();
    let virus = ScanFound::Virus("Eicar-Test".to_owned());
    for (seed, found, shown) in [(1, ScanFound::Nothing, true), (2, virus, false)] {
        let file = MessageFile {
            name: Redacted::new("logo.png".to_owned()),
            size_bytes: 8,
            scan: Some(FileScan::new(world.now(), found)),
        };
        let taken = comes_in(&world, seed, |incoming| {
            incoming.original = Some(original);
            incoming.files = vec![file];
        });
        let Taken::In(thread) = taken.await else {
            panic!("it comes in");
        };
        let message = MessageId::from_bytes([seed; 16]);
        let frame = format!("/inbox/{thread}/messages/{message}/html");
        let page = browser.get(&frame).await;
        page.assert_has(&["<main><p>Day "]);
        let is_shown = page.body.contains("data:image/png;base64,");
        assert_eq!(is_shown, shown, "{}", page.body);
    }
}
