//! What reviews are about, as lists of reviews name it.

use std::collections::HashMap;

use kernel::{BusinessId, Problem, ProductId, ReviewTarget};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;

/// The business or the product that a review is about.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReviewSubject)]
pub(crate) struct SubjectView {
    #[schema(example = "Rye bread")]
    pub title: String,
    #[schema(example = "rye-bread")]
    pub slug: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
}

/// Those of at most 100 targets that are there.
pub(crate) async fn subjects(
    app: &App,
    targets: impl Iterator<Item = ReviewTarget>,
) -> Result<HashMap<ReviewTarget, SubjectView>, Problem> {
    let (mut businesses, mut products): (Vec<BusinessId>, Vec<ProductId>) = (Vec::new(), Vec::new());
    for target in targets {
        match target {
            ReviewTarget::Business(id) => businesses.push(id),
            ReviewTarget::Product(id) => products.push(id),
        }
    }
    let (businesses, products) = futures::try_join!(app.deps.directory.businesses(&businesses), app.deps.products.products(&products))?;
    let businesses = businesses.into_iter().flatten().map(|business| {
        let view = SubjectView { title: business.name, slug: business.slug, image_url: business.image_url };
        (ReviewTarget::Business(business.id), view)
    });
    let products = products.into_iter().flatten().map(|product| {
        let view = SubjectView { title: product.title, slug: product.slug, image_url: product.image_url };
        (ReviewTarget::Product(product.id), view)
    });
    Ok(businesses.chain(products).collect())
}
