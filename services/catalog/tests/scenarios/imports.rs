//! Product files: in, in again, and out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use catalog::{Imported, Outcome, import_product, parse};
use kernel::Currency;
use serde_json::{Value, json};
use shell::testing::Harness;

use super::{HOUSE, POTTERY, Shop, eur, potter, simple, text, with};

async fn import(shop: &Shop, file: &[u8]) -> Vec<Imported> {
    let mut all = Vec::new();
    for product in parse(file, Currency::EUR).unwrap_or_else(|error| panic!("{error}")) {
        let product = product.unwrap_or_else(|error| panic!("{error}"));
        all.push(import_product(&shop.work, HOUSE, &product).await.unwrap_or_else(|problem| panic!("line {}: {problem}", product.line)));
    }
    all
}

fn outcomes(imported: &[Imported]) -> Vec<Outcome> {
    imported.iter().map(|one| one.outcome).collect()
}

/// Everything that clients can see, without the times.
async fn visible(shop: &Shop) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for slug in shop.slugs("limit=100").await {
        let mut product = shop.world.get(&format!("/api/v1/products/{slug}")).send().await.expect(200).json;
        product.as_object_mut().unwrap().retain(|name, _| !name.ends_with("_at"));
        all.insert(slug, product);
    }
    all
}

/// The file's rows by handle, read with nothing but the csv crate.
fn rows(file: &[u8]) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    let mut products: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for row in csv::Reader::from_reader(file).deserialize() {
        let row: BTreeMap<String, String> = row.unwrap();
        products.entry(row["Handle"].clone()).or_default().push(row);
    }
    products
}

fn minor_units(decimal: &str) -> i64 {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    format!("{whole}{fraction:0<2}").parse().unwrap()
}

async fn check_file(path: &Path) {
    let file = std::fs::read(path).unwrap();
    let shop = Shop::open().await;
    let imported = import(&shop, &file).await;
    let expected = rows(&file);
    assert_eq!(imported.len(), expected.len());
    assert!(imported.iter().all(|one| one.outcome == Outcome::Created));
    let seen = visible(&shop).await;
    assert_eq!(seen.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for one in &imported {
        let product = seen.values().find(|product| product["id"] == json!(one.product_id)).unwrap();
        let rows = &expected[product["slug"].as_str().unwrap()];
        check_product(product, one, rows);
    }
    let events = shop.events().await.len();
    let again = import(&shop, &file).await;
    assert!(again.iter().all(|one| one.outcome == Outcome::Unchanged));
    assert_eq!(again.iter().map(|one| &one.variants).collect::<Vec<_>>(), imported.iter().map(|one| &one.variants).collect::<Vec<_>>());
    assert_eq!((visible(&shop).await, shop.events().await.len()), (seen, events), "a second import changes nothing");
}

fn check_product(product: &Value, imported: &Imported, rows: &[BTreeMap<String, String>]) {
    let first = &rows[0];
    assert_eq!(product["title"], first["Title"].trim());
    assert_eq!(product["vendor"], first["Vendor"]);
    let tags: Vec<&str> = first["Tags"].split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
    assert_eq!(product["tags"], json!(tags));
    let images: Vec<&String> = rows.iter().map(|row| &row["Image Src"]).filter(|url| !url.is_empty()).collect();
    assert_eq!(product["images"].as_array().unwrap().iter().map(|image| &image["url"]).collect::<Vec<_>>(), images);
    assert_eq!(product["variants"].as_array().unwrap().len(), rows.len());
    for (place, row) in rows.iter().enumerate() {
        let variant = &product["variants"][place];
        let options = if row["Option1 Value"] == "Default Title" { json!([]) } else { json!([row["Option1 Value"]]) };
        assert_eq!(variant["options"], options);
        assert_eq!(variant["price"]["amount"], minor_units(&row["Variant Price"]));
        let compare_at = &row["Variant Compare At Price"];
        assert_eq!(variant["compare_at_price"]["amount"].as_i64(), (!compare_at.is_empty()).then(|| minor_units(compare_at)));
        let stock = &imported.variants[place];
        assert_eq!(json!(stock.variant_id), variant["id"]);
        assert_eq!(json!(stock.sku), variant["sku"]);
        assert_eq!(stock.quantity, Some(row["Variant Inventory Qty"].parse().unwrap()));
        assert_eq!(stock.backorder, row["Variant Inventory Policy"] == "continue");
    }
}

#[tokio::test]
async fn real_exports_arrive_whole_and_once() {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    for name in ["shopify-apparel.csv", "shopify-home-and-garden.csv"] {
        let path = data.join(name);
        if path.exists() {
            check_file(&path).await;
        } else {
            println!("skipped: there is no {name} beside this project");
        }
    }
}

#[tokio::test]
async fn the_demo_shop_arrives_whole_and_once() {
    let file = std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../apps/souk/demo/products.csv")).unwrap();
    let shop = Shop::open().await;
    let imported = import(&shop, &file).await;
    assert!(imported.len() >= 50, "{} products", imported.len());
    assert_eq!(visible(&shop).await.len(), imported.len(), "all are for sale");
    let stock: Vec<Option<i64>> = imported.iter().flat_map(|one| &one.variants).map(|variant| variant.quantity).collect();
    assert!(stock.iter().all(Option::is_some) && stock.contains(&Some(0)));
    let again = import(&shop, &file).await;
    assert!(again.iter().all(|one| one.outcome == Outcome::Unchanged));
}

const FILE: &str = "Handle,Title,Type,Option1 Name,Option1 Value,Variant Price,Variant Inventory Qty,Status
pot,Pot,Garden Ware,Size,S,9.99,3,active
pot,,,,L,15.99,0,
mug,Mug,Garden Ware,,,5,,active
";

#[tokio::test]
async fn a_changed_file_changes_what_differs() {
    let shop = Shop::open().await;
    let first = import(&shop, FILE.as_bytes()).await;
    assert_eq!(outcomes(&first), [Outcome::Created; 2]);
    assert_eq!(first[0].variants.iter().map(|variant| variant.title.as_str()).collect::<Vec<_>>(), ["Pot, S", "Pot, L"]);
    assert_eq!(shop.slugs("category=garden-ware").await.len(), 2);
    let second = import(&shop, FILE.replace("15.99", "16.99").as_bytes()).await;
    assert_eq!(outcomes(&second), [Outcome::Updated, Outcome::Unchanged]);
    assert_eq!(second[0].variants, first[0].variants);
    let third = import(&shop, FILE.replace("active", "archived").as_bytes()).await;
    assert_eq!(outcomes(&third), [Outcome::Updated; 2]);
    assert!(shop.slugs("").await.is_empty());
    assert_eq!(outcomes(&import(&shop, FILE.as_bytes()).await), [Outcome::Updated; 2]);
    assert_eq!(shop.slugs("sort=price").await, ["mug", "pot"]);
}

#[tokio::test]
async fn a_renamed_category_is_found_again() {
    let shop = Shop::open().await;
    import(&shop, FILE.as_bytes()).await;
    let list = shop.world.get("/api/v1/categories").send().await.expect(200);
    let id = text(&list.json["items"][0]["id"]);
    let path = format!("/api/v1/categories/{id}");
    let renamed = json!({ "name": "Pots & mugs", "slug": "pots-mugs" });
    shop.world.put(&path, &renamed).as_actor(&Harness::admin()).header("If-Match", "\"v1\"").send().await.expect(200);
    assert_eq!(outcomes(&import(&shop, FILE.as_bytes()).await), [Outcome::Unchanged; 2]);
    let list = shop.world.get("/api/v1/categories").send().await.expect(200);
    let names: Vec<_> = list.json["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect();
    assert_eq!(names, ["Pots & mugs"]);

    // A file that was exported since has the new name, which is another slug.
    let again = json!({ "name": "Pots, mugs & bowls" });
    shop.world.put(&path, &again).as_actor(&Harness::admin()).header("If-Match", "\"v2\"").send().await.expect(200);
    let out = shop.world.get("/api/v1/admin/products.csv").as_actor(&Harness::admin()).send().await.expect(200);
    assert!(out.text.contains("\"Pots, mugs & bowls\""), "{}", out.text);
    for _ in 0..2 {
        assert_eq!(outcomes(&import(&shop, &out.bytes).await), [Outcome::Unchanged; 2]);
    }
    let list = shop.world.get("/api/v1/categories").send().await.expect(200);
    assert_eq!(list.json["items"].as_array().unwrap().len(), 1, "{}", list.text);

    // A category that is gone is made again, also where its former slug had led to it.
    for slug in ["pot", "mug"] {
        let product = shop.world.get(&format!("/api/v1/products/{slug}")).send().await.expect(200);
        let path = format!("/api/v1/products/{}", text(&product.json["id"]));
        shop.world.delete(&path).as_actor(&Harness::admin()).send().await.expect(204);
    }
    shop.world.delete(&path).as_actor(&Harness::admin()).send().await.expect(204);
    assert_eq!(outcomes(&import(&shop, FILE.as_bytes()).await), [Outcome::Updated; 2]);
    assert_eq!(shop.slugs("category=garden-ware").await.len(), 2);
}

#[tokio::test]
async fn sellers_do_not_disturb_one_another() {
    let shop = Shop::open().await;
    shop.create(&potter(), &super::simple("Pot", 1)).await.expect(201);
    let category = shop.category(&json!({ "name": "Garden ware", "slug": "garden-ware" })).await;
    let imported = import(&shop, FILE.as_bytes()).await;
    let id = imported[0].product_id;
    let got = shop.world.get(&format!("/api/v1/products/{id}")).send().await.expect(200);
    assert!(text(&got.json["slug"]).starts_with("pot-"), "the slug of another one is not taken");
    assert_eq!(got.json["category_id"], json!(category), "a category with the slug is used");
    for product in parse(FILE.as_bytes(), Currency::EUR).unwrap() {
        let product = product.unwrap();
        let other = import_product(&shop.work, POTTERY, &product).await.unwrap();
        // Its own pot is known by its slug.
        let expect = if product.handle == "pot" { Outcome::Updated } else { Outcome::Created };
        assert_eq!(other.outcome, expect, "{}", product.handle);
    }
    assert_eq!(outcomes(&import(&shop, FILE.as_bytes()).await), [Outcome::Unchanged; 2]);
}

#[tokio::test]
async fn imports_side_by_side_make_one_of_each() {
    let shop = Shop::open().await;
    let products: Vec<_> = parse(FILE.as_bytes(), Currency::EUR).unwrap().map(Result::unwrap).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for product in products.iter().cycle().take(16) {
        let (work, product) = (shop.work.clone(), product.clone());
        tasks.spawn(async move { import_product(&work, HOUSE, &product).await.unwrap().outcome });
    }
    let done = tasks.join_all().await;
    assert_eq!(done.iter().filter(|outcome| **outcome == Outcome::Created).count(), 2, "{done:?}");
    assert_eq!(shop.event_types().await, ["product_category.changed", "product.changed", "product.changed"]);
    assert_eq!(shop.world.get("/api/v1/categories").send().await.expect(200).json["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_exported_can_be_imported() {
    let shop = Shop::open().await;
    import(&shop, FILE.as_bytes()).await;
    let body = json!({
        "title": "Fine, \"rare\" tea", "description": "<p>Line one\nline two</p>", "vendor": "Acme", "status": "published",
        "tags": ["Tea", "Rare"], "options": ["Size", "Leaf"],
        "images": [{ "url": "https://example.com/1.jpg", "alt": "One" }, { "url": "https://example.com/2.jpg" }, { "url": "https://example.com/3.jpg" }],
        "variants": [
            { "options": ["S", "Whole"], "price": super::eur(1999), "compare_at_price": super::eur(2500), "barcode": "400", "grams": 70, "tax_rate": 0 },
            { "options": ["L", "Whole"], "price": super::eur(5), "requires_shipping": false, "image_url": "https://example.com/2.jpg" },
        ],
    });
    shop.create(&Harness::admin(), &body).await.expect(201);
    let get = |actor| shop.world.get("/api/v1/admin/products.csv").as_actor(&actor);
    get(Harness::guest()).send().await.expect(401);
    get(Harness::customer(1)).send().await.expect(403);
    let out = get(Harness::admin()).send().await.expect(200);
    assert_eq!(out.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(get(potter()).send().await.expect(200).text.lines().count(), 1, "another seller's file is empty");

    let copy = Shop::open().await;
    import(&copy, &out.bytes).await;
    let without_ids = |mut products: BTreeMap<String, Value>| {
        for product in products.values_mut() {
            product["id"].take();
            product["category_id"].take();
            product["category_path"].take();
            product["categories"].take();
            product["json_ld"].take();
            product["variants"].as_array_mut().unwrap().iter_mut().for_each(|variant| drop(variant["id"].take()));
        }
        products
    };
    assert_eq!(without_ids(visible(&copy).await), without_ids(visible(&shop).await));
    assert_eq!(copy.slugs("category=garden-ware").await.len(), 2);
}

#[tokio::test]
async fn a_file_that_went_out_brings_stock_and_order_back() {
    let shop = Shop::open().await;
    let mut expected = Vec::new();
    for (handle, title) in [("first", "=1+1"), ("second", "+49|' /C calc'!A0"), ("third", "'tis tea")] {
        let file = format!("Handle,Title,Variant Price\n{handle},{title},1\n");
        let imported = import(&shop, file.as_bytes()).await;
        shop.world.advance(kernel::Duration::from_secs(1));
        let (available, backorder) = (expected.len() as i64, handle == "second");
        shop.beside.stock.lock().unwrap().insert(imported[0].variants[0].variant_id, (available, backorder));
        expected.push((title.to_owned(), Some(available), backorder));
    }
    let out = shop.world.get("/api/v1/admin/products.csv").as_actor(&Harness::admin()).send().await.expect(200);
    for cell in
        csv::Reader::from_reader(&out.bytes[..]).records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
    {
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
    }
    assert!(out.text.contains("shopify,1,continue,1.00"), "{}", out.text);
    let copy = import(&Shop::open().await, &out.bytes).await;
    let seen: Vec<_> =
        copy.iter().flat_map(|one| &one.variants).map(|variant| (variant.title.clone(), variant.quantity, variant.backorder)).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn sellers_bring_a_file_look_at_it_first_and_get_an_answer_for_each_product() {
    let shop = Shop::open().await;
    shop.category(&json!({ "name": "Pots" })).await;
    let made = with(simple("Jug", 1500), json!({ "variants": [{ "price": eur(1500), "tax_rate": 700, "sku": "JUG" }] }));
    shop.create(&potter(), &made).await.expect(201);
    let file = |price: &str| {
        format!(
            "Handle,Title,Type,Variant SKU,Variant Price,Variant Inventory Qty,Variant Inventory Policy,SEO Title,Status\n\
             jug,Jug,,JUG,15.00,,,,active\n\
             pot,Pot,Pots,POT,{price},7,deny,Best pot,active\n\
             bad,Bad,,,cheap,,,,active\n\
             lamp,Lamp,Lamps,,9.00,,,,active\n"
        )
    };
    let send = async |actor: &kernel::Actor, query: &str, file: String| {
        let path = format!("/api/v1/admin/products.csv{query}");
        shop.world.post(&path, &Value::Null).raw("text/csv", file.as_bytes()).as_actor(actor).send().await
    };
    let outcomes = |got: &serde_json::Value| -> Vec<(String, String)> {
        got["items"].as_array().unwrap().iter().map(|item| (text(&item["handle"]), text(&item["outcome"]))).collect()
    };
    let expect = |jug: &str, pot: &str| {
        [("jug", jug), ("pot", pot), ("bad", "refused"), ("lamp", "refused")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    };
    let stored = shop.world.stored(&catalog::TABLE);
    let seen = send(&potter(), "?dry_run=true", file("19.00")).await.expect(200).json;
    assert_eq!(outcomes(&seen), expect("unchanged", "created"), "{seen}");
    assert_eq!((&seen["dry_run"], &seen["columns_not_taken"]), (&json!(true), &json!(["SEO Title"])));
    assert!(text(&seen["items"][3]["reason"]).contains("there is no category Lamps"), "{seen}");
    assert_eq!(shop.world.stored(&catalog::TABLE), stored, "a look writes nothing");

    let done = send(&potter(), "", file("19.00")).await.expect(200).json;
    assert_eq!(outcomes(&done), expect("unchanged", "created"));
    assert_eq!((&done["created"], &done["unchanged"], &done["refused"]), (&json!(1), &json!(1), &json!(2)));
    let counted: Vec<_> = shop
        .events()
        .await
        .into_iter()
        .filter_map(|envelope| match envelope.event {
            contracts::Event::ProductStockCounted(event) => {
                Some((event.seller_id, event.variants[0].variant.sku.clone(), event.variants[0].on_hand))
            }
            _ => None,
        })
        .collect();
    assert_eq!(counted, [(POTTERY, "POT".to_owned(), 7)]);
    let events = shop.events().await.len();
    assert_eq!(outcomes(&send(&potter(), "", file("19.00")).await.expect(200).json), expect("unchanged", "unchanged"));
    assert_eq!(shop.events().await.len(), events, "nothing is told twice");
    assert_eq!(outcomes(&send(&potter(), "", file("18.00")).await.expect(200).json), expect("unchanged", "updated"));
    // What goes out comes back unchanged, also what no import has made.
    let out = shop.world.get("/api/v1/admin/products.csv").as_actor(&potter()).send().await.expect(200).text;
    let back = send(&potter(), "", out).await.expect(200).json;
    assert_eq!((&back["unchanged"], &back["items"].as_array().unwrap().len()), (&json!(2), &2), "{back}");
    for (actor, query, status) in [
        (Harness::guest(), "", 401),
        (Harness::customer(1), "", 403),
        (Harness::support(), "", 403),
        (potter(), &*format!("?seller_id={}", HOUSE), 403),
    ] {
        send(&actor, query, file("1.00")).await.expect(status);
    }
    for wrong in ["", "Name;Price\nPot;1\n"] {
        send(&potter(), "", wrong.into()).await.expect(422);
    }
    let many: String = (0..201).map(|n| format!("p{n},P,1.00\n")).collect();
    send(&potter(), "", format!("Handle,Title,Variant Price\n{many}")).await.expect(422);
}
