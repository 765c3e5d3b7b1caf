use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

use super::{KeyTrouble, PATIENCE};
use crate::engine::Engine;
use crate::identity::{Account, AccountId, Sealed, TotpFactor, WaitingTotp};

/// Accounts that are read at a time, and of these how many are written at a time.
const PAGE: usize = 200;
const AT_ONCE: usize = 16;

/// How far a re-sealing is. Accounts that are enrolled meanwhile come on top.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// What became of one account.
enum Moved {
    /// There was nothing to do, or somebody else did it.
    Already,
    From(String),
    /// Its secret cannot be opened, so it stays as it is.
    Stuck(u64),
}

impl Engine {
    /// How many accounts are sealed under each key. Reads every account.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn sealed_accounts(&self) -> Result<BTreeMap<String, u64>, KeyTrouble> {
        let (mut after, mut counts) = (None, BTreeMap::new());
        loop {
            let page = self.store.accounts(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(counts) };
            after = Some(last.id);
            for key in page.iter().flat_map(sealed_under) {
                *counts.entry(key.to_owned()).or_default() += 1;
            }
        }
    }

    /// Seals every account's secret anew that is not under the current key, and looks again until there is none: an
    /// instance that has not heard of the key may have sealed one meanwhile. Then notes in the ring that the older keys
    /// are empty. Can be cut short at any point, and begun again.
    pub(super) async fn reseal(&self, watch: &(dyn Fn(Progress) + Sync)) -> Result<u64, KeyTrouble> {
        let (mut progress, mut moved, mut stuck) = (Progress::default(), Vec::new(), Vec::new());
        let looked: Vec<String> = loop {
            let ring = self.keys.ring();
            let counts = self.sealed_accounts().await?;
            let left: u64 = counts.iter().filter(|(id, _)| **id != ring.current.id).map(|(_, count)| count).sum();
            if left <= stuck.len() as u64 {
                break ring.retiring.iter().map(|key| key.id.clone()).collect();
            }
            progress.total = progress.done + left;
            watch(progress);
            stuck = self.reseal_all(&mut progress, &mut moved, watch).await?;
        };
        if !stuck.is_empty() {
            return Err(KeyTrouble::Unopened(stuck));
        }
        self.reseal_registry().await?;
        self.change_ring(|ring| {
            ring.emptied(&looked, &moved, self.clock.now());
            Ok(())
        })
        .await?;
        Ok(progress.done)
    }

    /// Once through all accounts; the numbers of those that cannot be opened.
    async fn reseal_all(
        &self,
        progress: &mut Progress,
        moved: &mut Vec<String>,
        watch: &(dyn Fn(Progress) + Sync),
    ) -> Result<Vec<u64>, KeyTrouble> {
        let (mut after, mut stuck) = (None::<AccountId>, Vec::new());
        loop {
            let page = self.store.accounts(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(stuck) };
            after = Some(last.id);
            let mut writes = stream::iter(page).map(|account| self.reseal_account(account)).buffer_unordered(AT_ONCE);
            while let Some(outcome) = writes.next().await {
                match outcome? {
                    Moved::Already => continue,
                    Moved::Stuck(account) => stuck.push(account),
                    Moved::From(key) => {
                        progress.done += 1;
                        progress.total = progress.total.max(progress.done);
                        if !moved.contains(&key) {
                            moved.push(key);
                        }
                    }
                }
            }
            watch(*progress);
        }
    }

    async fn reseal_account(&self, mut account: Account) -> Result<Moved, KeyTrouble> {
        for _ in 0..PATIENCE {
            let Some(key) = self.older_key(&account) else { return Ok(Moved::Already) };
            if account.sealed().any(|sealed| !self.keys.knows(sealed)) {
                self.ring_in_store().await?;
            }
            let mut next = self.sealed_anew(&account);
            if next == account {
                return Ok(Moved::Stuck(account.id.0));
            }
            next.revision += 1;
            let names = account.login_names(&self.policy.names);
            if self.store.replace_account(&next, &names, &names).await?.unwrap_or(false) {
                return Ok(Moved::From(key));
            }
            match self.store.account(account.id).await? {
                Some(newer) => account = newer,
                None => return Ok(Moved::Already),
            }
        }
        // Somebody is at this account all the time. The next look finds it.
        Ok(Moved::Already)
    }

    /// The key of something of the account that is not sealed under the current one; empty for what names no key.
    fn older_key(&self, account: &Account) -> Option<String> {
        let current = self.keys.ring().current.id.clone();
        let keys = account.sealed().map(|sealed| sealed.key_id().unwrap_or_default());
        keys.into_iter().find(|key| *key != current).map(str::to_owned)
    }

    /// The account with its secrets under the current key. An authenticator that cannot be opened stays as it is; one that
    /// only waits is forgotten then, for it can be enrolled again.
    fn sealed_anew(&self, account: &Account) -> Account {
        let current = self.keys.ring().current.id.clone();
        let anew = |sealed: &Sealed, context: [String; 2]| {
            if sealed.key_id() == Some(current.as_str()) {
                return Some(sealed.clone());
            }
            let context = [context[0].as_str(), context[1].as_str()];
            let plain = self.keys.open(sealed, &context).ok()?;
            Some(self.keys.seal(&plain, &context, self.entropy.bytes()))
        };
        let mut next = account.clone();
        if let Some(factor) = next.authenticator_mut()
            && let Some(secret) = anew(&factor.secret, TotpFactor::context(account.id))
        {
            factor.secret = secret;
        }
        next.enrolling = next.enrolling.and_then(|waiting| {
            let secret = anew(&waiting.secret, WaitingTotp::context(account.id))?;
            Some(WaitingTotp { secret, ..waiting })
        });
        next
    }
}

/// The keys that something of the account is sealed under.
fn sealed_under(account: &Account) -> BTreeSet<&str> {
    account.sealed().map(|sealed| sealed.key_id().unwrap_or_default()).collect()
}
