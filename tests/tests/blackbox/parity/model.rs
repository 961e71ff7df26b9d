//! What must be true of one account, whatever was done to it through which surface.

use super::Surface;

/// A step that somebody takes. Numbers choose among the sessions there are.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Signs in, with the right password or with one from before.
    SignIn(Surface, bool),
    /// Exchanges the newest token of a session.
    Refresh(usize),
    /// Comes again with a token that was exchanged.
    RefreshUsed(usize),
    /// Ends a session.
    SignOut(usize),
    /// Ends all of them.
    SignOutAll(usize),
    /// Changes the password, knowing the current one or not.
    ChangePassword(usize, bool),
    /// Resets it by a message.
    Reset(Surface),
    /// The operator suspends the account.
    Suspend,
    /// The operator restores it.
    Restore,
}

/// A sign-in and what became of it.
#[derive(Clone, Debug)]
pub struct Session {
    /// Where it began.
    pub surface: Surface,
    /// The newest token that opens the profile.
    pub access: String,
    /// The newest token to be refreshed.
    pub refresh: Option<String>,
    /// Tokens that were exchanged: they open and refresh nothing.
    pub used: Vec<(String, String)>,
    /// Whether nobody has ended it.
    pub live: bool,
}

/// One account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name on every surface.
    pub email: String,
    /// All its passwords, the current one last.
    pub passwords: Vec<String>,
    /// All its sessions, oldest first.
    pub sessions: Vec<Session>,
    /// Whether the operator has suspended it.
    pub suspended: bool,
}

impl Account {
    /// The current password.
    pub fn password(&self) -> &str {
        self.passwords.last().expect("registered with one")
    }

    /// A password that is not the current one.
    pub fn wrong_password(&self) -> String {
        match self.passwords.len() {
            1 => "Never-the-passw0rd".to_owned(),
            count => self.passwords[count - 2].clone(),
        }
    }

    /// Whether a session's tokens work.
    pub fn works(&self, session: &Session) -> bool {
        session.live && !self.suspended
    }

    /// Ends all sessions but one.
    pub fn end_all_but(&mut self, spared: Option<usize>) {
        for (number, session) in self.sessions.iter_mut().enumerate() {
            session.live &= Some(number) == spared;
        }
    }
}
