//! The newest documents that a question finds, without a look at all of them.
//!
//! Two frequent words in quotes stand in nearly every document, and each has to be looked into.
//! What is shown is a page of the newest, and a number only while there are few: so the newest
//! parts of the index are looked through first, and the rest only while something is missing.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::index::SegmentId;
use tantivy::query::Weight;
use tantivy::{DocAddress, DocId, DocSet, Result, Score, SegmentOrdinal, SegmentReader};

/// Documents that are looked through, or passed over, together. Few in tests, which have few.
const BLOCK_DOCS: u32 = if cfg!(test) { 8 } else { 4_096 };
/// Blocks that are looked through first.
const FIRST_BLOCKS: usize = 2;
/// How many times as many are looked through next, each time: to begin anew costs something, too.
const GROWTH: usize = 4;
/// The field by which documents are in order.
const PLACE: &str = "place";

/// Parts of the index of which is remembered how new their documents are.
const PARTS_MAX: usize = 256;

/// How new the documents of each part of the index are. A part never changes.
#[derive(Default)]
pub(super) struct Ages {
    known: Mutex<HashMap<SegmentId, Arc<[Block]>>>,
}

impl Ages {
    fn of(&self, segment: &SegmentReader) -> Result<Arc<[Block]>> {
        let id = segment.segment_id();
        if let Some(blocks) = self.lock().get(&id) {
            return Ok(Arc::clone(blocks));
        }
        let places = segment.fast_fields().u64(PLACE)?;
        let blocks: Arc<[Block]> = blocks(&places, segment.max_doc()).into();
        let mut known = self.lock();
        if known.len() >= PARTS_MAX {
            known.clear();
        }
        known.insert(id, Arc::clone(&blocks));
        Ok(blocks)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SegmentId, Arc<[Block]>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds the newest.
pub(super) struct Newest {
    /// What is known of the index.
    pub(super) ages: Arc<Ages>,
    /// How many are wanted.
    pub(super) limit: usize,
    /// Those below this place alone; all without one.
    pub(super) before: Option<u64>,
    /// How far they are counted, [`Self::before`] or not.
    pub(super) counted_max: usize,
}

/// What was found in one part of the index.
pub(super) struct Part {
    counted: usize,
    /// Place and document, in no order.
    found: Vec<(u64, DocAddress)>,
}

/// Documents one behind the other, and the highest place among them.
#[derive(Clone, Copy)]
struct Block {
    newest: u64,
    start: DocId,
    end: DocId,
}

impl Newest {
    fn is_enough(
        &self,
        counted: usize,
        found: &BinaryHeap<Reverse<(u64, DocId)>>,
        next: u64,
    ) -> bool {
        let lowest = found.peek().map(|Reverse((place, _))| *place);
        let is_full = found.len() >= self.limit && lowest.is_none_or(|lowest| lowest >= next);
        counted >= self.counted_max && is_full
    }
}

impl Collector for Newest {
    /// How many there are, as far as they were counted, and the newest, place and document.
    type Fruit = (usize, Vec<(u64, DocAddress)>);
    type Child = Nothing;

    fn for_segment(&self, _ordinal: SegmentOrdinal, _segment: &SegmentReader) -> Result<Nothing> {
        Ok(Nothing)
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn collect_segment(
        &self,
        weight: &dyn Weight,
        ordinal: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> Result<Part> {
        let places = segment.fast_fields().u64(PLACE)?;
        let mut blocks = self.ages.of(segment)?.to_vec();
        blocks.sort_unstable_by_key(|block| Reverse(block.newest));
        let mut left = blocks.as_mut_slice();
        let (mut counted, mut found) = (0, BinaryHeap::new());
        let mut together = FIRST_BLOCKS;
        while let Some(next) = left.first() {
            if self.is_enough(counted, &found, next.newest) {
                break;
            }
            let (now, later) = left.split_at_mut(together.min(left.len()));
            (left, together) = (later, together.saturating_mul(GROWTH));
            now.sort_unstable_by_key(|block| block.start);
            let mut documents = weight.scorer(segment, 1.0)?;
            for block in &*now {
                let mut doc = documents.doc();
                if doc < block.start {
                    doc = documents.seek(block.start);
                }
                while doc < block.end {
                    if segment
                        .alive_bitset()
                        .is_none_or(|alive| alive.is_alive(doc))
                    {
                        counted += 1;
                        let place = places.first(doc).unwrap_or(0);
                        if self.before.is_none_or(|before| place < before) {
                            found.push(Reverse((place, doc)));
                        }
                        if found.len() > self.limit {
                            found.pop();
                        }
                    }
                    doc = documents.advance();
                }
            }
        }
        let found = found.into_iter();
        Ok(Part {
            counted,
            found: found
                .map(|Reverse((place, doc))| (place, DocAddress::new(ordinal, doc)))
                .collect(),
        })
    }

    fn merge_fruits(&self, parts: Vec<Part>) -> Result<Self::Fruit> {
        let counted = parts.iter().map(|part| part.counted).sum::<usize>();
        let mut found: Vec<_> = parts.into_iter().flat_map(|part| part.found).collect();
        found.sort_unstable_by_key(|(place, _)| Reverse(*place));
        found.truncate(self.limit);
        Ok((counted.min(self.counted_max), found))
    }
}

fn blocks(places: &Column<u64>, documents: u32) -> Vec<Block> {
    let starts = (0..documents).step_by(BLOCK_DOCS as usize);
    starts
        .map(|start| {
            let end = start.saturating_add(BLOCK_DOCS).min(documents);
            let newest = (start..end).filter_map(|doc| places.first(doc)).max();
            Block {
                newest: newest.unwrap_or(0),
                start,
                end,
            }
        })
        .collect()
}

/// Takes nothing: [`Newest`] looks for itself where to look.
pub(super) struct Nothing;

impl SegmentCollector for Nothing {
    type Fruit = Part;

    fn collect(&mut self, _doc: DocId, _score: Score) {}

    fn harvest(self) -> Part {
        Part {
            counted: 0,
            found: Vec::new(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tantivy::query::TermQuery;
    use tantivy::schema::{FAST, INDEXED, IndexRecordOption, STRING, Schema};
    use tantivy::{Index, Term, doc};

    /// Every third document is asked for, every seventh is gone.
    fn index(places: &[u64], parts: usize) -> (Index, Vec<u64>) {
        let mut schema = Schema::builder();
        let place = schema.add_u64_field(PLACE, FAST | INDEXED);
        let word = schema.add_text_field("word", STRING);
        let index = Index::create_in_ram(schema.build());
        let mut writer = index.writer_with_num_threads(1, 15_000_000).unwrap();
        let mut asked = Vec::new();
        for (number, at) in places.iter().enumerate() {
            let (is_asked, is_gone) = (number % 3 == 0, number % 7 == 0);
            let said = if is_asked { "flood" } else { "fire" };
            writer
                .add_document(doc!(place => *at, word => said))
                .unwrap();
            if is_asked && !is_gone {
                asked.push(*at);
            }
            if number % places.len().div_ceil(parts) == 0 {
                writer.commit().unwrap();
            }
        }
        writer.commit().unwrap();
        for at in places.iter().step_by(7) {
            writer.delete_term(Term::from_field_u64(place, *at));
        }
        writer.commit().unwrap();
        asked.sort_unstable_by_key(|place| Reverse(*place));
        (index, asked)
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

        #[test]
        fn it_finds_what_a_look_at_all_finds(
            places in proptest::collection::hash_set(1_u64..10_000, 1..400),
            in_order: bool,
            parts in 1_usize..5,
            limit in 1_usize..60,
            before in proptest::option::of(1_u64..10_000),
            counted_max in 0_usize..80,
        ) {
            let mut places: Vec<u64> = places.into_iter().collect();
            if in_order {
                places.sort_unstable();
            }
            let (index, asked) = index(&places, parts);
            let field = index.schema().get_field("word").unwrap();
            let query = TermQuery::new(Term::from_field_text(field, "flood"), IndexRecordOption::Basic);
            let ages = Arc::default();
            let newest = Newest { ages, limit, before, counted_max };
            let searcher = index.reader().unwrap().searcher();
            let (counted, found) = searcher.search(&query, &newest).unwrap();
            let found: Vec<u64> = found.into_iter().map(|(place, _)| place).collect();
            proptest::prop_assert_eq!(counted, asked.len().min(counted_max));
            let wanted = asked.into_iter().filter(|place| before.is_none_or(|before| *place < before));
            proptest::prop_assert_eq!(found, wanted.take(limit).collect::<Vec<_>>());
        }
    }
}
