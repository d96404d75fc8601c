//! Whoever handed a mail in is told what they asked for, once.

use super::*;
use crate::domain::dsn::TAKEN_BY_REPORTER;
use crate::domain::{Body, DeliveryId, ReportRequest, ReportsWanted};

const MESSAGE: &[u8] = b"Message-ID: <1@county.example>\r\nSubject: bill\r\n\r\nYour bill.\r\n";
const ALL: ReportsWanted = ReportsWanted {
    success: true,
    failure: true,
    delay: true,
};
const NOT_SENT: Status = Status::Email(EmailStatus::NotSent);

fn request(on: ReportsWanted) -> ReportRequest {
    ReportRequest {
        to: Redacted::new(EmailAddress::parse("app@county.example").unwrap()),
        on,
        whole: true,
        envelope_id: "QQ+2B1".into(),
        original_recipient: Redacted::new("rfc822;ada+2Bx@example.org".into()),
        told: Vec::new(),
    }
}

/// A mail to Ada that an application has handed in, by this channel.
async fn handed_in(world: &World, channel: Channel, on: Option<ReportsWanted>) -> DeliveryId {
    let now = crate::clock::Clock::wall(&*world.clock);
    let mut batch = Batch::new();
    let said = Communication::to_one(
        CommunicationId::new(world.random.uuid_v7(now)),
        Origin::Submission(UserId::from_bytes([1; 16])),
        "Submitted",
        Channels::only(channel),
        "bill".into(),
        batch.blob(Content::default().to_bytes()),
        now,
    );
    let communication = Communication {
        body: Body::Submitted(batch.blob(MESSAGE.to_vec())),
        ..said
    };
    let report = on.map(request);
    let new = NewDelivery {
        report: report.as_ref(),
        ..NewDelivery::by(world.contact.methods_for(channel)[0], channel)
    };
    let category = world.tracker.category("Submitted");
    let (random, contact) = (&world.random, &world.contact);
    let made = make_to_one(
        &mut batch,
        random,
        &communication,
        &category,
        contact,
        new,
        false,
    );
    world.repo.store().commit(batch).await.unwrap();
    made[0]
}

/// The reports that were written, oldest first.
fn reports(world: &World) -> Vec<String> {
    let rows = world.repo.deliveries(None, 50).unwrap().rows;
    let mut found = Vec::new();
    for row in rows.iter().rev() {
        let about = world.repo.communication(row.communication).unwrap();
        let about = about.unwrap();
        let Body::Submitted(blob) = about.body else {
            continue;
        };
        if about.is_delivery_report() {
            assert!(row.due.is_some(), "it waits to be sent");
            assert_eq!(row.report, None, "nobody is told of a report");
            assert_eq!(row.destination.reveal(), "app@county.example");
            let bytes = world.repo.store().get_blob(blob).unwrap().unwrap();
            found.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
    }
    found
}

fn actions(world: &World) -> Vec<String> {
    let reports = reports(world);
    let found = reports.iter().filter_map(|report| {
        let mut lines = report.lines();
        lines.find_map(|line| line.strip_prefix("Action: "))
    });
    found.map(str::to_owned).collect()
}

async fn record(world: &World, id: DeliveryId, status: Status, verdict: Verdict, source: Source) {
    let event = Event::Changed {
        status,
        verdict: Some(verdict),
        source,
    };
    world.tracker.record(id, event).await.unwrap();
}

#[tokio::test]
async fn a_failure_is_told_once_with_the_message() {
    let world = World::new(false).await;
    let id = handed_in(&world, Channel::Email, Some(ALL)).await;
    for _ in 0..2 {
        record(&world, id, REBOUND, hard_bounce(), Source::Peer).await;
    }
    let reports = reports(&world);
    assert_eq!(reports.len(), 1);
    for part in [
        "\r\nTo: <app@county.example>\r\n",
        "\r\nIn-Reply-To: <1@county.example>\r\n",
        "\r\nAuto-Submitted: auto-replied\r\n",
        "\r\nOriginal-Envelope-Id: QQ+1\r\n",
        "\r\nOriginal-Recipient: rfc822; ada+x@example.org\r\n",
        "\r\nFinal-Recipient: rfc822; ada@example.org\r\n",
        "\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        "\r\n\r\nYour bill.\r\n",
    ] {
        assert!(reports[0].contains(part), "no {part:?} in\n{}", reports[0]);
    }
    let kept = world.repo.delivery(id).unwrap().unwrap().value.report;
    let kept = kept.unwrap();
    assert_eq!((kept.told.len(), kept.on.any()), (1, false));
    let known = world.repo.contacts_by_address("app@county.example", 9);
    let known = known.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].kind, ContactKind::Correspondent);
}

#[tokio::test]
async fn each_status_has_its_report_and_none_that_was_not_asked_for() {
    let failure = Verdict::failure(Reason::Network, Permanence::Temporary);
    for (channel, status, action) in [
        (Channel::Email, REBOUND, "failed"),
        (Channel::Email, NOT_SENT, "failed"),
        (
            Channel::Email,
            Status::Email(EmailStatus::Rejected),
            "failed",
        ),
        (Channel::Email, Status::Email(EmailStatus::Sent), "relayed"),
        (Channel::Email, RECEIVED, "relayed"),
        (Channel::Text, Status::Text(TextStatus::Failed), "failed"),
        (Channel::Call, Status::Call(CallStatus::Failed), "failed"),
    ] {
        for (on, expected) in [
            (Some(ALL), vec![action.to_owned()]),
            (Some(ReportsWanted::default()), Vec::new()),
            (None, Vec::new()),
        ] {
            let world = World::new(false).await;
            let id = handed_in(&world, channel, on).await;
            record(&world, id, status, failure.clone(), Source::Peer).await;
            assert_eq!(actions(&world), expected, "{status:?}");
        }
    }
}

#[tokio::test]
async fn success_is_told_when_the_server_that_reports_has_reported() {
    let world = World::new(false).await;
    let id = handed_in(&world, Channel::Email, Some(ALL)).await;
    let taken = Verdict::success(Reason::Delivered).by(TAKEN_BY_REPORTER);
    record(&world, id, RECEIVED, taken, Source::Peer).await;
    assert_eq!(actions(&world), [""; 0]);
    let success = || Verdict::success(Reason::Delivered);
    for _ in 0..2 {
        record(&world, id, RECEIVED, success(), Source::Report).await;
    }
    assert_eq!(actions(&world), ["delivered"]);
    // A bounce that comes all the same is told, too.
    record(&world, id, REBOUND, hard_bounce(), Source::Report).await;
    assert_eq!(actions(&world), ["delivered", "failed"]);
}

#[tokio::test]
async fn a_delay_is_told_once_and_not_before_its_time() {
    let world = World::new(false).await;
    let id = handed_in(&world, Channel::Email, Some(ALL)).await;
    let hour = Duration::from_secs(3600);
    let mut told = Vec::new();
    for _ in 0..6 {
        world.clock.advance(hour);
        let event = Event::Retry {
            status: Status::Email(EmailStatus::Deferred),
            verdict: Some(Verdict::failure(Reason::Network, Permanence::Temporary)),
            due: crate::clock::Clock::wall(&*world.clock).plus(hour),
        };
        world.tracker.record(id, event).await.unwrap();
        told.push(actions(&world).len());
    }
    assert_eq!(told, [0, 0, 0, 1, 1, 1]);
    assert_eq!(actions(&world), ["delayed"]);
    assert!(reports(&world)[0].contains("\r\nWill-Retry-Until: "));
    record(&world, id, NOT_SENT, hard_bounce(), Source::Gateway).await;
    assert_eq!(actions(&world), ["delayed", "failed"]);
}

#[tokio::test]
async fn nothing_goes_to_an_address_that_has_failed() {
    let world = World::new(false).await;
    let mut gone = world.contact.clone();
    gone.id = ContactId::from_bytes([8; 16]);
    gone.methods = vec![Method {
        state: MethodState::Suspended,
        ..Method::new(
            MethodId::from_bytes([8; 16]),
            MethodKind::Email,
            email("app@county.example"),
        )
    }];
    world.tracker.add_contacts(&[gone]).await.unwrap();
    let id = handed_in(&world, Channel::Email, Some(ALL)).await;
    record(&world, id, REBOUND, hard_bounce(), Source::Peer).await;
    assert_eq!(actions(&world), [""; 0]);
}
