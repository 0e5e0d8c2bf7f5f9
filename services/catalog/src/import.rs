//! Writes products of a file into the catalog. Importing a file again changes nothing: ids follow
//! from the seller and the handle, and what is the same already is not written.

use contracts::{CountedVariant, Decision, ProductStockCounted, VariantRef};
use kernel::{BusinessId, CategoryId, Code, Problem, ProductId, VariantId, is_slug, slugify, stable_id};
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
    write(work, seller_id, product, category_id, Mode::Write).await
}

/// What else a request of a seller or of staff may ask of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Nothing is written.
    pub dry_run: bool,
    /// Categories that there are none of are made; otherwise they are refused.
    pub makes_categories: bool,
}

/// The same for a request. Inventory is told of the stock.
pub async fn import_requested(
    work: &UnitOfWork,
    seller_id: BusinessId,
    product: &ImportedProduct,
    terms: Terms,
) -> Result<Imported, Problem> {
    let category_id = match &product.category {
        None => None,
        Some(name) => match find_category(work, name).await? {
            Some(id) => Some(id),
            None if !terms.makes_categories => {
                return Err(Problem::field("category", format!("there is no category {name}; the shop makes them")));
            }
            None if terms.dry_run => None,
            None => Some(category(work, name).await?),
        },
    };
    let mode = if terms.dry_run { Mode::Look } else { Mode::WriteAndTell };
    write(work, seller_id, product, category_id, mode).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Write,
    WriteAndTell,
    Look,
}

async fn write(
    work: &UnitOfWork,
    seller_id: BusinessId,
    product: &ImportedProduct,
    category_id: Option<CategoryId>,
    mode: Mode,
) -> Result<Imported, Problem> {
    let id = product_id(work, seller_id, &product.handle).await?;
    let slug = SlugWish::near(&product.handle);
    let load = |_| State::load_imported(work.table(), id, seller_id, &slug, category_id);
    let decide = |state: State, context: &DecisionContext| {
        let (outcome, after, changes) = match &state.product {
            Some(before) => {
                let content = product.content.clone().with_taxes_of(before);
                let (after, changes) = state.replace(context, &content, product.status)?;
                (if changes.is_empty() { Outcome::Unchanged } else { Outcome::Updated }, after, changes)
            }
            None => {
                let new = NewProduct { id, seller_id, slug: &slug, content: &product.content, status: product.status };
                let (after, changes) = state.create(context, &new)?;
                (Outcome::Created, after, changes)
            }
        };
        let variants = with_stock(after, product);
        let changes = match mode {
            Mode::Look => Changes::none(),
            Mode::WriteAndTell if outcome != Outcome::Unchanged => match counted(id, seller_id, &variants) {
                Some(counted) => changes.emit(counted),
                None => changes,
            },
            Mode::Write | Mode::WriteAndTell => changes,
        };
        Ok(changes.with(Imported { outcome, product_id: id, variants }))
    };
    work.run_job(CAUSE, load, decide).await
}

/// The product that an import of the file has made, or else the one of the seller whose page is called so now: what was exported
/// comes back to where it was.
async fn product_id(work: &UnitOfWork, seller_id: BusinessId, handle: &str) -> Result<ProductId, Problem> {
    let (table, id) = (work.table(), ProductId(stable_id(&["product", &seller_id.to_string(), handle])));
    if !is_slug(handle) || table.get::<Product>(&storage::product_key(id)).await?.is_some() {
        return Ok(id);
    }
    let owner: Option<Stored<SlugOwner<ProductId>>> = table.get(&storage::slug_key::<ProductId>(handle)).await?;
    let Some(owner) = owner.filter(|owner| owner.current) else { return Ok(id) };
    let called = table.get::<Product>(&storage::product_key(owner.id)).await?;
    Ok(called.filter(|product| product.seller_id == seller_id).map_or(id, |product| product.id))
}

fn counted(product_id: ProductId, seller_id: BusinessId, variants: &[ImportedVariant]) -> Option<ProductStockCounted> {
    let one = |variant: &ImportedVariant| {
        let reference = VariantRef { variant_id: variant.variant_id, sku: variant.sku.clone(), title: variant.title.clone() };
        Some(CountedVariant { variant: reference, on_hand: variant.quantity?, backorder: variant.backorder })
    };
    let variants: Vec<CountedVariant> = variants.iter().filter_map(one).collect();
    (!variants.is_empty()).then_some(ProductStockCounted { product_id, seller_id, variants })
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

fn slug_of(name: &CategoryName) -> String {
    match slugify(name) {
        slug if slug.is_empty() => format!("category-{:08x}", stable_id(&[name]) >> 96),
        slug => slug,
    }
}

/// Without making one.
async fn find_category(work: &UnitOfWork, name: &CategoryName) -> Result<Option<CategoryId>, Problem> {
    let slug = slug_of(name);
    match storage::category_with_slug(work.table(), &slug).await? {
        Some(id) => Ok(Some(id)),
        None => Ok(Surroundings::load_for_new(work.table(), None, &slug).await?.named(name)),
    }
}

/// The category that has the name's slug or had it before, so that one which was renamed is found; else the one that has
/// the name, as a file says that was exported after it was renamed. Made at the root of the tree if there is none.
async fn category(work: &UnitOfWork, name: &CategoryName) -> Result<CategoryId, Problem> {
    let slug = slug_of(name);
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
