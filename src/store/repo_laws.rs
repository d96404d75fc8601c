//! Lists are complete, in order, and the same on pages of any size.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::engine::Key;
use super::world::{IDS, World, area, change, contact_id, run};
use super::{Find, Loaded, NO_AREA, Order, Page, RepoError, keys};
use crate::domain::comms_issue::{Reachability, reachability};
use crate::domain::fold::fold;
use crate::domain::{AreaId, Contact, ContactId, Delivery, DeliveryId, MethodState};

/// All pages of a list.
fn all<T>(
    limit: usize,
    mut page: impl FnMut(Option<Key>, usize) -> Result<Page<T>, RepoError>,
) -> Vec<T> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let next = page(after, limit).unwrap();
        assert!(next.rows.len() <= limit);
        rows.extend(next.rows);
        after = next.next;
        if after.is_none() {
            return rows;
        }
    }
}

fn contact_ids(rows: &[Loaded<Contact>]) -> Vec<ContactId> {
    rows.iter().map(|row| row.id).collect()
}

fn delivery_ids(rows: &[Loaded<Delivery>]) -> Vec<DeliveryId> {
    rows.iter().map(|row| row.id).collect()
}

/// First and last name as they sort.
fn names(contact: &Contact) -> (Vec<u8>, Vec<u8>) {
    let key = |name: &str| name.to_lowercase().into_bytes();
    (
        key(contact.first_name.reveal()),
        key(contact.last_name.reveal()),
    )
}

/// The contacts that should be listed, read one by one.
fn known(world: &World) -> Vec<Contact> {
    let ids = (0..IDS).map(contact_id);
    ids.filter_map(|id| world.repo.contact(id).unwrap())
        .map(|contact| contact.value)
        .collect()
}

fn sorted_by_first_name(mut contacts: Vec<Contact>) -> Vec<ContactId> {
    contacts.sort_by_key(|contact| (names(contact).0, contact.id));
    contacts.iter().map(|contact| contact.id).collect()
}

fn check_area(world: &World, id: AreaId, limit: usize) -> Result<(), TestCaseError> {
    let repo = &world.repo;
    let mut here = known(world);
    here.retain(|contact| contact.area.unwrap_or(NO_AREA) == id);
    let of = |wanted| {
        let mut some = here.clone();
        some.retain(|contact| reachability(contact) == wanted);
        sorted_by_first_name(some)
    };
    let issues = of(Reachability::Issue);
    prop_assert_eq!(repo.issue_count(id).unwrap(), issues.len() as u64);
    let listed = all(limit, |after, limit| repo.issues_in_area(id, after, limit));
    prop_assert_eq!(contact_ids(&listed), issues);
    let listed = all(limit, |after, limit| {
        repo.unreachable_in_area(id, after, limit)
    });
    prop_assert_eq!(contact_ids(&listed), of(Reachability::Unreachable));
    let everybody = sorted_by_first_name(here);
    prop_assert_eq!(repo.contact_count(id).unwrap(), everybody.len() as u64);
    let listed = all(limit, |after, limit| {
        repo.contacts_in_area(id, after, limit)
    });
    prop_assert_eq!(contact_ids(&listed), everybody);
    Ok(())
}

/// The lists of all areas as one are what is in them, each person once, whatever the size of a
/// page.
fn check_areas_as_one(world: &World, limit: usize) -> Result<(), TestCaseError> {
    let areas: Vec<AreaId> = (0..IDS).map(area).chain([NO_AREA]).collect();
    let lists = [
        (keys::CONTACT_BY_AREA, None),
        (keys::ISSUE_BY_AREA, Some(Reachability::Issue)),
        (keys::UNREACHABLE_BY_AREA, Some(Reachability::Unreachable)),
    ];
    for (tag, wanted) in lists {
        let mut some = known(world);
        some.retain(|contact| {
            areas.contains(&contact.area.unwrap_or(NO_AREA))
                && wanted.is_none_or(|wanted| reachability(contact) == wanted)
        });
        let under = |area: &AreaId| keys::KeyBuilder::new(tag).bytes(area.as_bytes()).build();
        // One of them twice: nobody comes twice for that.
        let prefixes: Vec<_> = areas.iter().chain(&areas[..1]).map(under).collect();
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let mut walk = world.repo.walk(prefixes.clone(), after.as_deref()).unwrap();
            let before = listed.len();
            while listed.len() - before < limit
                && let Some((place, id)) = walk.step().unwrap()
            {
                listed.push(id);
                after = Some(place);
            }
            if listed.len() == before {
                break;
            }
        }
        prop_assert_eq!(listed, sorted_by_first_name(some));
    }
    Ok(())
}

/// Everybody is found by the beginning of each word of the name, in the right areas alone.
fn check_words(world: &World) -> Result<(), TestCaseError> {
    for contact in known(world) {
        let name = fold(&contact.full_name());
        let here = HashSet::from([contact.area.unwrap_or(NO_AREA)]);
        let nowhere = HashSet::new();
        for word in name.split_whitespace().take(8) {
            let start: String = word.chars().take(2).collect();
            let find = |text, within| {
                let limit = 1_000;
                let find = Find {
                    text,
                    within,
                    limit,
                };
                contact_ids(&world.repo.find_by_name(find).unwrap())
            };
            prop_assert!(find(word, None).contains(&contact.id));
            prop_assert!(find(&start, Some(&here)).contains(&contact.id));
            let all_and_more = [&name, " ", &start].concat();
            prop_assert!(find(&all_and_more, None).contains(&contact.id));
            prop_assert!(!find(word, Some(&nowhere)).contains(&contact.id));
            let too_much = [word, " zzzzzz"].concat();
            prop_assert!(!find(&too_much, None).contains(&contact.id));
        }
    }
    Ok(())
}

fn check_addresses(world: &World) -> Result<(), TestCaseError> {
    for contact in known(world) {
        for method in &contact.methods {
            let key = method.destination.lookup_key();
            let found = contact_ids(&world.repo.contacts_by_address(&key, 100).unwrap());
            let is_used = |method: &&crate::domain::Method| {
                method.state != MethodState::Removed && method.destination.lookup_key() == key
            };
            let listed = contact.methods.iter().any(|method| is_used(&method));
            prop_assert_eq!(found.contains(&contact.id), listed);
        }
    }
    Ok(())
}

fn check_deliveries(world: &World, limit: usize) -> Result<(), TestCaseError> {
    let repo = &world.repo;
    let listed = all(limit, |after, limit| repo.deliveries(after, limit));
    let newest_first = |mut ids: Vec<DeliveryId>| {
        ids.sort_by_key(|id| std::cmp::Reverse(*id));
        ids
    };
    prop_assert_eq!(delivery_ids(&listed), newest_first(delivery_ids(&listed)));
    let communication = world.communication();
    let people = all(limit, |after, limit| {
        repo.people(communication.id, after, limit)
    });
    prop_assert_eq!(people.len() as u64, communication.people);
    let mut of_people = Vec::new();
    for person in &people {
        let theirs: Vec<_> = person
            .deliveries
            .iter()
            .map(|known| known.delivery)
            .collect();
        let listed = all(limit, |after, limit| {
            repo.deliveries_of(person.contact, after, limit)
        });
        prop_assert_eq!(delivery_ids(&listed), newest_first(theirs.clone()));
        let mut turned = delivery_ids(&all(limit, |after, limit| {
            repo.deliveries_in(Order::Turned, person.contact, after, limit)
        }));
        turned.reverse();
        prop_assert_eq!(turned, newest_first(theirs.clone()));
        of_people.extend(theirs);
    }
    prop_assert_eq!(newest_first(of_people), delivery_ids(&listed));
    for delivery in &listed {
        for remote_id in &delivery.remote_ids {
            let found = repo.delivery_by_remote_id(remote_id).unwrap().unwrap();
            prop_assert_eq!(found.id, delivery.id);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn lists_are_complete_and_in_order(changes in vec(change(), 1..40), limit in 1_usize..4) {
        run(async {
            let world = World::new().await;
            for change in changes {
                world.apply(change).await;
            }
            let mut by_name = known(&world);
            by_name.sort_by_key(|contact| (names(contact), contact.id));
            let by_name: Vec<_> = by_name.iter().map(|contact| contact.id).collect();
            let listed = all(limit, |after, limit| {
                world.repo.contacts_by_name("", after, limit)
            });
            prop_assert_eq!(contact_ids(&listed), by_name);
            for id in (0..IDS).map(area).chain([NO_AREA]) {
                check_area(&world, id, limit)?;
            }
            check_areas_as_one(&world, limit)?;
            check_words(&world)?;
            check_addresses(&world)?;
            check_deliveries(&world, limit)
        })?;
    }
}
