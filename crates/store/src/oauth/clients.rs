//! Clients and where their scripts come from.

use countersign_model::ids::AccountId;
use countersign_model::oauth::{ClientNo, ClientOrigin, Metadata};
use countersign_model::session::TokenDigest;
use countersign_model::time::Timestamp;

use crate::{Row, StoreError, Tx};

/// A client as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRow {
    /// Its id.
    pub id: String,
    /// Its number.
    pub no: ClientNo,
    /// Rises with every change of the metadata.
    pub version: i64,
    /// Where it comes from.
    pub origin: ClientOrigin,
    /// JSON, without secrets.
    pub metadata: String,
    /// The digest of its secret.
    pub secret: Option<TokenDigest>,
    /// The digest of the one before, and until when it works on.
    pub old_secret: Option<(TokenDigest, Timestamp)>,
    /// The digest of its registration access token (RFC 7592).
    pub registration: Option<TokenDigest>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Since when it is suspended.
    pub suspended_at: Option<Timestamp>,
    /// When a cached metadata document lapses.
    pub expires_at: Option<Timestamp>,
    /// Whether the metadata say where it hears of log-outs.
    pub hears_logouts: bool,
}

impl ClientRow {
    /// A client that has these metadata and nothing else yet.
    pub fn new(
        id: &str,
        no: ClientNo,
        origin: ClientOrigin,
        metadata: &Metadata,
        created_at: Timestamp,
    ) -> ClientRow {
        let row = ClientRow {
            id: id.to_owned(),
            no,
            version: 1,
            origin,
            metadata: String::new(),
            secret: None,
            old_secret: None,
            registration: None,
            created_at,
            suspended_at: None,
            expires_at: None,
            hears_logouts: false,
        };
        row.with_metadata(metadata)
    }

    /// The same client with these metadata, and what columns say of them.
    #[must_use]
    pub fn with_metadata(self, metadata: &Metadata) -> ClientRow {
        ClientRow {
            metadata: metadata.to_json().to_string(),
            hears_logouts: metadata.backchannel_logout_uri.is_some(),
            ..self
        }
    }
}

/// Every client is read with the same columns, which `read` takes by their places.
macro_rules! select_client {
    ($rest:literal) => {
        concat!(
            "SELECT client_id, no, version, origin, metadata, secret, old_secret, old_secret_until,
                    registration, created_at, suspended_at, expires_at, hears_logouts
             FROM oauth_clients ",
            $rest
        )
    };
}

/// The clients whose documents expired before `?1`, or before `?2` and nobody has allowed them anything, within a
/// statement.
macro_rules! lapsed {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "SELECT no FROM (SELECT c.no FROM oauth_clients c
                 WHERE c.expires_at <= ?2 AND c.suspended_at IS NULL AND (c.expires_at <= ?1
                     OR NOT EXISTS (SELECT 1 FROM oauth_consents u WHERE u.client_no = c.no))
                 ORDER BY c.expires_at, c.no LIMIT 100) lapsed",
            $after
        )
    };
}

/// Stores a client. `false` if its id is taken.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(tx: &mut Tx<'_>, client: &ClientRow) -> Result<bool, StoreError> {
    let sql = "INSERT INTO oauth_clients (client_id, no, version, origin, metadata, secret, registration,
                   created_at, expires_at, hears_logouts)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (client_id) DO NOTHING";
    let params = [
        client.id.as_str().into(),
        client.no.0.into(),
        client.version.into(),
        (client.origin as i64).into(),
        client.metadata.as_str().into(),
        client.secret.as_ref().map(|digest| &digest.0).into(),
        client.registration.as_ref().map(|digest| &digest.0).into(),
        client.created_at.micros().into(),
        client.expires_at.map(Timestamp::micros).into(),
        i64::from(client.hears_logouts).into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// The client with this id, also a suspended one.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<ClientRow>, StoreError> {
    let sql = select_client!("WHERE client_id = ?1");
    Ok(tx.query_opt(sql, &[id.into()]).await?.map(|row| read(&row)).transpose()?.flatten())
}

/// The client with this number, also a suspended one.
///
/// # Errors
/// [`StoreError`].
pub async fn find_by_no(tx: &mut Tx<'_>, no: ClientNo) -> Result<Option<ClientRow>, StoreError> {
    let sql = select_client!("WHERE no = ?1");
    Ok(tx.query_opt(sql, &[no.0.into()]).await?.map(|row| read(&row)).transpose()?.flatten())
}

/// Clients by id.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx<'_>, after: &str, limit: u32) -> Result<Vec<ClientRow>, StoreError> {
    let sql = select_client!("WHERE client_id > ?1 AND origin <= ?3 ORDER BY client_id LIMIT ?2");
    // What `read` passes over must not count for the limit, or a page of such clients would end the list.
    let last_origin = ClientOrigin::ALL.iter().map(|origin| *origin as i64).max().unwrap_or_default();
    let params = [after.into(), i64::from(limit).into(), last_origin.into()];
    tx.query(sql, &params).await?.iter().filter_map(|row| read(row).transpose()).collect()
}

/// The clients of an account's grants that have not ended, each once: its metadata may be long, and its grants many.
///
/// # Errors
/// [`StoreError`].
pub async fn with_grants(
    tx: &mut Tx<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<ClientRow>, StoreError> {
    let sql = select_client!(
        "WHERE no IN (SELECT client_no FROM oauth_grants WHERE account_id = ?1 AND expires_at > ?2)"
    );
    let rows = tx.query(sql, &[account.0.into(), now.micros().into()]).await?;
    rows.iter().filter_map(|row| read(row).transpose()).collect()
}

/// Writes a client's metadata, if it still is of the version that they were made from: the version rises.
/// `false` if it is gone or somebody else was faster.
///
/// # Errors
/// [`StoreError`].
pub async fn update(tx: &mut Tx<'_>, client: &ClientRow) -> Result<bool, StoreError> {
    let sql = "UPDATE oauth_clients
               SET metadata = ?3, version = version + 1, secret = ?4, old_secret = ?5, old_secret_until = ?6,
                   registration = ?7, expires_at = ?8, origin = ?9, hears_logouts = ?10
               WHERE no = ?1 AND version = ?2";
    let params = [
        client.no.0.into(),
        client.version.into(),
        client.metadata.as_str().into(),
        client.secret.as_ref().map(|digest| &digest.0).into(),
        client.old_secret.as_ref().map(|(digest, _)| &digest.0).into(),
        client.old_secret.map(|(_, until)| until.micros()).into(),
        client.registration.as_ref().map(|digest| &digest.0).into(),
        client.expires_at.map(Timestamp::micros).into(),
        (client.origin as i64).into(),
        i64::from(client.hears_logouts).into(),
    ];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// Suspends a client, or lets it be used again. `false` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn suspend(tx: &mut Tx<'_>, id: &str, since: Option<Timestamp>) -> Result<bool, StoreError> {
    let sql = "UPDATE oauth_clients SET suspended_at = ?2, version = version + 1 WHERE client_id = ?1";
    Ok(tx.execute(sql, &[id.into(), since.map(Timestamp::micros).into()]).await? == 1)
}

/// Removes a client and what people allowed it. Its tokens are dead without it; the sweep takes them.
/// `false` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(tx: &mut Tx<'_>, id: &str) -> Result<bool, StoreError> {
    let row =
        tx.query_opt("DELETE FROM oauth_clients WHERE client_id = ?1 RETURNING no", &[id.into()]).await?;
    let Some(row) = row else { return Ok(false) };
    let no = row.int(0)?;
    tx.execute("DELETE FROM oauth_client_origins WHERE client_no = ?1", &[no.into()]).await?;
    tx.execute("DELETE FROM oauth_consents WHERE client_no = ?1", &[no.into()]).await?;
    Ok(true)
}

/// Removes clients whose documents nobody has asked for since then, and since `unused` those that nobody has allowed
/// anything; some at once, as [`remove`] does. One that is suspended stays, or it would come back.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_lapsed(tx: &mut Tx<'_>, before: Timestamp, unused: Timestamp) -> Result<u64, StoreError> {
    let before = [before.micros().into(), unused.micros().into()];
    if tx.query_opt(lapsed!("", " LIMIT 1"), &before).await?.is_none() {
        return Ok(0);
    }
    // The sets are alike: one unit of work, one order, and who has no consents any more is one of them as well.
    tx.execute(lapsed!("DELETE FROM oauth_client_origins WHERE client_no IN (", ")"), &before).await?;
    tx.execute(lapsed!("DELETE FROM oauth_consents WHERE client_no IN (", ")"), &before).await?;
    tx.execute(lapsed!("DELETE FROM oauth_clients WHERE no IN (", ")"), &before).await
}

/// Says where a client's scripts come from.
///
/// # Errors
/// [`StoreError`].
pub async fn set_origins(tx: &mut Tx<'_>, no: ClientNo, origins: &[String]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM oauth_client_origins WHERE client_no = ?1", &[no.0.into()]).await?;
    for origin in origins {
        let sql =
            "INSERT INTO oauth_client_origins (origin, client_no) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        tx.execute(sql, &[origin.as_str().into(), no.0.into()]).await?;
    }
    Ok(())
}

/// Whether scripts of any client in use come from there.
///
/// # Errors
/// [`StoreError`].
pub async fn has_origin(tx: &mut Tx<'_>, origin: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM oauth_client_origins o JOIN oauth_clients c ON c.no = o.client_no
               WHERE o.origin = ?1 AND c.suspended_at IS NULL LIMIT 1";
    Ok(tx.query_opt(sql, &[origin.into()]).await?.is_some())
}

/// `None` for a client of an origin that only a newer node of the same database knows, as if there were none: nobody
/// here knows what it may do.
fn read(row: &Row) -> Result<Option<ClientRow>, StoreError> {
    let Some(origin) = ClientOrigin::from_number(row.int(3)?) else { return Ok(None) };
    let digest = |column| -> Result<Option<TokenDigest>, StoreError> {
        match row.opt_bytes(column)? {
            Some(_) => Ok(Some(TokenDigest(row.array(column)?))),
            None => Ok(None),
        }
    };
    let time = |column| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp::from_micros));
    Ok(Some(ClientRow {
        id: row.text(0)?.to_owned(),
        no: ClientNo(row.int(1)?),
        version: row.int(2)?,
        origin,
        metadata: row.text(4)?.to_owned(),
        secret: digest(5)?,
        old_secret: digest(6)?.zip(time(7)?),
        registration: digest(8)?,
        created_at: Timestamp::from_micros(row.int(9)?),
        suspended_at: time(10)?,
        expires_at: time(11)?,
        hears_logouts: row.int(12)? == 1,
    }))
}

#[cfg(test)]
mod tests {
    use countersign_model::ids::SessionId;

    use super::super::grants::{self, NewGrant};
    use super::*;
    use crate::tokens::Holder;
    use crate::{Database, Store, Work};

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    const ACCOUNT: AccountId = AccountId(1);

    /// Two clients: one with two grants of an account, one with a grant that has just ended.
    struct Fill;

    impl Work for Fill {
        type Output = ();
        type Error = StoreError;

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
            for (session, client, expires_at) in [(1, 1, 1), (2, 1, 1), (3, 2, 0)] {
                let (metadata, origin) = (Metadata::default(), ClientOrigin::Dynamic);
                insert(tx, &ClientRow::new(&client.to_string(), ClientNo(client), origin, &metadata, NOW))
                    .await?;
                let grant = NewGrant {
                    client: ClientNo(client),
                    facts: String::new(),
                    started_at: NOW,
                    expires_at: Timestamp::from_micros(NOW.micros() + expires_at),
                    browser: None,
                };
                let holder = Holder { account: ACCOUNT, session: SessionId(session), epoch: 0 };
                grants::insert(tx, holder, &grant).await?;
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_client_of_many_grants_is_read_once() {
        let folder = std::env::temp_dir().join(format!("countersign-clients-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::open(&Database::Sqlite(folder.join("test.db"))).await.unwrap();
        store.migrate(Some(Timestamp::from_micros(1))).await.unwrap();
        store.write(Fill).await.unwrap();
        let mut tx = store.read().await.unwrap();
        let clients = with_grants(&mut tx, ACCOUNT, NOW).await.unwrap();
        assert_eq!(clients.iter().map(|client| client.no).collect::<Vec<_>>(), [ClientNo(1)]);
        let sessions = grants::clients_of_sessions(&mut tx, ACCOUNT, NOW).await.unwrap();
        assert_eq!(sessions, [(SessionId(1), ClientNo(1)), (SessionId(2), ClientNo(1))]);
        drop(tx);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
