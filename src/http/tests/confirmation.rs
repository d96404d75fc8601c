//! The link by which people confirm that they have read a message.

use std::time::Duration;

use axum::http::StatusCode;

use super::self_service::{HERE, Public, links, public};
use crate::domain::{
    Audience, AuditActor, Channel, Channels, CommunicationId, ConfirmedBy, Contact, ContactId,
    Content, DeliveryId, LogEvent, Subject, SubjectKind, UserId,
};
use crate::submit::DraftInput;

const BY: UserId = UserId::from_bytes([1; 16]);

/// An alert to these people, queued.
async fn alert(public: &Public, people: &[ContactId]) -> CommunicationId {
    let draft = DraftInput {
        content: Content {
            subject: "Flood at the quay".into(),
            text: "Move up.".into(),
            sms_text: "Move up.".into(),
            ..Content::default()
        },
        category: "alert".into(),
        channels: Channels {
            call: false,
            ..Channels::ALL
        },
        audience: Audience {
            contacts: people.to_vec(),
            ..Audience::default()
        },
        ..DraftInput::default()
    };
    let submit = &public.world.submit;
    let id = submit.save_draft(None, &draft, BY).await.unwrap();
    submit.send(id).await.unwrap();
    public.world.expand().await;
    id
}

fn delivery(public: &Public, id: CommunicationId, of: ContactId, by: Channel) -> DeliveryId {
    let person = public.world.repo.person(id, of).unwrap().unwrap();
    let mut all = person.deliveries.iter();
    let found = all.find(|one| one.status.channel() == by);
    found.unwrap().delivery
}

fn path_of(delivery: DeliveryId) -> String {
    let link = links().confirm(delivery);
    link.strip_prefix(HERE).unwrap().to_owned()
}

/// Two people with email and mobile.
fn two(public: &Public) -> Vec<Contact> {
    let all = public.world.contacts.iter();
    let all = all.map(|id| public.contact(*id));
    let both = |contact: &Contact| {
        !contact.methods_for(Channel::Email).is_empty()
            && !contact.methods_for(Channel::Text).is_empty()
    };
    all.filter(both).take(2).collect()
}

#[tokio::test(start_paused = true)]
async fn only_the_button_confirms_and_only_once() {
    let public = public().await;
    let people = two(&public);
    let ids: Vec<ContactId> = people.iter().map(|contact| contact.id).collect();
    let id = alert(&public, &ids).await;
    let path = path_of(delivery(&public, id, ids[0], Channel::Text));
    let before = public.everything();
    for path in [path.clone(), path.to_uppercase().replace("/C/", "/c/")] {
        let page = public.get(&path, "").await;
        assert_eq!(page.status, StatusCode::OK);
        page.assert_has(&[
            "Flood at the quay",
            ">I confirm</button>",
            "method=\"post\"",
        ]);
        assert_eq!(page.body.matches("<button").count(), 1, "{}", page.body);
    }
    assert_eq!(
        public.everything(),
        before,
        "whoever opens a link confirms nothing"
    );
    let elsewhere = public
        .post_from("https://evil.example", &path, "", &[])
        .await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);

    let done = public.post(&path, "", &[]).await;
    done.assert_has(&["<h1>Thank you</h1>", "Flood at the quay"]);
    assert!(!done.body.contains("<button"), "{}", done.body);
    let person = public.world.repo.person(id, ids[0]).unwrap().unwrap();
    assert_eq!(person.confirmed_by, Some(ConfirmedBy::TextLink));
    assert!(
        person.deliveries.iter().all(|one| one.closed),
        "nothing more goes out"
    );
    let other = public.world.repo.person(id, ids[1]).unwrap().unwrap();
    assert!(other.confirmed.is_none() && other.deliveries.iter().all(|one| !one.closed));

    let entry = public.world.audited().pop().unwrap();
    assert_eq!(entry.act, "public.confirm");
    assert_eq!(entry.actor, AuditActor::Person(ids[0]));
    for (kind, id) in [
        (SubjectKind::Communication, id.as_bytes()),
        (SubjectKind::Contact, ids[0].as_bytes()),
    ] {
        assert!(
            entry.subjects.contains(&Subject::new(kind, *id)),
            "{kind:?}"
        );
    }
    let network = entry.network.unwrap();
    assert!(network.ends_with(".0/24"), "{network}");
    let after = public.everything();
    let email = path_of(delivery(&public, id, ids[0], Channel::Email));
    for path in [&path, &email] {
        let again = public.post(path, "", &[]).await;
        again.assert_has(&["You have confirmed this already"]);
        let seen = public.get(path, "").await;
        seen.assert_has(&["You have confirmed this already"]);
        assert!(!seen.body.contains("<button"), "{}", seen.body);
    }
    assert_eq!(public.everything(), after);
    let log = public.world.repo.log(ids[0], None, 50).unwrap().rows;
    let said = log.iter().filter(|entry| {
        matches!(
            entry.event,
            LogEvent::Confirmed {
                by: Some(ConfirmedBy::TextLink),
                ..
            }
        )
    });
    assert_eq!(said.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_old_or_invented_looks_alike_and_is_counted() {
    let public = public().await;
    let people = two(&public);
    let id = alert(&public, &[people[0].id]).await;
    let path = path_of(delivery(&public, id, people[0].id, Channel::Email));
    let mut forged = path.clone();
    let last = if forged.pop() == Some('a') { 'b' } else { 'a' };
    forged.push(last);
    let mut bodies = Vec::new();
    let long = format!("/c/{}", "a".repeat(500));
    for wrong in ["/c/unknown", &forged, &long, "/c/%C3%9F"] {
        let page = public.get(wrong, "").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{wrong}");
        let token = wrong.strip_prefix("/c/").unwrap();
        bodies.push(page.body.replace(&format!("/c/{token}?"), "/c/TOKEN?"));
        assert_eq!(
            public.post(wrong, "", &[]).await.status,
            StatusCode::NOT_FOUND
        );
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    // Guessing comes to an end; what is genuine still works.
    let mut last = StatusCode::NOT_FOUND;
    for _ in 0..20 {
        last = public.get("/c/unknown", "").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(public.get(&path, "").await.status, StatusCode::OK);
    // A month later it does not.
    public
        .world
        .clock
        .advance(Duration::from_secs(31 * 24 * 3600));
    let late = public.post(&path, "", &[]).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    assert_eq!(late.body.replace(path.as_str(), "/c/TOKEN"), bodies[0]);
    let person = public.world.repo.person(id, people[0].id).unwrap().unwrap();
    assert!(person.confirmed.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_page_speaks_the_language_of_the_person() {
    let public = public().await;
    let people = two(&public);
    let french = public
        .world
        .tracker
        .change_contact(people[0].id, |contact| {
            contact.language = "fr".into();
            Some(Vec::new())
        });
    french.await.unwrap();
    let id = alert(&public, &[people[0].id]).await;
    let path = path_of(delivery(&public, id, people[0].id, Channel::Email));
    public
        .get(&path, "")
        .await
        .assert_has(&["lang=\"fr\"", "Je confirme"]);
    let english = public.get(&format!("{path}?lang=en"), "").await;
    english.assert_has(&["lang=\"en\"", "I confirm"]);
    public
        .post(&path, "", &[])
        .await
        .assert_has(&["<h1>Merci</h1>"]);
}

#[tokio::test(start_paused = true)]
async fn the_console_says_by_which_way_somebody_confirmed() {
    let public = public().await;
    let people = two(&public);
    let id = alert(&public, &[people[0].id]).await;
    let path = path_of(delivery(&public, id, people[0].id, Channel::Email));
    public.post(&path, "", &[]).await;
    let browser = public.world.browser("ida").await;
    let how = "Confirmed by the link in the email";
    for page in [
        format!("/communications/{id}"),
        format!("/communications/{id}/people/{}", people[0].id),
        format!("/contacts/{}/log", people[0].id),
    ] {
        let page = browser.get(&page).await;
        assert_eq!(page.status, StatusCode::OK);
        page.assert_has(&[how]);
    }
    let statistics = browser.get(&format!("/communications/{id}")).await;
    statistics.assert_has(&["Confirmations</h3>"]);
}
