//! Contacts edited, checked, found to be the same person, merged; groups, filters, areas.

mod places;

use axum::http::StatusCode;

use super::world::{Answer, Browser, World, world};
use crate::domain::{Actor, Contact, ContactId, Method, MethodKind, MethodState};
use crate::store::check::check;

fn contact(world: &World, id: ContactId) -> Contact {
    world.repo.contact(id).unwrap().unwrap().value
}

fn method(world: &World, id: ContactId, kind: MethodKind) -> Method {
    let contact = contact(world, id);
    let found = contact.methods.iter().find(|method| method.kind == kind);
    found.unwrap().clone()
}

/// The editor's form as it stands in a page, to be sent again.
fn form(page: &Answer) -> Vec<(&'static str, String)> {
    let mut fields = vec![("seen", page.hidden("seen"))];
    let pieces = page
        .body
        .split("<div class=\"line-fields method-line\">")
        .skip(1);
    for piece in pieces {
        let value = |name: &str| {
            let from = format!("name=\"{name}\" value=\"");
            let rest = piece.split_once(&from).unwrap().1;
            rest.split_once('"').unwrap().0.to_owned()
        };
        let kinds = ["email", "mobile", "landline"];
        let kind = kinds
            .into_iter()
            .find(|kind| piece.contains(&format!("<option value=\"{kind}\" selected>")));
        fields.push(("method_id", value("method_id")));
        fields.push(("method_kind", kind.unwrap().to_owned()));
        fields.push(("method_to", value("method_to")));
    }
    fields
}

fn who(first: &str, last: &str, area: &str) -> Vec<(&'static str, String)> {
    vec![
        ("first_name", first.to_owned()),
        ("last_name", last.to_owned()),
        ("kind", "citizen".to_owned()),
        ("language", "en".to_owned()),
        ("area", area.to_owned()),
    ]
}

fn with_method(
    mut fields: Vec<(&'static str, String)>,
    kind: &str,
    to: &str,
) -> Vec<(&'static str, String)> {
    fields.push(("method_id", String::new()));
    fields.push(("method_kind", kind.to_owned()));
    fields.push(("method_to", to.to_owned()));
    fields
}

/// The id at the end of where an answer leads.
fn made(answer: &Answer) -> ContactId {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let path = answer.location().split('?').next().unwrap();
    path.rsplit('/').next().unwrap().parse().unwrap()
}

#[track_caller]
fn sound(world: &World) {
    let report = check(world.repo.store()).unwrap();
    assert!(report.is_sound(), "{:#?}", report.problems);
}

#[tokio::test]
async fn the_pencil_opens_the_editor_and_update_saves() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let ada = world.contacts[0];
    browser.get(&format!("/contacts/{ada}")).await.assert_has(&[
        &format!("<a class=\"button primary\" href=\"/contacts/{ada}/edit\">"),
        "#i-pencil",
        "Modify",
    ]);
    let page = browser.get(&format!("/contacts/{ada}/edit")).await;
    page.assert_has(&["Update", "Current communication status", "Quiet hours"]);
    let mut fields = who("Adèle", "Abbott", &world.areas[1].to_string());
    fields.extend(form(&page));
    fields.push(("custom_name", "Flat".to_owned()));
    fields.push(("custom_value", "3b".to_owned()));
    fields.push(("quiet_from", "22:00".to_owned()));
    fields.push(("quiet_to", "07:00".to_owned()));
    fields.push(("preferred", "text".to_owned()));
    let saved = browser.post(&format!("/contacts/{ada}"), &fields).await;
    assert_eq!(saved.location(), format!("/contacts/{ada}?done=updated"));
    browser.get(saved.location()).await.assert_has(&[
        "Adèle Abbott",
        "Old Town",
        "Updated.",
        "<dt>Flat</dt><dd>3b</dd>",
        "22:00–07:00",
    ]);
    let log = browser.get(&format!("/contacts/{ada}/log")).await;
    log.assert_has(&[
        "Details changed",
        "Quiet hours or preferred channel",
        "by Otto Bell",
    ]);
    sound(&world);
}

#[tokio::test]
async fn nobody_overwrites_what_somebody_else_has_just_changed() {
    let world = world().await;
    let (ida, otto) = (world.browser("ida").await, world.browser("otto").await);
    let ada = world.contacts[0];
    let path = format!("/contacts/{ada}");
    let page = ida.get(&format!("{path}/edit")).await;
    let area = world.areas[0].to_string();
    let mut first = who("Augusta", "Abbott", &area);
    first.extend(form(&page));
    let mut second = who("Ada", "Byron", &area);
    second.extend(form(&page));
    assert_eq!(otto.post(&path, &first).await.status, StatusCode::SEE_OTHER);
    let refused = ida.post(&path, &second).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&[
        "Somebody else changed this contact meanwhile",
        "<strong>First name</strong>: it was Ada, now it is Augusta.",
        "value=\"Byron\"",
    ]);
    assert_eq!(contact(&world, ada).first_name.reveal(), "Augusta");
    // Whoever has seen what changed may save after all.
    let mut again = who("Ada", "Byron", &area);
    again.extend(form(&refused));
    assert_eq!(ida.post(&path, &again).await.status, StatusCode::SEE_OTHER);
    assert_eq!(contact(&world, ada).last_name.reveal(), "Byron");
}

#[tokio::test]
async fn slips_are_pointed_out_and_may_be_overruled_what_cannot_be_is_refused() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let area = world.areas[0].to_string();
    let slip = with_method(who("Zoe", "Quill", &area), "email", "zoe@hotmial.com");
    let doubted = browser.post("/contacts", &slip).await;
    assert_eq!(doubted.status, StatusCode::UNPROCESSABLE_ENTITY);
    doubted.assert_has(&[
        "Did you mean hotmail.com?",
        "zoe@hotmail.com",
        "name=\"sure\"",
    ]);
    let mut sure = slip.clone();
    sure.push(("sure", "zoe@hotmial.com".to_owned()));
    let id = made(&browser.post("/contacts", &sure).await);
    assert_eq!(
        contact(&world, id).methods[0].state,
        MethodState::Unverified
    );

    let wrong = with_method(who("Zoe", "Other", &area), "mobile", "12");
    let mut wrong = with_method(wrong, "landline", "07400 123456");
    wrong.push(("sure", "12".to_owned()));
    let refused = browser.post("/contacts", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&[
        "This is not a telephone number",
        "value=\"12\"",
        "This is a mobile number: entered as one, it gets texts too.",
    ]);

    let fields = [
        ("kind", "email".to_owned()),
        ("to", "a@gmail.con".to_owned()),
    ];
    let said = browser.post("/contacts/check", &fields).await;
    said.assert_has(&["\"weight\":\"doubt\"", "\"meant\":\"a@gmail.com\""]);
    let nothing = [
        ("kind", "email".to_owned()),
        ("to", "a@gmail.com".to_owned()),
    ];
    let said = browser.post("/contacts/check", &nothing).await;
    assert_eq!(said.body, "{\"remarks\":[]}");
}

#[tokio::test]
async fn methods_are_added_corrected_opted_out_and_removed() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let ada = world.contacts[0];
    let page = browser.get(&format!("/contacts/{ada}/edit")).await;
    let area = world.areas[0].to_string();
    let mut fields = who("Ada", "Abbott", &area);
    fields.extend(form(&page));
    let fields = with_method(fields, "landline", "0121 234 5678");
    let saved = browser.post(&format!("/contacts/{ada}"), &fields).await;
    assert_eq!(
        saved.location(),
        format!("/contacts/{ada}?done=updated_asked")
    );
    let added = contact(&world, ada).methods;
    let added = added.last().unwrap();
    assert_eq!(added.destination.reveal(), "+441212345678");
    browser
        .get(&format!("/contacts/{ada}"))
        .await
        .assert_has(&["Resend the verification call"]);

    let email = method(&world, ada, MethodKind::Email).id;
    let step = |what: &str| format!("/contacts/{ada}/methods/{email}/{what}");
    browser.post(&step("opt-out"), &[]).await;
    assert_eq!(
        method(&world, ada, MethodKind::Email).state,
        MethodState::OptedOut
    );
    browser.post(&step("opt-in"), &[]).await;
    assert!(method(&world, ada, MethodKind::Email).state.is_usable());
    browser
        .get(&step("remove"))
        .await
        .assert_has(&["No message goes there any more.", "method=\"post\""]);
    browser.post(&step("remove"), &[]).await;
    assert_eq!(
        method(&world, ada, MethodKind::Email).state,
        MethodState::Removed
    );
    browser
        .get(&format!("/contacts/{ada}/log"))
        .await
        .assert_has(&[
            "Method removed: email",
            "Opted in to a method again: email",
            "Opted out of a method: email",
            "Method added: landline",
        ]);
    sound(&world);
}

#[tokio::test]
async fn answers_are_written_down_with_their_proof() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let ada = world.contacts[0];
    let fields = [
        ("category", "general".to_owned()),
        ("channel", "text".to_owned()),
        ("given", "no".to_owned()),
        ("note", "letter of 3 May".to_owned()),
    ];
    let path = format!("/contacts/{ada}/consents");
    browser.post(&path, &fields).await;
    let wishes = contact(&world, ada).wishes;
    assert!(!wishes.allow(crate::domain::Channel::Text, "general"));
    assert!(wishes.allow(crate::domain::Channel::Text, "alert"));
    browser
        .get(&format!("/contacts/{ada}"))
        .await
        .assert_has(&["letter of 3 May", "written down by Otto Bell"]);
    browser
        .get(&format!("/contacts/{ada}/log"))
        .await
        .assert_has(&["Consent withdrawn: text · general"]);
}

#[tokio::test]
async fn the_same_person_is_pointed_out_and_merged() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let ada = contact(&world, world.contacts[0]);
    let area = ada.area.unwrap().to_string();
    let (first, last) = (ada.first_name.reveal(), ada.last_name.reveal());
    let twin = with_method(who(last, first, &area), "mobile", "07400 123456");
    let asked = browser.post("/contacts", &twin).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    asked.assert_has(&["This may be the same person", "Same name in the same area"]);
    let mut anyway = twin.clone();
    anyway.push(("do", "anyway".to_owned()));
    let twin = made(&browser.post("/contacts", &anyway).await);
    browser
        .get("/contacts/duplicates")
        .await
        .assert_has(&["Same name in the same area", &twin.to_string()]);
    browser
        .get(&format!("/contacts/{}", ada.id))
        .await
        .assert_has(&["This may be the same person", "Compare and merge"]);

    // The twin is written to and is on a list before the two become one.
    let deliveries = alert(&world, &browser, twin).await;
    let listed = [("contact", twin.to_string())];
    browser.post("/recipients/add", &listed).await;
    let path = format!("/contacts/{}/merge", ada.id);
    browser
        .get(&format!("{path}?other={twin}"))
        .await
        .assert_has(&["Merging cannot be undone.", "Keep this one"]);
    let merged = browser.post(&path, &[("other", twin.to_string())]).await;
    assert_eq!(
        merged.location(),
        format!("/contacts/{}?done=merged", ada.id)
    );
    let kept = contact(&world, ada.id);
    assert_eq!(kept.methods.len(), ada.methods.len() + 1);
    let old = browser.get(&format!("/contacts/{twin}")).await;
    assert_eq!(old.location(), format!("/contacts/{}", ada.id));
    let page = browser.get(&format!("/contacts/{}", ada.id)).await;
    page.assert_has(&["To the twin", "On your list"]);
    let log = browser.get(&format!("/contacts/{}/log", ada.id)).await;
    log.assert_has(&["Another contact taken over", "To the twin", "Contact made"]);
    // What comes back for the old delivery counts for the kept one.
    world.fail_text(&deliveries[0]).await;
    let text = contact(&world, ada.id);
    let text = text.method(deliveries[0].method).unwrap();
    assert_eq!(text.state, MethodState::Suspended);
    sound(&world);
}

/// A text to one person, made into deliveries.
async fn alert(
    world: &World,
    browser: &Browser<'_>,
    to: ContactId,
) -> Vec<crate::domain::Delivery> {
    let fields = [
        ("category", "general".to_owned()),
        ("by_text", "1".to_owned()),
        ("subject", "To the twin".to_owned()),
        ("sms_text", "To the twin".to_owned()),
        ("contact", to.to_string()),
        ("do", "review".to_owned()),
    ];
    let saved = browser.post("/communications", &fields).await;
    let path = saved.location().replace("/review", "/send");
    browser.post(&path, &[]).await;
    world.expand().await;
    world.deliveries(to)
}
