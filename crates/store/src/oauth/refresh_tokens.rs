//! Refresh tokens of OAuth: rows of `tokens` that belong to a client's grant.

use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::oauth::ClientNo;
use countersign_model::session::{TokenDigest, TokenPurpose};
use countersign_model::time::Timestamp;

use crate::tokens::{self, Holder, NewToken};
use crate::{Param, Row, StoreError, Tx};

/// A refresh token that was used up, and the grant that it goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumedToken {
    /// Whose.
    pub holder: Holder,
    /// The account's public id.
    pub uuid: Uuid,
    /// JSON of the token's `TokenFacts`.
    pub facts: String,
    /// JSON of the grant's `GrantFacts`.
    pub grant: String,
    /// When the grant was given.
    pub started_at: Timestamp,
    /// When the grant ends if it is not renewed.
    pub grant_expires_at: Timestamp,
}

/// Uses a client's valid refresh token up; of any number of callers at once one gets it. Another client's
/// is not touched. All that decides whether it is valid stands in the one statement: the account's state
/// and epoch, and the grant, which ends with the browser's session, the consent and the client.
///
/// # Errors
/// [`StoreError`].
pub async fn consume(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    client: ClientNo,
    now: Timestamp,
) -> Result<Option<ConsumedToken>, StoreError> {
    let sql = "UPDATE tokens SET used_at = ?5
               WHERE id = ?1 AND digest = ?2 AND purpose = ?3 AND client_no = ?4 AND used_at IS NULL
                 AND expires_at > ?5
                 AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = tokens.account_id AND a.epoch = tokens.epoch
                             AND a.suspended_at IS NULL AND a.closed_at IS NULL)
                 AND EXISTS (SELECT 1 FROM oauth_grants g WHERE g.session_id = tokens.session_id
                             AND g.epoch = tokens.epoch AND g.client_no = tokens.client_no AND g.expires_at > ?5)
               RETURNING account_id, session_id, epoch, facts,
                   (SELECT a.uuid FROM accounts a WHERE a.id = tokens.account_id),
                   (SELECT g.facts FROM oauth_grants g WHERE g.session_id = tokens.session_id),
                   (SELECT g.started_at FROM oauth_grants g WHERE g.session_id = tokens.session_id),
                   (SELECT g.expires_at FROM oauth_grants g WHERE g.session_id = tokens.session_id)";
    let purpose = (TokenPurpose::OAuthRefresh as i64).into();
    let params = [digest.id().into(), (&digest.0).into(), purpose, client.0.into(), now.micros().into()];
    let Some(row) = tx.query_opt(sql, &params).await? else { return Ok(None) };
    // Without its row the grant was ended at this moment.
    let Some(grant) = row.opt_text(5)? else { return Ok(None) };
    Ok(Some(ConsumedToken {
        holder: read_holder(&row)?,
        facts: row.opt_text(3)?.unwrap_or("{}").to_owned(),
        uuid: Uuid::from_bytes(row.array(4)?),
        grant: grant.to_owned(),
        started_at: Timestamp::from_micros(row.int(6)?),
        grant_expires_at: Timestamp::from_micros(row.int(7)?),
    }))
}

/// Stores an access token, if it has a row, and a refresh token, if there is one: both in one statement.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_pair(
    tx: &mut Tx<'_>,
    holder: Holder,
    access: Option<&NewToken>,
    refresh: Option<&NewToken>,
) -> Result<(), StoreError> {
    let (first, second) = match (access, refresh) {
        (Some(access), Some(refresh)) => (access, refresh),
        (Some(one), None) | (None, Some(one)) => return tokens::insert(tx, holder, one).await,
        (None, None) => return Ok(()),
    };
    let sql = "INSERT INTO tokens (account_id, session_id, epoch, id, digest, purpose, issued_at, expires_at,
                   client_no, facts)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10),
                      (?1, ?2, ?3, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    let holder = [holder.account.0.into(), holder.session.0.into(), holder.epoch.into()];
    let params: Vec<Param<'_>> = holder.into_iter().chain(row_of(first)).chain(row_of(second)).collect();
    tx.execute(sql, &params).await.map(drop)
}

fn row_of(token: &NewToken) -> [Param<'_>; 7] {
    [
        token.digest.id().into(),
        Param::Bytes(&token.digest.0),
        (token.purpose as i64).into(),
        token.issued_at.micros().into(),
        token.expires_at.micros().into(),
        token.client.map(|client| client.0).into(),
        token.facts.as_deref().into(),
    ]
}

/// The holder of a client's refresh token that was used up before `before`.
///
/// # Errors
/// [`StoreError`].
pub async fn find_used(
    tx: &mut Tx<'_>,
    digest: &TokenDigest,
    client: ClientNo,
    before: Timestamp,
) -> Result<Option<Holder>, StoreError> {
    let sql = "SELECT account_id, session_id, epoch FROM tokens
               WHERE id = ?1 AND digest = ?2 AND purpose = ?3 AND client_no = ?4 AND used_at <= ?5";
    let purpose = (TokenPurpose::OAuthRefresh as i64).into();
    let params = [digest.id().into(), (&digest.0).into(), purpose, client.0.into(), before.micros().into()];
    tx.query_opt(sql, &params).await?.map(|row| read_holder(&row)).transpose()
}

fn read_holder(row: &Row) -> Result<Holder, StoreError> {
    Ok(Holder { account: AccountId(row.int(0)?), session: SessionId(row.int(1)?), epoch: row.int(2)? })
}
