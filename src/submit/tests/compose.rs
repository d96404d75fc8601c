//! Audiences, schedules, approval, files, campaigns, and what follows.

mod sending;

use std::time::Duration;

use super::*;
use crate::domain::{
    Actor, CommunicationId, CommunicationState, Consent, ContactFilter, EscalationStep, FilterId,
    Group, GroupId, ProofKind, QuietHours, Recipient, Relation, Role, SavedFilter, User,
};
use crate::store::{Batch, CommunicationList, Order, RowBatch};

const OTHER: UserId = UserId::from_bytes([2; 16]);
const HOUR: Duration = Duration::from_secs(3600);

fn mobile(world: &World, number: &str) -> Method {
    world.method(MethodKind::Mobile, phone(number), MethodState::Active)
}

async fn person(world: &World, name: &str, number: u32) -> ContactId {
    let method = mobile(world, &format!("+44770090{number:04}"));
    world.contact(name, vec![method]).await
}

async fn write<T: crate::store::Row>(world: &World, row: &T) {
    let mut batch = Batch::new();
    batch.insert(row);
    world.repo.store().commit(batch).await.unwrap();
}

async fn group(world: &World, people: &[ContactId]) -> GroupId {
    let id = GroupId::new(world.random.uuid_v7(world.clock.wall()));
    let made = Group {
        id,
        name: "Wardens".into(),
        created_at: world.clock.wall(),
    };
    write(world, &made).await;
    for person in people {
        world
            .tracker
            .change_contact(*person, |contact| {
                contact.groups.push(id);
                Some(Vec::new())
            })
            .await
            .unwrap();
    }
    id
}

async fn addressed(world: &World, draft: &DraftInput) -> Vec<ContactId> {
    let id = world.submitter.save_draft(None, draft, BY).await.unwrap();
    let sent = world.submitter.send(id).await.unwrap();
    assert!(matches!(sent, Sent::Now { .. }), "{sent:?}");
    let chunk = world.repo.audience_chunk(id, 0).unwrap().unwrap();
    chunk.contacts.clone()
}

fn state(world: &World, id: CommunicationId) -> CommunicationState {
    world.repo.communication(id).unwrap().unwrap().state
}

#[tokio::test]
async fn leaving_out_wins_and_everybody_is_there_once() {
    let world = World::new().await;
    let ada = person(&world, "Ada", 1).await;
    let ben = person(&world, "Ben", 2).await;
    let eve = person(&world, "Eve", 3).await;
    let wardens = group(&world, &[ada, ben]).await;
    let mut draft = world.draft();
    draft.audience = Audience {
        areas: vec![world.area],
        groups: vec![wardens],
        contacts: vec![ada, eve],
        except_contacts: vec![eve],
        ..Audience::default()
    };
    assert_eq!(addressed(&world, &draft).await, [ada, ben]);
    draft.audience.except_groups = vec![wardens];
    let id = world.submitter.save_draft(None, &draft, BY).await.unwrap();
    let review = world.submitter.review(id).await.unwrap();
    assert_eq!((review.people, review.left_out), (0, 3));
    assert_eq!(review.problems[0].field, "audience");
    let refused = world.submitter.send(id).await;
    assert!(matches!(refused, Err(SubmitError::Invalid(_))));
    world.is_sound();
}

#[tokio::test]
async fn a_filter_finds_whom_it_finds_when_it_is_sent() {
    let world = World::new().await;
    let ada = person(&world, "Ada", 1).await;
    person(&world, "Ben", 2).await;
    let filter = SavedFilter {
        id: FilterId::new(world.random.uuid_v7(world.clock.wall())),
        name: "Ad…".into(),
        filter: ContactFilter {
            text: "ad".into(),
            areas: vec![world.area],
            ..ContactFilter::default()
        },
        by: BY,
        created_at: world.clock.wall(),
    };
    write(&world, &filter).await;
    let mut draft = world.draft();
    draft.audience = Audience {
        filters: vec![filter.id],
        ..Audience::default()
    };
    let id = world.submitter.save_draft(None, &draft, BY).await.unwrap();
    let adam = person(&world, "Adam", 3).await;
    world.submitter.send(id).await.unwrap();
    let chunk = world.repo.audience_chunk(id, 0).unwrap().unwrap();
    assert_eq!(chunk.contacts, [ada, adam]);
}

#[tokio::test]
async fn a_recipient_list_is_taken_over_as_it_is() {
    let world = World::new().await;
    let (ada, ben) = (
        person(&world, "Ada", 1).await,
        person(&world, "Ben", 2).await,
    );
    let entry = |contact| Recipient {
        user: BY,
        contact,
        at: world.clock.wall(),
    };
    assert_eq!(world.submitter.take_list(BY).await.unwrap(), None);
    write(&world, &entry(ada)).await;
    let (list, people) = world.submitter.take_list(BY).await.unwrap().unwrap();
    write(&world, &entry(ben)).await;
    let mut draft = world.draft();
    draft.audience = Audience {
        list: Some(list),
        list_people: people,
        ..Audience::default()
    };
    assert_eq!(addressed(&world, &draft).await, [ada], "as it was then");
    world.is_sound();
}

type Spoil = fn(&mut DraftInput);

#[tokio::test]
async fn what_is_wrong_with_a_plan_names_its_field() {
    let world = World::new().await;
    let step = |channel, minutes: u64| EscalationStep {
        channel,
        after: Duration::from_secs(minutes * 60),
    };
    let mut good = world.draft();
    good.plan.escalation = vec![
        step(Channel::Email, 0),
        step(Channel::Text, 10),
        step(Channel::Call, 20),
    ];
    good.plan.scheduled_at = Some(world.clock.wall().plus(HOUR));
    assert_eq!(world.submitter.problems(&good), []);
    let cases: [(&str, Spoil); 9] = [
        ("scheduled_at", |d| {
            d.plan.scheduled_at = Some(Timestamp::from_millis(1_800_000_000_000));
        }),
        ("scheduled_at", |d| {
            d.plan.scheduled_at = Some(Timestamp::from_millis(u64::MAX));
        }),
        ("escalation", |d| d.plan.escalation.swap(1, 2)),
        ("escalation", |d| d.plan.escalation[0].after = HOUR / 60),
        ("escalation", |d| d.plan.escalation[2].after = HOUR * 24 * 8),
        ("escalation", |d| d.channels.call = false),
        ("escalation", |d| {
            d.plan.escalation.pop();
        }),
        ("sms_text", |d| d.content.sms_text = "ê".repeat(671)),
        ("escalation", |d| {
            let last = d.plan.escalation[2];
            d.plan.escalation.push(last);
        }),
    ];
    for (index, (field, spoil)) in cases.into_iter().enumerate() {
        let mut draft = good.clone();
        spoil(&mut draft);
        let problems = world.submitter.problems(&draft);
        let fields: Vec<_> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, [field], "case {index}");
    }
}

#[tokio::test]
async fn a_draft_that_was_changed_elsewhere_is_not_written_over() {
    let world = World::new().await;
    let submitter = &world.submitter;
    let mut draft = world.draft();
    let first = submitter.keep_draft(None, None, &draft, BY).await.unwrap();
    draft.content.text = "Mine.".into();
    let mine = submitter
        .keep_draft(Some(first.id), Some(first.revision), &draft, BY)
        .await
        .unwrap();
    assert!(mine.revision > first.revision);
    draft.content.text = "Theirs.".into();
    let theirs = submitter
        .keep_draft(Some(first.id), Some(first.revision), &draft, OTHER)
        .await;
    assert!(matches!(theirs, Err(SubmitError::Changed)));
    assert_eq!(submitter.draft(first.id).unwrap().content.text, "Mine.");
    submitter.delete_draft(first.id).await.unwrap();
    let gone = submitter.delete_draft(first.id).await;
    assert!(matches!(gone, Err(SubmitError::NotFound)));
    world.is_sound();
}

fn file(name: &str, size: usize) -> NewFile {
    NewFile {
        name: name.into(),
        media_type: "application/pdf".into(),
        bytes: vec![7; size].into(),
    }
}

#[tokio::test]
async fn files_are_kept_with_the_draft_and_within_limits() {
    let world = World::new().await;
    let submitter = &world.submitter;
    let id = submitter
        .save_draft(None, &world.draft(), BY)
        .await
        .unwrap();
    submitter
        .attach(id, vec![file("a.pdf", 10), file("b.pdf", 20)])
        .await
        .unwrap();
    submitter.attach(id, vec![file("a.pdf", 30)]).await.unwrap();
    // Saving the text leaves the files alone.
    submitter
        .save_draft(Some(id), &world.draft(), BY)
        .await
        .unwrap();
    let files = submitter.draft(id).unwrap().content.attachments;
    let sizes: Vec<_> = files.iter().map(|file| file.size_bytes).collect();
    assert_eq!(sizes, [30, 20], "one takes the place of its namesake");
    for wrong in [
        file("run.exe", 1),
        file("empty.pdf", 0),
        file("huge.pdf", 15 * 1024 * 1024),
    ] {
        let refused = submitter.attach(id, vec![wrong]).await;
        let Err(SubmitError::Invalid(problems)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(problems[0].field, "attachments");
    }
    let many = (0..20).map(|n| file(&format!("{n}.pdf"), 1)).collect();
    assert!(submitter.attach(id, many).await.is_err());
    let first = submitter.draft(id).unwrap().content.attachments.remove(0);
    submitter.detach(id, &first.name, first.blob).await.unwrap();
    assert_eq!(submitter.draft(id).unwrap().content.attachments.len(), 1);
    world.is_sound();
}

#[tokio::test]
async fn a_review_counts_consent_quiet_hours_and_what_is_not_proved() {
    let world = World::new().await;
    let ada = person(&world, "Ada", 1).await;
    let ben = person(&world, "Ben", 2).await;
    let new = world.method(
        MethodKind::Mobile,
        phone("+447700900003"),
        MethodState::Unverified,
    );
    world.contact("Cem", vec![new]).await;
    let no = |channel| Consent {
        channel,
        category: None,
        given: false,
        at: Timestamp::from_millis(1),
        proof: ProofKind::SelfService,
        note: Redacted::new(String::new()),
    };
    let minute = world.clock.wall().as_secs() / 60 % 1440;
    let minute = u16::try_from(minute).unwrap();
    let wish = |contact: &mut Contact, channel, quiet| {
        contact.wishes.decide(no(channel));
        contact.wishes.quiet_hours = quiet;
    };
    let change = |who, channel, quiet: Option<QuietHours>| {
        let wish = &wish;
        world.tracker.change_contact(who, move |contact| {
            wish(contact, channel, quiet);
            Some(Vec::new())
        })
    };
    let now = QuietHours::new(minute, (minute + 60) % 1440);
    change(ada, Some(Channel::Call), now).await.unwrap();
    change(ben, None, None).await.unwrap();
    let id = world
        .submitter
        .save_draft(None, &world.draft(), BY)
        .await
        .unwrap();
    let review = world.submitter.review(id).await.unwrap();
    assert_eq!((review.said_no, review.quiet, review.unverified), (1, 1, 1));
    assert_eq!(review.cannot_reach.len(), 1);
    assert_eq!(review.cannot_reach[0].some[0].1, "Ben");
    assert!(review.cannot_reach[0].why.contains("said no"));
    let calls = review
        .channels
        .iter()
        .find(|one| one.channel == Channel::Call);
    assert_eq!(calls.unwrap().people, 1, "only Cem");
}

#[tokio::test]
async fn a_text_that_has_to_be_confirmed_is_counted_with_its_link() {
    let mut world = World::new().await;
    let mobile = |text: &str| {
        let number = Redacted::new(PhoneNumber::from_e164(text).unwrap());
        world.method(
            MethodKind::Mobile,
            Destination::Phone(number),
            MethodState::Active,
        )
    };
    let methods = [mobile("+447700900001"), mobile("+447700900002")];
    for (name, method) in ["Ada", "Bob"].into_iter().zip(methods) {
        world.contact(name, vec![method]).await;
    }
    let mut draft = world.draft();
    draft.channels = Channels::only(Channel::Text);
    let segments = async |world: &World, draft: &DraftInput| {
        let id = world.submitter.save_draft(None, draft, BY).await.unwrap();
        world.submitter.review(id).await.unwrap().channels[0].segments
    };
    // One segment alone, two with "Reply YES to confirm.".
    draft.content.sms_text = "a".repeat(150);
    assert_eq!(segments(&world, &draft).await, 4);
    draft.content.sms_text = "a".repeat(120);
    assert_eq!(segments(&world, &draft).await, 2);
    world.submitter = world.submitter.clone().with_public_pages(PublicPages {
        links: crate::domain::PublicLinks::new("https://me.example.org", &[7; 32]),
        organisation: "Eastmere".into(),
    });
    assert_eq!(segments(&world, &draft).await, 4);
    let sent = world.submitter.as_sent("alert", &draft.content);
    assert!(
        sent.sms_text
            .contains("\nConfirm: https://me.example.org/c/"),
        "{}",
        sent.sms_text
    );
    // What nobody has to confirm is as it was written.
    assert_eq!(
        world.submitter.as_sent("news", &draft.content),
        draft.content
    );
    // Ten segments are the most; the line counts.
    draft.content.sms_text = "a".repeat(1530);
    let problems = world.submitter.problems(&draft);
    assert!(
        problems.iter().any(|one| one.field == "sms_text"),
        "{problems:?}"
    );
    draft.content.sms_text = "a".repeat(1450);
    assert_eq!(world.submitter.problems(&draft), []);
}

#[tokio::test]
async fn pictures_that_the_html_names_must_go_with_it() {
    use crate::domain::communication::ATTACHMENTS_SIZE_MAX_BYTES;
    use crate::domain::{Attachment, BlobId};
    let world = World::new().await;
    let mut draft = world.draft();
    draft.content.html = "<img src=\"cid:map.png\">".into();
    let fields = |draft: &DraftInput| -> Vec<&'static str> {
        let problems = world.submitter.problems(draft);
        problems.iter().map(|one| one.field).collect()
    };
    let file = |media_type: &str, size_bytes| Attachment {
        name: "map.png".into(),
        media_type: media_type.into(),
        size_bytes,
        blob: BlobId::from_bytes([1; 32]),
    };
    assert_eq!(fields(&draft), ["html"]);
    draft.content.attachments = vec![file("application/pdf", 9)];
    assert_eq!(fields(&draft), ["html"]);
    draft.content.attachments = vec![file("image/png", 9)];
    assert_eq!(fields(&draft), [""; 0]);
    draft.content.attachments = vec![file("image/png", ATTACHMENTS_SIZE_MAX_BYTES + 1)];
    assert_eq!(fields(&draft), ["attachments"], "pictures count as files");
}
