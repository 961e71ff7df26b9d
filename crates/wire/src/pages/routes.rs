//! The paths of the pages. They have no prefix: links in messages lead here.

use super::{
    account, authorize, device, icon, links, logout, new_password, recover, sign_in, sign_in_code, sign_up,
    verify_address,
};
use crate::http::{CONFIRMED, LINK_INVALID, Route, Verb};

/// Turns `async fn(&Call<'_>) -> Result<Reply, Error>` into a handler. What an error looks like depends on the
/// call too: on its language.
macro_rules! page {
    ($function:path) => {
        |call| Box::pin(async move { $function(call).await.unwrap_or_else(|error| error.reply(call)) })
    };
}

/// The paths.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/verify-email/{link}",
        handlers: &[(Verb::Get, page!(links::ask_to_verify)), (Verb::Post, page!(links::verify_email))],
    },
    Route {
        path: "/reset-password/{link}",
        handlers: &[(Verb::Get, page!(links::ask_for_password)), (Verb::Post, page!(links::reset_password))],
    },
    Route { path: CONFIRMED, handlers: &[(Verb::Get, page!(links::confirmed))] },
    Route { path: LINK_INVALID, handlers: &[(Verb::Get, page!(links::invalid))] },
    Route { path: "/favicon.ico", handlers: &[(Verb::Get, page!(icon::show))] },
];

/// The paths of sign-in for clients, served with OAuth.
pub const FLOW_ROUTES: &[Route] = &[
    Route { path: "/", handlers: &[(Verb::Get, page!(account::come))] },
    Route {
        path: "/oauth2/authorize",
        handlers: &[(Verb::Get, page!(authorize::authorize)), (Verb::Post, page!(authorize::authorize))],
    },
    Route { path: "/oauth2/continue", handlers: &[(Verb::Get, page!(authorize::go_on))] },
    Route { path: "/consent", handlers: &[(Verb::Post, page!(authorize::consent))] },
    Route {
        path: "/oauth2/logout",
        handlers: &[(Verb::Get, page!(logout::ask)), (Verb::Post, page!(logout::logout))],
    },
    Route { path: "/signed-out", handlers: &[(Verb::Get, page!(logout::signed_out))] },
    Route { path: "/select-account", handlers: &[(Verb::Post, page!(sign_in::select_account))] },
    Route {
        path: "/sign-in",
        handlers: &[(Verb::Get, page!(sign_in::show)), (Verb::Post, page!(sign_in::submit))],
    },
    Route {
        path: "/new-password",
        handlers: &[(Verb::Get, page!(new_password::show)), (Verb::Post, page!(new_password::submit))],
    },
    Route {
        path: "/sign-in/code",
        handlers: &[(Verb::Get, page!(sign_in_code::show)), (Verb::Post, page!(sign_in_code::submit))],
    },
    Route {
        path: "/sign-up",
        handlers: &[(Verb::Get, page!(sign_up::show)), (Verb::Post, page!(sign_up::submit))],
    },
    Route {
        path: "/recover",
        handlers: &[(Verb::Get, page!(recover::show)), (Verb::Post, page!(recover::submit))],
    },
    Route {
        path: "/device",
        handlers: &[(Verb::Get, page!(device::show)), (Verb::Post, page!(device::submit))],
    },
    Route {
        path: "/account",
        handlers: &[(Verb::Get, page!(account::show)), (Verb::Post, page!(account::submit))],
    },
    Route {
        path: verify_address::PATH,
        handlers: &[(Verb::Get, page!(verify_address::show)), (Verb::Post, page!(verify_address::submit))],
    },
];
