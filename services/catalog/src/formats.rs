//! Samples of all that is stored, held against the golden file.

use std::collections::BTreeMap;

use kernel::{BusinessId, CategoryId, Currency, Money, ProductId, Rating, StockState, TaxRate, Timestamp, VariantId};
use ports::reads::DefaultVariant;
use shell::testing::Golden;

use crate::card::Card;
use crate::category::{Category, Holdings};
use crate::product::content::Image;
use crate::product::{Product, ProductStatus, Variant};
use crate::seller::EarlyPictures;
use crate::seller::Seller;
use crate::shelf::{Shelf, VariantStock};
use crate::storage::SlugOwner;

fn plain() -> Product {
    let variant = Variant {
        id: 2.into(),
        sku: "TEA-100".into(),
        options: Vec::new(),
        price: Money::new(1190, Currency::EUR),
        compare_at_price: None,
        tax_rate: None,
        barcode: None,
        grams: 100,
        requires_shipping: true,
        image_url: None,
    };
    Product {
        id: 1.into(),
        seller_id: BusinessId::HOUSE,
        slug: "green-tea".into(),
        title: "Green Tea".into(),
        description: String::new(),
        vendor: String::new(),
        options: Vec::new(),
        variants: vec![variant],
        images: Vec::new(),
        tags: Vec::new(),
        category_path: Vec::new(),
        status: ProductStatus::Draft,
        withheld: false,
        created_at: Timestamp::from_millis(1),
        updated_at: Timestamp::from_millis(2),
        published_at: None,
    }
}

/// With all that may be absent.
fn full() -> Product {
    let variants = plain().variants.into_iter().map(|variant| Variant {
        options: vec!["100 g".into()],
        compare_at_price: Some(Money::new(1390, Currency::EUR)),
        tax_rate: Some(TaxRate(700)),
        barcode: Some("4006381333931".into()),
        image_url: Some("/files/tea-100.jpg".into()),
        ..variant
    });
    let image = |alt: &str| Image { url: "/files/tea.jpg".into(), alt: alt.into() };
    Product {
        description: "<p>From Assam</p>".into(),
        vendor: "Tea & Co".into(),
        options: vec!["Size".into()],
        variants: variants.collect(),
        images: vec![image(""), image("A cup of tea")],
        tags: vec!["Organic".into()],
        category_path: vec![3.into()],
        published_at: Some(Timestamp::from_millis(2)),
        ..plain()
    }
}

fn products() -> Vec<Product> {
    use ProductStatus::{Archived, Draft, Published};
    let in_statuses = [Draft, Published, Archived].map(|status| Product { status, ..full() });
    let withheld = Product { withheld: true, status: Published, ..full() };
    std::iter::once(plain()).chain(in_statuses).chain([withheld]).collect()
}

fn cards() -> [Card; 2] {
    let plain = Card {
        id: 1.into(),
        slug: "green-tea".into(),
        title: "Green Tea".into(),
        seller_id: BusinessId::HOUSE,
        price_from: Money::new(1190, Currency::EUR),
        price_to: Money::new(2290, Currency::EUR),
        compare_at_price: None,
        image_url: None,
        variants: 2,
        default_variant: DefaultVariant { id: 2.into(), price: Money::new(1190, Currency::EUR) },
        stock: StockState::Out,
        rating: Rating::default(),
        category_path: Vec::new(),
    };
    let full = Card {
        compare_at_price: Some(plain.price_to),
        image_url: Some("/files/tea.jpg".into()),
        stock: StockState::Low,
        rating: Rating { sum: 12, count: 3 },
        category_path: vec![3.into()],
        ..plain.clone()
    };
    [plain, full]
}

fn categories() -> [Category; 2] {
    let root = Category { id: 3.into(), slug: "hot-drinks".into(), name: "Hot Drinks".into(), ancestors: Vec::new(), position: 0 };
    let below = Category { ancestors: vec![4.into()], ..root.clone() };
    [root, below]
}

#[test]
fn what_was_stored_once_stays_readable() {
    let stock = |state| (VariantId(2), VariantStock { state, revision: 3 });
    let states = [StockState::InStock, StockState::Low, StockState::Out, StockState::Backorder];
    let shelf = |stock| Shelf { rating: Rating { sum: 12, count: 3 }, rating_sequence: 7, stock, ..Shelf::empty(1.into()) };
    let shelves = states.map(|state| shelf(BTreeMap::from([stock(state)])));
    let sellers = [true, false].map(|published| Seller {
        business_id: 2.into(),
        published,
        name: "Pottery".into(),
        slug: "pottery".into(),
        sequence: 7,
        name_sequence: 5,
    });
    let unnamed = Seller { name: String::new(), slug: String::new(), name_sequence: 0, ..sellers[0].clone() };
    Golden::of(env!("CARGO_MANIFEST_DIR"))
        .record("Product", products())
        .record("Shelf", shelves.into_iter().chain([Shelf::empty(1.into())]))
        .record("Seller", sellers.into_iter().chain([unnamed]))
        .record("EarlyPictures", [EarlyPictures { business_id: 2.into(), count: 2 }])
        .record(
            "SlugOwner",
            [None, Some(Timestamp::from_millis(9))].map(|until| SlugOwner {
                slug: "green-tea".into(),
                id: ProductId(1),
                current: until.is_none(),
                until,
            }),
        )
        .record("Card", cards())
        .record("Category", categories())
        .record("SlugOwner<CategoryId>", [SlugOwner { slug: "hot-drinks".into(), id: CategoryId(3), current: true, until: None }])
        .record("Holdings", [Holdings { category_id: 3.into(), products: 5, children: 1 }])
        .check();
}
