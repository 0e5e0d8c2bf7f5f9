//! Pictures in and out.

use serde_json::{Value, json};
use shell::testing::Harness;

use super::{Shop, potter, text};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and some pixels";

#[tokio::test]
async fn pictures_are_kept_under_the_name_of_their_content() {
    let shop = Shop::open().await;
    let post = |content_type: &str, bytes: &[u8]| shop.world.post("/api/v1/uploads", &Value::Null).raw(content_type, bytes);
    post("image/png", PNG).send().await.expect(401);
    post("image/png", PNG).as_actor(&Harness::customer(1)).send().await.expect(403);
    post("image/jpeg", PNG).as_actor(&potter()).send().await.expect(415);
    post("image/svg+xml", b"<svg/>").as_actor(&potter()).send().await.expect(415);

    let made = post("image/png", PNG).as_actor(&potter()).send().await.expect(201);
    let url = text(&made.json["url"]);
    assert!(url.starts_with("/files/") && url.ends_with(".png"), "{url}");
    assert_eq!((made.headers["location"].as_str(), &made.json["size_bytes"]), (url.as_str(), &PNG.len().into()));
    let again = post("image/png", PNG).as_actor(&Harness::admin()).send().await.expect(201);
    assert_eq!(again.json, made.json);

    let got = shop.world.get(&url).send().await.expect(200);
    assert_eq!(got.bytes, PNG);
    assert_eq!(got.headers["content-type"], "image/png");
    assert_eq!(got.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(got.headers["x-content-type-options"], "nosniff");
    let fresh = shop.world.get(&url).header("If-None-Match", &got.headers["etag"]).send().await;
    assert_eq!((fresh.status, fresh.bytes.len()), (304, 0));
    shop.world.get("/files/none.png").send().await.expect(404);
    shop.world.get("/files/..%2f..%2fetc%2fpasswd").send().await.expect(404);
}

#[tokio::test]
async fn pictures_have_at_most_five_mebibytes() {
    let shop = Shop::open().await;
    let largest = [PNG, &vec![0; 5 * 1024 * 1024 - PNG.len()]].concat();
    let post = |bytes: &[u8]| shop.world.post("/api/v1/uploads", &Value::Null).raw("image/png", bytes).as_actor(&potter());
    post(&largest).send().await.expect(201);
    let got = post(&[largest.as_slice(), &[0]].concat()).send().await.expect(413);
    assert_eq!(got.code(), "payload-too-large");
}

#[tokio::test]
async fn a_picture_may_be_brought_past_the_api_where_the_home_has_a_place_for_it() {
    let shop = Shop::open().await;
    let ask = |body: Value| shop.world.post("/api/v1/uploads/direct", &body);
    let fits = json!({"content_type": "image/png", "size_bytes": 1000});
    ask(fits.clone()).send().await.expect(401);
    ask(fits.clone()).as_actor(&Harness::customer(1)).send().await.expect(403);
    for (content_type, size_bytes) in [("image/svg+xml", 1000), ("image/png", 0), ("image/png", 5 * 1024 * 1024 + 1)] {
        let body = json!({"content_type": content_type, "size_bytes": size_bytes});
        ask(body).as_actor(&potter()).send().await.expect(422);
    }
    let direct = ask(fits.clone()).as_actor(&potter()).send().await.expect(200);
    assert_eq!(direct.json["direct"]["upload_url"], "https://files.example/image/png/1000");
    let url = text(&direct.json["direct"]["url"]);
    assert!(url.starts_with("/files/") && url.ends_with(".png"), "{url}");
    let other = ask(fits.clone()).as_actor(&potter()).send().await.expect(200);
    assert_ne!(other.json["direct"]["url"], direct.json["direct"]["url"], "nobody can overwrite another's");

    shop.files.close();
    assert_eq!(ask(fits).as_actor(&potter()).send().await.expect(200).json, json!({}));
}

#[tokio::test]
async fn pictures_of_other_sites_are_kept_by_their_address() {
    let shop = Shop::open().await;
    let pictures = catalog::Pictures::new(shop.files.clone());
    let address = "https://cdn.example/pot.png?v=1";
    assert_eq!(pictures.find(address).await.unwrap(), None);
    for (declared, bytes) in
        [(Some("text/html"), PNG.to_vec()), (None, b"<svg/>".to_vec()), (None, [PNG, &vec![0; catalog::UPLOAD_BYTES_MAX]].concat())]
    {
        let problem = pictures.keep(address, declared, bytes).await.unwrap_err();
        assert!(problem.code.status() < 500, "{problem}");
    }
    assert_eq!(pictures.find(address).await.unwrap(), None, "what no upload would be is not kept");
    let here = pictures.keep(address, Some("image/png"), PNG.to_vec()).await.unwrap();
    assert_eq!(pictures.find(address).await.unwrap().as_deref(), Some(here.as_str()));
    assert_eq!(shop.world.get(&here).send().await.expect(200).bytes, PNG);
}
