//! What every operation of the description has: the token, problems, the headers that it takes,
//! and whose accounts it is for.

use axum::http::Method;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder};

use super::super::access::{Need, route};
use super::{again, etag};

/// What stands with an operation that not every account may ask for.
const EVERYWHERE: &str = "For accounts that see everybody.";

/// The document, with what every operation has.
pub(super) fn finished(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("token", token);
    let refused = refused();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let responses = &mut operation.responses.responses;
            responses.insert("default".to_owned(), RefOr::T(refused.clone()));
            let headers = headers(&method, path);
            let parameters = operation.parameters.get_or_insert_default();
            parameters.extend(headers);
            let need = route(&method, path).map(|rule| rule.need);
            if matches!(need, Some(Need::Everywhere(_))) {
                say(operation);
            }
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    let there = all.into_iter();
    there.filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn refused() -> Response {
    let content = ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    ResponseBuilder::new()
        .description("It was not done; the problem says why.")
        .content("application/problem+json", content.build())
        .build()
}

fn say(operation: &mut Operation) {
    let said = operation.description.get_or_insert_default();
    if !said.is_empty() {
        said.push(' ');
    }
    said.push_str(EVERYWHERE);
}

/// The headers that are looked at.
fn headers(method: &Method, path: &str) -> Option<Parameter> {
    if *method == Method::POST && again::is_kept(path) {
        let says = "Sent again within 24 hours with the same key it is done once and answered the same; 1 to 200 visible ASCII characters.";
        return Some(header("Idempotency-Key", says, "^[!-~]{1,200}$"));
    }
    let says = "The `ETag` of what was seen: it is changed only if it is still so.";
    etag::takes_if_match(method, path).then(|| header("If-Match", says, "^[ !-~]+$"))
}

fn header(name: &str, says: &str, pattern: &str) -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern));
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(says))
        .schema(Some(schema))
        .build()
}
