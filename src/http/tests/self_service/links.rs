//! What the links in messages to many lead to: unsubscribing, and the picture that tells of opening.

use super::*;

#[tokio::test(start_paused = true)]
async fn one_click_unsubscribes_from_anywhere_and_the_page_only_from_here() {
    let public = public().await;
    let (contact, _) = public.somebody();
    let delivery = public.mail_to(&contact).await;
    let url = links().unsubscribe(delivery);
    let path = url.strip_prefix(HERE).unwrap();
    let page = public.get(path, "").await;
    page.assert_has(&["value=\"category\"", "value=\"all\""]);
    assert!(!page.body.contains(contact.first_name.reveal()));
    let elsewhere = "https://mail.example";
    let refused = public
        .post_from(elsewhere, path, "", &[("what", "all")])
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        public
            .contact(contact.id)
            .wishes
            .allow(Channel::Email, "general")
    );
    let one_click = [("List-Unsubscribe", "One-Click")];
    let done = public.post_from(elsewhere, path, "", &one_click).await;
    assert_eq!(done.status, StatusCode::OK);
    let wishes = public.contact(contact.id).wishes;
    assert!(!wishes.allow(Channel::Email, "general") && wishes.allow(Channel::Email, "alert"));
    assert!(wishes.allow(Channel::Text, "general"));
    assert_eq!(wishes.consents[0].proof, ProofKind::OneClick);
    let done = public.post(path, "", &[("what", "all")]).await;
    assert_eq!(done.status, StatusCode::OK);
    let wishes = public.contact(contact.id).wishes;
    assert!(!wishes.allow(Channel::Email, "alert") && wishes.allow(Channel::Text, "alert"));
    let forged = path.replace("/u/", "/u/a");
    let forged = public.post(&forged, "", &one_click).await;
    assert_eq!(forged.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_mail_to_somebody_taken_over_unsubscribes_who_took_over() {
    let public = public().await;
    let (other, _) = public.somebody();
    let keep = public.world.contacts.iter().find(|id| **id != other.id);
    let keep = *keep.unwrap();
    let delivery = public.mail_to(&other).await;
    let by = crate::domain::UserId::from_bytes([1; 16]);
    let merging = public.world.tracker.merge_contacts(keep, other.id, by);
    assert_eq!(merging.await.unwrap(), crate::tracker::Merged::Done);
    let url = links().unsubscribe(delivery);
    let path = url.strip_prefix(HERE).unwrap();
    let one_click = [("List-Unsubscribe", "One-Click")];
    let done = public.post(path, "", &one_click).await;
    assert_eq!(done.status, StatusCode::OK);
    let wishes = public.contact(keep).wishes;
    assert!(!wishes.allow(Channel::Email, "general"));
    assert!(wishes.allow(Channel::Email, "alert"));
}

#[tokio::test(start_paused = true)]
async fn the_picture_tells_of_opening_once_and_always_looks_the_same() {
    let public = public().await;
    let (contact, _) = public.somebody();
    let delivery = public.mail_to(&contact).await;
    let path = links().pixel(delivery);
    let path = path.strip_prefix(HERE).unwrap();
    let status = || {
        public
            .world
            .repo
            .delivery(delivery)
            .unwrap()
            .unwrap()
            .status()
    };
    let asked_by = async |agent: &'static str| {
        let asked = Request::get(path).header(header::HOST, HOST);
        let asked = asked.header(header::USER_AGENT, agent);
        public.send(asked.body(Body::empty()).unwrap()).await
    };
    const PERSON: &str =
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0";
    // Not sent yet: nothing can have been opened.
    asked_by(PERSON).await;
    assert_eq!(status(), Status::Email(EmailStatus::Queued));
    let sent = crate::tracker::Event::Changed {
        status: Status::Email(EmailStatus::Received),
        verdict: None,
        source: crate::domain::Source::Peer,
    };
    public.world.tracker.record(delivery, sent).await.unwrap();
    // Nobody is so quick, and Apple asks for everything that comes.
    let scanned = asked_by(PERSON).await;
    public.world.clock.advance(MINUTE);
    let fetched = asked_by("Mozilla/5.0").await;
    assert_eq!(status(), Status::Email(EmailStatus::Received));
    let opened = asked_by(PERSON).await;
    assert_eq!(status(), Status::Email(EmailStatus::Opened));
    let before = public.everything();
    let again = asked_by(PERSON).await;
    let forged = public.get("/o/forged.gif", "").await;
    assert_eq!(public.everything(), before);
    for answer in [&opened, &again, &forged, &scanned, &fetched] {
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body, opened.body);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "image/gif");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
    }
}
