//! Where a code that was sent to an address or a number may be used.

use countersign_model::code::{Code, CodePurpose};
use countersign_model::identifier::Identifier;
use countersign_model::session::TokenDigest;

use crate::Core;

/// Where a code may be used.
#[derive(Clone, Copy, Debug)]
pub enum CodeUse<'a> {
    /// 000: by whoever has it, to register, to sign in and to reset the password (000-32).
    Document,
    /// At a page: for what that page does, in the browser that asked, for the identifier that it asked
    /// for (R033).
    Page {
        /// What the page does.
        purpose: CodePurpose,
        /// The browser that asked.
        browser: &'a TokenDigest,
        /// What it asked for.
        identifier: &'a Identifier,
    },
}

impl CodeUse<'_> {
    /// What the code is stored for.
    pub(crate) fn purpose(&self) -> CodePurpose {
        match self {
            CodeUse::Document => CodePurpose::Verification,
            CodeUse::Page { purpose, .. } => *purpose,
        }
    }
}

impl Core {
    /// Under what the code is stored.
    pub(crate) fn code_digest(&self, code: &Code, code_use: &CodeUse<'_>) -> TokenDigest {
        match code_use {
            CodeUse::Document => self.keyring.code_digest(code),
            CodeUse::Page { browser, identifier, .. } => {
                self.keyring.page_code_digest(code, browser, &self.keyring.lookup(identifier))
            }
        }
    }
}
