//! Reading what was said: communications, campaigns, audiences, rounds, people, numbers.

use super::{Order, Page, Repo, RepoError, Result, counter};
use crate::domain::tracking::LINKS_MAX;
use crate::domain::{
    Audience, AudienceChunk, Campaign, CampaignId, Communication, CommunicationId,
    CommunicationState, ConfirmedBy, ContactId, Content, Person, PersonState, RoundJob, Statistics,
    Status,
};
use crate::store::engine::{BlobId, Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::records::Record;
use crate::store::rows::Loaded;

/// Which communications a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommunicationList {
    /// All of them.
    All,
    /// Those that somebody wrote for the occasion.
    Written,
    /// Those in a state other than `Sent`.
    In(CommunicationState),
    /// Those of a campaign.
    Campaign(CampaignId),
}

impl Repo {
    /// A communication.
    pub fn communication(&self, id: CommunicationId) -> Result<Option<Loaded<Communication>>> {
        self.load(&keys::communication(id))
    }

    /// Communications, last modified first.
    pub fn communications(
        &self,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Communication>>> {
        self.communications_in(Order::Usual, CommunicationList::All, after, limit)
    }

    /// Communications of a list, last modified first in the usual order.
    pub fn communications_in(
        &self,
        order: Order,
        list: CommunicationList,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Communication>>> {
        let of = |tag, id: &[u8]| KeyBuilder::new(tag).bytes(id).build();
        let prefix = match list {
            CommunicationList::All => keys::COMMUNICATION_BY_CHANGE.to_vec(),
            CommunicationList::Written => keys::COMMUNICATION_WRITTEN.to_vec(),
            CommunicationList::In(state) => of(keys::COMMUNICATION_BY_STATE, &[state as u8]),
            CommunicationList::Campaign(id) => of(keys::COMMUNICATION_BY_CAMPAIGN, id.as_bytes()),
        };
        let range = order.of(KeyRange::prefix(prefix));
        self.communications_under(range, after, limit)
    }

    fn communications_under(
        &self,
        range: KeyRange,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Communication>>> {
        let page = self.ids_in(range, after, limit, 0)?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for id in page.rows {
            rows.extend(self.communication(CommunicationId::from_bytes(id))?);
        }
        Ok(Page {
            rows,
            next: page.next,
        })
    }

    /// Corrections and follow-ups of a communication, oldest first.
    pub fn communications_related_to(
        &self,
        id: CommunicationId,
        limit: usize,
    ) -> Result<Vec<Loaded<Communication>>> {
        let prefix = KeyBuilder::new(keys::COMMUNICATION_BY_RELATED)
            .bytes(id.as_bytes())
            .build();
        let range = KeyRange::prefix(prefix);
        Ok(self.communications_under(range, None, limit)?.rows)
    }

    /// Communications in a state other than `Sent`, last modified first.
    pub fn communications_in_state(
        &self,
        state: CommunicationState,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Communication>>> {
        let list = CommunicationList::In(state);
        self.communications_in(Order::Usual, list, after, limit)
    }

    /// A campaign.
    pub fn campaign(&self, id: CampaignId) -> Result<Option<Loaded<Campaign>>> {
        self.load(&keys::campaign(id))
    }

    /// All campaigns, in order of making.
    pub fn campaigns(&self, limit: usize) -> Result<Vec<Loaded<Campaign>>> {
        Ok(self.rows(KeyRange::prefix(keys::CAMPAIGN), limit)?.rows)
    }

    /// The people of the list that an audience took over.
    pub fn audience_list(&self, audience: &Audience) -> Result<Vec<ContactId>> {
        let Some(blob) = audience.list else {
            return Ok(Vec::new());
        };
        let bytes = self
            .store
            .get_blob(blob)?
            .ok_or(RepoError::Missing("a recipient list"))?;
        let (ids, _) = bytes.as_chunks::<16>();
        Ok(ids.iter().copied().map(ContactId::from_bytes).collect())
    }

    /// What a communication says.
    pub fn content(&self, id: BlobId) -> Result<Content> {
        let bytes = self
            .store
            .get_blob(id)?
            .ok_or(RepoError::Missing("a content"))?;
        Ok(Content::from_bytes(&bytes)?)
    }

    /// Part of a communication's audience.
    pub fn audience_chunk(
        &self,
        id: CommunicationId,
        index: u32,
    ) -> Result<Option<Loaded<AudienceChunk>>> {
        self.load(&keys::audience(id, index))
    }

    /// A round still to be worked off.
    pub fn round(&self, id: CommunicationId, round: u8) -> Result<Option<Loaded<RoundJob>>> {
        self.load(&keys::round(id, round))
    }

    /// The round to which a queue entry points.
    pub fn round_at(&self, key: &[u8]) -> Result<Option<Loaded<RoundJob>>> {
        self.load(key)
    }

    /// Rounds of a communication still to come.
    pub fn rounds(&self, id: CommunicationId) -> Result<Vec<Loaded<RoundJob>>> {
        let prefix = KeyBuilder::new(keys::ROUND).bytes(id.as_bytes()).build();
        Ok(self.rows(KeyRange::prefix(prefix), 256)?.rows)
    }

    /// One person in a communication.
    pub fn person(
        &self,
        communication: CommunicationId,
        contact: ContactId,
    ) -> Result<Option<Loaded<Person>>> {
        self.load(&keys::person(communication, contact))
    }

    /// [`Repo::person`] of many, in their order.
    pub fn persons(
        &self,
        communication: CommunicationId,
        contacts: &[ContactId],
    ) -> Result<Vec<Option<Loaded<Person>>>> {
        let key = |contact: &ContactId| keys::person(communication, *contact);
        self.load_many(&contacts.iter().map(key).collect::<Vec<_>>())
    }

    /// People of a communication.
    pub fn people(
        &self,
        communication: CommunicationId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Person>>> {
        let prefix = KeyBuilder::new(keys::PERSON)
            .bytes(communication.as_bytes())
            .build();
        let mut range = KeyRange::prefix(prefix);
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }

    /// Numbers of a communication. The same work for ten people as for a million.
    pub fn statistics(&self, communication: &Communication) -> Result<Statistics> {
        let id = communication.id;
        let contacted = self.count(keys::people_by_state(id, PersonState::Contacted))?;
        let not_contacted = self.count(keys::people_by_state(id, PersonState::NotContacted))?;
        let mut by_status = Vec::new();
        let prefix = KeyBuilder::new(keys::DELIVERIES_BY_STATUS)
            .bytes(id.as_bytes())
            .build();
        for (key, value) in self.store.scan(KeyRange::prefix(prefix), 256)? {
            let status = key.last().and_then(|code| Status::from_code(*code));
            let count = counter(&value);
            by_status.extend(status.filter(|_| count > 0).map(|status| (status, count)));
        }
        let mut confirmed = Vec::new();
        for by in ConfirmedBy::ALL {
            let count = self.count(keys::confirmed_by(id, by))?;
            confirmed.extend((count > 0).then_some((by, count)));
        }
        let (clicked, links) = self.followed(id)?;
        Ok(Statistics {
            people: communication.people,
            contacted,
            in_progress: communication
                .people
                .saturating_sub(contacted + not_contacted),
            not_contacted,
            by_status,
            confirmed,
            clicked,
            links,
        })
    }

    /// How many followed a link, and how many each one.
    fn followed(&self, id: CommunicationId) -> Result<(u64, Vec<(u16, u64)>)> {
        let prefix = KeyBuilder::new(keys::LINKS_FOLLOWED)
            .bytes(id.as_bytes())
            .build();
        let (mut clicked, mut links) = (0, Vec::new());
        let most = usize::from(LINKS_MAX) + 1;
        for (key, value) in self.store.scan(KeyRange::prefix(prefix), most)? {
            let count = counter(&value);
            match key.last_chunk().map(|link| u16::from_be_bytes(*link)) {
                Some(0) => clicked = count,
                Some(link) if count > 0 => links.push((link, count)),
                Some(_) | None => {}
            }
        }
        Ok((clicked, links))
    }
}
