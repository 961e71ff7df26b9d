//! Times and places as people read them.

use countersign_model::time::Timestamp;

/// How much longer something works: `10 minutes`. Rounded to the nearest unit, since a message is a
/// second or so on its way before this is said.
pub(super) fn lifetime(now: Timestamp, expires_at: Option<Timestamp>) -> String {
    let Some(expires_at) = expires_at.filter(|at| *at != Timestamp::NEVER) else {
        return "a limited time".to_owned();
    };
    let seconds = expires_at.since(now).as_secs();
    let rounded = |unit: u64| (seconds + unit / 2) / unit;
    let (count, unit) = match (rounded(60), rounded(3600)) {
        (0, _) => return "less than a minute".to_owned(),
        (60, _) => (1, "hour"),
        (minutes @ ..120, _) => (minutes, "minute"),
        (_, hours @ ..48) => (hours, "hour"),
        _ => (rounded(86_400), "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A time for people: `2017-01-01 00:10 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    let text = at.date_and_time();
    format!("{} UTC", text.rsplit_once(':').map_or(text.as_str(), |(minutes, _)| minutes))
}

/// The host of a URL. Messages name the site by the configured URL only, never by what a request said (R040).
pub(crate) fn site(public_url: &str) -> String {
    let after_scheme = public_url.split_once("://").map_or(public_url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host.to_owned(),
        _ => authority.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lifetimes_are_said_in_the_unit_that_fits() {
        let now = Timestamp::from_micros(1_500_000_000_000_000);
        for (seconds, text) in [
            (0, "less than a minute"),
            (20, "less than a minute"),
            (65, "1 minute"),
            (595, "10 minutes"),
            (600, "10 minutes"),
            (3599, "1 hour"),
            (5400, "90 minutes"),
            (43_198, "12 hours"),
            (86_400, "24 hours"),
            (431_999, "5 days"),
        ] {
            assert_eq!(lifetime(now, Some(now.after(Duration::from_secs(seconds)))), text);
        }
        assert_eq!(lifetime(now, Some(now.before(Duration::from_secs(9)))), "less than a minute");
        assert_eq!(lifetime(now, None), "a limited time");
    }

    #[test]
    fn moments_have_no_seconds_and_a_zone() {
        assert_eq!(moment(Timestamp::from_micros(1_342_459_414_999_999)), "2012-07-16 17:23 UTC");
    }

    #[test]
    fn the_site_is_the_host_of_the_public_url() {
        for (url, host) in [
            ("https://accounts.example.com", "accounts.example.com"),
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("https://example.com:8443/accounts", "example.com"),
            ("https://[::1]:8080", "[::1]"),
            ("https://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(site(url), host);
        }
    }
}
