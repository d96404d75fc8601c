//! The recipient list: picked one by one or all at once, then written to.

use axum::http::StatusCode;

use super::world::{Browser, World, world};
use crate::domain::{Audience, Channels, CommunicationId, MethodKind};

async fn listed(browser: &Browser<'_>) -> usize {
    let page = browser.get("/recipients").await;
    page.body.matches("title-link").count()
}

fn draft(world: &World, location: &str) -> (Audience, Channels) {
    let id = location
        .strip_prefix("/communications/")
        .and_then(|rest| rest.strip_suffix("/edit"));
    let id: CommunicationId = id.unwrap().parse().unwrap();
    let row = world.repo.communication(id).unwrap().unwrap();
    (row.audience.clone(), row.channels)
}

#[tokio::test]
async fn one_contact_is_added_from_every_list() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let ada = world.contacts[0];
    for page in ["/contacts".to_owned(), format!("/contacts/{ada}")] {
        browser.get(&page).await.assert_has(&[
            "action=\"/recipients/add\"",
            &format!("name=\"contact\" value=\"{ada}\""),
        ]);
    }
    let fields = [
        ("contact", ada.to_string()),
        ("back", "/contacts?q=ada".to_owned()),
    ];
    for _ in 0..2 {
        let added = browser.post("/recipients/add", &fields).await;
        assert_eq!(added.location(), "/contacts?q=ada&done=listed");
    }
    browser
        .get("/contacts?q=ada&done=listed")
        .await
        .assert_has(&["Added to your recipient list.", "On your list"]);
    assert_eq!(listed(&browser).await, 1);
    // The list is its owner's alone.
    assert_eq!(listed(&world.browser("ida").await).await, 0);
    let off = [("contact", ada.to_string())];
    browser.post("/recipients/remove", &off).await;
    assert_eq!(listed(&browser).await, 0);
}

#[tokio::test]
async fn all_of_a_list_are_added_and_written_to_by_all_means() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let fields = [("query", format!("area={}", world.areas[0]))];
    let added = browser.post("/recipients/add-all", &fields).await;
    let people = world.repo.contact_count(world.areas[0]).unwrap();
    assert_eq!(added.location(), format!("/recipients?added={people}"));
    browser.get(added.location()).await.assert_has(&[
        &format!("{people} contacts were added."),
        "Communicate with this list",
    ]);
    let again = browser.post("/recipients/add-all", &fields).await;
    assert_eq!(again.location(), "/recipients?added=0");
    let written = browser.post("/recipients/communicate", &[]).await;
    assert_eq!(written.status, StatusCode::SEE_OTHER);
    let (audience, channels) = draft(&world, written.location());
    assert_eq!(channels, Channels::ALL);
    assert_eq!(u64::from(audience.list_people), people);
    let list = world.repo.audience_list(&audience).unwrap();
    assert_eq!(list.len() as u64, people);
    assert_eq!(browser.get(written.location()).await.status, StatusCode::OK);
    // Clearing the list afterwards leaves the draft as it is.
    browser
        .get("/recipients/clear")
        .await
        .assert_has(&["contacts are taken off the list"]);
    browser.post("/recipients/clear", &[]).await;
    assert_eq!(listed(&browser).await, 0);
    assert_eq!(world.repo.audience_list(&audience).unwrap(), list);
    let nobody = browser.post("/recipients/communicate", &[]).await;
    assert_eq!(nobody.location(), "/recipients?done=nobody");
}

#[tokio::test]
async fn a_large_list_is_added_behind_the_page_and_survives_a_restart() {
    let world = world().await;
    let template = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let many: Vec<_> = (0..2_600_u32)
        .map(|number| {
            let mut contact = template.value.clone();
            let mut id = *contact.id.as_bytes();
            id[..4].copy_from_slice(&number.to_be_bytes());
            contact.id = crate::domain::ContactId::from_bytes(id);
            contact
                .methods
                .retain(|method| method.kind == MethodKind::Landline);
            contact
        })
        .collect();
    for some in many.chunks(500) {
        world.tracker.add_contacts(some).await.unwrap();
    }
    let browser = world.browser("otto").await;
    let fields = [("query", "kind=citizen".to_owned())];
    let begun = browser.post("/recipients/add-all", &fields).await;
    assert_eq!(begun.location(), "/recipients");
    let user = world.repo.user_by_login("otto").unwrap().unwrap().id;
    for _ in 0..500 {
        browser.get("/recipients").await;
        if world.repo.gathering(user).unwrap().is_none() {
            break;
        }
        tokio::task::yield_now().await;
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(world.repo.recipient_count(user).unwrap(), 2_640);
}

/// The console of the next start.
fn restarted(world: &World) -> axum::Router {
    use super::super::{Console, ConsoleSettings, router};
    router(Console {
        repo: world.repo.clone(),
        clock: world.clock.clone(),
        random: crate::clock::Randomness::seeded(12),
        submit: world.submit.clone(),
        tracker: world.tracker.clone(),
        search: world.app.console.search.clone(),
        settings: ConsoleSettings::default(),
        readiness: world.readiness.subscribe(),
        metrics: crate::observe::Metrics::new(0),
        speaker: None,
        evidence: world.app.console.evidence.clone(),
        cursor_key: world.app.console.cursor_key.clone(),
        file_of_mail: |_, _| None,
        html_of_mail: |_| None,
        scanner: None,
        stop: tokio_util::sync::CancellationToken::new(),
    })
}

#[tokio::test]
async fn what_was_under_way_goes_on_after_a_restart_and_programs_see_until_when() {
    use super::api::program;
    use crate::domain::{AuditActor, ContactFilter, GatherInto, Gathering};
    let world = world().await;
    let program = program(&world, "otto").await;
    let user = world.repo.user_by_login("otto").unwrap().unwrap().id;
    let group = world.tracker.add_group("Quay").await.unwrap();
    let group_at = format!("/api/v1/groups/{group}");
    let seen = async || {
        let group = program.get(&group_at).await;
        let list = program.get("/api/v1/recipients").await;
        (group["gathering"].clone(), list["gathering"].clone())
    };
    assert_eq!(seen().await, (false.into(), false.into()));
    let wish = |into| Gathering {
        user,
        into,
        filter: ContactFilter::default(),
        at: world.now(),
        added: 0,
        cursor: Vec::new(),
    };
    // As it was when the daemon died.
    for into in [GatherInto::Recipients, GatherInto::Group(group)] {
        let begun = world.tracker.begin_gathering(&wish(into)).await.unwrap();
        assert!(begun);
        let of_group = into != GatherInto::Recipients;
        assert_eq!(seen().await, (of_group.into(), (!of_group).into()));
        // Whoever only looks at the page has it go on, too: an act of whoever asked for it.
        let browser = world.browser("otto").await;
        let again = match into {
            GatherInto::Recipients => {
                browser.get("/recipients").await;
                None
            }
            GatherInto::Group(_) => Some(restarted(&world)),
        };
        for _ in 0..500 {
            if world.repo.gathering(user).unwrap().is_none() {
                break;
            }
            tokio::task::yield_now().await;
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert_eq!(seen().await, (false.into(), false.into()));
        let entry = world.audited().pop().unwrap();
        let expected = if of_group {
            "group.add_all"
        } else {
            "recipients.add_all"
        };
        assert_eq!(entry.act, expected);
        assert!(matches!(entry.actor, AuditActor::User(id, _) if id == user));
        drop(again);
    }
    let people = world.contacts.len() as u64;
    assert_eq!(world.repo.recipient_count(user).unwrap(), people);
    assert_eq!(world.repo.group_count(group).unwrap(), people);
}
