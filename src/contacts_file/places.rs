//! Areas by name or path, groups by name; and those that are made on the way.

use std::collections::HashMap;

use super::checker::Person;
use super::notes::{Note, why, with};
use super::values::fold;
use crate::domain::area::AREA_DEPTH_MAX;
use crate::domain::contact::CONTACT_GROUPS_MAX;
use crate::domain::group::{GROUP_NAME_MAX, GROUPS_MAX};
use crate::domain::{Area, AreaId, AreaTree, Group, GroupId, Sentence, Timestamp};

/// Most areas there may be.
const AREAS_MAX: usize = 10_000;
/// Longest name of an area that is made, in characters.
const AREA_NAME_MAX: usize = 80;
/// Between the parts of a path as we write it.
pub(super) const PATH_JOIN: &str = " / ";
/// Between groups as we write them.
pub(super) const GROUP_JOIN: &str = "; ";

/// Where somebody belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// The area, where the row says one.
    pub area: Option<AreaId>,
    /// The groups, those for everybody included.
    pub groups: Vec<GroupId>,
}

/// Every area and group, findable by what people write.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// By whole path, folded.
    paths: HashMap<String, AreaId>,
    /// By every end of a path that is shorter, folded; none when several end so.
    ends: HashMap<String, Option<AreaId>>,
    depths: HashMap<AreaId, usize>,
    groups: HashMap<String, GroupId>,
    /// Whether what is missing is made.
    makes: bool,
    /// Areas made since they were last taken.
    new_areas: Vec<Area>,
    /// Groups made since they were last taken.
    new_groups: Vec<Group>,
}

impl Places {
    /// Those there are; `makes`: what is missing is made.
    #[must_use]
    pub fn new(tree: &AreaTree, groups: &[Group], makes: bool) -> Self {
        let mut places = Self {
            makes,
            ..Self::default()
        };
        for (depth, area) in tree.walk() {
            let path: Vec<String> = tree.path(area.id).iter().map(|a| fold(&a.name)).collect();
            places.depths.insert(area.id, depth);
            places.enter(&path, area.id);
        }
        for group in groups {
            places.groups.insert(fold(&group.name), group.id);
        }
        places
    }

    /// Areas and groups made since this was last asked, the larger areas first.
    pub fn take_new(&mut self) -> (Vec<Area>, Vec<Group>) {
        (
            std::mem::take(&mut self.new_areas),
            std::mem::take(&mut self.new_groups),
        )
    }

    /// Where a person belongs; `None` when one of the places cannot be found or made.
    pub fn find(
        &mut self,
        person: &Person,
        everybody: Option<GroupId>,
        now: Timestamp,
        new_id: &mut dyn FnMut() -> [u8; 16],
        notes: &mut Vec<Note>,
    ) -> Option<Spot> {
        let before = notes.len();
        let mut spot = Spot::default();
        if let Some((column, text)) = &person.area {
            match self.area(text, new_id) {
                Ok(area) => spot.area = Some(area),
                Err(sentence) => notes.push(Note::bad(sentence).at(*column, text)),
            }
        }
        spot.groups.extend(everybody);
        for (column, text) in &person.groups {
            match self.groups_of(text, now, new_id) {
                Ok(found) => {
                    for group in found {
                        if !spot.groups.contains(&group) {
                            spot.groups.push(group);
                        }
                    }
                }
                Err(sentence) => notes.push(Note::bad(sentence).at(*column, text)),
            }
        }
        if spot.groups.len() > CONTACT_GROUPS_MAX {
            notes.push(Note::bad(with(why::GROUPS_MANY, CONTACT_GROUPS_MAX)));
        }
        (notes.len() == before).then_some(spot)
    }

    fn enter(&mut self, path: &[String], id: AreaId) {
        let path: Vec<String> = path.iter().map(|name| parts_of(name).join("/")).collect();
        self.paths.insert(path.join("/"), id);
        for from in 0..path.len() {
            let end = path[from..].join("/");
            let several = |known: &mut Option<AreaId>| {
                if *known != Some(id) {
                    *known = None;
                }
            };
            self.ends.entry(end).and_modify(several).or_insert(Some(id));
        }
    }

    fn area(
        &mut self,
        text: &str,
        new_id: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<AreaId, Sentence> {
        let parts = parts_of(text);
        let folded: Vec<String> = parts.iter().map(|part| fold(part)).collect();
        let path = folded.join("/");
        if let Some(id) = self.paths.get(&path) {
            return Ok(*id);
        }
        match self.ends.get(&path) {
            Some(Some(id)) => return Ok(*id),
            Some(None) => return Err(why::AREA_MANY.into()),
            None if !self.makes || parts.is_empty() => return Err(why::AREA.into()),
            None => {}
        }
        let too_long = parts
            .iter()
            .any(|part| part.chars().count() > AREA_NAME_MAX);
        if too_long || parts.len() > AREA_DEPTH_MAX {
            return Err(Sentence::with(
                why::AREA_LONG,
                &[&AREA_NAME_MAX, &AREA_DEPTH_MAX],
            ));
        }
        if self.depths.len() + parts.len() > AREAS_MAX {
            return Err(why::AREAS_MANY.into());
        }
        self.make_areas(&parts, &folded, new_id)
    }

    /// Makes what is missing of a path. Its beginning may be the end of a longer path that is
    /// known: "Beat 7 / North" below the one Beat 7 there is.
    fn make_areas(
        &mut self,
        parts: &[&str],
        folded: &[String],
        new_id: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<AreaId, Sentence> {
        let known = (1..parts.len()).rev().find_map(|end| {
            let path = folded[..end].join("/");
            let whole = self.paths.get(&path).copied();
            let id = whole.or_else(|| self.ends.get(&path).copied().flatten())?;
            Some((end, id))
        });
        let (done, mut parent) = match known {
            Some((end, id)) => (end, Some(id)),
            None => (0, None),
        };
        let mut path = parent.map_or_else(Vec::new, |id| self.path_of(id));
        if path.len() + parts.len() - done > AREA_DEPTH_MAX {
            return Err(Sentence::with(
                why::AREA_LONG,
                &[&AREA_NAME_MAX, &AREA_DEPTH_MAX],
            ));
        }
        for (part, folded) in parts.iter().zip(folded).skip(done) {
            let id = AreaId::from_bytes(new_id());
            self.new_areas.push(Area {
                id,
                parent,
                name: (*part).to_owned(),
            });
            path.push(folded.clone());
            self.depths.insert(id, path.len() - 1);
            self.enter(&path, id);
            parent = Some(id);
        }
        parent.ok_or_else(|| why::AREA.into())
    }

    fn path_of(&self, id: AreaId) -> Vec<String> {
        let found = self.paths.iter().find(|(_, known)| **known == id);
        let depth = self.depths.get(&id).copied().unwrap_or(0);
        found.map_or_else(Vec::new, |(path, _)| {
            // A name may hold a slash of its own.
            path.splitn(depth + 1, '/').map(str::to_owned).collect()
        })
    }

    /// One group of this name, or several with semicolons between.
    fn groups_of(
        &mut self,
        text: &str,
        now: Timestamp,
        new_id: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<Vec<GroupId>, Sentence> {
        if let Some(id) = self.groups.get(&fold(text)) {
            return Ok(vec![*id]);
        }
        let names = text.split([';', '|']).map(str::trim);
        names
            .filter(|name| !name.is_empty())
            .map(|name| self.group(name, now, new_id))
            .collect()
    }

    fn group(
        &mut self,
        name: &str,
        now: Timestamp,
        new_id: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<GroupId, Sentence> {
        let folded = fold(name);
        if let Some(id) = self.groups.get(&folded) {
            return Ok(*id);
        }
        if !self.makes {
            return Err(why::GROUP.into());
        }
        if name.chars().count() > GROUP_NAME_MAX {
            return Err(with(why::GROUP_LONG, GROUP_NAME_MAX));
        }
        if self.groups.len() >= GROUPS_MAX {
            return Err(why::GROUPS_ALL.into());
        }
        let id = GroupId::from_bytes(new_id());
        self.groups.insert(folded, id);
        self.new_groups.push(Group {
            id,
            name: name.to_owned(),
            created_at: now,
        });
        Ok(id)
    }
}

/// What stands between slashes or arrows; a name may hold some of its own.
fn parts_of(text: &str) -> Vec<&str> {
    text.split(['/', '>', '›', '→'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}
