//! Groups, filters, areas.

use super::*;

#[tokio::test]
async fn groups_are_made_filled_renamed_and_deleted() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let name = |name: &str| [("name", name.to_owned())];
    let made = browser.post("/groups", &name("Wardens")).await;
    let path = made.location().split('?').next().unwrap().to_owned();
    let id = path.rsplit('/').next().unwrap().to_owned();
    let taken = browser.post("/groups", &name("wardens")).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    taken.assert_has(&["This name is taken."]);
    let fields = [
        ("query", format!("area={}", world.areas[2])),
        ("into", id.clone()),
    ];
    let added = browser.post("/groups/add-all", &fields).await;
    assert_eq!(added.location(), format!("{path}?added=13"));
    browser
        .get(added.location())
        .await
        .assert_has(&["13 contacts were added.", "13 people"]);
    let ada = world.contacts[0].to_string();
    let members = format!("{path}/members");
    browser.post(&members, &[("contact", ada.clone())]).await;
    let list = browser.get(&format!("/contacts?group={id}")).await;
    assert_eq!(list.body.matches("title-link").count(), 14);
    let out = [("contact", ada), ("do", "remove".to_owned())];
    browser.post(&members, &out).await;
    let nameless = browser.post(&path, &name(" ")).await;
    assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY);
    nameless.assert_has(&["aria-describedby=\"name-problem\""]);
    browser.post(&path, &name("Flood wardens")).await;
    browser
        .get(&path)
        .await
        .assert_has(&["Flood wardens", "13 people"]);
    browser
        .get(&format!("{path}/delete"))
        .await
        .assert_has(&["13 contacts leave it", "cannot be undone"]);
    browser.post(&format!("{path}/delete"), &[]).await;
    assert_eq!(browser.get(&path).await.status, StatusCode::NOT_FOUND);
    let groups = world.repo.contact(world.contacts[2]).unwrap().unwrap();
    assert!(groups.groups.is_empty());
    sound(&world);
}

#[tokio::test]
async fn filters_find_and_are_kept() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let found = |page: &Answer| page.body.matches("title-link").count();
    let everybody = browser.get("/contacts?has=email").await;
    let county = format!("/contacts?area={}", world.county);
    assert_eq!(found(&browser.get(&county).await), 40);
    assert!(found(&everybody) > 0);
    let none = browser.get("/contacts?has=email&kind=staff").await;
    assert_eq!(found(&none), 0);
    assert_eq!(found(&browser.get("/contacts?state=suspended").await), 0);
    let fields = [
        ("query", "q=ada&has=email".to_owned()),
        ("name", "Adas with email".to_owned()),
    ];
    let kept = browser.post("/filters", &fields).await;
    assert_eq!(
        kept.location(),
        "/contacts?q=ada&has=email&done=filter_saved"
    );
    browser
        .get("/contacts")
        .await
        .assert_has(&["Adas with email", "/contacts?q=ada&#38;has=email"]);
    let list = browser.get("/filters").await;
    let id = list.body.split("action=\"/filters/").nth(1).unwrap();
    let path = format!("/filters/{}", id.split('"').next().unwrap());
    browser.post(&path, &[("name", "Adas".to_owned())]).await;
    browser.get("/filters").await.assert_has(&[">Adas</a>"]);
    let asked = browser.get(&format!("{path}/delete")).await;
    asked.assert_has(&["Delete the saved filter Adas?"]);
    browser.get("/filters").await.assert_has(&[">Adas</a>"]);
    browser.post(&format!("{path}/delete"), &[]).await;
    browser
        .get("/filters")
        .await
        .assert_has(&["No filter has been saved"]);
}

#[tokio::test]
async fn a_filter_that_is_an_audience_is_not_lost_without_a_word() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let filter = crate::domain::ContactFilter::default();
    let user = world.repo.user_by_login("ida").unwrap().unwrap().id;
    let id = world.tracker.save_filter("All", &filter, user).await;
    let id = id.unwrap();
    let form = |at: &str| {
        [
            ("category", "general".to_owned()),
            ("by_email", "1".to_owned()),
            ("subject", "Road closed".to_owned()),
            ("text", "The bridge is closed.".to_owned()),
            ("area", world.areas[0].to_string()),
            ("filter", id.to_string()),
            ("scheduled_at", at.to_owned()),
            ("do", "review".to_owned()),
        ]
    };
    let later = browser
        .post("/communications", &form("2026-12-24T18:00"))
        .await;
    let later = later.location().replace("/review", "");
    browser.post(&format!("{later}/send"), &[]).await;
    let draft = browser.post("/communications", &form("")).await;
    let review = draft.location().to_owned();
    let asked = browser.get(&format!("/filters/{id}/delete")).await;
    asked.assert_has(&["“Road closed” is scheduled"]);
    assert_eq!(asked.body.matches("is scheduled").count(), 1);
    browser.post(&format!("/filters/{id}/delete"), &[]).await;
    let gone = ["chose is not there any more"];
    browser.get(&review).await.assert_has(&gone);
    let refused = browser.post(&review.replace("/review", "/send"), &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&gone);
}

/// Schedules something to an area, with `more` beside it. Returns its address.
async fn scheduled(world: &World, browser: &Browser<'_>, more: (&'static str, String)) -> String {
    let form = [
        ("category", "general".to_owned()),
        ("by_email", "1".to_owned()),
        ("subject", "Road closed".to_owned()),
        ("text", "The bridge is closed.".to_owned()),
        ("area", world.county.to_string()),
        more,
        ("scheduled_at", "2026-12-24T18:00".to_owned()),
        ("do", "review".to_owned()),
    ];
    let review = browser.post("/communications", &form).await;
    let path = review.location().replace("/review", "");
    let sent = browser.post(&format!("{path}/send"), &[]).await;
    assert_eq!(sent.location(), format!("{path}/review?done=scheduled"));
    path
}

#[tokio::test]
async fn what_leaves_a_deleted_group_or_area_out_is_looked_at_again() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let otto = world.browser("otto").await;
    let by = Actor::Program(world.repo.user_by_login("ida").unwrap().unwrap().id);
    let group = world.tracker.add_group("Wardens").await.unwrap();
    let one = [world.contacts[0]];
    let joined = world.tracker.change_members(group, &one, true, by).await;
    assert_eq!(joined.unwrap(), 1);
    let area = world.areas[0];
    for (place, more) in [
        (format!("/groups/{group}"), ("x_group", group.to_string())),
        (format!("/areas/{area}"), ("x_area", area.to_string())),
    ] {
        let path = scheduled(&world, &browser, more).await;
        let asked = browser.get(&format!("{place}/delete")).await;
        asked.assert_has(&["“Road closed” is scheduled and leaves these people out"]);
        let gone = browser.post(&format!("{place}/delete"), &[]).await;
        assert!(gone.location().ends_with("_gone"), "{}", gone.location());
        let again = "Its recipients have to be chosen again";
        let drafts = browser.get("/communications?state=draft").await;
        drafts.assert_has(&["Road closed", again]);
        otto.get("/").await.assert_has(&["Road closed", again]);
        let edit = browser.get(&format!("{path}/edit")).await;
        edit.assert_has(&["chose is not there any more"]);
        let refused = browser.post(&format!("{path}/send"), &[]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        browser.post(&format!("{path}/delete"), &[]).await;
    }
}

#[tokio::test]
async fn the_question_names_what_is_scheduled_for_an_area() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let user = world.repo.user_by_login("ida").unwrap().unwrap().id;
    let filter = crate::domain::ContactFilter {
        areas: vec![world.areas[1]],
        ..crate::domain::ContactFilter::default()
    };
    let saved = world.tracker.save_filter("East", &filter, user).await;
    scheduled(&world, &browser, ("area", world.areas[0].to_string())).await;
    scheduled(&world, &browser, ("filter", saved.unwrap().to_string())).await;
    for area in [world.areas[0], world.areas[1]] {
        let asked = browser.get(&format!("/areas/{area}/delete")).await;
        asked.assert_has(&["“Road closed” is scheduled: it will go out without these people."]);
        assert_eq!(asked.body.matches("is scheduled").count(), 1);
    }
    // An area that other areas lie in is not deleted, and takes nothing back.
    let full = world.areas[0];
    let within = world.tracker.add_area("Quay", Some(full)).await;
    within.unwrap();
    let path = scheduled(&world, &browser, ("x_area", full.to_string())).await;
    let refused = browser.post(&format!("/areas/{full}/delete"), &[]).await;
    refused.assert_has(&["Other areas lie in it."]);
    let still = browser.get("/communications?state=scheduled").await;
    still.assert_has(&[path.as_str()]);
}

#[tokio::test]
async fn areas_are_made_moved_and_deleted_without_losing_anybody() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let otto = world.browser("otto").await;
    let field = |name: &str, parent: String| [("name", name.to_owned()), ("parent", parent)];
    let harbour = world.areas[0];
    let refused = otto.post("/areas", &field("Quay", String::new())).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    browser
        .post("/areas", &field("Quay", harbour.to_string()))
        .await;
    let tree = world.repo.areas().unwrap();
    let quay = tree.children(Some(harbour))[0];
    browser.get("/areas").await.assert_has(&["Quay"]);
    let taken = browser
        .post("/areas", &field("quay", harbour.to_string()))
        .await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    // An area cannot lie in itself, not even by a detour.
    let path = format!("/areas/{harbour}");
    let circle = browser
        .post(&path, &field("Harbour", quay.to_string()))
        .await;
    assert_eq!(circle.status, StatusCode::UNPROCESSABLE_ENTITY);
    circle.assert_has(&["An area cannot lie in itself."]);
    let full = browser
        .post(&format!("{path}/delete"), &[("parent", String::new())])
        .await;
    full.assert_has(&["Other areas lie in it.", "name=\"name\" value=\"Harbour\""]);
    let below = field("Quay", world.areas[1].to_string());
    browser.post(&format!("/areas/{quay}"), &below).await;
    let people = world.repo.contact_count(harbour).unwrap();
    let there = world.repo.contact_count(quay).unwrap();
    browser
        .get(&format!("{path}/delete"))
        .await
        .assert_has(&[&format!("{people} contacts move"), "Quay"]);
    browser
        .post(&format!("{path}/delete"), &[("parent", quay.to_string())])
        .await;
    assert!(world.repo.areas().unwrap().get(harbour).is_none());
    assert_eq!(world.repo.contact_count(quay).unwrap(), there + people);
    sound(&world);
}

#[tokio::test]
async fn areas_are_never_nested_too_deeply() {
    let world = world().await;
    let mut above = world.county;
    let mut made = 1;
    while let Ok(area) = world.tracker.add_area("Deeper", Some(above)).await {
        above = area;
        made += 1;
    }
    assert_eq!(made, crate::domain::area::AREA_DEPTH_MAX);
}
