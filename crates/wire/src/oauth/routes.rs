//! Every path.

use super::{cors, device, discovery, introspect, par, register, revoke, token, userinfo};
use crate::http::{Route, Verb, handler};

/// The paths. They have no prefix: they follow the issuer.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/.well-known/openid-configuration",
        handlers: &[
            (Verb::Get, handler!(discovery::configuration)),
            (Verb::Options, handler!(cors::open_preflight)),
        ],
    },
    Route {
        path: "/.well-known/oauth-authorization-server",
        handlers: &[
            (Verb::Get, handler!(discovery::configuration)),
            (Verb::Options, handler!(cors::open_preflight)),
        ],
    },
    Route {
        path: "/.well-known/oauth-protected-resource",
        handlers: &[
            (Verb::Get, handler!(discovery::protected_resource)),
            (Verb::Options, handler!(cors::open_preflight)),
        ],
    },
    Route {
        path: "/oauth2/jwks",
        handlers: &[(Verb::Get, handler!(discovery::jwks)), (Verb::Options, handler!(cors::open_preflight))],
    },
    Route {
        path: "/oauth2/status/{list}",
        handlers: &[
            (Verb::Get, handler!(discovery::status_list)),
            (Verb::Options, handler!(cors::open_preflight)),
        ],
    },
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
    Route {
        path: "/oauth2/par",
        handlers: &[(Verb::Post, handler!(par::answer)), (Verb::Options, handler!(par::preflight))],
    },
    Route {
        path: "/oauth2/device_authorization",
        handlers: &[(Verb::Post, handler!(device::answer)), (Verb::Options, handler!(device::preflight))],
    },
    Route {
        path: "/oauth2/register",
        handlers: &[
            (Verb::Post, handler!(register::register)),
            (Verb::Options, handler!(cors::open_preflight)),
        ],
    },
    Route {
        path: "/oauth2/register/{client_id}",
        handlers: &[
            (Verb::Get, handler!(register::read)),
            (Verb::Put, handler!(register::replace)),
            (Verb::Delete, handler!(register::remove)),
        ],
    },
];
