//! In which language the pages come.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use super::super::ConsoleSettings;
use super::super::words::Words;
use super::world::{Answer, World, world, world_with};

async fn ask(world: &World, path: &str, language: &str) -> Answer {
    let request = Request::get(path)
        .header(header::HOST, "tocsin.example.org")
        .header(header::ACCEPT_LANGUAGE, language);
    world.send(request.body(Body::empty()).unwrap()).await
}

pub(super) fn in_french() -> ConsoleSettings {
    ConsoleSettings {
        language: "fr".to_owned(),
        ..ConsoleSettings::default()
    }
}

/// No whole English sentence or phrase of the catalogue is left in a French page.
#[track_caller]
pub(super) fn assert_french(page: &Answer) {
    page.assert_has(&["<html lang=\"fr\">"]);
    for (key, text) in Words::of("en").all() {
        let phrase = text.split(' ').count() >= 3 && !text.contains('{');
        let same = Words::of("fr").all().any(|(_, french)| french == text);
        assert!(
            !phrase || same || !page.body.contains(text),
            "{key} is in English: {text}\n{}",
            page.body
        );
    }
}

#[tokio::test]
async fn the_login_page_comes_as_the_browser_asks() {
    let world = world().await;
    let page = ask(&world, "/login", "fr-CA, en;q=0.5").await;
    assert_french(&page);
    page.assert_has(&["Mot de passe", "<title>Connexion · Tocsin</title>"]);
    let page = ask(&world, "/login", "de, ja").await;
    page.assert_has(&["<html lang=\"en\">", "Password"]);
    let fault = ask(&world, "/nowhere", "fr").await;
    assert_eq!(fault.status, StatusCode::NOT_FOUND);
    assert_french(&fault);
}

#[tokio::test]
async fn the_configured_language_stands_behind_everything() {
    let world = world_with(in_french()).await;
    assert_french(&ask(&world, "/login", "de").await);
    ask(&world, "/login", "en")
        .await
        .assert_has(&["<html lang=\"en\">"]);
    let browser = world.browser("ida").await;
    let contact = format!("/contacts/{}", world.contacts[0]);
    let log = format!("{contact}/log");
    for path in [
        "/",
        "/communications",
        "/communications/new",
        "/contacts",
        &contact,
        &log,
        "/issues",
        "/areas",
        "/users",
        "/nowhere",
    ] {
        assert_french(&browser.get(path).await);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_said_in_french() {
    let world = world_with(in_french()).await;
    let browser = world.browser("ida").await;
    let fields = [
        ("category", "alert".to_owned()),
        ("by_email", "1".to_owned()),
        ("sms_text", "x".repeat(2_000)),
        ("do", "review".to_owned()),
    ];
    let answer = browser.post("/communications", &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_french(&answer);
    answer.assert_has(&[
        "Objet\u{202f}: Un e-mail a besoin d’un objet.",
        "C’est trop long\u{202f}: 1530 caractères au plus.",
        "Choisissez les destinataires.",
    ]);
}
