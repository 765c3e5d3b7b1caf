use chrono::{DateTime, Utc};

use super::ports::{DirectoryError, EventKind, NameTaken, Notice, Person};
use super::{Call, Engine, Reason, Refused};
use crate::identity::{Account, AccountId, Factors, Locale, LoginName};

/// How often an account may change while it is brought up to date.
const PATIENCE: usize = 5;

/// Whom a person of the directory is here.
enum Local {
    Nobody,
    Account(Box<Account>),
    /// Their address belongs to the account of another person of the directory.
    Conflict(AccountId),
}

/// Names that the directory gives a person and another account has: what was there before is kept.
#[derive(Default, Clone, Copy)]
struct Kept {
    email: bool,
    username: bool,
}

impl Engine {
    /// The account of somebody whom the directory vouches for: made at their first sign-in, brought up to date at every
    /// further one. `None` when there can be none, because another person's account has the address.
    pub(super) async fn account_of(&self, call: &Call, person: &Person) -> Result<Option<Account>, Refused> {
        let mut kept = Kept::default();
        for _ in 0..PATIENCE {
            let now = self.clock.now();
            let done = match self.local(person).await? {
                Local::Nobody => self.welcome(call, described(&blank(person, now), person, kept)).await?,
                Local::Account(account) => self.bring_up_to_date(call, *account, person, kept, now).await?,
                Local::Conflict(account) => {
                    tracing::warn!(%account, "somebody in the directory has the address of another one's account");
                    return Ok(None);
                }
            };
            match done {
                Ok(Some(account)) => return Ok(Some(account)),
                Ok(None) => {}
                Err(taken) => self.keep(&mut kept, person, &taken),
            }
        }
        Err(Refused::new(Reason::WizardChanged))
    }

    /// By the directory's own name first: an address may pass from one person to another. An account by that address
    /// which nobody in the directory has yet becomes this person's.
    async fn local(&self, person: &Person) -> Result<Local, Refused> {
        if let Some(account) = self.store.account_by_name(&LoginName::of_external(&person.id)).await? {
            return Ok(Local::Account(Box::new(account)));
        }
        let address = LoginName::of_email(&person.email, &self.policy.names);
        Ok(match self.store.account_by_name(&address).await? {
            None => Local::Nobody,
            // Theirs by now, if they sign in elsewhere at this moment.
            Some(account) if account.external_id.as_ref().is_none_or(|id| *id == person.id) => {
                Local::Account(Box::new(account))
            }
            Some(account) => Local::Conflict(account.id),
        })
    }

    async fn welcome(&self, call: &Call, account: Account) -> Result<Result<Option<Account>, NameTaken>, Refused> {
        let names = account.login_names(&self.policy.names);
        let created = self.store.create_account(account, &names).await?;
        if let Ok(account) = &created {
            let created = self.happening(EventKind::AccountCreated).to(account.id);
            self.note(created.in_call(call).detail("source", "directory"));
        }
        Ok(created.map(Some))
    }

    /// `Ok(None)`: the account was changed or deleted in between.
    async fn bring_up_to_date(
        &self,
        call: &Call,
        before: Account,
        person: &Person,
        kept: Kept,
        now: DateTime<Utc>,
    ) -> Result<Result<Option<Account>, NameTaken>, Refused> {
        let mut next = described(&before, person, kept);
        if next == before {
            return Ok(Ok(Some(before)));
        }
        next.changed(now);
        let (old, new) = (before.login_names(&self.policy.names), next.login_names(&self.policy.names));
        match self.store.replace_account(&next, &old, &new).await? {
            Err(taken) => return Ok(Err(taken)),
            Ok(false) => return Ok(Ok(None)),
            Ok(true) => {}
        }
        self.note(self.happening(EventKind::AccountChanged).to(next.id).in_call(call).detail("source", "directory"));
        if !old.contains(&LoginName::of_email(&next.email, &self.policy.names)) {
            self.tell(before.email, &next, Notice::EmailChanged);
        }
        Ok(Ok(Some(next)))
    }

    fn keep(&self, kept: &mut Kept, person: &Person, taken: &NameTaken) {
        let email = LoginName::of_email(&person.email, &self.policy.names);
        let username = person.username.iter().flatten().map(LoginName::of_username).next();
        let field = if taken.0 == email {
            kept.email = true;
            "email"
        } else if Some(&taken.0) == username.as_ref() {
            kept.username = true;
            "username"
        } else {
            // The directory's own name: the same person signs in elsewhere at this moment.
            return;
        };
        tracing::warn!(field, person = %crate::telemetry::sane(&person.id), "another account has what the directory gives");
    }
}

fn blank(person: &Person, now: DateTime<Utc>) -> Account {
    Account {
        id: AccountId(0),
        revision: 0,
        email: person.email.clone(),
        username: None,
        phone: None,
        locale: Locale::default(),
        groups: Default::default(),
        permissions: Default::default(),
        password_hash: None,
        factors: Factors::default(),
        epoch: 0,
        factors_since: None,
        stood_in: None,
        recovery: None,
        enrolling: None,
        order: None,
        suspended: None,
        devices: Vec::new(),
        imported: None,
        external_id: None,
        created_at: now,
        updated_at: now,
    }
}

/// The account as the directory describes it. The phone is the account's own: a number that codes are sent to was
/// confirmed by its owner, and no description replaces it.
fn described(account: &Account, person: &Person, kept: Kept) -> Account {
    let mut next = account.clone();
    let Person { id, email, username, phone, locale, groups, permissions } = person.clone();
    if !kept.email {
        next.email = email;
    }
    if !kept.username {
        next.username = username.unwrap_or(next.username);
    }
    next.phone = phone.unwrap_or(next.phone);
    next.locale = locale.unwrap_or(next.locale);
    next.groups = groups.unwrap_or(next.groups);
    next.permissions = permissions.unwrap_or(next.permissions);
    if next.external_id.is_none() {
        next.external_id = Some(id);
        // The password is another one from now on, which no factor has stood in for.
        next.stood_in = None;
    }
    next
}

impl From<DirectoryError> for Refused {
    fn from(error: DirectoryError) -> Self {
        let (reason, seconds) = match error {
            DirectoryError::Unavailable { retry_after } => (Reason::Unavailable, retry_after),
            DirectoryError::Overloaded => (Reason::Overloaded, 2),
        };
        Refused::new(reason).again_in(seconds)
    }
}
