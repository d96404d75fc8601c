//! Rows of cases, of what was done with them, and of the record of correspondence.

use std::collections::BTreeSet;

use super::engine::{Key, Value};
use super::keys::{self, KeyBuilder};
use super::rows::Row;
use crate::domain::{Case, CaseEvent, Entry, Party};

impl Row for Case {
    fn key(&self) -> Key {
        keys::case(self.id)
    }

    fn finds_others_by(&self) -> Option<String> {
        Some(self.reference.clone())
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let under = |begin: KeyBuilder| {
            let key = begin.newest_first(self.modified_at);
            (key.bytes(self.id.as_bytes()).build(), Vec::new())
        };
        let of = |tag, id: &[u8]| KeyBuilder::new(tag).bytes(id);
        let reference = keys::case_by_reference(&self.reference);
        let mut entries = vec![
            (reference, self.id.as_bytes().to_vec()),
            under(KeyBuilder::new(keys::CASE_BY_CHANGE)),
            under(of(keys::CASE_BY_STATUS, &[self.status as u8])),
            under(of(keys::CASE_BY_CLIENT, self.client.as_bytes())),
        ];
        let creditors: BTreeSet<_> = self.creditors.iter().map(|one| one.contact).collect();
        for creditor in creditors {
            entries.push(under(of(keys::CASE_BY_CREDITOR, creditor.as_bytes())));
        }
        let named: BTreeSet<_> = self.responsible.iter().chain(&self.team).collect();
        for user in named {
            entries.push(under(of(keys::CASE_BY_USER, user.as_bytes())));
        }
        entries
    }
}

impl Row for CaseEvent {
    fn key(&self) -> Key {
        KeyBuilder::from(keys::events_of_case(self.case))
            .newest_first(self.at)
            .bytes(self.id.as_bytes())
            .build()
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let key = KeyBuilder::new(keys::CASE_EVENT_BY_CLIENT)
            .bytes(self.client.as_bytes())
            .newest_first(self.at)
            .bytes(self.id.as_bytes())
            .build();
        vec![(key, self.key())]
    }
}

impl Row for Entry {
    const SEARCHED: bool = true;

    fn key(&self) -> Key {
        keys::entry(self.id)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let under = |begin: KeyBuilder| {
            let key = begin.newest_first(self.at);
            (key.bytes(self.id.as_bytes()).build(), Vec::new())
        };
        let of = |tag, id: &[u8]| under(KeyBuilder::new(tag).bytes(id));
        let mut entries = vec![under(KeyBuilder::new(keys::ENTRY_BY_TIME))];
        if let Some(client) = self.client {
            entries.push(of(keys::ENTRY_BY_CLIENT, client.as_bytes()));
        }
        if let Some(case) = self.case {
            entries.push(of(keys::ENTRY_BY_CASE, case.as_bytes()));
        }
        if self.party == Party::Creditor {
            entries.push(of(keys::ENTRY_BY_CREDITOR, self.with.as_bytes()));
        }
        if let Some(link) = self.note().and_then(|note| note.link) {
            let key = KeyBuilder::new(keys::NOTE_BY_ENTRY)
                .bytes(link.entry().as_bytes())
                .bytes(self.id.as_bytes())
                .build();
            entries.push((key, Vec::new()));
        }
        entries
    }
}
