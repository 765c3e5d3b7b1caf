use chrono::{DateTime, Utc};

use crate::engine::ports::{
    AccountWrite, AddressFailure, AddressKey, Attempt, Door, EndSessions, Locks, RequestId, SendBudget, Spend,
    StoreError, Subject, Verdict,
};
use crate::identity::{AccountId, Ladder};

use super::call::{Call, Script};
use super::keys::request;
use super::record::{damaged, life, millis, time, to_json};
use super::{RedisStore, record};

/// How long the answer to a request is remembered, in milliseconds: longer than any repeat of a call can take.
pub(super) const REMEMBER: u64 = 60_000;

impl RedisStore {
    pub(super) async fn judge(&self, attempt: &Attempt) -> Result<Verdict, StoreError> {
        let call = Call::script(Script::Judge, self.keys.subject(&attempt.subject));
        let call = with_writes(with_attempt(call, attempt), &attempt.write, attempt.now)?;
        read_verdict(&self.link.call(call).await?.text()?)
    }

    pub(super) async fn write_account(
        &self,
        id: &RequestId,
        account: AccountId,
        revision: u64,
        write: &AccountWrite,
        now: DateTime<Utc>,
    ) -> Result<Verdict, StoreError> {
        let call = Call::script(Script::Judge, self.keys.account(account))
            .named("request", request(id))
            .named("remember", REMEMBER)
            .named("now", millis(now))
            .named("account", 1)
            .named("revision", revision);
        read_verdict(&self.link.call(with_writes(call, write, now)?).await?.text()?)
    }

    pub(super) async fn locks(&self, account: AccountId, now: DateTime<Utc>) -> Result<Locks, StoreError> {
        let call = Call::command("HMGET").arg(self.keys.counters(account)).arg("first").arg("second");
        let tallies = self.link.call(call).await?.optional_texts()?;
        let until = |place: usize| {
            let tally = tallies.get(place).and_then(Option::as_deref).map(record::read_tally).transpose()?;
            tally.and_then(|tally| tally.blocked(millis(now))).map(time).transpose()
        };
        Ok(Locks { first: until(0)?, second: until(1)? })
    }

    pub(super) async fn unlock(&self, account: AccountId) -> Result<(), StoreError> {
        let call = Call::script(Script::Unlock, self.keys.account(account)).arg(self.next_call()).arg(REMEMBER);
        self.link.call(call).await.map(drop)
    }

    pub(super) async fn refund_send(
        &self,
        id: &RequestId,
        subject: &Subject,
        budget: &SendBudget,
        sent_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let call = Call::script(Script::RefundSend, self.keys.subject(subject))
            .arg(request(id))
            .arg(REMEMBER)
            .arg(budget.channel.as_str())
            .arg(millis(sent_at));
        self.link.call(call).await.map(drop)
    }

    pub(super) async fn address_block(
        &self,
        address: &AddressKey,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let tally = self.link.call(Call::command("GET").arg(self.keys.address(address))).await?.optional_text()?;
        let tally = tally.as_deref().map(record::read_tally).transpose()?.unwrap_or_default();
        tally.blocked(millis(now)).map(time).transpose()
    }

    pub(super) async fn fail_address(
        &self,
        id: &RequestId,
        address: &AddressKey,
        ladder: &Ladder,
        now: DateTime<Utc>,
    ) -> Result<AddressFailure, StoreError> {
        let call = Call::script(Script::FailAddress, self.keys.address(address)).named("request", request(id));
        let call = with_ladder(call, ladder, now).named("remember", REMEMBER);
        let answer = self.link.call(call).await?.text()?;
        match answer.strip_prefix("blocked|") {
            Some(until) => read_time(until).map(AddressFailure::Blocked),
            None => optional_time(&answer).map(AddressFailure::Counted),
        }
    }
}

fn with_ladder(call: Call, ladder: &Ladder, now: DateTime<Utc>) -> Call {
    call.named("now", millis(now))
        .named("limit", ladder.limit)
        .named("window", ladder.window)
        .named("block", ladder.block)
        .named("longest", ladder.longest)
}

fn with_attempt(call: Call, attempt: &Attempt) -> Call {
    let door = match attempt.door {
        Door::First => "first",
        Door::Second => "second",
    };
    let mut call = with_ladder(call, &attempt.ladder, attempt.now)
        .named("request", request(&attempt.request))
        .named("remember", REMEMBER)
        .named("door", door)
        // It ends a line in the record of spent steps.
        .named("operation", attempt.operation.replace('\n', " "));
    if let Subject::Account(_) = attempt.subject {
        call = call.named("account", 1);
    }
    if let Some(revision) = attempt.revision {
        call = call.named("revision", revision);
    }
    if let Some(right) = attempt.right {
        call = call.named("right", if right { "yes" } else { "no" });
    }
    match &attempt.spend {
        Some(Spend::Code { digest, keep }) => {
            call = call.named("code", digest).named("code_keep", keep.saturating_mul(1000));
        }
        Some(Spend::Token { digest, keep }) => {
            call = call.named("code", digest).named("code_keep", keep.saturating_mul(1000)).named("token", 1);
        }
        Some(Spend::TotpStep(step)) => call = call.named("step", step),
        None => {}
    }
    if let Some(tries) = &attempt.tries {
        call = call
            .named("wizard", tries.wizard.to_string())
            .named("tries_limit", tries.limit)
            .named("tries_keep", tries.keep.saturating_mul(1000));
    }
    call
}

fn with_writes(mut call: Call, write: &AccountWrite, now: DateTime<Utc>) -> Result<Call, StoreError> {
    if let Some(account) = &write.account {
        call = call.named("doc", to_json(account)?).named("doc_revision", account.revision);
    }
    if !write.changes.is_empty() {
        // JSON on one line each: no text in it holds a line feed that is not escaped.
        let lines: Vec<String> = write.changes.iter().map(to_json).collect::<Result<_, _>>()?;
        call = call.named("changes", lines.join("\n"));
    }
    if let Some(session) = &write.open_session {
        call = call
            .named("session", session.id.as_str())
            .named("session_head", record::session_head(session.revision, session.factor)?)
            .named("session_doc", to_json(session)?)
            .named("session_life", life(now, session.expires_at))
            .named("session_expires", millis(session.expires_at));
    }
    if let Some((session, factor)) = &write.proved {
        call = call.named("proved", session.as_str()).named("proved_by", to_json(&Some((factor, now)))?);
    }
    // No session has an empty name, so all but that one are all.
    match &write.end_sessions {
        Some(EndSessions::AllBut(keep)) => call = call.named("end_but", keep.as_str()),
        Some(EndSessions::All) => call = call.named("end_but", ""),
        None => {}
    }
    if let Some(SendBudget { channel, windows }) = &write.send {
        let windows: Vec<String> = windows.iter().map(|(seconds, sends)| format!("{seconds}:{sends}")).collect();
        call = call.named("channel", channel.as_str()).named("windows", windows.join(","));
    }
    Ok(call)
}

fn read_verdict(answer: &str) -> Result<Verdict, StoreError> {
    let (kind, rest) = answer.split_once('|').unwrap_or((answer, ""));
    match kind {
        "accepted" => Ok(Verdict::Accepted),
        "gone" => Ok(Verdict::Gone),
        "exhausted" => Ok(Verdict::Exhausted),
        "blocked" => Ok(Verdict::Blocked { until: read_time(rest)? }),
        "over" => Ok(Verdict::OverBudget { until: read_time(rest)? }),
        "stale" => Ok(Verdict::Stale(Box::new(record::read_account(rest)?))),
        "wrong" | "spent" => {
            let fields: Vec<&str> = rest.split('|').collect();
            let [left, until, exhausted] = fields[..] else { return Err(damaged("a verdict")) };
            let left = left.parse().map_err(|_| damaged("a verdict"))?;
            let blocked_until = optional_time(until)?;
            Ok(match kind {
                "wrong" => Verdict::Wrong { left, blocked_until, exhausted: exhausted == "1" },
                _ => Verdict::Spent { left, blocked_until },
            })
        }
        _ => Err(damaged("a verdict")),
    }
}

fn optional_time(text: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    if text.is_empty() { Ok(None) } else { read_time(text).map(Some) }
}

fn read_time(text: &str) -> Result<DateTime<Utc>, StoreError> {
    time(text.parse().map_err(|_| damaged("a time"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_is_read() {
        let until = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        assert_eq!(read_verdict("blocked|1700000000123").unwrap(), Verdict::Blocked { until });
        let wrong = Verdict::Wrong { left: 0, blocked_until: Some(until), exhausted: true };
        assert_eq!(read_verdict("wrong|0|1700000000123|1").unwrap(), wrong);
        let spent = Verdict::Spent { left: 4, blocked_until: None };
        assert_eq!(read_verdict("spent|4||0").unwrap(), spent);
        for broken in ["", "wrong|1", "blocked|soon", "wrong|x||0"] {
            assert!(matches!(read_verdict(broken), Err(StoreError::Damaged(_))), "{broken}");
        }
    }
}
