//! What the API document is made of, and what it refuses.

#![allow(clippy::unwrap_used)]

use std::panic::AssertUnwindSafe;

use kernel::Page;
use ports::store::TableSchema;
use serde_json::Value;
use shell::http::{Anyone, Json, OpenApiRouter};
use shell::testing::Harness;
use shell::{HandlerResult, Reply, Service};
use utoipa::ToSchema;

#[derive(serde::Serialize, ToSchema)]
#[schema(as = Pot)]
struct PotView {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lid: Option<LidView>,
}

#[derive(serde::Serialize, ToSchema)]
struct LidView {
    flat: bool,
}

#[derive(serde::Deserialize, ToSchema)]
struct PotInput {
    colour: Option<String>,
}

#[derive(serde::Serialize, ToSchema)]
#[schema(as = Pot)]
struct OtherPot {
    grams: u32,
}

#[utoipa::path(get, path = "/pots", operation_id = "listPots", responses((status = 200, body = Page<PotView>)))]
async fn list(_: Anyone) -> HandlerResult {
    Ok(Reply::no_content())
}

#[utoipa::path(post, path = "/pots", operation_id = "makePot", request_body = PotInput, responses((status = 201, body = PotView)))]
async fn make(_: Anyone, Json(input): Json<PotInput>) -> HandlerResult {
    Ok(Reply::created("/api/v1/pots/1", &PotView { name: "Pot".into(), colour: input.colour, lid: None }))
}

#[utoipa::path(get, path = "/other-pots", operation_id = "getOtherPot", responses((status = 200, body = OtherPot)))]
async fn show_other(_: Anyone) -> HandlerResult {
    Ok(Reply::no_content())
}

#[utoipa::path(get, path = "/pots/{pot}", operation_id = "getPot", params(("pot" = LidView, Path)), responses((status = 204)))]
async fn lost(_: Anyone) -> HandlerResult {
    Ok(Reply::no_content())
}

const NOTHING: TableSchema = TableSchema { name: "nothing", indexes: 0 };

/// The document of a service with these routes, or why there is none.
fn document(routes: OpenApiRouter) -> Result<Value, String> {
    let harness = || Harness::new(|kit| vec![Service::new(&kit.work(&NOTHING)).routes(routes)]).openapi();
    let document = std::panic::catch_unwind(AssertUnwindSafe(harness));
    document.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

#[test]
fn names_are_simple_and_what_is_left_out_is_not_null() {
    let document = document(shell::routes!(list, make: [AlreadyExists])).unwrap();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["PotPage"]["properties"]["items"]["items"]["$ref"], "#/components/schemas/Pot");
    assert_eq!(schemas["Pot"]["properties"]["lid"]["$ref"], "#/components/schemas/Lid");
    assert_eq!((&schemas["Pot"]["properties"]["colour"]["type"], &schemas["Pot"]["required"]), (&"string".into(), &["name"].into()));
    // Who sends null leaves it out.
    assert_eq!(schemas["PotInput"]["properties"]["colour"]["type"], Value::from(["string", "null"]));
    let made = &document["paths"]["/api/v1/pots"]["post"]["responses"];
    assert_eq!(made["409"]["$ref"], "#/components/responses/AlreadyExists");
    let codes =
        document.pointer("/components/responses/AlreadyExists/content/application~1problem+json/schema/allOf/1/properties/code/enum");
    assert_eq!(codes, Some(&["already-exists"].into()));
}

#[test]
fn a_name_means_one_thing_and_a_reference_leads_somewhere() {
    let clash = document(shell::routes!(make, show_other)).unwrap_err();
    assert!(clash.contains("Pot of makePot and of getOtherPot") || clash.contains("Pot of getOtherPot and of makePot"), "{clash}");
    let lost = document(shell::routes!(lost)).unwrap_err();
    assert!(lost.contains("LidView"), "{lost}");
}
