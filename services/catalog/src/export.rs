//! Products as Shopify's CSV, so that a shop can leave as easily as it came.

use std::collections::HashMap;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use kernel::{BusinessId, Cursor, Problem, VariantId};
use ports::reads::Availability;
use ports::store::{KEYS_MAX, Query};
use serde::Deserialize;
use shell::Failure;
use shell::http::{OpenApiRouter, SignedIn};
use utoipa::IntoParams;

use crate::App;
use crate::category::Category;
use crate::product::{Product, ProductStatus, Variant, listed_seller};
use crate::storage;
use crate::text::{cell, decimal};

const PAGE: usize = 100;
/// A million products; beyond it the file ends.
const PAGES_MAX: usize = 10_000;

const HEADINGS: [&str; 28] = [
    "Handle",
    "Title",
    "Body (HTML)",
    "Vendor",
    "Type",
    "Tags",
    "Published",
    "Option1 Name",
    "Option1 Value",
    "Option2 Name",
    "Option2 Value",
    "Option3 Name",
    "Option3 Value",
    "Variant SKU",
    "Variant Grams",
    "Variant Inventory Tracker",
    "Variant Inventory Qty",
    "Variant Inventory Policy",
    "Variant Price",
    "Variant Compare At Price",
    "Variant Requires Shipping",
    "Variant Taxable",
    "Variant Barcode",
    "Image Src",
    "Image Position",
    "Image Alt Text",
    "Variant Image",
    "Status",
];

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(export).with_state(app)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ExportQuery {
    /// For staff; sellers get their own products.
    seller: Option<BusinessId>,
}

/// Export products of any status in Shopify's CSV format, in the order in which they were made. A text that a spreadsheet
/// would take for a formula begins with an apostrophe, which the import takes away.
#[utoipa::path(get, path = "/admin/products.csv", tag = "catalog", operation_id = "exportProducts", params(ExportQuery), responses((status = 200, body = String, content_type = "text/csv")))]
async fn export(
    request: SignedIn,
    State(app): State<App>,
    shell::http::Query(query): shell::http::Query<ExportQuery>,
) -> Result<Response, Failure> {
    let seller = listed_seller(&request.actor, query.seller)?;
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
        Step::Heading => Ok(Some((csv_of(|writer| writer.write_record(HEADINGS))?, Step::Page(0, None)))),
        Step::Page(number, cursor) if number < PAGES_MAX => {
            let query = Query { descending: false, ..storage::products_query(seller, None).limit(PAGE).after(cursor) };
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
    for some in ids.chunks(KEYS_MAX) {
        stock.extend(app.deps.stock.availability(some).await?.into_iter().map(|available| (available.variant_id, available)));
    }
    Ok(stock)
}

fn csv_of(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> Result<Bytes, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    write(&mut writer).map_err(Problem::internal)?;
    Ok(writer.into_inner().map_err(Problem::internal)?.into())
}

/// A row for each variant, then rows for the pictures that are left.
fn write_product(writer: &mut csv::Writer<Vec<u8>>, product: &Product, names: &Names, stock: &Stock) -> csv::Result<()> {
    let category = product.category_id().and_then(|id| names.get(&id));
    for row in 0..product.variants.len().max(product.images.len()) {
        let mut fields = vec![String::new(); HEADINGS.len()];
        fields[0].clone_from(&product.slug);
        if row == 0 {
            write_head(&mut fields, product, category.map_or("", String::as_str));
        }
        if let Some(variant) = product.variants.get(row) {
            for (index, value) in variant.options.iter().enumerate() {
                fields[8 + 2 * index].clone_from(value);
            }
            if product.options.is_empty() {
                fields[8] = "Default Title".into();
            }
            fields[13].clone_from(&variant.sku);
            fields[14] = variant.grams.to_string();
            if let Some(available) = stock.get(&variant.id) {
                // Without it, Shopify sells what it does not count.
                fields[15] = "shopify".into();
                fields[16] = available.available.max(0).to_string();
                fields[17] = if available.backorder { "continue" } else { "deny" }.into();
            }
            fields[18] = decimal(variant.price);
            fields[19] = variant.compare_at_price.map(decimal).unwrap_or_default();
            fields[20] = variant.requires_shipping.to_string();
            fields[21] = (variant.tax_rate.is_none_or(|rate| rate.0 > 0)).to_string();
            fields[22] = variant.barcode.clone().unwrap_or_default();
            fields[26] = variant.image_url.clone().unwrap_or_default();
        }
        if let Some(image) = product.images.get(row) {
            fields[23].clone_from(&image.url);
            fields[24] = (row + 1).to_string();
            fields[25].clone_from(&image.alt);
        }
        writer.write_record(fields.iter().map(|field| cell(field)))?;
    }
    Ok(())
}

fn write_head(fields: &mut [String], product: &Product, category: &str) {
    fields[1].clone_from(&product.title);
    fields[2].clone_from(&product.description);
    fields[3].clone_from(&product.vendor);
    fields[4] = category.to_owned();
    fields[5] = product.tags.join(", ");
    fields[6] = (product.status == ProductStatus::Published).to_string();
    for (index, name) in product.options.iter().enumerate() {
        fields[7 + 2 * index].clone_from(name);
    }
    if product.options.is_empty() {
        fields[7] = "Title".into();
    }
    fields[27] = match product.status {
        ProductStatus::Draft => "draft",
        ProductStatus::Published => "active",
        ProductStatus::Archived => "archived",
    }
    .into();
}
