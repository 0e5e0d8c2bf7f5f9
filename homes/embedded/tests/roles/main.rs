//! Who may do what: every operation is asked as every role, and the answers are the table in `docs/roles.md`.

#![allow(clippy::unwrap_used)]

mod samples;
mod screens;
mod shop;
mod table;
mod things;

use serde_json::{Value, json};
use shell::{Access, Operation};

use samples::Sample;
use shop::{Answer, Body, Role, Shop};
use table::Row;
use things::Things;

#[tokio::test]
async fn every_operation_answers_every_role_as_the_table_says() {
    let mut shop = Shop::open().await;
    let things = Things::in_shop(&mut shop).await;
    let samples = samples::samples(&things);
    let operations: Vec<&Operation> = shop.host.services().iter().flat_map(|service| &service.operations).collect();
    let missing: Vec<String> = operations.iter().map(|operation| name(operation)).filter(|name| !is_sampled(&samples, name)).collect();
    assert!(missing.is_empty(), "add a sample to homes/embedded/tests/roles/samples.rs for {missing:#?}");

    let before = shop.snapshot();
    let mut rows = Vec::with_capacity(samples.len());
    for sample in &samples {
        let operation = operations.iter().find(|operation| name(operation) == sample.operation);
        let operation = operation.unwrap_or_else(|| panic!("there is no {}: take its sample away", sample.operation));
        let mut cells = Vec::with_capacity(Role::ALL.len());
        for role in Role::ALL {
            let answer = shop.send(role, sample.method(), &sample.path(), &sample.body, sample.if_match.as_deref()).await;
            let is_changed = shop.snapshot() != before;
            shop.restore(&before);
            assert!(answer.status < 500, "{} as {}: {} {}", sample.operation, role.name(), answer.status, answer.text);
            cells.push((role, cell(sample, &answer, is_changed)));
        }
        rows.push(Row { sample, access: operation.access, cells });
    }
    let wrong: Vec<String> = rows.iter().filter_map(|row| mistake(row).map(|mistake| format!("{}: {mistake}", row.shown()))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    table::compare(&table::document(&shop, &rows));
}

/// Whoever asks for something must not get something else: neither a misspelt filter nor a misspelt field is overlooked.
#[tokio::test]
async fn what_is_not_known_is_refused_everywhere() {
    let mut shop = Shop::open().await;
    let things = Things::in_shop(&mut shop).await;
    let before = shop.snapshot();
    for operation in shop.host.services().iter().flat_map(|service| &service.operations) {
        if operation.path.starts_with("/api/v1/") {
            let parts: Vec<_> = operation.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
            let path = format!("{}?no_such_parameter=1", parts.join("/"));
            let answer = shop.send(Role::Admin, operation.method, &path, &Body::Empty, None).await;
            let field = answer.json["errors"][0]["field"].as_str();
            assert_eq!((answer.status, field), (400, Some("no_such_parameter")), "{} {}", name(operation), answer.text);
        }
    }
    for sample in samples::samples(&things) {
        if let Body::Json(Value::Object(mut fields)) = sample.body.clone() {
            fields.insert("no_such_field".into(), json!(1));
            let body = Body::Json(Value::Object(fields));
            let answer = shop.send(Role::Admin, sample.method(), &sample.path(), &body, sample.if_match.as_deref()).await;
            // The rest of the sample is accepted, so the description finds nothing wrong with it either.
            let errors = json!([{ "field": "no_such_field", "message": "is not known here" }]);
            assert_eq!((answer.status, &answer.json["errors"]), (422, &errors), "{} {}", sample.operation, answer.text);
        }
    }
    assert!(shop.snapshot() == before, "what is refused changes nothing");
}

/// These take a key, and recognize the repetition by what the first request made.
const KEY_OF_ITS_OWN: [&str; 2] = ["POST /api/v1/orders", "POST /api/v1/auth/refresh"];

#[tokio::test]
async fn a_key_counts_wherever_the_document_names_it() {
    let mut shop = Shop::open().await;
    let things = Things::in_shop(&mut shop).await;
    let before = shop.snapshot();
    let document = serde_json::to_value(shop.host.openapi()).unwrap();
    let takes_key = |sample: &Sample| {
        let path = sample.operation.split_once(' ').map_or("", |(_, path)| path);
        let parameters = document["paths"][path][sample.method().to_lowercase()]["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|one| one["$ref"] == "#/components/parameters/IdempotencyKey"))
    };
    let mut tried = 0;
    for sample in samples::samples(&things).iter().filter(|sample| takes_key(sample) && !KEY_OF_ITS_OWN.contains(&sample.operation)) {
        for role in Role::ALL {
            let (path, if_match) = (sample.path(), sample.if_match.as_deref());
            let ask = async || shop.send_under(Some("the-key-of-a-test"), role, sample.method(), &path, &sample.body, if_match).await;
            let first = ask().await;
            // Of many rows, each has a key of its own.
            let again = if first.status < 300 && first.status != 207 { Some(ask().await) } else { None };
            shop.restore(&before);
            // What ends the session that asks cannot be asked again.
            if let Some(again) = again.filter(|again| again.status != 401) {
                let repeated = (again.is_repeated, again.status, again.text);
                assert_eq!(repeated, (true, first.status, first.text), "{} as {}", sample.operation, role.name());
                tried += 1;
                break;
            }
        }
    }
    assert!(tried > 0, "no sample takes a key");
}

fn name(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

fn is_sampled(samples: &[Sample], operation: &str) -> bool {
    samples.iter().any(|sample| sample.operation == operation)
}

/// `yes`, `empty` for a list without anything in it, `unchanged` where all is as before, or the status of the refusal.
fn cell(sample: &Sample, answer: &Answer, is_changed: bool) -> String {
    match answer.status {
        200..400 if answer.json["items"].as_array().is_some_and(Vec::is_empty) => "empty".into(),
        200..400 if sample.method() != "GET" && sample.no_write.is_none() && !is_changed => "unchanged".into(),
        200..400 => "yes".into(),
        status => status.to_string(),
    }
}

/// How the answers contradict what the operation says of itself.
fn mistake(row: &Row) -> Option<String> {
    let of = |role: Role| row.cells.iter().find(|(known, _)| *known == role).map_or("", |(_, cell)| cell.as_str());
    let refused = |roles: &[Role], cell: &str| roles.iter().find(|role| of(**role) != cell).map(|role| (*role, cell.to_owned()));
    let people = [Role::Customer, Role::OtherCustomer, Role::OtherStaff, Role::OtherOwner, Role::Staff, Role::Owner];
    let admitted = row.cells.iter().any(|(_, cell)| cell == "yes");
    match row.sample.nobody {
        None if !admitted => return Some(format!("nobody is let in, so it shows nothing: mend the sample. {:?}", row.cells)),
        Some(because) if admitted => return Some(format!("somebody is let in although {because}")),
        None | Some(_) => {}
    }
    let wrong = match row.access {
        Access::Anyone if of(Role::Guest) == "401" => {
            return Some("its first argument lets guests in, and they get 401".into());
        }
        Access::Anyone => None,
        Access::SignedIn => refused(&[Role::Guest], "401"),
        Access::Staff => refused(&[Role::Guest], "401").or_else(|| refused(&people, "403")),
        Access::Admin => refused(&[Role::Guest], "401").or_else(|| refused(&people, "403")).or_else(|| refused(&[Role::Support], "403")),
    };
    wrong.map(|(role, expected)| format!("it is for {:?}, but as {} it answers {}, not {expected}", row.access, role.name(), of(role)))
}
