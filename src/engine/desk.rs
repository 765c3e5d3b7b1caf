//! The operator's hand: what a help desk does on an account, whatever the account's own limits say.

use std::str::FromStr;

use crate::engine::ports::{AccountWrite, EndSessions, EventKind, Locks, NewChange, Notice, Verdict};
use crate::engine::{Call, Engine, Happening, Reason, Refused};
use crate::identity::{Account, AccountId, Method, Session, SessionId};

/// How often an account may change under the operator's hand before it gives up.
const PATIENCE: usize = 5;

/// What a help desk takes off an account, so that its owner can begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    One(Method),
    /// Every factor that is on, and the recovery codes.
    All,
}

impl FromStr for Reset {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" {
            return Ok(Reset::All);
        }
        let method = Method::ALL.into_iter().find(|method| method.as_str() == text);
        method.map(Reset::One).ok_or("must be one of google, sms, email, recovery, all")
    }
}

impl Engine {
    /// Takes a factor or the recovery codes off the account; all its sessions end, its devices are forgotten, and its
    /// owner is told. Blocks stay as they are, and do not stand in the way. What was taken off.
    ///
    /// With [`Reset::All`] it is one after the other: a repeat after a fault goes on where the first try stopped.
    ///
    /// # Errors
    /// [`Reason::NotFound`]; [`Reason::MethodNotEnabled`] when there is nothing to take off.
    pub async fn reset(&self, id: AccountId, what: Reset, call: Option<&Call>) -> Result<Vec<Method>, Refused> {
        let methods = match what {
            Reset::One(method) => vec![method],
            Reset::All => {
                let account = self.account(id).await?;
                let mut on: Vec<Method> = Method::ALL.into_iter().filter(|method| has(&account, *method)).collect();
                // The recovery codes first, for they go along with the last factor.
                on.sort_by_key(|method| method.factor().is_some());
                on
            }
        };
        if methods.is_empty() {
            return Err(Refused::new(Reason::MethodNotEnabled));
        }
        for method in &methods {
            self.take_off(id, *method, call).await?;
        }
        Ok(methods)
    }

    async fn take_off(&self, id: AccountId, method: Method, call: Option<&Call>) -> Result<(), Refused> {
        let now = self.clock.now();
        let (account, _) = self
            .revise(id, |account| {
                if !has(account, method) {
                    return Err(Refused::new(Reason::MethodNotEnabled));
                }
                let mut next = account.clone();
                match method.factor() {
                    Some(factor) => next.turn_off(factor),
                    None => {
                        next.recovery = None;
                        next.begin_epoch();
                    }
                }
                next.changed(now);
                Ok(AccountWrite {
                    account: Some(next),
                    changes: method
                        .factor()
                        .map(|provider| NewChange { provider, is_enabled: false, time: now })
                        .into_iter()
                        .collect(),
                    end_sessions: Some(EndSessions::All),
                    ..AccountWrite::default()
                })
            })
            .await?;
        if let Some(factor) = method.factor() {
            self.tell_owner(&account, Notice::FactorReset(factor));
        }
        self.note(self.by_hand(EventKind::FactorDisabled, id, call).method(method));
        Ok(())
    }

    /// Until when the account's doors are blocked.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn locks(&self, id: AccountId) -> Result<Locks, Refused> {
        Ok(self.store.locks(id, self.clock.now()).await?)
    }

    /// Forgets the account's failures, and ends its blocks.
    ///
    /// # Errors
    /// [`Reason::NotFound`].
    pub async fn unlock(&self, id: AccountId, call: Option<&Call>) -> Result<(), Refused> {
        self.account(id).await?;
        self.store.unlock(id).await?;
        self.note(self.by_hand(EventKind::Unlocked, id, call));
        Ok(())
    }

    /// The account's living sessions, oldest first.
    ///
    /// # Errors
    /// [`Reason::NotFound`].
    pub async fn sessions_of(&self, id: AccountId) -> Result<Vec<Session>, Refused> {
        self.account(id).await?;
        Ok(self.store.sessions(id, self.clock.now()).await?)
    }

    /// Ends one session of the account.
    ///
    /// # Errors
    /// [`Reason::NotFound`] when it has no such session.
    pub async fn end_session_of(&self, id: AccountId, session: &str, call: Option<&Call>) -> Result<(), Refused> {
        let not_found = || Refused::new(Reason::NotFound);
        let session = SessionId::parse(session).ok_or_else(not_found)?;
        if !self.store.end_session(id, &session).await? {
            return Err(not_found());
        }
        self.note(self.by_hand(EventKind::SessionEnded, id, call).session(&session));
        Ok(())
    }

    /// Ends all sessions of the account: one event tells how many there were.
    ///
    /// # Errors
    /// [`Reason::NotFound`].
    pub async fn end_sessions_of(&self, id: AccountId, call: Option<&Call>) -> Result<(), Refused> {
        let ended = self.sessions_of(id).await?.len();
        let all = AccountWrite { end_sessions: Some(EndSessions::All), ..AccountWrite::default() };
        self.revise(id, |_| Ok(all.clone())).await?;
        if ended > 0 {
            self.note(self.by_hand(EventKind::SessionEnded, id, call).detail("sessions", ended.to_string()));
        }
        Ok(())
    }

    /// Writes what `plan` makes of the account as it is now, in one piece; the account after it, and what was written.
    pub(super) async fn revise(
        &self,
        id: AccountId,
        plan: impl Fn(&Account) -> Result<AccountWrite, Refused>,
    ) -> Result<(Account, AccountWrite), Refused> {
        self.revise_from(self.account(id).await?, plan).await
    }

    /// As [`Self::revise`], for an account as it was a moment ago.
    pub(super) async fn revise_from(
        &self,
        mut account: Account,
        plan: impl Fn(&Account) -> Result<AccountWrite, Refused>,
    ) -> Result<(Account, AccountWrite), Refused> {
        let id = account.id;
        for _ in 0..PATIENCE {
            let write = plan(&account)?;
            let request = self.request();
            match self.store.write_account(&request, id, account.revision, &write, self.clock.now()).await? {
                Verdict::Accepted => {
                    let Some(next) = write.account.clone() else { return Ok((account, write)) };
                    self.store.refresh_names(&next, &next.login_names(&self.policy.names)).await?;
                    return Ok((next, write));
                }
                Verdict::Stale(now) => account = *now,
                _ => return Err(Refused::new(Reason::NotFound)),
            }
        }
        Err(Refused::new(Reason::WizardChanged))
    }

    /// An event of the operator's doing: in a call, or at the command line.
    pub fn by_hand(&self, kind: EventKind, id: AccountId, call: Option<&Call>) -> Happening {
        let happening = self.happening(kind).to(id).by_operator();
        match call {
            Some(call) => happening.in_call(call),
            None => happening,
        }
    }
}

fn has(account: &Account, method: Method) -> bool {
    match method.factor() {
        Some(factor) => account.has(factor),
        None => account.recovery.is_some(),
    }
}
