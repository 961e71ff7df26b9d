-- One rotation, durable: what the server does for POST /refresh, and nothing else. Every client follows a chain of
-- its own; its n-th token is the digest of its number and n.
\set next :n + 1
BEGIN;
SELECT account, expires_at FROM rotation
    WHERE digest = sha256(convert_to(:client_id::TEXT || '-' || :n::TEXT, 'UTF8')) AND ended_at IS NULL;
UPDATE rotation SET ended_at = 1
    WHERE digest = sha256(convert_to(:client_id::TEXT || '-' || :n::TEXT, 'UTF8')) AND ended_at IS NULL;
INSERT INTO rotation (digest, account, created_at, expires_at)
    VALUES (sha256(convert_to(:client_id::TEXT || '-' || :next::TEXT, 'UTF8')), 1, 1, 2);
COMMIT;
\set n :next
