//! What other services read of the catalog.

use std::collections::HashMap;

use async_trait::async_trait;
use kernel::{
    BusinessId, CategoryId, Cursor, Money, Offer, OfferShown, OptionValue, Page, Problem, ProductId, TaxRate, VariantId, is_slug,
};
use ports::reads::{CatalogReads, CategoryListing, ProductCard, ProductListing, ProductReads};
use ports::store::{Key, Stored};
use serde::Deserialize;
use shell::{Table, UnitOfWork};

use crate::Config;
use crate::category::Category;
use crate::names::{NameCache, Names};
use crate::product::{Product, ProductStatus, variant_title};
use crate::showing;
use crate::storage::{self, product_key};
use crate::text::plain_text;

/// Products that are read together when all are.
const PRODUCTS_AT_ONCE: usize = 100;

/// Reads offers from the catalog's table.
pub struct Reads {
    work: UnitOfWork,
    table: Table,
    settings: Config,
    names: NameCache,
}

impl Reads {
    pub fn new(work: &UnitOfWork, settings: Config) -> Self {
        let names = NameCache::new(&settings.shop_name);
        Self { work: work.clone(), table: work.table().clone(), settings, names }
    }
}

/// The part of a product's item that an offer is made of: the description and the pictures are skipped.
#[derive(Deserialize)]
struct OfferedProduct {
    seller_id: BusinessId,
    slug: String,
    title: String,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    images: Vec<OfferedImage>,
    variants: Vec<OfferedVariant>,
    status: ProductStatus,
    #[serde(default)]
    withheld: bool,
}

#[derive(Deserialize)]
struct OfferedImage {
    url: String,
}

#[derive(Deserialize)]
struct OfferedVariant {
    id: VariantId,
    sku: String,
    #[serde(default)]
    options: Vec<String>,
    price: Money,
    tax_rate: Option<TaxRate>,
    requires_shipping: bool,
    image_url: Option<String>,
}

#[async_trait]
impl CatalogReads for Reads {
    async fn offers(&self, variants: &[(ProductId, VariantId)]) -> Result<Vec<Option<Offer>>, Problem> {
        let mut indexes = HashMap::with_capacity(variants.len());
        let mut keys: Vec<Key> = Vec::with_capacity(variants.len());
        for (product_id, _) in variants {
            indexes.entry(*product_id).or_insert_with(|| {
                keys.push(product_key(*product_id));
                keys.len() - 1
            });
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let products: Vec<Option<Stored<OfferedProduct>>> = self.table.get_many_eventual(&keys).await?;
        let sellers = products.iter().flatten().map(|product| product.seller_id).collect();
        let names = self.names.names(&self.table, self.work.now(), sellers, Vec::new()).await?;
        let offer = |(product_id, variant_id): &(ProductId, VariantId)| {
            let product = products.get(*indexes.get(product_id)?)?.as_ref()?;
            let variant = product.variants.iter().find(|variant| variant.id == *variant_id)?;
            Some(self.offer(*product_id, product, variant, &names))
        };
        Ok(variants.iter().map(offer).collect())
    }
}

impl Reads {
    fn offer(&self, product_id: ProductId, product: &OfferedProduct, variant: &OfferedVariant, names: &Names) -> Offer {
        let option = |(name, value): (&String, &String)| OptionValue { name: name.clone(), value: value.clone() };
        Offer {
            product_id,
            variant_id: variant.id,
            seller_id: product.seller_id,
            sku: variant.sku.clone(),
            title: variant_title(&product.title, &variant.options),
            unit_price: variant.price,
            tax_rate: variant.tax_rate.unwrap_or(self.settings.tax_rate),
            requires_shipping: variant.requires_shipping,
            image_url: variant.image_url.clone().or_else(|| product.images.first().map(|image| image.url.clone())),
            for_sale: product.status == ProductStatus::Published && !product.withheld,
            shown: OfferShown {
                slug: product.slug.clone(),
                product_title: product.title.clone(),
                options: product.options.iter().zip(&variant.options).map(option).collect(),
                seller: names.seller(product.seller_id),
            },
        }
    }
}

impl Reads {
    async fn categories(&self) -> Result<HashMap<CategoryId, Category>, Problem> {
        let page = self.table.list::<Category>(storage::categories_query()).await?;
        Ok(page.items.into_iter().map(|category| (category.id, category.value)).collect())
    }
}

#[async_trait]
impl ProductReads for Reads {
    async fn cards(&self, ids: &[ProductId]) -> Result<Vec<Option<ProductCard>>, Problem> {
        showing::shown(&self.table, &self.names, self.work.now(), ids).await
    }

    async fn products(&self, ids: &[ProductId]) -> Result<Vec<Option<ProductListing>>, Problem> {
        let mut keys: Vec<Key> = ids.iter().map(|id| product_key(*id)).collect();
        keys.sort_unstable();
        keys.dedup();
        let found: Vec<Option<Stored<Product>>> = self.table.get_many_eventual(&keys).await?;
        let found: HashMap<ProductId, Product> = found.into_iter().flatten().map(|product| (product.value.id, product.value)).collect();
        let categories = if found.is_empty() { HashMap::new() } else { self.categories().await? };
        Ok(ids.iter().map(|id| found.get(id).map(|product| listing(product, &categories))).collect())
    }

    async fn category(&self, reference: &str) -> Result<Option<CategoryId>, Problem> {
        match reference.parse() {
            Ok(id) => Ok(self.table.get_eventual::<Category>(&storage::category_key(id)).await?.map(|category| category.id)),
            Err(_) if is_slug(reference) => storage::category_with_slug(&self.table, reference).await,
            Err(_) => Ok(None),
        }
    }

    async fn products_page(&self, cursor: Option<Cursor>) -> Result<Page<ProductListing>, Problem> {
        let query = storage::products_query(None, Some(ProductStatus::Published)).limit(PRODUCTS_AT_ONCE).after(cursor);
        let page = self.table.list::<Product>(query).await?;
        let categories = self.categories().await?;
        Ok(page.map(|product| listing(&product, &categories)))
    }
}

fn listing(product: &Product, categories: &HashMap<CategoryId, Category>) -> ProductListing {
    let category = product.category_path.last().and_then(|id| categories.get(id));
    let prices = || product.variants.iter().map(|variant| variant.price);
    ProductListing {
        id: product.id,
        seller_id: product.seller_id,
        slug: product.slug.clone(),
        title: product.title.clone(),
        description: plain_text(&product.description),
        vendor: product.vendor.clone(),
        tags: product.tags.clone(),
        category: category.map(|category| {
            let above = category.ancestors.iter().filter_map(|id| categories.get(id)).map(|above| above.name.clone());
            CategoryListing { id: category.id, name: category.name.clone(), path: category.path(), above: above.collect() }
        }),
        price_from: prices().min_by_key(|price| price.amount),
        price_to: prices().max_by_key(|price| price.amount),
        image_url: product.images.first().map(|image| image.url.clone()),
        published: product.is_for_sale(),
        created_at: product.created_at,
        updated_at: product.updated_at,
    }
}
