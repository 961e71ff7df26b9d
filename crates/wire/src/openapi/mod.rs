//! The OpenAPI document, at `/openapi.json`: made once at start from what each surface says of
//! itself, for the surfaces that are served and at the paths where they are.

pub(crate) mod describe;

use http::StatusCode;
use http::header::HeaderValue;
use utoipa::openapi::path::{PathItem, Paths};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApiBuilder, Server};

use self::describe::{Description, TOKEN_SCHEME};
use crate::http::{Call, Reply, Route, Verb, handler};
use crate::settings::WireSettings;
use crate::{authd, authv1, ouser, rest};

/// The path.
pub(crate) const ROUTES: &[Route] =
    &[Route { path: "/openapi.json", handlers: &[(Verb::Get, handler!(get))] }];

async fn get(call: &Call<'_>) -> Result<Reply, Reply> {
    Ok(Reply::bytes(StatusCode::OK, HeaderValue::from_static("application/json"), call.openapi.clone()))
}

/// The document.
pub(crate) fn document(settings: &WireSettings, public_url: &str) -> String {
    let info = InfoBuilder::new()
        .title("Countersign")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("One account store behind the calls of several documents."))
        .build();
    // `Authorization: Token …` is no scheme of OpenAPI's own, so it is described as a header.
    let header = ApiKeyValue::with_description("Authorization", "`Token <token>`, a token of any surface");
    let scheme = SecurityScheme::ApiKey(ApiKey::Header(header));
    let document = OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new(public_url)]))
        .paths(paths(settings))
        .components(Some(ComponentsBuilder::new().security_scheme(TOKEN_SCHEME, scheme).build()))
        .build();
    // Only a map with keys that are no texts cannot be written, and there is none.
    serde_json::to_string(&document).unwrap_or_default()
}

fn paths(settings: &WireSettings) -> Paths {
    let surfaces = [
        (ouser::describe(), &settings.ouser),
        (authd::describe(), &settings.authd),
        (authv1::describe(), &settings.authv1),
        (rest::describe(), &settings.rest),
    ];
    let mut paths = Paths::new();
    for (descriptions, surface) in surfaces.into_iter().filter(|(_, surface)| surface.enabled) {
        for Description { path, method, operation } in descriptions {
            let item = paths.paths.entry(format!("{}{path}", surface.prefix)).or_default();
            item.merge_operations(PathItem::new(method, operation));
        }
    }
    paths
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
