//! Numbers of the store that stand for something.

use std::borrow::Cow;

/// What a number in the store stands for. A newer node of the same database may write numbers that nobody here knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored<T> {
    /// This.
    Known(T),
    /// Nothing that this program knows.
    Unknown(i64),
}

impl<T> Stored<T> {
    /// What it stands for, if that is known.
    pub fn known(self) -> Option<T> {
        match self {
            Stored::Known(known) => Some(known),
            Stored::Unknown(_) => None,
        }
    }

    pub(crate) fn named(self, name: impl Fn(T) -> &'static str) -> Cow<'static, str> {
        match self {
            Stored::Known(known) => name(known).into(),
            Stored::Unknown(number) => format!("unknown ({number})").into(),
        }
    }
}

impl<T> From<T> for Stored<T> {
    fn from(known: T) -> Stored<T> {
        Stored::Known(known)
    }
}
