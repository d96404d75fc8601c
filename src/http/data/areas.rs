//! Areas with what they hold, as far as somebody may know it.

use std::collections::HashMap;

use super::Result;
use crate::domain::{Access, Area, AreaId, AreaTree, CaseScope};
use crate::store::{NO_AREA, Repo};

/// Most contacts with an issue looked at for whoever does not see every client: each page reads
/// them.
const ISSUES_COUNTED_MAX: usize = 200;

/// How many contacts of theirs have a communication issue. For whoever does not see every client
/// they are counted one by one, up to a limit.
pub(crate) fn issues_total(repo: &Repo, access: &Access) -> Result<u64> {
    let counted = match access.cases {
        CaseScope::All => None,
        CaseScope::Own | CaseScope::None => Some(repo.issue_counts()?),
    };
    let mut sum = 0;
    match (counted, &access.areas) {
        (None, None) => sum = repo.issue_count_all()?,
        (None, Some(areas)) => {
            for area in areas {
                sum += repo.issue_count(*area)?;
            }
        }
        (Some(counts), _) => {
            let mut left = ISSUES_COUNTED_MAX;
            for (area, _) in counts.into_iter().filter(|(_, count)| *count > 0) {
                let page = repo.issues_in_area(area, None, left)?;
                left = left.saturating_sub(page.rows.len());
                let theirs = page.rows.iter().filter(|one| access.sees_contact(one));
                sum += theirs.count() as u64;
                if left == 0 {
                    break;
                }
            }
        }
    }
    Ok(sum)
}

/// What an area holds, with everything in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AreaNumbers {
    pub(crate) people: u64,
    pub(crate) issues: u64,
}

/// The areas and their numbers.
#[derive(Debug)]
pub(crate) struct Areas {
    pub(crate) tree: AreaTree,
    /// None for whoever does not see every client: these are counted, too.
    numbers: Option<HashMap<AreaId, AreaNumbers>>,
}

impl Areas {
    /// Reads those that somebody covers, with the numbers of these alone.
    pub(crate) fn within(repo: &Repo, access: &Access) -> Result<Self> {
        let mut tree = repo.areas()?;
        if access.areas.is_some() {
            let all = tree.walk().into_iter().map(|(_, area)| area.clone());
            tree = AreaTree::new(all.filter(|area| access.covers(Some(area.id))).collect());
        }
        let mut areas = Self::of(repo, tree)?;
        if access.cases != CaseScope::All {
            areas.numbers = None;
        } else if let (Some(numbers), false) = (&mut areas.numbers, access.covers(None)) {
            numbers.remove(&NO_AREA);
        }
        Ok(areas)
    }

    /// Reads them all.
    pub(crate) fn read(repo: &Repo) -> Result<Self> {
        Self::of(repo, repo.areas()?)
    }

    fn of(repo: &Repo, tree: AreaTree) -> Result<Self> {
        let (people, issues) = (repo.contact_counts()?, repo.issue_counts()?);
        let count = |id: AreaId| AreaNumbers {
            people: people.get(&id).copied().unwrap_or_default(),
            issues: issues.get(&id).copied().unwrap_or_default(),
        };
        let mut numbers: HashMap<AreaId, AreaNumbers> = HashMap::new();
        for (_, area) in tree.walk() {
            let own = count(area.id);
            for above in tree.path(area.id) {
                let sum = numbers.entry(above.id).or_default();
                sum.people += own.people;
                sum.issues += own.issues;
            }
        }
        numbers.insert(NO_AREA, count(NO_AREA));
        let numbers = Some(numbers);
        Ok(Self { tree, numbers })
    }

    /// What an area holds, for whoever sees all of it.
    pub(crate) fn numbers(&self, id: AreaId) -> Option<AreaNumbers> {
        let numbers = self.numbers.as_ref()?;
        Some(numbers.get(&id).copied().unwrap_or_default())
    }

    /// The name of a contact's area; empty for none.
    pub(crate) fn name(&self, id: Option<AreaId>) -> &str {
        id.and_then(|id| self.tree.get(id))
            .map_or("", |area: &Area| area.name.as_str())
    }
}
