//! The schemas of the document: each name means one thing, each reference leads somewhere, and what is never null does not say
//! that it might be.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Problem;
use serde_json::{Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation as Described;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};

use super::paths::described_mut;

/// Where an operation keeps a hash of each schema that it brings, until the document is put together.
const BROUGHT: &str = "x-brought-schemas";
const SCHEMAS: &str = "#/components/schemas/";
/// How utoipa begins the name of a `kernel::Page` of something.
const PAGE_OF: &str = "Page_";
/// How the names of types end that are only shown. Whoever reads the document sees nothing else.
const VIEW: &str = "View";

/// Notes what an operation brings: the router keeps one schema of a name, whatever it meant elsewhere.
pub(super) fn note(operation: &mut Described, schemas: &[(String, RefOr<Schema>)]) {
    let hash = |schema| blake3::hash(json!(schema).to_string().as_bytes()).to_hex().to_string();
    let brought: BTreeSet<(&String, String)> = schemas.iter().map(|(name, schema)| (name, hash(schema))).collect();
    let extensions = operation.extensions.get_or_insert_default();
    extensions.merge(ExtensionsBuilder::new().add(BROUGHT, json!(brought)).build());
}

/// Puts the schemas in order.
///
/// Errors: two different schemas of one name, a reference that leads nowhere.
pub(super) fn refine(api: &mut OpenApi) -> Result<(), Problem> {
    check_names(api)?;
    let mut schemas = std::mem::take(&mut api.components.get_or_insert_default().schemas);
    for schema in schemas.values_mut() {
        walk(schema, &mut merge_description);
    }
    let mut names = name_views(&mut schemas);
    name_pages(&mut schemas, &mut names)?;
    let mut rename = |schema: &mut RefOr<Schema>| {
        if let RefOr::Ref(reference) = schema
            && let Some(name) = target(reference).and_then(|name| names.get(name))
        {
            reference.ref_location = format!("{SCHEMAS}{name}");
        }
    };
    schemas.values_mut().for_each(|schema| walk(schema, &mut rename));
    each_schema(api, &mut |_, schema| walk(schema, &mut rename));
    let answered = answered(api, &schemas);
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| answered.contains(*name)) {
        walk(schema, &mut without_null);
    }
    each_schema(api, &mut |part, schema| {
        if part == Part::Parameter {
            strip_null(schema);
        }
    });
    let mut dangling = dangling(api, &schemas);
    // An id in a path brings no schema.
    let ids = kernel::id_schemas().into_iter().filter(|(name, _)| dangling.remove(*name));
    schemas.extend(ids.map(|(name, schema)| (name.to_owned(), schema)));
    if let Some(components) = &mut api.components {
        components.schemas = schemas;
    }
    if dangling.is_empty() {
        return Ok(());
    }
    Err(Problem::internal(format!("the API document refers to schemas that there are not: {dangling:?}")))
}

fn check_names(api: &mut OpenApi) -> Result<(), Problem> {
    let mut known: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut clashes = BTreeSet::new();
    for (_, operation) in api.paths.paths.values_mut().flat_map(described_mut) {
        let owner = operation.operation_id.clone().unwrap_or_default();
        let brought = operation.extensions.as_mut().and_then(|extensions| extensions.remove(BROUGHT)).unwrap_or_default();
        let brought: Vec<(String, String)> = serde_json::from_value(brought).unwrap_or_default();
        for (name, hash) in brought {
            let (first, of_first) = known.entry(name.clone()).or_insert_with(|| (owner.clone(), hash.clone()));
            if *of_first != hash {
                clashes.insert(format!("{name} of {first} and of {owner}"));
            }
        }
    }
    if clashes.is_empty() {
        return Ok(());
    }
    Err(Problem::internal(format!("different schemas have the same name: {clashes:?}")))
}

/// The view of a cart is called `Cart`, unless something else is. Returns the names before and after.
fn name_views(schemas: &mut BTreeMap<String, RefOr<Schema>>) -> BTreeMap<String, String> {
    let views = schemas.keys().filter(|name| !name.starts_with(PAGE_OF));
    let named = views.filter_map(|name| Some((name.clone(), name.strip_suffix(VIEW)?.to_owned())));
    let renamed: BTreeMap<_, _> = named.filter(|(_, shown)| !shown.is_empty() && !schemas.contains_key(shown)).collect();
    for (name, shown) in &renamed {
        if let Some(schema) = schemas.remove(name) {
            schemas.insert(shown.clone(), schema);
        }
    }
    renamed
}

/// A page of `Order` is an `OrderPage`, whose items are a reference. Adds the names before and after.
fn name_pages(schemas: &mut BTreeMap<String, RefOr<Schema>>, renamed: &mut BTreeMap<String, String>) -> Result<(), Problem> {
    let pages: Vec<String> = schemas.keys().filter(|name| name.starts_with(PAGE_OF)).cloned().collect();
    for page in pages {
        let item = &page[PAGE_OF.len()..];
        let item = renamed.get(item).map_or(item, String::as_str);
        let name = format!("{item}Page");
        let Some(RefOr::T(Schema::Object(mut object))) = schemas.remove(&page) else { continue };
        let Some(RefOr::T(Schema::Array(items))) = object.properties.get_mut("items") else {
            return Err(Problem::internal(format!("{page} has no items")));
        };
        items.items = ArrayItems::RefOrSchema(Box::new(RefOr::Ref(Ref::from_schema_name(item))));
        if schemas.insert(name.clone(), RefOr::T(Schema::Object(object))).is_some() {
            return Err(Problem::internal(format!("{name} is the name of a page of {item}, and of another schema")));
        }
        renamed.insert(page, name);
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Parameter,
    Body,
    Answer,
}

/// The schemas that operations themselves name, with what they are for.
fn each_schema(api: &mut OpenApi, visit: &mut impl FnMut(Part, &mut RefOr<Schema>)) {
    for (_, operation) in api.paths.paths.values_mut().flat_map(described_mut) {
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter {
                parameter.schema.iter_mut().for_each(|schema| visit(Part::Parameter, schema));
            }
        }
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            body.content.values_mut().filter_map(of_content).for_each(|schema| visit(Part::Body, schema));
        }
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(Response { content, .. }) = response {
                content.values_mut().filter_map(of_content).for_each(|schema| visit(Part::Answer, schema));
            }
        }
    }
}

fn of_content(content: &mut RefOr<Content>) -> Option<&mut RefOr<Schema>> {
    match content {
        RefOr::T(content) => content.schema.as_mut(),
        RefOr::Ref(_) => None,
    }
}

/// Visits a schema and all that it is made of.
fn walk(schema: &mut RefOr<Schema>, visit: &mut impl FnMut(&mut RefOr<Schema>)) {
    visit(schema);
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            object.properties.values_mut().for_each(|property| walk(property, visit));
            if let Some(AdditionalProperties::RefOr(values)) = object.additional_properties.as_deref_mut() {
                walk(values, visit);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                walk(items, visit);
            }
        }
        Schema::OneOf(one) => one.items.iter_mut().for_each(|item| walk(item, visit)),
        Schema::AllOf(all) => all.items.iter_mut().for_each(|item| walk(item, visit)),
        Schema::AnyOf(any) => any.items.iter_mut().for_each(|item| walk(item, visit)),
        // A kind that there is not yet.
        _ => {}
    }
}

fn target(reference: &Ref) -> Option<&str> {
    reference.ref_location.strip_prefix(SCHEMAS)
}

/// The names to which a schema refers.
fn references(schema: &RefOr<Schema>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    walk(&mut schema.clone(), &mut |schema| {
        if let RefOr::Ref(reference) = schema {
            names.extend(target(reference).map(str::to_owned));
        }
    });
    names
}

/// The names of all schemas that can be in an answer.
fn answered(api: &mut OpenApi, schemas: &BTreeMap<String, RefOr<Schema>>) -> BTreeSet<String> {
    let mut open: Vec<String> = Vec::new();
    each_schema(api, &mut |part, schema| {
        if part == Part::Answer {
            open.extend(references(schema));
        }
    });
    let mut reached = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(schema) = schemas.get(&name).filter(|_| reached.insert(name)) {
            open.extend(references(schema));
        }
    }
    reached
}

fn dangling(api: &mut OpenApi, schemas: &BTreeMap<String, RefOr<Schema>>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = schemas.values().flat_map(references).collect();
    each_schema(api, &mut |_, schema| names.extend(references(schema)));
    names.retain(|name| !schemas.contains_key(name));
    names
}

/// utoipa describes an inlined field with a comment as all of the field's type and of an object with nothing but the
/// description, which no text can be.
fn merge_description(property: &mut RefOr<Schema>) {
    let RefOr::T(Schema::AllOf(all)) = property else { return };
    if let [RefOr::T(Schema::Object(inlined)), RefOr::T(Schema::Object(comment))] = &all.items[..]
        && comment.properties.is_empty()
    {
        let mut merged = inlined.clone();
        merged.description.clone_from(&comment.description);
        *property = RefOr::T(Schema::Object(merged));
    }
}

/// What need not be in an answer is left out of it, and never null.
fn without_null(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(Object { properties, required, .. })) = schema else { return };
    properties.iter_mut().filter(|(name, _)| !required.contains(name)).for_each(|(_, property)| strip_null(property));
}

fn strip_null(schema: &mut RefOr<Schema>) {
    let RefOr::T(inner) = schema else { return };
    match inner {
        Schema::Object(Object { schema_type, enum_values, default, .. }) => {
            not_null(schema_type);
            default.take_if(|default| default.is_null());
            enum_values.iter_mut().for_each(|values| values.retain(|value| *value != Value::Null));
        }
        Schema::Array(array) => not_null(&mut array.schema_type),
        Schema::OneOf(one) => {
            one.items.retain(|item| !is_null(item));
            if let [only] = &mut one.items[..] {
                if let (RefOr::Ref(reference), Some(description)) = (&mut *only, &one.description) {
                    reference.description.clone_from(description);
                }
                *schema = only.clone();
            }
        }
        _ => {}
    }
}

fn not_null(schema_type: &mut SchemaType) {
    if let SchemaType::Array(types) = schema_type {
        types.retain(|kind| *kind != Type::Null);
        if let [only] = &types[..] {
            *schema_type = SchemaType::Type(only.clone());
        }
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}
