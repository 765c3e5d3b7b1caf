use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::ports::{
    Actor, Address, Event, EventKind, EventRange, EventSink, Message, MessageKind, Notice, StoredEvent,
};
use super::{Call, Engine, Refused};
use crate::identity::{Account, AccountId, Email, Method, SessionId, SurfaceName};
use crate::workflow::WizardId;

/// Events on their way to the stream and the sinks: those of a moment are written together.
#[derive(Default)]
pub struct Audit {
    waiting: Arc<Mutex<Vec<Event>>>,
    /// One batch is written at a time, so that the stream keeps the order.
    turn: Arc<tokio::sync::Mutex<()>>,
    sinks: Arc<Vec<Arc<dyn EventSink>>>,
}

impl Audit {
    pub fn new(sinks: Vec<Arc<dyn EventSink>>) -> Self {
        Audit { sinks: Arc::new(sinks), ..Audit::default() }
    }
}

/// An event being put together.
#[derive(Debug, Clone)]
#[must_use]
pub struct Happening(Event);

impl Happening {
    pub fn is(&self, kind: EventKind) -> bool {
        self.0.kind == kind
    }

    pub fn to(mut self, account: AccountId) -> Self {
        self.0.account = Some(account);
        self
    }

    pub fn by_operator(mut self) -> Self {
        self.0.actor = Actor::Operator;
        self
    }

    pub fn in_call(mut self, call: &Call) -> Self {
        self.0.request_id = Some(call.request_id.clone()).filter(|id| !id.is_empty());
        self.0.address.clone_from(&call.client.address);
        self.0.client.clone_from(&call.client.agent);
        if call.surface != SurfaceName::default() {
            self.0.details.insert("surface".to_owned(), call.surface.as_str().to_owned());
        }
        self
    }

    /// The session that it is about; one that was named before stays.
    pub fn session(mut self, session: &SessionId) -> Self {
        self.0.session.get_or_insert_with(|| session.clone());
        self
    }

    pub fn wizard(mut self, wizard: WizardId) -> Self {
        self.0.wizard = Some(wizard);
        self
    }

    pub fn method(mut self, method: impl Into<Method>) -> Self {
        self.0.method = Some(method.into());
        self
    }

    /// One more thing to know. Never a secret, a code or a whole address.
    pub fn detail(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.details.insert(name.to_owned(), value.into());
        self
    }
}

impl Engine {
    /// An event of this kind, now.
    pub fn happening(&self, kind: EventKind) -> Happening {
        Happening(Event {
            id: self.request().0,
            time: self.clock.now(),
            kind,
            account: None,
            actor: Actor::Person,
            request_id: None,
            address: None,
            client: None,
            session: None,
            wizard: None,
            method: None,
            details: BTreeMap::new(),
        })
    }

    /// Notes an event, behind the answer.
    pub fn note(&self, happening: Happening) {
        let (waiting, turn) = (Arc::clone(&self.audit.waiting), Arc::clone(&self.audit.turn));
        let (sinks, store, request) = (Arc::clone(&self.audit.sinks), Arc::clone(&self.store), self.request());
        waiting.lock().unwrap_or_else(PoisonError::into_inner).push(happening.0);
        self.errands.run("an event", async move {
            let _turn = turn.lock().await;
            let batch = std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if batch.is_empty() {
                return;
            }
            if let Err(error) = store.append_events(&request, &batch).await {
                for event in &batch {
                    let (kind, account) = (event.kind.as_str(), event.account.map(|id| id.0));
                    tracing::error!(%error, id = event.id, kind, account, "an event could not be written");
                }
            }
            for sink in sinks.iter() {
                sink.take(&batch).await;
            }
        });
    }

    /// Returns when what is done behind the answers is done, and every sink has delivered what it took; but no later
    /// than this. Whether all was done.
    pub async fn finish(&self, within: Duration) -> bool {
        let all = async {
            self.errands.idle().await;
            for sink in self.audit.sinks.iter() {
                sink.finish().await;
            }
        };
        tokio::time::timeout(within, all).await.is_ok()
    }

    /// A stretch of the stream.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn events(&self, range: &EventRange) -> Result<Vec<StoredEvent>, Refused> {
        Ok(self.store.events(range).await?)
    }

    /// Tells the owner by mail, behind the answer.
    pub fn tell_owner(&self, account: &Account, notice: Notice) {
        self.tell(account.email.clone(), account, notice);
    }

    /// Tells an address that was the account's own a moment ago.
    pub fn tell(&self, address: Email, account: &Account, notice: Notice) {
        let message = Message {
            id: self.request().0,
            to: Address::Email(address),
            locale: account.locale,
            kind: MessageKind::Notice { notice, at: self.clock.now() },
        };
        let (courier, id) = (Arc::clone(&self.courier), account.id);
        self.errands.run("a notice", async move {
            if let Err(error) = courier.send(&message).await {
                tracing::warn!(%error, account = %id, "the owner of an account could not be told of a change");
            }
        });
    }
}
