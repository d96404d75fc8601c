//! What is counted of what readers do: asked for where it is allowed.

use axum::http::Method;
use serde_json::json;

use super::*;
use crate::domain::{Audience, Channel, Channels, Content, SendingPlan, Tracking, UserId};
use crate::http::tests::api::{draft, program};
use crate::http::tests::world::patient_world;
use crate::submit::{DraftInput, OnTime, Sent};

const BOTH: Tracking = Tracking {
    opens: true,
    clicks: true,
};

fn allow(world: &World, tracking: Tracking) {
    world.submit.replace_settings(SubmitSettings {
        categories: world.submit.categories(),
        tracking,
        ..SubmitSettings::default()
    });
}

/// What the draft at this path asks for.
fn asked(world: &World, path: &str) -> Tracking {
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let communication = world.repo.communication(id).unwrap().unwrap();
    communication.plan.tracking
}

#[tokio::test]
async fn the_form_offers_it_where_it_is_allowed() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let form = browser.get("/communications/new").await;
    assert!(!form.body.contains("track_"), "{}", form.body);
    let path = saved(&browser).await;
    assert!(asked(&world, &path).is_off());

    allow(&world, BOTH);
    let form = browser.get(&format!("{path}/edit")).await;
    form.assert_has(&["name=\"track_opens\"", "name=\"track_clicks\"", "one dot"]);
    let mut filled = fields(&world);
    let both = ["track_opens", "track_clicks"].map(|name| (name, "1".to_owned()));
    filled.extend(both);
    filled.push(("do", "save".to_owned()));
    let kept = browser.post(&path, &filled).await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.body);
    assert_eq!(asked(&world, &path), BOTH);

    // Links of an emergency are not counted.
    filled.push(("emergency", "1".to_owned()));
    filled.retain(|(name, _)| *name != "do");
    filled.push(("do", "review".to_owned()));
    let refused = browser.post(&path, &filled).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["nobody counts them", "id=\"tracking.clicks-problem\""]);

    // Not allowed any more: it keeps the draft back and can be taken out.
    allow(&world, Tracking::default());
    let form = browser.get(&format!("{path}/edit?check=1")).await;
    form.assert_has(&[
        "Openings may not be counted here.",
        "Links may not be counted here.",
        "name=\"track_opens\"",
    ]);
    saved_again(&browser, &path).await;
    assert!(asked(&world, &path).is_off());
    let form = browser.get(&format!("{path}/edit")).await;
    assert!(!form.body.contains("track_"), "{}", form.body);
}

async fn saved_again(browser: &Browser<'_>, path: &str) {
    let mut form = fields(browser.world);
    form.push(("do", "save".to_owned()));
    let answer = browser.post(path, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

#[tokio::test]
async fn a_program_asks_for_it_where_it_is_allowed() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let mut body = draft(&world);
    for (field, name) in [("opens", "tracking.opens"), ("clicks", "tracking.clicks")] {
        body["tracking"] = json!({ field: true });
        let path = "/api/v1/communications";
        let (_, status, problem) = program.refused(Method::POST, path, Some(&body)).await;
        assert_eq!(status, 422, "{problem}");
        assert_eq!(problem["errors"][0]["field"], name);
    }
    allow(&world, BOTH);
    body["tracking"] = json!({ "opens": true, "clicks": true });
    let made = program.post("/api/v1/communications", &body).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(asked(&world, id), BOTH);
    let told = program.get(&format!("/api/v1/communications/{id}")).await;
    assert_eq!(told["tracking"], json!({ "opens": true, "clicks": true }));
    body["emergency"] = json!(true);
    let made = program.post("/api/v1/communications", &body).await;
    let path = format!(
        "/api/v1/communications/{}/review",
        made["id"].as_str().unwrap()
    );
    let review = program.get(&path).await;
    assert_eq!(review["errors"][0]["field"], "tracking.clicks");
}

#[tokio::test]
async fn what_is_not_allowed_any_more_when_it_goes_out_is_not_said_to_be_counted() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    let hour = std::time::Duration::from_secs(3600);
    let draft = DraftInput {
        category: "general".into(),
        channels: Channels::only(Channel::Email),
        audience: Audience {
            areas: vec![world.county],
            ..Audience::default()
        },
        content: Content {
            subject: "Road closed".into(),
            text: "The bridge is closed.".into(),
            html: "<p><a href=\"https://town.example/\">Closed</a></p>".into(),
            ..Content::default()
        },
        plan: SendingPlan {
            tracking: BOTH,
            ..SendingPlan::default()
        },
        ..DraftInput::default()
    };
    let said = ["they lead by this server", "loads a picture in the email"];
    let ends = ["Who follows its links", "Who loads a picture in the email"];
    for (allowed, counted) in [(BOTH, true), (Tracking::default(), false)] {
        allow(&world, BOTH);
        let by = UserId::from_bytes([1; 16]);
        let plan = SendingPlan {
            scheduled_at: Some(world.now().plus(hour)),
            ..draft.plan.clone()
        };
        let draft = DraftInput {
            plan,
            ..draft.clone()
        };
        let id = world.submit.save_draft(None, &draft, by).await.unwrap();
        let sent = world.submit.send(id).await.unwrap();
        assert!(matches!(sent, Sent::Later { .. }), "{sent:?}");
        allow(&world, allowed);
        let review = browser.get(&format!("/communications/{id}/review")).await;
        world.clock.advance(hour);
        let went = world.submit.send_scheduled(id).await.unwrap();
        assert!(matches!(went, OnTime::Sent { .. }), "{went:?}");
        let page = browser.get(&format!("/communications/{id}")).await;
        for (answer, sentences) in [(&review, said), (&page, ends)] {
            assert_eq!(answer.status, StatusCode::OK);
            for sentence in sentences {
                assert_eq!(answer.body.contains(sentence), counted, "{sentence}");
            }
        }
        assert_eq!(asked(&world, &id.to_string()), allowed);
    }
}
