//! Writing, reviewing, sending, watching.

use axum::http::StatusCode;

use super::world::{Browser, World, world};

pub(super) fn alert(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("category", "alert".to_owned()),
        ("by_email", "1".to_owned()),
        ("by_text", "1".to_owned()),
        ("by_call", "1".to_owned()),
        ("subject", "Flood warning <Harbour>".to_owned()),
        ("text", "Move to higher ground.\r\nNow.".to_owned()),
        (
            "html",
            "<p style=\"color:red\">Move</p><script>alert(1)</script>".to_owned(),
        ),
        ("sms_text", "Flood: move to higher ground".to_owned()),
        ("voice_script", "This is a flood warning.".to_owned()),
        ("area", world.areas[0].to_string()),
    ]
}

pub(super) async fn drafted(browser: &Browser<'_>) -> String {
    let mut fields = alert(browser.world);
    fields.push(("do", "review".to_owned()));
    let saved = browser.post("/communications", &fields).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    saved.location().strip_suffix("/review").unwrap().to_owned()
}

#[tokio::test]
async fn a_wrong_form_names_its_fields_and_keeps_what_was_written() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let fields = [
        ("category", "alert".to_owned()),
        ("by_email", "1".to_owned()),
        ("text", "Keep \"me\"".to_owned()),
        ("do", "review".to_owned()),
    ];
    let answer = browser.post("/communications", &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.assert_has(&[
        "<a href=\"#subject\">Subject: An email needs a subject.</a>",
        "<a href=\"#audience\">Who gets it: Choose who gets it.</a>",
        "id=\"subject-problem\"",
        "aria-invalid=\"true\" aria-describedby=\"subject-problem\"",
        "Keep &#34;me&#34;</textarea>",
    ]);
    assert_eq!(world.repo.communications(None, 5).unwrap().rows.len(), 0);
}

#[tokio::test]
async fn finding_a_contact_keeps_the_form() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let mut fields = alert(&world);
    fields.extend([
        ("do", "find".to_owned()),
        ("find", "ada".to_owned()),
        ("contact", world.contacts[3].to_string()),
    ]);
    let page = browser.post("/communications", &fields).await;
    assert_eq!(page.status, StatusCode::OK);
    let ada = world.contacts[0];
    page.assert_has(&[
        "Flood: move to higher ground</textarea>",
        &format!("value=\"{ada}\"><span"),
        &format!("value=\"{}\" checked", world.contacts[3]),
    ]);
}

#[tokio::test]
async fn an_alert_is_reviewed_and_sent_once() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = drafted(&browser).await;
    let review = browser.get(&format!("{path}/review")).await;
    review.assert_has(&[
        "Flood warning &#60;Harbour&#62;",
        "Confirmation required",
        "Send to 14 people",
        "sandbox",
        "Reply YES to confirm.",
        "50 characters, 1 segment",
    ]);
    let preview = browser.get(&format!("{path}/preview")).await;
    let policy = preview
        .headers
        .get("content-security-policy")
        .unwrap()
        .to_str()
        .unwrap();
    assert!(policy.starts_with("sandbox allow-popups"), "{policy}");
    let first = browser.post(&format!("{path}/send"), &[]).await;
    assert_eq!(first.location(), format!("{path}?done=sent"));
    let second = browser.post(&format!("{path}/send"), &[]).await;
    assert_eq!(second.location(), format!("{path}?done=before"));
    world.expand().await;
    let emails = world.deliveries(world.contacts[0]);
    assert_eq!(emails.len(), 3, "one by each channel, once");
}

#[tokio::test]
async fn statistics_and_rows_follow_what_happens() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = drafted(&browser).await;
    browser.post(&format!("{path}/send"), &[]).await;
    world.expand().await;
    browser.get(&path).await.assert_has(&[
        "Of 14 people, 0 contacted, 14 in progress, 0 not contacted.",
        "Queued",
        "role=\"img\"",
    ]);
    let ada = world.contacts[0];
    for delivery in world.deliveries(ada) {
        world.arrive(&delivery).await;
    }
    let page = browser.get(&path).await;
    page.assert_has(&[
        "Of 14 people, 1 contacted, 13 in progress",
        "Confirmed",
        "Received",
        "7%",
    ]);
    let filtered = browser.get(&format!("{path}?state=contacted")).await;
    assert_eq!(filtered.body.matches("/people/").count(), 1);
    let person = browser.get(&format!("{path}/people/{ada}")).await;
    person.assert_has(&[
        "Ada",
        "Ringing",
        "The person heard the message and pressed 1.",
        "Initial message",
    ]);
    browser
        .get("/")
        .await
        .assert_has(&["1 contacted", "13 in progress", "Flood warning"]);
    browser
        .get("/communications")
        .await
        .assert_has(&["Flood warning"]);
}

#[tokio::test]
async fn a_draft_can_be_taken_up_again_and_a_sent_one_cannot() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = drafted(&browser).await;
    browser
        .get(&format!("{path}/edit"))
        .await
        .assert_has(&["Move to higher ground.\nNow.</textarea>", "checked"]);
    assert_eq!(
        browser.get(&path).await.location(),
        format!("{path}/review")
    );
    browser.post(&format!("{path}/send"), &[]).await;
    assert_eq!(browser.get(&format!("{path}/edit")).await.location(), path);
    let mut fields = alert(&world);
    fields.push(("do", "save".to_owned()));
    let late = browser.post(&path, &fields).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    late.assert_has(&["no draft any more", "Move to higher ground."]);
}

#[tokio::test]
async fn the_page_is_told_of_changes() {
    use axum::body::Body;
    use axum::http::{Request, header};
    use futures_util::StreamExt;
    use tower::ServiceExt;
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = drafted(&browser).await;
    browser.post(&format!("{path}/send"), &[]).await;
    world.expand().await;
    let request = Request::get(format!("{path}/events"))
        .header(header::HOST, "h")
        .header(header::COOKIE, &browser.cookie);
    let response = world
        .router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(
        response.headers().get(header::CONTENT_TYPE).unwrap(),
        "text/event-stream"
    );
    let mut events = response.into_body().into_data_stream();
    let delivery = world.deliveries(world.contacts[0]).remove(0);
    world.arrive(&delivery).await;
    let event = tokio::time::timeout(std::time::Duration::from_secs(5), events.next())
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&event.unwrap().unwrap()).contains("event: changed"));
}
