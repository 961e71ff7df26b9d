//! Tokens: the digest of each, whose it is and until when.

use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::oauth::ClientNo;
use countersign_model::session::{TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;

use crate::{LookUp, Param, Row, StoreError, Tx};

/// A token to be stored.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its digest.
    pub digest: TokenDigest,
    /// What it is for.
    pub purpose: TokenPurpose,
    /// When it is issued.
    pub issued_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// The client it is issued to; none on the five documents.
    pub client: Option<ClientNo>,
    /// What it may do, as JSON of `TokenFacts`.
    pub facts: Option<String>,
}

/// The session that a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The account.
    pub account: AccountId,
    /// The session.
    pub session: SessionId,
    /// The epoch the session was started in.
    pub epoch: i64,
}

/// What a valid token shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// The account.
    pub account: AccountId,
    /// Its public id.
    pub uuid: Uuid,
    /// Its sealed profile.
    pub profile: Vec<u8>,
    /// Rises with every change of the profile.
    pub version: i64,
    /// The session.
    pub session: SessionId,
    /// What the token is for.
    pub purpose: TokenPurpose,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Of many at once each is looked up by itself, by key: OFFSET 0 keeps a planner from joining the tables as a whole.
static VALID: LookUp = LookUp {
    one: "SELECT a.id, a.uuid, a.profile, a.version, t.session_id, t.purpose, t.issued_at, t.expires_at
          FROM tokens t JOIN accounts a ON a.id = t.account_id
          WHERE t.id = ?1 AND t.digest = ?2 AND t.used_at IS NULL AND t.expires_at > ?3 AND t.epoch = a.epoch
            AND a.suspended_at IS NULL AND a.closed_at IS NULL",
    many: "SELECT a.id, a.uuid, a.profile, a.version, t.session_id, t.purpose, t.issued_at, t.expires_at, q.place
           FROM UNNEST(?1::BIGINT[], ?2::BYTEA[]) WITH ORDINALITY AS q (id, digest, place)
           CROSS JOIN LATERAL (SELECT * FROM tokens t WHERE t.id = q.id AND t.digest = q.digest
               AND t.used_at IS NULL AND t.expires_at > ?3 OFFSET 0) t
           CROSS JOIN LATERAL (SELECT * FROM accounts a WHERE a.id = t.account_id AND a.epoch = t.epoch
               AND a.suspended_at IS NULL AND a.closed_at IS NULL OFFSET 0) a",
};

/// The token with this digest, if it is valid now: not used up, not expired, of the account's
/// present epoch, and the account in use. One statement, two look-ups by key: the hot path.
///
/// # Errors
/// [`StoreError`].
pub async fn find_valid(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    now: Timestamp,
) -> Result<Option<TokenRow>, StoreError> {
    let row = tx.look_up(&VALID, digest.id(), &digest.0, now.micros()).await?;
    let Some(row) = row else { return Ok(None) };
    let purpose = TokenPurpose::from_number(row.int(5)?)
        .ok_or_else(|| StoreError::Broken("a token of an unknown purpose".to_owned()))?;
    Ok(Some(TokenRow {
        account: AccountId(row.int(0)?),
        uuid: Uuid::from_bytes(row.array(1)?),
        profile: row.bytes(2)?.to_vec(),
        version: row.int(3)?,
        session: SessionId(row.int(4)?),
        purpose,
        issued_at: Timestamp::from_micros(row.int(6)?),
        expires_at: Timestamp::from_micros(row.int(7)?),
    }))
}

/// A token that a client asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedRow {
    /// Whose it is.
    pub whose: Whose,
    /// What it is for.
    pub purpose: TokenPurpose,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// JSON of `TokenFacts`; none on the five documents.
    pub facts: Option<String>,
}

/// Whose a token of OAuth is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The account.
    pub account: AccountId,
    /// Its public id.
    pub uuid: Uuid,
    /// The session.
    pub session: SessionId,
    /// The client that it was issued to, and the version of its metadata; none on the five documents.
    pub client: Option<(ClientNo, i64)>,
}

/// As [`VALID`], and the version of the client that the token was issued to if it is there and not suspended: it is
/// looked for only if there is one.
static PRESENTED: LookUp = LookUp {
    one: "SELECT a.id, a.uuid, t.session_id, t.client_no,
              CASE WHEN t.client_no IS NULL THEN NULL
                  ELSE (SELECT c.version FROM oauth_clients c WHERE c.no = t.client_no AND c.suspended_at IS NULL) END,
              t.purpose, t.issued_at, t.expires_at, t.facts
          FROM tokens t JOIN accounts a ON a.id = t.account_id
          WHERE t.id = ?1 AND t.digest = ?2 AND t.used_at IS NULL AND t.expires_at > ?3 AND t.epoch = a.epoch
            AND a.suspended_at IS NULL AND a.closed_at IS NULL",
    many: "SELECT a.id, a.uuid, t.session_id, t.client_no, c.version,
               t.purpose, t.issued_at, t.expires_at, t.facts, q.place
           FROM UNNEST(?1::BIGINT[], ?2::BYTEA[]) WITH ORDINALITY AS q (id, digest, place)
           CROSS JOIN LATERAL (SELECT * FROM tokens t WHERE t.id = q.id AND t.digest = q.digest
               AND t.used_at IS NULL AND t.expires_at > ?3 OFFSET 0) t
           CROSS JOIN LATERAL (SELECT * FROM accounts a WHERE a.id = t.account_id AND a.epoch = t.epoch
               AND a.suspended_at IS NULL AND a.closed_at IS NULL OFFSET 0) a
           LEFT JOIN LATERAL (SELECT c.no, c.version FROM oauth_clients c WHERE c.no = t.client_no
               AND c.suspended_at IS NULL OFFSET 0) c ON TRUE",
};

/// The token with this digest, if it is valid now as for [`find_valid`], and so is its client.
///
/// # Errors
/// [`StoreError`].
pub async fn find_presented(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    now: Timestamp,
) -> Result<Option<PresentedRow>, StoreError> {
    let row = tx.look_up(&PRESENTED, digest.id(), &digest.0, now.micros()).await?;
    let Some(row) = row else { return Ok(None) };
    // Its client is gone or suspended.
    if row.opt_int(3)?.is_some() && row.opt_int(4)?.is_none() {
        return Ok(None);
    }
    let purpose = TokenPurpose::from_number(row.int(5)?)
        .ok_or_else(|| StoreError::Broken("a token of an unknown purpose".to_owned()))?;
    Ok(Some(PresentedRow {
        whose: read_whose(&row)?,
        purpose,
        issued_at: Timestamp::from_micros(row.int(6)?),
        expires_at: Timestamp::from_micros(row.int(7)?),
        facts: row.opt_text(8)?.map(str::to_owned),
    }))
}

/// Columns of account, public id, session, client and its version.
pub(crate) fn read_whose(row: &Row) -> Result<Whose, StoreError> {
    Ok(Whose {
        account: AccountId(row.int(0)?),
        uuid: Uuid::from_bytes(row.array(1)?),
        session: SessionId(row.int(2)?),
        client: row.opt_int(3)?.map(ClientNo).zip(row.opt_int(4)?),
    })
}

/// A token as its client may end it, in whatever state it is.
///
/// # Errors
/// [`StoreError`].
pub async fn find_of_client(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
) -> Result<Option<(Holder, TokenPurpose, Option<ClientNo>)>, StoreError> {
    let sql =
        "SELECT account_id, session_id, epoch, purpose, client_no FROM tokens WHERE id = ?1 AND digest = ?2";
    let row = tx.query_opt(sql, &[digest.id().into(), (&digest.0).into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let purpose = TokenPurpose::from_number(row.int(3)?)
        .ok_or_else(|| StoreError::Broken("a token of an unknown purpose".to_owned()))?;
    Ok(Some((read_holder(&row)?, purpose, row.opt_int(4)?.map(ClientNo))))
}

/// Removes a token.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(tx: &mut Tx<'_>, digest: &TokenDigest) -> Result<(), StoreError> {
    let sql = "DELETE FROM tokens WHERE id = ?1 AND digest = ?2";
    tx.execute(sql, &[digest.id().into(), (&digest.0).into()]).await.map(drop)
}

/// Stores a token.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, holder: Holder, token: &NewToken) -> Result<(), StoreError> {
    let sql = "INSERT INTO tokens (id, digest, account_id, session_id, epoch, purpose, issued_at, expires_at,
                   client_no, facts)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let params = [
        token.digest.id().into(),
        Param::Bytes(&token.digest.0),
        holder.account.0.into(),
        holder.session.0.into(),
        holder.epoch.into(),
        (token.purpose as i64).into(),
        token.issued_at.micros().into(),
        token.expires_at.micros().into(),
        token.client.map(|client| client.0).into(),
        token.facts.as_deref().into(),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// Uses a valid token up; of any number of callers at once one gets its holder, and when the session
/// was started. The row stays until it would have expired, so that a second use can be told from a
/// guess.
///
/// # Errors
/// [`StoreError`].
pub async fn consume(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    purpose: TokenPurpose,
    now: Timestamp,
) -> Result<Option<(Holder, Timestamp)>, StoreError> {
    let sql = "UPDATE tokens SET used_at = ?4
               WHERE id = ?1 AND digest = ?2 AND purpose = ?3 AND used_at IS NULL AND expires_at > ?4
                 AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = tokens.account_id AND a.epoch = tokens.epoch
                             AND a.suspended_at IS NULL AND a.closed_at IS NULL)
               RETURNING account_id, session_id, epoch,
                   (SELECT s.started_at FROM sessions s
                    WHERE s.account_id = tokens.account_id AND s.id = tokens.session_id)";
    let params = [digest.id().into(), (&digest.0).into(), (purpose as i64).into(), now.micros().into()];
    let row = tx.query_opt(sql, &params).await?;
    let Some(row) = row else { return Ok(None) };
    // Without its row the session was ended at this moment.
    let Some(started_at) = row.opt_int(3)? else { return Ok(None) };
    Ok(Some((read_holder(&row)?, Timestamp::from_micros(started_at))))
}

/// Removes a valid token; of any number of callers at once one gets its holder.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_valid(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    purpose: TokenPurpose,
    now: Timestamp,
) -> Result<Option<Holder>, StoreError> {
    let sql = "DELETE FROM tokens
               WHERE id = ?1 AND digest = ?2 AND purpose = ?3 AND used_at IS NULL AND expires_at > ?4
                 AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = tokens.account_id AND a.epoch = tokens.epoch
                             AND a.suspended_at IS NULL AND a.closed_at IS NULL)
               RETURNING account_id, session_id, epoch";
    holder(tx, sql, &[digest.id().into(), (&digest.0).into(), (purpose as i64).into(), now.micros().into()])
        .await
}

/// The holder of a token that was used up before `before`.
///
/// # Errors
/// [`StoreError`].
pub async fn find_used(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    purpose: TokenPurpose,
    before: Timestamp,
) -> Result<Option<Holder>, StoreError> {
    let sql = "SELECT account_id, session_id, epoch FROM tokens
               WHERE id = ?1 AND digest = ?2 AND purpose = ?3 AND used_at <= ?4";
    holder(
        tx,
        sql,
        &[digest.id().into(), (&digest.0).into(), (purpose as i64).into(), before.micros().into()],
    )
    .await
}

async fn holder(
    tx: &mut Tx<'_>,
    sql: &'static str,
    params: &[Param<'_>],
) -> Result<Option<Holder>, StoreError> {
    let row = tx.query_opt(sql, params).await?;
    row.map(|row| read_holder(&row)).transpose()
}

fn read_holder(row: &Row) -> Result<Holder, StoreError> {
    Ok(Holder { account: AccountId(row.int(0)?), session: SessionId(row.int(1)?), epoch: row.int(2)? })
}

/// Removes a session's tokens of one purpose.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_of_purpose(
    tx: &mut Tx<'_>,
    holder: Holder,
    purpose: TokenPurpose,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM tokens WHERE account_id = ?1 AND session_id = ?2 AND purpose = ?3";
    tx.execute(sql, &[holder.account.0.into(), holder.session.0.into(), (purpose as i64).into()])
        .await
        .map(drop)
}
