//! What the text message takes and costs, told while it is written.

use super::*;
use crate::proto::smpp::encoding::{National, NationalTables, SegmentOptions};
use crate::submit::{Amount, TextCarrier, TextCarriers};

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
        &["7 characters, 1 segment. Room for 148 more of 155"],
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
