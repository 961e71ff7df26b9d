//! Limits on how often something may be tried.

use std::time::Duration;

/// So many at once, then one per interval: the generic cell rate algorithm, which needs one
/// stored time per subject and one guarded statement per try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many may come at once.
    pub burst: u32,
    /// After them, one per this time.
    pub interval: Duration,
}

/// At most so many within any window of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub count: u32,
    /// Within this time.
    pub window: Duration,
}

/// Refused for now; the same request may be made again after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many tries; the next one counts in {} s", self.seconds())]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// Whole seconds, rounded up, at least 1: the value of a `Retry-After` header (RFC 9110 §10.2.3).
    pub fn seconds(self) -> u64 {
        self.0.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
    }
}

/// What is counted. The number stands in the store, so it is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Sign-ins to one account, whatever the spelling or the surface (R019).
    SignInAccount = 1,
    /// Sign-ins to one account from a source that has signed in to it before (R022).
    SignInKnownSource = 2,
    /// Sign-ins and code tries from one source.
    SignInSource = 3,
    /// Messages to one address or number.
    MessageTarget = 4,
    /// Messages asked for by one source.
    MessageSource = 5,
    /// All messages of the server (R026).
    MessageTotal = 6,
    /// 003's password resets per e-mail (003-19).
    ResetTarget = 7,
    /// Accounts made at once by one source (003, 004).
    RegistrationSource = 9,
    /// Tries of one number's SMS codes by one source (8 was a counter without the source).
    PhoneCode = 10,
    /// Tries of one source at the codes that devices show (RFC 8628 §5.1).
    DeviceCode = 11,
    /// Devices that one source lets wait.
    DeviceStart = 12,
    /// Metadata documents that are fetched for one source.
    ClientDocument = 13,
    /// Requests that one source pushes for clients without a secret, or that no operator has entered.
    PushedRequest = 14,
    /// Tokens that one source gets for clients that no operator has entered.
    ClientToken = 15,
}
