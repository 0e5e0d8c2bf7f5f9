//! Shopify's product CSV: rows that follow one another with one handle are one product. Pure and
//! streaming: a file of any length is read one product at a time.

mod group;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::io::Read;

use csv::{ByteRecord, StringRecord};
use kernel::{Currency, is_unseen, stable_id};

use crate::category::CategoryName;
use crate::lines::UnixLines;
use crate::product::ProductStatus;
use crate::product::content::{Content, OPTIONS_MAX};
use crate::quotes::Quotes;
use crate::text::from_cell;
use group::Group;

/// Rows of one product: as many as it may have variants, and more for pictures.
const ROWS_MAX: usize = 400;
const HANDLE_CHARS_MAX: usize = 255;
/// What to do with a file of another encoding, or with other separators.
const SAVE_AS: &str = "save it as CSV UTF-8 with commas";

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
    /// What is taken and may not be meant, with its line.
    pub warnings: Vec<(u64, String)>,
}

impl ImportedProduct {
    /// Where its pictures are on the web, each address once.
    pub fn picture_addresses(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let draft = self.content.draft();
        let all = draft.images.iter().map(|image| &image.url).chain(draft.variants.iter().filter_map(|variant| variant.image_url.as_ref()));
        all.map(String::as_str).filter(|url| !url.starts_with('/') && seen.insert(*url)).collect()
    }

    /// With other addresses for those pictures that have one.
    #[must_use]
    pub fn with_pictures(self, kept: impl Fn(&str) -> Option<String>) -> Self {
        Self { content: self.content.with_pictures(kept), ..self }
    }
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
///
/// Errors: if the file as a whole is no file of products.
pub fn parse<R: Read>(reader: R, currency: Currency) -> Result<Products<R>, RowError> {
    let reader = Quotes::new(UnixLines::new(reader));
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 16).from_reader(reader);
    let columns = read_heading(&mut rows).map_err(|reason| RowError { line: 1, handle: String::new(), reason })?;
    Ok(Products { rows, currency, columns, waiting: None, handles: HashSet::new(), skus: HashSet::new(), ended: false })
}

type Rows<R> = csv::Reader<Quotes<UnixLines<R>>>;

pub struct Products<R> {
    rows: Rows<R>,
    currency: Currency,
    columns: Columns,
    /// The first row of the next product.
    waiting: Option<Row>,
    /// Hashes of the handles so far, and of the SKUs.
    handles: HashSet<u128>,
    skus: HashSet<u128>,
    ended: bool,
}

impl<R> Products<R> {
    /// The headings of columns that held something so far and of which nothing is taken.
    pub fn columns_not_taken(&self) -> impl Iterator<Item = &str> {
        self.columns.others.iter().filter(|other| other.filled).map(|other| other.heading.as_str())
    }
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
    Tracker = "Variant Inventory Tracker" | "Inventory tracker";
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
pub struct Columns {
    indexes: [Option<usize>; HEADINGS.len()],
    count: usize,
    others: Vec<OtherColumn>,
}

/// A column of which nothing is taken.
struct OtherColumn {
    index: usize,
    heading: String,
    /// Whether some row has something in it.
    filled: bool,
}

pub struct Row {
    line: u64,
    handle: String,
    /// Or why it cannot be read.
    fields: Result<StringRecord, String>,
}

impl<R: Read> Products<R> {
    fn next_product(&mut self) -> Result<Option<ImportedProduct>, RowError> {
        let Some(first) = self.next_row()? else { return Ok(None) };
        let handle = first.handle.clone();
        let line = first.line;
        let refused = |line, reason: &str| Err(RowError { line, handle: handle.clone(), reason: reason.into() });
        let mut rows = vec![first];
        let mut count = 1;
        while let Some(row) = self.next_row().map_err(|error| RowError { handle: handle.clone(), ..error })? {
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
        if !self.handles.insert(stable_id(&[&handle])) {
            return refused(line, "the handle was used further up; the rows of a product follow one another");
        }
        if handle.chars().count() > HANDLE_CHARS_MAX {
            return refused(line, "the Handle is too long");
        }
        if count > ROWS_MAX {
            return refused(line, &format!("the product has {count} rows; at most {ROWS_MAX} are read"));
        }
        let (mut product, lines) = Group { columns: &self.columns, currency: self.currency, handle: &handle }.read(rows)?;
        for (variant, line) in product.content.draft().variants.iter().zip(lines) {
            if let Some(sku) = variant.sku.as_ref().filter(|sku| !self.skus.insert(stable_id(&[sku]))) {
                product.warnings.push((line, format!("Variant SKU {sku:?} is another product's further up")));
            }
        }
        Ok(Some(product))
    }

    /// The next row that is not blank.
    fn next_row(&mut self) -> Result<Option<Row>, RowError> {
        if let Some(row) = self.waiting.take() {
            return Ok(Some(row));
        }
        let mut record = ByteRecord::new();
        while !self.ended {
            match self.rows.read_byte_record(&mut record) {
                Ok(true) if record.iter().all(|field| field.trim_ascii().is_empty()) => {}
                Ok(true) => return Ok(Some(self.columns.row(record, self.rows.position().line()))),
                Ok(false) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    let line = self.rows.position().line();
                    return Err(RowError { line, handle: String::new(), reason: format!("the file cannot be read any further: {error}") });
                }
            }
        }
        Ok(None)
    }
}

/// Where the columns are, or why this is no file of products.
fn read_heading<R: Read>(rows: &mut Rows<R>) -> Result<Columns, String> {
    let mut record = ByteRecord::new();
    if !rows.read_byte_record(&mut record).map_err(|error| format!("the heading cannot be read: {error}"))? {
        return Err("the file is empty".into());
    }
    if record.as_slice().starts_with(&[0xFF, 0xFE]) || record.as_slice().starts_with(&[0xFE, 0xFF]) || record.as_slice().contains(&0) {
        return Err(format!("the file is not UTF-8 but UTF-16, or no text at all: {SAVE_AS}"));
    }
    let record = StringRecord::from_byte_record(record).map_err(|_| format!("the heading is not UTF-8: {SAVE_AS}"))?;
    let names: Vec<&str> = record.iter().map(|heading| heading.trim_start_matches('\u{feff}').trim()).collect();
    let mut indexes = [None; HEADINGS.len()];
    for (column, known) in HEADINGS {
        indexes[*column as usize] = known.iter().find_map(|known| names.iter().position(|name| name.eq_ignore_ascii_case(known)));
    }
    for (column, name) in [(Column::Handle, "Handle"), (Column::Title, "Title"), (Column::Price, "Variant Price")] {
        if indexes[column as usize].is_none() {
            let separator = [(';', "semicolons"), ('\t', "tabs")]
                .into_iter()
                .find(|(separator, _)| record.get(0).unwrap_or_default().contains(*separator));
            return Err(match separator {
                Some((_, separator)) => format!("the columns are separated by {separator}: {SAVE_AS}"),
                None => format!("the heading has no column {name}"),
            });
        }
    }
    let other = |(index, heading): (usize, &&str)| OtherColumn { index, heading: (*heading).to_owned(), filled: false };
    let others = names.iter().enumerate().filter(|(index, name)| !name.is_empty() && !indexes.contains(&Some(*index))).map(other).collect();
    Ok(Columns { indexes, count: record.len(), others })
}

impl Columns {
    /// `next_line` is the line after the row. Blank lines may stand before it, so the row's first line is counted back.
    fn row(&mut self, record: ByteRecord, next_line: u64) -> Row {
        for other in &mut self.others {
            other.filled |= record.get(other.index).is_some_and(|field| !field.trim_ascii().is_empty());
        }
        let line = next_line.saturating_sub(1 + record.iter().flatten().filter(|byte| **byte == b'\n').count() as u64);
        let handle = self.indexes[Column::Handle as usize].and_then(|index| record.get(index)).unwrap_or_default();
        let handle = String::from_utf8_lossy(handle).trim().to_owned();
        let fields = if record.len() == self.count {
            StringRecord::from_byte_record(record)
                .map(|fields| self.seen(&fields))
                .map_err(|error| format!("the row is not UTF-8, {}: {SAVE_AS}", error.utf8_error()))
        } else {
            Err(format!("the row has {} fields and the heading has {}", record.len(), self.count))
        };
        Row { line, handle, fields }
    }

    /// Without what came along unseen when somebody copied a title; running text may have soft hyphens.
    fn seen(&self, fields: &StringRecord) -> StringRecord {
        let body = self.indexes[Column::Body as usize];
        let unseen = |character: char| is_unseen(character) && !character.is_control();
        fields
            .iter()
            .enumerate()
            .map(|(index, field)| if Some(index) == body { field.to_owned() } else { field.replace(unseen, "") })
            .collect()
    }

    fn get<'a>(&self, fields: &'a StringRecord, column: Column) -> &'a str {
        from_cell(self.indexes[column as usize].and_then(|index| fields.get(index)).unwrap_or_default().trim())
    }
}
