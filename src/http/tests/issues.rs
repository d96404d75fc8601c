//! Communication issues: seen, understood, solved.

use axum::http::StatusCode;

use super::world::{Browser, DIAGNOSTIC, World, world};
use crate::domain::{Channel, Delivery, MethodKind};

/// An alert went to everybody; the first contact's email came back.
async fn bounced(world: &World) -> Browser<'_> {
    let browser = world.browser("ida").await;
    let fields = [
        ("category", "general".to_owned()),
        ("by_email", "1".to_owned()),
        ("subject", "Road closed".to_owned()),
        ("text", "The bridge is closed.".to_owned()),
        ("area", world.county.to_string()),
        ("do", "review".to_owned()),
    ];
    let path = browser
        .post("/communications", &fields)
        .await
        .location()
        .replace("/review", "/send");
    browser.post(&path, &[]).await;
    world.expand().await;
    let email = email_of(world);
    world.bounce(&email).await;
    browser
}

fn email_of(world: &World) -> Delivery {
    let deliveries = world.deliveries(world.contacts[0]);
    deliveries
        .into_iter()
        .find(|delivery| delivery.channel == Channel::Email)
        .unwrap()
}

#[tokio::test]
async fn the_list_drills_down_to_the_person() {
    let world = world().await;
    let browser = bounced(&world).await;
    browser
        .get("/")
        .await
        .assert_has(&["1 person has a communication issue"]);
    let top = browser.get("/issues").await;
    top.assert_has(&[
        "Members with communication issues",
        "Eastmere County",
        "Drill down",
        &format!("/issues?area={}", world.county),
    ]);
    assert!(!top.body.contains("Old Town"));
    browser
        .get(&format!("/issues?area={}", world.county))
        .await
        .assert_has(&["Harbour", "Old Town", "Westfield"]);
    let list = browser
        .get(&format!("/issues?area={}&list=1", world.areas[0]))
        .await;
    list.assert_has(&[
        "Ada",
        "Harbour",
        "Email",
        "Today, ",
        &format!("/contacts/{}\">View", world.contacts[0]),
    ]);
    let other = browser
        .get(&format!("/issues?area={}&list=1", world.areas[1]))
        .await;
    other.assert_has(&["Nobody here has a communication issue"]);
}

#[tokio::test]
async fn the_mark_leads_to_the_log_with_the_diagnostic_as_it_was_sent() {
    let world = world().await;
    let browser = bounced(&world).await;
    let ada = world.contacts[0];
    let page = browser.get(&format!("/contacts/{ada}")).await;
    page.assert_has(&[
        "Communication issue",
        "Failing: see why",
        &format!("href=\"/contacts/{ada}/log\""),
        "Reinstate email",
        "Suspended",
    ]);
    let log = browser.get(&format!("/contacts/{ada}/log")).await;
    let escaped = DIAGNOSTIC.replace('<', "&#60;").replace('>', "&#62;");
    log.assert_has(&[
        "Road closed",
        "Email to ada.",
        "Message returned",
        "Method suspended: email",
        &format!("<code>{escaped}</code>"),
        "5.1.1",
        "Hard. The address is gone for good.",
        "The recipient does not exist at this address.",
        "Permanent. Trying again will not help.",
    ]);
}

#[tokio::test]
async fn reinstating_solves_it() {
    let world = world().await;
    let browser = bounced(&world).await;
    let ada = world.contacts[0];
    let contact = world.repo.contact(ada).unwrap().unwrap();
    let email = contact
        .methods
        .iter()
        .find(|method| method.kind == MethodKind::Email)
        .unwrap()
        .id;
    let answer = browser
        .post(&format!("/contacts/{ada}/methods/{email}/reinstate"), &[])
        .await;
    assert_eq!(
        answer.location(),
        format!("/contacts/{ada}?done=reinstated")
    );
    let page = browser.get(answer.location()).await;
    page.assert_has(&[
        "Reinstated. Messages go there again.",
        "No issue: every method is in use.",
    ]);
    assert!(!page.body.contains("Failing"));
    browser
        .get("/issues")
        .await
        .assert_has(&["data-label=\"Comms issues\">0"]);
    browser
        .get(&format!("/contacts/{ada}/log"))
        .await
        .assert_has(&["Reinstated: email", "by Ida Bell"]);
}

#[tokio::test]
async fn a_correction_is_checked_and_solves_it() {
    let world = world().await;
    let browser = bounced(&world).await;
    let ada = world.contacts[0];
    let contact = world.repo.contact(ada).unwrap().unwrap();
    let email = contact.methods[0].id;
    let path = format!("/contacts/{ada}/methods/{email}/correct");
    let wrong = browser
        .post(&path, &[("to", "ada at home".to_owned())])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_has(&[
        "Email address: This is not an email address",
        "value=\"ada at home\"",
        &format!("#to-{email}"),
    ]);
    let right = browser
        .post(&path, &[("to", "ada.new@example.org".to_owned())])
        .await;
    assert_eq!(right.location(), format!("/contacts/{ada}?done=corrected"));
    browser.get(right.location()).await.assert_has(&[
        "ada.new@example.org",
        "Unverified",
        "No issue",
    ]);
}

#[tokio::test]
async fn contacts_are_found_by_name_address_number_and_area() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let found = |body: &str| body.matches("title-link").count();
    assert_eq!(found(&browser.get("/contacts").await.body), 40);
    browser.get("/contacts?q=ada").await.assert_has(&["Ada"]);
    let by_number = browser.get("/contacts?q=07700%20900100").await;
    assert_eq!(found(&by_number.body), 1);
    by_number.assert_has(&["Ada"]);
    let in_area = browser
        .get(&format!("/contacts?area={}", world.areas[2]))
        .await;
    assert_eq!(found(&in_area.body), 13);
    browser
        .get("/contacts?q=nobodyatall")
        .await
        .assert_has(&["Nobody found"]);
    browser
        .get("/areas")
        .await
        .assert_has(&["Eastmere County", "data-label=\"People\">40"]);
}
