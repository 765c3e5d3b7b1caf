//! The operator's hand: what a help desk does on an account, whatever the account's own limits say.

use std::str::FromStr;

use crate::engine::ports::{AccountWrite, EndSessions, EventKind, Locks, NewChange, Notice, Verdict};
use crate::engine::{Call, Engine, Happening, Reason, Refused};
use crate::identity::{Account, AccountId, Factor, Method, Session, SessionId, Switched};

/// How often an account may change under the operator's hand before it gives up.
const PATIENCE: usize = 16;

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
                    Some(factor) => next.turn_off(factor, now),
                    None => {
                        next.recovery = None;
                        if let Some(suspended) = &mut next.suspended {
                            suspended.recovery = None;
                        }
                        next.begin_epoch();
                    }
                }
                next.changed(now);
                Ok(AccountWrite {
                    account: Some(next),
                    changes: method
                        .factor()
                        // What was off by order is in the log already.
                        .filter(|factor| account.has(*factor))
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

    /// Writes what `plan` makes of the account as it is now, in one piece; the account after it, and
    /// the plan's own lines of the change log.
    pub(super) async fn revise(
        &self,
        id: AccountId,
        plan: impl Fn(&Account) -> Result<AccountWrite, Refused>,
    ) -> Result<(Account, Vec<NewChange>), Refused> {
        self.revise_from(self.stored(id).await?, plan).await
    }

    /// As [`Self::revise`], from the account as it was read. What was ordered of it is carried out along the way.
    ///
    /// # Errors
    /// [`Reason::NotFound`]; [`Reason::Unavailable`] when others write it all the time.
    pub(super) async fn revise_from(
        &self,
        mut account: Account,
        plan: impl Fn(&Account) -> Result<AccountWrite, Refused>,
    ) -> Result<(Account, Vec<NewChange>), Refused> {
        for _ in 0..PATIENCE {
            let (write, own, switched) = self.planned(&account, &plan)?;
            let (request, id, now) = (self.request(), account.id, self.clock.now());
            match self.store.write_account(&request, id, account.revision, &write, now).await? {
                Verdict::Accepted => {
                    let Some(next) = write.account else { return Ok((account, own)) };
                    self.copy_names(&next).await;
                    for (event, notice) in self.news_of(&next, &switched) {
                        self.note(event);
                        self.tell_owner(&next, notice);
                    }
                    return Ok((next, own));
                }
                Verdict::Stale(now) => account = *now,
                _ => return Err(Refused::new(Reason::NotFound)),
            }
        }
        Err(Refused::new(Reason::Unavailable).again_in(1))
    }

    /// What `plan` writes, with what was ordered before it and by it; its own lines of the change log, and what those
    /// orders switch.
    fn planned(
        &self,
        account: &Account,
        plan: impl Fn(&Account) -> Result<AccountWrite, Refused>,
    ) -> Result<(AccountWrite, Vec<NewChange>, Switched), Refused> {
        let (ordered, mut switched) = self.ordered(account).unwrap_or_else(|| (account.clone(), vec![]));
        let mut write = plan(&ordered)?;
        if write.account.is_none() && ordered != *account {
            let mut next = ordered;
            next.changed(self.clock.now());
            write.account = Some(next);
        }
        let own = write.changes.clone();
        write.changes.splice(0..0, self.switches(&switched));
        if let Some((next, more)) = write.account.as_ref().and_then(|next| self.ordered(next)) {
            write.account = Some(next);
            write.changes.extend(self.switches(&more));
            switched.extend(more);
        }
        Ok((write, own, switched))
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

/// Whether there is anything to take off, be it on or kept.
fn has(account: &Account, method: Method) -> bool {
    match method.factor() {
        Some(Factor::Google) if account.enrolling.is_some() => true,
        Some(factor) => account.has(factor) || account.is_suspended(factor),
        None => {
            let kept = account.suspended.as_ref().and_then(|suspended| suspended.recovery.as_ref());
            account.recovery.is_some() || kept.is_some()
        }
    }
}
