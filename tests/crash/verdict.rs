//! What the daemon left, compared with what the applications know.

use std::collections::BTreeMap;
use std::path::Path;

use tocsin::domain::{Body, Communication, Destination};
use tocsin::store::check::check as check_store;
use tocsin::store::engine::{OpenOptions, verify};
use tocsin::store::{Loaded, Repo, Store};

use crate::ledger::Ledger;
use crate::message;

/// Communications read at a time.
const PAGE: usize = 500;

/// Panics unless every acknowledged message is there once and whole, none is there that was
/// never handed in, and all rows agree. Returns how many are there.
pub(crate) fn check(state: &Path, ledger: &Ledger) -> usize {
    let before = verify(state).unwrap();
    assert!(before.is_sound(), "{:?}", before.damage);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let seen = runtime.block_on(async {
        let options = OpenOptions {
            reserve_bytes: 0,
            ..OpenOptions::default()
        };
        let store = Store::open(state, &options).unwrap();
        let report = check_store(&store).unwrap();
        assert!(report.is_sound(), "{:#?}", report.problems);
        let repo = Repo::new(store.clone());
        let seen = messages(&repo);
        store.close().await.unwrap();
        seen
    });
    for number in ledger.acknowledged() {
        assert!(
            seen.contains_key(&number),
            "message {number} was acknowledged and is lost"
        );
    }
    for (number, times) in &seen {
        assert!(
            *number <= ledger.begun(),
            "message {number} came from nowhere"
        );
        assert_eq!(*times, 1, "message {number} is there more than once");
    }
    seen.len()
}

/// Every message that the store holds, with how often it is there.
fn messages(repo: &Repo) -> BTreeMap<u64, u32> {
    let mut seen = BTreeMap::new();
    let mut after = None;
    loop {
        let page = repo.communications(after, PAGE).unwrap();
        for communication in &page.rows {
            *seen.entry(whole(repo, communication)).or_default() += 1;
        }
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

/// The number of a communication's message. Panics unless all of it is there.
fn whole(repo: &Repo, communication: &Loaded<Communication>) -> u64 {
    let Body::Submitted(body) = communication.body else {
        panic!("communication {} was not handed in", communication.id);
    };
    let stored = repo.store().get_blob(body).unwrap().unwrap();
    let number = message::number_of(&stored).unwrap();
    let sent = message::message(number);
    assert!(
        stored.ends_with(sent.as_bytes()),
        "message {number} is not what was sent"
    );
    let content = repo.content(communication.content).unwrap();
    assert_eq!(content.subject, format!("Ledger {number}"));

    let people = repo.people(communication.id, None, 100).unwrap().rows;
    let mut destinations: Vec<String> = people
        .iter()
        .flat_map(|person| person.deliveries.clone())
        .map(|known| {
            let delivery = repo.delivery(known.delivery).unwrap().unwrap();
            match &delivery.destination {
                Destination::Email(address) => address.reveal().as_str().to_owned(),
                Destination::Phone(_) => panic!("message {number} goes to a telephone"),
            }
        })
        .collect();
    destinations.sort();
    let mut recipients = message::recipients(number);
    recipients.sort();
    assert_eq!(destinations, recipients, "deliveries of message {number}");
    number
}
