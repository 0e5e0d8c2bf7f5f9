//! Writes places of a file into the directory: many in one commit, several commits at once. Importing
//! a file again changes nothing: ids follow from the sources, and what is the same is not written.

pub mod mapping;
mod osm;
pub mod places;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use contracts::Decision;
use futures::StreamExt as _;
use kernel::{BusinessId, CategoryId, Problem, slugify, stable_id};
use ports::store::{Key, Stored};
use shell::{Changes, DecisionContext, Table, UnitOfWork};

use crate::business::profile::Profile;
use crate::business::zone::TimeZoneMap;
use crate::business::{Business, Imported};
use crate::category::{Category, CategoryDraft, CategoryError, Tree};
use crate::editing::SlugWish;
use crate::import::places::{Place, RefusedRow};
use crate::storage::{self, SlugOwner};

const CAUSE: &str = "directory.import";
/// Commits under way at the same time: they share the store's group commits.
const AT_ONCE: usize = 8;
/// Writes that a commit may come to, by the most that each of its businesses can need; DynamoDB allows 100.
const WRITES_PER_COMMIT: usize = 90;
/// The business, two slugs.
const WRITES_PER_BUSINESS: usize = 3;
const CATEGORIES_PER_COMMIT: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Updated,
    Unchanged,
}

/// What an import has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub refused: Vec<RefusedRow>,
}

/// A place with its id, its categories, and the slugs that it may have.
#[derive(Debug, Clone)]
pub struct Import {
    id: BusinessId,
    source_id: String,
    row: usize,
    profile: Profile,
    wish: SlugWish,
}

/// Writes the places; tells after each commit how many are done.
pub async fn import(work: &UnitOfWork, time_zones: &TimeZoneMap, places: Vec<Place>, progress: impl Fn(usize)) -> Result<Report, Problem> {
    let mut report = Report::default();
    let (imports, refused) = prepared(work, time_zones, places).await?;
    report.refused = refused;
    let mut writes = std::pin::pin!(futures::stream::iter(chunks(imports)).map(|chunk| write(work, chunk)).buffered(AT_ONCE));
    while let Some(outcomes) = writes.next().await {
        let outcomes = outcomes?;
        for outcome in &outcomes {
            match outcome {
                Outcome::Created => report.created += 1,
                Outcome::Updated => report.updated += 1,
                Outcome::Unchanged => report.unchanged += 1,
            }
        }
        progress(outcomes.len());
    }
    Ok(report)
}

/// Makes the categories that are missing, and hands out slugs in the order of the file.
async fn prepared(work: &UnitOfWork, time_zones: &TimeZoneMap, places: Vec<Place>) -> Result<(Vec<Import>, Vec<RefusedRow>), Problem> {
    let paths: BTreeSet<&Vec<String>> = places.iter().flat_map(|place| &place.categories).collect();
    let ids = categories(work, &paths).await?;
    let misfit = |path: &Vec<String>| Some(format!("the category {}: {}", path.join(" > "), ids.get(path)?.as_ref().err()?));
    let (mut imports, mut refused, mut taken) = (Vec::with_capacity(places.len()), Vec::new(), HashSet::new());
    for place in places {
        let mut profile = time_zones.completed(place.profile)?;
        profile.categories = place.categories.iter().filter_map(|path| ids.get(path)?.as_ref().ok().copied()).collect();
        let checked = match place.categories.iter().find_map(misfit) {
            Some(reason) => Err(reason),
            None => profile.checked_import().map_err(|error| error.to_string()),
        };
        match checked {
            Err(reason) => refused.push(RefusedRow { row: place.row, name: place.source_id, reason }),
            Ok(profile) => {
                let wish = SlugWish::near(&profile, &place.source_id).without(&taken);
                taken.extend(wish.slugs().first().cloned());
                let id = BusinessId(stable_id(&["business", &place.source_id]));
                imports.push(Import { id, source_id: place.source_id, row: place.row, profile, wish });
            }
        }
    }
    Ok((imports, refused))
}

/// The ids of the categories of these paths, made where they are missing; or why the tree, as people have changed it, has no
/// room for one.
type Categories = BTreeMap<Vec<String>, Result<CategoryId, CategoryError>>;

async fn categories(work: &UnitOfWork, paths: &BTreeSet<&Vec<String>>) -> Result<Categories, Problem> {
    let misfits: Mutex<Categories> = Mutex::default();
    for chunk in paths.iter().copied().collect::<Vec<_>>().chunks(CATEGORIES_PER_COMMIT / crate::category::DEPTH_MAX) {
        let grow = |before: Stored<Tree>, context: &DecisionContext| {
            let mut decision = Decision::unchanged(before.value.clone());
            let mut new = Vec::new();
            for path in chunk {
                match grown(decision.clone(), path, new.len(), context) {
                    Ok((grown, made)) => {
                        decision = grown;
                        new.extend(made);
                    }
                    Err(error) => {
                        misfits.lock().unwrap_or_else(PoisonError::into_inner).insert((*path).clone(), Err(error));
                    }
                }
            }
            storage::save_tree(&before, decision, &new)
        };
        work.run_job(CAUSE, |_| storage::tree(work.table()), grow).await?;
    }
    let mut found = misfits.into_inner().unwrap_or_else(PoisonError::into_inner);
    let tree = storage::tree(work.table()).await?;
    for path in paths {
        let id = tree.imported(path).map(|category| category.id).ok_or(CategoryError::NotFound);
        if id.is_ok() || !found.contains_key(*path) {
            found.insert((*path).clone(), id);
        }
    }
    Ok(found)
}

/// The tree with the categories of the path, and those of them that are new. `count` are new already.
fn grown(
    mut decision: Decision<Tree>,
    path: &[String],
    count: usize,
    context: &DecisionContext,
) -> Result<(Decision<Tree>, Vec<CategoryId>), CategoryError> {
    let (mut parent, mut made) = (None, Vec::new());
    for end in 1..=path.len() {
        let id = match found(decision.state(), parent, &path[..end]) {
            Some(id) => id,
            None => {
                let id = context.id(u8::try_from(count + made.len()).unwrap_or(u8::MAX));
                let draft = missing(decision.state(), parent, &path[end - 1]);
                decision = decision.then(|tree| tree.create(id, &draft))?;
                made.push(id);
                id
            }
        };
        decision = decision.then(|tree| tree.remember_import(id, &path[..end]))?;
        parent = Some(id);
    }
    Ok((decision, made))
}

/// The category that an import has known by this path, or one below the parent that has the name.
/// Names are compared by the slugs that they give.
fn found(tree: &Tree, parent: Option<CategoryId>, path: &[String]) -> Option<CategoryId> {
    let name = path.last()?;
    let wanted = slugify(name);
    let same = |category: &&Category| category.name == *name || (!wanted.is_empty() && slugify(&category.name) == wanted);
    tree.imported(path).or_else(|| tree.children(parent).find(same)).map(|category| category.id)
}

fn missing(tree: &Tree, parent: Option<CategoryId>, name: &str) -> CategoryDraft {
    CategoryDraft { name: name.to_owned(), slug: Some(free_slug(tree, parent, name)), parent_id: parent, position: 0 }
}

/// The name's own slug, or with that of the parent where another category has it.
fn free_slug(tree: &Tree, parent: Option<CategoryId>, name: &str) -> String {
    let plain = match slugify(name) {
        slug if slug.is_empty() => format!("category-{:08x}", stable_id(&[name]) >> 96),
        slug => slug,
    };
    if tree.by_slug(&plain).is_none() {
        return plain;
    }
    let above = parent.and_then(|parent| tree.get(parent)).map(|parent| parent.slug.clone()).unwrap_or_default();
    let longer = slugify(&format!("{above} {plain}"));
    if tree.by_slug(&longer).is_none() { longer } else { format!("{plain}-{:08x}", stable_id(&[&above, name]) >> 96) }
}

/// As many businesses per commit as surely fit.
fn chunks(imports: Vec<Import>) -> Vec<Vec<Import>> {
    let mut all: Vec<Vec<Import>> = Vec::new();
    let (mut weight, mut counted) = (usize::MAX, BTreeSet::new());
    for import in imports {
        // Places left and places joined, and the counters of both.
        let places = 2 * import.profile.categories.len();
        let fresh: Vec<CategoryId> = import.profile.categories.iter().filter(|id| !counted.contains(*id)).copied().collect();
        let needed = WRITES_PER_BUSINESS + places + 2 * fresh.len();
        if weight.saturating_add(needed) > WRITES_PER_COMMIT {
            all.push(Vec::new());
            weight = 0;
            counted.clear();
        }
        weight += WRITES_PER_BUSINESS + places + 2 * import.profile.categories.iter().filter(|id| counted.insert(**id)).count();
        if let Some(chunk) = all.last_mut() {
            chunk.push(import);
        }
    }
    all
}

struct Loaded {
    tree: Stored<Tree>,
    businesses: Vec<Option<Stored<Business>>>,
    /// For those that are new, by the slugs that they wish for.
    owners: Vec<Vec<Option<Stored<SlugOwner>>>>,
}

async fn write(work: &UnitOfWork, chunk: Vec<Import>) -> Result<Vec<Outcome>, Problem> {
    let outcomes: Mutex<Vec<Outcome>> = Mutex::default();
    let load = |_| load(work.table(), &chunk);
    let decide = |loaded: Loaded, context: &DecisionContext| {
        let (changes, done) = decided(&chunk, &loaded, context)?;
        *outcomes.lock().unwrap_or_else(PoisonError::into_inner) = done;
        Ok(changes)
    };
    work.run_job(CAUSE, load, decide).await?;
    Ok(outcomes.into_inner().unwrap_or_else(PoisonError::into_inner))
}

async fn load(table: &Table, chunk: &[Import]) -> Result<Loaded, Problem> {
    let keys: Vec<Key> = chunk.iter().map(|import| storage::business_key(import.id)).collect();
    let businesses: Vec<Option<Stored<Business>>> = table.get_many(&keys).await?;
    let mut wanted: Vec<&str> = Vec::new();
    for (import, _) in chunk.iter().zip(&businesses).filter(|(_, business)| business.is_none()) {
        wanted.extend(import.wish.slugs().iter().map(String::as_str));
    }
    wanted.sort_unstable();
    wanted.dedup();
    let mut found: BTreeMap<&str, Stored<SlugOwner>> = BTreeMap::new();
    for some in wanted.chunks(ports::store::KEYS_MAX) {
        let keys: Vec<Key> = some.iter().map(|slug| storage::slug_key(slug)).collect();
        let owners: Vec<Option<Stored<SlugOwner>>> = table.get_many(&keys).await?;
        found.extend(some.iter().zip(owners).filter_map(|(slug, owner)| Some((*slug, owner?))));
    }
    let of = |import: &Import| import.wish.slugs().iter().map(|slug| found.get(slug.as_str()).cloned()).collect();
    Ok(Loaded { tree: storage::tree(table).await?, owners: chunk.iter().map(of).collect(), businesses })
}

fn decided(chunk: &[Import], loaded: &Loaded, context: &DecisionContext) -> Result<(Changes, Vec<Outcome>), Problem> {
    let (mut changes, mut outcomes) = (Changes::none(), Vec::with_capacity(chunk.len()));
    let mut deltas: BTreeMap<CategoryId, i64> = BTreeMap::new();
    let mut used: HashSet<String> = HashSet::new();
    for ((import, before), owners) in chunk.iter().zip(&loaded.businesses).zip(&loaded.owners) {
        let row = |problem: Problem| Problem { detail: format!("row {}: {}", import.row, problem.detail), ..problem };
        let (decision, owner) = match before {
            Some(before) => (before.value.clone().import_again(&import.profile, context.now).map_err(|error| row(error.into()))?, None),
            None => {
                let (slug, owner) = import.wish.clone().without(&used).chosen(import, owners).map_err(|error| row(error.into()))?;
                used.insert(slug.clone());
                let imported = Imported { id: import.id, source_id: import.source_id.clone(), slug };
                (Business::import(imported, import.profile.clone(), context.now).map_err(|error| row(error.into()))?, owner)
            }
        };
        outcomes.push(match (before, decision.is_changed()) {
            (None, _) => Outcome::Created,
            (Some(_), true) => Outcome::Updated,
            (Some(_), false) => Outcome::Unchanged,
        });
        if !decision.is_changed() {
            continue;
        }
        let (writes, moved) = storage::following(before.as_ref(), owner, &loaded.tree, decision.state())?;
        for (id, delta) in moved {
            *deltas.entry(id).or_default() += delta;
        }
        let put = Changes::put(before.as_ref().map(|before| before.version), decision)?;
        changes = writes.into_iter().fold(changes.and(put), Changes::write);
    }
    let moved = deltas.into_iter().filter(|(_, delta)| *delta != 0);
    Ok((moved.map(|(id, delta)| storage::count(id, delta)).fold(changes, Changes::write), outcomes))
}

impl SlugWish {
    /// The first of the remaining slugs that is free.
    fn chosen<'a>(
        &self,
        import: &Import,
        owners: &'a [Option<Stored<SlugOwner>>],
    ) -> Result<(String, Option<&'a Stored<SlugOwner>>), crate::business::BusinessError> {
        let remaining = import.wish.slugs().iter().zip(owners).filter(|(slug, _)| self.slugs().contains(slug));
        let free = |owner: &Option<Stored<SlugOwner>>| owner.as_ref().is_none_or(|owner| owner.business_id == import.id);
        let found = remaining.into_iter().find(|(_, owner)| free(owner));
        let (slug, owner) = found.ok_or_else(|| crate::business::BusinessError::SlugTaken(import.source_id.clone()))?;
        Ok((slug.clone(), owner.as_ref()))
    }
}
