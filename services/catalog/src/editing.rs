//! Making and editing products: what has to be read for it, and what is written.

use kernel::{BusinessId, CategoryId, Problem, ProductId, SLUG_CHARS_MAX, is_slug, slugify};
use ports::store::Stored;
use shell::{Changes, DecisionContext, Table};

use crate::category::Category;
use crate::product::content::{Content, Draft};
use crate::product::{Placing, Product, ProductError, ProductStatus};
use crate::shelf::Shelf;
use crate::standing::Standing;
use crate::storage::{self, SlugOwner};

/// A slug that was asked for, or one near a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlugWish {
    slug: String,
    /// Whether nothing else will do.
    exact: bool,
}

impl SlugWish {
    pub fn exactly(slug: &str) -> Result<Self, ProductError> {
        if is_slug(slug) {
            return Ok(Self { slug: slug.to_owned(), exact: true });
        }
        let reason = format!("must be at most {SLUG_CHARS_MAX} lower-case letters, digits and single hyphens in between");
        Err(ProductError::Field { field: "slug".into(), reason })
    }

    pub fn near(text: &str) -> Self {
        let slug = slugify(text);
        Self { slug: if slug.is_empty() { "product".into() } else { slug }, exact: false }
    }
}

/// What a change of a product looks at.
#[derive(Debug)]
pub struct State {
    pub product: Option<Stored<Product>>,
    owner: Option<Stored<SlugOwner<ProductId>>>,
    category: Option<Stored<Category>>,
    seller: Standing,
    shelf: Option<Stored<Shelf>>,
}

impl State {
    /// For a new product of a seller.
    pub async fn load_new(table: &Table, seller_id: BusinessId, slug: &SlugWish, category_id: Option<CategoryId>) -> Result<Self, Problem> {
        Self::beside(table, None, seller_id, Some(slug), category_id).await
    }

    /// For a product of an import, which may exist.
    pub async fn load_imported(
        table: &Table,
        id: ProductId,
        seller_id: BusinessId,
        slug: &SlugWish,
        category_id: Option<CategoryId>,
    ) -> Result<Self, Problem> {
        Self::beside(table, table.get(&storage::product_key(id)).await?, seller_id, Some(slug), category_id).await
    }

    /// For a product that gets other content.
    pub async fn load_edited(
        table: &Table,
        id: ProductId,
        slug: Option<&SlugWish>,
        category_id: Option<CategoryId>,
    ) -> Result<Self, Problem> {
        let product: Stored<Product> = table.get(&storage::product_key(id)).await?.ok_or(ProductError::Unknown)?;
        let seller_id = product.seller_id;
        Self::beside(table, Some(product), seller_id, slug, category_id).await
    }

    /// For a product of which something changes, with what is wanted of it then. The rule must compare the version that the
    /// change was made for: `change` may be asked again about another one.
    pub async fn load_changed(
        table: &Table,
        id: ProductId,
        change: impl FnOnce(&Product) -> Result<Draft, Problem>,
    ) -> Result<(Self, Draft), Problem> {
        let product: Stored<Product> = table.get(&storage::product_key(id)).await?.ok_or(ProductError::Unknown)?;
        let draft = change(&product)?;
        let slug = draft.slug.as_deref().map(SlugWish::exactly).transpose()?;
        let seller_id = product.seller_id;
        Ok((Self::beside(table, Some(product), seller_id, slug.as_ref(), draft.category_id).await?, draft))
    }

    async fn beside(
        table: &Table,
        product: Option<Stored<Product>>,
        seller_id: BusinessId,
        slug: Option<&SlugWish>,
        category_id: Option<CategoryId>,
    ) -> Result<Self, Problem> {
        let owner = table.find(slug.map(|wish| storage::slug_key::<ProductId>(&wish.slug))).await?;
        let category = table.find(category_id.map(storage::category_key)).await?;
        if category.is_none() && category_id.is_some() {
            return Err(Problem::field("category_id", "names no category"));
        }
        let shelf = table.find(product.as_ref().map(|product| storage::shelf_key(product.id))).await?;
        Ok(Self { product, owner, category, seller: Standing::load(table, seller_id).await?, shelf })
    }

    /// For a product that exists, with the category that it is in.
    pub async fn load_existing(table: &Table, id: ProductId) -> Result<Self, Problem> {
        let product = storage::product(table, id).await?;
        let category = table.find(product.category_id().map(storage::category_key)).await?;
        let seller = Standing::load(table, product.seller_id).await?;
        let shelf = table.get(&storage::shelf_key(id)).await?;
        Ok(Self { product: Some(product), owner: None, category, seller, shelf })
    }

    /// What the answer to a change shows of it.
    pub fn shelf(&self, id: ProductId) -> Shelf {
        self.shelf.as_ref().map_or_else(|| Shelf::empty(id), |shelf| shelf.value.clone())
    }

    pub fn existing(&self) -> Result<&Stored<Product>, ProductError> {
        self.product.as_ref().ok_or(ProductError::Unknown)
    }

    pub fn create(&self, context: &DecisionContext, new: &NewProduct<'_>) -> Result<(Product, Changes), Problem> {
        let (slug, owner) = self.free_slug(new.slug, new.id);
        let placing = Placing { slug, category_path: self.category_path(), status: new.status, seller_sells: self.seller.sells() };
        let decision = Product::create(&context.actor, new.id, new.seller_id, new.content, placing, context.now)?;
        Ok((decision.state().clone(), storage::save(None, None, owner, self.category.as_ref(), &self.seller, decision)?))
    }

    /// Without a slug or a status, these stay.
    pub fn edit(
        &self,
        context: &DecisionContext,
        content: &Content,
        slug: Option<&SlugWish>,
        status: Option<ProductStatus>,
    ) -> Result<(Product, Changes), Problem> {
        let before = self.existing()?;
        let placing = self.placing(before, slug, status.unwrap_or(before.status));
        let decision = before.value.clone().edit(&context.actor, content, placing, context.now)?;
        self.saved(before, decision)
    }

    /// What an import does to a product that exists.
    pub fn replace(&self, context: &DecisionContext, content: &Content, status: ProductStatus) -> Result<(Product, Changes), Problem> {
        let before = self.existing()?;
        let placing = self.placing(before, None, status);
        self.saved(before, before.value.clone().replace(content, placing, context.now)?)
    }

    pub fn change_status(&self, context: &DecisionContext, status: ProductStatus) -> Result<(Product, Changes), Problem> {
        let before = self.existing()?;
        let product = before.value.clone();
        self.saved(before, product.change_status(&context.actor, status, self.category_path(), self.seller.sells(), context.now)?)
    }

    /// Takes the product out of the shop, or brings it back, as its seller stands.
    pub fn follow_seller(&self, context: &DecisionContext) -> Result<Changes, Problem> {
        let before = self.existing()?;
        Ok(self.saved(before, before.value.clone().follow_seller(self.seller.sells(), context.now))?.1)
    }

    fn saved(&self, before: &Stored<Product>, decision: contracts::Decision<Product>) -> Result<(Product, Changes), Problem> {
        let after = decision.state().clone();
        Ok((after, storage::save(Some(before), self.shelf.as_ref(), self.owner.as_ref(), self.category.as_ref(), &self.seller, decision)?))
    }

    fn placing(&self, before: &Product, slug: Option<&SlugWish>, status: ProductStatus) -> Placing {
        let slug = slug.map_or_else(|| before.slug.clone(), |wish| wish.slug.clone());
        Placing { slug, category_path: self.category_path(), status, seller_sells: self.seller.sells() }
    }

    fn category_path(&self) -> Vec<CategoryId> {
        self.category.as_ref().map(|category| category.path()).unwrap_or_default()
    }

    /// A slug that is taken gets the end of the product's id, unless it was asked for.
    fn free_slug(&self, wish: &SlugWish, id: ProductId) -> (String, Option<&Stored<SlugOwner<ProductId>>>) {
        match &self.owner {
            Some(owner) if owner.keeps_from(id) && !wish.exact => {
                let id = id.to_string().to_ascii_lowercase();
                let mut slug = wish.slug.clone();
                slug.truncate(SLUG_CHARS_MAX - 9);
                (format!("{}-{}", slug.trim_end_matches('-'), &id[id.len() - 8..]), None)
            }
            owner => (wish.slug.clone(), owner.as_ref()),
        }
    }
}

/// A product to be made.
pub struct NewProduct<'a> {
    pub id: ProductId,
    pub seller_id: BusinessId,
    pub slug: &'a SlugWish,
    pub content: &'a Content,
    pub status: ProductStatus,
}
