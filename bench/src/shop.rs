//! What the shop sells, as far as the driver needs to know it: looked up once before the first cell.

use crate::client::{Connection, Failure, get};
use crate::scan;

const PAGES_MAX: usize = 1000;
const CURSORS_MAX: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub product: String,
    pub id: String,
}

#[derive(Debug, Default)]
pub struct Shop {
    pub products: Vec<String>,
    /// Cursors into the list of products, so that lists are not always the first page.
    pub cursors: Vec<String>,
    pub variants: Vec<Variant>,
}

impl Shop {
    /// Pages through all products, and looks into an even sample of them for their variants.
    pub async fn explore(connection: &mut Connection, sample: usize) -> Result<Self, Failure> {
        let mut shop = Self::default();
        let mut path = "/api/v1/products?limit=100".to_owned();
        for _ in 0..PAGES_MAX {
            let request = get(&path);
            let answer = connection.exchange(&request).await?;
            answer.expect(&request, &[200])?;
            shop.products.extend(product_ids(answer.body));
            let Some(cursor) = scan::field(answer.body, "next") else { break };
            if shop.cursors.len() < CURSORS_MAX {
                shop.cursors.push(cursor.to_owned());
            }
            path = format!("/api/v1/products?limit=100&cursor={cursor}");
        }
        if shop.products.is_empty() {
            return Err(Failure::Malformed("the shop lists no products"));
        }
        let step = (shop.products.len() / sample.max(1)).max(1);
        for index in (0..shop.products.len()).step_by(step) {
            let product = shop.products[index].clone();
            let request = get(&format!("/api/v1/products/{product}"));
            let answer = connection.exchange(&request).await?;
            answer.expect(&request, &[200])?;
            let found = variant_ids(answer.body);
            shop.variants.extend(found.into_iter().map(|id| Variant { product: product.clone(), id }));
        }
        if shop.variants.is_empty() {
            return Err(Failure::Malformed("the products have no variants"));
        }
        Ok(shop)
    }
}

/// Identifiers are told apart by their prefix, so that nested objects need no parsing.
fn product_ids(body: &[u8]) -> Vec<String> {
    scan::fields(body, "id").into_iter().filter(|id| id.starts_with("prd_")).map(str::to_owned).collect()
}

fn variant_ids(body: &[u8]) -> Vec<String> {
    scan::fields(body, "id").into_iter().filter(|id| id.starts_with("var_")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_products_from_variants() {
        let body = br#"{"items":[{"id":"prd_1","category":{"id":"cat_1"},"variants":[{"id":"var_1"},{"id":"var_2"}]},{"id":"prd_2"}]}"#;
        assert_eq!(product_ids(body), ["prd_1", "prd_2"]);
        assert_eq!(variant_ids(body), ["var_1", "var_2"]);
    }
}
