//! Where mail comes from that others passed on, signed, or hold up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::forged::{ANN, AWAY, HOME, OURS, SILENT, letter_from, world_that_asks};
use super::*;
use crate::domain::{AuthResult, Authentication};

/// A filter of the house, by the address that is trusted.
const FILTER: &str = "198.51.100.7";

/// How long silent name servers are waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same where none is silent.
const LONG: Duration = Duration::from_secs(5);

/// What the filter writes on top of a mail, as Postfix does; our own MX has it from "out.example".
fn filtered(client: &str, mail: &str) -> String {
    format!(
        "Received: from mail.example (unknown [{client}])\r\n\tby out.example (Postfix) with ESMTP id 4;\r\n\tMon, 23 Nov 2026 10:00:00 +0000\r\n{mail}"
    )
}

/// A key of Ed25519 (RFC 8463), and the record that shows it.
fn key() -> (Ed25519KeyPair, String) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = STANDARD.encode(pair.public_key().as_ref());
    (pair, format!("v=DKIM1; k=ed25519; p={public}"))
}

/// The field that signs a mail's author and body for a domain (RFC 6376 section 3.7).
fn signature(pair: &Ed25519KeyPair, domain: &str, from: &str, body: &str) -> String {
    let hash = STANDARD.encode(digest(&SHA256, body.as_bytes()));
    let field = format!(
        "v=1; a=ed25519-sha256; c=relaxed/relaxed; d={domain}; s=s1; h=from; bh={hash}; b="
    );
    let signed = format!("from:{from}\r\ndkim-signature:{field}");
    let signed = pair.sign(digest(&SHA256, signed.as_bytes()).as_ref());
    let signed = STANDARD.encode(signed.as_ref());
    format!("DKIM-Signature: {field}{signed}\r\n")
}

fn record(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

/// What was found out about the only message of a thread, and whose it is.
fn found(world: &World, thread: &Thread) -> (Authentication, bool) {
    let message = world.only_message(thread);
    let is_anns = thread.contact == Some(world.delivery.contact);
    assert_eq!(is_anns, !message.is_disowned);
    (message.authentication.unwrap(), is_anns)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_of_ours_brings_is_judged_by_whom_it_had_it_from() {
    let (world, _) = world_that_asks(&["198.51.100.0/28"], Vec::new(), LONG).await;
    use AuthResult::{Fail, None, Pass, TempError};
    for (subject, client, expected, is_anns) in [
        ("home", Some(HOME), (Pass, None, Pass), true),
        ("away", Some(AWAY), (Fail, None, Fail), false),
        // It does not say: it is not called forged for that.
        ("unsaid", Option::None, (None, None, TempError), true),
    ] {
        let plain = letter_from(ANN, OURS, subject);
        let mail = client.map_or_else(|| plain.clone(), |client| filtered(client, &plain));
        let thread = world.brought_as(FILTER, ANN, OURS, &mail, subject).await;
        let (found, whose) = found(&world, &thread);
        let judged = (found.spf, found.dkim, found.dmarc);
        assert_eq!((judged, whose), (expected, is_anns), "{subject}");
    }
    // Its neighbour is none of ours, and what it writes says nothing.
    let mail = filtered(HOME, &letter_from(ANN, OURS, "beside"));
    let neighbour = "198.51.100.16";
    let thread = world
        .brought_as(neighbour, ANN, OURS, &mail, "beside")
        .await;
    assert_eq!(thread.contact, Option::None);
    assert!(world.only_message(&thread).is_disowned);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_counts_behind_a_private_network_too() {
    let (pair, shown) = key();
    let records = vec![record("s1._domainkey.town.example", &shown)];
    let (world, _) = world_that_asks(&[], records, LONG).await;
    let plain = letter_from(ANN, OURS, "signed");
    let signed = signature(&pair, "town.example", ANN, "I am safe.\r\n");
    let mail = format!("{signed}{plain}");
    let thread = world
        .brought_as("100.64.0.9", ANN, OURS, &mail, "signed")
        .await;
    let (found, is_anns) = found(&world, &thread);
    let judged = (found.spf, found.dkim, found.dmarc);
    let expected = (AuthResult::None, AuthResult::Pass, AuthResult::Pass);
    assert_eq!((judged, is_anns), (expected, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_of_others_do_not_hold_up_that_of_the_author() {
    let (pair, shown) = key();
    let records = vec![record("s1._domainkey.news.town.example", &shown)];
    let (world, _) = world_that_asks(&[], records, PATIENCE).await;
    let author = "ann@mail.town.example";
    let body = "I am safe.\r\n";
    let slow = (0..3).map(|number| {
        let domain = format!("list{number}.{SILENT}");
        signature(&pair, &domain, author, body)
    });
    let slow: String = slow.collect();
    let own = signature(&pair, "news.town.example", author, body);
    let mail = format!("{slow}{own}{}", letter_from(author, OURS, "listed"));
    let list = "list@nowhere.example";
    let thread = world.brought_as(AWAY, list, OURS, &mail, "listed").await;
    let message = world.only_message(&thread);
    assert!(!message.is_disowned);
    let found = message.authentication.unwrap();
    let judged = (found.spf, found.dkim, found.dmarc, found.is_strict);
    let expected = (AuthResult::None, AuthResult::Pass, AuthResult::Pass, true);
    assert_eq!(judged, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_name_servers_are_not_waited_for_again() {
    let (world, unanswered) = world_that_asks(&[], Vec::new(), PATIENCE).await;
    let author = format!("zoe@{SILENT}");
    let asked = || std::mem::take(&mut *unanswered.lock().unwrap());
    let take = async |subject: &str| {
        let mail = letter_from(&author, OURS, subject);
        let thread = world.brought_as(AWAY, &author, OURS, &mail, subject).await;
        let found = world.only_message(&thread).authentication.unwrap();
        (found.spf, found.dmarc)
    };
    let open = (AuthResult::TempError, AuthResult::TempError);
    assert_eq!(take("one").await, open);
    let first = asked();
    for name in [SILENT.to_owned(), format!("_dmarc.{SILENT}")] {
        assert!(first.contains(&name), "{first:?}");
    }
    assert_eq!(take("two").await, open);
    assert_eq!(asked(), Vec::<String>::new());
    world.clock.advance(Duration::from_secs(5 * 60));
    assert_eq!(take("three").await, open);
    assert!(!asked().is_empty(), "they may have come back");
}
