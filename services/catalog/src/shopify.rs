//! Shopify's product CSV: rows that follow one another with one handle are one product. Pure and
//! streaming: a file of any length is read one product at a time.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::io::Read;

use csv::{ByteRecord, StringRecord};
use kernel::{Currency, Money, TaxRate, stable_id};

use crate::category::CategoryName;
use crate::lines::UnixLines;
use crate::product::content::{Content, Draft, Image, OPTIONS_MAX, VARIANTS_MAX, VariantDraft};
use crate::product::{ProductError, ProductStatus};

/// Rows of one product: as many as it may have variants, and more for pictures.
const ROWS_MAX: usize = 400;
const HANDLE_CHARS_MAX: usize = 255;
const QUANTITY_MAX: i64 = 1_000_000_000;

/// A product as the file has it; its content keeps to all limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedProduct {
    /// Of its first row.
    pub line: u64,
    pub handle: String,
    /// The name of its category.
    pub category: Option<CategoryName>,
    pub(crate) status: ProductStatus,
    pub(crate) content: Content,
    /// One for each variant.
    pub stock: Vec<StockLine>,
}

/// What the file says about the stock of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockLine {
    /// Absent where the file says nothing; zero where it says less than that.
    pub quantity: Option<i64>,
    /// Sold although there is none.
    pub backorder: bool,
}

/// A row that cannot be read; its product is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RowError {
    pub line: u64,
    /// Empty if the row has none.
    pub handle: String,
    pub reason: String,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.handle.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.reason),
            handle => write!(f, "line {} ({handle}): {}", self.line, self.reason),
        }
    }
}

/// The products of a file, in its order, each as a whole or as the first reason why not.
pub fn parse<R: Read>(reader: R, currency: Currency) -> Products<R> {
    let rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 16).from_reader(UnixLines::new(reader));
    Products { rows, currency, columns: None, waiting: None, seen: HashSet::new(), ended: false }
}

pub struct Products<R> {
    rows: csv::Reader<UnixLines<R>>,
    currency: Currency,
    columns: Option<Columns>,
    /// The first row of the next product.
    waiting: Option<Row>,
    /// Hashes of the handles so far.
    seen: HashSet<u128>,
    ended: bool,
}

impl<R: Read> Iterator for Products<R> {
    type Item = Result<ImportedProduct, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_product() {
            Ok(product) => product.map(Ok),
            Err(error) => Some(Err(error)),
        }
    }
}

macro_rules! columns {
    ($($name:ident = $($heading:literal)|+;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Column { $($name,)* }

        /// The headings of each column, in any case: as exports have them, and as the newer template does.
        pub const HEADINGS: &[(Column, &[&str])] = &[$((Column::$name, &[$($heading),+]),)*];
    };
}

columns! {
    Handle = "Handle" | "URL handle";
    Title = "Title";
    Body = "Body (HTML)" | "Body HTML" | "Description";
    Vendor = "Vendor";
    Taxonomy = "Product Category";
    Category = "Type";
    Tags = "Tags";
    Published = "Published" | "Published on online store";
    OptionName1 = "Option1 Name";
    OptionValue1 = "Option1 Value";
    OptionName2 = "Option2 Name";
    OptionValue2 = "Option2 Value";
    OptionName3 = "Option3 Name";
    OptionValue3 = "Option3 Value";
    Sku = "Variant SKU" | "SKU";
    Grams = "Variant Grams" | "Weight value (grams)";
    Quantity = "Variant Inventory Qty" | "Inventory quantity";
    Policy = "Variant Inventory Policy" | "Continue selling when out of stock";
    Price = "Variant Price" | "Price";
    CompareAt = "Variant Compare At Price" | "Compare-at price";
    Shipping = "Variant Requires Shipping" | "Requires shipping";
    Taxable = "Variant Taxable" | "Charge tax";
    Barcode = "Variant Barcode" | "Barcode";
    ImageSource = "Image Src" | "Product image URL";
    ImagePosition = "Image Position";
    ImageAlt = "Image Alt Text";
    GiftCard = "Gift Card";
    VariantImage = "Variant Image" | "Variant image URL";
    Status = "Status";
}

/// The name and the value of each option.
pub const OPTION_COLUMNS: [(Column, Column); OPTIONS_MAX] =
    [(Column::OptionName1, Column::OptionValue1), (Column::OptionName2, Column::OptionValue2), (Column::OptionName3, Column::OptionValue3)];

/// Where the columns are that a file has.
struct Columns {
    indexes: [Option<usize>; HEADINGS.len()],
    count: usize,
}

struct Row {
    line: u64,
    handle: String,
    /// Or why it cannot be read.
    fields: Result<StringRecord, String>,
}

impl<R: Read> Products<R> {
    fn next_product(&mut self) -> Result<Option<ImportedProduct>, RowError> {
        if self.columns.is_none() && !self.ended {
            self.columns = Some(self.read_heading().inspect_err(|_| self.ended = true)?);
        }
        let Some(first) = self.next_row()? else { return Ok(None) };
        let handle = first.handle.clone();
        let line = first.line;
        let refused = |line, reason: &str| Err(RowError { line, handle: handle.clone(), reason: reason.into() });
        let mut rows = vec![first];
        let mut count = 1;
        while let Some(row) = self.next_row()? {
            if handle.is_empty() || row.handle != handle {
                self.waiting = Some(row);
                break;
            }
            count += 1;
            if rows.len() < ROWS_MAX {
                rows.push(row);
            }
        }
        if handle.is_empty() {
            return refused(line, "the row has no Handle");
        }
        if !self.seen.insert(stable_id(&[&handle])) {
            return refused(line, "the handle was used further up; the rows of a product follow one another");
        }
        if handle.chars().count() > HANDLE_CHARS_MAX {
            return refused(line, "the Handle is too long");
        }
        if count > ROWS_MAX {
            return refused(line, &format!("the product has {count} rows; at most {ROWS_MAX} are read"));
        }
        let Some(columns) = &self.columns else { return Ok(None) };
        Group { columns, currency: self.currency, handle: &handle }.read(rows).map(Some)
    }

    fn read_heading(&mut self) -> Result<Columns, RowError> {
        let refused = |reason: String| RowError { line: 1, handle: String::new(), reason };
        let mut record = StringRecord::new();
        let found = self.rows.read_record(&mut record).map_err(|error| refused(format!("the heading cannot be read: {error}")))?;
        if !found {
            return Err(refused("the file is empty".into()));
        }
        let headings: Vec<&str> = record.iter().map(|heading| heading.trim_start_matches('\u{feff}').trim()).collect();
        let mut indexes = [None; HEADINGS.len()];
        for (column, names) in HEADINGS {
            indexes[*column as usize] =
                names.iter().find_map(|name| headings.iter().position(|heading| heading.eq_ignore_ascii_case(name)));
        }
        for (column, name) in [(Column::Handle, "Handle"), (Column::Title, "Title"), (Column::Price, "Variant Price")] {
            if indexes[column as usize].is_none() {
                return Err(refused(format!("the heading has no column {name}")));
            }
        }
        Ok(Columns { indexes, count: record.len() })
    }

    /// The next row that is not blank.
    fn next_row(&mut self) -> Result<Option<Row>, RowError> {
        if let Some(row) = self.waiting.take() {
            return Ok(Some(row));
        }
        let Some(columns) = &self.columns else { return Ok(None) };
        let mut record = ByteRecord::new();
        while !self.ended {
            match self.rows.read_byte_record(&mut record) {
                Ok(true) if record.iter().all(|field| field.trim_ascii().is_empty()) => {}
                Ok(true) => return Ok(Some(columns.row(record, self.rows.position().line()))),
                Ok(false) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    let line = self.rows.position().line();
                    return Err(RowError { line, handle: String::new(), reason: format!("the file cannot be read: {error}") });
                }
            }
        }
        Ok(None)
    }
}

impl Columns {
    /// `next_line` is the line after the row. Blank lines may stand before it, so the row's first line is counted back.
    fn row(&self, record: ByteRecord, next_line: u64) -> Row {
        let line = next_line.saturating_sub(1 + record.iter().flatten().filter(|byte| **byte == b'\n').count() as u64);
        let handle = self.indexes[Column::Handle as usize].and_then(|index| record.get(index)).unwrap_or_default();
        let handle = String::from_utf8_lossy(handle).trim().to_owned();
        let fields = if record.len() == self.count {
            StringRecord::from_byte_record(record).map_err(|error| format!("the row is not UTF-8: {}", error.utf8_error()))
        } else {
            Err(format!("the row has {} fields and the heading has {}", record.len(), self.count))
        };
        Row { line, handle, fields }
    }

    fn get<'a>(&self, fields: &'a StringRecord, column: Column) -> &'a str {
        self.indexes[column as usize].and_then(|index| fields.get(index)).unwrap_or_default().trim()
    }
}

/// The rows of one product.
struct Group<'a> {
    columns: &'a Columns,
    currency: Currency,
    handle: &'a str,
}

/// What is gathered from the rows.
#[derive(Default)]
struct Gathered {
    variants: Vec<VariantDraft>,
    variant_lines: Vec<u64>,
    stock: Vec<StockLine>,
    images: Vec<(u32, u64, Image)>,
}

impl Group<'_> {
    fn read(&self, rows: Vec<Row>) -> Result<ImportedProduct, RowError> {
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
            self.refused(line_of(&error, &gathered.variant_lines, &image_lines).unwrap_or(*line), error.to_string())
        })?;
        let category = self.category(*line, get(Column::Category), get(Column::Taxonomy))?;
        let status = self.status(*line, get(Column::Status), get(Column::Published))?;
        Ok(ImportedProduct { line: *line, handle: self.handle.to_owned(), category, status, content, stock: gathered.stock })
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
        gathered.variants.push(self.variant(line, fields, options, values)?);
        gathered.variant_lines.push(line);
        gathered.stock.push(self.stock(line, get(Column::Quantity), get(Column::Policy))?);
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
        let expected = format!("a decimal amount in {}", self.currency.code());
        Money::parse(text, self.currency).map_err(|_| self.unreadable(line, heading, text, &expected))
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
