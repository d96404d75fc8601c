//! Files that came with replies, and whose a conversation is that nobody knows.

use axum::http::StatusCode;

use super::inbox::{comes_in, is_sound, thread};
use super::world::{Browser, World, world};
use crate::domain::{
    Channel, ContactId, LogEvent, MessageFile, MessageId, MessageKind, MethodState, ProofKind,
    Redacted, Role, ThreadId,
};
use crate::store::Batch;
use crate::tracker::{Incoming, Taken};

pub(super) const STRANGER: &str = "zoe@far.example";

fn file(name: &str) -> MessageFile {
    MessageFile {
        name: Redacted::new(name.to_owned()),
        size_bytes: 2_100,
        scan: None,
    }
}

/// A mail with files; in this world a file is a line of the mail.
pub(super) async fn mail_with_files(world: &World, seed: u8) -> ThreadId {
    let mut base = Batch::new();
    let original = base.blob(b"first\n<script>alert(1)</script>\nthird".to_vec());
    world.repo.store().commit(base).await.unwrap();
    let taken = comes_in(world, seed, |incoming| {
        incoming.original = Some(original);
        incoming.files = vec![
            file("../../plan.pdf"),
            file("page.html"),
            file("gpj.\u{202e}exe"),
            file(""),
        ];
    });
    match taken.await {
        Taken::In(thread) => thread,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn from_stranger(
    world: &World,
    seed: u8,
    change: impl FnOnce(&mut Incoming),
) -> ThreadId {
    let taken = comes_in(world, seed, |incoming| {
        incoming.contact = None;
        incoming.from = STRANGER.into();
        change(incoming);
    });
    match taken.await {
        Taken::In(thread) => thread,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn files_of_replies_are_fetched_and_never_shown() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let id = mail_with_files(&world, 1).await;
    let message = MessageId::from_bytes([1; 16]);
    let at = |index: usize| format!("/inbox/{id}/messages/{message}/files/{index}");
    let page = browser.get(&format!("/inbox/{id}")).await;
    page.assert_has(&[
        &format!("<a href=\"{}\" download>plan.pdf</a>", at(0)),
        ">gpj.exe</a>",
        "3 kB",
        "Can run programs",
    ]);
    assert_eq!(page.body.matches("Can run programs").count(), 1);

    let script = browser.fetch(&at(1)).await;
    assert_eq!(script.status, StatusCode::OK);
    assert_eq!(script.bytes, b"<script>alert(1)</script>");
    let said = |name: &str| script.headers[name].to_str().unwrap().to_owned();
    assert_eq!(said("content-type"), "application/octet-stream");
    assert_eq!(
        said("content-disposition"),
        "attachment; filename*=UTF-8''page.html"
    );
    assert_eq!(said("x-content-type-options"), "nosniff");
    assert!(said("content-security-policy").starts_with("sandbox"));
    let first = browser.fetch(&at(0)).await;
    let name = first.headers["content-disposition"].to_str().unwrap();
    assert_eq!(name, "attachment; filename*=UTF-8''plan.pdf");
    let nameless = browser.fetch(&at(3)).await;
    // The mail has no fourth line: named, and not there.
    assert_eq!(nameless.status, StatusCode::NOT_FOUND);
    for path in [
        at(4),
        at(999_999),
        format!(
            "/inbox/{id}/messages/{}/files/0",
            MessageId::from_bytes([9; 16])
        ),
        format!(
            "/inbox/{}/messages/{message}/files/0",
            ThreadId::from_bytes([9; 16])
        ),
    ] {
        assert_eq!(
            browser.fetch(&path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let stranger = world.get(&at(0)).await;
    let login = stranger.location();
    assert!(
        login.starts_with("/login"),
        "only for those who are logged in"
    );
}

async fn attach(
    browser: &Browser<'_>,
    thread: ThreadId,
    to: ContactId,
    add: bool,
) -> super::world::Answer {
    let mut fields = vec![("contact", to.to_string())];
    if add {
        fields.push(("add", "1".to_owned()));
    }
    browser
        .post(&format!("/inbox/{thread}/attach"), &fields)
        .await
}

#[tokio::test]
async fn an_unknown_sender_is_found_among_the_contacts_and_attached() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let ada = world.contacts[0];
    let one = from_stranger(&world, 1, |_| {}).await;
    let other = from_stranger(&world, 2, |incoming| {
        incoming.subject = "Something else".into()
    })
    .await;
    let page = browser.get(&format!("/inbox/{one}")).await;
    page.assert_has(&["Whose is it?", &format!("/contacts/new?thread={one}")]);
    assert!(!page.body.contains("name=\"contact\""), "{}", page.body);
    let name = world
        .repo
        .contact(ada)
        .unwrap()
        .unwrap()
        .first_name
        .reveal()
        .clone();
    let found = browser.get(&format!("/inbox/{one}?find={name}")).await;
    found.assert_has(&[
        &format!("name=\"contact\" value=\"{ada}\""),
        "Add zoe@far.example to this contact",
    ]);
    browser
        .get(&format!("/inbox/{one}?find=nobodyatall"))
        .await
        .assert_has(&["Nobody is found"]);

    let nobody = browser
        .post(&format!("/inbox/{one}/attach"), &[("find", name)])
        .await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
    nobody.assert_has(&["Choose a contact.", &format!("value=\"{ada}\"")]);
    let gone = attach(&browser, one, ContactId::from_bytes([9; 16]), true).await;
    assert_eq!(gone.status, StatusCode::UNPROCESSABLE_ENTITY);
    gone.assert_has(&["not there any more"]);

    let done = attach(&browser, one, ada, true).await;
    assert_eq!(done.location(), format!("/inbox/{one}?done=attached"));
    for thread in [one, other] {
        assert_eq!(
            world.repo.thread(thread).unwrap().unwrap().contact,
            Some(ada)
        );
    }
    let contact = world.repo.contact(ada).unwrap().unwrap();
    let method = contact
        .methods
        .iter()
        .find(|method| method.destination.reveal() == STRANGER);
    assert_eq!(method.unwrap().state, MethodState::Unverified);
    let log = world.repo.log(ada, None, 50).unwrap().rows;
    let replies = log
        .iter()
        .filter(|line| matches!(line.event, LogEvent::Replied { .. }));
    assert_eq!(replies.count(), 2, "what they wrote stands on their log");
    is_sound(&world);
    // Pressed twice, and by somebody else for another contact.
    let again = attach(&browser, one, ada, true).await;
    assert_eq!(again.location(), format!("/inbox/{one}?done=attached"));
    let late = attach(&browser, one, world.contacts[1], true).await;
    assert_eq!(
        late.location(),
        format!("/inbox/{one}?done=attached-before")
    );
    assert_eq!(
        world.repo.contact(ada).unwrap().unwrap().methods.len(),
        contact.methods.len()
    );
    let page = browser
        .get(&format!("/inbox/{one}?done=attached-before"))
        .await;
    page.assert_has(&["Somebody else has given this conversation"]);
}

#[tokio::test]
async fn an_address_that_is_there_in_capitals_is_not_added_again() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let ada = world.contacts[0];
    let capitals = crate::domain::EmailAddress::parse("Zoe@Far.example").unwrap();
    let write = |contact: &mut crate::domain::Contact| {
        let email = Redacted::new(capitals.clone());
        contact.methods[0].destination = crate::domain::Destination::Email(email);
        Some(Vec::new())
    };
    world.tracker.change_contact(ada, write).await.unwrap();
    let before = world.repo.contact(ada).unwrap().unwrap().methods.len();
    let one = from_stranger(&world, 1, |incoming| incoming.contact = None).await;
    let done = attach(&browser, one, ada, true).await;
    assert_eq!(done.location(), format!("/inbox/{one}?done=attached"));
    let after = world.repo.contact(ada).unwrap().unwrap().methods.len();
    assert_eq!(after, before);
}

#[tokio::test]
async fn what_an_unknown_sender_writes_while_they_become_somebody_is_theirs() {
    let world = world().await;
    let ada = world.contacts[0];
    let one = from_stranger(&world, 1, |_| {}).await;
    let address = crate::domain::EmailAddress::parse(STRANGER).unwrap();
    let address = crate::domain::Destination::Email(Redacted::new(address));
    let method = Some((crate::domain::MethodKind::Email, address));
    let by = crate::domain::Actor::Gateway;
    let attaching = world.tracker.attach_thread(one, ada, method, by);
    attaching.await.unwrap();
    // It was looked up before that whose it is.
    let next = from_stranger(&world, 2, |incoming| {
        incoming.subject = "Something else".into()
    });
    let thread = world.repo.thread(next.await).unwrap().unwrap();
    assert_eq!(thread.contact, Some(ada));
    let log = world.repo.log(ada, None, 50).unwrap().rows;
    let replies = log
        .iter()
        .filter(|line| matches!(line.event, LogEvent::Replied { .. }));
    assert_eq!(replies.count(), 2);
    is_sound(&world);
}

#[tokio::test]
async fn nobody_is_attached_while_something_comes_in_from_there() {
    let world = world().await;
    let one = from_stranger(&world, 1, |_| {}).await;
    let coming_in = world.tracker.settle_sender(STRANGER).await;
    let by = crate::domain::Actor::Gateway;
    let attaching = world
        .tracker
        .attach_thread(one, world.contacts[0], None, by);
    tokio::pin!(attaching);
    let waits = std::time::Duration::from_millis(50);
    assert!(tokio::time::timeout(waits, &mut attaching).await.is_err());
    drop(coming_in);
    attaching.await.unwrap();
}

#[tokio::test]
async fn removed_methods_make_room_for_the_address_of_a_thread() {
    use crate::domain::contact::METHODS_MAX;
    let world = world().await;
    let browser = world.browser("ida").await;
    let ada = world.contacts[0];
    let fill = |contact: &mut crate::domain::Contact| {
        let mut removed = contact.methods[0].clone();
        removed.state = MethodState::Removed;
        contact.methods.truncate(1);
        for seed in 1..METHODS_MAX {
            removed.id = crate::domain::MethodId::from_bytes([u8::try_from(seed).unwrap(); 16]);
            contact.methods.push(removed.clone());
        }
        Some(Vec::new())
    };
    world.tracker.change_contact(ada, fill).await.unwrap();
    let one = from_stranger(&world, 1, |_| {}).await;
    let done = attach(&browser, one, ada, true).await;
    assert_eq!(done.location(), format!("/inbox/{one}?done=attached"));
    let contact = world.repo.contact(ada).unwrap().unwrap();
    let mut methods = contact.methods.iter();
    assert!(methods.any(|method| method.destination.reveal() == STRANGER));
    assert_eq!(contact.methods.len(), METHODS_MAX);
    is_sound(&world);
}

#[tokio::test]
async fn attaching_alone_adds_nothing_and_whoever_said_stop_has_said_it() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let (ada, ben) = (world.contacts[0], world.contacts[1]);
    let before = world.repo.contact(ada).unwrap().unwrap().methods.len();
    let one = from_stranger(&world, 1, |_| {}).await;
    attach(&browser, one, ada, false).await;
    assert_eq!(
        world.repo.contact(ada).unwrap().unwrap().methods.len(),
        before
    );
    assert_eq!(world.repo.thread(one).unwrap().unwrap().contact, Some(ada));
    let number = "+447700900999";
    let stop = from_stranger(&world, 2, |incoming| {
        incoming.channel = Channel::Text;
        incoming.from = number.into();
        incoming.kind = MessageKind::OptOut;
        incoming.message_id = String::new();
    });
    attach(&browser, stop.await, ben, true).await;
    let contact = world.repo.contact(ben).unwrap().unwrap();
    let method = contact
        .methods
        .iter()
        .find(|method| method.destination.reveal() == number);
    // Texts are refused, by that text; calls are not.
    assert_eq!(method.unwrap().state, MethodState::Unverified);
    assert!(!contact.wishes.allow(Channel::Text, "alert"));
    assert!(contact.wishes.allow(Channel::Call, "alert"));
    let consent = contact.wishes.consents.last().unwrap();
    assert_eq!(consent.proof, ProofKind::Keyword);
    let start = from_stranger(&world, 4, |incoming| {
        incoming.contact = Some(ben);
        incoming.channel = Channel::Text;
        incoming.from = number.into();
        incoming.kind = MessageKind::OptIn;
        incoming.body = None;
        incoming.message_id = String::new();
    });
    start.await;
    let now = world.repo.contact(ben).unwrap().unwrap();
    assert!(now.wishes.allow(Channel::Text, "alert"));
    // A short code can be attached, and is no number to add.
    let code = from_stranger(&world, 3, |incoming| {
        incoming.channel = Channel::Text;
        incoming.from = "82000".into();
        incoming.message_id = String::new();
    })
    .await;
    let name = contact.first_name.reveal();
    let page = browser.get(&format!("/inbox/{code}?find={name}")).await;
    assert!(!page.body.contains("name=\"add\""), "{}", page.body);
    is_sound(&world);
}

/// The form that makes a contact of who wrote a thread, with this address.
fn zoe(thread: ThreadId, address: &str) -> [(&'static str, String); 8] {
    [
        ("thread", thread.to_string()),
        ("first_name", "Zoe".to_owned()),
        ("last_name", "Far".to_owned()),
        ("kind", "citizen".to_owned()),
        ("language", "en".to_owned()),
        ("method_id", String::new()),
        ("method_kind", "email".to_owned()),
        ("method_to", address.to_owned()),
    ]
}

#[tokio::test]
async fn an_unknown_sender_becomes_a_contact() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let id = from_stranger(&world, 1, |_| {}).await;
    let form = browser.get(&format!("/contacts/new?thread={id}")).await;
    form.assert_has(&[
        &format!("name=\"thread\" value=\"{id}\""),
        &format!("value=\"{STRANGER}\""),
    ]);
    let fields = zoe(id, STRANGER);
    // What is wrong keeps what was typed, the thread too.
    let mut wrong = fields.clone();
    wrong[4].1 = "english".to_owned();
    let refused = browser.post("/contacts", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&[&format!("name=\"thread\" value=\"{id}\"")]);
    let made = browser.post("/contacts", &fields).await;
    assert_eq!(made.location(), format!("/inbox/{id}?done=attached"));
    let thread = world.repo.thread(id).unwrap().unwrap();
    let contact = world
        .repo
        .contact(thread.contact.unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(contact.full_name(), "Zoe Far");
    assert_eq!(contact.methods.len(), 1);
    is_sound(&world);
}

#[tokio::test]
async fn an_address_that_was_taken_out_of_the_form_stays_out() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let id = from_stranger(&world, 1, |_| {}).await;
    let fields = zoe(id, "zoe.far@far.example");
    let made = browser.post("/contacts", &fields).await;
    assert_eq!(made.location(), format!("/inbox/{id}?done=attached"));
    let thread = world.repo.thread(id).unwrap().unwrap();
    let contact = world.repo.contact(thread.contact.unwrap());
    let contact = contact.unwrap().unwrap();
    let to: Vec<&str> = contact
        .methods
        .iter()
        .map(|method| method.destination.reveal())
        .collect();
    assert_eq!(to, ["zoe.far@far.example"]);
    is_sound(&world);
}

#[tokio::test]
async fn the_overview_names_unread_replies_and_what_waits_for_approval() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let empty = browser.get("/").await;
    empty.assert_has(&["Nothing waits for you."]);
    let known = thread(&world, 1).await;
    let unknown = from_stranger(&world, 2, |_| {}).await;
    let otto = world.repo.user_by_login("otto").unwrap().unwrap().id;
    let ottos = thread(&world, 3).await;
    world
        .tracker
        .assign_thread(ottos, Some(otto))
        .await
        .unwrap();
    let page = browser.get("/").await;
    page.assert_has(&[
        &format!("href=\"/inbox/{known}\""),
        &format!("href=\"/inbox/{unknown}\""),
        "Unread reply",
        &format!("{STRANGER}: Re: Road closed 2"),
    ]);
    assert!(
        !page.body.contains(&format!("/inbox/{ottos}\"")),
        "{}",
        page.body
    );
    let otto = world.browser("otto").await;
    let his = otto.get("/").await;
    his.assert_has(&[&format!("href=\"/inbox/{ottos}\"")]);
    // What waits for approval stands first, and only where it can be given: not for who asked,
    // nor for who wrote it.
    let draft = [
        ("category", "general".to_owned()),
        ("by_email", "1".to_owned()),
        ("subject", "Bridge closed".to_owned()),
        ("text", "The bridge is closed.".to_owned()),
        ("area", world.areas[0].to_string()),
        ("do", "review".to_owned()),
    ];
    let written = browser.post("/communications", &draft).await;
    let review = written.location().to_owned();
    let ask = review.replace("/review", "/ask");
    let listed = format!("href=\"{}\"", review.replace("/review", ""));
    world.give_role("otto", Role::Approver).await;
    otto.post(&ask, &[]).await;
    for who in [&browser, &otto] {
        let page = who.get("/").await;
        assert!(!page.body.contains(&listed), "{}", page.body);
    }
    browser
        .post(&review.replace("/review", "/withdraw"), &[])
        .await;
    browser.post(&ask, &[]).await;
    let own = browser.get("/").await;
    assert!(!own.body.contains(&listed), "{}", own.body);
    let waits = otto.get("/").await;
    let (first, second) = (waits.body.find(&listed), waits.body.find("Unread reply"));
    assert!(first.unwrap() < second.unwrap(), "{}", waits.body);
    for seed in 10..20 {
        from_stranger(&world, seed, |incoming| {
            incoming.from = format!("{seed}@far.example")
        })
        .await;
    }
    let many = browser.get("/").await;
    assert_eq!(
        many.body.matches("Unread reply<").count(),
        4,
        "{}",
        many.body
    );
    many.assert_has(&["href=\"/inbox?show=unread\""]);
}

#[tokio::test]
async fn a_thread_says_why_it_is_nobodys() {
    const UNKNOWN: &str = "belongs to none of the contacts";
    const UNCERTAIN: &str = "It is not confirmed who wrote this";
    const LATER: &str = "When this came, none of the contacts had";
    let world = world().await;
    let browser = world.browser("ida").await;
    let says = async |thread: ThreadId, expected: &str| {
        let page = browser.get(&format!("/inbox/{thread}")).await;
        for text in [UNKNOWN, UNCERTAIN, LATER] {
            assert_eq!(page.body.contains(text), text == expected, "{text}");
        }
    };
    let honest = from_stranger(&world, 1, |_| {}).await;
    let forged = from_stranger(&world, 2, |incoming| incoming.is_disowned = true).await;
    says(honest, UNKNOWN).await;
    says(forged, UNCERTAIN).await;
    // In the name of somebody known it says so, too.
    let known = comes_in(&world, 3, |incoming| {
        incoming.contact = None;
        incoming.is_disowned = true;
    });
    let Taken::In(known) = known.await else {
        panic!("not taken")
    };
    says(known, UNCERTAIN).await;
    let address = crate::domain::EmailAddress::parse(STRANGER).unwrap();
    let write = |contact: &mut crate::domain::Contact| {
        let email = Redacted::new(address.clone());
        contact.methods[0].destination = crate::domain::Destination::Email(email);
        Some(Vec::new())
    };
    let changed = world.tracker.change_contact(world.contacts[1], write).await;
    changed.unwrap();
    says(honest, LATER).await;
    says(forged, UNCERTAIN).await;
}
