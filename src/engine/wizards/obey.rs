use crate::engine::{Engine, Reason, Refused};
use crate::identity::{Account, AccountId, Policy, Switched};
use crate::workflow::{Fact, Purpose};

use super::open::Opened;

/// An order that this step carries out.
pub(super) struct Ordered {
    /// The account as it is written.
    before: Account,
    pub switched: Switched,
}

impl Engine {
    /// Has a wizard that was begun before an order go on by it. Its copy of the account is behind, and cannot tell whether
    /// a newer order went to this very account: one more round trip, once for every order.
    pub(super) async fn heed(&self, opened: &mut Opened) -> Result<(), Refused> {
        let Some(id) = opened.behind(&self.policy) else { return Ok(()) };
        match self.store.account(id).await? {
            Some(account) => self.catch_up(opened, account).await?,
            None => opened.account = None,
        }
        opened.obey(&self.policy, false)
    }
}

impl Opened {
    /// Has the account be as ordered from here on, if whoever is at the client has proved to be its owner: before, or by
    /// the password just now. This step will write it so.
    ///
    /// # Errors
    /// [`Reason::StepUpRequired`] when an order has turned a factor on beside which an enrolment proves too little.
    pub(super) fn obey(&mut self, policy: &Policy, right: bool) -> Result<(), Refused> {
        let Some(account) = self.account.as_ref().filter(|_| self.is_owners(right)) else { return Ok(()) };
        let Some((next, switched)) = self.orders.carried_out(account, policy, self.now) else { return Ok(()) };
        if self.proves_too_little(&next) {
            return Err(self.refuse(Refused::new(Reason::StepUpRequired)));
        }
        let before = self.account.replace(next);
        self.ordered = before.map(|before| Ordered { before, switched });
        Ok(())
    }

    /// The account, if it is not as ordered in the wizard's copy of it.
    pub(super) fn behind(&self, policy: &Policy) -> Option<AccountId> {
        let account = self.account.as_ref().filter(|_| self.is_owners(false))?;
        self.orders.carried_out(account, policy, self.now).map(|_| account.id)
    }

    fn is_owners(&self, right: bool) -> bool {
        let holds = |fact| self.wizard.facts.holds(fact);
        match (self.workflow.purpose, &self.name) {
            // What is written there is counted under a name, which nobody has to have.
            (Purpose::Recover, _) => false,
            // A name may bring in another account than the one of which something was proved.
            (_, Some(_)) => right,
            (_, None) => holds(Fact::PasswordVerified) || holds(Fact::SessionPresent),
        }
    }

    /// The account as it is written, whatever was ordered.
    pub(super) fn disobey(&mut self) {
        if let Some(ordered) = self.ordered.take() {
            self.account = Some(ordered.before);
        }
    }
}
