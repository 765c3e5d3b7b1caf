use crate::engine::ports::{AccountWrite, EndSessions, EventKind, Notice};
use crate::engine::{Call, Caller, Engine, FieldProblem, Reason, Refused};
use crate::identity::{Account, Secret, SuccessToken};

/// A password to be set, as it was typed twice.
#[derive(Debug, Clone)]
pub struct PasswordPair {
    pub password: Secret,
    pub confirmation: Secret,
}

impl Engine {
    /// Changes the caller's password. Every other session ends, no device is remembered any more; second factors stay.
    ///
    /// # Errors
    /// [`Reason::PasswordRefused`] naming the field; [`Reason::InvalidSuccessToken`]; [`Reason::PasswordElsewhere`];
    /// as [`Engine::authenticate`]. The token is used up only when the password was changed.
    pub async fn change_password(
        &self,
        call: &Call,
        token: &str,
        success: &str,
        pair: PasswordPair,
    ) -> Result<(), Refused> {
        let caller = self.authenticate(token).await?;
        self.keeps_passwords()?;
        let Caller { account, session } = caller;
        let success = self.success_token(success, SuccessToken::STEP_UP, Some(&account))?;
        let hash = self.new_password(&account, pair).await?;
        let mut next = self.with_password(&account, hash);
        next.stood_in = None;
        let end_sessions = Some(EndSessions::AllBut(session.id.clone()));
        let write = AccountWrite { account: Some(next.clone()), end_sessions, ..AccountWrite::default() };
        self.write_account(&account, Some(&success), write).await?;
        self.note(self.happening(EventKind::PasswordChanged).to(next.id).in_call(call).session(&session.id));
        self.tell_owner(&next, Notice::PasswordChanged);
        Ok(())
    }

    /// Sets a new password for whoever has confirmed the account's address. All sessions end; nobody is signed in by
    /// it, and second factors stay, but a code to that address is none of them beside this password.
    ///
    /// # Errors
    /// As [`Self::change_password`].
    pub async fn reset_password(&self, call: &Call, success: &str, pair: PasswordPair) -> Result<(), Refused> {
        self.keeps_passwords()?;
        let invalid = || Refused::new(Reason::InvalidSuccessToken);
        let token = self.success_token(success, SuccessToken::PASSWORD_RESET, None)?;
        let account = self.store.account(token.account).await?.ok_or_else(invalid)?;
        let token = self.success_token(success, SuccessToken::PASSWORD_RESET, Some(&account))?;
        let hash = self.new_password(&account, pair).await?;
        let mut next = self.with_password(&account, hash);
        next.stood_in = token.method.factor();
        let end_sessions = Some(EndSessions::All);
        let write = AccountWrite { account: Some(next.clone()), end_sessions, ..AccountWrite::default() };
        self.write_account(&account, Some(&token), write).await?;
        self.note(self.happening(EventKind::PasswordReset).to(next.id).in_call(call).method(token.method));
        self.tell_owner(&next, Notice::PasswordReset);
        Ok(())
    }

    fn keeps_passwords(&self) -> Result<(), Refused> {
        if self.directory.is_none() { Ok(()) } else { Err(Refused::new(Reason::PasswordElsewhere)) }
    }

    fn with_password(&self, account: &Account, hash: String) -> Account {
        let mut next = account.clone();
        next.password_hash = Some(hash);
        next.credentials_changed(self.clock.now());
        next
    }

    async fn new_password(&self, account: &Account, pair: PasswordPair) -> Result<String, Refused> {
        let refused = |field, problem| Refused::new(Reason::PasswordRefused).field(field, problem);
        if pair.password != pair.confirmation {
            return Err(refused("passwordConfirmation", FieldProblem::PasswordsDiffer));
        }
        let username = account.username.as_ref().map(|name| name.as_str()).unwrap_or_default();
        let known = [account.email.as_str(), username];
        let strong = self.passwords.strength(&pair.password, &known).await;
        strong.map_err(|problem| refused("password", problem))?;
        Ok(self.passwords.hash(pair.password, self.entropy.bytes()).await?)
    }

    /// Writes an account that was decided upon as it stood in `before`, and uses `success` up with it.
    pub(super) async fn write_account(
        &self,
        before: &Account,
        success: Option<&SuccessToken>,
        write: AccountWrite,
    ) -> Result<(), Refused> {
        let next = write.account.clone();
        self.accept(before, success, write).await?;
        if let Some(account) = next {
            self.copy_names(&account).await;
        }
        Ok(())
    }

    /// Mends the copies of an account by name, after it was written. One that stays behind is found out when it is used.
    pub(super) async fn copy_names(&self, account: &Account) {
        let names = account.login_names(&self.policy.names);
        if let Err(error) = self.store.refresh_names(account, &names).await {
            tracing::warn!(%error, account = %account.id, "the copies of an account are behind");
        }
    }
}
