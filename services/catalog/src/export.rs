//! Products as Shopify's CSV, so that a shop can leave as easily as it came.

use std::collections::HashMap;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use kernel::{BusinessId, Cursor, Problem};
use serde::Deserialize;
use shell::Failure;
use shell::http::{OpenApiRouter, Query, SignedIn};
use utoipa::IntoParams;

use crate::App;
use crate::category::Category;
use crate::product::{Product, ProductStatus, listed_seller};
use crate::storage;
use crate::text::decimal;

const PAGE: usize = 100;
/// A million products; beyond it the file ends.
const PAGES_MAX: usize = 10_000;

const HEADINGS: [&str; 27] = [
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

/// Export products of any status in Shopify's CSV format, newest first. Stock is kept by inventory and left blank.
#[utoipa::path(get, path = "/admin/products.csv", tag = "catalog", operation_id = "exportProducts", params(ExportQuery), responses((status = 200, body = String, content_type = "text/csv")))]
async fn export(request: SignedIn, State(app): State<App>, Query(query): Query<ExportQuery>) -> Result<Response, Failure> {
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
            let query = storage::products_query(seller, None).limit(PAGE).after(cursor);
            let page = app.work.table().list::<Product>(query).await?;
            let chunk = csv_of(|writer| page.items.iter().try_for_each(|product| write_product(writer, product, names)))?;
            let next = page.next.map_or(Step::End, |cursor| Step::Page(number + 1, Some(cursor)));
            Ok(Some((chunk, next)))
        }
        Step::Page(..) | Step::End => Ok(None),
    }
}

fn csv_of(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> Result<Bytes, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    write(&mut writer).map_err(Problem::internal)?;
    Ok(writer.into_inner().map_err(Problem::internal)?.into())
}

/// A row for each variant, then rows for the pictures that are left.
fn write_product(writer: &mut csv::Writer<Vec<u8>>, product: &Product, names: &Names) -> csv::Result<()> {
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
            fields[17] = decimal(variant.price);
            fields[18] = variant.compare_at_price.map(decimal).unwrap_or_default();
            fields[19] = variant.requires_shipping.to_string();
            fields[20] = (variant.tax_rate.is_none_or(|rate| rate.0 > 0)).to_string();
            fields[21] = variant.barcode.clone().unwrap_or_default();
            fields[25] = variant.image_url.clone().unwrap_or_default();
        }
        if let Some(image) = product.images.get(row) {
            fields[22].clone_from(&image.url);
            fields[23] = (row + 1).to_string();
            fields[24].clone_from(&image.alt);
        }
        writer.write_record(&fields)?;
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
    fields[26] = match product.status {
        ProductStatus::Draft => "draft",
        ProductStatus::Published => "active",
        ProductStatus::Archived => "archived",
    }
    .into();
}
