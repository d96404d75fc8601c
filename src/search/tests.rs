//! The index over a small state in memory.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::feeder::{FeedError, Feeder};
use super::{Document, Opened, Order, Piece, Question, SearchIndex};
use crate::domain::{
    BlobId, Channel, Channels, Communication, CommunicationId, Content, Entry, EntryId, EntryWhat,
    Note, Origin, Redacted, Timestamp, UserId,
};
use crate::store::records::{Record, samples};
use crate::store::{Batch, Loaded, Repo, Row, RowBatch, Store, keys};

impl World {
    /// A row that does not read back, and word of it.
    async fn damage(&self, number: u8) {
        let id = CommunicationId::from_bytes([number; 16]);
        let mut batch = Batch::new();
        batch.put(keys::communication(id), *b"no row");
        batch.put(keys::search_todo(&keys::communication(id)), *b"mark");
        self.repo.store().commit(batch).await.unwrap();
    }

    async fn change<T: Row>(&self, old: &Loaded<T>, new: &T) {
        let mut batch = Batch::new();
        batch.replace(old, new);
        self.repo.store().commit(batch).await.unwrap();
    }
}

struct World {
    repo: Repo,
    folder: tempfile::TempDir,
    feeder: Feeder,
}

impl World {
    fn new() -> Self {
        let repo = Repo::new(Store::memory());
        let folder = tempfile::tempdir().unwrap();
        let (index, opened) = SearchIndex::open(folder.path(), "state").unwrap();
        assert_eq!(opened, Opened::Empty);
        let feeder = Feeder::new(repo.clone(), Arc::new(index), opened, "state");
        Self {
            repo,
            folder,
            feeder,
        }
    }

    async fn say(&self, number: u8, subject: &str, text: &str) {
        let content = Content {
            subject: subject.to_owned(),
            text: text.to_owned(),
            ..Content::default()
        };
        let mut batch = Batch::new();
        let blob = batch.blob(content.to_bytes());
        let id = CommunicationId::from_bytes([number; 16]);
        let new = Communication::to_one(
            id,
            Origin::Console(UserId::from_bytes([1; 16])),
            "letter",
            Channels::only(Channel::Email),
            subject.to_owned(),
            blob,
            Timestamp::from_millis(1_000 * u64::from(number / 2)),
        );
        match self.repo.communication(id).unwrap() {
            Some(old) => batch.replace(&old, &new),
            None => batch.insert(&new),
        }
        self.repo.store().commit(batch).await.unwrap();
    }

    async fn catch_up(&self) {
        self.feeder
            .catch_up(&CancellationToken::new())
            .await
            .unwrap();
        assert_eq!(self.repo.search_backlog(10).unwrap(), 0);
    }

    /// The numbers of those found, newest first.
    fn find(&self, text: &str) -> Vec<u8> {
        let question = Question {
            text: text.to_owned(),
            limit: 50,
            ..Question::default()
        };
        let found = self.feeder.index().find(&question).unwrap();
        assert_eq!(found.total, found.hits.len());
        found
            .hits
            .iter()
            .map(|hit| *hit.row.last().unwrap())
            .collect()
    }
}

#[tokio::test]
async fn what_was_written_is_found_by_its_words() {
    let world = World::new();
    world
        .say(
            2,
            "Section 78 request",
            "We act for John Smith. Réf: DC-2024-00123",
        )
        .await;
    world
        .say(4, "Évacuation du quartier", "Quittez la maison.")
        .await;
    world
        .say(6, "Chase: Section 78", "No answer to our request of 3 May.")
        .await;
    world.catch_up().await;
    assert_eq!(world.find("section"), [6, 2]);
    assert_eq!(world.find("EVACUATION"), [4]);
    assert_eq!(world.find("request smith"), [2]);
    assert_eq!(world.find("\"78 request\""), [2]);
    assert_eq!(world.find("section -chase"), [2]);
    assert_eq!(world.find("subject:smith"), [0_u8; 0]);
    assert_eq!(world.find("text:smith"), [2]);
    assert_eq!(world.find("evac*"), [4]);
    assert_eq!(world.find("dc-2024-00123"), [2]);
    assert_eq!(world.find("-section"), [4]);
    assert_eq!(world.find("nowhere"), [0_u8; 0]);
    assert_eq!(world.find("  "), [0_u8; 0]);
}

#[tokio::test]
async fn the_index_follows_each_change() {
    let world = World::new();
    world.say(2, "Flood", "The river rises.").await;
    world.catch_up().await;
    world.say(2, "Drought", "The river is dry.").await;
    assert_eq!(world.repo.search_backlog(10).unwrap(), 1);
    world.catch_up().await;
    assert_eq!(world.find("flood"), [0_u8; 0]);
    assert_eq!(world.find("river dry"), [2]);
    let old = world
        .repo
        .communication(CommunicationId::from_bytes([2; 16]));
    let mut batch = Batch::new();
    batch.remove(&old.unwrap().unwrap());
    world.repo.store().commit(batch).await.unwrap();
    world.catch_up().await;
    assert_eq!(world.find("river"), [0_u8; 0]);
}

#[tokio::test]
async fn a_change_while_it_is_read_is_not_forgotten() {
    let world = World::new();
    world.say(2, "Flood", "rises").await;
    let todo = world.repo.search_todo(10).unwrap();
    world.say(2, "Drought", "dry").await;
    world.repo.search_heard(todo).await.unwrap();
    assert_eq!(world.repo.search_backlog(10).unwrap(), 1);
    world.catch_up().await;
    assert_eq!(world.find("drought"), [2]);
}

#[tokio::test]
async fn an_index_of_another_state_is_made_anew() {
    let world = World::new();
    world.say(2, "Flood", "rises").await;
    world.catch_up().await;
    let World {
        repo,
        folder,
        feeder,
    } = world;
    drop(feeder);
    let open = |mark: &str| {
        let (index, opened) = SearchIndex::open(folder.path(), mark).unwrap();
        let size = index.size();
        (
            Feeder::new(repo.clone(), Arc::new(index), opened, mark),
            opened,
            size,
        )
    };
    let (feeder, opened, size) = open("state");
    assert_eq!((opened, size), (Opened::Kept, 1));
    drop(feeder);
    let (feeder, opened, size) = open("another");
    assert_eq!((opened, size), (Opened::Empty, 0));
    assert!(feeder.is_building());
    // Cut short before it is whole: begun anew once more.
    drop(feeder);
    let (feeder, opened, _) = open("another");
    assert_eq!(opened, Opened::Empty);
    feeder.catch_up(&CancellationToken::new()).await.unwrap();
    assert_eq!((feeder.index().size(), feeder.is_building()), (1, false));
    drop(feeder);
    std::fs::write(folder.path().join("meta.json"), "{").unwrap();
    assert_eq!(open("another").1, Opened::Empty);
}

#[tokio::test]
async fn pages_follow_one_another_without_gap() {
    let world = World::new();
    for number in 1..=60 {
        world.say(number, "Flood", "rises").await;
    }
    world.catch_up().await;
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let question = Question {
            text: "flood".to_owned(),
            before,
            limit: 7,
            ..Question::default()
        };
        let found = world.feeder.index().find(&question).unwrap();
        assert_eq!(found.total, 60);
        let Some(last) = found.hits.last() else { break };
        before = Some(last.place);
        seen.extend(found.hits.iter().map(|hit| hit.row.clone()));
    }
    assert_eq!(seen.len(), 60);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 60);
    let within = Question {
        text: "flood".to_owned(),
        order: Order::Relevant,
        from: Some(Timestamp::from_millis(10_000)),
        until: Some(Timestamp::from_millis(12_000)),
        limit: 50,
        ..Question::default()
    };
    let found = world.feeder.index().find(&within).unwrap();
    assert_eq!((found.total, found.hits.len()), (4, 4));
}

#[tokio::test]
async fn what_was_found_is_marked() {
    let world = World::new();
    world.say(2, "Flood warning", "The river rises.").await;
    world.catch_up().await;
    let question = Question {
        text: "flood RIVER".to_owned(),
        limit: 5,
        ..Question::default()
    };
    let found = world.feeder.index().find(&question).unwrap();
    let piece = |text: &str, marked| Piece {
        text: text.to_owned(),
        marked,
    };
    assert_eq!(
        found.in_subject("A Flood warning!"),
        [
            piece("A ", false),
            piece("Flood", true),
            piece(" warning!", false)
        ]
    );
    assert_eq!(
        found.in_body("The <b>river</b> rises."),
        [
            piece("The <b>", false),
            piece("river", true),
            piece("</b> rises", false)
        ]
    );
    assert_eq!(found.in_subject("Else"), [piece("Else", false)]);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_holds_up_no_other() {
    let world = World::new();
    world.say(2, "Flood", "rises").await;
    world.catch_up().await;
    world.damage(4).await;
    world.say(6, "Flood", "rises").await;
    // The content of this one is gone.
    let old = world
        .repo
        .communication(CommunicationId::from_bytes([6; 16]));
    let old = old.unwrap().unwrap();
    let mut new = Communication {
        id: CommunicationId::from_bytes([8; 16]),
        ..old.value.clone()
    };
    new.content = BlobId::from_bytes([9; 32]);
    let mut batch = Batch::new();
    batch.insert(&new);
    world.repo.store().commit(batch).await.unwrap();
    world.catch_up().await;
    assert_eq!(world.find("flood"), [6, 2]);
    assert_eq!(world.feeder.left_out(), 2);
    world.feeder.rebuild_later();
    world.catch_up().await;
    assert_eq!(world.find("flood"), [6, 2]);
    assert!(!world.feeder.is_building());
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_fails_is_tried_again_after_a_pause() {
    let world = World::new();
    world.repo.store().clone().close().await.unwrap();
    assert!(world.feeder.is_building());
    let stop = CancellationToken::new();
    let running = tokio::spawn(world.feeder.clone().run(stop.clone()));
    // Without a pause it would never come to this.
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert!(world.feeder.is_building());
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn what_failed_half_way_leaves_nothing_and_ends_nothing() {
    let world = World::new();
    world.say(2, "Flood", "rises").await;
    world.catch_up().await;
    let index = world.feeder.index();
    let document = Document {
        subject: "Flood".to_owned(),
        ..Document::default()
    };
    let one = || Ok::<_, FeedError>((vec![4], Some(document.clone())));
    let failing = index.apply([one(), Err(FeedError::CutShort)], None);
    assert!(matches!(failing, Err(FeedError::CutShort)));
    let panics = std::panic::AssertUnwindSafe(|| {
        let changes = (0..2).map(|n| if n == 0 { one() } else { panic!("badly") });
        index.apply(changes, None)
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    world.say(6, "Flood", "rises").await;
    world.catch_up().await;
    assert_eq!(world.find("flood"), [6, 2]);
}

#[tokio::test]
async fn many_large_texts_are_taken_in_part_by_part() {
    let world = World::new();
    let large = Document {
        body: "flood ".repeat(200_000),
        ..Document::default()
    };
    let row = |n: u8| Ok::<_, FeedError>((vec![n], Some(large.clone())));
    world.feeder.index().apply((1..=20).map(row), None).unwrap();
    assert_eq!(world.feeder.index().size(), 20);
}

#[tokio::test]
async fn another_name_is_found_and_the_one_before_is_not() {
    let world = World::new();
    let (contact, case) = (samples::contact(), samples::case());
    let mut batch = Batch::new();
    let text = batch.blob("They called.".to_owned().into_bytes());
    let note = Entry {
        id: EntryId::from_bytes([5; 16]),
        client: Some(contact.id),
        with: contact.id,
        case: Some(case.id),
        what: EntryWhat::Note(Note {
            text,
            files: Vec::new(),
            noted_at: Timestamp::from_millis(5),
            link: None,
        }),
        ..samples::entry()
    };
    batch.insert(&contact);
    batch.insert(&case);
    batch.insert(&note);
    world.repo.store().commit(batch).await.unwrap();
    world.catch_up().await;
    assert_eq!(world.find("called"), [5]);
    let old = world.repo.contact(contact.id).unwrap().unwrap();
    let mut new = old.value.clone();
    new.last_name = Redacted::new("Wintergreen".to_owned());
    world.change(&old, &new).await;
    let old = world.repo.case(case.id).unwrap().unwrap();
    let mut other = old.value.clone();
    other.reference = "NX-7".to_owned();
    world.change(&old, &other).await;
    world.catch_up().await;
    assert_eq!(world.find("to:wintergreen"), [5]);
    assert_eq!(world.find("\"NX-7\""), [5]);
    // What is not its name makes nothing anew.
    let old = world.repo.contact(contact.id).unwrap().unwrap();
    let mut new = old.value.clone();
    new.language = "fr".to_owned();
    new.area = None;
    world.change(&old, &new).await;
    assert_eq!(world.repo.search_backlog(10).unwrap(), 0);
}

#[tokio::test]
async fn what_is_gone_is_taken_out_of_the_files() {
    let world = World::new();
    for number in 1..=30 {
        world.say(number, "Flood", "rises").await;
    }
    world.catch_up().await;
    let index = world.feeder.index();
    assert!(!index.forget_gone().unwrap(), "all of it is there");
    let id = CommunicationId::from_bytes([7; 16]);
    let old = world.repo.communication(id).unwrap().unwrap();
    let mut batch = Batch::new();
    batch.remove(&old);
    world.repo.store().commit(batch).await.unwrap();
    world.catch_up().await;
    assert!(index.forget_gone().unwrap());
    assert!(!index.forget_gone().unwrap(), "nothing of it is left");
    assert_eq!(world.find("flood").len(), 29);
    world.say(8, "Drought", "again").await;
    world.catch_up().await;
    assert_eq!(world.find("drought"), [8]);
}
