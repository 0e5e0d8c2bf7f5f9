//! Tests of reading product files.

use kernel::{Money, TaxRate};

use super::*;
use crate::product::content::VariantDraft;

fn read(file: &[u8]) -> Vec<Result<ImportedProduct, RowError>> {
    match parse(file, Currency::EUR) {
        Ok(products) => products.collect(),
        Err(error) => vec![Err(error)],
    }
}

/// One product in a file of the columns that a case is about.
fn one(headings: &str, rows: &[&str]) -> Result<ImportedProduct, RowError> {
    let mut products = read(format!("{headings}\n{}\n", rows.join("\n")).as_bytes());
    assert_eq!(products.len(), 1, "{products:?}");
    products.remove(0)
}

fn reason(headings: &str, rows: &[&str]) -> (u64, String) {
    let error = one(headings, rows).expect_err("it is refused");
    (error.line, error.reason)
}

const SHORT: &str = "Handle,Title,Variant Price";

#[test]
fn rows_with_one_handle_are_one_product() {
    let headings = "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,\
        Variant SKU,Variant Grams,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,\
        Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,Image Position,Image Alt Text,Variant Image,Status";
    let product = one(
        headings,
        &[
            "tee,Tee,<p>Soft</p>,Acme,Shirts,\"Cotton, Summer,cotton\",TRUE,Size,S,Colour,Red,T-S,120.5,5,deny,19.99,25,true,true,'400638,https://x.de/2.jpg,2,Back,https://x.de/red.jpg,active",
            "tee,,,,,,,,M,,Blue,T-M,130,-3,CONTINUE,24.5,,false,false,,https://x.de/1.jpg,1,Front,,",
            "tee,,,,,,,,,,,,,,,,,,,,https://x.de/3.jpg,,,,",
        ],
    )
    .unwrap();
    assert_eq!((product.line, product.handle.as_str(), product.category.as_deref()), (2, "tee", Some("Shirts")));
    assert_eq!(product.status, ProductStatus::Published);
    let draft = product.content.draft();
    assert_eq!((draft.title.as_str(), draft.description.as_str(), draft.vendor.as_str()), ("Tee", "<p>Soft</p>", "Acme"));
    assert_eq!(draft.tags, ["Cotton", "Summer"]);
    assert_eq!(draft.options, ["Size", "Colour"]);
    let eur = |amount| Money::new(amount, Currency::EUR);
    let small = VariantDraft {
        id: None,
        sku: Some("T-S".into()),
        options: vec!["S".into(), "Red".into()],
        price: eur(1999),
        compare_at_price: Some(eur(2500)),
        tax_rate: None,
        barcode: Some("400638".into()),
        grams: 121,
        requires_shipping: true,
        image_url: Some("https://x.de/red.jpg".into()),
    };
    let medium = VariantDraft {
        sku: Some("T-M".into()),
        options: vec!["M".into(), "Blue".into()],
        price: eur(2450),
        compare_at_price: None,
        tax_rate: Some(TaxRate(0)),
        barcode: None,
        grams: 130,
        requires_shipping: false,
        image_url: None,
        ..small.clone()
    };
    assert_eq!(draft.variants, [small, medium]);
    assert_eq!(product.stock, [StockLine { quantity: Some(5), backorder: false }, StockLine { quantity: Some(0), backorder: true }]);
    let images: Vec<_> = draft.images.iter().map(|image| (image.url.as_str(), image.alt.as_str())).collect();
    assert_eq!(images, [("https://x.de/1.jpg", "Front"), ("https://x.de/2.jpg", "Back"), ("https://x.de/3.jpg", "")]);
}

#[test]
fn the_newer_template_and_odd_files_are_read() {
    let product = one(
        "\u{feff}url handle , TITLE,Price,Inventory quantity,Continue selling when out of stock,Product category,Published on online store",
        &["mug,Mug,9.5,7,CONTINUE,Home & Garden > Kitchen > Mugs,FALSE", ",,,,,,"],
    )
    .unwrap();
    assert_eq!((product.status, product.category.as_deref()), (ProductStatus::Draft, Some("Mugs")));
    assert_eq!(product.stock, [StockLine { quantity: Some(7), backorder: true }]);

    let products = read(b"Handle,Title,Variant Price\r\na,\"A \"\"quoted\"\", with comma\",1\r\n\r\nb,B,2");
    let titles: Vec<_> = products.iter().map(|product| product.as_ref().unwrap().content.draft().title.as_str()).collect();
    assert_eq!(titles, ["A \"quoted\", with comma", "B"]);
    assert_eq!(products[1].as_ref().unwrap().line, 4);
    for line_end in ["\n", "\r\n", "\r"] {
        let file = ["Handle,Title,Body (HTML),Variant Price", "a,A,,1", "", "b,B,\"text", "and", "more\",2", "c,C,,x"].join(line_end);
        let lines: Vec<_> =
            read(file.as_bytes()).into_iter().map(|product| product.map_or_else(|error| error.line, |product| product.line)).collect();
        assert_eq!(lines, [2, 4, 7], "{line_end:?}");
    }

    let plain = one("Handle,Title,Option1 Name,Option1 Value,Variant Price", &["a,A,Title,Default Title,1"]).unwrap();
    assert!(plain.content.draft().options.is_empty() && plain.content.draft().variants[0].options.is_empty());
    assert_eq!(plain.stock[0].quantity, None);
}

#[test]
fn statuses() {
    for (status, published, expect) in [
        ("", "", ProductStatus::Published),
        ("", "false", ProductStatus::Draft),
        ("active", "true", ProductStatus::Published),
        ("Active", "false", ProductStatus::Draft),
        ("draft", "true", ProductStatus::Draft),
        ("archived", "true", ProductStatus::Archived),
    ] {
        let product = one("Handle,Title,Variant Price,Status,Published", &[&format!("a,A,1,{status},{published}")]).unwrap();
        assert_eq!(product.status, expect, "{status} {published}");
    }
}

#[test]
fn refused_rows_name_line_and_reason() {
    let options = "Handle,Title,Variant Price,Option1 Name,Option1 Value,Option2 Name,Option2 Value";
    for (headings, rows, line, expect) in [
        (SHORT, vec!["a,,1"], 2, "no Title"),
        (SHORT, vec![",A,1"], 2, "no Handle"),
        (SHORT, vec!["a,A,"], 2, "neither a variant nor an image"),
        (SHORT, vec!["a,A,\"9,99\""], 2, "Variant Price \"9,99\" is not a decimal amount in EUR"),
        (SHORT, vec!["a,A,9.999"], 2, "Variant Price"),
        (SHORT, vec!["a,A,-1"], 2, "Variant Price \"-1\" is not a decimal amount in EUR from 0 to 1000000000.00"),
        (SHORT, vec!["a,A,1000000000.01"], 2, "from 0 to 1000000000.00"),
        ("Handle,Title,Variant Price,Vendor", vec!["a,A,1,\"two\nlines\""], 2, "Vendor must be one line"),
        (SHORT, vec!["a,A,1", "a,,\"2\" x"], 3, "text follows the quote in line 3"),
        (SHORT, vec!["a,\"A,1"], 3, "the quote that opens in line 2 is never closed"),
        (SHORT, vec!["a,A"], 2, "the row has 2 fields and the heading has 3"),
        (SHORT, vec!["a,A,1", "a,,1,x"], 3, "the row has 4 fields"),
        (SHORT, vec!["a,A,1", "a,,2"], 3, "same as another variant's"),
        ("Handle,Title,Variant Price,Variant SKU", vec!["a,A,,S"], 2, "no Variant Price"),
        ("Handle,Title,Variant Price,Variant Inventory Qty", vec!["a,A,1,many"], 2, "Variant Inventory Qty \"many\""),
        ("Handle,Title,Variant Price,Variant Inventory Policy", vec!["a,A,1,perhaps"], 2, "deny or continue"),
        ("Handle,Title,Variant Price,Variant Grams", vec!["a,A,1,-5"], 2, "Variant Grams"),
        ("Handle,Title,Variant Price,Variant Taxable", vec!["a,A,1,maybe"], 2, "true or false"),
        ("Handle,Title,Variant Price,Status", vec!["a,A,1,sold"], 2, "active, draft or archived"),
        ("Handle,Title,Variant Price,Gift Card", vec!["a,A,1,true"], 2, "gift cards"),
        ("Handle,Title,Variant Price,Image Src", vec!["a,A,1,", "a,,,ftp://x"], 3, "Image Src must be an address"),
        ("Handle,Title,Variant Price,Image Src,Image Position", vec!["a,A,1,https://x.de/a.png,first"], 2, "Image Position"),
        (options, vec!["a,A,1,Size,S,,", "a,,x,,M,,"], 3, "Variant Price \"x\""),
        (options, vec!["a,A,1,Size,S,,", "a,,1,,,,"], 3, "Option1 Name is there, but Option1 Value is not"),
        (options, vec!["a,A,1,Size,S,,Red"], 2, "Option2 Value is there, but Option2 Name is not"),
        (options, vec!["a,A,1,,,Colour,Red"], 2, "Option2 Name is there, but Option1 Name is not"),
        (options, vec!["a,A,1,Size,S,,", "a,,1,,S,,"], 3, "same as another variant's"),
    ] {
        let (at, why) = reason(headings, &rows);
        assert!(at == line && why.contains(expect), "{rows:?}: line {at}: {why}");
    }
    let many: Vec<String> =
        (0..101).map(|n| format!("a,{},1,{},{n},,", if n == 0 { "A" } else { "" }, if n == 0 { "Size" } else { "" })).collect();
    let (line, why) = reason(options, &many.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(line == 102 && why.contains("at most 100 variants"), "line {line}: {why}");
    let endless: Vec<String> = (0..1_000).map(|n| format!("a,{},1", if n == 0 { "A" } else { "" })).collect();
    let (line, why) = reason(SHORT, &endless.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(line == 2 && why.contains("1000 rows"), "line {line}: {why}");
}

#[test]
fn one_bad_product_does_not_stop_the_others() {
    let products = read(b"Handle,Title,Variant Price\na,A,1\nb,B,x\nb,,2\na,A,3\n\xff,C,1\nc,\xff,1\nd,D,4\n");
    let brief: Vec<_> = products
        .iter()
        .map(|product| match product {
            Ok(product) => format!("{} ok", product.handle),
            Err(error) => format!("{} {}", error.line, error.reason),
        })
        .collect();
    assert_eq!(brief.len(), 6, "{brief:?}");
    assert_eq!(brief[0], "a ok");
    assert!(brief[1].starts_with("3 Variant Price"), "{brief:?}");
    assert!(brief[2].starts_with("5 the handle was used further up"), "{brief:?}");
    assert!(brief[3].starts_with("6 the row is not UTF-8"), "{brief:?}");
    assert!(brief[4].starts_with("7 the row is not UTF-8"), "{brief:?}");
    assert_eq!(brief[5], "d ok");
    assert_eq!(
        products[1].as_ref().unwrap_err().to_string(),
        "line 3 (b): Variant Price \"x\" is not a decimal amount in EUR from 0 to 1000000000.00"
    );
}

fn refusal(file: &[u8]) -> String {
    parse(file, Currency::EUR).err().expect("it is no file of products").reason
}

#[test]
fn files_that_are_no_product_files_are_refused_once() {
    for (file, expect) in [
        ("", "the file is empty"),
        ("Name,Price\na,1\nb,2\n", "the heading has no column Handle"),
        ("Handle,Title\na,A\n", "the heading has no column Variant Price"),
        ("Handle;Title;Variant Price\na;A;1\n", "the columns are separated by semicolons: save it as CSV UTF-8 with commas"),
        ("Handle\tTitle\tVariant Price\na\tA\t1\n", "the columns are separated by tabs: save it as CSV UTF-8 with commas"),
    ] {
        assert_eq!(refusal(file.as_bytes()), expect);
    }
    let utf16: Vec<u8> = "\u{feff}Handle,Title,Variant Price\na,A,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(refusal(&utf16).contains("UTF-16"));
    let latin1 = read(b"Handle,Title,Variant Price\na,K\xE4se,1\n");
    let reason = &latin1[0].as_ref().unwrap_err().reason;
    assert!(reason.starts_with("the row is not UTF-8") && reason.ends_with(SAVE_AS), "{reason}");
    assert!(read(b"Handle,Title,Variant Price\n").is_empty());
}

#[test]
fn what_is_odd_is_taken_and_told() {
    let products = read(
        b"Handle,Title,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Price\n\
          a,A,S,shopify,-3,0\nb,B,S,elsewhere,1,2\nc,C,,,2,2\n",
    );
    let warnings = |index: usize| products[index].as_ref().unwrap().warnings.clone();
    assert_eq!(warnings(0), [(2, "Variant Price is 0".into()), (2, "Variant Inventory Qty -3 becomes 0".into())]);
    assert_eq!(
        warnings(1),
        [
            (3, "Variant Inventory Tracker \"elsewhere\" is not taken: stock is counted here".into()),
            (3, "Variant SKU \"S\" is another product's further up".into())
        ]
    );
    assert_eq!(warnings(2), []);

    let file = "Handle,Title,Variant Price,SEO Title,Cost per item,Variant Weight Unit\na,A,1,,3.00,\nb,B,1,Best,,\n";
    let mut products = parse(file.as_bytes(), Currency::EUR).unwrap();
    assert_eq!(products.by_ref().filter(Result::is_ok).count(), 2);
    assert_eq!(products.columns_not_taken().collect::<Vec<_>>(), ["SEO Title", "Cost per item"], "empty columns are no loss");
}

#[test]
fn what_shopify_allows_is_taken() {
    let tags: Vec<String> = (0..250).map(|n| format!("{n}{}", "x".repeat(250))).collect();
    let (body, tags) = ("y".repeat(60_000), tags.join(", "));
    let product = one("Handle,Title,Variant Price,Body (HTML)", &[&format!("a,A,1,{body}")]).unwrap();
    assert_eq!(product.content.draft().description.len(), 60_000);
    let product = one("Handle,Title,Variant Price,Tags", &[&format!("a,A,1,\"{tags}\"")]).unwrap();
    assert_eq!(product.content.draft().tags.len(), 250);
}

#[test]
fn titles_are_what_is_seen_of_them() {
    let product = one("Handle,Title,Variant Price,Vendor", &["a,Tea\u{200B} \u{202E}pot,1,'=Acme"]).unwrap();
    let draft = product.content.draft();
    assert_eq!((draft.title.as_str(), draft.vendor.as_str()), ("Tea pot", "=Acme"));
}

proptest::proptest! {
    #[test]
    fn any_file_is_read_to_its_end(rows in proptest::collection::vec("[ab,\"\\n\\r1.x]{0,12}", 0..20)) {
        let file = format!("Handle,Title,Variant Price\n{}", rows.join("\n"));
        let products = read(file.as_bytes());
        proptest::prop_assert!(products.len() <= file.len());
        for product in products {
            let line = product.map_or_else(|error| error.line, |product| product.line);
            proptest::prop_assert!(line >= 1 && line <= file.len() as u64 + 1);
        }
    }
}
