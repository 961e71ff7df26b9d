//! Where a database is.

use std::path::PathBuf;

use countersign_model::secret::Secret;

/// Where a database is: `sqlite:PATH` or `postgres://user:password@host:port/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A URL, which may hold a password, and the password for one that holds none.
    Postgres(Secret, Option<Secret>),
}

/// The text names no database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a database is `sqlite:PATH` or `postgres://USER@HOST:PORT/NAME`")]
pub struct InvalidDatabase;

impl Database {
    /// Reads the text.
    ///
    /// # Errors
    /// [`InvalidDatabase`] if it names none.
    pub fn parse(text: &str) -> Result<Database, InvalidDatabase> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(InvalidDatabase) } else { Ok(Database::Sqlite(path.into())) };
        }
        let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        match text.parse::<tokio_postgres::Config>() {
            Ok(_) if is_postgres => Ok(Database::Postgres(Secret::new(text), None)),
            _ => Err(InvalidDatabase),
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
    }
}
