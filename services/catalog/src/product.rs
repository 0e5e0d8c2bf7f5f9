//! The product: who sells it, in which variants, and whether it is for sale.

pub mod content;
mod error;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use contracts::{Decision, Event, ProductArchived, ProductChanged, VariantRef};
use kernel::{Actor, BusinessId, CategoryId, Money, Problem, ProductId, TaxRate, Timestamp, VariantId, slugify, stable_id};
use serde::{Deserialize, Serialize};

use content::{Content, Draft, Image, SKU_CHARS_MAX, VariantDraft};

pub use error::ProductError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ProductStatus {
    /// Seen by its seller only.
    Draft,
    Published,
    /// Gone from the shop; kept for the orders that name it. Its seller can make it a draft again.
    Archived,
}

impl ProductStatus {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    pub id: ProductId,
    pub seller_id: BusinessId,
    pub slug: String,
    pub title: String,
    /// Harmless HTML.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The brand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// The names of the options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// At least one.
    pub variants: Vec<Variant>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// From the root of the tree to the product's own category. A category that holds products
    /// stays where it is, so this stays true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category_path: Vec<CategoryId>,
    pub status: ProductStatus,
    /// Its seller's business is not published, so nobody can buy it for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When it was first for sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
}

/// What is put into a cart. Stock is kept per variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    pub id: VariantId,
    pub sku: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    pub price: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_at_price: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<TaxRate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    pub grams: u32,
    pub requires_shipping: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
}

/// What is decided about a product besides its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placing {
    pub slug: String,
    pub category_path: Vec<CategoryId>,
    pub status: ProductStatus,
    /// Whether the seller's business is published.
    pub seller_sells: bool,
}

/// For whom an actor makes a product: the wanted seller or else, for admins, the shop's own business.
pub fn seller_for(actor: &Actor, wanted: Option<BusinessId>) -> Result<BusinessId, Problem> {
    if actor.is_admin() { Ok(wanted.unwrap_or(BusinessId::HOUSE)) } else { actor.own_business(wanted) }
}

impl Product {
    pub fn create(
        actor: &Actor,
        id: ProductId,
        seller_id: BusinessId,
        content: &Content,
        placing: Placing,
        now: Timestamp,
    ) -> Result<Decision<Self>, ProductError> {
        if !actor.manages(seller_id) {
            return Err(ProductError::NotYours);
        }
        let product = Self {
            id,
            seller_id,
            slug: String::new(),
            title: String::new(),
            description: String::new(),
            vendor: String::new(),
            options: Vec::new(),
            variants: Vec::new(),
            images: Vec::new(),
            tags: Vec::new(),
            category_path: Vec::new(),
            status: ProductStatus::Draft,
            withheld: false,
            created_at: now,
            updated_at: now,
            published_at: None,
        };
        product.may_become(placing.status, placing.seller_sells)?;
        Ok(product.filled(content, placing, now)?.emit_changed())
    }

    /// Replaces the content. A product that is archived and stays so is not edited.
    pub fn edit(self, actor: &Actor, content: &Content, placing: Placing, now: Timestamp) -> Result<Decision<Self>, ProductError> {
        if !actor.manages(self.seller_id) {
            return Err(ProductError::NotYours);
        }
        self.may_become(placing.status, placing.seller_sells)?;
        if self.status == ProductStatus::Archived && placing.status == ProductStatus::Archived {
            return Err(ProductError::Archived);
        }
        self.replace(content, placing, now)
    }

    /// What an import does: the file is the truth, also about the status. What its seller may not sell yet is withheld.
    pub fn replace(self, content: &Content, placing: Placing, now: Timestamp) -> Result<Decision<Self>, ProductError> {
        let edited = self.clone().filled(content, placing, self.updated_at)?;
        if edited == self {
            return Ok(Decision::unchanged(self));
        }
        Ok(Self { updated_at: now, published_at: self.published_at.or(edited.published_at.map(|_| now)), ..edited }.emit_changed())
    }

    /// `category_path` is where its category stands now: while the product was archived, the category
    /// may have moved or gone.
    pub fn change_status(
        self,
        actor: &Actor,
        status: ProductStatus,
        category_path: Vec<CategoryId>,
        seller_sells: bool,
        now: Timestamp,
    ) -> Result<Decision<Self>, ProductError> {
        if !actor.manages(self.seller_id) {
            return Err(ProductError::NotYours);
        }
        if self.status == status {
            return Ok(Decision::unchanged(self));
        }
        self.may_become(status, seller_sells)?;
        let published_at = self.published_at.or((status == ProductStatus::Published).then_some(now));
        Ok(Self { status, withheld: !seller_sells, category_path, published_at, updated_at: now, ..self }.emit_changed())
    }

    /// The seller's business was published, or taken away.
    pub fn follow_seller(self, seller_sells: bool, now: Timestamp) -> Decision<Self> {
        if self.withheld != seller_sells {
            return Decision::unchanged(self);
        }
        Self { withheld: !seller_sells, updated_at: now, ..self }.emit_changed()
    }

    pub fn is_for_sale(&self) -> bool {
        self.status == ProductStatus::Published && !self.withheld
    }

    pub fn visible_to(&self, actor: &Actor) -> bool {
        self.is_for_sale() || actor.is_staff() || actor.acts_for(self.seller_id)
    }

    /// A product stays with its seller.
    pub fn check_seller(&self, wanted: Option<BusinessId>) -> Result<(), ProductError> {
        match wanted {
            Some(seller_id) if seller_id != self.seller_id => {
                Err(ProductError::Field { field: "seller_id".into(), reason: "a product stays with its seller".into() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What it is, in the form in which a seller says it. Slug and status stay unless they are added.
    pub fn as_draft(&self) -> Draft {
        let variant = |variant: &Variant| VariantDraft {
            id: Some(variant.id),
            sku: Some(variant.sku.clone()),
            options: variant.options.clone(),
            price: variant.price,
            compare_at_price: variant.compare_at_price,
            tax_rate: variant.tax_rate,
            barcode: variant.barcode.clone(),
            grams: variant.grams,
            requires_shipping: variant.requires_shipping,
            image_url: variant.image_url.clone(),
        };
        Draft {
            seller_id: None,
            slug: None,
            status: None,
            title: self.title.clone(),
            description: self.description.clone(),
            vendor: self.vendor.clone(),
            category_id: self.category_id(),
            options: self.options.clone(),
            variants: self.variants.iter().map(variant).collect(),
            images: self.images.clone(),
            tags: self.tags.clone(),
        }
    }

    pub fn category_id(&self) -> Option<CategoryId> {
        self.category_path.last().copied()
    }

    /// The variant with the lowest price, and the highest price.
    pub fn price_range(&self) -> Option<(&Variant, Money)> {
        let cheapest = self.variants.iter().min_by_key(|variant| variant.price.amount)?;
        let highest = self.variants.iter().map(|variant| variant.price.amount).max()?;
        Some((cheapest, Money::new(highest, cheapest.price.currency)))
    }

    /// The values that the option at `index` has, in the order of the variants.
    pub fn option_values(&self, index: usize) -> Vec<&str> {
        let mut values: Vec<&str> = Vec::new();
        for value in self.variants.iter().filter_map(|variant| variant.options.get(index)) {
            if !values.contains(&value.as_str()) {
                values.push(value);
            }
        }
        values
    }

    fn may_become(&self, next: ProductStatus, seller_sells: bool) -> Result<(), ProductError> {
        use ProductStatus::{Archived, Draft, Published};
        match (self.status, next) {
            (Draft, Published) if !seller_sells => Err(ProductError::SellerNotPublished),
            (Draft | Published | Archived, Draft | Archived) | (Draft | Published, Published) => Ok(()),
            (Archived, Published) => Err(ProductError::PublishArchived),
        }
    }

    fn filled(self, content: &Content, placing: Placing, now: Timestamp) -> Result<Self, ProductError> {
        let draft = content.draft();
        let variants = self.variants_of(&placing.slug, &draft.variants)?;
        let published_at = self.published_at.or((placing.status == ProductStatus::Published).then_some(now));
        Ok(Self {
            slug: placing.slug,
            title: draft.title.clone(),
            description: draft.description.clone(),
            vendor: draft.vendor.clone(),
            options: draft.options.clone(),
            variants,
            images: draft.images.clone(),
            tags: draft.tags.clone(),
            category_path: placing.category_path,
            status: placing.status,
            withheld: !placing.seller_sells,
            published_at,
            ..self
        })
    }

    /// A variant stays the same one if the draft names its id, or else if its option values stay.
    fn variants_of(&self, slug: &str, drafts: &[VariantDraft]) -> Result<Vec<Variant>, ProductError> {
        let mut named: HashSet<VariantId> = drafts.iter().filter_map(|draft| draft.id).collect();
        let mut kept = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.iter().enumerate() {
            let same = |variant: &&Variant| variant.options == draft.options && !named.contains(&variant.id);
            kept.push(match draft.id {
                Some(id) => Some(self.variants.iter().find(|variant| variant.id == id).ok_or_else(|| ProductError::Field {
                    field: format!("variants[{index}].id"),
                    reason: "is no variant of this product".into(),
                })?),
                None => self.variants.iter().find(same),
            });
        }
        // SKUs that are given or stay come first; those that are made keep clear of them.
        let mut skus: HashSet<String> = drafts.iter().filter_map(|draft| draft.sku.clone()).collect();
        let given: Vec<Option<String>> = drafts
            .iter()
            .zip(&kept)
            .map(|(draft, before)| {
                let stays = || before.map(|variant| variant.sku.clone()).filter(|sku| skus.insert(sku.clone()));
                draft.sku.clone().or_else(stays)
            })
            .collect();
        let mut variants = Vec::with_capacity(drafts.len());
        for ((draft, before), sku) in drafts.iter().zip(kept).zip(given) {
            let id = before.map_or_else(|| self.new_variant_id(&draft.options, &named), |variant| variant.id);
            named.insert(id);
            let sku = sku.unwrap_or_else(|| derived_sku(slug, &draft.options, &skus));
            skus.insert(sku.clone());
            variants.push(Variant {
                id,
                sku,
                options: draft.options.clone(),
                price: draft.price,
                compare_at_price: draft.compare_at_price,
                tax_rate: draft.tax_rate,
                barcode: draft.barcode.clone(),
                grams: draft.grams,
                requires_shipping: draft.requires_shipping,
                image_url: draft.image_url.clone(),
            });
        }
        Ok(variants)
    }

    /// The same for the same option values, so that an import finds its variants again.
    fn new_variant_id(&self, options: &[String], named: &HashSet<VariantId>) -> VariantId {
        let product = self.id.to_string();
        let mut parts: Vec<&str> = vec!["variant", &product];
        parts.extend(options.iter().map(String::as_str));
        loop {
            let id = VariantId(stable_id(&parts));
            if !named.contains(&id) && self.variants.iter().all(|variant| variant.id != id) {
                return id;
            }
            // Each round hashes another text, and there are at most two hundred ids to avoid.
            parts.push("again");
        }
    }

    fn emit_changed(self) -> Decision<Self> {
        let event = self.event();
        Decision::changed(self).emit(event)
    }

    fn event(&self) -> Event {
        match self.status {
            ProductStatus::Archived => ProductArchived { product_id: self.id, seller_id: self.seller_id }.into(),
            ProductStatus::Draft | ProductStatus::Published => ProductChanged {
                product_id: self.id,
                seller_id: self.seller_id,
                title: self.title.clone(),
                published: self.is_for_sale(),
                variants: self
                    .variants
                    .iter()
                    .map(|variant| VariantRef {
                        variant_id: variant.id,
                        sku: variant.sku.clone(),
                        title: variant_title(&self.title, &variant.options),
                    })
                    .collect(),
            }
            .into(),
        }
    }
}

/// Product and option values: `Clay Plant Pot, Large`.
pub fn variant_title(product_title: &str, options: &[String]) -> String {
    let mut title = product_title.to_owned();
    for value in options {
        title.push_str(", ");
        title.push_str(value);
    }
    title
}

fn derived_sku(slug: &str, options: &[String], taken: &HashSet<String>) -> String {
    let mut sku = slug.to_ascii_uppercase();
    for value in options {
        sku.push('-');
        sku.push_str(&slugify(value).to_ascii_uppercase());
    }
    // Room for the number that tells apart what is cut off or written in other letters.
    sku.truncate(SKU_CHARS_MAX - 4);
    sku.truncate(sku.trim_end_matches('-').len());
    if !taken.contains(&sku) {
        return sku;
    }
    (2..).map(|number: u32| format!("{sku}-{number}")).find(|sku| !taken.contains(sku)).unwrap_or(sku)
}
