//! The operations of Countersign, each exactly once: one file per operation, named verb_noun.
//!
//! A surface translates its requests into these and their outcomes into its replies; every rule
//! about accounts, credentials, sessions and limits is here or in the model.

pub mod hasher;

mod admin_error;
mod audit;
pub mod breached_list;
mod claim;
mod code_use;
mod core;
mod counting;
mod jose;
mod new_password;
mod outgoing;
mod prepare;
mod profile;
mod proof;
mod repeated;
mod settings;
pub mod shares;
mod source;
mod tokens;
mod unavailable;

pub mod change_password;
pub mod check_session;
pub mod confirm_account;
pub mod deliver_messages;
pub mod issue_layer_token;
pub mod manage_accounts;
pub mod manage_keys;
pub mod manage_master_key;
pub mod manage_messages;
pub mod oauth;
pub mod prove_address;
pub mod refresh_session;
pub mod register_account;
pub mod register_by_phone;
pub mod register_with_code;
pub mod replace_password;
pub mod request_account;
pub mod request_reset;
pub mod reset_password;
pub mod send_code;
pub mod sign_in;
pub mod sign_in_with_code;
pub mod sign_out;
pub mod sweep;
pub mod update_profile;
pub mod validate_phone;
pub mod verify_email;

pub use self::admin_error::AdminError;
pub use self::audit::RequestId;
pub use self::code_use::CodeUse;
pub use self::core::{Core, CoreParts, OpenCoreError};
pub use self::repeated::Repeated;
pub use self::settings::{
    AssertedSubject, CodeLifetimes, IssuerKeys, LayerSettings, Limits, MtlsSettings, OAuthSettings,
    PageSettings, Registration, SessionLifetimes, Settings, TrustedIssuer,
};
pub use self::source::Source;
pub use self::tokens::{SessionTokens, SignedIn};
pub use self::unavailable::Unavailable;
