//! Whoever handed a mail in is told what they asked for, once.

use super::*;
use crate::domain::dsn::TAKEN_BY_REPORTER;
use crate::domain::{
    Body, ConfirmedBy, DeliveryId, EventKind, ReportRequest, ReportsWanted, WebhookInput,
};
use crate::store::check::check;

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
    handed_in_by(world, &[channel], on).await[0]
}

/// The same by several.
async fn handed_in_by(world: &World, by: &[Channel], on: Option<ReportsWanted>) -> Vec<DeliveryId> {
    let now = crate::clock::Clock::wall(&*world.clock);
    let mut batch = Batch::new();
    let said = Communication::to_one(
        CommunicationId::new(world.random.uuid_v7(now)),
        Origin::Submission(UserId::from_bytes([1; 16])),
        "Submitted",
        Channels::ALL,
        "bill".into(),
        batch.blob(Content::default().to_bytes()),
        now,
    );
    let communication = Communication {
        body: Body::Submitted(batch.blob(MESSAGE.to_vec())),
        ..said
    };
    let report = on.map(request);
    let new = |channel: &Channel| NewDelivery {
        report: report.as_ref(),
        ..NewDelivery::by(world.contact.methods_for(*channel)[0], *channel)
    };
    let wanted: Vec<_> = by.iter().map(new).collect();
    let category = world.tracker.category("Submitted");
    let making = Making {
        communication: &communication,
        category: &category,
        contact: &world.contact,
        round: 1,
        now,
        awaits_turn: false,
        express: false,
    };
    batch.insert(&communication);
    let made = make_deliveries(&mut batch, &world.random, making, None, &wanted);
    world.repo.store().commit(batch).await.unwrap();
    made
}

/// How many contacts have the address that reports go to.
fn told_as(world: &World) -> usize {
    let known = world.repo.contacts_by_address("app@county.example", 9);
    known.unwrap().len()
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
async fn a_voicemail_is_not_told_as_delivered() {
    let world = World::new(false).await;
    let id = handed_in(&world, Channel::Call, Some(ALL)).await;
    for status in [
        CallStatus::Started,
        CallStatus::InProgress,
        CallStatus::Voicemail,
    ] {
        let success = Verdict::success(Reason::Delivered);
        record(&world, id, Status::Call(status), success, Source::Peer).await;
    }
    assert_eq!(actions(&world), ["relayed"]);
    assert!(reports(&world)[0].contains("It was left with a voicemail, for:"));
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

#[tokio::test]
async fn two_first_reports_that_are_written_at_once_make_one_correspondent() {
    let world = World::new(false).await;
    let received = || Event::Changed {
        status: RECEIVED,
        verdict: None,
        source: Source::Peer,
    };
    let (mut ids, mut batches) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let id = handed_in(&world, Channel::Email, Some(ALL)).await;
        let rows = world.tracker.rows(id).unwrap();
        let mut prepared = world.tracker.prepare(&rows, received()).unwrap();
        let (batch, reports) = (&mut prepared.batch, std::mem::take(&mut prepared.reports));
        let about = &rows.communication;
        world.tracker.put_reports(batch, about, reports).await;
        batches.push(prepared.batch);
        ids.push(id);
    }
    let second = batches.remove(1);
    let first = batches.remove(0);
    world.repo.store().commit(first).await.unwrap();
    let late = world.repo.store().commit(second).await;
    assert!(is_conflict(&late.unwrap_err()));
    // Decided anew, it goes to the one that there is.
    world.tracker.record(ids[1], received()).await.unwrap();
    assert_eq!(actions(&world), ["relayed", "relayed"]);
    assert_eq!(told_as(&world), 1);
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn what_is_called_off_or_not_needed_any_more_has_failed() {
    for (is_confirmed, why) in [
        (false, "Not sent: it was called off."),
        (true, "Not needed any more: the person confirmed"),
    ] {
        let world = World::new(false).await;
        let by = [Channel::Email, Channel::Text];
        let made = handed_in_by(&world, &by, Some(ALL)).await;
        let quiet = handed_in(&world, Channel::Email, None).await;
        for id in [made[0], quiet] {
            let of = world.repo.delivery(id).unwrap().unwrap().communication;
            for _ in 0..2 {
                if is_confirmed {
                    let (who, how) = (world.contact.id, ConfirmedBy::TextReply);
                    world.tracker.confirm(of, who, how).await.unwrap();
                } else {
                    world.tracker.call_off(of).await.unwrap();
                }
            }
        }
        assert_eq!(actions(&world), ["failed", "failed"]);
        let reports = reports(&world);
        for part in [why, "\r\nYour bill.\r\n"] {
            assert!(reports[0].contains(part), "no {part:?} in\n{}", reports[0]);
        }
        assert!(!reports[0].contains("Last-Attempt-Date"), "none was made");
        assert_eq!(told_as(&world), 1);
        assert!(check(world.repo.store()).unwrap().is_sound());
    }
}

#[tokio::test]
async fn what_a_key_in_a_call_closes_has_failed() {
    let world = World::new(false).await;
    let by = [Channel::Email, Channel::Call];
    let on = ReportsWanted {
        success: false,
        ..ALL
    };
    let made = handed_in_by(&world, &by, Some(on)).await;
    for status in [
        CallStatus::Started,
        CallStatus::InProgress,
        CallStatus::Confirmed,
    ] {
        let event = Event::Changed {
            status: Status::Call(status),
            verdict: None,
            source: Source::Peer,
        };
        world.tracker.record(made[1], event).await.unwrap();
    }
    assert_eq!(actions(&world), ["failed"]);
    assert!(reports(&world)[0].contains("\r\nFinal-Recipient: rfc822; ada@example.org\r\n"));
}

#[tokio::test]
async fn webhooks_hear_nothing_of_reports() {
    let world = World::new(false).await;
    let input = WebhookInput {
        name: "hook".into(),
        url: Redacted::new("https://a.example".into()),
        events: vec![EventKind::DeliveryStatus],
        addresses: false,
    };
    let by = UserId::from_bytes([1; 16]);
    let (webhook, _) = world.tracker.add_webhook(&input, by).await.unwrap();
    let id = handed_in(&world, Channel::Email, Some(ALL)).await;
    let failure = || Verdict::failure(Reason::Network, Permanence::Temporary);
    record(&world, id, NOT_SENT, failure(), Source::Gateway).await;
    let rows = world.repo.deliveries(None, 50).unwrap().rows;
    let told = world.repo.delivery(id).unwrap().unwrap().value.report;
    let told = told.unwrap().told;
    let report = rows.iter().find(|row| told.contains(&row.communication));
    record(
        &world,
        report.unwrap().id,
        NOT_SENT,
        failure(),
        Source::Gateway,
    )
    .await;
    let news = world.repo.notifications(webhook, None, 9).unwrap().rows;
    let about: Vec<_> = news.iter().map(|one| one.news.delivery).collect();
    assert_eq!(about, [Some(id)]);
}
