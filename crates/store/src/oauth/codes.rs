//! Authorization codes (RFC 6749 §4.1.2).

use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::oauth::ClientNo;
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::{Param, StoreError, Tx};

/// A code: what it was given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// To which client.
    pub client: ClientNo,
    /// By whom.
    pub account: AccountId,
    /// In which epoch of the account.
    pub epoch: i64,
    /// The session of the grant that it starts: drawn with the code, so that a reuse knows what to end.
    pub session: SessionId,
    /// The browser's session.
    pub parent: SessionId,
    /// The redirect URI, if the request named one.
    pub redirect_uri: Option<String>,
    /// PKCE.
    pub challenge: Option<String>,
    /// The key that it is bound to (RFC 9449 §10).
    pub jkt: Option<String>,
    /// JSON of `GrantFacts`.
    pub facts: String,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A code that was found, valid or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCode {
    /// The code.
    pub code: Code,
    /// It was redeemed.
    pub used: bool,
    /// The account's public id.
    pub uuid: Uuid,
    /// When the browser's session ends; `None` if it has ended.
    pub parent_expires_at: Option<Timestamp>,
}

/// Stores a code.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, digest: &TokenDigest, code: &Code) -> Result<(), StoreError> {
    let sql = "INSERT INTO oauth_codes (digest, client_no, account_id, epoch, session_id, parent_id,
                   redirect_uri, challenge, dpop_jkt, facts, expires_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let params = [
        Param::Bytes(&digest.0),
        code.client.0.into(),
        code.account.0.into(),
        code.epoch.into(),
        code.session.0.into(),
        code.parent.0.into(),
        code.redirect_uri.as_deref().into(),
        code.challenge.as_deref().into(),
        code.jkt.as_deref().into(),
        code.facts.as_str().into(),
        code.expires_at.micros().into(),
    ];
    tx.execute(sql, &params).await.map(drop)
}

/// The code with this digest, with what its redemption is judged by. Uses nothing up.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut Tx<'_>, digest: &TokenDigest) -> Result<Option<FoundCode>, StoreError> {
    let sql = "SELECT c.client_no, c.account_id, c.epoch, c.session_id, c.parent_id, c.redirect_uri,
                   c.challenge, c.dpop_jkt, c.facts, c.expires_at, c.used_at, a.uuid,
                   (SELECT MAX(t.expires_at) FROM tokens t
                    WHERE t.account_id = c.account_id AND t.session_id = c.parent_id
                      AND t.epoch = c.epoch AND t.used_at IS NULL)
               FROM oauth_codes c JOIN accounts a ON a.id = c.account_id
               WHERE c.digest = ?1";
    let Some(row) = tx.query_opt(sql, &[(&digest.0).into()]).await? else { return Ok(None) };
    let text = |column| Ok::<_, StoreError>(row.opt_text(column)?.map(str::to_owned));
    let code = Code {
        client: ClientNo(row.int(0)?),
        account: AccountId(row.int(1)?),
        epoch: row.int(2)?,
        session: SessionId(row.int(3)?),
        parent: SessionId(row.int(4)?),
        redirect_uri: text(5)?,
        challenge: text(6)?,
        jkt: text(7)?,
        facts: row.text(8)?.to_owned(),
        expires_at: Timestamp::from_micros(row.int(9)?),
    };
    Ok(Some(FoundCode {
        code,
        used: row.opt_int(10)?.is_some(),
        uuid: Uuid::from_bytes(row.array(11)?),
        parent_expires_at: row.opt_int(12)?.map(Timestamp::from_micros),
    }))
}

/// A code that is redeemed.
#[derive(Clone, Copy, Debug)]
pub struct Redemption {
    /// By which client.
    pub client: ClientNo,
    /// Whether what the account allowed the client must stand: it may have been taken back meanwhile.
    pub needs_consent: bool,
    /// When.
    pub now: Timestamp,
    /// How long the row stays, so that a second use can be told from a guess.
    pub keep: Timestamp,
}

/// Uses a code up; of any number of callers at once one gets `true`.
///
/// # Errors
/// [`StoreError`].
pub async fn consume(tx: &mut Tx<'_>, digest: &TokenDigest, by: Redemption) -> Result<bool, StoreError> {
    let sql = "UPDATE oauth_codes SET used_at = ?3, expires_at = ?4
               WHERE digest = ?1 AND client_no = ?2 AND used_at IS NULL AND expires_at > ?3
                 AND EXISTS (SELECT 1 FROM accounts a
                             WHERE a.id = oauth_codes.account_id AND a.epoch = oauth_codes.epoch
                               AND a.suspended_at IS NULL AND a.closed_at IS NULL)
                 AND (CAST(?5 AS BIGINT) = 0 OR EXISTS (
                     SELECT 1 FROM oauth_consents s
                     WHERE s.account_id = oauth_codes.account_id AND s.client_no = oauth_codes.client_no))";
    let params = [
        Param::Bytes(&digest.0),
        by.client.0.into(),
        by.now.micros().into(),
        by.keep.micros().into(),
        i64::from(by.needs_consent).into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}
