//! Mails in somebody's name which that person's domain disowns: they are nobody's.

use std::net::SocketAddr;
use std::sync::Mutex;

use hickory_resolver::proto::op::{Message as DnsMessage, ResponseCode};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::*;
use crate::domain::{Actor, AuthResult, Destination, MethodKind, Provenance};
use crate::tracker::Attached;

/// What the domain of ann and sam says: all its mail comes from [`HOME`].
const RECORDS: [(&str, &str); 2] = [
    ("town.example", "v=spf1 ip4:192.0.2.0/24 -all"),
    ("_dmarc.town.example", "v=DMARC1; p=reject"),
];
pub(super) const HOME: &str = "192.0.2.7";
pub(super) const AWAY: &str = "203.0.113.9";

pub(super) const ANN: &str = "ann@town.example";
/// Somebody whom we do not know.
const SAM: &str = "sam@town.example";
pub(super) const OURS: &str = "alerts@gw.example";

/// Whatever ends in this is never answered.
pub(super) const SILENT: &str = "silent.example";

/// What the name server was asked that it does not answer.
pub(super) type Unanswered = Arc<Mutex<Vec<String>>>;

/// A name server that knows [`RECORDS`] and these; other names do not exist, or are never answered.
async fn name_server(more: Vec<(String, String)>) -> (SocketAddr, Unanswered) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let known = RECORDS.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let records: Vec<(String, String)> = known.into_iter().chain(more).collect();
    let unanswered = Unanswered::default();
    let heard = Arc::clone(&unanswered);
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((size, client)) = socket.recv_from(&mut buffer).await {
            let Ok(asked) = DnsMessage::from_vec(&buffer[..size]) else {
                continue;
            };
            let question = asked.queries[0].clone();
            let mut answer = DnsMessage::response(asked.id, asked.op_code);
            answer.add_query(question.clone());
            let name = question.name().to_ascii().to_ascii_lowercase();
            let name = name.trim_end_matches('.');
            if name.ends_with(SILENT) {
                heard.lock().unwrap().push(name.to_owned());
                continue;
            }
            match records.iter().find(|(known, _)| known == name) {
                Some((_, text)) if question.query_type() == RecordType::TXT => {
                    let data = RData::TXT(TXT::new(vec![text.clone()]));
                    answer.add_answer(Record::from_rdata(question.name().clone(), 60, data));
                }
                Some(_) => {}
                None => answer.metadata.response_code = ResponseCode::NXDomain,
            }
            let answer = answer.to_vec().unwrap();
            socket.send_to(&answer, client).await.unwrap();
        }
    });
    (address, unanswered)
}

/// A world that looks where mail comes from, where these networks are trusted.
async fn world_with(relays: &[&str]) -> World {
    let patience = Duration::from_secs(5);
    world_that_asks(relays, Vec::new(), patience).await.0
}

/// The same with more records, which waits so long for answers.
pub(super) async fn world_that_asks(
    relays: &[&str],
    records: Vec<(String, String)>,
    patience: Duration,
) -> (World, Unanswered) {
    let (server, unanswered) = name_server(records).await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let auth = MailAuth::new("gw.example", NameServers::At(server), &tls).unwrap();
    let relays = relays.iter().map(|network| network.parse().unwrap());
    let mut world = World::new().await;
    let inbound = world.inbound.clone();
    let auth = auth.trusting(relays.collect()).with_patience(patience);
    world.inbound = inbound.with_mail_auth(auth);
    (world, unanswered)
}

/// A mail as its author's server sends it.
pub(super) fn letter_from(from: &str, to: &str, subject: &str) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{subject}@town.example>\r\n\r\nI am safe.\r\n"
    )
}

impl World {
    /// Takes a mail in that this server brought, and reads it; gives the thread that it is in.
    async fn brought(&self, by: &str, from: &str, to: &str, subject: &str) -> Thread {
        let text = letter_from(from, to, subject);
        self.brought_as(by, from, to, &text, subject).await
    }

    /// The same of this mail, with this envelope sender.
    pub(super) async fn brought_as(
        &self,
        by: &str,
        from: &str,
        to: &str,
        mail: &str,
        subject: &str,
    ) -> Thread {
        let text = format!(
            "Received: from out.example ([{by}])\r\n\tby gw.example with ESMTP id 1;\r\n\tMon, 23 Nov 2026 10:00:01 +0000\r\n{mail}"
        );
        let to = [to.to_owned()];
        let kept = self.inbound.keep_mail(from, &to, Bytes::from(text));
        kept.await.unwrap();
        self.read_all().await;
        let mut threads = self.threads().into_iter();
        let found = threads.find(|thread| thread.subject.reveal() == subject);
        found.unwrap()
    }

    /// The only message of a thread.
    pub(super) fn only_message(&self, thread: &Thread) -> crate::domain::Message {
        let [message] = self.messages(thread).try_into().unwrap();
        message
    }

    fn replies_logged(&self) -> usize {
        let is_reply = |event: &&LogEvent| matches!(event, LogEvent::Replied { .. });
        self.log().iter().filter(is_reply).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_authors_domain_disowns_is_nobodys_wherever_it_is_sent() {
    let world = world_with(&[]).await;
    let bounce = world.bounce_address();
    // Not even the address that proves which delivery a report is about says who answers it.
    for (to, subject) in [(OURS, "one"), (bounce.as_str(), "two")] {
        let thread = world.brought(AWAY, ANN, to, subject).await;
        assert_eq!((thread.contact, thread.unread), (None, 1), "{subject}");
        assert_eq!(thread.address.reveal(), ANN, "it is shown as it came");
        let message = world.only_message(&thread);
        assert!(message.is_disowned, "{subject}");
        let found = message.authentication.unwrap();
        assert_eq!(
            (found.spf, found.dmarc),
            (AuthResult::Fail, AuthResult::Fail)
        );
        assert_eq!(found.provenance(), Provenance::Forged);
    }
    assert_eq!(world.replies_logged(), 0);
    let thread = world.brought(HOME, ANN, OURS, "three").await;
    assert_eq!(thread.contact, Some(world.delivery.contact));
    let message = world.only_message(&thread);
    assert!(!message.is_disowned);
    let provenance = message.authentication.map(|found| found.provenance());
    assert_eq!(provenance, Some(Provenance::Proven));
    assert_eq!(world.replies_logged(), 1);
    world.is_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_a_stranger_to_a_contact_leaves_behind_what_others_wrote_in_that_name() {
    let world = world_with(&[]).await;
    let (ann, by) = (
        world.delivery.contact,
        Actor::User(UserId::from_bytes([1; 16])),
    );
    let forged = world.brought(AWAY, SAM, OURS, "one").await;
    let first = world.brought(HOME, SAM, OURS, "two").await;
    let second = world.brought(HOME, SAM, OURS, "three").await;
    // Under the subject of what Sam wrote it stands beside that, not within it.
    let within = world.brought(AWAY, SAM, OURS, "Re: two").await;
    for thread in [&forged, &first, &second, &within] {
        assert_eq!(thread.contact, None, "nobody knows Sam");
        world.only_message(thread);
    }
    let sam = EmailAddress::parse(SAM).unwrap();
    let method = Some((MethodKind::Email, Destination::Email(sam.into())));
    let attached = world.tracker.attach_thread(first.id, ann, method, by).await;
    assert_eq!(attached.unwrap(), Attached::Done);
    let whose = |thread: &Thread| world.repo.thread(thread.id).unwrap().unwrap().contact;
    assert_eq!((whose(&first), whose(&second)), (Some(ann), Some(ann)));
    assert_eq!((whose(&forged), whose(&within)), (None, None));
    assert_eq!(world.replies_logged(), 2);
    // What comes later in that name is disowned as well, though it is a contact's now.
    let later = world.brought(AWAY, SAM, OURS, "four").await;
    assert_eq!(later.contact, None);
    // Somebody may look at it and say that it is theirs.
    let attached = world.tracker.attach_thread(forged.id, ann, None, by).await;
    assert_eq!(attached.unwrap(), Attached::Done);
    assert_eq!((whose(&forged), whose(&later)), (Some(ann), None));
    world.is_sound();
}
