//! The OpenAPI document, at `/openapi.json`.

use http::StatusCode;
use http::header::HeaderValue;

use crate::http::{Call, Reply, Route, Verb, handler};
use crate::settings::WireSettings;

/// The path.
pub(crate) const ROUTES: &[Route] =
    &[Route { path: "/openapi.json", handlers: &[(Verb::Get, handler!(get))] }];

async fn get(call: &Call<'_>) -> Result<Reply, Reply> {
    Ok(Reply::bytes(StatusCode::OK, HeaderValue::from_static("application/json"), call.openapi.clone()))
}

/// The document for the surfaces that are served, at the paths where they are.
pub(crate) fn document(_settings: &WireSettings, _public_url: &str) -> String {
    "{}".to_owned()
}
