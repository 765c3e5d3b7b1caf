use crate::engine::ports::{Event, EventRange, RequestId, StoreError, StoredEvent};

use super::attempts::REMEMBER;
use super::call::{Call, Script};
use super::keys::request;
use super::{RedisStore, record};

impl RedisStore {
    pub(super) async fn append_events(&self, id: &RequestId, events: &[Event]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut call = Call::script(Script::AppendEvents, self.keys.events())
            .arg(request(id))
            .arg(REMEMBER)
            .arg(self.events_kept)
            .behind();
        for event in events {
            call = call.arg(record::to_json(event)?);
        }
        self.link.call(call).await.map(drop)
    }

    pub(super) async fn events(&self, range: &EventRange) -> Result<Vec<StoredEvent>, StoreError> {
        let (command, from, to) = if range.newest_first { ("XREVRANGE", "+", "-") } else { ("XRANGE", "-", "+") };
        let from = match &range.beyond {
            None => from.to_owned(),
            Some(cursor) if has_beyond(cursor, range.newest_first) => format!("({cursor}"),
            Some(_) => return Ok(Vec::new()),
        };
        if range.limit == 0 {
            return Ok(Vec::new());
        }
        let call = Call::command(command).arg(self.keys.events()).arg(from).arg(to).arg("COUNT").arg(range.limit);
        let entries = self.link.call(call).await?.entries()?;
        let stored = |(cursor, document): (String, String)| {
            Ok(StoredEvent { cursor, event: record::from_json("an event", &document)? })
        };
        entries.into_iter().map(stored).collect()
    }
}

/// Whether this is the id of an entry, and not the last that there could be on the way.
fn has_beyond(cursor: &str, newest_first: bool) -> bool {
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let parts = cursor.split_once('-').and_then(|(time, place)| number(time).zip(number(place)));
    let last = if newest_first { 0 } else { u64::MAX };
    parts.is_some_and(|parts| parts != (last, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_of_the_stream_is_a_cursor() {
        for cursor in ["1-0", "1767225600000-12"] {
            assert!(has_beyond(cursor, true) && has_beyond(cursor, false), "{cursor}");
        }
        for cursor in ["", "-", "+", "1", "1-", "-1", "1-+2", "1-2-3", "99999999999999999999-0", "1-0 COUNT", "$"] {
            assert!(!has_beyond(cursor, true) && !has_beyond(cursor, false), "{cursor}");
        }
        assert!(!has_beyond("0-0", true));
        assert!(!has_beyond("18446744073709551615-18446744073709551615", false));
    }
}
