//! Whether the server lives and can work (acceptance decision 17).

use http::StatusCode;

use crate::http::{Call, Reply, Route, Verb, handler};

/// The paths.
pub(crate) const ROUTES: &[Route] = &[
    Route { path: "/health/live", handlers: &[(Verb::Get, handler!(live))] },
    Route { path: "/health/ready", handlers: &[(Verb::Get, handler!(ready))] },
];

/// The process answers.
async fn live(_: &Call<'_>) -> Result<Reply, Reply> {
    Ok(Reply::text(StatusCode::OK, "live\n"))
}

/// The store answers, so that sign-ins can succeed.
async fn ready(call: &Call<'_>) -> Result<Reply, Reply> {
    match call.core().check_ready().await {
        Ok(()) => Ok(Reply::text(StatusCode::OK, "ready\n")),
        Err(unavailable) => Err(Reply::text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
            .retry_after(unavailable.retry_after())),
    }
}
