//! The judged queries, over the real places where they are at hand. `cargo xtask bench search-quality`
//! prints the same for any data and any queries.

#![allow(clippy::unwrap_used)]

mod support;

use tantivy_search::TantivySearch;

#[tokio::test]
async fn the_expected_place_is_among_the_first_three() {
    let Some(data) = support::shared_data() else {
        println!("skipped: there is no shared data beside this repository");
        return;
    };
    let search = TantivySearch::in_memory().unwrap();
    for file in ["munich-restaurants.geojson", "munich-gyms.geojson"] {
        support::fill(&search, support::places(&data.join(file))).await;
    }
    let judged = support::read_judged(&support::judged_queries());
    let (asked, hits) = support::judge(&search, &judged).await;
    println!("{hits} of {asked} queries have an expected place in the top 3");
    assert!(hits * 100 >= asked * 95, "{hits} of {asked}");
}
