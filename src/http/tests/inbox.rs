//! The inbox: replies read, assigned, answered, put right; and those who want to know are told.

mod keeping;
pub(super) mod notices;
mod texts;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use super::world::{Answer, Browser, START, World, asking_world, world};
use crate::domain::{
    AuthResult, Authentication, BlobId, Channel, ContactId, ContactKind, Delivery, DeliveryId,
    EmailAddress, Lane, MessageId, MessageKind, MethodKind, MethodState, Origin, Redacted,
    ThreadId, ThreadState, User,
};
use crate::store::{Batch, RowBatch};
use crate::tracker::{Incoming, Merged, Taken};

/// Somebody writes to us.
pub(super) async fn comes_in(world: &World, seed: u8, change: impl FnOnce(&mut Incoming)) -> Taken {
    let mut base = Batch::new();
    let body = base.blob("We are <b>safe</b>.\n\n> Are you?".to_owned().into_bytes());
    let mut incoming = Incoming {
        id: MessageId::from_bytes([seed; 16]),
        kind: MessageKind::Written,
        channel: Channel::Email,
        at: world.now(),
        from: email_of(world, world.contacts[0]),
        contact: Some(world.contacts[0]),
        answers: None,
        subject: format!("Re: Road closed {seed}"),
        preview: "We are <b>safe</b>.".into(),
        body: Some(body),
        original: None,
        files: Vec::new(),
        message_id: format!("{seed}@mail.example"),
        references: Vec::new(),
        authentication: None,
        is_disowned: false,
    };
    change(&mut incoming);
    world.tracker.take_in(&base, &incoming).await.unwrap()
}

pub(super) async fn thread(world: &World, seed: u8) -> ThreadId {
    match comes_in(world, seed, |_| {}).await {
        Taken::In(thread) => thread,
        other => panic!("{other:?}"),
    }
}

/// What was found out about a mail whose author's domain asks to refuse what it did not send.
pub(super) const fn found_out(dmarc: AuthResult) -> Authentication {
    Authentication {
        spf: AuthResult::Fail,
        dkim: AuthResult::None,
        dmarc,
        is_strict: true,
    }
}

fn email_of(world: &World, contact: ContactId) -> String {
    let contact = world.repo.contact(contact).unwrap().unwrap();
    contact.methods[0].destination.lookup_key()
}

/// Follows a link, as browsers do.
async fn opens(browser: &Browser<'_>, path: &str, more: &[(&'static str, &str)]) -> Answer {
    let mut request = Request::get(path)
        .header(header::HOST, "tocsin.example.org")
        .header(header::COOKIE, &browser.cookie)
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-user", "?1");
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    browser
        .world
        .send(request.body(Body::empty()).unwrap())
        .await
}

pub(super) fn is_sound(world: &World) {
    let report = crate::store::check::check(world.repo.store()).unwrap();
    assert!(report.is_sound(), "{:#?}", report.problems);
}

#[tokio::test]
async fn the_inbox_lists_replies_by_what_there_is_to_do() {
    let world = world().await;
    let browser = world.browser("ida").await;
    browser.get("/inbox").await.assert_has(&["Nothing to do"]);
    let id = thread(&world, 1).await;
    let stranger = |incoming: &mut Incoming| {
        incoming.contact = None;
        incoming.from = "zoe@far.example".into();
    };
    comes_in(&world, 2, stranger).await;
    browser.get("/").await.assert_has(&[
        "Unread replies: read them",
        "<span class=\"count\">2<",
        "href=\"/inbox?show=unread\"",
    ]);
    let list = browser.get("/inbox").await;
    list.assert_has(&[
        &format!("/inbox/{id}\">Ada"),
        "We are &#60;b&#62;safe",
        "zoe@far.example",
        "Unknown sender",
        "1 new",
        "Email",
        "Today, ",
    ]);
    browser
        .get("/inbox?show=mine")
        .await
        .assert_has(&["Nothing is yours"]);
    let me = [("me", "1".to_owned())];
    let done = browser.post(&format!("/inbox/{id}/assign"), &me).await;
    assert_eq!(done.location(), format!("/inbox/{id}?done=assigned"));
    browser
        .get("/inbox?show=mine")
        .await
        .assert_has(&["Ada", "Ida Bell", "(1)"]);
    let unassigned = browser.get("/inbox?show=unassigned").await;
    assert!(!unassigned.body.contains(&format!("href=\"/inbox/{id}\"")));
    unassigned.assert_has(&["zoe@far.example"]);
    // With a message that the page did not show, it is not done.
    let early = browser.post(&format!("/inbox/{id}/finish"), &[]).await;
    assert_eq!(early.location(), format!("/inbox/{id}?done=more"));
    let seen = [("seen", "9".to_owned())];
    browser.post(&format!("/inbox/{id}/finish"), &seen).await;
    browser.get("/inbox?show=done").await.assert_has(&["Ada"]);
    assert_eq!(world.repo.unread_threads().unwrap(), 1);
    is_sound(&world);
}

#[tokio::test]
async fn opening_reads_it_and_fetching_ahead_does_not() {
    let world = world().await;
    let id = thread(&world, 1).await;
    let path = format!("/inbox/{id}");
    let browser = world.browser("ida").await;
    let unread = || world.repo.unread_threads().unwrap();
    browser
        .get(&path)
        .await
        .assert_has(&["Mark as read", "New"]);
    opens(&browser, &path, &[("sec-purpose", "prefetch")]).await;
    assert_eq!(unread(), 1);
    let page = opens(&browser, &path, &[]).await;
    page.assert_has(&[
        "Mark as unread",
        "New",
        "We are &#60;b&#62;safe&#60;/b&#62;.",
    ]);
    page.assert_has(&["Quoted below it", "&#62; Are you?"]);
    assert!(!page.body.contains("<b>safe"));
    assert_eq!(unread(), 0);
    let again = [("unread", "1".to_owned())];
    browser.post(&format!("{path}/read"), &again).await;
    assert_eq!(unread(), 1);
    // Somebody else's is not read by looking at it.
    let otto = world.browser("otto").await;
    otto.post(&format!("{path}/assign"), &[("me", "1".to_owned())])
        .await;
    opens(&browser, &path, &[]).await;
    assert_eq!(unread(), 1);
    opens(&otto, &path, &[]).await;
    assert_eq!(unread(), 0);
    is_sound(&world);
}

#[tokio::test]
async fn an_answer_goes_back_by_the_way_it_came() {
    let world = world().await;
    let id = thread(&world, 1).await;
    let path = format!("/inbox/{id}");
    let browser = world.browser("ida").await;
    let page = browser.get(&path).await;
    let contact = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let email = &contact.methods[0];
    let by = format!("email:{}", email.id);
    page.assert_has(&[
        &format!("value=\"{by}\" selected"),
        "value=\"Re: Road closed 1\"",
    ]);
    let form = |text: &str| {
        [
            ("id", page.hidden("id")),
            ("seen", page.hidden("seen")),
            ("by", by.clone()),
            ("subject", "Re: Road closed 1".to_owned()),
            ("text", text.to_owned()),
        ]
    };
    let send = format!("{path}/answer");
    let empty = browser.post(&send, &form("  ")).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    empty.assert_has(&["Write the answer.", "aria-invalid"]);
    // Pressed twice, it goes once.
    for _ in 0..2 {
        let sent = browser.post(&send, &form("Thank you.\r\nWe come.")).await;
        assert_eq!(sent.location(), format!("{path}?done=answered"));
    }
    let [delivery] = world.deliveries(contact.id).try_into().unwrap();
    assert_eq!(
        (delivery.channel, delivery.method),
        (Channel::Email, email.id)
    );
    let communication = world
        .repo
        .communication(delivery.communication)
        .unwrap()
        .unwrap();
    let ida = world.repo.user_by_login("ida").unwrap().unwrap().id;
    assert_eq!(communication.origin, Origin::Reply(ida));
    let message = world
        .repo
        .messages_by_delivery(delivery.id, 9)
        .unwrap()
        .remove(0);
    assert_eq!(message.in_reply_to.reveal(), "1@mail.example");
    browser
        .get(&path)
        .await
        .assert_has(&["Ida Bell", "Thank you.", "Queued"]);
    world.arrive(&delivery).await;
    browser.get(&path).await.assert_has(&["Received"]);
    let thread = world.repo.thread(id).unwrap().unwrap();
    assert_eq!(
        (thread.assigned, thread.unread, thread.messages),
        (Some(ida), 0, 2)
    );
    // What they answer to that comes into the same thread.
    let taken = comes_in(&world, 7, |incoming| {
        incoming.answers = Some(delivery.id);
        incoming.subject = "Something else".into();
    });
    assert_eq!(taken.await, Taken::In(id));
    is_sound(&world);
}

#[tokio::test]
async fn strangers_can_be_answered_and_are_contacts_then() {
    let world = world().await;
    let taken = comes_in(&world, 2, |incoming| {
        incoming.contact = None;
        incoming.channel = Channel::Text;
        incoming.from = "+447700900999".into();
    });
    let Taken::In(id) = taken.await else {
        panic!("not taken")
    };
    let browser = world.browser("otto").await;
    let page = browser.get(&format!("/inbox/{id}")).await;
    page.assert_has(&["Unknown sender", "value=\"text:\" selected"]);
    let form = [
        ("id", page.hidden("id")),
        ("by", "text:".to_owned()),
        ("text", "Who is there?".to_owned()),
    ];
    browser.post(&format!("/inbox/{id}/answer"), &form).await;
    let thread = world.repo.thread(id).unwrap().unwrap();
    let contact = world
        .repo
        .contact(thread.contact.unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(contact.kind, ContactKind::Correspondent);
    assert_eq!(world.deliveries(contact.id).len(), 1);
    is_sound(&world);
}

#[tokio::test]
async fn the_address_is_corrected_and_the_number_removed_beside_the_reply() {
    let world = asking_world().await;
    let browser = world.browser("ida").await;
    let ada = world.contacts[0];
    let taken = comes_in(&world, 3, |incoming| {
        incoming.from = "ada@new.example".into()
    });
    let Taken::In(id) = taken.await else {
        panic!("not taken")
    };
    let contact = world.repo.contact(ada).unwrap().unwrap();
    let of = |kind| {
        contact
            .methods
            .iter()
            .find(|method| method.kind == kind)
            .unwrap()
            .id
    };
    let (email, mobile) = (of(MethodKind::Email), of(MethodKind::Mobile));
    let page = browser.get(&format!("/inbox/{id}")).await;
    page.assert_has(&["came from ada@new.example", "value=\"ada@new.example\""]);
    let correct = format!("/inbox/{id}/methods/{email}/correct");
    let wrong = browser
        .post(&correct, &[("to", "ada at home".to_owned())])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_has(&["value=\"ada at home\"", &format!("#to-{email}")]);
    let right = browser
        .post(&correct, &[("to", "ada@new.example".to_owned())])
        .await;
    assert_eq!(right.location(), format!("/inbox/{id}?done=corrected"));
    // Whoever corrects it here asks for the same proof as whoever does in the editor.
    assert_eq!(
        world.repo.tickets_to("ada@new.example", 9).unwrap().len(),
        1
    );
    let ask = browser
        .get(&format!(
            "/contacts/{ada}/methods/{mobile}/remove?thread={id}"
        ))
        .await;
    ask.assert_has(&[
        "Remove a method",
        "This cannot be undone",
        &format!("href=\"/inbox/{id}\""),
    ]);
    let removed = browser
        .post(
            &format!("/contacts/{ada}/methods/{mobile}/remove"),
            &[("thread", id.to_string())],
        )
        .await;
    assert_eq!(removed.location(), format!("/inbox/{id}?done=removed"));
    let contact = world.repo.contact(ada).unwrap().unwrap();
    assert_eq!(contact.method(mobile).unwrap().state, MethodState::Removed);
    assert_eq!(
        contact.method(email).unwrap().destination.reveal(),
        "ada@new.example"
    );
    let log = browser.get(&format!("/contacts/{ada}/log")).await;
    log.assert_has(&["Corrected: email", "ethod removed", "Read it in the inbox"]);
    is_sound(&world);
}

#[tokio::test]
async fn keys_and_stops_are_shown_as_what_they_are() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let keys = comes_in(&world, 1, |incoming| {
        incoming.kind = MessageKind::Keys;
        incoming.channel = Channel::Call;
        incoming.preview = "3".into();
    });
    let Taken::In(id) = keys.await else {
        panic!("not taken")
    };
    browser
        .get("/inbox")
        .await
        .assert_has(&["Pressed 3", "Call"]);
    browser
        .get(&format!("/inbox/{id}"))
        .await
        .assert_has(&["Pressed 3"]);
    let stop = comes_in(&world, 2, |incoming| {
        incoming.kind = MessageKind::OptOut;
        incoming.channel = Channel::Text;
    });
    assert_eq!(stop.await, Taken::In(id));
    browser
        .get(&format!("/inbox/{id}"))
        .await
        .assert_has(&["Wants no more texts"]);
    assert_eq!(
        world.repo.thread(id).unwrap().unwrap().state,
        ThreadState::Open
    );
    assert!(world.now() >= START);
}

#[tokio::test]
async fn a_mail_is_marked_as_confirmed_not_confirmed_or_forged() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let marks = [
        "Sender confirmed by their domain",
        "Sender not confirmed",
        "Forged: this domain says that it did not send this",
    ];
    for (seed, dmarc, tone, mark) in [
        (1, None, "", ""),
        (2, Some(AuthResult::Pass), "good", marks[0]),
        (3, Some(AuthResult::TempError), "", marks[1]),
        (4, Some(AuthResult::Fail), "bad", marks[2]),
    ] {
        let taken = comes_in(&world, seed, |incoming| {
            incoming.authentication = dmarc.map(found_out);
            incoming.is_disowned = dmarc == Some(AuthResult::Fail);
            incoming.contact = incoming.contact.filter(|_| !incoming.is_disowned);
        });
        let Taken::In(id) = taken.await else {
            panic!("not taken")
        };
        let page = browser.get(&format!("/inbox/{id}")).await;
        for other in marks {
            assert_eq!(page.body.contains(other), other == mark, "{other}");
        }
        let Some(dmarc) = dmarc else {
            assert!(!page.body.contains("dmarc="));
            continue;
        };
        let said = format!("spf=fail dkim=none dmarc={}", dmarc.as_str());
        let (before, _) = page.body.split_once(&said).unwrap();
        let (_, badge) = before.rsplit_once("<span class=\"badge ").unwrap();
        assert!(badge.starts_with(&format!("{tone}\">")), "{badge}");
        assert!(badge.contains(mark), "{badge}");
    }
}

#[tokio::test]
async fn a_thread_follows_its_person_when_contacts_are_merged() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let (gone, kept) = (world.contacts[0], world.contacts[1]);
    let id = thread(&world, 9).await;
    let by = world.repo.user_by_login("ida").unwrap().unwrap().id;
    let merged = world.tracker.merge_contacts(kept, gone, by).await.unwrap();
    assert_eq!(merged, Merged::Done);
    let contact = world.repo.contact(kept).unwrap().unwrap();
    let name = contact.full_name();
    for page in ["/inbox".to_owned(), format!("/inbox/{id}")] {
        browser.get(&page).await.assert_has(&[&name]);
    }
    let page = browser.get(&format!("/inbox/{id}")).await;
    page.assert_has(&[&format!("href=\"/contacts/{kept}")]);
    // And what is put right beside it is put right with that person.
    let method = contact.methods[0].id;
    let to = format!("/inbox/{id}/methods/{method}/correct");
    let fields = [("to", "moved@new.example".to_owned())];
    let corrected = browser.post(&to, &fields).await;
    assert_eq!(corrected.location(), format!("/inbox/{id}?done=corrected"));
    let now = world.repo.contact(kept).unwrap().unwrap();
    let now = now.method(method).unwrap().destination.reveal().to_owned();
    assert_eq!(now, "moved@new.example");
}
