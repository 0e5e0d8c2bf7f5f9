//! What a seller says about a product, before and after it has been checked.

use std::collections::HashSet;

use kernel::{BusinessId, CategoryId, Currency, Money, TaxRate, VariantId, is_unseen};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Product, ProductError, ProductStatus};
use crate::text::clean_html;

pub const TITLE_CHARS_MAX: usize = 200;
pub const DESCRIPTION_CHARS_MAX: usize = 100_000;
pub const VENDOR_CHARS_MAX: usize = 100;
pub const OPTIONS_MAX: usize = 3;
pub const OPTION_CHARS_MAX: usize = 100;
pub const VARIANTS_MAX: usize = 100;
pub const SKU_CHARS_MAX: usize = 100;
pub const BARCODE_CHARS_MAX: usize = 50;
pub const GRAMS_MAX: u32 = 10_000_000;
pub const IMAGES_MAX: usize = 20;
pub const URL_CHARS_MAX: usize = 1_000;
pub const ALT_CHARS_MAX: usize = 500;
pub const TAGS_MAX: usize = 250;
pub const TAG_CHARS_MAX: usize = 255;
/// Minor units. Sort keys of listings by price hold sixteen digits.
pub const PRICE_MAX: i64 = 100_000_000_000;
/// All texts of a product together, so that its item and its events fit the limits of the store.
const TEXT_BYTES_MAX: usize = 120_000;

/// A picture of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// `https://...`, or `/files/...` of an upload.
    #[schema(max_length = 1_000)]
    pub url: String,
    /// What the picture shows, for those who cannot see it.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub alt: String,
}

/// What a product shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductInput, example = json!({ "title": "Moroccan Mint Tea", "description": "Green tea with whole leaves of mint.", "status": "published", "options": ["Weight"], "variants": [{ "options": ["100 g"], "price": { "amount": 650, "currency": "EUR" }, "grams": 120 }], "tags": ["Green tea"] }))]
pub struct Draft {
    /// For whom it is made: needed by those who act for several businesses. It never changes.
    pub seller_id: Option<BusinessId>,
    /// Made from the title if absent; kept if absent in an edit. An old slug leads to the product until another one takes it.
    #[schema(max_length = 100, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    pub slug: Option<String>,
    /// A new product is a draft unless it says otherwise; an edit without it keeps the status.
    pub status: Option<ProductStatus>,
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    /// Plain text or HTML; scripts, styles and the like are taken out.
    #[serde(default)]
    #[schema(max_length = 100_000)]
    pub description: String,
    /// The brand.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub vendor: String,
    pub category_id: Option<CategoryId>,
    /// Names such as Size; empty for a product that comes in one variant.
    #[serde(default)]
    #[schema(max_items = 3)]
    pub options: Vec<String>,
    #[schema(min_items = 1, max_items = 100)]
    pub variants: Vec<VariantDraft>,
    #[serde(default)]
    #[schema(max_items = 20)]
    pub images: Vec<Image>,
    /// The product is listed under the first 30 of them; the search knows them all.
    #[serde(default)]
    #[schema(max_items = 250)]
    pub tags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VariantInput)]
pub struct VariantDraft {
    /// To keep a variant whose option values change. Without it, a variant with the same values is kept.
    pub id: Option<VariantId>,
    /// Made from the slug and the option values if absent.
    #[schema(max_length = 100)]
    pub sku: Option<String>,
    /// One value for each option.
    #[serde(default)]
    #[schema(max_items = 3)]
    pub options: Vec<String>,
    /// With tax, in the shop's currency.
    pub price: Money,
    /// What it cost before; kept only where it is above the price.
    pub compare_at_price: Option<Money>,
    /// Basis points; the shop's rate if absent.
    pub tax_rate: Option<TaxRate>,
    #[schema(max_length = 50)]
    pub barcode: Option<String>,
    #[serde(default)]
    #[schema(maximum = 10_000_000)]
    pub grams: u32,
    #[serde(default = "yes")]
    pub requires_shipping: bool,
    #[schema(max_length = 1_000)]
    pub image_url: Option<String>,
}

fn yes() -> bool {
    true
}

/// A draft that keeps to all limits: texts are trimmed, the description is harmless HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(Draft);

impl Content {
    pub fn draft(&self) -> &Draft {
        &self.0
    }

    /// A file that only says that a variant is taxed leaves the rate as it is.
    #[must_use]
    pub fn with_taxes_of(mut self, product: &Product) -> Self {
        for draft in self.0.variants.iter_mut().filter(|draft| draft.tax_rate.is_none()) {
            let before = product.variants.iter().find(|variant| variant.options == draft.options);
            draft.tax_rate = before.and_then(|variant| variant.tax_rate).filter(|rate| rate.0 > 0);
        }
        self
    }

    /// With other addresses for those pictures that have one.
    pub fn with_pictures(mut self, kept: impl Fn(&str) -> Option<String>) -> Self {
        let images = self.0.images.iter_mut().map(|image| &mut image.url);
        let variants = self.0.variants.iter_mut().filter_map(|variant| variant.image_url.as_mut());
        for url in images.chain(variants) {
            if let Some(other) = kept(url) {
                *url = other;
            }
        }
        self
    }
}

impl Draft {
    pub fn checked(self, currency: Currency) -> Result<Content, ProductError> {
        if self.description.chars().count() > DESCRIPTION_CHARS_MAX {
            return wrong("description", format!("must be at most {DESCRIPTION_CHARS_MAX} characters"));
        }
        let options = check_options(self.options)?;
        let draft = Self {
            title: text("title", &self.title, 1, TITLE_CHARS_MAX)?,
            description: clean_html(&self.description),
            vendor: text("vendor", &self.vendor, 0, VENDOR_CHARS_MAX)?,
            variants: check_variants(self.variants, &options, currency)?,
            options,
            images: check_images(self.images)?,
            tags: check_tags(&self.tags)?,
            ..self
        };
        if draft.text_bytes() > TEXT_BYTES_MAX {
            return wrong("description", format!("all texts of a product together must be at most {TEXT_BYTES_MAX} bytes"));
        }
        Ok(Content(draft))
    }

    fn text_bytes(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let variants = self.variants.iter().map(|variant| {
            // The event of a product repeats the title for each of its variants.
            let values: usize = variant.options.iter().map(String::len).sum();
            self.title.len() + 2 * values + optional(&variant.sku) + optional(&variant.barcode) + optional(&variant.image_url)
        });
        let images = self.images.iter().map(|image| image.url.len() + image.alt.len());
        self.description.len() + self.tags.iter().map(String::len).sum::<usize>() + variants.sum::<usize>() + images.sum::<usize>()
    }
}

fn wrong<T>(field: impl Into<String>, reason: impl Into<String>) -> Result<T, ProductError> {
    Err(ProductError::Field { field: field.into(), reason: reason.into() })
}

fn text(field: &str, value: &str, chars_min: usize, chars_max: usize) -> Result<String, ProductError> {
    let value = value.trim();
    let chars = value.chars().count();
    if chars < chars_min {
        return wrong(field, "must not be empty");
    }
    if chars > chars_max {
        return wrong(field, format!("must be at most {chars_max} characters"));
    }
    if value.chars().any(is_unseen) {
        return wrong(field, "must be one line without control characters and invisible ones");
    }
    Ok(value.to_owned())
}

fn check_options(names: Vec<String>) -> Result<Vec<String>, ProductError> {
    if names.len() > OPTIONS_MAX {
        return wrong("options", format!("must be at most {OPTIONS_MAX}"));
    }
    let mut seen = HashSet::new();
    names
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let field = format!("options[{index}]");
            let name = text(&field, &name, 1, OPTION_CHARS_MAX)?;
            if seen.insert(name.to_lowercase()) { Ok(name) } else { wrong(field, "names an option twice") }
        })
        .collect()
}

fn check_variants(variants: Vec<VariantDraft>, options: &[String], currency: Currency) -> Result<Vec<VariantDraft>, ProductError> {
    if !(1..=VARIANTS_MAX).contains(&variants.len()) {
        return wrong("variants", format!("must be 1 to {VARIANTS_MAX}"));
    }
    let mut skus = HashSet::new();
    let mut ids = HashSet::new();
    let mut combinations = HashSet::new();
    let mut checked = Vec::with_capacity(variants.len());
    for (index, variant) in variants.into_iter().enumerate() {
        let at = format!("variants[{index}]");
        let variant = check_variant(variant, &at, options, currency)?;
        if variant.id.is_some_and(|id| !ids.insert(id)) {
            return wrong(format!("{at}.id"), "names a variant twice");
        }
        if variant.sku.as_ref().is_some_and(|sku| !skus.insert(sku.clone())) {
            return wrong(format!("{at}.sku"), "is the SKU of another variant of this product");
        }
        if !combinations.insert(variant.options.clone()) {
            return wrong(format!("{at}.options"), "are the same as another variant's");
        }
        checked.push(variant);
    }
    Ok(checked)
}

fn check_variant(variant: VariantDraft, at: &str, options: &[String], currency: Currency) -> Result<VariantDraft, ProductError> {
    if variant.options.len() != options.len() {
        return wrong(format!("{at}.options"), format!("must hold one value for each of the {} options", options.len()));
    }
    let price = check_price(variant.price, &format!("{at}.price"), currency)?;
    let compare_at_price =
        variant.compare_at_price.map(|money| check_price(money, &format!("{at}.compare_at_price"), currency)).transpose()?;
    if variant.tax_rate.is_some_and(|rate| rate.0 > 10_000) {
        return wrong(format!("{at}.tax_rate"), "must be at most 10000 basis points (100 %)");
    }
    if variant.grams > GRAMS_MAX {
        return wrong(format!("{at}.grams"), format!("must be at most {GRAMS_MAX}"));
    }
    let optional = |name: &str, value: Option<String>, chars_max| {
        let value = value.map(|value| text(&format!("{at}.{name}"), &value, 0, chars_max)).transpose()?;
        Ok::<_, ProductError>(value.filter(|value| !value.is_empty()))
    };
    let values = variant.options.iter().map(|value| text(&format!("{at}.options"), value, 1, OPTION_CHARS_MAX));
    Ok(VariantDraft {
        id: variant.id,
        sku: optional("sku", variant.sku, SKU_CHARS_MAX)?,
        options: values.collect::<Result<_, _>>()?,
        price,
        compare_at_price: compare_at_price.filter(|compare_at| compare_at.amount > price.amount),
        tax_rate: variant.tax_rate,
        barcode: optional("barcode", variant.barcode, BARCODE_CHARS_MAX)?,
        grams: variant.grams,
        requires_shipping: variant.requires_shipping,
        image_url: variant.image_url.map(|url| check_url(&format!("{at}.image_url"), &url)).transpose()?,
    })
}

fn check_price(money: Money, field: &str, currency: Currency) -> Result<Money, ProductError> {
    if money.currency != currency {
        return wrong(field, format!("must be in the shop's currency, {}", currency.code()));
    }
    if !(0..=PRICE_MAX).contains(&money.amount) {
        return wrong(field, format!("must be 0 to {PRICE_MAX} minor units"));
    }
    Ok(money)
}

fn check_url(field: &str, url: &str) -> Result<String, ProductError> {
    let url = text(field, url, 1, URL_CHARS_MAX)?;
    let known = ["https://", "http://", "/files/"].iter().any(|start| url.len() > start.len() && url.starts_with(start));
    if !known || url.chars().any(|letter| letter.is_whitespace() || "\"'<>\\".contains(letter)) {
        return wrong(field, "must be an address that starts with https://, http:// or /files/");
    }
    Ok(url)
}

fn check_images(images: Vec<Image>) -> Result<Vec<Image>, ProductError> {
    if images.len() > IMAGES_MAX {
        return wrong("images", format!("must be at most {IMAGES_MAX}"));
    }
    images
        .into_iter()
        .enumerate()
        .map(|(index, image)| {
            let url = check_url(&format!("images[{index}].url"), &image.url)?;
            Ok(Image { url, alt: text(&format!("images[{index}].alt"), &image.alt, 0, ALT_CHARS_MAX)? })
        })
        .collect()
}

/// Tags that differ in case only are one tag: its first spelling.
fn check_tags(tags: &[String]) -> Result<Vec<String>, ProductError> {
    let mut seen = HashSet::new();
    let mut kept = Vec::with_capacity(tags.len());
    for (index, tag) in tags.iter().enumerate() {
        let field = format!("tags[{index}]");
        let tag = text(&field, tag, 1, TAG_CHARS_MAX)?;
        // A file of products lists tags with commas in between.
        if tag.contains(',') {
            return wrong(field, "must not hold a comma");
        }
        if seen.insert(tag.to_lowercase()) {
            kept.push(tag);
        }
        if kept.len() > TAGS_MAX {
            return wrong("tags", format!("must be at most {TAGS_MAX}"));
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(options: &[&str]) -> VariantDraft {
        VariantDraft {
            id: None,
            sku: None,
            options: options.iter().map(|value| (*value).to_owned()).collect(),
            price: Money::new(500, Currency::EUR),
            compare_at_price: None,
            tax_rate: None,
            barcode: None,
            grams: 100,
            requires_shipping: true,
            image_url: None,
        }
    }

    fn tea() -> Draft {
        Draft {
            title: " Mint tea ".into(),
            options: vec!["Size".into()],
            variants: vec![variant(&["100 g"]), variant(&["250 g"])],
            ..Draft::default()
        }
    }

    fn image(url: &str) -> Image {
        Image { url: url.into(), alt: String::new() }
    }

    /// The field that is refused; empty if the draft is accepted.
    fn refused(change: impl FnOnce(&mut Draft)) -> String {
        let mut draft = tea();
        change(&mut draft);
        match draft.checked(Currency::EUR) {
            Ok(_) => String::new(),
            Err(ProductError::Field { field, .. }) => field,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn drafts_outside_the_limits_are_refused() {
        assert_eq!(refused(|_| {}), "");
        assert_eq!(refused(|draft| draft.title = "  ".into()), "title");
        assert_eq!(refused(|draft| draft.title = "x".repeat(201)), "title");
        assert_eq!(refused(|draft| draft.title = "two\nlines".into()), "title");
        assert_eq!(refused(|draft| draft.title = "tea\u{202E}gpj.exe".into()), "title");
        assert_eq!(refused(|draft| draft.description = "x".repeat(100_001)), "description");
        assert_eq!(refused(|draft| draft.vendor = "x".repeat(101)), "vendor");
        assert_eq!(refused(|draft| draft.options = vec!["Size".into(), "size".into()]), "options[1]");
        assert_eq!(refused(|draft| draft.options = vec!["a".into(), "b".into(), "c".into(), "d".into()]), "options");
        assert_eq!(refused(|draft| draft.options.clear()), "variants[0].options");
        assert_eq!(refused(|draft| draft.variants.clear()), "variants");
        assert_eq!(refused(|draft| draft.variants = (0..101).map(|n| variant(&[&n.to_string()])).collect()), "variants");
        assert_eq!(refused(|draft| draft.variants = (0..100).map(|n| variant(&[&n.to_string()])).collect()), "");
        assert_eq!(refused(|draft| draft.variants[1] = variant(&["100 g"])), "variants[1].options");
        assert_eq!(refused(|draft| draft.variants.iter_mut().for_each(|one| one.sku = Some("T".into()))), "variants[1].sku");
        assert_eq!(refused(|draft| draft.variants.iter_mut().for_each(|one| one.id = Some(1.into()))), "variants[1].id");
        assert_eq!(refused(|draft| draft.variants[0].price.amount = -1), "variants[0].price");
        assert_eq!(refused(|draft| draft.variants[0].price.amount = PRICE_MAX + 1), "variants[0].price");
        assert_eq!(refused(|draft| draft.variants[0].price.currency = "USD".parse().unwrap()), "variants[0].price");
        assert_eq!(refused(|draft| draft.variants[0].tax_rate = Some(TaxRate(10_001))), "variants[0].tax_rate");
        assert_eq!(refused(|draft| draft.variants[0].grams = GRAMS_MAX + 1), "variants[0].grams");
        assert_eq!(refused(|draft| draft.variants[0].image_url = Some("javascript:x".into())), "variants[0].image_url");
        assert_eq!(refused(|draft| draft.images = vec![image("https://example.com/a b.png")]), "images[0].url");
        assert_eq!(refused(|draft| draft.images = vec![image("/etc/passwd")]), "images[0].url");
        assert_eq!(refused(|draft| draft.images = vec![image("/files/a.png"); 20]), "");
        assert_eq!(refused(|draft| draft.images = vec![image("/files/a.png"); 21]), "images");
        assert_eq!(refused(|draft| draft.tags = (0..251).map(|n| n.to_string()).collect()), "tags");
        assert_eq!(refused(|draft| draft.tags = vec!["ok".into(), " ".into()]), "tags[1]");
        assert_eq!(refused(|draft| draft.tags = vec!["a,b".into()]), "tags[0]");
        assert_eq!(
            refused(|draft| {
                draft.title = "x".repeat(200);
                draft.variants = (0..100).map(|n| variant(&[&format!("{n}{}", "ö".repeat(90))])).collect();
                for variant in &mut draft.variants {
                    variant.image_url = Some(format!("https://example.com/{}", "x".repeat(900)));
                }
            }),
            "description"
        );
    }

    #[test]
    fn what_is_kept_is_trimmed_and_harmless() {
        let mut draft = tea();
        draft.description = "<p>Fresh<script>x</script></p>".into();
        draft.tags = vec![" Tea".into(), "tea".into(), "Mint".into()];
        draft.variants[0].compare_at_price = Some(Money::new(500, Currency::EUR));
        draft.variants[1].compare_at_price = Some(Money::new(501, Currency::EUR));
        draft.variants[1].sku = Some("  ".into());
        let content = draft.checked(Currency::EUR).unwrap();
        let kept = content.draft();
        assert_eq!((kept.title.as_str(), kept.description.as_str()), ("Mint tea", "<p>Fresh</p>"));
        assert_eq!(kept.tags, ["Tea", "Mint"]);
        assert_eq!(kept.variants[0].compare_at_price, None, "a price that is not above is no old price");
        assert_eq!(kept.variants[1].compare_at_price, Some(Money::new(501, Currency::EUR)));
        assert_eq!(kept.variants[1].sku, None);
        assert_eq!(content.draft().clone().checked(Currency::EUR).unwrap(), content, "checking twice changes nothing");
    }
}
