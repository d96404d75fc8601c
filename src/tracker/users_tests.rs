#![allow(clippy::unwrap_used)]

use super::*;
use crate::clock::VirtualClock;
use crate::domain::{CaseScope, Session, Timestamp};
use crate::store::Store;

const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn users() -> Users {
    let clock = VirtualClock::standing(START);
    Users::new(Repo::new(Store::memory()), clock, Randomness::seeded(3))
}

fn new(login: &str, role: Role) -> NewUser {
    NewUser {
        login: login.to_owned(),
        name: login.to_owned(),
        role,
        password_hash: "hash".to_owned(),
        areas: Vec::new(),
        case_scope: CaseScope::All,
        email: None,
    }
}

async fn log_in(users: &Users, user: UserId, token: u8) {
    let mut batch = Batch::new();
    batch.insert(&Session {
        token_hash: [token; 32],
        user,
        csrf_hash: [0; 32],
        created_at: START,
        used_at: START,
        expires_at: START,
        browser: None,
        network: None,
    });
    users.repo.store().commit(batch).await.unwrap();
}

fn sessions(users: &Users, user: UserId) -> usize {
    users.repo.sessions_of(user).unwrap().len()
}

fn rights(role: Role) -> UserRights {
    UserRights {
        name: "Ida".to_owned(),
        role,
        areas: Vec::new(),
        case_scope: CaseScope::All,
        email: None,
    }
}

#[tokio::test]
async fn a_login_name_is_given_once() {
    let users = users();
    users.add(new("ida", Role::Operator)).await.unwrap();
    let again = users.add(new("ida", Role::Operator)).await;
    assert!(matches!(again, Err(UserError::Taken)));
    let both = tokio::join!(
        users.add(new("otto", Role::Operator)),
        users.add(new("otto", Role::Operator))
    );
    assert!(both.0.is_ok() != both.1.is_ok(), "both or none were added");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let users = users();
    let ida = users.add(new("ida", Role::Operator)).await.unwrap();
    let otto = users.add(new("otto", Role::Operator)).await.unwrap();
    for (user, token) in [(ida, 1), (ida, 2), (otto, 3)] {
        log_in(&users, user, token).await;
    }
    users
        .set_password(ida, "other", Some([2; 32]))
        .await
        .unwrap();
    assert!(users.repo.session(&[1; 32]).unwrap().is_none());
    assert!(users.repo.session(&[2; 32]).unwrap().is_some());
    assert_eq!(sessions(&users, otto), 1);
    users.set_password(ida, "third", None).await.unwrap();
    assert_eq!(sessions(&users, ida), 0);
}

#[tokio::test]
async fn more_sessions_than_one_page_end_too() {
    let users = users();
    let ida = users.add(new("ida", Role::Operator)).await.unwrap();
    let mut batch = Batch::new();
    for n in 0..2_500_u32 {
        let mut token_hash = [0; 32];
        token_hash[..4].copy_from_slice(&n.to_be_bytes());
        batch.insert(&Session {
            token_hash,
            user: ida,
            csrf_hash: [0; 32],
            created_at: START,
            used_at: START,
            expires_at: START,
            browser: None,
            network: None,
        });
    }
    users.repo.store().commit(batch).await.unwrap();
    assert_eq!(sessions(&users, ida), 2_500);
    users.set_disabled(ida, true, None).await.unwrap();
    assert_eq!(sessions(&users, ida), 0);
}

#[tokio::test]
async fn somebody_must_be_left_who_administers() {
    let users = users();
    let ida = users.add(new("ida", Role::Administrator)).await.unwrap();
    let otto = users.add(new("otto", Role::Operator)).await.unwrap();
    let last = users.set_disabled(ida, true, Some(otto)).await;
    assert!(matches!(last, Err(UserError::LastAdministrator)));
    let last = users
        .change_rights(ida, &rights(Role::Operator), otto)
        .await;
    assert!(matches!(last, Err(UserError::LastAdministrator)));
    let bound = UserRights {
        case_scope: CaseScope::Own,
        ..rights(Role::Administrator)
    };
    let last = users.change_rights(ida, &bound, otto).await;
    assert!(
        matches!(last, Err(UserError::LastAdministrator)),
        "who is bound changes nobody's rights"
    );
    let zoe = users.add(new("zoe", Role::Administrator)).await.unwrap();
    users.set_disabled(zoe, true, Some(ida)).await.unwrap();
    let last = users.set_disabled(ida, true, None).await;
    assert!(
        matches!(last, Err(UserError::LastAdministrator)),
        "a disabled administrator counts for nobody"
    );
}

#[tokio::test]
async fn two_administrators_cannot_remove_each_other_at_once() {
    for _ in 0..20 {
        let users = users();
        let ida = users.add(new("ida", Role::Administrator)).await.unwrap();
        let zoe = users.add(new("zoe", Role::Administrator)).await.unwrap();
        let both = tokio::join!(
            users.set_disabled(zoe, true, Some(ida)),
            users.set_disabled(ida, true, Some(zoe))
        );
        assert!(both.0.is_ok() != both.1.is_ok());
        let left = users.repo.users(10).unwrap();
        assert_eq!(left.iter().filter(|user| user.administers()).count(), 1);
    }
}

#[tokio::test]
async fn two_changes_at_once_both_hold() {
    let users = users();
    let ida = users.add(new("ida", Role::Administrator)).await.unwrap();
    let otto = users.add(new("otto", Role::Operator)).await.unwrap();
    let name = RightsChanges {
        name: Some("Otto Brand".to_owned()),
        ..RightsChanges::default()
    };
    let bounds = RightsChanges {
        case_scope: Some(CaseScope::Own),
        email: Some(EmailAddress::parse("otto@example.org").ok()),
        ..RightsChanges::default()
    };
    let seen = users.repo.user(otto).unwrap().unwrap();
    let both = tokio::join!(
        users.amend_rights(otto, &name, None, ida),
        users.amend_rights(otto, &bounds, None, ida)
    );
    assert!(both.0.is_ok() && both.1.is_ok());
    let user = users.repo.user(otto).unwrap().unwrap();
    assert_eq!(
        (user.name.as_str(), user.case_scope),
        ("Otto Brand", CaseScope::Own)
    );
    assert!(user.email.is_some());
    let late = users.amend_rights(otto, &name, Some(&seen), ida).await;
    assert!(matches!(late, Err(UserError::Changed)));
    users
        .amend_rights(otto, &name, Some(&user), ida)
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_takes_their_own_rights() {
    let users = users();
    let ida = users.add(new("ida", Role::Administrator)).await.unwrap();
    users.add(new("zoe", Role::Administrator)).await.unwrap();
    let own = users.set_disabled(ida, true, Some(ida)).await;
    assert!(matches!(own, Err(UserError::Yourself)));
    let own = users.change_rights(ida, &rights(Role::Operator), ida).await;
    assert!(matches!(own, Err(UserError::Yourself)));
    users
        .change_rights(ida, &rights(Role::Administrator), ida)
        .await
        .unwrap();
}
