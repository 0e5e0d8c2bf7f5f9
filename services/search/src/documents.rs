//! What the other services know, as documents.

use kernel::{BusinessId, Problem, ProductId, Rating, ReviewTarget};
use ports::reads::{BusinessListing, CategoryListing, ProductListing};
use ports::search::{Change, Document, DocumentCategory, Hours, Kind};

use crate::App;

/// What is stored of a description; what comes after is neither found nor shown.
const DESCRIPTION_CHARS_MAX: usize = 5_000;

/// At most 100.
pub async fn of_businesses(app: &App, ids: &[BusinessId]) -> Result<Vec<Change>, Problem> {
    let listings = app.deps.directory.businesses(ids).await?;
    let published: Vec<BusinessListing> = listings.into_iter().flatten().filter(|listing| listing.published).collect();
    let gone = ids.iter().filter(|id| published.iter().all(|listing| listing.id != **id)).map(|id| Change::Remove(id.to_string()));
    let mut changes: Vec<Change> = gone.collect();
    changes.extend(businesses(app, published).await?.into_iter().map(|document| Change::Put(Box::new(document))));
    Ok(changes)
}

/// At most 100.
pub async fn of_products(app: &App, ids: &[ProductId]) -> Result<Vec<Change>, Problem> {
    let listings = app.deps.products.products(ids).await?;
    let published: Vec<ProductListing> = listings.into_iter().flatten().filter(|listing| listing.published).collect();
    let gone = ids.iter().filter(|id| published.iter().all(|listing| listing.id != **id)).map(|id| Change::Remove(id.to_string()));
    let mut changes: Vec<Change> = gone.collect();
    changes.extend(products(app, published).await?.into_iter().map(|document| Change::Put(Box::new(document))));
    Ok(changes)
}

/// At most 100.
pub async fn businesses(app: &App, listings: Vec<BusinessListing>) -> Result<Vec<Document>, Problem> {
    let targets: Vec<ReviewTarget> = listings.iter().map(|listing| ReviewTarget::Business(listing.id)).collect();
    let ratings = ratings(app, &targets).await?;
    Ok(listings.into_iter().zip(ratings).map(|(listing, rating)| business(listing, rating)).collect())
}

/// At most 100.
pub async fn products(app: &App, listings: Vec<ProductListing>) -> Result<Vec<Document>, Problem> {
    let targets: Vec<ReviewTarget> = listings.iter().map(|listing| ReviewTarget::Product(listing.id)).collect();
    let ratings = ratings(app, &targets).await?;
    Ok(listings.into_iter().zip(ratings).map(|(listing, rating)| product(listing, rating)).collect())
}

async fn ratings(app: &App, targets: &[ReviewTarget]) -> Result<Vec<Rating>, Problem> {
    if targets.is_empty() { Ok(Vec::new()) } else { app.deps.reviews.ratings(targets).await }
}

fn business(listing: BusinessListing, rating: Rating) -> Document {
    let address = listing.address.map(|address| {
        let lines = [address.street_address, address.postal_code, address.address_locality];
        lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
    });
    let hours = listing.opening_hours.zip(listing.time_zone);
    Document {
        kind: Kind::Business,
        id: listing.id.to_string(),
        slug: listing.slug,
        name: listing.name,
        description: shortened(listing.description),
        address: address.unwrap_or_default(),
        district: listing.district,
        phone: listing.phone,
        website: listing.website,
        categories: listing.categories.into_iter().map(category).collect(),
        tags: listing.tags,
        price: None,
        rating,
        position: listing.position,
        hours: hours.map(|(expression, time_zone)| Hours { expression, time_zone, region: listing.region }),
        image_url: listing.image_url,
        language: None,
        created_at: listing.created_at,
    }
}

/// The brand is found like a tag, but it is none: one does not filter by it.
fn product(listing: ProductListing, rating: Rating) -> Document {
    let named = listing.vendor.is_empty() || listing.description.contains(&listing.vendor);
    let description = if named { listing.description } else { format!("{} · {}", listing.vendor, listing.description) };
    Document {
        kind: Kind::Product,
        id: listing.id.to_string(),
        slug: listing.slug,
        name: listing.title,
        description: shortened(description),
        address: String::new(),
        district: String::new(),
        phone: None,
        website: None,
        categories: listing.category.into_iter().map(category).collect(),
        tags: listing.tags,
        price: listing.price_from,
        rating,
        position: None,
        hours: None,
        image_url: listing.image_url,
        language: None,
        created_at: listing.created_at,
    }
}

fn category(category: CategoryListing) -> DocumentCategory {
    DocumentCategory {
        id: category.id.to_string(),
        name: category.name,
        path: category.path.iter().map(ToString::to_string).collect(),
        above: category.above,
    }
}

fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(DESCRIPTION_CHARS_MAX) {
        text.truncate(end);
    }
    text
}
