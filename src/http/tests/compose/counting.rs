//! What the text message takes and costs, told while it is written.

use super::*;
use crate::domain::communication::SMS_TEXT_MAX;
use crate::domain::{Audience, Content, Role};
use crate::proto::smpp::encoding::{National, NationalTables, SegmentOptions};
use crate::submit::{Amount, DraftInput, TextCarrier, TextCarriers};

/// One carrier that takes 0.045 EUR a segment.
fn carried(world: &World, national: &[National]) {
    let carrier = TextCarrier {
        name: "main".to_owned(),
        prefixes: Vec::new(),
        options: SegmentOptions {
            national: NationalTables::of(national.iter().copied()),
            ..SegmentOptions::default()
        },
        price: Some(Amount {
            millionths: 45_000,
            currency: "EUR".to_owned(),
        }),
    };
    world.submit.replace_settings(SubmitSettings {
        categories: world.submit.categories(),
        carriers: TextCarriers::new(vec![carrier]),
        ..SubmitSettings::default()
    });
}

fn text_to_one(world: &World, text: &str) -> Vec<(&'static str, String)> {
    vec![
        ("category", "general".to_owned()),
        ("by_text", "1".to_owned()),
        ("sms_text", text.to_owned()),
        ("contact", world.contacts[0].to_string()),
    ]
}

async fn counted(browser: &Browser<'_>, path: &str, text: &str) -> String {
    let form = text_to_one(browser.world, text);
    let answer = browser.post(path, &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    of(&answer, "count")
}

#[track_caller]
fn has(shown: &str, parts: &[&str]) {
    for part in parts {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}

#[tokio::test]
async fn the_counter_tells_segments_room_odd_characters_and_cost() {
    let world = world().await;
    carried(&world, &[]);
    let browser = world.browser("ida").await;
    let plain = counted(&browser, "/communications/count", &"a".repeat(161)).await;
    has(
        &plain,
        &[
            "161 characters, 2 segments. Room for 145 more of 153",
            "Texts: 1. Segments in all: 2. Cost: 0.09 EUR.",
        ],
    );
    assert!(!plain.contains("value=\"replace\""), "{plain}");

    let path = saved(&browser).await;
    let odd = counted(&browser, &format!("{path}/count"), "ê – \u{a0}").await;
    has(
        &odd,
        &[
            "5 characters, 1 segment (some characters",
            "Room for 65 more of 70",
            "ê (U+00EA)</span> → e",
            "– (U+2013)</span> → -",
            "(U+00A0)</span> → a space",
            "value=\"replace\"",
        ],
    );
    let stays = counted(&browser, "/communications/count", "я – я").await;
    has(&stays, &["я (U+044F)</span> has no replacement"]);
    assert!(!stays.contains("value=\"replace\""), "{stays}");
}

#[tokio::test]
async fn the_counter_goes_by_the_carrier() {
    let world = world().await;
    carried(&world, &[National::Turkish]);
    let browser = world.browser("ida").await;
    let shown = counted(&browser, "/communications/count", "ışık").await;
    has(
        &shown,
        &["4 characters, 1 segment. They count as 7. Room for 148 more of 155"],
    );
    assert!(!shown.contains("U+"), "{shown}");
}

#[tokio::test]
async fn characters_are_replaced_when_somebody_says_so_and_not_before() {
    let world = world().await;
    carried(&world, &[]);
    let browser = world.browser("ida").await;
    let mut form = text_to_one(&world, "Bridge closed – “détour”…");
    form.push(("do", "save".to_owned()));
    let kept = browser.post("/communications", &form).await;
    let path = kept.location().split("/edit").next().unwrap().to_owned();
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let text = || world.submit.draft(id).unwrap().content.sms_text;
    assert_eq!(text(), "Bridge closed – “détour”…");
    browser.get(&format!("{path}/edit")).await.assert_has(&[
        "id=\"sms-count\"",
        "value=\"replace\"",
        "0.045 EUR",
    ]);

    form.retain(|(name, _)| *name != "do");
    form.push(("do", "replace".to_owned()));
    let done = browser.post(&path, &form).await;
    assert_eq!(done.location(), format!("{path}/edit?done=saved#sms_text"));
    assert_eq!(text(), "Bridge closed - \"détour\"...");
    browser
        .get(&format!("{path}/review"))
        .await
        .assert_has(&["1 segment in all · 0.045 EUR"]);
}

#[tokio::test]
async fn what_is_too_long_to_be_kept_is_not_counted() {
    let world = world().await;
    carried(&world, &[]);
    let browser = world.browser("ida").await;
    let whole = "ж".repeat(SMS_TEXT_MAX);
    let shown = counted(&browser, "/communications/count", &whole).await;
    has(&shown, &["1530 characters, 23 segments"]);
    let over = format!("{whole}ж");
    let shown = counted(&browser, "/communications/count", &over).await;
    has(&shown, &["This is too long: at most 1530 characters."]);
    assert!(!shown.contains("segment"), "{shown}");
    let mut form = text_to_one(&world, &over);
    form.push(("do", "replace".to_owned()));
    let answer = browser.post("/communications", &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

async fn told(browser: &Browser<'_>, text: &str) -> String {
    let form = text_to_one(browser.world, text);
    let answer = browser.post("/communications/count", &form).await;
    of(&answer, "told")
}

#[tokio::test]
async fn what_changes_is_read_out_and_what_cannot_be_seen_is_only_named() {
    let world = world().await;
    carried(&world, &[]);
    let browser = world.browser("ida").await;
    assert_eq!(told(&browser, "").await, "");
    assert_eq!(told(&browser, "Flood").await, "1 segment");
    assert_eq!(told(&browser, "Floods").await, "1 segment");
    let wide = told(&browser, "Flood – now").await;
    assert!(wide.starts_with("1 segment (some characters"), "{wide}");
    assert!(wide.ends_with("– (U+2013)"), "{wide}");
    let turned = counted(&browser, "/communications/count", "a\u{202e}b").await;
    has(&turned, &["(U+202E)</span> → nothing"]);
    assert!(!turned.contains('\u{202e}'), "{turned}");
    browser
        .get("/communications/new")
        .await
        .assert_has(&["id=\"sms-told\" role=\"status\"", "id=\"sms-said\""]);
}

#[tokio::test]
async fn only_forms_of_somebody_who_may_write_are_counted() {
    let world = world().await;
    carried(&world, &[]);
    let browser = world.browser("ida").await;
    let form = text_to_one(&world, "Flood");
    let path = "/communications/count";
    let forged = super::super::world::post(path, &browser.cookie, &form);
    let answer = world.send(forged).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    world.add_somebody("vera", Role::Viewer).await;
    let viewer = world.browser("vera").await;
    let answer = viewer.post(path, &form).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    let nobody = "/communications/00000000000000000000000000000000/count";
    let answer = browser.post(nobody, &form).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.body);
}

#[tokio::test]
async fn a_large_audience_is_not_looked_through_as_somebody_writes() {
    let world = world().await;
    carried(&world, &[]);
    let access = super::super::scopes::access(&world, "ida");
    let texts = |list_people| {
        let draft = DraftInput {
            category: "general".to_owned(),
            content: Content {
                sms_text: "Flood".to_owned(),
                ..Content::default()
            },
            audience: Audience {
                contacts: vec![world.contacts[0]],
                list_people,
                ..Audience::default()
            },
            ..DraftInput::default()
        };
        let all = world.submit.texts_of(&draft, &access).unwrap();
        all.map(|all| all.texts)
    };
    assert_eq!(texts(10_000), Some(1));
    assert_eq!(texts(10_001), None);
}
