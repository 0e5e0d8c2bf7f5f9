//! The rows of one product, made into a product that keeps to all limits, or the first reason why not.

use csv::StringRecord;
use kernel::{Currency, Money, TaxRate};

use super::{Column, Columns, ImportedProduct, OPTION_COLUMNS, Row, RowError, StockLine};
use crate::category::CategoryName;
use crate::product::content::{Draft, Image, OPTIONS_MAX, PRICE_MAX, VARIANTS_MAX, VariantDraft};
use crate::product::{ProductError, ProductStatus};
use crate::text::decimal;

const QUANTITY_MAX: i64 = 1_000_000_000;

pub struct Group<'a> {
    pub columns: &'a Columns,
    pub currency: Currency,
    pub handle: &'a str,
}

/// What is gathered from the rows.
#[derive(Default)]
struct Gathered {
    variants: Vec<VariantDraft>,
    variant_lines: Vec<u64>,
    stock: Vec<StockLine>,
    images: Vec<(u32, u64, Image)>,
    warnings: Vec<(u64, String)>,
}

impl Group<'_> {
    /// The product, and the lines of its variants.
    pub fn read(&self, rows: Vec<Row>) -> Result<(ImportedProduct, Vec<u64>), RowError> {
        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            lines.push((row.line, row.fields.map_err(|reason| self.refused(row.line, reason))?));
        }
        let Some((line, first)) = lines.first() else { return Err(self.refused(0, "the product has no rows")) };
        let get = |column| self.columns.get(first, column);
        if get(Column::Title).is_empty() {
            return Err(self.refused(*line, "the first row of the product has no Title"));
        }
        if self.truth(*line, "Gift Card", get(Column::GiftCard), false)? {
            return Err(self.refused(*line, "gift cards are not supported"));
        }
        let mut options = self.option_names(*line, first)?;
        let mut gathered = Gathered::default();
        for (line, fields) in &lines {
            self.gather(*line, fields, &options, &mut gathered)?;
        }
        // A product that comes in one variant has the option Title with the value Default Title.
        if let ([name], [only]) = (options.as_slice(), gathered.variants.as_mut_slice())
            && name.eq_ignore_ascii_case("Title")
            && only.options.first().is_some_and(|value| value.eq_ignore_ascii_case("Default Title"))
        {
            only.options.clear();
            options.clear();
        }
        gathered.images.sort_by_key(|(position, ..)| *position);
        let draft = Draft {
            title: get(Column::Title).to_owned(),
            description: get(Column::Body).to_owned(),
            vendor: get(Column::Vendor).to_owned(),
            options,
            variants: gathered.variants,
            images: gathered.images.iter().map(|(_, _, image)| image.clone()).collect(),
            tags: get(Column::Tags).split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            ..Draft::default()
        };
        let content = draft.checked(self.currency).map_err(|error| {
            let image_lines: Vec<u64> = gathered.images.iter().map(|(_, line, _)| *line).collect();
            self.refused(line_of(&error, &gathered.variant_lines, &image_lines).unwrap_or(*line), in_columns(&error))
        })?;
        let category = self.category(*line, get(Column::Category), get(Column::Taxonomy))?;
        let status = self.status(*line, get(Column::Status), get(Column::Published))?;
        let Gathered { stock, warnings, variant_lines, .. } = gathered;
        Ok((ImportedProduct { line: *line, handle: self.handle.to_owned(), category, status, content, stock, warnings }, variant_lines))
    }

    fn refused(&self, line: u64, reason: impl Into<String>) -> RowError {
        RowError { line, handle: self.handle.to_owned(), reason: reason.into() }
    }

    fn unreadable(&self, line: u64, heading: &str, text: &str, expected: &str) -> RowError {
        self.refused(line, format!("{heading} {text:.40?} is not {expected}"))
    }

    /// The names stand in the first row.
    fn option_names(&self, line: u64, first: &StringRecord) -> Result<Vec<String>, RowError> {
        let mut names = Vec::new();
        for (index, (name, _)) in OPTION_COLUMNS.iter().enumerate() {
            let name = self.columns.get(first, *name);
            if name.is_empty() {
                continue;
            }
            if names.len() < index {
                return Err(self.refused(line, format!("Option{} Name is there, but Option{index} Name is not", index + 1)));
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }

    fn gather(&self, line: u64, fields: &StringRecord, options: &[String], gathered: &mut Gathered) -> Result<(), RowError> {
        let get = |column| self.columns.get(fields, column);
        let source = get(Column::ImageSource);
        if !source.is_empty() && gathered.images.iter().all(|(_, _, image)| image.url != source) {
            let position = match get(Column::ImagePosition) {
                "" => u32::MAX,
                text => text.parse().map_err(|_| self.unreadable(line, "Image Position", text, "a whole number"))?,
            };
            gathered.images.push((position, line, Image { url: source.to_owned(), alt: get(Column::ImageAlt).to_owned() }));
        }
        let values = OPTION_COLUMNS.map(|(_, value)| get(value));
        if values.iter().all(|value| value.is_empty()) && get(Column::Price).is_empty() && get(Column::Sku).is_empty() {
            // A row of a picture only.
            return if source.is_empty() { Err(self.refused(line, "the row has neither a variant nor an image")) } else { Ok(()) };
        }
        if gathered.variants.len() >= VARIANTS_MAX {
            return Err(self.refused(line, format!("a product has at most {VARIANTS_MAX} variants")));
        }
        let variant = self.variant(line, fields, options, values)?;
        if variant.price.amount == 0 {
            gathered.warnings.push((line, "Variant Price is 0".into()));
        }
        gathered.variants.push(variant);
        gathered.variant_lines.push(line);
        let stock = self.stock(line, get(Column::Quantity), get(Column::Policy))?;
        if get(Column::Quantity).starts_with('-') {
            gathered.warnings.push((line, format!("Variant Inventory Qty {} becomes 0", get(Column::Quantity))));
        }
        let tracker = get(Column::Tracker);
        if !tracker.is_empty() && !tracker.eq_ignore_ascii_case("shopify") {
            gathered.warnings.push((line, format!("Variant Inventory Tracker {tracker:.40?} is not taken: stock is counted here")));
        }
        gathered.stock.push(stock);
        Ok(())
    }

    fn variant(&self, line: u64, fields: &StringRecord, options: &[String], values: [&str; OPTIONS_MAX]) -> Result<VariantDraft, RowError> {
        let get = |column| self.columns.get(fields, column);
        for (index, value) in values.iter().enumerate() {
            if value.is_empty() != (index >= options.len()) {
                let (has, misses) = if value.is_empty() { ("Name", "Value") } else { ("Value", "Name") };
                return Err(self.refused(line, format!("Option{0} {has} is there, but Option{0} {misses} is not", index + 1)));
            }
        }
        let price = match get(Column::Price) {
            "" => return Err(self.refused(line, "the variant has no Variant Price")),
            text => self.money(line, "Variant Price", text)?,
        };
        let compare_at_price = match get(Column::CompareAt) {
            "" => None,
            text => Some(self.money(line, "Variant Compare At Price", text)?),
        };
        let taxable = self.truth(line, "Variant Taxable", get(Column::Taxable), true)?;
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(VariantDraft {
            id: None,
            sku: some(get(Column::Sku)),
            options: values.iter().take(options.len()).map(|value| (*value).to_owned()).collect(),
            price,
            compare_at_price,
            tax_rate: if taxable { None } else { Some(TaxRate(0)) },
            // Spreadsheets keep long numbers whole with an apostrophe in front.
            barcode: some(get(Column::Barcode).trim_start_matches('\'')),
            grams: self.grams(line, get(Column::Grams))?,
            requires_shipping: self.truth(line, "Variant Requires Shipping", get(Column::Shipping), true)?,
            image_url: some(get(Column::VariantImage)),
        })
    }

    fn stock(&self, line: u64, quantity: &str, policy: &str) -> Result<StockLine, RowError> {
        let quantity = match quantity {
            "" => None,
            text => match text.parse::<i64>() {
                Ok(quantity) if quantity <= QUANTITY_MAX => Some(quantity.max(0)),
                Ok(_) | Err(_) => return Err(self.unreadable(line, "Variant Inventory Qty", text, "a whole number of at most 10^9")),
            },
        };
        let backorder = match policy.to_lowercase().as_str() {
            "" | "deny" => false,
            "continue" => true,
            _ => return Err(self.unreadable(line, "Variant Inventory Policy", policy, "deny or continue")),
        };
        Ok(StockLine { quantity, backorder })
    }

    fn money(&self, line: u64, heading: &str, text: &str) -> Result<Money, RowError> {
        let most = decimal(Money::new(PRICE_MAX, self.currency));
        let expected = format!("a decimal amount in {} from 0 to {most}", self.currency.code());
        let money = Money::parse(text, self.currency).ok().filter(|money| (0..=PRICE_MAX).contains(&money.amount));
        money.ok_or_else(|| self.unreadable(line, heading, text, &expected))
    }

    /// Older exports write `1360.0`. Parts of a gram are rounded half up.
    fn grams(&self, line: u64, text: &str) -> Result<u32, RowError> {
        if text.is_empty() {
            return Ok(0);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let rounded = || whole.parse::<u32>().ok()?.checked_add(u32::from(fraction.as_bytes().first() >= Some(&b'5')));
        let grams = if digits(whole) && digits(fraction) { rounded() } else { None };
        grams.ok_or_else(|| self.unreadable(line, "Variant Grams", text, "a weight in grams"))
    }

    fn truth(&self, line: u64, heading: &str, text: &str, unless_told: bool) -> Result<bool, RowError> {
        match text.to_lowercase().as_str() {
            "" => Ok(unless_told),
            "true" | "yes" | "1" => Ok(true),
            "false" | "no" | "0" => Ok(false),
            _ => Err(self.unreadable(line, heading, text, "true or false")),
        }
    }

    fn category(&self, line: u64, kind: &str, taxonomy: &str) -> Result<Option<CategoryName>, RowError> {
        // `Apparel & Accessories > Clothing > Shirts`, where a file has no types of its own.
        let name = if kind.is_empty() { taxonomy.rsplit('>').next().unwrap_or_default().trim() } else { kind };
        if name.is_empty() {
            return Ok(None);
        }
        CategoryName::new(name).map(Some).map_err(|_| self.unreadable(line, "Type", name, "the name of a category"))
    }

    fn status(&self, line: u64, status: &str, published: &str) -> Result<ProductStatus, RowError> {
        let published = self.truth(line, "Published", published, true)?;
        match (status.to_lowercase().as_str(), published) {
            ("" | "active", true) => Ok(ProductStatus::Published),
            ("" | "active", false) | ("draft", _) => Ok(ProductStatus::Draft),
            ("archived", _) => Ok(ProductStatus::Archived),
            _ => Err(self.unreadable(line, "Status", status, "active, draft or archived")),
        }
    }
}

/// The reason in the words of the file: `variants[3].sku` is the column Variant SKU.
fn in_columns(error: &ProductError) -> String {
    let ProductError::Field { field, reason } = error else { return error.to_string() };
    let place =
        |list: &str| field.strip_prefix(list).and_then(|rest| rest.split_once(']')).and_then(|(index, _)| index.parse::<usize>().ok());
    let heading = match (field.as_str(), field.rsplit_once("].").map_or("", |(_, name)| name)) {
        ("title", _) => "Title",
        ("description", _) => "Body (HTML)",
        ("vendor", _) => "Vendor",
        ("options", _) => "Option Name",
        (tags, _) if tags.starts_with("tags") => "Tags",
        (images, "alt") if images.starts_with("images") => "Image Alt Text",
        (images, _) if images.starts_with("images") => "Image Src",
        (_, "sku") => "Variant SKU",
        (_, "options") => "Option Values",
        (_, "price") => "Variant Price",
        (_, "compare_at_price") => "Variant Compare At Price",
        (_, "grams") => "Variant Grams",
        (_, "barcode") => "Variant Barcode",
        (_, "image_url") => "Variant Image",
        (field, _) => {
            return match place("options[") {
                Some(index) => format!("Option{} Name {reason}", index + 1),
                None => format!("{field} {reason}"),
            };
        }
    };
    format!("{heading} {reason}")
}

/// The row that a refused field came from: `variants[3].price` is the fourth variant's.
fn line_of(error: &ProductError, variant_lines: &[u64], image_lines: &[u64]) -> Option<u64> {
    let ProductError::Field { field, .. } = error else { return None };
    let (list, rest) = field.split_once('[')?;
    let index: usize = rest.split_once(']')?.0.parse().ok()?;
    match list {
        "variants" => variant_lines.get(index).copied(),
        "images" => image_lines.get(index).copied(),
        _ => None,
    }
}
