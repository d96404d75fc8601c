//! Search: what is found by its words, marked, paged, and never more than the state holds.

use axum::http::{Method, StatusCode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::api::program;
use super::inbox::{comes_in, thread};
use super::issues::cover;
use super::journey::{alert, drafted};
use super::world::{Browser, World, world};
use crate::domain::Contact;

async fn indexed(world: &World) {
    let stop = CancellationToken::new();
    world.app.console.search.catch_up(&stop).await.unwrap();
}

async fn found(browser: &Browser<'_>, query: &str) -> String {
    let answer = browser.get(&format!("/search?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn subject_recipient_and_content_are_searched_and_marked() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = drafted(&browser).await;
    browser.post(&format!("{path}/send"), &[]).await;
    world.expand().await;
    let thread = thread(&world, 7).await;
    indexed(&world).await;
    let page = found(&browser, "q=HARBOUR").await;
    assert!(page.contains("1 found"), "{page}");
    assert!(page.contains("&#60;<mark>Harbour</mark>"), "{page}");
    assert!(page.contains(&format!("href=\"{path}\"")));
    let page = found(&browser, "q=road").await;
    assert!(page.contains("<mark>Road</mark>"), "{page}");
    assert!(page.contains(&format!("/inbox/{thread}#m-")));
    // What somebody wrote does nothing to the page.
    let page = found(&browser, "q=text:safe").await;
    assert!(page.contains("&#60;b&#62;<mark>safe</mark>"), "{page}");
    assert!(!page.contains("<b>"));
    // By whom it went to.
    let ada = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let name = ada.first_name.reveal().clone();
    let page = found(&browser, &format!("q=to:{name}")).await;
    assert!(page.contains(&format!("<mark>{name}</mark>")), "{page}");
    assert!(found(&browser, "q=zzz").await.contains("Nothing was found"));
    assert!(!found(&browser, "q=").await.contains("found\">"));
    assert!(
        found(&browser, "q=road&from=1999-13-01")
            .await
            .contains("role=\"alert\"")
    );
    let before = found(&browser, "q=road&to=1999-01-01").await;
    assert!(before.contains("0 found"), "{before}");
}

#[tokio::test]
async fn what_is_gone_is_not_shown_though_the_index_still_has_it() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = drafted(&browser).await;
    indexed(&world).await;
    assert!(found(&browser, "q=harbour").await.contains(&path));
    let deleted = browser.post(&format!("{path}/delete"), &[]).await;
    assert_eq!(deleted.status, StatusCode::SEE_OTHER, "{}", deleted.body);
    assert!(!found(&browser, "q=harbour").await.contains(&path));
    indexed(&world).await;
    assert!(found(&browser, "q=harbour").await.contains("0 found"));
}

#[tokio::test]
async fn programs_search_page_by_page() {
    let world = world().await;
    let program = program(&world, "ida").await;
    for seed in 1..=3 {
        thread(&world, seed).await;
    }
    indexed(&world).await;
    let page = program.get("/api/v1/search?q=road&limit=2").await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2), "{page}");
    assert_eq!(page["items"][0]["kind"], "message");
    assert_eq!(page["total"], 3);
    let next = page["next"].as_str().unwrap();
    let rest = program
        .get(&format!("/api/v1/search?q=road&limit=2&cursor={next}"))
        .await;
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(rest["next"], Value::Null);
    let odd = "/api/v1/search?q=road&order=odd";
    let refused = program.ask(Method::GET, odd, None, None).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("\"order\""), "{}", refused.body);
}

/// An alert to everybody, of which Otto covers one area.
async fn alert_beyond_otto(world: &World) -> String {
    let ida = world.browser("ida").await;
    let mut fields = alert(world);
    fields.retain(|(name, _)| *name != "area");
    let to = world.contacts.iter();
    fields.extend(to.map(|id| ("contact", id.to_string())));
    fields.push(("do", "review".to_owned()));
    let saved = ida.post("/communications", &fields).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let path = saved.location().strip_suffix("/review").unwrap().to_owned();
    ida.post(&format!("{path}/send"), &[]).await;
    world.expand().await;
    cover(world, "otto", vec![world.areas[0]]).await;
    path
}

#[tokio::test]
async fn whom_a_message_went_to_is_not_found_by_who_may_not_know() {
    let world = world().await;
    let path = alert_beyond_otto(&world).await;
    indexed(&world).await;
    let of = |wanted: bool| {
        let all = world.contacts.iter();
        let mut all = all.map(|id| world.repo.contact(*id).unwrap().unwrap().value);
        let is_own = |one: &Contact| one.area == Some(world.areas[0]);
        let found = all.find(|one| is_own(one) == wanted && !one.methods.is_empty());
        found.unwrap()
    };
    let (theirs, others) = (of(true), of(false));
    let otto = world.browser("otto").await;
    assert!(found(&otto, "q=harbour").await.contains(&path));
    for one in [&theirs, &others] {
        let name = one.last_name.reveal().clone();
        let address = one.methods[0].destination.lookup_key();
        for query in [
            format!("q=harbour+{name}"),
            format!("q=to:{name}"),
            format!("q=harbour+to:%22{address}%22"),
        ] {
            let page = found(&otto, &query).await;
            assert!(!page.contains(&path), "{query}:\n{page}");
        }
        let without = format!("q=harbour+-to:{name}");
        assert!(found(&otto, &without).await.contains(&path), "{without}");
    }
    let ida = world.browser("ida").await;
    let name = others.last_name.reveal().clone();
    assert!(found(&ida, &format!("q=to:{name}")).await.contains(&path));
}

#[tokio::test]
async fn what_fits_best_is_looked_for_behind_what_others_may_see() {
    let world = world().await;
    cover(&world, "otto", vec![world.areas[0]]).await;
    let all = world.contacts.iter();
    let all: Vec<Contact> = all
        .map(|id| world.repo.contact(*id).unwrap().unwrap().value)
        .collect();
    let is_own = |one: &&Contact| one.area == Some(world.areas[0]);
    let own = all.iter().find(is_own).unwrap().id;
    let other = all.iter().find(|one| !is_own(one)).unwrap().id;
    for seed in 1..=9 {
        let fits = if seed == 9 { "Road" } else { "Road road road" };
        comes_in(&world, seed, |incoming| {
            incoming.contact = Some(if seed == 9 { own } else { other });
            incoming.subject = format!("{fits} {seed}");
        })
        .await;
    }
    indexed(&world).await;
    let otto = program(&world, "otto").await;
    let page = otto
        .get("/api/v1/search?q=road&order=relevant&limit=2")
        .await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page}");
    assert_eq!(page["total"], Value::Null);
}

#[tokio::test]
async fn what_went_to_somebody_taken_over_is_found_by_the_name_that_is_left() {
    let world = world().await;
    let ida = world.browser("ida").await;
    let (kept, gone) = (world.contacts[0], world.contacts[1]);
    let mut fields = alert(&world);
    fields.retain(|(name, _)| *name != "area");
    fields.push(("contact", gone.to_string()));
    fields.push(("do", "review".to_owned()));
    let saved = ida.post("/communications", &fields).await;
    let path = saved.location().strip_suffix("/review").unwrap().to_owned();
    ida.post(&format!("{path}/send"), &[]).await;
    world.expand().await;
    indexed(&world).await;
    let name = |id| {
        world
            .repo
            .contact(id)
            .unwrap()
            .unwrap()
            .last_name
            .reveal()
            .clone()
    };
    let (name_of_kept, name_of_gone) = (name(kept), name(gone));
    let of = |name: &str| format!("q=to:{name}");
    assert!(found(&ida, &of(&name_of_gone)).await.contains(&path));
    let by = world.repo.user_by_login("ida").unwrap().unwrap().id;
    world.tracker.merge_contacts(kept, gone, by).await.unwrap();
    indexed(&world).await;
    assert!(found(&ida, &of(&name_of_kept)).await.contains(&path));
    // And by another one that they take later.
    let old = world.repo.contact(kept).unwrap().unwrap();
    let mut new = old.value.clone();
    new.last_name = crate::domain::Redacted::new("Weatherby".to_owned());
    let mut batch = crate::store::Batch::new();
    crate::store::RowBatch::replace(&mut batch, &old, &new);
    world.repo.store().commit(batch).await.unwrap();
    indexed(&world).await;
    assert!(found(&ida, "q=to:weatherby").await.contains(&path));
}
