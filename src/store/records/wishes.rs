//! What a person wants, and who changed what.

use minicbor::{Decode, Encode};

use super::shape::{shape, through};
use crate::domain::{
    Actor, Channel, Consent, ImportId, ProofKind, QuietHours, Redacted, Timestamp, UserId, Wishes,
};

#[derive(Encode, Decode)]
#[cbor(flat)]
enum ProofRow {
    #[n(0)]
    Operator(#[n(0)] UserId),
    #[n(1)]
    SelfService,
    #[n(2)]
    Link,
    #[n(3)]
    OneClick,
    #[n(4)]
    Keyword,
    #[n(5)]
    Import(#[n(0)] ImportId),
    #[n(6)]
    Program(#[n(0)] UserId),
}

impl From<ProofKind> for ProofRow {
    fn from(proof: ProofKind) -> Self {
        match proof {
            ProofKind::Operator(user) => Self::Operator(user),
            ProofKind::SelfService => Self::SelfService,
            ProofKind::Link => Self::Link,
            ProofKind::OneClick => Self::OneClick,
            ProofKind::Keyword => Self::Keyword,
            ProofKind::Import(import) => Self::Import(import),
            ProofKind::Program(user) => Self::Program(user),
        }
    }
}

impl From<ProofRow> for ProofKind {
    fn from(row: ProofRow) -> Self {
        match row {
            ProofRow::Operator(user) => Self::Operator(user),
            ProofRow::SelfService => Self::SelfService,
            ProofRow::Link => Self::Link,
            ProofRow::OneClick => Self::OneClick,
            ProofRow::Keyword => Self::Keyword,
            ProofRow::Import(import) => Self::Import(import),
            ProofRow::Program(user) => Self::Program(user),
        }
    }
}

through!(ProofKind as ProofRow);

#[derive(Encode, Decode)]
#[cbor(flat)]
enum ActorRow {
    #[n(0)]
    User(#[n(0)] UserId),
    #[n(1)]
    Person,
    #[n(2)]
    Program(#[n(0)] UserId),
    #[n(3)]
    Import(#[n(0)] ImportId),
    #[n(4)]
    Gateway,
}

impl From<Actor> for ActorRow {
    fn from(actor: Actor) -> Self {
        match actor {
            Actor::User(user) => Self::User(user),
            Actor::Person => Self::Person,
            Actor::Program(user) => Self::Program(user),
            Actor::Import(import) => Self::Import(import),
            Actor::Gateway => Self::Gateway,
        }
    }
}

impl From<ActorRow> for Actor {
    fn from(row: ActorRow) -> Self {
        match row {
            ActorRow::User(user) => Self::User(user),
            ActorRow::Person => Self::Person,
            ActorRow::Program(user) => Self::Program(user),
            ActorRow::Import(import) => Self::Import(import),
            ActorRow::Gateway => Self::Gateway,
        }
    }
}

through!(Actor as ActorRow);

shape! {
    Consent as ConsentRow {
        #[n(0)] channel: Option<Channel>,
        #[n(1)] category: Option<String>,
        #[n(2)] given: bool,
        #[n(3)] at: Timestamp,
        #[n(4)] proof: ProofKind,
        #[n(5)] note: Redacted<String>,
    }
}

/// Both minutes; hours that are no hours of a day read as none.
#[derive(Encode, Decode)]
#[cbor(map)]
struct WishesRow {
    #[n(0)]
    quiet_from: Option<u16>,
    #[n(1)]
    quiet_to: Option<u16>,
    #[n(2)]
    preferred: Option<Channel>,
    #[n(3)]
    #[cbor(skip_if = "Vec::is_empty")]
    consents: Vec<Consent>,
}

impl From<Wishes> for WishesRow {
    fn from(wishes: Wishes) -> Self {
        Self {
            quiet_from: wishes.quiet_hours.map(QuietHours::from_minute),
            quiet_to: wishes.quiet_hours.map(QuietHours::to_minute),
            preferred: wishes.preferred,
            consents: wishes.consents,
        }
    }
}

impl From<WishesRow> for Wishes {
    fn from(row: WishesRow) -> Self {
        let hours = row.quiet_from.zip(row.quiet_to);
        Self {
            quiet_hours: hours.and_then(|(from, to)| QuietHours::new(from, to)),
            preferred: row.preferred,
            consents: row.consents,
        }
    }
}

through!(Wishes as WishesRow);
