//! What applications were told of a mail goes with whom it was to; that somebody is told goes with
//! whoever asked.

use super::*;
use crate::domain::communication::NO_SUBJECT;
use crate::domain::{Body, Delivery, DeliveryId, ReportRequest, ReportsWanted};

const OFFICE: &str = "office@county.example";
const FAILURE: ReportsWanted = ReportsWanted {
    success: false,
    failure: true,
    delay: false,
};

impl World {
    /// A mail to somebody that an application has handed in, which is to be told when it fails.
    async fn handed_in(&self, to: &Contact) -> DeliveryId {
        let mut batch = Batch::new();
        let said = Communication::to_one(
            CommunicationId::new(self.random.uuid_v7(self.now())),
            Origin::Submission(USER),
            "Submitted",
            Channels::only(Channel::Email),
            "bill".into(),
            batch.blob(Content::default().to_bytes()),
            self.now(),
        );
        let letter = b"Subject: bill\r\n\r\nWhat Cleo owes.\r\n";
        let communication = Communication {
            body: Body::Submitted(batch.blob(letter.to_vec())),
            ..said
        };
        let report = ReportRequest {
            to: Redacted::new(EmailAddress::parse(OFFICE).unwrap()),
            on: FAILURE,
            whole: true,
            envelope_id: String::new(),
            original_recipient: Redacted::default(),
            told: Vec::new(),
        };
        let new = NewDelivery {
            report: Some(&report),
            ..NewDelivery::by(&to.methods[0], Channel::Email)
        };
        let category = self.tracker.category("Submitted");
        let (random, late) = (&self.random, false);
        let made = make_to_one(&mut batch, random, &communication, &category, to, new, late);
        self.repo.store().commit(batch).await.unwrap();
        made[0]
    }

    fn handed(&self, id: DeliveryId) -> Delivery {
        self.repo.delivery(id).unwrap().unwrap().value
    }

    /// The report about a mail that has just failed.
    async fn failed(&self, id: DeliveryId) -> Communication {
        let event = Event::Changed {
            status: REBOUND,
            verdict: Some(hard_bounce()),
            source: Source::Peer,
        };
        self.tracker.record(id, event).await.unwrap();
        let told = self.handed(id).report.unwrap().told;
        assert_eq!(told.len(), 1);
        let report = self.repo.communication(told[0]).unwrap().unwrap().value;
        assert!(report.is_delivery_report());
        report
    }

    /// Nothing is left of what a report said.
    async fn says_nothing(&self, report: &Communication) {
        let left = self.repo.communication(report.id).unwrap().unwrap();
        assert_eq!(left.title, NO_SUBJECT);
        assert_eq!(left.body, Body::Composed);
        let content = self.repo.content(left.content).unwrap();
        assert_eq!(content.text, "");
        self.clock.advance(Duration::from_secs(25 * 3600));
        self.tracker.sweep_blobs().await.unwrap();
        let Body::Submitted(mail) = report.body else {
            panic!("a report is a whole mail");
        };
        for blob in [mail, report.content] {
            assert_eq!(self.repo.store().get_blob(blob).unwrap(), None);
        }
        assert!(check(self.repo.store()).unwrap().is_sound());
    }

    /// Somebody with this address, and perhaps not alone with it.
    async fn somebody_at(&self, address: &str) -> Contact {
        let method = MethodId::new(self.random.uuid_v7(self.now()));
        let contact = Contact {
            id: ContactId::new(self.random.uuid_v7(self.now())),
            methods: vec![Method::new(method, MethodKind::Email, email(address))],
            ..self.contact.clone()
        };
        let added = self.tracker.add_contacts(std::slice::from_ref(&contact));
        added.await.unwrap();
        contact
    }

    async fn erase_one(&self, id: ContactId) {
        let done = self.tracker.erase_contact(id, USER).await.unwrap();
        assert!(matches!(done, Erased::Done(_)));
    }
}

#[tokio::test]
async fn what_was_told_of_a_mail_goes_when_whom_it_was_to_is_erased() {
    for kind in [ContactKind::Citizen, ContactKind::Client] {
        let world = World::new(false).await;
        let cleo = world.party("Cleo", kind).await;
        let sent = world.handed_in(&cleo).await;
        let report = world.failed(sent).await;
        // What went to clients is kept so long, and goes before they are erased.
        world
            .clock
            .advance(Duration::from_secs(7 * 366 * 24 * 3600));
        world.erase_one(cleo.id).await;
        let is_left = world.repo.delivery(sent).unwrap().is_some();
        assert_eq!(is_left, kind == ContactKind::Citizen);
        world.says_nothing(&report).await;
    }
}

#[tokio::test]
async fn what_was_told_of_a_letter_is_kept_no_longer_than_the_letter() {
    let world = World::new(false).await;
    let cleo = world.party("Cleo", ContactKind::Client).await;
    let sent = world.handed_in(&cleo).await;
    let report = world.failed(sent).await;
    world.tracker.expire_all().await.unwrap();
    let kept = world.repo.communication(report.id).unwrap().unwrap();
    assert_eq!(kept.value, report);
    world
        .clock
        .advance(Duration::from_secs(7 * 366 * 24 * 3600));
    world.tracker.expire_all().await.unwrap();
    assert!(world.repo.delivery(sent).unwrap().is_none());
    world.says_nothing(&report).await;
}

#[tokio::test]
async fn who_shares_an_address_is_told_when_the_other_is_erased() {
    let world = World::new(false).await;
    let cleo = world.party("Cleo", ContactKind::Citizen).await;
    let other = world.party("Otto", ContactKind::Citizen).await;
    let both = [
        world.somebody_at(OFFICE).await,
        world.somebody_at(OFFICE).await,
    ];
    let sent = world.handed_in(&cleo).await;
    let under_way = world.handed_in(&other).await;
    let report = world.failed(sent).await;
    let is_told = |one: &Contact| world.repo.person(report.id, one.id).unwrap().is_some();
    let (told, erased) = if is_told(&both[0]) {
        (&both[0], &both[1])
    } else {
        (&both[1], &both[0])
    };
    assert!(is_told(told));
    world.erase_one(erased.id).await;
    let asked = world.handed(under_way).report.unwrap();
    assert_eq!(asked.to.reveal().as_str(), OFFICE);
    assert_eq!(asked.on, FAILURE);
    world.failed(under_way).await;
    // The trace to what was told leads on to whoever is erased later.
    world.erase_one(cleo.id).await;
    world.says_nothing(&report).await;
}

#[tokio::test]
async fn who_asked_is_told_nothing_more_when_they_are_erased() {
    let world = World::new(false).await;
    let cleo = world.party("Cleo", ContactKind::Citizen).await;
    let asker = world.somebody_at(OFFICE).await;
    let sent = world.handed_in(&cleo).await;
    let report = world.failed(sent).await;
    let mut under_way = Vec::new();
    for _ in 0..44 {
        under_way.push(world.handed_in(&world.contact).await);
    }
    world.answer(&asker, None).await;
    world.erase_one(asker.id).await;
    let left = world.handed(sent).report.unwrap();
    assert_eq!((left.told, left.on.any()), (vec![report.id], false));
    assert_ne!(left.to.reveal().as_str(), OFFICE);
    for id in under_way {
        assert_eq!(world.handed(id).report, None);
    }
    // A few at a time, as they change; behind what is said of the one who is erased.
    let steps = world.acts("contact.erasing");
    let of_reports = steps.iter().map(|step| step.detail.is_empty());
    let of_reports: Vec<bool> = of_reports.collect();
    assert_eq!(of_reports.iter().filter(|is| **is).count(), 3);
    let first = of_reports.iter().position(|is| *is).unwrap();
    assert!(of_reports[first..].iter().all(|is| *is), "{steps:?}");
    let mut before = steps[..first].iter();
    assert!(before.any(|step| step.detail.contains("messages=1")));
    assert!(check(world.repo.store()).unwrap().is_sound());
}
