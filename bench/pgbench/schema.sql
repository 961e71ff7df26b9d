-- The tables that rotate.sql works on, as the server has them, with :rows tokens that stand there from the start.
SET client_min_messages = warning;
DROP TABLE IF EXISTS accounts, tokens;
CREATE TABLE accounts (id BIGINT NOT NULL PRIMARY KEY, uuid BYTEA NOT NULL UNIQUE, created_at BIGINT NOT NULL,
    suspended_at BIGINT, closed_at BIGINT, awaits_email_at BIGINT, epoch BIGINT NOT NULL, version BIGINT NOT NULL,
    profile BYTEA NOT NULL);
CREATE TABLE tokens (id BIGINT NOT NULL PRIMARY KEY, digest BYTEA NOT NULL, account_id BIGINT NOT NULL, session_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL, purpose BIGINT NOT NULL, issued_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
    used_at BIGINT);
INSERT INTO accounts
    SELECT n, sha256(convert_to('uuid-' || n, 'UTF8')), 0, NULL, NULL, NULL, 0, 0, convert_to(repeat('p', 110), 'UTF8')
    FROM generate_series(0, :rows / 10 + 255) AS n;
INSERT INTO tokens SELECT hashint8extended(n, 1), sha256(convert_to('row-' || n, 'UTF8')), n / 10, n, 0, 1, 0, 4102444800000000
    FROM generate_series(1, :rows) AS n;
-- One token for each client of pgbench, the first of its chain.
INSERT INTO tokens
    SELECT hashint8extended(client * 1000000000::BIGINT + :start, 0), sha256(convert_to(client || '-' || :start, 'UTF8')),
        client, -client, 0, 1, 0, 4102444800000000
    FROM generate_series(0, 255) AS client;
CREATE INDEX tokens_by_session ON tokens (account_id, session_id);
VACUUM ANALYZE accounts, tokens;
