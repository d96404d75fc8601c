//! What a list of cases is asked for, and the page of it.

use super::super::filter_form::with;
use super::super::sorting::SortHead;
use super::*;

/// Longest beginning of a reference that is looked for, in characters.
pub(crate) const CASES_FIND_MAX: usize = 80;

/// What a list of cases is asked for.
#[derive(Default)]
pub(crate) struct CasesAsked {
    pub(crate) status: Option<CaseStatus>,
    pub(crate) client: Option<ContactId>,
    pub(crate) creditor: Option<ContactId>,
    pub(crate) responsible: Option<UserId>,
    pub(crate) find: String,
    pub(crate) by_reference: bool,
    pub(crate) order: Order,
    /// Filters that cannot be read, by their names in the address: they are left out.
    pub(crate) ignored: Vec<&'static str>,
}

/// A part of a list of cases.
pub(crate) struct CasesPart {
    pub(crate) rows: Vec<Case>,
    pub(crate) next: Option<Vec<u8>>,
}

impl CasesAsked {
    /// Reads an address.
    pub(crate) fn of(query: &Fields) -> Self {
        let by_reference = query.get("sort") == "reference" || !query.get("find").trim().is_empty();
        // What changed last comes first, references from A on, unless they are turned round.
        let order = match (by_reference, query.get("order")) {
            (true, "desc") | (false, "asc") => Order::Turned,
            _ => Order::Usual,
        };
        let mut asked = Self {
            order,
            by_reference,
            status: CaseStatus::ALL
                .into_iter()
                .find(|one| one.as_str() == query.get("status")),
            client: query.get("client").parse().ok(),
            creditor: query.get("creditor").parse().ok(),
            responsible: query.get("responsible").parse().ok(),
            find: query
                .get("find")
                .trim()
                .chars()
                .take(CASES_FIND_MAX)
                .collect(),
            ignored: Vec::new(),
        };
        for (name, read) in [
            ("status", asked.status.is_some()),
            ("client", asked.client.is_some()),
            ("creditor", asked.creditor.is_some()),
            ("responsible", asked.responsible.is_some()),
        ] {
            if !read && !query.get(name).is_empty() {
                asked.ignored.push(name);
            }
        }
        asked
    }

    pub(super) fn query(&self, query: &Fields) -> String {
        Self::narrowed(query, &["sort", "order"])
    }

    /// The filters of an address, and more of it.
    fn narrowed(query: &Fields, more: &[&str]) -> String {
        let names = ["status", "client", "creditor", "responsible", "find"];
        let names = names.iter().chain(more);
        let given = names.filter(|name| !query.get(name).is_empty());
        let pairs = given.map(|name| {
            let bytes = query.get(name).bytes();
            let value: String = bytes.map(super::super::super::session::percent).collect();
            format!("{name}={value}")
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    fn head(query: &Fields, by: Option<(Order, &'static str)>, pairs: [&str; 2]) -> SortHead {
        let filters = Self::narrowed(query, &[]);
        let here = match filters.as_str() {
            "" => "/cases".to_owned(),
            filters => format!("/cases?{filters}"),
        };
        let [usual, turned] = pairs;
        let (pair, aria) = match by {
            Some((Order::Usual, aria)) => (turned, aria),
            Some((Order::Turned, aria)) => (usual, aria),
            None => (usual, ""),
        };
        SortHead {
            href: with(&here, pair),
            aria,
        }
    }

    pub(super) fn reference_head(&self, query: &Fields) -> SortHead {
        let aria = match self.order {
            Order::Usual => "ascending",
            Order::Turned => "descending",
        };
        let by = self.by_reference.then_some((self.order, aria));
        Self::head(query, by, ["sort=reference", "sort=reference&order=desc"])
    }

    pub(super) fn change_head(&self, query: &Fields) -> SortHead {
        let aria = match self.order {
            Order::Usual => "descending",
            Order::Turned => "ascending",
        };
        if !self.find.is_empty() {
            // What is looked for by its beginning stands in the order of references.
            return SortHead {
                href: String::new(),
                aria: "",
            };
        }
        let by = (!self.by_reference).then_some((self.order, aria));
        Self::head(query, by, ["sort=changed", "sort=changed&order=asc"])
    }

    fn list(&self) -> CaseList {
        if self.by_reference {
            return CaseList::Reference(self.find.clone());
        }
        match (self.client, self.creditor, self.status) {
            (Some(client), _, _) => CaseList::Client(client),
            (None, Some(creditor), _) => CaseList::Creditor(creditor),
            (None, None, Some(status)) => CaseList::In(status),
            (None, None, None) => CaseList::All,
        }
    }

    fn takes(&self, case: &Case) -> bool {
        self.status.is_none_or(|one| case.status == one)
            && self.client.is_none_or(|one| case.client == one)
            && self.creditor.is_none_or(|one| case.creditor(one).is_some())
            && self
                .responsible
                .is_none_or(|one| case.responsible == Some(one))
    }

    /// Reads a part, of what somebody may see.
    pub(crate) fn page(
        &self,
        app: &App,
        access: &Access,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<CasesPart> {
        let mut rows = Vec::new();
        let mut after = after;
        let mut looked = 0;
        loop {
            let repo = app.repo();
            let found = repo.cases_in(self.order, &self.list(), after.clone(), limit)?;
            for (place, case) in found.rows {
                looked += 1;
                if self.takes(&case) && access.sees_case(&case) {
                    rows.push(case.value);
                }
                after = Some(place);
                if rows.len() == limit {
                    return Ok(CasesPart { rows, next: after });
                }
            }
            if found.next.is_none() {
                return Ok(CasesPart { rows, next: None });
            }
            after = found.next;
            if looked >= LOOKED_AT_MAX {
                return Ok(CasesPart { rows, next: after });
            }
        }
    }
}
