//! Reading what the public pages keep: tickets, sign-ups, sessions.

use super::{Repo, Result};
use crate::domain::{ContactId, SignUp, Ticket, Timestamp, Visit};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::rows::Loaded;

/// Bytes before the row's key in an entry of [`keys::SELF_SERVICE_BY_END`].
const BY_END_HEAD: usize = 10;

/// Something of the public pages that may go.
#[derive(Clone, Debug)]
pub enum Ended {
    /// A ticket.
    Ticket(Loaded<Ticket>),
    /// A sign-up that came to nothing.
    SignUp(Box<Loaded<SignUp>>),
    /// A session.
    Visit(Loaded<Visit>),
}

impl Repo {
    /// A ticket by the hash of its token.
    pub fn ticket(&self, token_hash: &[u8; 32]) -> Result<Option<Loaded<Ticket>>> {
        self.load(&keys::ticket(token_hash))
    }

    /// Tickets to this address or number (in its lookup form), newest first.
    pub fn tickets_to(&self, lookup_key: &str, limit: usize) -> Result<Vec<Loaded<Ticket>>> {
        let prefix = KeyBuilder::new(keys::TICKET_BY_DESTINATION)
            .text(lookup_key)
            .build();
        let mut found = Vec::new();
        for (_, hash) in self.store.scan(KeyRange::prefix(prefix), limit)? {
            if let Ok(hash) = hash.as_slice().try_into() {
                found.extend(self.ticket(hash)?);
            }
        }
        Ok(found)
    }

    /// How many tickets there are.
    pub fn ticket_count(&self) -> Result<u64> {
        self.count(keys::TICKETS.to_vec())
    }

    /// Somebody who has signed up and proved nothing yet.
    pub fn sign_up(&self, id: ContactId) -> Result<Option<Loaded<SignUp>>> {
        self.load(&keys::sign_up(id))
    }

    /// How many people have signed up and proved nothing yet.
    pub fn sign_up_count(&self) -> Result<u64> {
        self.count(keys::SIGN_UPS.to_vec())
    }

    /// A session of the public pages.
    pub fn visit(&self, token_hash: &[u8; 32]) -> Result<Option<Loaded<Visit>>> {
        self.load(&keys::visit(token_hash))
    }

    /// What of the public pages may go at `now`, longest over first.
    pub fn ended(&self, now: Timestamp, limit: usize) -> Result<Vec<Ended>> {
        let start: Key = keys::SELF_SERVICE_BY_END.to_vec();
        let end = keys::self_service_by_end(now.plus(std::time::Duration::from_millis(1)), &[]);
        let mut ended = Vec::new();
        for (key, _) in self.store.scan(KeyRange::from(start..end), limit)? {
            let row = key.get(BY_END_HEAD..).unwrap_or_default();
            let found = match row.get(..2) {
                Some(keys::TICKET) => self.load(row)?.map(Ended::Ticket),
                Some(keys::SIGN_UP) => self.load(row)?.map(|row| Ended::SignUp(Box::new(row))),
                Some(keys::VISIT) => self.load(row)?.map(Ended::Visit),
                Some(_) | None => None,
            };
            ended.extend(found);
        }
        Ok(ended)
    }
}
