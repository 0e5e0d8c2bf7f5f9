//! Products as Shopify's CSV, so that a shop can leave as easily as it came.

use std::collections::HashMap;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use kernel::{BusinessId, Cursor, Problem, VariantId};
use ports::reads::Availability;
use ports::store;
use serde::Deserialize;
use shell::Failure;
use shell::http::{OpenApiRouter, Query, SignedIn};
use utoipa::IntoParams;

use crate::App;
use crate::category::Category;
use crate::product::{Product, ProductStatus, Variant};
use crate::shopify::{Column, HEADINGS, OPTION_COLUMNS};
use crate::storage;
use crate::text::{cell, decimal};

const PAGE: usize = 100;
/// A million products; beyond it the file ends.
const PAGES_MAX: usize = 10_000;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        export: [Forbidden],
    )
    .with_state(app)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ExportQuery {
    /// For staff; sellers get their own products.
    seller_id: Option<BusinessId>,
}

/// Export products of any status in Shopify's CSV format, in the order in which they were made. A text that a spreadsheet
/// would take for a formula begins with an apostrophe, which the import takes away.
#[utoipa::path(get, path = "/admin/products.csv", tag = "catalog", operation_id = "exportProducts", params(ExportQuery), responses((status = 200, body = String, content_type = "text/csv")))]
async fn export(request: SignedIn, State(app): State<App>, Query(query): Query<ExportQuery>) -> Result<Response, Failure> {
    let seller = request.actor.listed_seller(query.seller_id)?;
    let categories = app.work.table().list::<Category>(storage::categories_query()).await?;
    let names: HashMap<_, _> = categories.items.into_iter().map(|category| (category.id, category.value.name)).collect();
    let pages = stream::try_unfold(Step::Heading, move |step| {
        let (app, names) = (app.clone(), names.clone());
        async move { next_chunk(&app, &names, seller, step).await.inspect_err(|problem| tracing::error!(%problem, "an export broke off")) }
    });
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, "attachment; filename=\"products.csv\"")];
    Ok((headers, Body::from_stream(pages)).into_response())
}

enum Step {
    Heading,
    Page(usize, Option<Cursor>),
    End,
}

type Names = HashMap<kernel::CategoryId, String>;

async fn next_chunk(app: &App, names: &Names, seller: Option<BusinessId>, step: Step) -> Result<Option<(Bytes, Step)>, Problem> {
    match step {
        Step::Heading => Ok(Some((csv_of(|writer| writer.write_record(HEADINGS.iter().map(|(_, names)| names[0])))?, Step::Page(0, None)))),
        Step::Page(number, cursor) if number < PAGES_MAX => {
            let query = store::Query { descending: false, ..storage::products_query(seller, None).limit(PAGE).after(cursor) };
            let page = app.work.table().list::<Product>(query).await?;
            let stock = stock_of(app, page.items.iter().flat_map(|product| &product.variants)).await?;
            let chunk = csv_of(|writer| page.items.iter().try_for_each(|product| write_product(writer, product, names, &stock)))?;
            let next = page.next.map_or(Step::End, |cursor| Step::Page(number + 1, Some(cursor)));
            Ok(Some((chunk, next)))
        }
        Step::Page(..) | Step::End => Ok(None),
    }
}

type Stock = HashMap<VariantId, Availability>;

async fn stock_of(app: &App, variants: impl Iterator<Item = &Variant>) -> Result<Stock, Problem> {
    let ids: Vec<VariantId> = variants.map(|variant| variant.id).collect();
    let mut stock = Stock::with_capacity(ids.len());
    for some in ids.chunks(store::KEYS_MAX) {
        stock.extend(app.deps.stock.availability(some).await?.into_iter().map(|available| (available.variant_id, available)));
    }
    Ok(stock)
}

fn csv_of(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> Result<Bytes, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    write(&mut writer).map_err(Problem::internal)?;
    Ok(writer.into_inner().map_err(Problem::internal)?.into())
}

/// The fields of a row: of each column of the file, or empty.
struct Row([String; HEADINGS.len()]);

impl Row {
    fn set(&mut self, column: Column, text: impl Into<String>) {
        self.0[column as usize] = text.into();
    }
}

/// A row for each variant, then rows for the pictures that are left.
fn write_product(writer: &mut csv::Writer<Vec<u8>>, product: &Product, names: &Names, stock: &Stock) -> csv::Result<()> {
    let category = product.category_id().and_then(|id| names.get(&id));
    for index in 0..product.variants.len().max(product.images.len()) {
        let mut row = Row(std::array::from_fn(|_| String::new()));
        row.set(Column::Handle, &product.slug);
        if index == 0 {
            write_head(&mut row, product, category.map_or("", String::as_str));
        }
        if let Some(variant) = product.variants.get(index) {
            for (value, (_, column)) in variant.options.iter().zip(OPTION_COLUMNS) {
                row.set(column, value);
            }
            if product.options.is_empty() {
                row.set(Column::OptionValue1, "Default Title");
            }
            row.set(Column::Sku, &variant.sku);
            row.set(Column::Grams, variant.grams.to_string());
            if let Some(available) = stock.get(&variant.id) {
                // Without it, Shopify sells what it does not count.
                row.set(Column::Tracker, "shopify");
                row.set(Column::Quantity, available.available.max(0).to_string());
                row.set(Column::Policy, if available.backorder { "continue" } else { "deny" });
            }
            row.set(Column::Price, decimal(variant.price));
            row.set(Column::CompareAt, variant.compare_at_price.map(decimal).unwrap_or_default());
            row.set(Column::Shipping, variant.requires_shipping.to_string());
            row.set(Column::Taxable, variant.tax_rate.is_none_or(|rate| rate.0 > 0).to_string());
            row.set(Column::Barcode, variant.barcode.clone().unwrap_or_default());
            row.set(Column::VariantImage, variant.image_url.clone().unwrap_or_default());
        }
        if let Some(image) = product.images.get(index) {
            row.set(Column::ImageSource, &image.url);
            row.set(Column::ImagePosition, (index + 1).to_string());
            row.set(Column::ImageAlt, &image.alt);
        }
        writer.write_record(row.0.iter().map(|field| cell(field)))?;
    }
    Ok(())
}

fn write_head(row: &mut Row, product: &Product, category: &str) {
    row.set(Column::Title, &product.title);
    row.set(Column::Body, &product.description);
    row.set(Column::Vendor, &product.vendor);
    row.set(Column::Category, category);
    row.set(Column::Tags, product.tags.join(", "));
    row.set(Column::Published, (product.status == ProductStatus::Published).to_string());
    for (name, (column, _)) in product.options.iter().zip(OPTION_COLUMNS) {
        row.set(column, name);
    }
    if product.options.is_empty() {
        row.set(Column::OptionName1, "Title");
    }
    let status = match product.status {
        ProductStatus::Draft => "draft",
        ProductStatus::Published => "active",
        ProductStatus::Archived => "archived",
    };
    row.set(Column::Status, status);
}
