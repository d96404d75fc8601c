//! The public pages, on a router of their own.

mod clicks;
mod guards;
mod links;
mod programs;

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use tower::ServiceExt;

use super::super::{PublicSettings, PublicSite, public_router};
use super::world::{Answer, World, world};
use crate::clock::Randomness;
use crate::domain::{
    Actor, Channel, Contact, ContactChange, ContactId, Destination, EmailAddress, EmailStatus,
    LogEvent, MethodKind, MethodState, ProofKind, PublicLinks, Redacted, Status, TicketSecrets,
};
use crate::submit::{DraftInput, PublicPages};

const HOST: &str = "portal.example.org";
pub(super) const HERE: &str = "https://portal.example.org";
const MINUTE: Duration = Duration::from_secs(61);

pub(super) fn links() -> PublicLinks {
    PublicLinks::new(HERE, &[7; 32])
}

fn email(text: &str) -> Destination {
    Destination::Email(Redacted::new(EmailAddress::parse(text).unwrap()))
}

pub(super) struct Public {
    pub(super) world: World,
    router: Router,
    submit: crate::submit::Submitter,
}

pub(super) async fn public() -> Public {
    public_with(PublicSettings::default()).await
}

async fn public_with(settings: PublicSettings) -> Public {
    let world = world().await;
    let submit = world.submit.clone().with_public_pages(PublicPages {
        links: links(),
        organisation: "Eastmere".into(),
    });
    let site = PublicSite {
        repo: world.repo.clone(),
        clock: world.clock.clone(),
        random: Randomness::seeded(5),
        submit: submit.clone(),
        tracker: world.tracker.clone(),
        links: links(),
        settings,
    };
    Public {
        router: public_router(site),
        world,
        submit,
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| {
        let value: String = value.bytes().map(super::super::session::percent).collect();
        format!("{name}={value}")
    });
    pairs.collect::<Vec<_>>().join("&")
}

impl Public {
    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1024 * 1024).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub(super) async fn get(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path)
            .header(header::HOST, HOST)
            .header(header::COOKIE, cookie);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(HERE, path, cookie, fields).await
    }

    pub(super) async fn post_from(
        &self,
        origin: &str,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let request = Request::post(path)
            .header(header::HOST, HOST)
            .header(header::ORIGIN, origin)
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(encoded(fields))).unwrap())
            .await
    }

    pub(super) fn contact(&self, id: ContactId) -> Contact {
        self.world.repo.contact(id).unwrap().unwrap().value
    }

    /// Somebody with an email address that works.
    fn somebody(&self) -> (Contact, Destination) {
        let mut contacts = self.world.contacts.iter().map(|id| self.contact(*id));
        contacts
            .find_map(|contact| {
                let method = contact
                    .methods
                    .iter()
                    .find(|method| method.kind == MethodKind::Email)?;
                let destination = method.destination.clone();
                (contact.methods.len() > 1).then(|| (contact.clone(), destination))
            })
            .unwrap()
    }

    fn secrets(&self, to: &Destination) -> TicketSecrets {
        let tickets = self.world.repo.tickets_to(&to.lookup_key(), 1).unwrap();
        links().secrets(tickets[0].delivery)
    }

    /// Logs in by the link in a mail; the cookie and the token of forms.
    async fn log_in(&self, to: &Destination) -> (String, String) {
        let asked = self.post("/log-in", "", &[("to", to.reveal())]).await;
        assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
        let path = format!("/v/{}", self.secrets(to).token);
        assert_eq!(self.get(&path, "").await.status, StatusCode::OK);
        let entered = self.post(&path, "", &[]).await;
        assert_eq!(entered.location(), "/me");
        let cookie = entered.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let page = self.get("/me", &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        (cookie, page.hidden("csrf"))
    }

    /// Everything that is stored, to see that nothing changes.
    pub(super) fn everything(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let all = crate::store::engine::KeyRange::all();
        self.world.repo.store().scan(all, 100_000).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_signs_up_and_is_a_contact_once_an_address_is_confirmed() {
    let public = public().await;
    let people = public.world.contacts.len();
    let form = public.get("/sign-up", "").await;
    form.assert_has(&["name=\"email\"", "name=\"agree\""]);
    let wrong = public
        .post(
            "/sign-up",
            "",
            &[("email", "no address"), ("first_name", "Nia")],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_has(&["no address", "Nia", "email-problem", "agree-problem"]);
    let fields = [
        ("first_name", "Nia"),
        ("last_name", "New"),
        ("email", "nia@mail.example"),
        ("language", "fr"),
        ("category", "general"),
        ("agree", "yes"),
    ];
    let done = public.post("/sign-up", "", &fields).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let to = email("nia@mail.example");
    let find = || {
        let key = to.lookup_key();
        public.world.repo.contacts_by_address(&key, 9).unwrap()
    };
    assert!(find().is_empty());
    let code = public.secrets(&to).code;
    let entered = public
        .post("/code", "", &[("to", "nia@mail.example"), ("code", &code)])
        .await;
    assert_eq!(entered.location(), "/me?done=confirmed");
    let contact = find().remove(0).value;
    assert_eq!(contact.language, "fr");
    assert_eq!(contact.methods[0].state, MethodState::Active);
    assert!(contact.wishes.allow(Channel::Email, "general"));
    assert!(!contact.wishes.allow(Channel::Email, "alert"));
    assert!(!public.world.contacts.contains(&contact.id) && people > 0);
}

#[tokio::test(start_paused = true)]
async fn people_amend_their_details_and_wishes() {
    let public = public().await;
    let (contact, to) = public.somebody();
    let (cookie, csrf) = public.log_in(&to).await;
    let send = |path: &str, fields: &[(&str, &str)]| {
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        let (path, fields) = (path.to_owned(), encoded(&all));
        let request = Request::post(path)
            .header(header::HOST, HOST)
            .header(header::ORIGIN, HERE)
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(fields))
            .unwrap();
        public.send(request)
    };
    let details = [
        ("first_name", "Ada"),
        ("last_name", "Amended"),
        ("language", "fr"),
    ];
    let saved = send("/me/details", &details).await;
    assert_eq!(saved.location(), "/me?done=saved", "{}", saved.body);
    let wishes = [
        ("want-0-email", "yes"),
        ("want-1-text", "yes"),
        ("quiet_from", "22:00"),
        ("quiet_to", "07:00"),
        ("preferred", "text"),
    ];
    send("/me/wishes", &wishes).await;
    let wrong = send(
        "/me/wishes",
        &[("quiet_from", "late"), ("quiet_to", "07:00")],
    )
    .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_has(&["value=\"late\"", "quiet_from-problem"]);
    let now = public.contact(contact.id);
    assert_eq!(now.last_name.reveal(), "Amended");
    assert!(now.wishes.allow(Channel::Email, "alert") && !now.wishes.allow(Channel::Call, "alert"));
    assert!(now.wishes.allow(Channel::Text, "general"));
    assert!(now.wishes.quiet_hours.is_some() && now.wishes.preferred == Some(Channel::Text));
    assert!(
        now.wishes
            .consents
            .iter()
            .all(|one| one.proof == ProofKind::SelfService)
    );
    // A new address takes the old one's place when it is proved.
    let method = now
        .methods
        .iter()
        .find(|one| one.destination == to)
        .unwrap()
        .id;
    let path = format!("/me/methods/{method}/replace");
    assert_eq!(
        send(&path, &[("to", "ada@new.example")]).await.location(),
        "/me?done=sent"
    );
    assert_eq!(
        public
            .contact(contact.id)
            .method(method)
            .unwrap()
            .destination,
        to
    );
    let token = public.secrets(&email("ada@new.example")).token;
    public.post(&format!("/v/{token}"), "", &[]).await;
    let replaced = public.contact(contact.id);
    assert_eq!(
        replaced.method(method).unwrap().destination,
        email("ada@new.example")
    );
    // The data, and the end.
    let data = public.get("/me/data.json", &cookie).await;
    data.assert_has(&["ada@new.example", "Amended"]);
    assert!(!data.body.contains(&token));
    let unsure = send("/me/delete", &[]).await;
    assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        send("/me/delete", &[("sure", "yes")]).await.location(),
        "/?done=deleted"
    );
    let gone = public.contact(contact.id);
    assert!(gone.methods.is_empty() && gone.full_name() == "–");
    assert!(!gone.wishes.allow(Channel::Email, "alert"));
    assert_eq!(public.get("/me", &cookie).await.location(), "/");
    let report = crate::store::check::check(public.world.repo.store()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
}

#[tokio::test(start_paused = true)]
async fn the_data_holds_what_went_both_ways_also_of_whom_one_took_over() {
    let public = public().await;
    let (contact, to) = public.somebody();
    let world = &public.world;
    let other = world.contacts.iter().find(|id| **id != contact.id);
    let other = public.contact(*other.unwrap());
    public.mail_to(&other).await;
    super::inbox::comes_in(world, 1, |incoming| {
        incoming.contact = Some(other.id);
        incoming.subject = "My boat".into();
    })
    .await;
    let by = crate::domain::UserId::from_bytes([1; 16]);
    let merging = world.tracker.merge_contacts(contact.id, other.id, by);
    assert_eq!(merging.await.unwrap(), crate::tracker::Merged::Done);
    let (cookie, _) = public.log_in(&to).await;
    let data = public.get("/me/data.json", &cookie).await;
    let data: serde_json::Value = serde_json::from_str(&data.body).unwrap();
    let titles = data["messages"].as_array().unwrap().iter();
    assert!(titles.clone().any(|one| one["title"] == "News"), "{data}");
    let conversation = &data["conversations"][0];
    assert_eq!(conversation["subject"], "My boat");
    let message = &conversation["messages"][0];
    assert_eq!(message["from_you"], true);
    assert!(
        message["text"]
            .as_str()
            .unwrap()
            .starts_with("We are <b>safe</b>.")
    );
    let log = data["log"].as_array().unwrap();
    assert!(log.iter().any(|line| line["event"] == "replied"), "{data}");
    assert!(
        !log.iter().any(|line| line["event"] == "message-created"),
        "{data}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_large_tree_of_areas_is_not_read_for_strangers() {
    use crate::domain::{Area, AreaId};
    let public = public().await;
    let area = |n: u16| {
        let mut id = [9; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        Area {
            id: AreaId::from_bytes(id),
            parent: None,
            name: format!("Area {n}"),
        }
    };
    let areas: Vec<Area> = (0..501).map(area).collect();
    public.world.tracker.add_areas(&areas).await.unwrap();
    // Whoever reads all of them finds out that one cannot be read.
    let mut batch = crate::store::Batch::new();
    batch.put(
        crate::store::keys::area(AreaId::from_bytes([255; 16])),
        b"nonsense".to_vec(),
    );
    public.world.repo.store().commit(batch).await.unwrap();
    let form = public.get("/sign-up", "").await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.body);
    assert!(!form.body.contains("Area 1"));
    let chosen = areas[7].id.to_string();
    let fields = [
        ("first_name", "Nia"),
        ("email", "nia@mail.example"),
        ("area", chosen.as_str()),
        ("agree", "yes"),
    ];
    let done = public.post("/sign-up", "", &fields).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let nowhere = AreaId::from_bytes([8; 16]).to_string();
    let fields = fields.map(|(name, value)| match name {
        "area" => (name, nowhere.as_str()),
        _ => (name, value),
    });
    let wrong = public.post("/sign-up", "", &fields).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

impl Public {
    /// A mail that somebody wrote in the console, on its way to this contact.
    async fn mail_to(&self, contact: &Contact) -> crate::domain::DeliveryId {
        self.mail_saying("<p>Something new.</p>", contact, false)
            .await
    }

    /// The same with this HTML, whose links are counted if that is asked for.
    async fn mail_saying(
        &self,
        html: &str,
        contact: &Contact,
        clicks: bool,
    ) -> crate::domain::DeliveryId {
        self.submit.replace_settings(crate::submit::SubmitSettings {
            categories: self.submit.categories(),
            tracking: crate::domain::Tracking {
                opens: true,
                clicks: true,
            },
            ..crate::submit::SubmitSettings::default()
        });
        let draft = DraftInput {
            campaign: None,
            related: None,
            matter: None,
            template: None,
            plan: crate::domain::SendingPlan {
                tracking: crate::domain::Tracking {
                    opens: true,
                    clicks,
                },
                ..crate::domain::SendingPlan::default()
            },
            category: "general".into(),
            channels: crate::domain::Channels::only(Channel::Email),
            audience: crate::domain::Audience {
                contacts: vec![contact.id],
                ..crate::domain::Audience::default()
            },
            content: crate::domain::Content {
                subject: "News".into(),
                text: "Something new.".into(),
                html: html.to_owned(),
                sms_text: String::new(),
                voice_script: String::new(),
                attachments: Vec::new(),
            },
        };
        let by = crate::domain::UserId::from_bytes([1; 16]);
        let id = self.submit.save_draft(None, &draft, by).await.unwrap();
        self.submit.send(id).await.unwrap();
        self.world.expand().await;
        let made = self.world.repo.deliveries_of(contact.id, None, 1).unwrap();
        made.rows[0].id
    }
}

#[tokio::test(start_paused = true)]
async fn pages_come_in_french_and_remember_it() {
    let public = public().await;
    let chosen = public.get("/?lang=fr", "").await;
    chosen.assert_has(&["lang=\"fr\"", "Se connecter"]);
    let cookie = chosen.headers[header::SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    public
        .get("/sign-up", &cookie)
        .await
        .assert_has(&["S’inscrire"]);
    let policy = chosen.headers[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(!policy.contains("script-src"));
    assert_eq!(chosen.headers[header::REFERRER_POLICY], "no-referrer");
}

#[tokio::test(start_paused = true)]
async fn the_console_sends_a_verification_after_a_correction() {
    let public = public().await;
    let (contact, to) = public.somebody();
    let method = contact
        .methods
        .iter()
        .find(|one| one.destination == to)
        .unwrap()
        .id;
    let by = crate::domain::UserId::from_bytes([1; 16]);
    let new = email("put.right@mail.example");
    public
        .submit
        .correct(contact.id, method, new.clone(), by)
        .await
        .unwrap();
    let path = format!("/v/{}", public.secrets(&new).token);
    let proved = public.post(&path, "", &[]).await;
    assert_eq!(proved.location(), "/?done=confirmed");
    let state = public.contact(contact.id).method(method).unwrap().state;
    assert_eq!(state, MethodState::Active);
    let log = public.world.repo.log(contact.id, None, 50).unwrap().rows;
    let said = |wanted: ContactChange, actor: Actor| {
        log.iter().any(|entry| {
            matches!(entry.event, LogEvent::Changed { change, by, .. } if change == wanted && by == actor)
        })
    };
    assert!(said(ContactChange::VerificationSent, Actor::User(by)));
    assert!(said(ContactChange::MethodVerified, Actor::Person));
    public.world.clock.advance(MINUTE);
}
