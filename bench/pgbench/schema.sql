-- The table that rotate.sql works on, with :rows sessions that stand in it from the start.
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS rotation (digest BYTEA PRIMARY KEY, account BIGINT NOT NULL, created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, ended_at BIGINT);
TRUNCATE rotation;
INSERT INTO rotation SELECT sha256(convert_to('row-' || n, 'UTF8')), n, 0, 1 FROM generate_series(1, :rows) AS n;
-- One session for each client of pgbench, the first of its chain.
INSERT INTO rotation SELECT sha256(convert_to(client || '-' || :start, 'UTF8')), client, 0, 1
    FROM generate_series(0, 255) AS client;
VACUUM ANALYZE rotation;
