use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use super::Wording;
use super::provider::{Deadline, Failure, Provider};
use crate::engine::ports::{Address, Clock, Message, MessageKind};
use crate::identity::Locale;

/// Keeps messages in memory instead of sending them, for dev mode. Clones share one store.
#[derive(Clone)]
pub struct Outbox {
    kept: Arc<Mutex<VecDeque<OutboxMessage>>>,
    clock: Arc<dyn Clock>,
    wording: Arc<Wording>,
}

/// One kept message. `Debug` leaves out what only its reader may know.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxMessage {
    pub id: String,
    /// `sms` or `email`.
    pub channel: &'static str,
    /// The whole phone number or address.
    pub to: String,
    pub subject: Option<String>,
    pub text: String,
    /// `code` or `notice`.
    pub kind: &'static str,
    /// Of a message that brings one.
    pub code: Option<String>,
    /// The stable name of a notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<&'static str>,
    pub locale: Locale,
    #[serde(serialize_with = "micros")]
    pub sent_at: DateTime<Utc>,
}

impl fmt::Debug for OutboxMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxMessage").field("id", &self.id).field("channel", &self.channel).finish_non_exhaustive()
    }
}

impl Outbox {
    /// Messages that are kept; the oldest one goes when one more arrives.
    pub const KEPT: usize = 1_000;

    pub fn new(clock: Arc<dyn Clock>, wording: Arc<Wording>) -> Self {
        Outbox { kept: Arc::default(), clock, wording }
    }

    /// The kept messages, newest first: all of them, or those to exactly this number or address.
    pub fn messages(&self, to: Option<&str>) -> Vec<OutboxMessage> {
        self.lock().iter().rev().filter(|kept| to.is_none_or(|to| kept.to == to)).cloned().collect()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<OutboxMessage>> {
        // A push or a read that panicked half-way leaves the queue whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn word(&self, message: &Message) -> OutboxMessage {
        let (channel, to, subject, text) = match &message.to {
            Address::Phone(phone) => ("sms", phone.to_string(), None, self.wording.sms(message)),
            Address::Email(email) => {
                let letter = self.wording.letter(message);
                ("email", email.to_string(), Some(letter.subject), letter.text)
            }
        };
        let (kind, code, notice) = match &message.kind {
            MessageKind::Code { code, .. } => ("code", Some(code.expose().to_owned()), None),
            MessageKind::Notice { notice, .. } => ("notice", None, Some(notice.name())),
        };
        let (id, locale, sent_at) = (message.id.clone(), message.locale, self.clock.now());
        OutboxMessage { id, channel, to, subject, text, kind, code, notice, locale, sent_at }
    }
}

#[async_trait]
impl Provider for Outbox {
    fn name(&self) -> &'static str {
        "outbox"
    }

    async fn send(&self, message: &Message, _time: &Deadline) -> Result<(), Failure> {
        let worded = self.word(message);
        let mut kept = self.lock();
        if kept.len() == Outbox::KEPT {
            kept.pop_front();
        }
        kept.push_back(worded);
        Ok(())
    }
}

fn micros<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Chain;
    use crate::engine::ports::{Channel, Courier, Entropy, Notice};
    use crate::identity::{Code, Email, Factor, Phone};

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }
    impl Clock for Fixed {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp_micros(1_672_232_458_000_000).unwrap()
        }
    }

    fn message(id: usize, to: Address) -> Message {
        let kind = MessageKind::Code { code: Code::parse("012345", 6).unwrap(), minutes: 5 };
        Message { id: format!("m{id}"), to, locale: Locale::PtBr, kind }
    }

    #[tokio::test]
    async fn the_newest_thousand_are_kept_and_found_by_address() {
        let outbox = Outbox::new(Arc::new(Fixed), Arc::new(Wording::new("Stepgate")));
        let chain = Chain::new(Arc::new(Fixed)).with(Channel::Sms, outbox.clone()).with(Channel::Email, outbox.clone());
        let phone = Address::Phone(Phone::parse("+420601123456").unwrap());
        let email = Address::Email(Email::parse("demo@example.com").unwrap());
        chain.send(&message(0, email.clone())).await.unwrap();
        for id in 1..=Outbox::KEPT {
            chain.send(&message(id, phone.clone())).await.unwrap();
        }
        assert_eq!(outbox.messages(None).len(), Outbox::KEPT);
        assert_eq!(outbox.messages(None)[0].id, "m1000");
        assert!(outbox.messages(Some("demo@example.com")).is_empty(), "the oldest one went first");
        chain.send(&message(1001, email)).await.unwrap();
        let found = outbox.messages(Some("demo@example.com"));
        assert_eq!(found.len(), 1);
        assert!(!format!("{found:?}").contains("012345"));
        let json = serde_json::to_value(&found[0]).unwrap();
        assert_eq!(json["sentAt"], "2022-12-28T13:00:58.000000Z");
        assert_eq!((&json["code"], &json["locale"]), (&"012345".into(), &"pt-BR".into()));
        assert_eq!(json["channel"], "email");
        assert_eq!(json["subject"], "Seu código do Stepgate");
        assert_eq!((&json["kind"], json.get("notice")), (&"code".into(), None));
        outbox.clear();
        assert!(outbox.messages(None).is_empty());
    }
    #[tokio::test]
    async fn a_notice_has_a_stable_name_and_no_code() {
        let outbox = Outbox::new(Arc::new(Fixed), Arc::new(Wording::new("Stepgate")));
        let chain = Chain::new(Arc::new(Fixed)).with(Channel::Email, outbox.clone());
        let kind = MessageKind::Notice { notice: Notice::FactorDisabled(Factor::Sms), at: Fixed.now() };
        let to = Address::Email(Email::parse("demo@example.com").unwrap());
        chain.send(&Message { kind, ..message(1, to) }).await.unwrap();
        let json = serde_json::to_value(&outbox.messages(None)[0]).unwrap();
        assert_eq!((&json["kind"], &json["notice"]), (&"notice".into(), &"factor_disabled".into()));
        assert!(json["code"].is_null());
        assert!(json["text"].as_str().unwrap().contains("2022-12-28 13:00:58 UTC"), "{json}");
    }
}
