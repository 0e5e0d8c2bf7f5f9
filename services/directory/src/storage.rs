//! What the directory keeps. Leads have the keys and queries of `lead/storage.rs`.
//!
//! | item | pk | sk | read by |
//! |---|---|---|---|
//! | business | `business#<id>` | `business` | id; indexes 1 to 4 |
//! | rating of a business | `business#<id>` | `rating` | with its business |
//! | slug of a business | `slug#<slug>` | `slug` | slug; kept as a redirect for a year when the slug changes |
//! | business in a category | `in#<category>` | name, id | published businesses of a category, by name |
//! | membership | `member#<user>` | `<business>` | the businesses of a person |
//! | businesses of a person | `memberships#<user>` | `count` | by whoever adds one; a counter |
//! | tree of categories | `categories` | `tree` | all at once |
//! | businesses of a category | `counts` | `<category>` | all at once; a counter |
//! | claim | `claim#<id>` | `claim` | id; index 1: all by status; index 2: of a person |
//! | lead | `lead#<id>` | `lead` | id; index 1: of a business; index 2: by status; index 3: of a person |
//! | who asked | `lead#<id>` | `contact` | with its lead, once it is released |
//! | who asked lately, and how often | `sender#<hash>` | `<business>` or `lately` | with a new enquiry; expires |
//! | leads of a month | `month#<business>` | `2026-11` | with a delivery |
//!
//! | index | pk | sk | of |
//! |---|---|---|---|
//! | 1 | `published` | name, id | businesses that everybody sees |
//! | 2 | `status#<status>` | time of the last change, id | businesses, for moderation |
//! | 3 | `row#<n>` | longitude, id | published businesses of a band of latitude, from west to east |
//! | 4 | `pending` | time of the wish, id | published businesses that want to change what waits for a look |
//! | 1 | `claims#<status>` | time, id | claims |
//! | 2 | `claims#user#<user>` | time, id | claims |
//! | 1 | `contacts#<email>` | lead | who asked, by the address in small letters |
//! | 1 | `leads#<business>` | time, id | leads that were delivered |
//! | 2 | `leads#status#<status>` | time, id | leads, for admins |
//! | 3 | `leads#customer#<user>` | time, id | leads of people who were signed in, until they are erased |

use std::collections::{BTreeSet, HashMap};

use contracts::Decision;
use kernel::{BusinessId, CategoryId, ClaimId, Duration, Problem, Rating, Timestamp, UserId, slugify};
use ports::store::{Bound, Bounds, Expect, IndexEntry, Key, Query, Record, Stored, TableSchema, Write};
use serde::{Deserialize, Serialize};
use shell::{Changes, Table};

use crate::business::membership::{Membership, MembershipCount};
use crate::business::rating::BusinessRating;
use crate::business::{Business, BusinessError, Status};
use crate::category::{CATEGORIES_MAX, Tree};
use crate::claim::{self, Claim, ClaimError};
use crate::sort_key::time_sk;

pub const TABLE: TableSchema = TableSchema { name: "directory", indexes: 4 };

pub const PUBLISHED: u8 = 1;
const BY_STATUS: u8 = 2;
const BY_PLACE: u8 = 3;
const PENDING: u8 = 4;
const CLAIMS: u8 = 1;
const CLAIMS_OF_USER: u8 = 2;
/// Rows of 0.02 degrees, about 2.2 km, from the south pole.
const ROWS_PER_DEGREE: f64 = 50.0;
/// How long a slug that a business has left leads there.
const SLUG_KEPT: Duration = Duration::from_secs(365 * 24 * 3600);
/// The longest part of a name in a sort key.
const NAME_KEY_BYTES_MAX: usize = 60;

/// Whose a slug is. Two businesses cannot have one slug: the second put finds the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlugOwner {
    pub slug: String,
    pub business_id: BusinessId,
    /// Until when a slug that the business had before leads to it. Nobody else gets it, or its links, before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A published business in the list of a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    #[serde(skip)]
    category: Option<CategoryId>,
    /// The name as it sorts, and the id.
    pub sort_key: String,
    pub business_id: BusinessId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryCount {
    pub category_id: CategoryId,
    pub businesses: i64,
}

pub fn business_key(id: BusinessId) -> Key {
    Key::new(format!("business#{id}"), "business")
}

pub fn slug_key(slug: &str) -> Key {
    Key::new(format!("slug#{slug}"), "slug")
}

pub fn tree_key() -> Key {
    Key::new("categories", "tree")
}

pub fn count_key(id: CategoryId) -> Key {
    Key::new("counts", id.to_string())
}

pub fn claim_key(id: ClaimId) -> Key {
    Key::new(format!("claim#{id}"), "claim")
}

pub fn rating_key(id: BusinessId) -> Key {
    Key::new(format!("business#{id}"), "rating")
}

pub fn membership_count_key(user: UserId) -> Key {
    Key::new(format!("memberships#{user}"), "count")
}

impl Record for Business {
    fn key(&self) -> Key {
        business_key(self.id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut entries = vec![IndexEntry::new(BY_STATUS, format!("status#{}", self.status), place_by_status(self))];
        if let Some(pending) = &self.pending {
            entries.push(IndexEntry::new(PENDING, "pending", time_sk(pending.since, self.id)));
        }
        if self.is_published() {
            entries.push(IndexEntry::new(PUBLISHED, "published", name_sk(self)));
            if let Some(position) = self.profile.position {
                entries.push(IndexEntry::new(BY_PLACE, row_pk(row(position.lat)), format!("{}#{}", longitude_sk(position.lon), self.id)));
            }
        }
        entries
    }
}

impl Record for SlugOwner {
    fn key(&self) -> Key {
        slug_key(&self.slug)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.until
    }
}

impl Record for Listed {
    fn key(&self) -> Key {
        Key::new(self.category.map(category_pk).unwrap_or_default(), &self.sort_key)
    }
}

impl Record for Membership {
    fn key(&self) -> Key {
        membership_key(self.user_id, self.business_id)
    }
}

impl Record for MembershipCount {
    fn key(&self) -> Key {
        membership_count_key(self.user_id)
    }
}

impl Record for BusinessRating {
    fn key(&self) -> Key {
        rating_key(self.business_id)
    }
}

impl Record for Tree {
    fn key(&self) -> Key {
        tree_key()
    }
}

impl Record for CategoryCount {
    fn key(&self) -> Key {
        count_key(self.category_id)
    }
}

impl Record for Claim {
    fn key(&self) -> Key {
        claim_key(self.id)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let sk = time_sk(self.requested_at, self.id);
        vec![
            IndexEntry::new(CLAIMS, claims_pk(self.status), sk.clone()),
            IndexEntry::new(CLAIMS_OF_USER, claims_of_user_pk(self.user_id), sk),
        ]
    }
}

pub fn published_query() -> Query {
    Query::index(PUBLISHED, "published")
}

pub fn status_query(status: Status) -> Query {
    Query::index(BY_STATUS, format!("status#{status}")).descending()
}

/// Where a business stands in the list of its status.
pub fn place_by_status(business: &Business) -> String {
    time_sk(business.updated_at, business.id)
}

pub fn pending_query() -> Query {
    Query::index(PENDING, "pending")
}

pub fn claims_query(status: claim::Status) -> Query {
    Query::index(CLAIMS, claims_pk(status))
}

pub fn claims_of_user(user: UserId) -> Query {
    Query::index(CLAIMS_OF_USER, claims_of_user_pk(user))
}

pub fn category_query(id: CategoryId) -> Query {
    Query::table(category_pk(id))
}

pub fn counts_query() -> Query {
    Query::table("counts").limit(CATEGORIES_MAX)
}

pub fn memberships_query(user: UserId) -> Query {
    Query::table(format!("member#{user}"))
}

/// The bands of latitude that an area touches, each from west to east.
pub fn area_queries(south: f64, north: f64, west: f64, east: f64) -> impl Iterator<Item = Query> {
    // `~` sorts after the `#` between the longitude and the id.
    let bounds = Bounds::Between(longitude_sk(west), format!("{}~", longitude_sk(east)));
    (row(south)..=row(north)).map(move |row| Query::index(BY_PLACE, row_pk(row)).bounds(bounds.clone()))
}

pub async fn business(table: &Table, id: BusinessId) -> Result<Stored<Business>, Problem> {
    Ok(table.get(&business_key(id)).await?.ok_or(BusinessError::NotFound)?)
}

pub async fn claim(table: &Table, id: ClaimId) -> Result<Stored<Claim>, Problem> {
    Ok(table.get(&claim_key(id)).await?.ok_or(ClaimError::NotFound)?)
}

/// The ratings of at most 100 businesses, for showing.
pub async fn ratings(table: &Table, ids: impl Iterator<Item = BusinessId>) -> Result<HashMap<BusinessId, Rating>, Problem> {
    let keys: Vec<Key> = ids.map(rating_key).collect();
    let found = table.get_many_eventual::<BusinessRating>(&keys).await?;
    Ok(found.into_iter().flatten().map(|found| (found.business_id, found.rating)).collect())
}

/// One more business that a person acts for. `before` is what they have.
pub fn joined(before: Option<&Stored<MembershipCount>>, user: UserId) -> Result<Changes, Problem> {
    Changes::put(before.map(|before| before.version), MembershipCount::joined(before.map(|before| before.value.clone()), user)?)
}

/// The tree for deciding; version 0 while there is none.
pub async fn tree(table: &Table) -> Result<Stored<Tree>, Problem> {
    Ok(table.get(&tree_key()).await?.unwrap_or(Stored { value: Tree::default(), version: 0 }))
}

/// The tree for showing.
pub async fn shown_tree(table: &Table) -> Result<Stored<Tree>, Problem> {
    Ok(table.get_eventual(&tree_key()).await?.unwrap_or(Stored { value: Tree::default(), version: 0 }))
}

/// All that makes a business's next state visible: its item, its slugs, its entries in the lists of categories, the
/// memberships and the counters. `owner` is who has the new slug now.
pub fn save(
    before: Option<&Stored<Business>>,
    owner: Option<&Stored<SlugOwner>>,
    tree: &Tree,
    decision: Decision<Business>,
) -> Result<Changes, Problem> {
    if !decision.is_changed() {
        return Ok(Changes::none());
    }
    let (writes, deltas) = following(before, owner, tree, decision.state())?;
    let changes = writes.into_iter().fold(Changes::put(before.map(|before| before.version), decision)?, Changes::write);
    Ok(deltas.into_iter().map(|(id, delta)| count(id, delta)).fold(changes, Changes::write))
}

/// Writes, and by how much the counters of categories move.
pub type Following = (Vec<Write>, Vec<(CategoryId, i64)>);

/// What follows from a business's next state. Who joins is counted by whoever lets them in (`joined`).
pub fn following(
    before: Option<&Stored<Business>>,
    owner: Option<&Stored<SlugOwner>>,
    tree: &Tree,
    after: &Business,
) -> Result<Following, Problem> {
    let old = before.map(|stored| &stored.value);
    let mut writes = slug_writes(old, owner, after)?;
    let (left, joined) = (old.map(listings).unwrap_or_default(), listings(after));
    let gone =
        left.iter().filter(|listed| !joined.contains(listed)).map(|listed| Write::Delete { key: listed.key(), expect: Expect::Anything });
    writes.extend(gone);
    for listed in joined.iter().filter(|listed| !left.contains(listed)) {
        writes.push(Write::Put { item: listed.to_item()?, expect: Expect::Anything });
    }
    let members = |business: &Business| business.members.iter().map(|member| member.user_id).collect::<BTreeSet<_>>();
    let (had, has) = (old.map(members).unwrap_or_default(), members(after));
    for user in had.difference(&has) {
        writes.push(Write::Delete { key: membership_key(*user, after.id), expect: Expect::Anything });
        let (deltas, bounds) = (vec![("businesses", -1)], vec![Bound::AtLeast("businesses", 1)]);
        writes.push(Write::Add { key: membership_count_key(*user), deltas, bounds });
    }
    for user in has.difference(&had) {
        let item = Membership { user_id: *user, business_id: after.id }.to_item()?;
        writes.push(Write::Put { item, expect: Expect::Anything });
    }
    let counted = |all: &[Listed]| all.iter().filter_map(|listed| listed.category).collect::<BTreeSet<_>>();
    let (from, to) = (counted(&left), counted(&joined));
    // A category that has been deleted since has no counter any more.
    let there = |id: &CategoryId| tree.get(*id).is_some();
    let minus = from.difference(&to).filter(|id| there(id)).map(|id| (*id, -1));
    let deltas = minus.chain(to.difference(&from).filter(|id| there(id)).map(|id| (*id, 1))).collect();
    Ok((writes, deltas))
}

/// The tree's next state, with counters for the categories that are new.
pub fn save_tree(before: &Stored<Tree>, decision: Decision<Tree>, new: &[CategoryId]) -> Result<Changes, Problem> {
    let mut changes = Changes::put((before.version > 0).then_some(before.version), decision)?;
    for id in new {
        let item = CategoryCount { category_id: *id, businesses: 0 }.to_item()?;
        changes = changes.write(Write::Put { item, expect: Expect::Absent });
    }
    Ok(changes)
}

/// Moves the counter of a category.
pub fn count(id: CategoryId, delta: i64) -> Write {
    Write::Add { key: count_key(id), deltas: vec![("businesses", delta)], bounds: vec![Bound::AtLeast("businesses", (-delta).max(0))] }
}

/// A business may take a slug that nobody has, or that is or was its own.
fn slug_writes(old: Option<&Business>, owner: Option<&Stored<SlugOwner>>, new: &Business) -> Result<Vec<Write>, Problem> {
    if old.is_some_and(|old| old.slug == new.slug) {
        return Ok(Vec::new());
    }
    let expect = match owner {
        None => Expect::Absent,
        Some(owner) if owner.business_id == new.id => Expect::Version(owner.version),
        Some(owner) => return Err(BusinessError::SlugTaken(owner.slug.clone()).into()),
    };
    let item = SlugOwner { slug: new.slug.clone(), business_id: new.id, until: None }.to_item()?;
    let mut writes = vec![Write::Put { item, expect }];
    if let Some(old) = old {
        let item = SlugOwner { slug: old.slug.clone(), business_id: old.id, until: Some(new.updated_at.plus(SLUG_KEPT)) }.to_item()?;
        writes.push(Write::Put { item, expect: Expect::Anything });
    }
    Ok(writes)
}

/// None unless everybody may see the business.
fn listings(business: &Business) -> Vec<Listed> {
    if !business.is_published() {
        return Vec::new();
    }
    let listed = |id: &CategoryId| Listed { category: Some(*id), sort_key: name_sk(business), business_id: business.id };
    business.profile.categories.iter().map(listed).collect()
}

fn membership_key(user: UserId, business: BusinessId) -> Key {
    Key::new(format!("member#{user}"), business.to_string())
}

fn category_pk(id: CategoryId) -> String {
    format!("in#{id}")
}

fn claims_pk(status: claim::Status) -> String {
    format!("claims#{status}")
}

fn claims_of_user_pk(user: UserId) -> String {
    format!("claims#user#{user}")
}

/// Names as they sort for people, umlauts among the plain letters.
fn name_sk(business: &Business) -> String {
    let mut name = slugify(&business.profile.name);
    name.truncate(NAME_KEY_BYTES_MAX);
    format!("{name}#{}", business.id)
}

fn row_pk(row: u32) -> String {
    format!("row#{row}")
}

// A latitude is from -90 to 90, a longitude from -180 to 180: both casts are exact enough and never negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn row(lat: f64) -> u32 {
    ((lat + 90.0).clamp(0.0, 180.0) * ROWS_PER_DEGREE).floor() as u32
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn longitude_sk(lon: f64) -> String {
    format!("{:010}", ((lon + 180.0).clamp(0.0, 360.0) * 1e7).round() as u64)
}
