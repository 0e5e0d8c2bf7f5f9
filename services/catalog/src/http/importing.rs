//! Products of a file, over HTTP: looked through first, then written, with an answer for each.

use std::io::Cursor;

use axum::extract::State;
use kernel::{BusinessId, Problem, ProductId};
use serde::{Deserialize, Serialize};
use shell::http::{LargeBody, OpenApiRouter, Query, SignedIn};
use shell::{HandlerResult, Reply};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::import::{self, Imported, Outcome, Terms};
use crate::product::{ProductError, seller_for};
use crate::shopify::{self, ImportedProduct, RowError};

const FILE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Products of one file.
const PRODUCTS_MAX: usize = 200;
/// Products that are written side by side.
const AT_ONCE: usize = 16;

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        import_file: [Conflict, Forbidden, UnsupportedMediaType],
    )
    .with_state(app)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ImportQuery {
    /// Whose products they are: needed by those who act for several businesses. Admins import for the shop itself unless they name
    /// one.
    seller_id: Option<BusinessId>,
    /// Says what would become of the file, and writes nothing.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct ImportView {
    dry_run: bool,
    created: usize,
    updated: usize,
    unchanged: usize,
    refused: usize,
    /// In the order of the file.
    items: Vec<ImportedRow>,
    /// Headings of columns that hold something and are not taken.
    columns_not_taken: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ImportedRow {
    /// Of the product's first row.
    line: u64,
    /// Empty if the row has none.
    handle: String,
    outcome: RowOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<ProductId>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What is taken and may not be meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RowOutcome {
    Created,
    Updated,
    Unchanged,
    Refused,
}

/// Import products from Shopify's CSV, at most 200 and 2 MiB. A product is known by its handle: imported again, it changes only where
/// the file differs, and its stock is taken the first time only. What is refused keeps no others out. Only admins make categories by it.
#[utoipa::path(post, path = "/admin/products.csv", tag = "catalog", operation_id = "importProducts", extensions(("x-body-bytes-max" = json!(FILE_BYTES_MAX))),
    params(ImportQuery), request_body(content = String, content_type = "text/csv"), responses((status = 200, body = ImportView)))]
async fn import_file(request: SignedIn, State(app): State<App>, Query(query): Query<ImportQuery>, body: LargeBody) -> HandlerResult {
    let seller_id = seller_for(&request.actor, query.seller_id)?;
    if !request.actor.manages(seller_id) {
        return Err(ProductError::NotYours.into());
    }
    let bytes = body.read().await?;
    let terms = Terms { dry_run: query.dry_run, makes_categories: request.actor.is_admin() };
    let unreadable = |error: RowError| Problem::field("body", error.to_string());
    let mut file = shopify::parse(Cursor::new(bytes), app.settings.currency).map_err(unreadable)?;
    let products: Vec<Result<ImportedProduct, RowError>> = file.by_ref().take(PRODUCTS_MAX + 1).collect();
    if products.len() > PRODUCTS_MAX {
        return Err(Problem::field("body", format!("holds more than {PRODUCTS_MAX} products; send it in parts")).into());
    }
    let columns_not_taken = file.columns_not_taken().map(str::to_owned).collect();
    let mut items = Vec::with_capacity(products.len());
    for some in products.chunks(AT_ONCE) {
        for row in futures::future::join_all(some.iter().map(|product| import_one(&app, seller_id, product, terms))).await {
            items.push(row?);
        }
    }
    let count = |outcome| items.iter().filter(|item: &&ImportedRow| item.outcome == outcome).count();
    tracing::info!(user = %request.user_id, seller = %seller_id, products = items.len(), terms.dry_run, "a file of products was imported");
    Ok(Reply::ok(&ImportView {
        dry_run: terms.dry_run,
        created: count(RowOutcome::Created),
        updated: count(RowOutcome::Updated),
        unchanged: count(RowOutcome::Unchanged),
        refused: count(RowOutcome::Refused),
        items,
        columns_not_taken,
    }))
}

/// Errors: only those that are not the file's fault.
async fn import_one(
    app: &App,
    seller_id: BusinessId,
    product: &Result<ImportedProduct, RowError>,
    terms: Terms,
) -> Result<ImportedRow, Problem> {
    let refused = |line: u64, handle: &str, reason: String| ImportedRow {
        line,
        handle: handle.to_owned(),
        outcome: RowOutcome::Refused,
        product_id: None,
        reason: Some(reason),
        warnings: Vec::new(),
    };
    let product = match product {
        Ok(product) => product,
        Err(row) => return Ok(refused(row.line, &row.handle, row.reason.clone())),
    };
    match import::import_requested(&app.work, seller_id, product, terms).await {
        Ok(Imported { outcome, product_id, .. }) => Ok(ImportedRow {
            line: product.line,
            handle: product.handle.clone(),
            outcome: outcome.into(),
            product_id: (outcome != Outcome::Created || !terms.dry_run).then_some(product_id),
            reason: None,
            warnings: product.warnings.iter().map(|(line, warning)| format!("line {line}: {warning}")).collect(),
        }),
        Err(problem) if problem.code.status() < 500 => Ok(refused(product.line, &product.handle, problem.detail)),
        Err(problem) => Err(problem),
    }
}

impl From<Outcome> for RowOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Created => Self::Created,
            Outcome::Updated => Self::Updated,
            Outcome::Unchanged => Self::Unchanged,
        }
    }
}
