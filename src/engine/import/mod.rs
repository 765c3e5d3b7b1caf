//! Moving a user base in, and out again: lines of a file become accounts, each exactly once.
//!
//! Always: an account remembers the line that it came from by a keyed digest, so the same line again finds it there,
//! whoever runs it and however often. An account whose line brings an authenticator cannot sign in before it has it.
//! Never here: files, bars, HTTP. A line comes in as text, and goes out as text.

mod export;
mod fields;
mod line;

pub use export::Exporting;
pub use fields::Problems;
pub use line::Line;

use crate::engine::{Engine, FieldProblem, Reason, Refused};
use crate::identity::{Account, EmailFactor, LoginName, SmsFactor, TotpFactor, TotpScheme, TotpSecret};

/// How often a half-made account may be finished by others before this one gives up.
const PATIENCE: usize = 3;

/// How an accepted line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    Created,
    /// By this very line, before.
    AlreadyThere,
    /// A name of it is held by a creation that is under way, or was cut off: it is free again in some seconds.
    Held,
}

/// Whether to look for the account first, or to make it first. Either way ends the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Cheaper for lines that are new.
    Create,
    /// Cheaper for lines that were imported before.
    Look,
}

impl Engine {
    /// Makes the account of a line, unless that line has made it before.
    ///
    /// # Errors
    /// [`Reason::Taken`] when another account has one of the names; as [`Engine::create_account`] otherwise.
    pub async fn import(&self, line: Line, order: Order) -> Result<Imported, Refused> {
        let mark = self.mark(&line);
        if order == Order::Look
            && let Some(found) = self.found(&line, &mark).await?
        {
            return self.finished(found, line, mark).await;
        }
        let draft = self.draft(&line, &mark).await?;
        let names = draft.login_names(&self.policy.names);
        match self.store.create_account(draft.clone(), &names).await? {
            Ok(account) => {
                self.finished(account, line, mark).await?;
                Ok(Imported::Created)
            }
            Err(taken) => match self.found(&line, &mark).await? {
                Some(found) => self.finished(found, line, mark).await,
                None if self.is_held(&line).await? => Ok(Imported::Held),
                None => Err(self.taken(&draft, &taken)),
            },
        }
    }

    /// What [`Self::import`] would say, as far as it can be told without writing.
    ///
    /// # Errors
    /// As [`Self::import`].
    pub async fn rehearse(&self, line: &Line) -> Result<Imported, Refused> {
        if self.found(line, &self.mark(line)).await?.is_some() {
            return Ok(Imported::AlreadyThere);
        }
        let mut refused = Refused::new(Reason::Taken);
        for (field, name) in line.names() {
            if self.account_named(&name).await?.is_some() {
                refused = refused.field(field, FieldProblem::Taken);
            }
        }
        if refused.fields.is_empty() { Ok(Imported::Created) } else { Err(refused) }
    }

    /// A digest of everything in the line, under a key: it tells nothing of a password in it.
    fn mark(&self, line: &Line) -> String {
        let text = line.canonical();
        let parts: Vec<&str> = text.iter().map(String::as_str).collect();
        self.keys.mac("import", &parts).chars().take(22).collect()
    }

    /// The account that this line has made.
    async fn found(&self, line: &Line, mark: &str) -> Result<Option<Account>, Refused> {
        let name = LoginName::of_email(&line.account.email, &self.policy.names);
        let own = self.store.account_by_name(&name).await?;
        Ok(own.filter(|account| account.imported.as_deref() == Some(mark)))
    }

    /// Whether nobody has the names that could not be had.
    async fn is_held(&self, line: &Line) -> Result<bool, Refused> {
        for (_, name) in line.names() {
            if self.account_named(&name).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn draft(&self, line: &Line, mark: &str) -> Result<Account, Refused> {
        let mut new = line.account.clone();
        if line.totp.is_some() {
            // The secret is sealed for the account's number, which is not known yet. Until it is in, nobody signs in.
            new.password = None;
        }
        let mut draft = self.drafted(new).await?;
        let since = draft.created_at;
        draft.imported = Some(mark.to_owned());
        draft.factors.email = line.email_factor.then_some(EmailFactor::since(since));
        draft.factors.sms = line.sms.clone().map(|phone| SmsFactor { phone, since });
        draft.phone = draft.phone.or_else(|| line.sms.clone());
        draft.put_aside(&line.suspended);
        Ok(draft)
    }

    /// Gives an account that was only just begun its authenticator and its password, together.
    async fn finished(&self, mut account: Account, line: Line, mark: String) -> Result<Imported, Refused> {
        let Some(secret) = line.totp.as_ref().filter(|_| is_begun(&account)) else { return Ok(Imported::AlreadyThere) };
        let password_hash = self.drafted(line.account.clone()).await?.password_hash;
        for _ in 0..PATIENCE {
            let mut next = account.clone();
            next.password_hash.clone_from(&password_hash);
            next.factors.google = Some(self.sealed(&next, secret, line.scheme.clone()));
            next.put_aside(&line.suspended);
            next.changed(self.clock.now());
            let names = next.login_names(&self.policy.names);
            match self.store.replace_account(&next, &names, &names).await? {
                Ok(true) => return Ok(Imported::AlreadyThere),
                Ok(false) => {}
                Err(taken) => return Err(self.taken(&next, &taken)),
            }
            // Somebody else was faster, most likely with the same line.
            match self.found(&line, &mark).await? {
                Some(found) if is_begun(&found) => account = found,
                Some(_) | None => return Ok(Imported::AlreadyThere),
            }
        }
        Err(Refused::new(Reason::WizardChanged))
    }

    fn sealed(&self, account: &Account, secret: &TotpSecret, scheme: Option<TotpScheme>) -> TotpFactor {
        self.authenticator(account, secret, scheme, account.created_at)
    }
}

/// Whether the account still waits for the second half of its line.
fn is_begun(account: &Account) -> bool {
    account.revision == 1 && account.factors.google.is_none()
}
