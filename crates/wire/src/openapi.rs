//! The OpenAPI document, at `/openapi.json`: made when it is first asked for from what each surface says of
//! itself, for the surfaces that are served and at the paths where they are.

use std::sync::LazyLock;

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{InfoBuilder, OpenApiBuilder, RefOr, ResponseBuilder, Server};

use crate::http::{Call, Refusal, Reply, Route, Verb, handler};
use crate::settings::WireSettings;
use crate::{authd, authv1, ouser, rest};

/// The path.
pub(crate) const ROUTES: &[Route] =
    &[Route { path: "/openapi.json", handlers: &[(Verb::Get, handler!(get))] }];

async fn get(call: &Call<'_>) -> Result<Reply, Reply> {
    Ok(Reply::bytes(StatusCode::OK, HeaderValue::from_static("application/json"), Bytes::clone(call.openapi)))
}

/// The document, once somebody asks for it: most servers are never asked.
pub(crate) type Description = LazyLock<Bytes, Box<dyn FnOnce() -> Bytes + Send>>;

/// Describes what is served with these settings.
pub(crate) fn describe(settings: &WireSettings, public_url: &str) -> Description {
    let (settings, public_url) = (settings.clone(), public_url.to_owned());
    LazyLock::new(Box::new(move || Bytes::from(document(&settings, &public_url))))
}

/// The document.
pub(crate) fn document(settings: &WireSettings, public_url: &str) -> String {
    let info = InfoBuilder::new()
        .title("Countersign")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("One account store behind the calls of several documents."))
        .build();
    let empty = OpenApiBuilder::new().info(info).servers(Some([Server::new(public_url)])).build();
    let surfaces = [
        (ouser::Document::openapi(), &settings.ouser),
        (authd::Document::openapi(), &settings.authd),
        (authv1::Document::openapi(), &settings.authv1),
        (rest::Document::openapi(), &settings.rest),
    ];
    let served = surfaces.into_iter().filter(|(_, surface)| surface.enabled);
    let mut document = served.fold(empty, |all, (api, surface)| all.nest(&surface.prefix, api));
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            name(operation);
            add_refusals(operation);
        }
    }
    // Only a map with keys that are no texts cannot be written, and there is none.
    serde_json::to_string(&document).unwrap_or_default()
}

/// Operation ids are unique in the whole document (OpenAPI 3.1 §4.8.10); handlers have the same name
/// on several surfaces.
fn name(operation: &mut Operation) {
    let surface = operation.tags.iter().flatten().next();
    if let (Some(surface), Some(handler)) = (surface, &operation.operation_id) {
        operation.operation_id = Some(format!("{surface}_{handler}"));
    }
}

/// What the plumbing answers to a request of excessive size, whatever the call.
fn add_refusals(operation: &mut Operation) {
    for refusal in [Refusal::UriTooLong, Refusal::HeadersTooLarge] {
        let response = ResponseBuilder::new().description(refusal.message()).build();
        let status = refusal.status().as_str().to_owned();
        operation.responses.responses.insert(status, RefOr::T(response));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::settings::SurfaceSettings;

    fn described(settings: &WireSettings) -> Value {
        serde_json::from_str(&document(settings, "https://id.example.com")).unwrap()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = described(&WireSettings::default());
        let (mut found, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                found.insert(format!("{} {}", method.to_uppercase(), path.trim_end_matches('/')));
                assert!(ids.insert(operation["operationId"].to_string()), "{operation}");
                let statuses = operation["responses"].as_object().unwrap();
                for status in ["405", "414", "431", "500", "503"] {
                    assert!(statuses.contains_key(status), "{method} {path}: {status}");
                }
            }
        }
        let routes = [ouser::ROUTES, authd::ROUTES, authv1::ROUTES, rest::ROUTES].concat();
        let handlers =
            routes.iter().flat_map(|route| route.handlers.iter().map(|(verb, _)| (verb, route.path)));
        let served: BTreeSet<String> = handlers
            // 003's second place is described in words.
            .filter(|(_, path)| !path.starts_with("/rest/"))
            .map(|(verb, path)| format!("{} {path}", verb.methods()[0]))
            .collect();
        assert_eq!(found, served);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = document(&WireSettings::default(), "https://id.example.com");
        let document: Value = serde_json::from_str(&text).unwrap();
        for rest in text.split("\"$ref\":\"#").skip(1) {
            let pointer = rest.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn switches_and_prefixes_show() {
        let off = SurfaceSettings { enabled: false, prefix: String::new() };
        let moved = SurfaceSettings { enabled: true, prefix: "/old".to_owned() };
        let document = described(&WireSettings { ouser: off, rest: moved, ..WireSettings::default() });
        let paths = document["paths"].as_object().unwrap();
        assert!(!paths.contains_key("/login") && !paths.contains_key("/auth/login/"));
        assert!(paths.contains_key("/old/auth/login/") && paths.contains_key("/v1/tokens/"));
        assert_eq!(document["servers"][0]["url"], "https://id.example.com");
        assert!(document["components"]["securitySchemes"]["token"].is_object());
    }
}
