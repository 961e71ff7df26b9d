-- Written in SQLite's words; `Store::schema_text` turns them into PostgreSQL's. Times are
-- microseconds since 1970, flags are times that may be NULL, numbers of kinds, purposes and
-- states are those of the enums in crates/model.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id INTEGER NOT NULL PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    suspended_at INTEGER,
    closed_at INTEGER,
    awaits_email_at INTEGER,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    profile BLOB NOT NULL
) STRICT;

CREATE TABLE passwords (
    account_id INTEGER NOT NULL PRIMARY KEY,
    phc TEXT NOT NULL,
    set_at INTEGER NOT NULL
) STRICT;

CREATE TABLE identifiers (
    kind INTEGER NOT NULL,
    lookup BLOB NOT NULL,
    account_id INTEGER NOT NULL,
    verified_at INTEGER,
    PRIMARY KEY (kind, lookup)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX identifiers_by_account ON identifiers (account_id, kind);

CREATE TABLE sessions (
    account_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    surface INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;

-- The id is the digest's first eight bytes.
CREATE TABLE tokens (
    id INTEGER NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    account_id INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    purpose INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

CREATE INDEX tokens_by_session ON tokens (account_id, session_id);

CREATE TABLE codes (
    digest BLOB NOT NULL PRIMARY KEY,
    purpose INTEGER NOT NULL,
    target_kind INTEGER,
    target BLOB,
    owner_id INTEGER,
    sealed BLOB,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX codes_by_target ON codes (target);
CREATE INDEX codes_by_owner ON codes (owner_id);
CREATE INDEX codes_by_expiry ON codes (expires_at);

CREATE TABLE registrations (
    id INTEGER NOT NULL PRIMARY KEY,
    account_id INTEGER NOT NULL,
    uuid BLOB NOT NULL,
    surface INTEGER NOT NULL,
    username BLOB,
    email BLOB,
    email_verified_at INTEGER,
    phc TEXT NOT NULL,
    sealed BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX registrations_by_username ON registrations (username);
CREATE INDEX registrations_by_email ON registrations (email);
CREATE INDEX registrations_by_expiry ON registrations (expires_at);

-- 002-12: nothing here leads to an account. The link is sealed under the SMS code.
CREATE TABLE pending_phones (
    phone BLOB NOT NULL,
    code BLOB NOT NULL,
    link BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (phone, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE spent_phones (
    phone BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY,
    channel INTEGER NOT NULL,
    template INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT,
    sealed BLOB
) STRICT;

CREATE INDEX outbox_by_due ON outbox (state, channel, due_at);

CREATE TABLE limits (
    subject BLOB NOT NULL PRIMARY KEY,
    free_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE quota_uses (
    subject BLOB NOT NULL,
    slot INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (subject, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE known_sources (
    account_id INTEGER NOT NULL,
    source BLOB NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    purpose INTEGER NOT NULL,
    algorithm INTEGER NOT NULL,
    state INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    jwk TEXT NOT NULL,
    private BLOB NOT NULL
) STRICT, WITHOUT ROWID;
