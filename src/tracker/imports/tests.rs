//! An import that is interrupted between any two steps, over the durable store.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::clock::{Randomness, SharedClock, VirtualClock};
use crate::contacts_file::{guess, read};
use crate::domain::Lane;
use crate::domain::suspension::SuspensionPolicy;
use crate::store::check::check;
use crate::store::engine::OpenOptions;
use crate::store::{Repo, Store, StoreError};
use crate::tracker::{NewUser, PromptSettings, TrackerSettings, Users};

const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);
/// More than two steps of every pass.
const ROWS: usize = 1_300;
/// Times the folder is tried while the process before lets go of it.
const OPEN_TRIES: usize = 500;

/// What a process sees that starts now.
async fn start(folder: &Path, seed: u64) -> (Store, Tracker) {
    for _ in 0..OPEN_TRIES {
        match Store::open(folder, &OpenOptions::default()) {
            Ok(store) => {
                let clock: SharedClock = VirtualClock::standing(START);
                let settings = TrackerSettings {
                    categories: Vec::new(),
                    suspension: SuspensionPolicy::default(),
                    prompts: PromptSettings::default(),
                };
                let random = Randomness::seeded(seed);
                let tracker = Tracker::new(Repo::new(store.clone()), clock, random, settings);
                return (store, tracker);
            }
            Err(StoreError::Corrupt { .. }) => panic!("the store is damaged"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("the folder stays locked");
}

/// Every row a person; every hundredth is bad, every fiftieth says a place.
fn list() -> String {
    let mut text = "First name,Last name,Email,Area\n".to_owned();
    for row in 0..ROWS {
        let at = if row % 100 == 7 { " at " } else { "@" };
        let area = if row % 50 == 3 {
            format!("Force / Beat {}", row % 4)
        } else {
            String::new()
        };
        writeln!(text, "F{row},L{row},p{row}{at}example.org,{area}").unwrap();
    }
    text
}

fn new_import(list: &str) -> NewImport {
    let (table, shape) = read(list.as_bytes()).unwrap();
    let (columns, header) = guess(&table);
    NewImport {
        by: UserId::from_bytes([1; 16]),
        file_name: "people.csv".to_owned(),
        file: Bytes::from(list.to_owned()),
        read_as: shape.0,
        rows: u32::try_from(table.len()).unwrap(),
        mapping: ImportMapping {
            make_places: true,
            ..ImportMapping::guessed(columns, header, "GB", "en")
        },
    }
}

/// One step, in a process of its own; true at the end of the pass.
async fn step_alone(folder: &Path, id: ImportId, seed: u64) -> bool {
    let (store, tracker) = start(folder, seed).await;
    let due = store.next_due(Lane::Import as u8).unwrap();
    assert_eq!(due, Some(START), "what is under way is due again at once");
    let work = tracker.open_import(id).unwrap().unwrap();
    let (_, step) = tracker.step_import(work).await.unwrap();
    step == ImportStep::Done
}

async fn pass_in_pieces(folder: &Path, id: ImportId) -> u64 {
    let mut steps = 1;
    while !step_alone(folder, id, 100 + steps).await {
        steps += 1;
        assert!(steps < 100);
    }
    steps
}

#[tokio::test]
async fn an_import_goes_on_where_it_was_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let list = list();
    let id = {
        let (_store, tracker) = start(folder, 1).await;
        let id = tracker.begin_import(new_import(&list)).await.unwrap();
        let mapping = new_import(&list).mapping;
        assert!(tracker.check_import(id, mapping).await.unwrap());
        id
    };
    assert!(pass_in_pieces(folder, id).await > 2);
    {
        let (_store, tracker) = start(folder, 2).await;
        let job = tracker.load_import(id).unwrap();
        assert_eq!(job.state, ImportState::Checked);
        assert_eq!((job.checked.added, job.checked.bad), (1287, 13));
        assert_eq!(
            (job.checked.areas, job.findings_of(ImportPass::Check)),
            (3, 13)
        );
        assert!(tracker.start_import(id).await.unwrap());
    }
    assert!(pass_in_pieces(folder, id).await > 2);
    {
        let (store, tracker) = start(folder, 3).await;
        let job = tracker.load_import(id).unwrap();
        assert_eq!(job.state, ImportState::Done);
        assert_eq!(
            (job.done, job.findings_of(ImportPass::Run)),
            (job.checked, 13)
        );
        let mut found = BTreeSet::new();
        let mut after = None;
        loop {
            let page = tracker.repo.contacts_by_name("", after, 500).unwrap();
            found.extend(page.rows.iter().map(|one| one.first_name.reveal().clone()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), 1287, "nobody twice, nobody left out");
        assert_eq!(tracker.repo.areas().unwrap().walk().len(), 3);
        let findings = tracker
            .repo
            .import_findings(id, ImportPass::Run, 0, 9)
            .unwrap();
        assert_eq!(findings.len(), 13);
        assert_eq!((findings[0].row, findings[12].row), (9, 1209));
        let report = check(&store).unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
        assert!(tracker.undo_import(id).await.unwrap());
    }
    assert!(pass_in_pieces(folder, id).await > 2);
    let (store, tracker) = start(folder, 4).await;
    let job = tracker.load_import(id).unwrap();
    assert_eq!((job.state, job.undone.removed), (ImportState::Undone, 1287));
    let report = check(&store).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(report.rows_of("contact"), 0);
}

#[tokio::test]
async fn two_rows_about_one_person_are_undone_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, tracker) = start(folder.path(), 1).await;
    let run = |list: &'static str| ran(&tracker, list, |_| {});
    run("First name,Last name,Email,Mobile\nAda,L,ada@example.org,07400 123456\n").await;
    let before = tracker
        .repo
        .contacts_by_name("", None, 9)
        .unwrap()
        .rows
        .remove(0);
    let id = run("First name,Last name,Email,Mobile,Language\nAda,Lovelace,ada@example.org,,\nAda,Byron,,07400 123456,fr\n").await;
    let job = tracker.load_import(id).unwrap();
    assert_eq!((job.done.updated, job.done.added), (2, 0));
    let after = tracker.repo.contact(before.id).unwrap().unwrap();
    assert_eq!(
        (after.last_name.reveal().as_str(), after.language.as_str()),
        ("Byron", "fr")
    );
    assert!(tracker.undo_import(id).await.unwrap());
    go(&tracker, id).await;
    let job = tracker.load_import(id).unwrap();
    assert_eq!((job.undone.restored, job.undone.kept), (1, 0));
    let again = tracker.repo.contact(before.id).unwrap().unwrap();
    assert_eq!(again.value, before.value);
    assert!(check(&store).unwrap().is_sound());
}

async fn go(tracker: &Tracker, id: ImportId) {
    let mut work = tracker.open_import(id).unwrap().unwrap();
    loop {
        let (back, step) = tracker.step_import(work).await.unwrap();
        work = back;
        if step == ImportStep::Done {
            return;
        }
    }
}

/// Reads a list in, with the mapping that is offered and this change to it.
async fn ran(tracker: &Tracker, list: &str, change: impl FnOnce(&mut ImportMapping)) -> ImportId {
    let id = started(tracker, list, change).await;
    go(tracker, id).await;
    id
}

/// As [`ran`], up to where contacts are written.
async fn started(
    tracker: &Tracker,
    list: &str,
    change: impl FnOnce(&mut ImportMapping),
) -> ImportId {
    let new = new_import(list);
    let mut mapping = new.mapping.clone();
    change(&mut mapping);
    let id = tracker.begin_import(new).await.unwrap();
    assert!(tracker.check_import(id, mapping).await.unwrap());
    go(tracker, id).await;
    assert!(tracker.start_import(id).await.unwrap());
    id
}

fn people(tracker: &Tracker) -> Vec<Loaded<crate::domain::Contact>> {
    tracker.repo.contacts_by_name("", None, 99).unwrap().rows
}

#[tokio::test]
async fn whoever_lacks_the_field_is_known_by_address() {
    let folder = tempfile::tempdir().unwrap();
    let (store, tracker) = start(folder.path(), 1).await;
    let by_reference = |mapping: &mut ImportMapping| mapping.by_field = Some("Reference".into());
    let list = "Field: Reference,Email\n,ada@example.org\n7,bo@example.org\n";
    ran(&tracker, list, by_reference).await;
    assert_eq!(people(&tracker).len(), 2);
    let id = ran(&tracker, list, by_reference).await;
    let job = tracker.load_import(id).unwrap();
    assert_eq!((job.done.added, job.done.unchanged), (0, 2));
    assert_eq!(people(&tracker).len(), 2);
    assert!(check(&store).unwrap().is_sound());
}

#[tokio::test]
async fn the_id_of_somebody_who_was_taken_over_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let (_store, tracker) = start(folder.path(), 1).await;
    ran(
        &tracker,
        "First name,Email\nAda,a@example.org\nAda,b@example.org\n",
        |_| {},
    )
    .await;
    let both = people(&tracker);
    let by = UserId::from_bytes([1; 16]);
    let (keep, other) = (both[0].id, both[1].id);
    tracker.merge_contacts(keep, other, by).await.unwrap();
    let list = format!("Tocsin id,Last name\n{other},Lovelace\n");
    let id = ran(&tracker, &list, |_| {}).await;
    let job = tracker.load_import(id).unwrap();
    assert_eq!((job.done.updated, job.done.bad), (1, 0));
    let kept = tracker.repo.contact(keep).unwrap().unwrap();
    assert_eq!(kept.last_name.reveal(), "Lovelace");
}

#[tokio::test]
async fn an_area_is_never_made_under_one_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, tracker) = start(folder.path(), 1).await;
    let west = tracker.add_area("West", None).await.unwrap();
    let list = "First name,Email,Area\nAda,a@example.org,West / Beat 9\n";
    let id = started(&tracker, list, |_| {}).await;
    let work = tracker.open_import(id).unwrap().unwrap();
    let by = crate::domain::Actor::Gateway;
    tracker.delete_area(west, None, by).await.unwrap();
    let (_, step) = tracker.step_import(work).await.unwrap();
    assert_eq!(step, ImportStep::Done);
    let areas = tracker.repo.areas().unwrap();
    let depths: Vec<(usize, String)> = areas
        .walk()
        .into_iter()
        .map(|(depth, area)| (depth, area.name.clone()))
        .collect();
    assert_eq!(depths, [(0, "West".to_owned()), (1, "Beat 9".to_owned())]);
    assert!(check(&store).unwrap().is_sound());
}

/// An import of one person, about to be taken back, on the list of a user.
async fn taken_back(tracker: &Tracker) -> (ImportId, ImportWork) {
    let id = ran(tracker, "First name,Email\nAda,a@example.org\n", |_| {}).await;
    assert!(tracker.undo_import(id).await.unwrap());
    let work = tracker.open_import(id).unwrap().unwrap();
    (id, work)
}

#[tokio::test]
async fn nobody_is_removed_while_they_are_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (store, tracker) = start(folder.path(), 1).await;
    let (id, work) = taken_back(&tracker).await;
    let seen = people(&tracker).remove(0);
    let (work, step) = tracker.step_import(work).await.unwrap();
    assert_eq!(step, ImportStep::More);
    // Who read the contact before can make no delivery any more.
    let mut late = Batch::new();
    late.expect(&seen);
    assert!(is_conflict(&store.commit(late).await.unwrap_err()));
    // What came in before is seen now.
    let mut batch = Batch::new();
    let by = crate::domain::Actor::User(UserId::from_bytes([1; 16]));
    let edited = crate::domain::ContactChange::Edited;
    let line = crate::domain::LogEvent::changed(edited, None, by);
    crate::tracker::write::write_log(&mut batch, seen.id, START, vec![line], 5);
    store.commit(batch).await.unwrap();
    tracker.step_import(work).await.unwrap();
    assert_eq!(people(&tracker)[0].value, seen.value);
    go(&tracker, id).await;
    let job = tracker.load_import(id).unwrap();
    assert_eq!((job.state, job.undone.kept), (ImportState::Undone, 1));
    assert!(check(&store).unwrap().is_sound());
}

#[tokio::test]
async fn who_is_taken_back_leaves_the_recipient_lists() {
    let folder = tempfile::tempdir().unwrap();
    let (store, tracker) = start(folder.path(), 1).await;
    let clock: SharedClock = VirtualClock::standing(START);
    let users = Users::new(tracker.repo.clone(), clock, Randomness::seeded(9));
    let new = NewUser {
        login: "ida".to_owned(),
        name: "Ida".to_owned(),
        role: crate::domain::Role::Operator,
        password_hash: "hash".to_owned(),
        areas: Vec::new(),
        case_scope: crate::domain::CaseScope::All,
        email: None,
    };
    let ida = users.add(new).await.unwrap();
    let (id, work) = taken_back(&tracker).await;
    let ada = people(&tracker).remove(0).id;
    assert_eq!(tracker.add_recipients(ida, &[ada]).await.unwrap().added, 1);
    drop(work);
    go(&tracker, id).await;
    let job = tracker.load_import(id).unwrap();
    assert_eq!((job.state, job.undone.removed), (ImportState::Undone, 1));
    assert_eq!(tracker.repo.recipient_count(ida).unwrap(), 0);
    assert!(check(&store).unwrap().is_sound());
}
