//! Messages to people, on their way out.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ids::MessageId;
use crate::secret::Secret;
use crate::stored::Stored;
use crate::time::Timestamp;

/// How a message travels. The number stands in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// By e-mail.
    Email = 1,
    /// By SMS.
    Sms = 2,
}

impl Channel {
    /// All of them.
    pub const ALL: [Channel; 2] = [Channel::Email, Channel::Sms];

    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<Channel> {
        Channel::ALL.into_iter().find(|c| *c as i64 == number)
    }

    /// The name in listings, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Email => "email",
            Channel::Sms => "sms",
        }
    }
}

/// Which text is sent. The number stands in the store, the name in files and listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// 000 `/send` without a `message`.
    VerificationCode = 1,
    /// 000 `/send` with `message=register`.
    Register = 2,
    /// 000 `/send` with `message=login`.
    Login = 3,
    /// 000 `/send` with `message=reset_password`.
    ResetPassword = 4,
    /// 001: confirm the account.
    ConfirmAccount = 5,
    /// 001: reset the password.
    ResetCredentials = 6,
    /// 002: the SMS code.
    PhoneCode = 7,
    /// 002: verify the e-mail.
    VerifyEmail = 8,
    /// 003: reset the password.
    PasswordReset = 9,
    /// To the owner of an address that somebody tried to register again, when
    /// `[privacy] conceal_accounts` answers the stranger as if it were free.
    AddressTaken = 10,
    /// To the owner, after the password was changed or reset (R027).
    PasswordChanged = 11,
    /// To the old address, after the account's e-mail was changed (R048).
    EmailChanged = 12,
}

impl Template {
    /// All of them.
    pub const ALL: [Template; 12] = [
        Template::VerificationCode,
        Template::Register,
        Template::Login,
        Template::ResetPassword,
        Template::ConfirmAccount,
        Template::ResetCredentials,
        Template::PhoneCode,
        Template::VerifyEmail,
        Template::PasswordReset,
        Template::AddressTaken,
        Template::PasswordChanged,
        Template::EmailChanged,
    ];

    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<Template> {
        Template::ALL.into_iter().find(|t| *t as i64 == number)
    }

    /// The name of its files and in listings.
    pub fn name(self) -> &'static str {
        match self {
            Template::VerificationCode => "verification_code",
            Template::Register => "register",
            Template::Login => "login",
            Template::ResetPassword => "reset_password",
            Template::ConfirmAccount => "confirm_account",
            Template::ResetCredentials => "reset_credentials",
            Template::PhoneCode => "phone_code",
            Template::VerifyEmail => "verify_email",
            Template::PasswordReset => "password_reset",
            Template::AddressTaken => "address_taken",
            Template::PasswordChanged => "password_changed",
            Template::EmailChanged => "email_changed",
        }
    }
}

impl Stored<Channel> {
    /// From the number in the store.
    pub fn from_number(number: i64) -> Stored<Channel> {
        Channel::from_number(number).map_or(Stored::Unknown(number), Stored::Known)
    }

    /// The name in listings and logs.
    pub fn name(self) -> Cow<'static, str> {
        self.named(Channel::name)
    }
}

impl Stored<Template> {
    /// From the number in the store.
    pub fn from_number(number: i64) -> Stored<Template> {
        Template::from_number(number).map_or(Stored::Unknown(number), Stored::Known)
    }

    /// The name in listings and logs.
    pub fn name(self) -> Cow<'static, str> {
        self.named(Template::name)
    }
}

/// What a message says besides its template's text. Sealed at rest, removed after delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The address or number.
    pub to: String,
    /// The code, in the form to show.
    pub code: Option<Secret>,
    /// The link.
    pub link: Option<Secret>,
    /// When the code or the link stops working.
    pub expires_at: Option<Timestamp>,
}

/// The form of [`Contents`] under the seal.
#[derive(Serialize, Deserialize)]
struct SealedContents {
    to: String,
    code: Option<String>,
    link: Option<String>,
    expires_at: Option<i64>,
}

impl Contents {
    /// The bytes to seal.
    pub fn to_bytes(&self) -> Vec<u8> {
        let form = SealedContents {
            to: self.to.clone(),
            code: self.code.as_ref().map(|c| c.reveal().to_owned()),
            link: self.link.as_ref().map(|l| l.reveal().to_owned()),
            expires_at: self.expires_at.map(Timestamp::micros),
        };
        serde_json::to_vec(&form).unwrap_or_default()
    }

    /// From the bytes under the seal; `None` if they are not such.
    pub fn from_bytes(bytes: &[u8]) -> Option<Contents> {
        let form: SealedContents = serde_json::from_slice(bytes).ok()?;
        Some(Contents {
            to: form.to,
            code: form.code.map(Secret::new),
            link: form.link.map(Secret::new),
            expires_at: form.expires_at.map(Timestamp::from_micros),
        })
    }
}

/// Where a message is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// Waits to be sent, or to be read in the outbox where no provider is configured.
    Pending = 1,
    /// Delivered to the provider; its contents are gone.
    Sent = 2,
    /// Given up after the last try; an operator can retry it.
    Dead = 3,
}

impl MessageState {
    /// All of them.
    pub const ALL: [MessageState; 3] = [MessageState::Pending, MessageState::Sent, MessageState::Dead];

    /// From the number in the store.
    pub fn from_number(number: i64) -> Option<MessageState> {
        MessageState::ALL.into_iter().find(|s| *s as i64 == number)
    }

    /// The name in listings and metrics.
    pub fn name(self) -> &'static str {
        match self {
            MessageState::Pending => "pending",
            MessageState::Sent => "sent",
            MessageState::Dead => "dead",
        }
    }
}

/// A message in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// How it travels.
    pub channel: Stored<Channel>,
    /// Which text.
    pub template: Stored<Template>,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Where it is.
    pub state: MessageState,
    /// How often sending was tried.
    pub attempts: i64,
    /// Why the last try failed, without addresses.
    pub last_error: Option<String>,
    /// What it says; `None` once it is gone or the seal cannot be opened.
    pub contents: Option<Contents>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each number leads back to its own, without a gap.
    #[test]
    fn every_number_of_the_store_is_known() {
        for (place, channel) in Channel::ALL.into_iter().enumerate() {
            assert_eq!(channel as usize, place + 1, "{}", channel.name());
            assert_eq!(Channel::from_number(channel as i64), Some(channel));
        }
        for (place, state) in MessageState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, place + 1, "{}", state.name());
            assert_eq!(MessageState::from_number(state as i64), Some(state));
        }
        for (place, template) in Template::ALL.into_iter().enumerate() {
            assert_eq!(template as usize, place + 1, "{}", template.name());
            assert_eq!(Stored::<Template>::from_number(template as i64), template.into());
        }
        assert_eq!(Stored::<Template>::from_number(99).name(), "unknown (99)");
        assert_eq!(Channel::from_number(0), None);
        assert_eq!(MessageState::from_number(0), None);
    }
}
