//! Making, showing, editing and archiving products.

use contracts::{Event, RatingChanged};
use kernel::{Duration, ProductId, Rating, ReviewTarget, StockState, VariantId};
use ports::reads::CatalogReads as _;
use serde_json::json;
use shell::testing::Harness;

use super::{HOUSE, POTTERY, Shop, eur, potter, simple, text, with};

#[tokio::test]
async fn who_may_make_products() {
    let shop = Shop::open().await;
    let pot = simple("Clay Pot", 999);
    for (actor, body, status) in [
        (Harness::guest(), pot.clone(), 401),
        (Harness::customer(1), pot.clone(), 403),
        (Harness::support(), pot.clone(), 403),
        (potter(), with(pot.clone(), json!({ "seller_id": HOUSE })), 403),
        (potter(), pot.clone(), 201),
        (Harness::admin(), with(pot.clone(), json!({ "seller_id": POTTERY })), 201),
        (Harness::admin(), pot.clone(), 201),
    ] {
        shop.create(&actor, &body).await.expect(status);
    }
    assert_eq!(shop.slugs(&format!("seller_id={POTTERY}")).await.len(), 2);
    assert_eq!(shop.slugs(&format!("seller_id={HOUSE}")).await.len(), 1);
    assert_eq!(shop.event_types().await, ["product.changed"; 3]);
}

#[tokio::test]
async fn a_product_is_found_by_id_and_by_slug() {
    let shop = Shop::open().await;
    let body = json!({
        "title": "Clay Plant Pot", "description": "<p>Fine<script>x</script></p>", "vendor": "Acme", "status": "published",
        "options": ["Size", "Colour"], "tags": ["Pot", "Plants"], "images": [{ "url": "https://example.com/pot.jpg", "alt": "A pot" }],
        "variants": [
            { "options": ["Regular", "Red"], "price": eur(999), "compare_at_price": eur(1299), "sku": "POT-R", "grams": 800 },
            { "options": ["Large", "Red"], "price": eur(1599), "tax_rate": 700, "barcode": "4006381333931" },
        ],
    });
    let made = shop.create(&Harness::admin(), &body).await.expect(201);
    let id = text(&made.json["id"]);
    assert_eq!(made.headers["location"], format!("/api/v1/products/{id}"));
    assert_eq!(made.headers["etag"], "\"v1\"");
    for reference in [id.as_str(), "clay-plant-pot"] {
        let got = shop.world.get(&format!("/api/v1/products/{reference}")).send().await.expect(200);
        let machine = got.json["json_ld"].clone();
        let seller = json!({ "id": HOUSE, "name": "Tea & Pots" });
        let beside = json!({ "json_ld": machine, "seller": seller, "stock": "out", "categories": [] });
        assert_eq!(got.json, with(made.json.clone(), beside));
        assert_eq!(got.headers["cache-control"], "public, max-age=10");
        let own = shop.world.get(&format!("/api/v1/products/{reference}")).as_actor(&Harness::admin()).send().await.expect(200);
        assert_eq!((own.headers["etag"].as_str(), &own.json), ("\"v1\"", &got.json));
        assert_eq!(got.json["description"], "<p>Fine</p>");
        assert_eq!(
            got.json["options"],
            json!([{ "name": "Size", "values": ["Regular", "Large"] }, { "name": "Colour", "values": ["Red"] }])
        );
        assert_eq!(got.json["variants"][0]["tax_rate"], 1900);
        assert_eq!(got.json["variants"][1]["sku"], "CLAY-PLANT-POT-LARGE-RED");
        assert_eq!(got.json["variants"][1]["tax_rate"], 700);
    }
    let etag = shop.world.get(&format!("/api/v1/products/{id}")).send().await.expect(200).headers["etag"].clone();
    let fresh = shop.world.get(&format!("/api/v1/products/{id}")).header("If-None-Match", &etag).send().await;
    assert_eq!((fresh.status, fresh.text.as_str()), (304, ""));
    for reference in ["no-such-pot", "Not A Slug", &ProductId(5).to_string()] {
        shop.world.get(&format!("/api/v1/products/{}", reference.replace(' ', "%20"))).send().await.expect(404);
    }
    let card = &shop.world.get("/api/v1/products").send().await.expect(200).json["items"][0];
    let expect = json!({
        "id": id, "slug": "clay-plant-pot", "title": "Clay Plant Pot", "seller_id": HOUSE, "price_from": eur(999), "price_to": eur(1599),
        "compare_at_price": eur(1299), "image_url": "https://example.com/pot.jpg", "variants": 2,
        "seller": { "id": HOUSE, "name": "Tea & Pots" }, "stock": "out",
        "default_variant": { "id": made.json["variants"][0]["id"], "price": eur(999) }, "categories": [],
    });
    assert_eq!(card, &expect);
}

#[tokio::test]
async fn machines_read_products_too() {
    let shop = Shop::open().await;
    let body = json!({
        "title": "Clay Pot", "description": "<p>Fine &amp; round</p>", "vendor": "Acme", "status": "published", "options": ["Size"],
        "tags": ["Pot"], "images": [{ "url": "/files/0123456789abcdef0123456789abcdef.png", "alt": "" }],
        "variants": [
            { "options": ["S"], "price": eur(999), "barcode": "4006381333931" }, { "options": ["M"], "price": eur(5) },
            { "options": ["L"], "price": eur(100_000), "barcode": "shelf 7" },
        ],
    });
    let made = shop.create(&potter(), &body).await.expect(201);
    let id: ProductId = text(&made.json["id"]).parse().unwrap();
    let variant = |n: usize| text(&made.json["variants"][n]["id"]).parse::<VariantId>().unwrap();
    let page = async |etag: &str| shop.world.get("/api/v1/products/clay-pot").header("If-None-Match", etag).send().await;
    let before = page("none").await.expect(200);
    assert!(before.json["json_ld"].get("aggregateRating").is_none(), "{}", before.text);
    assert_eq!(page(&before.headers["etag"]).await.status, 304);

    for (place, state) in [(0, StockState::Low), (1, StockState::Backorder), (2, StockState::Out)] {
        shop.stocks(id, variant(place), state, 1).await;
    }
    let rated = |sum, count| RatingChanged { target: ReviewTarget::Product(id), rating: Rating { sum, count } };
    let early = shop.world.publish(rated(5, 1)).await;
    let late = shop.world.publish(rated(14, 3)).await;
    shop.world.publish(RatingChanged { target: ReviewTarget::Business(HOUSE), rating: Rating { sum: 1, count: 1 } }).await;
    shop.world.deliver("catalog", &late).await.unwrap();
    let stored = shop.world.stored(&catalog::TABLE);
    shop.world.deliver("catalog", &early).await.unwrap();
    shop.world.settle().await;
    assert_eq!(shop.world.stored(&catalog::TABLE), stored, "an event that comes late or twice changes nothing");
    assert_eq!(page(&before.headers["etag"]).await.status, 304, "asked for again after a second");
    shop.world.advance(Duration::from_secs(1));
    let after = page(&before.headers["etag"]).await.expect(200);
    let offer = |name: &str, sku: &str, price: &str, availability: &str| {
        json!({
            "@type": "Offer", "url": "https://shop.example/products/clay-pot", "name": name, "sku": sku, "price": price,
            "priceCurrency": "EUR", "availability": format!("https://schema.org/{availability}"),
        })
    };
    let expect = json!({
        "@context": "https://schema.org", "@type": "Product", "@id": "https://shop.example/products/clay-pot",
        "url": "https://shop.example/products/clay-pot", "name": "Clay Pot", "description": "Fine & round",
        "brand": { "@type": "Brand", "name": "Acme" }, "keywords": made.json["tags"][0],
        "image": ["https://shop.example/files/0123456789abcdef0123456789abcdef.png"],
        "offers": [
            with(offer("Clay Pot, S", "CLAY-POT-S", "9.99", "LimitedAvailability"), json!({ "gtin": "4006381333931" })),
            offer("Clay Pot, M", "CLAY-POT-M", "0.05", "BackOrder"),
            offer("Clay Pot, L", "CLAY-POT-L", "1000.00", "OutOfStock"),
        ],
        "aggregateRating": { "@type": "AggregateRating", "ratingValue": 4.67, "reviewCount": 3, "bestRating": 5, "worstRating": 1 },
    });
    assert_eq!(after.json["json_ld"], expect);

    let draft = shop.create(&potter(), &with(simple("Draft", 1), json!({ "status": "draft" }))).await.expect(201);
    let own = shop.world.get(&format!("/api/v1/products/{}", text(&draft.json["id"]))).as_actor(&potter()).send().await.expect(200);
    assert!(own.json.get("json_ld").is_none());

    let index = shop.world.get("/sitemap-products.xml").send().await.expect(200);
    assert!(index.text.contains("<loc>https://shop.example/sitemaps/products/first.xml</loc>"), "{}", index.text);
    let file = shop.world.get("/sitemaps/products/first.xml").send().await.expect(200);
    assert_eq!(file.text.matches("<loc>").count(), 1, "drafts are not listed");
    assert!(file.text.contains("<loc>https://shop.example/products/clay-pot</loc>"), "{}", file.text);
}

#[tokio::test]
async fn bad_products_are_refused_with_the_field() {
    let shop = Shop::open().await;
    let pot = simple("Clay Pot", 999);
    for (changes, status, field) in [
        (json!({ "title": " " }), 422, "title"),
        (json!({ "slug": "Clay Pot" }), 422, "slug"),
        (json!({ "variants": [] }), 422, "variants"),
        (json!({ "variants": [{ "price": { "amount": 999, "currency": "USD" } }] }), 422, "variants[0].price"),
        (json!({ "variants": [{ "price": eur(-1) }] }), 422, "variants[0].price"),
        (json!({ "variants": [{ "price": eur(1), "id": VariantId(3) }] }), 422, "variants[0].id"),
        (json!({ "category_id": kernel::CategoryId(9) }), 422, "category_id"),
        (json!({ "surprise": 1 }), 422, "surprise"),
        (json!({ "images": [{ "url": "javascript:alert(1)" }] }), 422, "images[0].url"),
    ] {
        let got = shop.create(&Harness::admin(), &with(pot.clone(), changes)).await.expect(status);
        assert_eq!(got.json["errors"][0]["field"], field, "{}", got.text);
    }
    assert!(shop.events().await.is_empty());
}

#[tokio::test]
async fn slugs_belong_to_one_product() {
    let shop = Shop::open().await;
    let admin = Harness::admin();
    let first = shop.create(&admin, &simple("Clay Pot", 999)).await.expect(201);
    let second = shop.create(&admin, &simple("Clay Pot", 999)).await.expect(201);
    let slug = text(&second.json["slug"]);
    assert!(slug.starts_with("clay-pot-") && slug.len() == 17, "{slug}");
    let taken = shop.create(&admin, &with(simple("Other", 1), json!({ "slug": "clay-pot" }))).await.expect(409);
    assert_eq!(taken.code(), "already-exists");

    // The first one is renamed; its old slug leads to it for a year, and nobody else gets it meanwhile.
    let id = text(&first.json["id"]);
    let renamed = with(simple("Clay Pot", 999), json!({ "slug": "old-pot" }));
    shop.world.put(&format!("/api/v1/products/{id}"), &renamed).as_actor(&admin).header("If-Match", "\"v1\"").send().await.expect(200);
    let got = shop.world.get("/api/v1/products/clay-pot").send().await.expect(200);
    assert_eq!((&got.json["id"], &got.json["slug"]), (&first.json["id"], &json!("old-pot")));
    let other = with(simple("Third", 1), json!({ "slug": "clay-pot" }));
    assert_eq!(shop.create(&admin, &other).await.expect(409).code(), "already-exists");
    let beside = shop.create(&admin, &simple("Clay Pot", 999)).await.expect(201);
    assert!(text(&beside.json["slug"]).starts_with("clay-pot-"));
    shop.world.advance(Duration::from_secs(365 * 24 * 3600 + 1));
    let third = shop.create(&admin, &other).await.expect(201);
    let got = shop.world.get("/api/v1/products/clay-pot").send().await.expect(200);
    assert_eq!(got.json["id"], third.json["id"]);
    // Back to a slug of its own.
    let again = with(simple("Clay Pot", 999), json!({ "slug": "old-pot" }));
    shop.world.put(&format!("/api/v1/products/{id}"), &again).as_actor(&admin).header("If-Match", "\"v2\"").send().await.expect(200);
}

#[tokio::test]
async fn edits_are_guarded_by_the_version() {
    let shop = Shop::open().await;
    let made = shop.create(&potter(), &simple("Clay Pot", 999)).await.expect(201);
    let path = format!("/api/v1/products/{}", text(&made.json["id"]));
    let dearer = simple("Clay Pot", 1299);
    let put = |actor| shop.world.put(&path, &dearer).as_actor(&actor);
    put(Harness::guest()).header("If-Match", "\"v1\"").send().await.expect(401);
    put(Harness::customer(1)).header("If-Match", "\"v1\"").send().await.expect(403);
    put(Harness::business(2, HOUSE)).header("If-Match", "\"v1\"").send().await.expect(403);
    put(potter()).send().await.expect(428);
    put(potter()).header("If-Match", "\"v7\"").send().await.expect(412);
    let edited = put(potter()).header("If-Match", "\"v1\"").send().await.expect(200);
    assert_eq!((edited.headers["etag"].as_str(), &edited.json["variants"][0]["price"]), ("\"v2\"", &eur(1299)));
    assert_eq!(edited.json["variants"][0]["id"], made.json["variants"][0]["id"]);
    // The same again is no change: neither a version nor an event.
    let same = put(Harness::admin()).header("If-Match", "\"v2\"").send().await.expect(200);
    assert_eq!(same.headers["etag"], "\"v2\"");
    assert_eq!(shop.event_types().await, ["product.changed"; 2]);
    let moved = with(dearer.clone(), json!({ "seller_id": HOUSE }));
    shop.world.put(&path, &moved).as_actor(&Harness::admin()).header("If-Match", "\"v2\"").send().await.expect(422);
}

#[tokio::test]
async fn drafts_and_archived_products_are_not_for_sale() {
    let shop = Shop::open().await;
    let draft = with(simple("Clay Pot", 999), json!({ "status": "draft", "tags": ["Pot"] }));
    let made = shop.create(&potter(), &draft).await.expect(201);
    let (id, variant) = (text(&made.json["id"]), text(&made.json["variants"][0]["id"]));
    let (path, ids) = (format!("/api/v1/products/{id}"), [(id.parse().unwrap(), variant.parse().unwrap())]);
    let for_sale = async || shop.reads.offers(&ids).await.unwrap()[0].as_ref().unwrap().for_sale;
    let status = |to: &str| shop.world.post(&format!("{path}/status"), &json!({ "status": to }));

    shop.world.get(&path).send().await.expect(404);
    shop.world.get(&path).as_actor(&Harness::business(2, HOUSE)).send().await.expect(404);
    let own = shop.world.get(&path).as_actor(&potter()).send().await.expect(200);
    assert_eq!(own.headers["cache-control"], "private, no-cache");
    shop.world.get(&path).as_actor(&Harness::support()).send().await.expect(200);
    assert!(shop.slugs("").await.is_empty() && !for_sale().await);

    status("published").send().await.expect(401);
    status("published").as_actor(&Harness::customer(1)).send().await.expect(403);
    status("published").as_actor(&potter()).header("If-Match", "\"v9\"").send().await.expect(412);
    status("published").as_actor(&potter()).header("If-Match", "\"v1\"").send().await.expect(200);
    assert_eq!((shop.slugs("").await, shop.slugs("tag=pOT").await), (vec!["clay-pot".to_owned()], vec!["clay-pot".to_owned()]));
    assert!(for_sale().await);

    shop.world.delete(&path).send().await.expect(401);
    shop.world.delete(&path).as_actor(&Harness::customer(1)).send().await.expect(403);
    shop.world.delete(&path).as_actor(&potter()).send().await.expect(204);
    shop.world.delete(&path).as_actor(&potter()).send().await.expect(204);
    shop.world.get(&path).send().await.expect(404);
    assert!(shop.slugs("").await.is_empty() && shop.slugs("tag=pot").await.is_empty() && !for_sale().await);
    let put = shop.world.put(&path, &simple("X", 1)).as_actor(&potter()).header("If-Match", "\"v3\"").send().await;
    assert_eq!(put.expect(409).code(), "illegal-transition");
    let refused = status("published").as_actor(&potter()).send().await.expect(409);
    assert_eq!(refused.code(), "illegal-transition");
    status("draft").as_actor(&potter()).send().await.expect(200);
    let types = shop.event_types().await;
    assert_eq!(types, ["product.changed", "product.changed", "product.archived", "product.changed"]);

    let list = |actor, query: &str| shop.world.get(&format!("/api/v1/admin/products{query}")).as_actor(&actor);
    list(Harness::guest(), "").send().await.expect(401);
    list(Harness::customer(1), "").send().await.expect(403);
    for (actor, query, count) in [
        (Harness::admin(), "", 1),
        (Harness::support(), "?status=draft", 1),
        (Harness::admin(), "?status=archived", 0),
        (potter(), "", 1),
        (potter(), "?status=draft", 1),
        (potter(), "?status=published", 0),
        (Harness::business(2, HOUSE), "", 0),
    ] {
        let got = list(actor, query).send().await.expect(200);
        assert_eq!(got.json["items"].as_array().unwrap().len(), count, "{query}");
    }
    list(potter(), &format!("?seller_id={HOUSE}")).send().await.expect(403);
}

#[tokio::test]
async fn offers_are_what_a_cart_needs() {
    let shop = Shop::open().await;
    let body = json!({
        "title": "Mint tea", "status": "published", "options": ["Size"], "images": [{ "url": "https://example.com/tea.jpg" }],
        "variants": [{ "options": ["100 g"], "price": eur(450), "tax_rate": 700 }, { "options": ["250 g"], "price": eur(990), "requires_shipping": false }],
    });
    let made = shop.create(&potter(), &body).await.expect(201);
    let product: ProductId = text(&made.json["id"]).parse().unwrap();
    let variants = [0, 1].map(|place: usize| text(&made.json["variants"][place]["id"]).parse::<VariantId>().unwrap());
    let missing = [(product, VariantId(1)), (ProductId(1), variants[0])];
    let offers = shop.reads.offers(&[(product, variants[1]), missing[0], (product, variants[0]), missing[1]]).await.unwrap();
    assert!(offers[1].is_none() && offers[3].is_none());
    let (large, small) = (offers[0].as_ref().unwrap(), offers[2].as_ref().unwrap());
    assert_eq!((large.title.as_str(), large.unit_price.amount, large.tax_rate.0), ("Mint tea, 250 g", 990, 1900));
    assert_eq!((small.title.as_str(), small.unit_price.amount, small.tax_rate.0), ("Mint tea, 100 g", 450, 700));
    assert_eq!((small.seller_id, small.sku.as_str(), small.requires_shipping), (POTTERY, "MINT-TEA-100-G", true));
    assert_eq!(small.image_url.as_deref(), Some("https://example.com/tea.jpg"));
    assert!(!large.requires_shipping && large.for_sale);
    assert!(shop.reads.offers(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn listings_are_sorted_paged_and_filtered() {
    let shop = Shop::open().await;
    let admin = Harness::admin();
    for (title, amount, tag) in [("a", 500, "x"), ("b", 50, "x"), ("c", 10_000, "y"), ("d", 500, "y"), ("e", 0, "x")] {
        shop.create(&admin, &with(simple(title, amount), json!({ "tags": [tag] }))).await.expect(201);
        shop.world.advance(Duration::from_secs(1));
    }
    for (query, expect) in [
        ("", "e d c b a"),
        ("sort=newest&limit=2", "e d c b a"),
        ("sort=price&limit=1", "e b a d c"),
        ("sort=-price&limit=2", "c d a b e"),
        ("tag=x", "e b a"),
        ("tag=x&sort=price", "e b a"),
        ("price_min=50&price_max=500", "b a d"),
        ("price_min=51", "a d c"),
        ("price_max=50&sort=-price", "b e"),
        ("tag=y&price_min=600", "c"),
        ("tag=none", ""),
    ] {
        assert_eq!(shop.slugs(query).await.join(" "), expect, "{query}");
    }
    for (query, status) in [
        ("sort=cheap", 400),
        ("limit=0", 422),
        ("limit=101", 422),
        ("price_min=-1", 422),
        ("price_min=5&price_max=4", 422),
        ("price_min=5&sort=newest", 422),
        ("cursor=nonsense", 400),
        ("category=no-such", 404),
        (&format!("tag=x&seller_id={HOUSE}"), 422),
        ("unknown=1", 400),
    ] {
        shop.world.get(&format!("/api/v1/products?{query}")).send().await.expect(status);
    }
    let page = shop.world.get("/api/v1/products?limit=2").send().await.expect(200);
    let again = shop.world.get("/api/v1/products?limit=2").header("If-None-Match", &page.headers["etag"]).send().await;
    assert_eq!(again.status, 304);
    shop.create(&admin, &simple("f", 1)).await.expect(201);
    shop.world.get("/api/v1/products?limit=2").header("If-None-Match", &page.headers["etag"]).send().await.expect(200);
}

#[tokio::test]
async fn the_widest_edit_fits_one_commit() {
    let shop = Shop::open().await;
    let admin = Harness::admin();
    let mut path = Vec::new();
    for tree in ["left", "right"] {
        let mut parent = None;
        for level in 0..4 {
            parent = Some(shop.category(&json!({ "name": format!("{tree} {level}"), "parent_id": parent })).await);
        }
        path.push(parent.unwrap());
    }
    let body = |side: usize| {
        let tags: Vec<String> = (0..20).map(|n| format!("{side}-{n}")).collect();
        let variants: Vec<_> = (0..100).map(|n| json!({ "options": [format!("{n}")], "price": eur(100 + n) })).collect();
        json!({ "title": "Wide", "slug": format!("wide-{side}"), "status": "published", "options": ["N"], "category_id": path[side], "tags": tags, "variants": variants })
    };
    let made = shop.create(&admin, &body(0)).await.expect(201);
    let put = format!("/api/v1/products/{}", text(&made.json["id"]));
    shop.world.put(&put, &body(1)).as_actor(&admin).header("If-Match", "\"v1\"").send().await.expect(200);
    for (query, expect) in [
        ("tag=0-7", 0),
        ("tag=1-7", 1),
        ("category=left-0", 0),
        ("category=right-0", 1),
        ("category=right-3", 1),
        ("", 1),
        ("sort=price", 1),
    ] {
        assert_eq!(shop.slugs(query).await.len(), expect, "{query}");
    }
}

#[tokio::test]
async fn a_repeated_request_makes_one_product() {
    let shop = Shop::open().await;
    let ask = || shop.world.post("/api/v1/products", &simple("Clay Pot", 999)).as_actor(&potter()).header("Idempotency-Key", "once");
    let first = ask().send().await.expect(201);
    let second = ask().send().await.expect(201);
    assert_eq!(first.json, second.json);
    let events = shop.events().await;
    assert_eq!(events.len(), 1);
    let Event::ProductChanged(event) = &events[0].event else { panic!("{events:?}") };
    assert_eq!((event.product_id.to_string(), event.published, event.seller_id), (text(&first.json["id"]), true, POTTERY));
}

#[tokio::test]
async fn nothing_on_a_page_ends_a_script_element() {
    let shop = Shop::open().await;
    let made = shop.create(&Harness::admin(), &simple("Pot </script>", 999)).await.expect(201);
    let page = shop.world.get(&format!("/api/v1/products/{}", text(&made.json["id"]))).send().await.expect(200);
    assert!(!page.text.contains('<'), "{}", page.text);
    assert_eq!(page.json["json_ld"]["name"], "Pot </script>");
}
