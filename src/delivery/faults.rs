use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::engine::ports::{Channel, Courier, Message, Receipt, SendFailure};

/// What goes wrong with a message, in dev mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No provider takes it.
    Refuse,
    /// The provider reads it and never answers: nothing arrives, and nobody knows.
    Hang,
    /// The provider takes it and its answer is lost: the message arrives, and nobody knows.
    Unknown,
}

/// A courier in front of the real one, in which faults can be switched on, for dev mode.
pub struct Faults {
    courier: Arc<dyn Courier>,
    sms: Lane,
    email: Lane,
}

struct Lane {
    /// What a hanging provider costs.
    deadline: Duration,
    switch: Mutex<Switch>,
}

/// What is switched on for a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switch {
    pub fault: Option<Fault>,
    /// For how many further messages; without an end when there is no number.
    pub times: Option<u32>,
}

impl Faults {
    /// The deadlines are those of the courier's channels.
    pub fn new(courier: Arc<dyn Courier>, sms: Duration, email: Duration) -> Self {
        let lane = |deadline| Lane { deadline, switch: Mutex::default() };
        Faults { courier, sms: lane(sms), email: lane(email) }
    }

    pub fn set(&self, channel: Channel, switch: Switch) {
        *self.lane(channel).lock() = if switch.times == Some(0) { Switch::default() } else { switch };
    }

    pub fn get(&self, channel: Channel) -> Switch {
        *self.lane(channel).lock()
    }

    fn lane(&self, channel: Channel) -> &Lane {
        match channel {
            Channel::Sms => &self.sms,
            Channel::Email => &self.email,
        }
    }
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, Switch> {
        self.switch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault of one message.
    fn next(&self) -> Option<Fault> {
        let mut switch = self.lock();
        let fault = switch.fault;
        if let (Some(_), Some(times)) = (fault, &mut switch.times) {
            *times -= 1;
            if *times == 0 {
                *switch = Switch::default();
            }
        }
        fault
    }
}

#[async_trait]
impl Courier for Faults {
    async fn send(&self, message: &Message) -> Result<Receipt, SendFailure> {
        let lane = self.lane(message.channel());
        match lane.next() {
            None => self.courier.send(message).await,
            Some(Fault::Refuse) => Err(SendFailure::Refused),
            Some(Fault::Hang) => {
                tokio::time::sleep(lane.deadline).await;
                Err(SendFailure::Unknown)
            }
            Some(Fault::Unknown) => self.courier.send(message).await.and(Err(SendFailure::Unknown)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;
    use crate::engine::ports::{Address, MessageKind};
    use crate::identity::{Code, Locale, Phone};

    #[derive(Default)]
    struct Real(AtomicUsize);
    #[async_trait]
    impl Courier for Real {
        async fn send(&self, _: &Message) -> Result<Receipt, SendFailure> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Receipt { provider: "real".into() })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_switch_holds_for_its_channel_and_its_times() {
        let real = Arc::new(Real::default());
        let faults = Faults::new(Arc::clone(&real) as _, Duration::from_secs(8), Duration::from_secs(9));
        let message = Message {
            id: "m".into(),
            to: Address::Phone(Phone::parse("+420601123456").unwrap()),
            locale: Locale::En,
            kind: MessageKind::Code { code: Code::parse("123456", 6).unwrap(), minutes: 5 },
        };
        let sent = || faults.send(&message);
        let on = |fault, times| faults.set(Channel::Sms, Switch { fault: Some(fault), times });
        faults.set(Channel::Email, Switch { fault: Some(Fault::Refuse), times: None });
        assert!(sent().await.is_ok());
        on(Fault::Refuse, Some(2));
        assert_eq!((sent().await, sent().await), (Err(SendFailure::Refused), Err(SendFailure::Refused)));
        assert_eq!(faults.get(Channel::Sms), Switch::default());
        assert!(sent().await.is_ok());
        assert_eq!(real.0.load(Ordering::SeqCst), 2);
        on(Fault::Unknown, Some(1));
        assert_eq!(sent().await, Err(SendFailure::Unknown));
        assert_eq!(real.0.load(Ordering::SeqCst), 3, "it went out");
        on(Fault::Hang, None);
        let began = Instant::now();
        assert_eq!((sent().await, sent().await), (Err(SendFailure::Unknown), Err(SendFailure::Unknown)));
        assert_eq!(Instant::now() - began, Duration::from_secs(16));
        assert_eq!(real.0.load(Ordering::SeqCst), 3, "it did not");
    }
}
