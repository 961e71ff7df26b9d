//! Every setting with its name, its default and what it may be: the one list of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_model::identifier::Region;
use countersign_model::limit::{Quota, Rate};
use countersign_model::secret::Secret;
use countersign_ops::{CodeLifetimes, LayerSettings, Limits, SessionLifetimes};
use countersign_wire::SurfaceSettings;
use countersign_wire::http::{Network, TrustedProxies};

use super::delivery::{self, http_url};
use super::mtls;
use super::oauth;
use super::password;
use super::reader::{MASK, Reader};
use super::settings::{
    Bounds, CertificateFiles, LineListener, LogSettings, MasterKeySource, Settings, is_positive,
};
use super::value::Size;

/// Where everything is unless told otherwise.
pub const DEFAULT_DATA_DIR: &str = "countersign-data";

const POSITIVE: &str = "a duration above 0, such as \"10m\"";

/// Reads them all; what is wrong collects in the reader.
pub fn settings(reader: &mut Reader<'_>) -> Settings {
    let default_dir = PathBuf::from(DEFAULT_DATA_DIR);
    let data_dir = reader.path_or("data_dir", Some(default_dir.clone())).unwrap_or(default_dir);
    let database = super::database::read(reader, &data_dir);
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listen = reader.or("listen", loopback(8080));
    let line_listen = reader.or("line_listen", loopback(8081));
    let metrics_listen = reader.or("metrics_listen", loopback(8082));
    let public_url = reader.parsed(
        "public_url",
        "a URL such as https://accounts.example.com, without query and fragment",
        public_url,
    );
    let tls_terminated_by_proxy = reader.or("tls_terminated_by_proxy", false);
    let tls = certificate_files(reader, "tls");
    let line = LineListener {
        enabled: reader.or("line.enabled", true),
        listen: line_listen,
        certificate: certificate_files(reader, "line"),
    };
    let trusted_proxies = trusted_proxies(reader);
    let [ouser, authd, authv1, rest] = ["ouser", "authd", "authv1", "rest"].map(|name| surface(reader, name));
    let ouser_accept_query = reader.or("surfaces.ouser.accept_query", true);
    let hasher = password::hasher(reader);
    let mut operations = operations(reader);
    operations.authd_prefix.clone_from(&authd.prefix);
    let (mtls, mtls_settings) = mtls::read(reader);
    operations.oauth.mtls = mtls_settings;
    if mtls.proxy_header.is_some() && trusted_proxies.0.is_empty() {
        reader.missing(
            "`oauth.mtls.proxy_header` counts from trusted proxies only, so `proxy.trusted` must be set",
        );
    }
    let oauth = oauth::surface(reader);
    // Pages, cookies and metadata have paths of their own (RFC 8414 section 3.1 puts those of such an issuer elsewhere).
    if oauth.enabled && public_url.as_deref().is_some_and(has_path) {
        let origin = reader.origin("public_url");
        reader.problem(
            &origin,
            "`public_url` has a path, under which the pages of OAuth do not stand: leave the path out, or set \
             `surfaces.oauth.enabled = false`",
        );
    }
    Settings {
        operations,
        delivery: delivery::read(reader),
        bounds: bounds(reader),
        master_key: master_key(reader),
        log: log(reader),
        data_dir,
        database,
        listen,
        metrics_listen,
        line,
        mtls,
        public_url,
        tls,
        tls_terminated_by_proxy,
        trusted_proxies,
        ouser,
        ouser_accept_query,
        authd,
        authv1,
        rest,
        oauth,
        clients: Vec::new(),
        hasher,
    }
}

/// Without a trailing slash.
fn public_url(text: &str) -> Option<String> {
    let url = http_url(text)?;
    (!url.contains(['?', '#', '@', ' '])).then(|| url.trim_end_matches('/').to_owned())
}

/// Of a URL without a trailing slash.
fn has_path(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'))
}

fn certificate_files(reader: &mut Reader<'_>, section: &str) -> Option<CertificateFiles> {
    let (certificate_name, key_name) = (format!("{section}.certificate"), format!("{section}.key"));
    match (reader.path(&certificate_name), reader.path(&key_name)) {
        (Some(certificate), Some(key)) => Some(CertificateFiles { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            reader.missing(format!("`{certificate_name}` is set, so `{key_name}` must be too"));
            None
        }
        (None, Some(_)) => {
            reader.missing(format!("`{key_name}` is set, so `{certificate_name}` must be too"));
            None
        }
    }
}

fn trusted_proxies(reader: &mut Reader<'_>) -> TrustedProxies {
    let allowed = "a list of addresses or networks such as [\"10.0.0.0/8\"]";
    let all_are = |texts: &Vec<String>| texts.iter().all(|text| text.parse::<Network>().is_ok());
    let texts = reader.checked("proxy.trusted", Vec::new(), allowed, all_are);
    TrustedProxies(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

fn surface(reader: &mut Reader<'_>, name: &str) -> SurfaceSettings {
    let allowed = "empty, or a path such as \"/old\" of letters, digits, `-`, `_` and `/`, not ending in `/`";
    SurfaceSettings {
        enabled: reader.or(&format!("surfaces.{name}.enabled"), true),
        prefix: reader
            .checked(&format!("surfaces.{name}.prefix"), String::new(), allowed, |text| is_prefix(text)),
    }
}

fn is_prefix(text: &str) -> bool {
    let segment_ok = |segment: &str| {
        !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    text.is_empty() || text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment_ok))
}

fn operations(reader: &mut Reader<'_>) -> countersign_ops::Settings {
    let default = countersign_ops::Settings::default();
    let region = "an ISO 3166 country code such as \"DE\"";
    countersign_ops::Settings {
        public_url: default.public_url,
        authd_prefix: default.authd_prefix,
        password_floor: password::floor(reader),
        breached_list: password::breached_list(reader),
        phone_region: reader.parsed("phone.default_region", region, Region::parse),
        conceal_accounts: reader.or("privacy.conceal_accounts", default.conceal_accounts),
        codes: codes(reader, default.codes),
        sessions: sessions(reader, default.sessions),
        limits: limits(reader, default.limits),
        keep_messages: reader.checked("delivery.keep", default.keep_messages, POSITIVE, is_positive),
        layer: layer(reader),
        oauth: oauth::read(reader),
        pages: oauth::pages(reader),
    }
}

fn codes(reader: &mut Reader<'_>, default: CodeLifetimes) -> CodeLifetimes {
    let mut lifetime = |key, default| reader.checked(key, default, POSITIVE, is_positive);
    CodeLifetimes {
        verification: lifetime("codes.lifetime", default.verification),
        confirmation: lifetime("codes.confirmation_lifetime", default.confirmation),
        reset: lifetime("codes.reset_lifetime", default.reset),
        phone: lifetime("codes.phone_lifetime", default.phone),
    }
}

fn sessions(reader: &mut Reader<'_>, default: SessionLifetimes) -> SessionLifetimes {
    let reuse_grace = reader.or("sessions.reuse_grace", default.reuse_grace);
    let (oauth_access, oauth_refresh) =
        oauth::token_lifetimes(reader, default.oauth_access, default.oauth_refresh);
    let mut lifetime = |key, default| reader.checked(key, default, POSITIVE, is_positive);
    SessionLifetimes {
        ouser: lifetime("sessions.ouser", default.ouser),
        authd_access: lifetime("sessions.authd_access", default.authd_access),
        authd_refresh: lifetime("sessions.authd_refresh", default.authd_refresh),
        line: lifetime("sessions.line", default.line),
        authv1: lifetime("sessions.authv1", default.authv1),
        rest: lifetime("sessions.rest", default.rest),
        browser: lifetime("sessions.browser", default.browser),
        browser_idle: lifetime("sessions.browser_idle", default.browser_idle),
        oauth_access,
        oauth_refresh,
        absolute: lifetime("sessions.absolute", default.absolute),
        reuse_grace,
    }
}

fn limits(reader: &mut Reader<'_>, default: Limits) -> Limits {
    let hour = Duration::from_secs(3600);
    let per_hour = default.messages_total.burst;
    let per_hour = count(reader, "limits.messages_per_hour", per_hour);
    Limits {
        sign_in_per_account: rate(reader, "limits.sign_in_per_account", default.sign_in_per_account),
        sign_in_per_source: rate(reader, "limits.sign_in_per_source", default.sign_in_per_source),
        messages_per_target: rate(reader, "limits.messages_per_target", default.messages_per_target),
        messages_per_source: rate(reader, "limits.messages_per_source", default.messages_per_source),
        messages_total: Rate { burst: per_hour, interval: hour / per_hour },
        registrations_per_source: rate(
            reader,
            "limits.registrations_per_source",
            default.registrations_per_source,
        ),
        client_documents_per_source: rate(
            reader,
            "limits.client_documents_per_source",
            default.client_documents_per_source,
        ),
        resets: Quota {
            count: count(reader, "limits.resets_per_day", default.resets.count),
            window: default.resets.window,
        },
        sessions_per_account: count(reader, "limits.sessions_per_account", default.sessions_per_account),
        phone_code_tries: default.phone_code_tries,
    }
}

fn rate(reader: &mut Reader<'_>, key: &str, default: Rate) -> Rate {
    Rate {
        burst: count(reader, &format!("{key}_burst"), default.burst),
        interval: reader.checked(&format!("{key}_interval"), default.interval, POSITIVE, is_positive),
    }
}

fn count(reader: &mut Reader<'_>, key: &str, default: u32) -> u32 {
    reader.checked(key, default, "a whole number, 1 or more", |n| *n > 0)
}

fn layer(reader: &mut Reader<'_>) -> LayerSettings {
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let provider_id = reader.parsed("layer.provider_id", "a text such as layer:///providers/<uuid>", named);
    let key_id = reader.parsed("layer.key_id", "a text such as layer:///keys/<uuid>", named);
    let key_pem = reader.path("layer.key_file").and_then(|path| key_file(reader, &path));
    let lifetime = reader.checked("layer.token_lifetime", Duration::from_secs(300), POSITIVE, is_positive);
    let layer = LayerSettings { provider_id, key_id, key_pem, token_lifetime: lifetime };
    if let Err(error) = layer.check_key() {
        let origin = reader.origin("layer.key_file");
        reader.problem(&origin, format!("`layer.key_file`: {error}"));
    }
    layer
}

fn key_file(reader: &mut Reader<'_>, path: &Path) -> Option<Secret> {
    match std::fs::read_to_string(path) {
        Ok(pem) => Some(Secret::new(pem)),
        Err(error) => {
            let origin = reader.origin("layer.key_file");
            reader.problem(&origin, format!("`layer.key_file`: {} cannot be read: {error}", path.display()));
            None
        }
    }
}

fn bounds(reader: &mut Reader<'_>) -> Bounds {
    let mut least_one =
        |key, default| reader.checked(key, default, "a whole number, 1 or more", |n: &usize| *n > 0);
    let connections = least_one("limits.connections", 10_000);
    let connections_per_source = least_one("limits.connections_per_source", 1000);
    let line_connections = least_one("limits.line_connections", 1000);
    let line_connections_per_source = least_one("limits.line_connections_per_source", 100);
    let allowed = "a size from 1KiB to 64MiB";
    let body = reader
        .checked("limits.body_bytes", Size(65_536), allowed, |size| (1 << 10..=64 << 20).contains(&size.0));
    Bounds {
        connections,
        connections_per_source,
        line_connections,
        line_connections_per_source,
        body_bytes: body.0,
    }
}

fn master_key(reader: &mut Reader<'_>) -> MasterKeySource {
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let file = reader.path("master_key.file").map(MasterKeySource::File);
    let environment = reader.parsed("master_key.environment", "the name of an environment variable", named);
    // The key may stand in it.
    let command = "a shell command that prints the key";
    let command = reader.masked("master_key.command", command, named, |_| MASK.to_owned());
    let given = [file, environment.map(MasterKeySource::Environment), command.map(MasterKeySource::Command)];
    let mut given = given.into_iter().flatten();
    let first = given.next();
    if first.is_some() && given.next().is_some() {
        reader.missing(
            "`[master_key]` has more than one of `file`, `environment` and `command`; one is enough",
        );
    }
    first.unwrap_or(MasterKeySource::DataDirectory)
}

fn log(reader: &mut Reader<'_>) -> LogSettings {
    use tracing::Level;
    let levels = [
        ("info", Level::INFO),
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];
    LogSettings {
        level: reader.choice("log.level", &levels),
        json: reader.choice("log.format", &[("text", false), ("json", true)]),
    }
}
