//! Areas: a tree from the whole force or municipality down to a beat or street.

use std::collections::HashMap;

use super::ids::AreaId;

/// Deepest nesting of areas.
pub const AREA_DEPTH_MAX: usize = 16;

/// One area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its id.
    pub id: AreaId,
    /// The area it lies in; none for the largest.
    pub parent: Option<AreaId>,
    /// Its name as people say it.
    pub name: String,
}

/// All areas, for walking up and down.
#[derive(Clone, Debug, Default)]
pub struct AreaTree {
    areas: HashMap<AreaId, Area>,
    children: HashMap<Option<AreaId>, Vec<AreaId>>,
}

impl AreaTree {
    /// Builds the tree; children stand in order of name.
    #[must_use]
    pub fn new(areas: Vec<Area>) -> Self {
        let areas: HashMap<AreaId, Area> = areas.into_iter().map(|area| (area.id, area)).collect();
        let mut children: HashMap<Option<AreaId>, Vec<AreaId>> = HashMap::new();
        for area in areas.values() {
            let parent = area.parent.filter(|parent| areas.contains_key(parent));
            children.entry(parent).or_default().push(area.id);
        }
        for siblings in children.values_mut() {
            siblings.sort_by_key(|id| (areas[id].name.to_lowercase(), *id));
        }
        Self { areas, children }
    }

    /// The area with this id.
    #[must_use]
    pub fn get(&self, id: AreaId) -> Option<&Area> {
        self.areas.get(&id)
    }

    /// The areas that lie directly in `parent`; the largest ones for `None`.
    #[must_use]
    pub fn children(&self, parent: Option<AreaId>) -> &[AreaId] {
        self.children.get(&parent).map_or(&[], Vec::as_slice)
    }

    /// An area and everything in it.
    #[must_use]
    pub fn subtree(&self, root: AreaId) -> Vec<AreaId> {
        let mut found = vec![root];
        let mut next = 0;
        while next < found.len() && found.len() <= self.areas.len() {
            found.extend_from_slice(self.children(Some(found[next])));
            next += 1;
        }
        found
    }

    /// From the largest area down to this one.
    #[must_use]
    pub fn path(&self, id: AreaId) -> Vec<&Area> {
        let mut path = Vec::new();
        let mut current = self.areas.get(&id);
        while let Some(area) = current {
            path.push(area);
            if path.len() == AREA_DEPTH_MAX {
                break;
            }
            current = area.parent.and_then(|parent| self.areas.get(&parent));
        }
        path.reverse();
        path
    }

    /// All areas, depth first, each with its depth (the largest have 0).
    #[must_use]
    pub fn walk(&self) -> Vec<(usize, &Area)> {
        let mut found = Vec::with_capacity(self.areas.len());
        let mut stack: Vec<(usize, AreaId)> = Vec::new();
        stack.extend(self.children(None).iter().rev().map(|id| (0, *id)));
        while let Some((depth, id)) = stack.pop() {
            found.push((depth, &self.areas[&id]));
            if depth + 1 < AREA_DEPTH_MAX {
                let below = self.children(Some(id)).iter().rev();
                stack.extend(below.map(|child| (depth + 1, *child)));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(id: u8, parent: Option<u8>, name: &str) -> Area {
        Area {
            id: AreaId::from_bytes([id; 16]),
            parent: parent.map(|parent| AreaId::from_bytes([parent; 16])),
            name: name.to_owned(),
        }
    }

    #[test]
    fn walks_the_tree_in_order_of_name() {
        let tree = AreaTree::new(vec![
            area(1, None, "Force"),
            area(3, Some(1), "South"),
            area(2, Some(1), "North"),
            area(4, Some(2), "Beat 1"),
        ]);
        let names: Vec<_> = tree
            .walk()
            .into_iter()
            .map(|(depth, area)| (depth, area.name.as_str()))
            .collect();
        assert_eq!(
            names,
            [(0, "Force"), (1, "North"), (2, "Beat 1"), (1, "South")]
        );
        assert_eq!(tree.subtree(AreaId::from_bytes([2; 16])).len(), 2);
        let path = tree.path(AreaId::from_bytes([4; 16]));
        assert_eq!(
            path.iter()
                .map(|area| area.name.as_str())
                .collect::<Vec<_>>(),
            ["Force", "North", "Beat 1"]
        );
    }

    #[test]
    fn a_circle_of_parents_ends() {
        let tree = AreaTree::new(vec![area(1, Some(2), "a"), area(2, Some(1), "b")]);
        assert!(tree.subtree(AreaId::from_bytes([1; 16])).len() <= 4);
        assert!(tree.path(AreaId::from_bytes([1; 16])).len() <= AREA_DEPTH_MAX);
    }
}
