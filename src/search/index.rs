//! The index on disk, and what it answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::collector::{Count, MultiCollector, TopDocs};
use tantivy::directory::MmapDirectory;
use tantivy::indexer::LogMergePolicy;
use tantivy::query::Query;
use tantivy::schema::{
    BytesOptions, FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED, Schema,
    TextFieldIndexing, TextOptions, Value as _,
};
use tantivy::snippet::SnippetGenerator;
use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RemoveLongFilter, SimpleTokenizer, TextAnalyzer,
};
use tantivy::{
    DocAddress, Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, SegmentMeta,
    TantivyDocument, Term,
};

use super::document::Document;
use super::found::{COUNTED_MAX, Found, Hit, SNIPPET_SIZE_MAX};
use super::newest::{Ages, Newest};
use super::question::{Order, Question};

/// What a document of this version holds; another one makes the index anew.
const VERSION: &str = "2";
/// Memory for documents that are not on disk yet, in bytes (tantivy wants at least 15 MB).
const WRITER_SIZE_BYTES: usize = 20_000_000;
/// Documents of this size together are written before more are read, in octets.
const UNWRITTEN_SIZE_MAX: usize = 8 * 1024 * 1024;
/// Part of the documents of a file that may be gone before it is written anew.
const GONE_RATIO_MAX: f32 = 0.1;
/// Longest word that can be found, in octets.
const WORD_SIZE_MAX: usize = 60;
/// Furthest place in a list by relevance.
const RELEVANT_MAX: usize = 1_000;
/// Longest subject or name that is marked as a whole, in octets.
const LINE_SIZE_MAX: usize = 4_000;
/// Name of the way in which texts become words.
const WORDS: &str = "tocsin";

/// Why the index could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index failed.
    #[error(transparent)]
    Index(#[from] tantivy::TantivyError),
    /// Its folder cannot be used.
    #[error("the folder of the search index: {0}")]
    Folder(#[from] std::io::Error),
}

/// How an index was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// As the last run left it.
    Kept,
    /// Empty: everything has to go in.
    Empty,
}

/// The fields of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) row: Field,
    pub(super) place: Field,
    pub(super) subject: Field,
    pub(super) recipient: Field,
    /// Whom something went to, which not everybody may know who may read it.
    pub(super) sent_to: Field,
    pub(super) body: Field,
}

fn schema() -> (Schema, Fields) {
    let words = TextFieldIndexing::default()
        .set_tokenizer(WORDS)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let words = TextOptions::default().set_indexing_options(words);
    let mut schema = Schema::builder();
    let fields = Fields {
        row: schema.add_bytes_field("row", BytesOptions::default() | INDEXED | STORED),
        place: schema.add_u64_field("place", NumericOptions::default() | FAST | INDEXED),
        subject: schema.add_text_field("subject", words.clone()),
        recipient: schema.add_text_field("recipient", words.clone()),
        sent_to: schema.add_text_field("sent_to", words.clone()),
        body: schema.add_text_field("body", words),
    };
    (schema.build(), fields)
}

/// Letters and digits make words, without regard to case and accents.
pub(super) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(WORD_SIZE_MAX))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

/// What writes, and what each commit says of the whole: whose index it is, or that it is not
/// whole.
struct Pen {
    /// None after a failure: the next use opens another.
    writer: Option<IndexWriter>,
    mark: String,
}

impl Pen {
    fn take(&mut self, index: &Index) -> Result<IndexWriter, SearchError> {
        match self.writer.take() {
            Some(writer) => Ok(writer),
            None => writer_of(index),
        }
    }
}

/// A part of the index of which so many documents are gone is written anew with its neighbours: by
/// itself tantivy would never do it for their sake.
fn writer_of(index: &Index) -> Result<IndexWriter, SearchError> {
    let writer = index.writer_with_num_threads(1, WRITER_SIZE_BYTES)?;
    let mut policy = LogMergePolicy::default();
    policy.set_del_docs_ratio_before_merge(GONE_RATIO_MAX);
    writer.set_merge_policy(Box::new(policy));
    Ok(writer)
}

fn commit(writer: &mut IndexWriter, mark: &str) -> Result<(), SearchError> {
    let mut commit = writer.prepare_commit()?;
    commit.set_payload(mark);
    commit.commit()?;
    Ok(())
}

/// Threads that look through parts of the index at once.
const SEARCH_THREADS: usize = 2;

/// The full-text index.
pub struct SearchIndex {
    index: Index,
    reader: IndexReader,
    writer: Mutex<Pen>,
    fields: Fields,
    ages: Arc<Ages>,
    folder: PathBuf,
}

impl std::fmt::Debug for SearchIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchIndex")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl SearchIndex {
    /// Opens the index in this folder. One that is missing, damaged, of another version or of
    /// another state (`mark` names it) is begun anew.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(folder: &Path, mark: &str) -> Result<(Self, Opened), SearchError> {
        let mark = format!("{VERSION} {mark}");
        match Self::kept(folder, &mark) {
            Ok(Some(index)) => return Ok((index, Opened::Kept)),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the search index is damaged and made anew"),
        }
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(folder)?;
        let (schema, _) = schema();
        let directory = MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
        let mut index = Index::create(directory, schema, tantivy::IndexSettings::default())?;
        index.set_multithread_executor(SEARCH_THREADS)?;
        let index = Self::over(index, folder, String::new())?;
        Ok((index, Opened::Empty))
    }

    /// An index that is gone with the process: for state in memory.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn in_memory() -> Result<Self, SearchError> {
        let (schema, _) = schema();
        Self::over(Index::create_in_ram(schema), Path::new(""), String::new())
    }

    /// What the last run left, if it belongs to this state and was finished.
    fn kept(folder: &Path, mark: &str) -> Result<Option<Self>, SearchError> {
        if !folder.join("meta.json").exists() {
            return Ok(None);
        }
        let mut index = Index::open_in_dir(folder)?;
        index.set_multithread_executor(SEARCH_THREADS)?;
        let (schema, _) = schema();
        let payload = index.load_metas()?.payload;
        if index.schema() != schema || payload.as_deref() != Some(mark) {
            return Ok(None);
        }
        Self::over(index, folder, mark.to_owned()).map(Some)
    }

    fn over(index: Index, folder: &Path, mark: String) -> Result<Self, SearchError> {
        index.tokenizers().register(WORDS, analyzer());
        let (_, fields) = schema();
        let writer = writer_of(&index)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(Self {
            reader,
            writer: Mutex::new(Pen {
                writer: Some(writer),
                mark,
            }),
            fields,
            ages: Arc::default(),
            folder: folder.to_owned(),
            index,
        })
    }

    /// Takes documents in, each in place of what stood for its row; none for a row takes it out.
    /// They are on disk and can be found when this returns. `mark` says that the index is whole.
    ///
    /// # Errors
    /// When a document cannot be had or the index fails; then the last of them were not taken in.
    pub fn apply<E: From<SearchError>>(
        &self,
        changes: impl IntoIterator<Item = Result<(Vec<u8>, Option<Document>), E>>,
        mark: Option<&str>,
    ) -> Result<(), E> {
        let mut pen = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // Until all is well it is not put back: one that failed is thrown away with what it had.
        let mut writer = pen.take(&self.index)?;
        let mut size = 0;
        for change in changes {
            let (row, document) = change?;
            writer.delete_term(Term::from_field_bytes(self.fields.row, &row));
            if let Some(document) = document {
                size += document.size_bytes();
                let added = writer.add_document(self.of(&row, &document));
                added.map_err(SearchError::from)?;
            }
            if size >= UNWRITTEN_SIZE_MAX {
                commit(&mut writer, &pen.mark)?;
                size = 0;
            }
        }
        if let Some(mark) = mark {
            pen.mark = format!("{VERSION} {mark}");
        }
        commit(&mut writer, &pen.mark)?;
        pen.writer = Some(writer);
        drop(pen);
        self.reader.reload().map_err(SearchError::from)?;
        Ok(())
    }

    fn of(&self, row: &[u8], document: &Document) -> TantivyDocument {
        let mut made = TantivyDocument::new();
        made.add_bytes(self.fields.row, row);
        made.add_u64(self.fields.place, document.place(row));
        made.add_text(self.fields.subject, &document.subject);
        let field = if document.went_out {
            self.fields.sent_to
        } else {
            self.fields.recipient
        };
        for recipient in &document.recipients {
            made.add_text(field, recipient);
        }
        made.add_text(self.fields.body, &document.body);
        made
    }

    /// Writes every file anew that still holds the words of what is gone: until then they could be
    /// read from the disk. True when there was one.
    ///
    /// # Errors
    /// When the index fails.
    pub fn forget_gone(&self) -> Result<bool, SearchError> {
        let mut pen = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.index.searchable_segment_metas()?;
        let with_gone = kept.iter().filter(|part| part.has_deletes());
        let with_gone: Vec<_> = with_gone.map(SegmentMeta::id).collect();
        if with_gone.is_empty() {
            return Ok(false);
        }
        let mut writer = pen.take(&self.index)?;
        for part in with_gone {
            // One that is being written anew already is not there for a second time.
            if let Err(error) = writer.merge(&[part]).wait() {
                tracing::debug!(%error, "a part of the search index is not written anew");
            }
        }
        writer.garbage_collect_files().wait()?;
        pen.writer = Some(writer);
        drop(pen);
        self.reader.reload()?;
        Ok(true)
    }

    /// How many documents can be found.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Looks for what is asked; what asks for nothing finds nothing.
    ///
    /// # Errors
    /// When the index fails.
    pub fn find(&self, question: &Question) -> Result<Found, SearchError> {
        let searcher = self.reader.searcher();
        let query = question.query(self.fields, &mut analyzer());
        let (hits, total) = match question.order {
            Order::Newest => self.newest(&searcher, question, query.as_ref())?,
            Order::Relevant => self.relevant(&searcher, question, query.as_ref())?,
        };
        let snippets = |field, size| -> Result<SnippetGenerator, SearchError> {
            let mut generator = SnippetGenerator::create(&searcher, query.as_ref(), field)?;
            generator.set_max_num_chars(size);
            Ok(generator)
        };
        Ok(Found {
            hits,
            total,
            subject: snippets(self.fields.subject, LINE_SIZE_MAX)?,
            recipient: snippets(self.fields.recipient, LINE_SIZE_MAX)?,
            sent_to: snippets(self.fields.sent_to, LINE_SIZE_MAX)?,
            body: snippets(self.fields.body, SNIPPET_SIZE_MAX)?,
        })
    }

    fn newest(
        &self,
        searcher: &Searcher,
        question: &Question,
        query: &dyn Query,
    ) -> Result<(Vec<Hit>, usize), SearchError> {
        let newest = Newest {
            ages: Arc::clone(&self.ages),
            limit: question.limit.max(1),
            before: question.before,
            counted_max: COUNTED_MAX,
        };
        let (total, found) = searcher.search(query, &newest)?;
        Ok((self.hits(searcher, found.into_iter())?, total))
    }

    fn relevant(
        &self,
        searcher: &Searcher,
        question: &Question,
        query: &dyn Query,
    ) -> Result<(Vec<Hit>, usize), SearchError> {
        let skip = question.skip.min(RELEVANT_MAX);
        let top = TopDocs::with_limit(question.limit.max(1)).and_offset(skip);
        let mut both = MultiCollector::new();
        let (top, count) = (
            both.add_collector(top.order_by_score()),
            both.add_collector(Count),
        );
        let bounded = question.bounded(self.fields, query.box_clone());
        let mut fruits = searcher.search(bounded.as_ref(), &both)?;
        let found = top.extract(&mut fruits).into_iter().map(|(_, at)| (0, at));
        let total = count.extract(&mut fruits).min(COUNTED_MAX);
        Ok((self.hits(searcher, found)?, total))
    }

    fn hits(
        &self,
        searcher: &Searcher,
        found: impl Iterator<Item = (u64, DocAddress)>,
    ) -> Result<Vec<Hit>, SearchError> {
        let mut hits = Vec::new();
        for (place, address) in found {
            let document: TantivyDocument = searcher.doc(address)?;
            let row = document.get_first(self.fields.row);
            if let Some(row) = row.and_then(|row| row.as_bytes()) {
                let row = row.to_vec();
                hits.push(Hit { row, place });
            }
        }
        Ok(hits)
    }

    /// Throws everything away; what can be found goes in again from the state.
    ///
    /// # Errors
    /// When the index fails.
    pub fn clear(&self) -> Result<(), SearchError> {
        let mut pen = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writer = pen.take(&self.index)?;
        writer.delete_all_documents()?;
        // Without a mark: should this be cut short, the next start begins anew.
        pen.mark.clear();
        commit(&mut writer, &pen.mark)?;
        pen.writer = Some(writer);
        self.reader.reload()?;
        Ok(())
    }

    /// The index, for whoever looks after its files.
    #[must_use]
    pub const fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// How many files its documents lie in.
    ///
    /// # Errors
    /// When the index fails.
    pub fn segments(&self) -> Result<usize, SearchError> {
        Ok(self.index.searchable_segment_ids()?.len())
    }
}
