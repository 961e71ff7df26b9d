//! The server cannot do its work just now.

use std::time::Duration;

use countersign_model::limit::RetryAfter;

use crate::repeated::Repeated;

/// Failures of the store, by kind: while it is away, every request is one, which must not hide a fault.
static AWAY: Repeated = Repeated::new();
static UNUSABLE: Repeated = Repeated::new();
static BROKEN: Repeated = Repeated::new();

/// Which lines of the log tell of failures of this kind.
fn told(error: &countersign_store::StoreError) -> (&'static Repeated, fn(u64)) {
    match error {
        countersign_store::StoreError::Unavailable(_) => (&AWAY, |more| {
            tracing::error!(more, "the database is not available: and {more} more failures of the store");
        }),
        countersign_store::StoreError::Unusable(..) => (&UNUSABLE, |more| {
            tracing::error!(more, "the database cannot be used: and {more} more failures of the store");
        }),
        countersign_store::StoreError::Broken(_) => (&BROKEN, |more| {
            tracing::error!(more, "the database does not fit: and {more} more failures of the store");
        }),
    }
}

/// Why an operation could not be done at all. Nothing was changed; the same request may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The database does not answer: trying again may help. The reason is in the log, not here.
    #[error("the store is not available")]
    Store,
    /// The database refused, or holds what it should not: a fault that trying again does not mend.
    #[error("an internal fault")]
    Fault,
    /// More passwords wait to be hashed than can be served soon.
    #[error("too many sign-ins at once; {0}")]
    Busy(RetryAfter),
}

impl Unavailable {
    /// When to try again.
    pub fn retry_after(self) -> RetryAfter {
        match self {
            Unavailable::Store | Unavailable::Fault => RetryAfter(Duration::from_secs(1)),
            Unavailable::Busy(after) => after,
        }
    }
}

impl From<countersign_store::StoreError> for Unavailable {
    /// The reason goes to the log: it names no value of any row.
    fn from(error: countersign_store::StoreError) -> Unavailable {
        let (lines, tell) = told(&error);
        if lines.may_write(tell) {
            tracing::error!(%error, "the store failed");
        }
        match error {
            countersign_store::StoreError::Unavailable(_) => Unavailable::Store,
            countersign_store::StoreError::Unusable(..) | countersign_store::StoreError::Broken(_) => {
                Unavailable::Fault
            }
        }
    }
}

impl From<countersign_store::accounts::InsertError> for Unavailable {
    /// For an id that was drawn just now: the next try draws another one.
    fn from(error: countersign_store::accounts::InsertError) -> Unavailable {
        match error {
            countersign_store::accounts::InsertError::IdTaken => {
                tracing::error!(%error, "no account was made");
                Unavailable::Store
            }
            countersign_store::accounts::InsertError::Store(error) => error.into(),
        }
    }
}

impl From<crate::hasher::Busy> for Unavailable {
    fn from(busy: crate::hasher::Busy) -> Unavailable {
        Unavailable::Busy(RetryAfter(busy.retry_after))
    }
}

impl From<crate::hasher::HashError> for Unavailable {
    fn from(error: crate::hasher::HashError) -> Unavailable {
        tracing::error!(%error, "a password was not hashed");
        Unavailable::Busy(RetryAfter(Duration::from_secs(1)))
    }
}

/// Lets an operation's error hold what the store, the hash pool and the counters may answer.
macro_rules! may_be_unavailable {
    ($($error:ty),* $(,)?) => {$(
        impl From<countersign_store::StoreError> for $error {
            fn from(error: countersign_store::StoreError) -> Self {
                Unavailable::from(error).into()
            }
        }

        impl From<crate::hasher::Busy> for $error {
            fn from(busy: crate::hasher::Busy) -> Self {
                Unavailable::from(busy).into()
            }
        }

        impl From<crate::hasher::HashError> for $error {
            fn from(error: crate::hasher::HashError) -> Self {
                Unavailable::from(error).into()
            }
        }
    )*};
}

/// The same for operations that are counted.
macro_rules! may_be_refused {
    ($($error:ty),* $(,)?) => {$(
        may_be_unavailable!($error);

        impl From<crate::counting::NotCounted> for $error {
            fn from(refused: crate::counting::NotCounted) -> Self {
                match refused {
                    crate::counting::NotCounted::TooMany(after) => after.into(),
                    crate::counting::NotCounted::Unavailable(unavailable) => unavailable.into(),
                }
            }
        }
    )*};
}

/// Lets an operation's error hold why a new password was refused.
macro_rules! may_refuse_a_password {
    ($($error:ident in $module:ident),* $(,)?) => {$(
        impl From<crate::new_password::RefusedPassword> for crate::$module::$error {
            fn from(refused: crate::new_password::RefusedPassword) -> Self {
                match refused {
                    crate::new_password::RefusedPassword::Faults(faults) => Self::Password(faults),
                    crate::new_password::RefusedPassword::Unavailable(unavailable) => unavailable.into(),
                }
            }
        }
    )*};
}

may_refuse_a_password!(
    AdminError in admin_error,
    ChangePasswordError in change_password,
    RegisterAccountError in register_account,
    RegisterByPhoneError in register_by_phone,
    RegisterWithCodeError in register_with_code,
    ReplacePasswordError in replace_password,
    RequestAccountError in request_account,
    ResetPasswordError in reset_password,
);

may_be_refused!(
    crate::oauth::client_credentials::ClientCredentialsError,
    crate::oauth::register_client::RegisterError,
    crate::change_password::ChangePasswordError,
    crate::oauth::device::FindDeviceError,
    crate::oauth::device::StartDeviceError,
    crate::prove_address::ProveAddressError,
    crate::register_account::RegisterAccountError,
    crate::register_by_phone::RegisterByPhoneError,
    crate::register_with_code::RegisterWithCodeError,
    crate::request_account::RequestAccountError,
    crate::request_reset::RequestResetError,
    crate::reset_password::ResetPasswordError,
    crate::send_code::SendCodeError,
    crate::sign_in::SignInError,
    crate::sign_in_with_code::SignInWithCodeError,
    crate::validate_phone::ValidatePhoneError,
);

may_be_unavailable!(
    crate::check_session::CheckSessionError,
    crate::oauth::advance_flow::AdvanceFlowError,
    crate::oauth::authenticate_client::AuthenticateClientError,
    crate::oauth::check_dpop::DpopError,
    crate::oauth::exchange_code::ExchangeCodeError,
    crate::oauth::exchange_token::ExchangeTokenError,
    crate::oauth::jwt_bearer::JwtBearerError,
    crate::oauth::poll_device::PollDeviceError,
    crate::oauth::refresh_grant::RefreshGrantError,
    crate::oauth::introspect::IntrospectError,
    crate::oauth::revoke::RevokeError,
    crate::oauth::userinfo::UserinfoError,
    crate::oauth::start_authorization::StartAuthorizationError,
    crate::confirm_account::ConfirmAccountError,
    crate::refresh_session::RefreshSessionError,
    crate::sign_out::SignOutError,
    crate::update_profile::UpdateProfileError,
    crate::verify_email::VerifyEmailError,
);

#[cfg(test)]
mod tests {
    use countersign_store::StoreError;

    use super::*;

    #[tokio::test]
    async fn a_store_that_is_away_hides_no_fault() {
        for _ in 0..100 {
            let _ = Unavailable::from(StoreError::Unavailable("no answer".to_owned()));
        }
        let may_write = |error| told(&error).0.may_write(|_| ());
        assert!(!may_write(StoreError::Unavailable("no answer".to_owned())));
        assert!(may_write(StoreError::Broken("a column is missing".to_owned())));
    }
}
