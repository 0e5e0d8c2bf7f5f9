//! Pages for machines: a product in the words of schema.org, as JSON-LD.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kernel::{Rating, VariantId};
use ports::reads::Availability;
use serde::Serialize;

use crate::Config;
use crate::product::{Product, Variant, variant_title};
use crate::text::{decimal, plain_text};

/// A Product with an Offer for each variant, and its rating.
#[derive(Debug, Serialize)]
#[serde(tag = "@type", rename = "Product", rename_all = "camelCase")]
pub struct ProductData<'a> {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@id")]
    id: &'a str,
    url: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<Brand<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    keywords: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image: Vec<Cow<'a, str>>,
    offers: Vec<Offer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregate_rating: Option<AggregateRating>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "@type")]
struct Brand<'a> {
    name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(tag = "@type", rename_all = "camelCase")]
struct Offer<'a> {
    url: &'a str,
    name: String,
    sku: &'a str,
    price: String,
    price_currency: &'static str,
    availability: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gtin: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "@type", rename_all = "camelCase")]
struct AggregateRating {
    rating_value: f64,
    review_count: u64,
    best_rating: u8,
    worst_rating: u8,
}

/// `url` is the page of the product.
pub fn product<'a>(
    product: &'a Product,
    url: &'a str,
    stock: &BTreeMap<VariantId, Availability>,
    rating: Rating,
    settings: &Config,
) -> ProductData<'a> {
    let stars = |mean: f64| AggregateRating {
        rating_value: (mean * 100.0).round() / 100.0,
        review_count: rating.count,
        best_rating: 5,
        worst_rating: 1,
    };
    ProductData {
        context: "https://schema.org",
        id: url,
        url,
        name: &product.title,
        description: plain_text(&product.description),
        brand: (!product.vendor.is_empty()).then_some(Brand { name: &product.vendor }),
        keywords: product.tags.join(", "),
        image: product.images.iter().map(|image| absolute(&image.url, settings)).collect(),
        offers: product.variants.iter().map(|variant| offer(product, variant, stock.get(&variant.id), url)).collect(),
        aggregate_rating: rating.mean().map(stars),
    }
}

/// What is in stock may be gone when somebody orders; the order decides.
fn offer<'a>(product: &Product, variant: &'a Variant, stock: Option<&Availability>, url: &'a str) -> Offer<'a> {
    let availability = match stock {
        Some(stock) if stock.available > 0 => "https://schema.org/InStock",
        Some(stock) if stock.backorder => "https://schema.org/BackOrder",
        Some(_) | None => "https://schema.org/OutOfStock",
    };
    Offer {
        url,
        name: variant_title(&product.title, &variant.options),
        sku: &variant.sku,
        price: decimal(variant.price),
        price_currency: variant.price.currency.code(),
        availability,
        gtin: variant.barcode.as_deref().filter(|code| is_gtin(code)),
    }
}

/// Whether the digits are a GTIN, by its length and its last digit. Barcodes of a shop's own may be anything.
fn is_gtin(code: &str) -> bool {
    let weighed = code.bytes().rev().enumerate().map(|(index, digit)| u32::from(digit & 0xF) * if index % 2 == 1 { 3 } else { 1 });
    matches!(code.len(), 8 | 12 | 13 | 14) && code.bytes().all(|digit| digit.is_ascii_digit()) && weighed.sum::<u32>() % 10 == 0
}

fn absolute<'a>(url: &'a str, settings: &Config) -> Cow<'a, str> {
    if url.starts_with('/') { format!("{}{url}", settings.public_url).into() } else { url.into() }
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
