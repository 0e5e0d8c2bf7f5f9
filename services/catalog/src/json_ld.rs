//! Pages for machines: a product in the words of schema.org, as JSON-LD.

use std::collections::BTreeMap;

use kernel::{Rating, VariantId};
use ports::reads::Availability;
use serde_json::{Map, Value, json};

use crate::Settings;
use crate::export::decimal;
use crate::product::{Product, Variant, variant_title};
use crate::text::plain_text;

/// A Product with an Offer for each variant, and its rating.
pub fn product(product: &Product, stock: &BTreeMap<VariantId, Availability>, rating: Rating, settings: &Settings) -> Value {
    let url = settings.product_url(&product.slug);
    let description = plain_text(&product.description);
    let mut data = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            data.insert(name.to_owned(), value);
        }
    };
    put("@context", Some("https://schema.org".into()));
    put("@type", Some("Product".into()));
    put("@id", Some(url.as_str().into()));
    put("url", Some(url.as_str().into()));
    put("name", Some(product.title.as_str().into()));
    put("description", (!description.is_empty()).then(|| description.into()));
    put("brand", (!product.vendor.is_empty()).then(|| json!({ "@type": "Brand", "name": product.vendor })));
    put("keywords", (!product.tags.is_empty()).then(|| product.tags.join(", ").into()));
    let images: Vec<String> = product.images.iter().map(|image| absolute(&image.url, settings)).collect();
    put("image", (!images.is_empty()).then(|| images.into()));
    put("offers", Some(product.variants.iter().map(|variant| offer(product, variant, stock.get(&variant.id), &url)).collect()));
    let stars = |mean: f64| json!({ "@type": "AggregateRating", "ratingValue": (mean * 100.0).round() / 100.0, "reviewCount": rating.count, "bestRating": 5, "worstRating": 1 });
    put("aggregateRating", rating.mean().map(stars));
    Value::Object(data)
}

/// What is in stock may be gone when somebody orders; the order decides.
fn offer(product: &Product, variant: &Variant, stock: Option<&Availability>, url: &str) -> Value {
    let availability = match stock {
        Some(stock) if stock.available > 0 => "InStock",
        Some(stock) if stock.backorder => "BackOrder",
        Some(_) | None => "OutOfStock",
    };
    let mut offer = json!({
        "@type": "Offer",
        "url": url,
        "name": variant_title(&product.title, &variant.options),
        "sku": variant.sku,
        "price": decimal(variant.price),
        "priceCurrency": variant.price.currency.code(),
        "availability": format!("https://schema.org/{availability}"),
    });
    if let Some(gtin) = variant.barcode.as_deref().filter(|code| is_gtin(code)) {
        offer["gtin"] = gtin.into();
    }
    offer
}

/// Whether the digits are a GTIN, by its length and its last digit. Barcodes of a shop's own may be anything.
fn is_gtin(code: &str) -> bool {
    let digits: Option<Vec<u32>> = code.chars().map(|letter| letter.to_digit(10)).collect();
    digits.is_some_and(|digits| {
        let weighed = digits.iter().rev().enumerate().map(|(place, digit)| if place % 2 == 1 { 3 * digit } else { *digit });
        matches!(digits.len(), 8 | 12 | 13 | 14) && weighed.sum::<u32>() % 10 == 0
    })
}

fn absolute(url: &str, settings: &Settings) -> String {
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
