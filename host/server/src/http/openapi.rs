//! The OpenAPI document, and what the gate reads from it.
//!
//! Routes are declared once, by `#[utoipa::path]` beside their handler; router, document and the
//! scopes that the gate enforces all come from that declaration.

use super::auth::Needs;
use super::problem::ProblemBody;
use super::scopes;
use axum::http::Method;
use std::collections::HashMap;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi,
    OpenApiBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

/// The name of the security scheme.
pub const SCHEME: &str = "key";

/// The document without routes.
#[must_use]
pub fn blank() -> OpenApi {
    let mut scheme_text = String::from(
        "A key `jf_<id>_<secret>`, made by `jackfield key create` or `POST /v1/keys`. A key opens \
         one workspace; an operator's key chooses one by the header `Jackfield-Workspace`. \
         Scopes:\n",
    );
    for (scope, what) in scopes::SCOPES {
        scheme_text.push_str(&format!("- `{scope}`: {what}\n"));
    }
    scheme_text.push_str("- `*`: all of them\n");
    let mut components = Components::new();
    components.security_schemes.insert(
        SCHEME.to_owned(),
        RefOr::T(SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("jf_<id>_<secret>")
                .description(Some(scheme_text))
                .build(),
        )),
    );
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Jackfield")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Messaging workflows whose steps and connectors are sandboxed WebAssembly \
                     components.\n\nEvery refusal is `application/problem+json` with a stable \
                     `code`. Every POST takes an `Idempotency-Key`. Lists come in pages: \
                     `{items, next}`, `?limit=` 1 to 100 and `?cursor=`. Instants are milliseconds \
                     since 1970-01-01T00:00:00Z.",
                ))
                .license(Some(
                    LicenseBuilder::new()
                        .name("Apache-2.0")
                        .identifier(Some("Apache-2.0"))
                        .build(),
                ))
                .build(),
        )
        .components(Some(components))
        .build()
}

/// The refusals that any operation under `/v1` may answer with: who asks, in which workspace, what
/// for, and how the host is.
const ALWAYS: &[&str] = &[
    "400", "401", "403", "404", "422", "429", "500", "503", "504",
];

/// Those of an operation that changes something.
const CHANGING: &[&str] = &["409", "413"];

/// That of an operation which reads a body.
const WITH_BODY: &str = "415";

/// Those of an operation outside `/v1` that declares what it answers itself.
const OPEN: &[&str] = &["400", "500", "503", "504"];

/// What a status means, for whoever reads the document; programs act on the problem's `code`.
fn meaning(status: &str) -> &'static str {
    match status {
        "400" => "The request cannot be read: path, query, header or body",
        "401" => "There is no key, or it is not valid (any more)",
        "403" => "The key does not allow this",
        "404" => "There is no such thing in this workspace",
        "409" => "Not possible in the present state, or the first such request is under way",
        "413" => "The body is too large",
        "415" => "The body has a media type that is not taken here",
        "422" => "The request can be read and is not valid: `errors` says where",
        "429" => "Too much at once: again after `Retry-After` seconds",
        "503" => "The host cannot do this now: again after `Retry-After` seconds",
        "504" => "There was no answer in time",
        _ => "A defect: the log has the reason under the request's id",
    }
}

fn refusal(status: &str) -> Response {
    ResponseBuilder::new()
        .description(meaning(status))
        .content(
            super::problem::CONTENT_TYPE,
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("Problem")))
                .build(),
        )
        .build()
}

/// The header that makes a POST safe to send twice.
fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "1 to 255 printable ASCII characters: the request is carried out once, its repetition \
             gets the same answer for a day",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(255))
                .pattern(Some("^[!-~]+$")),
        ))
        .build()
}

/// Completes the document: every operation says how it may refuse, takes an `Idempotency-Key` if it
/// is a POST under `/v1`, and has an id of its own.
pub fn finish(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let mut schemas = Vec::new();
    ProblemBody::schemas(&mut schemas);
    schemas.push(("Problem".to_owned(), ProblemBody::schema()));
    components.schemas.extend(schemas);
    for (path, item) in &mut document.paths.paths {
        let methods: [(&str, &mut Option<Operation>); 5] = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        let mut first_id = None;
        for (method, operation) in methods {
            let Some(operation) = operation else { continue };
            if first_id.is_some() && first_id == operation.operation_id {
                let id = operation.operation_id.take().unwrap_or_default();
                operation.operation_id = Some(format!("{id}_{method}"));
            } else if first_id.is_none() {
                first_id.clone_from(&operation.operation_id);
            }
            refuse(path, method, operation);
            if method == "post" && path.starts_with("/v1") {
                operation
                    .parameters
                    .get_or_insert_default()
                    .push(RefOr::T(idempotency_key()));
            }
        }
    }
}

/// Puts in how an operation may refuse, where it does not say so itself.
fn refuse(path: &str, method: &str, operation: &mut Operation) {
    let mut statuses = if path.starts_with("/v1") {
        ALWAYS.to_vec()
    } else {
        OPEN.to_vec()
    };
    if method != "get" && path.starts_with("/v1") {
        statuses.extend(CHANGING);
        statuses.extend(operation.request_body.as_ref().map(|_| WITH_BODY));
    }
    let responses = &mut operation.responses.responses;
    // A provider gets what the connector says.
    if responses.contains_key("default") {
        return;
    }
    for status in statuses {
        responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(refusal(status)));
    }
}

/// What each route needs, by method and path template.
///
/// A route outside `/v1` that declares nothing is open; one under `/v1` that declares nothing is
/// left out, so that the gate refuses it.
#[must_use]
pub fn needs(document: &OpenApi) -> HashMap<(Method, String), Needs> {
    let mut needs = HashMap::new();
    for (path, method, operation) in operations(document) {
        let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
            continue;
        };
        let wanted = match operation
            .get("security")
            .and_then(serde_json::Value::as_array)
        {
            None if path.starts_with("/v1") => continue,
            None => Needs::Nothing,
            Some(list) => {
                let scopes: Vec<String> = list
                    .iter()
                    .filter_map(|requirement| requirement.get(SCHEME)?.as_array())
                    .flatten()
                    .filter_map(|scope| scope.as_str().map(str::to_owned))
                    .collect();
                let open = list
                    .iter()
                    .any(|one| one.as_object().is_some_and(|it| it.is_empty()));
                if open {
                    Needs::Nothing
                } else {
                    Needs::Scopes(scopes)
                }
            }
        };
        needs.insert((method, path), wanted);
    }
    needs
}

/// Every operation of a document: path, method in lower case, the operation.
#[must_use]
pub fn operations(document: &OpenApi) -> Vec<(String, String, serde_json::Value)> {
    let whole = serde_json::to_value(document).unwrap_or_default();
    let mut found = Vec::new();
    for (path, item) in whole
        .get("paths")
        .and_then(|paths| paths.as_object())
        .into_iter()
        .flatten()
    {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if METHODS.contains(&method.as_str()) {
                found.push((path.clone(), method.clone(), operation.clone()));
            }
        }
    }
    found
}

/// The methods of a path item in OpenAPI 3.1.
const METHODS: &[&str] = &[
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];
