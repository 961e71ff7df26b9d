//! Placeholder of the surface; its routes follow.

use crate::http::{Refusal, Reply, Route};

/// The paths.
pub const ROUTES: &[Route] = &[];

/// A refusal in this surface's form.
pub fn refuse(refusal: Refusal<'_>) -> Reply {
    Reply::json(refusal.status(), &serde_json::json!({ "message": refusal.message() }))
}
