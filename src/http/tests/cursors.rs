//! What stands in an address or an answer of where a list goes on.

use axum::http::{Method, StatusCode};
use data_encoding::BASE64URL_NOPAD;

use super::api::{Program, program};
use super::correspondence::{case, firm};
use super::world::{Answer, World, world};
use crate::domain::{ContactId, MethodKind};

/// Nothing of this can be read in a cursor.
#[track_caller]
fn tells_nothing(cursor: &str, secrets: &[String]) {
    let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap();
    let read = String::from_utf8_lossy(&bytes).to_lowercase();
    for secret in secrets {
        assert!(!read.contains(&secret.to_lowercase()), "{secret}: {read:?}");
    }
}

fn names(world: &World) -> Vec<String> {
    let known = world.contacts.iter();
    let known = known.filter_map(|id| world.repo.contact(*id).unwrap());
    known.map(|one| one.first_name.reveal().clone()).collect()
}

async fn refuses(program: &Program<'_>, path: &str, cursor: &str) {
    let path = format!("{path}&cursor={cursor}");
    let refused = program.refused(Method::GET, &path, None).await;
    assert_eq!(refused.1, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    assert_eq!(refused.2["errors"][0]["field"], "cursor");
}

#[tokio::test]
async fn cursors_name_nobody_and_hold_for_one_list_and_reader() {
    let world = world().await;
    let area = world.areas[0];
    world
        .change_user("otto", |user| user.areas = vec![area])
        .await;
    let otto = program(&world, "otto").await;
    let path = "/api/v1/contacts?limit=1";
    let mut cursors = Vec::new();
    let mut page = otto.get(path).await;
    while let Some(cursor) = page["next"].as_str() {
        tells_nothing(cursor, &names(&world));
        cursors.push(cursor.to_owned());
        page = otto.get(&format!("{path}&cursor={cursor}")).await;
    }
    assert!(cursors.len() > 1, "{cursors:?}");
    let cursor = &cursors[0];
    let mut altered = cursor.clone();
    let last = if altered.pop() == Some('A') { 'Q' } else { 'A' };
    altered.push(last);
    refuses(&otto, path, &altered).await;
    refuses(&otto, path, "AAAA").await;
    refuses(&otto, "/api/v1/communications?limit=1", cursor).await;
    let ida = program(&world, "ida").await;
    refuses(&ida, path, cursor).await;
    assert!(ida.get(path).await["next"].is_string());
}

#[tokio::test]
async fn cursors_of_cases_tell_no_reference() {
    let firm = firm().await;
    let world = &firm.world;
    for number in 2..6 {
        let reference = format!("DC-2026-0000{number}");
        case(world, &reference, firm.client, firm.bank, number != 5).await;
    }
    let otto = program(world, "otto").await;
    let path = "/api/v1/cases?sort=reference&limit=1";
    let first = otto.get(path).await;
    let cursor = first["next"].as_str().unwrap();
    tells_nothing(cursor, &["dc-2026".to_owned()]);
    let second = otto.get(&format!("{path}&cursor={cursor}")).await;
    assert_eq!(second["items"][0]["reference"], "DC-2026-00005");
}

#[tokio::test]
async fn addresses_of_pages_name_nobody() {
    let world = world().await;
    let template = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let neighbour = |number: u8| {
        let mut one = template.value.clone();
        let mut id = *one.id.as_bytes();
        id[0] = number;
        one.id = ContactId::from_bytes(id);
        one.methods
            .retain(|method| method.kind == MethodKind::Landline);
        one
    };
    // More people than one page has.
    let many: Vec<_> = (100..200).map(neighbour).collect();
    world.tracker.add_contacts(&many).await.unwrap();
    let otto = world.browser("otto").await;
    let page = otto.get("/contacts").await;
    let next = page.body.split("/contacts?after=").nth(1).unwrap();
    let cursor = next.split('"').next().unwrap();
    tells_nothing(cursor, &names(&world));
    let second = otto.get(&format!("/contacts?after={cursor}")).await;
    let listed = |answer: &Answer| -> Vec<String> {
        let rows = answer.body.split("href=\"/contacts/").skip(1);
        rows.map(|row| row[..32].to_owned()).collect()
    };
    let (first, second) = (listed(&page), listed(&second));
    assert!(
        second.len() > 40 && !first.contains(&second[40]),
        "{second:?}"
    );
}
