//! What PostgreSQL's driver makes of parameters, rows and errors.

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::{Param, Row, StoreError, Unusable, Value};

impl std::fmt::Debug for Param<'_> {
    /// The kind alone: a value is never shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Param::Null => "Null",
            Param::Int(_) => "Int",
            Param::Text(_) => "Text",
            Param::Bytes(_) => "Bytes",
        })
    }
}

type Invalid = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Invalid> {
        match self {
            Param::Null => Ok(IsNull::Yes),
            Param::Int(number) => number.to_sql(ty, out),
            Param::Text(text) => text.to_sql(ty, out),
            Param::Bytes(bytes) => bytes.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA].contains(ty)
    }

    to_sql_checked!();
}

pub(super) fn take(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let columns = row.columns().iter().enumerate();
    let values = columns.map(|(i, column)| match *column.type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(i).map(|v| v.map_or(Value::Null, Value::Int)),
        Type::INT4 => {
            row.try_get::<_, Option<i32>>(i).map(|v| v.map_or(Value::Null, |n| Value::Int(n.into())))
        }
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(i).map(|v| v.map_or(Value::Null, Value::Bytes)),
        _ => row.try_get::<_, Option<String>>(i).map(|v| v.map_or(Value::Null, Value::Text)),
    });
    values.collect::<Result<_, _>>().map(Row)
}

/// A `DbError`'s message names tables and columns; its detail could hold values and is left out.
pub(super) fn store_error(error: &tokio_postgres::Error) -> StoreError {
    let Some(db) = error.as_db_error() else {
        let source = std::error::Error::source(error).map(|s| format!(": {s}")).unwrap_or_default();
        return StoreError::Unavailable(format!("{error}{source}"));
    };
    let text = format!("{} ({})", db.message(), db.code().code());
    let unusable = match db.code().code() {
        "28P01" => Some(Unusable::WrongPassword),
        "28000" => Some(Unusable::NotAdmitted),
        "3D000" => Some(Unusable::NoSuchDatabase),
        "42501" => Some(Unusable::NotAllowed),
        _ => None,
    };
    if let Some(unusable) = unusable {
        return StoreError::Unusable(unusable, text);
    }
    // Classes 08, 25006, 40, 53, 57, 58: connection, read only, rollback, resources, operator, system.
    let passing =
        ["08", "25", "40", "53", "57", "58"].iter().any(|class| db.code().code().starts_with(class));
    if passing { StoreError::Unavailable(text) } else { StoreError::Broken(text) }
}
