//! Writes products of a file into the catalog. Importing a file again changes nothing: ids follow
//! from the seller and the handle, and what is the same already is not written.

use contracts::Decision;
use kernel::{BusinessId, CategoryId, Code, Problem, ProductId, VariantId, slugify, stable_id};
use ports::store::Stored;
use shell::{Changes, DecisionContext, UnitOfWork};

use crate::category::{CategoryDraft, CategoryName};
use crate::editing::{NewProduct, SlugWish, State};
use crate::product::{Product, variant_title};
use crate::shopify::ImportedProduct;
use crate::storage::{self, SlugOwner};
use crate::surroundings::Surroundings;

const CAUSE: &str = "catalog.import";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Updated,
    Unchanged,
}

/// What became of a product, and the stock that the file gives its variants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub outcome: Outcome,
    pub product_id: ProductId,
    pub variants: Vec<ImportedVariant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedVariant {
    pub variant_id: VariantId,
    pub sku: String,
    /// Product and option values.
    pub title: String,
    /// Absent where the file says nothing.
    pub quantity: Option<i64>,
    pub backorder: bool,
}

/// Makes or updates the product of a seller. Safe to run for many products at once.
pub async fn import_product(work: &UnitOfWork, seller_id: BusinessId, product: &ImportedProduct) -> Result<Imported, Problem> {
    let category_id = match &product.category {
        Some(name) => Some(category(work, name).await?),
        None => None,
    };
    let id = ProductId(stable_id(&["product", &seller_id.to_string(), &product.handle]));
    let slug = SlugWish::near(&product.handle);
    let load = |_| State::load_imported(work.table(), id, seller_id, &slug, category_id);
    let decide = |state: State, context: &DecisionContext| {
        if state.product.is_some() {
            let (after, changes) = state.replace(context, &product.content, product.status)?;
            let outcome = if changes.is_empty() { Outcome::Unchanged } else { Outcome::Updated };
            return Ok(changes.with((outcome, after)));
        }
        let new = NewProduct { id, seller_id, slug: &slug, content: &product.content, status: product.status };
        let (after, changes) = state.create(context, &new)?;
        Ok(changes.with((Outcome::Created, after)))
    };
    let (outcome, after) = work.run_job(CAUSE, load, decide).await?;
    Ok(Imported { outcome, product_id: id, variants: with_stock(after, product) })
}

fn with_stock(after: Product, product: &ImportedProduct) -> Vec<ImportedVariant> {
    let title = after.title;
    let one = |(variant, stock): (crate::product::Variant, &crate::shopify::StockLine)| ImportedVariant {
        variant_id: variant.id,
        title: variant_title(&title, &variant.options),
        sku: variant.sku,
        quantity: stock.quantity,
        backorder: stock.backorder,
    };
    after.variants.into_iter().zip(&product.stock).map(one).collect()
}

/// The category that has the name's slug or had it before, so that one which was renamed is found; else the one that has
/// the name, as a file says that was exported after it was renamed. Made at the root of the tree if there is none.
async fn category(work: &UnitOfWork, name: &CategoryName) -> Result<CategoryId, Problem> {
    let slug = match slugify(name) {
        slug if slug.is_empty() => format!("category-{:08x}", stable_id(&[name]) >> 96),
        slug => slug,
    };
    if let Some(id) = storage::category_with_slug(work.table(), &slug).await? {
        return Ok(id);
    }
    let draft = CategoryDraft { name: name.clone(), slug: Some(slug.clone()), parent_id: None, position: 0 };
    let create = |around: Surroundings, context: &DecisionContext| match &around.slug {
        // Another import has made it meanwhile.
        Some(owner) if owner.current => Ok(Changes::none()),
        left => match around.named(name) {
            // The slug leads to it from now on.
            Some(category_id) => {
                let leads = Decision::changed(SlugOwner { slug: slug.clone(), id: category_id, current: false, until: None });
                Changes::put(left.as_ref().map(|left| left.version), leads)
            }
            None => Ok(around.create(context.id(0), draft.clone())?.1),
        },
    };
    work.run_job(CAUSE, |_| Surroundings::load_for_new(work.table(), None, &slug), create).await?;
    let owner: Option<Stored<SlugOwner<CategoryId>>> = work.table().get(&storage::slug_key::<CategoryId>(&slug)).await?;
    Ok(owner.ok_or_else(|| Problem::new(Code::Conflict, format!("the category {name} went away")))?.id)
}
