//! Where a database is.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_model::secret::Secret;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Where a database is: `sqlite:PATH` or `postgres://user:password@host:port/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A URL, which may hold a password, and the password for one that holds none.
    Postgres(Secret, Option<Secret>),
}

/// The text names no database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDatabase {
    /// It has another form.
    #[error("a database is `sqlite:PATH` or `postgres://USER@HOST:PORT/NAME`")]
    Form,
    /// A part of the URL cannot be used.
    #[error("{0} in the URL")]
    Part(String),
}

impl Database {
    /// Reads the text.
    ///
    /// # Errors
    /// [`InvalidDatabase`] if it names none.
    pub fn parse(text: &str) -> Result<Database, InvalidDatabase> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path.is_empty() {
                true => Err(InvalidDatabase::Form),
                false => Ok(Database::Sqlite(path.into())),
            };
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(InvalidDatabase::Form);
        }
        match text.parse::<tokio_postgres::Config>() {
            Ok(_) => Ok(Database::Postgres(Secret::new(text), None)),
            // The cause names the part, and no value of it.
            Err(error) => {
                let mut part = error.source().unwrap_or(&error).to_string();
                if part.ends_with("`sslmode`") {
                    part += " (disable, prefer or require)";
                }
                Err(InvalidDatabase::Part(part))
            }
        }
    }

    /// The same with this password, unless it has one or needs none.
    #[must_use]
    pub fn with_password(self, password: Secret) -> Database {
        match self {
            Database::Sqlite(path) => Database::Sqlite(path),
            Database::Postgres(url, _) => Database::Postgres(url, Some(password)),
        }
    }

    /// Whether another process has the file open, as a server has while it runs. Of PostgreSQL it is not known.
    pub fn is_in_use(&self) -> bool {
        match self {
            Database::Sqlite(path) => is_open_elsewhere(path),
            Database::Postgres(..) => false,
        }
    }

    /// The address without its password, for people.
    pub fn display(&self) -> String {
        match self {
            Database::Sqlite(path) => format!("sqlite:{}", path.display()),
            Database::Postgres(url, _) => {
                let url = url.reveal();
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let rest = rest.split('?').next().unwrap_or(rest);
                match rest.split_once('@') {
                    Some((user, host)) => {
                        format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or(user))
                    }
                    None => format!("{scheme}://{rest}"),
                }
            }
        }
    }
}

/// In WAL mode every connection holds a shared lock on the file for as long as it is open, so that nobody else gets an
/// exclusive one. What else may be wrong with the file is told by who opens it.
fn is_open_elsewhere(path: &Path) -> bool {
    let opened = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let locked = opened.and_then(|connection| {
        connection.busy_timeout(Duration::ZERO)?;
        connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; ROLLBACK;")
    });
    locked.is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_without_password() {
        assert_eq!(Database::parse("sqlite:a/b.db").unwrap(), Database::Sqlite("a/b.db".into()));
        assert_eq!(Database::parse("sqlite:///a.db").unwrap(), Database::Sqlite("/a.db".into()));
        let shown =
            Database::parse("postgres://me:secret@db.example:5432/x?sslmode=require").unwrap().display();
        assert_eq!(shown, "postgres://me@db.example:5432/x");
        for bad in ["", "sqlite:", "mysql://x", "host=localhost"] {
            assert!(Database::parse(bad).is_err(), "{bad}");
        }
        for (bad, part) in [("sslmode=bogus", "`sslmode`"), ("sslmod=require", "`sslmod`")] {
            let error = Database::parse(&format!("postgres://u:canary@h/x?{bad}")).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("canary"), "{error}");
        }
    }
}
