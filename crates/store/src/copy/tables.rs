//! The tables and their columns, as the newest migration leaves them.

/// How a table is read and written as a whole. The columns of the primary key come first.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// How many columns the primary key has.
    pub key_columns: usize,
    /// How many rows there are.
    pub count: &'static str,
    /// The first rows; how many is `?1`.
    pub first_page: &'static str,
    /// The rows behind a key, whose columns are `?2` and on.
    pub next_page: &'static str,
    /// Writes a row.
    pub insert: &'static str,
}

/// The texts of a table from its name, its key and its columns, with the numbers of the parameters.
macro_rules! table {
    ($name:literal, $count:literal, $key:literal = $after:literal, $columns:literal = $values:literal) => {
        Table {
            name: $name,
            key_columns: $count,
            count: concat!("SELECT COUNT(*) FROM ", $name),
            first_page: concat!("SELECT ", $columns, " FROM ", $name, " ORDER BY ", $key, " LIMIT ?1"),
            next_page: concat!(
                "SELECT ",
                $columns,
                " FROM ",
                $name,
                " WHERE (",
                $key,
                ") > (",
                $after,
                ") ORDER BY ",
                $key,
                " LIMIT ?1"
            ),
            insert: concat!("INSERT INTO ", $name, " (", $columns, ") VALUES (", $values, ")"),
        }
    };
}

/// All of them, but the list of migrations, which the target has of its own.
pub const TABLES: &[Table] = &[
    table!("meta", 1, "name" = "?2", "name, value" = "?1, ?2"),
    table!(
        "accounts",
        1,
        "id" = "?2",
        "id, uuid, created_at, suspended_at, closed_at, awaits_email_at, epoch, version, profile" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
    ),
    table!("passwords", 1, "account_id" = "?2", "account_id, phc, set_at" = "?1, ?2, ?3"),
    table!(
        "identifiers",
        2,
        "kind, lookup" = "?2, ?3",
        "kind, lookup, account_id, verified_at" = "?1, ?2, ?3, ?4"
    ),
    table!(
        "sessions",
        2,
        "account_id, id" = "?2, ?3",
        "account_id, id, surface, started_at, parent_id" = "?1, ?2, ?3, ?4, ?5"
    ),
    table!(
        "tokens",
        1,
        "id" = "?2",
        "id, digest, account_id, session_id, epoch, purpose, issued_at, expires_at, used_at, client_no, facts" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11"
    ),
    table!(
        "codes",
        1,
        "digest" = "?2",
        "digest, purpose, target_kind, target, owner_id, sealed, expires_at, used_at" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8"
    ),
    table!(
        "registrations",
        1,
        "id" = "?2",
        "id, account_id, uuid, surface, username, email, email_verified_at, phc, sealed, expires_at" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10"
    ),
    table!("pending_phones", 2, "phone, code" = "?2, ?3", "phone, code, link, expires_at" = "?1, ?2, ?3, ?4"),
    table!("spent_phones", 1, "phone" = "?2", "phone" = "?1"),
    table!(
        "outbox",
        1,
        "id" = "?2",
        "id, channel, template, queued_at, due_at, state, attempts, last_error, sealed" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
    ),
    table!("limits", 1, "subject" = "?2", "subject, free_at" = "?1, ?2"),
    table!("quota_uses", 2, "subject, slot" = "?2, ?3", "subject, slot, used_at" = "?1, ?2, ?3"),
    table!("known_sources", 2, "account_id, source" = "?2, ?3", "account_id, source, seen_at" = "?1, ?2, ?3"),
    table!(
        "signing_keys",
        1,
        "kid" = "?2",
        "kid, purpose, algorithm, state, created_at, jwk, private, changed_at" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8"
    ),
    table!(
        "oauth_clients",
        1,
        "client_id" = "?2",
        "client_id, no, version, origin, metadata, secret, old_secret, old_secret_until, registration, created_at, suspended_at, expires_at, hears_logouts" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13"
    ),
    table!("oauth_client_origins", 2, "origin, client_no" = "?2, ?3", "origin, client_no" = "?1, ?2"),
    table!(
        "oauth_grants",
        1,
        "session_id" = "?2",
        "session_id, account_id, epoch, client_no, facts, started_at, expires_at, browser_id" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8"
    ),
    table!(
        "oauth_client_tokens",
        1,
        "id" = "?2",
        "id, digest, client_no, facts, issued_at, expires_at" = "?1, ?2, ?3, ?4, ?5, ?6"
    ),
    table!("oauth_revoked_jwts", 1, "jti" = "?2", "jti, expires_at" = "?1, ?2"),
    table!(
        "oauth_codes",
        1,
        "digest" = "?2",
        "digest, client_no, account_id, epoch, session_id, parent_id, redirect_uri, challenge, dpop_jkt, facts, expires_at, used_at" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12"
    ),
    table!(
        "oauth_pushed",
        1,
        "digest" = "?2",
        "digest, client_no, sealed, expires_at, used_at" = "?1, ?2, ?3, ?4, ?5"
    ),
    table!(
        "oauth_devices",
        1,
        "digest" = "?2",
        "digest, user_code, client_no, facts, source, state, account_id, epoch, session_id, parent_id, poll_after, interval_s, expires_at" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13"
    ),
    table!("oauth_seen", 1, "id" = "?2", "id, expires_at" = "?1, ?2"),
    table!(
        "oauth_consents",
        2,
        "account_id, client_no" = "?2, ?3",
        "account_id, client_no, scope, given_at" = "?1, ?2, ?3, ?4"
    ),
    table!("groups", 1, "id" = "?2", "id, name, created_at" = "?1, ?2, ?3"),
    table!("group_members", 2, "account_id, group_id" = "?2, ?3", "account_id, group_id" = "?1, ?2"),
    table!("roles", 1, "name" = "?2", "name, created_at" = "?1, ?2"),
    table!(
        "logout_outbox",
        1,
        "session_id" = "?2",
        "session_id, client_no, account_id, queued_at, due_at, attempts, last_error" =
            "?1, ?2, ?3, ?4, ?5, ?6, ?7"
    ),
    table!(
        "oauth_statuses",
        1,
        "idx" = "?2",
        "idx, session_id, client_no, lifetime, ended_at, expires_at" = "?1, ?2, ?3, ?4, ?5, ?6"
    ),
    table!("role_holders", 3, "kind, holder, role" = "?2, ?3, ?4", "kind, holder, role" = "?1, ?2, ?3"),
];
