//! Every act leaves exactly its entry: who, what, and what it is about.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::json;

use super::api::program;
use super::world::{Answer, Browser, World, cookie_of, post, world};
use crate::domain::{AuditActor, AuditEntry, Subject, SubjectKind, UserId, Via};
use crate::store::check::check;
use crate::store::engine::{CHAIN, KeyRange};
use crate::store::records::Record;

impl World {
    /// Every entry of the record.
    pub(super) fn audited(&self) -> Vec<AuditEntry> {
        let found = self
            .repo
            .store()
            .chain_entries(KeyRange::prefix(CHAIN), 10_000);
        let read = |payload: &[u8]| AuditEntry::from_bytes(payload).unwrap();
        found
            .unwrap()
            .iter()
            .map(|entry| read(&entry.payload))
            .collect()
    }

    pub(super) fn user(&self, login: &str) -> UserId {
        self.repo.user_by_login(login).unwrap().unwrap().id
    }
}

/// What a step added to the record.
struct Step<'a> {
    world: &'a World,
    before: usize,
}

impl<'a> Step<'a> {
    fn begin(world: &'a World) -> Self {
        let before = world.audited().len();
        Self { world, before }
    }

    /// One entry, of this act by this actor, about these kinds of things at least.
    #[track_caller]
    fn left(&self, act: &str, actor: AuditActor, kinds: &[SubjectKind]) -> AuditEntry {
        let added = self.world.audited().split_off(self.before);
        let acts: Vec<&str> = added.iter().map(|entry| entry.act.as_str()).collect();
        assert_eq!(acts, [act]);
        let entry = added.into_iter().next().unwrap();
        assert_eq!(entry.actor, actor, "{act}");
        for kind in kinds {
            let named = entry.subjects.iter().any(|subject| subject.kind == *kind);
            assert!(named, "{act}: {:?}", entry.subjects);
        }
        assert!(entry.network.is_some() || actor == AuditActor::Gateway);
        entry
    }

    #[track_caller]
    fn left_nothing(&self) {
        assert_eq!(self.world.audited().len(), self.before);
    }
}

fn fields<const N: usize>(pairs: [(&'static str, &str); N]) -> Vec<(&'static str, String)> {
    pairs.map(|(key, value)| (key, value.to_owned())).to_vec()
}

async fn done(browser: &Browser<'_>, path: &str, form: &[(&str, String)]) -> Answer {
    let answer = browser.post(path, form).await;
    let went = answer.status.is_redirection() || answer.status.is_success();
    assert!(went, "{path}: {} {}", answer.status, answer.body);
    answer
}

#[tokio::test]
async fn every_kind_of_act_leaves_exactly_its_entry() {
    use SubjectKind as K;
    let world = world().await;
    let at_login = Step::begin(&world);
    let admin = world.browser("ida").await;
    let ada = AuditActor::User(world.user("ida"), Via::Console);
    at_login.left("session.begin", ada, &[K::Session]);
    let contact = world.contacts[0];
    let with_contact = fields([("contact", &contact.to_string())]);

    // Where, what is entered, what is done, to what.
    type Done<'a> = (String, Vec<(&'a str, String)>, &'a str, Vec<K>);
    let steps: Vec<Done<'_>> = vec![
        (
            "/groups".into(),
            fields([("name", "Wardens")]),
            "group.create",
            vec![K::Group],
        ),
        (
            "/campaigns".into(),
            fields([("campaign_name", "Flood")]),
            "campaign.create",
            vec![K::Campaign],
        ),
        (
            "/areas".into(),
            fields([("name", "Mill Lane"), ("parent", "")]),
            "area.create",
            vec![K::Area],
        ),
        (
            "/recipients/add".into(),
            with_contact.clone(),
            "recipients.add",
            vec![K::Contact],
        ),
        (
            "/recipients/remove".into(),
            with_contact,
            "recipients.remove",
            vec![K::Contact],
        ),
        (
            "/users".into(),
            fields([
                ("login", "bea"),
                ("name", "Bea"),
                ("role", "administrator"),
                ("password", "a long enough word here"),
                ("password_again", "a long enough word here"),
                ("again", "a long enough word here"),
            ]),
            "user.create",
            vec![K::User],
        ),
    ];
    for (path, form, act, kinds) in steps {
        let step = Step::begin(&world);
        done(&admin, &path, &form).await;
        step.left(act, ada, &kinds);
    }
    let bea = world.user("bea");
    for (verb, act) in [("disable", "user.disable"), ("enable", "user.enable")] {
        let step = Step::begin(&world);
        done(&admin, &format!("/users/{bea}/{verb}"), &[]).await;
        let entry = step.left(act, ada, &[]);
        assert_eq!(entry.subjects[0], Subject::new(K::User, *bea.as_bytes()));
    }
    let leaving = Step::begin(&world);
    done(&admin, "/logout", &[]).await;
    leaving.left("session.end", ada, &[K::Session]);
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn looking_leaves_nothing_and_taking_out_is_recorded_before_it_goes_out() {
    let world = world().await;
    let admin = world.browser("ida").await;
    let looking = Step::begin(&world);
    for path in [
        "/",
        "/contacts",
        "/log",
        "/communications",
        "/contacts/export",
        "/users",
    ] {
        assert_eq!(admin.get(path).await.status, StatusCode::OK, "{path}");
    }
    looking.left_nothing();
    let ada = AuditActor::User(world.user("ida"), Via::Console);
    for (path, act) in [
        ("/contacts/export/file?format=csv", "contacts"),
        ("/log/export", "log"),
    ] {
        let step = Step::begin(&world);
        assert_eq!(admin.fetch(path).await.status, StatusCode::OK, "{path}");
        step.left(&format!("export.{act}"), ada, &[]);
    }
}

#[tokio::test]
async fn failed_logins_are_recorded_without_names_and_so_many_a_minute() {
    let world = world().await;
    let form = world.get("/login").await;
    let cookie = cookie_of(&form);
    let token = form.hidden("form_token");
    let attempt = |login: &str| {
        let login = login.to_owned();
        let given = [
            ("form_token", token.clone()),
            ("login", login),
            ("password", "not the password".to_owned()),
        ];
        world.send(post("/login", &cookie, &given))
    };
    let step = Step::begin(&world);
    attempt("a.stranger").await;
    let entry = step.left("session.refused", AuditActor::Nobody, &[]);
    assert!(!format!("{entry:?}").contains("stranger"));
    let step = Step::begin(&world);
    attempt("ida").await;
    let ada = AuditActor::User(world.user("ida"), Via::Console);
    step.left("session.refused", ada, &[]);
    for number in 0..60 {
        attempt(&format!("guess{number}")).await;
    }
    let recorded = world.audited().len();
    assert!(recorded <= 30, "{recorded}");
}

#[tokio::test]
async fn what_is_refused_is_recorded_with_what_was_wanted() {
    let world = world().await;
    let operator = world.browser("otto").await;
    let step = Step::begin(&world);
    let answer = operator.post("/users", &fields([("login", "eve")])).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let who = AuditActor::User(world.user("otto"), Via::Console);
    let entry = step.left("access.refused", who, &[]);
    assert_eq!(entry.detail, "user.create");
}

#[tokio::test]
async fn programs_act_in_the_name_of_their_users() {
    let world = world().await;
    let ida = program(&world, "ida").await;
    let actor = AuditActor::User(world.user("ida"), Via::Program);
    let wardens = json!({ "name": "Wardens" });
    let make = || ida.ask(Method::POST, "/api/v1/groups", Some("once"), Some(&wardens));
    let step = Step::begin(&world);
    let made = make().await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    step.left("group.create", actor, &[SubjectKind::Group]);
    let again = Step::begin(&world);
    make().await;
    again.left_nothing();
    let step = Step::begin(&world);
    let file = ida.fetch("/api/v1/contacts/export?format=csv").await;
    assert_eq!(file.status, StatusCode::OK);
    step.left(&format!("export.{}", "contacts"), actor, &[]);
    let step = Step::begin(&world);
    let request = Request::get("/api/v1/groups")
        .header(header::HOST, "tocsin.example.org")
        .header(header::AUTHORIZATION, "Bearer tocsin_wrong");
    world.send(request.body(Body::empty()).unwrap()).await;
    step.left("token.refused", AuditActor::Nobody, &[]);
}

#[tokio::test]
async fn the_record_is_shown_filtered_and_taken_out_by_those_who_may() {
    let world = world().await;
    let admin = world.browser("ida").await;
    done(&admin, "/groups", &fields([("name", "Wardens")])).await;
    let page = admin.get("/audit").await;
    page.assert_has(&["session.begin", "group.create", "lead up to entry 2"]);
    let head = world.repo.store().chain_head().unwrap();
    page.assert_has(&[&data_encoding::HEXLOWER.encode(&head.hash)]);
    let groups = admin.get("/audit?act=group").await;
    groups.assert_has(&["group.create"]);
    assert!(!groups.body.contains("session.begin"));
    let group = world.audited()[1].subjects[0].id;
    let id = data_encoding::HEXLOWER.encode(&group);
    let about = admin.get(&format!("/audit?subject={id}&days=7")).await;
    about.assert_has(&["group.create", &format!("/groups/{id}")]);
    let nobody = admin.get(&format!("/audit?user={id}")).await;
    nobody.assert_has(&["No entries"]);
    let file = admin.fetch("/audit/export?act=group").await;
    let text = String::from_utf8(file.bytes).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains(&format!("group:{id}")));
    // It takes its turn among the files that are being made.
    let all = u32::try_from(world.app.exports.available_permits()).unwrap();
    let taken = world.app.exports.acquire_many(all).await.unwrap();
    let busy = admin.fetch("/audit/export?act=nothing").await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    drop(taken);
    let refused = world.browser("otto").await.get("/audit").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let program = program(&world, "ida").await;
    let first = program.get("/api/v1/audit?limit=1").await;
    let next = first["next"].as_str().unwrap();
    let path = format!("/api/v1/audit?limit=1&cursor={next}");
    let second = program.get(&path).await;
    let number = |page: &serde_json::Value| page["items"][0]["number"].as_u64().unwrap();
    assert_eq!(number(&first), number(&second) + 1);
    let groups = program.get("/api/v1/audit?act=group.create").await;
    assert_eq!(groups["items"][0]["subjects"][0]["id"], id);
    let standing = program.get("/api/v1/audit/standing").await;
    let head = world.repo.store().chain_head().unwrap();
    assert_eq!(standing["number"], head.number);
    assert_eq!(standing["hash"], data_encoding::HEXLOWER.encode(&head.hash));
    assert_eq!(standing["whole"], true);
    let file = program.fetch("/api/v1/audit/export?act=group").await;
    assert_eq!(String::from_utf8(file.bytes).unwrap(), text);
    let last = world.audited().pop().unwrap();
    assert_eq!(last.act, format!("export.{}", "audit"));
}

#[tokio::test]
async fn a_changed_entry_shows_on_the_page() {
    let world = world().await;
    let admin = world.browser("ida").await;
    done(&admin, "/groups", &fields([("name", "Wardens")])).await;
    let store = world.repo.store();
    let key = crate::store::engine::chain_key(1);
    let mut value = store.get(&key).unwrap().unwrap();
    let end = value.len() - 1;
    value[end] ^= 1;
    store.tamper(key, Some(value)).await;
    let page = admin.get("/audit?act=group").await;
    page.assert_has(&["do not lead up to entry 2"]);
}
