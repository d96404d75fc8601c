//! When it goes out, who has to agree, and what belongs to it: trials and corrections.

use super::*;

#[tokio::test]
async fn what_is_scheduled_goes_out_at_its_time_and_once() {
    let world = World::new().await;
    person(&world, "Ada", 1).await;
    let mut draft = world.draft();
    let at = world.clock.wall().plus(HOUR);
    draft.plan.scheduled_at = Some(at);
    let id = world.submitter.save_draft(None, &draft, BY).await.unwrap();
    assert_eq!(world.submitter.send(id).await.unwrap(), Sent::Later { at });
    assert_eq!(world.submitter.send(id).await.unwrap(), Sent::Before);
    world.is_sound();
    let store = world.repo.store();
    let claim = |now| {
        let lane = Lane::Scheduled.number(false);
        store.claim_due(lane, now, HOUR, 10).unwrap()
    };
    assert!(claim(world.clock.wall()).is_empty(), "not yet");
    let early = world.submitter.send_scheduled(id).await.unwrap();
    assert_eq!(early, OnTime::Nothing);
    world.clock.advance(HOUR);
    assert_eq!(claim(world.clock.wall()).len(), 1);
    let (one, two) = tokio::join!(
        world.submitter.send_scheduled(id),
        world.submitter.send_scheduled(id)
    );
    let mut both = [one.unwrap(), two.unwrap()];
    both.sort_by_key(|one| *one == OnTime::Nothing);
    assert_eq!(both, [OnTime::Sent { people: 1 }, OnTime::Nothing]);
    assert_eq!(state(&world, id), CommunicationState::Expanding);
    world.is_sound();
}

#[tokio::test]
async fn what_is_too_late_is_a_draft_again() {
    let world = World::new().await;
    person(&world, "Ada", 1).await;
    let mut draft = world.draft();
    draft.plan.scheduled_at = Some(world.clock.wall().plus(HOUR));
    let id = world.submitter.save_draft(None, &draft, BY).await.unwrap();
    world.submitter.send(id).await.unwrap();
    world.clock.advance(HOUR * 2 + Duration::from_secs(1));
    let outcome = world.submitter.send_scheduled(id).await.unwrap();
    assert_eq!(outcome, OnTime::TooLate);
    assert_eq!(state(&world, id), CommunicationState::Draft);
    let problems = world
        .submitter
        .problems(&world.submitter.draft(id).unwrap());
    assert_eq!(problems[0].field, "scheduled_at");
    world.is_sound();
}

/// A scheduled communication to everybody but `except_groups`, and to `groups`; then both groups
/// are deleted behind its back.
async fn with_deleted(world: &World, groups: Vec<GroupId>, except: Vec<GroupId>) -> OnTime {
    let mut draft = world.draft();
    draft.plan.scheduled_at = Some(world.clock.wall().plus(HOUR));
    draft.audience.groups.clone_from(&groups);
    draft.audience.except_groups.clone_from(&except);
    let id = world.submitter.save_draft(None, &draft, BY).await.unwrap();
    world.submitter.send(id).await.unwrap();
    for group in groups.into_iter().chain(except) {
        let by = Actor::User(BY);
        world.tracker.delete_group(group, by).await.unwrap();
    }
    world.clock.advance(HOUR);
    let outcome = world.submitter.send_scheduled(id).await.unwrap();
    if outcome == OnTime::Refused {
        assert_eq!(state(world, id), CommunicationState::Draft);
        draft.plan.scheduled_at = None;
        let kept = world.submitter.save_draft(Some(id), &draft, BY).await;
        kept.unwrap();
        let sent = world.submitter.send(id).await;
        assert!(matches!(sent, Err(SubmitError::Invalid(_))), "{sent:?}");
    }
    outcome
}

#[tokio::test]
async fn who_was_left_out_is_not_sent_to_because_the_group_is_gone() {
    let world = World::new().await;
    let ada = person(&world, "Ada", 1).await;
    person(&world, "Ben", 2).await;
    let named = group(&world, &[ada]).await;
    let outcome = with_deleted(&world, vec![named], vec![]).await;
    assert_eq!(outcome, OnTime::Sent { people: 2 });
    let left_out = group(&world, &[ada]).await;
    let outcome = with_deleted(&world, vec![], vec![left_out]).await;
    assert_eq!(outcome, OnTime::Refused);
    world.is_sound();
}

#[tokio::test]
async fn an_area_inside_one_that_is_left_out_takes_nobody_out_of_it_unsaid() {
    let world = World::new().await;
    person(&world, "Ada", 1).await;
    let area = |name: &str, parent| Area {
        id: AreaId::new(world.random.uuid_v7(world.clock.wall())),
        parent: Some(parent),
        name: name.into(),
    };
    let district = area("District", world.area);
    let beats = ["North", "South", "Empty"].map(|name| area(name, district.id));
    let elsewhere = area("Elsewhere", world.area);
    let all = [vec![district.clone(), elsewhere.clone()], beats.to_vec()].concat();
    world.tracker.add_areas(&all).await.unwrap();
    for (number, beat) in [(5, &beats[0]), (6, &beats[1])] {
        let there = person(&world, "Ben", number).await;
        let moved = world.tracker.change_contact(there, |contact| {
            contact.area = Some(beat.id);
            Some(Vec::new())
        });
        moved.await.unwrap();
    }
    let mut draft = world.draft();
    draft.plan.scheduled_at = Some(world.clock.wall().plus(HOUR));
    draft.audience.except_areas = vec![district.id];
    let id = world.submitter.save_draft(None, &draft, BY).await.unwrap();
    world.submitter.send(id).await.unwrap();
    let by = Actor::User(BY);
    let delete = async |area: &Area, into: &Area| {
        let deleted = world.submitter.delete_area(area.id, Some(into.id), by);
        let deleted = deleted.await;
        let refused = Refusal::LeftOut;
        let refused = matches!(&deleted, Err(SubmitError::Tracker(TrackerError::Refused(why))) if *why == refused);
        assert!(refused || deleted.is_ok(), "{deleted:?}");
        (deleted.is_ok(), state(&world, id))
    };
    let scheduled = CommunicationState::Scheduled;
    // Its people stay in the district; or nobody is there.
    assert_eq!(delete(&beats[0], &district).await, (true, scheduled));
    assert_eq!(delete(&beats[2], &elsewhere).await, (true, scheduled));
    assert_eq!(delete(&beats[1], &elsewhere).await, (false, scheduled));
    assert!(world.repo.area(beats[1].id).unwrap().is_some());
    world.is_sound();
}

#[tokio::test]
async fn whoever_took_a_contact_over_is_meant_by_its_name() {
    let world = World::new().await;
    let ada = person(&world, "Ada", 1).await;
    let ben = person(&world, "Ben", 2).await;
    let twin = person(&world, "Ben", 3).await;
    world.tracker.merge_contacts(ben, twin, BY).await.unwrap();
    let mut draft = world.draft();
    draft.audience.except_contacts = vec![twin];
    let people = async |draft: &DraftInput| {
        let count = world.submitter.audience_count(draft.audience.clone());
        count.await.unwrap()
    };
    assert_eq!(people(&draft).await, 1, "Ada alone");
    draft.audience = Audience {
        contacts: vec![ada, twin],
        ..Audience::default()
    };
    assert_eq!(people(&draft).await, 2);
}

#[tokio::test]
async fn what_is_taken_back_does_not_go_out() {
    let world = World::new().await;
    person(&world, "Ada", 1).await;
    let mut draft = world.draft();
    draft.plan.scheduled_at = Some(world.clock.wall().plus(HOUR));
    let id = world.submitter.save_draft(None, &draft, BY).await.unwrap();
    world.submitter.send(id).await.unwrap();
    let refused = world.submitter.save_draft(Some(id), &draft, BY).await;
    assert!(matches!(refused, Err(SubmitError::NotADraft)));
    world.submitter.withdraw(id).await.unwrap();
    world.clock.advance(HOUR);
    let outcome = world.submitter.send_scheduled(id).await.unwrap();
    assert_eq!(outcome, OnTime::Nothing);
    assert_eq!(state(&world, id), CommunicationState::Draft);
}

fn with_rules(world: &World, rules: ApprovalRules) {
    let settings = SubmitSettings {
        categories: world.submitter.categories(),
        approval: rules,
        ..SubmitSettings::default()
    };
    world.submitter.replace_settings(settings);
}

#[tokio::test]
async fn somebody_else_approves_and_what_was_asked_about_goes_out() {
    let world = World::new().await;
    let ada = person(&world, "Ada", 1).await;
    with_rules(
        &world,
        ApprovalRules {
            categories: vec!["alert".into()],
            ..ApprovalRules::default()
        },
    );
    let submitter = &world.submitter;
    let id = submitter
        .save_draft(None, &world.draft(), BY)
        .await
        .unwrap();
    let refused = submitter.send(id).await;
    assert!(matches!(refused, Err(SubmitError::NeedsApproval)));
    submitter.ask_approval(id, None, BY, true).await.unwrap();
    let refused = submitter.save_draft(Some(id), &world.draft(), BY).await;
    assert!(matches!(refused, Err(SubmitError::NotADraft)));
    let own = submitter
        .decide_approval(id, None, BY, decision(true, ""))
        .await;
    assert!(matches!(own, Err(SubmitError::OwnWork)));
    person(&world, "Ben", 2).await;
    let decided = submitter
        .decide_approval(id, None, OTHER, decision(true, "fine"))
        .await;
    assert_eq!(
        decided.unwrap(),
        Decided::Approved(Sent::Now { people: 1 }),
        "whoever came later was not approved"
    );
    let chunk = world.repo.audience_chunk(id, 0).unwrap().unwrap();
    assert_eq!(chunk.contacts, [ada]);
    let sent = world.repo.communication(id).unwrap().unwrap();
    assert_eq!(sent.approval.as_ref().unwrap().decided_by, Some(OTHER));
    let again = submitter
        .decide_approval(id, None, OTHER, decision(true, ""))
        .await
        .unwrap();
    assert_eq!(again, Decided::Approved(Sent::Before));
    world.is_sound();
}

#[tokio::test]
async fn what_is_returned_keeps_the_note_and_what_is_edited_loses_the_approval() {
    let world = World::new().await;
    person(&world, "Ada", 1).await;
    let rules = ApprovalRules {
        above_people: 1,
        emergency_bypass: true,
        ..ApprovalRules::default()
    };
    with_rules(&world, rules);
    let submitter = &world.submitter;
    let mut draft = world.draft();
    let small = submitter.save_draft(None, &draft, BY).await.unwrap();
    assert!(!submitter.review(small).await.unwrap().needs_approval);
    person(&world, "Ben", 2).await;
    assert!(submitter.review(small).await.unwrap().needs_approval);
    submitter.ask_approval(small, None, BY, true).await.unwrap();
    let returned = submitter.decide_approval(small, None, OTHER, decision(false, "too loud"));
    assert_eq!(returned.await.unwrap(), Decided::Returned);
    let back = world.repo.communication(small).unwrap().unwrap();
    assert_eq!(back.state, CommunicationState::Draft);
    assert_eq!(back.approval.as_ref().unwrap().note, "too loud");
    submitter.ask_approval(small, None, BY, true).await.unwrap();
    submitter.withdraw(small).await.unwrap();
    let back = world.repo.communication(small).unwrap().unwrap();
    assert_eq!(back.approval, None);
    // An emergency goes out, and it stays written down that nobody approved it.
    draft.plan.emergency = true;
    submitter.save_draft(Some(small), &draft, BY).await.unwrap();
    submitter.send(small).await.unwrap();
    let sent = world.repo.communication(small).unwrap().unwrap();
    assert!(sent.approval.as_ref().unwrap().is_waived());
    world.is_sound();
}

fn user(world: &World) -> User {
    User {
        id: BY,
        login: "ida".into(),
        name: "Ida".into(),
        role: Role::Operator,
        password_hash: Redacted::new(String::new()),
        created_at: world.clock.wall(),
        language: None,
        time_zone: None,
        email: Some(Redacted::new(
            EmailAddress::parse("ida@example.org").unwrap(),
        )),
        mobile: None,
        areas: Vec::new(),
        notify_replies: false,
        case_scope: crate::domain::CaseScope::All,
        disabled: false,
        second_factor: None,
    }
}

#[tokio::test]
async fn a_trial_goes_to_its_author_alone_and_is_marked() {
    let world = World::new().await;
    person(&world, "Ada", 1).await;
    let submitter = &world.submitter;
    let id = submitter
        .save_draft(None, &world.draft(), BY)
        .await
        .unwrap();
    let ida = user(&world);
    let refused = submitter.send_trial(id, &ida, Channels::ALL).await;
    assert!(matches!(refused, Err(SubmitError::Invalid(_))), "no mobile");
    let only = Channels::only(Channel::Email);
    let trial = submitter.send_trial(id, &ida, only).await.unwrap();
    let sent = world.repo.communication(trial).unwrap().unwrap();
    assert!(sent.origin.is_by_itself());
    assert_eq!(sent.title, "[Test] Flood");
    assert_eq!(sent.related.unwrap().relation, Relation::Trial);
    let people = world.repo.people(trial, None, 10).unwrap().rows;
    assert_eq!(people.len(), 1);
    assert_eq!(state(&world, id), CommunicationState::Draft);
    world.is_sound();
}

#[tokio::test]
async fn a_correction_goes_to_the_same_people_and_is_linked() {
    let world = World::new().await;
    let ada = person(&world, "Ada", 1).await;
    let submitter = &world.submitter;
    let campaign = submitter.make_campaign("Floods", BY).await.unwrap();
    let twice = submitter.make_campaign(" floods", BY).await;
    assert!(matches!(twice, Err(SubmitError::Invalid(_))));
    let draft = DraftInput {
        campaign: Some(campaign),
        ..world.draft()
    };
    let id = submitter.save_draft(None, &draft, BY).await.unwrap();
    let wanted = || FollowUp {
        relation: Relation::Correction,
        whom: Whom::All,
        prefix: "Correction: ".into(),
    };
    let early = submitter.follow(id, wanted(), OTHER).await;
    assert!(matches!(early, Err(SubmitError::NotYet)));
    submitter.send(id).await.unwrap();
    person(&world, "Ben", 2).await;
    let new = submitter.follow(id, wanted(), OTHER).await.unwrap();
    let begun = submitter.draft(new).unwrap();
    assert_eq!(begun.content.subject, "Correction: Flood");
    assert_eq!(begun.campaign, Some(campaign));
    assert_eq!(world.repo.audience_list(&begun.audience).unwrap(), [ada]);
    let later = world.repo.communications_related_to(id, 10).unwrap();
    assert_eq!(later[0].id, new);
    let in_campaign = world
        .repo
        .communications_in(
            Order::Usual,
            CommunicationList::Campaign(campaign),
            None,
            10,
        )
        .unwrap();
    assert_eq!(in_campaign.rows.len(), 2);
    let nobody = submitter
        .follow(
            id,
            FollowUp {
                whom: Whom::Reached,
                ..wanted()
            },
            OTHER,
        )
        .await;
    assert!(matches!(nobody, Err(SubmitError::Invalid(_))));
    submitter.rename_campaign(campaign, "Storms").await.unwrap();
    assert_eq!(
        world.repo.campaign(campaign).unwrap().unwrap().name,
        "Storms"
    );
    world.is_sound();
}

fn decision(approved: bool, note: &str) -> ApprovalDecision {
    ApprovalDecision {
        approved,
        confirmed: true,
        note: note.to_owned(),
    }
}
