-- One rotation, durable: the statements of the server's POST /refresh, and nothing else. Every client follows a chain
-- of its own; its n-th token is the digest of its number and n.
\set next :n + 1
BEGIN;
UPDATE tokens SET used_at = 1800000000000000
    WHERE id = hashint8extended(:client_id * 1000000000::BIGINT + :n, 0)
        AND digest = sha256(convert_to(:client_id::TEXT || '-' || :n::TEXT, 'UTF8')) AND purpose = 1
        AND used_at IS NULL AND expires_at > 1800000000000000
        AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = tokens.account_id AND a.epoch = tokens.epoch
                    AND a.suspended_at IS NULL AND a.closed_at IS NULL)
    RETURNING account_id, session_id, epoch;
INSERT INTO tokens (id, digest, account_id, session_id, epoch, purpose, issued_at, expires_at)
    VALUES (hashint8extended(:client_id * 1000000000::BIGINT + :next, 0),
            sha256(convert_to(:client_id::TEXT || '-' || :next::TEXT, 'UTF8')), :client_id::BIGINT,
            -(:client_id::BIGINT), 0, 1, 1800000000000000, 1802592000000000);
COMMIT;
\set n :next
