//! Links and codes.

mod sign_up;

use std::time::Duration;

use super::*;
use crate::domain::ticket::{CODE_TRIES_MAX, TICKETS_PER_DESTINATION_MAX};
use crate::domain::{
    Actor, CommunicationState, ContactChange, LogEvent, Origin, PublicLinks, TicketPurpose,
    TicketSecrets,
};
use crate::tracker::TicketUse;

const MINUTE: Duration = Duration::from_secs(61);

fn links() -> PublicLinks {
    PublicLinks::new("https://me.example.org", &[7; 32])
}

fn email(text: &str) -> Destination {
    Destination::Email(Redacted::new(EmailAddress::parse(text).unwrap()))
}

fn phone(text: &str) -> Destination {
    Destination::Phone(Redacted::new(PhoneNumber::from_e164(text).unwrap()))
}

async fn world() -> World {
    let mut world = World::new().await;
    world.submitter = world.submitter.with_public_pages(PublicPages {
        links: links(),
        organisation: "Eastmere".into(),
    });
    world
}

impl World {
    async fn ada(&self) -> (ContactId, MethodId) {
        let method = self.method(
            MethodKind::Email,
            email("ada@example.org"),
            MethodState::Unverified,
        );
        let id = method.id;
        (self.contact("Ada", vec![method]).await, id)
    }

    /// What the last ticket to this destination carries.
    fn secrets(&self, destination: &Destination) -> TicketSecrets {
        let key = destination.lookup_key();
        let tickets = self.repo.tickets_to(&key, 1).unwrap();
        links().secrets(tickets[0].delivery)
    }

    fn state(&self, contact: ContactId, method: MethodId) -> MethodState {
        let contact = self.repo.contact(contact).unwrap().unwrap();
        contact.method(method).unwrap().state
    }

    fn changes(&self, contact: ContactId) -> Vec<ContactChange> {
        let log = self.repo.log(contact, None, 100).unwrap().rows;
        log.iter()
            .filter_map(|entry| match &entry.event {
                LogEvent::Changed { change, .. } => Some(*change),
                _ => None,
            })
            .collect()
    }

    async fn code(&self, destination: &Destination, code: &str) -> TicketUse {
        let proof = Proof::Code { destination, code };
        self.submitter.verify(proof).await.unwrap()
    }

    async fn token(&self, token: &str) -> TicketUse {
        self.submitter.verify(Proof::Token(token)).await.unwrap()
    }
}

const WRONG: &str = "000000";

#[tokio::test]
async fn a_link_proves_a_method_and_does_so_again() {
    let world = world().await;
    let (ada, method) = world.ada().await;
    let by = Actor::User(BY);
    let sent = world.submitter.send_verification(ada, method, by).await;
    assert_eq!(sent.unwrap(), VerificationSent::Queued(Channel::Email));
    let secrets = world.secrets(&email("ada@example.org"));
    for again in [false, true] {
        assert_eq!(
            world.token(&secrets.token).await,
            TicketUse::Done {
                contact: ada,
                method,
                purpose: TicketPurpose::Verify,
                again,
            }
        );
    }
    assert_eq!(world.state(ada, method), MethodState::Active);
    let contact = world.repo.contact(ada).unwrap().unwrap();
    assert_eq!(contact.methods[0].verified_at, Some(world.clock.wall()));
    assert_eq!(
        world
            .changes(ada)
            .iter()
            .filter(|change| **change == ContactChange::MethodVerified)
            .count(),
        1
    );
    assert!(
        world
            .changes(ada)
            .contains(&ContactChange::VerificationSent)
    );
    world.is_sound();
}

#[tokio::test]
async fn nothing_secret_is_stored_and_the_message_is_one_of_ours() {
    let world = world().await;
    let (ada, method) = world.ada().await;
    world
        .submitter
        .send_verification(ada, method, Actor::Gateway)
        .await
        .unwrap();
    let secrets = world.secrets(&email("ada@example.org"));
    let delivery = world
        .repo
        .deliveries_of(ada, None, 1)
        .unwrap()
        .rows
        .remove(0);
    let said = world
        .repo
        .communication(delivery.communication)
        .unwrap()
        .unwrap();
    assert_eq!(said.origin, Origin::Verification);
    assert_eq!(said.state, CommunicationState::Sent);
    assert_eq!(said.category, VERIFICATION_CATEGORY);
    let content = world.repo.content(said.content).unwrap();
    for text in [&said.title, &content.text, &content.subject] {
        assert!(!text.contains(&secrets.code) && !text.contains(&secrets.token));
    }
    assert!(content.text.contains("Eastmere"));
}

#[tokio::test]
async fn a_corrected_address_is_asked_about_by_itself_and_the_old_link_is_dead() {
    let world = world().await;
    let (ada, method) = world.ada().await;
    let send = |destination| world.submitter.correct(ada, method, destination, BY);
    assert_eq!(
        send(email("ada@one.example")).await.unwrap(),
        VerificationSent::Queued(Channel::Email)
    );
    let old = world.secrets(&email("ada@one.example"));
    send(email("ada@two.example")).await.unwrap();
    let new = world.secrets(&email("ada@two.example"));
    assert_eq!(world.token(&old.token).await, TicketUse::Refused);
    assert_eq!(world.state(ada, method), MethodState::Unverified);
    assert!(matches!(
        world.token(&new.token).await,
        TicketUse::Done { .. }
    ));
    assert_eq!(world.state(ada, method), MethodState::Active);
    world.is_sound();
}

#[tokio::test]
async fn codes_go_by_text_and_call_and_are_used_once() {
    let world = world().await;
    let mobile = world.method(
        MethodKind::Mobile,
        phone("+447700900001"),
        MethodState::Unverified,
    );
    let landline = world.method(
        MethodKind::Landline,
        phone("+441632960001"),
        MethodState::Unverified,
    );
    let methods = [mobile.clone(), landline.clone()];
    let ada = world.contact("Ada", methods.to_vec()).await;
    let by = |method: &Method, channel| {
        world
            .submitter
            .send_verification_by(ada, method.id, Some(channel), Actor::Person)
    };
    // A mobile can be called, too; a landline takes no text.
    assert_eq!(
        by(&mobile, Channel::Call).await.unwrap(),
        VerificationSent::Queued(Channel::Call)
    );
    assert_eq!(
        by(&landline, Channel::Text).await.unwrap(),
        VerificationSent::NotPossible
    );
    world.clock.advance(MINUTE);
    for (method, channel) in methods.iter().zip([Channel::Text, Channel::Call]) {
        let sent = world
            .submitter
            .send_verification(ada, method.id, Actor::Person)
            .await;
        assert_eq!(sent.unwrap(), VerificationSent::Queued(channel));
        let secrets = world.secrets(&method.destination);
        let used = world.code(&method.destination, &secrets.code).await;
        assert!(matches!(used, TicketUse::Done { again: false, .. }));
        assert_eq!(world.state(ada, method.id), MethodState::Active);
        let again = world.code(&method.destination, &secrets.code).await;
        assert_eq!(again, TicketUse::Refused);
    }
    // Nothing is asked of what has been proved.
    world.clock.advance(MINUTE);
    for (method, channel) in methods.iter().zip([Channel::Text, Channel::Call]) {
        assert_eq!(
            by(method, channel).await.unwrap(),
            VerificationSent::NotPossible
        );
    }
}

#[tokio::test]
async fn five_wrong_codes_end_it_also_when_they_come_at_once() {
    let world = world().await;
    let (ada, _) = world.ada().await;
    let to = email("ada@example.org");
    world.submitter.request_log_in(&to, None).await.unwrap();
    let secrets = world.secrets(&to);
    assert_ne!(secrets.code, WRONG);
    let tries = (0..20).map(|_| world.code(&to, WRONG));
    for used in futures_util::future::join_all(tries).await {
        assert_eq!(used, TicketUse::Refused);
    }
    assert_eq!(world.code(&to, &secrets.code).await, TicketUse::Refused);
    let ticket = world
        .repo
        .tickets_to(&to.lookup_key(), 1)
        .unwrap()
        .remove(0);
    assert_eq!(ticket.tries_left, 0);
    // The link is nothing that anybody could have tried.
    assert!(matches!(
        world.token(&secrets.token).await,
        TicketUse::Done { contact, purpose: TicketPurpose::LogIn, .. } if contact == ada
    ));
    assert_eq!(world.token(&secrets.token).await, TicketUse::Refused);
}

#[tokio::test]
async fn the_last_but_one_try_still_counts() {
    let world = world().await;
    world.ada().await;
    let to = email("ada@example.org");
    world.submitter.request_log_in(&to, None).await.unwrap();
    for _ in 1..CODE_TRIES_MAX {
        assert_eq!(world.code(&to, WRONG).await, TicketUse::Refused);
    }
    let code = world.secrets(&to).code;
    assert!(matches!(
        world.code(&to, &code).await,
        TicketUse::Done { .. }
    ));
}

#[tokio::test]
async fn codes_and_links_end() {
    let world = world().await;
    world.ada().await;
    let to = email("ada@example.org");
    world.submitter.request_log_in(&to, None).await.unwrap();
    let secrets = world.secrets(&to);
    world.clock.advance(Duration::from_secs(10 * 60));
    assert_eq!(world.code(&to, &secrets.code).await, TicketUse::Refused);
    world.clock.advance(Duration::from_secs(20 * 60));
    assert_eq!(world.token(&secrets.token).await, TicketUse::Refused);
    assert_eq!(world.repo.ticket_count().unwrap(), 1);
    assert_eq!(world.tracker.sweep_self_service().await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(world.tracker.sweep_self_service().await.unwrap(), 1);
    assert_eq!(world.repo.ticket_count().unwrap(), 0);
    world.is_sound();
}

#[tokio::test]
async fn one_destination_gets_one_a_minute_and_ten_a_day() {
    let world = world().await;
    let (ada, method) = world.ada().await;
    let send = || {
        world
            .submitter
            .send_verification(ada, method, Actor::Person)
    };
    let at_once = futures_util::future::join_all((0..8).map(|_| send())).await;
    let queued = |sent: &VerificationSent| matches!(sent, VerificationSent::Queued(_));
    assert_eq!(
        at_once
            .into_iter()
            .filter(|sent| queued(sent.as_ref().unwrap()))
            .count(),
        1
    );
    assert_eq!(send().await.unwrap(), VerificationSent::TooSoon);
    for _ in 1..TICKETS_PER_DESTINATION_MAX {
        world.clock.advance(MINUTE);
        assert!(queued(&send().await.unwrap()));
    }
    world.clock.advance(MINUTE);
    assert_eq!(send().await.unwrap(), VerificationSent::TooMany);
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert!(queued(&send().await.unwrap()));
    world.is_sound();
}

#[tokio::test]
async fn a_replacement_leaves_the_old_address_in_use_until_it_is_proved() {
    let world = world().await;
    let (ada, method) = world.ada().await;
    let new = email("ada@new.example");
    world
        .submitter
        .request_replacement(ada, method, new.clone())
        .await
        .unwrap();
    let contact = world.repo.contact(ada).unwrap().unwrap();
    assert_eq!(contact.methods[0].destination, email("ada@example.org"));
    world.token(&world.secrets(&new).token).await;
    let contact = world.repo.contact(ada).unwrap().unwrap();
    assert_eq!(contact.methods[0].destination, new);
    assert_eq!(contact.methods[0].state, MethodState::Active);
    assert!(world.changes(ada).contains(&ContactChange::MethodCorrected));
    world.is_sound();
}

#[tokio::test]
async fn nobody_known_gets_nothing_and_without_public_pages_nothing_is_sent() {
    let world = world().await;
    let to = email("nobody@example.org");
    world.submitter.request_log_in(&to, None).await.unwrap();
    assert_eq!(world.repo.ticket_count().unwrap(), 0);
    assert_eq!(world.code(&to, WRONG).await, TicketUse::Refused);
    let bare = World::new().await;
    let (ada, method) = bare.ada().await;
    let sent = bare
        .submitter
        .send_verification(ada, method, Actor::User(BY))
        .await;
    assert_eq!(sent.unwrap(), VerificationSent::Off);
}

impl World {
    /// Somebody signs up with these methods; returns the id that the contact may get.
    async fn signs_up(&self, name: &str, to: &[(MethodKind, Destination)]) -> ContactId {
        let method = |(kind, to): &(MethodKind, Destination)| {
            self.method(*kind, to.clone(), MethodState::Unverified)
        };
        let contact = Contact {
            id: ContactId::new(self.random.uuid_v7(self.clock.wall())),
            first_name: Redacted::new(name.into()),
            area: None,
            issue_since: None,
            methods: to.iter().map(method).collect(),
            ..crate::store::records::samples::contact()
        };
        let id = contact.id;
        let signed_up = self.submitter.sign_up(SelfSignUp { contact }).await;
        signed_up.unwrap();
        id
    }

    async fn proves(&self, token: &str) -> ContactId {
        match self.token(token).await {
            TicketUse::Done { contact, .. } => contact,
            TicketUse::Refused => panic!("refused"),
        }
    }

    fn addresses(&self, contact: ContactId) -> Vec<String> {
        let contact = self.repo.contact(contact).unwrap().unwrap();
        let methods = contact.methods.iter();
        methods
            .map(|method| method.destination.lookup_key())
            .collect()
    }
}

impl World {
    async fn stands(&self, contact: ContactId, state: MethodState, at: Option<Timestamp>) {
        let verdict = crate::domain::Verdict::failure(
            crate::domain::Reason::UserUnknown,
            crate::domain::Permanence::Permanent,
        );
        let change = |contact: &mut Contact| {
            let method = contact.methods.first_mut()?;
            method.state = state;
            method.suspension = at.map(|at| crate::domain::Suspension {
                at,
                delivery: crate::domain::DeliveryId::from_bytes([9; 16]),
                verdict: verdict.clone(),
            });
            Some(Vec::new())
        };
        self.tracker.change_contact(contact, change).await.unwrap();
    }
}

#[tokio::test]
async fn a_proof_ends_a_failure_that_came_before_it_and_never_an_opt_out() {
    let world = world().await;
    let (ada, id) = world.ada().await;
    let to = email("ada@example.org");
    let start = world.clock.wall();
    let of_ada = |world: &World| world.repo.contact(ada).unwrap().unwrap().methods[0].clone();
    let cases = [
        // What failed before the link went out works, as the link shows.
        (MethodState::Suspended, Some(start), MethodState::Active),
        (MethodState::OptedOut, None, MethodState::OptedOut),
    ];
    for (state, at, then) in cases {
        world.stands(ada, state, at).await;
        world.clock.advance(MINUTE);
        let method = of_ada(&world);
        world
            .submitter
            .request_addition(ada, &method)
            .await
            .unwrap();
        let secrets = world.secrets(&to);
        for again in [false, true] {
            let done = TicketUse::Done {
                contact: ada,
                method: id,
                purpose: TicketPurpose::Add,
                again,
            };
            assert_eq!(world.token(&secrets.token).await, done);
        }
        assert_eq!(of_ada(&world).state, then);
        assert_eq!(of_ada(&world).verified_at, Some(world.clock.wall()));
    }
    world.is_sound();
}

#[tokio::test]
async fn a_link_that_went_out_before_does_not_undo_what_came_since() {
    for (state, failed) in [
        (MethodState::Suspended, true),
        (MethodState::OptedOut, false),
    ] {
        let world = world().await;
        let (ada, id) = world.ada().await;
        let to = email("ada@example.org");
        let by = Actor::User(BY);
        world
            .submitter
            .send_verification(ada, id, by)
            .await
            .unwrap();
        world.clock.advance(MINUTE);
        let at = failed.then(|| world.clock.wall());
        world.stands(ada, state, at).await;
        world.proves(&world.secrets(&to).token).await;
        assert_eq!(world.state(ada, id), state);
        world.is_sound();
    }
}
