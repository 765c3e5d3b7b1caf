use crate::identity::{Account, Factor, Phone, Recipient};
use crate::workflow::{Fact, Purpose};

use super::walk::{Walk, unproved};
use super::{Effect, Rejection};

/// What is looked for on the account as it is now: it may have changed while the client was waited for.
impl Walk<'_> {
    /// Whether the account that the password belongs to may be the one of this wizard: a session fixes it.
    pub(super) fn may_sign_in(&self) -> bool {
        let named = self.evidence.account.map(|account| account.id);
        let fixed = self.wizard.account.as_ref().map(|account| account.id);
        named.is_some() && (!self.facts.holds(Fact::SessionPresent) || named == fixed)
    }

    /// A factor that was turned off since the wizard learnt of it proves nothing any more.
    pub(super) fn still_on(&self, factor: Factor) -> Result<(), Rejection> {
        match self.evidence.account {
            Some(account) if account.has(factor) => Ok(()),
            _ => Err(Rejection::MethodNotEnabled(factor)),
        }
    }

    /// As [`Self::still_on`]; and at a sign-in, the factor that stood in for the password is no second one beside it.
    pub(super) fn still_counts(&self, factor: Factor) -> Result<(), Rejection> {
        let signing_in = self.workflow.purpose == Purpose::SignIn;
        match self.evidence.account {
            Some(account) if signing_in && account.stood_in == Some(factor) => Err(Rejection::MethodNotEnabled(factor)),
            _ => self.still_on(factor),
        }
    }

    /// The factors of which the policy wants one turned on, after those that this very walk turns on.
    pub(super) fn due(&self, account: &Account) -> Vec<Factor> {
        self.evidence.policy.due_beside(account, &self.turned_on(), self.now)
    }

    fn turned_on(&self) -> Vec<Factor> {
        let turned_on = self.effects.iter().filter_map(|effect| match effect {
            Effect::Enable(factor) => Some(*factor),
            _ => None,
        });
        turned_on.collect()
    }

    /// The factors that count beside the password, with those that this very walk turns on.
    pub(super) fn second_factors(&self, account: &Account) -> Vec<Factor> {
        let fresh = self.turned_on();
        let counts = |factor: &Factor| fresh.contains(factor) || account.second_factors().contains(factor);
        Factor::ALL.into_iter().filter(counts).collect()
    }

    /// The policy may have been met otherwise, while the client was waited for.
    pub(super) fn is_due(&self, factor: Factor) -> Result<(), Rejection> {
        // Nor does what stood in for the password become a second factor beside it by being enrolled here.
        let serves = |account: &Account| account.stood_in != Some(factor) && self.due(account).contains(&factor);
        let wanted = self.evidence.account.is_some_and(serves);
        if wanted { Ok(()) } else { Err(Rejection::MethodNotAllowed(factor)) }
    }

    /// Whether this very factor may be chosen to be turned on, with this phone.
    pub(super) fn may_enrol(&self, factor: Factor, phone: Option<&Phone>) -> Result<(), Rejection> {
        self.is_due(factor)?;
        // The number that was given before stands for one that is not given again.
        match (factor, phone.or(self.typed_before())) {
            (Factor::Sms, None) => Err(Rejection::PhoneMissing),
            (Factor::Sms, Some(phone)) => self.allows(phone),
            (Factor::Google | Factor::Email, _) => Ok(()),
        }
    }

    pub(super) fn allows(&self, phone: &Phone) -> Result<(), Rejection> {
        if self.evidence.policy.allows_phone(phone) { Ok(()) } else { Err(Rejection::PhoneNotAllowed) }
    }

    /// A factor that was turned on since the wizard began is not replaced without its own code: it is turned off first.
    pub(super) fn still_off(&self, factor: Factor) -> Result<(), Rejection> {
        match self.evidence.account {
            Some(account) if account.has(factor) => Err(Rejection::MethodAlreadyEnabled(factor)),
            _ => Ok(()),
        }
    }

    /// Whoever is signed in may have been told meanwhile not to turn it on.
    pub(super) fn still_allowed(&self, factor: Factor) -> Result<(), Rejection> {
        let allows = |account: &Account| self.evidence.policy.allowed_factors(account).contains(&factor);
        if self.evidence.account.is_none_or(allows) { Ok(()) } else { Err(Rejection::MethodNotAllowed(factor)) }
    }

    /// A code goes to what was confirmed at enrolment. The account's address also serves whoever is signed in already,
    /// is enrolling it, or wants to get back in.
    pub(super) fn reachable(&self, recipient: Recipient) -> Result<(), Rejection> {
        let holds = |fact| self.facts.holds(fact);
        match recipient {
            Recipient::NewPhone => Ok(()),
            Recipient::Email if holds(Fact::Named) || holds(Fact::MustEnrol) => Ok(()),
            Recipient::Email if self.workflow.purpose == Purpose::Challenge => self.may_confirm(Factor::Email),
            Recipient::Email if holds(Fact::SessionPresent) => Ok(()),
            Recipient::Phone | Recipient::Email => self.still_counts(recipient.factor()),
        }
    }

    /// A factor that is on confirms who it is; where none is on, a code to the account's address does.
    pub(super) fn may_confirm(&self, factor: Factor) -> Result<(), Rejection> {
        let bare = self.evidence.account.is_some_and(|account| account.enabled().is_empty());
        if bare && factor == Factor::Email { Ok(()) } else { self.still_on(factor) }
    }

    pub(super) fn require_a_confirmation(&self, name: &str) -> Result<(), Rejection> {
        let account = self.evidence.account.ok_or_else(|| unproved(name, Fact::EmailVerified))?;
        let by_factor = |factor: &Factor| {
            let serves = self.facts.holds(Fact::Named) || self.may_confirm(*factor).is_ok();
            self.facts.holds(Fact::verified(*factor)) && serves
        };
        let confirmed = self.facts.holds(Fact::RecoveryVerified) || Factor::ALL.iter().any(by_factor);
        let needs = account.enabled().into_iter().map(Fact::verified).collect();
        if confirmed { Ok(()) } else { Err(Rejection::Unproved { step: name.to_owned(), needs }) }
    }

    /// The proof speaks of an account that stands still. This one may have changed while the client was waited for:
    /// what was proved must be by a factor that is on now, unless none is.
    pub(super) fn require_a_factor_that_is_on(&self, name: &str) -> Result<(), Rejection> {
        let account = self.evidence.account.ok_or_else(|| unproved(name, Fact::PasswordVerified))?;
        let second = self.second_factors(account);
        let stands_in = self.facts.holds(Fact::RecoveryVerified) || self.facts.holds(Fact::DeviceRemembered);
        let proved = stands_in || second.iter().any(|factor| self.facts.holds(Fact::verified(*factor)));
        if proved || account.enabled().is_empty() {
            return Ok(());
        }
        let needs = second.into_iter().map(Fact::verified).collect();
        Err(Rejection::Unproved { step: name.to_owned(), needs })
    }

    pub(super) fn may_send(&self, recipient: Recipient) -> Result<(), Rejection> {
        let sends = &self.wizard.sends;
        // One code is outstanding at a time, so one walk sends at most one. The proof sees to it.
        if self.effects.iter().any(|effect| matches!(effect, Effect::SendCode(_))) {
            return Err(Rejection::TooManySends);
        }
        if sends.count >= self.evidence.policy.sends_per_wizard {
            return Err(Rejection::TooManySends);
        }
        match sends.not_before.get(&recipient) {
            Some(not_before) if self.now < *not_before => Err(Rejection::ResendTooSoon { not_before: *not_before }),
            _ => Ok(()),
        }
    }
}
