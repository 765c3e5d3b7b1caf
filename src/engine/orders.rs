//! Orders about second factors: an administrator gives them to some or to all, and each account carries them out once,
//! when it next proves who it is, or is written.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::ports::{AccountWrite, EventKind, NewChange, Notice};
use super::{Call, Caller, Engine, Happening, Reason, Refused};
use crate::identity::{Account, AccountId, AccountOrder, Factor, MfaOrders, MfaSetting, Switched};

/// How often others may give orders before this one gives up.
const PATIENCE: usize = 64;
/// Accounts that are read or written at a time.
const AT_ONCE: usize = 16;

/// Whom an order is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MfaTarget {
    /// Every account that there is.
    All,
    Selected(Selection),
}

/// Accounts that are named by number: 1 to [`Selection::MOST`], each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(BTreeSet<AccountId>);

/// How an account stands with orders.
#[derive(Debug, Clone, PartialEq)]
pub struct MfaState {
    pub id: AccountId,
    /// The order that it is under, if it is under one.
    pub setting: Option<MfaSetting>,
    /// The factors that are on by now, strongest first.
    pub enabled: Vec<Factor>,
}

impl Selection {
    /// Accounts that one call may name.
    pub const MOST: usize = 1_000;

    /// The accounts with these numbers, if they are not too many, and there is one at least. Nobody has the number 0.
    pub fn of(ids: impl IntoIterator<Item = AccountId>) -> Option<Self> {
        let ids: BTreeSet<AccountId> = ids.into_iter().collect();
        ((1..=Self::MOST).contains(&ids.len()) && !ids.contains(&AccountId(0))).then_some(Selection(ids))
    }
}

impl MfaTarget {
    fn names(&self, id: AccountId) -> bool {
        match self {
            MfaTarget::All => true,
            MfaTarget::Selected(selection) => selection.0.contains(&id),
        }
    }
}

impl Engine {
    /// Gives an order. To all it is one write, however many they are; selected ones are written one by one, and only if
    /// there are all of them.
    ///
    /// # Errors
    /// [`Reason::NotFound`] when one of the selected does not exist: then nobody was changed. [`Reason::StepUpRequired`]
    /// by whom has a factor on, in a session that never proved one; and for an order that would switch factors of one's
    /// own beside it, without a proof of late.
    pub async fn set_mfa(
        &self,
        call: &Call,
        by: &Caller,
        target: &MfaTarget,
        setting: &MfaSetting,
    ) -> Result<(), Refused> {
        self.confirm_order(by, target, setting).await?;
        let by = &by.account;
        match target {
            MfaTarget::All => {
                let orders =
                    self.change_orders(|orders| orders.for_all(by.id, setting.clone(), self.clock.now())).await?;
                self.note(self.ordering(call, by, "all", setting).detail("order", orders.serial.to_string()));
                Ok(())
            }
            MfaTarget::Selected(selection) => self.order_selected(call, by, selection, setting).await,
        }
    }

    /// Whether the caller has proved enough of their own for this order.
    async fn confirm_order(&self, by: &Caller, target: &MfaTarget, setting: &MfaSetting) -> Result<(), Refused> {
        proved_once(by)?;
        let (orders, own) = (self.store.orders(), by.account.id);
        let ordered = Account { order: Some(orders.to_some(own, 0, setting.clone())), ..by.account.clone() };
        let switched = orders.carried_out(&ordered, &self.policy, self.clock.now()).map(|(_, switched)| switched);
        let switches = target.names(own) && switched.is_some_and(|switched| !switched.is_empty());
        match switches && by.session.factor.is_some() {
            true => self.confirm_authority(by, None).await,
            false => Ok(()),
        }
    }

    async fn order_selected(
        &self,
        call: &Call,
        by: &Account,
        selection: &Selection,
        setting: &MfaSetting,
    ) -> Result<(), Refused> {
        self.accounts_of(selection).await?;
        let order = &self.store.orders().to_some(by.id, self.order_number(), setting.clone());
        let write = |id: AccountId| async move {
            let plan = |account: &Account| {
                let mut next = account.clone();
                let serial = self.store.orders().serial;
                next.order = Some(AccountOrder { serial, ..order.clone() });
                next.changed(self.clock.now());
                Ok(AccountWrite { account: Some(next), ..AccountWrite::default() })
            };
            match self.revise(id, plan).await {
                Ok(_) => self.note(self.ordering(call, by, "selected", setting).to(id).detail("order", order.shown())),
                // Deleted this very moment: there is nobody to be ordered about.
                Err(refused) if refused.reason == Reason::NotFound => {}
                Err(refused) => return Err(refused),
            }
            Ok(())
        };
        stream::iter(selection.0.iter().copied().map(write)).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// Milliseconds, as the serials are, with three digits of chance behind them.
    fn order_number(&self) -> u64 {
        let chance = u64::from_le_bytes(self.entropy.bytes()) % 1_000;
        self.clock.now().timestamp_millis().unsigned_abs() * 1_000 + chance
    }

    /// What accounts begin with that are made from now on, as of the last read.
    pub fn default_mfa(&self) -> Option<MfaSetting> {
        self.store.orders().default.clone()
    }

    /// Sets what accounts begin with that are made from now on.
    ///
    /// # Errors
    /// [`Reason::StepUpRequired`] as for [`Self::set_mfa`].
    pub async fn set_default_mfa(&self, call: &Call, by: &Caller, setting: &MfaSetting) -> Result<(), Refused> {
        proved_once(by)?;
        let orders = self.change_orders(|orders| orders.for_newcomers(setting.clone(), self.clock.now())).await?;
        self.note(self.ordering(call, &by.account, "default", setting).detail("order", orders.serial.to_string()));
        Ok(())
    }

    /// How each of these accounts stands, by number.
    ///
    /// # Errors
    /// [`Reason::NotFound`] when one of them does not exist.
    pub async fn mfa_of(&self, selection: &Selection) -> Result<Vec<MfaState>, Refused> {
        let state = |account: Account| {
            let ordered = self.as_ordered(account);
            let enabled = ordered.enabled();
            MfaState { id: ordered.id, setting: ordered.order.and_then(|order| order.setting), enabled }
        };
        Ok(self.accounts_of(selection).await?.into_iter().map(state).collect())
    }

    async fn accounts_of(&self, selection: &Selection) -> Result<Vec<Account>, Refused> {
        let read = |id: AccountId| async move {
            let found = self.store.account(id).await.map_err(Refused::from)?;
            found.ok_or_else(|| Refused::new(Reason::NotFound))
        };
        stream::iter(selection.0.iter().copied().map(read)).buffered(AT_ONCE).try_collect().await
    }

    async fn change_orders(&self, change: impl Fn(&MfaOrders) -> MfaOrders) -> Result<MfaOrders, Refused> {
        for _ in 0..PATIENCE {
            let orders = self.store.orders();
            let next = change(&orders);
            if self.store.change_orders(&self.request(), orders.serial, &next).await? {
                return Ok(next);
            }
        }
        Err(Refused::new(Reason::Unavailable).again_in(1))
    }

    fn ordering(&self, call: &Call, by: &Account, target: &str, setting: &MfaSetting) -> Happening {
        let event = self.happening(EventKind::MfaOrdered).in_call(call);
        let event = event.detail("by", by.id.to_string()).detail("target", target);
        match setting {
            MfaSetting::Disallowed => event.detail("setting", "disallowed"),
            MfaSetting::Allowed(factors) => {
                let factors: Vec<&str> = factors.iter().map(|factor| factor.as_str()).collect();
                event.detail("setting", "allowed").detail("factors", factors.join(","))
            }
        }
    }

    /// The account as ordered by now, and what goes on and off by that; `None` when it is so already.
    pub(super) fn ordered(&self, account: &Account) -> Option<(Account, Switched)> {
        self.store.orders().carried_out(account, &self.policy, self.clock.now())
    }

    /// The account as it is to be looked at: what was ordered holds, though nobody may have written it yet.
    pub fn as_ordered(&self, account: Account) -> Account {
        self.ordered(&account).map_or(account, |(ordered, _)| ordered)
    }

    /// The account with this number, with what was ordered of it carried out: it is about to be changed.
    ///
    /// # Errors
    /// [`Reason::NotFound`].
    pub async fn obeyed(&self, id: AccountId) -> Result<Account, Refused> {
        self.obey(self.stored(id).await?).await
    }

    /// Carries out what was ordered of an account that has just proved who it is. No round trip, or two, once for every
    /// order.
    pub(super) async fn obey(&self, account: Account) -> Result<Account, Refused> {
        if self.ordered(&account).is_none() {
            return Ok(account);
        }
        self.revise_from(account, |_| Ok(AccountWrite::default())).await.map(|(account, _)| account)
    }

    /// The lines of the change log for what an order switches.
    pub(super) fn switches(&self, switched: &Switched) -> impl Iterator<Item = NewChange> {
        let time = self.clock.now();
        switched.clone().into_iter().map(move |(provider, is_enabled)| NewChange { provider, is_enabled, time })
    }

    /// What is noted, and what the owner is told, for each factor that an order switches.
    pub(super) fn news_of<'a>(
        &'a self,
        account: &'a Account,
        switched: &'a Switched,
    ) -> impl Iterator<Item = (Happening, Notice)> + 'a {
        let order = account.order.as_ref().map(AccountOrder::shown).unwrap_or_default();
        switched.iter().map(move |(factor, is_enabled)| {
            let (kind, notice) = match is_enabled {
                true => (EventKind::FactorEnabled, Notice::FactorEnabled(*factor)),
                false => (EventKind::FactorDisabled, Notice::FactorDisabled(*factor)),
            };
            let event = self.happening(kind).to(account.id).by_operator();
            (event.method(*factor).detail("order", order.clone()), notice)
        })
    }
}

/// A panel session lives for a day, and may be from before its account had a factor: then it has proved a password only,
/// which does where nothing but its own order has turned codes by email on since.
fn proved_once(by: &Caller) -> Result<(), Refused> {
    let account = &by.account;
    match by.session.factor.is_some() || account.enabled().is_empty() || account.is_bare_but_for_its_own_order() {
        true => Ok(()),
        false => Err(Refused::new(Reason::StepUpRequired)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_names_some_and_not_too_many() {
        let of = |ids: std::ops::Range<u64>| Selection::of(ids.map(AccountId)).map(|selection| selection.0.len());
        assert_eq!((of(1..2), of(1..1_001)), (Some(1), Some(1_000)));
        assert_eq!((of(1..1), of(1..1_002), of(0..2)), (None, None, None));
        assert_eq!(Selection::of([AccountId(7); 2_000]).map(|selection| selection.0.len()), Some(1));
    }
}
