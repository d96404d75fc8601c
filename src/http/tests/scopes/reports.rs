//! What an application was told of a mail is for those who see whom the mail went to.

use axum::http::{Method, StatusCode};

use super::super::super::access::Reach;
use super::super::api::program;
use super::super::issues::cover;
use super::super::world::{World, world};
use super::access;
use crate::domain::{
    AreaId, Communication, Contact, ContactId, Content, Destination, EmailAddress, MethodId,
    MethodKind, MethodState, Redacted, ReportRequest, ReportsWanted, UserId,
};
use crate::store::{Batch, RowBatch};
use crate::submit::{MailRecipient, SubmittedMail};

fn address(text: &str) -> Redacted<EmailAddress> {
    Redacted::new(EmailAddress::parse(text).unwrap())
}

async fn somebody(world: &World, number: u8, at: &str, area: AreaId) -> Contact {
    let known = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let method = crate::domain::Method {
        state: MethodState::Active,
        ..crate::domain::Method::new(
            MethodId::from_bytes([number; 16]),
            MethodKind::Email,
            Destination::Email(address(at)),
        )
    };
    let contact = Contact {
        id: ContactId::from_bytes([number; 16]),
        area: Some(area),
        methods: vec![method],
        issue_since: None,
        ..known.value
    };
    let added = world.tracker.add_contacts(std::slice::from_ref(&contact));
    added.await.unwrap();
    contact
}

/// What is told of a mail to somebody that has come back.
async fn report(world: &World, to: &Contact, asker: &str) -> Communication {
    let Destination::Email(recipient) = to.methods[0].destination.clone() else {
        panic!("an address");
    };
    let request = ReportRequest {
        to: address(asker),
        on: ReportsWanted {
            failure: true,
            ..ReportsWanted::default()
        },
        whole: true,
        envelope_id: String::new(),
        original_recipient: Redacted::default(),
        told: Vec::new(),
    };
    let mail = SubmittedMail {
        user: UserId::from_bytes([1; 16]),
        message: bytes::Bytes::from_static(b"Subject: bill\r\n\r\nYour bill.\r\n"),
        content: Content {
            subject: "bill".into(),
            ..Content::default()
        },
        recipients: vec![MailRecipient::Email(recipient)],
        reports: vec![Some(request)],
    };
    world.submit.submit_mail(&mail).await.unwrap();
    let sent = world.deliveries(to.id)[0].clone();
    world.bounce(&sent).await;
    let told = world.deliveries(to.id)[0].report.clone().unwrap().told;
    let report = world.repo.communication(told[0]).unwrap().unwrap().value;
    assert_eq!(report.about, Some(sent.id));
    report
}

/// What otto and ida see of a report that went to this contact.
async fn is_seen(world: &World, report: &Communication, asker: ContactId, by_otto: bool) {
    let all = world.deliveries(asker);
    let delivery = all.iter().find(|one| one.communication == report.id);
    let delivery = delivery.unwrap().id;
    let theirs = if by_otto {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    let (otto, ida) = (world.browser("otto").await, world.browser("ida").await);
    for page in [
        format!("/communications/{}", report.id),
        format!("/deliveries/{delivery}"),
    ] {
        assert_eq!(ida.get(&page).await.status, StatusCode::OK, "{page}");
        assert_eq!(otto.get(&page).await.status, theirs, "{page}");
    }
    let (log, link) = (otto.get("/log").await, format!("/deliveries/{delivery}"));
    assert_eq!(log.body.contains(&link), by_otto);
    let otto = access(world, "otto");
    let reach = Reach::of(&world.app, &otto);
    assert_eq!(reach.sees(report).unwrap(), by_otto);
}

#[tokio::test]
async fn what_was_told_of_a_mail_is_for_those_who_see_whom_it_went_to() {
    let world = world().await;
    cover(&world, "otto", vec![world.areas[0]]).await;
    let office = "office@county.example";
    let asker = somebody(&world, 201, office, world.areas[0]).await;
    let inside = somebody(&world, 202, "in@mail.example", world.areas[0]).await;
    let outside = somebody(&world, 203, "out@mail.example", world.areas[1]).await;
    let of_inside = report(&world, &inside, office).await;
    let of_outside = report(&world, &outside, office).await;
    is_seen(&world, &of_inside, asker.id, true).await;
    is_seen(&world, &of_outside, asker.id, false).await;
    let otto = program(&world, "otto").await;
    for (report, status) in [
        (&of_inside, StatusCode::OK),
        (&of_outside, StatusCode::NOT_FOUND),
    ] {
        let path = format!("/api/v1/communications/{}", report.id);
        let answer = otto.ask(Method::GET, &path, None, None).await;
        assert_eq!(answer.status, status);
    }
    // Of one that does not say whom it is about, nobody knows whether they may.
    let old = world.repo.communication(of_inside.id).unwrap().unwrap();
    let unknown = Communication {
        about: None,
        ..of_inside
    };
    let mut batch = Batch::new();
    batch.replace(&old, &unknown);
    world.repo.store().commit(batch).await.unwrap();
    is_seen(&world, &unknown, asker.id, false).await;
}
