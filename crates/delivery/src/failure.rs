//! Why a message was not delivered.

use std::time::Duration;

/// Why a message was not delivered, in words without addresses, codes or links: they are kept in
/// the outbox and written to the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It may work later.
    #[error("{reason}")]
    Later {
        /// Why.
        reason: String,
        /// How long the provider wants to be left alone.
        wait: Option<Duration>,
    },
    /// It never will.
    #[error("{0}")]
    Never(String),
}

impl Failure {
    pub(crate) fn later(reason: impl Into<String>) -> Failure {
        Failure::Later { reason: reason.into(), wait: None }
    }

    pub(crate) fn never(reason: impl Into<String>) -> Failure {
        Failure::Never(reason.into())
    }
}

/// The words of an error and of what caused it, each once.
pub(crate) fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    if text.contains("CaUsedAsEndEntity") {
        text += " (the server shows the certificate of an authority as its own, which `ca_file` cannot make good: let an \
                 authority sign one for the server, and name the authority's in `ca_file`)";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_about_a_self_signed_certificate_is_told() {
        let told = |text: &str| chain_of(&std::io::Error::other(text));
        assert!(told("invalid peer certificate: Other(CaUsedAsEndEntity)").contains("name the authority's"));
        assert_eq!(
            told("invalid peer certificate: UnknownIssuer"),
            "invalid peer certificate: UnknownIssuer"
        );
    }
}
