//! A draft reviewed, approved, scheduled, sent.

use super::*;
use crate::domain::Role;

#[tokio::test]
async fn only_what_was_looked_at_is_sent() {
    let world = world().await;
    let ida = world.browser("ida").await;
    let path = saved(&ida).await;
    let review = ida.get(&format!("{path}/review")).await;
    let seen = [("revision", review.hidden("revision"))];
    let mut form = fields(&world);
    form[4].1 = "Half a sent".to_owned();
    keep(&ida, &path, &form).await;
    for way in ["send", "ask"] {
        let refused = ida.post(&format!("{path}/{way}"), &seen).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        refused.assert_has(&["changed since you looked at it", "Half a sent"]);
    }
    let review = ida.get(&format!("{path}/review")).await;
    let seen = [("revision", review.hidden("revision"))];
    let sent = ida.post(&format!("{path}/send"), &seen).await;
    assert_eq!(sent.location(), format!("{path}?done=sent"));
}

#[tokio::test]
async fn only_what_was_looked_at_is_approved() {
    let world = world().await;
    world.give_role("otto", Role::Approver).await;
    let (ida, otto) = (world.browser("ida").await, world.browser("otto").await);
    let path = saved(&ida).await;
    ida.post(&format!("{path}/ask"), &[]).await;
    let page = otto.get(&format!("{path}/review")).await;
    let seen = page.hidden("revision");
    ida.post(&format!("{path}/withdraw"), &[]).await;
    let mut form = fields(&world);
    form[4].1 = "Something else.".to_owned();
    keep(&ida, &path, &form).await;
    ida.post(&format!("{path}/ask"), &[]).await;
    let decision = |revision: String| {
        let approve = ("do", "approve".to_owned());
        [
            approve,
            ("revision", revision),
            ("note", "Fine.".to_owned()),
        ]
    };
    let refused = otto.post(&format!("{path}/decide"), &decision(seen)).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    refused.assert_has(&["changed since", "Something else.", "Fine.</textarea>"]);
    let seen = refused.hidden("revision");
    let approved = otto.post(&format!("{path}/decide"), &decision(seen)).await;
    assert_eq!(approved.location(), format!("{path}?done=sent"));
}

#[tokio::test]
async fn something_is_scheduled_shown_and_taken_back() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let mut form = fields(&world);
    form.extend([
        ("scheduled_at", "2020-01-01T10:00".to_owned()),
        ("do", "review".to_owned()),
    ]);
    let past = browser.post("/communications", &form).await;
    assert_eq!(past.status, StatusCode::UNPROCESSABLE_ENTITY);
    past.assert_has(&["id=\"scheduled_at-problem\"", "This time has passed"]);
    form.retain(|field| field.0 != "do");
    form.push(("do", "save".to_owned()));
    let kept = browser.post("/communications", &form).await;
    let missed = kept.location().replace("/edit?done=saved", "/review");
    let missed = browser.get(&missed).await;
    missed.assert_has(&["Its time has passed (1 Jan 2020, 10:00), and it was not sent."]);
    assert!(!missed.body.contains("Goes out"), "{}", missed.body);
    form.retain(|field| field.0 != "do");
    form.push(("do", "review".to_owned()));
    form.retain(|field| field.0 != "scheduled_at");
    form.push(("scheduled_at", "2026-12-24T18:00".to_owned()));
    let answer = browser.post("/communications", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let path = answer
        .location()
        .strip_suffix("/review")
        .unwrap()
        .to_owned();
    browser
        .get(&format!("{path}/review"))
        .await
        .assert_has(&["Goes out 24 Dec 2026, 18:00 (UTC).", "Schedule</button>"]);
    let sent = browser.post(&format!("{path}/send"), &[]).await;
    assert_eq!(sent.location(), format!("{path}/review?done=scheduled"));
    let list = browser.get("/communications?state=scheduled").await;
    list.assert_has(&["Scheduled", "goes out 24 Dec 2026, 18:00"]);
    assert_eq!(
        browser.get(&format!("{path}/edit")).await.status,
        StatusCode::SEE_OTHER
    );
    let back = browser.post(&format!("{path}/withdraw"), &[]).await;
    assert_eq!(back.location(), format!("{path}/edit?done=withdrawn"));
}

#[tokio::test]
async fn a_scheduled_emergency_has_not_gone_out_yet() {
    let world = world().await;
    world.submit.replace_settings(SubmitSettings {
        categories: world.submit.categories(),
        approval: ApprovalRules {
            categories: vec!["general".to_owned()],
            emergency_bypass: true,
            ..ApprovalRules::default()
        },
        ..SubmitSettings::default()
    });
    let browser = world.browser("ida").await;
    let mut form = fields(&world);
    form.extend([
        ("scheduled_at", "2026-12-24T18:00".to_owned()),
        ("emergency", "1".to_owned()),
        ("do", "review".to_owned()),
    ]);
    let answer = browser.post("/communications", &form).await;
    let review = answer.location().to_owned();
    let send = review.replace("/review", "/send");
    browser.post(&send, &[]).await;
    let page = browser.get(&review).await;
    page.assert_has(&["It goes out as an emergency, without approval."]);
}

#[tokio::test]
async fn a_second_pair_of_eyes_decides() {
    let world = world().await;
    let (ida, otto) = (world.browser("ida").await, world.browser("otto").await);
    let path = saved(&ida).await;
    ida.post(&format!("{path}/ask"), &[]).await;
    let operator = otto.get(&format!("{path}/review")).await;
    assert!(!operator.body.contains("Approve and send"), "an operator's");
    world.give_role("otto", Role::Approver).await;
    let own = ida.get(&format!("{path}/review")).await;
    assert!(!own.body.contains("Approve and send"), "not one's own");
    let refused = ida
        .post(&format!("{path}/decide"), &[("do", "approve".to_owned())])
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    otto.get("/communications?state=approval")
        .await
        .assert_has(&["Road closed", "Waits for approval"]);
    let page = otto.get(&format!("{path}/review")).await;
    page.assert_has(&["Approve and send", "Ida Bell has asked for approval"]);
    let long = [("do", "return".to_owned()), ("note", "x".repeat(501))];
    let refused = otto.post(&format!("{path}/decide"), &long).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["id=\"note-problem\"", "xxxxx</textarea>"]);
    let note = [
        ("do", "return".to_owned()),
        ("note", "Name the bridge.".to_owned()),
    ];
    otto.post(&format!("{path}/decide"), &note).await;
    ida.get(&format!("{path}/review"))
        .await
        .assert_has(&["Returned by Otto Bell", "Name the bridge."]);
    ida.post(&format!("{path}/ask"), &[]).await;
    let approved = otto
        .post(&format!("{path}/decide"), &[("do", "approve".to_owned())])
        .await;
    assert_eq!(approved.location(), format!("{path}?done=sent"));
    ida.get(&path).await.assert_has(&["Approved by Otto Bell"]);
}
