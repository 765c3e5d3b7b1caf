use std::collections::BTreeSet;

use crate::engine::passwords::{LENGTH, is_supported_hash};
use crate::engine::ports::{AccountWrite, EndSessions, EventKind, NameTaken, NewChange, Notice};
use crate::engine::{Call, Engine, FieldProblem, Reason, Refused};
use crate::identity::{Account, AccountId, Email, Factor, Factors, Locale, LoginName, Phone, Secret, Username};

/// How often an account may change under one patch before the patch gives up.
const PATIENCE: usize = 5;

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    pub email: Email,
    pub username: Option<Username>,
    pub password: Option<NewPassword>,
    pub phone: Option<Phone>,
    pub locale: Locale,
    pub groups: BTreeSet<String>,
    pub permissions: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub enum NewPassword {
    Plain(Secret),
    /// Made elsewhere: Argon2, scrypt or PBKDF2 as a PHC string, or bcrypt.
    Hash(String),
}

/// What to change; `None` leaves it, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct AccountPatch {
    pub email: Option<Email>,
    pub username: Option<Option<Username>>,
    pub password: Option<NewPassword>,
    pub phone: Option<Option<Phone>>,
    pub locale: Option<Locale>,
    pub groups: Option<BTreeSet<String>>,
    pub permissions: Option<BTreeSet<String>>,
}

impl AccountPatch {
    /// What it names beside the password, as the API spells it.
    fn fields(&self) -> Vec<&'static str> {
        let named = [
            ("email", self.email.is_some()),
            ("username", self.username.is_some()),
            ("phone", self.phone.is_some()),
            ("locale", self.locale.is_some()),
            ("groups", self.groups.is_some()),
            ("permissions", self.permissions.is_some()),
        ];
        named.into_iter().filter(|(_, named)| *named).map(|(name, _)| name).collect()
    }
}

impl Engine {
    /// Makes an account.
    ///
    /// # Errors
    /// [`Reason::Taken`] naming the field whose value another account has; [`Reason::Invalid`] for a password or hash
    /// that cannot be used.
    pub async fn create_account(&self, new: NewAccount) -> Result<Account, Refused> {
        let account = self.drafted(new).await?;
        let names = account.login_names(&self.policy.names);
        let created = self.store.create_account(account.clone(), &names).await?;
        created.map_err(|taken| self.taken(&account, &taken))
    }

    /// The account as it will be made, without a number.
    pub(super) async fn drafted(&self, new: NewAccount) -> Result<Account, Refused> {
        let password_hash = self.hashed(new.password).await?;
        let now = self.clock.now();
        Ok(Account {
            id: AccountId(0),
            revision: 0,
            email: new.email,
            username: new.username,
            phone: new.phone,
            locale: new.locale,
            groups: new.groups,
            permissions: new.permissions,
            password_hash,
            factors: Factors::default(),
            epoch: 0,
            factors_since: None,
            stood_in: None,
            recovery: None,
            enrolling: None,
            order: None,
            suspended: None,
            devices: Vec::new(),
            external_id: None,
            imported: None,
            created_at: now,
            updated_at: now,
        })
    }

    /// The account with this number, as ordered by now.
    ///
    /// # Errors
    /// [`Reason::NotFound`].
    pub async fn account(&self, id: AccountId) -> Result<Account, Refused> {
        Ok(self.as_ordered(self.stored(id).await?))
    }

    /// The account as it is written, which is what another is written in the place of.
    pub(super) async fn stored(&self, id: AccountId) -> Result<Account, Refused> {
        self.store.account(id).await?.ok_or_else(|| Refused::new(Reason::NotFound))
    }

    /// The account that this email address or user name belongs to, as ordered by now.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn account_named(&self, name: &str) -> Result<Option<Account>, Refused> {
        let name = LoginName::of_typed(name, &self.policy.names);
        Ok(self.store.account_by_name(&name).await?.map(|account| self.as_ordered(account)))
    }

    /// Up to `limit` accounts with a number above `after`, as ordered by now.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<Account>, Refused> {
        let accounts = self.store.accounts(after, limit).await?;
        Ok(accounts.into_iter().map(|account| self.as_ordered(account)).collect())
    }

    /// Changes an account. A new password, and an address that takes the email factor with it, end all its sessions.
    ///
    /// The email factor goes off with the old address: nobody has confirmed that the new one is read by the owner. The
    /// change log hears of it in a second write; a crash in between leaves the factor off and the line unwritten.
    ///
    /// # Errors
    /// As [`Self::create_account`]; [`Reason::NotFound`] when there is no such account.
    pub async fn patch_account(
        &self,
        id: AccountId,
        patch: AccountPatch,
        call: Option<&Call>,
    ) -> Result<Account, Refused> {
        let password_hash = self.hashed(patch.password.clone()).await?;
        for _ in 0..PATIENCE {
            let before = self.stored(id).await?;
            let next = self.patched(&before, &patch, password_hash.clone());
            let (old, new) = (before.login_names(&self.policy.names), next.login_names(&self.policy.names));
            let replaced = self.store.replace_account(&next, &old, &new).await?;
            if replaced.map_err(|taken| self.taken(&next, &taken))? {
                self.follow_up(&before, &next).await?;
                self.tell_of_patch(&before, &next, &patch, call);
                return Ok(self.as_ordered(next));
            }
        }
        Err(Refused::new(Reason::WizardChanged))
    }

    fn patched(&self, before: &Account, patch: &AccountPatch, password_hash: Option<String>) -> Account {
        let now = self.clock.now();
        let mut next = before.clone();
        let AccountPatch { email, username, password: _, phone, locale, groups, permissions } = patch.clone();
        next.email = email.unwrap_or(next.email);
        next.username = username.unwrap_or(next.username);
        next.phone = phone.unwrap_or(next.phone);
        next.locale = locale.unwrap_or(next.locale);
        next.groups = groups.unwrap_or(next.groups);
        next.permissions = permissions.unwrap_or(next.permissions);
        if self.has_moved(before, &next) {
            next.factors.email = None;
            next.forget_suspended(Factor::Email);
            // What was confirmed at the old address is worth nothing any more, a way back in above all.
            next.begin_epoch();
        }
        if let Some(hash) = password_hash {
            next.password_hash = Some(hash);
            next.stood_in = None;
            next.credentials_changed(now);
        } else if next.factors != before.factors {
            next.credentials_changed(now);
        } else {
            next.changed(now);
        }
        next
    }

    /// Whether the email address is another one, not only another spelling.
    fn has_moved(&self, before: &Account, next: &Account) -> bool {
        let name = |account: &Account| LoginName::of_email(&account.email, &self.policy.names);
        name(before) != name(next)
    }

    /// Ends the sessions that a patch ends, and writes the line of the change log that belongs to it.
    async fn follow_up(&self, before: &Account, next: &Account) -> Result<(), Refused> {
        if before.password_hash == next.password_hash && before.factors == next.factors {
            return Ok(());
        }
        let line = |provider| NewChange { provider, is_enabled: false, time: next.updated_at };
        let write = AccountWrite {
            changes: (before.factors != next.factors).then(|| line(Factor::Email)).into_iter().collect(),
            end_sessions: Some(EndSessions::All),
            ..AccountWrite::default()
        };
        self.revise(next.id, |_| Ok(write.clone())).await.map(drop)
    }

    fn tell_of_patch(&self, before: &Account, next: &Account, patch: &AccountPatch, call: Option<&Call>) {
        let moved = self.has_moved(before, next);
        for address in [&before.email, &next.email].into_iter().take(if moved { 2 } else { 0 }) {
            self.tell(address.clone(), next, Notice::EmailChanged);
        }
        if before.factors != next.factors {
            self.tell(before.email.clone(), next, Notice::FactorReset(Factor::Email));
            self.note(self.by_hand(EventKind::FactorDisabled, next.id, call).method(Factor::Email));
        }
        if patch.password.is_some() {
            self.tell_owner(next, Notice::PasswordSet);
            self.note(self.by_hand(EventKind::PasswordChanged, next.id, call));
        }
        let fields = patch.fields();
        if !fields.is_empty() {
            self.note(self.by_hand(EventKind::AccountChanged, next.id, call).detail("fields", fields.join(",")));
        }
    }

    /// Deletes an account with everything of its own.
    ///
    /// # Errors
    /// [`Reason::NotFound`] when there is no such account.
    pub async fn delete_account(&self, id: AccountId) -> Result<(), Refused> {
        let account = self.account(id).await?;
        match self.store.delete_account(id, &account.login_names(&self.policy.names)).await? {
            true => Ok(()),
            false => Err(Refused::new(Reason::NotFound)),
        }
    }

    async fn hashed(&self, password: Option<NewPassword>) -> Result<Option<String>, Refused> {
        match password {
            None => Ok(None),
            Some(NewPassword::Hash(hash)) if is_supported_hash(&hash) => Ok(Some(hash)),
            Some(NewPassword::Hash(_)) => {
                Err(Refused::new(Reason::Invalid).field("passwordHash", FieldProblem::PasswordHash))
            }
            Some(NewPassword::Plain(password)) => {
                if !LENGTH.contains(&password.expose().chars().count()) {
                    return Err(Refused::new(Reason::Invalid).field("password", FieldProblem::PasswordLength));
                }
                Ok(Some(self.passwords.hash(password, self.entropy.bytes()).await?))
            }
        }
    }

    pub(super) fn taken(&self, account: &Account, taken: &NameTaken) -> Refused {
        let email = LoginName::of_email(&account.email, &self.policy.names);
        let field = if taken.0 == email { "email" } else { "username" };
        Refused::new(Reason::Taken).field(field, FieldProblem::Taken)
    }
}
