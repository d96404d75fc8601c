//! Rows about people who are known already.

use super::*;

/// A list that names Ada, who is known, by her address.
fn about_ada(world: &World, more: &str) -> String {
    let ada = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let email = ada.methods[0].destination.reveal().to_owned();
    format!(
        "First name,Last name,Email,Language\n{},{},{email},fr\n{more}",
        ada.first_name.reveal(),
        ada.last_name.reveal(),
    )
}

#[tokio::test]
async fn people_who_are_known_are_updated_and_restored() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let before = world
        .repo
        .contact(world.contacts[0])
        .unwrap()
        .unwrap()
        .value;
    let list = about_ada(&world, "New,Person,new@example.org,en\n");
    let path = imported(&browser, list.as_bytes(), &[]).await;
    browser
        .get("/contacts/import")
        .await
        .assert_has(&["1 new, 1 updated"]);
    let after = world
        .repo
        .contact(world.contacts[0])
        .unwrap()
        .unwrap()
        .value;
    assert_eq!(after.language, "fr");
    assert_eq!(after.methods, before.methods);
    browser
        .get(&format!("/contacts/{}/log", after.id))
        .await
        .assert_has(&["Details changed"]);
    sound(&world);
    browser.post(&format!("{path}/undo"), &[]).await;
    work(&world).await;
    let again = world
        .repo
        .contact(world.contacts[0])
        .unwrap()
        .unwrap()
        .value;
    assert_eq!(again, before);
    assert!(by_name(&world, "New").is_none());
    sound(&world);
}

#[tokio::test]
async fn what_happened_since_is_not_undone() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let list = about_ada(
        &world,
        "New,Person,new@example.org,en\nOther,One,other@example.org,en\n",
    );
    let path = imported(&browser, list.as_bytes(), &[]).await;
    let touch = |first: &'static str| {
        let id = by_name(&world, first).unwrap().id;
        let method = by_name(&world, first).unwrap().methods[0].id;
        let by = crate::domain::UserId::from_bytes([1; 16]);
        let tracker = world.tracker.clone();
        async move {
            let to = crate::domain::EmailAddress::parse("corrected@example.org").unwrap();
            let to = crate::domain::Destination::Email(crate::domain::Redacted::new(to));
            tracker.correct(id, method, to, by).await.unwrap();
        }
    };
    touch("New").await;
    touch("Ada").await;
    browser.post(&format!("{path}/undo"), &[]).await;
    work(&world).await;
    browser
        .get(&path)
        .await
        .assert_has(&["People who stay", "Somebody has changed this contact since"]);
    assert_eq!(by_name(&world, "Ada").unwrap().language, "fr");
    assert!(by_name(&world, "New").is_some());
    assert!(by_name(&world, "Other").is_none());
    sound(&world);
}

#[tokio::test]
async fn known_people_can_be_left_alone_or_added_again() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let before = people(&world).len();
    let list = about_ada(&world, "");
    let path = checked(&browser, list.as_bytes(), &[("known", "skip")]).await;
    browser.get(&path).await.assert_has(&[
        "1 of them known and left alone",
        "There is nothing to import",
    ]);
    imported(&browser, list.as_bytes(), &[("known", "add")]).await;
    assert_eq!(people(&world).len(), before + 1);
    sound(&world);
}
