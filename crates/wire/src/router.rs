//! Every path of every HTTP surface, in one table.

use std::sync::Arc;

use countersign_ops::Core;
use http::header::HeaderValue;

use crate::bodies::Bodies;
use crate::http::{Handler, Refusal, Refuse, Reply, RequestIds, Route, Verb};
use crate::metrics::Metrics;
use crate::service::{App, Entry, Inner};
use crate::settings::{SurfaceSettings, WireSettings};
use crate::{authd, authv1, health, oauth, openapi, ouser, pages, rest};

/// A surface, as the table sees it.
struct Surface {
    name: &'static str,
    routes: &'static [Route],
    refuse: Refuse,
    settings: SurfaceSettings,
    /// Whether its paths are served in any case (003-21).
    any_case: bool,
}

/// Why the surfaces cannot be served as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouterError {
    /// A prefix that is not empty, or `/` and letters, digits, `-`, `_`, `.` and more slashes.
    #[error("surface {surface}: the prefix must be empty or like /accounts, without a slash at the end")]
    Prefix {
        /// The surface.
        surface: &'static str,
    },
    /// Two surfaces at one path.
    #[error("the path {0} belongs to two surfaces; give one of them a prefix")]
    Conflict(String),
}

/// The HTTP surfaces over these operations.
///
/// # Errors
/// [`RouterError`] for prefixes that do not work.
pub fn router(core: Arc<Core>, settings: WireSettings) -> Result<App, RouterError> {
    let (index, table) = paths(&settings)?;
    let rows = table.iter().map(|e: &Entry| (e.surface, e.pattern.as_str()));
    let metrics = Arc::new(Metrics::new(rows.chain([("none", "none")])));
    let request_ids = RequestIds::new(&core.random);
    let openapi = openapi::describe(&settings, &core.settings.public_url);
    Ok(App(Arc::new(Inner {
        core,
        settings,
        index,
        table,
        metrics,
        openapi,
        request_ids,
        bodies: Bodies::default(),
    })))
}

/// Whether [`router`] can serve the surfaces at these prefixes.
///
/// # Errors
/// [`RouterError`] for prefixes that do not work.
pub fn check_prefixes(settings: &WireSettings) -> Result<(), RouterError> {
    paths(settings).map(drop)
}

fn paths(settings: &WireSettings) -> Result<(matchit::Router<usize>, Vec<Entry>), RouterError> {
    let mut index = matchit::Router::new();
    let mut table = Vec::new();
    for surface in surfaces(settings).into_iter().filter(|s| s.settings.enabled) {
        check_prefix(&surface)?;
        for route in surface.routes {
            let entry = entry(&surface, route);
            index
                .insert(&entry.pattern, table.len())
                .map_err(|_| RouterError::Conflict(entry.pattern.clone()))?;
            table.push(entry);
        }
    }
    Ok((index, table))
}

fn surfaces(settings: &WireSettings) -> Vec<Surface> {
    let own = |name, routes, refuse| Surface {
        name,
        routes,
        refuse,
        settings: SurfaceSettings::default(),
        any_case: false,
    };
    let of = |name, routes, refuse, settings: &SurfaceSettings| Surface {
        name,
        routes,
        refuse,
        settings: settings.clone(),
        any_case: false,
    };
    // Links in messages that were sent before there was a prefix have none: they work on.
    let confirmation = Surface {
        settings: SurfaceSettings {
            enabled: settings.authd.enabled && !settings.authd.prefix.is_empty(),
            prefix: String::new(),
        },
        ..own("authd", authd::LINKS, authd::refuse)
    };
    vec![
        of("ouser", ouser::ROUTES, ouser::refuse, &settings.ouser),
        of("authd", authd::ROUTES, authd::refuse, &settings.authd),
        Surface { any_case: true, ..of("authv1", authv1::ROUTES, authv1::refuse, &settings.authv1) },
        of("rest", rest::ROUTES, rest::refuse, &settings.rest),
        confirmation,
        of("oauth", oauth::ROUTES, oauth::refuse, &settings.oauth),
        of("pages", pages::FLOW_ROUTES, pages::refuse, &settings.oauth),
        own("pages", pages::ROUTES, pages::refuse),
        own("server", health::ROUTES, refuse_plainly),
        own("server", openapi::ROUTES, refuse_plainly),
    ]
}

fn check_prefix(surface: &Surface) -> Result<(), RouterError> {
    let prefix = &surface.settings.prefix;
    let segment_ok = |s: &str| {
        !s.is_empty()
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~'))
    };
    let ok = prefix.is_empty() || prefix.strip_prefix('/').is_some_and(|p| p.split('/').all(segment_ok));
    ok.then_some(()).ok_or(RouterError::Prefix { surface: surface.name })
}

fn entry(surface: &Surface, route: &Route) -> Entry {
    let mut pattern = format!("{}{}", surface.settings.prefix, route.path);
    if surface.any_case {
        pattern.make_ascii_lowercase();
    }
    Entry {
        surface: surface.name,
        pattern,
        any_case: surface.any_case,
        handlers: route.handlers,
        allow: allow(route.handlers),
        refuse: surface.refuse,
    }
}

/// The value of `Allow` (RFC 9110 §10.2.1).
fn allow(handlers: &[(Verb, Handler)]) -> HeaderValue {
    let methods: Vec<&str> =
        handlers.iter().flat_map(|(verb, _)| verb.methods()).map(|m| m.as_str()).collect();
    HeaderValue::from_str(&methods.join(", ")).unwrap_or(HeaderValue::from_static(""))
}

/// A refusal where no surface is concerned.
pub(crate) fn refuse_plainly(refusal: Refusal<'_>) -> Reply {
    Reply::message(refusal.status(), refusal.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_path_without_its_last_slash() {
        let check = |prefix: &str| {
            let mut settings = WireSettings::default();
            settings.ouser.prefix = prefix.to_owned();
            surfaces(&settings).iter().try_for_each(check_prefix).is_ok()
        };
        for good in ["", "/old", "/a/b-c_d.e~f"] {
            assert!(check(good), "{good}");
        }
        for bad in ["/", "old", "/old/", "//old", "/{x}", "/a b", "/ä", "/a//b"] {
            assert!(!check(bad), "{bad}");
        }
    }

    #[test]
    fn no_two_surfaces_share_a_path() {
        let mut index = matchit::Router::new();
        for surface in surfaces(&WireSettings::default()).iter().filter(|s| s.settings.enabled) {
            for route in surface.routes {
                assert!(index.insert(entry(surface, route).pattern, ()).is_ok(), "{}", route.path);
            }
        }
    }

    #[test]
    fn the_link_of_a_confirmation_works_where_its_surface_was_moved() {
        let mut settings = WireSettings::default();
        settings.authd.prefix = "/old".to_owned();
        let served = |settings: &WireSettings| {
            let all = surfaces(settings);
            all.iter()
                .filter(|s| s.settings.enabled)
                .flat_map(|s| s.routes.iter().map(|r| entry(s, r).pattern))
                .collect::<Vec<_>>()
        };
        let patterns = served(&settings);
        assert!(patterns.contains(&"/v1/requests/accounts/{id}".to_owned()));
        assert!(patterns.contains(&"/old/v1/requests/accounts/{id}".to_owned()));
        assert!(!patterns.contains(&"/v1/tokens".to_owned()));
        settings.authd.enabled = false;
        assert!(!served(&settings).iter().any(|p| p.contains("/v1/requests")));
    }

    #[test]
    fn allow_names_the_methods_that_are_served() {
        let value = |path: &str, routes: &[Route]| {
            let route = routes.iter().find(|r| r.path == path).unwrap();
            allow(route.handlers).to_str().unwrap().to_owned()
        };
        assert_eq!(value("/login", ouser::ROUTES), "POST");
        assert_eq!(value("/v1/requests/accounts/{id}", authd::ROUTES), "GET");
        assert_eq!(value("/auth/profile", rest::ROUTES), "GET, HEAD, PATCH");
    }
}
