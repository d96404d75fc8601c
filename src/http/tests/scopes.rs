//! Whoever covers some areas sees the people of these, and nobody else; the same with cases and
//! with what a token may do.

mod cases;
mod lists;
mod numbers;
mod reports;
mod tokens;

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::api::program;
use super::issues::cover;
use super::world::{Browser, World, world};
use crate::domain::{Access, Contact, ContactId};
use crate::store::RepoError;

/// What a user may do and see.
pub(super) fn access(world: &World, login: &str) -> Access {
    let user = world.repo.user_by_login(login).unwrap().unwrap();
    let repo = &world.repo;
    let parties = || repo.parties_of_cases_naming(user.id);
    Access::of::<RepoError>(&user, None, || repo.areas(), parties).unwrap()
}

/// Somebody of the area that Otto covers, and somebody of another.
fn inside_and_outside(world: &World) -> (Contact, Contact) {
    let contacts: Vec<Contact> = world
        .contacts
        .iter()
        .map(|id| world.repo.contact(*id).unwrap().unwrap().value)
        .collect();
    let own = world.areas[0];
    let find = |within: bool| {
        let mut all = contacts.iter();
        let found = all.find(|one| (one.area == Some(own)) == within);
        found.unwrap().clone()
    };
    (find(true), find(false))
}

async fn alert(browser: &Browser<'_>, area: crate::domain::AreaId) -> String {
    let fields = [
        ("category", "general".to_owned()),
        ("by_email", "1".to_owned()),
        ("subject", "Road closed".to_owned()),
        ("text", "The bridge is closed.".to_owned()),
        ("area", area.to_string()),
        ("do", "review".to_owned()),
    ];
    let written = browser.post("/communications", &fields).await;
    written.location().replace("/review", "")
}

/// An alert of the administrator went to the whole county.
async fn sent(world: &World) -> String {
    let ida = world.browser("ida").await;
    let path = alert(&ida, world.county).await;
    ida.post(&format!("{path}/send"), &[]).await;
    world.expand().await;
    path
}

fn delivery(world: &World, contact: ContactId) -> String {
    world.deliveries(contact)[0].id.to_string()
}

#[tokio::test]
async fn pages_show_whom_one_covers_and_nobody_else() {
    let world = world().await;
    let path = sent(&world).await;
    cover(&world, "otto", vec![world.areas[0]]).await;
    let (inside, outside) = inside_and_outside(&world);
    let (ida, otto) = (world.browser("ida").await, world.browser("otto").await);
    for (contact, status) in [(&inside, StatusCode::OK), (&outside, StatusCode::NOT_FOUND)] {
        for page in [
            format!("/contacts/{}", contact.id),
            format!("/contacts/{}/edit", contact.id),
            format!("/contacts/{}/log", contact.id),
            format!("{path}/people/{}", contact.id),
            format!("/deliveries/{}", delivery(&world, contact.id)),
        ] {
            assert_eq!(otto.get(&page).await.status, status, "{page}");
            assert_eq!(ida.get(&page).await.status, StatusCode::OK, "{page}");
        }
    }
    for page in ["/contacts", "/log", &path, "/communications/new?find=a"] {
        let (all, own) = (ida.get(page).await, otto.get(page).await);
        let id = outside.id.to_string();
        assert_eq!(own.status, StatusCode::OK, "{page}");
        assert!(!own.body.contains(&id), "{page} shows somebody outside");
        if page != "/communications/new?find=a" {
            all.assert_has(&[&id]);
            own.assert_has(&[&inside.id.to_string()]);
        }
    }
    let numbers = otto.get(&path).await;
    numbers.assert_has(&["Numbers of everybody are for those who cover everywhere"]);
    let add = [("contact", outside.id.to_string())];
    let added = otto.post("/recipients/add", &add).await;
    assert_eq!(added.status, StatusCode::NOT_FOUND);
    for page in ["/contacts/import", "/contacts/duplicates"] {
        assert_eq!(otto.get(page).await.status, StatusCode::FORBIDDEN, "{page}");
    }
}

#[tokio::test]
async fn programs_are_told_of_whom_their_user_covers_alone() {
    let world = world().await;
    let path = format!("/api/v1{}", sent(&world).await);
    cover(&world, "otto", vec![world.areas[0]]).await;
    let (inside, outside) = inside_and_outside(&world);
    let otto = program(&world, "otto").await;
    for (contact, status) in [(&inside, StatusCode::OK), (&outside, StatusCode::NOT_FOUND)] {
        for address in [
            format!("/api/v1/contacts/{}", contact.id),
            format!("/api/v1/contacts/{}/log", contact.id),
            format!("{path}/people/{}", contact.id),
            format!("/api/v1/deliveries/{}", delivery(&world, contact.id)),
        ] {
            let answer = otto.ask(Method::GET, &address, None, None).await;
            assert_eq!(answer.status, status, "{address}");
        }
    }
    for (list, field) in [
        ("/api/v1/contacts".to_owned(), "id"),
        (format!("{path}/people"), "contact"),
    ] {
        let rows = otto.get(&list).await;
        let ids: Vec<&str> = rows["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[field].as_str().unwrap())
            .collect();
        assert!(ids.contains(&inside.id.to_string().as_str()), "{list}");
        assert!(!ids.contains(&outside.id.to_string().as_str()), "{list}");
    }
    let log = otto.get("/api/v1/log").await.to_string();
    assert!(log.contains(&inside.full_name()) && !log.contains(&outside.full_name()));
    let areas = otto.get("/api/v1/areas").await;
    assert_eq!(areas.as_array().unwrap().len(), 1, "{areas}");
    let numbers = format!("{path}/statistics");
    let refused = otto.refused(Method::GET, &numbers, None).await;
    assert_eq!(refused.1, 403);
}

#[tokio::test]
async fn nobody_writes_to_people_whom_they_do_not_cover() {
    let world = world().await;
    cover(&world, "otto", vec![world.areas[0]]).await;
    let otto = world.browser("otto").await;
    let everybody = alert(&otto, world.county).await;
    let refused = otto.post(&format!("{everybody}/send"), &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["of these people are outside what you cover"]);
    let id = everybody.rsplit('/').next().unwrap();
    let program = program(&world, "otto").await;
    let path = format!("/api/v1/communications/{id}/send");
    let problem = program.refused(Method::POST, &path, Some(&json!({}))).await;
    assert_eq!(problem.1, 422, "{problem:?}");
    let kept = world.repo.communication(id.parse().unwrap()).unwrap();
    assert!(kept.unwrap().sent_at.is_none());
    let own = alert(&otto, world.areas[0]).await;
    let went = otto.post(&format!("{own}/send"), &[]).await;
    assert_eq!(went.location(), format!("{own}?done=sent"));
}

#[tokio::test]
async fn unknown_senders_belong_to_those_who_cover_everywhere() {
    let world = world().await;
    let thread = super::inbox_people::from_stranger(&world, 7, |_| {}).await;
    cover(&world, "otto", vec![world.areas[0]]).await;
    let page = format!("/inbox/{thread}");
    let (ida, otto) = (world.browser("ida").await, world.browser("otto").await);
    ida.get("/inbox").await.assert_has(&[&page]);
    assert_eq!(ida.get(&page).await.status, StatusCode::OK);
    assert_eq!(otto.get(&page).await.status, StatusCode::NOT_FOUND);
    assert!(!otto.get("/inbox").await.body.contains(&page));
    assert!(!otto.get("/").await.body.contains(&page));
}
