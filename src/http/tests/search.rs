//! Search: what is found by its words, marked, paged, and never more than the state holds.

use axum::http::{Method, StatusCode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::api::program;
use super::inbox::thread;
use super::journey::drafted;
use super::world::{Browser, World, world};

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
