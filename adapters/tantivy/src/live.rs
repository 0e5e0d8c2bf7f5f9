//! The index that answers, the one that may be in the making beside it, and the writing of both.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ports::search::{BATCH_MAX, Change, Document, Mark, SearchError};
use tantivy::directory::MmapDirectory;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, NoMergePolicy};
use tantivy::{Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Term};

use crate::dictionary::Snapshot;
use crate::failed;
use crate::schema::{self, Fields, VERSION};
use crate::synonyms::Synonyms;

/// What the writer may hold before it starts a segment. It is open only while there is something to write.
const WRITER_BYTES: usize = 20_000_000;
/// A rebuild may hold more, for larger segments.
const REBUILD_BYTES: usize = 60_000_000;
/// Names the directory of the index that answers.
const CURRENT: &str = "current";
/// Small segments are merged when there are this many.
const MERGED_SEGMENTS: usize = 4;
const DELETED_SHARE_MAX: f32 = 0.3;
/// Documents are stored in blocks of so many bytes. The hits of a page lie in as many blocks, and each is
/// unpacked as a whole.
const STORED_BLOCK_BYTES: usize = 4_096;

static EPOCH: AtomicU64 = AtomicU64::new(1);

/// One index and its view.
pub struct Live {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    epoch: u64,
    directory: Option<PathBuf>,
    synonyms: Arc<Synonyms>,
    snapshot: RwLock<Arc<Snapshot>>,
}

impl Live {
    fn open(directory: Option<PathBuf>, synonyms: Arc<Synonyms>) -> Result<Self, SearchError> {
        let (schema, fields) = schema::schema();
        let settings = IndexSettings { docstore_blocksize: STORED_BLOCK_BYTES, ..IndexSettings::default() };
        let builder = Index::builder().schema(schema).settings(settings);
        let index = match &directory {
            Some(path) => {
                fs::create_dir_all(path).map_err(failed)?;
                builder.open_or_create(MmapDirectory::open(path).map_err(failed)?)
            }
            None => builder.create_in_ram(),
        };
        let index = index.map_err(failed)?;
        let reader: IndexReader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(16).try_into().map_err(failed)?;
        let epoch = EPOCH.fetch_add(1, Ordering::Relaxed);
        let snapshot = RwLock::new(Arc::new(Snapshot::new(reader.searcher(), fields, epoch, synonyms.clone())));
        Ok(Self { index, reader, fields, epoch, directory, synonyms, snapshot })
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reload(&self) -> Result<(), SearchError> {
        self.reader.reload().map_err(failed)?;
        let snapshot = Arc::new(Snapshot::new(self.reader.searcher(), self.fields, self.epoch, self.synonyms.clone()));
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        Ok(())
    }

    fn writer(&self, bytes: usize) -> Result<IndexWriter, SearchError> {
        let options = IndexWriterOptions::builder().memory_budget_per_thread(bytes).num_worker_threads(1).num_merge_threads(1).build();
        self.index.writer_with_options(options).map_err(failed)
    }

    pub fn mark(&self) -> Result<Option<Mark>, SearchError> {
        let payload = self.index.load_metas().map_err(failed)?.payload;
        payload.map(|text| serde_json::from_str(&text).map_err(failed)).transpose()
    }

    /// On disk; 0 in memory.
    pub fn bytes(&self) -> Result<u64, SearchError> {
        let Some(directory) = &self.directory else { return Ok(0) };
        let mut bytes = 0;
        for entry in fs::read_dir(directory).map_err(failed)? {
            // A merge may delete a file that was just listed.
            bytes += entry.and_then(|entry| entry.metadata()).map_or(0, |metadata| metadata.len());
        }
        Ok(bytes)
    }
}

/// For an index that answers.
fn merge_as_it_grows(writer: &IndexWriter) {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(MERGED_SEGMENTS);
    policy.set_del_docs_ratio_before_merge(DELETED_SHARE_MAX);
    writer.set_merge_policy(Box::new(policy));
}

#[derive(Default)]
struct Writing {
    writer: Option<IndexWriter>,
    /// Counts batches, to tell whether the writer has been idle.
    batches: u64,
    next: Option<Next>,
}

/// The index in the making.
struct Next {
    live: Live,
    writer: IndexWriter,
    /// What batches have changed since it was begun: what is read from the stores meanwhile may be older.
    touched: HashSet<String>,
    number: u64,
    documents: u64,
}

pub struct Store {
    /// None: in memory.
    root: Option<PathBuf>,
    synonyms: Arc<Synonyms>,
    live: RwLock<Arc<Live>>,
    writing: Mutex<Writing>,
}

impl Store {
    pub fn open(root: Option<&Path>, synonyms: Synonyms) -> Result<Self, SearchError> {
        let synonyms = Arc::new(synonyms);
        let directory = match root {
            Some(root) => {
                fs::create_dir_all(root).map_err(failed)?;
                let current = current(root)?;
                Some(root.join(current))
            }
            None => None,
        };
        let live = RwLock::new(Arc::new(Live::open(directory, synonyms.clone())?));
        Ok(Self { root: root.map(Path::to_owned), synonyms, live, writing: Mutex::default() })
    }

    pub fn live(&self) -> Arc<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of the batch.
    pub fn apply(&self, batch: &[Change], mark: Option<&Mark>) -> Result<u64, SearchError> {
        if batch.len() > BATCH_MAX {
            return Err(SearchError::Field { field: "batch", reason: format!("has more than {BATCH_MAX} changes") });
        }
        let mut writing = self.writing();
        let live = self.live();
        let mut writer = match writing.writer.take() {
            Some(writer) => writer,
            None => {
                let writer = live.writer(WRITER_BYTES)?;
                merge_as_it_grows(&writer);
                writer
            }
        };
        // A writer that failed is not put back: what it has not committed goes with it.
        write(&live.fields, &writer, batch)?;
        if let Some(next) = &mut writing.next {
            next.touched.extend(batch.iter().map(|change| change.id().to_owned()));
            write(&next.live.fields, &next.writer, batch)?;
        }
        let mark = match mark {
            Some(mark) => Some(mark.clone()),
            None => live.mark()?,
        };
        commit(&mut writer, mark.as_ref())?;
        writing.writer = Some(writer);
        live.reload()?;
        writing.batches += 1;
        Ok(writing.batches)
    }

    /// Lets go of the writer, and with it of its memory and threads, if no batch came after `batch`.
    pub fn rest(&self, batch: u64) -> Result<(), SearchError> {
        let mut writing = self.writing();
        match writing.writer.take() {
            Some(writer) if writing.batches == batch => writer.wait_merging_threads().map_err(failed),
            other => {
                writing.writer = other;
                Ok(())
            }
        }
    }

    pub fn begin(&self) -> Result<u64, SearchError> {
        let mut writing = self.writing();
        if writing.next.is_some() {
            return Err(SearchError::Rebuilding);
        }
        let number = EPOCH.fetch_add(1, Ordering::Relaxed);
        let directory = match &self.root {
            Some(root) => {
                let current = current(root)?;
                tidy(root, &current);
                Some(root.join(following(&current)))
            }
            None => None,
        };
        let live = Live::open(directory, self.synonyms.clone())?;
        let writer = live.writer(REBUILD_BYTES)?;
        // All is merged at the end.
        writer.set_merge_policy(Box::new(NoMergePolicy));
        writing.next = Some(Next { live, writer, touched: HashSet::new(), number, documents: 0 });
        Ok(number)
    }

    pub fn add(&self, number: u64, documents: &[Document]) -> Result<(), SearchError> {
        let mut writing = self.writing();
        let next = writing.next.as_mut().filter(|next| next.number == number).ok_or_else(gone)?;
        for document in documents {
            if !next.touched.contains(&document.id) {
                put(&next.live.fields, &next.writer, document)?;
                next.documents += 1;
            }
        }
        Ok(())
    }

    /// Merges the new index into one segment before it answers, while batches go on: every query looks its
    /// words up in every segment.
    fn merge(&self, number: u64) -> Result<(), SearchError> {
        let merging = {
            let mut writing = self.writing();
            let next = writing.next.as_mut().filter(|next| next.number == number).ok_or_else(gone)?;
            commit(&mut next.writer, None)?;
            let segments = next.live.index.searchable_segment_ids().map_err(failed)?;
            if segments.len() < 2 {
                return Ok(());
            }
            next.writer.merge(&segments)
        };
        merging.wait().map_err(failed)?;
        Ok(())
    }

    pub fn finish(&self, number: u64, mark: &Mark) -> Result<u64, SearchError> {
        self.merge(number)?;
        let mut writing = self.writing();
        if writing.next.as_ref().is_none_or(|next| next.number != number) {
            return Err(gone());
        }
        let Some(Next { live, mut writer, .. }) = writing.next.take() else { return Err(gone()) };
        commit(&mut writer, Some(mark))?;
        // The next batch opens a writer of its own, which holds less.
        writer.wait_merging_threads().map_err(failed)?;
        live.reload()?;
        let documents = live.snapshot().searcher.num_docs();
        if let (Some(root), Some(directory)) = (&self.root, &live.directory) {
            point(root, directory)?;
        }
        writing.writer = None;
        writing.batches += 1;
        let live = Arc::new(live);
        let before = std::mem::replace(&mut *self.live.write().unwrap_or_else(PoisonError::into_inner), live);
        if let Some(directory) = &before.directory
            && let Err(error) = fs::remove_dir_all(directory)
        {
            // It is removed by the next rebuild.
            tracing::warn!(directory = %directory.display(), %error, "the old index could not be removed");
        }
        Ok(documents)
    }

    pub fn abandon(&self, number: u64) {
        let mut writing = self.writing();
        let Some(next) = writing.next.take_if(|next| next.number == number) else { return };
        drop(next.writer);
        if let Some(directory) = &next.live.directory
            && let Err(error) = fs::remove_dir_all(directory)
        {
            tracing::warn!(directory = %directory.display(), %error, "an abandoned index could not be removed");
        }
    }

    /// Documents that were added to the index in the making.
    pub fn rebuilding(&self) -> Option<u64> {
        self.writing().next.as_ref().map(|next| next.documents)
    }
}

fn gone() -> SearchError {
    SearchError::Failed("the rebuild was ended".into())
}

fn write(fields: &Fields, writer: &IndexWriter, batch: &[Change]) -> Result<(), SearchError> {
    for change in batch {
        match change {
            Change::Put(document) => put(fields, writer, document)?,
            Change::Remove(id) => {
                writer.delete_term(Term::from_field_text(fields.id, id));
            }
        }
    }
    Ok(())
}

fn put(fields: &Fields, writer: &IndexWriter, document: &Document) -> Result<(), SearchError> {
    writer.delete_term(Term::from_field_text(fields.id, &document.id));
    writer.add_document(schema::to_index(fields, document)?).map_err(failed)?;
    Ok(())
}

fn commit(writer: &mut IndexWriter, mark: Option<&Mark>) -> Result<(), SearchError> {
    let mut prepared = writer.prepare_commit().map_err(failed)?;
    if let Some(mark) = mark {
        prepared.set_payload(&serde_json::to_string(mark).map_err(failed)?);
    }
    prepared.commit().map_err(failed)?;
    Ok(())
}

/// The name of the directory that answers: of this version of the fields, or a new one.
fn current(root: &Path) -> Result<String, SearchError> {
    let named = match fs::read_to_string(root.join(CURRENT)) {
        Ok(name) => name.trim().to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let fits = named.starts_with(&format!("v{VERSION}-")) && !named.contains(['/', '\\']) && root.join(&named).is_dir();
    Ok(if fits { named } else { format!("v{VERSION}-1") })
}

fn following(current: &str) -> String {
    let number: u64 = current.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    format!("v{VERSION}-{}", number + 1)
}

/// Makes a directory the one that answers, so that a crash leaves either the old or the new.
fn point(root: &Path, directory: &Path) -> Result<(), SearchError> {
    let name = directory.file_name().and_then(|name| name.to_str()).ok_or_else(gone)?;
    let temporary = root.join("current.new");
    fs::write(&temporary, name).map_err(failed)?;
    fs::File::open(&temporary).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(&temporary, root.join(CURRENT)).map_err(failed)?;
    fs::File::open(root).and_then(|root| root.sync_all()).map_err(failed)
}

/// Removes what a rebuild that was killed has left.
fn tidy(root: &Path, current: &str) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let stale = name.to_str().is_some_and(|name| name.starts_with('v') && name != current);
        if stale && let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::warn!(directory = %entry.path().display(), %error, "an old index could not be removed");
        }
    }
}
