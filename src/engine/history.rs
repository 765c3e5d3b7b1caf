use chrono::{DateTime, Utc};

use crate::engine::ports::{Event, EventKind, EventRange};
use crate::engine::{Engine, Refused};
use crate::identity::AccountId;

/// Events that one look goes through at most, whether they match or not.
const SCANNED: usize = 5_000;
/// Events that are fetched at a time.
const FETCHED: usize = 500;

/// Which events are asked for. `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub account: Option<AccountId>,
    pub kind: Option<EventKind>,
    /// Events at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Events at this time or earlier.
    pub to: Option<DateTime<Utc>>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
    pub newest_first: bool,
    /// 1 to 100.
    pub limit: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    pub data: Vec<Event>,
    /// Where to go on; `None` at the end of the stream. There may be more even if `data` is short: a look has an end.
    pub next: Option<String>,
}

impl Engine {
    /// Goes through the stream for events that match.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn history(&self, filter: &EventFilter) -> Result<EventPage, Refused> {
        let (mut data, mut beyond, mut scanned) = (Vec::new(), filter.cursor.clone(), 0);
        while scanned < SCANNED {
            let limit = if filter.is_open() { filter.limit + 1 } else { FETCHED };
            let range = EventRange { beyond: beyond.clone(), newest_first: filter.newest_first, limit };
            let found = self.events(&range).await?;
            let end = found.len() < limit;
            for stored in found {
                if filter.matches(&stored.event) {
                    if data.len() == filter.limit {
                        return Ok(EventPage { data, next: beyond });
                    }
                    data.push(stored.event);
                }
                beyond = Some(stored.cursor);
                scanned += 1;
            }
            if end {
                return Ok(EventPage { data, next: None });
            }
        }
        Ok(EventPage { data, next: beyond })
    }
}

impl EventFilter {
    /// Whether every event matches.
    fn is_open(&self) -> bool {
        self.account.is_none() && self.kind.is_none() && self.from.is_none() && self.to.is_none()
    }

    fn matches(&self, event: &Event) -> bool {
        self.account.is_none_or(|account| event.account == Some(account))
            && self.kind.is_none_or(|kind| event.kind == kind)
            && self.from.is_none_or(|from| event.time >= from)
            && self.to.is_none_or(|to| event.time <= to)
    }
}
