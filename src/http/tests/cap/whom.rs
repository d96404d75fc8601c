//! Who is told, and what of an alert need not be understood.

use super::*;
use crate::domain::{
    Area, AreaId, AreaPlace, Category, ContactId,
    outline::{Outline, Point},
};
use crate::store::{Batch, RowBatch};
use crate::submit::SubmitSettings;

/// Lets an area lie in a small square around a point.
async fn lies(world: &World, area: AreaId, latitude: f64, longitude: f64, size: f64) {
    let corner = |up: f64, right: f64| {
        Point::from_degrees(latitude + up * size, longitude + right * size).unwrap()
    };
    let corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)];
    let corners = corners.map(|(up, right)| corner(up, right)).to_vec();
    let outline = Outline::new(corners).unwrap();
    let place = AreaPlace::new(area, vec![outline], Vec::new()).unwrap();
    let mut batch = Batch::new();
    match world.repo.area_place(area).unwrap() {
        Some(old) => batch.replace(&old, &place),
        None => batch.insert(&place),
    }
    world.repo.store().commit(batch).await.unwrap();
}

/// Everybody in one of these areas.
fn in_areas(world: &World, areas: &[AreaId]) -> Vec<ContactId> {
    let is_in = |id: &&ContactId| {
        let area = world.repo.contact(**id).unwrap().unwrap().area;
        area.is_some_and(|area| areas.contains(&area))
    };
    let mut people: Vec<_> = world.contacts.iter().filter(is_in).copied().collect();
    people.sort_unstable();
    people
}

fn people(world: &World, of: &Communication) -> Vec<ContactId> {
    let chunk = world.repo.audience_chunk(of.id, 0).unwrap().unwrap();
    chunk.contacts.clone()
}

#[tokio::test]
async fn what_is_not_for_everybody_is_told_nobody() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let narrow = |text: String, scope: &str| {
        text.replace("<scope>Public", &format!("<scope>{scope}"))
            .replace("High water at the quay", "Units to the quay")
    };
    for scope in ["Restricted", "Private"] {
        let alert = narrow(message("Alert", 1, "Actual", "", AROUND), scope);
        let passed = taken(&program, &alert).await;
        assert_eq!(
            (&passed["communications"], &passed["passed_over"]),
            (&json!([]), &json!(["scope"])),
            "{scope}"
        );
    }
    assert!(world.repo.communications(None, 5).unwrap().rows.is_empty());
    let wrong = narrow(message("Alert", 1, "Actual", "", AROUND), "Some");
    let (_, status, document) = problem(&hand_in(&program, &wrong).await);
    assert_eq!(
        (status, &document["errors"][0]["field"]),
        (422, &json!("scope"))
    );
    // What was for everybody is called off all the same, in our own words.
    let told = taken(&program, &message("Alert", 2, "Actual", "", AROUND)).await;
    let first = sent(&world, &told);
    world.expand().await;
    let made = world.contacts.iter();
    let mut made = made.flat_map(|contact| world.deliveries(*contact));
    let mail = made.find(|one| one.channel == Channel::Email).unwrap();
    world.walk(&mail, &[Status::Email(EmailStatus::Sent)]).await;
    let cancel = narrow(message("Cancel", 3, "Actual", &refers(2), ""), "Restricted");
    let over = taken(&program, &cancel).await;
    assert_eq!(over["called_off"], json!([first.id.to_string()]));
    let clear = sent(&world, &over);
    let said = world.repo.content(clear.content).unwrap();
    assert_eq!(said.subject, "All clear: High water at the quay");
    assert!(!said.text.contains("Units"), "{}", said.text);
}

#[tokio::test]
async fn a_shape_means_the_smallest_areas_that_it_meets() {
    let world = world().await;
    let program = program(&world, "ida").await;
    lies(&world, world.county, 52.0, 5.0, 1.0).await;
    for area in &world.areas {
        lies(&world, *area, 52.8, 5.8, 0.1).await;
    }
    let (here, unknown) = (world.areas[0], world.areas[1]);
    lies(&world, here, 52.2, 5.2, 0.1).await;
    let street = "<circle>52.25,5.25 0.5</circle>";
    let told = taken(&program, &message("Alert", 1, "Actual", "", street)).await;
    assert_eq!(
        people(&world, &sent(&world, &told)),
        in_areas(&world, &[here])
    );
    // Whoever lives in the county, and nobody knows where, may live there.
    let mut batch = Batch::new();
    batch.remove(&world.repo.area_place(unknown).unwrap().unwrap());
    world.repo.store().commit(batch).await.unwrap();
    let told = taken(&program, &message("Alert", 2, "Actual", "", street)).await;
    let both = in_areas(&world, &[here, unknown]);
    assert!(both.len() < world.contacts.len());
    assert_eq!(people(&world, &sent(&world, &told)), both);
    // All of it is all of it.
    let county = "<polygon>51,4 51,7 54,7 54,4</polygon>";
    let told = taken(&program, &message("Alert", 3, "Actual", "", county)).await;
    let all = sent(&world, &told);
    assert_eq!(all.audience.areas, [world.county]);
    assert_eq!(people(&world, &all).len(), world.contacts.len());
}

#[tokio::test]
async fn an_alert_may_be_for_more_areas_than_anybody_could_choose() {
    let world = world().await;
    let program = program(&world, "ida").await;
    let beats: Vec<Area> = (0..900_u16)
        .map(|number| Area {
            id: AreaId::from_bytes(
                [[0xbe; 14].as_slice(), &number.to_be_bytes()]
                    .concat()
                    .try_into()
                    .unwrap(),
            ),
            parent: Some(world.county),
            name: format!("Beat {number}"),
        })
        .collect();
    world.tracker.add_areas(&beats).await.unwrap();
    let outline = Outline::parse("52.4,5.4 52.4,5.5 52.5,5.5").unwrap();
    let mut batch = Batch::new();
    let all = beats
        .iter()
        .map(|area| area.id)
        .chain(world.areas.iter().copied());
    for area in all {
        batch.insert(&AreaPlace::new(area, vec![outline.clone()], Vec::new()).unwrap());
    }
    world.repo.store().commit(batch).await.unwrap();
    let told = taken(&program, &message("Alert", 1, "Actual", "", AROUND)).await;
    let told = sent(&world, &told);
    assert_eq!(people(&world, &told), in_areas(&world, &world.areas));
    assert!(check(world.repo.store()).unwrap().is_sound());
}

/// Two things in our language, each for an area of its own.
fn two_things(world: &World, kind: &str, number: u32, more: &str) -> String {
    let name = |area: AreaId| world.repo.area(area).unwrap().unwrap().name.clone();
    let text = message(kind, number, "Actual", more, "");
    let (head, info) = text.split_once("<info><language>en-GB").unwrap();
    let info = format!(
        "<info><language>en-GB{}",
        info.strip_suffix("</alert>").unwrap()
    );
    let orange = info
        .replace("Severe", "Moderate")
        .replace("Somewhere", &name(world.areas[0]));
    let red = info
        .replace("at the quay", "in the South")
        .replace("Somewhere", &name(world.areas[1]));
    format!("{head}{orange}{red}</alert>")
}

#[tokio::test]
async fn each_thing_that_an_alert_says_goes_to_its_own_areas() {
    let world = world().await;
    let program = program(&world, "ida").await;
    let text = two_things(&world, "Alert", 1, "");
    let told = taken(&program, &text).await;
    let ids = told["communications"].as_array().unwrap().clone();
    assert_eq!((ids.len(), &told["new"]), (2, &json!(true)));
    let of = |index: usize| {
        let id = ids[index].as_str().unwrap().parse().unwrap();
        world.repo.communication(id).unwrap().unwrap().value
    };
    for (index, title, emergency) in [
        (0, "High water at the quay", false),
        (1, "High water in the South", true),
    ] {
        let sent = of(index);
        assert_eq!(
            (sent.title.as_str(), sent.plan.emergency),
            (title, emergency)
        );
        assert_eq!(
            people(&world, &sent),
            in_areas(&world, &[world.areas[index]])
        );
    }
    let again = taken(&program, &text).await;
    assert_eq!(
        (&again["communications"], &again["new"]),
        (&told["communications"], &json!(false))
    );
    let over = taken(&program, &message("Cancel", 2, "Actual", &refers(1), "")).await;
    assert_eq!(over["called_off"], told["communications"]);
    // A part that comes after the cancel is not sent either.
    taken(&program, &message("Cancel", 4, "Actual", &refers(3), "")).await;
    let late = taken(&program, &two_things(&world, "Alert", 3, "")).await;
    assert_eq!(late["communications"], json!([]));
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn our_words_go_to_the_areas_that_another_language_names() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let area = format!("<area><areaDesc>Ergens</areaDesc>{AROUND}</area>");
    let text = message("Alert", 1, "Actual", "", "")
        .replace("<area><areaDesc>Somewhere</areaDesc></area>", "")
        .replace(
            "<headline>Hoogwater</headline>",
            &format!("<headline>Hoogwater</headline>{area}"),
        );
    let told = sent(&world, &taken(&program, &text).await);
    assert_eq!(told.title, "High water at the quay");
}

#[tokio::test]
async fn what_cannot_be_understood_does_not_keep_the_rest_back() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let odd = "<polygon>1,2 3,4</polygon><circle>52.4,5.4\t 3</circle>\
<circle>0,179.99 50</circle><geocode><valueName>EMMA_ID</valueName><value>NL001</value></geocode>";
    let told = taken(&program, &message("Alert", 1, "Actual", "", odd)).await;
    assert_eq!(
        (&told["new"], &told["passed_over"]),
        (&json!(true), &json!(["polygon", "circle"]))
    );
    // More points than an outline has.
    let ring: Vec<String> = (0..3_000)
        .map(|index| {
            let angle = f64::from(index) * std::f64::consts::TAU / 3_000.0;
            format!("{:.6},{:.6}", 52.0 + angle.sin(), 5.0 + angle.cos())
        })
        .collect();
    let ring = format!("<polygon>{} {}</polygon>", ring.join(" "), ring[0]);
    let told = taken(&program, &message("Alert", 2, "Actual", "", &ring)).await;
    assert_eq!(
        (&told["new"], &told["passed_over"]),
        (&json!(true), &json!([]))
    );
    // An end that is no time.
    let endless = message("Alert", 3, "Actual", "", AROUND);
    let endless = endless.replace("<headline>High", "<expires>soon</expires><headline>High");
    assert_eq!(
        taken(&program, &endless).await["passed_over"],
        json!(["expires"])
    );
}

#[tokio::test]
async fn neither_gaps_nor_long_words_keep_an_alert_back() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    world.submit.replace_settings(SubmitSettings {
        categories: vec![Category {
            name: "alert".to_owned(),
            confirmation_required: true,
            voicemail_counts: false,
        }],
        segments_max: 3,
        ..SubmitSettings::default()
    });
    let long = "Don\u{2019}t wait. ".repeat(40);
    let text = message("Alert", 1, "Actual", "", AROUND)
        .replace("Go upstairs.", &long)
        .replace("The river rises.", "{{ .Names }} }} {% x %}");
    let told = sent(&world, &taken(&program, &text).await);
    let said = world.repo.content(told.content).unwrap();
    assert!(said.text.contains("{{ .Names }}"));
    assert!(
        said.sms_text
            .starts_with("High water at the quay. Don\u{2019}t wait.")
    );
    assert!(said.sms_text.ends_with("..."), "{}", said.sms_text);
    assert!(world.submit.text_carriers().count(&said.sms_text).segments <= 3);
}
