//! The tables and their columns, as the newest migration leaves them.

/// How a table is read and written as a whole. The columns of the primary key come first.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// How many columns the primary key has.
    pub key_columns: usize,
    /// The first rows; how many is `$1`.
    pub first_page: &'static str,
    /// The rows behind a key, whose columns are `$2` and on.
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
            first_page: concat!("SELECT ", $columns, " FROM ", $name, " ORDER BY ", $key, " LIMIT $1"),
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
                " LIMIT $1"
            ),
            insert: concat!("INSERT INTO ", $name, " (", $columns, ") VALUES (", $values, ")"),
        }
    };
}

/// All of them, but the list of migrations, which the target has of its own.
pub const TABLES: &[Table] = &[
    table!("meta", 1, "name" = "$2", "name, value" = "$1, $2"),
    table!(
        "accounts",
        1,
        "id" = "$2",
        "id, uuid, created_at, suspended_at, closed_at, awaits_email_at, epoch, version, profile" =
            "$1, $2, $3, $4, $5, $6, $7, $8, $9"
    ),
    table!("passwords", 1, "account_id" = "$2", "account_id, phc, set_at" = "$1, $2, $3"),
    table!(
        "identifiers",
        2,
        "kind, lookup" = "$2, $3",
        "kind, lookup, account_id, verified_at" = "$1, $2, $3, $4"
    ),
    table!(
        "sessions",
        2,
        "account_id, id" = "$2, $3",
        "account_id, id, surface, started_at" = "$1, $2, $3, $4"
    ),
    table!(
        "tokens",
        1,
        "id" = "$2",
        "id, digest, account_id, session_id, epoch, purpose, issued_at, expires_at, used_at" =
            "$1, $2, $3, $4, $5, $6, $7, $8, $9"
    ),
    table!(
        "codes",
        1,
        "digest" = "$2",
        "digest, purpose, target_kind, target, owner_id, sealed, expires_at, used_at" =
            "$1, $2, $3, $4, $5, $6, $7, $8"
    ),
    table!(
        "registrations",
        1,
        "id" = "$2",
        "id, account_id, uuid, surface, username, email, email_verified_at, phc, sealed, expires_at" =
            "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10"
    ),
    table!("pending_phones", 2, "phone, code" = "$2, $3", "phone, code, link, expires_at" = "$1, $2, $3, $4"),
    table!("spent_phones", 1, "phone" = "$2", "phone" = "$1"),
    table!(
        "outbox",
        1,
        "id" = "$2",
        "id, channel, template, queued_at, due_at, state, attempts, last_error, sealed" =
            "$1, $2, $3, $4, $5, $6, $7, $8, $9"
    ),
    table!("limits", 1, "subject" = "$2", "subject, free_at" = "$1, $2"),
    table!("quota_uses", 2, "subject, slot" = "$2, $3", "subject, slot, used_at" = "$1, $2, $3"),
    table!("known_sources", 2, "account_id, source" = "$2, $3", "account_id, source, seen_at" = "$1, $2, $3"),
    table!(
        "signing_keys",
        1,
        "kid" = "$2",
        "kid, purpose, algorithm, state, created_at, jwk, private" = "$1, $2, $3, $4, $5, $6, $7"
    ),
];
