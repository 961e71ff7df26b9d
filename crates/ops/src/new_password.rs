//! What a password must be before it is set.

use std::sync::Arc;

use countersign_model::account::Profile;
use countersign_model::password::{Fault, Password, Rule};

use crate::{Core, Unavailable};

/// A new password that its rule lets anybody have. The password comes out against its owner only, who is not known
/// before their code or session was looked up.
#[derive(Debug)]
#[must_use]
pub(crate) struct NewPassword<'a> {
    rule: Rule,
    password: &'a Password,
}

impl<'a> NewPassword<'a> {
    /// The password, unless its owner is called like it (R007).
    pub(crate) fn of(self, owner: &Profile) -> Result<&'a Password, RefusedPassword> {
        match self.rule.own_name_fault(self.password, owner) {
            Some(fault) => Err(RefusedPassword::Faults(vec![fault])),
            None => Ok(self.password),
        }
    }
}

/// A new password was not let through.
#[derive(Debug)]
pub(crate) enum RefusedPassword {
    /// It does not meet the rule.
    Faults(Vec<Fault>),
    /// It could not be looked up, and no password is set unseen (R008).
    Unavailable(Unavailable),
}

impl Core {
    /// Checks a new password whose owner is known.
    pub(crate) async fn check_password(
        &self,
        rule: Rule,
        password: &Password,
        owner: &Profile,
    ) -> Result<(), RefusedPassword> {
        let mut faults = rule.faults(password, self.settings.password_floor);
        // The product's name may stand in the account's.
        faults.extend(rule.own_name_fault(password, owner).filter(|fault| !faults.contains(fault)));
        self.check_faults(rule, password, faults).await
    }

    /// Checks a new password before its owner is known.
    pub(crate) async fn check_new_password<'a>(
        &self,
        rule: Rule,
        password: &'a Password,
    ) -> Result<NewPassword<'a>, RefusedPassword> {
        let faults = rule.faults(password, self.settings.password_floor);
        self.check_faults(rule, password, faults).await?;
        Ok(NewPassword { rule, password })
    }

    /// Adds what the list of breached passwords says.
    async fn check_faults(
        &self,
        rule: Rule,
        password: &Password,
        faults: Vec<Fault>,
    ) -> Result<(), RefusedPassword> {
        // What is refused anyway need not be looked up.
        if !faults.is_empty() {
            return Err(RefusedPassword::Faults(faults));
        }
        let floor = self.settings.password_floor;
        let Some(list) = self.settings.breached_list.as_ref().filter(|_| rule.refuses_common(floor)) else {
            return Ok(());
        };
        let (list, password) = (Arc::clone(list), password.clone());
        let found = tokio::task::spawn_blocking(move || list.contains(&password)).await;
        match found {
            Ok(Ok(true)) => Err(RefusedPassword::Faults(vec![Fault::Breached])),
            Ok(Ok(false)) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "the list of breached passwords failed");
                Err(RefusedPassword::Unavailable(Unavailable::Store))
            }
            Err(error) => {
                tracing::error!(%error, "the look-up of a breached password ended early");
                Err(RefusedPassword::Unavailable(Unavailable::Store))
            }
        }
    }
}
