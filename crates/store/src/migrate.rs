//! Brings a database to the schema of this program.

use countersign_model::time::Timestamp;

use crate::{Database, Store, StoreError, Tx, Work};

/// The migrations, oldest first. An applied one is never edited: a change is a new file.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "initial", include_str!("../migrations/0001_initial.sql")),
    (2, "oauth", include_str!("../migrations/0002_oauth.sql")),
];

/// The number and the name of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationName {
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: &'static str,
}

impl std::fmt::Display for MigrationName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04} {}", self.number, self.name)
    }
}

/// Why a database cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A newer program has changed it.
    #[error(
        "its schema is at migration {found}, newer than this program, which knows {known}: use a newer one"
    )]
    Newer {
        /// The newest migration in the database.
        found: i64,
        /// The newest one that this program knows.
        known: i64,
    },
    /// It does not answer or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Opens a database and checks that it is not newer than this program.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(database: &Database) -> Result<Store, OpenError> {
        let store = Store::connect(database).await?;
        let known = MIGRATIONS.last().map_or(0, |last| last.0);
        let found = store.newest().await?.unwrap_or(0);
        if found > known { Err(OpenError::Newer { found, known }) } else { Ok(store) }
    }

    /// The migrations that the database lacks; applied, if `apply` says what time it is.
    ///
    /// # Errors
    /// [`OpenError`]; what was applied before it stays.
    pub async fn migrate(&self, apply: Option<Timestamp>) -> Result<Vec<MigrationName>, OpenError> {
        let newest = self.newest().await?;
        if apply.is_some() && newest.is_none() {
            let made = self.write(MakeList).await;
            // PostgreSQL refuses the later of two nodes that make it at once, though it says IF NOT EXISTS.
            if made.is_err() && self.newest().await?.is_none() {
                made?;
            }
        }
        let mut names = Vec::new();
        let lacks = |number: i64| number > newest.unwrap_or(0);
        for (number, name, text) in MIGRATIONS.iter().filter(|(number, ..)| lacks(*number)) {
            if let Some(now) = apply {
                let text = self.schema_text(text);
                self.write(Apply { number: *number, name, text, now }).await?;
            }
            names.push(MigrationName { number: *number, name });
        }
        Ok(names)
    }

    /// The number of the newest migration in the database; none if it has no list of them.
    async fn newest(&self) -> Result<Option<i64>, StoreError> {
        let has_list = match self {
            Store::Sqlite(_) => "SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'",
            Store::Postgres(_) => "SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL",
        };
        self.write(Newest { has_list }).await
    }
}

impl MigrationName {
    /// Every migration that this program knows.
    pub fn all() -> Vec<MigrationName> {
        MIGRATIONS.iter().map(|(number, name, _)| MigrationName { number: *number, name }).collect()
    }
}

struct Newest {
    has_list: &'static str,
}

impl Work for Newest {
    type Output = Option<i64>;
    type Error = StoreError;

    /// Changes nothing: who only asks must not leave anything behind.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<i64>, StoreError> {
        if tx.query_opt(self.has_list, &[]).await?.is_none() {
            return Ok(None);
        }
        let row = tx.query_opt("SELECT MAX(number) FROM schema_migrations", &[]).await?;
        Ok(Some(row.map_or(Ok(None), |row| row.opt_int(0))?.unwrap_or(0)))
    }
}

struct MakeList;

impl Work for MakeList {
    type Output = ();
    type Error = StoreError;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.batch(
            "CREATE TABLE IF NOT EXISTS schema_migrations
             (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)",
        )
        .await
    }
}

struct Apply {
    number: i64,
    name: &'static str,
    text: String,
    now: Timestamp,
}

impl Work for Apply {
    type Output = ();
    type Error = StoreError;

    /// The number is claimed first: of several nodes that start at once the others wait here, and
    /// then find it applied.
    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let sql = "INSERT INTO schema_migrations (number, name, applied_at) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO NOTHING";
        if tx.execute(sql, &[self.number.into(), self.name.into(), self.now.micros().into()]).await? == 1 {
            tx.batch(&self.text).await?;
        }
        Ok(())
    }
}
