//! Writing, keeping, reviewing: the whole way of a draft.

mod counting;
mod going_out;
mod tracking;

use axum::body::Body;

use axum::http::{Request, StatusCode, header};

use super::world::{Answer, Browser, World, encode, world};
use crate::domain::{CommunicationState, Recipient};
use crate::store::{Batch, RowBatch};
use crate::submit::{ApprovalRules, SubmitSettings};

fn fields(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("category", "general".to_owned()),
        ("by_email", "1".to_owned()),
        ("by_text", "1".to_owned()),
        ("subject", "Road closed".to_owned()),
        ("text", "The bridge is closed.".to_owned()),
        ("html", "<p>Closed</p>".to_owned()),
        ("sms_text", "Bridge closed – détour".to_owned()),
        ("area", world.areas[0].to_string()),
    ]
}

pub(super) async fn saved(browser: &Browser<'_>) -> String {
    let mut form = fields(browser.world);
    form.push(("do", "save".to_owned()));
    let answer = browser.post("/communications", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.location().split("/edit").next().unwrap().to_owned()
}

/// As a script does it.
async fn keep(browser: &Browser<'_>, path: &str, form: &[(&str, String)]) -> Answer {
    let mut all = vec![
        ("csrf", browser.csrf.clone()),
        ("do", "autosave".to_owned()),
    ];
    all.extend_from_slice(form);
    let request = Request::post(path)
        .header(header::HOST, "tocsin.example.org")
        .header(header::COOKIE, &browser.cookie)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(encode(&all)))
        .unwrap();
    browser.world.send(request).await
}

fn of(answer: &Answer, key: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    body[key].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_draft_is_kept_as_one_types_and_not_over_somebody_elses() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let first = keep(&browser, "/communications", &fields(&world)).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    let (path, revision) = (of(&first, "action"), of(&first, "revision"));
    assert!(of(&first, "saved").starts_with("Saved "));
    assert!(of(&first, "preview").contains("Bridge closed"));
    let mut form = fields(&world);
    form.push(("revision", revision.clone()));
    form[4].1 = "Mine.".to_owned();
    let second = keep(&browser, &path, &form).await;
    assert_ne!(of(&second, "revision"), revision);
    form[4].1 = "Theirs.".to_owned();
    let third = keep(&browser, &path, &form).await;
    assert_eq!(third.status, StatusCode::CONFLICT);
    // By the button, the page says so and keeps what was typed; the next time it is meant.
    form.push(("do", "save".to_owned()));
    let told = browser.post(&path, &form).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    told.assert_has(&["Theirs.</textarea>", "changed elsewhere"]);
    // Nothing but the button puts it in the place of the other.
    assert!(!told.body.contains("data-autosave"));
    let page = browser.get(&format!("{path}/edit")).await;
    page.assert_has(&["data-autosave"]);
    let now = told.hidden("revision");
    form.retain(|field| field.0 != "revision");
    form.push(("revision", now));
    let meant = browser.post(&path, &form).await;
    assert_eq!(meant.status, StatusCode::SEE_OTHER);
    browser
        .get(&format!("{path}/edit"))
        .await
        .assert_has(&["Theirs.</textarea>"]);
}

#[tokio::test]
async fn the_preview_shows_parts_encoding_and_the_odd_character() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = saved(&browser).await;
    browser.get(&format!("{path}/edit")).await.assert_has(&[
        "U+2013",
        "70 a segment",
        &format!("src=\"{path}/preview?r="),
        "sandbox",
        "class=\"message bubble\">Bridge closed",
    ]);
    // Nobody can speak here; the address says so plainly.
    let silent = browser.get(&format!("{path}/hear")).await;
    assert_eq!(silent.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_recipient_list_is_the_audience() {
    let world = world().await;
    let browser = world.browser("ida").await;
    list(&world, "ida", 2).await;
    let page = browser.get("/communications/new?list=1").await;
    page.assert_has(&["id=\"list-mine\" name=\"list\" value=\"mine\" checked"]);
    let mut form = fields(&world);
    form.retain(|field| field.0 != "area");
    form.extend([("list", "mine".to_owned()), ("do", "review".to_owned())]);
    let answer = browser.post("/communications", &form).await;
    let review = browser.get(answer.location()).await;
    review.assert_has(&["recipient list (2)", "Send to 2 people"]);
}

/// Puts the first contacts on the list of whoever logs in by this name.
async fn list(world: &World, login: &str, people: usize) {
    let user = world.repo.user_by_login(login).unwrap().unwrap();
    let mut batch = Batch::new();
    for contact in &world.contacts[..people] {
        batch.insert(&Recipient {
            user: user.id,
            contact: *contact,
            at: world.now(),
        });
    }
    world.repo.store().commit(batch).await.unwrap();
}

#[tokio::test]
async fn the_recipient_list_outlives_a_search_and_a_refusal() {
    let world = world().await;
    let browser = world.browser("ida").await;
    list(&world, "ida", 2).await;
    let mut form = fields(&world);
    form.retain(|field| field.0 != "area" && field.0 != "subject");
    let ticked = ["id=\"list-mine\" name=\"list\" value=\"mine\" checked"];
    for wish in ["find", "review"] {
        let mut form = form.clone();
        form.extend([("list", "mine".to_owned()), ("do", wish.to_owned())]);
        form.push(("find", "A".to_owned()));
        let answer = browser.post("/communications", &form).await;
        answer.assert_has(&ticked);
        assert!(
            !answer.body.contains("id=\"list-kept\""),
            "nothing was kept"
        );
    }
    form.push(("subject", "Road closed".to_owned()));
    form.extend([("list", "mine".to_owned()), ("do", "review".to_owned())]);
    let answer = browser.post("/communications", &form).await;
    let path = answer.location().replace("/review", "");
    let review = browser.get(answer.location()).await;
    review.assert_has(&["Send to 2 people"]);
    // The list is emptied; whoever was taken over stays.
    let user = world.repo.user_by_login("ida").unwrap().unwrap();
    world.tracker.clear_recipients(user.id).await.unwrap();
    let again = browser.post(&path, &form).await;
    browser
        .get(again.location())
        .await
        .assert_has(&["Send to 2 people"]);
    let fresh = browser.post("/communications", &form).await;
    assert_eq!(fresh.status, StatusCode::UNPROCESSABLE_ENTITY);
    fresh.assert_has(&["Nobody is on your recipient list any more."]);
}

#[tokio::test]
async fn what_is_typed_into_what_is_no_draft_any_more_is_not_lost() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = saved(&browser).await;
    browser.post(&format!("{path}/ask"), &[]).await;
    let mut form = fields(&world);
    form[4].1 = "Typed meanwhile.".to_owned();
    let silent = keep(&browser, &path, &form).await;
    assert_eq!(silent.status, StatusCode::CONFLICT);
    silent.assert_has(&["no draft any more"]);
    form.push(("do", "save".to_owned()));
    let told = browser.post(&path, &form).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    told.assert_has(&["Typed meanwhile.</textarea>", "no draft any more"]);
    assert!(!told.body.contains("data-autosave"));
}

fn upload(browser: &Browser<'_>, path: &str, csrf: &str, files: &[(&str, &str)]) -> Request<Body> {
    let mut body =
        format!("--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n");
    for (name, bytes) in files {
        body.push_str(&format!("--b\r\nContent-Disposition: form-data; name=\"attachments\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n{bytes}\r\n"));
    }
    body.push_str("--b--\r\n");
    Request::post(format!("{path}/attachments"))
        .header(header::HOST, "tocsin.example.org")
        .header(header::ORIGIN, "https://tocsin.example.org")
        .header(header::COOKIE, &browser.cookie)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn files_go_up_come_down_and_go_away() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = saved(&browser).await;
    let files = [("map.txt", "here"), ("../../étage.txt", "there")];
    let forged = world.send(upload(&browser, &path, "x", &files)).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let csrf = browser.csrf.clone();
    let added = world.send(upload(&browser, &path, &csrf, &files)).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.body);
    let page = browser.get(&format!("{path}/attachments")).await;
    page.assert_has(&["map.txt", "étage.txt", "4 bytes"]);
    let down = browser.get(&format!("{path}/attachments/0")).await;
    assert_eq!(down.body, "here");
    let disposition = down.headers.get(header::CONTENT_DISPOSITION).unwrap();
    assert!(disposition.to_str().unwrap().starts_with("attachment;"));
    let run = world
        .send(upload(&browser, &path, &csrf, &[("run.exe", "MZ")]))
        .await;
    assert_eq!(run.status, StatusCode::UNPROCESSABLE_ENTITY);
    run.assert_has(&["refused by mail servers"]);
    let big = "x".repeat(15 * 1024 * 1024 + 1);
    let large = world
        .send(upload(&browser, &path, &csrf, &[("big.txt", &big)]))
        .await;
    assert_eq!(large.status, StatusCode::UNPROCESSABLE_ENTITY);
    large.assert_has(&["15 MB"]);
    let gone = [("blob", page.hidden("blob")), ("name", page.hidden("name"))];
    browser
        .post(&format!("{path}/attachments/remove"), &gone)
        .await;
    let page = browser.get(&format!("{path}/review")).await;
    page.assert_has(&["étage.txt"]);
    assert!(!page.body.contains("map.txt"));
}

#[tokio::test]
async fn a_trial_goes_to_oneself_and_its_outcome_is_shown() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = saved(&browser).await;
    let nowhere = browser
        .post(&format!("{path}/trial"), &[("try_email", "1".to_owned())])
        .await;
    assert_eq!(nowhere.status, StatusCode::UNPROCESSABLE_ENTITY);
    nowhere.assert_has(&["id=\"trial-problem\""]);
    let old = world.repo.user_by_login("ida").unwrap().unwrap();
    let mut new = old.value.clone();
    let own = crate::domain::EmailAddress::parse("ida@example.org").unwrap();
    new.email = Some(crate::domain::Redacted::new(own));
    let mut batch = Batch::new();
    batch.replace(&old, &new);
    world.repo.store().commit(batch).await.unwrap();
    let sent = browser
        .post(&format!("{path}/trial"), &[("try_email", "1".to_owned())])
        .await;
    assert_eq!(sent.location(), format!("{path}/review?done=trial#trial"));
    browser
        .get(&format!("{path}/review"))
        .await
        .assert_has(&["Last trial: Today", "Queued"]);
    let list = browser.get("/communications").await;
    assert!(!list.body.contains("[Test]"), "trials crowd no list");
}

#[tokio::test]
async fn corrections_are_linked_both_ways_and_campaigns_hold_both() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let made = browser
        .post("/campaigns", &[("campaign_name", "Bridges".to_owned())])
        .await;
    let campaign = made.location().split('?').next().unwrap().to_owned();
    let mut form = fields(&world);
    form.extend([
        ("campaign", campaign.rsplit('/').next().unwrap().to_owned()),
        ("do", "save".to_owned()),
    ]);
    let answer = browser.post("/communications", &form).await;
    let path = answer.location().split("/edit").next().unwrap().to_owned();
    browser.post(&format!("{path}/send"), &[]).await;
    world.expand().await;
    browser
        .get(&path)
        .await
        .assert_has(&["Correct</a>", "Follow up</a>", "Compose again</a>"]);
    browser
        .get(&format!("{path}/follow?as=correction"))
        .await
        .assert_has(&["cannot be called back", "Everybody it was for"]);
    let begun = browser
        .post(
            &format!("{path}/follow"),
            &[("as", "correction".to_owned()), ("whom", "all".to_owned())],
        )
        .await;
    let new = begun.location().split("/edit").next().unwrap().to_owned();
    browser.get(&format!("{new}/edit")).await.assert_has(&[
        "value=\"Correction: Road closed\"",
        "id=\"list-kept\" name=\"list\" value=\"kept\" checked",
    ]);
    browser
        .get(&path)
        .await
        .assert_has(&["Corrected by", "Correction: Road closed"]);
    browser
        .get(&format!("{new}/review"))
        .await
        .assert_has(&["Correction of", "Road closed"]);
    // Saving keeps the link and the list.
    let mut form = fields(&world);
    form.retain(|field| field.0 != "area");
    form.extend([("list", "kept".to_owned()), ("do", "review".to_owned())]);
    let kept = browser.post(&new, &form).await;
    browser
        .get(kept.location())
        .await
        .assert_has(&["Correction of", "recipient list ("]);
    browser.get(&campaign).await.assert_has(&[
        "Road closed",
        &format!("<a class=\"icon-link\" href=\"{path}\">"),
        "Rename this campaign",
    ]);
    let twice = browser
        .post("/campaigns", &[("campaign_name", "bridges".to_owned())])
        .await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY);
    twice.assert_has(&["value=\"bridges\"", "already"]);
}

#[tokio::test]
async fn a_draft_is_deleted_only_when_asked_twice() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = saved(&browser).await;
    browser
        .get(&format!("{path}/delete"))
        .await
        .assert_has(&["Delete “Road closed”?", "cannot be undone"]);
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let known = world.repo.communication(id).unwrap().unwrap();
    assert_eq!(known.state, CommunicationState::Draft);
    let gone = browser.post(&format!("{path}/delete"), &[]).await;
    assert_eq!(gone.location(), "/communications?done=deleted");
    assert!(world.repo.communication(id).unwrap().is_none());
    let again = browser.post(&format!("{path}/delete"), &[]).await;
    assert_eq!(again.location(), "/communications");
}

#[tokio::test]
async fn what_was_deleted_stays_chosen_until_somebody_unticks_it() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let name = [("name", "Wardens".to_owned())];
    let made = browser.post("/groups", &name).await;
    let group = made.location().split('?').next().unwrap().to_owned();
    let group = group.rsplit('/').next().unwrap().to_owned();
    let mut form = fields(&world);
    form.push(("x_group", group.clone()));
    form.push(("do", "save".to_owned()));
    let saved = browser.post("/communications", &form).await;
    let path = saved.location().split("/edit").next().unwrap().to_owned();
    browser.post(&format!("/groups/{group}/delete"), &[]).await;
    let ticked = format!("name=\"x_group\" value=\"{group}\" checked");
    for _ in 0..2 {
        let page = browser.get(&format!("{path}/edit")).await;
        assert!(page.body.contains("Not there any more"));
        assert!(page.body.contains(&ticked), "{}", page.body);
        // What the page holds is what is saved again.
        let kept = keep(&browser, &path, &form[..form.len() - 1]).await;
        assert_eq!(kept.status, StatusCode::OK, "{}", kept.body);
    }
    let sent = browser.post(&format!("{path}/send"), &[]).await;
    assert_ne!(sent.status, StatusCode::SEE_OTHER);
    form.retain(|field| field.0 != "x_group");
    browser.post(&path, &form).await;
    let page = browser.get(&format!("{path}/edit")).await;
    assert!(!page.body.contains("Not there any more"));
}

#[tokio::test]
async fn whoever_took_over_who_is_left_out_stays_left_out() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let (kept, gone) = (world.contacts[0], world.contacts[1]);
    let mut form = fields(&world);
    form.push(("x_contact", gone.to_string()));
    form.push(("do", "save".to_owned()));
    let saved = browser.post("/communications", &form).await;
    let path = saved.location().split("/edit").next().unwrap().to_owned();
    let by = world.repo.user_by_login("ida").unwrap().unwrap().id;
    let merged = world.tracker.merge_contacts(kept, gone, by).await.unwrap();
    assert_eq!(merged, crate::tracker::Merged::Done);
    let page = browser.get(&format!("{path}/edit")).await;
    let ticked = format!("name=\"x_contact\" value=\"{kept}\" checked");
    assert!(page.body.contains(&ticked), "{}", page.body);
}
