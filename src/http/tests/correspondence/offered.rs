//! Whom the form of a case offers.

use axum::http::StatusCode;

use super::super::world::World;
use super::firm;
use crate::domain::{Contact, ContactId, ContactKind, Redacted};
use crate::store::{Batch, CaseList, RowBatch};

/// So many citizens that stand before everybody else by name.
async fn crowd(world: &World, count: u32) {
    let like = world.repo.contact(world.contacts[5]).unwrap().unwrap();
    for part in (0..count).collect::<Vec<_>>().chunks(500) {
        let mut batch = Batch::new();
        for index in part {
            let mut id = [9; 16];
            id[..4].copy_from_slice(&index.to_be_bytes());
            batch.insert(&Contact {
                id: ContactId::from_bytes(id),
                kind: ContactKind::Citizen,
                first_name: Redacted::new("Aa".to_owned()),
                methods: Vec::new(),
                ..like.value.clone()
            });
        }
        world.repo.store().commit(batch).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_behind_very_many_contacts_is_looked_for() {
    let firm = firm().await;
    let world = &firm.world;
    let otto = world.browser("otto").await;
    let offer = |id: ContactId| format!("<option value=\"{id}\"");
    let form = otto.get("/cases/new").await;
    form.assert_has(&[&offer(firm.client), &offer(firm.bank)]);
    assert!(!form.body.contains("name=\"find\""), "nobody is missing");
    crowd(world, 2_000).await;
    let form = otto.get("/cases/new").await;
    assert!(!form.body.contains(&offer(firm.client)));
    form.assert_has(&["name=\"find\"", "Find a client or creditor"]);
    let client = world.repo.contact(firm.client).unwrap().unwrap();
    let fields = |find: &str, client: String| {
        [
            ("reference", "DC-2026-00077".to_owned()),
            ("title", "A loan".to_owned()),
            ("client", client),
            ("find", find.to_owned()),
            ("do", "find".to_owned()),
        ]
    };
    let name = client.full_name();
    let found = otto.post("/cases", &fields(&name, String::new())).await;
    assert_eq!(found.status, StatusCode::OK);
    found.assert_has(&["DC-2026-00077", "A loan", &offer(firm.client)]);
    let bank = world.repo.contact(firm.bank).unwrap().unwrap();
    let chosen = fields(&bank.full_name(), firm.client.to_string());
    let found = otto.post("/cases", &chosen).await;
    let chosen = format!("{} selected>{name}", offer(firm.client));
    found.assert_has(&[&chosen, &offer(firm.bank)]);
    let cases = world.repo.cases(&CaseList::All, None, 9).unwrap();
    assert_eq!(cases.rows.len(), 1, "looking for somebody opens no case");
}
