-- OAuth 2 and OpenID Connect. Written like 0001. `client_no` is `oauth_clients.no`; `facts` are JSON of
-- the types in crates/model/src/oauth/facts.rs.

-- Which client a token was issued to and what it may do; NULL for the five documents.
ALTER TABLE tokens ADD COLUMN client_no INTEGER;
ALTER TABLE tokens ADD COLUMN facts TEXT;
-- Of a grant: its browser session, with which it ends.
ALTER TABLE sessions ADD COLUMN parent_id INTEGER;
-- When a key took its state.
ALTER TABLE signing_keys ADD COLUMN changed_at INTEGER;

-- `metadata` has the names of RFC 7591 and no secrets; `hears_logouts` is 1 if it has a `backchannel_logout_uri`. The old secret works on for a while after it was
-- rotated. `registration` is the digest of the token of RFC 7592. `expires_at` is for cached metadata documents.
CREATE TABLE oauth_clients (
    client_id TEXT NOT NULL PRIMARY KEY,
    no INTEGER NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    secret BLOB,
    old_secret BLOB,
    old_secret_until INTEGER,
    registration BLOB,
    created_at INTEGER NOT NULL,
    suspended_at INTEGER,
    expires_at INTEGER,
    hears_logouts INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_clients_by_expiry ON oauth_clients (expires_at);

-- Whose scripts may ask (CORS).
CREATE TABLE oauth_client_origins (
    origin TEXT NOT NULL,
    client_no INTEGER NOT NULL,
    PRIMARY KEY (origin, client_no)
) STRICT, WITHOUT ROWID;

-- One for each authorization of a client; its session id is the `sid`. `browser_id`
-- is the browser's session that it began in, if it outlives that.
CREATE TABLE oauth_grants (
    session_id INTEGER NOT NULL PRIMARY KEY,
    account_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    client_no INTEGER NOT NULL,
    facts TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    browser_id INTEGER
) STRICT;

CREATE INDEX oauth_grants_by_account ON oauth_grants (account_id, client_no);

-- Of client credentials. The id is the digest's first eight bytes.
CREATE TABLE oauth_client_tokens (
    id INTEGER NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    client_no INTEGER NOT NULL,
    facts TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE oauth_revoked_jwts (
    jti BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_revoked_jwts_by_expiry ON oauth_revoked_jwts (expires_at);

-- `session_id` is that of the grant, drawn with the code: a reuse knows what to end. `parent_id` is the
-- browser's session, which must be valid still at redemption.
CREATE TABLE oauth_codes (
    digest BLOB NOT NULL PRIMARY KEY,
    client_no INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    parent_id INTEGER NOT NULL,
    redirect_uri TEXT,
    challenge TEXT,
    dpop_jkt TEXT,
    facts TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_codes_by_expiry ON oauth_codes (expires_at);

-- Pushed requests (RFC 9126).
CREATE TABLE oauth_pushed (
    digest BLOB NOT NULL PRIMARY KEY,
    client_no INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_pushed_by_expiry ON oauth_pushed (expires_at);

-- RFC 8628. States: 1 pending, 2 approved, 3 denied, 4 redeemed.
CREATE TABLE oauth_devices (
    digest BLOB NOT NULL PRIMARY KEY,
    user_code BLOB NOT NULL UNIQUE,
    client_no INTEGER NOT NULL,
    facts TEXT NOT NULL,
    source TEXT NOT NULL,
    state INTEGER NOT NULL,
    account_id INTEGER,
    epoch INTEGER,
    session_id INTEGER,
    parent_id INTEGER,
    poll_after INTEGER NOT NULL,
    interval_s INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_devices_by_expiry ON oauth_devices (expires_at);

-- What works once: DPoP proofs, assertions and request objects. The id is a digest of kind, issuer and jti.
CREATE TABLE oauth_seen (
    id BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_seen_by_expiry ON oauth_seen (expires_at);

-- `scope` is the union of what was allowed, in order.
CREATE TABLE oauth_consents (
    account_id INTEGER NOT NULL,
    client_no INTEGER NOT NULL,
    scope TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, client_no)
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_consents_by_client ON oauth_consents (client_no);

CREATE TABLE groups (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE group_members (
    account_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    PRIMARY KEY (account_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE roles (
    name TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Kinds of holders: 1 account, 2 group.
CREATE TABLE role_holders (
    kind INTEGER NOT NULL,
    holder INTEGER NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (kind, holder, role)
) STRICT, WITHOUT ROWID;

-- Back-channel logout: one for each session of a client's that has ended, until the client has heard of it.
-- `due_at` is NULL once it is given up.
CREATE TABLE logout_outbox (
    session_id INTEGER NOT NULL PRIMARY KEY,
    client_no INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    due_at INTEGER,
    attempts INTEGER NOT NULL,
    last_error TEXT
) STRICT;

CREATE INDEX logout_outbox_by_due ON logout_outbox (due_at, client_no);

CREATE INDEX logout_outbox_by_client ON logout_outbox (client_no, due_at);

-- Places in the status lists, one for each grant that has signed access tokens. `lifetime` is how long such a token
-- works, in microseconds; when the last of them has expired, at `expires_at`, the place is free again.
CREATE TABLE oauth_statuses (
    idx INTEGER NOT NULL PRIMARY KEY,
    session_id INTEGER NOT NULL,
    client_no INTEGER NOT NULL,
    lifetime INTEGER NOT NULL,
    ended_at INTEGER,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX oauth_statuses_by_session ON oauth_statuses (session_id);

CREATE INDEX oauth_statuses_by_expiry ON oauth_statuses (expires_at);
