//! The judged queries, over the real places where they are at hand. `cargo xtask bench search-quality`
//! prints the same for any data and any queries.

#![allow(clippy::unwrap_used)]

mod support;

use tantivy_search::TantivySearch;

#[tokio::test]
async fn the_expected_place_is_among_the_first_three() {
    judge("judged.txt", &support::PLACES).await;
}

/// What nothing was tuned to, with products among the places.
#[tokio::test]
async fn so_it_is_for_queries_that_were_set_apart() {
    let [restaurants, gyms] = support::PLACES;
    let [apparel, garden] = support::PRODUCTS;
    judge("judged-apart.txt", &[restaurants, gyms, apparel, garden]).await;
}

async fn judge(queries: &str, files: &[&str]) {
    let Some(data) = support::shared_data() else {
        println!("skipped: there is no shared data beside this repository");
        return;
    };
    let search = TantivySearch::in_memory().unwrap();
    for file in files {
        support::fill(&search, support::documents(&data.join(file))).await;
    }
    let (asked, hits) = support::judge(&search, &support::read_judged(&support::queries(queries))).await;
    println!("{queries}: {hits} of {asked} queries have an expected place in the top 3");
    assert!(hits * 100 >= asked * 95, "{hits} of {asked}");
}
