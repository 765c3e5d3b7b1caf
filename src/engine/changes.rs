use chrono::{DateTime, Utc};

use crate::engine::ports::Change;
use crate::engine::{Caller, Engine, Reason, Refused};
use crate::identity::Factor;

/// Which changes are asked for. `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    pub is_enabled: Option<bool>,
    pub provider: Option<Factor>,
    /// Changes at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Changes at this time or earlier.
    pub to: Option<DateTime<Utc>>,
    pub newest_first: bool,
    pub offset: usize,
    /// 1 to 100.
    pub limit: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePage {
    /// All changes that match, on every page.
    pub total: usize,
    pub data: Vec<Change>,
}

impl Engine {
    /// The caller's own change log.
    ///
    /// # Errors
    /// As [`Engine::authenticate`].
    pub async fn changes(&self, token: &str, filter: &ChangeFilter) -> Result<ChangePage, Refused> {
        let Caller { account, .. } = self.authenticate(token).await?;
        let mut matching = self.store.changes(account.id).await?;
        matching.retain(|change| filter.matches(change));
        matching.sort_by_key(|change| (change.time, change.id));
        if filter.newest_first {
            matching.reverse();
        }
        let total = matching.len();
        let data = matching.into_iter().skip(filter.offset).take(filter.limit).collect();
        Ok(ChangePage { total, data })
    }

    /// One record of the caller's own change log.
    ///
    /// # Errors
    /// [`Reason::NotFound`] when the account has no such record; as [`Engine::authenticate`].
    pub async fn change(&self, token: &str, id: u64) -> Result<Change, Refused> {
        let Caller { account, .. } = self.authenticate(token).await?;
        let changes = self.store.changes(account.id).await?;
        changes.into_iter().find(|change| change.id == id).ok_or_else(|| Refused::new(Reason::NotFound))
    }
}

impl ChangeFilter {
    fn matches(&self, change: &Change) -> bool {
        self.is_enabled.is_none_or(|enabled| change.is_enabled == enabled)
            && self.provider.is_none_or(|provider| change.provider == provider)
            && self.from.is_none_or(|from| change.time >= from)
            && self.to.is_none_or(|to| change.time <= to)
    }
}
