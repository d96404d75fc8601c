//! Lists of those who do not see everybody have no gaps where others are.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::super::api::{program, program_scoped};
use super::super::inbox::comes_in;
use super::super::issues::cover;
use super::super::world::world;
use super::{inside_and_outside, sent};
use crate::domain::{Permission, Permissions, Role};

#[tokio::test]
async fn an_inbox_is_filled_with_what_one_sees() {
    let world = world().await;
    let (inside, outside) = inside_and_outside(&world);
    for seed in 1..=60 {
        let who = if seed == 1 { &inside } else { &outside };
        comes_in(&world, seed, |incoming| {
            incoming.contact = Some(who.id);
            incoming.from = who.methods[0].destination.lookup_key();
        })
        .await;
        world.clock.advance(std::time::Duration::from_secs(1));
    }
    let thread = world.repo.threads_of(inside.id, 1).unwrap().remove(0).id;
    cover(&world, "otto", vec![world.areas[0]]).await;
    let otto = world.browser("otto").await;
    for page in ["/inbox", "/inbox?show=unread"] {
        let page = otto.get(page).await;
        page.assert_has(&[&format!("/inbox/{thread}")]);
        assert!(!page.body.contains("after="), "{}", page.body);
    }
    let list = program(&world, "otto").await;
    let list = list.get("/api/v1/inbox?limit=5").await;
    assert_eq!(list["items"][0]["id"], thread.to_string());
    assert_eq!(list["next"], serde_json::Value::Null);
}

#[tokio::test]
async fn pages_of_people_are_filled_with_those_one_sees() {
    let world = world().await;
    let path = format!("/api/v1{}", sent(&world).await);
    cover(&world, "otto", vec![world.areas[0]]).await;
    let otto = program(&world, "otto").await;
    let all = otto.get(&format!("{path}/people?limit=100")).await;
    let all = all["items"].as_array().unwrap().clone();
    assert!(all.len() > 4, "{}", all.len());
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = otto.get(&format!("{path}/people?limit=2{cursor}")).await;
        let rows = page["items"].as_array().unwrap().clone();
        let Some(next) = page["next"].as_str() else {
            found.extend(rows);
            break;
        };
        assert_eq!(rows.len(), 2, "{page}");
        found.extend(rows);
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found, all);
}

#[tokio::test]
async fn news_of_everybody_goes_where_those_who_see_everybody_send_it() {
    let world = world().await;
    world.add_somebody("vera", Role::Administrator).await;
    cover(&world, "vera", vec![world.areas[0]]).await;
    let vera = world.browser("vera").await;
    assert_eq!(vera.get("/webhooks").await.status, StatusCode::FORBIDDEN);
    let menu = vera.get("/").await.body;
    assert!(!menu.contains("href=\"/webhooks\"") && menu.contains("href=\"/api\""));
    let asked = json!({
        "name": "Mine",
        "url": "https://vera.example.org/in",
        "events": ["delivery.status"],
        "addresses": true,
    });
    let limited = program(&world, "vera").await;
    let path = "/api/v1/webhooks";
    let refused = limited.refused(Method::POST, path, Some(&asked)).await;
    assert_eq!(refused.1, 403, "{refused:?}");
    // A token that may see nobody hears of nobody.
    let scopes = Permissions::of(&[Permission::Administer]);
    let blind = program_scoped(&world, "ida", scopes).await;
    let refused = blind.refused(Method::POST, path, Some(&asked)).await;
    assert_eq!(refused.1, 403, "{refused:?}");
    assert!(world.repo.webhooks().unwrap().is_empty());
}
