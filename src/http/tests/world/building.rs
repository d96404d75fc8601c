//! How the console and its people come to be.

use super::*;

pub(super) async fn built(
    settings: ConsoleSettings,
    pages: Option<PublicPages>,
    prompting: bool,
) -> World {
    let clock = VirtualClock::standing(START);
    let random = Randomness::seeded(11);
    let repo = Repo::new(Store::memory());
    let shared: SharedClock = Arc::clone(&clock) as SharedClock;
    let settings_of_tracker = TrackerSettings {
        categories: categories(),
        suspension: SuspensionPolicy::default(),
        prompts: PromptSettings {
            enabled: prompting,
            ..PromptSettings::default()
        },
    };
    let tracker = Tracker::new(
        repo.clone(),
        shared.clone(),
        random.fork(),
        settings_of_tracker,
    );
    let settings_of_submit = SubmitSettings {
        categories: categories(),
        reminders: ReminderPlan::default(),
        default_language: "en".to_owned(),
        ..SubmitSettings::default()
    };
    let submit = Submitter::new(
        repo.clone(),
        shared.clone(),
        random.fork(),
        tracker.clone(),
        settings_of_submit,
    );
    let submit = match pages {
        Some(pages) => submit.with_public_pages(pages),
        None => submit,
    };
    let (county, areas) = add_areas(&tracker, &random).await;
    let contacts = add_people(&tracker, &random, &areas).await;
    add_user(&repo, &random, "ida", Role::Administrator).await;
    add_user(&repo, &random, "otto", Role::Operator).await;
    add_user(&repo, &random, "app", Role::Application).await;
    let (readiness, watched) = watch::channel(Readiness::default());
    let console = Console {
        repo: repo.clone(),
        clock: shared,
        random,
        submit: submit.clone(),
        tracker: tracker.clone(),
        search: Feeder::new(
            repo.clone(),
            Arc::new(SearchIndex::in_memory().unwrap()),
            Opened::Empty,
            "",
        ),
        settings,
        readiness: watched,
        metrics: Metrics::new(START.as_secs()),
        speaker: None,
        evidence: Signer::from_seed(&[9; 32]).unwrap(),
        cursor_key: Redacted::new([10; 32]),
        file_of_mail: line_of,
        html_of_mail: html_in,
        scanner: None,
        stop: CancellationToken::new(),
    };
    let app = App::new(console);
    World {
        clock,
        repo,
        tracker,
        submit,
        readiness,
        router: router_of(Arc::clone(&app)),
        app,
        county,
        areas,
        contacts,
    }
}

async fn add_areas(tracker: &Tracker, random: &Randomness) -> (AreaId, Vec<AreaId>) {
    let area = |name: &str, parent| Area {
        id: AreaId::new(random.uuid_v7(START)),
        parent,
        name: name.to_owned(),
    };
    let county = area(people::COUNTY, None);
    let parts: Vec<Area> = people::AREAS
        .iter()
        .map(|name| area(name, Some(county.id)))
        .collect();
    let ids = (county.id, parts.iter().map(|area| area.id).collect());
    let all: Vec<Area> = std::iter::once(county).chain(parts).collect();
    tracker.add_areas(&all).await.unwrap();
    ids
}

async fn add_people(tracker: &Tracker, random: &Randomness, areas: &[AreaId]) -> Vec<ContactId> {
    let contacts: Vec<Contact> = people::invent(5)
        .iter()
        .map(|person| contact(person, random, areas))
        .collect();
    tracker.add_contacts(&contacts).await.unwrap();
    contacts.iter().map(|contact| contact.id).collect()
}

fn contact(person: &Invented, random: &Randomness, areas: &[AreaId]) -> Contact {
    let method = |kind, destination| Method {
        state: MethodState::Active,
        ..Method::new(MethodId::new(random.uuid_v7(START)), kind, destination)
    };
    let phone =
        |number: &str| Destination::Phone(Redacted::new(PhoneNumber::from_e164(number).unwrap()));
    let mut methods = Vec::new();
    if let Some((address, _)) = &person.email {
        let address = EmailAddress::parse(address).unwrap();
        methods.push(method(
            MethodKind::Email,
            Destination::Email(Redacted::new(address)),
        ));
    }
    if let Some((number, _)) = &person.mobile {
        methods.push(method(MethodKind::Mobile, phone(number)));
    }
    if let Some(number) = &person.landline {
        methods.push(method(MethodKind::Landline, phone(number)));
    }
    Contact {
        id: ContactId::new(random.uuid_v7(START)),
        kind: ContactKind::Citizen,
        first_name: Redacted::new(person.first_name.to_owned()),
        last_name: Redacted::new(person.last_name.to_owned()),
        language: "en".to_owned(),
        area: Some(areas[person.area]),
        methods,
        issue_since: None,
        prompted_at: None,
        created_at: START,
        groups: Vec::new(),
        custom: Vec::new(),
        wishes: crate::domain::Wishes::default(),
        import: None,
    }
}

async fn add_user(repo: &Repo, random: &Randomness, login: &str, role: Role) {
    let user = User {
        id: UserId::new(random.uuid_v7(START)),
        login: login.to_owned(),
        name: format!("{}{} Bell", login[..1].to_uppercase(), &login[1..]),
        role,
        password_hash: Redacted::new(hash_password(PASSWORD, Role::Operator, random).unwrap()),
        created_at: START,
        language: None,
        time_zone: None,
        email: None,
        mobile: None,
        areas: Vec::new(),
        notify_replies: false,
        case_scope: crate::domain::CaseScope::All,
        disabled: false,
        second_factor: None,
    };
    let mut batch = Batch::new();
    batch.insert(&user);
    repo.store().commit(batch).await.unwrap();
}
