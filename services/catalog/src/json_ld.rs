//! Pages for machines: a product in the words of schema.org, as JSON-LD.

use kernel::StockState;
use serde_json::{Value, json};

use crate::Config;
use crate::product::{Product, Variant, variant_title};
use crate::shelf::Shelf;
use crate::text::{decimal, plain_text};

/// A Product with an Offer for each variant, and its rating. `url` is the page of the product.
pub fn product(product: &Product, url: &str, shelf: &Shelf, settings: &Config) -> Value {
    let rating = shelf.rating;
    let stars = |mean: f64| {
        json!({
            "@type": "AggregateRating",
            "ratingValue": (mean * 100.0).round() / 100.0,
            "reviewCount": rating.count,
            "bestRating": 5,
            "worstRating": 1,
        })
    };
    stated(json!({
        "@context": "https://schema.org",
        "@type": "Product",
        "@id": url,
        "url": url,
        "name": product.title,
        "description": plain_text(&product.description),
        "brand": (!product.vendor.is_empty()).then(|| json!({ "@type": "Brand", "name": product.vendor })),
        "keywords": product.tags.join(", "),
        "image": product.images.iter().map(|image| absolute(&image.url, settings)).collect::<Vec<_>>(),
        "offers": product.variants.iter().map(|variant| offer(product, variant, shelf.state(variant.id), url)).collect::<Vec<_>>(),
        "aggregateRating": rating.mean().map(stars),
    }))
}

/// What is in stock may be gone when somebody orders; the order decides.
fn offer(product: &Product, variant: &Variant, stock: StockState, url: &str) -> Value {
    let availability = match stock {
        StockState::InStock => "https://schema.org/InStock",
        StockState::Low => "https://schema.org/LimitedAvailability",
        StockState::Backorder => "https://schema.org/BackOrder",
        StockState::Out => "https://schema.org/OutOfStock",
    };
    stated(json!({
        "@type": "Offer",
        "url": url,
        "name": variant_title(&product.title, &variant.options),
        "sku": variant.sku,
        "price": decimal(variant.price),
        "priceCurrency": variant.price.currency.code(),
        "availability": availability,
        "gtin": variant.barcode.as_deref().filter(|code| is_gtin(code)),
    }))
}

/// Without the properties that have no value.
fn stated(mut thing: Value) -> Value {
    if let Some(properties) = thing.as_object_mut() {
        properties.retain(|_, value| !value.is_null() && *value != "" && *value != json!([]));
    }
    thing
}

/// Whether the digits are a GTIN, by its length and its last digit. Barcodes of a shop's own may be anything.
fn is_gtin(code: &str) -> bool {
    let weighed = code.bytes().rev().enumerate().map(|(index, digit)| u32::from(digit & 0xF) * if index % 2 == 1 { 3 } else { 1 });
    matches!(code.len(), 8 | 12 | 13 | 14) && code.bytes().all(|digit| digit.is_ascii_digit()) && weighed.sum::<u32>() % 10 == 0
}

fn absolute(url: &str, settings: &Config) -> String {
    if url.starts_with('/') { format!("{}{url}", settings.public_url) } else { url.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barcodes() {
        for (code, expect) in
            [("4006381333931", true), ("96385074", true), ("4006381333932", false), ("400", false), ("", false), ("ABC", false)]
        {
            assert_eq!(is_gtin(code), expect, "{code}");
        }
    }
}
