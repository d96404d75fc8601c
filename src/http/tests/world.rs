//! A console with invented people, and a browser of sorts.

mod building;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use self::building::built;
use super::super::pages::router_of;
use super::super::{App, Console, ConsoleSettings, Readiness, hash_password};
use crate::clock::{Randomness, SharedClock, VirtualClock};
use crate::domain::reminder::ReminderPlan;
use crate::domain::suspension::SuspensionPolicy;
use crate::domain::{
    Area, AreaId, CallStatus, Category, Contact, ContactId, ContactKind, Delivery, Destination,
    EmailAddress, EmailStatus, Lane, Method, MethodId, MethodKind, MethodState, Permanence,
    PhoneNumber, PublicLinks, Reason, Redacted, Role, Source, Status, TextStatus, Timestamp, User,
    UserId, Verdict,
};
use crate::evidence::Signer;
use crate::observe::Metrics;
use crate::search::feeder::Feeder;
use crate::search::{Opened, SearchIndex};
use crate::sim::people::{self, Invented};
use crate::store::engine::Store;
use crate::store::{Batch, Repo, RowBatch};
use crate::submit::{PublicPages, SubmitSettings, Submitter};
use crate::tracker::{
    Event, FileScanner, PromptSettings, Room, RoundStep, Tracker, TrackerSettings,
};

pub(super) const PASSWORD: &str = "a bell rings in the night";
pub(super) const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);
pub(super) const DIAGNOSTIC: &str = "smtp; 550 5.1.1 <ada@mail.example>: Recipient address rejected: User unknown in <virtual> table";

/// A console, its state and its clock.
pub(crate) struct World {
    pub(super) clock: Arc<VirtualClock>,
    pub(crate) repo: Repo,
    pub(super) tracker: Tracker,
    pub(super) submit: Submitter,
    pub(super) readiness: watch::Sender<Readiness>,
    pub(in super::super) app: Arc<App>,
    pub(crate) router: Router,
    pub(crate) county: AreaId,
    pub(super) areas: Vec<AreaId>,
    pub(crate) contacts: Vec<ContactId>,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) body: String,
}

/// A file that was asked for.
pub(super) struct Fetched {
    pub(super) status: StatusCode,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) bytes: Vec<u8>,
}

impl Fetched {
    /// The name under which a browser keeps it.
    pub(super) fn name(&self) -> &str {
        let header = self.headers.get(header::CONTENT_DISPOSITION);
        let header = header.map_or("", |value| value.to_str().unwrap());
        let name = header.strip_prefix("attachment; filename=\"");
        name.and_then(|name| name.strip_suffix('"')).unwrap_or("")
    }

    /// The rows of its only sheet, as Excel would show them.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        use calamine::{Reader, Xlsx};
        let bytes = std::io::Cursor::new(self.bytes.clone());
        let mut book: Xlsx<_> = Xlsx::new(bytes).unwrap();
        let (_, sheet) = book.worksheets().remove(0);
        let rows = sheet.rows();
        rows.map(|row| row.iter().map(ToString::to_string).collect())
            .collect()
    }
}

impl Answer {
    pub(super) fn location(&self) -> &str {
        self.headers
            .get(header::LOCATION)
            .map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(super) fn assert_has(&self, parts: &[&str]) {
        for part in parts {
            assert!(
                self.body.contains(part),
                "{part:?} is not in the page:\n{}",
                self.body
            );
        }
    }

    /// The value of the hidden field.
    pub(super) fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&start).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }
}

/// Stands for the reader of mails: file n is line n.
fn line_of(mail: &[u8], index: usize) -> Option<Vec<u8>> {
    mail.split(|byte| *byte == b'\n')
        .nth(index)
        .map(<[u8]>::to_vec)
}

/// Stands for the reader of mails: what follows the first empty line is HTML, and each field
/// "Picture" before it names a file that it may show.
fn html_in(mail: &[u8]) -> Option<crate::safe_html::MailHtml> {
    let text = String::from_utf8(mail.to_vec()).ok()?;
    let (fields, html) = text.split_once("\n\n").unwrap_or((text.as_str(), ""));
    let named = fields
        .lines()
        .filter_map(|line| line.strip_prefix("Picture: "));
    let pictures = named
        .enumerate()
        .map(|(file, id)| crate::safe_html::MailPicture {
            content_id: id.to_owned(),
            bytes: b"\x89PNG\r\n\x1a\n".to_vec(),
            file: Some(file),
        });
    Some(crate::safe_html::MailHtml {
        html: Some(html.to_owned()).filter(|html| !html.is_empty()),
        pictures: pictures.collect(),
    })
}

fn categories() -> Vec<Category> {
    let category = |name: &str, confirmation_required| Category {
        name: name.to_owned(),
        confirmation_required,
        voicemail_counts: false,
    };
    vec![category("alert", true), category("general", false)]
}

pub(crate) async fn world() -> World {
    world_with(ConsoleSettings::default()).await
}

/// One in which nobody is logged out, however long the story is.
pub(crate) async fn patient_world() -> World {
    let long = Duration::from_secs(90 * 24 * 3600);
    world_with(ConsoleSettings {
        session_idle: long,
        session_lifetime: long,
        ..ConsoleSettings::default()
    })
    .await
}

pub(super) async fn world_with(settings: ConsoleSettings) -> World {
    built(settings, None, false).await
}

/// One in which files that came in are looked through, and nobody is logged out.
pub(super) async fn scanning_world(scanner: Arc<dyn FileScanner>) -> World {
    let world = patient_world().await;
    let console = Console {
        scanner: Some(scanner),
        ..world.app.console.clone()
    };
    let app = App::new(console);
    World {
        router: router_of(Arc::clone(&app)),
        app,
        ..world
    }
}

impl World {
    /// The same, whose console hands messages in by this one.
    pub(super) fn submitting_by(self, submit: Submitter) -> Self {
        let console = Console {
            submit: submit.clone(),
            ..self.app.console.clone()
        };
        let app = App::new(console);
        Self {
            router: router_of(Arc::clone(&app)),
            app,
            submit,
            ..self
        }
    }
}

/// One that has public pages, so that people are asked to prove what is new.
pub(super) async fn asking_world() -> World {
    let pages = PublicPages {
        links: PublicLinks::new("https://me.example.org", &[7; 32]),
        organisation: "Eastmere".into(),
    };
    built(ConsoleSettings::default(), Some(pages), false).await
}

/// One in which people are asked by themselves to check what has failed.
pub(super) async fn prompting_world() -> World {
    built(ConsoleSettings::default(), None, true).await
}

impl World {
    /// Asks for a file.
    pub(super) async fn fetch(&self, request: Request<Body>) -> Fetched {
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 16 * 1024 * 1024).await.unwrap();
        Fetched {
            status: parts.status,
            headers: parts.headers,
            bytes: body.to_vec(),
        }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 16 * 1024 * 1024).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, "tocsin.example.org");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Logs in and stays so.
    pub(super) async fn browser(&self, login: &str) -> Browser<'_> {
        let form = self.get("/login").await;
        let cookie = cookie_of(&form);
        let fields = [
            ("form_token", form.hidden("form_token")),
            ("login", login.to_owned()),
            ("password", PASSWORD.to_owned()),
        ];
        let answer = self.send(post("/login", &cookie, &fields)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let cookie = cookie_of(&answer);
        let mut browser = Browser {
            world: self,
            cookie,
            csrf: String::new(),
        };
        browser.csrf = browser.get("/").await.hidden("csrf");
        browser
    }

    /// Makes somebody something else, without a page.
    pub(super) async fn give_role(&self, login: &str, role: Role) {
        self.change_user(login, |user| user.role = role).await;
    }

    /// Adds somebody of a role, with the password that all have.
    pub(super) async fn add_somebody(&self, login: &str, role: Role) {
        let like = self.repo.user_by_login("ida").unwrap().unwrap();
        let user = User {
            id: UserId::new(self.app.console.random.uuid_v7(START)),
            login: login.to_owned(),
            name: login.to_owned(),
            role,
            ..like.value
        };
        let mut batch = Batch::new();
        batch.insert(&user);
        self.repo.store().commit(batch).await.unwrap();
    }

    /// Changes somebody, without a page.
    pub(crate) async fn change_user(&self, login: &str, change: impl FnOnce(&mut User)) {
        let old = self.repo.user_by_login(login).unwrap().unwrap();
        let mut new = old.value.clone();
        change(&mut new);
        let mut batch = Batch::new();
        batch.replace(&old, &new);
        self.repo.store().commit(batch).await.unwrap();
    }

    /// Works off what waits to become deliveries.
    pub(crate) async fn expand(&self) {
        let claims = |express| {
            let lane = Lane::Expand.number(express);
            let store = self.repo.store();
            store.claim_due(lane, self.now(), Duration::from_secs(60), 10)
        };
        let all = [true, false].map(|express| claims(express).unwrap());
        for claim in all.into_iter().flatten() {
            while self
                .tracker
                .step_round(&claim.value, |_| Some(Room::Free))
                .await
                .unwrap()
                == RoundStep::More
            {}
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        use crate::clock::Clock;
        self.clock.wall()
    }

    /// Every delivery of a person.
    pub(crate) fn deliveries(&self, contact: ContactId) -> Vec<Delivery> {
        let page = self.repo.deliveries_of(contact, None, 50).unwrap();
        page.rows
            .into_iter()
            .map(|delivery| delivery.value)
            .collect()
    }

    /// Lets a delivery come to one status after the other.
    pub(crate) async fn walk(&self, delivery: &Delivery, statuses: &[Status]) {
        for status in statuses {
            self.change(delivery, *status, None).await;
        }
    }

    async fn change(&self, delivery: &Delivery, status: Status, verdict: Option<Verdict>) {
        let event = Event::Changed {
            status,
            verdict,
            source: Source::Peer,
        };
        self.tracker.record(delivery.id, event).await.unwrap();
    }

    /// Lets a delivery arrive: received, received, confirmed.
    pub(crate) async fn arrive(&self, delivery: &Delivery) {
        let steps: &[Status] = match delivery.status() {
            Status::Email(_) => &[Status::Email(EmailStatus::Received)],
            Status::Text(_) => &[
                Status::Text(TextStatus::Queued),
                Status::Text(TextStatus::Sending),
                Status::Text(TextStatus::Sent),
                Status::Text(TextStatus::Received),
            ],
            Status::Call(_) => &[
                Status::Call(CallStatus::Started),
                Status::Call(CallStatus::Ringing),
                Status::Call(CallStatus::InProgress),
                Status::Call(CallStatus::Confirmed),
            ],
        };
        for status in steps {
            self.change(delivery, *status, None).await;
        }
    }

    /// Lets a text fail for good: the number is gone.
    pub(crate) async fn fail_text(&self, delivery: &Delivery) {
        let verdict = Verdict::failure(Reason::UserUnknown, Permanence::Permanent);
        for status in [TextStatus::Sending, TextStatus::Sent] {
            self.change(delivery, Status::Text(status), None).await;
        }
        let undelivered = Status::Text(TextStatus::Undelivered);
        self.change(delivery, undelivered, Some(verdict)).await;
    }

    /// Lets an email come back for good.
    pub(super) async fn bounce(&self, delivery: &Delivery) {
        let verdict = Verdict::failure(Reason::UserUnknown, Permanence::Permanent)
            .with_diagnostic(DIAGNOSTIC)
            .with_status(crate::domain::EnhancedStatus::parse("5.1.1"));
        self.change(delivery, Status::Email(EmailStatus::Rebound), Some(verdict))
            .await;
    }
}

/// The cookies that an answer sets and keeps.
pub(super) fn cookie_of(answer: &Answer) -> String {
    let set = answer.headers.get_all(header::SET_COOKIE).into_iter();
    let pairs: Vec<&str> = set
        .map(|value| value.to_str().unwrap())
        .filter(|value| !value.contains("Max-Age=0"))
        .map(|value| value.split(';').next().unwrap())
        .collect();
    pairs.join("; ")
}

pub(super) fn encode(fields: &[(&str, String)]) -> String {
    let escape = |text: &str| {
        text.bytes()
            .map(super::super::session::percent)
            .collect::<String>()
    };
    let pairs: Vec<String> = fields
        .iter()
        .map(|(key, value)| format!("{}={}", escape(key), escape(value)))
        .collect();
    pairs.join("&")
}

pub(super) fn post(path: &str, cookie: &str, fields: &[(&str, String)]) -> Request<Body> {
    Request::post(path)
        .header(header::HOST, "tocsin.example.org")
        .header(header::ORIGIN, "https://tocsin.example.org")
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(encode(fields)))
        .unwrap()
}

/// Somebody who is logged in.
pub(super) struct Browser<'a> {
    pub(super) world: &'a World,
    pub(super) cookie: String,
    pub(super) csrf: String,
}

impl Browser<'_> {
    pub(super) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path)
            .header(header::HOST, "tocsin.example.org")
            .header(header::COOKIE, &self.cookie);
        self.world.send(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn fetch(&self, path: &str) -> Fetched {
        let request = Request::get(path)
            .header(header::HOST, "tocsin.example.org")
            .header(header::COOKIE, &self.cookie);
        self.world.fetch(request.body(Body::empty()).unwrap()).await
    }

    /// Sends the message of these fields, and makes its deliveries.
    pub(super) async fn send_out(&self, fields: &[(&str, String)]) {
        let mut fields = fields.to_vec();
        fields.push(("do", "review".to_owned()));
        let written = self.post("/communications", &fields).await;
        let path = written.location().replace("/review", "/send");
        self.post(&path, &[]).await;
        self.world.expand().await;
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, String)]) -> Answer {
        let mut all = vec![("csrf", self.csrf.clone())];
        all.extend_from_slice(fields);
        self.world.send(post(path, &self.cookie, &all)).await
    }
}
