//! Every path.

use super::{device, discovery, introspect, par, register, revoke, token, userinfo};
use crate::http::{Route, Verb, handler};

/// The paths. They have no prefix: they follow the issuer.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/.well-known/openid-configuration",
        handlers: &[(Verb::Get, handler!(discovery::configuration))],
    },
    Route {
        path: "/.well-known/oauth-authorization-server",
        handlers: &[(Verb::Get, handler!(discovery::configuration))],
    },
    Route {
        path: "/.well-known/oauth-protected-resource",
        handlers: &[(Verb::Get, handler!(discovery::protected_resource))],
    },
    Route { path: "/oauth2/jwks", handlers: &[(Verb::Get, handler!(discovery::jwks))] },
    Route { path: "/oauth2/status/{list}", handlers: &[(Verb::Get, handler!(discovery::status_list))] },
    Route {
        path: "/oauth2/token",
        handlers: &[(Verb::Post, handler!(token::answer)), (Verb::Options, handler!(token::preflight))],
    },
    Route { path: "/oauth2/introspect", handlers: &[(Verb::Post, handler!(introspect::answer))] },
    Route {
        path: "/oauth2/revoke",
        handlers: &[(Verb::Post, handler!(revoke::answer)), (Verb::Options, handler!(revoke::preflight))],
    },
    Route {
        path: "/oauth2/userinfo",
        handlers: &[
            (Verb::Get, handler!(userinfo::answer)),
            (Verb::Post, handler!(userinfo::answer)),
            (Verb::Options, handler!(userinfo::preflight)),
        ],
    },
    Route { path: "/oauth2/par", handlers: &[(Verb::Post, handler!(par::answer))] },
    Route { path: "/oauth2/device_authorization", handlers: &[(Verb::Post, handler!(device::answer))] },
    Route { path: "/oauth2/register", handlers: &[(Verb::Post, handler!(register::register))] },
    Route {
        path: "/oauth2/register/{client_id}",
        handlers: &[
            (Verb::Get, handler!(register::read)),
            (Verb::Put, handler!(register::replace)),
            (Verb::Delete, handler!(register::remove)),
        ],
    },
];
