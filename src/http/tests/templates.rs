//! Templates in the console and over the API: managed, chosen for a draft, checked before sending.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Program, program};
use super::world::{Answer, Browser, World, world};
use crate::domain::template::TemplateCategory;
use crate::domain::{CommunicationId, Relation, TemplateId};
use crate::submit::{FollowUp, Whom};
use crate::templates::Values;

async fn installed() -> World {
    let world = world().await;
    assert_eq!(world.submit.install_templates().await.unwrap(), 17);
    assert_eq!(world.submit.install_templates().await.unwrap(), 0);
    world
}

fn of_name(world: &World, name: &str) -> TemplateId {
    let all = world.repo.templates().unwrap();
    all.iter().find(|one| one.name == name).unwrap().id
}

/// Sends a form.
async fn post(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let owned: Vec<(&str, String)> = fields
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    browser.post(path, &owned).await
}

async fn asked(program: &Program<'_>, path: &str, body: &Value) -> Answer {
    program.ask(Method::POST, path, None, Some(body)).await
}

/// A draft by email and text to one person; its id.
async fn letter(world: &World, browser: &Browser<'_>) -> CommunicationId {
    let contact = world.contacts[0].to_string();
    let made = post(
        browser,
        "/communications",
        &[
            ("category", "general"),
            ("by_email", "1"),
            ("by_text", "1"),
            ("contact", &contact),
            ("do", "template"),
        ],
    )
    .await;
    let place = made.location();
    assert!(place.ends_with("/template"), "{place}");
    place.split('/').nth(2).unwrap().parse().unwrap()
}

#[tokio::test]
async fn templates_stand_in_their_categories_and_are_changed_version_by_version() {
    let world = installed().await;
    let browser = world.browser("ida").await;
    let page = browser.get("/templates").await;
    for category in TemplateCategory::ALL {
        page.assert_has(&[&format!(
            "<h2 id=\"{}\">{}</h2>",
            category.as_str(),
            category.title()
        )]);
    }
    let id = of_name(&world, "General: creditor inquiry");
    let form = [
        ("version", "1"),
        ("name", "Inquiry"),
        ("category", "general"),
        ("t0_channel", "email"),
        ("t0_language", "en"),
        ("t0_subject", "Question"),
        ("t0_text", "Dear {{ creditor.name }}, {{ what }}"),
        ("v0_name", "what"),
        ("v0_kind", "text"),
        ("v0_example", "who are you?"),
    ];
    let mut preview = form.to_vec();
    preview.push(("do", "preview"));
    let shown = post(&browser, &format!("/templates/{id}"), &preview).await;
    shown.assert_has(&["Dear [creditor.name], who are you?"]);
    let mut wrong = form.to_vec();
    wrong[6].1 = "Dear\n{{ nobody }}";
    let refused = post(&browser, &format!("/templates/{id}"), &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["Line 2: there is no variable “nobody”."]);
    let kept = post(&browser, &format!("/templates/{id}"), &form).await;
    assert_eq!(kept.location(), format!("/templates/{id}?done=template"));
    let again = post(&browser, &format!("/templates/{id}"), &form).await;
    assert_eq!(
        again.status,
        StatusCode::CONFLICT,
        "an old version was changed"
    );
    let page = browser.get(&format!("/templates/{id}")).await;
    page.assert_has(&["Version 2", "Ida Bell", "Version 1", "+ Inquiry"]);
    let first = browser.get(&format!("/templates/{id}?version=1")).await;
    first.assert_has(&["should be grateful for your help"]);
    let gone = post(&browser, &format!("/templates/{id}/state"), &[]).await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER);
    assert_eq!(world.repo.template(id).unwrap().unwrap().version, 3);
    assert_eq!(
        world.submit.install_templates().await.unwrap(),
        0,
        "a changed one was put in anew"
    );
    let report = crate::store::check::check(world.repo.store()).unwrap();
    assert!(report.is_sound(), "{:#?}", report.problems);
}

#[tokio::test]
async fn an_operator_reads_templates_and_changes_none() {
    let world = installed().await;
    let browser = world.browser("otto").await;
    let id = of_name(&world, "General: creditor inquiry");
    assert_eq!(
        browser.get(&format!("/templates/{id}")).await.status,
        StatusCode::OK
    );
    for path in ["/templates/new".to_owned(), format!("/templates/{id}/edit")] {
        assert_eq!(
            browser.get(&path).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    for path in [
        "/templates".to_owned(),
        format!("/templates/{id}"),
        format!("/templates/{id}/state"),
    ] {
        assert_eq!(
            post(&browser, &path, &[]).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_template_is_chosen_its_gaps_are_named_and_the_draft_is_filled() {
    let world = installed().await;
    let browser = world.browser("ida").await;
    let draft = letter(&world, &browser).await;
    let at = format!("/communications/{draft}/template");
    let page = browser.get(&at).await;
    page.assert_has(&["<optgroup label=\"DSAR\">", "Client: appointment reminder"]);
    let template = of_name(&world, "Client: appointment reminder").to_string();
    let page = browser.get(&format!("{at}?template={template}")).await;
    page.assert_has(&[
        "name=\"g_day\"",
        "type=\"date\"",
        "name=\"g_client.first_name\"",
        "<dt>today</dt>",
        "Ida Bell",
    ]);
    let filled = [
        ("template", template.as_str()),
        ("g_day", "soon"),
        ("g_time", "10:30"),
        ("g_place", "here"),
    ];
    let refused = post(&browser, &at, &filled).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["Enter a date, as 2026-11-22."]);
    let filled = [
        ("template", template.as_str()),
        ("g_day", "2026-12-01"),
        ("g_time", "10:30"),
        ("g_place", "our office"),
    ];
    let refused = post(&browser, &at, &filled).await;
    refused.assert_has(&[
        "Fill this in: nothing is sent without it.",
        "g_organisation.name",
    ]);
    let mut whole = filled.to_vec();
    whole.extend([
        ("g_client.first_name", "Ada"),
        ("g_organisation.name", "Eastmere Law"),
    ]);
    let done = post(&browser, &at, &whole).await;
    assert_eq!(
        done.location(),
        format!("/communications/{draft}/edit?done=saved")
    );
    let kept = world.repo.communication(draft).unwrap().unwrap();
    assert_eq!(kept.template, Some((template.parse().unwrap(), 1)));
    let content = world.repo.content(kept.content).unwrap();
    assert_eq!(content.subject, "Your appointment on 1 December 2026");
    assert!(content.text.starts_with("Dear Ada,"), "{}", content.text);
    assert!(
        content
            .sms_text
            .starts_with("Eastmere Law: your appointment"),
        "{}",
        content.sms_text
    );
}

#[tokio::test]
async fn warnings_are_confirmed_and_files_that_a_template_asks_for_must_be_there() {
    let world = installed().await;
    let browser = world.browser("ida").await;
    let contact = world.contacts[0].to_string();
    let form = [
        ("category", "general"),
        ("by_email", "1"),
        ("contact", contact.as_str()),
        ("subject", "Hello"),
        ("text", "Dear [NAME], see attached."),
    ];
    let made = post(&browser, "/communications", &form).await;
    let path = made.location().replace("/edit?done=saved", "");
    let review = browser.get(&format!("{path}/review")).await;
    review.assert_has(&[
        "“[NAME]” looks like something that was to be replaced.",
        "The text speaks of something attached, and nothing is.",
        "name=\"confirm_warnings\"",
    ]);
    let refused = post(&browser, &format!("{path}/send"), &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["Look at the warnings and confirm them."]);
    let program = program(&world, "app").await;
    let api = format!("/api/v1{path}/send");
    let told = asked(&program, &api, &Value::Null).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        told.body.contains("urn:tocsin:problem:warnings"),
        "{}",
        told.body
    );
    let sent = post(
        &browser,
        &format!("{path}/send"),
        &[("confirm_warnings", "1")],
    )
    .await;
    assert_eq!(sent.location(), format!("{path}?done=sent"));

    let draft = letter(&world, &browser).await;
    let api = format!("/api/v1/communications/{draft}/template");
    let template = of_name(&world, "DSAR: initial request").to_string();
    let values = json!({
        "client.full_name": "Ada Bell", "creditor.name": "Barkers Bank",
        "organisation.name": "Eastmere Law", "user.name": "Ida Bell",
    });
    let missing = asked(&program, &api, &json!({ "template": template })).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        missing.body.contains("values.client.full_name"),
        "{}",
        missing.body
    );
    let done = asked(
        &program,
        &api,
        &json!({ "template": template, "values": values }),
    )
    .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
    let review = browser
        .get(&format!("/communications/{draft}/review"))
        .await;
    review.assert_has(&["The template asks for a file that is not attached: Letter of authority."]);
}

#[tokio::test]
async fn a_program_manages_and_renders_templates() {
    let world = installed().await;
    let browser = world.browser("ida").await;
    let draft = letter(&world, &browser).await.to_string();
    let program = program(&world, "app").await;
    let all = program.get("/api/v1/templates").await;
    assert_eq!(all.as_array().unwrap().len(), 17);
    let id = of_name(&world, "Client: payment reminder");
    let wanted = json!({ "communication": draft, "values": { "amount": "12", "due": "tomorrow" } });
    let out = asked(&program, &format!("/api/v1/templates/{id}/render"), &wanted).await;
    let out: Value = serde_json::from_str(&out.body).unwrap();
    assert_eq!(
        out["parts"][0]["wrong"]["due"],
        "Enter a date, as 2026-11-22."
    );
    let wanted = json!({ "communication": draft, "values": { "amount": "12" } });
    let out = asked(&program, &format!("/api/v1/templates/{id}/render"), &wanted).await;
    let out: Value = serde_json::from_str(&out.body).unwrap();
    let missing = out["missing"].as_array().unwrap();
    assert!(
        missing.contains(&json!("due")) && missing.contains(&json!("organisation.name")),
        "{out}"
    );
    let versions = program
        .get(&format!("/api/v1/templates/{id}/versions"))
        .await;
    assert_eq!(versions[0]["version"], 1);
}

#[tokio::test]
async fn a_chase_knows_what_it_chases() {
    let world = installed().await;
    let browser = world.browser("ida").await;
    let contact = world.contacts[0].to_string();
    let form = [
        ("category", "general"),
        ("by_email", "1"),
        ("contact", contact.as_str()),
        ("subject", "Request"),
        ("text", "Please reply."),
    ];
    let made = post(&browser, "/communications", &form).await;
    let path = made.location().replace("/edit?done=saved", "");
    post(&browser, &format!("{path}/send"), &[]).await;
    world.expand().await;
    let sent: CommunicationId = path.rsplit('/').next().unwrap().parse().unwrap();
    let by = world.repo.user_by_login("ida").unwrap().unwrap().id;
    let wanted = FollowUp {
        relation: Relation::FollowUp,
        whom: Whom::All,
        prefix: String::new(),
    };
    let chase = world.submit.follow(sent, wanted, by).await.unwrap();
    let template = of_name(&world, "DSAR: chase 1");
    let letter = world.submit.letter(chase, template, &Values::new(), by);
    let letter = letter.unwrap();
    assert_eq!(letter.known["chase.number"], "1");
    assert_eq!(letter.known["original.date"], letter.known["today"]);
    assert!(letter.missing().contains(&"client.full_name".to_owned()));
}
