//! Fills a store with accounts and their sessions, through the functions that the server itself uses:
//! a million sign-ins would take hours.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use countersign_model::account::Profile;
use countersign_model::identifier::Identifier;
use countersign_model::ids::{AccountId, SessionId, Uuid};
use countersign_model::keyring::{Keyring, Lookup, MasterKey, Place};
use countersign_model::random::Random;
use countersign_model::session::{Session, Surface, Token, TokenPurpose};
use countersign_model::time::{Clock, Timestamp};
use countersign_ops::manage_master_key::open_keyring;
use countersign_store::accounts::{self, InsertError};
use countersign_store::tokens::{Holder, NewToken};
use countersign_store::{Database, Store, StoreError, Tx, Work, identifiers, sessions, tokens};

use crate::Result;

/// Sessions of each account.
const SESSIONS: usize = 10;
/// Accounts, and sessions, in one unit of work.
const UNIT: usize = 10_000;
/// Far longer than any benchmark.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[derive(clap::Args)]
pub struct Options {
    /// Data directory of a server that was started once, so that its key and schema are there.
    #[arg(long)]
    data_dir: PathBuf,
    /// The server's database, if it is not the file in its data directory.
    #[arg(long)]
    database: Option<String>,
    #[arg(long, default_value_t = 1_000_000)]
    sessions: usize,
    /// Where the tokens go, one on a line.
    #[arg(long)]
    tokens: PathBuf,
}

struct NewAccount {
    id: AccountId,
    uuid: Uuid,
    email: Lookup,
    profile: Vec<u8>,
}

/// A unit of work of accounts.
struct Accounts {
    made: Vec<NewAccount>,
    now: Timestamp,
}

/// A unit of work of sessions, each with its token.
struct Sessions(Vec<(Session, NewToken)>);

impl Work for Accounts {
    type Output = ();
    type Error = InsertError;

    async fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<(), InsertError> {
        for account in &self.made {
            identifiers::insert(tx, &account.email, account.id, Some(self.now)).await?;
            accounts::insert(tx, account.id, account.uuid, &account.profile, false, self.now).await?;
        }
        Ok(())
    }
}

impl Work for Sessions {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> std::result::Result<(), StoreError> {
        for (session, token) in &self.0 {
            sessions::insert(tx, session, 0, u32::MAX).await?;
            let holder = Holder { account: session.account, session: session.id, epoch: 0 };
            tokens::insert(tx, holder, token).await?;
        }
        Ok(())
    }
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let each = runtime.block_on(seed(options))?;
    println!("{}", serde_json::json!({ "bytes_per_session": each }));
    Ok(ExitCode::SUCCESS)
}

async fn seed(options: &Options) -> Result<f64> {
    let key = std::fs::read_to_string(options.data_dir.join("master.key"))?;
    let master = MasterKey::from_hex(&key).ok_or("master.key holds no key")?;
    let file = options.data_dir.join("countersign.db");
    let database = match &options.database {
        Some(url) => Database::parse(url)?,
        None => Database::Sqlite(file.clone()),
    };
    let store = Store::open(&database).await?;
    let (random, now) = (Random::System, Clock::system().now());
    let keyring = open_keyring(&store, &master, &random).await?;
    let holders = make_accounts(&store, &keyring, options.sessions.div_ceil(SESSIONS), now).await?;
    let before = size(&options.database, &file).await?;
    let mut listed = BufWriter::new(File::create(&options.tokens)?);
    for first in (0..options.sessions).step_by(UNIT) {
        let numbers = first..options.sessions.min(first + UNIT);
        let mut unit = Vec::with_capacity(UNIT);
        for number in numbers {
            // Neighbours in time belong to different accounts, as in life.
            let account = *holders.get(number % holders.len()).ok_or("no accounts")?;
            let token = Token::draw(TokenPurpose::OuserSession, &random, now);
            writeln!(listed, "{}", token.reveal())?;
            unit.push(session(account, &token, &random, now));
        }
        store.write(Sessions(unit)).await?;
    }
    listed.flush()?;
    let after = size(&options.database, &file).await?;
    Ok(after.saturating_sub(before) as f64 / options.sessions.max(1) as f64)
}

async fn make_accounts(
    store: &Store,
    keyring: &Keyring,
    count: usize,
    now: Timestamp,
) -> Result<Vec<AccountId>> {
    let random = Random::System;
    let mut ids = Vec::with_capacity(count);
    for first in (0..count).step_by(UNIT) {
        let made = (first..count.min(first + UNIT))
            .map(|number| account(number, keyring, &random))
            .collect::<Result<Vec<_>>>()?;
        ids.extend(made.iter().map(|account| account.id));
        store.write(Accounts { made, now }).await?;
    }
    Ok(ids)
}

fn account(number: usize, keyring: &Keyring, random: &Random) -> Result<NewAccount> {
    let email = format!("person{number}@example.com");
    let lookup = keyring.lookup(&Identifier::email(&email)?);
    let profile = Profile {
        email: Some(email),
        first_name: "First".to_owned(),
        last_name: "Last".to_owned(),
        ..Profile::default()
    };
    let profile = keyring.seal(Place::Profile, &serde_json::to_vec(&profile)?, random);
    Ok(NewAccount { id: AccountId::draw(random), uuid: Uuid::draw(random), email: lookup, profile })
}

fn session(account: AccountId, token: &Token, random: &Random, now: Timestamp) -> (Session, NewToken) {
    let session = Session { id: SessionId::draw(random), account, surface: Surface::Ouser, started_at: now };
    let token = NewToken {
        digest: token.digest(),
        purpose: TokenPurpose::OuserSession,
        issued_at: now,
        expires_at: now.after(LIFETIME),
        client: None,
        facts: None,
    };
    (session, token)
}

/// How large the database is when everything in its log is in its tables.
async fn size(database: &Option<String>, file: &Path) -> Result<u64> {
    let Some(url) = database else {
        let connection = rusqlite::Connection::open(file)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        return Ok(std::fs::metadata(file)?.len());
    };
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let driver = tokio::spawn(connection);
    // Without statistics the first minutes would measure the plans of an empty table.
    client.batch_execute("VACUUM ANALYZE").await?;
    client.batch_execute("CHECKPOINT").await?;
    let bytes: i64 =
        client.query_one("SELECT pg_database_size(current_database())", &[]).await?.try_get(0)?;
    drop(client);
    driver.await??;
    Ok(u64::try_from(bytes)?)
}
