//! What a command about a business is decided with, and what it leads to.

use contracts::Decision;
use kernel::{BusinessId, CategoryId, Problem, SLUG_CHARS_MAX, UserId, is_slug, slugify, stable_id};
use ports::store::{Key, Stored};
use shell::{DecisionContext, HandlerResult, Reply, RequestContext, Table};

use crate::App;
use crate::business::membership::MembershipCount;
use crate::business::profile::Profile;
use crate::business::views::ManagedBusiness;
use crate::business::{Business, BusinessError};
use crate::category::Tree;
use crate::storage::{self, SlugOwner};

/// Which slugs will do, the best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlugWish(Vec<String>);

impl SlugWish {
    pub fn exactly(slug: &str) -> Result<Self, BusinessError> {
        if is_slug(slug) {
            Ok(Self(vec![slug.to_owned()]))
        } else {
            Err(BusinessError::Field { field: "slug", reason: "must be lower-case letters, digits and single hyphens".into() })
        }
    }

    /// The name; with the street or the town; with digits that follow from `unique`.
    pub fn near(profile: &Profile, unique: &str) -> Self {
        let name = match slugify(&profile.name) {
            slug if slug.is_empty() => "business".to_owned(),
            slug => slug,
        };
        let mut slugs = vec![name.clone()];
        let address = profile.address.clone().unwrap_or_default();
        for part in [address.street_address, address.address_locality] {
            slugs.push(slugify(&format!("{name} {part}")));
            // A part that is empty gives the name again.
            if slugs[..slugs.len() - 1].contains(&slugs[slugs.len() - 1]) {
                slugs.pop();
            }
        }
        let digits = format!("{:08x}", stable_id(&["slug", unique]) >> 96);
        slugs.push(format!("{}-{digits}", name.get(..SLUG_CHARS_MAX - 9).unwrap_or(&name).trim_end_matches('-')));
        Self(slugs)
    }

    pub fn slugs(&self) -> &[String] {
        &self.0
    }

    /// Without those that others of the same file take.
    pub fn without(mut self, taken: &std::collections::HashSet<String>) -> Self {
        let last = self.0.len().saturating_sub(1);
        let mut number = 0;
        // The last one is unique by itself.
        self.0.retain(|slug| {
            number += 1;
            number > last || !taken.contains(slug)
        });
        self
    }

    /// The first that the business may have, with its own claim to it.
    pub fn choose<'a>(
        &self,
        id: BusinessId,
        owners: &'a [Option<Stored<SlugOwner>>],
    ) -> Result<(String, Option<&'a Stored<SlugOwner>>), BusinessError> {
        let free = |owner: &Option<Stored<SlugOwner>>| owner.as_ref().is_none_or(|owner| owner.business_id == id);
        let found = self.0.iter().zip(owners).find(|(_, owner)| free(owner));
        let (slug, owner) = found.ok_or_else(|| BusinessError::SlugTaken(self.0.first().cloned().unwrap_or_default()))?;
        Ok((slug.clone(), owner.as_ref()))
    }

    pub async fn owners(&self, table: &Table) -> Result<Vec<Option<Stored<SlugOwner>>>, Problem> {
        let keys: Vec<Key> = self.0.iter().map(|slug| storage::slug_key(slug)).collect();
        table.get_many(&keys).await
    }
}

/// Every category that is named is there.
pub fn check_categories(tree: &Tree, categories: &[CategoryId]) -> Result<(), BusinessError> {
    match categories.iter().position(|id| tree.get(*id).is_none()) {
        None => Ok(()),
        Some(_) => Err(BusinessError::Field { field: "categories", reason: "names a category that is not there".into() }),
    }
}

/// One command about a business that changes neither its slug nor its categories.
pub async fn change(
    app: &App,
    request: &RequestContext,
    id: BusinessId,
    rule: impl Fn(Business, &DecisionContext) -> Result<Decision<Business>, BusinessError>,
) -> HandlerResult {
    let decide = |(before, tree): (Stored<Business>, Stored<Tree>), context: &DecisionContext| {
        // Behind the rule, so that a stranger does not learn the version of a draft.
        let decision = rule(before.value.clone(), context)?;
        request.check_version(before.version)?;
        let reply = shown(&before, &decision);
        Ok(storage::save(Some(&before), None, &tree, decision)?.reply(reply))
    };
    app.work.handle_request(request, |_| load(app.work.table(), id), decide).await
}

/// The answer to a change.
pub fn shown(before: &Stored<Business>, decision: &Decision<Business>) -> Reply {
    Reply::ok(&ManagedBusiness::from(decision.state().clone())).etag(before.version + u64::from(decision.is_changed()))
}

pub async fn load(table: &Table, id: BusinessId) -> Result<(Stored<Business>, Stored<Tree>), Problem> {
    Ok((storage::business(table, id).await?, storage::tree(table).await?))
}

/// For how many businesses the person acts who is about to act for one more.
pub async fn memberships(table: &Table, user: UserId) -> Result<Option<Stored<MembershipCount>>, Problem> {
    table.get(&storage::membership_count_key(user)).await
}
